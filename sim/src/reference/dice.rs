//! Draws, one after the other: here no draw needs an address of its own.

use firedrill_core::Micros;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::random::{log_normal, normal_quantile};
use crate::spec::LogNormal;

/// The draws of a run.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..17].copy_from_slice(b"reference");
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from the open interval (0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.uniform() < probability
    }

    /// One of so many.
    pub(super) fn one_of(&mut self, count: usize) -> usize {
        ((self.uniform() * count as f64) as usize).min(count - 1)
    }

    /// An exponential time of this mean.
    pub(super) fn exponential(&mut self, mean: Micros) -> Micros {
        Micros((-libm::log(self.uniform()) * mean.0 as f64) as u64)
    }

    /// A log-normal time.
    pub(super) fn log_normal(&mut self, time: LogNormal) -> Micros {
        log_normal(self.uniform(), time)
    }

    /// A standard normal number.
    pub(super) fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }
}
