//! The channel of an incident: what happened and what was said, in order, as data.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{ActionId, ChangeId, PersonId, ServiceId};
use crate::time::Micros;

use super::book::BookEvent;

/// The most entries that a channel keeps; what comes after is counted.
pub const ENTRIES_MAX: u32 = 10_000;

/// What a responder can look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSource {
    /// Graphs.
    Metrics,
    /// What services write.
    Logs,
    /// Single requests through the call graph.
    Traces,
    /// What changed lately.
    Changes,
    /// What users say.
    Users,
}

/// What somebody thinks of a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stance {
    /// It may be the cause.
    Raised,
    /// What was seen fits.
    Supported,
    /// What was seen does not fit.
    RuledOut,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remark {
    /// They looked at something of a service.
    Looked {
        /// At what.
        source: EvidenceSource,
        /// Of which service.
        service: ServiceId,
    },
    /// What they looked at was not there.
    CouldNotSee {
        /// What.
        source: EvidenceSource,
        /// Of which service.
        service: ServiceId,
    },
    /// What they think of a change.
    Suspects {
        /// The change.
        change: ChangeId,
        /// What they think.
        stance: Stance,
    },
    /// They ask for somebody who knows a service.
    CalledExpert(ServiceId),
    /// They propose an action.
    Proposed(ActionId),
    /// They order it.
    Ordered(ActionId),
    /// They decide against it.
    Rejected(ActionId),
    /// They say whether it helped.
    Effect {
        /// The action.
        action: ActionId,
        /// Whether it did.
        helped: bool,
    },
}

/// What stands in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Something happened to the incident.
    Happened(BookEvent),
    /// Somebody said something.
    Remark(PersonId, Remark),
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Micros,
    /// What.
    pub said: Said,
}

/// The entries of one incident. Alerts that join are counted, not written: a storm would bury
/// everything else, and the incident lists them anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    entries: Vec<Entry>,
    joined: u32,
    dropped: u32,
}

impl Channel {
    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many alerts joined.
    #[must_use]
    pub const fn joined(&self) -> u32 {
        self.joined
    }

    /// How many entries did not fit.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The remarks, oldest first.
    pub fn remarks(&self) -> impl Iterator<Item = (Micros, PersonId, Remark)> {
        self.entries.iter().filter_map(|entry| match entry.said {
            Said::Remark(by, remark) => Some((entry.at, by, remark)),
            Said::Happened(_) => None,
        })
    }

    pub(super) fn write(&mut self, at: Micros, said: Said) {
        if matches!(said, Said::Happened(BookEvent::Joined { .. })) {
            self.joined = self.joined.saturating_add(1);
        } else if (self.entries.len() as u32) < ENTRIES_MAX {
            self.entries.push(Entry { at, said });
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut channel = Channel::default();
        let said = Said::Remark(PersonId(0), Remark::CalledExpert(ServiceId(0)));
        for at in 0..u64::from(ENTRIES_MAX) + 3 {
            channel.write(Micros(at), said);
        }
        assert_eq!(channel.entries().len() as u32, ENTRIES_MAX);
        assert_eq!(channel.dropped(), 3);
        assert_eq!(channel.entries()[0].at, Micros(0), "the first ones stay");
    }
}
