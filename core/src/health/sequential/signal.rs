//! One signal of the sequential judge: its counts, its evidence, and what they say.

use alloc::boxed::Box;

use crate::health::special::ln_add;
use crate::time::Micros;

use super::bank::EffectBank;
use super::hosts::{HostModel, HostSpread};
use super::judge::{ArmCounts, PairedCounts};
use super::policy::{Baseline, EFFECT_MAX, HostEffects, SequentialPolicy};
use super::ratio::{Errors, Ratios};

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
    /// The candidate's hosts and the control's.
    spreads: Option<Box<(HostSpread, HostSpread)>>,
    canary_hosts: u32,
    control_hosts: u32,
    compared: Compared,
    pub(super) latest: Latest,
    /// Fractions of errors left over when counts are deflated for clumping.
    carry: (f64, f64),
    /// When it failed, and on what evidence.
    pub(super) failed: Option<Failed>,
}

/// A failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Failed {
    pub(super) at: Micros,
    pub(super) ln_e: f64,
    /// Errors of the candidate fewer, or of the control more, that would not have failed it then.
    pub(super) fewer: Option<u64>,
    pub(super) control_more: Option<u64>,
}

/// Errors of windows with both arms, as the bank was told of them: deflated for clumping.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Compared {
    canary: u64,
    control: u64,
    /// How many of all these should be the candidate's.
    expected: f64,
}

/// The latest window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Latest {
    pub(super) counts: PairedCounts,
    /// The candidate's share of the requests.
    pub(super) share: f64,
    /// The mass that was spent at its end.
    pub(super) mass: f64,
}

impl SignalState {
    pub(super) fn new(policy: SequentialPolicy) -> Self {
        Self {
            policy,
            bank: EffectBank::new(policy.effect_min(), EFFECT_MAX, policy.onset.start()),
            canary: ArmCounts::default(),
            control: ArmCounts::default(),
            share: (1.0, 0.0),
            spreads: None,
            canary_hosts: 0,
            control_hosts: 0,
            compared: Compared::default(),
            latest: Latest::default(),
            carry: (0.0, 0.0),
            failed: None,
        }
    }

    pub(super) fn observe(&mut self, counts: &PairedCounts, mass: f64) {
        self.canary.add(counts.canary);
        let total = counts.canary.requests + counts.control.requests;
        let share = counts.canary.requests as f64 / total.max(1) as f64;
        self.latest = Latest {
            counts: *counts,
            share,
            mass,
        };
        let (errors, control_errors) = self.deflate(counts);
        match self.policy.baseline {
            Baseline::Known(rate) => {
                let expected = counts.canary.requests as f64 * rate.as_f64() / self.clump();
                self.bank.observe_rate(errors, expected, mass);
            }
            Baseline::Control => {
                self.control.add(counts.control);
                if share > 0.0 && share < 1.0 {
                    self.share = (self.share.0.min(share), self.share.1.max(share));
                    self.compared.canary += errors;
                    self.compared.control += control_errors;
                    self.compared.expected += share * (errors + control_errors) as f64;
                }
                self.bank.observe_pair(errors, control_errors, share, mass);
            }
        }
    }

    pub(super) fn observe_hosts(&mut self, canary: &[ArmCounts], control: &[ArmCounts]) {
        let spreads = self.spreads.get_or_insert_default();
        spreads.0.observe(canary);
        spreads.1.observe(control);
    }

    pub(super) const fn hosts_are(&mut self, canary: u32, control: u32) {
        self.canary_hosts = canary;
        self.control_hosts = control;
    }

    /// How many errors come at once; those of the control alone tell.
    pub(super) fn clump(&self) -> f64 {
        let control = self.spreads.as_ref().map(|spreads| &spreads.1);
        control.map_or(1.0, HostSpread::clump)
    }

