//! One metric's label.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::special::normal_quantile;

use super::mann_whitney::{RankError, Roots, Samples, Shift};
use super::prepare::{Missing, Outliers, fill, mean, without_outliers};
use super::reason::{Finding, Reason};

/// Which deviations matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Only more is worse.
    Increase,
    /// Only less is worse.
    Decrease,
    /// Any difference is.
    Either,
}

/// How the size of a difference is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectMeasure {
    /// The mean as a multiple of the control's.
    MeanRatio,
    /// The share of pairs in which the candidate's value is the larger one.
    PairShare,
}

/// Sizes of difference that are let pass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effects {
    /// How the size is told.
    pub measure: EffectMeasure,
    /// An increase below this passes.
    pub allowed_increase: f64,
    /// A decrease above this passes.
    pub allowed_decrease: f64,
    /// An increase of a critical metric from here on fails the run.
    pub critical_increase: f64,
    /// A decrease of a critical metric down to here fails the run.
    pub critical_decrease: f64,
}

impl Effects {
    /// Everything significant counts.
    #[must_use]
    pub const fn all(measure: EffectMeasure) -> Self {
        let nil = match measure {
            EffectMeasure::MeanRatio => 1.0,
            EffectMeasure::PairShare => 0.5,
        };
        Self {
            measure,
            allowed_increase: nil,
            allowed_decrease: nil,
            critical_increase: nil,
            critical_decrease: nil,
        }
    }
}

/// Whether the traps of the judge in wide use are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Kept, to the last digit; but for the noise that it adds to two different constants, which
    /// is random there and fixed here.
    Compatible,
    /// Closed: results do not depend on the unit; too few points decide nothing; the level is
    /// split over the looks; a difference of the middle is not asked of a minority of bad points;
    /// a silent side is no data, whatever fills its gaps; outlier removal may not erase every
    /// value that differs.
    Guarded {
        /// How often the metric will be looked at during the rollout.
        looks: u32,
        /// The fewest points of a side that decide anything.
        points_min: u32,
    },
}

/// What is asked of one metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricPolicy {
    /// Whether traps are kept.
    pub mode: Mode,
    /// Which deviations matter.
    pub direction: Direction,
    /// What becomes of missing values.
    pub missing: Missing,
    /// What is an outlier.
    pub outliers: Outliers,
    /// The size of difference that matters, as a share of the estimated one (compatible) or of the
    /// control's mean (guarded).
    pub tolerance: f64,
    /// The confidence of the interval, in both directions together.
    pub confidence: f64,
    /// Sizes of difference that are let pass.
    pub effects: Effects,
    /// Whether a failure fails the run.
    pub critical: bool,
    /// Whether missing data is a failure.
    pub must_have_data: bool,
}

impl MetricPolicy {
    /// The usual: any direction, a quarter, 98 %.
    #[must_use]
    pub const fn usual(mode: Mode) -> Self {
        Self {
            mode,
            direction: Direction::Either,
            missing: Missing::Remove,
            outliers: Outliers::Keep,
            tolerance: 0.25,
            confidence: 0.98,
            effects: Effects::all(EffectMeasure::MeanRatio),
            critical: false,
            must_have_data: false,
        }
    }

    /// The standardised statistic that one look takes to be significant.
    #[must_use]
    pub fn z_needed(&self) -> f64 {
        let looks = match self.mode {
            Mode::Compatible => 1,
            Mode::Guarded { looks, .. } => looks.max(1),
        };
        let level = (1.0 - self.confidence) / f64::from(looks);
        -normal_quantile(level / 2.0)
    }
}

/// What a metric says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// No difference that matters.
    Pass,
    /// The candidate is higher.
    High,
    /// The candidate is lower.
    Low,
    /// A side is empty.
    NoData,
    /// A side is empty, and must not be.
    NoDataFail,
    /// Too few points to decide (guarded only).
    TooLittle,
    /// The test could not be done.
    Error,
}

/// A label and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    /// The label.
    pub label: Label,
    /// Whether it fails the run.
    pub critical: bool,
    /// The candidate's mean as a multiple of the control's; NaN when either is zero.
    pub mean_ratio: f64,
    /// The size of the difference, in the chosen measure.
    pub effect: f64,
    /// The interval of shifts, when there was a test.
    pub shift: Option<(f64, f64)>,
    /// The estimated shift.
    pub estimate: Option<f64>,
    /// The standardised statistic for no shift.
    pub z: Option<f64>,
    /// Points of the candidate and of the control that were compared.
    pub points: (u64, u64),
    /// The means of the candidate and of the control, when there are any.
    pub means: Option<(f64, f64)>,
    /// What decided.
    pub reason: Reason,
}

/// Judges one metric.
#[must_use]
pub fn judge_metric(policy: &MetricPolicy, experiment: &[f64], control: &[f64]) -> MetricResult {
    let guarded = matches!(policy.mode, Mode::Guarded { .. });
    let silent = |values: &[f64]| values.iter().all(|value| value.is_nan());
    let x = prepared(policy, guarded, experiment);
    let y = prepared(policy, guarded, control);
    let nothing = |label, critical, reason| MetricResult {
        label,
        critical,
        mean_ratio: 1.0,
        effect: 1.0,
        shift: None,
        estimate: None,
        z: None,
        points: (x.len() as u64, y.len() as u64),
        means: None,
        reason,
    };
    let empty = x.is_empty() || y.is_empty();
    if empty && policy.missing == Missing::Zero && !guarded {
        return nothing(Label::Pass, false, Reason::Empty);
    }
    if empty || guarded && (silent(experiment) || silent(control)) {
        let fails = policy.must_have_data && !policy.critical;
        let label = if fails {
            Label::NoDataFail
        } else {
            Label::NoData
        };
        return nothing(label, policy.critical, Reason::Empty);
    }
    match Samples::new(&x, &y) {
        Err(_) => nothing(Label::Error, false, Reason::NotFinite),
        Ok(samples) => compare(policy, &samples),
    }
}

