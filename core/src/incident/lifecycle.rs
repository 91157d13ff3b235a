//! The one lifecycle of an incident: its phases, the legal moves between them and what each move
//! demands, in one table.
//!
//! Tools disagree on names; the phases here are the union of those of Netflix Dispatch, Rootly and
//! PagerDuty's response guide, in one machine, because three vocabularies that overlap without
//! matching are a known trap. No tool lets a declared incident jump to its end.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ActionId, AlertId, IncidentId, PersonId};
use crate::time::Micros;

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Something fired; nobody has looked.
    Detected,
    /// Somebody has looked and says that it is real.
    Triaged,
    /// It is an incident, with a severity: people gather.
    Declared,
    /// Its cause is being looked for.
    Investigating,
    /// A cause is named.
    Identified,
    /// Something is being done about it.
    Mitigating,
    /// Nobody is harmed any more.
    Mitigated,
    /// It is watched, lest it come back.
    Monitoring,
    /// The all-clear.
    Resolved,
    /// Its post-mortem is due.
    Review,
    /// Nothing is left to do.
    Closed,
    /// It was a false alarm.
    Cancelled,
    /// It was part of another incident.
    Merged,
}

/// What a move demands of the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Somebody has acknowledged, or has looked without being paged.
    Seen,
    /// A severity is known.
    Severity,
    /// A commander is active.
    Commander,
    /// A cause is named.
    Cause,
    /// An action has begun.
    Action,
    /// Nobody is harmed.
    NoHarm,
    /// Nobody is harmed and nothing fires.
    Quiet,
    /// Nobody is harmed and nothing fires, for as long as the policy watches.
    QuietForLong,
    /// Somebody is harmed, or something fires.
    Trouble,
    /// The policy asks for a post-mortem.
    ReviewWanted,
    /// The policy asks for no post-mortem.
    ReviewNotWanted,
    /// The post-mortem is done.
    ReviewDone,
    /// Nobody was ever harmed.
    NeverHarmed,
    /// The other incident is open and not this one.
    OtherOpen,
}

/// Every legal move.
pub const MOVES: &[(Phase, Phase, Guard)] = &[
    (Phase::Detected, Phase::Triaged, Guard::Seen),
    (Phase::Triaged, Phase::Declared, Guard::Severity),
    (Phase::Declared, Phase::Investigating, Guard::Commander),
    (Phase::Investigating, Phase::Identified, Guard::Cause),
    (Phase::Identified, Phase::Mitigating, Guard::Action),
    (Phase::Mitigating, Phase::Mitigated, Guard::NoHarm),
    (Phase::Mitigated, Phase::Monitoring, Guard::Quiet),
    (Phase::Monitoring, Phase::Resolved, Guard::QuietForLong),
    (Phase::Resolved, Phase::Review, Guard::ReviewWanted),
    (Phase::Resolved, Phase::Closed, Guard::ReviewNotWanted),
    (Phase::Review, Phase::Closed, Guard::ReviewDone),
    // Before anybody gathers it may end by itself.
    (Phase::Detected, Phase::Resolved, Guard::Quiet),
    (Phase::Triaged, Phase::Resolved, Guard::Quiet),
    // Roll back first, ask later.
    (Phase::Declared, Phase::Mitigating, Guard::Action),
    (Phase::Investigating, Phase::Mitigating, Guard::Action),
    // What was tried did not help, or the cause is another.
    (Phase::Mitigating, Phase::Investigating, Guard::Commander),
    (Phase::Identified, Phase::Investigating, Guard::Commander),
    // The harm ends before anything was done.
    (Phase::Declared, Phase::Mitigated, Guard::NoHarm),
    (Phase::Investigating, Phase::Mitigated, Guard::NoHarm),
    (Phase::Identified, Phase::Mitigated, Guard::NoHarm),
    // The harm comes back.
    (Phase::Mitigated, Phase::Investigating, Guard::Trouble),
    (Phase::Monitoring, Phase::Investigating, Guard::Trouble),
    // Reopened.
    (Phase::Resolved, Phase::Detected, Guard::Trouble),
    (Phase::Review, Phase::Detected, Guard::Trouble),
    (Phase::Closed, Phase::Detected, Guard::Trouble),
    (Phase::Cancelled, Phase::Detected, Guard::Trouble),
    // A false alarm.
    (Phase::Detected, Phase::Cancelled, Guard::NeverHarmed),
    (Phase::Triaged, Phase::Cancelled, Guard::NeverHarmed),
    (Phase::Declared, Phase::Cancelled, Guard::NeverHarmed),
    (Phase::Investigating, Phase::Cancelled, Guard::NeverHarmed),
    // Part of another.
    (Phase::Detected, Phase::Merged, Guard::OtherOpen),
    (Phase::Triaged, Phase::Merged, Guard::OtherOpen),
    (Phase::Declared, Phase::Merged, Guard::OtherOpen),
    (Phase::Investigating, Phase::Merged, Guard::OtherOpen),
    (Phase::Identified, Phase::Merged, Guard::OtherOpen),
    (Phase::Mitigating, Phase::Merged, Guard::OtherOpen),
];

