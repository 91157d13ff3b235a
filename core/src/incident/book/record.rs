//! One incident: everything that is known of it, and how it moves on by itself.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::ids::{ActionId, AlertId, IncidentId, PersonId, RegionId, ServiceId, TeamId};
use crate::incident::channel::Channel;
use crate::incident::lifecycle::{Facts, Lifecycle, MoveError, Moved, Phase, Reason};
use crate::incident::roles::Roles;
use crate::incident::severity::{Impact, SeverityTrack};
use crate::incident::status::StatusPage;
use crate::time::Micros;

use super::setup::FlowPolicy;

/// Which alerts belong to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DedupKey {
    /// All.
    Everything,
    /// Those of a team.
    Team(TeamId),
    /// Those of a service.
    Service(ServiceId),
    /// Those of a service in a region, or in a region that is not known.
    Place(ServiceId, Option<RegionId>),
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRecord {
    /// Its id.
    pub id: IncidentId,
    /// Which alerts join it.
    pub key: DedupKey,
    /// The service of its first alert.
    pub service: ServiceId,
    /// The region of its first alert, if it knew.
    pub region: Option<RegionId>,
    /// Its alerts, in the order in which they came.
    pub alerts: Vec<AlertId>,
    /// When the last of them fired.
    pub last_alert_at: Micros,
    /// Its phases.
    pub lifecycle: Lifecycle,
    /// Its severity.
    pub severity: SeverityTrack,
    /// Who does what.
    pub roles: Roles,
    /// What happened and what was said.
    pub channel: Channel,
    /// What those outside are told.
    pub status: Vec<StatusPage>,
    /// What users feel, as measured last.
    pub impact: Option<Impact>,
    /// What was done about it.
    pub actions: Vec<ActionId>,
    /// The incident that it is part of.
    pub merged_into: Option<IncidentId>,
    /// Those that still fire.
    pub(super) firing: BTreeSet<AlertId>,
    pub(super) ever_harmed: bool,
    pub(super) seen_by: Option<PersonId>,
    pub(super) cause_named_by: Option<PersonId>,
    /// The last action since the search began or began again.
    pub(super) action: Option<ActionId>,
    pub(super) reviewed: bool,
}

impl IncidentRecord {
    /// When it was detected first.
    #[must_use]
    pub fn opened_at(&self) -> Micros {
        self.lifecycle
            .first(Phase::Detected)
            .expect("it begins with its detection")
    }

