//! The special functions that the judges' statistics need, in logarithms where the plain value
//! would leave the range of a float.
//!
//! Sources: continued fractions and series of Abramowitz & Stegun, *Handbook of Mathematical
//! Functions* (1964), 6.5.29, 6.5.31 and 26.5.8, evaluated by Lentz's method; the starting value
//! of the normal quantile is their 26.2.23. Tested against published values and `statrs`.

use core::f64::consts::{FRAC_1_SQRT_2, PI};

/// Terms of a series or continued fraction; needed are about `√a`, so this reaches `a = 10^9`.
const TERMS_MAX: u32 = 200_000;
/// Relative size below which a term no longer matters.
const PRECISION: f64 = 1e-15;
/// What Lentz's method puts in place of a zero.
const TINY: f64 = 1e-300;

/// `ln Γ(x)`.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// `ln B(a, b)`, the logarithm of the beta function.
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// `ln I_x(a, b)`: the logarithm of the regularised incomplete beta function, which is the
/// probability that a Beta(a, b) variable is at most `x`.
///
/// NaN when `a` or `b` is not positive or `x` is NaN.
#[must_use]
pub fn ln_beta_below(a: f64, b: f64, x: f64) -> f64 {
    if a.is_nan() || b.is_nan() || a <= 0.0 || b <= 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let front = a * libm::log(x) + b * libm::log1p(-x) - ln_beta(a, b);
    if x < (a + 1.0) / (a + b + 2.0) {
        (front + libm::log(beta_fraction(a, b, x) / a)).min(0.0)
    } else {
        let above = front + libm::log(beta_fraction(b, a, 1.0 - x) / b);
        ln_one_minus(above)
    }
}

/// The continued fraction of the incomplete beta function.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for term in 1..TERMS_MAX {
        let m = f64::from(term);
        let twice = a + 2.0 * m;
        let even = m * (b - m) * x / ((twice - 1.0) * twice);
        d = 1.0 / not_zero(1.0 + even * d);
        c = not_zero(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / (twice * (twice + 1.0));
        d = 1.0 / not_zero(1.0 + odd * d);
        c = not_zero(1.0 + odd / c);
        value *= d * c;
        if (d * c - 1.0).abs() < PRECISION {
            break;
        }
    }
    value
}

/// `ln Q(a, x)`: the logarithm of the regularised upper incomplete gamma function, which is the
/// probability that a Gamma(a, 1) variable exceeds `x`.
///
/// NaN when `a` is not positive or `x` is NaN.
#[must_use]
pub fn ln_gamma_above(a: f64, x: f64) -> f64 {
    if a.is_nan() || a <= 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        0.0
    } else if x < a + 1.0 {
        ln_one_minus(ln_gamma_series(a, x))
    } else {
        ln_gamma_fraction(a, x).min(0.0)
    }
}

/// `ln P(a, x)`, the logarithm of the regularised lower incomplete gamma function.
///
/// NaN when `a` is not positive or `x` is NaN.
#[must_use]
pub fn ln_gamma_below(a: f64, x: f64) -> f64 {
    if a.is_nan() || a <= 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        f64::NEG_INFINITY
    } else if x < a + 1.0 {
        ln_gamma_series(a, x).min(0.0)
    } else {
        ln_one_minus(ln_gamma_fraction(a, x))
    }
}

/// `ln P(a, x)` by its series, for `x < a + 1`.
fn ln_gamma_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0 / a, 1.0 / a);
    for k in 1..TERMS_MAX {
        term *= x / (a + f64::from(k));
        sum += term;
        if term < sum * PRECISION {
            break;
        }
    }
    a * libm::log(x) - x - ln_gamma(a) + libm::log(sum)
}

/// `ln Q(a, x)` by its continued fraction, for `x ≥ a + 1`.
fn ln_gamma_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / not_zero(b);
    let mut value = d;
    for k in 1..TERMS_MAX {
        let k = f64::from(k);
        let numerator = -k * (k - a);
        b += 2.0;
        d = 1.0 / not_zero(numerator * d + b);
        c = not_zero(b + numerator / c);
        value *= d * c;
        if (d * c - 1.0).abs() < PRECISION {
            break;
        }
    }
    a * libm::log(x) - x - ln_gamma(a) + libm::log(value)
}

fn not_zero(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

/// `ln(1 − e^y)` for `y ≤ 0`; what rounding has pushed above zero counts as zero.
#[must_use]
pub fn ln_one_minus(y: f64) -> f64 {
    libm::log1p(-libm::exp(y.min(0.0)))
}

/// `ln(e^a + e^b)`.
#[must_use]
pub fn ln_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY {
        return high;
    }
    high + libm::log1p(libm::exp(low - high))
}

/// The share of the standard normal distribution up to `z`.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The logarithm of the share of the standard normal distribution up to `z`.
#[must_use]
pub fn ln_normal_cdf(z: f64) -> f64 {
    if z > -30.0 {
        return libm::log(normal_cdf(z));
    }
    // Mills' ratio; its next term is below 1e-6 here.
    let square = z * z;
    -0.5 * square - libm::log(-z * libm::sqrt(2.0 * PI))
        + libm::log1p(-1.0 / square + 3.0 / (square * square))
}

