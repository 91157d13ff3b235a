//! Identities. Small integers: names live with whoever configured the plane.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl $name {
            /// The id as an index into the list it was numbered from.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A service of the fleet.
    ServiceId(u16);
    /// A region of the fleet.
    RegionId(u16);
    /// A class of user requests (login, feed, checkout …).
    ClassId(u16);
    /// A service-level objective.
    SloId(u16);
    /// A config document.
    ConfigId(u16);
    /// A rollout plan.
    PlanId(u16);
    /// A proposed change of one config document.
    ChangeId(u32);
    /// A rollout of one change.
    RolloutId(u32);
    /// An alert, from firing to resolved.
    AlertId(u32);
    /// An incident, from the first alert to the all-clear.
    IncidentId(u32);
    /// One page to one person.
    PageId(u32);
    /// A place in a routing tree of alerts, numbered depth-first from the root.
    RouteId(u16);
    /// Whoever is told of alerts: a pager, a channel, a ticket queue.
    ReceiverId(u16);
    /// A silence over alerts.
    SilenceId(u32);
    /// One message to one receiver about one group of alerts.
    NotificationId(u64);
    /// Somebody who can be paged or who acts in an incident. Names live elsewhere.
    PersonId(u16);
    /// A team that owns services.
    TeamId(u16);
    /// An on-call schedule.
    ScheduleId(u16);
    /// An escalation policy.
    EscalationId(u16);
    /// An action of remediation.
    ActionId(u32);
    /// An order to the outside. Repeating it under the same id has no further effect.
    CommandId(u64);
    /// A note, numbered in the order in which notes are written.
    NoteId(u64);
}