    /// Whether people still work on it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.lifecycle.phase().is_open()
    }

    /// Whether an alert of it fires.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        !self.firing.is_empty()
    }

    /// Whether somebody is harmed: as measured, or, before anybody measured, while an alert fires.
    #[must_use]
    pub fn is_harming(&self) -> bool {
        self.impact
            .map_or(self.is_firing(), |impact| !impact.is_none())
    }

    /// When it gets the all-clear, if it stays quiet.
    pub(super) fn quiet_until(&self, flow: &FlowPolicy) -> Option<Micros> {
        let monitoring = self.lifecycle.phase() == Phase::Monitoring;
        (monitoring && !self.is_harming() && !self.is_firing())
            .then(|| self.lifecycle.since() + flow.monitor_for)
    }

    pub(super) fn facts(&self, now: Micros, flow: &FlowPolicy) -> Facts {
        let severe = |from| self.severity.peak().is_some_and(|peak| peak <= from);
        Facts {
            seen: self.seen_by.is_some(),
            severity_known: self.severity.severity().is_some(),
            commander: self.roles.commander().is_some(),
            cause_named: self.cause_named_by.is_some(),
            action_begun: self.action.is_some(),
            harm: self.is_harming(),
            ever_harmed: self.ever_harmed,
            firing: self.is_firing(),
            quiet_for_long: self.quiet_until(flow).is_some_and(|until| until <= now),
            review_wanted: flow.review_from.is_some_and(severe),
            review_done: self.reviewed,
            other_open: false,
        }
    }

    /// Moves, if the table and the facts allow it.
    pub(super) fn go(
        &mut self,
        now: Micros,
        to: Phase,
        reason: Reason,
        flow: &FlowPolicy,
    ) -> Result<Moved, MoveError> {
        let facts = self.facts(now, flow);
        self.go_with(now, to, reason, &facts)
    }

    /// Moves with facts that the caller knows better.
    pub(super) fn go_with(
        &mut self,
        now: Micros,
        to: Phase,
        reason: Reason,
        facts: &Facts,
    ) -> Result<Moved, MoveError> {
        let moved = self.lifecycle.go(now, to, reason, facts)?;
        match to {
            Phase::Investigating if moved.from != Phase::Declared => {
                // A search that begins again needs a new cause and a new action.
                (self.cause_named_by, self.action) = (None, None);
            }
            Phase::Detected => {
                (self.seen_by, self.cause_named_by, self.action) = (None, None, None);
                // What was measured when it was over says nothing of now.
                (self.impact, self.reviewed) = (None, false);
            }
            Phase::Closed | Phase::Cancelled | Phase::Merged => self.roles.end_all(now),
            Phase::Triaged
            | Phase::Declared
            | Phase::Investigating
            | Phase::Identified
            | Phase::Mitigating
            | Phase::Mitigated
            | Phase::Monitoring
            | Phase::Resolved
            | Phase::Review => {}
        }
        Ok(moved)
    }

    /// The next move that it makes by itself, if any.
    pub(super) fn next_move(&self, now: Micros, flow: &FlowPolicy) -> Option<(Phase, Reason)> {
        let facts = self.facts(now, flow);
        let quiet = !facts.harm && !facts.firing;
        match self.lifecycle.phase() {
            Phase::Detected | Phase::Triaged if quiet => {
                Some((Phase::Resolved, Reason::AlertsCleared))
            }
            Phase::Detected => self
                .seen_by
                .map(|by| (Phase::Triaged, Reason::Acknowledged(by))),
            Phase::Triaged => {
                let severe = self.severity.severity().zip(flow.declare_from);
                severe
                    .is_some_and(|(severity, from)| severity <= from)
                    .then_some((Phase::Declared, Reason::Policy))
            }
            Phase::Declared | Phase::Investigating | Phase::Identified | Phase::Mitigating
                if !facts.harm =>
            {
                Some((Phase::Mitigated, Reason::HarmEnded))
            }
            Phase::Declared => self.begin_to_act().or_else(|| {
                let commander = self.roles.commander();
                commander.map(|by| (Phase::Investigating, Reason::CommanderAssumed(by)))
            }),
            Phase::Investigating => self.begin_to_act().or_else(|| {
                let named = self.cause_named_by;
                named.map(|by| (Phase::Identified, Reason::CauseNamed(by)))
            }),
            Phase::Identified => self.begin_to_act(),
            Phase::Mitigating => None,
            Phase::Mitigated | Phase::Monitoring if facts.harm => {
                Some((Phase::Investigating, Reason::HarmReturned))
            }
            Phase::Mitigated => quiet.then_some((Phase::Monitoring, Reason::AlertsCleared)),
            Phase::Monitoring => match self.firing.first() {
                Some(alert) => Some((Phase::Investigating, Reason::AlertFired(*alert))),
                None => facts
                    .quiet_for_long
                    .then_some((Phase::Resolved, Reason::StayedQuiet)),
            },
            Phase::Resolved if facts.review_wanted => Some((Phase::Review, Reason::Policy)),
            Phase::Resolved => Some((Phase::Closed, Reason::Policy)),
            Phase::Review | Phase::Closed | Phase::Cancelled | Phase::Merged => None,
        }
    }

    fn begin_to_act(&self) -> Option<(Phase, Reason)> {
        self.action
            .map(|action| (Phase::Mitigating, Reason::ActionBegun(action)))
    }
}
