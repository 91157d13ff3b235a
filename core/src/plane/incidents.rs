//! Incidents: what the book of incidents is told, and what becomes of what it says.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::config::Principal;
use crate::health::Urgency;
use crate::ids::{AlertId, IncidentId, NoteId, PageId, PersonId, RegionId, RolloutId};
use crate::incident::{BookEvent, BookInput, Impact, IncidentRole, Moved, PagerEvent, Phase};
use crate::ratio::Ppm;

use super::telling::About;
use super::{Command, ControlPlane, InputError, NoteBody};

impl ControlPlane {
    /// Somebody is to be woken for an alert.
    pub(super) fn incident_alert_fired(&mut self, about: About) {
        self.tell_book(BookInput::AlertFired {
            alert: about.alert,
            service: about.service,
            region: about.region,
            urgency: Urgency::Page,
        });
        self.drain_incidents(None);
    }

    pub(super) fn incident_alert_resolved(&mut self, alert: AlertId) {
        self.tell_book(BookInput::AlertResolved { alert });
        self.drain_incidents(None);
        // An incident whose last alert stopped is over when nobody is harmed any more.
        self.measure_impacts();
    }

    pub(super) fn incident_due(&mut self) {
        let now = self.now;
        self.incidents.handle_timeout(now);
        self.drain_incidents(None);
    }

    /// Acknowledging twice, or late, does nothing.
    pub(super) fn page_acknowledged(
        &mut self,
        page: PageId,
        by: Principal,
    ) -> Result<(), InputError> {
        let sent = self.incidents.pager().pages().get(page.index());
        let incident = sent.ok_or(InputError::UnknownPage(page))?.incident;
        let record = self.incidents.incident(incident);
        if record.is_some_and(|record| record.is_open()) {
            // More may be known by now than when the page went out.
            self.show_suspects(incident);
            self.tell_book(BookInput::PageAcknowledged { page });
            self.drain_incidents(Some((page, by)));
        }
        Ok(())
    }

    /// Measures what users feel of every open incident, by the objectives of its firing alerts.
    pub(super) fn measure_impacts(&mut self) {
        let open = self.incidents.open().map(|record| record.id);
        let open: Vec<IncidentId> = open.collect();
        for incident in open {
            if let Some(impact) = self.impact(incident) {
                self.tell_book(BookInput::ImpactMeasured { incident, impact });
                self.drain_incidents(None);
            }
        }
    }

    /// What users feel of an incident now, if that is known and news. Nothing once no alert of
    /// it fires; the worst of what its objectives' services have shown lately until then. How
    /// many users that is nobody knows.
    fn impact(&self, incident: IncidentId) -> Option<Impact> {
        let record = self.incidents.incident(incident)?;
        let firing = self.alerts.firing().map(|alert| alert.id);
        let firing: Vec<_> = firing.filter(|id| record.alerts.contains(id)).collect();
        let raised = firing.iter().filter_map(|alert| self.raised.get(alert));
        let shown = raised.map(|raised| self.shown(raised));
        let mut regions: BTreeSet<RegionId> = BTreeSet::new();
        let mut impact = Impact::default();
        for shown in shown {
            let shown = shown?;
            impact.requests = impact.requests.max(shown.bad);
            impact.burn_milli = impact.burn_milli.max(shown.burn_milli);
            regions.extend(shown.regions);
        }
        impact.users = Ppm::ZERO;
        impact.regions = regions.len() as u32;
        (record.impact != Some(impact)).then_some(impact)
    }

    pub(super) fn tell_book(&mut self, input: BookInput) {
        let now = self.now;
        let told = self.incidents.handle(now, input);
        told.expect("the plane tells of open incidents, alerts and pages that it knows");
    }

    /// Turns what the book says into notes and pages. `acknowledged` is the page that is being
    /// acknowledged, and by whom.
    pub(super) fn drain_incidents(&mut self, acknowledged: Option<(PageId, Principal)>) {
        while let Some(event) = self.incidents.poll_event() {
            match event {
                BookEvent::Opened {
                    incident, alert, ..
                } => {
                    let because = self.alert_notes.get(&alert).copied();
                    let noted = self.note(because, NoteBody::IncidentOpened { incident, alert });
                    self.incident_notes.insert(incident, noted);
                }
                BookEvent::Joined {
                    incident, alert, ..
                } => {
                    let because = self.alert_notes.get(&alert).copied();
                    self.note(because, NoteBody::IncidentJoined { incident, alert });
                }
                BookEvent::Pager(event) => self.pager_said(event, acknowledged.as_ref()),
                BookEvent::Moved(incident, moved) => self.incident_moved(incident, moved),
                BookEvent::Severity(incident, change) => {
                    let record = self.incidents.incident(incident);
                    let impact = record.and_then(|record| record.impact).unwrap_or_default();
                    let body = NoteBody::SeverityChanged {
                        incident,
                        from: change.from,
                        to: change.to,
                        impact,
                    };
                    self.note_incident(incident, body);
                }
                BookEvent::Role(incident, change) => self.role_changed(incident, change),
                BookEvent::StatusMissed(incident, miss) => {
                    let audience = miss.audience;
                    self.note_incident(incident, NoteBody::StatusPostMissed { incident, audience });
                }
                BookEvent::Posted(incident, post) => {
                    let body = NoteBody::StatusPosted {
                        incident,
                        audience: post.audience,
                        post: post.kind,
                        by: post.by,
                        late: post.late,
                    };
                    self.note_incident(incident, body);
                }
            }
        }
    }

