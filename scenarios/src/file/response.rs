//! What is done about an outage beside taking changes back.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scalar::{Count, Duration, Name, Percent, Scalar};

use super::{DistributionFile, PersonFile, SeverityFile};

/// Tools, and a playbook of who uses which when.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ResponseFile {
    /// From the end of an action to the look at its effect in telemetry; `3m` when left out. An
    /// action that shows no effect within ten minutes has failed.
    #[serde(default)]
    pub look_after: Option<Scalar<Duration>>,
    /// From a proposal of automation to somebody's approval; a median of `2m` when left out.
    #[serde(default)]
    pub approval: Option<DistributionFile>,
    /// Tools that are not as usual.
    #[serde(default)]
    pub tools: Vec<ActionToolFile>,
    /// Who does what when.
    pub playbook: Vec<PlayFile>,
}

/// A tool that is not as usual.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ActionToolFile {
    /// What it does.
    pub kind: ToolKindFile,
    /// From an order to its effect on an instance, each of which hears after a time of its own; of
    /// a drain, from the order of a step to its end.
    pub delay: DistributionFile,
    /// The share of orders that come to nothing; none when left out.
    #[serde(default)]
    pub fails: Option<Scalar<Percent>>,
}

/// What a tool does.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ToolKindFile {
    /// Throws the kill switch of a config.
    KillSwitch,
    /// Keeps a service from calling another.
    TripBreaker,
    /// Sends the users of a region elsewhere.
    Drain,
}

/// Something that is done when something happens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlayFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// What it begins with. An action is not taken when no incident is open any more.
    pub when: CueFile,
    /// From there to the order.
    pub after: DistributionFile,
    /// Who does it; people when left out. What automation may do says `automation`.
    #[serde(default)]
    pub by: Option<PlayerFile>,
    /// The chance that somebody thinks of it; 100 % when left out.
    #[serde(default)]
    pub chance: Option<Scalar<Percent>>,
    /// How often it is done in a run at most, from 1 to 100; once when left out.
    #[serde(default)]
    pub times: Option<Scalar<Count>>,
    /// What is done.
    #[serde(rename = "do")]
    pub deed: DeedFile,
}

/// Who does something.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlayerFile {
    /// Whoever is on call.
    People,
    /// A program.
    Automation,
}

/// What something is done about.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CueFile {
    /// Somebody acknowledged a page.
    Acknowledged,
    /// A judge stopped a rollout.
    Verdict,
    /// A paging alert fires on this objective.
    Alert(Scalar<Name>),
    /// An incident is at least as bad as this.
    Severity(SeverityFile),
    /// This other play came to nothing: it was refused, failed, or did not help.
    Failed(Scalar<Name>),
}

/// What is done.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum DeedFile {
    /// All rollouts are frozen.
    FreezeRollouts,
    /// A config is turned off: its readers use their safe defaults, and what was on its way out
    /// goes back.
    KillSwitch {
        /// The config.
        config: Scalar<Name>,
    },
    /// A service stops calling another that it can do without.
    TripBreaker {
        /// The caller.
        caller: Scalar<Name>,
        /// Whom it calls no more; the caller must have a `fallback`.
        callee: Scalar<Name>,
    },
    /// The users of a region are sent elsewhere, step by step.
    Drain {
        /// The region.
        region: Scalar<Name>,
    },
    /// A judge's verdict is overridden, when two people in two roles agree.
    Override(Box<OverrideFile>),
}

/// How a verdict is overridden.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OverrideFile {
    /// Why, as it is said.
    pub reason: OverrideReasonFile,
    /// Who asks.
    pub by: PersonFile,
    /// Who is to agree, in another role.
    pub second: PersonFile,
    /// How long they think about it.
    pub thinking: DistributionFile,
    /// The chance that they agree; 100 % when left out.
    #[serde(default)]
    pub agrees: Option<Scalar<Percent>>,
}

/// Why somebody wants a verdict overridden.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideReasonFile {
    /// The alarm is held to be false.
    FalseAlarm,
    /// The harm is known and expected.
    ExpectedEffect,
    /// The data that the verdict needs is missing.
    NoData,
    /// The change is itself a remedy, and waiting harms more.
    Emergency,
}
