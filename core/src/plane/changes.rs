//! Changes: proposed, validated, reviewed; an approval starts the rollout.

use alloc::vec::Vec;

use crate::config::{ChangeState, Decision, Edit, Principal};
use crate::health::judge::Past;
use crate::ids::{ChangeId, ConfigId, PlanId, RolloutId, ServiceId};
use crate::rollout::{Plan, Rollout, State};

use super::rollouts::{Flight, Takeoff};
use super::{ControlPlane, InputError, NoteBody};

impl ControlPlane {
    pub(super) fn propose(
        &mut self,
        config: ConfigId,
        author: Principal,
        edits: Vec<Edit>,
        plan: PlanId,
    ) -> Result<(), InputError> {
        if let Some(known) = self.setup.configs.get(config.index())
            && known.plans.len() <= plan.index()
        {
            return Err(InputError::UnknownPlan(plan));
        }
        let proposed = self.store.propose(config, author.clone(), edits.clone());
        let (change, findings) = proposed.map_err(InputError::Propose)?;
        self.plans.insert(change, plan);
        let candidate = self.store.change(change).expect("just proposed").candidate;
        let body = NoteBody::ChangeProposed {
            change,
            config,
            candidate,
            author,
            edits,
        };
        let proposed = self.note([], body);
        let body = if findings.is_empty() {
            let checks = self.setup.configs[config.index()].schema.check_count();
            NoteBody::ChangeValidated { change, checks }
        } else {
            NoteBody::ChangeInvalid { change, findings }
        };
        let validated = self.note([proposed], body);
        self.change_notes.insert(change, validated);
        Ok(())
    }

    pub(super) fn review(
        &mut self,
        change: ChangeId,
        reviewer: Principal,
        decision: Decision,
    ) -> Result<(), InputError> {
        let config = self.store.change(change).map(|change| change.config);
        let config = config.ok_or(InputError::NotInReview(change))?;
        if decision == Decision::Approve && self.has_rollout_under_way(config) {
            return Err(InputError::RolloutUnderWay(config));
        }
        let reviewed = self.store.review(change, &reviewer, decision);
        let state = reviewed.map_err(InputError::Review)?;
        let state = state.ok_or(InputError::NotInReview(change))?;
        let because = self.change_notes.get(&change).copied();
        let body = NoteBody::ChangeReviewed {
            change,
            reviewer,
            decision,
        };
        let noted = self.note(because, body);
        self.change_notes.insert(change, noted);
        if state == ChangeState::Approved {
            self.start_rollout(change);
        }
        Ok(())
    }

    /// Two changes of one config at once could not be told apart by version, and the second
    /// would be rolled out on top of a first that may yet be taken back.
    fn has_rollout_under_way(&self, config: ConfigId) -> bool {
        self.flights.iter().any(|flight| {
            let over = matches!(flight.rollout.state(), State::Completed | State::RolledBack);
            flight.config == config && !over
        })
    }

    fn start_rollout(&mut self, change: ChangeId) {
        let entry = self.store.change(change).expect("just approved");
        let (config, candidate) = (entry.config, entry.candidate);
        let baseline = self.store.last_known_good(config);
        let setup = &self.setup.configs[config.index()];
        let service = setup.service;
        let plan = self.plans[&change];
        let instances = self.setup.instances[&service].clone();
        let rollout = Rollout::start(self.now, setup.plans[plan.index()].clone(), instances)
            .expect("every plan was checked with the setup");
        let id = RolloutId(self.flights.len() as u32);
        let because = self.change_notes.get(&change).copied();
        let body = NoteBody::RolloutStarted {
            rollout: id,
            change,
            config,
            candidate,
            baseline,
            plan,
        };
        let started = self.note(because, body);
        let takeoff = Takeoff {
            id,
            change,
            config,
            service,
            candidate,
            past: self.past_of(service, rollout.plan()),
            started,
        };
        self.flights.push(Flight::new(takeoff, rollout));
        self.drain_rollout(id);
        self.hold_if_still(id);
    }

    /// What the judges of a plan may compare with when it starts now.
    fn past_of(&self, service: ServiceId, plan: &Plan) -> Past {
        let past = self.pasts.get(&service);
        past.map_or_else(Past::default, |past| {
            past.before(self.now, plan.looks_back())
        })
    }
}
