//! What a sequential policy says about single signals.

use firedrill_core::Ppm;
use firedrill_core::health::sequential::{MeanPolicy, Worse};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::scalar::{Number, Percent, Scalar, Signed, Words};

use super::policy::Reader;

/// The quantile of the control that latency is held against, when left out.
const QUANTILE: Ppm = Ppm::percent(90);

/// One signal of a sequential judge.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalPlan {
    /// Events among requests.
    Count {
        /// The column of events.
        column: String,
        /// Whether more or fewer of them are worse.
        worse: Worse,
        /// The smallest effect that matters, in thousandths.
        effect_milli: u32,
    },
    /// Requests, or samples, slower than the control's quantile.
    Latency {
        /// A column of samples in milliseconds; without one, the columns `le_*` of a histogram.
        column: Option<String>,
        /// The quantile of the control.
        quantile: Ppm,
        /// The smallest effect that matters, in thousandths.
        effect_milli: u32,
    },
    /// The mean of a bounded metric.
    Mean {
        /// The column of samples.
        column: String,
        /// What is asked of it.
        policy: MeanPolicy,
    },
}

impl SignalPlan {
    /// The smallest multiple that matters, in thousandths; a mean has none.
    #[must_use]
    pub const fn effect_milli(&self) -> Option<u32> {
        match self {
            Self::Count { effect_milli, .. } | Self::Latency { effect_milli, .. } => {
                Some(*effect_milli)
            }
            Self::Mean { .. } => None,
        }
    }

    /// The signal's name in a verdict.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Count {
                column,
                worse: Worse::Higher,
                ..
            } => column.clone(),
            Self::Count {
                column,
                worse: Worse::Lower,
                ..
            } => format!("{column} (fewer)"),
            Self::Latency {
                column, quantile, ..
            } => {
                let column = column.as_deref().unwrap_or("latency");
                format!("{column} above the control's {quantile}")
            }
            Self::Mean { column, policy } => match policy.worse {
                Worse::Higher => format!("mean of {column}"),
                Worse::Lower => format!("mean of {column} (less)"),
            },
        }
    }
}

/// One signal.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignalFile {
    /// Events among requests: a column of counts, none above `requests`.
    Count(CountFile),
    /// Requests slower than the control usually is: columns `le_*` of a histogram, or samples.
    Latency(LatencyFile),
    /// The mean of a metric with bounds: CPU, a share, requests of a host.
    Mean(MeanFile),
}

/// Events among requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CountFile {
    /// The column.
    pub column: Scalar<Words>,
    /// Which way is worse; `higher` when left out.
    pub worse: Option<WorseFile>,
    /// The smallest multiple that matters; that of the policy when left out.
    pub smallest_effect: Option<Scalar<Number>>,
}

/// Requests slower than the control usually is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LatencyFile {
    /// A column of samples in milliseconds, such as the p99 of each host; the columns `le_*` when
    /// left out.
    pub column: Option<Scalar<Words>>,
    /// The quantile of the control above which a request is slow; 90 % when left out.
    pub quantile: Option<Scalar<Percent>>,
    /// The smallest multiple of slow requests that matters; that of the policy when left out.
    pub smallest_effect: Option<Scalar<Number>>,
}

/// The mean of a metric with bounds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MeanFile {
    /// The column; a row is one sample, so that hosts are samples of an interval.
    pub column: Scalar<Words>,
    /// No sample is less; 0 when left out.
    pub low: Option<Scalar<Signed>>,
    /// No sample is more.
    pub high: Scalar<Signed>,
    /// Which way is worse; `higher` when left out.
    pub worse: Option<WorseFile>,
    /// The smallest difference of means that matters, in the metric's unit.
    pub effect: Scalar<Number>,
    /// A difference of means that is tolerable; 0 when left out.
    pub tolerable: Option<Scalar<Number>>,
}

/// Which way is worse.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorseFile {
    /// More is.
    Higher,
    /// Less is.
    Lower,
    /// Both are: two signals, each with its part of the budget.
    Either,
}

const fn ways(worse: Option<WorseFile>) -> &'static [Worse] {
    match worse {
        None | Some(WorseFile::Higher) => &[Worse::Higher],
        Some(WorseFile::Lower) => &[Worse::Lower],
        Some(WorseFile::Either) => &[Worse::Higher, Worse::Lower],
    }
}

/// Understands the signals of a policy whose smallest effect is `usual_milli`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    files: &[SignalFile],
    usual_milli: u32,
) -> Vec<SignalPlan> {
    let mut plans = Vec::new();
    for file in files {
        match file {
            SignalFile::Count(file) => {
                let effect_milli = effect(reader, file.smallest_effect.as_ref(), usual_milli);
                for worse in ways(file.worse) {
                    plans.push(SignalPlan::Count {
                        column: file.column.text.clone(),
                        worse: *worse,
                        effect_milli,
                    });
                }
            }
            SignalFile::Latency(file) => {
                plans.push(SignalPlan::Latency {
                    column: file.column.as_ref().map(|column| column.text.clone()),
                    quantile: reader.read(file.quantile.as_ref(), QUANTILE),
                    effect_milli: effect(reader, file.smallest_effect.as_ref(), usual_milli),
                });
            }
            SignalFile::Mean(file) => plans.extend(mean(reader, file)),
        }
    }
    plans
}

fn mean(reader: &mut Reader<'_>, file: &MeanFile) -> Vec<SignalPlan> {
    let policy = MeanPolicy {
        low: reader.read(file.low.as_ref(), 0.0),
        high: reader.read(Some(&file.high), 1.0),
        worse: Worse::Higher,
        effect: reader.read(Some(&file.effect), 1.0),
        tolerable: reader.read(file.tolerable.as_ref(), 0.0),
    };
    let plan = |worse: &Worse| SignalPlan::Mean {
        column: file.column.text.clone(),
        policy: MeanPolicy {
            worse: *worse,
            ..policy
        },
    };
    ways(file.worse).iter().map(plan).collect()
}

fn effect(reader: &mut Reader<'_>, scalar: Option<&Scalar<Number>>, usual_milli: u32) -> u32 {
    match scalar {
        None => usual_milli,
        Some(scalar) => milli(reader.read(Some(scalar), 1.5)),
    }
}

/// A multiple in thousandths.
pub(super) fn milli(multiple: f64) -> u32 {
    (multiple * 1e3).round() as u32
}
