//! The threshold judge as canary tools run it: a measurement every interval, limits on how many
//! may go wrong.
//!
//! Two families of semantics are in wide use. Argo Rollouts counts measurements against
//! `failureLimit`, `inconclusiveLimit` and `consecutiveErrorLimit` and *exceeding* a limit ends
//! the run; an error is retried after ten seconds whatever the interval. Flagger counts failed
//! checks over the whole canary, never forgets one, treats missing data as a failed check, and
//! *reaching* the threshold ends it. Both are settings of one machine here.

use serde::{Deserialize, Serialize};

use crate::time::Micros;

use super::verdict::{NoDataReason, Outcome};

/// A condition on a measured value. No comparison holds for NaN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// Between these, both included.
    Between(f64, f64),
}

impl Condition {
    /// Whether a value meets the condition.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Between(low, high) => low <= value && value <= high,
        }
    }
}

/// What one measurement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measurement {
    /// As it should be.
    Success,
    /// As it should not be.
    Failure,
    /// Neither.
    Inconclusive,
    /// It could not be made.
    Error,
}

/// What a measurement without a value counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoDataRule {
    /// As an error: retried, then given up (Argo Rollouts).
    Error,
    /// As a failed check: no traffic rolls back (Flagger).
    Failure,
    /// As inconclusive: a person decides.
    Inconclusive,
    /// As nothing: the time passes, the counts stay.
    Ignore,
}

/// What is asked of a series of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepeatedPolicy {
    /// The time between measurements.
    pub interval: Micros,
    /// The time that a measurement looks back over.
    pub window: Micros,
    /// How long to wait before trying again after an error.
    pub error_retry: Micros,
    /// Measurements, errors not counted, after which it ends; without it, it goes on.
    pub count: Option<u32>,
    /// What must hold.
    pub success: Option<Condition>,
    /// What must not hold; wins over `success`.
    pub failure: Option<Condition>,
    /// It fails when more measurements than this failed, ever; `None` does not count them.
    pub failure_limit: Option<u32>,
    /// It fails when more measurements than this failed one after the other.
    pub consecutive_failure_limit: Option<u32>,
    /// It is inconclusive when more measurements than this were.
    pub inconclusive_limit: u32,
    /// It is in error when more errors than this came one after the other.
    pub consecutive_error_limit: u32,
    /// It succeeds as soon as so many in a row did; zero for never.
    pub consecutive_success_limit: u32,
    /// What a measurement without a value counts as.
    pub no_data: NoDataRule,
}

impl RepeatedPolicy {
    /// Argo Rollouts' defaults: the first failure ends it, as does the fifth error in a row.
    #[must_use]
    pub const fn argo(interval: Micros, count: Option<u32>) -> Self {
        Self {
            interval,
            window: interval,
            error_retry: Micros::from_secs(10),
            count,
            success: None,
            failure: None,
            failure_limit: Some(0),
            consecutive_failure_limit: None,
            inconclusive_limit: 0,
            consecutive_error_limit: 4,
            consecutive_success_limit: 0,
            no_data: NoDataRule::Error,
        }
    }

    /// Flagger's: `threshold` failed checks in all, over windows of a minute, missing data failed.
    #[must_use]
    pub const fn flagger(interval: Micros, threshold: u32, count: Option<u32>) -> Self {
        Self {
            window: Micros::from_mins(1),
            failure_limit: Some(threshold.saturating_sub(1)),
            no_data: NoDataRule::Failure,
            ..Self::argo(interval, count)
        }
    }

    /// How many measurements see one and the same bad moment.
    #[must_use]
    pub const fn overlap(&self) -> u64 {
        if self.interval.0 == 0 {
            return 1;
        }
        let whole = self.window.0.div_ceil(self.interval.0);
        if whole == 0 { 1 } else { whole }
    }

