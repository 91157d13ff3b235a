//! What is done about an outage beside taking changes back: tools, and a playbook of who uses which
//! when.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::config::Principal;
use firedrill_core::ids::SloId;
use firedrill_core::incident::Severity;
use firedrill_core::remediation::{Action, ActionKind, ActionLimits, OverrideReason};
use serde::{Deserialize, Serialize};

use super::LogNormal;

/// Tools and playbook. The default is none, which leaves no trace in the serialised form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Tools that are not as usual.
    pub tools: BTreeMap<ActionKind, ActionTool>,
    /// From the end of an action to the look at its effect.
    pub look_after: Micros,
    /// From a proposal of automation to somebody's approval.
    pub approval: LogNormal,
    /// Who does what when; the order has no meaning.
    pub plays: Vec<Play>,
}

/// A look after three minutes and an approval in about two: assumptions.
impl Default for Response {
    fn default() -> Self {
        Self {
            tools: BTreeMap::new(),
            look_after: Micros::from_mins(3),
            approval: LogNormal {
                median: Micros::from_mins(2),
                sigma: 0.5,
            },
            plays: Vec::new(),
        }
    }
}

impl Response {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The tool of a kind of action.
    #[must_use]
    pub fn tool(&self, kind: ActionKind) -> ActionTool {
        let own = self.tools.get(&kind).copied();
        own.unwrap_or_else(|| ActionTool::usual(kind))
    }
}

/// How a tool acts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionTool {
    /// From an order to its effect on an instance; each has a time of its own. Of a drain, its
    /// median is the length of a step.
    pub delay: LogNormal,
    /// The share of orders that come to nothing, in `0..=1`.
    pub fails: f64,
}

impl ActionTool {
    /// A tool as quick as is usual for its kind, which never fails; a step of a drain takes a
    /// minute. That the logarithm has a standard deviation of 0.5 is an assumption.
    #[must_use]
    pub const fn usual(kind: ActionKind) -> Self {
        let median = match kind {
            ActionKind::Drain => Micros::from_mins(1),
            ActionKind::AutomaticRollback
            | ActionKind::OneClickRollback
            | ActionKind::FeatureDisable
            | ActionKind::Restart
            | ActionKind::Scale
            | ActionKind::KillSwitch
            | ActionKind::TripBreaker
            | ActionKind::FreezeRollouts => ActionLimits::usual(kind).expected,
        };
        Self {
            delay: LogNormal { median, sigma: 0.5 },
            fails: 0.0,
        }
    }
}

/// Something that people, or automation, do when something happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Play {
    /// Its name.
    pub name: String,
    /// What it begins with.
    pub when: Cue,
    /// From there to the order.
    pub after: LogNormal,
    /// Whether automation does it; otherwise whoever is on call does.
    pub automatic: bool,
    /// The chance that somebody thinks of it, in `0..=1`.
    pub chance: f64,
    /// How often it is done in a run, at most.
    pub times_max: u32,
    /// What is done.
    pub deed: Deed,
}

/// What a play begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cue {
    /// Somebody acknowledged a page.
    Acknowledged,
    /// A paging alert fires on this objective.
    Alert(SloId),
    /// An incident is at least as bad as this.
    Severity(Severity),
    /// A judge stopped a rollout.
    Verdict,
    /// The play with this number came to nothing: it was refused, failed, or did not help.
    Failed(usize),
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// An action is ordered.
    Act(Action),
    /// A verdict is to be overridden.
    Override {
        /// Why, as it is said.
        reason: OverrideReason,
        /// Who asks.
        by: Principal,
        /// Who is to agree.
        second: Principal,
        /// How long they think about it.
        thinking: LogNormal,
        /// The chance that they agree, in `0..=1`.
        agrees: f64,
    },
}
