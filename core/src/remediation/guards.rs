//! Whether a wish may be fulfilled now.

use alloc::vec::Vec;

use crate::ids::{ActionId, RegionId};
use crate::ratio::Ppm;
use crate::time::Micros;

use super::Remediation;
use super::action::{Action, ActionKind, Precedence};
use super::drain::oldest;
use super::input::{Refusal, Requester};
use super::policy::{Permission, allowed};
use super::record::{ActionRecord, ActionState};

/// The length of the window of [`super::ActionLimits::per_hour_max`].
const HOUR: Micros = Micros::from_hours(1);

impl Remediation {
    /// Whether the requester may have it at all, and whether it must be approved first.
    pub(super) fn permission(
        &self,
        action: &Action,
        by: &Requester,
    ) -> Result<Permission, Refusal> {
        match by {
            Requester::Person(person) if person.role.may_operate() => Ok(Permission::Auto),
            Requester::Person(person) => Err(Refusal::Role(person.role)),
            Requester::Automation { stage } => {
                match allowed(self.policy.mode, action.kind(), *stage) {
                    Permission::No => Err(Refusal::NotAutomatic),
                    given @ (Permission::Auto | Permission::Suggest) => Ok(given),
                }
            }
        }
    }

    /// Everything that may stand in the way of an action that is about to begin.
    pub(super) fn check(&self, now: Micros, action: &Action) -> Result<(), Refusal> {
        self.check_precedence(action)?;
        self.check_limits(now, action.kind())?;
        match *action {
            Action::Drain { region } => self.check_drain(now, region),
            Action::FeatureDisable { service, level } => {
                let Some(first) = level.less_critical() else {
                    return Ok(());
                };
                let wanted = Action::FeatureDisable {
                    service,
                    level: first,
                };
                // Off means verified: a switch that may not have worked sheds no load.
                let off = |record: &ActionRecord| {
                    record.action == wanted && record.in_force && record.state == ActionState::Done
                };
                if self.actions.iter().any(off) {
                    Ok(())
                } else {
                    Err(Refusal::LessCriticalFirst(first))
                }
            }
            Action::AutomaticRollback { .. }
            | Action::OneClickRollback { .. }
            | Action::Restart { .. }
            | Action::Scale { .. }
            | Action::KillSwitch(_)
            | Action::TripBreaker { .. }
            | Action::FreezeRollouts => Ok(()),
        }
    }

    /// Those that must stop when this action begins.
    pub(super) fn preempted(&self, action: &Action) -> Vec<ActionId> {
        let precedence = action.kind().precedence();
        let lower = |record: &&ActionRecord| {
            let pending = matches!(record.state, ActionState::Suggested { .. });
            (record.state.is_under_way() || pending)
                && record.action.collides(action)
                && record.kind().precedence() < precedence
        };
        self.actions.iter().filter(lower).map(|it| it.id).collect()
    }

    /// The region that is without its users, wholly or in part, or about to be.
    #[must_use]
    pub fn region_out(&self) -> Option<RegionId> {
        self.actions
            .iter()
            .filter(|record| record.in_force || record.state.is_under_way())
            .find_map(|record| record.drain.as_ref())
            .map(super::Drain::region)
    }

    fn check_precedence(&self, action: &Action) -> Result<(), Refusal> {
        let precedence = action.kind().precedence();
        let colliding = |record: &&ActionRecord| record.action.collides(action);
        for record in self.actions.iter().filter(colliding) {
            let theirs = record.kind().precedence();
            if record.state.is_under_way() && theirs > precedence {
                return Err(Refusal::Outranked(record.id));
            }
            if record.state.is_under_way() && theirs == precedence {
                return Err(Refusal::Busy(record.id));
            }
            if !record.in_force {
                continue;
            }
            if record.action == *action && record.state == ActionState::Done {
                return Err(Refusal::InForce(record.id));
            }
            // Under a kill switch that is in force one may go back, and must: before the switch is
            // restored the bad version has to be gone. Nothing else is worth its risk.
            if theirs == Precedence::KillSwitch && precedence == Precedence::Other {
                return Err(Refusal::Outranked(record.id));
            }
        }
        Ok(())
    }

    fn check_limits(&self, now: Micros, kind: ActionKind) -> Result<(), Refusal> {
        if kind == ActionKind::KillSwitch {
            return Ok(());
        }
        let limits = self.policy.limits(kind);
        let same = || self.actions.iter().filter(|record| record.kind() == kind);
        let at_once = same().filter(|record| record.state.is_under_way());
        if at_once.count() as u32 >= limits.at_once_max {
            return Err(Refusal::TooManyAtOnce(limits.at_once_max));
        }
        let recent = |record: &&ActionRecord| record.begun_at.is_some_and(|at| now - at < HOUR);
        if same().filter(recent).count() as u32 >= limits.per_hour_max {
            return Err(Refusal::TooManyAnHour(limits.per_hour_max));
        }
        Ok(())
    }

    /// Never two regions at once, and only when all of its users fit elsewhere.
    fn check_drain(&self, now: Micros, region: RegionId) -> Result<(), Refusal> {
        if let Some(out) = self.region_out() {
            return Err(Refusal::RegionOut(out));
        }
        let drain = &self.policy.drain;
        let since = oldest(now, drain);
        let report = self.capacity.of(region).filter(|it| it.at > since);
        let load = report.ok_or(Refusal::NoReport(region))?.load;
        let amount = Ppm::ONE.of_count_up(load);
        let spread = self.capacity.spread(amount, region, drain.ceiling, since);
        spread.map(|_| ()).ok_or(Refusal::NoRoom)
    }
}
