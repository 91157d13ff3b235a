//! What a run is asked to be: plain records without an invalid state the world could trip over.
//!
//! A [`Scenario`] is built by a loader or by a test and checked once with [`Scenario::check`].
//! Names are kept beside ids: index `i` of a list has id `i`.

mod alerting;
mod bustle;
mod check;
mod check_people;
mod check_tools;
mod defect;
mod demand;
mod fleet;
pub(crate) mod mix;
mod people;
mod propagation;
mod response;
mod status;
mod teams;
mod tools;

use firedrill_core::Micros;
use firedrill_core::config::{Edit, Principal, Schema};
use firedrill_core::health::Slo;
use firedrill_core::ids::{ConfigId, PlanId, ServiceId};
use firedrill_core::incident::PagingPolicy;
use firedrill_core::remediation::AutomationMode;
use firedrill_core::rollout::Plan;
use serde::{Deserialize, Serialize};

use crate::expect::Expectation;

pub use crate::world::congestion::{Backoff, Breaker, ClientPolicy, Order, Throttle};
pub use alerting::{Alerting, PAGER, RECEIVERS, TICKETS};
pub use bustle::{ChangeRates, NoiseLevel, NoiseRates};
pub use check::SpecError;
pub use defect::{Defect, Mechanism, Onset, Symptom, Trigger};
pub use demand::{Demand, DemandEvent, Drift, FlashCrowd, RegionFailover, Weekday, Weekly};
pub use fleet::{Edge, Ejection, Fleet, Golden, LogNormal, Region, RequestClass, Service};
pub use mix::{DefectMix, DrawnDefect, MixPart};
pub use people::{
    Acknowledging, HandOver, Hesitating, OnCall, Responders, ResponsePolicy, Review, RollbackTool,
    Searching, Site, Trust,
};
pub use propagation::{Partition, Propagation, Reach};
pub use response::{ActionTool, Cue, Deed, Play, Response};
pub use status::StatusPosts;
pub use teams::{PersonSpec, TeamSpec, Teams};
pub use tools::{Outage, Support, ToolKind, ToolSpec};

/// A named rollout plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedPlan {
    /// Its name.
    pub name: String,
    /// The plan.
    pub plan: Plan,
}

/// A config document of the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigSpec {
    /// Keys, types, ranges, rules; its name names the config.
    pub schema: Schema,
    /// The service whose instances run it.
    pub service: ServiceId,
    /// The plans that may roll it out; ids number them in order.
    pub plans: Vec<NamedPlan>,
}

/// A named objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedSlo {
    /// Its name.
    pub name: String,
    /// The objective.
    pub slo: Slo,
}

/// A change that somebody proposes during the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeSpec {
    /// What it is meant to do, in a sentence.
    pub title: String,
    /// When it is proposed.
    pub at: Micros,
    /// The config.
    pub config: ConfigId,
    /// The author.
    pub author: Principal,
    /// The new values.
    pub edits: Vec<Edit>,
    /// The plan that an approval starts.
    pub plan: PlanId,
    /// Who reviews it, and how.
    pub review: Review,
    /// What is wrong with it, unknown to everybody in the run; nothing when it is good.
    pub defect: Option<Defect>,
    /// Defects of which each seed draws one, instead of a fixed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<DefectMix>,
}

/// How numbers get from instances to the core.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Time between scrapes; a multiple of the step.
    pub scrape_every: Micros,
    /// Delay from scrape to judge.
    pub ingestion: LogNormal,
    /// The share of scrapes that never arrive, in `0..=1`.
    pub loss_share: f64,
    /// Lines that instances log as errors for every request although nothing is wrong.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub log_noise: f64,
    /// Synthetic transactions a second, sent to the instances of each version in each region.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub probes_per_s: f64,
    /// Users who tell; nobody does when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_reports: Option<UserReports>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the serialiser hands over a reference"
)]
pub(crate) fn is_zero(rate: &f64) -> bool {
    *rate == 0.0
}

