//! What people tell of incidents: trouble that nothing was measured of, and what they do about an
//! incident beside giving orders.

use serde::{Deserialize, Serialize};

use crate::config::Principal;
use crate::health::Urgency;
use crate::ids::{AlertId, IncidentId, PersonId, ServiceId, TeamId};
use crate::incident::{Audience, BookInput, IncidentRole, RoleChange};

use super::telling::About;
use super::{ControlPlane, InputError, NoteBody, Raised, RaisedBy};

/// What somebody says about an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Saying {
    /// They know the cause.
    CauseNamed,
    /// The named cause was wrong, or what was tried did not help: the search goes on.
    SearchResumed,
    /// It is another team's.
    Rerouted {
        /// Whose it is.
        to: TeamId,
    },
    /// They take a role that nobody holds.
    RoleAssumed {
        /// The role.
        role: IncidentRole,
    },
    /// They hand over a role that they hold, and the other one takes it.
    RoleHandedOver {
        /// The role.
        role: IncidentRole,
        /// Who takes it.
        to: PersonId,
    },
    /// They lay a role down.
    RoleReleased {
        /// The role.
        role: IncidentRole,
    },
    /// They posted to a status page.
    StatusPosted {
        /// For these readers.
        audience: Audience,
    },
    /// It is part of another incident.
    Merged {
        /// The one that goes on.
        into: IncidentId,
    },
}

impl ControlPlane {
    /// Takes in what somebody says about an incident.
    pub(super) fn said(
        &mut self,
        incident: IncidentId,
        by: PersonId,
        saying: Saying,
    ) -> Result<(), InputError> {
        let told = match saying {
            Saying::CauseNamed => BookInput::CauseNamed { incident, by },
            Saying::SearchResumed => BookInput::SearchResumed { incident, by },
            Saying::Rerouted { to } => BookInput::Rerouted { incident, to, by },
            Saying::RoleAssumed { role } => BookInput::RoleAssumed {
                incident,
                role,
                person: by,
            },
            Saying::RoleHandedOver { role, to } => {
                return self.role_handed_over(incident, role, (by, to));
            }
            Saying::RoleReleased { role } => BookInput::RoleReleased {
                incident,
                role,
                person: by,
            },
            Saying::StatusPosted { audience } => BookInput::Posted {
                incident,
                audience,
                by,
            },
            Saying::Merged { into } => BookInput::Merged { incident, into, by },
        };
        self.tell_book_together(&[told])
    }

    /// Tells the book several things of which either all hold or none. They are tried on a copy:
    /// what is refused must not leave even its time in the book.
    fn tell_book_together(&mut self, told: &[BookInput]) -> Result<(), InputError> {
        let mut book = self.incidents.clone();
        for input in told {
            let handled = book.handle(self.now, *input);
            handled.map_err(InputError::Incident)?;
        }
        self.incidents = book;
        self.drain_incidents(None);
        Ok(())
    }

    /// The offer and its answer are one: who would not take it does not say so here.
    fn role_handed_over(
        &mut self,
        incident: IncidentId,
        role: IncidentRole,
        (from, to): (PersonId, PersonId),
    ) -> Result<(), InputError> {
        let offered = BookInput::RoleOffered {
            incident,
            role,
            from,
            to,
        };
        let accepted = BookInput::RoleAnswered {
            incident,
            role,
            person: to,
            accepted: true,
        };
        self.tell_book_together(&[offered, accepted])
    }

    pub(super) fn role_changed(&mut self, incident: IncidentId, change: RoleChange) {
        let body = match change {
            RoleChange::Assumed(role, person) => NoteBody::RoleAssumed {
                incident,
                role,
                person,
            },
            RoleChange::HandedOver(offer) => NoteBody::RoleHandedOver {
                incident,
                role: offer.role,
                from: offer.from,
                to: offer.to,
            },
            RoleChange::Released(role, person) => NoteBody::RoleReleased {
                incident,
                role,
                person,
            },
            // Whoever is offered a role takes it at once, and the hand-over tells both.
            RoleChange::Offered(_) => return,
            RoleChange::Declined(_) => {
                unreachable!("the plane has no input by which an offer is declined")
            }
        };
        self.note_incident(incident, body);
    }

    /// Users complain, and somebody passes it on: an alert of no rule. As long as it stands, more
    /// of the same is no news.
    pub(super) fn trouble_reported(
        &mut self,
        service: ServiceId,
        by: Principal,
    ) -> Result<(), InputError> {
        if !self.setup.instances.contains_key(&service) {
            return Err(InputError::UnknownService(service));
        }
        if self.reported.is_some() {
            return Ok(());
        }
        let alert = self.alerts.number();
        self.reported = Some(alert);
        let raised = Raised {
            fired_at: self.now,
            by: RaisedBy::Report(service),
        };
        self.raised.insert(alert, raised);
        let body = NoteBody::TroubleReported { alert, service, by };
        let noted = self.note([], body);
        self.alert_notes.insert(alert, noted);
        self.incident_alert_fired(About {
            alert,
            service,
            region: None,
            urgency: Urgency::Page,
        });
        self.measure_impacts();
        Ok(())
    }

    /// Nobody complains any more.
    pub(super) fn trouble_ended(&mut self) -> Result<(), InputError> {
        let alert: AlertId = self.reported.take().ok_or(InputError::NothingReported)?;
        let because = self.alert_notes.get(&alert).copied();
        let noted = self.note(because, NoteBody::TroubleEnded { alert });
        self.alert_notes.insert(alert, noted);
        self.incident_alert_resolved(alert);
        Ok(())
    }
}
