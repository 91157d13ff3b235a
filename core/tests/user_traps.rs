//! What bit users of canary tools in public issue trackers, and what happens here instead; a test
//! a trap. Those of the rank test are in `rank_traps.rs`.

use firedrill_core::health::sequential::{
    ArmCounts, Baseline, HostEffects, Onset, PairedCounts, PairedWindow, SampleError,
    SequentialJudge, SequentialPolicy, SequentialVerdict, Turn,
};
use firedrill_core::health::{
    Condition, Ended, Measurement, NoDataReason, Outcome, Repeated, RepeatedPolicy,
};
use firedrill_core::{Micros, Ppm};

const POLICY: SequentialPolicy = SequentialPolicy {
    alpha: Ppm(1_000),
    miss: Ppm(50_000),
    effect_min_milli: 2_000,
    baseline: Baseline::Control,
    onset: Onset::Either,
    hosts: HostEffects::None,
    bake: Micros::from_mins(10),
    stale_after: Micros::from_mins(2),
    tolerable: Ppm::ZERO,
};

/// Judges minutes of (requests, errors) of the candidate and of the control.
fn judge(minutes: &[[(u64, u64); 2]]) -> SequentialVerdict {
    let mut judge = SequentialJudge::new(POLICY, 1).expect("the policy is sound");
    let arm = |(requests, errors)| ArmCounts { requests, errors };
    for (minute, arms) in (0..).zip(minutes) {
        let taken = judge.observe(&PairedWindow {
            start: Micros::from_mins(minute),
            end: Micros::from_mins(minute + 1),
            signals: &[PairedCounts {
                canary: arm(arms[0]),
                control: arm(arms[1]),
            }],
        });
        assert_eq!(taken, Ok(()));
    }
    judge.verdict(Micros::from_mins(minutes.len() as u64))
}

/// fluxcd/flagger#1035, #1098; argoproj/argo-rollouts#1905.
#[test]
fn trap_no_traffic_is_taken_for_a_failure() {
    let verdict = judge(&[[(0, 0), (1_000, 1)]; 30]);
    assert_eq!(verdict.outcome, Outcome::NoData(NoDataReason::TooLittle));
}

/// kortix-ai/suna#3403; GoogleCloudPlatform/cloud-run-release-manager#42.
#[test]
fn trap_one_error_of_two_requests_is_a_ratio_of_half() {
    let verdict = judge(&[[(2, 1), (1_000, 1)]]);
    assert_eq!(verdict.outcome, Outcome::Inconclusive, "{verdict:?}");
}

/// spinnaker/kayenta#426: sparse errors, zeros on the other side.
#[test]
fn trap_sparse_errors_are_judged_by_their_number() {
    let few = [0, 1, 2, 1, 0, 0].map(|errors| [(100, errors), (100, 0)]);
    assert_eq!(judge(&few).outcome, Outcome::Inconclusive);
    let many: Vec<_> = few.iter().copied().cycle().take(24).collect();
    assert_eq!(judge(&many).outcome, Outcome::Fail);
}

/// spinnaker/kayenta#780: fresh processes are slow to warm up, in both arms when both are fresh.
#[test]
fn trap_an_initial_fluctuation_that_heals() {
    let minute = |minute| {
        let errors = if minute < 3 { 100 } else { 2 };
        [(1_000, errors), (1_000, errors)]
    };
    let minutes: Vec<_> = (0..30).map(minute).collect();
    assert_eq!(judge(&minutes).outcome, Outcome::Pass);
}

