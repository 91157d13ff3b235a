//! Ratios as integers: parts per million.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A share or a probability in parts per million: `Ppm(10_000)` is 1 %.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Ppm(pub u32);

impl Ppm {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(1_000_000);

    /// The share `part / whole`, rounded to the nearest part per million; zero when `whole` is zero.
    #[must_use]
    pub const fn of(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self::ZERO;
        }
        let scaled = (part as u128 * 1_000_000 + whole as u128 / 2) / whole as u128;
        Self(if scaled > u32::MAX as u128 {
            u32::MAX
        } else {
            scaled as u32
        })
    }

    /// A share of `percent` whole percent.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self(percent.saturating_mul(10_000))
    }

    /// The ratio as a float.
    #[must_use]
    pub const fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The nearest ratio to `x`; negative numbers and NaN give zero.
    #[must_use]
    pub const fn from_f64(x: f64) -> Self {
        Self((x * 1e6 + 0.5) as u32)
    }

    /// This share of `n` things, rounded up: a share above zero of something is at least one.
    #[must_use]
    pub const fn of_count_up(self, n: u64) -> u64 {
        (n as u128 * self.0 as u128).div_ceil(1_000_000) as u64
    }
}

/// Prints percent with as many digits as the number has: `0.25 %`, `100 %`.
impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(f, "{whole} %");
        }
        let (mut rest, mut digits) = (rest, 4);
        while rest % 10 == 0 {
            rest /= 10;
            digits -= 1;
        }
        write!(f, "{whole}.{rest:0digits$} %")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn prints_percent() {
        assert_eq!(Ppm(2_500).to_string(), "0.25 %");
        assert_eq!(Ppm::ONE.to_string(), "100 %");
        assert_eq!(Ppm(1).to_string(), "0.0001 %");
        assert_eq!(Ppm(86_400).to_string(), "8.64 %");
    }

    #[test]
    fn shares_round_as_documented() {
        assert_eq!(Ppm::of(1, 3), Ppm(333_333));
        assert_eq!(Ppm::of(5, 0), Ppm::ZERO);
        assert_eq!(Ppm(1).of_count_up(10), 1);
        assert_eq!(Ppm::ONE.of_count_up(10), 10);
        assert_eq!(Ppm::ZERO.of_count_up(10), 0);
        assert_eq!(Ppm::from_f64(f64::NAN), Ppm::ZERO);
    }
}
