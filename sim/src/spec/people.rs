//! Reviewers and whoever is on call.

use firedrill_core::config::{Decision, Principal};
use serde::{Deserialize, Serialize};

use super::LogNormal;

/// How a change is reviewed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The reviewer.
    pub reviewer: Principal,
    /// How long it takes.
    pub delay: LogNormal,
    /// What they decide.
    pub decision: Decision,
}

/// The person on call: acknowledges a page, looks for the cause, rolls back the likeliest change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnCall {
    /// Who.
    pub principal: Principal,
    /// From page to acknowledgement.
    pub acknowledge: LogNormal,
    /// From acknowledgement to knowing what to do, and daring to do it.
    pub diagnose: LogNormal,
}
