//! The small desk: at most one open incident gathers alerts, pages somebody and pages again until
//! it is acknowledged.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, IncidentId, PageId};
use crate::time::Micros;

/// How people are paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagingPolicy {
    /// How long a page may stay unacknowledged before the next one goes out.
    pub acknowledge_within: Micros,
    /// How many pages an incident sends before it gives up; at least one.
    pub pages_max: u32,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Somebody is being paged.
    Triggered,
    /// Somebody has it in hand.
    Acknowledged,
    /// None of its alerts fires any more; the end.
    Resolved,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// Where it stands.
    pub state: IncidentState,
    /// When it was opened.
    pub opened_at: Micros,
    /// Its alerts, in the order in which they came.
    pub alerts: Vec<AlertId>,
    /// Those that still fire.
    firing: Vec<AlertId>,
    /// Pages sent.
    pages: Vec<PageId>,
    page_again_at: Option<Micros>,
}

/// What an incident wants done, or wants known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentEvent {
    /// An alert opened it.
    Opened(IncidentId, AlertId),
    /// Another alert joined it.
    Joined(IncidentId, AlertId),
    /// Page somebody.
    Page {
        /// The incident.
        incident: IncidentId,
        /// The page.
        page: PageId,
        /// One for the first page of the incident, and so on.
        attempt: u32,
    },
    /// Nobody acknowledged the last page either.
    GaveUp(IncidentId),
    /// Somebody acknowledged.
    Acknowledged(IncidentId, PageId),
    /// No alert of it fires any more.
    Resolved(IncidentId),
}

/// All incidents. At most one is open: what fires while it is open joins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentDesk {
    policy: PagingPolicy,
    incidents: Vec<Incident>,
    next_page: u32,
    events: VecDeque<IncidentEvent>,
}

impl IncidentDesk {
    /// A desk without incidents.
    #[must_use]
    pub const fn new(policy: PagingPolicy) -> Self {
        Self {
            policy,
            incidents: Vec::new(),
            next_page: 0,
            events: VecDeque::new(),
        }
    }

    /// The open incident.
    #[must_use]
    pub fn open(&self) -> Option<&Incident> {
        self.incidents
            .last()
            .filter(|incident| incident.state != IncidentState::Resolved)
    }