impl Phase {
    /// What the table demands of the move from this phase to `next`; absent for an illegal one.
    #[must_use]
    pub fn guard(self, next: Self) -> Option<Guard> {
        MOVES
            .iter()
            .find(|(from, to, _)| (*from, *to) == (self, next))
            .map(|(.., guard)| *guard)
    }

    /// Whether people still work on it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Detected
            | Self::Triaged
            | Self::Declared
            | Self::Investigating
            | Self::Identified
            | Self::Mitigating
            | Self::Mitigated
            | Self::Monitoring => true,
            Self::Resolved | Self::Review | Self::Closed | Self::Cancelled | Self::Merged => false,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Detected => "detected",
            Self::Triaged => "triaged",
            Self::Declared => "declared",
            Self::Investigating => "investigating",
            Self::Identified => "identified",
            Self::Mitigating => "mitigating",
            Self::Mitigated => "mitigated",
            Self::Monitoring => "monitoring",
            Self::Resolved => "resolved",
            Self::Review => "review",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Merged => "merged",
        })
    }
}

/// Why an incident moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// An alert fired.
    AlertFired(AlertId),
    /// Somebody acknowledged a page.
    Acknowledged(PersonId),
    /// Somebody decided so.
    Decided(PersonId),
    /// The policy says so of its severity.
    Policy,
    /// Somebody took command.
    CommanderAssumed(PersonId),
    /// Somebody named a cause.
    CauseNamed(PersonId),
    /// An action began.
    ActionBegun(ActionId),
    /// Nobody is harmed any more.
    HarmEnded,
    /// Nothing fires any more.
    AlertsCleared,
    /// It stayed quiet for as long as the policy watches.
    StayedQuiet,
    /// Somebody is harmed again.
    HarmReturned,
    /// It was opened in a storm together with another incident.
    Duplicate(IncidentId),
    /// Somebody found that it is part of another incident.
    Merged {
        /// The other one.
        into: IncidentId,
        /// Who.
        by: PersonId,
    },
    /// Its post-mortem was published.
    Reviewed(PersonId),
}

/// What guards look at; whoever knows it says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Somebody has acknowledged, or has looked without being paged.
    pub seen: bool,
    /// A severity is known.
    pub severity_known: bool,
    /// A commander is active.
    pub commander: bool,
    /// A cause is named.
    pub cause_named: bool,
    /// An action has begun.
    pub action_begun: bool,
    /// Somebody is harmed.
    pub harm: bool,
    /// Somebody was ever harmed.
    pub ever_harmed: bool,
    /// An alert fires.
    pub firing: bool,
    /// It has been quiet for as long as the policy watches.
    pub quiet_for_long: bool,
    /// The policy asks for a post-mortem.
    pub review_wanted: bool,
    /// The post-mortem is done.
    pub review_done: bool,
    /// The incident to merge into is open and another one.
    pub other_open: bool,
}

