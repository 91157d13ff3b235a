//! Alerts, incidents and pages.

use alloc::vec::Vec;

use crate::alerting::{Alert, AlertEvent, SloHistory};
use crate::config::Principal;
use crate::health::Urgency;
use crate::ids::{IncidentId, PageId, SloId};
use crate::incident::IncidentEvent;

use super::{Command, ControlPlane, InputError, NoteBody, Raised};

impl ControlPlane {
    pub(super) fn load_history(
        &mut self,
        slo: SloId,
        history: SloHistory,
    ) -> Result<(), InputError> {
        self.alerts.slo(slo).ok_or(InputError::UnknownSlo(slo))?;
        self.alerts.load_history(slo, history);
        Ok(())
    }

    pub(super) fn evaluate_alerts(&mut self) {
        let now = self.now;
        self.next_evaluation = now + self.setup.evaluate_every;
        self.alerts.evaluate(now);
        while let Some(event) = self.alerts.poll_event() {
            match event {
                AlertEvent::Fired(alert) => self.alert_fired(alert),
                AlertEvent::Resolved(alert, slo) => {
                    let because = self.alert_notes.get(&alert).copied();
                    let noted = self.note(because, NoteBody::AlertResolved { alert, slo });
                    self.alert_notes.insert(alert, noted);
                    self.incidents.alert_resolved(alert);
                    self.drain_incidents();
                }
            }
        }
    }

    pub(super) fn page_again(&mut self) {
        let now = self.now;
        self.incidents.handle_timeout(now);
        self.drain_incidents();
    }

    pub(super) fn page_acknowledged(
        &mut self,
        page: PageId,
        by: Principal,
    ) -> Result<(), InputError> {
        if !self.incidents.acknowledged(page) {
            return Err(InputError::UnknownPage(page));
        }
        while let Some(event) = self.incidents.poll_event() {
            if let IncidentEvent::Acknowledged(incident, page) = event {
                let because = self.page_notes.get(&page).copied();
                let body = NoteBody::PageAcknowledged {
                    incident,
                    page,
                    by: by.clone(),
                };
                let noted = self.note(because, body);
                self.incident_notes.insert(incident, noted);
            }
        }
        Ok(())
    }

    fn alert_fired(&mut self, alert: Alert) {
        let (id, slo, urgency) = (alert.id, alert.slo, alert.rule.urgency);
        let (fired_at, factor_milli) = (alert.fired_at, alert.rule.factor_milli);
        let noted = self.note([], NoteBody::AlertFired { alert });
        self.alert_notes.insert(id, noted);
        if urgency == Urgency::Page {
            let service = self.setup.slos[slo.index()].indicator.service();
            self.alert_rollouts(service, noted);
            let raised = Raised {
                slo,
                fired_at,
                factor_milli,
            };
            self.raised.insert(id, raised);
            let now = self.now;
            self.incidents.alert_fired(now, id);
            self.drain_incidents();
        }
    }

    fn drain_incidents(&mut self) {
        while let Some(event) = self.incidents.poll_event() {
            match event {
                IncidentEvent::Opened(incident, alert) => {
                    let because = self.alert_notes.get(&alert).copied();
                    let noted = self.note(because, NoteBody::IncidentOpened { incident, alert });
                    self.incident_notes.insert(incident, noted);
                }
                IncidentEvent::Joined(incident, alert) => {
                    let because = self.alert_notes.get(&alert).copied();
                    self.note(because, NoteBody::IncidentJoined { incident, alert });
                }
                IncidentEvent::Page {
                    incident,
                    page,
                    attempt,
                } => {
                    self.send_page(incident, page, attempt);
                }
                IncidentEvent::GaveUp(incident) => {
                    let because = self.incident_notes.get(&incident).copied();
                    self.note(because, NoteBody::PagingGaveUp { incident });
                }
                IncidentEvent::Resolved(incident) => {
                    let alerts = self.incidents.incident(incident).map(|found| &found.alerts);
                    let because: Vec<_> = alerts
                        .into_iter()
                        .flatten()
                        .filter_map(|alert| self.alert_notes.get(alert).copied())
                        .collect();
                    self.note(because, NoteBody::IncidentResolved { incident });
                }
                IncidentEvent::Acknowledged(..) => {
                    unreachable!("only an acknowledgement acknowledges, and it drains its own")
                }
            }
        }
    }

    fn send_page(&mut self, incident: IncidentId, page: PageId, attempt: u32) {
        let opened = self
            .incidents
            .incident(incident)
            .expect("it asked for the page");
        let alert = opened.alerts[0];
        let slo = self.alerts.objective_of(alert).expect("the alert fired");
        let ranked = self.suspects(incident);
        let suspects: Vec<_> = ranked.iter().map(|suspect| suspect.rollout).collect();
        let mut because = self.incident_notes.get(&incident).copied();
        if !ranked.is_empty() {
            let suspects = ranked;
            let body = NoteBody::SuspectsRanked { incident, suspects };
            because = Some(self.note(because, body));
        }
        let body = NoteBody::PageSent {
            incident,
            page,
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
                attempt,
                alert,
                slo,
                suspects,
            },
        );
    }
}
