//! Whether an action worked, by what telemetry shows: the objective that is worst off must burn its
//! budget at most half as fast as before, or no faster than it may.

use std::collections::VecDeque;

use firedrill_core::Micros;
use firedrill_core::alerting::count;
use firedrill_core::health::TelemetryWindow;

use crate::spec::NamedSlo;

/// Windows older than this are forgotten.
const KEPT: Micros = Micros::from_hours(1);
/// This much is left of the burn when an action worked. Assumption.
const LEFT_AT_MOST: f64 = 0.5;
/// So long before an action counts as before it.
const BEFORE: Micros = Micros::from_mins(5);

/// What a window showed of an objective.
#[derive(Clone, Copy, Debug)]
struct Seen {
    start: Micros,
    end: Micros,
    requests: u64,
    bad: u64,
}

/// What telemetry showed lately, by objective.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence(Vec<VecDeque<Seen>>);

impl Evidence {
    /// Takes a window that arrived.
    pub(super) fn add(&mut self, slos: &[NamedSlo], window: &TelemetryWindow) {
        self.0.resize(slos.len(), VecDeque::new());
        for (named, seen) in slos.iter().zip(&mut self.0) {
            let indicator = named.slo.indicator;
            if indicator.service() != window.service {
                continue;
            }
            let (requests, bad) = count(indicator, window);
            seen.push_back(Seen {
                start: window.start,
                end: window.end,
                requests,
                bad,
            });
            while seen.front().is_some_and(|old| old.end + KEPT < window.end) {
                seen.pop_front();
            }
        }
    }

    /// Whether an action that was begun and done then worked; nothing when no window tells.
    pub(super) fn worked(&self, slos: &[NamedSlo], begun: Micros, done: Micros) -> Option<bool> {
        let after = self.worst_burn(slos, done, Micros(u64::MAX))?;
        let before = self.worst_burn(slos, begun.saturating_sub(BEFORE), begun);
        Some(after <= 1.0 || before.is_some_and(|before| after <= before * LEFT_AT_MOST))
    }

    /// How many times faster than it may the worst objective burnt its budget.
    fn worst_burn(&self, slos: &[NamedSlo], from: Micros, to: Micros) -> Option<f64> {
        let burns = slos.iter().zip(&self.0).filter_map(|(named, seen)| {
            let within = |seen: &&Seen| from <= seen.start && seen.end <= to;
            let sums = seen.iter().filter(within);
            let (requests, bad) = sums.fold((0, 0), |(requests, bad), seen| {
                (requests + seen.requests, bad + seen.bad)
            });
            let allowed = 1.0 - named.slo.objective.as_f64();
            (requests > 0).then(|| bad as f64 / requests as f64 / allowed)
        });
        burns.reduce(f64::max)
    }
}
