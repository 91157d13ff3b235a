//! Distributions by inversion: one uniform draw makes one sample, whatever the parameters, and a
//! larger parameter never makes a smaller sample.

use firedrill_core::Micros;

use crate::spec::LogNormal;

/// Below this variance binomial and Poisson samples walk the exact distribution; above it they
/// use a normal quantile corrected for skewness and kurtosis, which is within 0.1 % of the exact
/// distribution function everywhere (tested).
const EXACT_VARIANCE_MAX: f64 = 12.0;

/// The number of successes among `n` trials of probability `p`.
#[inline]
#[must_use]
pub fn binomial(u: f64, n: u64, p: f64) -> u64 {
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if u <= 1.0 - n as f64 * p {
        return 0; // Bernoulli's inequality: (1 − p)^n ≥ 1 − np
    }
    likely_some(u, n, p)
}

/// The same when there is likely to be a success.
fn likely_some(u: f64, n: u64, p: f64) -> u64 {
    if p >= 1.0 {
        return n;
    }
    let mean = n as f64 * p;
    let variance = mean * (1.0 - p);
    if variance > EXACT_VARIANCE_MAX {
        let sd = libm::sqrt(variance);
        let (skewness, kurtosis) = (1.0 - 2.0 * p, 1.0 - 6.0 * p * (1.0 - p));
        by_normal(u, mean, sd, skewness, kurtosis).min(n)
    } else if p > 0.5 {
        n - by_walk(1.0 - u, n, 1.0 - p)
    } else {
        by_walk(u, n, p)
    }
}

/// The same for `p ≤ 1/2`, through the distribution from its low end.
fn by_walk(u: f64, n: u64, p: f64) -> u64 {
    let mean = n as f64 * p;
    let odds = p / (1.0 - p);
    let mut mass = none_of(n, p);
    let (mut k, mut below, mut left) = (0, mass, n as f64);
    while u > below && left > 0.0 {
        k += 1;
        mass *= left * odds * one_over(k);
        left -= 1.0;
        let sum = below + mass;
        if sum == below && k as f64 > mean {
            break; // the rest of the distribution is below what a float can hold
        }
        below = sum;
    }
    k
}

/// A Poisson sample of the given mean.
#[must_use]
pub fn poisson(u: f64, mean: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > EXACT_VARIANCE_MAX {
        return by_normal(u, mean, libm::sqrt(mean), 1.0, 1.0);
    }
    if u <= 1.0 - mean {
        return 0; // e^−x ≥ 1 − x
    }
    let mut mass = exp_of_small(-mean);
    let (mut k, mut below) = (0_u64, mass);
    while u > below {
        k += 1;
        mass *= mean * one_over(k);
        let sum = below + mass;
        if sum == below && k as f64 > mean {
            break; // as above
        }
        below = sum;
    }
    k
}

/// Splits `n` things over `weights` in proportion, whole things only, by one draw each; tells
/// `give` each part.
pub fn split(
    mut draw: impl FnMut(usize) -> f64,
    n: u64,
    weights: impl ExactSizeIterator<Item = f64> + Clone,
    mut give: impl FnMut(usize, u64),
) {
    let (mut left, count) = (n, weights.len());
    let mut weight_left: f64 = weights.clone().sum();
    for (index, weight) in weights.enumerate() {
        let last = index + 1 == count;
        let part = if left == 0 || weight <= 0.0 {
            0
        } else if last || weight >= weight_left {
            left
        } else {
            binomial(draw(index), left, weight / weight_left)
        };
        give(index, part);
        left -= part;
        weight_left -= weight;
    }
}

/// A log-normal time.
#[must_use]
pub fn log_normal(u: f64, distribution: LogNormal) -> Micros {
    let factor = libm::exp(distribution.sigma * normal_quantile(u));
    Micros((distribution.median.0 as f64 * factor) as u64)
}

/// The share of a log-normal distribution up to `x`.
#[must_use]
pub fn log_normal_cdf(x: Micros, distribution: LogNormal) -> f64 {
    let median = distribution.median.0 as f64;
    if x == Micros::ZERO {
        return 0.0;
    }
    if distribution.sigma <= 0.0 || median <= 0.0 {
        return if x >= distribution.median { 1.0 } else { 0.0 };
    }
    normal_cdf(libm::log(x.0 as f64 / median) / distribution.sigma)
}

/// A log-normal distribution around one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogSpread {
    /// The standard deviation of the logarithm.
    pub sigma: f64,
}

