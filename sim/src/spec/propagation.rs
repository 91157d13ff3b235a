//! How config gets to instances.

use firedrill_core::Micros;
use firedrill_core::ids::RegionId;
use serde::{Deserialize, Serialize};

use super::LogNormal;

/// How config gets to instances, forwards and back.
///
/// The delay of an instance is the base delay plus a log-normal one; a share of the instances
/// draws from a second, much slower log-normal; those cannot be reached at all until then, which
/// is what distribution reports of them. While an instance is cut off its delay stands still.
///
/// What is absent leaves no trace in the serialised form, so that a scenario without it keeps its
/// content hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Propagation {
    /// Commit and distribution tiers, before the first instance.
    pub base: Micros,
    /// The body.
    pub body: LogNormal,
    /// The share of instances that are stragglers, in `0..=1`.
    pub straggler_share: f64,
    /// Their delay.
    pub straggler: LogNormal,
    /// The base delay of a rollback, when it skips tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_base: Option<Micros>,
    /// From the order to roll back to the repair of an instance that distribution cannot help,
    /// because it crashes before it reads config. Without it such instances stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<LogNormal>,
    /// When distribution does not reach a part of the fleet, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
}

/// A part of the fleet is cut off from distribution, though not from its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// When it begins.
    pub at: Micros,
    /// How long it lasts.
    pub duration: Micros,
    /// Which part.
    pub reach: Reach,
}

/// A part of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// A region.
    Region {
        /// Which.
        region: RegionId,
    },
    /// A cell.
    Cell {
        /// Its region.
        region: RegionId,
        /// Its number in the region, from 0.
        cell: u32,
    },
}