impl Guard {
    /// Whether the facts satisfy it.
    #[must_use]
    pub const fn holds(self, facts: &Facts) -> bool {
        match self {
            Self::Seen => facts.seen,
            Self::Severity => facts.severity_known,
            Self::Commander => facts.commander,
            Self::Cause => facts.cause_named,
            Self::Action => facts.action_begun,
            Self::NoHarm => !facts.harm,
            Self::Quiet => !facts.harm && !facts.firing,
            Self::QuietForLong => !facts.harm && !facts.firing && facts.quiet_for_long,
            Self::Trouble => facts.harm || facts.firing,
            Self::ReviewWanted => facts.review_wanted,
            Self::ReviewNotWanted => !facts.review_wanted,
            Self::ReviewDone => facts.review_done,
            Self::NeverHarmed => !facts.ever_harmed,
            Self::OtherOpen => facts.other_open,
        }
    }
}

/// A move that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// When.
    pub at: Micros,
    /// From this phase.
    pub from: Phase,
    /// To this one.
    pub to: Phase,
    /// Why.
    pub reason: Reason,
}

/// Why an incident does not move. What is refused changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// The table has no such move.
    #[error("an incident that is {0} cannot become {1}")]
    Illegal(Phase, Phase),
    /// The facts do not allow it yet.
    #[error("an incident that is {0} becomes {1} only when this holds: {2:?}")]
    Guarded(Phase, Phase, Guard),
    /// It would have moved before its last move.
    #[error("moved at {last}, so not at {now}")]
    Earlier {
        /// When it moved last.
        last: Micros,
        /// When it was to move.
        now: Micros,
    },
}

/// The phases of one incident over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    detected_at: Micros,
    moves: Vec<Moved>,
}

impl Lifecycle {
    /// Something was detected.
    #[must_use]
    pub const fn new(now: Micros) -> Self {
        Self {
            detected_at: now,
            moves: Vec::new(),
        }
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.moves.last().map_or(Phase::Detected, |moved| moved.to)
    }

    /// Since when.
    #[must_use]
    pub fn since(&self) -> Micros {
        self.moves.last().map_or(self.detected_at, |moved| moved.at)
    }

    /// Every move, oldest first.
    #[must_use]
    pub fn moves(&self) -> &[Moved] {
        &self.moves
    }

    /// When it first came to a phase.
    #[must_use]
    pub fn first(&self, phase: Phase) -> Option<Micros> {
        if phase == Phase::Detected {
            return Some(self.detected_at);
        }
        let found = self.moves.iter().find(|moved| moved.to == phase);
        found.map(|moved| moved.at)
    }

    /// Whether it was declared since it was last detected.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        self.moves
            .iter()
            .rev()
            .take_while(|moved| moved.to != Phase::Detected)
            .any(|moved| moved.to == Phase::Declared)
    }

    /// How often it was reopened.
    #[must_use]
    pub fn reopened(&self) -> u32 {
        let back = self
            .moves
            .iter()
            .filter(|moved| moved.to == Phase::Detected);
        back.count() as u32
    }

    /// Moves, if the table and the facts allow it.
    ///
    /// # Errors
    ///
    /// [`MoveError`]; nothing has changed.
    pub fn go(
        &mut self,
        at: Micros,
        to: Phase,
        reason: Reason,
        facts: &Facts,
    ) -> Result<Moved, MoveError> {
        let from = self.phase();
        let guard = from.guard(to).ok_or(MoveError::Illegal(from, to))?;
        if at < self.since() {
            return Err(MoveError::Earlier {
                last: self.since(),
                now: at,
            });
        }
        if !guard.holds(facts) {
            return Err(MoveError::Guarded(from, to, guard));
        }
        let moved = Moved {
            at,
            from,
            to,
            reason,
        };
        self.moves.push(moved);
        Ok(moved)
    }
}

/// The table as a graph in the DOT language.
#[must_use]
pub fn dot() -> String {
    let mut text = String::from("digraph incident {\n");
    for (from, to, guard) in MOVES {
        text += &alloc::format!("  \"{from}\" -> \"{to}\" [label=\"{guard:?}\"];\n");
    }
    text + "}\n"
}