impl LogSpread {
    /// The share of the distribution below `x`.
    #[must_use]
    pub fn share_below(self, x: f64) -> f64 {
        if x <= 0.0 {
            0.0
        } else {
            normal_cdf(libm::log(x) / self.sigma)
        }
    }
}

/// The share of the standard normal distribution up to `z`.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The Cornish–Fisher expansion: a normal quantile corrected by the third and fourth cumulant
/// (Abramowitz & Stegun, 26.2.49), rounded with a correction for continuity. Skewness is given as
/// a multiple of `1 / sd`, excess kurtosis as one of `1 / sd²`: what they are for counts.
fn by_normal(u: f64, mean: f64, sd: f64, skewness: f64, kurtosis: f64) -> u64 {
    let z = normal_quantile(u);
    let (square, per_sd) = (z * z, 1.0 / sd);
    let third = skewness * (square - 1.0) * (1.0 / 6.0);
    let fourth = kurtosis * (square - 3.0) * (1.0 / 24.0)
        - skewness * skewness * (2.0 * square - 5.0) * (1.0 / 36.0);
    let x = mean + sd * z + third + fourth * z * per_sd;
    (x + 0.5).max(0.0) as u64
}

/// `1 / k`: walks of exact distributions are short, and a division takes longer than the rest of
/// a step.
fn one_over(k: u64) -> f64 {
    const KEPT: usize = 64;
    const TABLE: [f64; KEPT] = {
        let mut table = [0.0; KEPT];
        let mut k = 1;
        while k < KEPT {
            table[k] = 1.0 / k as f64;
            k += 1;
        }
        table
    };
    match TABLE.get(k as usize) {
        Some(kept) => *kept,
        None => 1.0 / k as f64,
    }
}

/// `(1 − p)^n` for `p ≤ 1/2`.
fn none_of(n: u64, p: f64) -> f64 {
    if p < 5e-4 {
        // The series is exact to a float where its next term cannot matter any more.
        let log =
            -p * (1.0 + p * (1.0 / 2.0 + p * (1.0 / 3.0 + p * (1.0 / 4.0 + p * (1.0 / 5.0)))));
        return exp_of_small(n as f64 * log);
    }
    // Here n is small enough for its binary digits: few, and each loses half a digit.
    let (mut power, mut square, mut digits) = (1.0, 1.0 - p, n);
    while digits > 0 {
        power *= if digits & 1 == 1 { square } else { 1.0 };
        square *= square;
        digits >>= 1;
    }
    power
}

/// `e^x` for `-50 ≤ x ≤ 0`, to `1e-14`: `x` is split into a multiple of
/// ln 2 / 64, whose power stands in a table, and a rest for which a few terms are enough. Several
/// times as fast as [`libm::exp`], which every small sample would wait for.
fn exp_of_small(x: f64) -> f64 {
    const STEPS: usize = 64;
    const POWERS: [f64; STEPS] = powers_below_one();
    const PER_STEP: f64 = std::f64::consts::LN_2 / STEPS as f64;
    debug_assert!((-50.0..=0.0).contains(&x), "{x}");
    let steps = (x * (-1.0 / PER_STEP) + 0.5) as i32;
    let rest = x + f64::from(steps) * PER_STEP;
    let steps = steps.unsigned_abs() as usize;
    let square = rest * rest;
    let low = (1.0 + rest) + square * (1.0 / 2.0 + rest * (1.0 / 6.0));
    let series = low + square * square * (1.0 / 24.0 + rest * (1.0 / 120.0));
    // A power of two, from its exponent.
    let whole = f64::from_bits((1_023 - (steps / STEPS) as u64) << 52);
    whole * POWERS[steps % STEPS] * series
}

/// `2^(−i/64)` for `i` in `0..64`.
const fn powers_below_one() -> [f64; 64] {
    /// `2^(−1/64)`, `2^(−2/64)`, `2^(−4/64)`, …: one for each binary digit of `i`.
    const ROOTS: [f64; 6] = [
        0.989_228_013_193_975_5,
        0.978_572_062_087_700_1,
        0.957_603_280_698_573_7,
        0.917_004_043_204_671_2,
        0.840_896_415_253_714_5,
        std::f64::consts::FRAC_1_SQRT_2,
    ];
    let mut powers = [1.0; 64];
    let mut index = 0;
    while index < powers.len() {
        let mut digit = 0;
        while digit < ROOTS.len() {
            if index >> digit & 1 == 1 {
                powers[index] *= ROOTS[digit];
            }
            digit += 1;
        }
        index += 1;
    }
    powers
}

