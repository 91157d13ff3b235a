//! The known traps of the rank judge in wide use: each is still there in compatible mode, and
//! closed in guarded mode.

use firedrill_core::health::rank::metric::{Label, MetricPolicy, Mode, judge_metric};
use firedrill_core::health::rank::prepare::{Missing, Outliers};
use firedrill_core::health::rank::score::{ScoreError, ScorePolicy, Scored, score};
use firedrill_core::health::special::normal_quantile;
use firedrill_core::health::{NoDataReason, Outcome};

const COMPATIBLE: MetricPolicy = MetricPolicy::usual(Mode::Compatible);
const GUARDED: MetricPolicy = MetricPolicy::usual(Mode::Guarded {
    looks: 1,
    points_min: 8,
});

fn check(policy: &MetricPolicy, x: &[f64], y: &[f64], expected: Label) {
    assert_eq!(judge_metric(policy, x, y).label, expected, "{policy:?}");
}

/// Log-normal noise of a fifth around `level`, from a fixed stream (splitmix64).
fn noisy(seed: u64, level: f64, n: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0xd134_2543_de82_ef95);
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + 1e-17
    };
    (0..n)
        .map(|_| level * libm::exp(0.2 * normal_quantile(uniform())))
        .collect()
}

fn metric(label: Label, group: &str) -> Scored {
    Scored {
        label,
        groups: vec![group.into()],
        critical: false,
        muted: false,
    }
}

fn scoring(compatible: bool, weights: &[(&str, f64)]) -> ScorePolicy {
    let weights = weights
        .iter()
        .map(|(name, weight)| ((*name).into(), *weight));
    ScorePolicy {
        weights: weights.collect(),
        pass: 95.0,
        marginal: 75.0,
        compatible,
    }
}

#[test]
fn trap_a_unit_in_which_values_are_tiny_hides_a_regression() {
    for (unit, factor) in [(1e-5, 2.0), (1e-4, 1.3)] {
        let detected = |policy: &MetricPolicy, unit: f64| {
            (0..100_u64)
                .filter(|seed| {
                    let x = noisy(2 * seed, factor * unit, 60);
                    let y = noisy(2 * seed + 1, unit, 60);
                    judge_metric(policy, &x, &y).label == Label::High
                })
                .count()
        };
        assert!(detected(&COMPATIBLE, 1.0) > 95);
        assert!(detected(&COMPATIBLE, unit) < 90, "{unit}");
        assert_eq!(detected(&GUARDED, unit), detected(&GUARDED, 1.0));
    }
}

#[test]
fn trap_two_points_a_side_are_called_high() {
    let (x, y) = ([1.02, 1.03], [1.00, 1.01]);
    check(&COMPATIBLE, &x, &y, Label::High);
    check(&GUARDED, &x, &y, Label::TooLittle);
}

#[test]
fn trap_a_run_of_errors_alone_scores_a_hundred() {
    check(&COMPATIBLE, &[1.0], &[2.0], Label::Error);
    check(&GUARDED, &[1.0], &[2.0], Label::TooLittle);
    let run = [metric(Label::Error, "a"), metric(Label::Error, "a")];
    let lenient = score(&scoring(true, &[]), &run).unwrap();
    assert_eq!((lenient.score, lenient.outcome), (100.0, Outcome::Pass));
    let strict = score(&scoring(false, &[]), &run).unwrap();
    assert_eq!(strict.outcome, Outcome::NoData(NoDataReason::Missing));
}

/// Twelve looks at growing windows of two equal sides. Guarded, at 98 % confidence, at most 2 %
/// of the runs may alarm: 1,000 runs give 2 % ± 1.4 % (three standard errors).
#[test]
fn trap_every_look_is_another_chance_of_a_false_alarm() {
    let alarms = |policy: &MetricPolicy| {
        (0..1_000_u64)
            .filter(|seed| {
                let (x, y) = (noisy(2 * seed + 9, 1.0, 60), noisy(2 * seed + 10, 1.0, 60));
                (1..=12).any(|look| {
                    let label = judge_metric(policy, &x[..5 * look], &y[..5 * look]).label;
                    label == Label::High || label == Label::Low
                })
            })
            .count()
    };
    let spent = |looks| MetricPolicy {
        tolerance: 0.0,
        ..MetricPolicy::usual(Mode::Guarded {
            looks,
            points_min: 5,
        })
    };
    let (spending, heedless) = (alarms(&spent(12)), alarms(&spent(1)));
    assert!(spending <= 34, "{spending}");
    assert!(heedless > 60, "twelve looks at full level: {heedless}");
}

#[test]
fn trap_weights_need_not_sum_to_a_hundred() {
    let run = [metric(Label::Pass, "a"), metric(Label::Pass, "b")];
    let weights = [("a", 60.0), ("b", 60.0)];
    assert_eq!(score(&scoring(true, &weights), &run).unwrap().score, 120.0);
    let refused = score(&scoring(false, &weights), &run);
    assert_eq!(refused, Err(ScoreError::Weights { sum: 120.0 }));
}

#[test]
fn trap_a_failing_metric_in_a_group_without_weight_does_not_count() {
    let run = [metric(Label::Pass, "a"), metric(Label::High, "b")];
    let weights = [("a", 100.0)];
    assert_eq!(score(&scoring(true, &weights), &run).unwrap().score, 100.0);
    assert!(score(&scoring(false, &weights), &run).is_err());
}

