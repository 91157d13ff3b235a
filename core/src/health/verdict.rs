//! A verdict and the evidence it rests on.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::check::Signal;

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
    /// The candidate's sample.
    pub sample: u64,
    /// The smallest sample that decides anything.
    pub sample_min: u64,
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
    /// The check that decided.
    #[must_use]
    pub fn deciding(&self) -> Option<&CheckEvidence> {
        self.checks.get(self.decided_by as usize)
    }
}
