//! What happens to a series before it is judged: missing values, outliers, summaries.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// What becomes of a value that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It is left out.
    Remove,
    /// It counts as zero, as in a counter that is not written when nothing happens.
    Zero,
}

/// What is an outlier.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outliers {
    /// Nothing.
    Keep,
    /// What lies further from the quartiles than `factor` times their distance; with `wide`,
    /// nothing between the 1st and the 99th percentile.
    Quartiles {
        /// The factor.
        factor: f64,
        /// Whether the fences are at least the 1st and the 99th percentile.
        wide: bool,
    },
    /// What lies further from the mean than `factor` standard deviations.
    Deviations {
        /// The factor.
        factor: f64,
    },
}

/// Replaces or removes values that are not numbers.
#[must_use]
pub fn fill(values: &[f64], missing: Missing) -> Vec<f64> {
    match missing {
        Missing::Remove => values.iter().copied().filter(|v| !v.is_nan()).collect(),
        Missing::Zero => {
            let fill = |v: &f64| if v.is_nan() { 0.0 } else { *v };
            values.iter().map(fill).collect()
        }
    }
}

/// Which values are outliers.
#[must_use]
pub fn find_outliers(values: &[f64], outliers: Outliers) -> Vec<bool> {
    let (low, high) = match outliers {
        Outliers::Keep => (f64::NEG_INFINITY, f64::INFINITY),
        Outliers::Quartiles { factor, wide } => {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            let (q1, q3) = (percentile(&sorted, 25.0), percentile(&sorted, 75.0));
            let reach = factor * (q3 - q1);
            let (low, high) = (q1 - reach, q3 + reach);
            if wide {
                let far = (percentile(&sorted, 1.0), percentile(&sorted, 99.0));
                (low.min(far.0), high.max(far.1))
            } else {
                (low, high)
            }
        }
        Outliers::Deviations { factor } => {
            let summary = Summary::of(values);
            let reach = factor * summary.deviation;
            (summary.mean - reach, summary.mean + reach)
        }
    };
    values.iter().map(|v| *v < low || *v > high).collect()
}

/// The values that are no outliers.
#[must_use]
pub fn without_outliers(values: &[f64], outliers: Outliers) -> Vec<f64> {
    let found = find_outliers(values, outliers);
    let kept = values.iter().zip(found).filter(|(_, outlier)| !outlier);
    kept.map(|(value, _)| *value).collect()
}

/// A percentile of sorted values by linear interpolation (Hyndman and Fan's type 7); NaN of none.
#[must_use]
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let position = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let index = libm::floor(position) as usize;
    let next = (index + 1).min(last);
    sorted[index] + (position - index as f64) * (sorted[next] - sorted[index])
}

/// A series in five numbers; zeros of an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The smallest value.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The sample's standard deviation; zero of fewer than two values.
    pub deviation: f64,
    /// How many.
    pub count: u64,
}

impl Summary {
    /// The summary of a series.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let n = values.len() as f64;
        let mean = mean(values);
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Self {
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean,
            deviation: libm::sqrt(squares / (n - 1.0).max(1.0)),
            count: values.len() as u64,
        }
    }
}

/// The mean; zero of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / values.len() as f64
}
