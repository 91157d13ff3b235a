//! Actions against an outage: facts to remediation, what it wants to commands. What concerns
//! rollouts the plane does by itself: it takes them back, and holds them.

use crate::config::Principal;
use crate::ids::{ActionId, ConfigId, NoteId, RolloutId, ServiceId};
use crate::remediation::{
    Action, ActionKind, ActionRecord, ActionState, CancelReason, Failure, Input as Fact, KillScope,
    Output, Requester, ToolFailure,
};
use crate::rollout::{PauseReason, RollbackReason, State};

use super::{ActionNote, ActionOrder, Command, ControlPlane, InputError, NoteBody};

/// Whether an action has an effect, or is about to.
const fn stands(record: &ActionRecord) -> bool {
    record.in_force || record.state.is_under_way()
}

/// Whether the plane carries out an action by itself.
const fn is_own(kind: ActionKind) -> bool {
    match kind {
        ActionKind::AutomaticRollback
        | ActionKind::OneClickRollback
        | ActionKind::FreezeRollouts => true,
        ActionKind::FeatureDisable
        | ActionKind::Drain
        | ActionKind::Restart
        | ActionKind::Scale
        | ActionKind::KillSwitch
        | ActionKind::TripBreaker => false,
    }
}

impl ControlPlane {
    pub(super) fn remediate(&mut self, fact: Fact) -> Result<(), InputError> {
        self.check_fact(&fact)?;
        let handled = self.remediation.handle(self.now, fact.clone());
        handled.map_err(InputError::Remediation)?;
        self.note_fact(&fact);
        self.drain_remediation(Some(&fact));
        Ok(())
    }

    pub(super) fn remediation_due(&mut self) {
        self.remediation.handle_timeout(self.now);
        self.drain_remediation(None);
    }

    /// What forbids that a rollout widens, and how that is called.
    pub(super) fn standstill(
        &self,
        config: ConfigId,
        service: ServiceId,
    ) -> Option<(ActionId, PauseReason)> {
        let mut standing = self.remediation.actions().iter().filter(|it| stands(it));
        standing.find_map(|record| {
            let why = match record.action {
                Action::FreezeRollouts => PauseReason::Frozen,
                Action::KillSwitch(scope) if scope.covers(config, service) => PauseReason::Killed,
                Action::KillSwitch(_)
                | Action::AutomaticRollback { .. }
                | Action::OneClickRollback { .. }
                | Action::FeatureDisable { .. }
                | Action::Drain { .. }
                | Action::Restart { .. }
                | Action::Scale { .. }
                | Action::TripBreaker { .. } => return None,
            };
            Some((record.id, why))
        })
    }

    /// The same for one rollout.
    pub(super) fn stands_still(&self, id: RolloutId) -> Option<(ActionId, PauseReason)> {
        let flight = &self.flights[id.index()];
        self.standstill(flight.config, flight.service)
    }

    /// A rollout that begins while nothing may widen waits.
    pub(super) fn hold_if_still(&mut self, id: RolloutId) {
        if let Some((action, why)) = self.stands_still(id) {
            let noted = self.action_notes.get(&action).copied();
            self.hold(id, why, noted);
        }
    }

    /// A rollback is over: whoever clicked for it is told.
    pub(super) fn rollback_done(&mut self, id: RolloutId) {
        let running = |record: &&ActionRecord| {
            let (Action::AutomaticRollback { rollout, .. }
            | Action::OneClickRollback { rollout, .. }) = record.action
            else {
                return false;
            };
            rollout == id && matches!(record.state, ActionState::Running { .. })
        };
        let done = self.remediation.actions().iter().find(running);
        if let Some(action) = done.map(|record| record.id) {
            self.feed(Fact::Finished { action });
            // What distribution counted is the evidence.
            let worked = true;
            self.feed(Fact::Evidence { action, worked });
            self.drain_remediation(None);
        }
    }

    /// A command about an action was given up.
    pub(super) fn action_given_up(&mut self, action: ActionId) {
        let state = self.remediation.action(action).map(|record| record.state);
        if let Some(ActionState::Begun { .. } | ActionState::Running { .. }) = state {
            let why = ToolFailure::ToolDown;
            self.feed(Fact::Failed { action, why });
            self.drain_remediation(None);
        }
    }

    /// What makes no sense to the plane, whatever remediation would say.
    fn check_fact(&self, fact: &Fact) -> Result<(), InputError> {
        match fact {
            Fact::Requested { action, .. } => self.check_target(action),
            Fact::OverrideAsked { rollout, .. } => self.check_overridable(*rollout),
            Fact::OverrideSeconded { rollout, .. } => {
                self.check_overridable(*rollout)?;
                let still = self.stands_still(*rollout);
                still.map_or(Ok(()), |(id, _)| Err(InputError::StandsStill(id)))
            }
            Fact::Approved { .. }
            | Fact::Withdrawn { .. }
            | Fact::Started { .. }
            | Fact::Stepped { .. }
            | Fact::Finished { .. }
            | Fact::Failed { .. }
            | Fact::Evidence { .. }
            | Fact::Restored { .. }
            | Fact::CapacityReported { .. } => Ok(()),
        }
    }

