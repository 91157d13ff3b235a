//! A look at a group: who is muted, what is left, does the receiver need to hear of it?

use alloc::vec::Vec;

use crate::ids::NotificationId;
use crate::time::Micros;

use super::grouping::{GroupKey, InFlight, Standing};
use super::labels::LabelSet;
use super::notification::{Listed, Notification, Reason, Told, decide};
use super::pipeline::{AlertPipeline, PipelineError, StandingNote};

/// What a look found.
#[derive(Default)]
struct Found {
    /// Firing and not muted, in order.
    firing: Vec<LabelSet>,
    /// Since when each of them fires.
    firing_since: Vec<Micros>,
    /// Over and not muted, in order.
    resolved: Vec<LabelSet>,
    /// Over, muted or not.
    over: Vec<LabelSet>,
}

impl AlertPipeline {
    /// Looks at a group at `now` and sets the time of the next look. Its old timer is gone.
    pub(super) fn look_at(&mut self, now: Micros, key: &GroupKey) {
        let route = self.routes.route(key.route).expect("groups have routes");
        let (timing, receiver) = (route.timing, route.receiver);
        let next_flush = now + timing.interval;
        let group = self.groups.get_mut(key).expect("timers belong to groups");
        (group.next_flush, group.flushed) = (next_flush, true);
        if let Some(unanswered) = group.in_flight.take() {
            self.in_flight.remove(&unanswered.id);
        }
        self.timers.insert((next_flush, key.clone()));
        self.log.forget_expired(now);

        let found = self.sort_out(now, key);
        let wants_resolved = !self.policy.without_resolved.contains(&receiver);
        let told = self.log.last(now, key);
        let told_at = told.map_or(Micros::ZERO, |told| told.at);
        let reason = match found.firing.is_empty() && found.resolved.is_empty() {
            true => None, // all muted: as if nobody had looked
            false => decide(
                now,
                told,
                (&found.firing, &found.resolved),
                (timing.repeat, wants_resolved),
            ),
        };
        let Some(reason) = reason else {
            self.stand(now, key, &found.firing, &Standing::Deduplicated { told_at });
            self.leave(now, key, &found.over);
            return;
        };
        let told = Told {
            at: now,
            firing: found.firing,
            resolved: found.resolved,
        };
        if told.firing.is_empty() && !wants_resolved {
            self.log.record(key, told, timing.repeat);
            self.leave(now, key, &found.over);
            return;
        }
        self.send(key, reason, told, (&found.firing_since, found.over));
    }

    /// Tells members apart; those that fire and are muted stand as such.
    fn sort_out(&mut self, now: Micros, key: &GroupKey) -> Found {
        let mut found = Found::default();
        let group = self.groups.get_mut(key).expect("it is looked at");
        for (labels, old) in &mut group.members {
            let held = &self.alerts[labels];
            let is_over = held.ends_at <= now;
            if is_over {
                found.over.push(labels.clone());
            }
            let standing = match self.inhibitor.muted_by(now, labels) {
                Some(by) => Some(Standing::Inhibited { by }),
                None => {
                    let silence = self.silences.muting(now, labels);
                    silence.map(|by| Standing::Silenced { by })
                }
            };
            match (standing, is_over) {
                (Some(_), true) => {}
                (Some(standing), false) => {
                    if *old != standing {
                        old.clone_from(&standing);
                        self.notes.push_back(note(now, key, labels, standing));
                    }
                }
                (None, true) => found.resolved.push(labels.clone()),
                (None, false) => {
                    found.firing_since.push(held.starts_at);
                    found.firing.push(labels.clone());
                }
            }
        }
        found
    }

    fn send(
        &mut self,
        key: &GroupKey,
        reason: Reason,
        told: Told,
        (firing_since, over): (&[Micros], Vec<LabelSet>),
    ) {
        let route = self.routes.route(key.route).expect("groups have routes");
        let receiver = route.receiver;
        let id = self.next_notification;
        self.next_notification = NotificationId(id.0 + 1);
        let standing = Standing::Notified { notification: id };
        self.stand(told.at, key, &told.firing, &standing);
        let wants_resolved = !self.policy.without_resolved.contains(&receiver);
        let (firing, firing_rest) = self.list(&told.firing, firing_since);
        let (resolved, resolved_rest) = match wants_resolved {
            true => {
                let since = told.resolved.iter().map(|one| self.alerts[one].starts_at);
                let since: Vec<Micros> = since.collect();
                self.list(&told.resolved, &since)
            }
            false => (Vec::new(), 0),
        };
        self.notifications.push_back(Notification {
            id,
            group: key.clone(),
            receiver,
            at: told.at,
            reason,
            firing,
            firing_rest,
            resolved,
            resolved_rest,
        });
        self.in_flight.insert(id, key.clone());
        let group = self.groups.get_mut(key).expect("it is looked at");
        group.in_flight = Some(InFlight { id, told, over });
    }

