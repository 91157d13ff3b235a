//! Fleet and demand.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::place::At;
use crate::scalar::{Count, Duration, Name, Number, Percent, Rate, Scalar, TimeOfDay, UtcOffset};

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

/// A class of user requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClassFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// The services it passes, from the edge inwards; a failure at any of them fails it.
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
    /// Classes of user requests.
    pub classes: Vec<ClassFile>,
}

/// How demand moves over the day: a sine of each region's local time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DemandFile {
    /// UTC time of day at which the run starts.
    pub start: Scalar<TimeOfDay>,
    /// How much demand swings around its mean; below 100 %.
    pub swing: Scalar<Percent>,
    /// Local time of day of the peak.
    pub peak: Scalar<TimeOfDay>,
}
