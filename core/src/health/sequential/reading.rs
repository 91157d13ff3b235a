//! What a signal of the sequential judge says: outcome, interval, and what would have changed it.

use crate::health::special::bisect;
use crate::health::{NoDataReason, Outcome};

use super::evidence::{Rule, SignalEvidence, Turn};
use super::hosts::HostModel;
use super::mixture::{Sides, known_rate_ln_e, two_sample_ln_e};
use super::policy::{Baseline, SequentialPolicy};
use super::signal::{SignalState, TURN_ERRORS_MAX, first};

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
        let excluded = self.bank.ln_e_of_no_effect() - self.excuse(model, policy.effect_min(), 0);
        let standing = Standing {
            fail_threshold,
            pass_threshold: policy.pass_threshold(),
            excluded,
            ln_e_pass: excluded.max(self.ln_e_tolerable(policy)),
        };
        let rule = self.rule(&standing, baked);
        let ln_e = match self.failed {
            Some((_, ln_e, _)) => ln_e,
            None => self.bank.ln_e() - self.excuse(model, 1.0, 0),
        };
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
            ln_e,
            fail_threshold: standing.fail_threshold,
            ln_e_pass: standing.ln_e_pass,
            pass_threshold: standing.pass_threshold,
            failed_at: self.failed.map(|(at, _, _)| at),
            turn: self.turn(model, rule, &standing),
        }
    }

    fn rule(&self, standing: &Standing, baked: bool) -> Rule {
        if self.failed.is_some() {
            Rule::Worse
        } else if self.canary.requests == 0 {
            Rule::NothingSeen
        } else if !baked || standing.ln_e_pass < standing.pass_threshold {
            Rule::Undecided
        } else if standing.excluded >= standing.pass_threshold {
            Rule::EffectExcluded
        } else {
            Rule::Tolerable
        }
    }

    fn errors_more(&self, model: Option<&HostModel>, threshold: f64) -> Turn {
        let fails = |more: i64| {
            let excuse = self.excuse(model, 1.0, more);
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

    fn turn(&self, model: Option<&HostModel>, rule: Rule, standing: &Standing) -> Turn {
        let missing = standing.pass_threshold - standing.ln_e_pass;
        match rule {
            Rule::Worse => Turn::ErrorsFewer(self.failed.map_or(0, |(_, _, fewer)| fewer)),
            Rule::NothingSeen => Turn::Nothing,
            Rule::EffectExcluded | Rule::Tolerable => {
                self.errors_more(model, standing.fail_threshold)
            }
            Rule::Undecided if missing <= 0.0 => Turn::Bake,
            Rule::Undecided if standing.ln_e_pass > 0.0 => {
                let each = standing.ln_e_pass / self.canary.requests as f64;
                Turn::RequestsToPass(libm::ceil(missing / each) as u64)
            }
            Rule::Undecided => self.errors_more(model, standing.fail_threshold),
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
        let share = self.pooled_share();
        let (x, y) = self.effective(0);
        if !(share > 0.0 && share < 1.0) || x + y <= 0.0 {
            return None;
        }
        let against = |q: f64| {
            let excuse = model.map_or(0.0, |model| model.excuse(x, y, q));
            two_sample_ln_e(x, y, q, (1.0, 1.0), Sides::Both) - excuse - threshold
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