/// The quantile of the standard normal distribution, to about 1e-9.
///
/// Source: P. Acklam's rational approximation (2003), relative error below 1.15e-9.
#[expect(clippy::excessive_precision, reason = "coefficients as published")]
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_690e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    const LOW: f64 = 0.024_25;
    let tail = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5])
            / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    if p < LOW {
        tail(p)
    } else if p > 1.0 - LOW {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
            / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, Poisson};

    use super::*;

    /// Sampling by inversion is right exactly when, for every k, the draws that give at most k
    /// are those below the distribution function at k. The largest gap over all k is the
    /// Kolmogorov–Smirnov distance to the exact distribution.
    fn distance(sample: impl Fn(f64) -> u64, cdf: impl Fn(u64) -> f64, around: u64) -> f64 {
        let mut worst: f64 = 0.0;
        for k in around.saturating_sub(400)..around + 400 {
            let exact = cdf(k);
            if !(1e-9..=1.0 - 1e-9).contains(&exact) {
                continue;
            }
            // The largest u that still gives k, by bisection.
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if sample(middle) <= k {
                    low = middle
                } else {
                    high = middle
                }
            }
            worst = worst.max((low - exact).abs());
        }
        worst
    }

    #[test]
    fn binomial_is_exact_where_small_and_close_where_large() {
        for (n, p, limit) in [
            (20, 0.3, 1e-9),
            (1_000, 0.001, 1e-9),
            (40, 0.5, 1e-9),
            (60, 0.5, 1e-3),
            (100, 0.9, 1e-9),
            (300, 0.05, 1e-3),
            (1_000, 0.05, 1e-3),
            (100_000, 0.000_13, 1e-3),
            (100_000, 0.000_4, 1e-3),
            (2_000, 0.5, 1e-3),
            (50, 0.5, 1e-3),
            (10_000, 0.99, 1e-3),
            (10_000, 0.998_7, 1e-3),
        ] {
            let exact = Binomial::new(p, n).unwrap();
            let mean = (n as f64 * p) as u64;
            let found = distance(|u| binomial(u, n, p), |k| exact.cdf(k), mean);
            assert!(found < limit, "n {n} p {p}: {found}");
        }
    }

    #[test]
    fn poisson_is_exact_where_small_and_close_where_large() {
        for (mean, limit) in [
            (0.1, 1e-9),
            (5.0, 1e-9),
            (11.9, 1e-9),
            (12.1, 1e-3),
            (31.0, 1e-3),
            (5e3, 1e-3),
        ] {
            let exact = Poisson::new(mean).unwrap();
            let found = distance(|u| poisson(u, mean), |k| exact.cdf(k), mean as u64);
            assert!(found < limit, "mean {mean}: {found}");
        }
    }

    #[test]
    fn the_normal_quantile_inverts_the_normal_cdf() {
        let exact = Normal::standard();
        for p in [1e-9, 1e-4, 0.02, 0.3, 0.5, 0.7, 0.98, 1.0 - 1e-6] {
            assert!(
                (normal_quantile(p) - exact.inverse_cdf(p)).abs() < 1e-6,
                "{p}"
            );
            assert!((normal_cdf(normal_quantile(p)) - p).abs() < 1e-8, "{p}");
        }
    }

    #[test]
    fn the_fast_exponential_is_the_exponential() {
        for step in 0..=50_000 {
            let x = -f64::from(step) / 1_000.0;
            let error = exp_of_small(x) / libm::exp(x) - 1.0;
            assert!(error.abs() < 1e-14, "{x}: {error}");
        }
    }

    #[test]
    fn extremes_do_not_hang_or_overflow() {
        for u in [1e-16, 0.5, 1.0 - 1e-16] {
            assert_eq!(binomial(u, 10, 1.0), 10);
            assert_eq!(binomial(u, 10, 0.0), 0);
            assert!(binomial(u, u64::MAX / 2, 1e-18) < 100);
            assert!(binomial(u, 3, 0.999_999) <= 3);
            assert_eq!(poisson(u, 0.0), 0);
            assert!(poisson(u, 1e12) > 0);
        }
    }

    #[test]
    fn a_split_loses_nothing() {
        let mut parts = [0; 3];
        split(
            |index| 0.2 + 0.3 * index as f64,
            1_000,
            [1.0, 0.0, 3.0].into_iter(),
            |index, part| parts[index] = part,
        );
        assert_eq!(parts.iter().sum::<u64>(), 1_000);
        assert_eq!(parts[1], 0);
    }
}
