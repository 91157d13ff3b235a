//! E-values in closed form: likelihood ratios averaged over a prior on the alternative.
//!
//! Every function returns a natural logarithm; evidence at level `α` is a value of at least
//! `ln(1/α)`. Counts are floats, so that counts deflated for overdispersion fit too.
//!
//! Sources: S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric,
//! nonasymptotic confidence sequences" (Annals of Statistics, 2021), propositions 5 to 7;
//! M. Lindon, A. Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022);
//! R. Johari et al., "Always valid inference" (Operations Research, 2022).

use crate::health::special::{
    bisect, ln_beta, ln_beta_below, ln_gamma, ln_gamma_above, ln_normal_cdf,
};

/// Which deviations count as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Only those upwards.
    One,
    /// Those in both directions.
    Both,
}

/// The prior precision at which a two-sided normal mixture is tightest at intrinsic time `v` and
/// level `alpha`; for a one-sided mixture, ask at twice the level.
#[must_use]
pub fn best_rho(v: f64, alpha: f64) -> f64 {
    let ln_inverse = -libm::log(alpha);
    v / (2.0 * ln_inverse + libm::log1p(2.0 * ln_inverse))
}

/// A mixture over a normal prior on the mean of a sub-Gaussian sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalMixture {
    rho: f64,
    sides: Sides,
}

impl NormalMixture {
    /// The mixture that is tightest at intrinsic time `v_opt` and level `alpha_opt`.
    #[must_use]
    pub fn new(v_opt: f64, alpha_opt: f64, sides: Sides) -> Self {
        let alpha = match sides {
            Sides::One => 2.0 * alpha_opt,
            Sides::Both => alpha_opt,
        };
        Self {
            rho: best_rho(v_opt, alpha),
            sides,
        }
    }

    /// The evidence of a centred sum `s` of intrinsic time (variance) `v`.
    #[must_use]
    pub fn ln_e(&self, s: f64, v: f64) -> f64 {
        let total = v + self.rho;
        let both = 0.5 * libm::log(self.rho / total) + s * s / (2.0 * total);
        match self.sides {
            Sides::Both => both,
            Sides::One => both + core::f64::consts::LN_2 + ln_normal_cdf(s / libm::sqrt(total)),
        }
    }

    /// The sum that is evidence at level `alpha` at intrinsic time `v`.
    #[must_use]
    pub fn bound(&self, v: f64, alpha: f64) -> f64 {
        let threshold = -libm::log(alpha);
        match self.sides {
            Sides::Both => {
                let total = v + self.rho;
                libm::sqrt(total * (libm::log1p(v / self.rho) + 2.0 * threshold))
            }
            Sides::One => {
                let mut high = v.max(1.0);
                while self.ln_e(high, v) < threshold && high < 1e300 {
                    high *= 2.0;
                }
                bisect(0.0, high, |s| self.ln_e(s, v) - threshold)
            }
        }
    }
}

/// A mixture over a beta prior for sums of variables that take the values `-g` and `h` alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoPointMixture {
    r: f64,
    g: f64,
    h: f64,
    cut: f64,
    normaliser: f64,
}

impl TwoPointMixture {
    /// The mixture that is tightest at intrinsic time `v_opt` and level `alpha_opt`.
    #[must_use]
    pub fn new(v_opt: f64, alpha_opt: f64, g: f64, h: f64, sides: Sides) -> Self {
        let (alpha, cut) = match sides {
            Sides::One => (2.0 * alpha_opt, h / (g + h)),
            Sides::Both => (alpha_opt, 1.0),
        };
        let r = (best_rho(v_opt, alpha) - g * h).max(1e-3 * g * h);
        let (a, b) = (r / (g * (g + h)), r / (h * (g + h)));
        Self {
            r,
            g,
            h,
            cut,
            normaliser: ln_beta(a, b) + ln_beta_below(a, b, cut),
        }
    }

    /// The evidence of a centred sum `s` of intrinsic time `v`.
    #[must_use]
    pub fn ln_e(&self, s: f64, v: f64) -> f64 {
        let (g, h) = (self.g, self.h);
        let ups = (v + h * s) / (h * (g + h));
        let downs = (v - g * s) / (g * (g + h));
        let a = downs + self.r / (g * (g + h));
        let b = ups + self.r / (h * (g + h));
        v / (g * h) * libm::log(g + h) - ups * libm::log(g) - downs * libm::log(h)
            + ln_beta(a, b)
            + ln_beta_below(a, b, self.cut)
            - self.normaliser
    }

