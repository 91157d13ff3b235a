//! How config gets to instances, forwards and back: distribution tiers, a log-normal body, a tail
//! of stragglers.
//!
//! A transfer knows how many instances of each pool still wait for a version; each step a
//! binomial share of them gets it, with the hazard of the delay's distribution over that step.

use firedrill_core::Micros;
use firedrill_core::ids::{RegionId, RolloutId, ServiceId};

use crate::random::{Draws, Entity, binomial, log_normal_cdf};
use crate::spec::Propagation;

use super::fleet::VersionIndex;

/// A version on its way to some instances of a region.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    /// The rollout it belongs to.
    pub(crate) rollout: RolloutId,
    /// The service whose instances get it.
    pub(crate) service: ServiceId,
    /// The region.
    pub(crate) region: RegionId,
    /// When distribution took the command.
    pub(crate) started: Micros,
    /// Only instances on this version get it; instances on any other one when absent.
    pub(crate) from: Option<VersionIndex>,
    /// The version they get.
    pub(crate) to: VersionIndex,
    /// Whether they serve employees only from then on.
    pub(crate) employees: bool,
    /// The push that it belongs to, among those of its version.
    pub(crate) batch: u8,
    /// Everything takes this many times as long.
    pub(crate) slowdown: f64,
    /// Instances that still wait, by pool.
    pub(crate) waiting: Vec<Waiting>,
}

/// Instances of a pool that wait for a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// The pool.
    pub(crate) pool: usize,
    /// Those with an ordinary delay.
    pub(crate) body: u32,
    /// Stragglers: distribution cannot reach them yet.
    pub(crate) stragglers: u32,
}

impl Waiting {
    /// Splits `count` instances into ordinary ones and stragglers.
    pub(crate) fn draw(
        draws: &mut Draws,
        step: u64,
        pool: usize,
        to: VersionIndex,
        count: u32,
        spec: &Propagation,
    ) -> Self {
        let entity = Entity {
            lane: STRAGGLER_LANE + u64::from(to) % 8,
            index: pool as u64,
        };
        let u = draws.uniform(step, entity);
        let stragglers = binomial(u, u64::from(count), spec.straggler_share) as u32;
        Self {
            pool,
            body: count - stragglers,
            stragglers,
        }
    }
}

const STRAGGLER_LANE: u64 = 8;
const BODY_MOVE_LANE: u64 = 16;
const STRAGGLER_MOVE_LANE: u64 = 24;

impl Transfer {
    /// The instances that get the version in the step that ends at `now`, by pool.
    pub(crate) fn advance(
        &mut self,
        draws: &mut Draws,
        step: u64,
        (before, now): (Micros, Micros),
        spec: &Propagation,
    ) -> Vec<(usize, u32)> {
        let slowed = |age: Micros| Micros((age.0 as f64 / self.slowdown) as u64);
        let age = |at: Micros| slowed(at - self.started) - spec.base;
        let hazard = |delay| {
            let cdf = |at| log_normal_cdf(age(at), delay);
            let (done, then) = (cdf(before), cdf(now));
            if done >= 1.0 {
                1.0
            } else {
                (then - done) / (1.0 - done)
            }
        };
        let (body, straggler) = (hazard(spec.body), hazard(spec.straggler));
        let version = u64::from(self.to) % 8;
        let mut moved = Vec::new();
        for waiting in &mut self.waiting {
            let mut take = |left: &mut u32, share: f64, lane: u64| {
                let entity = Entity {
                    lane: lane + version,
                    index: waiting.pool as u64,
                };
                let count = binomial(draws.uniform(step, entity), u64::from(*left), share) as u32;
                *left -= count;
                count
            };
            let count = take(&mut waiting.body, body, BODY_MOVE_LANE)
                + take(&mut waiting.stragglers, straggler, STRAGGLER_MOVE_LANE);
            if count > 0 {
                moved.push((waiting.pool, count));
            }
        }
        moved
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting
            .iter()
            .all(|waiting| waiting.body == 0 && waiting.stragglers == 0)
    }

    /// Stragglers that still wait.
    pub(crate) fn stragglers(&self) -> u32 {
        self.waiting.iter().map(|waiting| waiting.stragglers).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::LogNormal;

    const SPEC: Propagation = Propagation {
        base: Micros::from_secs(10),
        body: LogNormal {
            median: Micros::from_secs(5),
            sigma: 0.5,
        },
        straggler_share: 0.02,
        straggler: LogNormal {
            median: Micros::from_mins(10),
            sigma: 1.0,
        },
    };

    /// Half of the ordinary instances have the version after base plus median, and the number
    /// that has it over time follows the delay's distribution function: checked to four standard
    /// deviations of a binomial.
    #[test]
    fn instances_follow_the_delay_distribution() {
        let mut draws = Draws::new(1, "propagation", None);
        let count = 100_000;
        let waiting = Waiting::draw(&mut draws, 0, 0, 1, count, &SPEC);
        let stragglers = waiting.stragglers;
        assert!((1_800..2_200).contains(&stragglers), "{stragglers}");
        let body = waiting.body;
        let mut transfer = Transfer {
            rollout: RolloutId(0),
            service: ServiceId(0),
            region: RegionId(0),
            started: Micros::ZERO,
            from: None,
            to: 1,
            employees: false,
            batch: 0,
            slowdown: 1.0,
            waiting: vec![waiting],
        };
        let step_length = Micros::from_secs(1);
        for step in 1..=60_u64 {
            let span = (
                Micros(step_length.0 * (step - 1)),
                Micros(step_length.0 * step),
            );
            transfer.advance(&mut draws, step, span, &SPEC);
            let share = log_normal_cdf(span.1 - SPEC.base, SPEC.body);
            let expected = f64::from(body) * share;
            let deviation = (f64::from(body) * share * (1.0 - share)).sqrt();
            let has_it = f64::from(body - transfer.waiting[0].body);
            assert!(
                (has_it - expected).abs() <= 4.0 * deviation + 1.0,
                "step {step}"
            );
        }
        assert!(transfer.stragglers() > 1_500, "stragglers come later");
        assert!(!transfer.is_over());
    }
}
