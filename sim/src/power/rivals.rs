//! The judges to compare with, at a measured false-alarm rate.
//!
//! Each is given as a score per look, alarming above a limit. [`limit`] finds the limit at which
//! a share `α` of canaries without a fault is stopped, so every rival is at its best: what it
//! loses, it loses by its statistic and not by its tuning.

use firedrill_core::health::rank::mann_whitney::Samples;

use crate::random::Draws;

use super::characteristics::each;
use super::trial::Case;

/// A judge that looks at a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rival {
    /// Errors of the candidate in one look's window, against a fixed limit.
    Threshold,
    /// The Mann–Whitney statistic over all looks' error counts so far, against the control's.
    Rank,
    /// CUSUM, told both error ratios: the optimum when the moment of change is not known.
    Cusum,
}

/// Points that a rank judge needs before it judges.
const POINTS_MIN: usize = 4;

/// Calls `each_look` with the score after every look, until it says stop.
fn scores(
    rival: Rival,
    case: &Case,
    draws: &mut Draws,
    run: u64,
    mut each_look: impl FnMut(u64, f64) -> bool,
) {
    let mut canary = case.canary(draws, run);
    let mut control = case.control(draws, run);
    let requests = case.look_requests();
    let ratio = (
        libm::log(case.p1 / case.p0),
        libm::log((1.0 - case.p1) / (1.0 - case.p0)),
    );
    let (mut x, mut y, mut cusum) = (Vec::new(), Vec::new(), 0.0_f64);
    for look in 0..case.looks() {
        let errors = canary.take_below(draws, requests * (look + 1)) as f64;
        let score = match rival {
            Rival::Threshold => errors,
            Rival::Cusum => {
                let good = requests as f64 - errors;
                cusum = (cusum + errors * ratio.0 + good * ratio.1).max(0.0);
                cusum
            }
            Rival::Rank => {
                if let Some((stream, n)) = &mut control {
                    x.push(errors);
                    y.push(stream.take_below(draws, *n * (look + 1)) as f64);
                }
                let samples = Samples::new(&x, &y).ok();
                let z = samples.and_then(|samples| samples.z(0.0).ok());
                z.filter(|_| x.len() >= POINTS_MIN)
                    .unwrap_or(f64::NEG_INFINITY)
            }
        };
        if !each_look(look, score) {
            return;
        }
    }
}

/// The smallest limit at which at most a share `alpha` of `runs` canaries without a fault ever
/// reach a score above it.
pub fn limit(rival: Rival, case: &Case, alpha: f64, seed: u64, runs: u64) -> f64 {
    let mut highest = each(seed, runs, |draws, run| {
        let mut highest = f64::NEG_INFINITY;
        scores(rival, case, draws, run, |_, score| {
            highest = highest.max(score);
            true
        });
        highest
    });
    highest.sort_unstable_by(|a, b| b.total_cmp(a));
    let allowed = (alpha * runs as f64) as usize;
    highest.get(allowed).copied().unwrap_or(f64::INFINITY)
}

/// When a rival raises its alarm, in seconds from the start.
pub fn alarm_s(rival: Rival, limit: f64, case: &Case, draws: &mut Draws, run: u64) -> Option<f64> {
    let mut alarm = None;
    scores(rival, case, draws, run, |look, score| {
        if score > limit {
            alarm = Some((look + 1) as f64 * case.look_seconds());
        }
        alarm.is_none()
    });
    alarm
}
