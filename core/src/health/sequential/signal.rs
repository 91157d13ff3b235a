//! One signal of the sequential judge: its counts, its evidence, and what they say.

use alloc::boxed::Box;

use crate::health::special::bisect;
use crate::health::{NoDataReason, Outcome};
use crate::time::Micros;

use super::bank::{EffectBank, ln_host_excuse};
use super::evidence::{Rule, SignalEvidence, Turn};
use super::hosts::HostSpread;
use super::judge::{ArmCounts, PairedCounts};
use super::mixture::{Sides, known_rate_ln_e, two_sample_ln_e};
use super::policy::{Baseline, EFFECT_MAX, HostEffects, SequentialPolicy};

/// Errors that are tried when looking for what would have changed a verdict.
const TURN_ERRORS_MAX: i64 = 100_000;

/// What has been seen of one signal.
#[derive(Clone, Debug)]
pub(super) struct SignalState {
    bank: EffectBank,
    canary: ArmCounts,
    control: ArmCounts,
    /// The smallest and the largest share of the requests that the candidate had in a window.
    share: (f64, f64),
    spread: Option<Box<HostSpread>>,
    canary_hosts: u32,
    /// Fractions of errors left over when counts are deflated for clumping.
    carry: (f64, f64),
    /// When it failed, on what evidence.
    failed: Option<(Micros, f64, u64)>,
}

impl SignalState {
    pub(super) fn new(policy: &SequentialPolicy) -> Self {
        Self {
            bank: EffectBank::new(policy.effect_min(), EFFECT_MAX, policy.onset.start()),
            canary: ArmCounts::default(),
            control: ArmCounts::default(),
            share: (1.0, 0.0),
            spread: None,
            canary_hosts: 0,
            carry: (0.0, 0.0),
            failed: None,
        }
    }

