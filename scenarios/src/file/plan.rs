//! Rollout plans.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::place::At;
use crate::scalar::{Count, Duration, Name, Number, Percent, Scalar, Width};

use super::judge::{ControlFile, MethodFile};

/// The way of a change to the whole fleet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlanFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// The share of a stage's instances that must report the change before its bake begins.
    pub settled: Scalar<Percent>,
    /// How long a stage may take to get there before the rollout pauses.
    pub push_deadline: Scalar<Duration>,
    /// How often the judge is asked; above zero.
    pub check_every: Scalar<Duration>,
    /// How long past its bake a stage may wait for a verdict before the rollout pauses.
    pub hold_max: Scalar<Duration>,
    /// What happens when a paging alert fires on the service while the rollout is under way.
    pub on_alert: ReactionFile,
    /// The stages, in order; the last one reaches every instance.
    pub stages: At<Vec<StageFile>>,
}

/// One stage of a plan. Stages add up: a region keeps the widest share any stage gave it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StageFile {
    /// Its name, unique in the plan.
    pub name: Scalar<Name>,
    /// What it is for.
    pub kind: StageKindFile,
    /// The regions it goes to; all when left out.
    #[serde(default)]
    pub regions: Vec<Scalar<Name>>,
    /// How much of each region.
    pub share: Scalar<Width>,
    /// Which instances of a region come first; random ones when left out.
    #[serde(default)]
    pub placement: Option<PlacementFile>,
    /// Whose requests its instances serve.
    pub audience: At<AudienceFile>,
    /// How long it must look good after its instances have the change.
    pub bake: Scalar<Duration>,
    /// Who says whether it does.
    pub judge: JudgeFile,
    /// What happens when the judge says it does not.
    pub on_failure: ReactionFile,
}

/// What a stage is for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StageKindFile {
    /// A small group that is watched before anybody else gets the change.
    Canary,
    /// One of the steps to everybody.
    Wave,
}

/// Whose requests the instances of a stage serve.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AudienceFile {
    /// Everybody's, in proportion.
    Public,
    /// Only those of employees.
    Employees,
    /// Copies of everybody's, whose answers nobody gets: a dark canary.
    Mirrored,
    /// Nobody's but synthetic ones.
    Probes,
}

/// Which instances of a region come first.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementFile {
    /// Random ones, as many in each cell.
    Spread,
    /// One cell after the other, whole.
    Cells,
}

/// What to do when something looks bad.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReactionFile {
    /// Nothing.
    Ignore,
    /// Stop widening and wait for an operator.
    Pause,
    /// Go back to last-known-good at once.
    RollBack,
}

/// Who says whether a stage looks good.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JudgeFile {
    /// A candidate whose newest numbers are older than this has no data.
    pub stale_after: Scalar<Duration>,
    /// How checks are decided; all that was seen against the limit when left out.
    #[serde(default)]
    pub method: Option<At<MethodFile>>,
    /// What the candidate is compared with; all other instances when left out.
    #[serde(default)]
    pub control: Option<ControlFile>,
    /// The checks; all must pass.
    pub checks: Vec<CheckFile>,
}

/// Where too much begins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum LimitFile<V> {
    /// The candidate may reach this value.
    AtMost(V),
    /// The candidate may reach the control's value times a factor.
    AtMostControl(RelativeFile<V>),
}

/// Where too little begins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum LowerLimitFile {
    /// The candidate may fall to this value.
    AtLeast(Scalar<Count>),
    /// The candidate may fall to this part of the control's value: 0.8 allows a fifth less.
    AtLeastControl(Scalar<Number>),
}

/// A limit relative to the instances that do not have the change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RelativeFile<V> {
    /// 1.5 allows half as much again.
    pub factor: Scalar<Number>,
    /// Values up to this one pass whatever the control shows.
    pub floor: V,
}

/// A limit on a share.
pub type ShareLimit = LimitFile<Scalar<Percent>>;
/// A limit on a time.
pub type TimeLimit = LimitFile<Scalar<Duration>>;
/// A limit on a count.
pub type CountLimit = LimitFile<Scalar<Count>>;

/// A signal, its limit, and the smallest sample that decides anything.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckFile {
    /// Errors among requests.
    ErrorRatio(RatioFile),
    /// Requests that failed or were answered wrongly, among all: what the business loses.
    BusinessLoss(RatioFile),
    /// A latency quantile.
    Latency(LatencyFile),
    /// Requests that an instance answers in a minute.
    Throughput(SaturationFile<LowerLimitFile>),
    /// Lines logged as errors, for every thousand requests.
    LogErrors(LogFile),
    /// Synthetic transactions that fail.
    Probes(ProbesFile),
    /// Reports of users since the stage began, whichever instances answered them.
    UserReports(SaturationFile<CountLimit>),
    /// Instances that fail their health check.
    Unavailable(SaturationFile<ShareLimit>),
    /// Restarts since the stage began.
    Restarts(SaturationFile<CountLimit>),
    /// Processor use.
    Cpu(SaturationFile<ShareLimit>),
    /// Memory use.
    Memory(SaturationFile<ShareLimit>),
    /// Network use.
    Network(SaturationFile<ShareLimit>),
    /// Disk use.
    Disk(SaturationFile<ShareLimit>),
}

/// A share of requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RatioFile {
    /// Only requests of this class; all when left out.
    #[serde(default)]
    pub class: Option<Scalar<Name>>,
    /// Where too much begins.
    pub limit: ShareLimit,
    /// The smallest number of requests that decides anything.
    pub sample_min: Scalar<Count>,
}

/// Lines logged as errors.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogFile {
    /// Where too much begins, in lines for every thousand requests.
    pub limit: LimitFile<Scalar<Number>>,
    /// The smallest number of requests that decides anything.
    pub sample_min: Scalar<Count>,
}

/// Synthetic transactions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProbesFile {
    /// Where too much begins.
    pub limit: ShareLimit,
    /// The smallest number of probes that decides anything.
    pub sample_min: Scalar<Count>,
}

/// A latency quantile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LatencyFile {
    /// Which one: `99 %` is p99.
    pub quantile: Scalar<Percent>,
    /// Where too much begins.
    pub limit: TimeLimit,
    /// The smallest number of requests that decides anything.
    pub sample_min: Scalar<Count>,
}

/// A number of the instances themselves.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SaturationFile<L> {
    /// Where too much begins.
    pub limit: L,
    /// The smallest number of instances that decides anything.
    pub sample_min: Scalar<Count>,
}
