//! What a bad config does.

use firedrill_core::ids::ClassId;
use serde::{Deserialize, Serialize};

/// How a bad config hurts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Instances that load it answer some requests with an error.
    Errors {
        /// Of this class; of every class when absent.
        class: Option<ClassId>,
        /// The share of those requests that fail, in `0..=1`.
        share: f64,
    },
    /// Instances that load it take longer for every request.
    Latency {
        /// Service time is multiplied by this; above 1.
        factor: f64,
    },
    /// Instances that load it crash, start again, and crash again until the config is gone.
    CrashOnLoad {
        /// The share of instances that crash, in `0..=1`.
        share: f64,
    },
}

/// A defect of a config version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defect {
    /// What goes wrong and why, in a sentence, for the post-mortem.
    pub story: String,
    /// How it hurts.
    pub mechanism: Mechanism,
}
