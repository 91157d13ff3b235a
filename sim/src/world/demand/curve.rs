//! What demand does by the clock: days and weeks, by local time.

use firedrill_core::Micros;

use crate::spec::{Demand, Weekday, Weekly};

const HOUR_S: f64 = 3_600.0;
const DAY_S: f64 = 24.0 * HOUR_S;
/// People do not stop working at midnight sharp: weekdays fade into weekends over this long.
const FADE_S: f64 = 4.0 * HOUR_S;

/// The factor by which demand differs from its daily mean at a local time: a cosine around the
/// peak.
pub(super) fn day(demand: &Demand, now: Micros, utc_offset_s: i64) -> f64 {
    let local_s = (demand.start + now).as_secs_f64() + utc_offset_s as f64;
    let phase = (local_s - demand.peak.as_secs_f64()) / DAY_S * std::f64::consts::TAU;
    1.0 + demand.swing * libm::cos(phase)
}

/// The factor by which demand differs from that of a weekday: one on weekdays, the weekend's on
/// Saturdays and Sundays, and a straight line between them around local midnight.
pub(super) fn week(weekly: &Weekly, start: Micros, now: Micros, utc_offset_s: i64) -> f64 {
    let local_s = (start + now).as_secs_f64() + utc_offset_s as f64;
    let days = local_s / DAY_S + days_since_monday(weekly.start_day);
    let day = days - 7.0 * libm::floor(days / 7.0); // in 0..7, Monday is 0
    let fade = FADE_S / DAY_S;
    // How much of it is weekend: rises around the end of Friday, falls around that of Sunday.
    // Monday's first hours see the end of the fall.
    let rise = |edge: f64, at: f64| ((at - edge) / fade + 0.5).clamp(0.0, 1.0);
    let day = if day < 2.0 { day + 7.0 } else { day };
    let weekend = rise(5.0, day) - rise(7.0, day);
    1.0 + (weekly.weekend_factor - 1.0) * weekend
}

const fn days_since_monday(day: Weekday) -> f64 {
    match day {
        Weekday::Monday => 0.0,
        Weekday::Tuesday => 1.0,
        Weekday::Wednesday => 2.0,
        Weekday::Thursday => 3.0,
        Weekday::Friday => 4.0,
        Weekday::Saturday => 5.0,
        Weekday::Sunday => 6.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_curve_peaks_at_local_peak_time() {
        let demand = Demand {
            start: Micros::from_hours(14),
            swing: 0.4,
            peak: Micros::from_hours(20),
            ..Demand::default()
        };
        let at = |hours, offset_h: i64| day(&demand, Micros::from_hours(hours), offset_h * 3_600);
        assert!((at(6, 0) - 1.4).abs() < 1e-9);
        assert!(
            (at(11, -5) - 1.4).abs() < 1e-9,
            "five hours later five hours west"
        );
        assert!((at(18, 0) - 0.6).abs() < 1e-9);
        assert!((at(0, 0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn weekends_differ_from_local_midnight_to_local_midnight() {
        let weekly = Weekly {
            start_day: Weekday::Friday,
            weekend_factor: 0.6,
        };
        let start = Micros::from_hours(12);
        let at = |hours: u64, offset_h: i64| {
            week(&weekly, start, Micros::from_hours(hours), offset_h * 3_600)
        };
        for (hours, offset_h, expected) in [
            (0, 0, 1.0),      // Friday noon
            (12, 0, 0.8),     // midnight: half way
            (12, -5, 1.0),    // seven in the evening in the west
            (17, -5, 0.8),    // midnight there
            (14, 0, 0.6),     // Saturday, two in the morning
            (48, 0, 0.6),     // Sunday noon
            (60, 0, 0.8),     // Sunday midnight
            (61, 0, 0.9),     // Monday, one in the morning
            (62, 0, 1.0),     // Monday, two in the morning
            (84, 0, 1.0),     // Monday midnight
            (7 * 24, 0, 1.0), // Friday noon again
            (8 * 24, 0, 0.6), // Saturday noon again
        ] {
            let factor = at(hours, offset_h);
            assert!(
                (factor - expected).abs() < 1e-9,
                "{hours} h, offset {offset_h} h: {factor} instead of {expected}"
            );
        }
    }
}
