//! The streaming e-process: likelihood ratios of a dozen effect sizes, summed over every moment
//! at which the change may have begun.
//!
//! For one effect, the sum over all starts obeys a recursion (Shiryaev and Roberts): the evidence
//! is multiplied by the window's likelihood ratio, then a new start adds its prior mass. So the
//! mixture over effects *and* starts costs one number an effect, exactly, whatever the length of
//! the bake. A mass that is known when it is added keeps the mean under the null equal to the
//! mass spent so far; spending one unit over the bake makes this an e-process.
//! The arithmetic takes about as long whatever the counts are (`lanes`).
//!
//! For two arms, given an error in either, the odds that it is the candidate's are those of the
//! traffic times the effect `r`. With `D = 1 + share (r - 1)`, an error of the candidate weighs
//! `r / D` and one of the control `1 / D`. The share is that of each window, so traffic may be
//! moved; the error rate may swing as long as both arms share it; and answers that fail
//! independently with any probability, small or not, only lower the mean.

use alloc::boxed::Box;

use crate::health::special::ln_add;

use super::lanes::{
    COUNT_END, EFFECTS, EVIDENCE_MAX, Lanes, PowerTable, dot, exp, multiply, multiply_power,
    powers, spend,
};

/// Powers beyond this many nats are taken by logarithms.
const NATS_MAX: f64 = 450.0;
/// The effect that the prior favours, as a logarithm: four times the errors.
const FAVOURED: f64 = 1.4;
/// How fast the prior falls with the distance from there, in logarithms of logarithms.
const FALL: f64 = 0.7;

/// What one window's counts are multiplied with.
#[derive(Clone, Debug, PartialEq)]
struct Weights {
    /// The share, or the expected count, that these weights belong to.
    key: f64,
    /// An error of the candidate.
    up: Lanes,
    /// An error of either arm, before an error of the candidate is multiplied by the ratio; or,
    /// against a known rate, the whole window's exposure.
    down: Lanes,
}

/// The likelihood ratio of the smallest effect, from the first sample on.
///
/// Multiplied until it leaves the range of numbers, and only then put into the logarithm.
#[derive(Clone, Debug, PartialEq)]
struct Smallest {
    ln: f64,
    factor: f64,
}

impl Smallest {
    const RANGE: core::ops::Range<f64> = 1e-60..1e60;

    #[inline]
    fn multiply(&mut self, up: f64, down: f64) {
        self.factor = self.factor * up * down;
        if !Self::RANGE.contains(&self.factor) {
            self.ln += libm::log(self.factor);
            self.factor = 1.0;
        }
    }

    fn ln(&self) -> f64 {
        self.ln + libm::log(self.factor)
    }
}

/// Evidence that the candidate's error rate is a multiple of what it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectBank {
    ratios: Box<PowerTable>,
    prior: Lanes,
    /// The evidence by effect, in units of `exp(ln_unit)`: so large that the largest is at most
    /// [`EVIDENCE_MAX`] of them, and at least one.
    evidence: Lanes,
    ln_unit: f64,
    weights: Weights,
    smallest: Smallest,
}

impl EffectBank {
    /// A bank for effects from `effect_min` (a ratio above one) to `effect_max`, with prior mass
    /// `start` on a change before the first sample.
    ///
    /// # Panics
    /// When the effects are not above one and ascending.
    #[must_use]
    pub fn new(effect_min: f64, effect_max: f64, start: f64) -> Self {
        assert!(
            1.0 < effect_min && effect_min < effect_max && effect_max.is_finite(),
            "effects from {effect_min} to {effect_max}"
        );
        let (low, high) = (libm::log(effect_min), libm::log(effect_max));
        let step = libm::log(high / low) / (EFFECTS - 1) as f64;
        let ln_ratio = |lane: usize| low * libm::exp(step * lane as f64);
        let ratios: Lanes = core::array::from_fn(|lane| libm::exp(ln_ratio(lane)));
        let raw: Lanes = core::array::from_fn(|lane| {
            libm::exp(-FALL * libm::log(ln_ratio(lane) / FAVOURED).abs())
        });
        let sum: f64 = raw.iter().sum();
        Self {
            ratios: Box::new(PowerTable::new(&ratios)),
            prior: raw.map(|weight| weight / sum),
            evidence: [start; EFFECTS],
            ln_unit: 0.0,
            weights: Weights {
                key: -1.0,
                up: [1.0; EFFECTS],
                down: [1.0; EFFECTS],
            },
            smallest: Smallest {
                ln: 0.0,
                factor: 1.0,
            },
        }
    }

