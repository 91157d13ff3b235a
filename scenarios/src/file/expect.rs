//! What must come out.

use schemars::JsonSchema;
use serde::Deserialize;

use super::ToolKindFile;
use crate::place::At;
use crate::scalar::{Count, Duration, Name, Percent, Scalar};

/// One requirement, and in how many runs it must hold.
pub type ExpectFile = At<ExpectationFile>;

/// One requirement: exactly one of these keys besides `rate`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectationFile {
    /// This layer stops the change.
    #[serde(default)]
    pub caught_by: Option<CatchPointFile>,
    /// From the first user harmed to the first signal that somebody or something acts on.
    #[serde(default)]
    pub time_to_detect_at_most: Option<Scalar<Duration>>,
    /// From the first user harmed until every objective holds again.
    #[serde(default)]
    pub time_to_mitigate_at_most: Option<Scalar<Duration>>,
    /// Whether every objective holds again before the run ends.
    #[serde(default)]
    pub mitigated: Option<bool>,
    /// From the first page to the first acknowledgement.
    #[serde(default)]
    pub acknowledged_within: Option<Scalar<Duration>>,
    /// From the first user harmed to the first post that users can read.
    #[serde(default)]
    pub users_told_within: Option<Scalar<Duration>>,
    /// From the begin of the rollback until no reachable instance runs the change.
    #[serde(default)]
    pub rollback_adopted_within: Option<Scalar<Duration>>,
    /// Instances that ever ran the change, among those of its service.
    #[serde(default)]
    pub exposure_at_most: Option<Scalar<Percent>>,
    /// Pages sent.
    #[serde(default)]
    pub pages_at_most: Option<Scalar<Count>>,
    /// Alerts that fire.
    #[serde(default)]
    pub alerts_at_least: Option<Scalar<Count>>,
    /// Incidents that are opened.
    #[serde(default)]
    pub incidents_at_most: Option<Scalar<Count>>,
    /// The place of the change that did it among the suspects that were shown first.
    #[serde(default)]
    pub suspect_rank_at_most: Option<Scalar<Count>>,
    /// Teams paged.
    #[serde(default)]
    pub teams_paged_at_least: Option<Scalar<Count>>,
    /// Whether the command of an incident changes hands.
    #[serde(default)]
    pub hands_over: Option<bool>,
    /// Whether the change reaches its whole scope and stays.
    #[serde(default)]
    pub reaches_full: Option<bool>,
    /// Whether an objective's error budget burns faster than it may because of the change.
    #[serde(default)]
    pub breaches_slo: Option<bool>,
    /// Whether a request of a user is harmed because of the change.
    #[serde(default)]
    pub harms_users: Option<bool>,
    /// An action of this kind works, as telemetry shows.
    #[serde(default)]
    pub action_works: Option<ToolKindFile>,
    /// An action of this kind is refused, or does not work.
    #[serde(default)]
    pub action_fails: Option<ToolKindFile>,
    /// In at least this share of runs; 100 % when left out.
    #[serde(default)]
    pub rate: Option<Scalar<Percent>>,
}

/// A layer that may stop a change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CatchPointFile {
    /// Validation.
    Validation,
    /// Review.
    Review,
    /// The judge of any canary stage.
    Canary,
    /// The judge of any wave.
    Wave,
    /// The judge of the stage of this name.
    Stage(Scalar<Name>),
    /// An alert on an objective.
    SloAlert,
    /// An alert on what instances show.
    SymptomAlert,
    /// Users who complain, when nobody has answered a page.
    Users,
    /// Nothing, but a stage had no data and paused the rollout.
    NoData,
    /// Nothing, whether or not a stage paused the rollout for lack of data.
    Nobody,
}
