//! Clients: retries, budgets, breakers, throttles.

use std::collections::VecDeque;

use super::policy::{Breaker, ClientPolicy};

/// What a client sends in a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientFlow {
    /// Attempts sent, by attempt.
    pub sent: Vec<f64>,
    /// User requests that were given up without, or with no further, attempt.
    pub refused: f64,
    /// The share of attempts that breaker and throttle turned away.
    pub turned_away: f64,
    /// The share of retries that the budget allowed.
    pub retries_allowed: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum BreakerState {
    Closed,
    /// Until it may try again, in steps.
    Open(u32),
    /// Probes still allowed, and what became of those that were sent.
    HalfOpen {
        allowed: f64,
        ok: f64,
        failed: f64,
    },
}

/// The clients of a service, as a fluid.
#[derive(Clone, Debug)]
pub struct Client {
    policy: ClientPolicy,
    step_s: f64,
    /// Retries to come, by step from now and attempt.
    retries: VecDeque<Vec<f64>>,
    /// First attempts of the last step.
    arriving: f64,
    /// Retries that the budget allows now.
    tokens: f64,
    breaker: BreakerState,
    /// The last calls that the breaker looks back on: calls and failures, by step.
    window: VecDeque<(f64, f64)>,
    window_sums: (f64, f64),
    /// Requests and accepts that the throttle looks back on, by step.
    history: VecDeque<(f64, f64)>,
    history_sums: (f64, f64),
}

impl Client {
    /// A client without history.
    #[must_use]
    pub fn new(policy: ClientPolicy, step_s: f64) -> Self {
        Self {
            policy,
            step_s,
            retries: VecDeque::new(),
            arriving: 0.0,
            tokens: 0.0,
            breaker: BreakerState::Closed,
            window: VecDeque::new(),
            window_sums: (0.0, 0.0),
            history: VecDeque::new(),
            history_sums: (0.0, 0.0),
        }
    }

    /// Sends what `arriving` user requests and the retries that are due make.
    pub fn send(&mut self, arriving: f64) -> ClientFlow {
        let attempts = self.policy.attempts as usize;
        let mut wanted = self
            .retries
            .pop_front()
            .unwrap_or_else(|| vec![0.0; attempts]);
        wanted[0] += arriving;
        self.arriving = arriving;
        let (mut refused, mut retries_allowed) = (0.0, 1.0);
        if let Some(budget) = self.policy.retry_budget {
            // A token bucket: every first attempt pays in, every retry takes out.
            self.tokens = (self.tokens + budget * arriving)
                .min(budget * TOKENS_MAX_S * arriving / self.step_s);
            let retries: f64 = wanted[1..].iter().sum();
            let allowed = retries.min(self.tokens);
            self.tokens -= allowed;
            if retries > allowed {
                refused += retries - allowed;
                let share = allowed / retries;
                retries_allowed = share;
                wanted[1..].iter_mut().for_each(|amount| *amount *= share);
            }
        }
        let offered: f64 = wanted.iter().sum();
        let passed = self.pass_breaker(offered) * self.pass_throttle(offered);
        refused += offered * (1.0 - passed);
        wanted.iter_mut().for_each(|amount| *amount *= passed);
        ClientFlow {
            sent: wanted,
            refused,
            turned_away: 1.0 - passed,
            retries_allowed,
        }
    }

    /// Learns what became of attempts, each by attempt: answered, timed out, refused by the
    /// server. Schedules retries; returns the user requests that are given up.
    pub fn learn(&mut self, answered: &[f64], timed_out: &[f64], refused: &[f64]) -> f64 {
        let ok: f64 = answered.iter().sum();
        let bad: f64 = timed_out.iter().sum::<f64>() + refused.iter().sum::<f64>();
        self.watch(ok, bad);
        let attempts = self.policy.attempts as usize;
        let mut given_up = 0.0;
        for attempt in 0..attempts {
            let failed = timed_out[attempt] + refused[attempt];
            if attempt + 1 == attempts {
                given_up += failed;
            } else if failed > 0.0 {
                self.schedule(attempt + 1, failed);
            }
        }
        given_up
    }

    /// Attempts for one request.
    pub(crate) const fn attempts(&self) -> usize {
        self.policy.attempts as usize
    }

