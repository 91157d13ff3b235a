//! What can go into remediation, and what can come out.

use serde::{Deserialize, Serialize};

use crate::config::{Principal, Role};
use crate::ids::{ActionId, RegionId, RolloutId};
use crate::rollout::StageKind;
use crate::time::Micros;

use super::action::{Action, FeatureLevel};
use super::drain::DrainStep;
use super::overrides::{OverrideError, OverrideReason};

/// Names one wish: the same wish under the same key is carried out once.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ActionKey(pub u64);

/// Who wants an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requester {
    /// A program, because of a rollout in this stage, if because of any.
    Automation {
        /// The stage of the rollout that is blamed.
        stage: Option<StageKind>,
    },
    /// A person.
    Person(Principal),
}

/// Why a tool could not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolFailure {
    /// The tool itself is down.
    ToolDown,
    /// What it should act on does not answer.
    Unreachable,
    /// The tool refused: no access, or a wrong state.
    Rejected,
    /// It was done in part.
    Partial,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Somebody wants an action.
    Requested {
        /// The wish.
        key: ActionKey,
        /// What.
        action: Action,
        /// Who.
        by: Requester,
    },
    /// A person approved what automation suggested.
    Approved {
        /// The suggestion.
        action: ActionId,
        /// Who.
        by: Principal,
    },
    /// Somebody no longer wants it.
    Withdrawn {
        /// The action.
        action: ActionId,
        /// Who.
        by: Principal,
    },
    /// Its tool took it.
    Started {
        /// The action.
        action: ActionId,
    },
    /// A step of a drain is done.
    Stepped {
        /// The action.
        action: ActionId,
    },
    /// Its tool says that it is done. A drain is done with its last step instead.
    Finished {
        /// The action.
        action: ActionId,
    },
    /// Its tool says that it failed.
    Failed {
        /// The action.
        action: ActionId,
        /// Why.
        why: ToolFailure,
    },
    /// The world shows whether it worked.
    Evidence {
        /// The action.
        action: ActionId,
        /// Whether it did.
        worked: bool,
    },
    /// The lasting effect of an action was taken back, whole.
    Restored {
        /// The action.
        action: ActionId,
    },
    /// A region says what it carries, measured now.
    CapacityReported {
        /// The region.
        region: RegionId,
        /// Requests per second that it serves.
        load: u64,
        /// Requests per second that it could serve.
        capacity: u64,
    },
    /// Somebody wants the verdict on a rollout overridden.
    OverrideAsked {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: OverrideReason,
        /// Who.
        by: Principal,
    },
    /// Somebody else agrees.
    OverrideSeconded {
        /// The rollout.
        rollout: RolloutId,
        /// Who.
        by: Principal,
    },
}

/// What is to be done, or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask a person to approve.
    Suggest {
        /// The action.
        action: ActionId,
        /// What.
        what: Action,
    },
    /// Begin.
    Begin {
        /// The action.
        action: ActionId,
        /// What.
        what: Action,
    },
    /// Take a step of a drain.
    Step {
        /// The action.
        action: ActionId,
        /// The step.
        step: DrainStep,
    },
    /// Stop.
    Cancel {
        /// The action.
        action: ActionId,
        /// Why.
        why: CancelReason,
    },
    /// The tool is done; evidence is awaited until then.
    Verify {
        /// The action.
        action: ActionId,
        /// Until when.
        until: Micros,
    },
    /// It worked, by the evidence.
    Done(ActionId),
    /// It did not work.
    Failed(ActionId, Failure),
    /// The wish is refused.
    Refused {
        /// The wish.
        key: ActionKey,
        /// Why.
        why: Refusal,
    },
    /// The wish is known already.
    Known {
        /// The wish.
        key: ActionKey,
        /// What became of it.
        action: ActionId,
    },
    /// A verdict is overridden.
    Overridden(RolloutId),
    /// A verdict is not overridden.
    OverrideRefused(RolloutId, OverrideError),
}

/// Why an action was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CancelReason {
    /// A higher action on the same subject.
    Preempted(ActionId),
    /// Nobody wants it any more.
    Withdrawn,
    /// Nobody approved it in time.
    NotApproved,
}

/// Why an action did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Its tool did not take it in time.
    NotStarted,
    /// Its tool did not finish it in time.
    Stuck,
    /// Its tool failed.
    Tool(ToolFailure),
    /// No region had room for the next step, for too long.
    NoRoom,
    /// The world shows that it did not work.
    Disproved,
    /// Nothing showed in time that it worked.
    NotVerified,
}

/// Why a wish is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The key stands for another wish.
    KeyReused(ActionId),
    /// The role may not order it.
    Role(Role),
    /// The policy does not let automation do it.
    NotAutomatic,
    /// A higher action on the same subject is under way or in force.
    Outranked(ActionId),
    /// An action of the same rank on the same subject is under way.
    Busy(ActionId),
    /// It is in force already.
    InForce(ActionId),
    /// Too many of its kind are under way.
    TooManyAtOnce(u32),
    /// Too many of its kind were begun within the hour.
    TooManyAnHour(u32),
    /// Another region is being drained, or still is without its users.
    RegionOut(RegionId),
    /// There is no fresh report of the region.
    NoReport(RegionId),
    /// The other regions, by fresh reports, have no room for its users.
    NoRoom,
    /// Less critical features come first.
    LessCriticalFirst(FeatureLevel),
}

/// Why an input makes no sense. It changed nothing but time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Time went back.
    #[error("it is {now} already, so nothing happens at {at}")]
    Earlier {
        /// The time of the last input.
        now: Micros,
        /// The time of this one.
        at: Micros,
    },
    /// There is no such action.
    #[error("no action {0}")]
    UnknownAction(ActionId),
    /// The action is not in a state in which this can happen.
    #[error("action {0} is not in a state in which this can happen")]
    WrongState(ActionId),
    /// The role may not do so.
    #[error("this role may not do so")]
    Role(Role),
}
