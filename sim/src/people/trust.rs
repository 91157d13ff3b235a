//! What a pager teaches: trust, tiredness, load.

use firedrill_core::Micros;

use crate::spec::{Acknowledging, Trust};

use super::NoiseAlert;
use super::dice::stretched;

/// The precision of past pages as somebody remembers it: exponentially weighted, the newest page
/// most. `seen` is in the order of time; later pages than `now` are left out.
#[must_use]
pub fn trust(trust: &Trust, seen: &[NoiseAlert], now: Micros) -> f64 {
    let past = seen.iter().take_while(|page| page.at < now);
    past.fold(trust.at_first, |before, page| {
        let new = f64::from(u8::from(page.is_actionable()));
        before + trust.newest * (new - before)
    })
}

/// How many times longer than rested people somebody takes: linear in the pages of the last hours
/// that needed nobody, up to a limit.
#[must_use]
pub fn tiredness(acknowledging: &Acknowledging, seen: &[NoiseAlert], now: Micros) -> f64 {
    let since = now.saturating_sub(acknowledging.tired_over);
    let idle = seen.iter().filter(|page| (since..now).contains(&page.at));
    let idle = idle.filter(|page| !page.is_actionable()).count();
    (1.0 + acknowledging.tired_by * idle as f64).min(acknowledging.tired_at_most)
}

/// Pages that are open beside the one in question and need nobody. Those that do are in hand: they
/// burden the search.
#[must_use]
pub fn open_pages(seen: &[NoiseAlert], now: Micros) -> u32 {
    let open = seen.iter().filter(|page| page.at < now && now < page.until);
    open.filter(|page| !page.is_actionable()).count() as u32
}

/// The chance that a page is answered at all: from the floor, at no trust, to one; and a part of
/// it for each page that is open already.
#[must_use]
pub fn chance_of_answer(params: &Trust, trust: f64, open: u32) -> f64 {
    let willing = params.floor + (1.0 - params.floor) * trust.clamp(0.0, 1.0);
    willing * libm::pow(params.per_open_page, f64::from(open))
}

/// The median of an acknowledgement.
pub(super) fn median(params: &Acknowledging, night: bool, severity: usize, tired: f64) -> Micros {
    let rested = if night { params.night } else { params.day };
    stretched(rested, params.by_severity[severity] * tired)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(minute: u64, open_min: u64, actionable: bool) -> NoiseAlert {
        let at = Micros::from_mins(minute);
        NoiseAlert {
            at,
            until: at + Micros::from_mins(open_min),
            misfired: (!actionable).then_some(0),
        }
    }

    #[test]
    fn trust_follows_precision_and_forgets() {
        let params = Trust::default();
        let now = Micros::from_hours(100);
        assert_eq!(trust(&params, &[], now), 1.0, "nobody was fooled yet");
        let one_in_four: Vec<_> = (0..4_000).map(|i| page(i, 1, i % 4 == 0)).collect();
        let learned = trust(&params, &one_in_four, now);
        // The weighted mean of a period of four, whose true page is the oldest.
        assert!((learned - 0.1 * 0.9_f64.powi(3) / (1.0 - 0.9_f64.powi(4))).abs() < 1e-9);
        let reformed = (4_000..4_050).map(|i| page(i, 1, true));
        let reformed: Vec<_> = one_in_four.into_iter().chain(reformed).collect();
        assert!(trust(&params, &reformed, now) > 0.99);
        assert_eq!(
            trust(&params, &reformed, Micros::ZERO),
            1.0,
            "what comes later does not count"
        );
    }

    #[test]
    fn idle_pages_tire_for_two_hours() {
        let params = Acknowledging::default();
        let seen: Vec<_> = (0..10).map(|i| page(i, 1, i % 2 == 0)).collect();
        let at = |minute| tiredness(&params, &seen, Micros::from_mins(minute));
        assert_eq!(at(0), 1.0);
        assert!((at(60) - 1.25).abs() < 1e-12, "five of ten needed nobody");
        assert_eq!(at(130), 1.0, "slept it off");
        let storm: Vec<_> = (0..1_000).map(|_| page(1, 1, false)).collect();
        assert_eq!(tiredness(&params, &storm, Micros::from_mins(2)), 7.5);
    }

    #[test]
    fn open_pages_and_mistrust_cost_answers() {
        let params = Trust::default();
        let chance = |trust, open| chance_of_answer(&params, trust, open);
        assert_eq!(chance(1.0, 0), 1.0);
        assert!((chance(0.0, 0) - 0.9).abs() < 1e-12, "the floor");
        assert!((chance(1.0, 2) - 0.49).abs() < 1e-12);
        let seen = [page(0, 10, false), page(5, 10, false), page(5, 10, true)];
        let open = |minute| open_pages(&seen, Micros::from_mins(minute));
        assert_eq!([open(0), open(7), open(12), open(16)], [0, 2, 1, 0]);
    }
}
