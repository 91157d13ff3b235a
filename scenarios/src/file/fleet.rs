//! The fleet.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::place::At;
use crate::scalar::{Count, Duration, Name, Number, Percent, Rate, Scalar, UtcOffset};

/// A log-normal distribution of times.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DistributionFile {
    /// The median.
    pub median: Scalar<Duration>,
    /// The standard deviation of the natural logarithm, from 0 to 3: 1 puts the 90th percentile
    /// at 3.6 times the median.
    pub sigma: Scalar<Number>,
}

/// A region.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegionFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// Local time minus UTC.
    pub utc_offset: Scalar<UtcOffset>,
    /// Its cells (failure domains), at least one.
    pub cells: Scalar<Count>,
    /// The hardware class of each cell, from 0 to 255; fewer classes than cells are taken over
    /// again. Class 0 everywhere when left out.
    #[serde(default)]
    pub hardware: Option<At<Vec<Scalar<Count>>>>,
    /// Its share of demand and instances, relative to the other regions' weights.
    pub weight: Scalar<Number>,
}

/// How a resource follows load: `idle + slope × utilisation`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GoldenFile {
    /// Its use without load.
    pub idle: Scalar<Percent>,
    /// What full load adds.
    pub slope: Scalar<Percent>,
}

/// A service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServiceFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// Its instances in the whole fleet, spread over regions by weight.
    pub instances: Scalar<Count>,
    /// Requests that one instance serves at a time.
    pub workers: Scalar<Count>,
    /// Time to serve one request, without waiting.
    pub service_time: DistributionFile,
    /// The share of requests that fail for reasons of their own.
    pub error_share: Scalar<Percent>,
    /// Callers give up after this long.
    pub timeout: Scalar<Duration>,
    /// Requests that may wait at one instance; more are turned away.
    pub queue_max: Scalar<Count>,
    /// Who is served first when requests wait; the oldest when absent.
    #[serde(default)]
    pub queue_order: QueueOrderFile,
    /// Whether requests whose caller has given up are dropped unserved.
    #[serde(default)]
    pub drops_expired: bool,
    /// Load shedding: while requests wait, only this share of what the instances can serve is
    /// let in. No shedding when absent.
    pub shed_to: Option<Scalar<Percent>>,
    /// A balancer that moves traffic off instances that err. It keeps all when absent.
    pub ejection: Option<EjectionFile>,
    /// Time from start to first request.
    pub start_up: Scalar<Duration>,
    /// Processor use.
    pub cpu: GoldenFile,
    /// Memory use.
    pub memory: GoldenFile,
    /// Network use.
    pub network: GoldenFile,
    /// Disk use.
    pub disk: GoldenFile,
}

/// When a balancer leaves out instances that err.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EjectionFile {
    /// Instances that fail more of their requests than this are left out.
    pub errors: Scalar<Percent>,
    /// For so long; then they are tried again.
    #[serde(rename = "for")]
    pub length: Scalar<Duration>,
    /// At most this share of the instances of a cell is left out at a time.
    pub at_most: Scalar<Percent>,
}

/// The order in which waiting requests are served.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueueOrderFile {
    /// The oldest first.
    #[default]
    Fifo,
    /// The newest first.
    Lifo,
}

/// Waiting between tries: full jitter, doubled with every try.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BackoffFile {
    /// The longest wait before the first retry.
    pub base: Scalar<Duration>,
    /// The longest wait before any retry.
    pub cap: Scalar<Duration>,
}

/// A circuit breaker.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BreakerFile {
    /// It opens when this share of the calls it looks back on failed.
    pub failures: Scalar<Percent>,
    /// How many calls it looks back on, and the least it decides on.
    pub calls: Scalar<Count>,
    /// How long it stays open.
    pub open: Scalar<Duration>,
    /// Trial calls while half open.
    pub probes: Scalar<Count>,
}

/// Client-side adaptive throttling.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ThrottleFile {
    /// Calls let through for each one that is accepted; above 1.
    pub k: Scalar<Number>,
    /// How long it looks back.
    pub window: Scalar<Duration>,
}

/// Calls from one service to another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EdgeFile {
    /// The calling service; users when absent.
    pub from: Option<Scalar<Name>>,
    /// The service that is called.
    pub to: Scalar<Name>,
    /// Calls for each request that the caller answers; one when absent.
    pub calls: Option<Scalar<Number>>,
    /// The caller gives a try up after this long; the called service's timeout when absent.
    pub timeout: Option<Scalar<Duration>>,
    /// Tries for one call, the first included, from 1 to 16; one when absent.
    pub attempts: Option<Scalar<Count>>,
    /// Waiting between tries; none when absent.
    pub backoff: Option<BackoffFile>,
    /// Retries allowed, as a share of first tries; no limit when absent.
    pub retry_budget: Option<Scalar<Percent>>,
    /// A circuit breaker; none when absent.
    pub breaker: Option<BreakerFile>,
    /// Adaptive throttling; none when absent.
    pub throttle: Option<ThrottleFile>,
    /// Whether the caller can answer without this call.
    #[serde(default)]
    pub fallback: bool,
}

/// A class of user requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClassFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// The services it needs, callers before callees. Each is called by the nearest one before it
    /// that `calls` it, or, when none does, by the one right before it.
    pub path: At<Vec<Scalar<Name>>>,
    /// Mean requests a second over a day, in the whole fleet.
    pub rate: Scalar<Rate>,
    /// The share of them that employees make.
    pub employees: Scalar<Percent>,
}

/// Where and what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FleetFile {
    /// Regions; at least one.
    pub regions: At<Vec<RegionFile>>,
    /// Services; at least one.
    pub services: At<Vec<ServiceFile>>,
    /// How services call each other, where it differs from one call without retries.
    #[serde(default)]
    pub calls: Vec<EdgeFile>,
    /// Classes of user requests.
    pub classes: Vec<ClassFile>,
}
