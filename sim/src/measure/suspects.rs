//! Whether those who were paged were shown the change that did it.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::ids::{IncidentId, RolloutId};
use firedrill_core::plane::NoteBody;
use serde::Serialize;

use crate::log::{Event, EventBody, RunLog};

use super::{Anchors, Span};

/// Where the measured change stood among the suspects that were shown first after it began to hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspectRank {
    /// Its place among the suspects.
    Listed {
        /// From one, the likeliest.
        rank: u32,
        /// Suspects shown.
        of: u32,
    },
    /// Others were shown, or nobody: a censored observation.
    NotListed {
        /// Suspects shown.
        of: u32,
    },
    /// Nobody was paged while the change hurt and was not yet taken back.
    NotApplicable,
}

/// The suspects that were shown first after the measured change began to hurt and before it was
/// taken back, and the event that shows them: those that whoever acknowledged the first page of
/// that time saw by then, or those on the page itself if nobody did.
#[must_use]
pub fn shown_first<'a>(log: &'a RunLog, anchors: &Anchors) -> Option<(&'a Event, Vec<RolloutId>)> {
    let active = anchors.defect_active?.seq;
    let until = anchors.rollback_completed.map_or(u64::MAX, |back| back.seq);
    let mut ranked: BTreeMap<IncidentId, (&Event, Vec<RolloutId>)> = BTreeMap::new();
    let mut paged: Option<(IncidentId, &Event, &[RolloutId])> = None;
    for event in log.events().iter().take_while(|event| event.seq < until) {
        let EventBody::Note(note) = &event.body else {
            continue;
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "three notes tell of it")]
        match note {
            NoteBody::SuspectsRanked { incident, suspects } => {
                let shown = suspects.iter().map(|suspect| suspect.rollout).collect();
                ranked.insert(*incident, (event, shown));
            }
            NoteBody::PageSent {
                incident, suspects, ..
            } if event.seq >= active && paged.is_none() => {
                paged = Some((*incident, event, suspects));
            }
            NoteBody::PageAcknowledged { incident, .. }
                if paged.is_some_and(|(of, ..)| of == *incident) =>
            {
                let by_then = ranked.remove(incident);
                return Some(by_then.unwrap_or((event, Vec::new())));
            }
            _ => {}
        }
    }
    paged.map(|(_, event, suspects)| (event, suspects.to_vec()))
}

impl SuspectRank {
    pub(super) fn find(log: &RunLog, anchors: &Anchors) -> Self {
        let (Some(rollout), Some((_, suspects))) = (anchors.rollout, shown_first(log, anchors))
        else {
            return Self::NotApplicable;
        };
        let of = suspects.len() as u32;
        match suspects.iter().position(|suspect| *suspect == rollout) {
            Some(index) => Self::Listed {
                rank: index as u32 + 1,
                of,
            },
            None => Self::NotListed { of },
        }
    }

    /// The place as an observation that may be censored, to be summarised like the others.
    pub(crate) const fn as_span(self) -> Span {
        match self {
            Self::Listed { rank, .. } => Span::Took(Micros(rank as u64)),
            Self::NotListed { .. } => Span::Never,
            Self::NotApplicable => Span::NotApplicable,
        }
    }
}
