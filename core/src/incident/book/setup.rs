//! What a book of incidents is built from.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::PersonId;
use crate::incident::desk::PagingPolicy;
use crate::incident::escalation::EscalationPolicy;
use crate::incident::ownership::Roster;
use crate::incident::severity::{Severity, SeverityPolicy};
use crate::incident::status::{Audience, StatusPolicy};
use crate::time::Micros;

/// Which alerts belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// All of them.
    Everything,
    /// Those of the same team.
    #[default]
    Team,
    /// Those of the same service.
    Service,
    /// Those of the same service in the same region.
    ServiceAndRegion,
}

/// When incidents that are opened together are one.
///
/// A cascade fires the alerts of many teams within seconds. Once more than `incidents_max`
/// incidents would have been opened within `within`, they are merged into the first of them, and
/// alerts with new keys join it until none has come for `within`. The price: a small incident with
/// another cause that begins in the storm is only found by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StormPolicy {
    /// As many may be opened together; at least one.
    pub incidents_max: u32,
    /// Together means within this.
    pub within: Micros,
}

/// Two incidents at once are two; three within five minutes are one. Assumptions, to be swept.
impl Default for StormPolicy {
    fn default() -> Self {
        Self {
            incidents_max: 2,
            within: Micros::from_mins(5),
        }
    }
}

/// How alerts become incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// Which alerts belong together.
    #[serde(default)]
    pub by: GroupBy,
    /// An alert joins only when the last one of its incident came no longer ago than this; however
    /// long ago when absent.
    #[serde(default)]
    pub join_within: Option<Micros>,
    /// An alert reopens an incident of its key that was resolved no longer ago than this; never
    /// when absent.
    #[serde(default)]
    pub reopen_within: Option<Micros>,
    /// What to do when many incidents are opened at once; nothing when absent.
    #[serde(default)]
    pub storm: Option<StormPolicy>,
}

/// When an incident moves on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowPolicy {
    /// What somebody has looked at is declared when at least this bad; only by people when absent.
    #[serde(default)]
    pub declare_from: Option<Severity>,
    /// How long a mitigated incident must stay quiet before the all-clear.
    pub monitor_for: Micros,
    /// An incident that was at least this bad needs a post-mortem; none when absent.
    #[serde(default)]
    pub review_from: Option<Severity>,
}

/// Atlassian's handbook asks for a post-mortem from the second severity on, and PagerDuty's guide
/// calls everything from there on major. Half an hour of quiet is an assumption.
impl Default for FlowPolicy {
    fn default() -> Self {
        Self {
            declare_from: Some(Severity::Sev2),
            monitor_for: Micros::from_mins(30),
            review_from: Some(Severity::Sev2),
        }
    }
}

/// Everything that decides how a book behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookSetup {
    /// Who is paged; must pass [`Roster::check`].
    pub roster: Roster,
    /// How alerts become incidents.
    #[serde(default)]
    pub grouping: Grouping,
    /// How bad they are.
    #[serde(default)]
    pub severity: SeverityPolicy,
    /// When they move on.
    #[serde(default)]
    pub flow: FlowPolicy,
    /// Which readers are told, and when; a reader once at most.
    #[serde(default)]
    pub status: Vec<(Audience, StatusPolicy)>,
}

impl BookSetup {
    /// A book that does what the small desk does: one incident at a time, and one person who is
    /// paged.
    #[must_use]
    pub fn desk(policy: PagingPolicy) -> Self {
        let escalation =
            EscalationPolicy::single(PersonId(0), policy.acknowledge_within, policy.pages_max);
        Self {
            roster: Roster::single(escalation),
            grouping: Grouping {
                by: GroupBy::Everything,
                ..Grouping::default()
            },
            severity: SeverityPolicy::default(),
            flow: FlowPolicy {
                declare_from: None,
                ..FlowPolicy::default()
            },
            status: Vec::new(),
        }
    }
}
