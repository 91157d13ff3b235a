//! Which incident an alert belongs to: its key, the time, and storms.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::health::Urgency;
use crate::ids::{AlertId, IncidentId, RegionId, ServiceId};
use crate::incident::channel::Channel;
use crate::incident::lifecycle::{Facts, Lifecycle, Phase, Reason};
use crate::incident::roles::Roles;
use crate::incident::severity::SeverityTrack;
use crate::incident::status::StatusPage;
use crate::time::Micros;

use super::{BookEvent, DedupKey, GroupBy, IncidentBook, IncidentRecord, JoinReason, StormPolicy};

/// Incidents were opened too fast to be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storm {
    /// The one that they are.
    pub(super) incident: IncidentId,
    /// When the last alert with a new key joined it.
    last_at: Micros,
}

impl IncidentBook {
    pub(super) fn alert_fired(
        &mut self,
        now: Micros,
        alert: AlertId,
        service: ServiceId,
        region: Option<RegionId>,
        urgency: Urgency,
    ) {
        let known = self.incident_of.get(&alert);
        if known.is_some_and(|id| self.incidents[id.index()].firing.contains(&alert)) {
            return;
        }
        let key = self.key(service, region);
        if let Some(id) = self.joinable(now, key) {
            self.join(now, id, alert, JoinReason::SameKey);
            return self.page_for(now, id, urgency);
        }
        if let Some(id) = self.storming(now) {
            self.join(now, id, alert, JoinReason::Storm);
            return self.page_for(now, id, urgency);
        }
        if let Some(id) = self.reopenable(now, key) {
            self.join(now, id, alert, JoinReason::SameKey);
            self.reopen(now, id, alert);
            return self.page_for(now, id, urgency);
        }
        self.open_incident(now, alert, key, (service, region), urgency);
    }

    pub(super) fn alert_resolved(&mut self, now: Micros, alert: AlertId) {
        let Some(id) = self.incident_of.get(&alert).copied() else {
            return;
        };
        if self.incidents[id.index()].firing.remove(&alert) {
            self.settle(now, id);
        }
    }

    /// Moves the alerts of one incident to another; the one is merged, and its alerts are joined.
    pub(super) fn merge(&mut self, now: Micros, id: IncidentId, into: IncidentId) {
        let from = &mut self.incidents[id.index()];
        let (alerts, firing) = (from.alerts.clone(), core::mem::take(&mut from.firing));
        from.merged_into = Some(into);
        let (impact, harmed) = (from.impact, from.ever_harmed);
        // An alert that fired again may be part of a third incident by now: it stays there.
        let own = |alert: &AlertId| self.incident_of.get(alert) == Some(&id);
        let alerts: Vec<_> = alerts.into_iter().filter(own).collect();
        for alert in alerts {
            let fires = firing.contains(&alert);
            self.join_as(into, alert, JoinReason::Merged, fires);
        }
        let target = &mut self.incidents[into.index()];
        target.ever_harmed |= harmed;
        // The worse of two measurements is closer to the truth until the next one comes.
        if target.impact.is_none_or(|known| known.is_none()) {
            target.impact = impact.or(target.impact);
        }
        let escalation = self.pager.escalation(id);
        let urgency = escalation.map_or(Urgency::Ticket, |found| found.urgency);
        self.settle(now, into);
        self.page_for(now, into, urgency);
    }

    fn key(&self, service: ServiceId, region: Option<RegionId>) -> DedupKey {
        match self.grouping.by {
            GroupBy::Everything => DedupKey::Everything,
            GroupBy::Team => DedupKey::Team(self.pager.roster().owner(service, region)),
            GroupBy::Service => DedupKey::Service(service),
            GroupBy::ServiceAndRegion => DedupKey::Place(service, region),
        }
    }

    /// The open incident that an alert with this key joins.
    fn joinable(&self, now: Micros, key: DedupKey) -> Option<IncidentId> {
        let fits = |record: &&IncidentRecord| {
            let young = |within| now - record.last_alert_at <= within;
            record.key == key && self.grouping.join_within.is_none_or(young)
        };
        self.open().filter(fits).last().map(|record| record.id)
    }

    /// The incident that an alert with a new key joins because of a storm. The storm begins here
    /// when one more incident would be too many: the recent ones are merged into the first.
    fn storming(&mut self, now: Micros) -> Option<IncidentId> {
        let policy = self.grouping.storm?;
        if self
            .storm
            .is_none_or(|storm| now - storm.last_at > policy.within)
        {
            self.storm = None;
            self.begin_storm(now, policy)?;
        }
        let storm = self.storm.as_mut()?;
        storm.last_at = now;
        Some(storm.incident)
    }

