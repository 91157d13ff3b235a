//! The gamma distribution by inversion.

use super::sample::normal_quantile;

/// From this shape on a normal quantile, corrected, is closer to the exact one than any count
/// of requests could tell (tested).
const LARGE_SHAPE: f64 = 1_000.0;
/// Newton's method doubles the digits with every turn and starts with one or two of them.
const TURNS_MAX: usize = 24;
const TERMS_MAX: usize = 2_000;
const PRECISION: f64 = 1e-13;

/// A gamma sample of the given shape and scale one: its mean and variance are the shape.
///
/// Inverts the regularised incomplete gamma function P. The start is Wilson and Hilferty's (Proc.
/// Natl. Acad. Sci. 17, 1931); each turn is one of Halley's method, that is, Newton's corrected
/// by the curvature (Press et al., *Numerical Recipes*, 3rd ed., section 6.2).
///
/// # Panics
/// When the shape is not above zero.
#[must_use]
pub fn gamma(u: f64, shape: f64) -> f64 {
    assert!(shape > 0.0, "a gamma distribution of shape {shape}");
    if shape >= LARGE_SHAPE {
        return by_cornish_fisher(u, shape);
    }
    let log_gamma = libm::lgamma(shape);
    let mut x = start(u, shape, log_gamma);
    for _ in 0..TURNS_MAX {
        if x <= 0.0 {
            return 0.0;
        }
        let log_density = (shape - 1.0) * libm::log(x) - x - log_gamma;
        let miss = lower(shape, x, log_gamma) - u;
        let newton = miss / libm::exp(log_density);
        if !newton.is_finite() {
            break; // a tail in which a float cannot hold the density: the start must do
        }
        let curvature = newton * ((shape - 1.0) / x - 1.0);
        let step = newton / (1.0 - 0.5 * curvature.min(1.0));
        // Never past zero.
        let next = if step >= x { 0.5 * x } else { x - step };
        let moved = (next - x).abs();
        x = next;
        if moved < PRECISION * x {
            break;
        }
    }
    x
}

fn start(u: f64, shape: f64, log_gamma: f64) -> f64 {
    if shape > 1.0 {
        let nine = 9.0 * shape;
        let cube = 1.0 - 1.0 / nine + normal_quantile(u) / libm::sqrt(nine);
        if cube > 0.1 {
            return shape * cube * cube * cube;
        }
    }
    // Near zero P(x) is about x^shape / Γ(shape + 1); far out its rest falls like e^−x.
    let power = (libm::log(u) + log_gamma + libm::log(shape)) / shape;
    let small = libm::exp(power);
    if small < 0.5 * (shape + 1.0) {
        small
    } else {
        (shape - libm::log1p(-u)).min(small)
    }
}

/// The regularised lower incomplete gamma function, by its series below `shape + 1` and by
/// Lentz's continued fraction above (Abramowitz & Stegun, 6.5.29 and 6.5.31).
fn lower(shape: f64, x: f64, log_gamma: f64) -> f64 {
    let front = libm::exp(shape * libm::log(x) - x - log_gamma);
    if x < shape + 1.0 {
        let (mut term, mut sum) = (1.0 / shape, 1.0 / shape);
        for k in 1..TERMS_MAX {
            term *= x / (shape + k as f64);
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return (front * sum).min(1.0);
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for k in 1..TERMS_MAX {
        let k = k as f64;
        let a = k * (shape - k);
        b += 2.0;
        d = a * d + b;
        if d.abs() < TINY {
            d = TINY;
        }
        c = b + a / c;
        if c.abs() < TINY {
            c = TINY;
        }
        d = 1.0 / d;
        let change = c * d;
        fraction *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    1.0 - front * fraction
}

/// The Cornish–Fisher expansion with skewness 2/√shape and excess kurtosis 6/shape (Abramowitz &
/// Stegun, 26.2.49).
fn by_cornish_fisher(u: f64, shape: f64) -> f64 {
    let z = normal_quantile(u);
    let square = z * z;
    let root = libm::sqrt(shape);
    let corrected = z + (square - 1.0) / (3.0 * root) + z * (square - 7.0) / (36.0 * shape);
    (shape + root * corrected).max(0.0)
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Gamma};

    use super::*;

    const DRAWS: [f64; 13] = [
        1e-12,
        1e-6,
        1e-3,
        0.01,
        0.1,
        0.3,
        0.5,
        0.7,
        0.9,
        0.99,
        0.999,
        0.999_999,
        0.999_999_999,
    ];

    /// What comes out has the probability that went in, by somebody else's distribution function.
    #[test]
    fn it_inverts_the_distribution_function() {
        for (shape, limit) in [
            (0.02, 1e-9),
            (0.1, 1e-9),
            (0.5, 1e-9),
            (1.0, 1e-9),
            (1.5, 1e-9),
            (2.0, 1e-9),
            (10.0, 1e-9),
            (100.0, 1e-9),
            (999.0, 1e-9),
            (1_000.0, 1e-5),
            (1e4, 1e-6),
        ] {
            let exact = Gamma::new(shape, 1.0).unwrap();
            for u in DRAWS {
                let x = gamma(u, shape);
                let found = exact.cdf(x);
                assert!(
                    (found - u).abs() < limit,
                    "shape {shape}, u {u}: x {x} has {found}"
                );
            }
        }
    }

    /// A larger draw never makes a smaller sample, also where the method changes.
    #[test]
    fn it_never_falls() {
        for shape in [0.1, 0.9, 1.0, 1.1, 5.0, 50.0, 999.9, 1_000.0, 1e6] {
            let samples = (0..2_000).map(|k| gamma((f64::from(k) + 0.5) / 2_000.0, shape));
            let mut before = 0.0;
            for sample in samples {
                assert!(sample >= before, "shape {shape}: {sample} after {before}");
                before = sample;
            }
        }
    }

    #[test]
    fn extremes_are_finite() {
        for shape in [1e-3, 0.1, 1.0, 999.0, 1e9] {
            for u in [1e-16, 1.0 - 1e-16] {
                let x = gamma(u, shape);
                assert!(x.is_finite() && x >= 0.0, "shape {shape}, u {u}: {x}");
            }
        }
    }
}
