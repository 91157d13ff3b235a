//! The judge of a stage: windows of both arms in, a verdict at any moment out.
//!
//! One interface for every method: [`Judge::observe`] takes what telemetry brings, in whatever
//! order and with whatever is missing; [`Judge::look`] says what it comes to, with the evidence
//! of every check. What methods share is decided here once: a failure needs no freshness, a pass
//! does; missing, stale and thin data are told apart and never pass.
//!
//! `limits` is all a threshold needs; `counted`, `ranked` and `weighed` bring the
//! repeated, the rank and the sequential judge to a stage's windows.

mod counted;
mod intervals;
mod limits;
mod policy;
mod ranked;
mod weighed;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::VersionId;
use crate::time::Micros;

use super::tally::Tally;
use super::verdict::{CheckEvidence, NoDataReason, Outcome, Verdict};
use super::window::TelemetryWindow;

use counted::Counted;
use ranked::Ranked;
use weighed::Weighed;

pub use intervals::Past;
pub use policy::{
    Control, JudgeError, JudgePolicy, Method, RankMethod, Repetition, SequentialMethod,
};

/// What a judge must know of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The candidate.
    pub candidate: VersionId,
    /// When the stage began; what began earlier tells of another exposure and is left out.
    pub start: Micros,
    /// The longest that it can last.
    pub longest: Micros,
    /// The time between looks.
    pub look_every: Micros,
    /// The regions it goes to.
    pub regions: u32,
}

/// Which side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Candidate,
    Control,
}

/// A judge at work on one stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    policy: JudgePolicy,
    setting: Setting,
    candidate: Tally,
    control: Tally,
    work: Work,
}

/// What a method keeps beside the sums.
#[derive(Clone, Debug, PartialEq)]
enum Work {
    Threshold,
    Repeated(Counted),
    Rank(Ranked),
    Sequential(Box<Weighed>),
}

impl Judge {
    /// A judge that has seen nothing of the stage, and of the time before what `past` holds.
    ///
    /// # Panics
    /// When the policy does not pass [`JudgePolicy::check`].
    #[must_use]
    pub fn new(policy: JudgePolicy, setting: Setting, past: &Past) -> Self {
        let control = match policy.control {
            Control::Before(_) => past.tally(),
            Control::Others | Control::Group => Tally::default(),
        };
        let work = match policy.method {
            Method::Threshold => Work::Threshold,
            Method::Repeated(repetition) => {
                Work::Repeated(Counted::new(repetition, setting.start, policy.checks.len()))
            }
            Method::Rank(_) => Work::Rank(Ranked::new(&policy, past)),
            Method::Sequential(method) => {
                Work::Sequential(Box::new(Weighed::new(&policy, method, setting, &control)))
            }
        };
        Self {
            policy,
            setting,
            candidate: Tally::default(),
            control,
            work,
        }
    }

    /// Takes a window of the judged service.
    pub fn observe(&mut self, window: &TelemetryWindow) {
        if window.start < self.setting.start {
            return;
        }
        // Nobody knows which version a user who tells had her answer from.
        self.candidate.add_reports(window);
        let arm = self.arm_of(window);
        if let Work::Repeated(counted) = &mut self.work {
            counted.observe(arm, window);
        }
        let Some(arm) = arm else { return };
        match arm {
            Arm::Candidate => self.candidate.add(window),
            Arm::Control => self.control.add(window),
        }
        match &mut self.work {
            Work::Threshold | Work::Repeated(_) => {}
            Work::Rank(ranked) => ranked.observe(arm, window),
            Work::Sequential(weighed) => weighed.observe(&self.policy.checks, arm, window),
        }
    }

    /// What everything so far comes to.
    ///
    /// A failure needs a sample of the asked size but no freshness: what was seen stays seen. A
    /// pass needs both.
    pub fn look(&mut self, now: Micros) -> Verdict {
        let mut checks: Vec<CheckEvidence> = self
            .policy
            .checks
            .iter()
            .map(|check| limits::look(check, &self.candidate, &self.control))
            .collect();
        match &mut self.work {
            Work::Threshold => {}
            Work::Repeated(counted) => counted.look(now, &self.policy, &self.control, &mut checks),
            Work::Rank(ranked) => ranked.look(&self.policy, self.setting, &mut checks),
            Work::Sequential(weighed) => weighed.look(now, &mut checks),
        }
        if let Some(reason) = self.no_data(now) {
            let judged = checks.iter_mut();
            for check in judged.filter(|check| check.outcome != Outcome::Fail) {
                let thin = matches!(check.outcome, Outcome::NoData(_));
                if !thin || reason == NoDataReason::Missing {
                    check.outcome = Outcome::NoData(reason);
                }
            }
        }
        Verdict::of(checks)
    }

    fn arm_of(&self, window: &TelemetryWindow) -> Option<Arm> {
        if window.version == self.setting.candidate {
            return Some(Arm::Candidate);
        }
        let compared = match self.policy.control {
            Control::Others => true,
            Control::Group => window.set_apart,
            Control::Before(_) => false,
        };
        compared.then_some(Arm::Control)
    }

    fn no_data(&self, now: Micros) -> Option<NoDataReason> {
        match self.candidate.newest_end() {
            None => Some(NoDataReason::Missing),
            Some(end) if end + self.policy.stale_after < now => Some(NoDataReason::Stale),
            Some(_) => None,
        }
    }
}
