//! Bounds and intervals that hold at all times at once (confidence sequences).
//!
//! Sources: S. R. Howard, A. Ramdas, "Sequential estimation of quantiles with applications to
//! A/B testing and best-arm identification" (Bernoulli, 2022), theorems 2 and 3 and section 5;
//! Howard, Ramdas, McAuliffe, Sekhon (Annals of Statistics, 2021).

use crate::health::special::{bisect, zeta};

use super::mixture::{Sides, TwoPointMixture};

/// Half the width of a band around an empirical distribution function that holds the true one at
/// every sample size from `t_min` on, with probability `1 - alpha`. Infinite before `t_min`.
///
/// `a` above 0.7071 trades early against late; 0.85 is the paper's choice.
#[must_use]
pub fn distribution_band(t: f64, alpha: f64, t_min: f64, a: f64) -> f64 {
    if t.is_nan() || t < t_min {
        return f64::INFINITY;
    }
    let c = bisect(1.0, 200.0, |c| alpha - band_error(c, a));
    a * libm::sqrt((libm::log1p(libm::log(t / t_min)) + c) / t)
}

/// The probability that the band with constant `c` is ever left, at the best `eta`.
fn band_error(c: f64, a: f64) -> f64 {
    let error = |eta: f64| {
        let gap = a - libm::sqrt(2.0 * (eta - 1.0) / c);
        let gamma_sq = 2.0 / eta * gap * gap;
        if gap <= 0.0 || gamma_sq <= 1.0 {
            return f64::INFINITY;
        }
        4.0 * libm::exp(-gamma_sq * c) * (1.0 + 1.0 / ((gamma_sq - 1.0) * libm::log(eta)))
    };
    let edge = |eta: f64| libm::sqrt(eta / 2.0) + libm::sqrt(2.0 * (eta - 1.0) / c) - a;
    let mut low = 1.0;
    let mut high = bisect(1.0, 2.0 * a * a, edge);
    // Golden section; the function is infinite at both ends and has one valley.
    const STEPS: u32 = 80;
    const GOLDEN: f64 = 0.618_033_988_749_895;
    for _ in 0..STEPS {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if error(left) < error(right) {
            high = right;
        } else {
            low = left;
        }
    }
    error(0.5 * (low + high))
}

/// How the bound for all quantiles at once is cut into epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stitching {
    /// The sample size at which the bound begins.
    pub t_opt: f64,
    /// The spacing of the grid of quantiles.
    pub delta: f64,
    /// How fast the error budget of later epochs falls; above one.
    pub s: f64,
    /// The growth of an epoch.
    pub eta: f64,
}

/// The bound on the centred count of samples below the `p` quantile after `t` samples that holds
/// for every `p` and `t` at once.
#[must_use]
pub fn all_quantiles_bound(p: f64, t: f64, alpha: f64, stitching: Stitching) -> f64 {
    let Stitching {
        t_opt,
        delta,
        s,
        eta,
    } = stitching;
    let time = t.max(t_opt);
    let logit = libm::log(p / (1.0 - p));
    let r = if p >= 0.5 {
        p
    } else {
        let moved = logit + 2.0 * delta * libm::sqrt(t_opt * eta / time);
        (1.0 / (1.0 + libm::exp(-moved))).min(0.5)
    };
    let variance = r * (1.0 - r);
    let line = libm::sqrt(time / t_opt) * logit.abs() / (2.0 * delta) + 1.0;
    let z = zeta(s);
    let level = s * libm::log(libm::log(eta * time / t_opt))
        + s * libm::log(line)
        + libm::log(2.0 * z * (2.0 * z + 1.0) / (alpha * libm::pow(libm::log(eta), s)));
    let fourth = libm::sqrt(libm::sqrt(eta));
    let k1 = (fourth + 1.0 / fourth) * core::f64::consts::FRAC_1_SQRT_2;
    let skew = 0.5 * (libm::sqrt(eta) + 1.0) * (1.0 - 2.0 * p) / 3.0 * level;
    delta * libm::sqrt(eta * time * variance / t_opt)
        + libm::sqrt(k1 * k1 * variance * time * level + skew * skew)
        + skew
}

