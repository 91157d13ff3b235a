//! Limits over a minimum sample, and what all methods share: missing, stale and thin data.

use firedrill_core::Micros;
use firedrill_core::health::judge::Method;
use firedrill_core::health::{Check, Limit, NoDataReason, Outcome, Signal};

use crate::support::{Minute, NEW, OLD, P99, errors_of_control, judge, minute, policy, window};

const NOW: Micros = Micros::from_mins(1);

const fn errors(limit: Limit) -> Check {
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

const DOWN: Minute = Minute {
    up: 8,
    ..minute(0, 0)
};

fn check(checks: &[Check], candidate: Option<Minute>, control: Option<Minute>, expected: Outcome) {
    let mut judge = judge(policy(Method::Threshold, checks));
    if let Some(seen) = candidate {
        judge.observe(&window(NEW, 0, 0, seen));
    }
    if let Some(seen) = control {
        judge.observe(&window(OLD, 0, 0, seen));
    }
    assert_eq!(judge.look(NOW).outcome, expected);
}

#[test]
fn judges_against_a_fixed_limit() {
    let limit = [errors(Limit::AtMost(10_000))];
    let few = Outcome::NoData(NoDataReason::TooLittle);
    check(&limit, Some(minute(1_000, 10)), None, Outcome::Pass);
    check(&limit, Some(minute(1_000, 11)), None, Outcome::Fail);
    check(&limit, Some(minute(99, 99)), None, few);
    check(&limit, None, None, Outcome::NoData(NoDataReason::Missing));
}

#[test]
fn judges_against_the_control() {
    let limit = [errors_of_control(2_000_000)];
    let control = Some(minute(10_000, 50));
    check(&limit, Some(minute(1_000, 10)), control, Outcome::Pass);
    check(&limit, Some(minute(1_000, 11)), control, Outcome::Fail);
    let clean = Some(minute(10_000, 0));
    check(&limit, Some(minute(1_000, 1)), clean, Outcome::Pass);
    let thin = Some(minute(50, 0));
    check(&limit, Some(minute(1_000, 2)), thin, Outcome::Inconclusive);
}

#[test]
fn too_little_throughput_fails_too() {
    let throughput = |limit| Check {
        signal: Signal::Throughput,
        limit,
        sample_min: 1,
    };
    // Ten instances answer a thousand requests in a minute: a hundred each.
    let half = [throughput(Limit::AtLeastControl {
        factor_ppm: 500_000,
    })];
    let control = Some(minute(2_000, 0));
    check(&half, Some(minute(1_000, 0)), control, Outcome::Pass);
    check(&half, Some(minute(999, 0)), control, Outcome::Fail);
    check(
        &[throughput(Limit::AtLeast(101))],
        Some(minute(1_000, 0)),
        None,
        Outcome::Fail,
    );
}

#[test]
fn logged_errors_and_probes_are_signals() {
    let logs = Check {
        signal: Signal::LogErrors,
        ..errors_of_control(2_000_000)
    };
    let control = Some(minute(1_000, 3));
    check(&[logs], Some(minute(1_000, 6)), control, Outcome::Pass);
    check(&[logs], Some(minute(1_000, 7)), control, Outcome::Fail);
    let probes = Check {
        signal: Signal::Probes,
        limit: Limit::AtMost(50_000),
        sample_min: 10,
    };
    check(&[probes], Some(minute(0, 0)), None, Outcome::Pass);
    let mut one_lost = window(NEW, 0, 0, minute(0, 0));
    one_lost.probes.failed = 1;
    let mut judge = judge(policy(Method::Threshold, &[probes]));
    judge.observe(&one_lost);
    assert_eq!(judge.look(NOW).outcome, Outcome::Fail);
}

#[test]
fn a_failure_outranks_missing_data() {
    let both = [errors(Limit::AtMost(10_000)), UNAVAILABLE];
    let mut judge = judge(policy(Method::Threshold, &both));
    judge.observe(&window(NEW, 0, 0, DOWN));
    let verdict = judge.look(NOW);
    assert_eq!(verdict.outcome, Outcome::Fail);
    let decided = verdict.deciding().map(|check| check.signal);
    assert_eq!(decided, Some(Signal::Unavailable));
}

#[test]
fn stale_data_never_passes_and_still_fails() {
    let later = NOW + Micros::from_secs(121);
    let verdict = |seen: Minute| {
        let mut judge = judge(policy(Method::Threshold, &[errors(Limit::AtMost(10_000))]));
        judge.observe(&window(NEW, 0, 0, seen));
        judge.look(later).outcome
    };
    assert_eq!(
        verdict(minute(1_000, 0)),
        Outcome::NoData(NoDataReason::Stale)
    );
    assert_eq!(verdict(minute(1_000, 500)), Outcome::Fail);
}

#[test]
fn a_pass_names_the_check_that_came_closest() {
    let both = [UNAVAILABLE, errors(Limit::AtMost(10_000))];
    let mut judge = judge(policy(Method::Threshold, &both));
    judge.observe(&window(NEW, 0, 0, minute(1_000, 9)));
    let verdict = judge.look(NOW);
    assert_eq!((verdict.outcome, verdict.decided_by), (Outcome::Pass, 1));
    let near: Vec<_> = verdict
        .checks
        .iter()
        .map(|check| check.nearness())
        .collect();
    assert_eq!(near, [Some(0), Some(900_000)]);
    assert_eq!(P99.to_string(), "latency p99");
}

#[test]
fn what_began_before_the_stage_is_left_out() {
    let mut setting = crate::support::SETTING;
    setting.start = Micros::from_mins(1);
    let policy = policy(Method::Threshold, &[errors(Limit::AtMost(10_000))]);
    let mut judge = firedrill_core::health::Judge::new(policy, setting, &Default::default());
    judge.observe(&window(NEW, 0, 0, minute(1_000, 500)));
    let missing = Outcome::NoData(NoDataReason::Missing);
    assert_eq!(judge.look(Micros::from_mins(2)).outcome, missing);
}
