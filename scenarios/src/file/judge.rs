//! How the judge of a stage decides, and what it compares with.

use firedrill_core::health::sequential::Onset;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::scalar::{Count, Duration, Number, Percent, Scalar};

/// What the candidate is compared with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum ControlFile {
    /// Every other instance of the service, at the same time.
    Others,
    /// A group of as many instances as have the change, set apart among the others.
    Group,
    /// The service itself over this long before the rollout.
    Before(Scalar<Duration>),
}

/// How checks are decided.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum MethodFile {
    /// All that was seen in the stage, against the limit.
    Threshold,
    /// A measurement every interval, limits on how many may fail.
    Repeated(RepetitionFile),
    /// Mann-Whitney on the values of every scrape.
    Rank(RankMethodFile),
    /// Evidence that stays valid however often it is looked at.
    Sequential(SequentialMethodFile),
}

/// A measurement every interval.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RepetitionFile {
    /// The time between measurements.
    pub interval: Scalar<Duration>,
    /// The time that a measurement looks back over; the interval when left out.
    pub window: Option<Scalar<Duration>>,
    /// Failed measurements that are let pass, in all; 0 when both limits are left out.
    pub failure_limit: Option<Scalar<Count>>,
    /// Failed measurements in a row that are let pass.
    pub consecutive_failure_limit: Option<Scalar<Count>>,
    /// Measurements in a row without a value that are let pass; 4 when left out.
    pub consecutive_error_limit: Option<Scalar<Count>>,
    /// What a measurement without a value counts as; an `error` when left out.
    pub no_data: Option<NoValueFile>,
}

/// What a measurement without a value counts as.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoValueFile {
    /// An error: too many in a row, and there is no data.
    Error,
    /// A failed measurement.
    Failure,
    /// Nothing.
    Ignore,
}

/// The rank test.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RankMethodFile {
    /// Whether to keep the traps of the judge in wide use.
    pub compatible: bool,
    /// The confidence of a whole stage; 98 % when left out.
    pub confidence: Option<Scalar<Percent>>,
    /// The fewest scrapes of an arm that decide anything; 8 when left out.
    pub points: Option<Scalar<Count>>,
}

/// The sequential judge.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SequentialMethodFile {
    /// How often a stage with a good change may fail; 0.1 % when left out.
    pub false_alarms: Option<Scalar<Percent>>,
    /// How often a change with the smallest effect may pass; 5 % when left out.
    pub misses: Option<Scalar<Percent>>,
    /// The smallest multiple of bad requests that matters, where the limit is no factor by itself;
    /// 2 when left out.
    pub smallest_effect: Option<Scalar<Number>>,
    /// When a change may begin to show; `either` when left out.
    pub onset: Option<JudgeOnsetFile>,
    /// By how much hosts differ whatever their version: the squared coefficient of variation of
    /// their error rates. They do not when left out.
    pub hosts_vary_by: Option<Scalar<Percent>>,
}

/// When a change may begin to show.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JudgeOnsetFile {
    /// With the first sample.
    Start,
    /// At any moment of the stage.
    AnyTime,
    /// Half of the budget for each.
    Either,
}

impl JudgeOnsetFile {
    /// What the judge is told.
    pub(crate) const fn onset(self) -> Onset {
        match self {
            Self::Start => Onset::Start,
            Self::AnyTime => Onset::AnyTime,
            Self::Either => Onset::Either,
        }
    }
}
