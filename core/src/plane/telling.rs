//! From alerts to whoever is told of them: at once, or through the pipeline that groups, mutes
//! and remembers.
//!
//! What a pager is told opens incidents or joins them; an incident ends for its people when they
//! are told that its alerts are over. Nothing is lost without a word: where an alert stands is a
//! note.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::alerting::{
    AlertPipeline, LabelSet, Listed, Notification, PipelineError, PipelineInput, PipelinePolicy,
    RouteError, Signal, Silence, SilenceError, Standing, StandingNote,
};
use crate::health::Urgency;
use crate::ids::{AlertId, NoteId, ReceiverId, RegionId, ServiceId};
use crate::incident::BookInput;
use crate::time::Micros;

use super::{ControlPlane, NoteBody};

/// How alerts are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyingPolicy {
    /// Routes, groups, inhibitions.
    pub pipeline: PipelinePolicy,
    /// Receivers that wake people; the others gather what is read later.
    pub pagers: BTreeSet<ReceiverId>,
    /// What somebody asked to be quiet about beforehand.
    #[serde(default)]
    pub silences: Vec<Silence>,
}

/// Why alerts cannot be told so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyingError {
    /// The routes make no sense.
    #[error("the routes of alerts make no sense")]
    Routes(#[source] RouteError),
    /// A silence makes no sense.
    #[error("a silence of alerts makes no sense")]
    Silence(#[source] SilenceError),
}

impl NotifyingPolicy {
    /// Checks the policy.
    ///
    /// # Errors
    /// When routes or silences make no sense.
    pub fn check(&self) -> Result<(), NotifyingError> {
        self.build().map(|_| ())
    }

    /// The pipeline at time zero.
    pub(super) fn build(&self) -> Result<AlertPipeline, NotifyingError> {
        let mut pipeline =
            AlertPipeline::new(self.pipeline.clone()).map_err(NotifyingError::Routes)?;
        for silence in &self.silences {
            let input = PipelineInput::SilenceAdded(silence.clone());
            match pipeline.handle(Micros::ZERO, input) {
                Ok(()) => {}
                Err(PipelineError::Silence(error)) => return Err(NotifyingError::Silence(error)),
                Err(other) => unreachable!("a silence is refused for itself alone: {other}"),
            }
        }
        Ok(pipeline)
    }
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) alert: AlertId,
    pub(super) service: ServiceId,
    pub(super) region: Option<RegionId>,
    pub(super) urgency: Urgency,
}

/// The pipeline, and which alerts the labels in it stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Telling {
    pipeline: AlertPipeline,
    /// The alert that fired last with these labels.
    about: BTreeMap<LabelSet, About>,
    /// The alerts that pagers were told of under these labels, and not yet told to be over. One
    /// that ends and fires again in between is, to them, the same.
    told: BTreeMap<LabelSet, BTreeSet<AlertId>>,
}

