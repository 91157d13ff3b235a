//! Actions against an outage: what the plane orders, and what it tells.

use serde::{Deserialize, Serialize};

use crate::config::Principal;
use crate::ids::{ActionId, RolloutId};
use crate::remediation::{
    Action, ActionKey, CancelReason, DrainStep, Failure, OverrideError, OverrideReason, Refusal,
    Requester,
};
use crate::time::Micros;

/// An order about an action. The action's id tells a repeated order from a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionOrder {
    /// Begin it.
    Begin(Action),
    /// Take this step of a drain.
    Step(DrainStep),
    /// Do nothing more for it. What was done stays.
    Stop,
}

/// What happened to an action, or to a verdict that people want overridden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
pub enum ActionNote {
    /// Automation proposes it to people.
    Suggested {
        /// The action.
        action: ActionId,
        /// What.
        what: Action,
    },
    /// It began.
    Begun {
        /// The action.
        action: ActionId,
        /// What.
        what: Action,
        /// Who wanted it.
        by: Requester,
    },
    /// Its tool took it.
    Started {
        /// The action.
        action: ActionId,
    },
    /// A step of a drain was ordered: there was room.
    StepOrdered {
        /// The action.
        action: ActionId,
        /// The step.
        step: DrainStep,
    },
    /// Its tool says that it is done. Whether it worked is not known yet.
    Finished {
        /// The action.
        action: ActionId,
        /// When evidence must have come.
        until: Micros,
    },
    /// It worked, by the evidence.
    Verified {
        /// The action.
        action: ActionId,
    },
    /// It did not work.
    Failed {
        /// The action.
        action: ActionId,
        /// Why.
        why: Failure,
    },
    /// It was stopped.
    Cancelled {
        /// The action.
        action: ActionId,
        /// Why.
        why: CancelReason,
    },
    /// Its lasting effect was taken back.
    Restored {
        /// The action.
        action: ActionId,
    },
    /// A wish was refused.
    Refused {
        /// The wish.
        key: ActionKey,
        /// What.
        what: Action,
        /// Who wanted it.
        by: Requester,
        /// Why it was refused.
        why: Refusal,
    },
    /// Somebody wants a verdict overridden.
    OverrideAsked {
        /// The verdict on this rollout.
        rollout: RolloutId,
        /// Why.
        reason: OverrideReason,
        /// Who.
        by: Principal,
    },
    /// Two people in two roles agreed: the stage counts as passed when its bake is over.
    OverrideGranted {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: OverrideReason,
        /// Who asked.
        asked_by: Principal,
        /// Who agreed.
        seconded_by: Principal,
    },
    /// A verdict stays.
    OverrideRefused {
        /// The rollout.
        rollout: RolloutId,
        /// Who wanted it overridden, or agreed.
        by: Principal,
        /// Why it stays.
        why: OverrideError,
    },
}

impl ActionNote {
    /// The action that the note is about, if about any.
    #[must_use]
    pub const fn action(&self) -> Option<ActionId> {
        match self {
            Self::Suggested { action, .. }
            | Self::Begun { action, .. }
            | Self::Started { action }
            | Self::StepOrdered { action, .. }
            | Self::Finished { action, .. }
            | Self::Verified { action }
            | Self::Failed { action, .. }
            | Self::Cancelled { action, .. }
            | Self::Restored { action } => Some(*action),
            Self::Refused { .. }
            | Self::OverrideAsked { .. }
            | Self::OverrideGranted { .. }
            | Self::OverrideRefused { .. } => None,
        }
    }
}
