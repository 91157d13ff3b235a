//! The Mann–Whitney test with ties, and the interval of shifts that it does not reject.
//!
//! Always the normal approximation with a correction for continuity, as `wilcox.test(x, y,
//! conf.int = TRUE, exact = FALSE)` of R computes it. Sources: H. B. Mann, D. R. Whitney (1947);
//! J. L. Hodges, E. L. Lehmann (1963); D. F. Bauer (1972); the root finder is R. P. Brent's
//! (*Algorithms for Minimization without Derivatives*, 1973, chapter 4).

use alloc::vec::Vec;

use crate::health::special::normal_quantile;

/// Steps of the root finder before it gives up; it needs about ten.
const STEPS_MAX: u32 = 1_000;

/// Two samples, sorted.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Ties within `y`: the sum of `t³ - t` over its groups.
    ties_y: f64,
}

/// What the test says about a shift between two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The Hodges–Lehmann estimate.
    pub estimate: f64,
}

/// How roots are found, and what stands where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Roots {
    /// To 1e-4 in the unit of the data; where the test cannot reach its level, the interval ends
    /// at the extreme difference.
    Absolute,
    /// To a millionth of the range of differences; where the test cannot reach its level, the
    /// interval has no end.
    Relative,
}

/// Why there is no test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RankError {
    /// A value is not a number or infinite.
    #[error("a value is not finite")]
    NotFinite,
    /// A sample is empty.
    #[error("a sample is empty")]
    Empty,
    /// Two samples of one point each, or only one distinct value: no spread to measure against.
    #[error("the samples leave no spread to measure against")]
    NoSpread,
}

impl Samples {
    /// Sorts copies of two samples.
    ///
    /// # Errors
    /// When one is empty or holds a value that is not finite.
    pub fn new(x: &[f64], y: &[f64]) -> Result<Self, RankError> {
        if x.is_empty() || y.is_empty() {
            return Err(RankError::Empty);
        }
        if x.iter().chain(y).any(|value| !value.is_finite()) {
            return Err(RankError::NotFinite);
        }
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let (x, y) = (sorted(x), sorted(y));
        let ties_y = ties(&y);
        Ok(Self { x, y, ties_y })
    }

    /// The first sample, ascending.
    #[must_use]
    pub fn x(&self) -> &[f64] {
        &self.x
    }

    /// The second sample, ascending.
    #[must_use]
    pub fn y(&self) -> &[f64] {
        &self.y
    }

    /// The share of pairs in which `x` is larger, ties counting half: the common-language effect
    /// size.
    #[must_use]
    pub fn share_above(&self) -> f64 {
        let (wins, _) = self.count(0.0);
        wins / (self.x.len() as f64 * self.y.len() as f64)
    }

    /// The standardised statistic for the hypothesis that `x` is `y` shifted by `mu`.
    ///
    /// # Errors
    /// When the samples have no spread.
    pub fn z(&self, mu: f64) -> Result<f64, RankError> {
        let z = self.z_or_nan(mu);
        if z.is_finite() {
            Ok(z)
        } else {
            Err(RankError::NoSpread)
        }
    }

    /// The shifts that a two-sided test at `1 - confidence` does not reject, and the best one.
    ///
    /// # Errors
    /// When the samples have no spread.
    pub fn shift(&self, confidence: f64, roots: Roots) -> Result<Shift, RankError> {
        let z = -normal_quantile((1.0 - confidence) / 2.0);
        let (x, y) = (&self.x, &self.y);
        let range = (x[0] - y[y.len() - 1], x[x.len() - 1] - y[0]);
        if range.0 == range.1 && range.0 != 0.0 && roots == Roots::Relative {
            // Two different constants: there is one shift, and nothing around it.
            return Ok(Shift {
                low: range.0,
                high: range.0,
                estimate: range.0,
            });
        }
        let ends = (self.z(range.0)?, self.z(range.1)?);
        let (tolerance, outside) = match roots {
            Roots::Absolute => (1e-4, range),
            Roots::Relative => {
                let tolerance = 1e-6 * (range.1 - range.0);
                (tolerance, (f64::NEG_INFINITY, f64::INFINITY))
            }
        };
        let root = |quantile: f64| {
            if ends.0 - quantile <= 0.0 {
                outside.0
            } else if ends.1 - quantile >= 0.0 {
                outside.1
            } else {
                let values = (ends.0 - quantile, ends.1 - quantile);
                brent(range, values, tolerance, |mu| self.z_or_nan(mu) - quantile)
            }
        };
        let values = (ends.0, ends.1);
        Ok(Shift {
            low: root(z),
            high: root(-z),
            estimate: brent(range, values, tolerance, |mu| self.z_or_nan(mu)),
        })
    }

