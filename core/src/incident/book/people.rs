//! What people do to an incident, and what is measured of it.

use crate::ids::{IncidentId, PersonId};
use crate::incident::lifecycle::{Facts, Guard, MoveError, Phase, Reason};
use crate::incident::page::{PagerError, Standing};
use crate::incident::roles::{RoleChange, RoleError, Roles};
use crate::incident::severity::{Impact, Severity};
use crate::time::Micros;

use super::{BookError, BookEvent, BookInput, IncidentBook};

impl IncidentBook {
    /// Takes every input that names an incident.
    pub(super) fn person(&mut self, now: Micros, input: BookInput) -> Result<(), BookError> {
        match input {
            BookInput::Taken { incident, by } => self.taken(now, incident, by),
            BookInput::ImpactMeasured { incident, impact } => self.measured(now, incident, impact),
            BookInput::SeverityDecided {
                incident,
                severity,
                by,
            } => self.severity_decided(now, incident, severity, by),
            BookInput::Declared {
                incident,
                severity,
                by,
            } => self.declared(now, incident, severity, by),
            BookInput::RoleAssumed { .. }
            | BookInput::RoleOffered { .. }
            | BookInput::RoleAnswered { .. }
            | BookInput::RoleReleased { .. } => self.role(now, input),
            BookInput::CauseNamed { incident, by } => {
                self.check_open(incident)?;
                self.incidents[incident.index()].cause_named_by = Some(by);
                self.settle(now, incident);
                Ok(())
            }
            BookInput::SearchResumed { incident, by } => {
                self.check_open(incident)?;
                self.go(now, incident, Phase::Investigating, Reason::Decided(by))
            }
            BookInput::ActionBegun { incident, action } => {
                self.check_open(incident)?;
                let record = &mut self.incidents[incident.index()];
                record.action = Some(action);
                record.actions.push(action);
                self.settle(now, incident);
                Ok(())
            }
            BookInput::Rerouted { incident, to, by } => {
                self.pager.reroute(now, incident, to, by)?;
                self.drain_pager(now);
                Ok(())
            }
            BookInput::Merged { incident, into, by } => self.merged(now, incident, into, by),
            BookInput::Cancelled { incident, by } => {
                self.check_open(incident)?;
                self.go(now, incident, Phase::Cancelled, Reason::Decided(by))
            }
            BookInput::Said {
                incident,
                by,
                remark,
            } => self.said(now, incident, by, remark),
            BookInput::Posted {
                incident,
                audience,
                by,
            } => self.posted(now, incident, audience, by),
            BookInput::Reviewed { incident, by } => self.reviewed(now, incident, by),
            BookInput::AlertFired { .. }
            | BookInput::AlertResolved { .. }
            | BookInput::PageAcknowledged { .. } => {
                unreachable!("handled before, since it names no incident")
            }
        }
    }

    fn taken(&mut self, now: Micros, id: IncidentId, by: PersonId) -> Result<(), BookError> {
        self.check_open(id)?;
        let escalation = self.pager.escalation(id);
        let standing = escalation.map(|found| found.standing);
        if matches!(standing, Some(Standing::Acknowledged { .. })) {
            return Ok(());
        }
        self.pager.acknowledged(now, id, by)?;
        self.drain_pager(now);
        Ok(())
    }

    fn measured(&mut self, now: Micros, id: IncidentId, impact: Impact) -> Result<(), BookError> {
        self.check_open(id)?;
        self.with_severity(id, |record| {
            record.ever_harmed |= !impact.is_none();
            record.impact = Some(impact);
            record.severity.impact(now, &impact);
        });
        self.settle(now, id);
        Ok(())
    }

    fn severity_decided(
        &mut self,
        now: Micros,
        id: IncidentId,
        severity: Severity,
        by: PersonId,
    ) -> Result<(), BookError> {
        self.check_open(id)?;
        self.with_severity(id, |record| {
            record.severity.decided(now, severity, by);
        });
        self.settle(now, id);
        Ok(())
    }

