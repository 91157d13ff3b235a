//! What surrounds the fleet: objectives, telemetry, noise, paging.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::DistributionFile;
use crate::scalar::{Count, Duration, Name, Number, Percent, Rate, Scalar};

/// A service-level objective.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SloFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// What counts as bad.
    pub indicator: IndicatorFile,
    /// The promised share of good requests: above 0 %, below 100 %.
    pub objective: Scalar<Percent>,
    /// The period over which it is promised.
    pub period: Scalar<Duration>,
    /// Burn rates at which somebody hears of it. When left out, the four standard ones: page at
    /// 14.4 over 1 h and at 6 over 6 h, ticket at 3 over 1 d and at 1 over 3 d.
    #[serde(default)]
    pub rules: Option<Vec<BurnRuleFile>>,
    /// What a rule must have seen in its long window before it means anything; nothing when left
    /// out, so that the one failed request of a quiet night pages.
    #[serde(default)]
    pub low_traffic: Option<LowTrafficFile>,
}

/// What a rule must have seen before it means anything.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LowTrafficFile {
    /// Requests, at least.
    pub requests_min: Option<Scalar<Count>>,
    /// Bad requests, at least.
    pub bad_min: Option<Scalar<Count>>,
}

/// What counts as a bad request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum IndicatorFile {
    /// A request that the service answers with an error.
    #[serde(rename_all = "kebab-case")]
    Errors {
        /// The service at which requests are counted.
        service: Scalar<Name>,
        /// Only requests of this class; all when left out.
        #[serde(default)]
        class: Option<Scalar<Name>>,
    },
    /// A request that fails or is answered wrongly: one that the business loses.
    #[serde(rename_all = "kebab-case")]
    Business {
        /// The service at which requests are counted.
        service: Scalar<Name>,
        /// Only requests of this class; all when left out.
        #[serde(default)]
        class: Option<Scalar<Name>>,
    },
    /// A request that the service answers late.
    #[serde(rename_all = "kebab-case")]
    Slow {
        /// The service.
        service: Scalar<Name>,
        /// Later than this is late.
        threshold: Scalar<Duration>,
    },
}

/// Fires while the error budget burns faster than the factor in both windows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BurnRuleFile {
    /// The window that decides when it fires.
    pub long: Scalar<Duration>,
    /// The window that ends it; at least 1 s, at most the long one.
    pub short: Scalar<Duration>,
    /// How many times faster than even over the period the budget burns.
    pub factor: Scalar<Number>,
    /// Whether somebody is woken.
    pub urgency: UrgencyFile,
}

/// Whether somebody is woken.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UrgencyFile {
    /// Somebody looks at it in working hours.
    Ticket,
    /// Somebody is paged now.
    Page,
}

/// How numbers get from instances to whoever judges.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TelemetryFile {
    /// Time between scrapes; a multiple of the step.
    pub scrape_every: Scalar<Duration>,
    /// Delay from scrape to judge.
    pub ingestion: DistributionFile,
    /// The share of scrapes that never arrive.
    pub loss: Scalar<Percent>,
    /// Lines that instances log as errors for every thousand requests although nothing is wrong;
    /// none when left out.
    #[serde(default)]
    pub log_noise: Option<Scalar<Number>>,
    /// Synthetic transactions, sent to the instances of each version in each region; none when
    /// left out.
    #[serde(default)]
    pub probes: Option<Scalar<Rate>>,
    /// Users who tell that something is wrong; nobody does when left out.
    #[serde(default)]
    pub user_reports: Option<UserReportsFile>,
}

/// Users who tell that something is wrong.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserReportsFile {
    /// The share of harmed requests that somebody reports.
    pub share: Scalar<Percent>,
    /// From the harm to the report.
    pub delay: DistributionFile,
    /// Reports an hour that have no cause.
    pub background_per_hour: Scalar<Number>,
}

/// Noise that has nothing to do with any change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NoiseFile {
    /// Hosts that go bad and recover by themselves.
    #[serde(default)]
    pub flapping: Option<FlappingFile>,
    /// How hosts differ for no reason that anybody knows of, so that a canary of few hosts is not
    /// like its control; all hosts of a service are the same when left out.
    #[serde(default)]
    pub heterogeneity: Option<HeterogeneityFile>,
}

/// How the hosts of a service differ.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeterogeneityFile {
    /// The standard deviation of hosts' error shares, as a multiple of their service's, from 0 to
    /// 3: they are Beta-distributed around it. 0 when left out.
    #[serde(default)]
    pub error_sigma: Option<Scalar<Number>>,
    /// The standard deviation of the natural logarithm of hosts' service times, from 0 to 1: they
    /// are log-normal around their service's. 0 when left out.
    #[serde(default)]
    pub latency_sigma: Option<Scalar<Number>>,
}

/// Hosts that flap.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlappingFile {
    /// The share of all instances that sit on such hosts.
    pub share: Scalar<Percent>,
    /// Mean time between two bad spells.
    pub good_mean: Scalar<Duration>,
    /// Mean length of a bad spell.
    pub bad_mean: Scalar<Duration>,
    /// The share of requests that fail during a bad spell.
    pub error_share: Scalar<Percent>,
}

/// How the control plane alerts and pages.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoreFile {
    /// How people are paged.
    pub paging: PagingFile,
    /// How often alert rules are evaluated; above zero.
    pub evaluate_every: Scalar<Duration>,
    /// How long after its last widening a change is a suspect.
    pub suspect_window: Scalar<Duration>,
}

/// How people are paged.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PagingFile {
    /// How long a page may stay unanswered before the next one goes out.
    pub acknowledge_within: Scalar<Duration>,
    /// How many pages an incident sends before it gives up; at least one.
    pub pages_max: Scalar<Count>,
}