    fn pager_said(&mut self, event: PagerEvent, acknowledged: Option<&(PageId, Principal)>) {
        match event {
            PagerEvent::Page {
                incident,
                page,
                person,
                attempt,
                ..
            } => self.send_page(incident, page, person, attempt),
            PagerEvent::Acknowledged(incident, person) => {
                let (page, by) = acknowledged.expect("only a page is acknowledged").clone();
                let because = self.page_notes.get(&page).copied();
                let body = NoteBody::PageAcknowledged { incident, page, by };
                let noted = self.note(because, body);
                self.incident_notes.insert(incident, noted);
                self.assume_command(incident, person);
            }
            PagerEvent::Exhausted(incident) => {
                self.note_incident(incident, NoteBody::PagingGaveUp { incident });
            }
            PagerEvent::Skipped(incident, rung) => {
                let level = rung.level;
                self.note_incident(incident, NoteBody::NobodyOnCall { incident, level });
            }
            PagerEvent::Lapsed(incident, person) => {
                let body = NoteBody::AcknowledgementLapsed { incident, person };
                self.note_incident(incident, body);
            }
            PagerEvent::Rerouted(incident, hop) => {
                let body = NoteBody::IncidentRerouted {
                    incident,
                    from: hop.from,
                    to: hop.to,
                    by: hop.by,
                    cost: hop.cost,
                };
                let noted = self.note_incident(incident, body);
                self.incident_notes.insert(incident, noted);
            }
            // The move of the incident tells it.
            PagerEvent::Resolved(_) => {}
        }
    }

    /// Whoever acknowledges first commands, until the incident is over.
    fn assume_command(&mut self, incident: IncidentId, person: PersonId) {
        let record = self.incidents.incident(incident);
        let vacant = |roles: &crate::incident::Roles| roles.commander().is_none();
        if record.is_some_and(|record| record.is_open() && vacant(&record.roles)) {
            self.tell_book(BookInput::RoleAssumed {
                incident,
                role: IncidentRole::Commander,
                person,
            });
        }
    }

    fn incident_moved(&mut self, incident: IncidentId, moved: Moved) {
        if moved.to != Phase::Resolved {
            let body = NoteBody::IncidentMoved {
                incident,
                from: moved.from,
                to: moved.to,
                reason: moved.reason,
            };
            let noted = self.note_incident(incident, body);
            self.incident_notes.insert(incident, noted);
            return;
        }
        let alerts = self.incidents.incident(incident).map(|found| &found.alerts);
        let because: Vec<_> = alerts
            .into_iter()
            .flatten()
            .filter_map(|alert| self.alert_notes.get(alert).copied())
            .collect();
        let noted = self.note(because, NoteBody::IncidentResolved { incident });
        self.incident_notes.insert(incident, noted);
    }

    /// A note that follows from the last move of an incident.
    pub(super) fn note_incident(&mut self, incident: IncidentId, body: NoteBody) -> NoteId {
        let because = self.incident_notes.get(&incident).copied();
        self.note(because, body)
    }

    fn send_page(&mut self, incident: IncidentId, page: PageId, person: PersonId, attempt: u32) {
        let opened = self
            .incidents
            .incident(incident)
            .expect("it asked for the page");
        let alert = opened.alerts[0];
        let slo = self.alerts.objective_of(alert);
        let (ranked, suspects) = self.show_suspects(incident);
        let because = ranked.or_else(|| self.incident_notes.get(&incident).copied());
        let body = NoteBody::PageSent {
            incident,
            page,
            person,
            attempt,
            suspects: suspects.clone(),
        };
        let noted = self.note(because, body);
        self.page_notes.insert(page, noted);
        self.issue(
            [noted],
            Command::Page {
                incident,
                page,
                person,
                attempt,
                alert,
                slo,
                suspects,
            },
        );
    }

    /// The changes that may be to blame for an incident, as of now, and the note of their ranking
    /// if it is not the one that was shown last.
    fn show_suspects(&mut self, incident: IncidentId) -> (Option<NoteId>, Vec<RolloutId>) {
        let ranked = self.suspects(incident);
        let suspects: Vec<_> = ranked.iter().map(|suspect| suspect.rollout).collect();
        let shown = self.shown_suspects.entry(incident).or_default();
        if *shown == suspects {
            return (None, suspects);
        }
        shown.clone_from(&suspects);
        let body = NoteBody::SuspectsRanked {
            incident,
            suspects: ranked,
        };
        (Some(self.note_incident(incident, body)), suspects)
    }
}
