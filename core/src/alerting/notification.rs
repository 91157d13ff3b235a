//! What a receiver is told, and whether it needs to be told.
//!
//! The decision compares a group with what its receiver was told last. Source: the notification
//! log and the deduplication stage of Prometheus Alertmanager.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{NotificationId, ReceiverId};
use crate::time::Micros;

use super::grouping::GroupKey;
use super::labels::LabelSet;

/// Why a receiver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It knows of no firing alert of this group.
    First,
    /// An alert fires that it has not been told of.
    NewFiring,
    /// Some of what it was told of is over, and some is not.
    SomeResolved,
    /// All of what it was told of is over.
    AllResolved,
    /// Nothing has changed for long, and it still fires.
    Repeat,
}

/// An alert in a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// What it is.
    pub labels: LabelSet,
    /// Since when it fires, or fired.
    pub starts_at: Micros,
}

/// One message about one group to one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Its id; a delivery is reported under it.
    pub id: NotificationId,
    /// The group.
    pub group: GroupKey,
    /// Who is told.
    pub receiver: ReceiverId,
    /// When it was decided.
    pub at: Micros,
    /// Why.
    pub reason: Reason,
    /// What fires, oldest first: as many as the policy lists.
    pub firing: Vec<Listed>,
    /// How many more fire.
    pub firing_rest: u32,
    /// What is over, oldest first: as many as the policy lists.
    pub resolved: Vec<Listed>,
    /// How many more are over.
    pub resolved_rest: u32,
}

/// The last that a receiver was told of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The look at the group that led to it.
    pub at: Micros,
    /// What fired, in order.
    pub firing: Vec<LabelSet>,
    /// What was over, in order.
    pub resolved: Vec<LabelSet>,
}

/// Whether a receiver needs to hear of a group, and why. `firing` and `resolved` are in order
/// and without what is muted; `told` is the last it heard.
#[must_use]
pub fn decide(
    now: Micros,
    told: Option<&Told>,
    (firing, resolved): (&[LabelSet], &[LabelSet]),
    (repeat, send_resolved): (Micros, bool),
) -> Option<Reason> {
    let Some(told) = told.filter(|told| !told.firing.is_empty()) else {
        // Whatever came and went unseen is nobody's business.
        return (!firing.is_empty()).then_some(Reason::First);
    };
    if !is_subset(firing, &told.firing) {
        return Some(Reason::NewFiring);
    }
    if firing.is_empty() {
        return Some(Reason::AllResolved);
    }
    if send_resolved && !is_subset(resolved, &told.resolved) {
        return Some(Reason::SomeResolved);
    }
    (now - told.at >= repeat).then_some(Reason::Repeat)
}

fn is_subset(part: &[LabelSet], whole: &[LabelSet]) -> bool {
    part.len() <= whole.len() && part.iter().all(|one| whole.binary_search(one).is_ok())
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    told: Told,
    expires_at: Micros,
}

/// What each receiver was told last of each group.
///
/// An entry is kept for twice the time after which it would be repeated, or for the retention
/// when that is shorter. A receiver that was told that all is over knows of nothing, so nothing
/// is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationLog {
    retention: Micros,
    entries: BTreeMap<GroupKey, Entry>,
    /// No entry expires before this.
    first_expiry: Micros,
}

impl NotificationLog {
    /// An empty log.
    #[must_use]
    pub const fn new(retention: Micros) -> Self {
        Self {
            retention,
            entries: BTreeMap::new(),
            first_expiry: Micros::MAX,
        }
    }

    /// The last that the receiver of a group was told.
    #[must_use]
    pub fn last(&self, now: Micros, group: &GroupKey) -> Option<&Told> {
        let entry = self.entries.get(group)?;
        (now < entry.expires_at).then_some(&entry.told)
    }

