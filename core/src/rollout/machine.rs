//! The rollout machine: promote, pause, abort, roll back.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::health::Outcome;
use crate::ids::RegionId;
use crate::time::Micros;

use super::plan::{Plan, PlanError, Reaction, Stage};
use super::state::State;

/// What an operator may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Stop widening until resumed.
    Pause,
    /// Take up the paused stage again, from its beginning.
    Resume,
    /// Stop for good, keeping the exposure as it is.
    Abort,
    /// Go back to last-known-good.
    RollBack,
}

/// Why an order was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rollout that is {state} cannot take the order")]
pub struct OrderError {
    /// The state it is in.
    pub state: State,
}

/// Why a rollout paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PauseReason {
    /// An operator ordered it.
    Ordered,
    /// The judge found the stage bad.
    JudgedBad,
    /// A paging alert fired.
    Alert,
    /// The stage's instances did not get the change in time.
    PushStalled,
    /// The bake was over and the judge still did not let the stage pass.
    NoVerdict(Outcome),
    /// Nothing widens anywhere.
    Frozen,
    /// What it brings is turned off.
    Killed,
}

/// Why a rollout goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackReason {
    /// An operator ordered it.
    Ordered,
    /// The judge found the stage bad.
    JudgedBad,
    /// A paging alert fired.
    Alert,
    /// More instances run the change than the stage allows.
    ExposureExceeded,
    /// What it brings was turned off.
    Killed,
}

/// How many instances of a region run the candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureReport {
    /// Instances that run it, in whatever state.
    pub running: u32,
    /// Those of them that distribution cannot reach now; at most `running`.
    pub unreachable: u32,
}

/// What the machine wants done, or wants known. The parent drains these after every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A stage began. Judging starts afresh.
    Entered {
        /// Its index.
        stage: u32,
    },
    /// Bring the candidate to this many instances of the region, in all.
    Push {
        /// The region.
        region: RegionId,
        /// The number of instances.
        instances: u32,
    },
    /// The stage's instances have the change.
    BakeStarted {
        /// Its index.
        stage: u32,
    },
    /// The stage passed.
    Promoted {
        /// Its index.
        stage: u32,
    },
    /// Nothing widens any more for now.
    Paused(PauseReason),
    /// A paused stage begins again.
    Resumed,
    /// Stopped for good.
    Aborted,
    /// Bring every instance back to last-known-good.
    RollBack(RollbackReason),
    /// No reachable instance runs the candidate.
    RolledBack,
    /// The last stage passed.
    Completed,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RolloutTimer {
    /// The judge is due: the parent judges and calls [`Rollout::judged`].
    Check,
    /// The stage's instances should have the change by now.
    PushDeadline,
}

/// One change on its way to the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    plan: Plan,
    instances: BTreeMap<RegionId, u32>,
    state: State,
    stage: usize,
    stage_entered: Micros,
    bake_started: Option<Micros>,
    next_check: Micros,
    /// Why it last paused.
    paused_for: Option<PauseReason>,
    /// The stage whose verdict people overruled.
    overruled: Option<usize>,
    exposure: BTreeMap<RegionId, ExposureReport>,
    /// Regions that reported, after distribution took the rollback order, that nothing reachable
    /// runs the candidate.
    clean: BTreeSet<RegionId>,
    actions: VecDeque<Action>,
}

impl Rollout {
    /// Starts a rollout over the given instances by region: the first stage is pushed.
    ///
    /// # Errors
    /// When the plan does not fit the instances.
    pub fn start(
        now: Micros,
        plan: Plan,
        instances: BTreeMap<RegionId, u32>,
    ) -> Result<Self, PlanError> {
        plan.check(&instances)?;
        let mut rollout = Self {
            plan,
            instances,
            state: State::Pushing,
            stage: 0,
            stage_entered: now,
            bake_started: None,
            next_check: now,
            paused_for: None,
            overruled: None,
            exposure: BTreeMap::new(),
            clean: BTreeSet::new(),
            actions: VecDeque::new(),
        };
        rollout.enter_stage(now, 0);
        Ok(rollout)
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The plan it follows.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The index of the current stage.
    #[must_use]
    pub const fn stage_index(&self) -> usize {
        self.stage
    }

    /// The current stage.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        &self.plan.stages[self.stage]
    }

