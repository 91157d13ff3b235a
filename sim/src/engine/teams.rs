//! Teams in a run: who is paged knows their own services, passes on what is another team's, and
//! hands over when their shift ends.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::config::Principal;
use firedrill_core::ids::{IncidentId, PageId, PersonId, RolloutId, TeamId};
use firedrill_core::incident::{IncidentRole, PageFate, Phase, Schedule};
use firedrill_core::plane::{Input, Saying};

use crate::spec::{PersonSpec, Responders};

use super::driver::{Driver, Next};
use super::surroundings::Surroundings;

/// Who of the teams has which incident in hand.
#[derive(Debug, Default)]
pub(super) struct AtWork {
    people: BTreeMap<IncidentId, PersonId>,
}

impl AtWork {
    /// Nobody works on an incident any more.
    pub(super) fn leave(&mut self, incident: IncidentId) {
        self.people.remove(&incident);
    }
}

impl<W: Surroundings> Driver<'_, W> {
    /// The incident that a page is about.
    pub(super) fn incident_of(&self, page: PageId) -> IncidentId {
        self.plane.incidents().pager().pages()[page.index()].incident
    }

    /// Whether a page went to a team that has passed its incident on.
    pub(super) fn is_rerouted(&self, page: PageId) -> bool {
        let page = &self.plane.incidents().pager().pages()[page.index()];
        matches!(page.fate, PageFate::Rerouted(_))
    }

    /// Whoever a page goes to; nobody in particular without teams.
    fn paged(&self, page: PageId) -> Option<(PersonId, &PersonSpec)> {
        let id = self.plane.incidents().pager().pages()[page.index()].person;
        let person = self.scenario.teams.as_ref()?.person(id)?;
        Some((id, person))
    }

    /// The people model of whoever a page goes to: where they are is their own.
    pub(super) fn responders(&self, page: PageId) -> Option<Responders> {
        let mut model = (**self.scenario.on_call.model.as_ref()?).clone();
        if let Some((_, person)) = self.paged(page) {
            model.site.utc_offset_s = person.utc_offset_s;
        }
        Some(model)
    }

    /// Who acts on a page now: whoever has its incident in hand.
    pub(super) fn principal(&self, page: PageId) -> Principal {
        let at_work = self.at_work.people.get(&self.incident_of(page));
        let teams = self.scenario.teams.as_ref();
        let person = at_work.and_then(|id| teams?.person(*id));
        let principal = person.map_or(&self.scenario.on_call.principal, |one| &one.principal);
        principal.clone()
    }

    /// Whoever is paged takes an incident up.
    pub(super) fn takes_up(&mut self, page: PageId) -> Principal {
        if let Some((person, _)) = self.paged(page) {
            let incident = self.incident_of(page);
            self.at_work.people.insert(incident, person);
        }
        self.principal(page)
    }

    /// Whoever took an incident up commands it from now on, if another team's person did.
    pub(super) fn takes_command(&mut self, page: PageId, because: u64) {
        let incident = self.incident_of(page);
        let Some((person, _)) = self.paged(page) else {
            return;
        };
        let record = self.plane.incidents().incident(incident);
        let commander = record.and_then(|record| record.roles.commander());
        if let Some(commander) = commander.filter(|commander| *commander != person) {
            self.hand_over(incident, (commander, person), Some(because));
        }
    }

    fn hand_over(
        &mut self,
        incident: IncidentId,
        (from, to): (PersonId, PersonId),
        because: Option<u64>,
    ) {
        let saying = Saying::RoleHandedOver {
            role: IncidentRole::Commander,
            to,
        };
        let input = Input::Said {
            incident,
            by: from,
            saying,
        };
        self.tell(input, because);
    }

    /// Other incidents that the person at work on one has in hand.
    pub(super) fn busy(&self, incident: IncidentId) -> u32 {
        let people = &self.at_work.people;
        let Some(person) = people.get(&incident) else {
            return 0;
        };
        let others = people
            .iter()
            .filter(|(other, at)| **other != incident && *at == person);
        others.count() as u32
    }

    /// From now to the end of the shift of whoever a page goes to, by the schedule of their team.
    pub(super) fn shift_ends_in(&self, page: PageId) -> Option<Micros> {
        let (id, person) = self.paged(page)?;
        let schedule = self.scenario.teams.as_ref()?.schedule(person.team)?;
        let clock = self.scenario.week_clock();
        // Whoever is not on call by the schedule was paged by name, and stays.
        (schedule.on_call(clock, self.now) == Some(id)).then_some(())?;
        let ends = schedule.next_change(clock, self.now)?;
        Some(ends - self.now)
    }

    /// Somebody names a cause. A change of another team's service is not theirs to take back:
    /// the incident goes to that team, and whoever is on call there begins anew.
    pub(super) fn passes_on(&mut self, page: PageId, rollout: RolloutId, because: u64) -> bool {
        let incident = self.incident_of(page);
        let Some(by) = self.at_work.people.get(&incident).copied() else {
            return false;
        };
        let owner = self.owner_of(rollout);
        let teams = self.scenario.teams.as_ref();
        let own = teams.and_then(|teams| Some(teams.person(by)?.team));
        let saying = match (owner, own) {
            (Some(owner), Some(own)) if owner != own => Saying::Rerouted { to: owner },
            _ => {
                self.names_cause(incident, by, because);
                return false;
            }
        };
        self.people.all_clear(incident);
        self.at_work.leave(incident);
        self.answered.remove(&incident);
        let input = Input::Said {
            incident,
            by,
            saying,
        };
        self.tell(input, Some(because));
        true
    }

    /// A cause that is named after another one takes the search up first.
    fn names_cause(&mut self, incident: IncidentId, by: PersonId, because: u64) {
        let record = self.plane.incidents().incident(incident);
        let phase = record.map(|record| record.lifecycle.phase());
        let mut sayings = vec![Saying::CauseNamed];
        if matches!(phase, Some(Phase::Identified | Phase::Mitigating)) {
            sayings.insert(0, Saying::SearchResumed);
        }
        for saying in sayings {
            let input = Input::Said {
                incident,
                by,
                saying,
            };
            self.tell(input, Some(because));
        }
    }

    /// The team that really runs what a rollout changes.
    fn owner_of(&self, rollout: RolloutId) -> Option<TeamId> {
        let change = self.causes.rollout_change.get(&rollout)?;
        let spec = self.change_specs.get(change)?;
        let config = self.scenario.changes[*spec].config;
        let service = self.scenario.configs[config.index()].service;
        self.scenario.teams.as_ref()?.team_of(service)
    }

    /// Nobody works on an incident any more.
    pub(super) fn let_go(&mut self, incident: IncidentId) {
        self.answered.remove(&incident);
        self.people.all_clear(incident);
        self.at_work.leave(incident);
    }

    /// Nobody is harmed any more: who is at it stops. When harm comes back they look again.
    pub(super) fn incident_moved(
        &mut self,
        incident: IncidentId,
        from: Phase,
        to: Phase,
        event: u64,
    ) {
        self.posting.incident_moved(incident, event);
        match (from, to) {
            (_, Phase::Merged | Phase::Cancelled) => {
                self.let_go(incident);
            }
            (_, Phase::Mitigated) => self.people.all_clear(incident),
            (Phase::Mitigated | Phase::Monitoring, Phase::Investigating) => {
                let incidents = self.plane.incidents();
                let mut pages = incidents.pager().pages().iter().rev();
                let page = pages.find(|page| page.incident == incident);
                let Some(page) = page.map(|page| page.id) else {
                    return;
                };
                self.answered.remove(&incident);
                let again = Next::Answer {
                    incident,
                    page,
                    paged: event,
                };
                self.queue.push(self.now, again);
            }
            _ => {}
        }
    }

    fn schedule(&self, team: TeamId) -> Option<&Schedule> {
        self.scenario.teams.as_ref()?.schedule(team)
    }

    /// Looks out for the first hand-over of every team.
    pub(super) fn watch_shifts(&mut self) {
        let count = self
            .scenario
            .teams
            .as_ref()
            .map_or(0, |teams| teams.teams.len());
        for team in (0..count).map(|index| TeamId(index as u16)) {
            self.watch_shift(team);
        }
    }

    fn watch_shift(&mut self, team: TeamId) {
        let clock = self.scenario.week_clock();
        let schedule = self.schedule(team);
        if let Some(at) = schedule.and_then(|schedule| schedule.next_change(clock, self.now)) {
            self.queue.push(at, Next::ShiftEnds(team));
        }
    }

    /// Whoever goes home hands over what they have in hand, if somebody comes.
    pub(super) fn shift_ends(&mut self, team: TeamId) {
        let clock = self.scenario.week_clock();
        let just_before = self.now - Micros(1);
        let people = self.schedule(team).and_then(|schedule| {
            let from = schedule.on_call(clock, just_before)?;
            Some((from, schedule.on_call(clock, self.now)?))
        });
        if let Some((from, to)) = people {
            let held: Vec<IncidentId> = self
                .plane
                .incidents()
                .open()
                .filter(|record| record.roles.commander() == Some(from))
                .map(|record| record.id)
                .collect();
            for incident in held {
                if let Some(at) = self.at_work.people.get_mut(&incident) {
                    *at = to;
                }
                self.hand_over(incident, (from, to), None);
            }
        }
        self.watch_shift(team);
    }
}
