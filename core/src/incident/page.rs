//! Pages, what became of them, and what the pager says.

use crate::health::Urgency;
use crate::ids::{IncidentId, PageId, PersonId, TeamId};
use crate::time::Micros;

use super::escalation::Rung;

/// A page to one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its id.
    pub id: PageId,
    /// About this incident.
    pub incident: IncidentId,
    /// To this person.
    pub person: PersonId,
    /// Where in the escalation.
    pub rung: Rung,
    /// When it was sent.
    pub sent_at: Micros,
    /// What became of it.
    pub fate: PageFate,
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFate {
    /// Still waiting.
    Open,
    /// Somebody acknowledged its incident.
    Acknowledged(Micros),
    /// Its escalation ended without an answer.
    Exhausted(Micros),
    /// Its incident ended first.
    Resolved(Micros),
    /// It went to the wrong team.
    Rerouted(Micros),
}

/// An incident that went from one team to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// When.
    pub at: Micros,
    /// The team that had it.
    pub from: TeamId,
    /// The team that got it.
    pub to: TeamId,
    /// Who sent it on.
    pub by: PersonId,
    /// How long the wrong team had had it.
    pub cost: Micros,
}

/// Where the paging of an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody is being paged; without an answer the next level's turn comes then.
    Paging {
        /// When the escalation goes on.
        next_at: Micros,
    },
    /// Somebody was told, at low urgency; nothing more happens by itself.
    Notified,
    /// Somebody has it in hand.
    Acknowledged {
        /// Who.
        by: PersonId,
        /// When the acknowledgement lapses, if ever.
        lapses_at: Option<Micros>,
    },
    /// Nobody answered, or nobody could be paged.
    Exhausted,
    /// The incident is over.
    Resolved,
}

/// What the pager wants done, or wants known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagerEvent {
    /// Page somebody.
    Page {
        /// The page.
        page: PageId,
        /// The incident.
        incident: IncidentId,
        /// Who.
        person: PersonId,
        /// Whether to wake them.
        urgency: Urgency,
        /// Where in the escalation.
        rung: Rung,
        /// One for the first page of the incident, and so on.
        attempt: u32,
    },
    /// Nobody is on call at a level.
    Skipped(IncidentId, Rung),
    /// Nobody is left to page.
    Exhausted(IncidentId),
    /// Somebody acknowledged; paging stops.
    Acknowledged(IncidentId, PersonId),
    /// An acknowledgement lapsed; paging goes on.
    Lapsed(IncidentId, PersonId),
    /// The incident went to another team.
    Rerouted(IncidentId, Hop),
    /// The paging of an incident is over.
    Resolved(IncidentId),
}

impl PagerEvent {
    /// The incident that it is about.
    #[must_use]
    pub const fn incident(&self) -> IncidentId {
        match self {
            Self::Page { incident, .. }
            | Self::Skipped(incident, _)
            | Self::Exhausted(incident)
            | Self::Acknowledged(incident, _)
            | Self::Lapsed(incident, _)
            | Self::Rerouted(incident, _)
            | Self::Resolved(incident) => *incident,
        }
    }
}

/// Why the pager refuses. What is refused changes nothing but time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PagerError {
    /// No such incident was opened.
    #[error("no escalation of incident {0}")]
    UnknownIncident(IncidentId),
    /// No such page was sent.
    #[error("no page {0}")]
    UnknownPage(PageId),
    /// No such team.
    #[error("no team {0}")]
    UnknownTeam(TeamId),
    /// The incident is with that team already.
    #[error("incident {0} is with team {1} already")]
    SameTeam(IncidentId, TeamId),
    /// The incident is over.
    #[error("incident {0} is over")]
    Over(IncidentId),
}
