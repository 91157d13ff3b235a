//! Many incidents at once: alerts join the right one or open a new one, and each is paged for,
//! moves on, changes severity and ends.
//!
//! ```text
//! book.handle(now, input)?;
//! while let Some(event) = book.poll_event() { /* page, tell */ }
//! let wake = book.poll_timeout();
//! ```
//!
//! What is due is handled at its due time, also when the driver comes late, so a book is a
//! function of its inputs.

mod input;
mod joining;
mod people;
mod record;
mod setup;
mod telling;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

pub use input::{BookError, BookEvent, BookInput, JoinReason};
pub use record::{DedupKey, IncidentRecord};
pub use setup::{BookSetup, FlowPolicy, GroupBy, Grouping, StormPolicy};

use crate::ids::{AlertId, IncidentId, PageId};
use crate::time::Micros;

use super::channel::Said;
use super::ownership::Roster;
use super::page::PagerEvent;
use super::pager::Pager;
use super::severity::SeverityPolicy;
use super::status::{Audience, StatusPage, StatusPolicy};

use joining::Storm;

/// The incidents of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentBook {
    grouping: Grouping,
    severity: SeverityPolicy,
    flow: FlowPolicy,
    status: Vec<(Audience, StatusPolicy)>,
    pager: Pager,
    now: Micros,
    /// By [`IncidentId`].
    incidents: Vec<IncidentRecord>,
    /// Those that people still work on.
    open: BTreeSet<IncidentId>,
    /// Those to whose readers a post is owed.
    posting: BTreeSet<IncidentId>,
    /// The incident that an alert is or was part of last.
    incident_of: BTreeMap<AlertId, IncidentId>,
    storm: Option<Storm>,
    events: VecDeque<BookEvent>,
}

impl IncidentBook {
    /// A book without incidents.
    #[must_use]
    pub fn new(setup: BookSetup) -> Self {
        Self {
            grouping: setup.grouping,
            severity: setup.severity,
            flow: setup.flow,
            status: setup.status,
            pager: Pager::new(setup.roster),
            now: Micros::ZERO,
            incidents: Vec::new(),
            open: BTreeSet::new(),
            posting: BTreeSet::new(),
            incident_of: BTreeMap::new(),
            storm: None,
            events: VecDeque::new(),
        }
    }

    /// The incident with this id.
    #[must_use]
    pub fn incident(&self, id: IncidentId) -> Option<&IncidentRecord> {
        self.incidents.get(id.index())
    }

    /// Every incident, in the order in which they were opened.
    #[must_use]
    pub fn incidents(&self) -> &[IncidentRecord] {
        &self.incidents
    }

