//! From a page to its acknowledgement, or to none: then the pager escalates by its own policy.

use firedrill_core::Micros;

use crate::spec::{LogNormal, Responders};

use super::dice::{Ask, Dice};
use super::trust::{chance_of_answer, median, open_pages, tiredness, trust};
use super::{NoiseAlert, is_night};

/// What somebody makes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They acknowledge it after this long.
    After(Micros),
    /// They never do: asleep, elsewhere, or used to pages that mean nothing.
    Missed,
}

/// What somebody makes of a page. `seen` is what their pager told them before, `now` counts as its
/// times do, and `utc` is the time of day.
pub fn acknowledge(
    dice: &mut Dice<'_>,
    model: &Responders,
    seen: &[NoiseAlert],
    now: Micros,
    utc: Micros,
) -> Answer {
    let trusted = trust(&model.trust, seen, now);
    let chance = chance_of_answer(&model.trust, trusted, open_pages(seen, now));
    if !dice.chance(Ask::Answers, 0, chance) {
        return Answer::Missed;
    }
    let params = &model.acknowledging;
    let night = is_night(&model.site, utc);
    let tired = tiredness(params, seen, now);
    let delay = LogNormal {
        median: median(params, night, model.severity as usize, tired),
        sigma: params.sigma,
    };
    Answer::After(dice.time(Ask::Acknowledges, 0, delay))
}

#[cfg(test)]
mod tests {
    use firedrill_core::incident::Severity;

    use super::*;
    use crate::random::Draws;

    const NOON: Micros = Micros::from_hours(12);

    /// The median of 4001 answers, in minutes, and the share of pages missed.
    fn answers(model: &Responders, seen: &[NoiseAlert], now: Micros, utc: Micros) -> (f64, f64) {
        let mut draws = Draws::new(5, "people", None);
        let pages = 4_001;
        let mut times: Vec<Micros> = (0..pages)
            .filter_map(|page| {
                let mut dice = Dice::new(&mut draws, page);
                match acknowledge(&mut dice, model, seen, now, utc) {
                    Answer::After(time) => Some(time),
                    Answer::Missed => None,
                }
            })
            .collect();
        times.sort_unstable();
        let missed = 1.0 - times.len() as f64 / pages as f64;
        (times[times.len() / 2].as_secs_f64() / 60.0, missed)
    }

    /// The median of a sample of `n` strays by 1.25·sigma/√n in its logarithm; four times that is
    /// met by 15 999 right models of 16 000.
    fn near(median: f64, expected: f64) {
        let off = libm::log(median / expected).abs();
        assert!(
            off < 4.0 * 1.25 / 4_001_f64.sqrt() * 1.4,
            "{median} instead of {expected}"
        );
    }

    #[test]
    fn medians_are_those_of_severity_day_and_night() {
        let model = Responders::default();
        let (day, missed) = answers(&model, &[], NOON, NOON);
        near(day, 2.0);
        assert_eq!(missed, 0.0, "who never saw a false page answers all");
        near(answers(&model, &[], NOON, Micros::from_hours(2)).0, 5.0);
        let minor = Responders {
            severity: Severity::Sev4,
            ..Responders::default()
        };
        near(answers(&minor, &[], NOON, NOON).0, 12.0);
    }

    #[test]
    fn a_noisy_evening_makes_slow_and_deaf() {
        let model = Responders::default();
        let idle = |minute| NoiseAlert {
            at: NOON.saturating_sub(Micros::from_mins(minute)),
            until: NOON + Micros(u64::from(minute == 1)),
            misfired: Some(0),
        };
        let seen: Vec<_> = (1..=20).rev().map(idle).collect();
        let (slow, missed) = answers(&model, &seen, NOON, NOON);
        near(slow, 4.0);
        let trusted = 0.9_f64.powi(20);
        let expected = 1.0 - 0.7 * (0.9 + 0.1 * trusted);
        let deviation = (expected * (1.0 - expected) / 4_001.0).sqrt();
        assert!(
            (missed - expected).abs() < 4.0 * deviation,
            "{missed} instead of {expected}"
        );
    }
}
