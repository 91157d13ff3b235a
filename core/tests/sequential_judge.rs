//! The sequential judge's verdicts: every outcome, every kind of data that cannot be judged.

use firedrill_core::health::sequential::{
    ArmCounts, Baseline, HostEffects, Onset, PairedCounts, PairedWindow, PolicyError, Rule,
    SampleError, SequentialJudge, SequentialPolicy, Turn,
};
use firedrill_core::health::{NoDataReason, Outcome};
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

fn arm(requests: u64, errors: u64) -> ArmCounts {
    ArmCounts { requests, errors }
}

const fn pair(canary: ArmCounts, control: ArmCounts) -> PairedCounts {
    PairedCounts { canary, control }
}

fn judge(policy: SequentialPolicy, signals: usize) -> SequentialJudge {
    SequentialJudge::new(policy, signals).expect("the policy is sound")
}

/// Judges the same window minute after minute; the verdict at the end of the last.
fn run(policy: SequentialPolicy, minutes: u64, window: &[PairedCounts]) -> SequentialJudge {
    let mut judge = judge(policy, window.len());
    for minute in 0..minutes {
        let taken = judge.observe(&PairedWindow {
            start: Micros::from_mins(minute),
            end: Micros::from_mins(minute + 1),
            signals: window,
        });
        assert_eq!(taken, Ok(()));
    }
    judge
}

fn check(
    policy: SequentialPolicy,
    minutes: u64,
    counts: PairedCounts,
    outcome: Outcome,
    rule: Rule,
) {
    let judge = run(policy, minutes, &[counts]);
    let verdict = judge.verdict(Micros::from_mins(minutes));
    assert_eq!(verdict.outcome, outcome, "{verdict:?}");
    assert_eq!(verdict.deciding().map(|signal| signal.rule), Some(rule));
}

#[test]
fn a_bad_canary_fails_at_once_and_for_good() {
    let bad = pair(arm(1_000, 30), arm(1_000, 3));
    check(POLICY, 1, bad, Outcome::Fail, Rule::Worse);
    let mut judge = run(POLICY, 1, &[bad]);
    let at = |judge: &SequentialJudge| judge.verdict(Micros::from_mins(1)).signals[0].failed_at;
    assert_eq!(at(&judge), Some(Micros::from_mins(1)));
    for minute in 1..60 {
        let good = [pair(arm(1_000, 0), arm(1_000, 30))];
        let window = PairedWindow {
            start: Micros::from_mins(minute),
            end: Micros::from_mins(minute + 1),
            signals: &good,
        };
        judge.observe(&window).unwrap();
    }
    let later = judge.verdict(Micros::from_hours(9));
    assert_eq!(
        later.outcome,
        Outcome::Fail,
        "what was seen stays seen, however stale"
    );
}

#[test]
fn a_good_canary_passes_when_the_bake_is_over_and_not_before() {
    let good = pair(arm(10_000, 10), arm(10_000, 10));
    check(POLICY, 9, good, Outcome::Inconclusive, Rule::Undecided);
    let verdict = run(POLICY, 9, &[good]).verdict(Micros::from_mins(9));
    assert_eq!(verdict.signals[0].turn, Turn::Bake);
    check(POLICY, 10, good, Outcome::Pass, Rule::EffectExcluded);
}

#[test]
fn too_small_a_sample_stays_inconclusive_and_says_how_much_is_missing() {
    let little = pair(arm(100, 1), arm(100, 1));
    check(POLICY, 10, little, Outcome::Inconclusive, Rule::Undecided);
    let verdict = run(POLICY, 4, &[little]).verdict(Micros::from_mins(4));
    let Turn::RequestsToPass(more) = verdict.signals[0].turn else {
        panic!("{verdict:?}");
    };
    let minutes = 4 + more.div_ceil(100);
    check(POLICY, minutes, little, Outcome::Pass, Rule::EffectExcluded);
}

