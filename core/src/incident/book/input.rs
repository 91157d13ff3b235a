//! What can go into the book of incidents, and what can come out.

use serde::{Deserialize, Serialize};

use crate::health::Urgency;
use crate::ids::{ActionId, AlertId, IncidentId, PageId, PersonId, RegionId, ServiceId, TeamId};
use crate::incident::channel::Remark;
use crate::incident::lifecycle::{MoveError, Moved};
use crate::incident::page::{PagerError, PagerEvent};
use crate::incident::roles::{IncidentRole, RoleChange, RoleError};
use crate::incident::severity::{Impact, Severity, SeverityChange};
use crate::incident::status::{Audience, Miss, Post};
use crate::time::Micros;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BookInput {
    /// An alert, or a group of them under one id, fires. One that fires already changes nothing.
    AlertFired {
        /// The alert.
        alert: AlertId,
        /// Of this service.
        service: ServiceId,
        /// In this region, if the alert knows.
        region: Option<RegionId>,
        /// Whether it wakes somebody.
        urgency: Urgency,
    },
    /// An alert stopped. One that does not fire changes nothing.
    AlertResolved {
        /// The alert.
        alert: AlertId,
    },
    /// Somebody acknowledged a page.
    PageAcknowledged {
        /// The page.
        page: PageId,
    },
    /// Somebody took an incident without a page, or said that it is real.
    Taken {
        /// The incident.
        incident: IncidentId,
        /// Who.
        by: PersonId,
    },
    /// What users feel of an incident was measured.
    ImpactMeasured {
        /// The incident.
        incident: IncidentId,
        /// What they feel.
        impact: Impact,
    },
    /// Somebody set the severity.
    SeverityDecided {
        /// The incident.
        incident: IncidentId,
        /// The severity.
        severity: Severity,
        /// Who.
        by: PersonId,
    },
    /// Somebody declared an incident.
    Declared {
        /// The incident.
        incident: IncidentId,
        /// With this severity; with the one known when absent.
        severity: Option<Severity>,
        /// Who.
        by: PersonId,
    },
    /// Somebody took a role.
    RoleAssumed {
        /// In this incident.
        incident: IncidentId,
        /// The role.
        role: IncidentRole,
        /// Who.
        person: PersonId,
    },
    /// Somebody offered their role to somebody else.
    RoleOffered {
        /// In this incident.
        incident: IncidentId,
        /// The role.
        role: IncidentRole,
        /// Who holds it.
        from: PersonId,
        /// Who is to take it.
        to: PersonId,
    },
    /// Somebody accepted or declined a role that was offered to them.
    RoleAnswered {
        /// In this incident.
        incident: IncidentId,
        /// The role.
        role: IncidentRole,
        /// Who.
        person: PersonId,
        /// Whether they take it.
        accepted: bool,
    },
    /// Somebody laid a role down.
    RoleReleased {
        /// In this incident.
        incident: IncidentId,
        /// The role.
        role: IncidentRole,
        /// Who.
        person: PersonId,
    },
    /// Somebody named a cause.
    CauseNamed {
        /// Of this incident.
        incident: IncidentId,
        /// Who.
        by: PersonId,
    },
    /// The named cause was wrong, or what was tried did not help: the search goes on.
    SearchResumed {
        /// Of this incident.
        incident: IncidentId,
        /// Who says so.
        by: PersonId,
    },
    /// Something is being done about it.
    ActionBegun {
        /// About this incident.
        incident: IncidentId,
        /// What.
        action: ActionId,
    },
    /// It is another team's.
    Rerouted {
        /// The incident.
        incident: IncidentId,
        /// Whose it is.
        to: TeamId,
        /// Who says so.
        by: PersonId,
    },
    /// It is part of another incident.
    Merged {
        /// This one ends.
        incident: IncidentId,
        /// This one goes on.
        into: IncidentId,
        /// Who says so.
        by: PersonId,
    },
    /// It was a false alarm.
    Cancelled {
        /// The incident.
        incident: IncidentId,
        /// Who says so.
        by: PersonId,
    },
    /// Somebody said something in its channel.
    Said {
        /// The incident.
        incident: IncidentId,
        /// Who.
        by: PersonId,
        /// What.
        remark: Remark,
    },
    /// Somebody posted to a status page.
    Posted {
        /// About this incident.
        incident: IncidentId,
        /// For these readers.
        audience: Audience,
        /// Who.
        by: PersonId,
    },
    /// Its post-mortem was published.
    Reviewed {
        /// The incident.
        incident: IncidentId,
        /// Who published it.
        by: PersonId,
    },
}

/// What the book wants done, or wants known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookEvent {
    /// An alert opened an incident.
    Opened {
        /// The incident.
        incident: IncidentId,
        /// The alert.
        alert: AlertId,
        /// Whose it is.
        team: TeamId,
    },
    /// Another alert joined an incident.
    Joined {
        /// The incident.
        incident: IncidentId,
        /// The alert.
        alert: AlertId,
        /// Why.
        why: JoinReason,
    },
    /// Something about pages.
    Pager(PagerEvent),
    /// An incident moved on.
    Moved(IncidentId, Moved),
    /// The severity of an incident changed.
    Severity(IncidentId, SeverityChange),
    /// Somebody took, offered or left a role.
    Role(IncidentId, RoleChange),
    /// Somebody posted to a status page.
    Posted(IncidentId, Post),
    /// A status page was not posted to in time.
    StatusMissed(IncidentId, Miss),
}

impl BookEvent {
    /// The incident that it is about.
    #[must_use]
    pub const fn incident(&self) -> IncidentId {
        match self {
            Self::Opened { incident, .. }
            | Self::Joined { incident, .. }
            | Self::Moved(incident, _)
            | Self::Severity(incident, _)
            | Self::Role(incident, _)
            | Self::Posted(incident, _)
            | Self::StatusMissed(incident, _) => *incident,
            Self::Pager(event) => event.incident(),
        }
    }
}

/// Why an alert joined an incident that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinReason {
    /// It has the incident's key.
    SameKey,
    /// So many incidents were opened at once that they must have one cause.
    Storm,
    /// The incident it was part of was merged into this one.
    Merged,
}

/// Why the book refuses an input. What is refused changes nothing but time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Time went back.
    #[error("it is {now} already, so nothing happens at {at}")]
    Earlier {
        /// The time of the last input.
        now: Micros,
        /// The time of this one.
        at: Micros,
    },
    /// There is no such incident.
    #[error("no incident {0}")]
    UnknownIncident(IncidentId),
    /// Nothing is owed to these readers.
    #[error("no post about incident {0} is owed to these readers")]
    NothingOwed(IncidentId),
    /// The lifecycle does not allow it.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// The roles do not allow it.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The pager does not allow it.
    #[error(transparent)]
    Pager(#[from] PagerError),
}
