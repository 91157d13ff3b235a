//! Numbers, times and lists as people read them.

use firedrill_core::{Micros, Ppm};
use firedrill_sim::expect::Requirement;

pub(crate) use firedrill_sim::words::{count, counted, list};

/// A share, as exact as it is worth reading: four decimals below 0.1 %, one from 10 % on.
pub(crate) fn share(share: Ppm) -> String {
    let unit: u32 = match share.0 {
        0..1_000 => 1,
        1_000..100_000 => 100,
        _ => 1_000,
    };
    // Rounding must not turn a share short of the whole into the whole.
    let rounded = (share.0 / unit + u32::from(share.0 % unit * 2 >= unit)).saturating_mul(unit);
    let shown = if share < Ppm::ONE && rounded >= Ppm::ONE.0 {
        Ppm(Ppm::ONE.0 - unit)
    } else {
        Ppm(rounded)
    };
    shown.to_string()
}

/// A length of time: `45 s`, `24 min 10 s`, `1 h 02 min`.
pub(crate) fn time(time: Micros) -> String {
    if time.0 < 1_000_000 {
        return match time.0.div_ceil(1_000) {
            0 => "0 s".into(),
            ms => format!("{ms} ms"),
        };
    }
    let s = (time.0 + 500_000) / 1_000_000;
    match s {
        0..60 => format!("{s} s"),
        60..3_600 if s.is_multiple_of(60) => format!("{} min", s / 60),
        60..3_600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3_600, s / 60 % 60),
    }
}

/// What must be so, with times as the rest of the document writes them.
pub(crate) fn requirement(requirement: &Requirement) -> String {
    match requirement {
        Requirement::TimeToDetectAtMost(limit) => {
            format!("time to detect at most {}", time(*limit))
        }
        Requirement::TimeToMitigateAtMost(limit) => {
            format!("time to mitigate at most {}", time(*limit))
        }
        Requirement::CaughtBy(_)
        | Requirement::ExposureAtMost(_)
        | Requirement::PagesAtMost(_)
        | Requirement::AlertsAtLeast(_)
        | Requirement::IncidentsAtMost(_)
        | Requirement::SuspectRankAtMost(_)
        | Requirement::ReachesFull(_)
        | Requirement::BreachesSlo(_)
        | Requirement::Mitigated(_)
        | Requirement::AcknowledgedWithin(_)
        | Requirement::UsersToldWithin(_)
        | Requirement::RollbackAdoptedWithin(_)
        | Requirement::TeamsPagedAtLeast(_)
        | Requirement::HandsOver(_)
        | Requirement::HarmsUsers(_)
        | Requirement::ActionWorks(_)
        | Requirement::ActionFails(_) => requirement.to_string(),
    }
}

/// Times ten to the minus three, with one decimal: `14.4`.
pub(crate) fn milli(n: u64) -> String {
    let tenths = (n + 50) / 100;
    format!("{}.{}", count(tenths / 10), tenths % 10)
}

/// The same text with its first letter in upper case.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The same text with its first letter in lower case.
pub(crate) fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// `text` with exactly one full stop at its end.
pub(crate) fn stopped(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) {
        text.into()
    } else {
        format!("{text}.")
    }
}

/// The clock of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// UTC time of day at the start.
    pub(crate) start: Micros,
}

impl Clock {
    /// UTC, `HH:MM:SS`; a later day counts on past 24.
    pub(crate) fn utc(self, at: Micros) -> String {
        let s = (self.start + at).0 / 1_000_000;
        format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
    }

    /// UTC, `HH:MM`.
    pub(crate) fn utc_minutes(self, at: Micros) -> String {
        let mut text = self.utc(at);
        text.truncate(text.len() - 3);
        text
    }

    /// Since the start of the run, `+HH:MM:SS`.
    pub(crate) fn offset(at: Micros) -> String {
        let s = at.0 / 1_000_000;
        format!("+{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
    }

    /// ISO 8601 on the day that every run starts on, 2000-01-01, to the millisecond.
    ///
    /// A run has a time of day and no date; tools that read CSV want one.
    pub(crate) fn iso(self, at: Micros) -> String {
        let ms = (self.start + at).0 / 1_000;
        let s = ms / 1_000;
        format!(
            "2000-01-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            1 + s / 86_400,
            s / 3_600 % 24,
            s / 60 % 60,
            s % 60,
            ms % 1_000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let counts: Vec<_> = [0, 999, 1_000, 1_234_567].map(count).into();
        assert_eq!(counts, ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(counted(1, "page"), "1 page");
        assert_eq!(counted(2_000, "page"), "2 000 pages");
        assert_eq!(milli(14_400), "14.4");
    }

    #[test]
    fn shares_keep_what_matters() {
        let shares: Vec<_> = [0, 191, 2_512, 86_449, 123_456, 999_999, 1_000_000]
            .map(|ppm| share(Ppm(ppm)))
            .into();
        assert_eq!(
            shares,
            [
                "0 %", "0.0191 %", "0.25 %", "8.64 %", "12.3 %", "99.9 %", "100 %"
            ]
        );
    }

    #[test]
    fn times_read_well() {
        let s = Micros::from_secs;
        let times: Vec<_> = [Micros(0), Micros(1_500), s(45), s(120), s(1_450), s(3_725)]
            .map(time)
            .into();
        assert_eq!(
            times,
            ["0 s", "2 ms", "45 s", "2 min", "24 min 10 s", "1 h 02 min"]
        );
    }

    #[test]
    fn clocks_cross_midnight() {
        let clock = Clock {
            start: Micros::from_hours(23),
        };
        let at = Micros::from_mins(90);
        assert_eq!(clock.utc(at), "24:30:00");
        assert_eq!(clock.iso(at), "2000-01-02T00:30:00.000Z");
        assert_eq!(Clock::offset(at), "+01:30:00");
    }

    #[test]
    fn lists_and_sentences() {
        let items: Vec<String> = ["a", "b", "c"].map(String::from).into();
        assert_eq!(list(&items), "a, b and c");
        assert_eq!(list(&items[..2]), "a and b");
        assert_eq!(sentence("who"), "Who");
        assert_eq!(lower_first("Wave `A`"), "wave `A`");
        assert_eq!(stopped("who "), "who.");
    }
}