    /// Adds `errors` of the candidate and `control_errors` of the control, in a window in which
    /// `share` of the requests were the candidate's; then spends `mass` on a change at its end.
    ///
    /// A window in which only one arm was seen compares nothing.
    pub fn observe_pair(&mut self, errors: u64, control_errors: u64, share: f64, mass: f64) {
        if share > 0.0 && share < 1.0 && errors + control_errors > 0 {
            if share != self.weights.key {
                self.weigh_pair(share);
            }
            let all = errors.saturating_add(control_errors);
            if all < COUNT_END {
                self.apply(errors, &powers(&self.weights.down, all));
            } else {
                self.apply_many(errors, control_errors);
            }
        }
        self.spend(mass);
    }

    /// Adds `errors` of the candidate where `expected` ones were known to come; then spends
    /// `mass` on a change at the window's end.
    pub fn observe_rate(&mut self, errors: u64, expected: f64, mass: f64) {
        let ratios = self.ratios.factors();
        let exposure = ratios.map(|r| -(r - 1.0) * expected);
        let few = errors < COUNT_END && exposure[EFFECTS - 1] >= -NATS_MAX;
        if few && expected != self.weights.key {
            self.weights = Weights {
                key: expected,
                up: *ratios,
                down: exp(&exposure),
            };
        }
        if few {
            let down = self.weights.down;
            self.apply(errors, &down);
        } else {
            self.weights.up = *ratios;
            self.apply_logarithms(errors as f64, &exposure);
        }
        self.spend(mass);
    }

    /// The evidence: under the null its mean is the mass spent so far, at most one.
    #[must_use]
    pub fn e(&self) -> f64 {
        let units = dot(&self.prior, &self.evidence);
        if self.ln_unit > 0.0 {
            return units * libm::exp(self.ln_unit);
        }
        units
    }

    /// The natural logarithm of the evidence, which is finite where the evidence is not.
    #[must_use]
    pub fn ln_e(&self) -> f64 {
        libm::log(dot(&self.prior, &self.evidence)) + self.ln_unit
    }

    /// The evidence, as a logarithm, that the effect is nil rather than the smallest one.
    #[must_use]
    pub fn ln_e_of_no_effect(&self) -> f64 {
        -self.smallest.ln()
    }

    /// The smallest effect of the bank.
    #[must_use]
    pub const fn effect_min(&self) -> f64 {
        self.ratios.factors()[0]
    }

    /// The evidence if the latest window had had so many more errors of the candidate and of the
    /// control (negative: fewer); `share` of its requests were the candidate's (`None` against a
    /// known rate), and `mass` was spent at its end.
    #[must_use]
    pub fn ln_e_with(&self, errors: (i64, i64), share: Option<f64>, mass: f64) -> f64 {
        let ratios = self.ratios.factors();
        let mass = mass * libm::exp(-self.ln_unit);
        let (up, all) = (errors.0 as f64, (errors.0 + errors.1) as f64);
        let evidence = |lane: usize| {
            let ratio = ratios[lane];
            let down = share.map_or(0.0, |share| libm::log1p(share * (ratio - 1.0)));
            // A start at the window's end has seen nothing of it.
            let seen = (self.evidence[lane] - mass).max(0.0);
            let moved = libm::log(seen) + up * libm::log(ratio) - all * down;
            libm::log(self.prior[lane]) + ln_add(moved, libm::log(mass))
        };
        let sum = (0..EFFECTS).fold(f64::NEG_INFINITY, |sum, lane| ln_add(sum, evidence(lane)));
        sum + self.ln_unit
    }

    fn weigh_pair(&mut self, share: f64) {
        let ratios = self.ratios.factors();
        let down = ratios.map(|r| 1.0 / (1.0 + share * (r - 1.0)));
        self.weights = Weights {
            key: share,
            up: core::array::from_fn(|lane| ratios[lane] * down[lane]),
            down,
        };
    }

