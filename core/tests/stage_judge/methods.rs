//! The repeated, the rank and the sequential judge, and what they compare with.

use firedrill_core::health::judge::{
    Control, JudgeError, Method, Past, RankMethod, Repetition, SequentialMethod,
};
use firedrill_core::health::sequential::{HostEffects, Onset, Rule};
use firedrill_core::health::{
    Check, Judge, JudgePolicy, Limit, NoDataReason, NoDataRule, Outcome, Proof, Signal,
};
use firedrill_core::{Micros, Ppm};

use crate::support::{
    Dice, Minute, NEW, OLD, P99, SETTING, errors_of_control, judge, minute, policy, run, window,
};

const TWICE: u64 = 2_000_000;

const REPEATED: Method = Method::Repeated(Repetition {
    interval: Micros::from_mins(1),
    window: Micros::from_mins(1),
    failure_limit: Some(2),
    consecutive_failure_limit: None,
    consecutive_error_limit: 4,
    no_data: NoDataRule::Error,
});

const RANK: RankMethod = RankMethod {
    confidence: Ppm(980_000),
    points_min: 8,
    compatible: false,
};

const SEQUENTIAL: SequentialMethod = SequentialMethod {
    alpha: Ppm(1_000),
    miss: Ppm(50_000),
    effect_milli: 2_000,
    onset: Onset::Either,
    hosts: HostEffects::None,
};

fn sequential(checks: &[Check]) -> JudgePolicy {
    policy(Method::Sequential(SEQUENTIAL), checks)
}

#[test]
fn the_third_failed_measurement_of_two_allowed_fails() {
    let mut judge = judge(policy(REPEATED, &[errors_of_control(TWICE)]));
    let bad = |number: u64| minute(1_000, if number.is_multiple_of(2) { 30 } else { 1 });
    let (at, verdict) = run(&mut judge, 20, bad, |_| minute(10_000, 20));
    // Minutes 1, 3 and 5 are bad ones.
    assert_eq!(at, 5);
    let shown = verdict
        .deciding()
        .map(|check| (check.proof, check.nearness()));
    let proof = Proof::Counted {
        succeeded: 2,
        failed: 3,
        allowed: 2,
        in_row: false,
    };
    assert_eq!(shown, Some((proof, Some(1_000_000))));
}

#[test]
fn measurements_within_the_limits_pass() {
    let mut judge = judge(policy(REPEATED, &[errors_of_control(TWICE)]));
    let (_, verdict) = run(
        &mut judge,
        10,
        |number| minute(1_000, if number < 2 { 30 } else { 1 }),
        |_| minute(10_000, 20),
    );
    assert_eq!(verdict.outcome, Outcome::Pass);
    let near = verdict.deciding().and_then(|check| check.nearness());
    assert_eq!(near, Some(666_666));
}

/// Reports come with windows of the old version: they count all the same.
#[test]
fn reports_of_users_count_for_every_method() {
    for method in [Method::Threshold, REPEATED] {
        let reports = Check {
            signal: Signal::Reports,
            limit: Limit::AtMost(2),
            sample_min: 1,
        };
        let mut judge = judge(policy(method, &[reports]));
        let outcomes: Vec<Outcome> = (0..6)
            .map(|number| {
                let mut old = window(OLD, 0, number, minute(1_000, 0));
                old.user_reports = if number < 3 { 0 } else { 3 };
                judge.observe(&old);
                judge.observe(&window(NEW, 0, number, minute(1_000, 0)));
                judge.look(Micros::from_mins(number + 1)).outcome
            })
            .collect();
        assert_eq!(outcomes[2], Outcome::Pass, "{method:?}");
        assert_eq!(outcomes[5], Outcome::Fail, "{method:?}");
    }
}

#[test]
fn five_measurements_without_a_value_are_no_data() {
    let mut judge = judge(policy(REPEATED, &[errors_of_control(TWICE)]));
    let (_, verdict) = run(&mut judge, 6, |_| minute(10, 0), |_| minute(10_000, 20));
    assert_eq!(
        verdict.outcome,
        Outcome::NoData(NoDataReason::NothingMeasured)
    );
}

#[test]
fn ranks_tell_a_worse_candidate_and_let_an_equal_one_pass() {
    let checks = [errors_of_control(1_250_000)];
    let scatter = |number: u64, base: u32| minute(10_000, base + (number * 7 % 5) as u32);
    let rank = || judge(policy(Method::Rank(RANK), &checks));
    let (at, verdict) = run(&mut rank(), 20, |n| scatter(n, 60), |n| scatter(n, 30));
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!((8..=12).contains(&at), "{at}");
    let (_, verdict) = run(&mut rank(), 20, |n| scatter(n + 3, 30), |n| scatter(n, 30));
    assert_eq!(verdict.outcome, Outcome::Pass);
}

