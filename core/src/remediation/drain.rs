//! A region's users are moved away step by step: look at the others, move a little, wait, look
//! again, move more.
//!
//! Source of the loop: Veeraraghavan et al., "Maelstrom: Mitigating Datacenter-level Disasters by
//! Draining Interdependent Traffic Safely and Efficiently", OSDI 2018: steps that start small and
//! grow while health holds, a wait between them, capacity checked first.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::RegionId;
use crate::ratio::Ppm;
use crate::time::Micros;

use super::capacity::{CapacityTable, Portion};

/// How regions are drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainPolicy {
    /// The first step, as a share of what the region carried at the beginning.
    pub step_first: Ppm,
    /// Each step is twice the one before, up to this.
    pub step_max: Ppm,
    /// The time from the end of a step to the next look at the others.
    pub wait: Micros,
    /// No region is filled beyond this utilisation.
    pub ceiling: Ppm,
    /// A report is of no use when older than this.
    pub fresh_for: Micros,
    /// After so many looks in a row without room the drain fails.
    pub looks_max: u32,
}

/// Six steps of 5 % to 25 %, two minutes apart: with a minute a step that makes 16 minutes, and
/// Maelstrom reports about 17 for user traffic. The ceiling, the age and the number of looks are
/// assumptions.
impl Default for DrainPolicy {
    fn default() -> Self {
        Self {
            step_first: Ppm::percent(5),
            step_max: Ppm::percent(25),
            wait: Micros::from_mins(2),
            ceiling: Ppm::percent(80),
            fresh_for: Micros::from_mins(1),
            looks_max: 5,
        }
    }
}

/// A step of a drain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DrainStep {
    /// One for the first, and so on.
    pub number: u32,
    /// How much of the region is to be away after it, as a share of what it carried at the
    /// beginning.
    pub moved: Ppm,
    /// Where it goes, in requests per second.
    pub into: Vec<Portion>,
}

/// What a look at the other regions led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There is room for the next step.
    Step(DrainStep),
    /// There is none now; look again later.
    Wait,
    /// There was none for too long.
    NoRoom,
}

/// Where a drain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    region: RegionId,
    /// What the region carried at the beginning, in requests per second.
    load: u64,
    /// What has moved, the step that is under way included.
    moved: Ppm,
    next_step: Ppm,
    steps: u32,
    /// When to look at the others next; absent while a step is under way.
    look_at: Option<Micros>,
    /// When the last step ended; reports from before do not show it.
    last_step_at: Option<Micros>,
    looks_in_vain: u32,
}

impl Drain {
    /// A drain that has not begun.
    pub(super) const fn new(region: RegionId, load: u64, policy: &DrainPolicy) -> Self {
        Self {
            region,
            load,
            moved: Ppm::ZERO,
            next_step: policy.step_first,
            steps: 0,
            look_at: None,
            last_step_at: None,
            looks_in_vain: 0,
        }
    }

    /// The region.
    #[must_use]
    pub const fn region(&self) -> RegionId {
        self.region
    }

    /// How much of the region's load is away, the step that is under way included.
    #[must_use]
    pub const fn moved(&self) -> Ppm {
        self.moved
    }

    /// When to look at the other regions next.
    pub(super) const fn due(&self) -> Option<Micros> {
        self.look_at
    }

    pub(super) const fn begin(&mut self, now: Micros) {
        self.look_at = Some(now);
    }

    /// Looks at the other regions and takes the next step if it fits.
    pub(super) fn look(
        &mut self,
        now: Micros,
        table: &CapacityTable,
        policy: &DrainPolicy,
    ) -> Look {
        let left = Ppm(Ppm::ONE.0 - self.moved.0);
        let step = self.next_step.min(left);
        let amount = step.of_count_up(self.load);
        match table.spread(amount, self.region, policy.ceiling, self.since(now, policy)) {
            Some(into) => {
                self.moved = Ppm(self.moved.0 + step.0);
                self.next_step = Ppm(self.next_step.0.saturating_mul(2)).min(policy.step_max);
                self.steps += 1;
                (self.look_at, self.looks_in_vain) = (None, 0);
                Look::Step(DrainStep {
                    number: self.steps,
                    moved: self.moved,
                    into,
                })
            }
            None => {
                self.looks_in_vain += 1;
                self.look_at = Some(now + policy.wait);
                if self.looks_in_vain >= policy.looks_max {
                    Look::NoRoom
                } else {
                    Look::Wait
                }
            }
        }
    }

    /// Whether a step is under way.
    pub(super) const fn is_stepping(&self) -> bool {
        self.look_at.is_none() && self.steps > 0
    }

    /// The step that was under way is done. Returns whether it was the last.
    pub(super) fn stepped(&mut self, now: Micros, policy: &DrainPolicy) -> bool {
        self.last_step_at = Some(now);
        if self.moved == Ppm::ONE {
            return true;
        }
        self.look_at = Some(now + policy.wait);
        false
    }

    /// Reports measured up to this moment are of no use: they are old, or do not show what the
    /// last step did.
    fn since(&self, now: Micros, policy: &DrainPolicy) -> Micros {
        let old = oldest(now, policy);
        self.last_step_at.map_or(old, |step| step.max(old))
    }
}

/// Reports measured up to this moment are too old.
pub(super) fn oldest(now: Micros, policy: &DrainPolicy) -> Micros {
    now - policy.fresh_for
}
