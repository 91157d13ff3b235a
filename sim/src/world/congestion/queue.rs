//! A queue by age and lane: a lane is what has the same client and the same attempt.

use std::collections::VecDeque;

use super::policy::{Order, QueuePolicy};

/// What a queue did in a step, in requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// Answered in time, by lane.
    pub answered: Vec<f64>,
    /// Served although the client had given up.
    pub wasted: f64,
    /// Seconds that what was answered had waited, summed over requests.
    pub waited_s: f64,
}

/// Requests that arrived in the same step.
#[derive(Clone, Debug, PartialEq)]
struct Batch {
    by_lane: Vec<f64>,
    /// Those whose client has given up.
    expired: f64,
    age_steps: u32,
}

impl Batch {
    fn total(&self) -> f64 {
        self.by_lane.iter().sum::<f64>() + self.expired
    }
}

/// Requests that wait, by age and lane.
#[derive(Clone, Debug)]
pub struct Queue {
    policy: QueuePolicy,
    step_s: f64,
    /// By lane: an attempt is given up when it is this old.
    timeout_steps: Vec<u32>,
    /// Those with a client that still waits, oldest first.
    fresh: VecDeque<Batch>,
    /// Those without, oldest first: amount and age in steps.
    expired: VecDeque<(f64, u32)>,
    waiting: f64,
    /// Requests that came in, and those that left in any way.
    came: f64,
    left: f64,
    /// Requests that waited, over time: seconds times requests.
    waited_s: f64,
    /// Seconds that what left in any way had waited, summed over requests.
    left_after_s: f64,
}

impl Queue {
    /// An empty queue with a lane for each timeout, in seconds.
    #[must_use]
    pub fn new(policy: QueuePolicy, timeouts_s: &[f64], step_s: f64) -> Self {
        let steps = |timeout: &f64| (timeout / step_s + 0.5).max(1.0) as u32;
        Self {
            policy,
            step_s,
            timeout_steps: timeouts_s.iter().map(steps).collect(),
            fresh: VecDeque::new(),
            expired: VecDeque::new(),
            waiting: 0.0,
            came: 0.0,
            left: 0.0,
            waited_s: 0.0,
            left_after_s: 0.0,
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

    /// Takes in the `share` of `arriving`, by lane; adds what is refused to `refused`.
    pub fn offer(&mut self, arriving: &[f64], share: f64, refused: &mut [f64]) {
        let total: f64 = arriving.iter().sum::<f64>() * share;
        let after_shedding = total * (1.0 - self.policy.shed_share);
        let room = self
            .policy
            .limit
            .map_or(f64::INFINITY, |limit| (limit - self.waiting).max(0.0));
        let admitted = after_shedding.min(room);
        let part = if total > 0.0 { admitted / total } else { 0.0 };
        for (sum, amount) in refused.iter_mut().zip(arriving) {
            *sum += amount * share * (1.0 - part);
        }
        self.waiting += admitted;
        self.came += admitted;
        let by_lane = arriving
            .iter()
            .map(|amount| amount * share * part)
            .collect();
        self.fresh.push_back(Batch {
            by_lane,
            expired: 0.0,
            age_steps: 0,
        });
    }

    /// Takes over what waits in another queue of the same lanes.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.waiting += other.waiting;
        self.came += other.came;
        self.left += other.left;
        self.waited_s += other.waited_s;
        self.left_after_s += other.left_after_s;
        for batch in other.fresh {
            let by_age = |own: &Batch| batch.age_steps.cmp(&own.age_steps);
            match self.fresh.binary_search_by(by_age) {
                Ok(index) => {
                    let own = &mut self.fresh[index];
                    own.expired += batch.expired;
                    for (own, other) in own.by_lane.iter_mut().zip(batch.by_lane) {
                        *own += other;
                    }
                }
                Err(index) => self.fresh.insert(index, batch),
            }
        }
        self.expired.extend(other.expired);
        self.expired
            .make_contiguous()
            .sort_by_key(|(_, age)| std::cmp::Reverse(*age));
    }

    /// Serves up to `capacity` requests in the queue's order.
    pub fn serve(&mut self, capacity: f64) -> Served {
        let lanes = self.timeout_steps.len();
        let mut served = Served {
            answered: vec![0.0; lanes],
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

    /// Lets a step pass; adds what clients give up on in it to `given_up`, by lane.
    pub fn grow_older(&mut self, given_up: &mut [f64]) {
        self.waited_s += self.waiting * self.step_s;
        for (_, age) in &mut self.expired {
            *age += 1;
        }
        for batch in &mut self.fresh {
            batch.age_steps += 1;
            for (lane, limit) in self.timeout_steps.iter().enumerate() {
                if batch.age_steps >= *limit && batch.by_lane[lane] > 0.0 {
                    let amount = std::mem::take(&mut batch.by_lane[lane]);
                    given_up[lane] += amount;
                    if self.policy.drops_expired {
                        self.waiting -= amount;
                        self.left += amount;
                        self.left_after_s += amount * f64::from(batch.age_steps) * self.step_s;
                    } else {
                        batch.expired += amount;
                    }
                }
            }
        }
        let oldest = self.timeout_steps.iter().copied().max().unwrap_or(0);
        while self
            .fresh
            .front()
            .is_some_and(|batch| batch.age_steps >= oldest)
        {
            let batch = self.fresh.pop_front().expect("it was looked at");
            if batch.expired > EMPTY {
                self.expired.push_back((batch.expired, batch.age_steps));
            }
        }
    }

    fn serve_batch(&mut self, index: usize, left: &mut f64, served: &mut Served) {
        let batch = &mut self.fresh[index];
        let total = batch.total();
        let taken = total.min(*left);
        if taken <= 0.0 {
            return;
        }
        let share = taken / total;
        let mut answered = 0.0;
        for (part, sum) in batch.by_lane.iter_mut().zip(&mut served.answered) {
            *sum += *part * share;
            answered += *part * share;
            *part *= 1.0 - share;
        }
        served.wasted += batch.expired * share;
        batch.expired *= 1.0 - share;
        let age_s = f64::from(batch.age_steps) * self.step_s;
        served.waited_s += answered * age_s;
        self.left += taken;
        self.left_after_s += taken * age_s;
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
            self.left += taken;
            self.left_after_s += taken * f64::from(*age) * self.step_s;
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

    /// Checks that what came has left or is still there, and that less than nothing never waits;
    /// and Little's law, `L = λW`, as an identity of the books: requests that waited, over time,
    /// are the times that requests waited, those still there included.
    pub(crate) fn assert_conserved(&self) {
        let (there, rounding) = (self.audit(), 1e-9 * self.came + 1e-3);
        assert!(
            self.waiting > -rounding && (self.came - self.left - there).abs() <= rounding,
            "{} requests came, {} left and {there} are there, {} by count",
            self.came,
            self.left,
            self.waiting
        );
        let spent = self.left_after_s + self.spent_so_far_s();
        let difference = (self.waited_s - spent).abs();
        assert!(
            difference <= 1e-6 * self.waited_s + 1e-3,
            "requests waited for {} s and spent {spent} s in the queue",
            self.waited_s
        );
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