    /// Whether nothing is left of what happened: no retry to come, nothing held against the
    /// server.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let closed = matches!(self.breaker, BreakerState::Closed);
        let (requests, accepts) = self.history_sums;
        let k = self.policy.throttle.map_or(1.0, |throttle| throttle.k);
        // Ordinary errors are tried again at any time: those retries are no sign of overload.
        let retries: f64 = self.retries.iter().flatten().sum();
        let ordinary = ORDINARY_RETRIES * self.arriving * self.retries.len() as f64;
        closed && requests <= k * accepts + 1.0 && retries <= ordinary + 1e-3
    }

    /// Spreads retries evenly over the backoff: full jitter.
    fn schedule(&mut self, attempt: usize, amount: f64) {
        let backoff = self.policy.backoff;
        let doubled = backoff.base_s * f64::from(1_u32 << (attempt - 1).min(20));
        let steps = ((doubled.min(backoff.cap_s) / self.step_s + 0.5) as usize).max(1);
        let empty = vec![0.0; self.policy.attempts as usize];
        if self.retries.len() < steps {
            self.retries.resize(steps, empty);
        }
        for slot in self.retries.iter_mut().take(steps) {
            slot[attempt] += amount / steps as f64;
        }
    }

    /// The share of `offered` calls that the breaker lets through.
    fn pass_breaker(&mut self, offered: f64) -> f64 {
        let Some(policy) = self.policy.breaker else {
            return 1.0;
        };
        match &mut self.breaker {
            BreakerState::Closed => 1.0,
            BreakerState::Open(steps) => {
                *steps = steps.saturating_sub(1);
                if *steps == 0 {
                    let allowed = policy.probes;
                    self.breaker = BreakerState::HalfOpen {
                        allowed,
                        ok: 0.0,
                        failed: 0.0,
                    };
                }
                0.0
            }
            BreakerState::HalfOpen { allowed, .. } => {
                let probes = allowed.min(offered);
                *allowed -= probes;
                if offered > 0.0 { probes / offered } else { 0.0 }
            }
        }
    }

    /// The share of `offered` calls that the throttle lets through.
    fn pass_throttle(&mut self, offered: f64) -> f64 {
        let Some(policy) = self.policy.throttle else {
            return 1.0;
        };
        let (requests, accepts) = self.history_sums;
        let reject = ((requests - policy.k * accepts) / (requests + 1.0)).clamp(0.0, 1.0);
        // The throttle counts what its caller wanted, let through or not.
        self.history.push_back((offered, 0.0));
        self.history_sums.0 += offered;
        if self.history.len() > (policy.window_s / self.step_s) as usize {
            let (old_requests, old_accepts) = self.history.pop_front().unwrap_or_default();
            self.history_sums.0 = (self.history_sums.0 - old_requests).max(0.0);
            self.history_sums.1 = (self.history_sums.1 - old_accepts).max(0.0);
        }
        1.0 - reject
    }

    /// Shows calls and failures to the breaker and the throttle.
    fn watch(&mut self, ok: f64, bad: f64) {
        if let Some((_, accepts)) = self.history.back_mut() {
            *accepts += ok;
            self.history_sums.1 += ok;
        }
        let Some(policy) = self.policy.breaker else {
            return;
        };
        match &mut self.breaker {
            BreakerState::Closed => {
                self.window.push_back((ok + bad, bad));
                self.window_sums.0 += ok + bad;
                self.window_sums.1 += bad;
                self.forget(policy);
                let (calls, failures) = self.window_sums;
                if calls >= policy.calls && failures >= policy.failure_share * calls {
                    self.open(policy);
                }
            }
            BreakerState::Open(_) => {}
            BreakerState::HalfOpen {
                ok: good, failed, ..
            } => {
                // Calls from before it opened are all resolved: a breaker stays open for longer
                // than its client's timeout.
                *good += ok;
                *failed += bad;
                if *failed > policy.probes * policy.failure_share {
                    self.open(policy);
                } else if *good >= policy.probes * (1.0 - policy.failure_share) {
                    self.breaker = BreakerState::Closed;
                }
            }
        }
    }

    /// Forgets calls beyond the window.
    fn forget(&mut self, policy: Breaker) {
        while let Some((calls, failures)) = self.window.front().copied() {
            if self.window_sums.0 - calls < policy.calls {
                break;
            }
            self.window.pop_front();
            self.window_sums.0 -= calls;
            self.window_sums.1 = (self.window_sums.1 - failures).max(0.0);
        }
    }

    fn open(&mut self, policy: Breaker) {
        self.breaker = BreakerState::Open((policy.open_s / self.step_s + 0.5).max(1.0) as u32);
        self.window.clear();
        self.window_sums = (0.0, 0.0);
    }
}

/// Retries under way, as a share of the requests of the same time, that ordinary errors make.
const ORDINARY_RETRIES: f64 = 0.05;
/// A retry budget saves up for this many seconds at most.
const TOKENS_MAX_S: f64 = 10.0;
