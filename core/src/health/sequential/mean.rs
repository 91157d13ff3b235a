//! One mean of the sequential judge: samples of a bounded metric, and what they say.

use serde::{Deserialize, Serialize};

use crate::health::special::bisect;
use crate::health::{NoDataReason, Outcome};
use crate::time::Micros;

use super::betting::{MeanBank, Samples};
use super::evidence::Rule;
use super::policy::{PolicyError, SequentialPolicy};

/// Which way a metric goes when it gets worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worse {
    /// More is worse: latency, CPU.
    Higher,
    /// Less is worse: throughput, orders.
    Lower,
}

/// What is asked of one mean; all in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanPolicy {
    /// No sample is less. The closer both bounds are to what occurs, the faster the judge.
    pub low: f64,
    /// No sample is more.
    pub high: f64,
    /// Which way is worse.
    pub worse: Worse,
    /// The smallest difference of means that matters.
    pub effect: f64,
    /// A difference of means that is tolerable: hosts that differ, say.
    pub tolerable: f64,
}

impl MeanPolicy {
    /// Checks what must hold of every such policy.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), PolicyError> {
        let range = self.high - self.low;
        let sound = self.low < self.high && range.is_finite();
        if !sound {
            return Err(PolicyError::Bounds);
        }
        let tolerable = 0.0 <= self.tolerable && self.tolerable < self.effect;
        if !tolerable || self.effect.is_nan() || self.effect >= range {
            return Err(PolicyError::Difference);
        }
        Ok(())
    }

    /// A sample, scaled to lie between 0 and 1; `None` when it is not within the bounds.
    #[must_use]
    pub fn scale(&self, value: f64) -> Option<f64> {
        let inside = value >= self.low && value <= self.high;
        inside.then(|| ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }
}

/// One mean of both arms over one window, scaled by [`MeanPolicy::scale`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairedSamples {
    /// The candidate's.
    pub canary: Samples,
    /// The control's over the same time.
    pub control: Samples,
}

/// What one mean shows; in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanEvidence {
    /// What the mean says.
    pub outcome: Outcome,
    /// The rule that says so.
    pub rule: Rule,
    /// Samples of the candidate and of the control.
    pub samples: (u64, u64),
    /// Means of the candidate and of the control over all samples.
    pub means: (Option<f64>, Option<f64>),
    /// The candidate's mean less the control's, window by window, at all times at once but for
    /// the false-alarm budget.
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
    /// What would have changed the verdict; `None` when no mean within the bounds.
    #[serde(default)]
    pub turn: Option<MeanTurn>,
}

/// A mean of the candidate over one window that would have changed the verdict: over the window
/// that it failed in, and it had not failed then; or over the latest one, and it would fail.
///
/// All samples of the window are drawn towards one of the bounds by the same part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanTurn {
    /// The mean that was seen, in the metric's unit.
    pub seen: f64,
    /// The nearest mean that would have changed the verdict.
    pub needed: f64,
}

/// What has been seen of one mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MeanState {
    policy: MeanPolicy,
    bank: MeanBank,
    totals: PairedSamples,
    pending: Option<PairedSamples>,
    latest: Latest,
    failed: Option<(Micros, f64, Option<MeanTurn>)>,
}

/// The latest window, and the evidence before it.
#[derive(Clone, Debug, PartialEq)]
struct Latest {
    before: MeanBank,
    samples: PairedSamples,
    mass: f64,
}

impl MeanState {
    pub(super) fn new(policy: MeanPolicy, start: f64) -> Self {
        Self {
            policy,
            bank: MeanBank::new(start),
            totals: PairedSamples::default(),
            pending: None,
            latest: Latest {
                before: MeanBank::new(start),
                samples: PairedSamples::default(),
                mass: 0.0,
            },
            failed: None,
        }
    }

    /// Keeps samples until the window that they belong to is taken.
    pub(super) const fn await_window(&mut self, samples: PairedSamples) {
        self.pending = Some(samples);
    }

