//! The machine: wishes and facts in, orders out.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::config::Principal;
use crate::ids::{ActionId, RegionId};
use crate::time::Micros;

use super::action::{Action, ActionKind};
use super::capacity::{Capacity, CapacityTable};
use super::drain::{Drain, Look};
use super::input::{
    ActionKey, CancelReason, Failure, Input, InputError, Output, Refusal, Requester,
};
use super::overrides::{OverrideAsk, OverrideError, Overrides};
use super::policy::{Permission, RemediationPolicy};
use super::record::{ActionRecord, ActionState, Wake};

/// Everything that is done about outages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remediation {
    pub(super) policy: RemediationPolicy,
    pub(super) capacity: CapacityTable,
    /// By [`ActionId`].
    pub(super) actions: Vec<ActionRecord>,
    now: Micros,
    keys: BTreeMap<ActionKey, ActionId>,
    overrides: Overrides,
    outputs: VecDeque<Output>,
    journal: Vec<(Micros, Input)>,
}

impl Remediation {
    /// Nothing was done yet. The policy must pass [`RemediationPolicy::check`].
    #[must_use]
    pub fn new(policy: RemediationPolicy) -> Self {
        Self {
            policy,
            capacity: CapacityTable::default(),
            actions: Vec::new(),
            now: Micros::ZERO,
            keys: BTreeMap::new(),
            overrides: Overrides::default(),
            outputs: VecDeque::new(),
            journal: Vec::new(),
        }
    }

    /// Rebuilds it from its journal, outputs included.
    ///
    /// # Errors
    ///
    /// [`InputError`] when the journal is not one of this policy.
    pub fn replay(
        policy: RemediationPolicy,
        journal: &[(Micros, Input)],
    ) -> Result<Self, InputError> {
        let mut rebuilt = Self::new(policy);
        for (at, input) in journal {
            rebuilt.handle(*at, input.clone())?;
        }
        Ok(rebuilt)
    }

    /// Every input that made sense, in order.
    #[must_use]
    pub fn journal(&self) -> &[(Micros, Input)] {
        &self.journal
    }

    /// Every action, in the order of the wishes.
    #[must_use]
    pub fn actions(&self) -> &[ActionRecord] {
        &self.actions
    }

    /// The action with this id.
    #[must_use]
    pub fn action(&self, id: ActionId) -> Option<&ActionRecord> {
        self.actions.get(id.index())
    }

    /// Overrides of verdicts.
    #[must_use]
    pub const fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// What has a lasting effect that nobody has taken back.
    pub fn in_force(&self) -> impl Iterator<Item = &ActionRecord> {
        self.actions.iter().filter(|record| record.in_force)
    }

