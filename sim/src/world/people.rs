//! Reviewers and whoever is on call: how long they take, and what they go for.

use firedrill_core::Micros;
use firedrill_core::ids::{PageId, RolloutId};

use crate::random::{Draws, Entity, log_normal};
use crate::spec::{OnCall, Review};

/// Delays of people.
#[derive(Clone, Debug)]
pub(crate) struct People {
    draws: Draws,
}

const ACKNOWLEDGE_LANE: u64 = 0;
const DIAGNOSE_LANE: u64 = 1;
const REVIEW_LANE: u64 = 2;

impl People {
    pub(crate) const fn new(draws: Draws) -> Self {
        Self { draws }
    }

    /// From a page to its acknowledgement.
    pub(crate) fn acknowledge(&mut self, on_call: &OnCall, page: PageId) -> Micros {
        log_normal(
            self.draw(ACKNOWLEDGE_LANE, u64::from(page.0)),
            on_call.acknowledge,
        )
    }

    /// From the acknowledgement to a decision.
    pub(crate) fn diagnose(&mut self, on_call: &OnCall, page: PageId) -> Micros {
        log_normal(
            self.draw(DIAGNOSE_LANE, u64::from(page.0)),
            on_call.diagnose,
        )
    }

    /// From a proposal to its review.
    pub(crate) fn review(&mut self, review: &Review, change: usize) -> Micros {
        log_normal(self.draw(REVIEW_LANE, change as u64), review.delay)
    }

    fn draw(&mut self, lane: u64, index: u64) -> f64 {
        self.draws.uniform(0, Entity { lane, index })
    }
}

/// The change that whoever is on call blames: the first suspect on the page.
pub(crate) fn blame(suspects: &[RolloutId]) -> Option<RolloutId> {
    suspects.first().copied()
}