    /// Multiplies by the ratios, `errors` times, and by `down`.
    #[inline]
    fn apply(&mut self, errors: u64, down: &Lanes) {
        let up = self.ratios.power(errors);
        // Up first: the other order could vanish on the way.
        multiply(&mut self.evidence, &up);
        multiply(&mut self.evidence, down);
        self.smallest.multiply(up[0], down[0]);
    }

    /// Counts too large for small powers.
    fn apply_many(&mut self, errors: u64, control_errors: u64) {
        let Weights { key, up, down } = self.weights.clone();
        let up_nats = errors as f64 * -libm::log(key);
        // What vanishes from a single unit is gone; many of them would still be something.
        let down_nats = if self.ln_unit > 0.0 {
            control_errors as f64 * -libm::log(down[EFFECTS - 1])
        } else {
            0.0
        };
        if up_nats.max(down_nats) > NATS_MAX {
            let nats = down.map(|down| control_errors as f64 * libm::log(down));
            self.apply_logarithms(errors as f64, &nats);
        } else {
            multiply_power(&mut self.evidence, up, errors);
            multiply_power(&mut self.evidence, down, control_errors);
            self.smallest.ln +=
                errors as f64 * libm::log(up[0]) + control_errors as f64 * libm::log(down[0]);
        }
    }

    /// Multiplies by the weight of an error, `errors` times, and by `down` nats.
    fn apply_logarithms(&mut self, errors: f64, down: &Lanes) {
        let up = self.weights.up.map(libm::log);
        let nats: Lanes = core::array::from_fn(|lane| {
            libm::log(self.evidence[lane]) + errors * up[lane] + down[lane]
        });
        let most = nats.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The unit is never less than one, so that the mass to come is not lost in it.
        let shift = most.max(-self.ln_unit);
        if shift.is_finite() {
            self.evidence = nats.map(|nats| libm::exp(nats - shift));
            self.ln_unit += shift;
        }
        self.smallest.ln += errors * up[0] + down[0];
    }

    #[inline]
    fn spend(&mut self, mass: f64) {
        let beyond = self
            .evidence
            .iter()
            .fold(false, |any, value| any | (*value > EVIDENCE_MAX));
        if beyond || self.ln_unit > 0.0 {
            self.change_unit();
            spend(&mut self.evidence, mass * libm::exp(-self.ln_unit));
        } else {
            spend(&mut self.evidence, mass);
        }
    }