    pub(super) fn observe(&mut self, policy: &SequentialPolicy, counts: &PairedCounts, mass: f64) {
        self.canary.add(counts.canary);
        let (errors, control_errors) = self.deflate(counts);
        match policy.baseline {
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

    fn clump(&self) -> f64 {
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

    pub(super) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Fails when the evidence stands after everything that could excuse it.
    pub(super) fn try_to_fail(&mut self, policy: &SequentialPolicy, signals: usize, at: Micros) {
        let tolerated =
            self.canary.errors as f64 <= policy.tolerable.as_f64() * self.canary.requests as f64;
        let ln_e = self.bank.ln_e() - self.excuse(policy, 1.0, signals, 0);
        if !tolerated && ln_e >= policy.fail_threshold(signals) {
            self.failed = Some((at, ln_e, self.errors_fewer(policy, signals)));
        }
    }

    /// What hosts that differ explain, when the candidate has `effect` times the errors.
    fn excuse(&self, policy: &SequentialPolicy, effect: f64, signals: usize, more: i64) -> f64 {
        let variation = match policy.hosts {
            HostEffects::None => return 0.0,
            HostEffects::AtMost(variation) => variation.as_f64(),
            HostEffects::Estimated => {
                let delta = policy.alpha.as_f64() / (4.0 * signals as f64);
                let bound = self.spread.as_ref().map(|s| s.variation_max(delta));
                bound.unwrap_or(f64::INFINITY)
            }
        };
        let control_hosts = self.spread.as_ref().map_or(1.0, |spread| spread.hosts());
        let hosts = (f64::from(self.canary_hosts.max(1)), control_hosts.max(1.0));
        let (errors, control_errors) = self.effective(more);
        let odds = effect * self.pooled_share() / (1.0 - self.pooled_share());
        let share = odds / (1.0 + odds);
        // Without a bound nothing is known of the hosts: as if they differed twenty-fold.
        ln_host_excuse(errors, control_errors, share, variation.min(400.0), hosts)
    }

    /// Errors of both arms, deflated for clumping, with `more` of the candidate's.
    fn effective(&self, more: i64) -> (f64, f64) {
        let clump = self.clump();
        let errors = (self.canary.errors as f64 + more as f64).max(0.0);
        (errors / clump, self.control.errors as f64 / clump)
    }

    fn pooled_share(&self) -> f64 {
        let total = self.canary.requests + self.control.requests;
        self.canary.requests as f64 / total.max(1) as f64
    }

    fn errors_fewer(&self, policy: &SequentialPolicy, signals: usize) -> u64 {
        let threshold = policy.fail_threshold(signals);
        let fails = |fewer: i64| {
            let excuse = self.excuse(policy, 1.0, signals, -fewer);
            self.bank.ln_e_with(-fewer) - excuse >= threshold
        };
        let most = i64::try_from(self.canary.errors).unwrap_or(i64::MAX);
        first(most.min(TURN_ERRORS_MAX), |fewer| !fails(fewer))
    }

    fn errors_more(&self, policy: &SequentialPolicy, signals: usize) -> Turn {
        let threshold = policy.fail_threshold(signals);
        let fails = |more: i64| {
            let excuse = self.excuse(policy, 1.0, signals, more);
            self.bank.ln_e_with(more) - excuse >= threshold
        };
        match first(TURN_ERRORS_MAX, fails) {
            more if more < TURN_ERRORS_MAX as u64 => Turn::ErrorsMore(more),
            _ => Turn::Nothing,
        }
    }

    /// The evidence, as a logarithm, that the candidate is tolerable in any case: a third of the
    /// tolerable rate against the whole.
    fn ln_e_tolerable(&self, policy: &SequentialPolicy) -> f64 {
        let allowed = policy.tolerable.as_f64() * self.canary.requests as f64;
        if allowed <= 0.0 {
            return f64::NEG_INFINITY;
        }
        (allowed * 2.0 / 3.0 - self.canary.errors as f64 * libm::log(3.0)) / self.clump()
    }

    pub(super) fn evidence(
        &self,
        policy: &SequentialPolicy,
        signals: usize,
        baked: bool,
    ) -> SignalEvidence {
        let pass_threshold = policy.pass_threshold();
        let excluded =
            self.bank.ln_e_of_no_effect() - self.excuse(policy, policy.effect_min(), signals, 0);
        let tolerable = self.ln_e_tolerable(policy);
        let ln_e_pass = excluded.max(tolerable);
        let rule = if self.failed.is_some() {
            Rule::Worse
        } else if self.canary.requests == 0 {
            Rule::NothingSeen
        } else if !baked || ln_e_pass < pass_threshold {
            Rule::Undecided
        } else if excluded >= pass_threshold {
            Rule::EffectExcluded
        } else {
            Rule::Tolerable
        };
        let outcome = match rule {
            Rule::Worse => Outcome::Fail,
            Rule::NothingSeen => Outcome::NoData(NoDataReason::TooLittle),
            Rule::Undecided => Outcome::Inconclusive,
            Rule::EffectExcluded | Rule::Tolerable => Outcome::Pass,
        };
        let ln_e = match self.failed {
            Some((_, ln_e, _)) => ln_e,
            None => self.bank.ln_e() - self.excuse(policy, 1.0, signals, 0),
        };
        let turn = self.turn(policy, signals, rule, ln_e_pass, pass_threshold);
        SignalEvidence {
            outcome,
            rule,
            canary: self.canary,
            control: self.control,
            ratio: self.ratio(policy),
            interval: self.interval(policy, signals),
            ln_e,
            fail_threshold: policy.fail_threshold(signals),
            ln_e_pass,
            pass_threshold,
            failed_at: self.failed.map(|(at, _, _)| at),
            turn,
        }
    }

    fn turn(
        &self,
        policy: &SequentialPolicy,
        signals: usize,
        rule: Rule,
        ln_e_pass: f64,
        pass_threshold: f64,
    ) -> Turn {
        match rule {
            Rule::Worse => Turn::ErrorsFewer(self.failed.map_or(0, |(_, _, fewer)| fewer)),
            Rule::NothingSeen => Turn::Nothing,
            Rule::EffectExcluded | Rule::Tolerable => self.errors_more(policy, signals),
            Rule::Undecided if ln_e_pass >= pass_threshold => Turn::Bake,
            Rule::Undecided if ln_e_pass > 0.0 => {
                let each = ln_e_pass / self.canary.requests as f64;
                Turn::RequestsToPass(libm::ceil((pass_threshold - ln_e_pass) / each) as u64)
            }
            Rule::Undecided => self.errors_more(policy, signals),
        }
    }

    fn ratio(&self, policy: &SequentialPolicy) -> Option<f64> {
        let rate = self.canary.errors as f64 / self.canary.requests as f64;
        let usual = match policy.baseline {
            Baseline::Known(rate) => rate.as_f64(),
            Baseline::Control => self.control.errors as f64 / self.control.requests as f64,
        };
        Some(rate / usual).filter(|ratio| ratio.is_finite())
    }

    /// Every ratio that a two-sided mixture does not exclude at this signal's part of the budget.
    fn interval(&self, policy: &SequentialPolicy, signals: usize) -> Option<(f64, f64)> {
        let threshold = policy.fail_threshold(signals);
        match policy.baseline {
            Baseline::Known(rate) => {
                let expected = self.canary.requests as f64 * rate.as_f64();
                let errors = self.canary.errors as f64;
                if expected <= 0.0 {
                    return None;
                }
                // The evidence against a ratio is that against its multiple of the expected count.
                let against = |ratio: f64| {
                    known_rate_ln_e(errors, expected * ratio, (1.0, 1.0), Sides::Both) - threshold
                };
                let middle = (errors / expected).max(f64::MIN_POSITIVE);
                let mut high = middle.max(1.0 / expected);
                while against(high) < 0.0 && high < 1e12 {
                    high *= 2.0;
                }
                let low = if errors > 0.0 {
                    bisect(0.0, middle, |r| -against(r))
                } else {
                    0.0
                };
                Some((low, bisect(middle, high, against)))
            }
            Baseline::Control => self.ratio_interval(policy, signals, threshold),
        }
    }

    fn ratio_interval(
        &self,
        policy: &SequentialPolicy,
        signals: usize,
        threshold: f64,
    ) -> Option<(f64, f64)> {
        let share = self.pooled_share();
        let (x, y) = self.effective(0);
        if !(share > 0.0 && share < 1.0) || x + y <= 0.0 {
            return None;
        }
        let against = |q: f64| {
            let effect = q / (1.0 - q) * (1.0 - share) / share;
            two_sample_ln_e(x, y, q, (1.0, 1.0), Sides::Both)
                - self.excuse(policy, effect, signals, 0)
                - threshold
        };
        let seen = x / (x + y);
        let edge = 1e-12;
        let low = if x > 0.0 {
            bisect(edge, seen, |q| -against(q))
        } else {
            0.0
        };
        let high = if y > 0.0 {
            bisect(seen.max(edge), 1.0 - edge, against)
        } else {
            1.0
        };
        // Where the share of traffic moved, the ratio is taken against its far end.
        let odds = |q: f64| q / (1.0 - q);
        Some((
            odds(low) / odds(self.share.1.max(share)),
            odds(high) / odds(self.share.0.min(share)),
        ))
    }
}

/// The smallest number from 0 to `most` that does, by doubling and halving; `most` when none does.
fn first(most: i64, does: impl Fn(i64) -> bool) -> u64 {
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