    /// The incident with this id.
    #[must_use]
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.incidents.get(id.index())
    }

    /// Takes note of a paging alert.
    pub fn alert_fired(&mut self, now: Micros, alert: AlertId) {
        if let Some(index) = self.open_index() {
            let incident = &mut self.incidents[index];
            incident.firing.push(alert);
            if !incident.alerts.contains(&alert) {
                incident.alerts.push(alert);
                self.events
                    .push_back(IncidentEvent::Joined(incident.id, alert));
            }
            return;
        }
        let id = IncidentId(self.incidents.len() as u32);
        self.incidents.push(Incident {
            id,
            state: IncidentState::Triggered,
            opened_at: now,
            alerts: alloc::vec![alert],
            firing: alloc::vec![alert],
            pages: Vec::new(),
            page_again_at: None,
        });
        self.events.push_back(IncidentEvent::Opened(id, alert));
        self.page(now, id.index());
    }

    /// Takes note that an alert stopped.
    pub fn alert_resolved(&mut self, alert: AlertId) {
        let Some(index) = self.open_index() else {
            return;
        };
        let incident = &mut self.incidents[index];
        incident.firing.retain(|firing| *firing != alert);
        if incident.firing.is_empty() {
            incident.state = IncidentState::Resolved;
            incident.page_again_at = None;
            self.events.push_back(IncidentEvent::Resolved(incident.id));
        }
    }

    /// Takes note that somebody acknowledged a page. Acknowledging twice, or late, does nothing.
    /// Returns whether the page exists.
    pub fn acknowledged(&mut self, page: PageId) -> bool {
        let owner = self
            .incidents
            .iter_mut()
            .find(|incident| incident.pages.contains(&page));
        let Some(incident) = owner else { return false };
        if incident.state == IncidentState::Triggered {
            incident.state = IncidentState::Acknowledged;
            incident.page_again_at = None;
            self.events
                .push_back(IncidentEvent::Acknowledged(incident.id, page));
        }
        true
    }

    /// What happened, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<IncidentEvent> {
        self.events.pop_front()
    }

    /// When the next page is due if nobody acknowledges.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.incidents
            .last()
            .and_then(|incident| incident.page_again_at)
    }

    /// Pages again where a page went unacknowledged. Early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Micros) {
        let Some(index) = self.open_index() else {
            return;
        };
        if self.incidents[index]
            .page_again_at
            .is_some_and(|due| due <= now)
        {
            self.page(now, index);
        }
    }

    fn open_index(&self) -> Option<usize> {
        self.open().map(|incident| incident.id.index())
    }

    fn page(&mut self, now: Micros, index: usize) {
        let incident = &mut self.incidents[index];
        if incident.pages.len() as u32 >= self.policy.pages_max.max(1) {
            incident.page_again_at = None;
            self.events.push_back(IncidentEvent::GaveUp(incident.id));
            return;
        }
        let page = PageId(self.next_page);
        self.next_page += 1;
        incident.pages.push(page);
        incident.page_again_at = Some(now + self.policy.acknowledge_within);
        let attempt = incident.pages.len() as u32;
        self.events.push_back(IncidentEvent::Page {
            incident: incident.id,
            page,
            attempt,
        });
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn desk() -> IncidentDesk {
        IncidentDesk::new(PagingPolicy {
            acknowledge_within: Micros::from_mins(5),
            pages_max: 3,
        })
    }

    fn drain(desk: &mut IncidentDesk) -> Vec<IncidentEvent> {
        core::iter::from_fn(|| desk.poll_event()).collect()
    }

    #[test]
    fn pages_until_somebody_acknowledges() {
        let mut desk = desk();
        let id = IncidentId(0);
        desk.alert_fired(Micros::ZERO, AlertId(0));
        assert_eq!(drain(&mut desk).len(), 2);
        assert_eq!(desk.poll_timeout(), Some(Micros::from_mins(5)));
        desk.handle_timeout(Micros::from_mins(4));
        assert_eq!(drain(&mut desk), []);
        desk.handle_timeout(Micros::from_mins(5));
        let page = IncidentEvent::Page {
            incident: id,
            page: PageId(1),
            attempt: 2,
        };
        assert_eq!(drain(&mut desk), [page]);
        assert!(desk.acknowledged(PageId(0)), "an old page counts too");
        assert!(desk.acknowledged(PageId(1)), "twice is once");
        assert_eq!(
            drain(&mut desk),
            [IncidentEvent::Acknowledged(id, PageId(0))]
        );
        assert_eq!(desk.poll_timeout(), None);
        desk.alert_resolved(AlertId(0));
        assert_eq!(drain(&mut desk), [IncidentEvent::Resolved(id)]);
        assert!(!desk.acknowledged(PageId(9)));
    }

    #[test]
    fn gives_up_in_the_end() {
        let mut desk = desk();
        desk.alert_fired(Micros::ZERO, AlertId(0));
        while let Some(due) = desk.poll_timeout() {
            desk.handle_timeout(due);
        }
        assert_eq!(
            drain(&mut desk).last(),
            Some(&IncidentEvent::GaveUp(IncidentId(0)))
        );
    }

    #[test]
    fn what_fires_meanwhile_joins() {
        let mut desk = desk();
        desk.alert_fired(Micros::ZERO, AlertId(0));
        desk.alert_fired(Micros(1), AlertId(1));
        desk.alert_resolved(AlertId(0));
        assert_eq!(
            desk.open().map(|incident| incident.alerts.clone()),
            Some(vec![AlertId(0), AlertId(1)])
        );
        desk.alert_resolved(AlertId(1));
        assert_eq!(desk.open(), None);
        desk.alert_fired(Micros(2), AlertId(1));
        assert_eq!(desk.open().map(|incident| incident.id), Some(IncidentId(1)));
    }
}
