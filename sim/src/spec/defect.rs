//! What a bad config does: mechanism × onset × triggers.

use firedrill_core::Micros;
use firedrill_core::config::Value;
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
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
    /// Instances burn processor time on the side: less is left for requests.
    CpuBurn {
        /// Capacity is divided by this; above 1.
        factor: f64,
    },
    /// Memory grows with every request until the instance is killed and starts again.
    MemoryLeak {
        /// Under its full load an instance is out of memory after this long.
        fills_after: Micros,
    },
    /// Instances hold on to what another service has a limited number of.
    QuotaExhaustion {
        /// The service that runs out.
        victim: ServiceId,
        /// Its capacity is divided by this once every instance runs the config; above 1.
        factor: f64,
    },
    /// Instances try calls to another service more often, or give up on them too early.
    RetryStorm {
        /// The service that is called.
        callee: ServiceId,
        /// Tries for one call, the first included.
        attempts: u32,
        /// The new timeout; the old one when absent.
        timeout: Option<Micros>,
    },
    /// Answers are wrong, though fast and without an error: only the business notices.
    WrongData {
        /// Of this class; of every class when absent.
        class: Option<ClassId>,
        /// The share of those answers that are wrong, in `0..=1`.
        share: f64,
    },
    /// Instances forget their cache: another service gets the calls that it used to save.
    CacheStorm {
        /// The service behind the cache.
        store: ServiceId,
        /// Calls to it are multiplied by this at first; above 1.
        factor: f64,
        /// The cache is refilled to a share of `1 − 1/e` after this long.
        refill: Micros,
    },
    /// Instances that load it cannot be reached any more: not by users, not by telemetry, not by
    /// config distribution.
    AccessLoss {
        /// The share of instances that are cut off, in `0..=1`.
        share: f64,
    },
    /// Instances that load it stop telling how they are, and answer distribution slowly.
    ToolingPoison {
        /// The share of their scrapes that are lost, in `0..=1`.
        scrapes_lost: f64,
        /// Config takes this many times as long to reach them; at least 1.
        distribution_factor: f64,
    },
}

/// When a defect begins to hurt, counted from when an instance loads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Onset {
    /// At once.
    #[default]
    AtLoad,
    /// All of it, this much later.
    Delayed(Micros),
    /// Evenly more of it, all after this long.
    Ramp(Micros),
    /// When the instance next restarts, which it does every so often: exponential times of this
    /// mean.
    NextRestart(Micros),
}

/// What must also be so for a defect to hurt. Several triggers must all be so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Instances are busier than this, in `0..=1`.
    LoadAbove(f64),
    /// Local time of day is between these.
    LocalTime {
        /// From.
        from: Micros,
        /// Until; earlier than `from` reaches over midnight.
        until: Micros,
    },
    /// The instance is in one of these regions.
    Regions(Vec<RegionId>),
    /// The instance is of this hardware class.
    Hardware(u8),
    /// Another key of the same config has this value.
    Key {
        /// The key.
        key: String,
        /// The value.
        value: Value,
    },
}

/// A defect of a config version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defect {
    /// What goes wrong and why, in a sentence, for the post-mortem.
    pub story: String,
    /// How it hurts.
    pub mechanism: Mechanism,
    /// Lines that it makes an instance log as errors for every request, at full strength: what it
    /// does may show there first.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub log_lines: f64,
    /// When it begins to.
    pub onset: Onset,
    /// What must also be so; nothing else when empty.
    pub triggers: Vec<Trigger>,
}

/// What a defect looks like from outside: the signals that can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symptom {
    /// Requests fail.
    Errors,
    /// Requests are slow.
    Latency,
    /// Instances are gone.
    Availability,
    /// Resources run out before requests suffer.
    Saturation,
    /// Another service suffers.
    Downstream,
    /// The business suffers, and nothing else shows.
    Business,
    /// Telemetry goes silent.
    Silence,
}

impl Mechanism {
    /// A short name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Errors { .. } => "errors",
            Self::Latency { .. } => "latency",
            Self::CrashOnLoad { .. } => "crash on load",
            Self::CpuBurn { .. } => "cpu burn",
            Self::MemoryLeak { .. } => "memory leak",
            Self::QuotaExhaustion { .. } => "quota exhaustion",
            Self::RetryStorm { .. } => "retry storm",
            Self::WrongData { .. } => "wrong data",
            Self::CacheStorm { .. } => "cache storm",
            Self::AccessLoss { .. } => "access loss",
            Self::ToolingPoison { .. } => "tooling poison",
        }
    }

    /// The class of requests that it is confined to.
    #[must_use]
    pub const fn class(&self) -> Option<ClassId> {
        match self {
            Self::Errors { class, .. } | Self::WrongData { class, .. } => *class,
            Self::Latency { .. }
            | Self::CrashOnLoad { .. }
            | Self::CpuBurn { .. }
            | Self::MemoryLeak { .. }
            | Self::QuotaExhaustion { .. }
            | Self::RetryStorm { .. }
            | Self::CacheStorm { .. }
            | Self::AccessLoss { .. }
            | Self::ToolingPoison { .. } => None,
        }
    }

    /// The service beside the changed one that suffers.
    #[must_use]
    pub const fn victim(&self) -> Option<ServiceId> {
        match self {
            Self::QuotaExhaustion { victim, .. } => Some(*victim),
            Self::RetryStorm { callee, .. } => Some(*callee),
            Self::CacheStorm { store, .. } => Some(*store),
            Self::Errors { .. }
            | Self::Latency { .. }
            | Self::CrashOnLoad { .. }
            | Self::CpuBurn { .. }
            | Self::MemoryLeak { .. }
            | Self::WrongData { .. }
            | Self::AccessLoss { .. }
            | Self::ToolingPoison { .. } => None,
        }
    }

    /// The signal that sees it first.
    #[must_use]
    pub const fn symptom(&self) -> Symptom {
        match self {
            Self::Errors { .. } => Symptom::Errors,
            Self::Latency { .. } => Symptom::Latency,
            Self::CrashOnLoad { .. } | Self::AccessLoss { .. } => Symptom::Availability,
            Self::CpuBurn { .. } | Self::MemoryLeak { .. } => Symptom::Saturation,
            Self::QuotaExhaustion { .. } | Self::RetryStorm { .. } | Self::CacheStorm { .. } => {
                Symptom::Downstream
            }
            Self::WrongData { .. } => Symptom::Business,
            Self::ToolingPoison { .. } => Symptom::Silence,
        }
    }
}
