//! The repeated judge on a stage: every interval, each check is measured over the latest window.

use alloc::vec::Vec;

use crate::health::check::Check;
use crate::health::repeated::{Ended, Repeated, RepeatedPolicy};
use crate::health::tally::Tally;
use crate::health::verdict::{CheckEvidence, NoDataReason, Outcome, Proof};
use crate::health::{Condition, TelemetryWindow};
use crate::time::Micros;

use super::intervals::Intervals;
use super::{Arm, Control, JudgePolicy, Repetition, limits};

/// Measurements of every check, and the windows that the next ones need.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counted {
    repetition: Repetition,
    intervals: Intervals,
    series: Vec<Repeated>,
    started: bool,
}

/// A measured value: how far it is beyond the limit, so that zero is the most that passes.
const WITHIN: Condition = Condition::AtMost(0.0);

impl Counted {
    pub(super) fn new(repetition: Repetition, start: Micros, checks: usize) -> Self {
        let policy = RepeatedPolicy {
            interval: repetition.interval,
            window: repetition.window,
            error_retry: repetition.interval,
            count: None,
            success: Some(WITHIN),
            failure: None,
            failure_limit: repetition.failure_limit,
            consecutive_failure_limit: repetition.consecutive_failure_limit,
            inconclusive_limit: u32::MAX,
            consecutive_error_limit: repetition.consecutive_error_limit,
            consecutive_success_limit: 0,
            no_data: repetition.no_data,
        };
        let series = (0..checks).map(|_| Repeated::new(policy, start + repetition.interval));
        Self {
            repetition,
            intervals: Intervals::default(),
            series: series.collect(),
            started: false,
        }
    }

    /// Takes a window; of no arm, it brings nothing but reports of users.
    pub(super) fn observe(&mut self, arm: Option<Arm>, window: &TelemetryWindow) {
        self.started |= arm == Some(Arm::Candidate);
        self.intervals.add_reports(window);
        if let Some(arm) = arm {
            self.intervals.add(arm, window);
        }
    }

    /// Measures what is due, and puts what the counts say into the evidence.
    ///
    /// Nothing is measured before the candidate was first seen: its instances may not have the
    /// change yet.
    pub(super) fn look(
        &mut self,
        now: Micros,
        policy: &JudgePolicy,
        before: &Tally,
        evidence: &mut [CheckEvidence],
    ) {
        let latest = self.intervals.since(now - self.repetition.window);
        let control = match policy.control {
            Control::Others | Control::Group => &latest.control,
            Control::Before(_) => before,
        };
        let checks = policy.checks.iter().zip(&mut self.series);
        for ((check, series), shown) in checks.zip(evidence) {
            let due = series.due().is_some_and(|due| due <= now);
            if self.started && due {
                let value = measure(check, &latest.candidate, control);
                // A look at the time of the one before has nothing to add.
                series.observe(now, value).unwrap_or(());
            }
            shown.outcome = outcome(series);
            shown.proof = proof(series, self.repetition);
        }
        self.intervals.forget(now - self.repetition.window);
    }
}

/// How far the value lies beyond its limit; `None` without a value or without a limit.
fn measure(check: &Check, candidate: &Tally, control: &Tally) -> Option<f64> {
    let seen = limits::look(check, candidate, control);
    let (Some(value), Some(limit)) = (seen.value, seen.limit) else {
        return None;
    };
    if seen.sample < check.sample_min {
        return None;
    }
    let (value, limit) = (value as f64, limit as f64);
    Some(if check.limit.is_lower() {
        limit - value
    } else {
        value - limit
    })
}

/// A series that runs within its limits passes as soon as one measurement did.
fn outcome(series: &Repeated) -> Outcome {
    match series.ended() {
        // Errors in a row: the measurements are missing, not the windows.
        Some((Ended::ConsecutiveErrorLimit, _)) => Outcome::NoData(NoDataReason::NothingMeasured),
        Some(_) => series.outcome(),
        None if series.counts().succeeded > 0 => Outcome::Pass,
        None => Outcome::NoData(NoDataReason::NothingMeasured),
    }
}

fn proof(series: &Repeated, repetition: Repetition) -> Proof {
    let counts = series.counts();
    let ended = series.ended().map(|(ended, _)| ended);
    let in_row = match repetition.failure_limit {
        None => true,
        Some(_) => ended == Some(Ended::ConsecutiveFailureLimit),
    };
    let (failed, allowed) = if in_row {
        (counts.failures_in_row, repetition.consecutive_failure_limit)
    } else {
        (counts.failed, repetition.failure_limit)
    };
    Proof::Counted {
        succeeded: counts.succeeded,
        failed,
        allowed: allowed.unwrap_or(0),
        in_row,
    }
}
