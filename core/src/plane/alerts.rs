//! Alerts: rules are evaluated, and rollouts and incidents are told.

use crate::alerting::{Alert, AlertEvent, SloHistory};
use crate::health::Urgency;
use crate::ids::SloId;

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
                AlertEvent::Resolved(alert, slo) => {
                    let because = self.alert_notes.get(&alert).copied();
                    let noted = self.note(because, NoteBody::AlertResolved { alert, slo });
                    self.alert_notes.insert(alert, noted);
                    self.incident_alert_resolved(alert);
                }
            }
        }
        self.measure_impacts();
    }

    fn alert_fired(&mut self, alert: Alert) {
        let (id, slo, urgency) = (alert.id, alert.slo, alert.rule.urgency);
        let (fired_at, factor_milli) = (alert.fired_at, alert.rule.factor_milli);
        let noted = self.note([], NoteBody::AlertFired { alert });
        self.alert_notes.insert(id, noted);
        if urgency == Urgency::Page {
            let service = self.setup.slos[slo.index()].indicator.service();
            self.alert_rollouts(service, id, noted);
            let by = RaisedBy::Rule { slo, factor_milli };
            self.raised.insert(id, Raised { fired_at, by });
            self.incident_alert_fired(id, service);
        }
    }
}
