//! What was done about the outage, and what came of it.

use firedrill_core::ids::ActionId;
use firedrill_core::plane::{ActionNote, NoteBody};
use firedrill_core::remediation::ActionKind;
use serde::Serialize;

use crate::log::{Event, EventBody, RunLog};

use super::{Anchor, Anchors};

/// What came of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionEnd {
    /// Telemetry showed that it worked.
    Worked,
    /// It did not work, by its tool or by telemetry.
    Failed,
    /// It was stopped.
    Stopped,
    /// The run ended first.
    Open,
}

/// An action that was begun.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionTaken {
    /// The action.
    pub action: ActionId,
    /// Its kind.
    pub kind: ActionKind,
    /// It was begun.
    pub begun: Anchor,
    /// Its tool said that it was done.
    pub done: Option<Anchor>,
    /// It was known what came of it.
    pub ended: Option<Anchor>,
    /// What came of it.
    pub end: ActionEnd,
}

/// All actions of a run, in the order in which they were begun.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ActionsTaken {
    /// Those that were begun.
    pub taken: Vec<ActionTaken>,
    /// The kinds of those that were refused.
    pub refused: Vec<ActionKind>,
    /// The action that ended the outage; none when the rollback had ended it before, or nothing
    /// did. It is the last one that worked, by telemetry, and was begun before the end.
    pub mitigated_by: Option<ActionId>,
}

impl ActionsTaken {
    /// Whether nobody wanted any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.refused.is_empty()
    }

    /// Whether an action of this kind worked.
    #[must_use]
    pub fn worked(&self, kind: ActionKind) -> bool {
        let mut own = self.taken.iter().filter(|action| action.kind == kind);
        own.any(|action| action.end == ActionEnd::Worked)
    }

    /// Whether an action of this kind was refused, or did not work.
    #[must_use]
    pub fn failed(&self, kind: ActionKind) -> bool {
        let mut own = self.taken.iter().filter(|action| action.kind == kind);
        self.refused.contains(&kind) || own.any(|action| action.end == ActionEnd::Failed)
    }

    pub(super) fn find(log: &RunLog, anchors: &Anchors, mitigated: Option<Anchor>) -> Self {
        let mut found = Self::default();
        for event in log.events() {
            if let EventBody::Note(NoteBody::Action(note)) = &event.body {
                found.note(event, note);
            }
        }
        let rolled_back = anchors.rollback_completed;
        found.mitigated_by = mitigated
            .filter(|end| rolled_back.is_none_or(|back| end.at < back.at))
            .and_then(|end| {
                let worked = |action: &&ActionTaken| {
                    action.end == ActionEnd::Worked && action.begun.at <= end.at
                };
                found.taken.iter().rfind(worked).map(|it| it.action)
            });
        found
    }

    fn note(&mut self, event: &Event, note: &ActionNote) {
        let (end, action) = match note {
            ActionNote::Begun { action, what, .. } => {
                self.taken.push(ActionTaken {
                    action: *action,
                    kind: what.kind(),
                    begun: event.into(),
                    done: None,
                    ended: None,
                    end: ActionEnd::Open,
                });
                return;
            }
            ActionNote::Refused { what, .. } => {
                self.refused.push(what.kind());
                return;
            }
            ActionNote::Finished { action, .. } => (None, action),
            ActionNote::Verified { action } => (Some(ActionEnd::Worked), action),
            ActionNote::Failed { action, .. } => (Some(ActionEnd::Failed), action),
            ActionNote::Cancelled { action, .. } => (Some(ActionEnd::Stopped), action),
            ActionNote::Suggested { .. }
            | ActionNote::Started { .. }
            | ActionNote::StepOrdered { .. }
            | ActionNote::Restored { .. }
            | ActionNote::OverrideAsked { .. }
            | ActionNote::OverrideGranted { .. }
            | ActionNote::OverrideRefused { .. } => return,
        };
        // What was proposed and never begun may be stopped too.
        let Some(taken) = self.taken.iter_mut().find(|it| it.action == *action) else {
            return;
        };
        match end {
            None => taken.done = Some(event.into()),
            Some(end) => (taken.end, taken.ended) = (end, Some(event.into())),
        }
    }
}
