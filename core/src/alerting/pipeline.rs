//! From signals to notifications: routes, groups, inhibition, silences, deduplication.
//!
//! The order is fixed: an alert is routed and grouped when it arrives; when its group is looked
//! at, inhibition mutes first, then silences, and what is left is compared with what the receiver
//! knows. Muting hides alerts from notifications and from nothing else: they stay in their
//! groups, and when the reason is gone, the next look tells of them.
//!
//! Nothing is lost without a word: every firing alert has a [`Standing`] in every group it is
//! routed to, and every change of one comes out as a [`StandingNote`]. An alert for which there is
//! no room is refused with an error.
//!
//! A notification that was not reported as delivered when its group is looked at next counts as
//! failed and is decided anew, so a receiver may hear a thing twice, and misses nothing.
//!
//! Absent, because the caller owns it: times of day at which routes are mute, waiting for peers
//! of a cluster, trying a delivery again within one interval. Source: Prometheus Alertmanager.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{NotificationId, ReceiverId, SilenceId};
use crate::time::Micros;

use super::grouping::{Group, GroupKey, Standing};
use super::inhibition::{InhibitionRule, Inhibitor};
use super::labels::LabelSet;
use super::notification::{Notification, NotificationLog};
use super::routing::{RouteError, RouteSpec, RouteTree};
use super::silence::{Silence, SilenceError, Silences};

/// What a pipeline is built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelinePolicy {
    /// The tree of routes.
    pub routes: RouteSpec,
    /// What mutes what.
    pub inhibitions: Vec<InhibitionRule>,
    /// Receivers that do not want to hear that something is over.
    pub without_resolved: Vec<ReceiverId>,
    /// How long an alert fires whose sender does not say when it ends.
    pub resolve_timeout: Micros,
    /// How long it is remembered what a receiver was told.
    pub retention: Micros,
    /// Alerts that a notification lists by name; the rest is counted.
    pub listed_max: u32,
    /// Alerts that are held at once.
    pub alerts_max: u32,
}

impl PipelinePolicy {
    /// Alertmanager's defaults around these routes; 100 alerts by name, 100,000 held.
    #[must_use]
    pub const fn new(routes: RouteSpec) -> Self {
        Self {
            routes,
            inhibitions: Vec::new(),
            without_resolved: Vec::new(),
            resolve_timeout: Micros::from_mins(5),
            retention: Micros::from_hours(120),
            listed_max: 100,
            alerts_max: 100_000,
        }
    }
}

/// What a sender says of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Which alert.
    pub labels: LabelSet,
    /// Since when it fires.
    pub starts_at: Micros,
    /// When it ends unless it is heard of again, or when it ended; a timeout when absent.
    pub ends_at: Option<Micros>,
}

/// A fact from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineInput {
    /// A sender said something of an alert.
    AlertHeard(Signal),
    /// Somebody asked for quiet.
    SilenceAdded(Silence),
    /// Somebody ended a silence before its time.
    SilenceEnded(SilenceId),
    /// A notification reached its receiver.
    Delivered(NotificationId),
    /// A notification did not reach its receiver.
    DeliveryFailed(NotificationId),
}

/// Why an input was not taken. It changed nothing but time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PipelineError {
    /// Time does not go back.
    #[error("input at {at}, after one at {now}")]
    TimeWentBack {
        /// The time of the input.
        at: Micros,
        /// The time before it.
        now: Micros,
    },
    /// An alert cannot end before it starts.
    #[error("the alert ends before it starts")]
    EndsBeforeStart,
    /// There is no room for another alert.
    #[error("{0} alerts are held, as many as the policy allows")]
    Full(u32),
    /// It was never sent, is answered, or its group was looked at since.
    #[error("notification {0} is not on its way")]
    UnknownNotification(NotificationId),
    /// The silence makes no sense.
    #[error(transparent)]
    Silence(#[from] SilenceError),
}

/// A firing alert stands somewhere else than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingNote {
    /// Since when.
    pub at: Micros,
    /// Which alert.
    pub alert: LabelSet,
    /// In which group.
    pub group: GroupKey,
    /// Where it stands.
    pub standing: Standing,
}

