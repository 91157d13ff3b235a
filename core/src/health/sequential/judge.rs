//! The sequential judge: windows of paired counts in, a verdict at any moment out.
//!
//! Invariants: a refused window changes nothing; a failure stays; an update allocates nothing.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::{NoDataReason, Outcome};
use crate::time::Micros;

use super::evidence::{SequentialVerdict, SignalEvidence};
use super::policy::{PolicyError, SequentialPolicy};
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
    /// A cumulative counter went down.
    #[error("a counter went down: it was reset")]
    CounterWentDown,
}

/// Judges a candidate after every window, at a false-alarm budget for the whole bake.
#[derive(Clone, Debug, PartialEq)]
pub struct SequentialJudge {
    policy: SequentialPolicy,
    signals: Vec<SignalState>,
    started: Option<Micros>,
    judged_until: Option<Micros>,
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
        Ok(Self {
            policy,
            signals: (0..signals).map(|_| SignalState::new(&policy)).collect(),
            started: None,
            judged_until: None,
            fail_e: libm::exp(policy.fail_threshold(signals)),
            parts: parts.max(1),
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
        let length = window.end - window.start;
        let mass = (1.0 - self.policy.onset.start()) * length.as_secs_f64()
            / self.policy.bake.as_secs_f64()
            / f64::from(self.parts);
        let count = self.signals.len();
        for (state, counts) in self.signals.iter_mut().zip(window.signals) {
            state.observe(&self.policy, counts, mass);
            if state.may_fail(counts) && state.e() >= self.fail_e {
                state.try_to_fail(&self.policy, count, window.end);
            }
        }
        Ok(())
    }

    /// Takes one signal's counts host by host over the latest window, for
    /// [`HostEffects::Estimated`]: the control's hosts, in the same order every time, and the
    /// number of the candidate's.
    ///
    /// Call it before [`SequentialJudge::observe`] of the same window.
    ///
    /// [`HostEffects::Estimated`]: super::HostEffects::Estimated
    pub fn observe_hosts(&mut self, signal: usize, control: &[ArmCounts], canary_hosts: u32) {
        if let Some(state) = self.signals.get_mut(signal) {
            state.observe_hosts(control, canary_hosts);
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
    }

    /// The evidence at which a signal fails, as a natural logarithm.
    #[must_use]
    pub fn fail_threshold(&self) -> f64 {
        self.policy.fail_threshold(self.signals.len())
    }

    /// The evidence that a signal is worse, as a natural logarithm, before hosts that differ are
    /// allowed for: for charts.
    #[must_use]
    pub fn ln_e(&self, signal: usize) -> Option<f64> {
        self.signals.get(signal).map(|state| libm::log(state.e()))
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
        let count = self.signals.len();
        let evidence = |state: &SignalState| -> SignalEvidence {
            let mut evidence = state.evidence(&self.policy, count, baked);
            if let Some(reason) = missing
                && evidence.outcome != Outcome::Fail
            {
                evidence.outcome = Outcome::NoData(reason);
            }
            evidence
        };
        SequentialVerdict::of(self.signals.iter().map(evidence).collect())
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