fn prepared(policy: &MetricPolicy, guarded: bool, values: &[f64]) -> Vec<f64> {
    let filled = fill(values, policy.missing);
    let kept = without_outliers(&filled, policy.outliers);
    // A series of zeros with a few errors has quartiles of zero: every error is an "outlier".
    let flat = |values: &[f64]| values.iter().all(|value| *value == values[0]);
    if guarded && !kept.is_empty() && flat(&kept) && !flat(&filled) {
        filled
    } else {
        kept
    }
}

fn compare(policy: &MetricPolicy, samples: &Samples) -> MetricResult {
    let (x, y) = (samples.x(), samples.y());
    let means = (mean(x), mean(y));
    let mean_ratio = if means.0 == 0.0 || means.1 == 0.0 {
        f64::NAN
    } else {
        means.0 / means.1
    };
    let effect = match policy.effects.measure {
        EffectMeasure::MeanRatio => mean_ratio,
        EffectMeasure::PairShare => samples.share_above(),
    };
    let base = MetricResult {
        label: Label::Pass,
        critical: false,
        mean_ratio,
        effect,
        shift: None,
        estimate: None,
        z: None,
        points: (x.len() as u64, y.len() as u64),
        means: Some(means),
        reason: Reason::Same,
    };
    if let Mode::Guarded { points_min, .. } = policy.mode
        && x.len().min(y.len()) < points_min as usize
    {
        return MetricResult {
            label: Label::TooLittle,
            reason: Reason::TooFew,
            ..base
        };
    }
    let one_value = x[0] == x[x.len() - 1] && y[0] == y[y.len() - 1] && x[0] == y[0];
    if x == y || one_value {
        return base;
    }
    let found = match policy.mode {
        Mode::Compatible => compatible(policy, samples),
        Mode::Guarded { looks, .. } => guarded(policy, samples, means, looks),
    };
    let Ok((shift, z, sides)) = found else {
        return MetricResult {
            label: Label::Error,
            reason: Reason::NoSpread,
            ..base
        };
    };
    let label = label(policy, effect, sides);
    MetricResult {
        label,
        critical: policy.critical && is_critical(&policy.effects, label, effect),
        shift: Some((shift.low, shift.high)),
        estimate: Some(shift.estimate),
        z: Some(z),
        reason: Reason::of(policy, label, Finding { z, means, sides }),
        ..base
    }
}

/// The shift, the statistic, and whether it is significantly high and low.
type Found = Result<(Shift, f64, (bool, bool)), RankError>;

fn compatible(policy: &MetricPolicy, samples: &Samples) -> Found {
    let (x, y) = (samples.x(), samples.y());
    let constant = |values: &[f64]| values[0] == values[values.len() - 1];
    if constant(x) && constant(y) {
        let noisy = Samples::new(&with_noise(x), &with_noise(y))?;
        return by_interval(policy, &noisy);
    }
    by_interval(policy, samples)
}

fn by_interval(policy: &MetricPolicy, samples: &Samples) -> Found {
    let shift = samples.shift(policy.confidence, Roots::Absolute)?;
    let bound = policy.tolerance * shift.estimate.abs();
    Ok((
        shift,
        samples.z(0.0)?,
        (shift.low > bound, shift.high < -bound),
    ))
}

/// Spreads equal values as evenly as normal quantiles lie, by 1e-5 of their size.
fn with_noise(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let score = |rank: usize| normal_quantile((rank as f64 + 0.5) / n);
    let noise = values.iter().enumerate();
    noise
        .map(|(rank, value)| value + 1e-5 * value * score(rank))
        .collect()
}

/// A test of no shift at the level of one look, and a difference of means that matters: a
/// minority of bad points moves both, where it leaves the interval's end at zero.
fn guarded(policy: &MetricPolicy, samples: &Samples, means: (f64, f64), looks: u32) -> Found {
    let level = (1.0 - policy.confidence) / f64::from(looks.max(1));
    let shift = samples.shift(1.0 - level, Roots::Relative)?;
    let z = samples.z(0.0)?;
    let needed = policy.z_needed();
    let difference = means.0 - means.1;
    let matters = difference.abs() > policy.tolerance * means.1.abs();
    let sides = (
        matters && z > needed && difference > 0.0,
        matters && z < -needed && difference < 0.0,
    );
    Ok((shift, z, sides))
}

fn label(policy: &MetricPolicy, effect: f64, sides: (bool, bool)) -> Label {
    let effects = &policy.effects;
    let (up, down) = match policy.direction {
        Direction::Increase => (true, false),
        Direction::Decrease => (false, true),
        Direction::Either => (true, true),
    };
    if up && sides.0 && (effect.is_nan() || effect >= effects.allowed_increase) {
        Label::High
    } else if down && sides.1 && (effect.is_nan() || effect <= effects.allowed_decrease) {
        Label::Low
    } else {
        Label::Pass
    }
}

fn is_critical(effects: &Effects, label: Label, effect: f64) -> bool {
    match label {
        Label::High => effect.is_nan() || effect >= effects.critical_increase,
        Label::Low => effect.is_nan() || effect <= effects.critical_decrease,
        Label::Pass | Label::NoData | Label::NoDataFail | Label::TooLittle | Label::Error => false,
    }
}