    pub(super) fn observe(&mut self, threshold: f64, mass: f64, at: Micros) {
        let samples = self.pending.take().unwrap_or_default();
        self.totals.canary.merge(samples.canary);
        self.totals.control.merge(samples.control);
        let before = self.bank.clone();
        self.bank = self.with(before.clone(), samples, mass);
        self.latest = Latest {
            before,
            samples,
            mass,
        };
        let ln_e = self.ln_e();
        if self.failed.is_none() && ln_e >= threshold {
            self.failed = Some((at, ln_e, self.turn(threshold)));
        }
    }

    /// A bank with the samples of one window more.
    fn with(&self, mut bank: MeanBank, samples: PairedSamples, mass: f64) -> MeanBank {
        let (canary, control) = match self.policy.worse {
            Worse::Higher => (samples.canary, samples.control),
            Worse::Lower => (samples.canary.mirrored(), samples.control.mirrored()),
        };
        let tolerable = self.policy.tolerable / self.range();
        bank.observe_pair(canary, control, tolerable, mass);
        bank
    }

    /// The nearest mean of the latest window with which it would not fail, or would.
    fn turn(&self, threshold: f64) -> Option<MeanTurn> {
        let Latest {
            before,
            samples,
            mass,
        } = &self.latest;
        let seen = samples.canary.mean()?;
        let fails_now = self.ln_e() >= threshold;
        let up = (self.policy.worse == Worse::Higher) != fails_now;
        let drawn = |part: f64| PairedSamples {
            canary: samples.canary.drawn(part, up),
            control: samples.control,
        };
        let turns = |part: f64| {
            let bank = self.with(before.clone(), drawn(part), *mass);
            (libm::log(bank.e()) >= threshold) != fails_now
        };
        if !turns(1.0) {
            return None;
        }
        let sign = |part: f64| if turns(part) { 1.0 } else { -1.0 };
        let part = bisect(0.0, 1.0, sign);
        let needed = drawn(part).canary.mean()?;
        let value = |mean: f64| self.policy.low + mean * self.range();
        Some(MeanTurn {
            seen: value(seen),
            needed: value(needed),
        })
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    pub(super) fn ln_e(&self) -> f64 {
        libm::log(self.bank.e())
    }

    pub(super) fn evidence(
        &self,
        policy: &SequentialPolicy,
        fail_threshold: f64,
        baked: bool,
    ) -> MeanEvidence {
        let ln_e_pass = self.bank.ln_e_below(self.policy.effect / self.range());
        let pass_threshold = policy.pass_threshold();
        let seen = self.totals.canary.count > 0 && self.totals.control.count > 0;
        let (outcome, rule) = if self.failed.is_some() {
            (Outcome::Fail, Rule::Worse)
        } else if !seen {
            (Outcome::NoData(NoDataReason::TooLittle), Rule::NothingSeen)
        } else if !baked || ln_e_pass < pass_threshold {
            (Outcome::Inconclusive, Rule::Undecided)
        } else {
            (Outcome::Pass, Rule::EffectExcluded)
        };
        let mean = |samples: Samples| samples.mean().map(|m| self.policy.low + m * self.range());
        MeanEvidence {
            outcome,
            rule,
            samples: (self.totals.canary.count, self.totals.control.count),
            means: (mean(self.totals.canary), mean(self.totals.control)),
            // Either side may err: each has half of the budget.
            interval: self.interval(fail_threshold + core::f64::consts::LN_2),
            ln_e: self.failed.map_or_else(|| self.ln_e(), |(_, ln_e, _)| ln_e),
            fail_threshold,
            ln_e_pass,
            pass_threshold,
            failed_at: self.failed.map(|(at, _, _)| at),
            turn: match self.failed {
                Some((_, _, turn)) => turn,
                None => self.turn(fail_threshold),
            },
        }
    }

    fn interval(&self, threshold: f64) -> Option<(f64, f64)> {
        let (low, high) = self.bank.interval(threshold)?;
        let (low, high) = (low * self.range(), high * self.range());
        Some(match self.policy.worse {
            Worse::Higher => (low, high),
            Worse::Lower => (-high, -low),
        })
    }

    fn range(&self) -> f64 {
        self.policy.high - self.policy.low
    }
}
