//! The tools that people respond with, and who listens to users.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::DistributionFile;
use crate::place::At;
use crate::scalar::{Count, Duration, Name, Percent, Scalar};

/// The tools, each at most once. One that is not listed always works and takes no time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ToolsFile {
    /// Keeps the numbers: while it is down no scrape reaches judges or alert rules, and whoever
    /// looks for a cause is half blind.
    #[serde(default)]
    pub metrics_store: Option<At<ToolFile>>,
    /// Turns alerts into pages: while it is down no page gets out.
    #[serde(default)]
    pub alert_sender: Option<At<ToolFile>>,
    /// Reaches people: while it is down no page gets out.
    #[serde(default)]
    pub pager: Option<At<ToolFile>>,
    /// Shows the numbers: while they are down, whoever looks for a cause is half blind.
    #[serde(default)]
    pub dashboards: Option<At<ToolFile>>,
    /// Where people talk: while it is down it takes twice as long to ask somebody else.
    #[serde(default)]
    pub chat: Option<At<ToolFile>>,
    /// Brings config to instances: while it is down pushes wait, and rollbacks go another way or
    /// wait too.
    #[serde(default)]
    pub distribution: Option<At<ToolFile>>,
    /// Takes changes back when people order it: while it is down they go another way or wait.
    #[serde(default)]
    pub rollback_service: Option<At<ToolFile>>,
    /// Tells those outside: while it is down posts wait.
    #[serde(default)]
    pub status_page: Option<At<ToolFile>>,
}

/// What those outside are told while an incident goes on, by whoever commands it. Needs `teams`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StatusPostsFile {
    /// For everybody in the organisation; nothing is posted there when left out.
    #[serde(default)]
    pub internal: Option<StatusPolicyFile>,
    /// For users; nothing is posted there when left out.
    #[serde(default)]
    pub public: Option<StatusPolicyFile>,
    /// What it takes to write a post; about 3 min when left out.
    #[serde(default)]
    pub writing: Option<DistributionFile>,
    /// So long before its deadline an update is begun; 6 min when left out.
    #[serde(default)]
    pub reminded: Option<Scalar<Duration>>,
}

/// When a status page must be posted to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StatusPolicyFile {
    /// Only of incidents that are at least this bad: 0 to 4, of which 0 is the worst. 3 inside
    /// and 2 outside when left out.
    #[serde(default)]
    pub from_severity: Option<Scalar<Count>>,
    /// The first post, from when the incident is declared and that bad; 5 min when left out.
    #[serde(default)]
    pub first_within: Option<Scalar<Duration>>,
    /// From each post to the next; 20 min when left out.
    #[serde(default)]
    pub update_every: Option<Scalar<Duration>>,
    /// The last post, from the all-clear; 20 min when left out.
    #[serde(default)]
    pub final_within: Option<Scalar<Duration>>,
}

/// A tool, what it needs, and what there is when it is gone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ToolFile {
    /// The share of time in which it works by itself; 100 % when left out. What such tools are
    /// sold with is 99.9 %.
    #[serde(default)]
    pub availability: Option<Scalar<Percent>>,
    /// The mean length of an outage of its own; 30 min when left out.
    #[serde(default)]
    pub outage_mean: Option<Scalar<Duration>>,
    /// How long one use takes when all is well; a few seconds when left out.
    #[serde(default)]
    pub latency: Option<Scalar<Duration>>,
    /// The services of the fleet that it cannot work without; none when left out.
    #[serde(default)]
    pub depends_on: Vec<Scalar<Name>>,
    /// It works while each of them answers at least this share of requests; 50 % when left out.
    #[serde(default)]
    pub needs_health: Option<Scalar<Percent>>,
    /// How long one use takes by a way that depends on nothing; there is none when left out.
    #[serde(default)]
    pub out_of_band: Option<Scalar<Duration>>,
    /// How long it takes to get past those services by sealed credentials, once; there are none
    /// when left out. What works without people has none.
    #[serde(default)]
    pub break_glass: Option<Scalar<Duration>>,
    /// When it is down for certain, in the order of time.
    #[serde(default)]
    pub down: Vec<OutageFile>,
}

/// A stretch of time in which a tool is down.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutageFile {
    /// Its begin, from the start of the run.
    pub from: Scalar<Duration>,
    /// Its end.
    pub until: Scalar<Duration>,
}

/// People whom users complain to. When nobody is at work on it, they call whoever is on call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SupportFile {
    /// So many reports make them call; at least 1.
    pub reports: Scalar<Count>,
    /// Within this time.
    pub within: Scalar<Duration>,
    /// From there to the call that is answered.
    pub calls: DistributionFile,
}