    /// What a value says; `None` is "the query gave nothing".
    ///
    /// With one condition, everything else is its opposite, NaN too; with both, what meets
    /// neither is inconclusive; with none, every value is a success.
    #[must_use]
    pub fn measure(&self, value: Option<f64>) -> Option<Measurement> {
        let Some(value) = value else {
            return match self.no_data {
                NoDataRule::Error => Some(Measurement::Error),
                NoDataRule::Failure => Some(Measurement::Failure),
                NoDataRule::Inconclusive => Some(Measurement::Inconclusive),
                NoDataRule::Ignore => None,
            };
        };
        let verdict = |good: bool| match good {
            true => Measurement::Success,
            false => Measurement::Failure,
        };
        Some(match (self.success, self.failure) {
            (None, None) => Measurement::Success,
            (Some(success), None) => verdict(success.holds(value)),
            (None, Some(failure)) => verdict(!failure.holds(value)),
            (Some(_), Some(failure)) if failure.holds(value) => Measurement::Failure,
            (Some(success), Some(_)) if success.holds(value) => Measurement::Success,
            (Some(_), Some(_)) => Measurement::Inconclusive,
        })
    }
}

/// Which limit ended a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Too many failures in all.
    FailureLimit,
    /// Too many failures in a row.
    ConsecutiveFailureLimit,
    /// Too many inconclusive measurements.
    InconclusiveLimit,
    /// Too many errors in a row.
    ConsecutiveErrorLimit,
    /// Enough successes in a row.
    ConsecutiveSuccessLimit,
    /// All measurements were made and no limit was passed.
    CountReached,
}

/// Measurements so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasurementCounts {
    /// Those that succeeded.
    pub succeeded: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that said neither.
    pub inconclusive: u32,
    /// Errors in a row, up to now.
    pub errors_in_row: u32,
    /// Failures in a row, up to now.
    pub failures_in_row: u32,
    /// Successes in a row, up to now.
    pub successes_in_row: u32,
}

/// A measurement that came before an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a measurement at {at} came after one at {last}")]
pub struct MeasurementOrder {
    /// When it was made.
    pub at: Micros,
    /// When the latest one was.
    pub last: Micros,
}

/// A series of measurements under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeated {
    policy: RepeatedPolicy,
    counts: MeasurementCounts,
    last: Option<Micros>,
    due: Micros,
    ended: Option<(Ended, Micros)>,
}

impl Repeated {
    /// A series whose first measurement is due at `start`.
    #[must_use]
    pub const fn new(policy: RepeatedPolicy, start: Micros) -> Self {
        Self {
            policy,
            counts: MeasurementCounts {
                succeeded: 0,
                failed: 0,
                inconclusive: 0,
                errors_in_row: 0,
                failures_in_row: 0,
                successes_in_row: 0,
            },
            last: None,
            due: start,
            ended: None,
        }
    }

    /// When the next measurement is due; never once it has ended.
    #[must_use]
    pub fn due(&self) -> Option<Micros> {
        self.ended.is_none().then_some(self.due)
    }

    /// Measurements so far.
    #[must_use]
    pub const fn counts(&self) -> MeasurementCounts {
        self.counts
    }

    /// What ended it, and when.
    #[must_use]
    pub const fn ended(&self) -> Option<(Ended, Micros)> {
        self.ended
    }

    /// Takes one value, or that there was none. After the end, nothing changes any more.
    ///
    /// # Errors
    /// When it was not made after the one before: it is late, repeated, or a clock went back.
    pub fn observe(&mut self, at: Micros, value: Option<f64>) -> Result<(), MeasurementOrder> {
        if let Some(last) = self.last
            && at <= last
        {
            return Err(MeasurementOrder { at, last });
        }
        if self.ended.is_some() {
            return Ok(());
        }
        self.last = Some(at);
        self.due = at + self.policy.interval;
        if let Some(measurement) = self.policy.measure(value) {
            self.take(at, measurement);
        }
        Ok(())
    }

