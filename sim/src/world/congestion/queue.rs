//! A queue by age and attempt.

use std::collections::VecDeque;

use super::policy::{Order, QueuePolicy};

/// What a queue did in a step, in requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// Answered in time, by attempt.
    pub answered: Vec<f64>,
    /// Served although the client had given up.
    pub wasted: f64,
    /// Seconds that what was answered had waited, summed over requests.
    pub waited_s: f64,
    /// Seconds that what left the queue in any way had waited, summed over requests.
    pub left_after_s: f64,
}

/// Requests that arrived in the same step, by attempt.
#[derive(Clone, Debug, PartialEq)]
struct Batch {
    by_attempt: Vec<f64>,
    age_steps: u32,
}

impl Batch {
    fn total(&self) -> f64 {
        self.by_attempt.iter().sum()
    }
}

/// Requests that wait, by age and attempt.
#[derive(Clone, Debug)]
pub struct Queue {
    policy: QueuePolicy,
    step_s: f64,
    /// An attempt is given up when it is this old.
    timeout_steps: u32,
    attempts: usize,
    /// Those whose client still waits, oldest first.
    fresh: VecDeque<Batch>,
    /// Those whose client has given up, oldest first: amount and age in steps.
    expired: VecDeque<(f64, u32)>,
    waiting: f64,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(policy: QueuePolicy, timeout_s: f64, attempts: u32, step_s: f64) -> Self {
        Self {
            policy,
            step_s,
            timeout_steps: (timeout_s / step_s + 0.5).max(1.0) as u32,
            attempts: attempts as usize,
            fresh: VecDeque::new(),
            expired: VecDeque::new(),
            waiting: 0.0,
        }
    }

    /// Requests that wait.
    #[must_use]
    pub const fn waiting(&self) -> f64 {
        self.waiting
    }

    /// The policy; a change takes effect from the next step on.
    pub fn policy_mut(&mut self) -> &mut QueuePolicy {
        &mut self.policy
    }

    /// Takes in what arrives, by attempt; returns what is refused, by attempt.
    pub fn offer(&mut self, arriving: &[f64]) -> Vec<f64> {
        let total: f64 = arriving.iter().sum();
        let after_shedding = total * (1.0 - self.policy.shed_share);
        let room = self
            .policy
            .limit
            .map_or(f64::INFINITY, |limit| (limit - self.waiting).max(0.0));
        let admitted = after_shedding.min(room);
        let share = if total > 0.0 { admitted / total } else { 0.0 };
        let by_attempt: Vec<f64> = arriving.iter().map(|amount| amount * share).collect();
        let refused = arriving
            .iter()
            .map(|amount| amount * (1.0 - share))
            .collect();
        self.waiting += admitted;
        self.fresh.push_back(Batch {
            by_attempt,
            age_steps: 0,
        });
        refused
    }

    /// Serves up to `capacity` requests in the queue's order.
    pub fn serve(&mut self, capacity: f64) -> Served {
        let mut served = Served {
            answered: vec![0.0; self.attempts],
            ..Served::default()
        };
        let mut left = capacity;
        match self.policy.order {
            Order::Fifo => {
                self.serve_expired(&mut left, &mut served);
                while left > 0.0 && !self.fresh.is_empty() {
                    self.serve_batch(0, &mut left, &mut served);
                    if self
                        .fresh
                        .front()
                        .is_some_and(|batch| batch.total() <= EMPTY)
                    {
                        self.fresh.pop_front();
                    } else {
                        break;
                    }
                }
            }
            Order::Lifo => {
                for index in (0..self.fresh.len()).rev() {
                    self.serve_batch(index, &mut left, &mut served);
                }
                self.serve_expired(&mut left, &mut served);
            }
        }
        served
    }

    /// Lets a step pass; returns what its clients give up on in it, by attempt.
    pub fn grow_older(&mut self) -> Vec<f64> {
        for batch in &mut self.fresh {
            batch.age_steps += 1;
        }
        for (_, age) in &mut self.expired {
            *age += 1;
        }
        let mut given_up = vec![0.0; self.attempts];
        let old = |batch: &Batch, limit| batch.age_steps >= limit;
        while self
            .fresh
            .front()
            .is_some_and(|batch| old(batch, self.timeout_steps))
        {
            let batch = self.fresh.pop_front().expect("it was looked at");
            let amount = batch.total();
            for (sum, part) in given_up.iter_mut().zip(&batch.by_attempt) {
                *sum += part;
            }
            if self.policy.drops_expired {
                self.waiting -= amount;
            } else if amount > EMPTY {
                self.expired.push_back((amount, batch.age_steps));
            }
        }
        given_up
    }

    fn serve_batch(&mut self, index: usize, left: &mut f64, served: &mut Served) {
        let batch = &mut self.fresh[index];
        let total = batch.total();
        let taken = total.min(*left);
        if taken <= 0.0 {
            return;
        }
        let share = taken / total;
        for (part, sum) in batch.by_attempt.iter_mut().zip(&mut served.answered) {
            *sum += *part * share;
            *part *= 1.0 - share;
        }
        let age_s = f64::from(batch.age_steps) * self.step_s;
        served.waited_s += taken * age_s;
        served.left_after_s += taken * age_s;
        *left -= taken;
        self.waiting -= taken;
    }

    fn serve_expired(&mut self, left: &mut f64, served: &mut Served) {
        while *left > 0.0
            && let Some((amount, age)) = self.expired.front_mut()
        {
            let taken = amount.min(*left);
            *amount -= taken;
            *left -= taken;
            self.waiting -= taken;
            served.wasted += taken;
            served.left_after_s += taken * f64::from(*age) * self.step_s;
            if *amount <= EMPTY {
                self.expired.pop_front();
            }
        }
    }

    /// Seconds that what waits has waited so far, summed over requests.
    #[must_use]
    pub fn spent_so_far_s(&self) -> f64 {
        let fresh = self
            .fresh
            .iter()
            .map(|batch| batch.total() * f64::from(batch.age_steps));
        let expired = self
            .expired
            .iter()
            .map(|(amount, age)| amount * f64::from(*age));
        (fresh.sum::<f64>() + expired.sum::<f64>()) * self.step_s
    }

    /// What waits, added up from its parts: equal to [`Queue::waiting`] up to rounding.
    #[must_use]
    pub fn audit(&self) -> f64 {
        let fresh: f64 = self.fresh.iter().map(Batch::total).sum();
        fresh + self.expired.iter().map(|(amount, _)| amount).sum::<f64>()
    }
}

/// Less than this of a request is none: a fluid thins out but never quite ends.
const EMPTY: f64 = 1e-9;
