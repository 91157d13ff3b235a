//! How config gets to instances.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::DistributionFile;
use crate::scalar::{Count, Duration, Name, Percent, Scalar};

/// How config gets to instances, forwards and back: a base delay, plus a log-normal one for each
/// instance.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PropagationFile {
    /// Commit and distribution tiers, before the first instance; either this or `tiers`.
    #[serde(default)]
    pub base: Option<Scalar<Duration>>,
    /// The same delay tier by tier; either this or `base`.
    #[serde(default)]
    pub tiers: Option<TiersFile>,
    /// The base delay of a rollback, for emergency pushes that skip tiers; as long as any other
    /// when left out.
    #[serde(default)]
    pub rollback_base: Option<Scalar<Duration>>,
    /// The delay of most instances after that.
    pub body: DistributionFile,
    /// The slow rest.
    pub stragglers: StragglersFile,
    /// From the order to roll back to the repair, one by one, of instances that crash before they
    /// read config. Without it such instances are never repaired.
    #[serde(default)]
    pub repair: Option<DistributionFile>,
    /// When parts of the fleet are cut off from distribution. They keep the version they have,
    /// good or bad, and go on serving their users.
    #[serde(default)]
    pub partitions: Vec<PartitionFile>,
}

/// Delays of the tiers of distribution.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TiersFile {
    /// From approval to a committed version.
    pub commit: Scalar<Duration>,
    /// From there to the relays.
    pub relay: Scalar<Duration>,
    /// From there into the regions.
    pub region: Scalar<Duration>,
}

/// Instances that take much longer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StragglersFile {
    /// The share of instances.
    pub share: Scalar<Percent>,
    /// Their delay.
    pub delay: DistributionFile,
}

/// A part of the fleet that is cut off from distribution for a while: a region or a cell.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartitionFile {
    /// When it begins.
    pub at: Scalar<Duration>,
    /// How long it lasts.
    pub duration: Scalar<Duration>,
    /// The whole region; either this or `cell`.
    #[serde(default)]
    pub region: Option<Scalar<Name>>,
    /// One cell; either this or `region`.
    #[serde(default)]
    pub cell: Option<CellFile>,
}

/// A cell of a region.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CellFile {
    /// The region.
    pub region: Scalar<Name>,
    /// The number of the cell in it, from 0.
    pub number: Scalar<Count>,
}
