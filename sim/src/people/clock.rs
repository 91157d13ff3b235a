//! The clock on the wall where people are.

use firedrill_core::Micros;

use crate::spec::{Site, Weekday};

const DAY_US: i64 = 24 * 3_600 * 1_000_000;

/// A stretch of time about which something is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The day, by UTC, on which it begins.
    pub day: Weekday,
    /// UTC time of day at which it begins.
    pub start: Micros,
    /// Its length. Its times count from its begin.
    pub length: Micros,
    /// Local time minus UTC, in seconds.
    pub utc_offset_s: i64,
}

impl Window {
    /// Local time of day.
    pub(super) fn time_of_day(&self, at: Micros) -> Micros {
        let local = local_us(self.start + at, self.utc_offset_s);
        Micros(local.rem_euclid(DAY_US).cast_unsigned())
    }

    /// Whether it is Saturday or Sunday there.
    pub(super) fn is_weekend(&self, at: Micros) -> bool {
        let days = local_us(self.start + at, self.utc_offset_s).div_euclid(DAY_US);
        (days + self.day as i64).rem_euclid(7) >= 5
    }
}

/// Whether people at the site sleep. `utc` counts from any midnight, UTC.
#[must_use]
pub fn is_night(site: &Site, utc: Micros) -> bool {
    let local = local_us(utc, site.utc_offset_s).rem_euclid(DAY_US);
    let now = Micros(local.cast_unsigned());
    if site.night_from <= site.night_to {
        (site.night_from..site.night_to).contains(&now)
    } else {
        now >= site.night_from || now < site.night_to
    }
}

/// From now to the end of the shift; more than nothing, at most a shift.
///
/// # Panics
/// When a shift has no length.
#[must_use]
pub fn shift_ends_in(site: &Site, utc: Micros) -> Micros {
    let length = site.shift_length.0.cast_signed();
    assert!(length > 0, "a shift lasts longer than nothing");
    let end = site.shift_ends.0.cast_signed();
    let left = (end - local_us(utc, site.utc_offset_s)).rem_euclid(length);
    Micros(if left == 0 { length } else { left }.cast_unsigned())
}

const fn local_us(utc: Micros, offset_s: i64) -> i64 {
    utc.0.cast_signed() + offset_s * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn night_is_local_and_runs_over_midnight() {
        let west = Site {
            utc_offset_s: -5 * 3_600,
            ..Site::default()
        };
        for (utc_h, night) in [(2, false), (3, true), (11, true), (12, false), (27, true)] {
            assert_eq!(is_night(&west, Micros::from_hours(utc_h)), night, "{utc_h}");
        }
        let sleeper_by_day = Site {
            night_from: Micros::from_hours(8),
            night_to: Micros::from_hours(16),
            ..Site::default()
        };
        assert!(is_night(&sleeper_by_day, Micros::from_hours(8)));
        assert!(!is_night(&sleeper_by_day, Micros::from_hours(16)));
    }

    #[test]
    fn shifts_follow_each_other() {
        let site = Site::default();
        let ends_in = |hours| shift_ends_in(&site, Micros::from_hours(hours));
        assert_eq!(ends_in(8), Micros::from_hours(1));
        assert_eq!(ends_in(9), Micros::from_hours(12), "the next one's end");
        assert_eq!(ends_in(20), Micros::from_hours(1));
        assert_eq!(ends_in(22), Micros::from_hours(11));
    }

    #[test]
    fn weekends_begin_at_local_midnight() {
        let window = Window {
            day: Weekday::Friday,
            start: Micros::from_hours(20),
            length: Micros::from_hours(72),
            utc_offset_s: 2 * 3_600,
        };
        assert!(!window.is_weekend(Micros::from_mins(119)));
        assert!(window.is_weekend(Micros::from_mins(120)));
        assert!(!window.is_weekend(Micros::from_hours(50)));
        assert_eq!(
            window.time_of_day(Micros::from_hours(3)),
            Micros::from_hours(1)
        );
    }
}
