//! Evidence averaged over every ratio of two error rates, however large.
//!
//! A bank of a dozen effects falls behind the best ratio by a part of every error. That is nothing
//! against chance, but where hosts that differ are an explanation too, this one meets any ratio,
//! and enormous counts would always let it win. Against it stands an average over a continuous
//! prior, which falls behind by the logarithm of the count only. The prior of the logarithm of
//! the ratio is Cauchy's: its tail is heavier than that of any Gamma distributed hosts, so the
//! worse a candidate is, the less they explain.

use crate::health::special::ln_add;

/// The scale of the prior, in nats of the ratio: a factor of four.
const SCALE: f64 = 1.4;
/// How far around the most likely ratio is summed, in standard deviations, and in how many steps.
const REACH: f64 = 9.0;
const STEPS: u32 = 72;

/// Errors of both arms, and how many of them should be the candidate's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Errors {
    /// The candidate's.
    pub(super) canary: f64,
    /// The control's.
    pub(super) control: f64,
    /// The part of all that should be the candidate's: its share of the requests, weighed by the
    /// errors that came with each share. Where shares move, a likelihood ratio by this one share
    /// is never above the exact one, since the logarithm is concave.
    pub(super) share: f64,
}

/// Ratios that are averaged over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ratios {
    /// Above this one.
    Above(f64),
    /// Below this one.
    Below(f64),
    /// All.
    All,
}

impl Errors {
    pub(super) fn sum(&self) -> f64 {
        self.canary + self.control
    }

    /// Whether there is anything to compare.
    pub(super) fn compare(&self) -> bool {
        self.share > 0.0 && self.share < 1.0 && self.sum() > 0.0
    }

    /// How much better the ratio `exp(ln_ratio)` explains the counts than one, as a logarithm.
    fn ln_likelihood(&self, ln_ratio: f64) -> f64 {
        self.canary * ln_ratio - self.sum() * libm::log1p(self.share * libm::expm1(ln_ratio))
    }

    /// How much better ratios of a range explain the counts than one, as a logarithm: averaged
    /// over the prior within the range.
    pub(super) fn ln_average(&self, ratios: Ratios) -> f64 {
        if !self.compare() {
            return 0.0;
        }
        let (low, high, mass) = match ratios {
            Ratios::All => (f64::NEG_INFINITY, f64::INFINITY, 1.0),
            Ratios::Above(ratio) => (libm::log(ratio), f64::INFINITY, 1.0 - below(ratio)),
            Ratios::Below(ratio) => (f64::NEG_INFINITY, libm::log(ratio), below(ratio)),
        };
        // Half an error in either arm keeps the most likely ratio within reach.
        let (x, y) = (self.canary + 0.5, self.control + 0.5);
        let likely = libm::log(x / y) - libm::log(self.share / (1.0 - self.share));
        let reach = REACH * libm::sqrt(1.0 / x + 1.0 / y);
        let centre = likely.clamp(low, high);
        let (from, to) = ((centre - reach).max(low), (centre + reach).min(high));
        let step = (to - from) / f64::from(STEPS);
        let term = |index: u32| {
            let at = from + step * f64::from(index);
            let end = if index == 0 || index == STEPS {
                0.5
            } else {
                1.0
            };
            self.ln_likelihood(at) + libm::log(end * density(at))
        };
        let sum = (0..=STEPS).fold(f64::NEG_INFINITY, |sum, index| ln_add(sum, term(index)));
        sum + libm::log(step / mass)
    }
}

fn density(ln_ratio: f64) -> f64 {
    let distance = ln_ratio / SCALE;
    1.0 / (core::f64::consts::PI * SCALE * (1.0 + distance * distance))
}

/// The prior mass of ratios below this one.
fn below(ratio: f64) -> f64 {
    0.5 + libm::atan(libm::log(ratio) / SCALE) / core::f64::consts::PI
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::special::ln_gamma;

    fn errors(canary: u32, control: u32, share: f64) -> Errors {
        Errors {
            canary: f64::from(canary),
            control: f64::from(control),
            share,
        }
    }

    /// The mean over every outcome of `n` errors is one, but for what is left out of the tails.
    #[test]
    fn the_mean_under_the_null_is_one() {
        for (n, share) in [(1, 0.5), (9, 0.3), (60, 0.5), (400, 0.02)] {
            for ratios in [Ratios::All, Ratios::Above(1.1), Ratios::Above(2.0)] {
                let f = |n: u32| ln_gamma(f64::from(n) + 1.0);
                let mean: f64 = (0..=n)
                    .map(|x| {
                        let (up, down) = (f64::from(x), f64::from(n - x));
                        let choose = f(n) - f(x) - f(n - x);
                        let mass = choose + up * libm::log(share) + down * libm::log1p(-share);
                        libm::exp(mass + errors(x, n - x, share).ln_average(ratios))
                    })
                    .sum();
                assert!(
                    (0.6..1.01).contains(&mean),
                    "{n} {share} {ratios:?}: {mean}"
                );
            }
        }
    }

    /// However many errors there are, the average stays a few nats below the best ratio.
    #[test]
    fn the_price_is_the_logarithm_of_the_count() {
        for scale in [1, 100, 10_000, 1_000_000] {
            for (x, y) in [(5, 1), (60, 40), (500, 1)] {
                let errors = errors(x * scale, y * scale, 0.5);
                let best = errors.ln_likelihood(libm::log(f64::from(x) / f64::from(y)));
                let price = best - errors.ln_average(Ratios::Above(1.1));
                let most = 4.0 + 0.5 * libm::log(errors.sum());
                assert!((0.0..most).contains(&price), "{x} {y} {scale}: {price}");
            }
        }
    }

    /// One share for all never makes more of the counts than each window's own.
    #[test]
    fn one_share_for_all_is_cautious() {
        let windows = [(30, 10, 0.5), (3, 40, 0.1), (9, 1, 0.7)];
        for ln_ratio in [-2.0, -0.5, 0.3, 1.0, 5.0] {
            let each = windows.map(|(x, y, share)| errors(x, y, share).ln_likelihood(ln_ratio));
            let (mut x, mut y, mut expected) = (0, 0, 0.0);
            for (up, down, share) in windows {
                (x, y) = (x + up, y + down);
                expected += f64::from(up + down) * share;
            }
            let whole = errors(x, y, expected / f64::from(x + y)).ln_likelihood(ln_ratio);
            assert!(whole <= each.iter().sum::<f64>() + 1e-9);
        }
    }

    #[test]
    fn nothing_seen_is_no_evidence() {
        assert!(errors(0, 0, 0.5).ln_average(Ratios::All).abs() < 1e-12);
        assert!(errors(3, 0, 1.0).ln_average(Ratios::All).abs() < 1e-12);
    }
}