/// The interval that holds a probability at every number of trials, with probability `1 - alpha`.
///
/// Tightest after about `t_opt` trials at level `alpha_opt`; the whole of `[0, 1]` without trials.
#[must_use]
pub fn probability_interval(
    successes: f64,
    trials: f64,
    alpha: f64,
    t_opt: f64,
    alpha_opt: f64,
) -> (f64, f64) {
    if trials.is_nan() || trials <= 0.0 {
        return (0.0, 1.0);
    }
    let seen = (successes / trials).clamp(0.0, 1.0);
    let threshold = -libm::log(alpha);
    let against = |p: f64| {
        let variance = p * (1.0 - p);
        let mixture = TwoPointMixture::new(variance * t_opt, alpha_opt, p, 1.0 - p, Sides::Both);
        mixture.ln_e((seen - p) * trials, variance * trials) - threshold
    };
    let low = match seen > 0.0 {
        true => bisect(0.0, seen, |p| -against(p.max(f64::MIN_POSITIVE))),
        false => 0.0,
    };
    let high = match seen < 1.0 {
        true => bisect(seen, 1.0, against),
        false => 1.0,
    };
    (low, high)
}

/// Whether two arms have the same quantile: a p-value that is valid at every sample size.
///
/// The arms are sorted ascending. One (no evidence) when an arm is empty.
#[must_use]
pub fn same_quantile_p_value(quantile: f64, arms: [&[f64]; 2], t_opt: f64, alpha_opt: f64) -> f64 {
    if arms.iter().any(|arm| arm.is_empty()) {
        return 1.0;
    }
    let variance = quantile * (1.0 - quantile);
    let mixture = TwoPointMixture::new(
        t_opt * variance,
        alpha_opt,
        quantile,
        1.0 - quantile,
        Sides::Both,
    );
    let curves = arms.map(|sorted| QuantileCurve::new(sorted, quantile, &mixture));
    let [first, second] = if curves[0].flat.1 <= curves[1].flat.1 {
        [&curves[0], &curves[1]]
    } else {
        [&curves[1], &curves[0]]
    };
    // Between the two flat stretches one curve rises and the other falls; the sum is smallest at
    // one of the points where the falling one steps, or at an end.
    let together = |x: f64| first.ln_e(x) + second.ln_e(x);
    let (from, to) = (first.flat.1, second.flat.0);
    let inside = second.sorted.iter().filter(|x| **x >= from && **x <= to);
    let lowest = inside
        .map(|x| together(*x))
        .fold(together(from).min(together(to)), f64::min);
    libm::exp(-lowest).min(1.0)
}

/// The evidence of one arm against "x is my quantile", as a function of `x`.
struct QuantileCurve<'a> {
    sorted: &'a [f64],
    quantile: f64,
    mixture: &'a TwoPointMixture,
    /// The share below at which the evidence is smallest, and the stretch where it is reached.
    calm: f64,
    flat: (f64, f64),
}

impl<'a> QuantileCurve<'a> {
    fn new(sorted: &'a [f64], quantile: f64, mixture: &'a TwoPointMixture) -> Self {
        let n = sorted.len() as f64;
        let mut curve = Self {
            sorted,
            quantile,
            mixture,
            calm: quantile,
            flat: (f64::NAN, f64::NAN),
        };
        let slope = |share: f64| {
            let step = 1e-6;
            curve.at_share(share + step) - curve.at_share(share - step)
        };
        let calm = bisect(1e-5, 1.0 - 1e-5, slope);
        let pick = |rank: f64| sorted[(rank.max(1.0) as usize - 1).min(sorted.len() - 1)];
        curve.calm = calm;
        curve.flat = (
            pick(libm::ceil(calm * n)),
            pick(libm::floor(calm * n) + 1.0),
        );
        curve
    }

    fn at_share(&self, share: f64) -> f64 {
        let n = self.sorted.len() as f64;
        let variance = self.quantile * (1.0 - self.quantile);
        self.mixture.ln_e((share - self.quantile) * n, variance * n)
    }

    fn ln_e(&self, x: f64) -> f64 {
        let below = if x < self.flat.0 {
            self.sorted.partition_point(|value| *value <= x)
        } else if x > self.flat.1 {
            self.sorted.partition_point(|value| *value < x)
        } else {
            return self.at_share(self.calm);
        };
        self.at_share(below as f64 / self.sorted.len() as f64)
    }
}
