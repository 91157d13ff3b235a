//! Innocent changes of other teams: what competes with the guilty one for suspicion, written down
//! before a run.

use firedrill_core::Micros;

use crate::random::Draws;
use crate::spec::ChangeRates;

use super::Window;
use super::dice::Ask;
use super::thinning::each_moment;

const DAY_HOURS: f64 = 24.0;

/// A change that does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnocentChange {
    /// When it is made, counted from the begin of the window.
    pub at: Micros,
    /// Whether a program makes it.
    pub automated: bool,
}

/// The changes of a window, the oldest first: a Poisson process with busy hours, slow nights and
/// slower weekends.
#[must_use]
pub fn innocent_changes(
    draws: &mut Draws,
    rates: &ChangeRates,
    window: &Window,
) -> Vec<InnocentChange> {
    let busy_hours = rates.busy_to.saturating_sub(rates.busy_from).as_secs_f64() / 3_600.0;
    let busy = per_hour(rates.busy_share, busy_hours);
    let quiet = per_hour(1.0 - rates.busy_share, DAY_HOURS - busy_hours);
    let most = rates.per_weekday * busy.max(quiet);
    let mut changes = Vec::new();
    let asks = (Ask::ChangeCount, Ask::ChangeTime);
    each_moment(draws, window, most, asks, |dice, index, at| {
        let is_busy = (rates.busy_from..rates.busy_to).contains(&window.time_of_day(at));
        let week = if window.is_weekend(at) {
            rates.weekend
        } else {
            1.0
        };
        let rate = rates.per_weekday * week * if is_busy { busy } else { quiet };
        if dice.chance(Ask::ChangeKept, index, rate / most) {
            let automated = dice.chance(Ask::ChangeAutomated, index, rates.automated);
            changes.push(InnocentChange { at, automated });
        }
    });
    changes.sort_unstable_by_key(|change| (change.at, change.automated));
    changes
}

/// The share of a day's changes that falls into one of so many hours.
fn per_hour(share: f64, hours: f64) -> f64 {
    if hours > 0.0 { share / hours } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::thinning::HOUR;
    use super::*;
    use crate::spec::Weekday;

    #[test]
    fn weeks_days_and_programs_have_their_shares() {
        let weeks = 200_u64;
        let window = Window {
            day: Weekday::Monday,
            start: Micros::ZERO,
            length: Micros::from_hours(24 * 7 * weeks),
            utc_offset_s: 3_600,
        };
        let rates = ChangeRates::default();
        let changes = innocent_changes(&mut Draws::new(1, "people", None), &rates, &window);
        assert!(changes.is_sorted_by_key(|change| change.at));
        // Four standard deviations: a right generator fails once in 16 000 counts.
        let near = |count: usize, expected: f64, what: &str| {
            let off = (count as f64 - expected).abs();
            assert!(
                off <= 4.0 * expected.sqrt(),
                "{count} {what} instead of {expected}"
            );
        };
        let count = |keep: &dyn Fn(&InnocentChange) -> bool| {
            changes.iter().filter(|change| keep(change)).count()
        };
        let weekend = |change: &InnocentChange| window.is_weekend(change.at);
        let (weekday, week) = (200.0 * 5.0 * 40.0, 200.0 * (5.0 + 2.0 / 3.0) * 40.0);
        near(count(&|change| !weekend(change)), weekday, "on weekdays");
        near(count(&weekend), weekday / 5.0 * 2.0 / 3.0, "on weekends");
        near(
            count(&|change| change.automated),
            week * 0.39,
            "by programs",
        );
        let busy = |change: &InnocentChange| {
            let local = (change.at.0 / HOUR.0 + 1) % 24;
            (10..18).contains(&local)
        };
        near(count(&busy), week * 0.75, "in busy hours");
    }
}
