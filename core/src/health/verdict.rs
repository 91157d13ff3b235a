//! A verdict and the evidence it rests on.

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::check::Signal;
use super::sequential::{Rule, Turn};

/// Why there was nothing to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoDataReason {
    /// No window arrived.
    Missing,
    /// Windows arrived, the newest is too old.
    Stale,
    /// The sample is smaller than the check asks for.
    TooLittle,
    /// Fewer scrapes have a value than a rank test asks for.
    TooFewScrapes,
    /// No measurement had a value.
    NothingMeasured,
    /// No request of the candidate could be compared with the control, or with a known rate.
    NothingCompared,
}

/// What a check, or all checks together, say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Within limits, on enough fresh data.
    Pass,
    /// Beyond a limit, on enough data.
    Fail,
    /// Enough data about the candidate, too little to compare it with: keep waiting.
    Inconclusive,
    /// Nothing to judge: never a reason to widen exposure.
    NoData(NoDataReason),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::NoData(NoDataReason::Missing) => "no data (missing)",
            Self::NoData(NoDataReason::Stale) => "no data (stale)",
            Self::NoData(NoDataReason::TooLittle) => "no data (sample too small)",
            Self::NoData(NoDataReason::TooFewScrapes) => "no data (too few scrapes)",
            Self::NoData(NoDataReason::NothingMeasured) => "no data (no measurement had a value)",
            Self::NoData(NoDataReason::NothingCompared) => "no data (nothing to compare yet)",
        })
    }
}

/// What one check saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckEvidence {
    /// The signal.
    pub signal: Signal,
    /// What the check says.
    pub outcome: Outcome,
    /// The candidate's value, in the signal's unit.
    pub value: Option<u64>,
    /// The control's value, in the signal's unit, when it was looked at.
    pub control: Option<u64>,
    /// The limit that applied, in the signal's unit.
    pub limit: Option<u64>,
    /// Whether the limit is a lower one.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub lower: bool,
    /// The candidate's sample.
    pub sample: u64,
    /// The smallest sample that decides anything.
    pub sample_min: u64,
    /// How the outcome was found.
    #[serde(default, skip_serializing_if = "Proof::is_limit")]
    pub proof: Proof,
}

/// How a check was decided. Numbers that are not counts are whole thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The value was held against the limit.
    #[default]
    Limit,
    /// Measurements were counted.
    Counted {
        /// Measurements within the limit.
        succeeded: u32,
        /// Measurements beyond it.
        failed: u32,
        /// How many may be.
        allowed: u32,
        /// Whether only those in a row are counted.
        in_row: bool,
    },
    /// Scrapes of both arms were ranked.
    Ranked {
        /// The standardised statistic; more of it is worse. `None` without a test.
        z_milli: Option<i64>,
        /// The statistic that one look takes to be significant.
        z_needed_milli: i64,
        /// The interval of shifts, in the signal's unit; `None` where an end is open.
        shift: Option<(i64, i64)>,
        /// Scrapes of the candidate and of the control.
        points: (u32, u32),
    },
    /// Evidence was weighed after every window.
    Weighed {
        /// The rule that decided.
        rule: Rule,
        /// Requests of the candidate that were compared, and the bad ones among them.
        canary: (u64, u64),
        /// Those of the control; none against a known rate.
        control: (u64, u64),
        /// Bad requests as a multiple of what they should be.
        ratio_milli: Option<i64>,
        /// An interval that holds the multiple at all times at once.
        interval_milli: Option<(i64, i64)>,
        /// The evidence that the candidate is worse, a natural logarithm.
        ln_e_milli: i64,
        /// The evidence at which it fails.
        fail_milli: i64,
        /// The evidence that the smallest effect that matters is absent, a natural logarithm.
        ln_e_pass_milli: i64,
        /// The evidence at which it may pass.
        pass_milli: i64,
        /// What would have changed the outcome.
        turn: Turn,
    },
}

impl Proof {
    const fn is_limit(&self) -> bool {
        matches!(self, Self::Limit)
    }
}

impl CheckEvidence {
    /// How far the check is on its way to failing, in parts per million: zero when nothing speaks
    /// against the candidate, a million where it fails. `None` when that cannot be told.
    ///
    /// Against a limit it is the part of the limit that is used up; for counts, of the failures;
    /// for ranks, of the significance or of the limit, whichever is less; for evidence, of the
    /// logarithm at which it fails.
    #[must_use]
    pub fn nearness(&self) -> Option<u64> {
        let part = |of: i64, whole: i64| {
            let of = u64::try_from(of).unwrap_or(0);
            let whole = u64::try_from(whole).unwrap_or(0);
            (whole > 0).then(|| share_of(of, whole))
        };
        match self.proof {
            Proof::Limit => self.used_up(),
            Proof::Counted {
                failed, allowed, ..
            } => Some(share_of(u64::from(failed), u64::from(allowed) + 1)),
            Proof::Ranked {
                z_milli,
                z_needed_milli,
                ..
            } => {
                let significance = part(z_milli?, z_needed_milli);
                significance.min(self.used_up()).or(significance)
            }
            Proof::Weighed {
                ln_e_milli,
                fail_milli,
                ..
            } => part(ln_e_milli, fail_milli),
        }
    }

    fn used_up(&self) -> Option<u64> {
        let (value, limit) = (self.value?, self.limit?);
        let (part, whole) = if self.lower {
            (limit, value)
        } else {
            (value, limit)
        };
        match whole {
            0 if part == 0 => Some(0),
            0 => None,
            _ => Some(share_of(part, whole)),
        }
    }
}

fn share_of(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1_000_000 / u128::from(whole)).unwrap_or(u64::MAX)
}

/// What a judge says, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The outcome of all checks together: a failure decides alone, then missing data, then an
    /// undecided comparison; it passes only when every check passes.
    pub outcome: Outcome,
    /// The index in `checks` of the one that decided; of the closest one on a pass.
    pub decided_by: u32,
    /// What each check saw.
    pub checks: Vec<CheckEvidence>,
}

impl Verdict {
    /// Puts the checks together: the first failing one decides; else the first without data;
    /// else the first undecided one; else the passing one that came closest to failing. Without
    /// checks there is nothing to go by.
    #[must_use]
    pub fn of(checks: Vec<CheckEvidence>) -> Self {
        let rank = |outcome: Outcome| match outcome {
            Outcome::Fail => 0,
            Outcome::NoData(_) => 1,
            Outcome::Inconclusive => 2,
            Outcome::Pass => 3,
        };
        let decided = checks.iter().enumerate().min_by_key(|(index, check)| {
            let nearness = check.nearness().unwrap_or(0);
            (rank(check.outcome), Reverse(nearness), *index)
        });
        let (decided_by, outcome) = match decided {
            Some((index, check)) => (index as u32, check.outcome),
            None => (0, Outcome::NoData(NoDataReason::Missing)),
        };
        Self {
            outcome,
            decided_by,
            checks,
        }
    }

    /// The check that decided.
    #[must_use]
    pub fn deciding(&self) -> Option<&CheckEvidence> {
        self.checks.get(self.decided_by as usize)
    }
}
