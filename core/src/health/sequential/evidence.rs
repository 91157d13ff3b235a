//! A sequential verdict and what it rests on.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::Outcome;
use crate::time::Micros;

use super::judge::ArmCounts;

/// Which rule decided a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The evidence that the candidate is worse reached its threshold.
    Worse,
    /// The smallest effect that matters is excluded, and the bake is over.
    EffectExcluded,
    /// The error ratio is below what is tolerable in any case, and the bake is over.
    Tolerable,
    /// Nothing is decided yet.
    Undecided,
    /// There is nothing to decide by.
    NothingSeen,
}

/// What would have changed a signal's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// So many errors fewer would not have failed.
    ErrorsFewer(u64),
    /// So many more errors at once would fail.
    ErrorsMore(u64),
    /// About so many more requests of the candidate at the present rates would let it pass, once
    /// the bake is over.
    RequestsToPass(u64),
    /// Only time: the bake is not over.
    Bake,
    /// Nothing that can be told.
    Nothing,
}

/// What one signal shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalEvidence {
    /// What the signal says.
    pub outcome: Outcome,
    /// The rule that says so.
    pub rule: Rule,
    /// The candidate's counts.
    pub canary: ArmCounts,
    /// The control's counts; against a known rate, none.
    pub control: ArmCounts,
    /// The candidate's errors as a multiple of what they should be.
    pub ratio: Option<f64>,
    /// An interval that holds the ratio, at all times at once, but for the false-alarm budget.
    pub interval: Option<(f64, f64)>,
    /// The evidence that the candidate is worse, as a natural logarithm; the highest so far once
    /// it has failed.
    pub ln_e: f64,
    /// The evidence at which it fails.
    pub fail_threshold: f64,
    /// The evidence that the smallest effect that matters is absent, as a natural logarithm.
    pub ln_e_pass: f64,
    /// The evidence at which it may pass.
    pub pass_threshold: f64,
    /// When it failed.
    pub failed_at: Option<Micros>,
    /// What would have changed the verdict.
    pub turn: Turn,
}

/// What a sequential judge says, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequentialVerdict {
    /// All signals together: a failure decides alone, then missing data, then an undecided
    /// signal; it passes only when every signal passes.
    pub outcome: Outcome,
    /// The index of the signal that decided: the first to fail, or the one furthest from passing.
    pub decided_by: u32,
    /// What each signal shows.
    pub signals: Vec<SignalEvidence>,
}

impl SequentialVerdict {
    /// Puts the signals' verdicts together.
    pub(super) fn of(signals: Vec<SignalEvidence>) -> Self {
        let rank = |outcome: Outcome| match outcome {
            Outcome::Fail => 0,
            Outcome::NoData(_) => 1,
            Outcome::Inconclusive => 2,
            Outcome::Pass => 3,
        };
        let key = |signal: &SignalEvidence| (rank(signal.outcome), signal.failed_at);
        let mut decided_by = 0;
        for (index, signal) in signals.iter().enumerate() {
            let best = &signals[decided_by];
            let weaker = signal.ln_e_pass < best.ln_e_pass;
            if key(signal) < key(best) || key(signal) == key(best) && weaker {
                decided_by = index;
            }
        }
        Self {
            outcome: signals[decided_by].outcome,
            decided_by: decided_by as u32,
            signals,
        }
    }

    /// The signal that decided.
    #[must_use]
    pub fn deciding(&self) -> Option<&SignalEvidence> {
        self.signals.get(self.decided_by as usize)
    }
}
