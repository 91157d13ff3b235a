//! A sequential verdict and what it rests on.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::{NoDataReason, Outcome};
use crate::time::Micros;

use super::judge::ArmCounts;
use super::mean::MeanEvidence;

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
///
/// Errors are those of the latest window (of a failure: of the one that it failed in), and their
/// numbers are exact: with one less, the verdict stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// So many errors fewer would not have failed it then. It may have failed later.
    ErrorsFewer(u64),
    /// So many more errors would fail it.
    ErrorsMore(u64),
    /// So many more errors of the control would not have failed it then.
    ControlErrorsMore(u64),
    /// So many errors of the control fewer would fail it.
    ControlErrorsFewer(u64),
    /// About so many more requests of the candidate at the present rates would let it pass, once
    /// the bake is over.
    RequestsToPass(u64),
    /// Only time: the bake is not over.
    Bake,
    /// Nothing that one window can hold.
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
    /// What errors of the control would have changed it: where fewer events are worse, the arms
    /// are exchanged, and these are the candidate's.
    pub control_turn: Turn,
}

/// What a sequential judge says, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequentialVerdict {
    /// All signals together: a failure decides alone, then missing data, then an undecided
    /// signal; it passes only when every signal passes.
    pub outcome: Outcome,
    /// The index of the signal that decided: the first to fail, or the one furthest from passing;
    /// means are counted after the signals.
    pub decided_by: u32,
    /// What each signal shows.
    pub signals: Vec<SignalEvidence>,
    /// What each mean shows.
    #[serde(default)]
    pub means: Vec<MeanEvidence>,
}

/// What one signal or mean has to say about the verdict of all.
#[derive(Clone, Copy)]
struct Bearing {
    outcome: Outcome,
    failed_at: Option<Micros>,
    ln_e_pass: f64,
}

impl Bearing {
    fn decides_before(&self, best: &Self) -> bool {
        let rank = |outcome: Outcome| match outcome {
            Outcome::Fail => 0,
            Outcome::NoData(_) => 1,
            Outcome::Inconclusive => 2,
            Outcome::Pass => 3,
        };
        let key = |bearing: &Self| (rank(bearing.outcome), bearing.failed_at);
        key(self) < key(best) || key(self) == key(best) && self.ln_e_pass < best.ln_e_pass
    }
}

impl SequentialVerdict {
    /// Puts the signals' verdicts together.
    pub(super) fn of(signals: Vec<SignalEvidence>, means: Vec<MeanEvidence>) -> Self {
        let of_signal = |signal: &SignalEvidence| Bearing {
            outcome: signal.outcome,
            failed_at: signal.failed_at,
            ln_e_pass: signal.ln_e_pass,
        };
        let of_mean = |mean: &MeanEvidence| Bearing {
            outcome: mean.outcome,
            failed_at: mean.failed_at,
            ln_e_pass: mean.ln_e_pass,
        };
        let all = signals
            .iter()
            .map(of_signal)
            .chain(means.iter().map(of_mean));
        let mut decided = (0, None::<Bearing>);
        for (index, bearing) in all.enumerate() {
            if decided.1.is_none_or(|best| bearing.decides_before(&best)) {
                decided = (index as u32, Some(bearing));
            }
        }
        let nothing = Outcome::NoData(NoDataReason::Missing);
        Self {
            outcome: decided.1.map_or(nothing, |bearing| bearing.outcome),
            decided_by: decided.0,
            signals,
            means,
        }
    }

    /// The signal that decided; `None` when a mean did.
    #[must_use]
    pub fn deciding(&self) -> Option<&SignalEvidence> {
        self.signals.get(self.decided_by as usize)
    }
}