    /// Whether no rollout may widen: from the order to freeze until it is restored.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.actions.iter().any(|record| {
            let freeze = record.kind() == ActionKind::FreezeRollouts;
            freeze && (record.in_force || record.state.is_under_way())
        })
    }

    /// Takes note of something that happened. A wish that is refused is an [`Output::Refused`],
    /// not an error.
    ///
    /// # Errors
    ///
    /// [`InputError`]; nothing but time has changed, and no time for [`InputError::Earlier`].
    pub fn handle(&mut self, now: Micros, input: Input) -> Result<(), InputError> {
        if now < self.now {
            return Err(InputError::Earlier {
                now: self.now,
                at: now,
            });
        }
        self.handle_timeout(now);
        self.apply(now, &input)?;
        self.journal.push((now, input));
        Ok(())
    }

    /// What is to be done, oldest first.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.next_due().map(|(due, ..)| due)
    }

    /// Handles what is due, at its due time, in the order of time, then of actions. Early or
    /// repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Micros) {
        while let Some((due, id, wake)) = self.next_due()
            && due <= now
        {
            match wake {
                Wake::Look => self.look(due, id),
                Wake::Deadline => self.too_late(due, id),
            }
        }
        self.now = self.now.max(now);
    }

    fn next_due(&self) -> Option<(Micros, ActionId, Wake)> {
        let dues = self.actions.iter().filter_map(|record| {
            let (due, wake) = record.due()?;
            Some((due, record.id, wake))
        });
        dues.min()
    }

    fn apply(&mut self, now: Micros, input: &Input) -> Result<(), InputError> {
        match input {
            Input::Requested { key, action, by } => {
                self.requested(now, *key, *action, by);
                Ok(())
            }
            Input::Approved { action, by } => self.approved(now, *action, by),
            Input::Withdrawn { action, by } => self.withdrawn(now, *action, by),
            Input::Started { action } => self.started(now, *action),
            Input::Stepped { action } => self.stepped(now, *action),
            Input::Finished { action } => self.finished(now, *action),
            Input::Failed { action, why } => {
                let state = self.known(*action)?.state;
                if matches!(
                    state,
                    ActionState::Begun { .. } | ActionState::Running { .. }
                ) {
                    self.fail(now, *action, Failure::Tool(*why));
                    Ok(())
                } else {
                    Err(InputError::WrongState(*action))
                }
            }
            Input::Evidence { action, worked } => self.evidence(now, *action, *worked),
            Input::Restored { action } => self.restored(*action),
            Input::CapacityReported {
                region,
                load,
                capacity,
            } => {
                self.reported(now, *region, *load, *capacity);
                Ok(())
            }
            Input::OverrideAsked { .. } | Input::OverrideSeconded { .. } => {
                self.overridden(now, input);
                Ok(())
            }
        }
    }

    fn requested(&mut self, now: Micros, key: ActionKey, action: Action, by: &Requester) {
        if let Some(id) = self.keys.get(&key).copied() {
            self.outputs
                .push_back(if self.actions[id.index()].action == action {
                    Output::Known { key, action: id }
                } else {
                    Output::Refused {
                        key,
                        why: Refusal::KeyReused(id),
                    }
                });
            return;
        }
        let permission = self.permission(&action, by);
        let checked = permission.and_then(|given| self.check(now, &action).map(|()| given));
        match checked {
            Ok(permission) => self.accept(now, key, action, by.clone(), permission),
            // The key stays free: the same wish may be fulfilled later.
            Err(why) => self.outputs.push_back(Output::Refused { key, why }),
        }
    }

    fn accept(
        &mut self,
        now: Micros,
        key: ActionKey,
        action: Action,
        by: Requester,
        permission: Permission,
    ) {
        let id = ActionId(self.actions.len() as u32);
        self.keys.insert(key, id);
        self.actions.push(ActionRecord {
            id,
            key,
            action,
            by,
            requested_at: now,
            begun_at: None,
            ended_at: None,
            state: ActionState::Suggested {
                until: now + self.policy.approve_within,
            },
            in_force: false,
            drain: None,
        });
        match permission {
            Permission::Auto => self.begin(now, id),
            Permission::Suggest => self.outputs.push_back(Output::Suggest {
                action: id,
                what: action,
            }),
            Permission::No => unreachable!("refused before"),
        }
    }

    fn begin(&mut self, now: Micros, id: ActionId) {
        let action = self.actions[id.index()].action;
        for lower in self.preempted(&action) {
            self.cancel(now, lower, CancelReason::Preempted(id));
        }
        let limits = self.policy.limits(action.kind());
        let drain = if let Action::Drain { region } = action {
            let report = self.capacity.of(region).expect("its guard saw a report");
            Some(Drain::new(region, report.load, &self.policy.drain))
        } else {
            None
        };
        let record = &mut self.actions[id.index()];
        record.begun_at = Some(now);
        record.state = ActionState::Begun {
            start_by: now + limits.start_within,
        };
        record.drain = drain;
        self.outputs.push_back(Output::Begin {
            action: id,
            what: action,
        });
    }

    /// The guards are asked again: much may have changed since the suggestion.
    fn approved(&mut self, now: Micros, id: ActionId, by: &Principal) -> Result<(), InputError> {
        let record = self.known(id)?;
        if !matches!(record.state, ActionState::Suggested { .. }) {
            return Err(InputError::WrongState(id));
        }
        if !by.role.may_operate() {
            return Err(InputError::Role(by.role));
        }
        let (key, action) = (record.key, record.action);
        match self.check(now, &action) {
            Ok(()) => self.begin(now, id),
            Err(why) => self.outputs.push_back(Output::Refused { key, why }),
        }
        Ok(())
    }

    fn withdrawn(&mut self, now: Micros, id: ActionId, by: &Principal) -> Result<(), InputError> {
        let state = self.known(id)?.state;
        if state.deadline().is_none() {
            return Err(InputError::WrongState(id));
        }
        if !by.role.may_operate() {
            return Err(InputError::Role(by.role));
        }
        self.cancel(now, id, CancelReason::Withdrawn);
        Ok(())
    }

    fn started(&mut self, now: Micros, id: ActionId) -> Result<(), InputError> {
        let record = self.known(id)?;
        if !matches!(record.state, ActionState::Begun { .. }) {
            return Err(InputError::WrongState(id));
        }
        let limits = self.policy.limits(record.kind());
        let record = &mut self.actions[id.index()];
        record.state = ActionState::Running {
            finish_by: now + limits.finish_within,
        };
        // From here on it may have an effect, whatever becomes of it. A drain's begins with its
        // first step.
        record.in_force = record.kind().stands() && record.drain.is_none();
        if let Some(drain) = &mut record.drain {
            drain.begin(now);
            self.look(now, id);
        }
        Ok(())
    }

    fn look(&mut self, now: Micros, id: ActionId) {
        let record = &mut self.actions[id.index()];
        let drain = record.drain.as_mut().expect("only drains look");
        match drain.look(now, &self.capacity, &self.policy.drain) {
            Look::Step(step) => {
                record.in_force = true;
                self.outputs.push_back(Output::Step { action: id, step });
            }
            Look::Wait => {}
            Look::NoRoom => self.fail(now, id, Failure::NoRoom),
        }
    }

    fn stepped(&mut self, now: Micros, id: ActionId) -> Result<(), InputError> {
        let record = self.known(id)?;
        let running = matches!(record.state, ActionState::Running { .. });
        let stepping = record.drain.as_ref().is_some_and(Drain::is_stepping);
        if !running || !stepping {
            return Err(InputError::WrongState(id));
        }
        let drain = self.actions[id.index()].drain.as_mut();
        if drain
            .expect("checked above")
            .stepped(now, &self.policy.drain)
        {
            self.verify(now, id);
        }
        Ok(())
    }

    fn finished(&mut self, now: Micros, id: ActionId) -> Result<(), InputError> {
        let record = self.known(id)?;
        let running = matches!(record.state, ActionState::Running { .. });
        if !running || record.drain.is_some() {
            return Err(InputError::WrongState(id));
        }
        self.verify(now, id);
        Ok(())
    }

    fn verify(&mut self, now: Micros, id: ActionId) {
        let record = &mut self.actions[id.index()];
        let until = now + self.policy.limits(record.kind()).verify_within;
        record.state = ActionState::Verifying { verify_by: until };
        self.outputs.push_back(Output::Verify { action: id, until });
    }

    fn evidence(&mut self, now: Micros, id: ActionId, worked: bool) -> Result<(), InputError> {
        let record = self.known(id)?;
        if !matches!(record.state, ActionState::Verifying { .. }) {
            return Err(InputError::WrongState(id));
        }
        if worked {
            self.end(now, id, ActionState::Done);
            self.outputs.push_back(Output::Done(id));
        } else {
            self.fail(now, id, Failure::Disproved);
        }
        Ok(())
    }

    /// What is under way must be withdrawn first.
    fn restored(&mut self, id: ActionId) -> Result<(), InputError> {
        let record = self.known(id)?;
        if !record.in_force || record.state.is_under_way() {
            return Err(InputError::WrongState(id));
        }
        self.actions[id.index()].in_force = false;
        Ok(())
    }

    fn reported(&mut self, now: Micros, region: RegionId, load: u64, capacity: u64) {
        let report = Capacity {
            load,
            capacity,
            at: now,
        };
        self.capacity.report(region, report);
    }

    fn overridden(&mut self, now: Micros, input: &Input) {
        let within = self.policy.second_within;
        let (rollout, error): (_, Option<OverrideError>) = match input {
            Input::OverrideAsked {
                rollout,
                reason,
                by,
            } => {
                let ask = OverrideAsk {
                    rollout: *rollout,
                    reason: *reason,
                    by: by.clone(),
                    at: now,
                };
                match self.overrides.ask(ask, within) {
                    Ok(()) => return,
                    Err(error) => (*rollout, Some(error)),
                }
            }
            Input::OverrideSeconded { rollout, by } => {
                let seconded = self.overrides.second(now, *rollout, by.clone(), within);
                (*rollout, seconded.err())
            }
            Input::Requested { .. }
            | Input::Approved { .. }
            | Input::Withdrawn { .. }
            | Input::Started { .. }
            | Input::Stepped { .. }
            | Input::Finished { .. }
            | Input::Failed { .. }
            | Input::Evidence { .. }
            | Input::Restored { .. }
            | Input::CapacityReported { .. } => unreachable!("not about an override"),
        };
        self.outputs.push_back(match error {
            None => Output::Overridden(rollout),
            Some(error) => Output::OverrideRefused(rollout, error),
        });
    }

    fn too_late(&mut self, now: Micros, id: ActionId) {
        match self.actions[id.index()].state {
            ActionState::Suggested { .. } => self.cancel(now, id, CancelReason::NotApproved),
            ActionState::Begun { .. } => self.fail(now, id, Failure::NotStarted),
            ActionState::Running { .. } => self.fail(now, id, Failure::Stuck),
            ActionState::Verifying { .. } => self.fail(now, id, Failure::NotVerified),
            ActionState::Done | ActionState::Failed(_) | ActionState::Cancelled(_) => {
                unreachable!("it has no deadline")
            }
        }
    }

    fn cancel(&mut self, now: Micros, id: ActionId, why: CancelReason) {
        self.end(now, id, ActionState::Cancelled(why));
        self.outputs.push_back(Output::Cancel { action: id, why });
    }

    fn fail(&mut self, now: Micros, id: ActionId, why: Failure) {
        self.end(now, id, ActionState::Failed(why));
        self.outputs.push_back(Output::Failed(id, why));
    }

    fn end(&mut self, now: Micros, id: ActionId, state: ActionState) {
        let record = &mut self.actions[id.index()];
        record.ended_at = Some(now);
        record.state = state;
    }

    fn known(&self, id: ActionId) -> Result<&ActionRecord, InputError> {
        self.action(id).ok_or(InputError::UnknownAction(id))
    }
}