    fn take(&mut self, at: Micros, measurement: Measurement) {
        let counts = &mut self.counts;
        let (failures, successes) = (counts.failures_in_row, counts.successes_in_row);
        let errors = counts.errors_in_row;
        counts.failures_in_row = 0;
        counts.successes_in_row = 0;
        counts.errors_in_row = 0;
        match measurement {
            Measurement::Success => {
                counts.succeeded += 1;
                counts.successes_in_row = successes + 1;
            }
            Measurement::Failure => {
                counts.failed += 1;
                counts.failures_in_row = failures + 1;
            }
            Measurement::Inconclusive => counts.inconclusive += 1,
            Measurement::Error => {
                counts.errors_in_row = errors + 1;
                // An error says nothing about the value: it interrupts no streak of it.
                counts.failures_in_row = failures;
                counts.successes_in_row = successes;
                self.due = at + self.policy.error_retry;
            }
        }
        self.ended = self.end().map(|ended| (ended, at));
    }

    /// The limit that was passed; an error over an inconclusive end over a failure.
    fn end(&self) -> Option<Ended> {
        let (policy, counts) = (&self.policy, &self.counts);
        let past = |limit: Option<u32>, count: u32| limit.is_some_and(|limit| count > limit);
        let wanted = policy.consecutive_success_limit;
        let made = counts.succeeded + counts.failed + counts.inconclusive;
        if counts.errors_in_row > policy.consecutive_error_limit {
            Some(Ended::ConsecutiveErrorLimit)
        } else if counts.inconclusive > policy.inconclusive_limit {
            Some(Ended::InconclusiveLimit)
        } else if past(policy.failure_limit, counts.failed) {
            Some(Ended::FailureLimit)
        } else if past(policy.consecutive_failure_limit, counts.failures_in_row) {
            Some(Ended::ConsecutiveFailureLimit)
        } else if wanted > 0 && counts.successes_in_row >= wanted {
            Some(Ended::ConsecutiveSuccessLimit)
        } else if policy.count.is_some_and(|count| made >= count) {
            Some(Ended::CountReached)
        } else {
            None
        }
    }

