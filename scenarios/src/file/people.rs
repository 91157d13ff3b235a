//! Whoever is on call.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::{DistributionFile, RoleFile};
use crate::scalar::{Count, Duration, Name, Number, Percent, Scalar, TimeOfDay, UtcOffset};

/// The person on call: acknowledges a page, looks for the cause, rolls back the likeliest change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnCallFile {
    /// A handle that stands for a role, never for a real person.
    pub name: Scalar<Name>,
    /// The role in which they act.
    pub role: RoleFile,
    /// From page to acknowledgement; left out with a model.
    #[serde(default)]
    pub acknowledge: Option<DistributionFile>,
    /// From acknowledgement to knowing what to do, and daring to do it; left out with a model.
    #[serde(default)]
    pub diagnose: Option<DistributionFile>,
    /// People who sleep, tire, doubt and err. Without it they take the two times above and go for
    /// the first suspect. `{}` is a model of ordinary people.
    #[serde(default)]
    pub model: Option<PeopleFile>,
}

/// People who sleep, tire, doubt and err. What is left out is ordinary.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PeopleFile {
    /// Where they are: local time minus UTC; `0h` when left out.
    #[serde(default)]
    pub site: Option<Scalar<UtcOffset>>,
    /// Local time of day at which one of two shifts ends; `"09:00"` when left out.
    #[serde(default)]
    pub shift_ends: Option<Scalar<TimeOfDay>>,
    /// How bad what they are paged for looks to them; `sev-2` when left out.
    #[serde(default)]
    pub severity: Option<SeverityFile>,
    /// What else their pager tells them; `typical` when left out.
    #[serde(default)]
    pub noise: Option<NoiseLevelFile>,
    /// From page to acknowledgement: 2 min by day and 5 min at night when left out.
    #[serde(default)]
    pub acknowledge: Option<AcknowledgeFile>,
    /// The share of pages that are answered even by somebody who never saw a true one; 90 % when
    /// left out.
    #[serde(default)]
    pub answers_at_least: Option<Scalar<Percent>>,
    /// One look at a suspect: 5 min when left out.
    #[serde(default)]
    pub look: Option<DistributionFile>,
    /// The chance that a look at an innocent change convinces; 25 % when left out.
    #[serde(default)]
    pub convinced_wrongly: Option<Scalar<Percent>>,
    /// The chance that a look at the guilty change does not; 10 % when left out.
    #[serde(default)]
    pub overlooked: Option<Scalar<Percent>>,
    /// After this long without a cause somebody else is asked; 30 min when left out.
    #[serde(default)]
    pub patience: Option<Scalar<Duration>>,
    /// How many people look in all, from 1 to 16; 3 when left out.
    #[serde(default)]
    pub people_max: Option<Scalar<Count>>,
    /// How a rollback is ordered; `one-click` when left out.
    #[serde(default)]
    pub rollback: Option<RollbackToolFile>,
    /// What they are told to do first; `understand-first` when left out.
    #[serde(default)]
    pub policy: Option<ResponsePolicyFile>,
}

/// From page to acknowledgement.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AcknowledgeFile {
    /// The median by day.
    pub day: Scalar<Duration>,
    /// The median at night.
    pub night: Scalar<Duration>,
    /// The standard deviation of the natural logarithm, from 0 to 3.
    pub sigma: Scalar<Number>,
}

/// How bad an outage looks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum SeverityFile {
    /// Nearly everybody is harmed.
    #[serde(rename = "sev-0")]
    Sev0,
    /// Very many are.
    #[serde(rename = "sev-1")]
    Sev1,
    /// Many are.
    #[serde(rename = "sev-2")]
    Sev2,
    /// Few are.
    #[serde(rename = "sev-3")]
    Sev3,
    /// Nobody is yet.
    #[serde(rename = "sev-4")]
    Sev4,
}

/// How noisy a pager is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseLevelFile {
    /// Every second page needs nobody.
    Low,
    /// Nine of ten do not.
    Typical,
    /// Forty-nine of fifty do not.
    Storm,
}

/// How a rollback is ordered.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackToolFile {
    /// One click.
    OneClick,
    /// A change backwards, written and started by hand.
    ByHand,
}

/// What people are told to do first.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResponsePolicyFile {
    /// Roll back what may be guilty, then understand.
    RollBackFirst,
    /// Understand, then act.
    UnderstandFirst,
}
