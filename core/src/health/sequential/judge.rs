//! The sequential judge: windows of paired counts in, a verdict at any moment out.
//!
//! Invariants: a refused window changes nothing; a failure stays; an update allocates nothing.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::{NoDataReason, Outcome};
use crate::time::Micros;

use super::evidence::{SequentialVerdict, SignalEvidence};
use super::mean::{MeanEvidence, MeanPolicy, MeanState, PairedSamples};
use super::policy::{Baseline, PolicyError, SequentialPolicy};
use super::signal::SignalState;

/// Requests of one arm and the bad ones among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmCounts {
    /// Requests.
    pub requests: u64,
    /// Bad ones: errors, or requests slower than a line; at most `requests`.
    pub errors: u64,
}

impl ArmCounts {
    /// The counts since an earlier reading of the same cumulative counters.
    ///
    /// # Errors
    /// When a counter went down: it was reset, and what came in between is not known.
    pub const fn since(self, earlier: Self) -> Result<Self, SampleError> {
        match (
            self.requests.checked_sub(earlier.requests),
            self.errors.checked_sub(earlier.errors),
        ) {
            (Some(requests), Some(errors)) => Ok(Self { requests, errors }),
            (None, _) | (_, None) => Err(SampleError::CounterWentDown),
        }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
    }
}

/// One signal of both arms over one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedCounts {
    /// The candidate's.
    pub canary: ArmCounts,
    /// The control's over the same time; not looked at against a known rate.
    pub control: ArmCounts,
}

/// One window: every signal, both arms, the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairedWindow<'a> {
    /// The first moment covered.
    pub start: Micros,
    /// The first moment not covered.
    pub end: Micros,
    /// The signals, in the same order every time.
    pub signals: &'a [PairedCounts],
}

/// Why a window was not taken. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// The window ends before it starts, or covers nothing.
    #[error("the window covers no time")]
    Empty,
    /// The window covers time that was already judged: it is late, repeated, or a clock went back.
    #[error("the window starts before {judged_until}, up to which everything was judged")]
    AlreadyJudged {
        /// Up to when everything was judged.
        judged_until: Micros,
    },
    /// More errors than requests.
    #[error("signal {signal} has more errors than requests")]
    ErrorsAboveRequests {
        /// The signal's index.
        signal: u32,
    },
    /// Another number of signals than the judge was made for.
    #[error("the window has {found} signals, expected {expected}")]
    Signals {
        /// How many came.
        found: u32,
        /// How many were to come.
        expected: u32,
    },
    /// Samples that values within the bounds cannot add up to.
    #[error("mean {mean} has samples outside its bounds")]
    Samples {
        /// The mean's index.
        mean: u32,
    },
    /// A cumulative counter went down.
    #[error("a counter went down: it was reset")]
    CounterWentDown,
}

/// Judges a candidate after every window, at a false-alarm budget for the whole bake.
#[derive(Clone, Debug, PartialEq)]
pub struct SequentialJudge {
    policy: SequentialPolicy,
    signals: Vec<SignalState>,
    means: Vec<MeanState>,
    started: Option<Micros>,
    judged_until: Option<Micros>,
    /// The evidence at which a signal fails, as a logarithm and as it is.
    fail_threshold: f64,
    fail_e: f64,
    /// Parts of the fleet that windows cover one by one.
    parts: u32,
}

impl SequentialJudge {
    /// A judge of so many signals that has seen nothing.
    ///
    /// # Errors
    /// When the policy asks for nonsense.
    pub fn new(policy: SequentialPolicy, signals: usize) -> Result<Self, PolicyError> {
        Self::in_parts(policy, signals, 1)
    }

    /// A judge to which each of so many parts of the fleet (regions) brings windows of its own,
    /// by [`SequentialJudge::observe_part`].
    ///
    /// # Errors
    /// When the policy asks for nonsense.
    pub fn in_parts(
        policy: SequentialPolicy,
        signals: usize,
        parts: u32,
    ) -> Result<Self, PolicyError> {
        policy.check(signals)?;
        let whole = Self::build(policy, (0..signals).map(|_| policy).collect(), &[])?;
        Ok(Self {
            parts: parts.max(1),
            ..whole
        })
    }

