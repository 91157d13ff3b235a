//! Groups: alerts that are told of together, and where each of them stands.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{NotificationId, RouteId, SilenceId};
use crate::time::Micros;

use super::labels::{LabelSet, Projection};
use super::notification::Told;
use super::routing::{GroupBy, Route};

/// Which group an alert is in: a route, and the values of the labels it groups by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupKey {
    /// The route.
    pub route: RouteId,
    /// The labels that all alerts of the group share.
    pub labels: LabelSet,
}

impl GroupKey {
    /// The group of such an alert at a route; the key of the group itself if it is there.
    pub(super) fn of(
        id: RouteId,
        route: &Route,
        alert: &LabelSet,
        groups: &BTreeMap<Self, Group>,
    ) -> Self {
        let key = |labels| Self { route: id, labels };
        let names = match &route.group_by {
            GroupBy::Labels(names) => names,
            GroupBy::All => return key(alert.clone()),
        };
        let shared = Projection::new(alert, names);
        let mut same_hash = groups
            .range(key(shared.floor())..)
            .map(|(key, _)| key)
            .take_while(|key| key.route == id && shared.has_hash_of(&key.labels));
        let known = same_hash.find(|key| shared.is(&key.labels));
        known.map_or_else(|| key(shared.to_set()), Self::clone)
    }
}

/// Why a firing alert is in a notification, or is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its group will be looked at.
    Waiting {
        /// When.
        until: Micros,
    },
    /// It is in a notification, by name or in the count of the rest.
    Notified {
        /// Which.
        notification: NotificationId,
    },
    /// Another alert explains it.
    Inhibited {
        /// That one, which fired when the group was looked at.
        by: LabelSet,
    },
    /// Somebody asked for quiet.
    Silenced {
        /// How.
        by: SilenceId,
    },
    /// The receiver knows it already.
    Deduplicated {
        /// Since this notification.
        told_at: Micros,
    },
}

/// A notification that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) id: NotificationId,
    /// What the receiver will know once it has arrived.
    pub(super) told: Told,
    /// What was over: it leaves the group on arrival, unless it fires again.
    pub(super) over: Vec<LabelSet>,
}

/// Alerts that are told of together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) members: BTreeMap<LabelSet, Standing>,
    /// When it will be looked at.
    pub(super) next_flush: Micros,
    /// Whether it was looked at before.
    pub(super) flushed: bool,
    pub(super) in_flight: Option<InFlight>,
}

impl Group {
    /// An empty one whose first look is at `next_flush`.
    pub(super) const fn new(next_flush: Micros) -> Self {
        Self {
            members: BTreeMap::new(),
            next_flush,
            flushed: false,
            in_flight: None,
        }
    }
}