    /// When the current stage began.
    #[must_use]
    pub const fn stage_entered(&self) -> Micros {
        self.stage_entered
    }

    /// The instances of each region that may run the candidate now. A rollback lowers nothing:
    /// instances on their way out are allowed to still be there.
    #[must_use]
    pub fn limits(&self) -> BTreeMap<RegionId, u32> {
        self.plan.limits(self.stage, &self.instances)
    }

    /// The latest report of each region.
    #[must_use]
    pub const fn exposure(&self) -> &BTreeMap<RegionId, ExposureReport> {
        &self.exposure
    }

    /// Takes note of how many instances of a region run the candidate. `after_rollback` tells
    /// whether the report was made after distribution took the rollback order: only such a
    /// report can finish a rollback.
    pub fn exposure_reported(
        &mut self,
        now: Micros,
        region: RegionId,
        report: ExposureReport,
        after_rollback: bool,
    ) {
        self.exposure.insert(region, report);
        match self.state {
            State::Pushing | State::Baking | State::Paused => {
                if report.running > self.limits().get(&region).copied().unwrap_or(0) {
                    self.begin_rollback(RollbackReason::ExposureExceeded);
                } else if self.state == State::Pushing && self.is_settled() {
                    self.move_to(State::Baking);
                    self.bake_started = Some(now);
                    self.actions.push_back(Action::BakeStarted {
                        stage: self.stage as u32,
                    });
                }
            }
            State::RollingBack => {
                if after_rollback && report.running <= report.unreachable {
                    self.clean.insert(region);
                } else {
                    self.clean.remove(&region);
                }
                if self.touched().all(|region| self.clean.contains(&region)) {
                    self.move_to(State::RolledBack);
                    self.actions.push_back(Action::RolledBack);
                }
            }
            State::Completed | State::Aborted | State::RolledBack => {}
        }
    }

    /// Applies a verdict on the current stage; one that people overruled passes. Where going back is not `automatic`, a rollout that
    /// should go back pauses instead.
    pub fn judged(&mut self, now: Micros, outcome: Outcome, automatic: bool) {
        if !self.state.is_advancing() {
            return;
        }
        self.next_check = now + self.plan.check_every;
        let outcome = if self.overruled == Some(self.stage) {
            Outcome::Pass
        } else {
            outcome
        };
        if outcome == Outcome::Fail {
            match self.stage().on_failure {
                Reaction::RollBack if automatic => {
                    return self.begin_rollback(RollbackReason::JudgedBad);
                }
                Reaction::RollBack | Reaction::Pause => return self.pause(PauseReason::JudgedBad),
                // It goes on baking, and is held like any other stage without a pass.
                Reaction::Ignore => {}
            }
        }
        let Some(bake_ends) = self.bake_started.map(|start| start + self.stage().bake) else {
            return;
        };
        if now < bake_ends {
            self.next_check = self.next_check.min(bake_ends);
        } else if outcome == Outcome::Pass {
            self.promote(now);
        } else if now >= bake_ends + self.plan.hold_max {
            self.pause(PauseReason::NoVerdict(outcome));
        }
    }

    /// Takes note of a paging alert on the service. Where going back is not `automatic`, a rollout
    /// that should go back pauses instead.
    pub fn alerted(&mut self, automatic: bool) {
        if self.state.is_advancing() {
            match self.plan.on_alert {
                Reaction::RollBack if automatic => self.begin_rollback(RollbackReason::Alert),
                Reaction::RollBack | Reaction::Pause => self.pause(PauseReason::Alert),
                Reaction::Ignore => {}
            }
        }
    }

    /// Carries out an operator's order. Ordering what already is so changes nothing.
    ///
    /// # Errors
    /// When the state does not allow it; nothing changed then.
    pub fn order(&mut self, now: Micros, order: Order) -> Result<(), OrderError> {
        let refused = OrderError { state: self.state };
        match (order, self.state) {
            (Order::Pause, State::Paused)
            | (Order::Abort, State::Aborted)
            | (Order::RollBack, State::RollingBack | State::RolledBack) => {}
            (Order::Pause, state) if state.is_advancing() => self.pause(PauseReason::Ordered),
            (Order::Resume, State::Paused) => self.resume(now),
            (Order::Abort, state) if state.may_become(State::Aborted) => {
                self.move_to(State::Aborted);
                self.actions.push_back(Action::Aborted);
            }
            (Order::RollBack, state) if state.may_become(State::RollingBack) => {
                self.begin_rollback(RollbackReason::Ordered);
            }
            (Order::Pause | Order::Resume | Order::Abort | Order::RollBack, _) => {
                return Err(refused);
            }
        }
        Ok(())
    }

