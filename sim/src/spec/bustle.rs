//! What goes on beside the outage: alerts that mean nothing, and other teams' changes.

use firedrill_core::Micros;
use serde::{Deserialize, Serialize};

use super::LogNormal;

/// How noisy a pager is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseLevel {
    /// Every second page needs nobody.
    Low,
    /// Nine of ten do not.
    #[default]
    Typical,
    /// Forty-nine of fifty do not.
    Storm,
}

impl NoiseLevel {
    /// All of them, the quietest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Typical, Self::Storm];

    /// The share of pages that need nobody. Sources disagree from 50 % to 99 %: a vendor counts
    /// nine interruptions for each critical incident (PagerDuty, "State of digital operations"), a
    /// ward 99 % of its alarms (<https://pmc.ncbi.nlm.nih.gov/articles/PMC4456276>).
    #[must_use]
    pub const fn share(self) -> f64 {
        match self {
            Self::Low => 0.5,
            Self::Typical => 0.9,
            Self::Storm => 0.98,
        }
    }
}

/// A pager beside the outage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseRates {
    /// Pages a day that need somebody, from small incidents that have nothing to do with any
    /// change. One team counted three among 47 (Webstack Builders, an anecdote).
    pub incidents_per_day: f64,
    /// The share of pages that need nobody, in `0..1`.
    pub share: f64,
    /// How much the rate of those swings around its mean over the day, in `0..1`: rules with fixed
    /// limits misfire with demand. Assumption: 40 %.
    pub swing: f64,
    /// Local time of day of the peak. Most incidents are opened from 11 to 14 h on weekdays
    /// (<https://firehydrant.com/reports/incident-benchmarks/>).
    pub peak: Micros,
    /// How many rules misfire. Assumption: 8.
    pub rules: u32,
    /// How long a page that needs nobody stays open. Assumption: 5 min, sigma 1; a vendor takes
    /// what resolves itself within five for uncritical (PagerDuty, 2021).
    pub open_for: LogNormal,
    /// How long a small incident stays open: a mean of 126 min to resolve (PagerDuty, 2021), which
    /// sigma 1 puts at a median of 76 min.
    pub incident_for: LogNormal,
}

impl NoiseRates {
    /// The preset of a level.
    #[must_use]
    pub const fn of(level: NoiseLevel) -> Self {
        Self {
            incidents_per_day: 3.0,
            share: level.share(),
            swing: 0.4,
            peak: Micros::from_mins(12 * 60 + 30),
            rules: 8,
            open_for: LogNormal {
                median: Micros::from_mins(5),
                sigma: 1.0,
            },
            incident_for: LogNormal {
                median: Micros::from_mins(76),
                sigma: 1.0,
            },
        }
    }

    /// Pages a day that need nobody.
    #[must_use]
    pub fn noise_per_day(&self) -> f64 {
        self.incidents_per_day * self.share / (1.0 - self.share)
    }
}

/// Changes of other teams. Shares and hours are those of a company with thousands of config
/// changes a day (Configerator, SOSP 2015).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeRates {
    /// Changes on a weekday, among the services that are in question. Assumption: 40.
    pub per_weekday: f64,
    /// What is left of that on Saturdays and Sundays, in `0..=1`: a third.
    pub weekend: f64,
    /// Local time of day at which the busy hours begin: 10:00.
    pub busy_from: Micros,
    /// Local time of day at which they end, after they begin: 18:00.
    pub busy_to: Micros,
    /// The share of a day's changes that fall into them, in `0..=1`. Assumption: 75 %.
    pub busy_share: f64,
    /// The share of changes that a program makes, in `0..=1`: 39 %.
    pub automated: f64,
}

impl Default for ChangeRates {
    fn default() -> Self {
        Self {
            per_weekday: 40.0,
            weekend: 1.0 / 3.0,
            busy_from: Micros::from_hours(10),
            busy_to: Micros::from_hours(18),
            busy_share: 0.75,
            automated: 0.39,
        }
    }
}
