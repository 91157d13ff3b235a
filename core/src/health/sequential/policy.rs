//! What a sequential judge is asked for.

use serde::{Deserialize, Serialize};

use crate::ratio::Ppm;
use crate::time::Micros;

/// What the candidate is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// A control that serves the same demand at the same time.
    Control,
    /// A rate that is known and trusted: about three times as fast as an equal control, and wrong
    /// whenever the rate moves.
    Known(Ppm),
}

/// When a change may begin to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Onset {
    /// With the first sample, or never.
    Start,
    /// At any moment of the bake, all equally likely.
    AnyTime,
    /// Half of the budget for each.
    Either,
}

impl Onset {
    /// The part of the budget for a change before the first sample.
    #[must_use]
    pub const fn start(self) -> f64 {
        match self {
            Self::Start => 1.0,
            Self::AnyTime => 0.002,
            Self::Either => 0.5,
        }
    }
}

/// Whether hosts of one version may differ from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostEffects {
    /// They do not: errors fall on requests by chance alone.
    None,
    /// They do, by at most this squared coefficient of variation of their error rates.
    AtMost(Ppm),
    /// They do, as far as the control group's hosts show.
    Estimated,
}

/// What a sequential judge is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequentialPolicy {
    /// The probability of a false alarm over a whole bake, all signals together.
    pub alpha: Ppm,
    /// The probability of passing a candidate with the smallest effect that matters.
    pub miss: Ppm,
    /// The smallest effect that matters: a multiple of the control's errors, in thousandths.
    pub effect_min_milli: u32,
    /// What the candidate is compared with.
    pub baseline: Baseline,
    /// When a change may begin to show.
    pub onset: Onset,
    /// Whether hosts of one version may differ.
    pub hosts: HostEffects,
    /// How long the candidate is watched before it may pass.
    pub bake: Micros,
    /// A newest window that ended longer ago than this is no data.
    pub stale_after: Micros,
    /// An error ratio that is tolerable whatever the control shows: below it nothing fails.
    pub tolerable: Ppm,
}

/// Why a policy asks for nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A probability is zero, or one, or more.
    #[error("a probability must lie between 0 and 1")]
    Probability,
    /// The smallest effect is none.
    #[error("the smallest effect must lie above 1 and below 64")]
    Effect,
    /// A known rate that is none.
    #[error("a known error rate must lie between 0 and 1")]
    Rate,
    /// A metric whose bounds hold nothing.
    #[error("the lower bound must lie below the upper one")]
    Bounds,
    /// A difference of means that cannot be.
    #[error("the effect must lie above what is tolerable and within the bounds")]
    Difference,
    /// Means are told from the control's.
    #[error("means need a control to compare with")]
    MeansWithoutControl,
    /// Effects for another number of signals.
    #[error("every signal needs an effect")]
    Effects,
    /// No time to watch.
    #[error("the bake must take time")]
    Bake,
    /// Hosts that differ are told from the control's.
    #[error("host effects need a control to compare with")]
    HostsWithoutControl,
    /// No signals, or more than a budget can be split over.
    #[error("between 1 and 1000 signals can be judged")]
    Signals,
}

/// The largest effect of the prior: beyond it, everything is caught within a few errors.
pub(super) const EFFECT_MAX: f64 = 64.0;
/// The most signals that share one budget.
const SIGNALS_MAX: usize = 1_000;

impl SequentialPolicy {
    /// Checks what must hold of every policy.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self, signals: usize) -> Result<(), PolicyError> {
        let inside = |ratio: Ppm| ratio > Ppm::ZERO && ratio < Ppm::ONE;
        if !inside(self.alpha) || !inside(self.miss) {
            return Err(PolicyError::Probability);
        }
        if self.effect_min_milli <= 1_000 || self.effect_min() >= EFFECT_MAX {
            return Err(PolicyError::Effect);
        }
        if let Baseline::Known(rate) = self.baseline
            && !inside(rate)
        {
            return Err(PolicyError::Rate);
        }
        if self.hosts != HostEffects::None && self.baseline != Baseline::Control {
            return Err(PolicyError::HostsWithoutControl);
        }
        if self.bake == Micros::ZERO {
            return Err(PolicyError::Bake);
        }
        if signals == 0 || signals > SIGNALS_MAX {
            return Err(PolicyError::Signals);
        }
        Ok(())
    }

    /// The part of the budget that a window of this length spends on a change at its end.
    pub(super) fn mass(&self, length: Micros) -> f64 {
        (1.0 - self.onset.start()) * length.as_secs_f64() / self.bake.as_secs_f64()
    }

    /// The smallest effect that matters, as a ratio.
    #[must_use]
    pub fn effect_min(&self) -> f64 {
        f64::from(self.effect_min_milli) / 1e3
    }

    /// The evidence, as a logarithm, at which one of `signals` fails: each has an equal part of
    /// the budget, which costs `ln m` and nothing more.
    #[must_use]
    pub fn fail_threshold(&self, signals: usize) -> f64 {
        libm::log(signals as f64) - libm::log(self.alpha.as_f64())
    }

    /// The evidence, as a logarithm, at which a signal may pass. All must pass, so no budget is
    /// split.
    #[must_use]
    pub fn pass_threshold(&self) -> f64 {
        -libm::log(self.miss.as_f64())
    }
}