    /// Whoever declares an incident has looked at it, so it is triaged on the way.
    fn declared(
        &mut self,
        now: Micros,
        id: IncidentId,
        severity: Option<Severity>,
        by: PersonId,
    ) -> Result<(), BookError> {
        let record = self.record(id)?;
        let phase = record.lifecycle.phase();
        if !matches!(phase, Phase::Detected | Phase::Triaged) {
            return Err(MoveError::Illegal(phase, Phase::Declared).into());
        }
        if severity.or(record.severity.severity()).is_none() {
            let guard = Guard::Severity;
            return Err(MoveError::Guarded(phase, Phase::Declared, guard).into());
        }
        self.taken(now, id, by)?;
        if let Some(severity) = severity {
            self.with_severity(id, |record| {
                record.severity.decided(now, severity, by);
            });
        }
        // The policy may have declared it on the way, by its severity.
        if self.incidents[id.index()].lifecycle.phase() == Phase::Detected {
            self.go(now, id, Phase::Triaged, Reason::Decided(by))?;
        }
        if self.incidents[id.index()].lifecycle.phase() == Phase::Triaged {
            self.go(now, id, Phase::Declared, Reason::Decided(by))?;
        }
        self.settle(now, id);
        Ok(())
    }

    fn role(&mut self, now: Micros, input: BookInput) -> Result<(), BookError> {
        match input {
            BookInput::RoleAssumed {
                incident,
                role,
                person,
            } => self.roles(now, incident, |roles| roles.assume(now, role, person)),
            BookInput::RoleOffered {
                incident,
                role,
                from,
                to,
            } => self.roles(now, incident, |roles| roles.offer(now, role, from, to)),
            BookInput::RoleAnswered {
                incident,
                role,
                person,
                accepted: true,
            } => self.roles(now, incident, |roles| roles.accept(now, role, person)),
            BookInput::RoleAnswered {
                incident,
                role,
                person,
                accepted: false,
            } => self.roles(now, incident, |roles| roles.decline(role, person)),
            BookInput::RoleReleased {
                incident,
                role,
                person,
            } => self.roles(now, incident, |roles| roles.release(now, role, person)),
            BookInput::AlertFired { .. }
            | BookInput::AlertResolved { .. }
            | BookInput::PageAcknowledged { .. }
            | BookInput::Taken { .. }
            | BookInput::ImpactMeasured { .. }
            | BookInput::SeverityDecided { .. }
            | BookInput::Declared { .. }
            | BookInput::CauseNamed { .. }
            | BookInput::SearchResumed { .. }
            | BookInput::ActionBegun { .. }
            | BookInput::Rerouted { .. }
            | BookInput::Merged { .. }
            | BookInput::Cancelled { .. }
            | BookInput::Said { .. }
            | BookInput::Posted { .. }
            | BookInput::Reviewed { .. } => unreachable!("not about a role"),
        }
    }

    fn roles(
        &mut self,
        now: Micros,
        id: IncidentId,
        act: impl FnOnce(&mut Roles) -> Result<RoleChange, RoleError>,
    ) -> Result<(), BookError> {
        self.check_open(id)?;
        let change = act(&mut self.incidents[id.index()].roles)?;
        self.tell(BookEvent::Role(id, change));
        self.settle(now, id);
        Ok(())
    }

    fn merged(
        &mut self,
        now: Micros,
        id: IncidentId,
        into: IncidentId,
        by: PersonId,
    ) -> Result<(), BookError> {
        let target = self.record(into)?;
        let other_open = target.is_open() && into != id;
        let record = self.record(id)?;
        let facts = Facts {
            other_open,
            ..record.facts(now, &self.flow)
        };
        let record = &mut self.incidents[id.index()];
        let moved = record.go_with(now, Phase::Merged, Reason::Merged { into, by }, &facts)?;
        self.tell(BookEvent::Moved(id, moved));
        self.merge(now, id, into);
        self.moved(now, id);
        Ok(())
    }

    fn reviewed(&mut self, now: Micros, id: IncidentId, by: PersonId) -> Result<(), BookError> {
        let phase = self.record(id)?.lifecycle.phase();
        if phase != Phase::Review {
            return Err(MoveError::Illegal(phase, Phase::Closed).into());
        }
        self.incidents[id.index()].reviewed = true;
        self.go(now, id, Phase::Closed, Reason::Reviewed(by))
    }

    /// Makes one move that somebody asked for, then all that follow by themselves.
    fn go(
        &mut self,
        now: Micros,
        id: IncidentId,
        to: Phase,
        reason: Reason,
    ) -> Result<(), BookError> {
        let flow = self.flow;
        let moved = self.incidents[id.index()].go(now, to, reason, &flow)?;
        self.tell(BookEvent::Moved(id, moved));
        self.moved(now, id);
        self.settle(now, id);
        Ok(())
    }

    /// An incident that is over takes nothing more until it is reopened.
    fn check_open(&self, id: IncidentId) -> Result<(), BookError> {
        if self.record(id)?.is_open() {
            Ok(())
        } else {
            Err(PagerError::Over(id).into())
        }
    }
}
