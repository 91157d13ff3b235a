//! One action: where it stands and what it waits for.

use crate::ids::ActionId;
use crate::time::Micros;

use super::action::{Action, ActionKind};
use super::drain::Drain;
use super::input::{ActionKey, CancelReason, Failure, Requester};

/// Where an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionState {
    /// A person must approve it.
    Suggested {
        /// Until when.
        until: Micros,
    },
    /// Its tool was asked.
    Begun {
        /// When it must have taken it.
        start_by: Micros,
    },
    /// Its tool is at it.
    Running {
        /// When it must be done.
        finish_by: Micros,
    },
    /// Its tool is done; whether it worked is not known.
    Verifying {
        /// When it must be known.
        verify_by: Micros,
    },
    /// It worked, by the evidence.
    Done,
    /// It did not work.
    Failed(Failure),
    /// It was stopped.
    Cancelled(CancelReason),
}

impl ActionState {
    /// Whether it is under way: begun, and not at an end.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        match self {
            Self::Begun { .. } | Self::Running { .. } | Self::Verifying { .. } => true,
            Self::Suggested { .. } | Self::Done | Self::Failed(_) | Self::Cancelled(_) => false,
        }
    }

    /// When it must have moved on.
    #[must_use]
    pub const fn deadline(self) -> Option<Micros> {
        match self {
            Self::Suggested { until: deadline }
            | Self::Begun { start_by: deadline }
            | Self::Running {
                finish_by: deadline,
            }
            | Self::Verifying {
                verify_by: deadline,
            } => Some(deadline),
            Self::Done | Self::Failed(_) | Self::Cancelled(_) => None,
        }
    }
}

/// An action from the wish to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRecord {
    /// Its id.
    pub id: ActionId,
    /// The wish.
    pub key: ActionKey,
    /// What.
    pub action: Action,
    /// Who wanted it.
    pub by: Requester,
    /// When they did.
    pub requested_at: Micros,
    /// When it was begun.
    pub begun_at: Option<Micros>,
    /// When it came to its end.
    pub ended_at: Option<Micros>,
    /// Where it stands.
    pub state: ActionState,
    /// Whether it has an effect that lasts until it is restored. Verified or not: what was half
    /// done lasts too.
    pub in_force: bool,
    /// How far a drain is.
    pub drain: Option<Drain>,
}

impl ActionRecord {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        self.action.kind()
    }

    /// When something is due, and whether that is a look at other regions.
    pub(super) fn due(&self) -> Option<(Micros, Wake)> {
        let running = matches!(self.state, ActionState::Running { .. });
        let look = self.drain.as_ref().filter(|_| running).and_then(Drain::due);
        let look = look.map(|at| (at, Wake::Look));
        let deadline = self.state.deadline().map(|at| (at, Wake::Deadline));
        look.into_iter().chain(deadline).min()
    }
}

/// What an action wakes for; at equal times a deadline comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wake {
    /// Its time is up.
    Deadline,
    /// A drain looks at the other regions.
    Look,
}
