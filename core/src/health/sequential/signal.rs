//! One signal of the sequential judge: its counts, its evidence, and what they say.

use alloc::boxed::Box;

use crate::time::Micros;

use super::bank::EffectBank;
use super::hosts::{HostModel, HostSpread};
use super::judge::{ArmCounts, PairedCounts};
use super::policy::{Baseline, EFFECT_MAX, HostEffects, SequentialPolicy};

/// Errors that are tried when looking for what would have changed a verdict.
pub(super) const TURN_ERRORS_MAX: i64 = 100_000;

/// What has been seen of one signal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SignalState {
    /// The judge's, with this signal's smallest effect.
    pub(super) policy: SequentialPolicy,
    pub(super) bank: EffectBank,
    pub(super) canary: ArmCounts,
    pub(super) control: ArmCounts,
    /// The smallest and the largest share of the requests that the candidate had in a window.
    pub(super) share: (f64, f64),
    spread: Option<Box<HostSpread>>,
    canary_hosts: u32,
    control_hosts: u32,
    /// Errors of both arms as the bank was told of them: deflated for clumping at the time.
    told: (u64, u64),
    /// Fractions of errors left over when counts are deflated for clumping.
    carry: (f64, f64),
    /// When it failed, on what evidence.
    pub(super) failed: Option<(Micros, f64, u64)>,
}

impl SignalState {
    pub(super) fn new(policy: SequentialPolicy) -> Self {
        Self {
            policy,
            bank: EffectBank::new(policy.effect_min(), EFFECT_MAX, policy.onset.start()),
            canary: ArmCounts::default(),
            control: ArmCounts::default(),
            share: (1.0, 0.0),
            spread: None,
            canary_hosts: 0,
            control_hosts: 0,
            told: (0, 0),
            carry: (0.0, 0.0),
            failed: None,
        }
    }

    pub(super) fn observe(&mut self, counts: &PairedCounts, mass: f64) {
        self.canary.add(counts.canary);
        let (errors, control_errors) = self.deflate(counts);
        self.told.0 += errors;
        self.told.1 += control_errors;
        match self.policy.baseline {
            Baseline::Known(rate) => {
                let expected = counts.canary.requests as f64 * rate.as_f64() / self.clump();
                self.bank.observe_rate(errors, expected, mass);
            }
            Baseline::Control => {
                self.control.add(counts.control);
                let total = counts.canary.requests + counts.control.requests;
                let share = counts.canary.requests as f64 / total.max(1) as f64;
                if share > 0.0 && share < 1.0 {
                    self.share = (self.share.0.min(share), self.share.1.max(share));
                }
                self.bank.observe_pair(errors, control_errors, share, mass);
            }
        }
    }

    pub(super) fn observe_hosts(&mut self, control: &[ArmCounts], canary_hosts: u32) {
        self.spread.get_or_insert_default().observe(control);
        self.canary_hosts = canary_hosts;
    }

    pub(super) const fn hosts_are(&mut self, canary: u32, control: u32) {
        self.canary_hosts = canary;
        self.control_hosts = control;
    }

    pub(super) fn clump(&self) -> f64 {
        self.spread.as_ref().map_or(1.0, |spread| spread.clump())
    }

    /// Errors that come in clumps count as fewer; what is left over waits for the next window.
    fn deflate(&mut self, counts: &PairedCounts) -> (u64, u64) {
        let raw = (counts.canary.errors, counts.control.errors);
        if self.spread.is_none() {
            return raw;
        }
        let clump = self.clump();
        let whole = |carry: &mut f64, errors: u64| {
            *carry += errors as f64 / clump;
            let whole = libm::floor(*carry);
            *carry -= whole;
            whole as u64
        };
        (
            whole(&mut self.carry.0, raw.0),
            whole(&mut self.carry.1, raw.1),
        )
    }

    /// Whether a window can have raised the evidence: only the candidate's errors do.
    pub(super) const fn may_fail(&self, counts: &PairedCounts) -> bool {
        counts.canary.errors > 0 && self.failed.is_none()
    }

    pub(super) fn e(&self) -> f64 {
        self.bank.e()
    }

    /// The same as a logarithm, which is finite where the evidence is not.
    pub(super) fn ln_e(&self) -> f64 {
        self.bank.ln_e()
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Fails when the evidence stands after everything that could excuse it.
    pub(super) fn try_to_fail(&mut self, threshold: f64, at: Micros) {
        let tolerable = self.policy.tolerable.as_f64();
        let tolerated = self.canary.errors as f64 <= tolerable * self.canary.requests as f64;
        let model = self.host_model();
        let ln_e = self.bank.ln_e() - self.excuse(model.as_ref(), 1.0, 0);
        if !tolerated && ln_e >= threshold {
            let fewer = self.errors_fewer(model.as_ref(), threshold);
            self.failed = Some((at, ln_e, fewer));
        }
    }

    /// What hosts that differ can excuse; `None` when they are said not to.
    pub(super) fn host_model(&self) -> Option<HostModel> {
        let spread = self.spread.as_deref();
        let canary_hosts = f64::from(self.canary_hosts.max(1));
        match self.policy.hosts {
            HostEffects::None => None,
            HostEffects::AtMost(variation) => {
                let known = f64::from(self.control_hosts.max(1));
                let control_hosts = spread.map_or(known, HostSpread::hosts).max(1.0);
                let hosts = (canary_hosts, control_hosts);
                Some(HostModel::at_most(variation.as_f64(), hosts))
            }
            HostEffects::Estimated => Some(HostModel::seen(spread, canary_hosts)),
        }
    }

    /// What hosts that differ explain, when the candidate has `effect` times the errors, and
    /// `more` errors than it has.
    pub(super) fn excuse(&self, model: Option<&HostModel>, effect: f64, more: i64) -> f64 {
        let odds = effect * self.pooled_share() / (1.0 - self.pooled_share());
        let (errors, control_errors) = self.effective(more);
        model.map_or(0.0, |model| {
            model.excuse(errors, control_errors, odds / (1.0 + odds))
        })
    }

    /// Errors of both arms as the bank was told of them, with `more` of the candidate's.
    pub(super) fn effective(&self, more: i64) -> (f64, f64) {
        let errors = (self.told.0 as f64 + more as f64).max(0.0);
        (errors, self.told.1 as f64)
    }

    pub(super) fn pooled_share(&self) -> f64 {
        let total = self.canary.requests + self.control.requests;
        self.canary.requests as f64 / total.max(1) as f64
    }

    fn errors_fewer(&self, model: Option<&HostModel>, threshold: f64) -> u64 {
        let fails = |fewer: i64| {
            let excuse = self.excuse(model, 1.0, -fewer);
            self.bank.ln_e_with(-fewer) - excuse >= threshold
        };
        let most = i64::try_from(self.canary.errors).unwrap_or(i64::MAX);
        first(most.min(TURN_ERRORS_MAX), |fewer| !fails(fewer))
    }
}

/// The smallest number from 0 to `most` that does, by doubling and halving; `most` when none does.
pub(super) fn first(most: i64, does: impl Fn(i64) -> bool) -> u64 {
    let (mut low, mut high) = (0, 1);
    while high < most && !does(high) {
        low = high;
        high *= 2;
    }
    high = high.min(most);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if does(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high.max(0) as u64
}