    /// Pauses what may still widen. Returns whether there was anything to pause.
    pub fn hold(&mut self, reason: PauseReason) -> bool {
        let advancing = self.state.is_advancing();
        if advancing {
            self.pause(reason);
        }
        advancing
    }

    /// Goes back, if there is anything to take back. Returns whether it began to.
    pub fn take_back(&mut self, reason: RollbackReason) -> bool {
        let back = self.state.may_become(State::RollingBack);
        if back {
            self.begin_rollback(reason);
        }
        back
    }

    /// Whether a verdict, or the lack of one, keeps the rollout from going on.
    #[must_use]
    pub const fn is_stopped_by_verdict(&self) -> bool {
        matches!(self.state, State::Paused)
            && matches!(
                self.paused_for,
                Some(PauseReason::JudgedBad | PauseReason::NoVerdict(_))
            )
    }

    /// People overrule the verdict that stopped the stage: it begins again, and passes when its
    /// bake is over, whatever its judge says.
    ///
    /// # Panics
    /// When no verdict stopped it.
    pub fn overrule(&mut self, now: Micros) {
        assert!(self.is_stopped_by_verdict(), "{:?}", self.paused_for);
        self.overruled = Some(self.stage);
        self.resume(now);
    }

    /// What to do next, oldest first.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next moment at which the machine must be woken, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Micros, RolloutTimer)> {
        let check = (self.next_check, RolloutTimer::Check);
        match self.state {
            State::Pushing => {
                let deadline = self.stage_entered + self.plan.push_deadline;
                Some(check.min((deadline, RolloutTimer::PushDeadline)))
            }
            State::Baking => Some(check),
            State::Paused
            | State::Completed
            | State::Aborted
            | State::RollingBack
            | State::RolledBack => None,
        }
    }

    /// The stage's instances should have the change by now. Early, late or repeated calls do
    /// nothing.
    pub fn push_deadline_reached(&mut self, now: Micros) {
        let due = self.stage_entered + self.plan.push_deadline;
        if self.state == State::Pushing && now >= due {
            self.pause(PauseReason::PushStalled);
        }
    }

    fn enter_stage(&mut self, now: Micros, stage: usize) {
        self.stage = stage;
        self.stage_entered = now;
        self.bake_started = None;
        self.next_check = now + self.plan.check_every;
        self.actions.push_back(Action::Entered {
            stage: stage as u32,
        });
        for (region, instances) in self.limits() {
            if instances > 0 {
                self.actions.push_back(Action::Push { region, instances });
            }
        }
    }

    fn promote(&mut self, now: Micros) {
        self.actions.push_back(Action::Promoted {
            stage: self.stage as u32,
        });
        if self.stage + 1 == self.plan.stages.len() {
            self.move_to(State::Completed);
            self.actions.push_back(Action::Completed);
        } else {
            self.move_to(State::Pushing);
            self.enter_stage(now, self.stage + 1);
        }
    }

    fn resume(&mut self, now: Micros) {
        self.move_to(State::Pushing);
        self.actions.push_back(Action::Resumed);
        self.enter_stage(now, self.stage);
    }

    fn pause(&mut self, reason: PauseReason) {
        self.move_to(State::Paused);
        self.paused_for = Some(reason);
        self.actions.push_back(Action::Paused(reason));
    }

    fn begin_rollback(&mut self, reason: RollbackReason) {
        self.move_to(State::RollingBack);
        self.actions.push_back(Action::RollBack(reason));
    }

    /// Whether enough of the stage's instances, counting those out of reach, have the candidate.
    fn is_settled(&self) -> bool {
        let limits = self.limits();
        let wanted: u64 = limits.values().map(|count| u64::from(*count)).sum();
        let running: u64 = self
            .exposure
            .values()
            .map(|report| u64::from(report.running))
            .sum();
        running >= self.plan.settled.of_count_up(wanted)
    }

    /// The regions that a rollback must find clean: those the stage may reach, and any other that
    /// reported the candidate, for distribution may have gone too far.
    fn touched(&self) -> impl Iterator<Item = RegionId> {
        let allowed = self.limits().into_iter().filter(|(_, limit)| *limit > 0);
        let reported = self
            .exposure
            .iter()
            .filter(|(_, report)| report.running > 0);
        let allowed = allowed.map(|(region, _)| region);
        allowed.chain(reported.map(|(region, _)| *region))
    }

    fn move_to(&mut self, next: State) {
        assert!(
            self.state.may_become(next),
            "no move from {} to {next}",
            self.state
        );
        self.state = next;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::Ppm;
    use crate::health::{Check, JudgePolicy, Limit, Signal};
    use crate::rollout::{Audience, Placement, Share, StageKind, Target};

    const HERE: RegionId = RegionId(0);
    const THERE: RegionId = RegionId(1);
    const MINUTE: Micros = Micros::from_mins(1);

    fn stage(name: &str, regions: &[RegionId], share: Share) -> Stage {
        Stage {
            name: name.into(),
            kind: StageKind::Wave,
            target: Target {
                regions: regions.to_vec(),
                share,
                placement: Placement::Spread,
            },
            audience: Audience::Public,
            bake: MINUTE,
            judge: JudgePolicy {
                checks: vec![Check {
                    signal: Signal::Unavailable,
                    limit: Limit::AtMost(0),
                    sample_min: 1,
                }],
                ..JudgePolicy::threshold(MINUTE)
            },
            on_failure: Reaction::Ignore,
        }
    }

    /// One instance of one region first, then everything; nothing has happened yet.
    fn rollout() -> Rollout {
        let plan = Plan {
            stages: vec![
                stage("canary", &[HERE], Share::Instances(1)),
                stage("all", &[], Share::Ppm(Ppm::ONE)),
            ],
            settled: Ppm::ONE,
            push_deadline: MINUTE,
            check_every: Micros::from_secs(10),
            hold_max: MINUTE,
            on_alert: Reaction::Ignore,
        };
        let instances = [(HERE, 4), (THERE, 4)].into();
        let mut rollout = Rollout::start(Micros::ZERO, plan, instances).unwrap();
        drain(&mut rollout);
        rollout
    }

    fn drain(rollout: &mut Rollout) -> Vec<Action> {
        core::iter::from_fn(|| rollout.poll_action()).collect()
    }

    fn report(rollout: &mut Rollout, region: RegionId, running: u32, after_rollback: bool) {
        let report = ExposureReport {
            running,
            unreachable: 0,
        };
        rollout.exposure_reported(Micros::ZERO, region, report, after_rollback);
    }

    #[test]
    fn a_failure_that_is_ignored_is_held_and_never_passes() {
        let mut rollout = rollout();
        report(&mut rollout, HERE, 1, false);
        assert_eq!(rollout.state(), State::Baking);
        while let Some((due, _)) = rollout.poll_timeout() {
            assert!(due <= MINUTE + MINUTE, "still waiting at {due}");
            rollout.judged(due, Outcome::Fail, true);
        }
        let paused = Action::Paused(PauseReason::NoVerdict(Outcome::Fail));
        assert_eq!(drain(&mut rollout).last(), Some(&paused));
        assert_eq!(rollout.stage_index(), 0);
    }

    #[test]
    fn what_may_not_go_back_by_itself_pauses() {
        for automatic in [true, false] {
            let mut judged = rollout();
            judged.plan.stages[0].on_failure = Reaction::RollBack;
            judged.judged(MINUTE, Outcome::Fail, automatic);
            let mut alerted = rollout();
            alerted.plan.on_alert = Reaction::RollBack;
            alerted.alerted(automatic);
            let wanted = if automatic {
                State::RollingBack
            } else {
                State::Paused
            };
            assert_eq!((judged.state(), alerted.state()), (wanted, wanted));
        }
    }

    #[test]
    fn a_rollback_ends_only_when_regions_that_got_the_change_by_mistake_are_clean_too() {
        let mut rollout = rollout();
        report(&mut rollout, THERE, 2, false);
        assert_eq!(rollout.state(), State::RollingBack);
        report(&mut rollout, HERE, 0, true);
        assert_eq!(rollout.state(), State::RollingBack);
        report(&mut rollout, THERE, 0, true);
        assert_eq!(rollout.state(), State::RolledBack);
    }
}
