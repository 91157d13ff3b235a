//! The switches: what clients do when a call fails, and what a server does with its queue.

use serde::{Deserialize, Serialize};

/// Waiting between tries: full jitter, uniform over `0..=min(cap, base × 2^tries)` (Brooker,
/// "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// Seconds before the first retry, at most; 0 retries at once.
    pub base_s: f64,
    /// Seconds before any retry, at most.
    pub cap_s: f64,
}

/// A circuit breaker over a sliding window of calls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    /// The share of failed calls at which it opens, in `0..=1`.
    pub failure_share: f64,
    /// Calls it looks back on, and the least it decides on.
    pub calls: f64,
    /// Seconds for which it stays open.
    pub open_s: f64,
    /// Trial calls while half open.
    pub probes: f64,
}

/// Client-side adaptive throttling: a call is rejected locally with probability
/// `max(0, (requests − k × accepts) / (requests + 1))` (*Site Reliability Engineering*, chapter
/// "Handling Overload").
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throttle {
    /// The multiplier `k`; above 1.
    pub k: f64,
    /// Seconds it looks back.
    pub window_s: f64,
}

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientPolicy {
    /// Seconds after which it gives an attempt up.
    pub timeout_s: f64,
    /// Attempts for one request, the first included; at least one.
    pub attempts: u32,
    /// Waiting between them.
    pub backoff: Backoff,
    /// Retries allowed for each first attempt, on average; no limit when absent.
    pub retry_budget: Option<f64>,
    /// A circuit breaker.
    pub breaker: Option<Breaker>,
    /// Adaptive throttling.
    pub throttle: Option<Throttle>,
}

/// The order in which a queue is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The oldest first.
    Fifo,
    /// The newest first.
    Lifo,
}

/// What a server does with its queue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuePolicy {
    /// Who is served first.
    pub order: Order,
    /// Requests that may wait; more are refused at once. No limit when absent.
    pub limit: Option<f64>,
    /// Whether requests whose client has given up are dropped unserved.
    pub drops_expired: bool,
    /// The share of what arrives that is refused at once whatever the queue, in `0..=1`.
    pub shed_share: f64,
}

impl Default for QueuePolicy {
    fn default() -> Self {
        Self {
            order: Order::Fifo,
            limit: None,
            drops_expired: false,
            shed_share: 0.0,
        }
    }
}
