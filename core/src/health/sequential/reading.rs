//! What a signal of the sequential judge says: outcome, interval, and what would have changed it.

use crate::health::special::{bisect, ln_add};
use crate::health::{NoDataReason, Outcome};

use super::evidence::{Rule, SignalEvidence, Turn};
use super::hosts::HostModel;
use super::mixture::{Sides, known_rate_ln_e, two_sample_ln_e};
use super::policy::{Baseline, SequentialPolicy};
use super::ratio::{Errors, Ratios};
use super::signal::{SignalState, excuse};

/// Logarithms of evidence: how far a signal is from either end.
struct Standing {
    fail_threshold: f64,
    pass_threshold: f64,
    excluded: f64,
    ln_e_pass: f64,
}

impl SignalState {
    pub(super) fn evidence(&self, fail_threshold: f64, baked: bool) -> SignalEvidence {
        let policy = &self.policy;
        let model = self.host_model();
        let model = model.as_ref();
        let excluded = self.ln_e_excluded(model);
        let standing = Standing {
            fail_threshold,
            pass_threshold: policy.pass_threshold(),
            excluded,
            ln_e_pass: excluded.max(self.ln_e_tolerable(policy)),
        };
        let rule = self.rule(&standing, baked);
        SignalEvidence {
            outcome: match rule {
                Rule::Worse => Outcome::Fail,
                Rule::NothingSeen => Outcome::NoData(NoDataReason::TooLittle),
                Rule::Undecided => Outcome::Inconclusive,
                Rule::EffectExcluded | Rule::Tolerable => Outcome::Pass,
            },
            rule,
            canary: self.canary,
            control: self.control,
            ratio: self.ratio(policy),
            interval: self.interval(policy, model, standing.fail_threshold),
            ln_e: match self.failed {
                Some(failed) => failed.ln_e,
                None => self.ln_e_left(model),
            },
            fail_threshold: standing.fail_threshold,
            ln_e_pass: standing.ln_e_pass,
            pass_threshold: standing.pass_threshold,
            failed_at: self.failed.map(|failed| failed.at),
            turn: self.turn(model, rule, &standing),
            control_turn: self.control_turn(model, rule, &standing),
        }
    }

    fn rule(&self, standing: &Standing, baked: bool) -> Rule {
        if self.failed.is_some() {
            Rule::Worse
        } else if !self.is_compared() {
            Rule::NothingSeen
        } else if !baked || standing.ln_e_pass < standing.pass_threshold {
            Rule::Undecided
        } else if standing.excluded >= standing.pass_threshold {
            Rule::EffectExcluded
        } else {
            Rule::Tolerable
        }
    }

    /// The evidence, as a logarithm, that the smallest effect that matters is absent, after what
    /// hosts that differ can hide.
    fn ln_e_excluded(&self, model: Option<&HostModel>) -> f64 {
        let none = self.bank.ln_e_of_no_effect();
        if model.is_none() {
            return none;
        }
        let effect = self.policy.effect_min();
        let errors = self.errors((0, 0));
        // Both are likelihoods relative to the smallest effect's.
        let any_less = errors.ln_average(Ratios::Below(effect)) + none;
        ln_add(none, any_less) - core::f64::consts::LN_2 - excuse(model, &errors, effect)
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

    fn turn(&self, model: Option<&HostModel>, rule: Rule, standing: &Standing) -> Turn {
        let missing = standing.pass_threshold - standing.ln_e_pass;
        let more = || self.errors_more(model, standing.fail_threshold);
        match rule {
            Rule::Worse => {
                let fewer = self.failed.and_then(|failed| failed.fewer);
                fewer.map_or(Turn::Nothing, Turn::ErrorsFewer)
            }
            Rule::NothingSeen => Turn::Nothing,
            Rule::Undecided if missing <= 0.0 => Turn::Bake,
            Rule::Undecided if standing.ln_e_pass > 0.0 => {
                let each = standing.ln_e_pass / self.canary.requests as f64;
                Turn::RequestsToPass(libm::ceil(missing / each) as u64)
            }
            Rule::Undecided | Rule::EffectExcluded | Rule::Tolerable => {
                more().map_or(Turn::Nothing, Turn::ErrorsMore)
            }
        }
    }

    fn control_turn(&self, model: Option<&HostModel>, rule: Rule, standing: &Standing) -> Turn {
        let fewer = || self.control_fewer(model, standing.fail_threshold);
        match rule {
            Rule::Worse => {
                let more = self.failed.and_then(|failed| failed.control_more);
                more.map_or(Turn::Nothing, Turn::ControlErrorsMore)
            }
            Rule::NothingSeen => Turn::Nothing,
            Rule::Undecided | Rule::EffectExcluded | Rule::Tolerable => {
                fewer().map_or(Turn::Nothing, Turn::ControlErrorsFewer)
            }
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
    fn interval(
        &self,
        policy: &SequentialPolicy,
        model: Option<&HostModel>,
        threshold: f64,
    ) -> Option<(f64, f64)> {
        match policy.baseline {
            Baseline::Known(rate) => {
                let expected = self.canary.requests as f64 * rate.as_f64();
                (expected > 0.0).then(|| self.rate_interval(expected, threshold))
            }
            Baseline::Control => self.ratio_interval(model, threshold),
        }
    }

    /// The evidence against a ratio is that against its multiple of the expected count.
    fn rate_interval(&self, expected: f64, threshold: f64) -> (f64, f64) {
        let errors = self.canary.errors as f64;
        let against = |ratio: f64| {
            known_rate_ln_e(errors, expected * ratio, (1.0, 1.0), Sides::Both) - threshold
        };
        let seen = errors / expected;
        let mut high = seen.max(1.0 / expected);
        while against(high) < 0.0 && high < 1e12 {
            high *= 2.0;
        }
        let low = if errors > 0.0 {
            bisect(0.0, seen, |ratio| -against(ratio))
        } else {
            0.0
        };
        (low, bisect(seen, high, against))
    }

    fn ratio_interval(&self, model: Option<&HostModel>, threshold: f64) -> Option<(f64, f64)> {
        let errors = self.errors((0, 0));
        if !errors.compare() {
            return None;
        }
        let Errors {
            canary: x,
            control: y,
            share,
        } = errors;
        // Where hosts differ, by the same average over ratios by which it fails: so an interval
        // above the smallest effect is a failure.
        let average = errors.ln_average(Ratios::All);
        let by_chance =
            |q: f64| x * libm::log(q / share) + y * libm::log((1.0 - q) / (1.0 - share));
        let against = |q: f64| match model {
            None => two_sample_ln_e(x, y, q, (1.0, 1.0), Sides::Both) - threshold,
            Some(model) => average - by_chance(q) - model.excuse(x, y, q) - threshold,
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
