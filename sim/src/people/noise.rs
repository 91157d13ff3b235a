//! What else a pager tells: misfiring rules and small incidents, written down before a run.

use firedrill_core::Micros;

use crate::random::Draws;
use crate::spec::NoiseRates;

use super::Window;
use super::dice::Ask;
use super::thinning::each_moment;

/// A page that has nothing to do with any change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoiseAlert {
    /// When it goes out, counted from the begin of the window.
    pub at: Micros,
    /// When it closes.
    pub until: Micros,
    /// The rule that misfired; absent for a small incident that does need somebody.
    pub misfired: Option<u32>,
}

impl NoiseAlert {
    /// Whether it needs somebody.
    #[must_use]
    pub const fn is_actionable(&self) -> bool {
        self.misfired.is_none()
    }
}

/// The pages of a window, the oldest first: a Poisson process whose rate follows the local time of
/// day. Misfires swing with it; small incidents come at any time.
///
/// # Panics
/// When the share of noise is not below one.
#[must_use]
pub fn noise_alerts(draws: &mut Draws, rates: &NoiseRates, window: &Window) -> Vec<NoiseAlert> {
    assert!(
        (0.0..1.0).contains(&rates.share),
        "a pager of noise alone has no rate: {}",
        rates.share
    );
    let misfires = rates.noise_per_day() / 24.0;
    let incidents = rates.incidents_per_day / 24.0;
    let most = misfires * (1.0 + rates.swing) + incidents;
    let mut alerts = Vec::new();
    let asks = (Ask::NoiseCount, Ask::NoiseTime);
    each_moment(draws, window, most, asks, |dice, index, at| {
        // One draw decides whether it comes at this time of day, and what it is.
        let kind = dice.uniform(Ask::NoiseKept, index) * most;
        let of_this_time = misfires * day_curve(rates, window.time_of_day(at));
        if kind >= incidents + of_this_time {
            return;
        }
        let rule = dice.uniform(Ask::NoiseKind, index) * f64::from(rates.rules.max(1));
        let misfired = (kind >= incidents).then_some(rule as u32);
        let lasting = misfired.map_or(rates.incident_for, |_| rates.open_for);
        let lasting = dice.time(Ask::NoiseLength, index, lasting);
        alerts.push(NoiseAlert {
            at,
            until: at + lasting,
            misfired,
        });
    });
    alerts.sort_unstable_by_key(|alert| (alert.at, alert.until, alert.misfired));
    alerts
}

fn day_curve(rates: &NoiseRates, local: Micros) -> f64 {
    let phase = (local.as_secs_f64() - rates.peak.as_secs_f64()) / 86_400.0;
    1.0 + rates.swing * libm::cos(phase * std::f64::consts::TAU)
}

#[cfg(test)]
mod tests {
    use super::super::thinning::HOUR;
    use super::*;
    use crate::spec::{NoiseLevel, Weekday};

    fn window(days: u64) -> Window {
        Window {
            day: Weekday::Monday,
            start: Micros::ZERO,
            length: Micros::from_hours(24 * days),
            utc_offset_s: 0,
        }
    }

    /// Counts lie within four standard deviations: a right generator fails once in 16 000 counts.
    fn near(count: usize, expected: f64) {
        let off = (count as f64 - expected).abs();
        assert!(
            off <= 4.0 * expected.sqrt(),
            "{count} instead of {expected}"
        );
    }

    #[test]
    fn presets_have_their_share_of_noise() {
        for level in NoiseLevel::ALL {
            let rates = NoiseRates::of(level);
            let alerts = noise_alerts(&mut Draws::new(1, "people", None), &rates, &window(300));
            assert!(alerts.is_sorted_by_key(|alert| alert.at));
            let real = alerts.iter().filter(|alert| alert.is_actionable()).count();
            near(real, 900.0);
            near(
                alerts.len() - real,
                900.0 * level.share() / (1.0 - level.share()),
            );
        }
    }

    #[test]
    fn misfires_follow_the_day_and_incidents_do_not() {
        let rates = NoiseRates::of(NoiseLevel::Typical);
        let alerts = noise_alerts(&mut Draws::new(2, "people", None), &rates, &window(1_000));
        let by_day = |alert: &&NoiseAlert| {
            let hour = alert.at.0 / HOUR.0 % 24;
            (7..18).contains(&hour) // the peak's half, but for the half hours at its ends
        };
        let (real, noise): (Vec<NoiseAlert>, Vec<_>) =
            alerts.iter().partition(|alert| alert.is_actionable());
        near(real.iter().filter(by_day).count(), 3_000.0 * 11.0 / 24.0);
        // The integral of 1 + 0.4·cos over 5.5 h to both sides of the peak, as a share of a day.
        let angle = std::f64::consts::TAU * 5.5 / 24.0;
        let share = (angle + 0.4 * libm::sin(angle)) / std::f64::consts::PI;
        near(noise.iter().filter(by_day).count(), 27_000.0 * share);
    }

    #[test]
    fn a_longer_window_begins_like_a_shorter_one() {
        let rates = NoiseRates::of(NoiseLevel::Storm);
        let mut draws = Draws::new(3, "people", None);
        let short = noise_alerts(&mut draws, &rates, &window(1));
        let long = noise_alerts(&mut draws, &rates, &window(2));
        assert_eq!(short[..], long[..short.len()]);
        assert!(short.len() < long.len());
    }
}
