//! Whose it is: services and regions belong to teams, a team has an escalation policy.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{EscalationId, PersonId, RegionId, ScheduleId, ServiceId, TeamId};
use crate::time::Micros;

use super::escalation::{EscalationError, EscalationPolicy, PageTarget};
use super::schedule::{Schedule, ScheduleError, WEEK, WeekClock};

/// What a team answers for. The first rule that fits decides, as with the routing rules of
/// paging products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipRule {
    /// This service; any when absent.
    #[serde(default)]
    pub service: Option<ServiceId>,
    /// In this region; in any when absent.
    #[serde(default)]
    pub region: Option<RegionId>,
    /// Whose it is.
    pub team: TeamId,
}

impl OwnershipRule {
    fn fits(&self, service: ServiceId, region: Option<RegionId>) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
            && self.region.is_none_or(|wanted| Some(wanted) == region)
    }
}

/// A team that can be paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// How it is paged.
    pub policy: EscalationId,
}

/// Everything that decides who is paged. Ids are indices into its lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Where in the week the run starts.
    #[serde(default)]
    pub clock: WeekClock,
    /// By [`ScheduleId`].
    #[serde(default)]
    pub schedules: Vec<Schedule>,
    /// By [`EscalationId`].
    pub policies: Vec<EscalationPolicy>,
    /// By [`TeamId`]; the first one owns what no rule names.
    pub teams: Vec<Team>,
    /// In this order.
    #[serde(default)]
    pub ownership: Vec<OwnershipRule>,
}

/// What is wrong with a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The run starts later than a week after Monday.
    #[error("the start of the run must lie within a week")]
    Clock,
    /// There is nobody to own anything.
    #[error("a roster needs a team")]
    NoTeams,
    /// A schedule is wrong.
    #[error("schedule {0} is wrong")]
    Schedule(ScheduleId, #[source] ScheduleError),
    /// A policy is wrong.
    #[error("escalation policy {0} is wrong")]
    Policy(EscalationId, #[source] EscalationError),
    /// A policy names a schedule that does not exist.
    #[error("escalation policy {0} names schedule {1}, which does not exist")]
    UnknownSchedule(EscalationId, ScheduleId),
    /// A team names a policy that does not exist.
    #[error("team {0} names escalation policy {1}, which does not exist")]
    UnknownPolicy(TeamId, EscalationId),
    /// A rule names a team that does not exist.
    #[error("an ownership rule names team {0}, which does not exist")]
    UnknownTeam(TeamId),
}

impl Roster {
    /// One team with one policy and no schedules.
    #[must_use]
    pub fn single(policy: EscalationPolicy) -> Self {
        Self {
            policies: alloc::vec![policy],
            teams: alloc::vec![Team {
                policy: EscalationId(0)
            }],
            ..Self::default()
        }
    }

    /// Checks that every part is right and that what it names exists.
    ///
    /// # Errors
    ///
    /// [`RosterError`] names the first part that is wrong.
    pub fn check(&self) -> Result<(), RosterError> {
        if self.clock.start >= WEEK {
            return Err(RosterError::Clock);
        }
        if self.teams.is_empty() {
            return Err(RosterError::NoTeams);
        }
        for (id, schedule) in (0..).map(ScheduleId).zip(&self.schedules) {
            schedule
                .check()
                .map_err(|why| RosterError::Schedule(id, why))?;
        }
        for (id, policy) in (0..).map(EscalationId).zip(&self.policies) {
            self.check_policy(id, policy)?;
        }
        for (id, team) in (0..).map(TeamId).zip(&self.teams) {
            if team.policy.index() >= self.policies.len() {
                return Err(RosterError::UnknownPolicy(id, team.policy));
            }
        }
        match self
            .ownership
            .iter()
            .find(|rule| self.team(rule.team).is_none())
        {
            Some(rule) => Err(RosterError::UnknownTeam(rule.team)),
            None => Ok(()),
        }
    }

    /// The team that owns a service in a region, or everywhere when the region is not known.
    #[must_use]
    pub fn owner(&self, service: ServiceId, region: Option<RegionId>) -> TeamId {
        self.ownership
            .iter()
            .find(|rule| rule.fits(service, region))
            .map_or(TeamId(0), |rule| rule.team)
    }

    /// The team with this id.
    #[must_use]
    pub fn team(&self, id: TeamId) -> Option<&Team> {
        self.teams.get(id.index())
    }

    /// The person whom a target means at `now`.
    #[must_use]
    pub fn person(&self, target: PageTarget, now: Micros) -> Option<PersonId> {
        match target {
            PageTarget::Person(person) => Some(person),
            PageTarget::OnCall(schedule) => self
                .schedules
                .get(schedule.index())
                .and_then(|schedule| schedule.on_call(self.clock, now)),
        }
    }

    /// The policy of a team, with its id.
    pub(super) fn policy(&self, team: TeamId) -> Option<(EscalationId, &EscalationPolicy)> {
        let id = self.team(team)?.policy;
        Some((id, self.policies.get(id.index())?))
    }

    fn check_policy(&self, id: EscalationId, policy: &EscalationPolicy) -> Result<(), RosterError> {
        policy.check().map_err(|why| RosterError::Policy(id, why))?;
        let targets = policy.levels.iter().flat_map(|level| &level.targets);
        for target in targets {
            if let PageTarget::OnCall(schedule) = target
                && schedule.index() >= self.schedules.len()
            {
                return Err(RosterError::UnknownSchedule(id, *schedule));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides_and_the_first_team_owns_the_rest() {
        let rule = |service, region, team| OwnershipRule {
            service: Option::map(service, ServiceId),
            region: Option::map(region, RegionId),
            team: TeamId(team),
        };
        let mut roster = roster();
        roster.teams = vec![
            Team {
                policy: EscalationId(0)
            };
            4
        ];
        roster.ownership = vec![
            rule(Some(1), Some(0), 1),
            rule(Some(1), None, 2),
            rule(None, Some(5), 3),
        ];
        assert_eq!(roster.check(), Ok(()));
        let owner =
            |service, region: Option<u16>| roster.owner(ServiceId(service), region.map(RegionId)).0;
        assert_eq!(owner(1, Some(0)), 1);
        assert_eq!(owner(1, Some(5)), 2, "the earlier rule wins");
        assert_eq!(owner(1, None), 2, "an unknown region is in no region");
        assert_eq!(owner(7, Some(5)), 3);
        assert_eq!(owner(7, Some(6)), 0);
    }

    #[test]
    fn what_is_named_must_exist() {
        let mut unknown = roster();
        unknown.teams[0].policy = EscalationId(4);
        assert_eq!(
            unknown.check(),
            Err(RosterError::UnknownPolicy(TeamId(0), EscalationId(4)))
        );
        let mut dangling = roster();
        dangling.policies[0].levels[0].targets = vec![PageTarget::OnCall(ScheduleId(2))];
        assert_eq!(
            dangling.check(),
            Err(RosterError::UnknownSchedule(EscalationId(0), ScheduleId(2)))
        );
        let mut late = roster();
        late.clock.start = WEEK;
        assert_eq!(late.check(), Err(RosterError::Clock));
        assert_eq!(Roster::default().check(), Err(RosterError::NoTeams));
    }

    fn roster() -> Roster {
        let policy = EscalationPolicy::single(PersonId(0), Micros::from_mins(5), 3);
        Roster::single(policy)
    }
}
