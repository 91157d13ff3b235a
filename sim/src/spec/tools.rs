//! The tools that people respond with.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;
use serde::{Deserialize, Serialize};

use super::LogNormal;

/// What a tool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolKind {
    /// Keeps the numbers.
    MetricsStore,
    /// Turns alerts into pages.
    AlertSender,
    /// Reaches people.
    Pager,
    /// Shows the numbers.
    Dashboards,
    /// Where people talk.
    Chat,
    /// Brings config to instances.
    Distribution,
    /// Takes changes back.
    RollbackService,
    /// Tells the public.
    StatusPage,
}

impl ToolKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::MetricsStore,
        Self::AlertSender,
        Self::Pager,
        Self::Dashboards,
        Self::Chat,
        Self::Distribution,
        Self::RollbackService,
        Self::StatusPage,
    ];
}

impl std::fmt::Display for ToolKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MetricsStore => "metrics store",
            Self::AlertSender => "alert sender",
            Self::Pager => "pager",
            Self::Dashboards => "dashboards",
            Self::Chat => "chat",
            Self::Distribution => "config distribution",
            Self::RollbackService => "rollback service",
            Self::StatusPage => "status page",
        })
    }
}

/// A stretch of time in which a tool does not work by its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// Its begin.
    pub from: Micros,
    /// Its end; later.
    pub until: Micros,
}

/// People whom users complain to, and who call whoever is on call when nobody else has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Support {
    /// So many reports make them call; at least one.
    pub reports_min: u32,
    /// Within this time.
    pub within: Micros,
    /// From there to the call that is answered.
    pub calls: LogNormal,
}

/// A tool, what it needs, and what there is when it is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// What it is for.
    pub kind: ToolKind,
    /// The share of time in which it works by itself, in `0..=1`. Assumption: 99.9 %, which is
    /// what such tools are sold with.
    pub availability: f64,
    /// The mean length of an outage of its own; above zero. Assumption: 30 min.
    pub outage_mean: Micros,
    /// How long one use takes when all is well.
    pub latency: Micros,
    /// The services of the fleet that it cannot work without.
    pub depends_on: Vec<ServiceId>,
    /// It works while each of them answers at least this share of requests, in `0..=1`.
    /// Assumption: half.
    pub needs_health: f64,
    /// How long one use takes by the way that depends on nothing; absent where there is none.
    pub out_of_band: Option<Micros>,
    /// How long it takes to get in by the sealed credentials, once; absent where there are none.
    pub break_glass: Option<Micros>,
    /// When it is down for certain, beside what its availability brings; in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub down: Vec<Outage>,
}

impl ToolSpec {
    /// A tool that depends on nothing and has no second way. Latencies are assumptions, but for
    /// distribution: config takes 14.5 s to reach a large unloaded fleet (Configerator, SOSP 2015).
    #[must_use]
    pub fn new(kind: ToolKind) -> Self {
        let latency = match kind {
            ToolKind::MetricsStore | ToolKind::Chat => Micros::from_secs(2),
            ToolKind::AlertSender | ToolKind::Dashboards => Micros::from_secs(5),
            ToolKind::Pager => Micros::from_secs(15),
            ToolKind::Distribution => Micros::from_millis(14_500),
            ToolKind::RollbackService => Micros::from_secs(10),
            ToolKind::StatusPage => Micros::from_mins(1),
        };
        Self {
            kind,
            availability: 0.999,
            outage_mean: Micros::from_mins(30),
            latency,
            depends_on: Vec::new(),
            needs_health: 0.5,
            out_of_band: None,
            break_glass: None,
            down: Vec::new(),
        }
    }
}
