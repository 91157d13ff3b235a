//! What raises alerts beside objectives, and how alerts are told.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::{CheckFile, UrgencyFile};
use crate::scalar::{Count, Duration, Name, Scalar};

/// What raises alerts beside objectives, and how alerts are told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AlertingFile {
    /// How far back symptom rules look, at least `1m`; `2m` when left out.
    #[serde(default)]
    pub symptoms_over: Option<Scalar<Duration>>,
    /// Fixed limits on what the instances of a service show in a region.
    #[serde(default)]
    pub symptoms: Vec<SymptomFile>,
    /// How alerts are grouped, muted and told. Each is told at once when left out.
    #[serde(default)]
    pub notify: Option<NotifyFile>,
}

/// A rule on every service that it names, in every region.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SymptomFile {
    /// Its name, the `alertname` of its alerts.
    pub name: Scalar<Name>,
    /// What is odd.
    pub when: OddFile,
    /// Of these services; of all when left out.
    #[serde(default)]
    pub services: Vec<Scalar<Name>>,
    /// Whether somebody is woken.
    pub urgency: UrgencyFile,
    /// How long it must hold before it fires; not at all when left out.
    #[serde(default)]
    pub hold: Option<Scalar<Duration>>,
    /// How long it goes on firing after it was last true; not at all when left out.
    #[serde(default)]
    pub keep_firing: Option<Scalar<Duration>>,
}

/// What is odd.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum OddFile {
    /// A signal lies beyond its limit, which no control can set.
    Beyond(CheckFile),
    /// Instances that told of themselves before do not any more.
    Silent,
}

/// How alerts are grouped, muted and told.
///
/// Alerts have the labels `alertname` (`budget-burn`, or a symptom's name), `severity` (`page` or
/// `ticket`), `service`, `objective` (of budgets) and `region` (of symptoms). Pages go to the
/// pager and tickets to the tickets, unless a route says otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NotifyFile {
    /// Alerts with the same values of these labels are told together; all of them together when
    /// left out.
    #[serde(default)]
    pub group_by: Vec<LabelFile>,
    /// From the first alert of a group to its first message; `30s` when left out.
    #[serde(default)]
    pub wait: Option<Scalar<Duration>>,
    /// Between later messages of a group, above zero; `5m` when left out.
    #[serde(default)]
    pub interval: Option<Scalar<Duration>>,
    /// After which the same alerts are told again; `4h` when left out.
    #[serde(default)]
    pub repeat: Option<Scalar<Duration>>,
    /// Alerts that a message lists by name; the rest is counted. 100 when left out.
    #[serde(default)]
    pub listed_max: Option<Scalar<Count>>,
    /// Alerts that mute others while they fire.
    #[serde(default)]
    pub inhibit: Vec<InhibitFile>,
    /// What somebody asked to be quiet about beforehand.
    #[serde(default)]
    pub silences: Vec<SilenceFile>,
    /// Where alerts go other than usual; the first that matches takes an alert.
    #[serde(default)]
    pub routes: Vec<RouteFile>,
}

/// A label of alerts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum LabelFile {
    /// The rule.
    Alertname,
    /// Whether somebody is woken.
    Severity,
    /// The service.
    Service,
    /// The objective, of budgets.
    Objective,
    /// The region, of symptoms.
    Region,
}

/// Labels that an alert must have.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MatchFile {
    /// The rule: `budget-burn`, or a symptom's name.
    pub alertname: Option<Scalar<Name>>,
    /// Whether somebody is woken.
    pub severity: Option<UrgencyFile>,
    /// The service.
    pub service: Option<Scalar<Name>>,
    /// The objective.
    pub objective: Option<Scalar<Name>>,
    /// The region.
    pub region: Option<Scalar<Name>>,
}

/// While one alert fires, others are not told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct InhibitFile {
    /// An alert that explains others.
    #[serde(rename = "while")]
    pub source: MatchFile,
    /// Alerts that it explains.
    pub mute: MatchFile,
    /// Only those with the same values of these labels.
    #[serde(default)]
    pub equal: Vec<LabelFile>,
}

/// A while in which nobody is told of alerts like these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SilenceFile {
    /// Which alerts.
    #[serde(rename = "match")]
    pub matches: MatchFile,
    /// Its begin, counted from the begin of the run.
    pub from: Scalar<Duration>,
    /// Its end.
    pub until: Scalar<Duration>,
}

/// Where alerts go other than usual. What is left out is as above.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RouteFile {
    /// Which alerts.
    #[serde(rename = "match")]
    pub matches: MatchFile,
    /// Who is told.
    pub to: ReceiverFile,
    /// Alerts with the same values of these labels are told together.
    #[serde(default)]
    pub group_by: Option<Vec<LabelFile>>,
    /// From the first alert of a group to its first message.
    #[serde(default)]
    pub wait: Option<Scalar<Duration>>,
    /// Between later messages of a group; above zero.
    #[serde(default)]
    pub interval: Option<Scalar<Duration>>,
    /// After which the same alerts are told again.
    #[serde(default)]
    pub repeat: Option<Scalar<Duration>>,
}

/// Who is told.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiverFile {
    /// Whoever is on call is woken.
    Pager,
    /// It is read in working hours.
    Tickets,
}
