//! Rollouts that should go back and may not by themselves: they pause, and somebody is paged.

use crate::health::Urgency;
use crate::ids::{AlertId, RolloutId};
use crate::remediation::{ActionKind, AutomationMode, Permission, allowed};
use crate::rollout::{RollbackReason, Rollout};

use super::telling::About;
use super::{ControlPlane, NoteBody, Raised, RaisedBy};

/// Whether a rollout may go back by itself in the stage that it is in.
pub(super) fn permission(mode: AutomationMode, rollout: &Rollout) -> Permission {
    let stage = Some(rollout.stage().kind);
    allowed(mode, ActionKind::AutomaticRollback, stage)
}

impl ControlPlane {
    /// A judge would have a rollout go back: nothing else tells people, so the plane does.
    pub(super) fn hold_judged(&mut self, id: RolloutId, permission: Permission) {
        let alert = self.alerts.number();
        let flight = &mut self.flights[id.index()];
        flight.held = Some(alert);
        let service = flight.service;
        let raised = Raised {
            fired_at: self.now,
            by: RaisedBy::Held(id),
        };
        self.raised.insert(alert, raised);
        self.tell_held(id, RollbackReason::JudgedBad, alert, permission);
        let noted = self.flights[id.index()].story;
        self.alert_notes.insert(alert, noted);
        self.incident_alert_fired(About {
            alert,
            service,
            region: None,
            urgency: Urgency::Page,
        });
        self.measure_impacts();
    }

    pub(super) fn tell_held(
        &mut self,
        id: RolloutId,
        reason: RollbackReason,
        alert: AlertId,
        permission: Permission,
    ) {
        let body = NoteBody::RollbackHeld {
            rollout: id,
            reason,
            alert,
            suggested: permission == Permission::Suggest,
        };
        self.tell(id, body);
    }

    /// Somebody decided: nobody needs to be called for it any more.
    pub(super) fn end_hold(&mut self, id: RolloutId) {
        let flight = &mut self.flights[id.index()];
        let Some(alert) = flight.held.take() else {
            return;
        };
        let story = flight.story;
        let noted = self.note([story], NoteBody::HoldEnded { rollout: id, alert });
        self.alert_notes.insert(alert, noted);
        self.incident_alert_resolved(alert);
    }
}
