//! Means of bounded metrics in the sequential judge: false alarms under continuous looking, delay
//! against what is possible, verdicts, and what is refused. Seeds are fixed.

use firedrill_core::health::sequential::{
    ArmCounts, Baseline, HostEffects, MeanBank, MeanPolicy, Onset, PairedCounts, PairedSamples,
    PairedWindow, PolicyError, Rule, SampleError, Samples, SequentialJudge, SequentialPolicy,
    Worse,
};
use firedrill_core::health::{NoDataReason, Outcome};
use firedrill_core::{Micros, Ppm};

const POLICY: SequentialPolicy = SequentialPolicy {
    alpha: Ppm(10_000),
    miss: Ppm(50_000),
    effect_min_milli: 1_500,
    baseline: Baseline::Control,
    onset: Onset::Either,
    hosts: HostEffects::None,
    bake: Micros::from_mins(60),
    stale_after: Micros::from_mins(5),
    tolerable: Ppm::ZERO,
};

const CPU: MeanPolicy = MeanPolicy {
    low: 0.0,
    high: 100.0,
    worse: Worse::Higher,
    effect: 10.0,
    tolerable: 0.0,
};

/// SplitMix64, as a number from 0 to 1.
struct Noise(u64);

impl Noise {
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Samples from 0 to 1 around a level that all share.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Zeros and ones, as wide as can be.
    Coins,
    /// Within a tenth of the level.
    Narrow,
    /// Mostly nothing, rarely a lot.
    Skewed,
}

fn samples(noise: &mut Noise, shape: Shape, level: f64, count: u64) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..count {
        let u = noise.draw();
        samples.add(match shape {
            Shape::Coins => f64::from(u8::from(u < level)),
            Shape::Narrow => level + 0.2 * (u - 0.5),
            Shape::Skewed => (level * 0.2 / (u + 0.05)).min(1.0),
        });
    }
    samples
}

/// 20,000 canaries a shape without a fault, each looked at after each of 60 windows, in which the
/// level of both arms swings; the candidate has 3 samples a window, the control 8. A rate of 1 %
/// would come out at 1.0 % ± 0.07 %; anything up to that is valid.
#[test]
fn false_alarms_keep_to_the_budget_under_continuous_looking() {
    for shape in [Shape::Coins, Shape::Narrow, Shape::Skewed] {
        let mut noise = Noise(11);
        let runs = 20_000;
        let mut alarms = 0;
        for _ in 0..runs {
            let mut bank = MeanBank::new(0.5);
            let mut alarmed = false;
            for window in 0..60 {
                let level = 0.4 + 0.2 * libm::sin(f64::from(window) / 9.0);
                let canary = samples(&mut noise, shape, level, 3);
                let control = samples(&mut noise, shape, level, 8);
                bank.observe_pair(canary, control, 0.0, 0.5 / 60.0);
                alarmed |= bank.e() >= 100.0;
            }
            alarms += u32::from(alarmed);
        }
        assert!(alarms <= runs / 100, "{shape:?}: {alarms} of {runs}");
    }
}

/// Against a known mean, likewise.
#[test]
fn a_known_mean_keeps_to_the_budget() {
    let mut noise = Noise(12);
    let runs = 20_000;
    let mut alarms = 0;
    for _ in 0..runs {
        let mut bank = MeanBank::new(1.0);
        let mut alarmed = false;
        for _ in 0..60 {
            bank.observe_known(samples(&mut noise, Shape::Coins, 0.3, 5), 0.3, 0.0);
            alarmed |= bank.e() >= 100.0;
        }
        alarms += u32::from(alarmed);
    }
    assert!(alarms > 0 && alarms <= runs / 100, "{alarms} of {runs}");
}

/// The least number of pairs of samples that any test needs on average to see a difference `d`
/// between means of normal samples of variance `v`: `4 v ln(1/alpha) / d^2` (Wald). Here the
/// samples are even over `width` of the range. Where they fill it, the judge takes less than
/// twice as many; bounds that are far from what occurs cost more.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the docs name it as the source of their figures"
)]
fn delay_is_near_what_is_possible_where_samples_fill_their_bounds() {
    let check = |width: f64, difference: f64, most: f64| {
        let mut noise = Noise(13);
        let variance = width * width / 12.0;
        let possible = 4.0 * variance * libm::log(1_000.0) / (difference * difference);
        let mut arm = |middle: f64| {
            let mut samples = Samples::default();
            for _ in 0..5 {
                samples.add(middle + width * (noise.draw() - 0.5));
            }
            samples
        };
        let runs = 2_000;
        let mut pairs = 0;
        for _ in 0..runs {
            let mut bank = MeanBank::new(1.0);
            while bank.e() < 1_000.0 {
                bank.observe_pair(arm(0.5 + difference), arm(0.5), 0.0, 0.0);
                pairs += 5;
            }
        }
        let ratio = f64::from(pairs) / f64::from(runs) / possible;
        println!("samples over {width} of the range, {difference} apart: {ratio:.2}");
        assert!((1.0..most).contains(&ratio), "{width} {difference} {ratio}");
    };
    check(0.8, 0.02, 1.5);
    check(0.8, 0.1, 2.0);
    check(0.4, 0.02, 2.0);
    check(0.2, 0.02, 4.0);
}

fn judge(policies: &[MeanPolicy]) -> SequentialJudge {
    SequentialJudge::with_means(POLICY, &[], policies).expect("the policy is sound")
}