    /// Remembers what was told.
    pub fn record(&mut self, group: &GroupKey, told: Told, repeat: Micros) {
        if told.firing.is_empty() {
            self.entries.remove(group);
            return;
        }
        let twice = repeat + repeat;
        let expires_at = told.at + self.retention.min(twice);
        self.first_expiry = self.first_expiry.min(expires_at);
        self.entries
            .insert(group.clone(), Entry { told, expires_at });
    }

    /// Drops what has expired.
    pub fn forget_expired(&mut self, now: Micros) {
        if now >= self.first_expiry {
            self.entries.retain(|_, entry| now < entry.expires_at);
            let expiries = self.entries.values().map(|entry| entry.expires_at);
            self.first_expiry = expiries.min().unwrap_or(Micros::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::ids::RouteId;

    const REPEAT: Micros = Micros::from_hours(4);

    fn alert(n: &str) -> LabelSet {
        LabelSet::new([("n", n)])
    }

    fn sorted(names: &[&str]) -> Vec<LabelSet> {
        let mut sets: Vec<_> = names.iter().map(|n| alert(n)).collect();
        sets.sort();
        sets
    }

    /// The decision an hour after `told`, or after `hours`.
    fn decision(
        told: Option<(&[&str], &[&str])>,
        firing: &[&str],
        resolved: &[&str],
        hours: u64,
        send_resolved: bool,
    ) -> Option<Reason> {
        let told = told.map(|(firing, resolved)| Told {
            at: Micros::ZERO,
            firing: sorted(firing),
            resolved: sorted(resolved),
        });
        let now = Micros::from_hours(hours);
        let group = (&*sorted(firing), &*sorted(resolved));
        decide(now, told.as_ref(), group, (REPEAT, send_resolved))
    }

    #[test]
    fn nothing_told_yet() {
        assert_eq!(decision(None, &["a"], &[], 1, true), Some(Reason::First));
        assert_eq!(decision(None, &[], &["a"], 1, true), None);
    }

    #[test]
    fn only_what_is_new_is_told_before_the_repeat() {
        let told = Some((&["a", "b"][..], &[][..]));
        assert_eq!(decision(told, &["a", "b"], &[], 1, true), None);
        assert_eq!(decision(told, &["a"], &[], 1, true), None);
        let new = decision(told, &["a", "c"], &[], 1, true);
        assert_eq!(new, Some(Reason::NewFiring));
        let repeat = decision(told, &["a", "b"], &[], 4, true);
        assert_eq!(repeat, Some(Reason::Repeat));
    }

    #[test]
    fn resolutions_are_told_to_those_who_want_them() {
        let told = Some((&["a", "b"][..], &[][..]));
        let some = |wanted| decision(told, &["a"], &["b"], 1, wanted);
        assert_eq!(
            [some(true), some(false)],
            [Some(Reason::SomeResolved), None]
        );
        let all = decision(told, &[], &["a", "b"], 1, true);
        assert_eq!(all, Some(Reason::AllResolved));
        let known = Some((&["a"][..], &["b"][..]));
        assert_eq!(decision(known, &["a"], &["b"], 1, true), None);
        let over = Some((&[][..], &["a"][..]));
        assert_eq!(decision(over, &[], &["b"], 1, true), None);
    }

    #[test]
    fn entries_expire() {
        let group = GroupKey {
            route: RouteId(0),
            labels: alert("g"),
        };
        let mut log = NotificationLog::new(Micros::from_hours(120));
        let told = Told {
            at: Micros::from_hours(1),
            firing: vec![alert("a")],
            resolved: vec![],
        };
        log.record(&group, told.clone(), REPEAT);
        let at =
            |log: &NotificationLog, hours| log.last(Micros::from_hours(hours), &group).cloned();
        assert_eq!(at(&log, 8), Some(told.clone()));
        assert_eq!(at(&log, 9), None, "twice the repeat");
        log.record(&group, told.clone(), Micros::from_hours(100));
        assert_eq!(at(&log, 121), None, "the retention");
        log.forget_expired(Micros::from_hours(121));
        assert!(log.entries.is_empty());
    }
}
