//! What a stage's judge is asked for.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::check::{Check, Limit, Signal};
use crate::health::repeated::NoDataRule;
use crate::health::sequential::{HostEffects, Onset};
use crate::ratio::Ppm;
use crate::time::Micros;

/// What a stage's judge is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgePolicy {
    /// The checks; all must pass.
    pub checks: Vec<Check>,
    /// How checks are decided.
    pub method: Method,
    /// What the candidate is compared with where a check asks for a comparison.
    pub control: Control,
    /// A candidate whose newest window ended longer ago than this has no data.
    pub stale_after: Micros,
}

/// What the candidate is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Every other instance of the service, at the same time.
    Others,
    /// A group of as many instances as have the candidate, set apart among the others: the same
    /// size and the same mix of requests, at the same time.
    Group,
    /// The service itself over this long before the rollout began. Whatever else has changed
    /// since then is taken for the change's doing.
    Before(Micros),
}

/// How checks are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All that was seen in the stage, against the limit, at every look.
    Threshold,
    /// A measurement every interval, limits on how many may fail.
    Repeated(Repetition),
    /// Mann–Whitney on the values of every scrape of both arms.
    Rank(RankMethod),
    /// Evidence that stays valid however often it is looked at.
    Sequential(SequentialMethod),
}

/// A measurement every interval; see [`RepeatedPolicy`](crate::health::RepeatedPolicy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repetition {
    /// The time between measurements; rounded up to the times at which the judge is asked.
    pub interval: Micros,
    /// The time that a measurement looks back over.
    pub window: Micros,
    /// The check fails when more measurements than this failed, ever; `None` does not count them.
    pub failure_limit: Option<u32>,
    /// It fails when more measurements than this failed one after the other.
    pub consecutive_failure_limit: Option<u32>,
    /// It has no data when more than this came one after the other without a value.
    pub consecutive_error_limit: u32,
    /// What a measurement without a value counts as.
    pub no_data: NoDataRule,
}

/// The rank test; see [`rank`](crate::health::rank).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankMethod {
    /// The confidence of a whole stage, in both directions together.
    pub confidence: Ppm,
    /// The fewest scrapes of an arm that decide anything.
    pub points_min: u32,
    /// Whether the traps of the judge in wide use are kept: every look has the whole level, and
    /// few points decide.
    pub compatible: bool,
}

/// The sequential judge; see [`sequential`](crate::health::sequential).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequentialMethod {
    /// The probability that a stage with a harmless candidate fails, over all checks and looks.
    pub alpha: Ppm,
    /// The probability of passing a candidate with the smallest effect that matters.
    pub miss: Ppm,
    /// The smallest multiple of the allowed bad requests that matters, in thousandths, where the
    /// limit is not a factor by itself.
    pub effect_milli: u32,
    /// When a change may begin to show.
    pub onset: Onset,
    /// Whether hosts of one version may differ.
    pub hosts: HostEffects,
}

/// Why a judge could not do what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// Without checks no verdict could ever let a stage pass.
    #[error("it has no checks, so no verdict could ever let it pass")]
    NoChecks,
    /// A probability is zero, or one.
    #[error("its probabilities must lie between 0 and 1")]
    Probability,
    /// More checks than the false-alarm budget can be split over.
    #[error("its false-alarm budget is too small for so many checks")]
    Budget,
    /// The smallest effect is none.
    #[error("the smallest effect that matters must lie above 1.05 and below 64")]
    Effect,
    /// Measurements have no rhythm, or look at nothing.
    #[error("measurements need an interval and a window above zero")]
    Rhythm,
    /// Nothing could ever fail it.
    #[error("none of its limits on failed measurements is set, so nothing could ever fail it")]
    NeverFails,
    /// The time before the rollout is none.
    #[error("the time before the rollout must be above zero")]
    NoTimeBefore,
    /// Hosts cannot be told apart in a stage.
    #[error("how far hosts differ must be given: windows do not tell hosts apart")]
    HostsUnseen,
    /// Nothing for a rank test to compare.
    #[error("a rank test compares with the control, and none of its checks does")]
    NothingToRank,
}

impl JudgePolicy {
    /// No checks yet: a threshold judge that compares with all other instances.
    #[must_use]
    pub const fn threshold(stale_after: Micros) -> Self {
        Self {
            checks: Vec::new(),
            method: Method::Threshold,
            control: Control::Others,
            stale_after,
        }
    }

    /// Checks what must hold of every policy.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), JudgeError> {
        if self.checks.is_empty() {
            return Err(JudgeError::NoChecks);
        }
        if self.control == Control::Before(Micros::ZERO) {
            return Err(JudgeError::NoTimeBefore);
        }
        let inside = |ratio: Ppm| ratio > Ppm::ZERO && ratio < Ppm::ONE;
        match self.method {
            Method::Threshold => Ok(()),
            Method::Repeated(repetition) => repetition.check(),
            Method::Rank(rank) if !inside(rank.confidence) => Err(JudgeError::Probability),
            Method::Rank(_) if !self.checks.iter().any(|check| check.limit.is_relative()) => {
                Err(JudgeError::NothingToRank)
            }
            Method::Rank(_) => Ok(()),
            Method::Sequential(method) => {
                if !inside(method.alpha) || !inside(method.miss) {
                    return Err(JudgeError::Probability);
                }
                if method.alpha_each(self.checks.len()) == Ppm::ZERO {
                    return Err(JudgeError::Budget);
                }
                if method.hosts == HostEffects::Estimated {
                    return Err(JudgeError::HostsUnseen);
                }
                let effects = self.checks.iter().map(|check| method.effect_of(check));
                let sound = |effect: u32| (1_050..64_000).contains(&effect);
                if effects.into_iter().all(sound) {
                    Ok(())
                } else {
                    Err(JudgeError::Effect)
                }
            }
        }
    }

    /// How long before the rollout the judge looks back.
    #[must_use]
    pub const fn looks_back(&self) -> Micros {
        match self.control {
            Control::Before(length) => length,
            Control::Others | Control::Group => Micros::ZERO,
        }
    }
}

impl Repetition {
    const fn check(&self) -> Result<(), JudgeError> {
        if self.interval.0 == 0 || self.window.0 == 0 {
            Err(JudgeError::Rhythm)
        } else if self.failure_limit.is_none() && self.consecutive_failure_limit.is_none() {
            Err(JudgeError::NeverFails)
        } else {
            Ok(())
        }
    }
}

impl SequentialMethod {
    /// Each check's equal part of the budget.
    pub(super) const fn alpha_each(&self, checks: usize) -> Ppm {
        match checks {
            0 => Ppm::ZERO,
            _ => Ppm(self.alpha.0 / checks as u32),
        }
    }

    /// The smallest multiple of bad requests that a check looks for, in thousandths.
    pub(super) const fn effect_of(&self, check: &Check) -> u32 {
        match (check.signal, check.limit) {
            (
                Signal::ErrorRatio { .. } | Signal::BusinessLoss { .. },
                Limit::AtMostControl { factor_ppm, .. },
            ) => (factor_ppm / 1_000) as u32,
            _ => self.effect_milli,
        }
    }
}
