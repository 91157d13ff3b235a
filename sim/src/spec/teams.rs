//! Teams that are paged for what they own, and the people in them.

use firedrill_core::Micros;
use firedrill_core::config::Principal;
use firedrill_core::ids::{EscalationId, PersonId, ServiceId, TeamId};
use firedrill_core::incident::{
    BookSetup, EscalationPolicy, FlowPolicy, GroupBy, Grouping, OwnershipRule, Roster, Schedule,
    SeverityPolicy, Team, WeekClock,
};
use serde::{Deserialize, Serialize};

use super::{Scenario, Weekday};

/// Somebody who can be on call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonSpec {
    /// A handle and a role, never a real person.
    pub principal: Principal,
    /// Their team.
    pub team: TeamId,
    /// Local time minus UTC where they are, in seconds.
    pub utc_offset_s: i64,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeamSpec {
    /// Its name.
    pub name: String,
    /// Who of it is on call when.
    pub schedule: Schedule,
    /// How it is paged.
    pub escalation: EscalationPolicy,
    /// The services that it really runs: it takes back their changes, and no others.
    pub runs: Vec<ServiceId>,
}

/// All teams, their people, and what the pager believes of them. Ids are indices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Teams {
    /// By [`PersonId`].
    pub people: Vec<PersonSpec>,
    /// By [`TeamId`]; the first one is paged for what nobody owns.
    pub teams: Vec<TeamSpec>,
    /// Whom the pager takes for the owner of what, in this order; it may be wrong.
    pub ownership: Vec<OwnershipRule>,
}

impl Teams {
    /// Somebody.
    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<&PersonSpec> {
        self.people.get(usize::from(id.0))
    }

    /// The team that really runs a service; nobody when no team says so.
    #[must_use]
    pub fn team_of(&self, service: ServiceId) -> Option<TeamId> {
        let index = self
            .teams
            .iter()
            .position(|team| team.runs.contains(&service));
        index.map(|index| TeamId(index as u16))
    }

    /// The schedule of a team.
    #[must_use]
    pub fn schedule(&self, team: TeamId) -> Option<&Schedule> {
        self.teams.get(team.index()).map(|team| &team.schedule)
    }

    fn roster(&self, clock: WeekClock) -> Roster {
        let team = |index: usize| Team {
            policy: EscalationId(index as u16),
        };
        Roster {
            clock,
            schedules: self
                .teams
                .iter()
                .map(|team| team.schedule.clone())
                .collect(),
            policies: self
                .teams
                .iter()
                .map(|team| team.escalation.clone())
                .collect(),
            teams: (0..self.teams.len()).map(team).collect(),
            ownership: self.ownership.clone(),
        }
    }
}

impl Scenario {
    /// Where in the week the run starts.
    #[must_use]
    pub fn week_clock(&self) -> WeekClock {
        let weekly = self.demand.weekly.as_ref();
        let day = weekly.map_or(Weekday::Monday, |weekly| weekly.start_day) as u64;
        WeekClock {
            start: Micros::from_hours(24 * day) + self.demand.start,
        }
    }

    /// How the core is to page: teams by what they own, or one person for everything.
    pub(super) fn book(&self) -> BookSetup {
        let Some(teams) = &self.teams else {
            return BookSetup::desk(self.core.paging);
        };
        BookSetup {
            roster: teams.roster(self.week_clock()),
            grouping: Grouping {
                by: GroupBy::Team,
                ..Grouping::default()
            },
            severity: SeverityPolicy::default(),
            flow: FlowPolicy::default(),
            status: self
                .status
                .as_ref()
                .map_or_else(Vec::new, |status| status.pages.clone()),
        }
    }

    /// Whether everything that teams and people name is there.
    pub(super) fn check_teams(&self) -> Result<(), super::SpecError> {
        let Some(teams) = &self.teams else {
            return Ok(());
        };
        let unknown = |what: &str, kind, index, count| super::SpecError::Unknown {
            what: what.into(),
            kind,
            index,
            count,
        };
        let (people, count) = (teams.people.len(), teams.teams.len());
        if let Some(person) = teams.people.iter().find(|one| one.team.index() >= count) {
            let team = person.team.index();
            return Err(unknown("a person", "team", team, count));
        }
        let services = self.fleet.services.len();
        let runs = teams.teams.iter().flat_map(|team| &team.runs);
        let owned = teams
            .ownership
            .iter()
            .filter_map(|rule| rule.service.as_ref());
        if let Some(service) = runs.chain(owned).find(|id| id.index() >= services) {
            return Err(unknown("a team", "service", service.index(), services));
        }
        let layers = teams.teams.iter().flat_map(|team| &team.schedule.layers);
        let on_call = layers.flat_map(|layer| &layer.people);
        let overrides = teams.teams.iter().flat_map(|team| &team.schedule.overrides);
        let named = on_call.chain(overrides.map(|one| &one.person));
        let levels = teams.teams.iter().flat_map(|team| &team.escalation.levels);
        let targets = levels.flat_map(|level| &level.targets);
        let paged = targets.filter_map(|target| match target {
            firedrill_core::incident::PageTarget::Person(person) => Some(person),
            firedrill_core::incident::PageTarget::OnCall(_) => None,
        });
        if let Some(person) = named.chain(paged).find(|id| usize::from(id.0) >= people) {
            return Err(unknown("a team", "person", usize::from(person.0), people));
        }
        Ok(())
    }
}