    /// Keeps evidence that is out of all proportion within the range of numbers.
    #[cold]
    fn change_unit(&mut self) {
        let largest = self.evidence.iter().copied().fold(0.0, f64::max);
        if !(1.0..=EVIDENCE_MAX).contains(&largest) {
            let most = libm::log(largest).max(-self.ln_unit);
            let factor = libm::exp(-most);
            self.evidence = self.evidence.map(|value| value * factor);
            self.ln_unit += most;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::sequential::mixture::{Sides, two_sample_ln_e};
    use crate::health::special::ln_gamma;

    fn choose(n: u64, k: u64) -> f64 {
        let f = |n: u64| ln_gamma(n as f64 + 1.0);
        f(n) - f(k) - f(n - k)
    }

    /// The mean over every outcome of two windows is the mass spent: the start's and the first
    /// window's, whose change the second window can show.
    #[test]
    fn the_mean_under_the_null_is_the_mass_spent() {
        let (n, shares) = (14, [0.3, 0.6]);
        let mut mean = 0.0;
        for first in 0..=n {
            for second in 0..=n {
                let mut bank = EffectBank::new(1.2, 50.0, 0.4);
                let mut ln_mass = 0.0;
                for (x, share) in [first, second].into_iter().zip(shares) {
                    bank.observe_pair(x, n - x, share, 0.1);
                    let (x, y) = (x as f64, (n - x) as f64);
                    ln_mass += choose(n, x as u64) + x * libm::log(share) + y * libm::log1p(-share);
                }
                mean += libm::exp(ln_mass) * bank.e();
            }
        }
        assert!((mean - 0.6).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn the_mean_against_a_known_rate_is_the_mass_spent() {
        let expected = 3.0;
        let mean: f64 = (0..200)
            .map(|k| {
                let mut bank = EffectBank::new(1.2, 6.0, 1.0);
                bank.observe_rate(k, expected, 0.0);
                let k = k as f64;
                libm::exp(k * libm::log(expected) - expected - ln_gamma(k + 1.0)) * bank.e()
            })
            .sum();
        assert!((mean - 1.0).abs() < 1e-6, "{mean}");
    }

    /// One window or many, one path of arithmetic or the other: the same evidence.
    #[test]
    fn counts_add_up_whatever_the_windows() {
        let mut whole = EffectBank::new(1.1, 64.0, 1.0);
        whole.observe_pair(120, 80, 0.5, 0.0);
        let mut parts = EffectBank::new(1.1, 64.0, 1.0);
        for _ in 0..40 {
            parts.observe_pair(3, 2, 0.5, 0.0);
        }
        let mut logarithms = EffectBank::new(1.1, 64.0, 1.0);
        logarithms.weigh_pair(0.5);
        let nats = logarithms.weights.down.map(|down| 80.0 * libm::log(down));
        logarithms.apply_logarithms(120.0, &nats);
        assert!((whole.ln_e() - parts.ln_e()).abs() < 1e-9);
        assert!((whole.ln_e() - logarithms.ln_e()).abs() < 1e-9);
        let mut fewer = EffectBank::new(1.1, 64.0, 1.0);
        fewer.observe_pair(100, 80, 0.5, 0.0);
        let told = whole.ln_e_with((-20, 0), Some(0.5), 0.0);
        assert!((told - fewer.ln_e()).abs() < 1e-9);
    }

    /// The grid over effects is no worse than the smooth prior of the published test.
    #[test]
    fn the_grid_keeps_up_with_the_beta_mixture() {
        for (x, y) in [(20, 4), (60, 30), (15, 0), (400, 300)] {
            let mut bank = EffectBank::new(1.1, 64.0, 1.0);
            bank.observe_pair(x, y, 0.5, 0.0);
            let smooth = two_sample_ln_e(x as f64, y as f64, 0.5, (1.0, 1.0), Sides::One);
            assert!(
                bank.ln_e() > smooth - 0.5,
                "{x} {y}: {} {smooth}",
                bank.ln_e()
            );
        }
    }

    /// Evidence beyond the range of numbers is kept as a logarithm, and comes back from there.
    #[test]
    fn enormous_counts_neither_overflow_nor_vanish() {
        let mut bank = EffectBank::new(1.1, 64.0, 0.5);
        bank.observe_pair(50_000, 500, 0.5, 0.0);
        let ln_e = bank.ln_e();
        let at_64 = 50_000.0 * libm::log(128.0 / 65.0) + 500.0 * libm::log(2.0 / 65.0);
        assert!(ln_e > at_64 - 5.0 && ln_e < at_64 + 400.0, "{ln_e} {at_64}");
        let with = |errors| bank.ln_e_with((errors, 0), Some(0.5), 0.0);
        assert!(with(-50_000) - with(0) < -30_000.0);
        let mut parts = EffectBank::new(1.1, 64.0, 0.5);
        for _ in 0..500 {
            parts.observe_pair(100, 1, 0.5, 0.0);
        }
        assert!(
            (parts.ln_e() - ln_e).abs() < 1e-6 * ln_e,
            "{}",
            parts.ln_e()
        );
        bank.observe_pair(0, 10_000_000, 0.5, 1e-3);
        assert!((bank.e() - 1e-3).abs() < 1e-12, "{}", bank.e());
        for _ in 0..20 {
            bank.observe_rate(40, 10.0, 0.0);
        }
        assert!(bank.ln_e() > 20.0 * (40.0 * libm::log(4.0) - 30.0) - 20.0);
        bank.observe_rate(1_000_000, 10.0, 0.0);
        assert!(bank.ln_e() > 1_000_000.0 * libm::log(4.0));
        bank.observe_rate(0, 1e9, 1e-3);
        assert!((bank.e() - 1e-3).abs() < 1e-12, "{}", bank.e());
    }
}
