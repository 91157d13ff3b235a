//! Rollouts: telemetry to the judge, verdicts and orders to the machine, its actions to commands.

use alloc::vec::Vec;

use crate::alerting::suspects::Widening;
use crate::config::{Principal, VersionId};
use crate::health::judge::{Control, Past, Setting};
use crate::health::{Judge, Outcome, TelemetryWindow, WindowError};
use crate::ids::{AlertId, ChangeId, CommandId, ConfigId, NoteId, RegionId, RolloutId, ServiceId};
use crate::ratio::Ppm;
use crate::remediation::Permission;
use crate::rollout::{
    Action, ExposureReport, Order, Reaction, RollbackReason, Rollout, RolloutTimer, State,
};
use crate::time::Micros;

use super::holds::permission;
use super::{Command, ControlPlane, InputError, NoteBody, TimerKind};

/// A rollout with what the plane keeps beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flight {
    pub(super) id: RolloutId,
    pub(super) change: ChangeId,
    pub(super) config: ConfigId,
    pub(super) service: ServiceId,
    pub(super) candidate: VersionId,
    pub(super) rollout: Rollout,
    /// How it spread, oldest first: at most one a region and stage.
    pub(super) widenings: Vec<Widening>,
    /// What the service showed before the rollout began.
    past: Past,
    judge: Judge,
    last_outcome: Option<Outcome>,
    rollback_command: Option<CommandId>,
    /// The alert that calls somebody while the rollout is held.
    pub(super) held: Option<AlertId>,
    /// The newest note of the rollout's own story.
    pub(super) story: NoteId,
    /// What triggers the next turn of the story: a verdict, an alert, an order.
    pub(super) trigger: Option<NoteId>,
}

/// What a rollout begins with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Takeoff {
    pub(super) id: RolloutId,
    pub(super) change: ChangeId,
    pub(super) config: ConfigId,
    pub(super) service: ServiceId,
    pub(super) candidate: VersionId,
    pub(super) past: Past,
    /// The note that it started.
    pub(super) started: NoteId,
}