#[test]
fn few_scrapes_have_no_rank() {
    let mut judge = judge(policy(Method::Rank(RANK), &[errors_of_control(1_250_000)]));
    let (_, verdict) = run(&mut judge, 7, |_| minute(1_000, 9), |_| minute(1_000, 1));
    assert_eq!(
        verdict.outcome,
        Outcome::NoData(NoDataReason::TooFewScrapes)
    );
}

#[test]
fn evidence_fails_a_worse_candidate_within_minutes() {
    let mut dice = Dice::new(7);
    let worse: Vec<Minute> = (0..20).map(|_| dice.bad(10_000, 0.005)).collect();
    let usual: Vec<Minute> = (0..20).map(|_| dice.bad(10_000, 0.001)).collect();
    let mut judge = judge(sequential(&[errors_of_control(TWICE)]));
    let (at, verdict) = run(&mut judge, 20, |n| worse[n as usize], |n| usual[n as usize]);
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(at <= 2, "{at}");
    let decided = verdict.deciding().expect("a check decided");
    assert!(decided.nearness() >= Some(1_000_000));
    assert!(matches!(
        decided.proof,
        Proof::Weighed {
            rule: Rule::Worse,
            ..
        }
    ));
}

/// The false alarms of a whole stage looked at every minute stay within the budget: with 1 % and
/// 1,000 stages, more than 21 have a probability below 0.1 %.
#[test]
fn an_equal_candidate_seldom_fails() {
    let mut dice = Dice::new(11);
    let method = SequentialMethod {
        alpha: Ppm(10_000),
        ..SEQUENTIAL
    };
    let failed = (0..1_000).filter(|_| {
        let policy = policy(Method::Sequential(method), &[errors_of_control(TWICE)]);
        let minutes: Vec<[Minute; 2]> = (0..20)
            .map(|_| [dice.bad(1_000, 0.01), dice.bad(1_000, 0.01)])
            .collect();
        let mut judge = judge(policy);
        let (_, verdict) = run(
            &mut judge,
            20,
            |n| minutes[n as usize][0],
            |n| minutes[n as usize][1],
        );
        verdict.outcome == Outcome::Fail
    });
    let failed = failed.count();
    assert!(failed <= 21, "{failed}");
}

/// A region with ten times the errors, in which most of the candidate serves: pooled, the
/// candidate looks five times as bad.
#[test]
fn regions_that_differ_are_no_difference_between_the_arms() {
    let checks = [errors_of_control(TWICE)];
    let outcomes = [Method::Threshold, Method::Sequential(SEQUENTIAL)].map(|method| {
        let mut setting = SETTING;
        setting.regions = 2;
        let mut judge = Judge::new(policy(method, &checks), setting, &Past::default());
        for number in 0..10 {
            for (version, region, seen) in [
                (NEW, 0, minute(9_000, 90)),
                (NEW, 1, minute(1_000, 1)),
                (OLD, 0, minute(10_000, 100)),
                (OLD, 1, minute(90_000, 90)),
            ] {
                judge.observe(&window(version, region, number, seen));
            }
        }
        judge.look(Micros::from_mins(10)).outcome
    });
    assert_eq!(outcomes, [Outcome::Fail, Outcome::Pass]);
}

#[test]
fn a_half_that_never_comes_compares_nothing() {
    let mut judge = judge(sequential(&[errors_of_control(TWICE)]));
    for number in 0..10 {
        judge.observe(&window(NEW, 0, number, minute(1_000, 500)));
    }
    let verdict = judge.look(Micros::from_mins(10));
    assert_eq!(
        verdict.outcome,
        Outcome::NoData(NoDataReason::NothingCompared)
    );
}

/// Windows in any order come to the same evidence.
#[test]
fn the_order_of_arrival_changes_nothing() {
    let windows: Vec<_> = (0..8)
        .flat_map(|number| {
            [
                window(OLD, 0, number, minute(2_000, 2 + number as u32)),
                window(NEW, 0, number, minute(1_000, 3)),
            ]
        })
        .collect();
    let verdict = |order: &mut dyn Iterator<Item = usize>| {
        let mut judge = judge(policy(
            Method::Sequential(SequentialMethod {
                onset: Onset::Start,
                ..SEQUENTIAL
            }),
            &[errors_of_control(TWICE)],
        ));
        for index in order {
            judge.observe(&windows[index]);
        }
        judge.look(Micros::from_mins(8))
    };
    let straight = verdict(&mut (0..16));
    assert_eq!(straight, verdict(&mut (0..16).rev()));
    assert_eq!(straight, verdict(&mut (0..16).map(|index| index * 5 % 16)));
}