impl Telemetry {
    /// Scrapes alone: nothing is logged without a failed request, nobody probes, no user tells.
    #[must_use]
    pub const fn of_scrapes(scrape_every: Micros, ingestion: LogNormal, loss_share: f64) -> Self {
        Self {
            scrape_every,
            ingestion,
            loss_share,
            log_noise: 0.0,
            probes_per_s: 0.0,
            user_reports: None,
        }
    }
}

/// Users who tell that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserReports {
    /// The share of harmed requests that somebody reports, in `0..=1`.
    pub share: f64,
    /// From the harm to the report.
    pub delay: LogNormal,
    /// Reports an hour that have no cause.
    pub background_per_hour: f64,
}

/// Noise that has nothing to do with any change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Hosts that go bad and recover by themselves; none when absent.
    pub flapping: Option<Flapping>,
    /// How hosts differ; all are the same when absent, which leaves no trace in the serialised
    /// form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heterogeneity: Option<Heterogeneity>,
}

/// How hosts of a service differ, for no reason that anybody knows of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heterogeneity {
    /// The standard deviation of their error shares, relative to the service's.
    pub error_sigma: f64,
    /// The standard deviation of the logarithm of their service times.
    pub latency_sigma: f64,
}

/// Hosts that flap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flapping {
    /// The share of all instances that sit on such hosts, in `0..=1`.
    pub share: f64,
    /// Mean time between two bad spells.
    pub good_mean: Micros,
    /// Mean length of a bad spell.
    pub bad_mean: Micros,
    /// Error probability of requests served during a bad spell, in `0..=1`.
    pub error_share: f64,
}

/// How the core is set up beyond plans and objectives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorePolicy {
    /// How people are paged.
    pub paging: PagingPolicy,
    /// How often alert rules are evaluated.
    pub evaluate_every: Micros,
    /// How long after its last widening a change is a suspect.
    pub suspect_window: Micros,
    /// How far automation is trusted to roll back.
    pub automation: AutomationMode,
}

/// Everything that makes a run, but the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, a slug.
    pub name: String,
    /// How it is named on a command line: a name of the catalogue or a path. Not part of what the
    /// scenario is.
    #[serde(skip)]
    pub source: String,
    /// One line.
    pub title: String,
    /// What it teaches, in a few sentences.
    pub summary: String,
    /// How long the run lasts.
    pub duration: Micros,
    /// The step in which fleet and demand move; events between steps keep their exact time.
    pub step: Micros,
    /// Regions, services, classes.
    pub fleet: Fleet,
    /// How many requests come, and when.
    pub demand: Demand,
    /// Config documents.
    pub configs: Vec<ConfigSpec>,
    /// Objectives.
    pub slos: Vec<NamedSlo>,
    /// Changes, in the order of their time.
    pub changes: Vec<ChangeSpec>,
    /// How config gets to instances.
    pub propagation: Propagation,
    /// How numbers get to the core.
    pub telemetry: Telemetry,
    /// Noise.
    pub noise: Noise,
    /// Who is on call.
    pub on_call: OnCall,
    /// The tools that people respond with, each kind once. What is not listed always works and
    /// takes no time; without any, nothing of this is left in the serialised form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// Who listens to users; nobody when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Support>,
    /// Teams, and who of them is on call; one person for everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<Box<Teams>>,
    /// What those outside are told; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusPosts>,
    /// How the core is set up.
    pub core: CorePolicy,
    /// What raises alerts beside objectives, and how alerts are told. Plain, it leaves no trace
    /// in the serialised form.
    #[serde(default, skip_serializing_if = "Alerting::is_plain")]
    pub alerting: Alerting,
    /// What is done about outages beside taking changes back.
    #[serde(default, skip_serializing_if = "Response::is_default")]
    pub response: Response,
    /// What must come out.
    pub expect: Vec<Expectation>,
}

impl Scenario {
    /// The content hash of the scenario: twelve hexadecimal digits.
    ///
    /// # Panics
    /// Never: a scenario is plain data.
    #[must_use]
    pub fn hash(&self) -> String {
        use sha2::Digest;
        let text = serde_json::to_vec(self).expect("a scenario is plain data");
        let digest = sha2::Sha256::digest(text);
        digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
