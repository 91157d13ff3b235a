//! Posts to status pages: whoever commands an incident writes what its readers are owed.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::ids::{IncidentId, PersonId};
use firedrill_core::incident::{Audience, PostKind, StatusPage};
use firedrill_core::plane::{Input, Saying};

use crate::log::ToolPurpose;
use crate::spec::ToolKind;

use super::driver::{Driver, Next};
use super::surroundings::Surroundings;
use super::tools::Wish;

/// Posts that are being written or sent.
#[derive(Debug, Default)]
pub(super) struct Posting {
    at_it: BTreeSet<(IncidentId, Audience)>,
    /// Posts that were begun.
    begun: u64,
    /// The event that moved each incident last.
    moved: BTreeMap<IncidentId, u64>,
}

impl Posting {
    pub(super) fn incident_moved(&mut self, incident: IncidentId, event: u64) {
        self.moved.insert(incident, event);
    }
}

impl<W: Surroundings> Driver<'_, W> {
    /// Whoever commands an incident begins with the posts that are owed.
    pub(super) fn write_posts(&mut self) {
        let Some(status) = &self.scenario.status else {
            return;
        };
        let (writing, reminded) = (status.writing, status.reminded);
        let owed = |page: &StatusPage| Some((page.audience(), page.owed()?));
        let incidents = self.plane.incidents().incidents().iter();
        let owed: Vec<_> = incidents
            .filter(|record| record.roles.commander().is_some())
            .flat_map(|record| {
                let pages = record.status.iter().filter_map(owed);
                pages.map(|(audience, post)| ((record.id, audience), post))
            })
            .collect();
        for (post, (kind, due)) in owed {
            if !self.posting.at_it.insert(post) {
                continue;
            }
            let begin = match kind {
                PostKind::First | PostKind::Final => self.now,
                PostKind::Update => (due - reminded).max(self.now),
            };
            let took = self.people.writes(writing, self.posting.begun);
            self.posting.begun += 1;
            self.queue.push(begin + took, Next::Post(post));
        }
    }

    /// A post is written, and goes to the page.
    pub(super) fn post_written(&mut self, (incident, audience): (IncidentId, Audience)) {
        let because = self.posting.moved.get(&incident).copied();
        let purpose = ToolPurpose::Post(incident, audience);
        let wish = Wish::Post(incident, audience);
        self.wish(
            ToolKind::StatusPage,
            purpose,
            (wish, because.unwrap_or_default()),
        );
    }

    /// A post is on its page, if it still says anything.
    pub(super) fn posted(&mut self, incident: IncidentId, audience: Audience, because: u64) {
        self.posting.at_it.remove(&(incident, audience));
        let Some(by) = self.writer(incident, audience) else {
            return;
        };
        let saying = Saying::StatusPosted { audience };
        let input = Input::Said {
            incident,
            by,
            saying,
        };
        self.tell(input, Some(because));
    }

    /// Who commands an incident of which something is owed to these readers.
    fn writer(&self, incident: IncidentId, audience: Audience) -> Option<PersonId> {
        let record = self.plane.incidents().incident(incident)?;
        let mut pages = record.status.iter();
        let page = pages.find(|page| page.audience() == audience)?;
        page.owed()?;
        record.roles.commander()
    }
}