    /// The oldest by name, the rest as a count.
    fn list(&self, alerts: &[LabelSet], since: &[Micros]) -> (Vec<Listed>, u32) {
        let limit = self.policy.listed_max as usize;
        let since = since.iter().copied();
        let mut dated: Vec<(Micros, &LabelSet)> = since.zip(alerts).collect();
        let rest = dated.len().saturating_sub(limit) as u32;
        let order = |(a, one): &(Micros, &LabelSet), (b, other): &(Micros, &LabelSet)| {
            a.cmp(b).then_with(|| one.cmp_text(other))
        };
        if rest > 0 {
            // In a storm most of them only count.
            dated.select_nth_unstable_by(limit, order);
            dated.truncate(limit);
        }
        dated.sort_unstable_by(order);
        let listed = dated.into_iter();
        let listed = listed.map(|(starts_at, labels)| Listed {
            labels: labels.clone(),
            starts_at,
        });
        (listed.collect(), rest)
    }

    pub(super) fn delivered(&mut self, id: NotificationId) -> Result<(), PipelineError> {
        let (key, sent) = self.take_in_flight(id)?;
        let route = self.routes.route(key.route).expect("groups have routes");
        let repeat = route.timing.repeat;
        let looked_at = sent.told.at;
        self.log.record(&key, sent.told, repeat);
        self.leave(looked_at, &key, &sent.over);
        Ok(())
    }

    pub(super) fn delivery_failed(
        &mut self,
        now: Micros,
        id: NotificationId,
    ) -> Result<(), PipelineError> {
        let (key, sent) = self.take_in_flight(id)?;
        let until = self.groups[&key].next_flush;
        self.stand(now, &key, &sent.told.firing, &Standing::Waiting { until });
        Ok(())
    }

    fn take_in_flight(
        &mut self,
        id: NotificationId,
    ) -> Result<(GroupKey, InFlight), PipelineError> {
        let unknown = PipelineError::UnknownNotification(id);
        let key = self.in_flight.remove(&id).ok_or(unknown)?;
        let group = self.groups.get_mut(&key);
        let group = group.expect("a group with a notification on its way stays");
        let sent = group.in_flight.take().expect("the two lists agree");
        assert_eq!(sent.id, id, "a group has one notification on its way");
        Ok((key, sent))
    }

    /// Alerts that were over at a look leave the group, unless they have fired since. An empty
    /// group ends, and an alert in no group is forgotten.
    fn leave(&mut self, looked_at: Micros, key: &GroupKey, over: &[LabelSet]) {
        let group = self.groups.get_mut(key).expect("it was looked at");
        for labels in over {
            let Some(held) = self.alerts.get_mut(labels) else {
                continue;
            };
            if held.ends_at > looked_at || group.members.remove(labels).is_none() {
                continue;
            }
            held.memberships -= 1;
            if held.memberships == 0 {
                self.inhibitor.forget(&held.source_of, labels);
                self.alerts.remove(labels);
            }
        }
        if group.members.is_empty() {
            self.timers.remove(&(group.next_flush, key.clone()));
            self.groups.remove(key);
        }
    }

    /// These members, which are in order, stand there from now on.
    fn stand(&mut self, now: Micros, key: &GroupKey, alerts: &[LabelSet], standing: &Standing) {
        let group = self.groups.get_mut(key).expect("it is looked at");
        let mut alerts = alerts.iter().peekable();
        // One walk over both, for groups are large when it matters.
        for (labels, old) in &mut group.members {
            if alerts.next_if(|next| *next == labels).is_some() && old != standing {
                old.clone_from(standing);
                self.notes
                    .push_back(note(now, key, labels, standing.clone()));
            }
        }
        assert_eq!(alerts.next(), None, "all of them are members");
    }
}

fn note(at: Micros, key: &GroupKey, alert: &LabelSet, standing: Standing) -> StandingNote {
    StandingNote {
        at,
        alert: alert.clone(),
        group: key.clone(),
        standing,
    }
}
