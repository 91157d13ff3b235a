//! Alerts: rules are evaluated, and rollouts and whoever is to be told hear of it.

use crate::alerting::{Alert, AlertEvent, SloHistory, SymptomEvent};
use crate::health::Urgency;
use crate::ids::SloId;

use super::telling::About;
use super::{ControlPlane, InputError, NoteBody, Raised, RaisedBy};

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
                AlertEvent::Resolved(alert) => {
                    let (id, slo) = (alert.id, alert.slo);
                    let because = self.alert_notes.get(&id).copied();
                    let noted = self.note(because, NoteBody::AlertResolved { alert: id, slo });
                    self.alert_notes.insert(id, noted);
                    let labels = alert.labels(&self.setup.slos[slo.index()]);
                    self.alert_ended(id, alert.rule.urgency, labels);
                }
            }
        }
        self.symptoms.evaluate(now);
        while let Some(event) = self.symptoms.poll_event() {
            if event.fires {
                self.symptom_fired(event);
            } else {
                self.symptom_gone(event);
            }
        }
        self.measure_impacts();
    }

    fn alert_fired(&mut self, alert: Alert) {
        let (id, slo, urgency) = (alert.id, alert.slo, alert.rule.urgency);
        let (fired_at, factor_milli) = (alert.fired_at, alert.rule.factor_milli);
        let objective = &self.setup.slos[slo.index()];
        let (labels, service) = (alert.labels(objective), objective.indicator.service());
        let noted = self.note([], NoteBody::AlertFired { alert });
        self.alert_notes.insert(id, noted);
        if urgency == Urgency::Page {
            self.alert_rollouts(service, id, noted);
            let by = RaisedBy::Rule { slo, factor_milli };
            self.raised.insert(id, Raised { fired_at, by });
        }
        let about = About {
            alert: id,
            service,
            region: None,
            urgency,
        };
        self.alert_begun(labels, about);
    }

    fn symptom_fired(&mut self, event: SymptomEvent) {
        let SymptomEvent {
            rule,
            service,
            region,
            value,
            labels,
            ..
        } = event;
        let alert = self.alerts.number();
        let noted = self.note(
            [],
            NoteBody::SymptomFired {
                alert,
                rule,
                service,
                region,
                value,
            },
        );
        self.alert_notes.insert(alert, noted);
        let raised = Raised {
            fired_at: self.now,
            by: RaisedBy::Symptom {
                rule,
                service,
                region,
            },
        };
        self.raised.insert(alert, raised);
        let about = About {
            alert,
            service,
            region: Some(region),
            urgency: self.setup.symptoms.rules[usize::from(rule)].urgency,
        };
        self.symptom_alerts.insert(labels.clone(), alert);
        self.alert_begun(labels, about);
    }

    fn symptom_gone(&mut self, event: SymptomEvent) {
        let alert = self.symptom_alerts.remove(&event.labels);
        let alert = alert.expect("what is gone has fired");
        let because = self.alert_notes.get(&alert).copied();
        let noted = self.note(because, NoteBody::SymptomGone { alert });
        self.alert_notes.insert(alert, noted);
        let urgency = self.setup.symptoms.rules[usize::from(event.rule)].urgency;
        self.alert_ended(alert, urgency, event.labels);
    }
}
