//! Figures for people.

use firedrill_core::{Micros, Ppm};
use firedrill_sim::campaign::Unit;
use firedrill_sim::words::count;

/// A figure with its unit; `never` when it never came, `-` when it applies to no run.
pub(crate) fn figure(value: Option<u64>, unit: Unit, n: u64) -> String {
    match value {
        None if n == 0 => "-".into(),
        None => "never".into(),
        Some(value) => match unit {
            Unit::Microseconds => duration(Micros(value)),
            Unit::PartsPerMillion => percent(value),
            Unit::Count => count(value),
        },
    }
}

/// Hours, minutes and seconds; milliseconds below ten seconds.
pub(crate) fn duration(time: Micros) -> String {
    let millis = (time.0 + 500) / 1_000;
    if millis == 0 {
        return "0s".into();
    }
    if millis < 10_000 && !millis.is_multiple_of(1_000) {
        return format!("{}.{}s", millis / 1_000, millis % 1_000 / 100);
    }
    let seconds = (time.0 + 500_000) / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m {seconds:02}s"),
        (_, _) => format!("{hours}h {minutes:02}m {seconds:02}s"),
    }
}

fn percent(ppm: u64) -> String {
    Ppm(u32::try_from(ppm).unwrap_or(u32::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_units() {
        let time = |micros| figure(Some(micros), Unit::Microseconds, 1);
        assert_eq!(time(0), "0s");
        assert_eq!(time(4_500_000), "4.5s");
        assert_eq!(time(59_600_000), "1m 00s");
        assert_eq!(time(754_000_000), "12m 34s");
        assert_eq!(time(4_210_000_000), "1h 10m 10s");
        assert_eq!(figure(Some(12_500), Unit::PartsPerMillion, 1), "1.25 %");
        assert_eq!(figure(Some(3), Unit::Count, 1), "3");
        assert_eq!(figure(Some(52_301), Unit::Count, 1), "52 301");
        assert_eq!(figure(None, Unit::Count, 2), "never");
        assert_eq!(figure(None, Unit::Count, 0), "-");
    }
}
