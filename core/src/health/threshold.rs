//! The threshold judge: fixed limits, a minimum sample, a freshness bound.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::time::Micros;

use super::check::{Check, Limit};
use super::tally::Tally;
use super::verdict::{CheckEvidence, NoDataReason, Outcome, Verdict};

/// What the judge asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgePolicy {
    /// The checks; all must pass.
    pub checks: Vec<Check>,
    /// A candidate whose newest window ended longer ago than this has no data.
    pub stale_after: Micros,
}

/// Judges a candidate against fixed limits, or against the control where a check says so.
///
/// A failure needs a sample of the asked size but no freshness: what was seen stays seen. A pass
/// needs both.
#[must_use]
pub fn judge(policy: &JudgePolicy, now: Micros, candidate: &Tally, control: &Tally) -> Verdict {
    let missing = candidate.newest_end().is_none();
    let stale = candidate
        .newest_end()
        .is_some_and(|end| end + policy.stale_after < now);
    let checks: Vec<CheckEvidence> = policy
        .checks
        .iter()
        .map(|check| look(check, missing, stale, candidate, control))
        .collect();
    let (decided_by, outcome) = decide(&checks);
    Verdict {
        outcome,
        decided_by,
        checks,
    }
}

fn look(
    check: &Check,
    missing: bool,
    stale: bool,
    candidate: &Tally,
    control: &Tally,
) -> CheckEvidence {
    let seen = candidate.read(check.signal);
    let sample = seen.map_or(0, |(_, sample)| sample);
    let value = seen.map(|(value, _)| value);
    let (limit, compared) = match check.limit {
        Limit::AtMost(limit) => (Some(limit), None),
        Limit::AtMostControl { factor_ppm, floor } => {
            let enough = control
                .read(check.signal)
                .filter(|(_, n)| *n >= check.sample_min);
            let scaled = enough.map(|(value, _)| scale(value, factor_ppm).max(floor));
            (scaled, enough.map(|(value, _)| value))
        }
    };
    let outcome = match (value, limit) {
        _ if missing => Outcome::NoData(NoDataReason::Missing),
        (None, _) => Outcome::NoData(NoDataReason::TooLittle),
        (Some(_), _) if sample < check.sample_min => Outcome::NoData(NoDataReason::TooLittle),
        (Some(value), Some(limit)) if value > limit => Outcome::Fail,
        _ if stale => Outcome::NoData(NoDataReason::Stale),
        (Some(_), Some(_)) => Outcome::Pass,
        (Some(_), None) => Outcome::Inconclusive,
    };
    CheckEvidence {
        signal: check.signal,
        outcome,
        value,
        control: compared,
        limit,
        sample,
        sample_min: check.sample_min,
    }
}

fn scale(value: u64, factor_ppm: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(factor_ppm) / 1_000_000).unwrap_or(u64::MAX)
}

