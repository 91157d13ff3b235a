//! What a judge looks at, and how much of it is too much.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ClassId;
use crate::ratio::Ppm;

/// A number read from telemetry. More of it is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Errors among requests, in parts per million.
    ErrorRatio {
        /// Of one class of requests; of all when absent.
        class: Option<ClassId>,
    },
    /// Requests that did not come to what the business wants of them, in parts per million.
    BusinessLoss {
        /// Of one class of requests; of all when absent.
        class: Option<ClassId>,
    },
    /// A latency quantile, in microseconds.
    Latency {
        /// Which one, in parts per million: 990 000 is p99.
        quantile: Ppm,
    },
    /// Instances that fail their health check, in parts per million.
    Unavailable,
    /// Restarts since judging began.
    Restarts,
    /// Processor use, in parts per million.
    Cpu,
    /// Memory use, in parts per million.
    Memory,
    /// Network use, in parts per million.
    Network,
    /// Disk use, in parts per million.
    Disk,
}

impl Signal {
    /// Prints a value of this signal with its unit.
    #[must_use]
    pub fn format(self, value: u64) -> alloc::string::String {
        match self {
            Self::Latency { .. } => alloc::format!("{}.{} ms", value / 1_000, value / 100 % 10),
            Self::Restarts => alloc::format!("{value}"),
            Self::ErrorRatio { .. }
            | Self::BusinessLoss { .. }
            | Self::Unavailable
            | Self::Cpu
            | Self::Memory
            | Self::Network
            | Self::Disk => alloc::format!("{}", Ppm(u32::try_from(value).unwrap_or(u32::MAX))),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrorRatio { class: None } => f.write_str("error ratio"),
            Self::ErrorRatio { class: Some(class) } => write!(f, "error ratio of class {class}"),
            Self::BusinessLoss { class: None } => f.write_str("business loss"),
            Self::BusinessLoss { class: Some(class) } => {
                write!(f, "business loss of class {class}")
            }
            Self::Latency { quantile } => {
                let digits = alloc::format!("{quantile}");
                write!(f, "latency p{}", digits.trim_end_matches(" %"))
            }
            Self::Unavailable => f.write_str("unavailable instances"),
            Self::Restarts => f.write_str("restarts"),
            Self::Cpu => f.write_str("cpu"),
            Self::Memory => f.write_str("memory"),
            Self::Network => f.write_str("network"),
            Self::Disk => f.write_str("disk"),
        }
    }
}

/// Where too much begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The candidate may reach this value, in the signal's unit.
    AtMost(u64),
    /// The candidate may reach the control's value times a factor, and in any case `floor`.
    AtMostControl {
        /// The factor, in parts per million: 1 500 000 allows half as much again.
        factor_ppm: u64,
        /// Values up to this one pass whatever the control shows, in the signal's unit.
        floor: u64,
    },
}

/// One check of a judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What is looked at.
    pub signal: Signal,
    /// Where too much begins.
    pub limit: Limit,
    /// The smallest sample that decides anything: requests for ratios and latency, instances
    /// for the rest.
    pub sample_min: u64,
}