#[test]
fn slow_requests_are_counted_above_the_line_that_the_control_draws() {
    let slow = Minute {
        latency_us: 90_000,
        ..minute(1_000, 0)
    };
    let check = Check {
        signal: P99,
        ..errors_of_control(1_200_000)
    };
    let (at, verdict) = run(
        &mut judge(sequential(&[check])),
        10,
        |_| slow,
        |_| minute(1_000, 0),
    );
    // The first minute draws the line, the second one is above it.
    assert_eq!((at, verdict.outcome), (2, Outcome::Fail));
}

#[test]
fn a_control_group_is_told_from_the_others() {
    let checks = [errors_of_control(TWICE)];
    let mut judge = judge(JudgePolicy {
        control: Control::Group,
        ..policy(Method::Threshold, &checks)
    });
    let mut group = window(OLD, 0, 0, minute(1_000, 10));
    group.set_apart = true;
    judge.observe(&group);
    judge.observe(&window(OLD, 0, 0, minute(100_000, 0)));
    judge.observe(&window(NEW, 0, 0, minute(1_000, 10)));
    let verdict = judge.look(Micros::from_mins(1));
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert_eq!(verdict.checks[0].control, Some(10_000));
}

#[test]
fn the_time_before_the_rollout_may_be_the_control() {
    let mut past = Past::new(Micros::from_mins(5));
    for number in 0..10 {
        let errors = if number < 5 { 500 } else { 2 };
        past.add(&window(OLD, 0, number, minute(1_000, errors)));
    }
    let now = Micros::from_mins(10);
    let before = past.before(now, Micros::from_mins(5));
    for method in [Method::Threshold, REPEATED, Method::Sequential(SEQUENTIAL)] {
        let mut setting = SETTING;
        setting.start = now;
        let policy = JudgePolicy {
            control: Control::Before(Micros::from_mins(5)),
            ..policy(method, &[errors_of_control(TWICE)])
        };
        let mut judge = Judge::new(policy, setting, &before);
        for number in 10..16 {
            judge.observe(&window(NEW, 0, number, minute(1_000, 40)));
            // The others have gone bad as well: nobody asks them.
            judge.observe(&window(OLD, 0, number, minute(1_000, 40)));
            judge.look(Micros::from_mins(number + 1));
        }
        let verdict = judge.look(Micros::from_mins(16));
        assert_eq!(verdict.outcome, Outcome::Fail, "{method:?}");
    }
}

#[test]
fn policies_that_ask_for_nonsense_are_refused() {
    let check = [errors_of_control(TWICE)];
    let refused = |method: Method, expected: JudgeError| {
        assert_eq!(policy(method, &check).check(), Err(expected));
    };
    let Method::Repeated(repetition) = REPEATED else {
        unreachable!("it is repeated")
    };
    refused(
        Method::Repeated(Repetition {
            interval: Micros::ZERO,
            ..repetition
        }),
        JudgeError::Rhythm,
    );
    refused(
        Method::Repeated(Repetition {
            failure_limit: None,
            ..repetition
        }),
        JudgeError::NeverFails,
    );
    refused(
        Method::Rank(RankMethod {
            confidence: Ppm::ONE,
            ..RANK
        }),
        JudgeError::Probability,
    );
    refused(
        Method::Sequential(SequentialMethod {
            alpha: Ppm::ZERO,
            ..SEQUENTIAL
        }),
        JudgeError::Probability,
    );
    refused(
        Method::Sequential(SequentialMethod {
            hosts: HostEffects::Estimated,
            ..SEQUENTIAL
        }),
        JudgeError::HostsUnseen,
    );
    let nothing_worse = policy(
        Method::Sequential(SEQUENTIAL),
        &[errors_of_control(1_000_000)],
    );
    assert_eq!(nothing_worse.check(), Err(JudgeError::Effect));
    let many = vec![errors_of_control(TWICE); 2_000];
    assert_eq!(sequential(&many).check(), Err(JudgeError::Budget));
    assert_eq!(sequential(&[]).check(), Err(JudgeError::NoChecks));
}

/// The evidence of a canary that fails every request stands, however far hosts are said to differ.
#[test]
fn trap_hosts_that_vary_excuse_a_canary_that_fails_everything() {
    for vary in [10_000, 250_000, 500_000, 1_000_000] {
        for errors in [1_000, 10_000, 50_000] {
            let method = Method::Sequential(SequentialMethod {
                hosts: HostEffects::AtMost(Ppm(vary)),
                ..SEQUENTIAL
            });
            let mut judge = judge(policy(method, &[errors_of_control(TWICE)]));
            let requests = 50_000;
            let (at, _) = run(
                &mut judge,
                20,
                |_| minute(requests, errors),
                |_| minute(requests, 50),
            );
            assert_eq!(at, 1, "{vary} ppm, {errors} errors");
        }
    }
}
