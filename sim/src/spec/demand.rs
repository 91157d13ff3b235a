//! How many requests come, and when.

use firedrill_core::Micros;
use firedrill_core::ids::{ClassId, RegionId};
use serde::{Deserialize, Serialize};

/// How demand moves.
///
/// What is absent does not move: it leaves no trace in the serialised form either, so that a
/// scenario without it keeps its content hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// UTC time of day at which the run starts.
    pub start: Micros,
    /// How much the day curve swings around its mean, in `0..1`.
    pub swing: f64,
    /// Local time of day of the peak.
    pub peak: Micros,
    /// How weekends differ; every day is the same when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
    /// Slow noise of each region; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// φ: the requests of a class in a cell and step have variance `mean + φ·mean²`, at least 0
    /// (Poisson).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overdispersion: f64,
    /// What happens to demand by script, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<DemandEvent>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// How weekends differ from weekdays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weekly {
    /// The day, by UTC, on which the run starts.
    pub start_day: Weekday,
    /// Demand on Saturdays and Sundays, local time, as a multiple of that on weekdays.
    pub weekend_factor: f64,
}

/// Slow noise: demand of each region is multiplied by the exponential of an Ornstein–Uhlenbeck
/// process of its own, scaled so that its mean stays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The stationary standard deviation of the logarithm.
    pub sd: f64,
    /// The time after which the correlation has fallen to 1/e.
    pub correlation_time: Micros,
}

/// Something that happens to demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DemandEvent {
    /// More requests than usual, or fewer.
    FlashCrowd(FlashCrowd),
    /// The users of a region are sent to others.
    RegionFailover(RegionFailover),
}

/// More requests than usual, or fewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlashCrowd {
    /// When it begins.
    pub at: Micros,
    /// From its begin to its end, ramps included.
    pub duration: Micros,
    /// How long demand takes to rise at the begin, and to fall at the end; at most half of the
    /// duration.
    pub ramp: Micros,
    /// Demand is multiplied by this between the ramps.
    pub factor: f64,
    /// In these regions; everywhere when empty.
    pub regions: Vec<RegionId>,
    /// Of these classes; of all when empty.
    pub classes: Vec<ClassId>,
}

/// The users of a region are sent to others, for as long as it lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionFailover {
    /// When it begins.
    pub at: Micros,
    /// How long it lasts.
    pub duration: Micros,
    /// The region that is left.
    pub from: RegionId,
    /// The regions that take over, in proportion to their weight; all others when empty. Regions
    /// that are left themselves take nothing over.
    pub to: Vec<RegionId>,
}