/// An alert that is firing, or over and not yet told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) starts_at: Micros,
    /// Over from this moment on.
    pub(super) ends_at: Micros,
    /// Whether `ends_at` is only a guess of ours.
    timed_out: bool,
    /// Its group at every route it ends at.
    pub(super) places: Vec<GroupKey>,
    /// How many of them it is in.
    pub(super) memberships: u32,
    /// The inhibition rules it is a source of.
    pub(super) source_of: Vec<u16>,
}

/// The whole way from signals to notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertPipeline {
    pub(super) policy: PipelinePolicy,
    pub(super) routes: RouteTree,
    pub(super) inhibitor: Inhibitor,
    pub(super) silences: Silences,
    pub(super) log: NotificationLog,
    pub(super) alerts: BTreeMap<LabelSet, Held>,
    pub(super) groups: BTreeMap<GroupKey, Group>,
    /// When each group is looked at next; ties go by group.
    pub(super) timers: BTreeSet<(Micros, GroupKey)>,
    pub(super) in_flight: BTreeMap<NotificationId, GroupKey>,
    pub(super) next_notification: NotificationId,
    pub(super) notifications: VecDeque<Notification>,
    pub(super) notes: VecDeque<StandingNote>,
    now: Micros,
}

impl AlertPipeline {
    /// An empty pipeline at time zero.
    ///
    /// # Errors
    ///
    /// When the routes make no sense.
    pub fn new(policy: PipelinePolicy) -> Result<Self, RouteError> {
        Ok(Self {
            routes: RouteTree::new(&policy.routes)?,
            inhibitor: Inhibitor::new(&policy.inhibitions),
            silences: Silences::default(),
            log: NotificationLog::new(policy.retention),
            alerts: BTreeMap::new(),
            groups: BTreeMap::new(),
            timers: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            next_notification: NotificationId(0),
            notifications: VecDeque::new(),
            notes: VecDeque::new(),
            now: Micros::ZERO,
            policy,
        })
    }

    /// Takes a fact at `now`. Groups that were due before are looked at first, each at its time.
    ///
    /// # Errors
    ///
    /// When time goes back, an alert ends before it starts or has no room, a silence makes no
    /// sense, or a notification is not on its way. Such an input changes nothing but time.
    pub fn handle(&mut self, now: Micros, input: PipelineInput) -> Result<(), PipelineError> {
        if now < self.now {
            return Err(PipelineError::TimeWentBack {
                at: now,
                now: self.now,
            });
        }
        self.handle_timeout(now);
        match input {
            PipelineInput::AlertHeard(signal) => self.hear(now, signal)?,
            PipelineInput::SilenceAdded(silence) => self.silences.add(now, silence)?,
            PipelineInput::SilenceEnded(id) => self.silences.end(now, id)?,
            PipelineInput::Delivered(id) => self.delivered(id)?,
            PipelineInput::DeliveryFailed(id) => self.delivery_failed(now, id)?,
        }
        Ok(())
    }

    /// Looks at every group that is due, each at its own time. Late or repeated calls do no harm.
    pub fn handle_timeout(&mut self, now: Micros) {
        while let Some((due, _)) = self.timers.first()
            && *due <= now
            && let Some((due, key)) = self.timers.pop_first()
        {
            self.look_at(due, &key);
        }
        self.now = self.now.max(now);
    }

    /// When to wake it: the next look at a group.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// What is to be sent, oldest first.
    #[must_use]
    pub fn poll_notification(&mut self) -> Option<Notification> {
        self.notifications.pop_front()
    }

    /// What stands where since when, oldest first.
    #[must_use]
    pub fn poll_note(&mut self) -> Option<StandingNote> {
        self.notes.pop_front()
    }