    /// The sum that is evidence at level `alpha` at intrinsic time `v`; the largest possible sum
    /// when none is.
    #[must_use]
    pub fn bound(&self, v: f64, alpha: f64) -> f64 {
        let threshold = -libm::log(alpha);
        let most = v / self.g;
        if self.ln_e(most, v) < threshold {
            return most;
        }
        bisect(0.0, most, |s| self.ln_e(s, v) - threshold)
    }
}

/// The evidence that, of `x + y` errors in two arms, more are the candidate's than its share of
/// the requests explains: a mixture over a Beta(`prior.0`, `prior.1`) prior on its share of the
/// errors.
///
/// `x` errors of the candidate, `y` of the control, `share` the candidate's part of all requests.
/// Swings of the error rate that both arms share cancel. NaN for a share outside (0, 1).
#[must_use]
pub fn two_sample_ln_e(x: f64, y: f64, share: f64, prior: (f64, f64), sides: Sides) -> f64 {
    if !(share > 0.0 && share < 1.0) {
        return f64::NAN;
    }
    let (a, b) = prior;
    let both =
        ln_beta(a + x, b + y) - ln_beta(a, b) - x * libm::log(share) - y * libm::log1p(-share);
    match sides {
        Sides::Both => both,
        Sides::One => {
            both + ln_beta_below(b + y, a + x, 1.0 - share) - ln_beta_below(b, a, 1.0 - share)
        }
    }
}

/// The evidence that `errors` exceed `expected` ones at a known rate: a mixture over a
/// Gamma(`prior.0`, `prior.1`) prior on the ratio of the rates; one-sided, on ratios above one.
#[must_use]
pub fn known_rate_ln_e(errors: f64, expected: f64, prior: (f64, f64), sides: Sides) -> f64 {
    let (a, b) = prior;
    let both = a * libm::log(b) + ln_gamma(a + errors) + expected
        - ln_gamma(a)
        - (a + errors) * libm::log(b + expected);
    match sides {
        Sides::Both => both,
        Sides::One => both + ln_gamma_above(a + errors, b + expected) - ln_gamma_above(a, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    /// Without data there is no evidence, whatever the prior.
    #[test]
    fn nothing_seen_is_no_evidence() {
        for sides in [Sides::One, Sides::Both] {
            check(two_sample_ln_e(0.0, 0.0, 0.3, (3.0, 1.0), sides), 0.0);
            check(known_rate_ln_e(0.0, 0.0, (1.0, 0.5), sides), 0.0);
        }
        assert!(two_sample_ln_e(1.0, 1.0, 1.0, (1.0, 1.0), Sides::Both).is_nan());
    }

    /// The mean of an e-value under the null is one: summed over every outcome of `n` errors, and
    /// of a Poisson count.
    #[test]
    fn the_mean_under_the_null_is_one() {
        for (share, sides) in [(0.5, Sides::One), (0.1, Sides::Both), (0.02, Sides::One)] {
            let n = 60;
            let mean: f64 = (0..=n)
                .map(|x| {
                    let (x, y) = (f64::from(x), f64::from(n - x));
                    let choose = -libm::log(f64::from(n) + 1.0) - ln_beta(x + 1.0, y + 1.0);
                    let mass = choose + x * libm::log(share) + y * libm::log1p(-share);
                    libm::exp(mass + two_sample_ln_e(x, y, share, (1.0, 1.0), sides))
                })
                .sum();
            check(mean, 1.0);
        }
        for sides in [Sides::One, Sides::Both] {
            let mean: f64 = (0..400)
                .map(|k| {
                    let k = f64::from(k);
                    let mass = k * libm::log(7.0) - 7.0 - ln_gamma(k + 1.0);
                    libm::exp(mass + known_rate_ln_e(k, 7.0, (1.0, 0.5), sides))
                })
                .sum();
            check(mean, 1.0);
        }
    }

    /// A swing of both arms' rates changes when errors come, not whose they are.
    #[test]
    fn a_shared_swing_changes_nothing() {
        let quiet = two_sample_ln_e(8.0, 2.0, 0.5, (1.0, 1.0), Sides::One);
        let steps = [(3.0, 1.0), (8.0, 2.0)];
        let last = steps
            .map(|(x, y)| two_sample_ln_e(x, y, 0.5, (1.0, 1.0), Sides::One))
            .into_iter()
            .last();
        check(last.unwrap(), quiet);
    }
}