    /// The outcome so far: inconclusive while it runs.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let Some((ended, _)) = self.ended else {
            return match self.last {
                None => Outcome::NoData(NoDataReason::Missing),
                Some(_) => Outcome::Inconclusive,
            };
        };
        let policy = &self.policy;
        match ended {
            Ended::FailureLimit | Ended::ConsecutiveFailureLimit => Outcome::Fail,
            Ended::InconclusiveLimit => Outcome::Inconclusive,
            Ended::ConsecutiveErrorLimit => Outcome::NoData(NoDataReason::Missing),
            Ended::ConsecutiveSuccessLimit => Outcome::Pass,
            // Successes in a row were asked for and did not come.
            Ended::CountReached if policy.consecutive_success_limit > 0 => {
                match policy.failure_limit.or(policy.consecutive_failure_limit) {
                    Some(_) => Outcome::Inconclusive,
                    None => Outcome::Fail,
                }
            }
            Ended::CountReached => Outcome::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Micros = Micros::from_mins(1);

    /// Measures whenever one is due; returns what ended it and when.
    fn run(policy: RepeatedPolicy, values: &[Option<f64>]) -> (Outcome, Option<(Ended, Micros)>) {
        let mut series = Repeated::new(policy, Micros::ZERO);
        for value in values {
            if let Some(due) = series.due() {
                series.observe(due, *value).unwrap();
            }
        }
        (series.outcome(), series.ended())
    }

    fn argo() -> RepeatedPolicy {
        RepeatedPolicy {
            success: Some(Condition::AtMost(1.0)),
            ..RepeatedPolicy::argo(MINUTE, Some(5))
        }
    }

    #[test]
    fn a_failure_limit_of_three_needs_four_failures() {
        let policy = RepeatedPolicy {
            failure_limit: Some(3),
            count: None,
            ..argo()
        };
        let (bad, good) = (Some(2.0), Some(0.0));
        assert_eq!(run(policy, &[bad, bad, good, bad]).0, Outcome::Inconclusive);
        let (outcome, ended) = run(policy, &[bad, bad, good, bad, bad]);
        assert_eq!(outcome, Outcome::Fail);
        assert_eq!(ended, Some((Ended::FailureLimit, Micros::from_mins(4))));
    }

    #[test]
    fn no_data_is_an_error_retried_every_ten_seconds() {
        let (outcome, ended) = run(argo(), &[None; 6]);
        assert_eq!(outcome, Outcome::NoData(NoDataReason::Missing));
        assert_eq!(
            ended,
            Some((Ended::ConsecutiveErrorLimit, Micros::from_secs(40)))
        );
        // A value in between starts the count anew.
        let gap = [None, None, None, None, Some(0.0), None, None, None, None];
        assert_eq!(run(argo(), &gap).0, Outcome::Inconclusive);
    }

    #[test]
    fn failed_checks_are_never_forgiven() {
        let policy = RepeatedPolicy {
            success: Some(Condition::Between(99.0, 100.0)),
            ..RepeatedPolicy::flagger(MINUTE, 2, Some(10))
        };
        let good = Some(99.5);
        assert_eq!(
            run(policy, &[Some(98.0), good, good, None]).0,
            Outcome::Fail
        );
        assert_eq!(
            run(policy, &[Some(99.0), Some(100.0)]).0,
            Outcome::Inconclusive
        );
        let mut nine = [good; 10];
        nine[3] = None;
        assert_eq!(run(policy, &nine).0, Outcome::Pass);
    }

    #[test]
    fn nan_fails_one_condition_and_falls_between_two() {
        let both = RepeatedPolicy {
            failure: Some(Condition::AtLeast(5.0)),
            ..argo()
        };
        assert_eq!(argo().measure(Some(f64::NAN)), Some(Measurement::Failure));
        assert_eq!(
            both.measure(Some(f64::NAN)),
            Some(Measurement::Inconclusive)
        );
        assert_eq!(both.measure(Some(3.0)), Some(Measurement::Inconclusive));
        assert_eq!(
            both.measure(Some(f64::INFINITY)),
            Some(Measurement::Failure)
        );
        let neither = RepeatedPolicy::argo(MINUTE, None);
        assert_eq!(neither.measure(Some(f64::NAN)), Some(Measurement::Success));
    }

    #[test]
    fn streaks_end_a_series_both_ways() {
        let policy = RepeatedPolicy {
            failure_limit: None,
            consecutive_failure_limit: Some(1),
            consecutive_success_limit: 3,
            count: Some(6),
            ..argo()
        };
        let (bad, good) = (Some(2.0), Some(0.0));
        let flaky = [bad, good, bad, good, bad, good];
        assert_eq!(run(policy, &flaky).0, Outcome::Inconclusive);
        assert_eq!(run(policy, &[bad, bad]).0, Outcome::Fail);
        assert_eq!(run(policy, &[bad, good, None, good, good]).0, Outcome::Pass);
    }

    #[test]
    fn ignored_gaps_leave_everything_as_it_was() {
        let policy = RepeatedPolicy {
            no_data: NoDataRule::Ignore,
            ..argo()
        };
        let mut series = Repeated::new(policy, Micros::ZERO);
        assert_eq!(series.outcome(), Outcome::NoData(NoDataReason::Missing));
        series.observe(Micros::ZERO, None).unwrap();
        assert_eq!(series.counts(), MeasurementCounts::default());
        assert_eq!(series.due(), Some(MINUTE));
    }

    #[test]
    fn a_repeated_or_late_measurement_changes_nothing() {
        let mut series = Repeated::new(argo(), Micros::ZERO);
        series.observe(MINUTE, Some(0.0)).unwrap();
        let before = series.clone();
        for at in [MINUTE, Micros::ZERO] {
            assert!(series.observe(at, Some(9.0)).is_err());
        }
        assert_eq!(series, before);
    }

    #[test]
    fn overlapping_windows_see_one_burst_several_times() {
        let policy = RepeatedPolicy::flagger(Micros::from_secs(15), 5, None);
        assert_eq!(policy.overlap(), 4);
        assert_eq!(argo().overlap(), 1);
    }
}