    /// Where an alert stands, in each of its groups; nothing when it is not held.
    pub fn standings<'a>(
        &'a self,
        alert: &'a LabelSet,
    ) -> impl Iterator<Item = (&'a GroupKey, &'a Standing)> {
        let places = self.alerts.get(alert).map(|held| &*held.places);
        places.unwrap_or_default().iter().filter_map(|key| {
            let standing = self.groups.get(key)?.members.get(alert)?;
            Some((key, standing))
        })
    }

    /// The alerts that fire at `now`, in no order that means anything.
    pub fn firing(&self, now: Micros) -> impl Iterator<Item = &LabelSet> {
        let alerts = self.alerts.iter();
        alerts.filter_map(move |(labels, held)| (held.ends_at > now).then_some(labels))
    }

    fn hear(&mut self, now: Micros, signal: Signal) -> Result<(), PipelineError> {
        let timed_out = signal.ends_at.is_none();
        let ends_at = signal
            .ends_at
            .unwrap_or_else(|| now + self.policy.resolve_timeout);
        if ends_at < signal.starts_at {
            return Err(PipelineError::EndsBeforeStart);
        }
        let Some(held) = self.alerts.get_mut(&signal.labels) else {
            // Nobody was told of an alert that we first hear of when it is over.
            return if ends_at <= now {
                Ok(())
            } else {
                self.hear_of_new(now, signal, (ends_at, timed_out))
            };
        };
        let was_over = held.ends_at <= now;
        held.update(now, signal.starts_at, (ends_at, timed_out));
        if !held.source_of.is_empty() {
            self.inhibitor
                .source_fires(&held.source_of, &signal.labels, held.ends_at);
        }
        if was_over && held.ends_at > now {
            self.join_groups(now, &signal.labels);
        }
        Ok(())
    }

    fn hear_of_new(
        &mut self,
        now: Micros,
        signal: Signal,
        (ends_at, timed_out): (Micros, bool),
    ) -> Result<(), PipelineError> {
        let limit = self.policy.alerts_max;
        if self.alerts.len() >= limit as usize {
            return Err(PipelineError::Full(limit));
        }
        let Signal {
            labels, starts_at, ..
        } = signal;
        let ends = self.routes.routes_of(&labels).into_iter();
        let key = |id| {
            let route = self.routes.route(id).expect("the tree named this route");
            GroupKey::of(id, route, &labels, &self.groups)
        };
        let places = ends.map(key).collect();
        let source_of = self.inhibitor.rules_with_source(&labels);
        self.inhibitor.source_fires(&source_of, &labels, ends_at);
        let held = Held {
            starts_at,
            ends_at,
            timed_out,
            places,
            memberships: 0,
            source_of,
        };
        self.alerts.insert(labels.clone(), held);
        self.join_groups(now, &labels);
        Ok(())
    }

    /// Puts an alert that begins to fire into its groups, where it waits for the next look. It may
    /// be in some of them still, as one that is over and was not told of.
    fn join_groups(&mut self, now: Micros, labels: &LabelSet) {
        let held = self.alerts.get_mut(labels).expect("the alert is held");
        held.memberships = held.places.len() as u32;
        let mut due = Vec::new();
        for key in &held.places {
            let route = self.routes.route(key.route).expect("it was routed there");
            let wait = route.timing.wait;
            let group = self.groups.entry(key.clone()).or_insert_with(|| {
                self.timers.insert((now + wait, key.clone()));
                Group::new(now + wait)
            });
            let standing = Standing::Waiting {
                until: group.next_flush,
            };
            group.members.insert(labels.clone(), standing.clone());
            self.notes.push_back(StandingNote {
                at: now,
                alert: labels.clone(),
                group: key.clone(),
                standing,
            });
            // It has waited long enough where it comes from.
            if !group.flushed && held.starts_at + wait < now {
                due.push(key.clone());
            }
        }
        for key in due {
            let next_flush = self.groups[&key].next_flush;
            self.timers.remove(&(next_flush, key.clone()));
            self.look_at(now, &key);
        }
    }
}

impl Held {
    /// What a later word of the sender changes. Where the two times overlap, the earlier start
    /// counts; a guess of ours never shortens what the sender said.
    fn update(&mut self, now: Micros, starts_at: Micros, (ends_at, timed_out): (Micros, bool)) {
        let overlaps = starts_at <= self.ends_at && self.starts_at <= ends_at;
        let over = ends_at <= now;
        if overlaps {
            self.starts_at = self.starts_at.min(starts_at);
        } else {
            self.starts_at = starts_at;
        }
        let keeps_end = match over {
            // Of two ends in the past the later one.
            true => self.ends_at <= now && self.ends_at > ends_at,
            false => overlaps && !self.timed_out && self.ends_at > ends_at,
        };
        if !keeps_end {
            (self.ends_at, self.timed_out) = (ends_at, timed_out);
        }
    }
}
