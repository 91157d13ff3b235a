//! How suspicion is weighed.

use alloc::vec;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ratio::Ppm;
use crate::time::Micros;

/// A share of guilty changes shows within this time of a widening, evenly spread over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelayWindow {
    /// The time from the widening to the start of the alert.
    pub within: Micros,
    /// The share of guilty changes; all windows together make one.
    pub share: Ppm,
}

/// What is usual of guilty changes and of bystanders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspectPolicy {
    /// How soon guilty changes show, shortest window first. The longest one is the memory: a
    /// widening before it says nothing.
    pub delays: Vec<DelayWindow>,
    /// Trouble that is said to start this long before a widening may still be its doing: clocks
    /// and windows are not exact.
    pub slack: Micros,
    /// How much likelier the changed service alerts when the change is to blame than when not,
    /// as a ratio in thousandths.
    pub own_service_milli: u32,
    /// What each call between the changed service and the alerting one leaves of that.
    pub hop_decay: Ppm,
    /// The share of guilty changes whose own service does not alert, though others do.
    pub silent_service: Ppm,
    /// A service alerts in a region it has nothing to do with: the share of regions.
    pub region_background: Ppm,
    /// The share of changed instances at which half of the guilty changes alert in a region.
    pub region_half: Ppm,
    /// The share of guilty changes that show in a region they have not reached.
    pub region_spill: Ppm,
    /// The most that a comparison of versions may say for a change, in thousandths of a nat.
    pub split_for_milli: u32,
    /// The most that it may say against it.
    pub split_against_milli: u32,
    /// The share of alerts of an incident that are somebody else's.
    pub stray: Ppm,
    /// The share of incidents that a change in flight or recent caused.
    pub prior: Ppm,
    /// How probable it must be that the first suspect did it for it to be blamed.
    pub blame: Ppm,
}

impl Default for SuspectPolicy {
    /// Windows of a few minutes up to a day, most weight on the shortest; see
    /// `core/tests/alerting/blame.rs` for what these values come to.
    fn default() -> Self {
        let window = |within, percent| DelayWindow {
            within,
            share: Ppm::percent(percent),
        };
        Self {
            delays: vec![
                window(Micros::from_mins(10), 45),
                window(Micros::from_mins(30), 25),
                window(Micros::from_hours(2), 15),
                window(Micros::from_hours(6), 10),
                window(Micros::from_hours(24), 5),
            ],
            slack: Micros::from_secs(30),
            own_service_milli: 20_000,
            hop_decay: Ppm::percent(40),
            silent_service: Ppm::percent(15),
            region_background: Ppm::percent(30),
            region_half: Ppm::percent(1),
            region_spill: Ppm::percent(5),
            split_for_milli: 8_000,
            split_against_milli: 4_000,
            stray: Ppm::percent(5),
            prior: Ppm::percent(50),
            blame: Ppm::percent(80),
        }
    }
}

impl SuspectPolicy {
    /// The memory.
    #[must_use]
    pub fn memory(&self) -> Micros {
        let windows = self.delays.iter().map(|window| window.within);
        windows.max().unwrap_or(Micros::ZERO)
    }

    /// The odds of no change at all, against each change being as suspect as any other.
    pub(super) fn odds_of_nobody(&self) -> f64 {
        let prior = self.prior.as_f64().clamp(1e-6, 1.0 - 1e-6);
        (1.0 - prior) / prior
    }

    /// What the silence of the changed service says.
    pub(super) fn silent_milli(&self) -> i64 {
        milli(libm::log(self.silent_service.as_f64().clamp(1e-6, 1.0)))
    }

    /// What an alert says of a change, given that it may be somebody else's: `ln(s + (1-s)eˣ)`.
    pub(super) fn stray_milli(&self, total_milli: Option<i64>) -> i64 {
        let stray = self.stray.as_f64().clamp(1e-6, 1.0);
        let explained = total_milli.map_or(0.0, |total| libm::exp(total as f64 / 1e3));
        milli(libm::log(stray + (1.0 - stray) * explained))
    }
}

/// Thousandths of a nat.
pub(super) fn milli(nats: f64) -> i64 {
    libm::round(nats * 1e3) as i64
}
