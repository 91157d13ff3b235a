//! Whether those who were paged were shown the change that did it.

use firedrill_core::Micros;
use firedrill_core::plane::NoteBody;
use serde::Serialize;

use crate::log::{EventBody, RunLog};

use super::{Anchors, Span};

/// Where the measured change stood among the suspects on the first page after it began to hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspectRank {
    /// Its place among the suspects.
    Listed {
        /// From one, the likeliest.
        rank: u32,
        /// Suspects on the page.
        of: u32,
    },
    /// The page named others, or nobody: a censored observation.
    NotListed {
        /// Suspects on the page.
        of: u32,
    },
    /// Nobody was paged while the change hurt and was not yet taken back.
    NotApplicable,
}

impl SuspectRank {
    pub(super) fn find(log: &RunLog, anchors: &Anchors) -> Self {
        let (Some(rollout), Some(active)) = (anchors.rollout, anchors.defect_active) else {
            return Self::NotApplicable;
        };
        let until = anchors.rollback_completed.map_or(u64::MAX, |back| back.seq);
        let pages = log.events().iter().filter_map(|event| match &event.body {
            EventBody::Note(NoteBody::PageSent { suspects, .. }) => Some((event.seq, suspects)),
            EventBody::Note(_)
            | EventBody::World(_)
            | EventBody::Command(_)
            | EventBody::Person(_) => None,
        });
        let mut pages = pages.filter(|(seq, _)| (active.seq..until).contains(seq));
        let Some((_, suspects)) = pages.next() else {
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