impl Telling {
    pub(super) const fn new(pipeline: AlertPipeline) -> Self {
        Self {
            pipeline,
            about: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Micros> {
        self.pipeline.poll_timeout()
    }
}

impl ControlPlane {
    /// An alert fires from now on.
    pub(super) fn alert_begun(&mut self, labels: LabelSet, about: About) {
        let Some(telling) = &mut self.telling else {
            if about.urgency == Urgency::Page {
                self.incident_alert_fired(about);
            }
            return;
        };
        telling.about.insert(labels.clone(), about);
        if let Some(told) = telling.told.get_mut(&labels) {
            told.insert(about.alert);
            self.incident_alert_fired(about);
        }
        self.hear(labels, self.now, Micros::MAX);
    }

    /// An alert is over.
    pub(super) fn alert_ended(&mut self, alert: AlertId, urgency: Urgency, labels: LabelSet) {
        if self.telling.is_some() {
            self.hear(labels, self.now, self.now);
        } else if urgency == Urgency::Page {
            self.incident_alert_resolved(alert);
        }
    }

    /// A group is due to be looked at.
    pub(super) fn telling_due(&mut self) {
        let now = self.now;
        if let Some(telling) = &mut self.telling {
            telling.pipeline.handle_timeout(now);
        }
        self.drain_telling();
    }

    fn hear(&mut self, labels: LabelSet, starts_at: Micros, ends_at: Micros) {
        let signal = Signal {
            labels,
            starts_at,
            ends_at: Some(ends_at),
        };
        self.tell_pipeline(PipelineInput::AlertHeard(signal));
        self.drain_telling();
    }

    fn tell_pipeline(&mut self, input: PipelineInput) {
        let now = self.now;
        if let Some(telling) = &mut self.telling {
            let told = telling.pipeline.handle(now, input);
            told.expect(
                "there is room for every alert of every rule, and each begins before it ends",
            );
        }
    }

    fn drain_telling(&mut self) {
        loop {
            let Some(telling) = &mut self.telling else {
                return;
            };
            if let Some(stands) = telling.pipeline.poll_note() {
                self.alert_stands(stands);
            } else if let Some(notification) = telling.pipeline.poll_notification() {
                self.notify(notification);
            } else {
                return;
            }
        }
    }

    /// Writes down why an alert is not told of, or not again. That it waits or is told of can be
    /// seen from what comes next.
    fn alert_stands(&mut self, stands: StandingNote) {
        match &stands.standing {
            Standing::Inhibited { .. } | Standing::Silenced { .. } => {}
            Standing::Waiting { .. }
            | Standing::Notified { .. }
            | Standing::Deduplicated { .. } => {
                return;
            }
        }
        let about = self.about(&stands.alert).expect("it was heard of here");
        let by = match &stands.standing {
            Standing::Inhibited { by } => self.about(by).map(|about| about.alert),
            Standing::Silenced { .. }
            | Standing::Waiting { .. }
            | Standing::Notified { .. }
            | Standing::Deduplicated { .. } => None,
        };
        let because = self.alert_notes.get(&about.alert).copied();
        let body = NoteBody::AlertMuted {
            alert: about.alert,
            by,
        };
        let noted = self.note(because, body);
        self.alert_notes.insert(about.alert, noted);
    }

    fn notify(&mut self, notification: Notification) {
        let known = |listed: &Listed| self.about(&listed.labels).expect("it was heard of here");
        let firing: Vec<About> = notification.firing.iter().map(known).collect();
        let resolved: Vec<About> = notification.resolved.iter().map(known).collect();
        let alerts = firing.iter().chain(&resolved);
        let because: BTreeSet<NoteId> = alerts
            .filter_map(|about| self.alert_notes.get(&about.alert).copied())
            .collect();
        let ids = |some: &[About]| some.iter().map(|about| about.alert).collect();
        let body = NoteBody::Notified {
            notification: notification.id,
            receiver: notification.receiver,
            reason: notification.reason,
            firing: ids(&firing),
            firing_rest: notification.firing_rest,
            resolved: ids(&resolved),
        };
        let noted = self.note(because, body);
        self.tell_pipeline(PipelineInput::Delivered(notification.id));
        let wakes = self.setup.notifying.as_ref();
        if wakes.is_none_or(|policy| !policy.pagers.contains(&notification.receiver)) {
            return;
        }
        for (listed, about) in notification.firing.iter().zip(firing) {
            let telling = self.telling.as_mut().expect("it told of this");
            let told = telling.told.entry(listed.labels.clone()).or_default();
            told.insert(about.alert);
            self.alert_notes.insert(about.alert, noted);
            self.incident_alert_fired(about);
        }
        for listed in &notification.resolved {
            let telling = self.telling.as_mut().expect("it told of this");
            for alert in telling.told.remove(&listed.labels).unwrap_or_default() {
                self.alert_notes.insert(alert, noted);
                self.tell_book(BookInput::AlertResolved { alert });
                self.drain_incidents(None);
            }
        }
        self.measure_impacts();
    }

    fn about(&self, labels: &LabelSet) -> Option<About> {
        self.telling.as_ref()?.about.get(labels).copied()
    }
}
