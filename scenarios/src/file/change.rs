//! Configs, changes and what is wrong with them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::{DefectFile, DistributionFile};
use crate::place::At;
use crate::scalar::{Duration, Integer, Literal, Name, Scalar, Words};

/// A config document that the instances of a service run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConfigFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// The service whose instances run it.
    pub service: Scalar<Name>,
    /// Its keys.
    pub keys: Vec<KeyFile>,
    /// Combinations of values that validation refuses.
    #[serde(default)]
    pub forbid: Vec<ForbidFile>,
}

/// A key of a config.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyFile {
    /// Its name, with the unit of a number last: `token-ttl-s`.
    pub key: Scalar<Name>,
    /// Its type and range.
    pub kind: KeyKindFile,
    /// Its value before any change.
    pub initial: Scalar<Literal>,
}

/// The type and range of a key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum KeyKindFile {
    /// A switch.
    Bool {},
    /// A whole number.
    Int {
        /// The least allowed value.
        min: Scalar<Integer>,
        /// The greatest allowed value.
        max: Scalar<Integer>,
    },
    /// Text.
    #[serde(rename_all = "kebab-case")]
    Text {
        /// The allowed values; every text when left out.
        #[serde(default)]
        one_of: Vec<Scalar<Literal>>,
    },
}

/// A combination of values that validation refuses.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ForbidFile {
    /// Why, told to the author of a change.
    pub reason: Scalar<Words>,
    /// The combination.
    pub all: BTreeMap<String, Scalar<Literal>>,
}

/// The role in which somebody acts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleFile {
    /// Writes changes.
    Developer,
    /// Owns the service and reviews its changes.
    Owner,
    /// Runs the fleet.
    SiteReliability,
    /// A program acting on its own.
    Automation,
}

/// Somebody who acts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PersonFile {
    /// A handle that stands for a role, never for a real person.
    pub name: Scalar<Name>,
    /// The role.
    pub role: RoleFile,
}

/// How a change is reviewed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReviewFile {
    /// The reviewer.
    pub reviewer: PersonFile,
    /// How long it takes.
    pub delay: DistributionFile,
    /// What they decide.
    pub decision: DecisionFile,
}

/// What a reviewer decides.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionFile {
    /// The change may be rolled out.
    Approve,
    /// The change is refused.
    Reject,
}

/// A change that somebody proposes during the run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChangeFile {
    /// What it is meant to do, in a sentence.
    pub title: Scalar<Words>,
    /// When it is proposed, since the start of the run.
    pub at: Scalar<Duration>,
    /// The config it changes.
    pub config: Scalar<Name>,
    /// Who proposes it.
    pub author: PersonFile,
    /// The new values, by key.
    pub set: At<BTreeMap<String, Scalar<Literal>>>,
    /// The plan that an approval starts: one of this file's or of the catalogue's.
    pub plan: Scalar<Name>,
    /// Who reviews it, and how.
    pub review: ReviewFile,
    /// What is wrong with it, unknown to everybody in the run; left out when it is good.
    #[serde(default)]
    pub defect: Option<DefectFile>,
    /// A mix of defects, of this file or of the catalogue, of which each seed draws one; instead
    /// of `defect`.
    #[serde(default)]
    pub mix: Option<Scalar<Name>>,
}