/// The same values in both arms' hosts, minute after minute.
fn run(policy: MeanPolicy, minutes: u64, canary: [f64; 4], control: [f64; 4]) -> SequentialJudge {
    let mut judge = judge(&[policy]);
    let arm = |values: [f64; 4]| {
        let mut samples = Samples::default();
        for value in values {
            samples.add(policy.scale(value).expect("values lie within the bounds"));
        }
        samples
    };
    let pair = PairedSamples {
        canary: arm(canary),
        control: arm(control),
    };
    for minute in 0..minutes {
        judge
            .observe_means(&[pair])
            .expect("samples lie within the bounds");
        let taken = judge.observe(&PairedWindow {
            start: Micros::from_mins(minute),
            end: Micros::from_mins(minute + 1),
            signals: &[],
        });
        assert_eq!(taken, Ok(()));
    }
    judge
}

#[test]
fn a_mean_fails_passes_or_waits() {
    let check = |policy, minutes, canary, outcome, rule| {
        let control = [50.0, 60.0, 55.0, 45.0];
        let judge = run(policy, minutes, canary, control);
        let verdict = judge.verdict(Micros::from_mins(minutes));
        assert_eq!(verdict.outcome, outcome, "{verdict:?}");
        assert_eq!(verdict.means[0].rule, rule);
        assert_eq!(judge.has_failed(), outcome == Outcome::Fail);
        let (low, high) = verdict.means[0].interval.unwrap();
        let difference = verdict.means[0].means.0.unwrap() - verdict.means[0].means.1.unwrap();
        assert!(low < difference && difference < high, "{verdict:?}");
    };
    let (same, more) = ([52.0, 61.0, 53.0, 44.0], [72.0, 81.0, 73.0, 64.0]);
    check(CPU, 120, more, Outcome::Fail, Rule::Worse);
    check(CPU, 120, same, Outcome::Pass, Rule::EffectExcluded);
    check(CPU, 59, same, Outcome::Inconclusive, Rule::Undecided);
    let orders = MeanPolicy {
        worse: Worse::Lower,
        ..CPU
    };
    check(orders, 120, more, Outcome::Pass, Rule::EffectExcluded);
    let fewer = [32.0, 41.0, 33.0, 24.0];
    check(orders, 120, fewer, Outcome::Fail, Rule::Worse);
    let tolerant = MeanPolicy {
        tolerable: 25.0,
        effect: 40.0,
        ..CPU
    };
    check(tolerant, 120, more, Outcome::Pass, Rule::EffectExcluded);
}

#[test]
fn a_mean_without_samples_is_no_data() {
    let mut judge = judge(&[CPU]);
    let window = PairedWindow {
        start: Micros::ZERO,
        end: Micros::from_mins(1),
        signals: &[],
    };
    judge.observe(&window).unwrap();
    let verdict = judge.verdict(Micros::from_mins(1));
    assert_eq!(verdict.outcome, Outcome::NoData(NoDataReason::TooLittle));
    assert_eq!(verdict.means[0].interval, None);
    let stale = judge.verdict(Micros::from_mins(7));
    assert_eq!(stale.outcome, Outcome::NoData(NoDataReason::Stale));
}

/// Counts and means share one budget, and the first to fail decides.
#[test]
fn counts_and_means_share_one_budget() {
    let mut judge = SequentialJudge::with_means(POLICY, &[1_500, 3_000], &[CPU, CPU]).unwrap();
    assert!((judge.fail_threshold() - libm::log(400.0)).abs() < 1e-9);
    let arm = |errors| ArmCounts {
        requests: 1_000,
        errors,
    };
    let good = PairedCounts {
        canary: arm(5),
        control: arm(5),
    };
    let bad = PairedCounts {
        canary: arm(90),
        ..good
    };
    let window = PairedWindow {
        start: Micros::ZERO,
        end: Micros::from_mins(1),
        signals: &[good, bad],
    };
    judge.observe(&window).unwrap();
    let verdict = judge.verdict(Micros::from_mins(1));
    assert_eq!((verdict.outcome, verdict.decided_by), (Outcome::Fail, 1));
    assert_eq!((verdict.signals.len(), verdict.means.len()), (2, 2));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut judge = judge(&[CPU]);
    let before = format!("{judge:?}");
    let impossible = PairedSamples {
        canary: Samples {
            count: 1,
            sum: 2.0,
            squares: 4.0,
        },
        ..PairedSamples::default()
    };
    let refused = judge.observe_means(&[impossible]);
    assert_eq!(refused, Err(SampleError::Samples { mean: 0 }));
    let refused = judge.observe_means(&[]);
    let expected = SampleError::Signals {
        found: 0,
        expected: 1,
    };
    assert_eq!(refused, Err(expected));
    assert_eq!(format!("{judge:?}"), before);
    for value in [f64::NAN, f64::INFINITY, -0.1, 100.1] {
        assert_eq!(CPU.scale(value), None);
    }
    let check = |policy: SequentialPolicy, mean, expected| {
        let refused = SequentialJudge::with_means(policy, &[], &[mean]);
        assert_eq!(refused.err(), Some(expected));
    };
    check(POLICY, MeanPolicy { high: 0.0, ..CPU }, PolicyError::Bounds);
    let nan = MeanPolicy {
        low: f64::NAN,
        ..CPU
    };
    check(POLICY, nan, PolicyError::Bounds);
    let wide = MeanPolicy {
        effect: 100.0,
        ..CPU
    };
    check(POLICY, wide, PolicyError::Difference);
    let swapped = MeanPolicy {
        tolerable: 11.0,
        ..CPU
    };
    check(POLICY, swapped, PolicyError::Difference);
    let known = SequentialPolicy {
        baseline: Baseline::Known(Ppm(1_000)),
        ..POLICY
    };
    check(known, CPU, PolicyError::MeansWithoutControl);
}