impl Flight {
    pub(super) fn new(takeoff: Takeoff, rollout: Rollout) -> Self {
        let judge = judge_of(&rollout, takeoff.candidate, &takeoff.past);
        Self {
            id: takeoff.id,
            change: takeoff.change,
            config: takeoff.config,
            service: takeoff.service,
            candidate: takeoff.candidate,
            rollout,
            widenings: Vec::new(),
            past: takeoff.past,
            judge,
            last_outcome: None,
            rollback_command: None,
            held: None,
            story: takeoff.started,
            trigger: None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<(Micros, TimerKind)> {
        self.rollout.poll_timeout().map(|(due, timer)| match timer {
            RolloutTimer::Check => (due, TimerKind::Check(self.id)),
            RolloutTimer::PushDeadline => (due, TimerKind::PushDeadline(self.id)),
        })
    }

    /// Takes note that `share` of a region's instances run the candidate. A stage widens a region
    /// once, when its first instance has the candidate.
    fn spread(&mut self, now: Micros, region: RegionId, share: Ppm) {
        let entered = self.rollout.stage_entered();
        let known = self.widenings.iter_mut().rev();
        let last = known.into_iter().find(|known| known.region == region);
        match last {
            Some(last) if share <= last.share => {}
            Some(last) if last.at >= entered => last.share = share,
            Some(_) | None if share == Ppm::ZERO => {}
            Some(_) | None => self.widenings.push(Widening {
                at: now,
                service: self.service,
                region,
                share,
            }),
        }
    }

    fn window_arrived(&mut self, window: &TelemetryWindow) {
        if self.rollout.state().is_advancing() && window.service == self.service {
            self.judge.observe(window);
        }
    }
}

/// The judge of the stage that a rollout is in, before it has seen anything.
fn judge_of(rollout: &Rollout, candidate: VersionId, past: &Past) -> Judge {
    let (plan, stage) = (rollout.plan(), rollout.stage());
    let regions = rollout.limits();
    let setting = Setting {
        candidate,
        start: rollout.stage_entered(),
        longest: plan.push_deadline + stage.bake + plan.hold_max,
        look_every: plan.check_every,
        regions: regions.values().filter(|limit| **limit > 0).count() as u32,
    };
    Judge::new(stage.judge.clone(), setting, past)
}

impl ControlPlane {
    pub(super) fn window_arrived(&mut self, window: &TelemetryWindow) -> Result<(), InputError> {
        window.check(self.now).map_err(InputError::Window)?;
        if !self.windows_seen.is_new(window) {
            return Err(InputError::Window(WindowError::Repeated));
        }
        for flight in &mut self.flights {
            flight.window_arrived(window);
        }
        if let Some(past) = self.pasts.get_mut(&window.service) {
            past.add(window);
        }
        self.alerts.add(window);
        self.symptoms.add(window);
        for (slo, seen) in self.setup.slos.iter().zip(&mut self.seen) {
            seen.add(slo, window);
        }
        Ok(())
    }

    pub(super) fn exposure_reported(
        &mut self,
        id: RolloutId,
        region: RegionId,
        report: ExposureReport,
        acknowledged: Option<CommandId>,
    ) -> Result<(), InputError> {
        if report.unreachable > report.running {
            return Err(InputError::ExposureReport);
        }
        let now = self.now;
        let service = self.flight(id)?.service;
        let regions = self.setup.instances.get(&service);
        let total = regions.and_then(|regions| regions.get(&region)).copied();
        let flight = self.flight(id)?;
        let share = total.map_or(Ppm::ZERO, |total| {
            Ppm::of(u64::from(report.running), u64::from(total))
        });
        flight.spread(now, region, share);
        let ordered = flight.rollback_command;
        let after_rollback = ordered.is_some() && acknowledged >= ordered;
        flight
            .rollout
            .exposure_reported(now, region, report, after_rollback);
        self.drain_rollout(id);
        Ok(())
    }

    pub(super) fn ordered(
        &mut self,
        id: RolloutId,
        order: Order,
        by: Principal,
    ) -> Result<(), InputError> {
        if !by.role.may_operate() {
            return Err(InputError::RoleMayNotOperate);
        }
        if let Some(newer) = self.newer_rollout(id).filter(|_| order == Order::RollBack) {
            return Err(InputError::NewerRollout(newer));
        }
        if order == Order::Resume {
            self.flight(id)?;
            if let Some((action, _)) = self.stands_still(id) {
                return Err(InputError::StandsStill(action));
            }
        }
        let now = self.now;
        self.flight(id)?
            .rollout
            .order(now, order)
            .map_err(InputError::Order)?;
        let noted = self.note(
            [],
            NoteBody::OrderRecorded {
                rollout: id,
                order,
                by,
            },
        );
        self.flights[id.index()].trigger = Some(noted);
        self.drain_rollout(id);
        Ok(())
    }

    /// A newer rollout of the same config that must go before this one may be taken back: one
    /// that stays, as its document holds this one's edits; or one that is still leaving the very
    /// version that this one would go back to.
    pub(super) fn newer_rollout(&self, id: RolloutId) -> Option<RolloutId> {
        let flight = self.flights.get(id.index())?;
        if matches!(
            flight.rollout.state(),
            State::RollingBack | State::RolledBack
        ) {
            return None;
        }
        let back_to = self.store.version_without(flight.change);
        let in_the_way = |newer: &&Flight| match newer.rollout.state() {
            _ if newer.config != flight.config => false,
            State::RolledBack => false,
            State::RollingBack => newer.candidate == back_to,
            State::Pushing | State::Baking | State::Paused | State::Completed | State::Aborted => {
                true
            }
        };
        let newer = self.flights[id.index() + 1..].iter().find(in_the_way);
        newer.map(|newer| newer.id)
    }

    pub(super) fn push_deadline(&mut self, id: RolloutId) {
        let now = self.now;
        self.flights[id.index()].rollout.push_deadline_reached(now);
        self.drain_rollout(id);
    }

    /// Asks the judge of the current stage and applies what it says.
    pub(super) fn check(&mut self, id: RolloutId) {
        let now = self.now;
        let flight = &mut self.flights[id.index()];
        let verdict = flight.judge.look(now);
        let outcome = verdict.outcome;
        let stage = flight.rollout.stage_index() as u32;
        let is_news = flight.last_outcome != Some(outcome);
        flight.last_outcome = Some(outcome);
        let story = flight.story;
        let before = flight.rollout.state();
        let permission = permission(self.setup.automation, &flight.rollout);
        let reaction = flight.rollout.stage().on_failure;
        flight
            .rollout
            .judged(now, outcome, permission == Permission::Auto);
        let held = reaction == Reaction::RollBack
            && outcome == Outcome::Fail
            && flight.rollout.state() == State::Paused;
        // A verdict that decides is noted even when it says what was said before.
        let decides =
            flight.rollout.stage_index() as u32 != stage || flight.rollout.state() != before;
        if is_news || decides {
            let body = NoteBody::VerdictReached {
                rollout: id,
                stage,
                verdict,
            };
            let noted = self.note([story], body);
            self.flights[id.index()].trigger = Some(noted);
        }
        self.drain_rollout(id);
        if held {
            self.hold_judged(id, permission);
        }
    }

    /// Tells every rollout under way about a paging alert.
    pub(super) fn alert_rollouts(&mut self, service: ServiceId, alert: AlertId, noted: NoteId) {
        for index in 0..self.flights.len() {
            let flight = &mut self.flights[index];
            if flight.service == service && flight.rollout.state().is_advancing() {
                let permission = permission(self.setup.automation, &flight.rollout);
                flight.rollout.alerted(permission == Permission::Auto);
                let id = flight.id;
                let held = flight.rollout.plan().on_alert == Reaction::RollBack
                    && flight.rollout.state() == State::Paused;
                if !flight.rollout.state().is_advancing() {
                    flight.trigger = Some(noted);
                }
                self.drain_rollout(id);
                if held {
                    self.tell_held(id, RollbackReason::Alert, alert, permission);
                }
            }
        }
    }

    /// Turns what the machine wants into commands and notes.
    pub(super) fn drain_rollout(&mut self, id: RolloutId) {
        while let Some(action) = self.flights[id.index()].rollout.poll_action() {
            match action {
                Action::Entered { stage } => self.entered(id, stage),
                Action::Push { region, instances } => self.push(id, region, instances),
                Action::BakeStarted { stage } => {
                    self.tell(id, NoteBody::BakeStarted { rollout: id, stage });
                }
                Action::Promoted { stage } => {
                    self.tell(id, NoteBody::StagePromoted { rollout: id, stage });
                }
                Action::Paused(reason) => {
                    self.withdraw_pushes(id);
                    self.tell(
                        id,
                        NoteBody::RolloutPaused {
                            rollout: id,
                            reason,
                        },
                    );
                }
                Action::Resumed => {
                    self.tell(id, NoteBody::RolloutResumed { rollout: id });
                    self.end_hold(id);
                }
                Action::Aborted => {
                    self.withdraw_pushes(id);
                    self.tell(id, NoteBody::RolloutAborted { rollout: id });
                    self.end_hold(id);
                }
                Action::RollBack(reason) => self.roll_back(id, reason),
                Action::RolledBack => {
                    self.tell(id, NoteBody::RollbackCompleted { rollout: id });
                    self.end_hold(id);
                    self.rollback_done(id);
                }
                Action::Completed => {
                    let now = self.now;
                    self.store.land(now, self.flights[id.index()].change);
                    self.tell(id, NoteBody::RolloutCompleted { rollout: id });
                }
            }
        }
    }

    fn entered(&mut self, id: RolloutId, stage: u32) {
        let flight = &mut self.flights[id.index()];
        flight.judge = judge_of(&flight.rollout, flight.candidate, &flight.past);
        flight.last_outcome = None;
        let instances_max = flight.rollout.limits().into_values().sum();
        self.tell(
            id,
            NoteBody::StageEntered {
                rollout: id,
                stage,
                instances_max,
            },
        );
    }

    fn push(&mut self, id: RolloutId, region: RegionId, instances: u32) {
        let flight = &self.flights[id.index()];
        let command = Command::Push {
            rollout: id,
            config: flight.config,
            version: flight.candidate,
            region,
            instances,
            placement: flight.rollout.stage().target.placement,
            audience: flight.rollout.stage().audience,
            set_apart: match flight.rollout.stage().judge.control {
                Control::Group => instances,
                Control::Others | Control::Before(_) => 0,
            },
        };
        let because = flight.story;
        self.issue([because], command);
    }

    fn roll_back(&mut self, id: RolloutId, reason: RollbackReason) {
        let flight = &self.flights[id.index()];
        let (config, from) = (flight.config, flight.candidate);
        let to = self.store.revert(flight.change);
        self.withdraw_pushes(id);
        self.tell(
            id,
            NoteBody::RollbackStarted {
                rollout: id,
                reason,
                to,
            },
        );
        let because = self.flights[id.index()].story;
        let command = Command::RollBack {
            rollout: id,
            config,
            from,
            to,
        };
        let command = self.issue([because], command);
        self.flights[id.index()].rollback_command = Some(command);
    }

    /// Writes the next note of a rollout's story: it follows from the one before and from
    /// whatever triggered it.
    pub(super) fn tell(&mut self, id: RolloutId, body: NoteBody) {
        let flight = &mut self.flights[id.index()];
        let because = [Some(flight.story), flight.trigger.take()];
        let noted = self.note(because.into_iter().flatten(), body);
        self.flights[id.index()].story = noted;
    }

    fn flight(&mut self, id: RolloutId) -> Result<&mut Flight, InputError> {
        self.flights
            .get_mut(id.index())
            .ok_or(InputError::UnknownRollout(id))
    }
}

impl Flight {
    /// Whether the rollout may still order instances about.
    pub(super) fn is_over(&self) -> bool {
        self.rollout.state() == State::RolledBack
    }
}