/// The quantile of the standard normal distribution, to the last digits of a float.
///
/// Infinite at 0 and 1, NaN outside.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let t = libm::sqrt(-2.0 * libm::log(p));
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = above / below - t;
    for _ in 0..3 {
        let density = libm::exp(-0.5 * z * z) / libm::sqrt(2.0 * PI);
        let step = (normal_cdf(z) - p) / density;
        z -= step / (1.0 + 0.5 * z * step);
    }
    z
}

/// Riemann's zeta function for `s > 1`, by the Euler–Maclaurin formula.
#[must_use]
pub fn zeta(s: f64) -> f64 {
    let n = 20.0;
    let head: f64 = (1..20).map(|k| libm::pow(f64::from(k), -s)).sum();
    let last = libm::pow(n, -s);
    head + last * (n / (s - 1.0) + 0.5 + s / (12.0 * n))
        - last * s * (s + 1.0) * (s + 2.0) / (720.0 * n * n * n)
}

/// The root of a function that rises through zero between `low` and `high`, to the last bit that
/// halving finds; an end when the function does not change its sign.
pub fn bisect(mut low: f64, mut high: f64, rises: impl Fn(f64) -> f64) -> f64 {
    /// Halvings: more than a float has bits between two numbers of one sign.
    const HALVINGS: u32 = 200;
    for _ in 0..HALVINGS {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            break;
        }
        if rises(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low + 0.5 * (high - low)
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal};
    use statrs::function::{beta, gamma};

    use super::*;

    fn check(found: f64, expected: f64, tolerance: f64) {
        let scale = expected.abs().max(1.0);
        assert!(
            (found - expected).abs() <= tolerance * scale,
            "found {found:e}, expected {expected:e}"
        );
    }

    /// Abramowitz & Stegun, tables 6.1, 23.3, 26.1 and 26.2; NIST DLMF 25.6 for zeta(2).
    #[test]
    fn published_values() {
        check(ln_gamma(0.5), 0.572_364_942_924_700_1, 1e-14);
        check(ln_gamma(10.0), 12.801_827_480_081_469, 1e-14);
        check(normal_cdf(1.0), 0.841_344_746_068_543, 1e-14);
        check(normal_quantile(0.01), -2.326_347_874_040_841, 1e-14);
        check(normal_quantile(0.975), 1.959_963_984_540_054, 1e-14);
        check(zeta(2.0), PI * PI / 6.0, 1e-10);
        check(zeta(1.4), 3.105_547_276_687_6, 1e-4);
        // I_x(1, b) = 1 − (1 − x)^b and Q(1, x) = e^−x.
        check(
            ln_beta_below(1.0, 9.0, 0.1),
            libm::log(1.0 - libm::pow(0.9, 9.0)),
            1e-14,
        );
        check(ln_gamma_above(1.0, 700.0), -700.0, 1e-14);
    }

    #[test]
    fn agrees_with_statrs() {
        for a in [0.5, 1.0, 3.0, 20.0, 400.0, 5_000.0] {
            for b in [0.5, 2.0, 50.0, 900.0] {
                check(ln_beta(a, b), beta::ln_beta(a, b), 1e-10);
                for x in [0.01, 0.2, 0.5, 0.8, 0.99] {
                    let below = beta::beta_reg(a, b, x);
                    if below > 1e-200 {
                        check(ln_beta_below(a, b, x), libm::log(below), 1e-8);
                    }
                }
            }
            for x in [0.1, 1.0, 10.0, 380.0, 4_900.0, 5_200.0] {
                let (below, above) = (gamma::gamma_lr(a, x), gamma::gamma_ur(a, x));
                if below > 1e-200 {
                    check(ln_gamma_below(a, x), libm::log(below), 1e-8);
                }
                if above > 1e-200 {
                    check(ln_gamma_above(a, x), libm::log(above), 1e-8);
                }
            }
        }
        let normal = Normal::standard();
        for p in [1e-12, 1e-6, 0.01, 0.3, 0.5, 0.7, 0.999] {
            check(normal_quantile(p), normal.inverse_cdf(p), 1e-9);
        }
    }

    #[test]
    fn far_tails_stay_finite() {
        assert!(ln_beta_below(1.0, 5_000.0, 1e-12) < -18.0);
        assert!(ln_beta_below(9_000.0, 10.0, 0.01) < -30_000.0);
        assert!(ln_gamma_above(2.0, 50_000.0) < -49_000.0);
        check(ln_normal_cdf(-30.1), -0.5 * 30.1 * 30.1 - 4.324_5, 1e-3);
        assert!((ln_normal_cdf(-30.0) - ln_normal_cdf(-30.000_001)).abs() < 1e-4);
    }

    #[test]
    fn nonsense_gives_nan_and_edges_give_limits() {
        for bad in [f64::NAN, -1.0, 0.0] {
            assert!(ln_beta_below(bad, 1.0, 0.5).is_nan());
            assert!(ln_gamma_above(bad, 1.0).is_nan());
        }
        assert!(normal_quantile(f64::NAN).is_nan() && normal_quantile(1.5).is_nan());
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert_eq!(ln_beta_below(2.0, 3.0, 0.0), f64::NEG_INFINITY);
        assert_eq!(ln_beta_below(2.0, 3.0, 1.0), 0.0);
        assert_eq!(
            ln_add(f64::NEG_INFINITY, f64::NEG_INFINITY),
            f64::NEG_INFINITY
        );
        check(ln_add(0.0, 0.0), core::f64::consts::LN_2, 1e-15);
    }
}
