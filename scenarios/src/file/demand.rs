//! How many requests come, and when.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scalar::{Duration, Name, Number, Percent, Scalar, TimeOfDay};

/// How demand moves: over the day by a sine of each region's local time, and, if asked for, over
/// the week, by noise and by script.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DemandFile {
    /// UTC time of day at which the run starts.
    pub start: Scalar<TimeOfDay>,
    /// How much demand swings around its mean; below 100 %.
    pub swing: Scalar<Percent>,
    /// Local time of day of the peak.
    pub peak: Scalar<TimeOfDay>,
    /// How weekends differ; every day is the same when left out.
    #[serde(default)]
    pub weekly: Option<WeeklyFile>,
    /// Slow noise; none when left out.
    #[serde(default)]
    pub drift: Option<DriftFile>,
    /// Noise of counts, from 0 to 10: the requests of a class in a cell and step have variance
    /// `mean + overdispersion × mean²`. Only `mean` (Poisson) when left out. At 0.01, a count of
    /// 10 000 varies by 10 % instead of 1 %.
    #[serde(default)]
    pub overdispersion: Option<Scalar<Number>>,
    /// What happens to demand by script.
    #[serde(default)]
    pub events: Vec<DemandEventFile>,
}

/// How weekends differ from weekdays. Rates of classes are those of weekdays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WeeklyFile {
    /// The day, by UTC, on which the run starts.
    pub start_day: WeekdayFile,
    /// Demand on Saturdays and Sundays, local time, as a multiple of that on weekdays: 0.01 to
    /// 100. It changes within four hours around midnight.
    pub weekend: Scalar<Number>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WeekdayFile {
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

/// Slow noise: demand of each region wanders around what the clock says, and comes back (an
/// Ornstein–Uhlenbeck process).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DriftFile {
    /// How far it wanders: the standard deviation of the natural logarithm, so 5 % is about one
    /// part in twenty.
    pub sd: Scalar<Percent>,
    /// How long it takes to come back: the time after which the correlation is 1/e.
    pub correlation_time: Scalar<Duration>,
}

/// Something that happens to demand.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum DemandEventFile {
    /// More requests than usual, or fewer.
    FlashCrowd(FlashCrowdFile),
    /// The users of a region are sent to others.
    RegionFailover(RegionFailoverFile),
}

/// More requests than usual, or fewer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlashCrowdFile {
    /// When it begins.
    pub at: Scalar<Duration>,
    /// From begin to end, ramps included.
    pub duration: Scalar<Duration>,
    /// How long demand takes to rise, and to fall at the end: at most half of the duration. At
    /// once when left out.
    #[serde(default)]
    pub ramp: Option<Scalar<Duration>>,
    /// Demand is multiplied by this between the ramps: 0 to 1000.
    pub factor: Scalar<Number>,
    /// In these regions; everywhere when left out.
    #[serde(default)]
    pub regions: Vec<Scalar<Name>>,
    /// Of these classes; of all when left out.
    #[serde(default)]
    pub classes: Vec<Scalar<Name>>,
}

/// The users of a region are sent to others, for as long as it lasts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegionFailoverFile {
    /// When it begins.
    pub at: Scalar<Duration>,
    /// How long it lasts.
    pub duration: Scalar<Duration>,
    /// The region that is left.
    pub from: Scalar<Name>,
    /// The regions that take over, in proportion to their weight; all others when left out.
    #[serde(default)]
    pub to: Vec<Scalar<Name>>,
}
