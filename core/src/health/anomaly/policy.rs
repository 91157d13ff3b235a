//! What a detector is told beforehand.

use serde::{Deserialize, Serialize};

use crate::Micros;

/// What is known about a series' season.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Season {
    /// Nothing: one is looked for.
    #[default]
    Find,
    /// There is none.
    None,
    /// It has this length. Used as soon as two cycles were seen, and while it forecasts better
    /// than doing without.
    Every(Micros),
}

/// What a detector is told beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AnomalyPolicy {
    /// The season.
    pub season: Season,
    /// About how many points count as the past that a point is compared with.
    pub memory: u32,
}

impl Default for AnomalyPolicy {
    fn default() -> Self {
        Self {
            season: Season::Find,
            memory: 10_000,
        }
    }
}

/// The least [`AnomalyPolicy::memory`].
pub const MEMORY_MIN: u32 = 100;

/// Why there can be no detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnomalyPolicyError {
    /// A season without length.
    #[error("a season takes time")]
    SeasonIsZero,
    /// Too short a memory.
    #[error("a memory of {0} points is shorter than {MEMORY_MIN}")]
    MemoryTooShort(u32),
}

impl AnomalyPolicy {
    /// Whether it can be followed.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self) -> Result<(), AnomalyPolicyError> {
        if self.season == Season::Every(Micros::ZERO) {
            return Err(AnomalyPolicyError::SeasonIsZero);
        }
        if self.memory < MEMORY_MIN {
            return Err(AnomalyPolicyError::MemoryTooShort(self.memory));
        }
        Ok(())
    }
}