    /// A judge of signals that each have their smallest effect, in thousandths, and of means,
    /// all on one budget.
    ///
    /// # Errors
    /// When the policy, an effect or a mean's policy asks for nonsense.
    pub fn with_means(
        policy: SequentialPolicy,
        effects_milli: &[u32],
        means: &[MeanPolicy],
    ) -> Result<Self, PolicyError> {
        policy.check(effects_milli.len() + means.len())?;
        if !means.is_empty() && policy.baseline != Baseline::Control {
            return Err(PolicyError::MeansWithoutControl);
        }
        means.iter().try_for_each(MeanPolicy::check)?;
        let of = |effect_min_milli: &u32| SequentialPolicy {
            effect_min_milli: *effect_min_milli,
            ..policy
        };
        Self::build(policy, effects_milli.iter().map(of).collect(), means)
    }

    fn build(
        policy: SequentialPolicy,
        signals: Vec<SequentialPolicy>,
        means: &[MeanPolicy],
    ) -> Result<Self, PolicyError> {
        signals.iter().try_for_each(|signal| signal.check(1))?;
        let fail_threshold = policy.fail_threshold(signals.len() + means.len());
        let start = policy.onset.start();
        let mean = |mean: &MeanPolicy| MeanState::new(*mean, start);
        Ok(Self {
            policy,
            signals: signals.into_iter().map(SignalState::new).collect(),
            means: means.iter().map(mean).collect(),
            started: None,
            judged_until: None,
            fail_threshold,
            fail_e: libm::exp(fail_threshold),
            parts: 1,
        })
    }

    /// Takes one window.
    ///
    /// # Errors
    /// When the window cannot be true or was already judged.
    pub fn observe(&mut self, window: &PairedWindow<'_>) -> Result<(), SampleError> {
        self.check_order(window)?;
        self.observe_part(window)
    }

    /// Takes one window of one part of the fleet. Parts come in any order, late ones too: each
    /// is compared within itself, and evidence multiplies whatever came first. The caller sees to
    /// it that none is given twice.
    ///
    /// # Errors
    /// When the window cannot be true.
    pub fn observe_part(&mut self, window: &PairedWindow<'_>) -> Result<(), SampleError> {
        self.check(window)?;
        self.started = Some(self.started.unwrap_or(window.start).min(window.start));
        self.judged_until = self.judged_until.max(Some(window.end));
        let mass = self.policy.mass(window.end - window.start) / f64::from(self.parts);
        for (state, counts) in self.signals.iter_mut().zip(window.signals) {
            state.observe(counts, mass);
            if state.may_fail(counts) && state.e() >= self.fail_e {
                state.try_to_fail(self.fail_threshold, window.end);
            }
        }
        for mean in &mut self.means {
            mean.observe(self.fail_threshold, mass, window.end);
        }
        Ok(())
    }

    /// Takes the samples of every mean over the latest window.
    ///
    /// Call it before [`SequentialJudge::observe`] of the same window.
    ///
    /// # Errors
    /// When there is another number of means, or samples that values within the bounds cannot
    /// add up to; nothing has changed then.
    pub fn observe_means(&mut self, samples: &[PairedSamples]) -> Result<(), SampleError> {
        if samples.len() != self.means.len() {
            return Err(SampleError::Signals {
                found: samples.len() as u32,
                expected: self.means.len() as u32,
            });
        }
        let untrue =
            |pair: &PairedSamples| !pair.canary.is_possible() || !pair.control.is_possible();
        if let Some(mean) = samples.iter().position(untrue) {
            return Err(SampleError::Samples { mean: mean as u32 });
        }
        for (state, samples) in self.means.iter_mut().zip(samples) {
            state.await_window(*samples);
        }
        Ok(())
    }

