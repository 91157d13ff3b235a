//! Orders to the outside.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::VersionId;
use crate::ids::{
    ActionId, AlertId, CommandId, ConfigId, IncidentId, NoteId, PageId, PersonId, RegionId,
    RolloutId, SloId,
};
use crate::remediation::Action;
use crate::rollout::{Audience, Placement};

use super::ActionOrder;

/// An order. Carrying it out twice is carrying it out once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
pub enum Command {
    /// Bring a version to this many instances of a region, in all.
    Push {
        /// The rollout.
        rollout: RolloutId,
        /// The config.
        config: ConfigId,
        /// The version.
        version: VersionId,
        /// The region.
        region: RegionId,
        /// Instances, those that already run it included.
        instances: u32,
        /// Which of them come first.
        #[serde(default, skip_serializing_if = "Placement::is_spread")]
        placement: Placement,
        /// Whose requests they serve.
        audience: Audience,
        /// So many of the region's instances that stay as they are form the control group: their
        /// windows are told apart.
        #[serde(default, skip_serializing_if = "is_none")]
        set_apart: u32,
    },
    /// Bring every instance that runs `from` to `to`. Replaces every push of `from`.
    RollBack {
        /// The rollout.
        rollout: RolloutId,
        /// The config.
        config: ConfigId,
        /// The version to leave.
        from: VersionId,
        /// The last-known-good version.
        to: VersionId,
    },
    /// Act against an outage.
    Act {
        /// The action.
        action: ActionId,
        /// What to do about it.
        order: ActionOrder,
    },
    /// Page somebody.
    Page {
        /// The incident.
        incident: IncidentId,
        /// The page.
        page: PageId,
        /// Who is paged.
        person: PersonId,
        /// One for the first page of the incident, and so on.
        attempt: u32,
        /// The alert that opened the incident.
        alert: AlertId,
        /// The objective that it threatens; none when a rollout is held.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slo: Option<SloId>,
        /// The changes that may be to blame, the likeliest first.
        suspects: Vec<RolloutId>,
    },
}

impl Command {
    /// The rollout that the command belongs to.
    #[must_use]
    pub const fn rollout(&self) -> Option<RolloutId> {
        match self {
            Self::Push { rollout, .. } | Self::RollBack { rollout, .. } => Some(*rollout),
            Self::Act { .. } | Self::Page { .. } => None,
        }
    }
}

impl Command {
    /// Whether it is given until it is taken: while it is not, users are harmed.
    pub(super) const fn insists(&self) -> bool {
        match self {
            Self::RollBack { .. } => true,
            Self::Act { order, .. } => match order {
                ActionOrder::Begin(what) => matches!(what, Action::KillSwitch(_)),
                ActionOrder::Stop => true,
                ActionOrder::Step(_) => false,
            },
            Self::Push { .. } | Self::Page { .. } => false,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the serialiser hands over a reference"
)]
const fn is_none(set_apart: &u32) -> bool {
    *set_apart == 0
}

/// A command on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its id. A retry has the same one.
    pub id: CommandId,
    /// The notes that tell why.
    pub because: Vec<NoteId>,
    /// The order.
    pub command: Command,
}
