//! Slow noise of demand: an Ornstein–Uhlenbeck process for each region.
//!
//! The process is sampled exactly whatever the step: over a time `dt` the value `x` becomes
//! `x·e^(−dt/τ) + sd·√(1 − e^(−2dt/τ))·z` with a standard normal `z` (D. T. Gillespie, "Exact
//! numerical simulation of the Ornstein–Uhlenbeck process and its integral", Phys. Rev. E 54,
//! 1996). It starts in its stationary distribution. The factor `e^(x − sd²/2)` has mean one.

use firedrill_core::Micros;

use crate::random::{Draws, Entity, normal_quantile};
use crate::spec::Drift;

/// The drift of every region.
#[derive(Clone, Debug)]
pub(super) struct Drifts {
    values: Vec<f64>,
}

impl Drifts {
    pub(super) fn new(regions: usize) -> Self {
        Self {
            values: vec![0.0; regions],
        }
    }

    /// Moves on by a step: one draw for each region. Step zero is drawn from the stationary
    /// distribution.
    pub(super) fn advance(&mut self, draws: &mut Draws, step: u64, length: Micros, spec: &Drift) {
        let age = length.as_secs_f64() / spec.correlation_time.as_secs_f64();
        let (kept, added) = if step == 0 {
            (0.0, spec.sd)
        } else {
            let fresh = -libm::expm1(-2.0 * age);
            (libm::exp(-age), spec.sd * libm::sqrt(fresh))
        };
        for (region, value) in self.values.iter_mut().enumerate() {
            let z = normal_quantile(draws.uniform(step, Entity::new(region as u64)));
            *value = kept * *value + added * z;
        }
    }

    /// The factor on a region's demand.
    pub(super) fn factor(&self, region: usize, spec: &Drift) -> f64 {
        libm::exp(self.values[region] - 0.5 * spec.sd * spec.sd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Drift = Drift {
        sd: 0.1,
        correlation_time: Micros::from_mins(10),
    };

    /// Values of one region every `every` steps of `length`.
    fn path(length: Micros, steps: u64, every: u64) -> Vec<f64> {
        let mut draws = Draws::new(11, "demand-drift", None);
        let mut drifts = Drifts::new(2);
        let mut values = Vec::new();
        for step in 0..steps {
            drifts.advance(&mut draws, step, length, &SPEC);
            if step % every == 0 {
                values.push(drifts.values[1]);
            }
        }
        values
    }

    /// Samples ten correlation times apart are independent to 5e-5. With n of them the variance
    /// has a relative standard error of √(2/n): four of these are exceeded once in 16 000 seeds.
    /// The mean of the factor is one, to four standard errors.
    #[test]
    fn it_settles_in_the_stationary_distribution() {
        for (length_s, every) in [(10, 600), (60, 100), (600, 10)] {
            let n = 4_000;
            let values = path(Micros::from_secs(length_s), n * every, every);
            let squares: f64 = values.iter().map(|x| x * x).sum();
            let ratio = squares / n as f64 / (SPEC.sd * SPEC.sd);
            let limit = 4.0 * libm::sqrt(2.0 / n as f64);
            assert!((ratio - 1.0).abs() < limit, "{length_s} s: {ratio}");
            let factors = values
                .iter()
                .map(|x| libm::exp(x - 0.5 * SPEC.sd * SPEC.sd));
            let mean = factors.sum::<f64>() / n as f64;
            let limit = 4.0 * SPEC.sd / libm::sqrt(n as f64);
            assert!((mean - 1.0).abs() < limit, "{length_s} s: {mean}");
        }
    }

    /// The correlation of values `lag` apart is e^(−lag/τ), whatever the step. Pairs ten
    /// correlation times apart are independent; the standard error of a correlation ρ over n of
    /// them is (1 − ρ²)/√n.
    #[test]
    fn correlation_falls_exponentially_whatever_the_step() {
        for (length_s, lag_s) in [(10, 60), (10, 600), (60, 600), (60, 1_200), (600, 600)] {
            let every = 6_000 / length_s;
            let n = 3_000_u64;
            let values = path(Micros::from_secs(length_s), n * every, 1);
            let lag = (lag_s / length_s) as usize;
            let products = values
                .iter()
                .zip(&values[lag..])
                .step_by(every as usize)
                .map(|(x, y)| x * y);
            let found = products.sum::<f64>() / n as f64 / (SPEC.sd * SPEC.sd);
            let expected = libm::exp(-(lag_s as f64) / 600.0);
            // Around the known variance, not the sample's, the standard error is √((1 + ρ²)/n).
            let limit = 4.0 * libm::sqrt((1.0 + expected * expected) / n as f64);
            assert!(
                (found - expected).abs() < limit,
                "step {length_s} s, lag {lag_s} s: {found} instead of {expected}"
            );
        }
    }
}
