//! What a judge looks at, and how much of it is too much.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ClassId;
use crate::ratio::Ppm;

/// A number read from telemetry. More of it is worse, but for throughput.
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
    /// Requests that an instance answers in a minute. Less of it is worse.
    Throughput,
    /// Lines logged as errors, in parts per million of the requests; there may be more lines than
    /// requests.
    LogErrors,
    /// Synthetic transactions that failed, in parts per million.
    Probes,
    /// Reports of users that came in since judging began, from whichever instances they got their
    /// answers: nobody knows.
    Reports,
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
    /// The class of requests that it is confined to.
    #[must_use]
    pub const fn class(self) -> Option<ClassId> {
        match self {
            Self::ErrorRatio { class } | Self::BusinessLoss { class } => class,
            Self::Latency { .. }
            | Self::Throughput
            | Self::LogErrors
            | Self::Probes
            | Self::Reports
            | Self::Unavailable
            | Self::Restarts
            | Self::Cpu
            | Self::Memory
            | Self::Network
            | Self::Disk => None,
        }
    }

    /// Whether it is a share of requests, or a time of theirs: whether chance can be reckoned with.
    #[must_use]
    pub const fn counts_requests(self) -> bool {
        match self {
            Self::ErrorRatio { .. }
            | Self::BusinessLoss { .. }
            | Self::Latency { .. }
            | Self::Probes => true,
            Self::Throughput
            | Self::LogErrors
            | Self::Reports
            | Self::Unavailable
            | Self::Restarts
            | Self::Cpu
            | Self::Memory
            | Self::Network
            | Self::Disk => false,
        }
    }

    /// Its name without that of a class.
    #[must_use]
    pub fn name(self) -> alloc::string::String {
        let name = match self {
            Self::Latency { quantile } => {
                let digits = alloc::format!("{quantile}");
                return alloc::format!("latency p{}", digits.trim_end_matches(" %"));
            }
            Self::ErrorRatio { .. } => "error ratio",
            Self::BusinessLoss { .. } => "business loss",
            Self::Throughput => "throughput",
            Self::LogErrors => "logged errors",
            Self::Probes => "failed probes",
            Self::Reports => "user reports",
            Self::Unavailable => "unavailable instances",
            Self::Restarts => "restarts",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Network => "network",
            Self::Disk => "disk",
        };
        name.into()
    }

    /// Prints a value of this signal with its unit.
    #[must_use]
    pub fn format(self, value: u64) -> alloc::string::String {
        match self {
            Self::Latency { .. } => alloc::format!("{}.{} ms", value / 1_000, value / 100 % 10),
            Self::Restarts | Self::Reports => alloc::format!("{value}"),
            Self::Throughput => alloc::format!("{value} a minute"),
            Self::LogErrors => alloc::format!("{}.{:03} a thousand", value / 1_000, value % 1_000),
            Self::ErrorRatio { .. }
            | Self::BusinessLoss { .. }
            | Self::Probes
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
        f.write_str(&self.name())?;
        match self.class() {
            Some(class) => write!(f, " of class {class}"),
            None => Ok(()),
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
    /// The candidate may fall to this value, in the signal's unit.
    AtLeast(u64),
    /// The candidate may fall to this part of the control's value.
    AtLeastControl {
        /// The part, in parts per million: 800 000 allows a fifth less.
        factor_ppm: u64,
    },
}

impl Limit {
    /// Whether it is a multiple or a part of what the control shows.
    #[must_use]
    pub const fn is_relative(self) -> bool {
        match self {
            Self::AtMostControl { .. } | Self::AtLeastControl { .. } => true,
            Self::AtMost(_) | Self::AtLeast(_) => false,
        }
    }

    /// Whether too little is what is asked about, rather than too much.
    #[must_use]
    pub const fn is_lower(self) -> bool {
        match self {
            Self::AtLeast(_) | Self::AtLeastControl { .. } => true,
            Self::AtMost(_) | Self::AtMostControl { .. } => false,
        }
    }

    /// The value that applies; `None` when it takes a control that is not there.
    #[must_use]
    pub fn applied(self, control: Option<u64>) -> Option<u64> {
        match self {
            Self::AtMost(limit) | Self::AtLeast(limit) => Some(limit),
            Self::AtMostControl { factor_ppm, floor } => {
                control.map(|value| scaled(value, factor_ppm).max(floor))
            }
            Self::AtLeastControl { factor_ppm } => control.map(|value| scaled(value, factor_ppm)),
        }
    }

    /// Whether a value lies beyond the limit that applies.
    #[must_use]
    pub const fn is_exceeded(self, value: u64, applied: u64) -> bool {
        if self.is_lower() {
            value < applied
        } else {
            value > applied
        }
    }
}

/// `value` times so many parts per million.
pub(super) fn scaled(value: u64, factor_ppm: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(factor_ppm) / 1_000_000).unwrap_or(u64::MAX)
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
