//! Time as an integer: microseconds since the start of the run.

use core::fmt;
use core::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A moment or a length of time, in microseconds.
///
/// A moment counts from the start of the run (or of the controller's epoch). Arithmetic
/// saturates: [`Micros::MAX`] means "never".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// The start of the run, or no time at all.
    pub const ZERO: Self = Self(0);
    /// Later than any moment a run reaches.
    pub const MAX: Self = Self(u64::MAX);

    /// A length of `ms` milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// A length of `s` seconds.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000))
    }

    /// A length of `m` minutes.
    #[must_use]
    pub const fn from_mins(m: u64) -> Self {
        Self::from_secs(m.saturating_mul(60))
    }

    /// A length of `h` hours.
    #[must_use]
    pub const fn from_hours(h: u64) -> Self {
        Self::from_mins(h.saturating_mul(60))
    }

    /// The number of microseconds.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The length in seconds, as a float for rates.
    #[must_use]
    pub const fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// `self + other`, or [`Micros::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self - other`, or zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Micros {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sub for Micros {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

/// Prints `HH:MM:SS`, with milliseconds only when there are any.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1_000;
        let (s, ms) = (millis / 1_000, millis % 1_000);
        write!(f, "{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)?;
        if ms > 0 {
            write!(f, ".{ms:03}")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn displays_as_a_clock() {
        assert_eq!(Micros::from_secs(3_725).to_string(), "01:02:05");
        assert_eq!(Micros::from_millis(1_250).to_string(), "00:00:01.250");
        assert_eq!(Micros::from_hours(100).to_string(), "100:00:00");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Micros::MAX + Micros(1), Micros::MAX);
        assert_eq!(Micros(1) - Micros(2), Micros::ZERO);
    }
}