    fn check_target(&self, action: &Action) -> Result<(), InputError> {
        let service_known = |service: &ServiceId| self.setup.instances.contains_key(service);
        let known = match action {
            Action::AutomaticRollback {
                rollout,
                config,
                service,
            }
            | Action::OneClickRollback {
                rollout,
                config,
                service,
            } => {
                let flight = self.flights.get(rollout.index());
                flight.is_some_and(|it| it.config == *config && it.service == *service)
            }
            Action::FeatureDisable { service, .. }
            | Action::KillSwitch(KillScope::Service(service)) => service_known(service),
            Action::Restart { service, region }
            | Action::Scale {
                service, region, ..
            } => {
                let regions = self.setup.instances.get(service);
                regions.is_some_and(|regions| regions.contains_key(region))
            }
            Action::KillSwitch(KillScope::Config(config)) => {
                config.index() < self.setup.configs.len()
            }
            Action::TripBreaker { caller, callee } => {
                service_known(caller) && service_known(callee)
            }
            Action::Drain { region } => {
                let mut everywhere = self.setup.instances.values();
                everywhere.any(|regions| regions.contains_key(region))
            }
            Action::FreezeRollouts => true,
        };
        if known {
            Ok(())
        } else {
            Err(InputError::UnknownTarget)
        }
    }

    fn check_overridable(&self, id: RolloutId) -> Result<(), InputError> {
        let flight = self.flights.get(id.index());
        let flight = flight.ok_or(InputError::UnknownRollout(id))?;
        if flight.rollout.is_stopped_by_verdict() {
            Ok(())
        } else {
            Err(InputError::NothingToOverride(id))
        }
    }

