//! Users who complain, and somebody who passes it on when nobody is at work on it: the last way
//! in which an outage is found.

use std::collections::VecDeque;

use firedrill_core::Micros;
use firedrill_core::ids::{IncidentId, PageId, ServiceId};
use firedrill_core::plane::Input;

use crate::log::{Actor, PersonEvent};

use super::driver::{Driver, Next};
use super::surroundings::Surroundings;

/// What support has heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Reports by the end of their interval, oldest first.
    reports: VecDeque<(Micros, u32)>,
    /// Whether they have called, or are about to.
    called: bool,
    calls: u64,
    /// Whether the core was told of trouble that goes on.
    reported: bool,
}

impl<W: Surroundings> Driver<'_, W> {
    /// Support counts what users reported over the interval that ends now.
    pub(super) fn hear_users(&mut self, reports: u32) {
        let Some(support) = self.scenario.support else {
            return;
        };
        let now = self.now;
        self.heard.reports.push_back((now, reports));
        while let Some((at, _)) = self.heard.reports.front()
            && *at + support.within <= now
        {
            self.heard.reports.pop_front();
        }
        let many = self.lately() >= support.reports_min;
        if many && !self.heard.called && self.answered.is_empty() {
            self.heard.called = true;
            let after = self.people.call(support.calls, self.heard.calls);
            self.heard.calls += 1;
            self.queue.push(now + after, Next::Called);
        }
        if !many {
            self.heard.called = false;
            if std::mem::take(&mut self.heard.reported) {
                self.tell(Input::TroubleEnded, None);
            }
        }
    }

    fn lately(&self) -> u32 {
        self.heard.reports.iter().map(|(_, count)| count).sum()
    }

    /// Support reaches whoever is on call. An incident that nobody has in hand is taken; without
    /// one, one is opened.
    pub(super) fn called(&mut self) {
        if !self.answered.is_empty() {
            return;
        }
        let reports = self.lately();
        let body = PersonEvent::TroubleTold { reports };
        let because = self.causes.harm_started.into_iter().collect();
        let told = self
            .log
            .push(self.now, Actor::OnCall, "users", because, body);
        if self.plane.incidents().open().next().is_none() {
            let input = Input::TroubleReported {
                service: self.entrance(),
                by: self.scenario.on_call.principal.clone(),
            };
            self.heard.reported = true;
            self.tell(input, Some(told));
        }
        if let Some((incident, page)) = self.unanswered() {
            self.answered.insert(incident);
            self.answer(page, told);
        }
    }

    /// The service that users see: the first one that the first class of requests comes to.
    fn entrance(&self) -> ServiceId {
        let classes = &self.scenario.fleet.classes;
        let first = classes.iter().find_map(|class| class.path.first());
        first.copied().unwrap_or_default()
    }

    /// The oldest open incident with its newest page, delivered or not.
    fn unanswered(&self) -> Option<(IncidentId, PageId)> {
        let incidents = self.plane.incidents();
        let incident = incidents.open().next()?.id;
        let mut pages = incidents.pager().pages().iter().rev();
        let page = pages.find(|page| page.incident == incident)?.id;
        Some((incident, page))
    }
}
