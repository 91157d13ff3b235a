//! Clients along one edge of the call graph in one cell: retry budget, breaker, throttle, call by
//! call.

use std::collections::VecDeque;

use firedrill_core::Micros;

use crate::spec::{Breaker, ClientPolicy};

use super::dice::Dice;

/// A retry budget saves up for this long at most.
const SAVED_FOR: Micros = Micros::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Closed,
    Open { until: Micros },
    HalfOpen { allowed: u32, good: u32, bad: u32 },
}

/// The clients along an edge.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) policy: ClientPolicy,
    /// Parts of a retry that first attempts paid in, with their time.
    savings: VecDeque<(Micros, f64)>,
    state: State,
    /// The last calls that the breaker looks back on: whether each failed.
    window: VecDeque<bool>,
    failures: usize,
    /// What the throttle looks back on: when, and whether it was a request or an accept.
    history: VecDeque<(Micros, bool)>,
    wanted: f64,
    accepted: f64,
}

impl Client {
    pub(super) fn new(policy: ClientPolicy) -> Self {
        Self {
            policy,
            savings: VecDeque::new(),
            state: State::Closed,
            window: VecDeque::new(),
            failures: 0,
            history: VecDeque::new(),
            wanted: 0.0,
            accepted: 0.0,
        }
    }

    /// A first attempt pays into the budget.
    pub(super) fn pay_in(&mut self, now: Micros) {
        if let Some(budget) = self.policy.retry_budget {
            self.savings.push_back((now, budget));
            self.forget_savings(now);
        }
    }

    /// Whether the budget has a retry left; takes it.
    pub(super) fn takes_retry(&mut self, now: Micros) -> bool {
        if self.policy.retry_budget.is_none() {
            return true;
        }
        self.forget_savings(now);
        if self.savings.iter().map(|(_, part)| part).sum::<f64>() < 1.0 {
            return false;
        }
        let mut price = 1.0;
        while price > 0.0
            && let Some((_, part)) = self.savings.front_mut()
        {
            let paid = part.min(price);
            *part -= paid;
            price -= paid;
            if *part <= 0.0 {
                self.savings.pop_front();
            }
        }
        true
    }

    fn forget_savings(&mut self, now: Micros) {
        while self
            .savings
            .front()
            .is_some_and(|(at, _)| now - *at > SAVED_FOR)
        {
            self.savings.pop_front();
        }
    }

    /// Whether breaker and throttle let a call through.
    pub(super) fn lets_through(&mut self, now: Micros, dice: &mut Dice) -> bool {
        self.passes_breaker(now) && self.passes_throttle(now, dice)
    }

    fn passes_breaker(&mut self, now: Micros) -> bool {
        let Some(policy) = self.policy.breaker else {
            return true;
        };
        if matches!(self.state, State::Open { until } if now >= until) {
            self.state = State::HalfOpen {
                allowed: policy.probes as u32,
                good: 0,
                bad: 0,
            };
        }
        match &mut self.state {
            State::Closed => true,
            State::HalfOpen { allowed, .. } if *allowed > 0 => {
                *allowed -= 1;
                true
            }
            State::Open { .. } | State::HalfOpen { .. } => false,
        }
    }

    fn passes_throttle(&mut self, now: Micros, dice: &mut Dice) -> bool {
        let Some(policy) = self.policy.throttle else {
            return true;
        };
        let window = Micros((policy.window_s * 1e6) as u64);
        while let Some((at, accept)) = self.history.front().copied()
            && now - at > window
        {
            self.history.pop_front();
            *(if accept {
                &mut self.accepted
            } else {
                &mut self.wanted
            }) -= 1.0;
        }
        let reject = (self.wanted - policy.k * self.accepted) / (self.wanted + 1.0);
        self.history.push_back((now, false));
        self.wanted += 1.0;
        !dice.chance(reject)
    }

    /// Learns what became of an attempt.
    pub(super) fn learn(&mut self, now: Micros, failed: bool) {
        if self.policy.throttle.is_some() && !failed {
            self.history.push_back((now, true));
            self.accepted += 1.0;
        }
        let Some(policy) = self.policy.breaker else {
            return;
        };
        match &mut self.state {
            State::Open { .. } => {}
            State::Closed => {
                self.window.push_back(failed);
                self.failures += usize::from(failed);
                if self.window.len() > policy.calls as usize {
                    let oldest = self.window.pop_front();
                    self.failures -= usize::from(oldest == Some(true));
                }
                let calls = self.window.len() as f64;
                if calls >= policy.calls && self.failures as f64 >= policy.failure_share * calls {
                    self.open(now, policy);
                }
            }
            State::HalfOpen { good, bad, .. } => {
                *bad += u32::from(failed);
                *good += u32::from(!failed);
                let (good, bad) = (f64::from(*good), f64::from(*bad));
                if bad > policy.probes * policy.failure_share {
                    self.open(now, policy);
                } else if good >= policy.probes * (1.0 - policy.failure_share) {
                    self.state = State::Closed;
                }
            }
        }
    }

    fn open(&mut self, now: Micros, policy: Breaker) {
        let until = now + Micros((policy.open_s * 1e6) as u64);
        self.state = State::Open { until };
        self.window.clear();
        self.failures = 0;
    }
}
