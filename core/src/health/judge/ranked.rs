//! The rank judge on a stage: the values of every scrape of one arm against those of the other.

use alloc::vec::Vec;

use crate::health::TelemetryWindow;
use crate::health::check::{Check, Limit};
use crate::health::rank::metric::{
    Direction, EffectMeasure, Effects, Label, MetricPolicy, MetricResult, Mode, judge_metric,
};
use crate::health::tally::Tally;
use crate::health::verdict::{CheckEvidence, NoDataReason, Outcome, Proof};

use super::intervals::{Intervals, Past};
use super::{Arm, Control, JudgePolicy, Method, RankMethod, Setting};

/// The values of every scrape so far, and those of the time before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ranked {
    intervals: Intervals,
    before: Vec<Tally>,
}

impl Ranked {
    pub(super) fn new(policy: &JudgePolicy, past: &Past) -> Self {
        let before = match policy.control {
            Control::Before(_) => past.tallies().cloned().collect(),
            Control::Others | Control::Group => Vec::new(),
        };
        Self {
            intervals: Intervals::default(),
            before,
        }
    }

    pub(super) fn observe(&mut self, arm: Arm, window: &TelemetryWindow) {
        self.intervals.add(arm, window);
    }

    /// Tests every check that compares with the control; the others are held against their limit.
    pub(super) fn look(
        &self,
        policy: &JudgePolicy,
        setting: Setting,
        evidence: &mut [CheckEvidence],
    ) {
        let Method::Rank(method) = policy.method else {
            return;
        };
        let relative = policy.checks.iter().zip(evidence);
        for (check, shown) in relative.filter(|(check, _)| check.limit.is_relative()) {
            let (candidate, control) = self.values(check);
            let metric = metric_policy(method, check, setting);
            let result = judge_metric(&metric, &candidate, &control);
            shown.outcome = outcome(check, shown, result.label);
            shown.proof = proof(&metric, &result);
        }
    }

    /// A scrape without a value, or of too small a sample, is missing.
    fn values(&self, check: &Check) -> (Vec<f64>, Vec<f64>) {
        let read = |tally: &Tally| {
            let seen = tally.read(check.signal);
            seen.map(|(value, _)| value as f64)
        };
        let candidate = self.intervals.pairs();
        let candidate = candidate.filter_map(|pair| read(&pair.candidate));
        let control = self.intervals.pairs().map(|pair| &pair.control);
        let control = control.chain(&self.before).filter_map(read);
        (candidate.collect(), control.collect())
    }
}

/// The limit's factor is the difference that is tolerated.
fn metric_policy(method: RankMethod, check: &Check, setting: Setting) -> MetricPolicy {
    let (direction, factor_ppm) = match check.limit {
        Limit::AtMostControl { factor_ppm, .. } => (Direction::Increase, factor_ppm),
        Limit::AtLeastControl { factor_ppm } => (Direction::Decrease, factor_ppm),
        Limit::AtMost(_) | Limit::AtLeast(_) => (Direction::Either, 1_000_000),
    };
    let tolerance = (factor_ppm as f64 / 1e6 - 1.0).abs();
    let looks = setting.longest.0.div_ceil(setting.look_every.0.max(1));
    let mode = if method.compatible {
        Mode::Compatible
    } else {
        Mode::Guarded {
            looks: u32::try_from(looks).unwrap_or(u32::MAX),
            points_min: method.points_min,
        }
    };
    MetricPolicy {
        direction,
        tolerance,
        confidence: method.confidence.as_f64(),
        effects: Effects::all(EffectMeasure::MeanRatio),
        ..MetricPolicy::usual(mode)
    }
}

fn outcome(check: &Check, shown: &CheckEvidence, label: Label) -> Outcome {
    let floor = match check.limit {
        Limit::AtMostControl { floor, .. } => floor,
        Limit::AtMost(_) | Limit::AtLeast(_) | Limit::AtLeastControl { .. } => 0,
    };
    let tolerable = shown.value.is_some_and(|value| value <= floor);
    match label {
        _ if shown.sample < check.sample_min => Outcome::NoData(NoDataReason::TooLittle),
        Label::High | Label::Low if tolerable => Outcome::Pass,
        Label::High | Label::Low => Outcome::Fail,
        Label::Pass => Outcome::Pass,
        Label::TooLittle => Outcome::NoData(NoDataReason::TooFewScrapes),
        Label::NoData | Label::NoDataFail | Label::Error => Outcome::Inconclusive,
    }
}

fn proof(metric: &MetricPolicy, result: &MetricResult) -> Proof {
    let toward = match metric.direction {
        Direction::Decrease => -1.0,
        Direction::Increase | Direction::Either => 1.0,
    };
    let milli = |x: f64| libm::round(x.clamp(-1e12, 1e12) * 1e3) as i64;
    // Few points leave an end open: then there is no interval to tell.
    let bounded = result.shift;
    let bounded = bounded.filter(|(low, high)| low.abs() < 1e15 && high.abs() < 1e15);
    Proof::Ranked {
        z_milli: result.z.map(|z| milli(toward * z)),
        z_needed_milli: milli(metric.z_needed()),
        shift: bounded.map(|(low, high)| (low as i64, high as i64)),
        points: (result.points.0 as u32, result.points.1 as u32),
    }
}
