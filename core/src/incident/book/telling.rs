//! What is said about an incident: in its channel, and to those outside.

use alloc::vec::Vec;

use crate::ids::{IncidentId, PersonId};
use crate::incident::channel::{Remark, Said};
use crate::incident::lifecycle::Phase;
use crate::incident::status::Audience;
use crate::time::Micros;

use super::{BookError, BookEvent, IncidentBook};

impl IncidentBook {
    /// People talk of an incident also when it is over.
    pub(super) fn said(
        &mut self,
        now: Micros,
        id: IncidentId,
        by: PersonId,
        remark: Remark,
    ) -> Result<(), BookError> {
        self.record(id)?;
        let channel = &mut self.incidents[id.index()].channel;
        channel.write(now, Said::Remark(by, remark));
        Ok(())
    }

    pub(super) fn posted(
        &mut self,
        now: Micros,
        id: IncidentId,
        audience: Audience,
        by: PersonId,
    ) -> Result<(), BookError> {
        self.record(id)?;
        let mut pages = self.incidents[id.index()].status.iter_mut();
        let post = pages
            .find(|page| page.audience() == audience)
            .and_then(|page| page.posted(now, by))
            .ok_or(BookError::NothingOwed(id))?;
        self.tell(BookEvent::Posted(id, post));
        self.sync_status(now, id);
        Ok(())
    }

    /// Notes the posts that were due before `now`.
    pub(super) fn tell_misses(&mut self, now: Micros, id: IncidentId) {
        let mut misses = Vec::new();
        for page in &mut self.incidents[id.index()].status {
            let before = page.misses().len();
            page.handle_timeout(now);
            misses.extend_from_slice(&page.misses()[before..]);
        }
        for miss in misses {
            self.tell(BookEvent::StatusMissed(id, miss));
        }
    }

    /// Keeps what is owed to readers in step with the phase and the severity.
    pub(super) fn sync_status(&mut self, now: Micros, id: IncidentId) {
        let record = &mut self.incidents[id.index()];
        let phase = record.lifecycle.phase();
        let declared = phase.is_open() && record.lifecycle.is_declared();
        for page in &mut record.status {
            match phase {
                Phase::Merged => page.end(),
                Phase::Resolved | Phase::Review | Phase::Closed | Phase::Cancelled => {
                    page.over(now);
                }
                Phase::Detected
                | Phase::Triaged
                | Phase::Declared
                | Phase::Investigating
                | Phase::Identified
                | Phase::Mitigating
                | Phase::Mitigated
                | Phase::Monitoring => {
                    if let Some(severity) = record.severity.severity().filter(|_| declared) {
                        page.begin(now, severity);
                    }
                }
            }
        }
        if record.status.iter().any(|page| page.owed().is_some()) {
            self.posting.insert(id);
        } else {
            self.posting.remove(&id);
        }
    }
}