    /// Those that people still work on, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &IncidentRecord> {
        self.open.iter().map(|id| &self.incidents[id.index()])
    }

    /// Pages, and where the paging of each incident stands.
    #[must_use]
    pub const fn pager(&self) -> &Pager {
        &self.pager
    }

    /// Changes who is paged; see [`Pager::set_roster`].
    pub fn set_roster(&mut self, roster: Roster) {
        self.pager.set_roster(roster);
    }

    /// Takes note of something that happened.
    ///
    /// # Errors
    ///
    /// [`BookError`]; nothing but time has changed, and no time for [`BookError::Earlier`].
    pub fn handle(&mut self, now: Micros, input: BookInput) -> Result<(), BookError> {
        if now < self.now {
            return Err(BookError::Earlier {
                now: self.now,
                at: now,
            });
        }
        self.handle_timeout(now);
        match input {
            BookInput::AlertFired {
                alert,
                service,
                region,
                urgency,
            } => {
                self.alert_fired(now, alert, service, region, urgency);
                Ok(())
            }
            BookInput::AlertResolved { alert } => {
                self.alert_resolved(now, alert);
                Ok(())
            }
            BookInput::PageAcknowledged { page } => self.page_acknowledged(now, page),
            BookInput::Taken { .. }
            | BookInput::ImpactMeasured { .. }
            | BookInput::SeverityDecided { .. }
            | BookInput::Declared { .. }
            | BookInput::RoleAssumed { .. }
            | BookInput::RoleOffered { .. }
            | BookInput::RoleAnswered { .. }
            | BookInput::RoleReleased { .. }
            | BookInput::CauseNamed { .. }
            | BookInput::SearchResumed { .. }
            | BookInput::ActionBegun { .. }
            | BookInput::Rerouted { .. }
            | BookInput::Merged { .. }
            | BookInput::Cancelled { .. }
            | BookInput::Said { .. }
            | BookInput::Posted { .. }
            | BookInput::Reviewed { .. } => self.person(now, input),
        }
    }

    /// What happened, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<BookEvent> {
        self.events.pop_front()
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        let own = self.waiting().filter_map(|record| self.record_due(record));
        own.chain(self.pager.poll_timeout()).min()
    }

    /// Handles what is due, at its due time; at equal times pages come first, then incidents by
    /// id. Early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Micros) {
        while let Some(due) = self.poll_timeout().filter(|due| *due <= now) {
            // A driver may have come late, but time never goes back.
            let at = due.max(self.now);
            self.now = at;
            self.pager.handle_timeout(at);
            self.drain_pager(at);
            let late: Vec<_> = self
                .waiting()
                .filter(|record| self.record_due(record).is_some_and(|due| due <= at))
                .map(|record| record.id)
                .collect();
            for id in late {
                if self.open.contains(&id) {
                    self.with_severity(id, |record| {
                        record.severity.handle_timeout(at);
                    });
                }
                self.tell_misses(at, id);
                self.settle(at, id);
            }
        }
        self.now = self.now.max(now);
    }

    /// Those that may wait for something: open ones, and those whose readers are owed the end.
    fn waiting(&self) -> impl Iterator<Item = &IncidentRecord> {
        let ids = self.open.union(&self.posting);
        ids.map(|id| &self.incidents[id.index()])
    }

    fn record_due(&self, record: &IncidentRecord) -> Option<Micros> {
        let quiet = record.quiet_until(&self.flow);
        let severity = record.severity.poll_timeout().filter(|_| record.is_open());
        let status = record.status.iter().filter_map(StatusPage::poll_timeout);
        status.chain(quiet).chain(severity).min()
    }

    fn page_acknowledged(&mut self, now: Micros, page: PageId) -> Result<(), BookError> {
        self.pager.page_acknowledged(now, page)?;
        self.drain_pager(now);
        Ok(())
    }

    /// Passes on what the pager says; who acknowledged has seen the incident.
    fn drain_pager(&mut self, now: Micros) {
        while let Some(event) = self.pager.poll_event() {
            self.tell(BookEvent::Pager(event));
            if let PagerEvent::Acknowledged(id, by) = event {
                self.incidents[id.index()].seen_by.get_or_insert(by);
                self.settle(now, id);
            }
        }
    }

    /// Lets an incident make every move that it makes by itself.
    fn settle(&mut self, now: Micros, id: IncidentId) {
        let flow = self.flow;
        while let Some((to, reason)) = self.incidents[id.index()].next_move(now, &flow) {
            let moved = self.incidents[id.index()]
                .go(now, to, reason, &flow)
                .expect("it only makes moves whose guard holds");
            self.tell(BookEvent::Moved(id, moved));
            self.moved(now, id);
        }
        self.sync_status(now, id);
    }

    /// Keeps the list of open incidents and the pager in step with the phase.
    fn moved(&mut self, now: Micros, id: IncidentId) {
        let phase = self.incidents[id.index()].lifecycle.phase();
        if phase.is_open() {
            let reopened = self.open.insert(id);
            if reopened {
                self.pager.reopened(now, id).expect("it was over until now");
                self.drain_pager(now);
            }
        } else if self.open.remove(&id) {
            self.pager.resolved(now, id).expect("it was open until now");
            self.drain_pager(now);
            if self.storm.is_some_and(|storm| storm.incident == id) {
                self.storm = None;
            }
        }
        self.sync_status(now, id);
    }

    /// Runs something that may change the severity, and tells every change.
    fn with_severity(&mut self, id: IncidentId, act: impl FnOnce(&mut IncidentRecord)) {
        let record = &mut self.incidents[id.index()];
        let before = record.severity.changes().len();
        act(record);
        let changes = record.severity.changes()[before..].to_vec();
        for change in changes {
            self.tell(BookEvent::Severity(id, change));
        }
    }

    /// Says something, and writes it into the incident's channel.
    fn tell(&mut self, event: BookEvent) {
        let record = &mut self.incidents[event.incident().index()];
        record.channel.write(self.now, Said::Happened(event));
        self.events.push_back(event);
    }

    fn record(&self, id: IncidentId) -> Result<&IncidentRecord, BookError> {
        self.incident(id).ok_or(BookError::UnknownIncident(id))
    }
}
