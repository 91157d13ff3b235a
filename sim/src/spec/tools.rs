//! The tools that people respond with.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;
use serde::{Deserialize, Serialize};

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
        }
    }
}