/// Two perfect arms never tell a ratio; an error ratio that is tolerable in any case does.
#[test]
fn no_errors_at_all_pass_by_what_is_tolerable() {
    let perfect = pair(arm(1_000, 0), arm(1_000, 0));
    check(POLICY, 60, perfect, Outcome::Inconclusive, Rule::Undecided);
    let policy = SequentialPolicy {
        tolerable: Ppm(1_000),
        ..POLICY
    };
    check(policy, 60, perfect, Outcome::Pass, Rule::Tolerable);
    let bad_but_tolerable = pair(arm(100_000, 60), arm(100_000, 2));
    let judge = run(policy, 10, &[bad_but_tolerable]);
    assert!(!judge.has_failed());
}

#[test]
fn a_usual_rate_needs_no_control() {
    let policy = SequentialPolicy {
        baseline: Baseline::Known(Ppm(1_000)),
        ..POLICY
    };
    let none = ArmCounts::default();
    check(
        policy,
        1,
        pair(arm(1_000, 20), none),
        Outcome::Fail,
        Rule::Worse,
    );
    check(
        policy,
        10,
        pair(arm(10_000, 10), none),
        Outcome::Pass,
        Rule::EffectExcluded,
    );
    let verdict = run(policy, 10, &[pair(arm(10_000, 10), none)]).verdict(Micros::from_mins(10));
    let (low, high) = verdict.signals[0].interval.unwrap();
    assert!(low < 1.0 && high > 1.0 && high < 2.0, "{low} {high}");
}

#[test]
fn missing_stale_and_one_sided_data_are_no_data() {
    let empty = judge(POLICY, 1).verdict(Micros::ZERO);
    assert_eq!(empty.outcome, Outcome::NoData(NoDataReason::Missing));
    let good = [pair(arm(10_000, 10), arm(10_000, 10))];
    let stale = run(POLICY, 10, &good).verdict(Micros::from_secs(721));
    assert_eq!(stale.outcome, Outcome::NoData(NoDataReason::Stale));
    let silent = [pair(ArmCounts::default(), arm(10_000, 10))];
    let silent = run(POLICY, 10, &silent).verdict(Micros::from_mins(10));
    assert_eq!(silent.outcome, Outcome::NoData(NoDataReason::TooLittle));
    let alone = [pair(arm(10_000, 9_000), ArmCounts::default())];
    let alone = run(POLICY, 10, &alone).verdict(Micros::from_mins(10));
    assert_eq!(
        alone.outcome,
        Outcome::NoData(NoDataReason::TooLittle),
        "nothing to compare with"
    );
}

#[test]
fn windows_that_cannot_be_taken_change_nothing() {
    let good = [pair(arm(1_000, 1), arm(1_000, 1))];
    let mut judge = run(POLICY, 5, &good);
    let before = judge.verdict(Micros::from_mins(5));
    let at = |start: u64, end: u64| (Micros::from_mins(start), Micros::from_mins(end));
    let late = SampleError::AlreadyJudged {
        judged_until: Micros::from_mins(5),
    };
    let more = [pair(arm(10, 11), arm(10, 0))];
    let two = [good[0], good[0]];
    let cases: [(_, &[PairedCounts], _); 6] = [
        (at(4, 5), &good, late),
        (at(2, 3), &good, late),
        (at(6, 6), &good, SampleError::Empty),
        (at(7, 6), &good, SampleError::Empty),
        (
            at(5, 6),
            &more,
            SampleError::ErrorsAboveRequests { signal: 0 },
        ),
        (
            at(5, 6),
            &two,
            SampleError::Signals {
                found: 2,
                expected: 1,
            },
        ),
    ];
    for ((start, end), signals, expected) in cases {
        let window = PairedWindow {
            start,
            end,
            signals,
        };
        assert_eq!(judge.observe(&window), Err(expected));
        assert_eq!(judge.verdict(Micros::from_mins(5)), before);
    }
}

#[test]
fn counters_that_go_down_were_reset() {
    assert_eq!(arm(10, 2).since(arm(7, 1)), Ok(arm(3, 1)));
    for reset in [arm(3, 2), arm(10, 0)] {
        assert_eq!(reset.since(arm(7, 1)), Err(SampleError::CounterWentDown));
    }
}

