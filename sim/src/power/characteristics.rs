//! Many canaries in figures.

use firedrill_core::health::special::{bisect, ln_beta_below};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use crate::random::Draws;

use super::trial::Case;

/// Runs that share one set of draws, so that setting them up costs nothing.
const BATCH: u64 = 256;

/// How long a judge takes to notice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Characteristics {
    /// Canaries that turned bad; those stopped before are not counted.
    pub runs: u64,
    /// Those that were noticed within the horizon.
    pub detected: u64,
    /// The mean delay of those, in seconds; NaN of none.
    pub mean_s: f64,
    /// The standard error of the mean.
    pub mean_error_s: f64,
    /// The median delay, in seconds; infinite when most were missed.
    pub median_s: f64,
    /// The 99th percentile, in seconds; infinite when more than one in a hundred was missed.
    pub p99_s: f64,
}

impl Characteristics {
    /// The figures of delays; `None` is a miss.
    #[must_use]
    pub fn of(delays: &[Option<f64>]) -> Self {
        let mut seen: Vec<f64> = delays.iter().copied().flatten().collect();
        seen.sort_unstable_by(f64::total_cmp);
        let n = seen.len() as f64;
        let mean = seen.iter().sum::<f64>() / n;
        let squares: f64 = seen
            .iter()
            .map(|delay| (delay - mean) * (delay - mean))
            .sum();
        let rank = |share: f64| {
            let index = libm::ceil(share * delays.len() as f64) as usize;
            seen.get(index.max(1) - 1).copied().unwrap_or(f64::INFINITY)
        };
        Self {
            runs: delays.len() as u64,
            detected: seen.len() as u64,
            mean_s: mean,
            mean_error_s: libm::sqrt(squares / (n - 1.0).max(1.0) / n),
            median_s: rank(0.5),
            p99_s: rank(0.99),
        }
    }

    /// Whether every bad canary was noticed, so that the mean is one of all.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.runs > 0 && self.detected == self.runs
    }

    /// The least that the mean delay of all can be, in seconds, where those that were missed were
    /// watched for `watched_s`; the mean itself when none was missed.
    #[must_use]
    pub fn mean_min_s(&self, watched_s: f64) -> f64 {
        let missed = (self.runs - self.detected) as f64 * watched_s;
        let seen = if self.detected > 0 {
            self.mean_s * self.detected as f64
        } else {
            0.0
        };
        (seen + missed) / self.runs.max(1) as f64
    }

    /// The share of bad canaries that were noticed.
    #[must_use]
    pub fn power(&self) -> f64 {
        self.detected as f64 / self.runs.max(1) as f64
    }
}

/// False alarms among canaries without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FalseAlarms {
    /// Canaries without a fault.
    pub runs: u64,
    /// Those that were stopped.
    pub alarms: u64,
}

impl FalseAlarms {
    /// The share that was stopped.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.alarms as f64 / self.runs.max(1) as f64
    }

    /// A bound that the true rate exceeds with a probability of at most 5 % (Clopper and Pearson,
    /// 1934).
    #[must_use]
    pub fn rate_max(&self) -> f64 {
        if self.alarms >= self.runs {
            return 1.0;
        }
        let (a, b) = (self.alarms as f64 + 1.0, (self.runs - self.alarms) as f64);
        bisect(0.0, 1.0, |p| ln_beta_below(a, b, p) - libm::log(0.95))
    }
}

/// Runs numbered canaries in parallel, in order.
pub fn each<T: Send>(seed: u64, runs: u64, run: impl Fn(&mut Draws, u64) -> T + Sync) -> Vec<T> {
    let batches: Vec<Vec<T>> = (0..runs.div_ceil(BATCH))
        .into_par_iter()
        .map(|batch| {
            let mut draws = Draws::new(seed, "power", None);
            let numbers = batch * BATCH..((batch + 1) * BATCH).min(runs);
            numbers.map(|number| run(&mut draws, number)).collect()
        })
        .collect();
    batches.into_iter().flatten().collect()
}

/// How long `alarm_s` takes to notice what happens in `case`; alarms before that are left out.
pub fn delays(
    case: &Case,
    seed: u64,
    runs: u64,
    alarm_s: impl Fn(&Case, &mut Draws, u64) -> Option<f64> + Sync,
) -> Characteristics {
    let alarms = each(seed, runs, |draws, run| alarm_s(case, draws, run));
    let onset = case.onset_s();
    let after: Vec<Option<f64>> = alarms
        .into_iter()
        .filter(|alarm| alarm.is_none_or(|at| at > onset))
        .map(|alarm| alarm.map(|at| at - onset))
        .collect();
    Characteristics::of(&after)
}

/// How often `alarm_s` stops a canary of `case`, in which nothing may happen.
pub fn false_alarms(
    case: &Case,
    seed: u64,
    runs: u64,
    alarm_s: impl Fn(&Case, &mut Draws, u64) -> Option<f64> + Sync,
) -> FalseAlarms {
    let alarms = each(seed, runs, |draws, run| alarm_s(case, draws, run).is_some());
    FalseAlarms {
        runs,
        alarms: alarms.into_iter().filter(|alarm| *alarm).count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_push_the_quantiles_out() {
        let delays = [Some(1.0), Some(3.0), None, Some(2.0)];
        let found = Characteristics::of(&delays);
        assert_eq!(
            (found.detected, found.mean_s, found.median_s),
            (3, 2.0, 2.0)
        );
        assert_eq!(found.p99_s, f64::INFINITY);
        assert!(Characteristics::of(&[None]).mean_s.is_nan());
        assert!(!found.is_complete());
        assert_eq!(found.mean_min_s(10.0), 4.0);
        assert_eq!(Characteristics::of(&[None]).mean_min_s(7.0), 7.0);
    }

    /// Clopper and Pearson: none in 300 leaves 0.994 %; `1 - 0.05^(1/300)`.
    #[test]
    fn a_rate_has_an_upper_bound() {
        let none = FalseAlarms {
            runs: 300,
            alarms: 0,
        };
        assert!(
            (none.rate_max() - 0.009_936).abs() < 1e-5,
            "{}",
            none.rate_max()
        );
        let all = FalseAlarms { runs: 3, alarms: 3 };
        assert_eq!(all.rate_max(), 1.0);
    }

    #[test]
    fn numbers_do_not_depend_on_the_batch() {
        let draw = |draws: &mut Draws, run: u64| draws.bits(run, crate::random::Entity::new(3));
        let many = each(5, 1_000, draw);
        let mut draws = Draws::new(5, "power", None);
        assert_eq!(many[777], draw(&mut draws, 777));
    }
}