    fn begin_storm(&mut self, now: Micros, policy: StormPolicy) -> Option<()> {
        let recent: Vec<_> = self
            .open()
            .filter(|record| now - record.opened_at() <= policy.within)
            .map(|record| record.id)
            .collect();
        if (recent.len() as u32) < policy.incidents_max.max(1) {
            return None;
        }
        let (first, rest) = recent.split_first()?;
        self.storm = Some(Storm {
            incident: *first,
            last_at: now,
        });
        for id in rest {
            let flow = self.flow;
            let record = &mut self.incidents[id.index()];
            let facts = Facts {
                other_open: true,
                ..record.facts(now, &flow)
            };
            // One that is already mitigated is left alone.
            let reason = Reason::Duplicate(*first);
            if let Ok(moved) = record.go_with(now, Phase::Merged, reason, &facts) {
                self.tell(BookEvent::Moved(*id, moved));
                self.merge(now, *id, *first);
                self.moved(now, *id);
            }
        }
        Some(())
    }

    fn reopenable(&self, now: Micros, key: DedupKey) -> Option<IncidentId> {
        let within = self.grouping.reopen_within?;
        let resolved_at = |record: &IncidentRecord| {
            let moves = record.lifecycle.moves().iter().rev();
            moves
                .clone()
                .find(|moved| moved.to == Phase::Resolved)
                .map(|moved| moved.at)
        };
        let over = self.incidents.iter().rev().find(|record| {
            let phase = record.lifecycle.phase();
            let resolved = matches!(phase, Phase::Resolved | Phase::Review | Phase::Closed);
            resolved && record.key == key
        })?;
        (now - resolved_at(over)? <= within).then_some(over.id)
    }

    fn reopen(&mut self, now: Micros, id: IncidentId, alert: AlertId) {
        let flow = self.flow;
        let moved = self.incidents[id.index()]
            .go(now, Phase::Detected, Reason::AlertFired(alert), &flow)
            .expect("it was resolved, and an alert fires");
        self.tell(BookEvent::Moved(id, moved));
        self.moved(now, id);
    }

    fn open_incident(
        &mut self,
        now: Micros,
        alert: AlertId,
        key: DedupKey,
        (service, region): (ServiceId, Option<RegionId>),
        urgency: Urgency,
    ) {
        let id = IncidentId(self.incidents.len() as u32);
        let team = self.pager.roster().owner(service, region);
        self.incidents.push(IncidentRecord {
            id,
            key,
            service,
            region,
            alerts: alloc::vec![alert],
            last_alert_at: now,
            lifecycle: Lifecycle::new(now),
            severity: SeverityTrack::new(self.severity),
            roles: Roles::default(),
            channel: Channel::default(),
            status: self
                .status
                .iter()
                .map(|(audience, policy)| StatusPage::new(*audience, *policy))
                .collect(),
            impact: None,
            actions: Vec::new(),
            merged_into: None,
            firing: BTreeSet::from([alert]),
            ever_harmed: false,
            seen_by: None,
            cause_named_by: None,
            action: None,
            reviewed: false,
        });
        self.open.insert(id);
        self.incident_of.insert(alert, id);
        self.tell(BookEvent::Opened {
            incident: id,
            alert,
            team,
        });
        self.pager
            .open(now, id, team, urgency)
            .expect("the incident is new and the roster was checked");
        self.drain_pager(now);
    }

    fn join(&mut self, now: Micros, id: IncidentId, alert: AlertId, why: JoinReason) {
        self.join_as(id, alert, why, true);
        self.incidents[id.index()].last_alert_at = now;
        if self.open.contains(&id) {
            self.settle(now, id);
        }
    }

    fn join_as(&mut self, id: IncidentId, alert: AlertId, why: JoinReason, fires: bool) {
        let record = &mut self.incidents[id.index()];
        if fires {
            record.firing.insert(alert);
        }
        if self.incident_of.insert(alert, id) != Some(id) {
            record.alerts.push(alert);
            self.tell(BookEvent::Joined {
                incident: id,
                alert,
                why,
            });
        }
    }

    fn page_for(&mut self, now: Micros, id: IncidentId, urgency: Urgency) {
        if self.open.contains(&id) {
            self.pager
                .raise(now, id, urgency)
                .expect("it is open, so the pager has it");
            self.drain_pager(now);
        }
    }
}