#[test]
fn signals_share_one_budget_and_the_first_to_fail_decides() {
    let (good, bad) = (
        pair(arm(1_000, 3), arm(1_000, 3)),
        pair(arm(1_000, 12), arm(1_000, 2)),
    );
    let alone = run(POLICY, 4, &[bad]).verdict(Micros::from_mins(4));
    let mut many = vec![good; 50];
    many[7] = bad;
    let among = run(POLICY, 4, &many).verdict(Micros::from_mins(4));
    assert_eq!(among.decided_by, 7);
    let cost = among.signals[7].fail_threshold - alone.signals[0].fail_threshold;
    assert!((cost - libm::log(50.0)).abs() < 1e-9);
    assert!(among.signals[7].failed_at >= alone.signals[0].failed_at);
}

/// So many errors fewer would not have failed; one more of them would.
#[test]
fn what_would_have_changed_it_is_exact() {
    let policy = SequentialPolicy {
        onset: Onset::Start,
        ..POLICY
    };
    let fails = |errors| {
        let judge = run(policy, 1, &[pair(arm(1_000, errors), arm(1_000, 3))]);
        (
            judge.has_failed(),
            judge.verdict(Micros::from_mins(1)).signals[0].turn,
        )
    };
    let (failed, turn) = fails(40);
    let Turn::ErrorsFewer(fewer) = turn else {
        panic!("{turn:?}");
    };
    assert!(failed && !fails(40 - fewer).0 && fails(40 - fewer + 1).0);
    let (_, turn) = fails(5);
    let Turn::ErrorsMore(more) = turn else {
        panic!("{turn:?}");
    };
    assert!(fails(5 + more).0 && !fails(5 + more - 1).0);
}

#[test]
fn policies_that_ask_for_nonsense_are_refused() {
    let refused = |policy: SequentialPolicy, signals, expected| {
        let found = SequentialJudge::new(policy, signals).err();
        assert_eq!(found, Some(expected));
    };
    refused(POLICY, 0, PolicyError::Signals);
    let alpha = SequentialPolicy {
        alpha: Ppm::ZERO,
        ..POLICY
    };
    refused(alpha, 1, PolicyError::Probability);
    let effect = SequentialPolicy {
        effect_min_milli: 1_000,
        ..POLICY
    };
    refused(effect, 1, PolicyError::Effect);
    let hosts = SequentialPolicy {
        baseline: Baseline::Known(Ppm(1_000)),
        hosts: HostEffects::Estimated,
        ..POLICY
    };
    refused(hosts, 1, PolicyError::HostsWithoutControl);
    let rate = SequentialPolicy {
        baseline: Baseline::Known(Ppm::ONE),
        ..POLICY
    };
    refused(rate, 1, PolicyError::Rate);
    let bake = SequentialPolicy {
        bake: Micros::ZERO,
        ..POLICY
    };
    refused(bake, 1, PolicyError::Bake);
}

/// Hosts that differ for good excuse a lasting difference that would otherwise fail.
#[test]
fn hosts_that_differ_excuse_a_lasting_difference() {
    let counts = pair(arm(10_000, 45), arm(10_000, 20));
    let hosts = [arm(2_500, 1), arm(2_500, 14), arm(2_500, 3), arm(2_500, 2)];
    let estimated = SequentialPolicy {
        hosts: HostEffects::Estimated,
        ..POLICY
    };
    let mut watched = judge(estimated, 1);
    for minute in 0..10 {
        watched.observe_hosts(0, &hosts, &hosts);
        let window = PairedWindow {
            start: Micros::from_mins(minute),
            end: Micros::from_mins(minute + 1),
            signals: &[counts],
        };
        watched.observe(&window).unwrap();
    }
    assert!(run(POLICY, 10, &[counts]).has_failed());
    assert!(!watched.has_failed());
    let wide = watched.verdict(Micros::from_mins(10)).signals[0].interval;
    let narrow = run(POLICY, 10, &[counts])
        .verdict(Micros::from_mins(10))
        .signals[0]
        .interval;
    assert!(wide.unwrap().0 < 1.0 && narrow.unwrap().0 > 1.0);
}