/// The first failing check; else the first without data; else the first undecided one; else the
/// passing one that came closest to its limit. A judge without checks has nothing to go by.
fn decide(checks: &[CheckEvidence]) -> (u32, Outcome) {
    let rank = |outcome: Outcome| match outcome {
        Outcome::Fail => 0,
        Outcome::NoData(_) => 1,
        Outcome::Inconclusive => 2,
        Outcome::Pass => 3,
    };
    let room = |check: &CheckEvidence| match (check.value, check.limit) {
        (Some(value), Some(limit)) if limit > 0 => scale(1_000_000, value * 1_000_000 / limit),
        _ => 0,
    };
    let decided = checks.iter().enumerate().min_by_key(|(index, check)| {
        (rank(check.outcome), core::cmp::Reverse(room(check)), *index)
    });
    match decided {
        Some((index, check)) => (index as u32, check.outcome),
        None => (0, Outcome::NoData(NoDataReason::Missing)),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::Ppm;
    use crate::config::VersionId;
    use crate::health::{
        ClassCounts, InstanceCounts, LatencyHistogram, Saturation, Signal, TelemetryWindow,
    };
    use crate::ids::{ClassId, RegionId, ServiceId};

    const NOW: Micros = Micros::from_mins(10);

    fn tally(requests: u32, errors: u32, up: u32) -> Tally {
        let mut latency = LatencyHistogram::default();
        latency.add(LatencyHistogram::bucket_of(50_000), requests);
        let mut tally = Tally::default();
        tally.add(&TelemetryWindow {
            service: ServiceId(0),
            region: RegionId(0),
            version: VersionId(1),
            start: NOW - Micros::from_secs(60),
            end: NOW,
            classes: vec![ClassCounts {
                class: ClassId(0),
                requests,
                errors,
                good: requests - errors,
            }],
            latency,
            instances: InstanceCounts {
                total: 10,
                up,
                restarts: 0,
            },
            saturation: Saturation::default(),
        });
        tally
    }

    fn errors(limit: Limit) -> Check {
        Check {
            signal: Signal::ErrorRatio { class: None },
            limit,
            sample_min: 100,
        }
    }

    const UNAVAILABLE: Check = Check {
        signal: Signal::Unavailable,
        limit: Limit::AtMost(100_000),
        sample_min: 1,
    };

    fn check(checks: &[Check], candidate: &Tally, control: &Tally, expected: Outcome) {
        let policy = JudgePolicy {
            checks: checks.to_vec(),
            stale_after: Micros::from_mins(2),
        };
        assert_eq!(judge(&policy, NOW, candidate, control).outcome, expected);
    }

    #[test]
    fn judges_against_a_fixed_limit() {
        let none = Tally::default();
        let limit = errors(Limit::AtMost(10_000));
        check(&[limit], &tally(1_000, 10, 10), &none, Outcome::Pass);
        check(&[limit], &tally(1_000, 11, 10), &none, Outcome::Fail);
        check(
            &[limit],
            &tally(99, 99, 10),
            &none,
            Outcome::NoData(NoDataReason::TooLittle),
        );
        check(
            &[limit],
            &none,
            &none,
            Outcome::NoData(NoDataReason::Missing),
        );
        check(&[], &none, &none, Outcome::NoData(NoDataReason::Missing));
    }

    #[test]
    fn judges_against_the_control() {
        let limit = errors(Limit::AtMostControl {
            factor_ppm: 2_000_000,
            floor: 2_000,
        });
        let control = tally(10_000, 50, 10);
        check(&[limit], &tally(1_000, 10, 10), &control, Outcome::Pass);
        check(&[limit], &tally(1_000, 11, 10), &control, Outcome::Fail);
        check(
            &[limit],
            &tally(1_000, 2, 10),
            &tally(10_000, 0, 10),
            Outcome::Pass,
        );
        check(
            &[limit],
            &tally(1_000, 2, 10),
            &tally(50, 0, 10),
            Outcome::Inconclusive,
        );
    }

    #[test]
    fn a_failure_outranks_missing_data() {
        let down = tally(0, 0, 8);
        let both = [errors(Limit::AtMost(10_000)), UNAVAILABLE];
        check(&both, &down, &Tally::default(), Outcome::Fail);
        let policy = JudgePolicy {
            checks: both.to_vec(),
            stale_after: Micros::from_mins(2),
        };
        let verdict = judge(&policy, NOW, &down, &Tally::default());
        assert_eq!(
            verdict.deciding().map(|check| check.signal),
            Some(Signal::Unavailable)
        );
    }

    #[test]
    fn stale_data_never_passes_and_still_fails() {
        let policy = JudgePolicy {
            checks: vec![errors(Limit::AtMost(10_000))],
            stale_after: Micros::from_mins(2),
        };
        let later = NOW + Micros::from_secs(121);
        let verdict = |tally: &Tally| judge(&policy, later, tally, &Tally::default()).outcome;
        assert_eq!(
            verdict(&tally(1_000, 0, 10)),
            Outcome::NoData(NoDataReason::Stale)
        );
        assert_eq!(verdict(&tally(1_000, 500, 10)), Outcome::Fail);
    }

    #[test]
    fn a_pass_names_the_check_that_came_closest() {
        let policy = JudgePolicy {
            checks: vec![UNAVAILABLE, errors(Limit::AtMost(10_000))],
            stale_after: Micros::from_mins(2),
        };
        let verdict = judge(&policy, NOW, &tally(1_000, 9, 10), &Tally::default());
        assert_eq!((verdict.outcome, verdict.decided_by), (Outcome::Pass, 1));
        let p99 = Signal::Latency {
            quantile: Ppm(990_000),
        };
        assert_eq!(alloc::format!("{p99}"), "latency p99");
    }
}