    /// Writes down what happened that remediation itself says nothing about.
    fn note_fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Started { action } => {
                self.note_action(*action, ActionNote::Started { action: *action });
            }
            Fact::Restored { action } => {
                self.note_action(*action, ActionNote::Restored { action: *action });
            }
            Fact::OverrideAsked {
                rollout,
                reason,
                by,
            } => {
                let asked = ActionNote::OverrideAsked {
                    rollout: *rollout,
                    reason: *reason,
                    by: by.clone(),
                };
                self.tell(*rollout, NoteBody::Action(asked));
            }
            Fact::Requested { .. }
            | Fact::Approved { .. }
            | Fact::Withdrawn { .. }
            | Fact::Stepped { .. }
            | Fact::Finished { .. }
            | Fact::Failed { .. }
            | Fact::Evidence { .. }
            | Fact::CapacityReported { .. }
            | Fact::OverrideSeconded { .. } => {}
        }
    }

    /// Turns what remediation wants into commands and notes. `fact` is what it was told.
    fn drain_remediation(&mut self, fact: Option<&Fact>) {
        while let Some(output) = self.remediation.poll_output() {
            match output {
                Output::Suggest { action, what } => {
                    self.note_action(action, ActionNote::Suggested { action, what });
                }
                Output::Begin { action, what } => self.begin_action(action, what),
                Output::Step { action, step } => {
                    let ordered = step.clone();
                    let because =
                        self.note_action(action, ActionNote::StepOrdered { action, step });
                    self.order_action(because, action, ActionOrder::Step(ordered));
                }
                Output::Cancel { action, why } => self.action_cancelled(action, why),
                Output::Verify { action, until } => {
                    self.note_action(action, ActionNote::Finished { action, until });
                }
                Output::Done(action) => {
                    self.note_action(action, ActionNote::Verified { action });
                }
                Output::Failed(action, why) => self.action_failed(action, why),
                Output::Refused { key, why } => {
                    let (what, by) = self.wish(fact.expect("only what is told is refused"));
                    let note = ActionNote::Refused { key, what, by, why };
                    self.note([], NoteBody::Action(note));
                }
                // The first time was noted.
                Output::Known { .. } => {}
                Output::Overridden(rollout) => self.overridden(rollout),
                Output::OverrideRefused(rollout, why) => {
                    let by = overrider(fact.expect("only what is told is refused"));
                    let note = ActionNote::OverrideRefused { rollout, by, why };
                    self.tell(rollout, NoteBody::Action(note));
                }
            }
        }
    }

    fn begin_action(&mut self, action: ActionId, what: Action) {
        let by = self.record(action).by.clone();
        let noted = self.note_action(action, ActionNote::Begun { action, what, by });
        match what {
            Action::AutomaticRollback { rollout, .. }
            | Action::OneClickRollback { rollout, .. } => {
                self.begin_rollback_action(action, rollout, noted);
            }
            Action::FreezeRollouts => {
                for id in self.flight_ids() {
                    self.hold(id, PauseReason::Frozen, Some(noted));
                }
                self.feed(Fact::Started { action });
                self.feed(Fact::Finished { action });
                // Nothing is wider than the plane orders it to be.
                let worked = true;
                self.feed(Fact::Evidence { action, worked });
            }
            Action::KillSwitch(scope) => {
                self.order_action(noted, action, ActionOrder::Begin(what));
                self.take_back_killed(scope, noted);
            }
            Action::FeatureDisable { .. }
            | Action::Drain { .. }
            | Action::Restart { .. }
            | Action::Scale { .. }
            | Action::TripBreaker { .. } => {
                self.order_action(noted, action, ActionOrder::Begin(what));
            }
        }
    }

    fn begin_rollback_action(&mut self, action: ActionId, rollout: RolloutId, noted: NoteId) {
        self.feed(Fact::Started { action });
        if self.newer_rollout(rollout).is_some() {
            let why = ToolFailure::Rejected;
            self.feed(Fact::Failed { action, why });
            return;
        }
        self.take_back(rollout, RollbackReason::Ordered, noted);
        if self.flights[rollout.index()].is_over() {
            self.rollback_done(rollout);
        }
    }

    /// What a kill switch turns off goes back, as far as it was on its way: what was completed
    /// before may be innocent, and is for people to judge.
    fn take_back_killed(&mut self, scope: KillScope, noted: NoteId) {
        for id in self.flight_ids() {
            let flight = &self.flights[id.index()];
            let killed = scope.covers(flight.config, flight.service);
            let on_its_way = match flight.rollout.state() {
                State::Pushing | State::Baking | State::Paused | State::Aborted => true,
                State::Completed | State::RollingBack | State::RolledBack => false,
            };
            if killed && on_its_way {
                self.take_back(id, RollbackReason::Killed, noted);
            }
        }
    }

    fn take_back(&mut self, id: RolloutId, reason: RollbackReason, noted: NoteId) {
        let flight = &mut self.flights[id.index()];
        if flight.rollout.take_back(reason) {
            flight.trigger = Some(noted);
            self.drain_rollout(id);
        }
    }

    fn hold(&mut self, id: RolloutId, why: PauseReason, noted: Option<NoteId>) {
        let flight = &mut self.flights[id.index()];
        if flight.rollout.hold(why) {
            flight.trigger = noted;
            self.drain_rollout(id);
        }
    }

    fn overridden(&mut self, id: RolloutId) {
        let granted = self.remediation.overrides().granted().last();
        let granted = granted.expect("it was just granted").clone();
        let note = ActionNote::OverrideGranted {
            rollout: id,
            reason: granted.ask.reason,
            asked_by: granted.ask.by,
            seconded_by: granted.seconded_by,
        };
        self.tell(id, NoteBody::Action(note));
        let now = self.now;
        self.flights[id.index()].rollout.overrule(now);
        self.drain_rollout(id);
    }

    fn action_cancelled(&mut self, action: ActionId, why: CancelReason) {
        let noted = self.note_action(action, ActionNote::Cancelled { action, why });
        self.stop_action(noted, action);
    }

    fn action_failed(&mut self, action: ActionId, why: Failure) {
        let noted = self.note_action(action, ActionNote::Failed { action, why });
        self.stop_action(noted, action);
    }

    /// Whoever has an order about it still must not begin with it.
    fn stop_action(&mut self, because: NoteId, action: ActionId) {
        self.withdraw_action(action);
        let record = self.record(action);
        if record.begun_at.is_some() && !is_own(record.kind()) {
            self.order_action(because, action, ActionOrder::Stop);
        }
    }

    fn order_action(&mut self, because: NoteId, action: ActionId, order: ActionOrder) {
        self.issue([because], Command::Act { action, order });
    }

    /// Who wanted what, of a wish that is refused.
    fn wish(&self, fact: &Fact) -> (Action, Requester) {
        if let Fact::Requested { action, by, .. } = fact {
            return (*action, by.clone());
        }
        let Fact::Approved { action, by } = fact else {
            unreachable!("{fact:?} is no wish");
        };
        (self.record(*action).action, Requester::Person(by.clone()))
    }

    /// Tells remediation what the plane itself did.
    fn feed(&mut self, fact: Fact) {
        let handled = self.remediation.handle(self.now, fact);
        handled.expect("the plane knows where its own actions stand");
    }

    fn record(&self, action: ActionId) -> &ActionRecord {
        let record = self.remediation.action(action);
        record.expect("remediation numbers its actions")
    }

    fn flight_ids(&self) -> impl Iterator<Item = RolloutId> + use<> {
        (0..self.flights.len() as u32).map(RolloutId)
    }

    /// Writes the next note of an action's story.
    fn note_action(&mut self, action: ActionId, note: ActionNote) -> NoteId {
        let because = self.action_notes.get(&action).copied();
        let noted = self.note(because, NoteBody::Action(note));
        self.action_notes.insert(action, noted);
        noted
    }
}

/// Who asked for an override, or agreed to one.
fn overrider(fact: &Fact) -> Principal {
    let (Fact::OverrideAsked { by, .. } | Fact::OverrideSeconded { by, .. }) = fact else {
        unreachable!("{fact:?} is no override");
    };
    by.clone()
}