    /// Takes one signal's counts host by host over the latest window, for
    /// [`HostEffects::Estimated`]: each arm's hosts, in the same order every time.
    ///
    /// Call it before [`SequentialJudge::observe`] of the same window.
    ///
    /// [`HostEffects::Estimated`]: super::HostEffects::Estimated
    pub fn observe_hosts(&mut self, signal: usize, canary: &[ArmCounts], control: &[ArmCounts]) {
        if let Some(state) = self.signals.get_mut(signal) {
            state.observe_hosts(canary, control);
        }
    }

    /// Says how many hosts each arm has, for [`HostEffects::AtMost`].
    ///
    /// [`HostEffects::AtMost`]: super::HostEffects::AtMost
    pub fn hosts_are(&mut self, signal: usize, canary: u32, control: u32) {
        if let Some(state) = self.signals.get_mut(signal) {
            state.hosts_are(canary, control);
        }
    }

    /// Whether a signal has failed; a failure stays.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.signals.iter().any(SignalState::has_failed)
            || self.means.iter().any(MeanState::has_failed)
    }

    /// The evidence at which a signal fails, as a natural logarithm.
    #[must_use]
    pub const fn fail_threshold(&self) -> f64 {
        self.fail_threshold
    }

    /// The evidence that a signal is worse, as a natural logarithm, before hosts that differ are
    /// allowed for: for charts.
    #[must_use]
    pub fn ln_e(&self, signal: usize) -> Option<f64> {
        self.signals.get(signal).map(SignalState::ln_e)
    }

    /// The evidence that a mean is worse, as a natural logarithm: for charts.
    #[must_use]
    pub fn mean_ln_e(&self, mean: usize) -> Option<f64> {
        self.means.get(mean).map(MeanState::ln_e)
    }

    /// The verdict at `now`, with the evidence of every signal.
    #[must_use]
    pub fn verdict(&self, now: Micros) -> SequentialVerdict {
        let missing = match self.judged_until {
            None => Some(NoDataReason::Missing),
            Some(end) if end + self.policy.stale_after < now => Some(NoDataReason::Stale),
            Some(_) => None,
        };
        let baked = match (self.started, self.judged_until) {
            (Some(start), Some(end)) => end >= start + self.policy.bake,
            (None, _) | (_, None) => false,
        };
        let judged = |outcome: Outcome| match (missing, outcome) {
            (_, Outcome::Fail) | (None, _) => outcome,
            (Some(reason), _) => Outcome::NoData(reason),
        };
        let evidence = |state: &SignalState| -> SignalEvidence {
            let evidence = state.evidence(self.fail_threshold, baked);
            SignalEvidence {
                outcome: judged(evidence.outcome),
                ..evidence
            }
        };
        let mean_evidence = |state: &MeanState| -> MeanEvidence {
            let evidence = state.evidence(&self.policy, self.fail_threshold, baked);
            MeanEvidence {
                outcome: judged(evidence.outcome),
                ..evidence
            }
        };
        SequentialVerdict::of(
            self.signals.iter().map(evidence).collect(),
            self.means.iter().map(mean_evidence).collect(),
        )
    }

    fn check_order(&self, window: &PairedWindow<'_>) -> Result<(), SampleError> {
        match self.judged_until {
            Some(judged_until) if window.start < judged_until => {
                Err(SampleError::AlreadyJudged { judged_until })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check(&self, window: &PairedWindow<'_>) -> Result<(), SampleError> {
        if window.start >= window.end {
            return Err(SampleError::Empty);
        }
        if window.signals.len() != self.signals.len() {
            return Err(SampleError::Signals {
                found: window.signals.len() as u32,
                expected: self.signals.len() as u32,
            });
        }
        let untrue = |counts: ArmCounts| counts.errors > counts.requests;
        let found = window
            .signals
            .iter()
            .position(|counts| untrue(counts.canary) || untrue(counts.control));
        match found {
            Some(signal) => Err(SampleError::ErrorsAboveRequests {
                signal: signal as u32,
            }),
            None => Ok(()),
        }
    }
}
