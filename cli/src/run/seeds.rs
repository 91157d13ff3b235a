//! Which seeds to run.

use std::ops::RangeInclusive;

/// The runs of a campaign when nobody says how many.
const DEFAULT_RUNS: u64 = 20;

/// An unbroken range of seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seeds {
    /// The first.
    pub(crate) first: u64,
    /// The last.
    pub(crate) last: u64,
    /// Whether nobody asked for them.
    pub(crate) drawn: bool,
}

impl Seeds {
    /// One seed.
    pub(crate) const fn only(seed: u64) -> Self {
        Self {
            first: seed,
            last: seed,
            drawn: false,
        }
    }

    /// Seeds that begin at a drawn one, short enough to be typed again.
    pub(crate) fn drawn() -> Self {
        let first = u64::from(fastrand::u32(1..1_000_000));
        Self {
            first,
            last: first + DEFAULT_RUNS - 1,
            drawn: true,
        }
    }

    pub(crate) const fn range(self) -> RangeInclusive<u64> {
        self.first..=self.last
    }

    /// How many; at most `u64::MAX`.
    pub(crate) const fn count(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            write!(f, "--seed {}", self.first)
        } else {
            write!(f, "--seeds {}..={}", self.first, self.last)
        }
    }
}

/// More runs than this do not end in a lifetime and do not fit into memory.
const RUNS_MAX: u64 = 10_000_000;

/// Reads `A..=B`.
pub(crate) fn parse_range(text: &str) -> Result<Seeds, String> {
    let (first, last) = text
        .split_once("..=")
        .ok_or("expected a first and a last seed, as in 1..=200")?;
    let number = |digits: &str| {
        let parsed = digits.trim().parse::<u64>();
        parsed.map_err(|error| format!("`{}` is not a seed: {error}", digits.trim()))
    };
    let (first, last) = (number(first)?, number(last)?);
    if last < first {
        return Err(format!(
            "the range is upside down; did you mean {last}..={first}?"
        ));
    }
    let seeds = Seeds {
        first,
        last,
        drawn: false,
    };
    if seeds.count() > RUNS_MAX {
        return Err(format!("{} seeds are more than {RUNS_MAX}", seeds.count()));
    }
    Ok(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        let seeds = parse_range("3..=7").unwrap();
        assert_eq!((seeds.first, seeds.last, seeds.count()), (3, 7, 5));
        let refused = |text: &str, why: &str| assert_eq!(parse_range(text).unwrap_err(), why);
        refused("7", "expected a first and a last seed, as in 1..=200");
        refused("7..=3", "the range is upside down; did you mean 3..=7?");
        refused("1..=x", "`x` is not a seed: invalid digit found in string");
        refused(
            "1..=99999999999999999999",
            "`99999999999999999999` is not a seed: number too large to fit in target type",
        );
        refused(
            "0..=18446744073709551615",
            "18446744073709551615 seeds are more than 10000000",
        );
    }
}