/// argoproj/argo-rollouts#4792, #4023: one bad measurement of a flaky metric. With failures in a
/// row as the limit, it passes; in all, it does not.
#[test]
fn trap_a_flaky_metric_rolls_back() {
    let run = |in_all: Option<u32>, in_row: Option<u32>| {
        let policy = RepeatedPolicy {
            success: Some(Condition::Between(0.0, 1.0)),
            failure_limit: in_all,
            consecutive_failure_limit: in_row,
            ..RepeatedPolicy::argo(Micros::from_mins(1), Some(10))
        };
        let mut series = Repeated::new(policy, Micros::ZERO);
        for minute in 0..10 {
            let value = if minute % 4 == 1 { 5.0 } else { 0.0 };
            let _ = series.observe(Micros::from_mins(minute), Some(value));
        }
        series.outcome()
    };
    assert_eq!(run(Some(0), None), Outcome::Fail);
    assert_eq!(run(None, Some(1)), Outcome::Pass);
}

/// argoproj/argo-rollouts#2026: three of three measurements failed, and the run succeeds.
#[test]
fn trap_a_failure_limit_lets_that_many_pass() {
    let run = |failure_limit| {
        let policy = RepeatedPolicy {
            success: Some(Condition::Between(0.0, 1.0)),
            failure_limit: Some(failure_limit),
            ..RepeatedPolicy::argo(Micros::from_mins(1), Some(3))
        };
        let mut series = Repeated::new(policy, Micros::ZERO);
        for minute in 0..3 {
            let _ = series.observe(Micros::from_mins(minute), Some(9.0));
        }
        (series.outcome(), series.ended().map(|(ended, _)| ended))
    };
    assert_eq!(run(3), (Outcome::Pass, Some(Ended::CountReached)));
    assert_eq!(run(2).0, Outcome::Fail);
}

/// Comparisons with NaN are false: with a condition for success alone that is a failure.
#[test]
fn trap_nan_compares_as_false() {
    let policy = RepeatedPolicy {
        success: Some(Condition::Between(0.0, 1.0)),
        ..RepeatedPolicy::argo(Micros::from_mins(1), None)
    };
    assert_eq!(policy.measure(Some(f64::NAN)), Some(Measurement::Failure));
    assert_eq!(policy.measure(None), Some(Measurement::Error));
}

/// fluxcd/flagger: a query over the last minute every fifteen seconds counts a burst four times.
#[test]
fn trap_overlapping_windows_count_one_burst_twice() {
    let mut judge = SequentialJudge::new(POLICY, 1).expect("the policy is sound");
    let counts = [PairedCounts::default()];
    let mut window = |start, end| {
        judge.observe(&PairedWindow {
            start: Micros::from_secs(start),
            end: Micros::from_secs(end),
            signals: &counts,
        })
    };
    assert_eq!(window(0, 60), Ok(()));
    let judged_until = Micros::from_mins(1);
    assert_eq!(
        window(15, 75),
        Err(SampleError::AlreadyJudged { judged_until })
    );
}

/// spinnaker/kayenta#633: nobody can tell beforehand how much data is enough. The verdict tells.
#[test]
fn trap_the_sample_size_is_a_secret() {
    let verdict = judge(&[[(1_000, 1), (1_000, 1)]; 12]);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    let Turn::RequestsToPass(more) = verdict.signals[0].turn else {
        panic!("{verdict:?}");
    };
    let minutes = 12 + more.div_ceil(1_000) as usize;
    let enough = judge(&vec![[(1_000, 1), (1_000, 1)]; minutes]);
    assert_eq!(enough.outcome, Outcome::Pass, "{more} more requests");
}

/// spinnaker/kayenta#521, #733; fluxcd/flagger#1815: why a verdict is what it is.
#[test]
fn trap_a_verdict_without_its_numbers() {
    let verdict = judge(&[[(1_000, 50), (1_000, 5)]; 3]);
    let signal = verdict.deciding().expect("a signal decided");
    assert_eq!((signal.canary.errors, signal.control.errors), (150, 15));
    assert!(signal.ln_e >= signal.fail_threshold && signal.failed_at.is_some());
    let (low, high) = signal.interval.expect("both arms erred");
    assert!(low > 1.0 && low < 10.0 && high > 10.0);
}