    /// Errors that come in clumps count as fewer; what is left over waits for the next window.
    fn deflate(&mut self, counts: &PairedCounts) -> (u64, u64) {
        let raw = (counts.canary.errors, counts.control.errors);
        if self.spreads.is_none() {
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

    /// Whether both arms were ever seen at once, or the candidate where no control is needed.
    pub(super) fn is_compared(&self) -> bool {
        match self.policy.baseline {
            Baseline::Known(_) => self.canary.requests > 0,
            Baseline::Control => self.share.0 <= self.share.1,
        }
    }

    /// Fails when the evidence stands after everything that could excuse it.
    pub(super) fn try_to_fail(&mut self, threshold: f64, at: Micros) {
        let model = self.host_model();
        if self.would_fail(model.as_ref(), threshold, (0, 0)) {
            self.failed = Some(Failed {
                at,
                ln_e: self.ln_e_left(model.as_ref()),
                fewer: self.errors_fewer(model.as_ref(), threshold),
                control_more: self.control_more(model.as_ref(), threshold),
            });
        }
    }

    /// The evidence that the candidate is worse, after what hosts that differ can excuse.
    pub(super) fn ln_e_left(&self, model: Option<&HostModel>) -> f64 {
        self.worse(model, self.bank.ln_e(), (0, 0))
    }

    /// Whether it fails with so many more errors of either arm in the latest window.
    pub(super) fn would_fail(
        &self,
        model: Option<&HostModel>,
        threshold: f64,
        more: (i64, i64),
    ) -> bool {
        let tolerable = self.policy.tolerable.as_f64() * self.canary.requests as f64;
        if self.canary.errors as f64 + more.0 as f64 <= tolerable {
            return false;
        }
        let bank = match more {
            (0, 0) => self.bank.ln_e(),
            (_, _) => {
                let latest = self.latest;
                let clump = self.clump();
                let told = |errors: i64| libm::floor(errors as f64 / clump) as i64;
                let share = match self.policy.baseline {
                    Baseline::Known(_) => None,
                    Baseline::Control => Some(latest.share),
                };
                let told = (told(more.0), told(more.1));
                self.bank.ln_e_with(told, share, latest.mass)
            }
        };
        // The bank has to agree: it alone knows of changes that began later.
        bank >= threshold && self.worse(model, bank, more) >= threshold
    }

    fn worse(&self, model: Option<&HostModel>, bank: f64, more: (i64, i64)) -> f64 {
        let Some(model) = model else { return bank };
        let errors = self.errors(more);
        let every = errors.ln_average(Ratios::Above(self.policy.effect_min()));
        let mixed = ln_add(bank, every) - core::f64::consts::LN_2;
        mixed - excuse(Some(model), &errors, 1.0)
    }

    /// What hosts that differ can excuse; `None` when they are said not to.
    pub(super) fn host_model(&self) -> Option<HostModel> {
        let spreads = self.spreads.as_deref();
        match self.policy.hosts {
            HostEffects::None => None,
            HostEffects::AtMost(variation) => {
                let hosts = |known: u32, seen: Option<&HostSpread>| {
                    let known = f64::from(known.max(1));
                    seen.map_or(known, HostSpread::hosts).max(1.0)
                };
                let canary = hosts(self.canary_hosts, spreads.map(|spreads| &spreads.0));
                let control = hosts(self.control_hosts, spreads.map(|spreads| &spreads.1));
                Some(HostModel::at_most(variation.as_f64(), (canary, control)))
            }
            HostEffects::Estimated => Some(HostModel::seen(
                spreads.map(|spreads| &spreads.0),
                spreads.map(|spreads| &spreads.1),
            )),
        }
    }

    /// Errors of both arms as the bank was told of them, with so many more in the latest window.
    pub(super) fn errors(&self, more: (i64, i64)) -> Errors {
        let added = |told: u64, more: i64| (told as f64 + more as f64).max(0.0);
        let (canary, control) = (
            added(self.compared.canary, more.0),
            added(self.compared.control, more.1),
        );
        let expected = self.compared.expected + (more.0 + more.1) as f64 * self.latest.share;
        let total = canary + control;
        Errors {
            canary,
            control,
            share: if total > 0.0 {
                (expected / total).clamp(0.0, 1.0)
            } else {
                0.0
            },
        }
    }
}

/// What hosts that differ explain, when the candidate has `effect` times the errors.
pub(super) fn excuse(model: Option<&HostModel>, errors: &Errors, effect: f64) -> f64 {
    let Some(model) = model.filter(|_| errors.compare()) else {
        return 0.0;
    };
    let odds = effect * errors.share / (1.0 - errors.share);
    model.excuse(errors.canary, errors.control, odds / (1.0 + odds))
}