#[test]
fn trap_a_weight_for_a_group_without_metrics() {
    let run = [metric(Label::Pass, "a")];
    let weights = [("a", 50.0), ("typo", 50.0)];
    assert_eq!(score(&scoring(true, &weights), &run).unwrap().score, 50.0);
    assert_eq!(
        score(&scoring(false, &weights), &run),
        Err(ScoreError::EmptyGroup)
    );
}

#[test]
fn trap_marginal_above_pass_is_accepted() {
    let swapped = |compatible| ScorePolicy {
        pass: 75.0,
        marginal: 95.0,
        ..scoring(compatible, &[])
    };
    let run = [metric(Label::Pass, "a")];
    assert!(score(&swapped(true), &run).is_ok());
    assert_eq!(score(&swapped(false), &run), Err(ScoreError::Thresholds));
}

#[test]
fn trap_outlier_removal_erases_rare_errors() {
    let mut x = vec![0.0; 400];
    (x[7], x[200], x[390]) = (9.0, 9.0, 9.0);
    let removing = |policy: MetricPolicy| MetricPolicy {
        outliers: Outliers::Quartiles {
            factor: 3.0,
            wide: true,
        },
        ..policy
    };
    let y = [0.0; 400];
    let compared = |policy| judge_metric(&removing(policy), &x, &y);
    assert_eq!(compared(COMPATIBLE).points, (397, 400), "erased");
    assert_eq!(compared(GUARDED).points, (400, 400));
    assert!(compared(GUARDED).z.unwrap() > 0.0);
}

#[test]
fn trap_a_silent_side_becomes_zeros() {
    let silent = [f64::NAN; 10];
    let errors = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let filling = |policy: MetricPolicy| MetricPolicy {
        missing: Missing::Zero,
        ..policy
    };
    check(&filling(COMPATIBLE), &silent, &errors, Label::Pass);
    check(&filling(GUARDED), &silent, &errors, Label::NoData);
}

#[test]
fn trap_sparse_errors_on_six_points_pass() {
    let (x, y) = ([0.0, 1.0, 2.0, 1.0, 0.0, 0.0], [0.0; 6]);
    check(&COMPATIBLE, &x, &y, Label::Pass);
    check(&GUARDED, &x, &y, Label::TooLittle);
}

#[test]
fn trap_seven_of_ten_points_at_a_hundredfold_pass() {
    let mut x = [100.0; 10];
    x[7..].fill(1.0);
    check(&COMPATIBLE, &x, &[1.0; 10], Label::Pass);
    check(&GUARDED, &x, &[1.0; 10], Label::High);
}

/// A rank test compares middles: that the candidate is calmer than the control fails nowhere.
#[test]
fn trap_another_spread_around_one_middle_passes() {
    let x: Vec<f64> = (0..20).map(|i| 50.0 + f64::from(i) / 10.0).collect();
    let y: Vec<f64> = (0..20)
        .map(|i| if i % 2 == 0 { 1.0 } else { 101.0 })
        .collect();
    check(&COMPATIBLE, &x, &y, Label::Pass);
    check(&GUARDED, &x, &y, Label::Pass);
}

/// In the original, the settings for tolerance and confidence are read by nobody.
#[test]
fn trap_a_knob_that_does_nothing() {
    let (x, y) = (noisy(1, 1.35, 30), noisy(2, 1.0, 30));
    for policy in [COMPATIBLE, GUARDED] {
        check(&policy, &x, &y, Label::High);
        let lax = MetricPolicy {
            tolerance: 0.9,
            ..policy
        };
        check(&lax, &x, &y, Label::Pass);
        let sure = MetricPolicy {
            confidence: 1.0 - 1e-12,
            ..policy
        };
        check(&sure, &x, &y, Label::Pass);
    }
}

/// In the original, noise from an unseeded generator is added to two different constants.
#[test]
fn trap_two_constants_are_compared_with_a_die() {
    for policy in [COMPATIBLE, GUARDED] {
        check(&policy, &[2.0; 10], &[1.0; 10], Label::High);
        let first = judge_metric(&policy, &[2.0; 10], &[1.0; 10]);
        assert_eq!(first, judge_metric(&policy, &[2.0; 10], &[1.0; 10]));
    }
}

#[test]
fn nothing_and_nonsense_have_an_outcome() {
    for policy in [COMPATIBLE, GUARDED] {
        check(&policy, &[], &[1.0, 2.0], Label::NoData);
        check(&policy, &[f64::NAN], &[f64::NAN], Label::NoData);
        check(&policy, &[f64::INFINITY, 1.0], &[1.0, 2.0], Label::Error);
        check(&policy, &[-1.0; 9], &[-1.0; 9], Label::Pass);
    }
    let must = MetricPolicy {
        must_have_data: true,
        ..GUARDED
    };
    check(&must, &[], &[1.0], Label::NoDataFail);
    let run = [metric(Label::NoData, "a"), metric(Label::Pass, "a")];
    let found = score(&scoring(false, &[]), &run).unwrap();
    assert_eq!(found.outcome, Outcome::NoData(NoDataReason::Missing));
}

/// The original's stage and its judge disagree about a score that equals `marginal`.
#[test]
fn trap_a_score_on_the_edge_means_two_things() {
    let mut run = vec![metric(Label::Pass, "a"); 3];
    run.push(metric(Label::High, "a"));
    let found = score(&scoring(false, &[]), &run).unwrap();
    assert_eq!((found.score, found.outcome), (75.0, Outcome::Inconclusive));
}