    fn z_or_nan(&self, mu: f64) -> f64 {
        let (m, n) = (self.x.len() as f64, self.y.len() as f64);
        let (wins, ties) = self.count(mu);
        let gap = wins - m * n / 2.0;
        let total = m + n;
        let sigma = libm::sqrt(m * n / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0))));
        let sign = if gap == 0.0 { 0.0 } else { gap.signum() };
        (gap - sign * 0.5) / sigma
    }

    /// Pairs in which `x - mu` is above `y`, ties counting half; and the sum of `t³ - t` over the
    /// groups of ties in both samples together.
    fn count(&self, mu: f64) -> (f64, f64) {
        let (x, y) = (&self.x[..], &self.y[..]);
        // Twice the pairs won, exact as an integer.
        let (mut twice, mut ties) = (0_u64, self.ties_y);
        let (mut below, mut i) = (0, 0);
        while i < x.len() {
            let value = x[i] - mu;
            let mut group = 1;
            while i + group < x.len() && x[i + group] - mu == value {
                group += 1;
            }
            while below < y.len() && y[below] < value {
                below += 1;
            }
            let mut equal = 0;
            while below + equal < y.len() && y[below + equal] == value {
                equal += 1;
            }
            twice += (group * (2 * below + equal)) as u64;
            if group + equal > 1 {
                ties += cube_less(group + equal) - cube_less(equal);
            }
            i += group;
        }
        (twice as f64 / 2.0, ties)
    }
}

fn cube_less(count: usize) -> f64 {
    let count = count as f64;
    count * count * count - count
}

fn ties(sorted: &[f64]) -> f64 {
    sorted
        .chunk_by(|a, b| a == b)
        .map(|group| cube_less(group.len()))
        .sum()
}

/// A zero of `function` between the two ends of `range`, where it has the given `values`.
///
/// Brent's method: inverse quadratic or linear interpolation as long as it shrinks the bracket,
/// halving otherwise; stops within `tolerance` of a change of sign.
fn brent(
    range: (f64, f64),
    values: (f64, f64),
    tolerance: f64,
    function: impl Fn(f64) -> f64,
) -> f64 {
    // `best` is the best guess, `old` the one before it, `other` has the other sign.
    let (mut old, mut best) = range;
    let (mut f_old, mut f_best) = values;
    let (mut other, mut f_other) = (old, f_old);
    if f_old == 0.0 {
        return old;
    }
    for _ in 0..STEPS_MAX {
        let last_step = best - old;
        if f_other.abs() < f_best.abs() {
            (old, best, other) = (best, other, best);
            (f_old, f_best, f_other) = (f_best, f_other, f_best);
        }
        let near = 2.0 * f64::EPSILON * best.abs() + tolerance / 2.0;
        let half = (other - best) / 2.0;
        if half.abs() <= near || f_best == 0.0 {
            return best;
        }
        let mut step = half;
        if last_step.abs() >= near && f_old.abs() > f_best.abs() {
            let (p, q) = interpolate((old, best, other), (f_old, f_best, f_other));
            let inside = p < 0.75 * (other - best) * q - (near * q).abs() / 2.0;
            if inside && p < (last_step * q / 2.0).abs() {
                step = p / q;
            }
        }
        if step.abs() < near {
            step = if step > 0.0 { near } else { -near };
        }
        (old, f_old) = (best, f_best);
        best += step;
        f_best = function(best);
        if (f_best > 0.0 && f_other > 0.0) || (f_best < 0.0 && f_other < 0.0) {
            (other, f_other) = (old, f_old);
        }
    }
    best
}

/// The step from the middle point to the interpolated zero, as a fraction with `p ≥ 0`.
fn interpolate(at: (f64, f64, f64), f: (f64, f64, f64)) -> (f64, f64) {
    let (old, best, other) = at;
    let gap = other - best;
    let (p, q) = if old == other {
        let ratio = f.1 / f.0;
        (gap * ratio, 1.0 - ratio)
    } else {
        let (q, r, s) = (f.0 / f.2, f.1 / f.2, f.1 / f.0);
        let p = s * (gap * q * (q - r) - (best - old) * (r - 1.0));
        (p, (q - 1.0) * (r - 1.0) * (s - 1.0))
    };
    if p > 0.0 { (p, -q) } else { (-p, q) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_has_no_rank() {
        assert_eq!(Samples::new(&[], &[1.0]), Err(RankError::Empty));
        assert_eq!(Samples::new(&[f64::NAN], &[1.0]), Err(RankError::NotFinite));
        assert_eq!(
            Samples::new(&[1.0], &[f64::INFINITY]),
            Err(RankError::NotFinite)
        );
        let flat = Samples::new(&[1.0, 1.0], &[1.0]).unwrap();
        assert_eq!(flat.z(0.0), Err(RankError::NoSpread));
        assert_eq!(flat.shift(0.98, Roots::Absolute), Err(RankError::NoSpread));
    }

    /// Counted by hand, with a tie across the samples and one within.
    #[test]
    fn counts_pairs_and_ties() {
        let samples = Samples::new(&[1.0, 2.0, 2.0], &[2.0, 3.0]).unwrap();
        assert_eq!(samples.count(0.0), (1.0, 24.0));
        assert!((samples.share_above() - 1.0 / 6.0).abs() < 1e-15);
    }

    /// The estimate is the median of all differences, whatever the unit.
    #[test]
    fn the_estimate_is_the_median_difference() {
        let (x, y) = ([10.0, 20.0, 30.0, 40.0, 55.0], [1.0, 2.0, 3.5, 4.0]);
        for unit in [1e-9, 1.0, 1e9] {
            let samples = Samples::new(&x.map(|v| v * unit), &y.map(|v| v * unit)).unwrap();
            let mut differences: Vec<f64> =
                x.iter().flat_map(|x| y.map(|y| (x - y) * unit)).collect();
            differences.sort_by(f64::total_cmp);
            let median = 0.5 * (differences[9] + differences[10]);
            let found = samples.shift(0.9, Roots::Relative).unwrap().estimate;
            assert!((found - median).abs() <= unit, "{unit}: {found} {median}");
        }
    }
}
