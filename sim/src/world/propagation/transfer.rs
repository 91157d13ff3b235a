//! A version on its way.
//!
//! A transfer knows how many instances of each pool still wait for a version; each step a
//! binomial share of them gets it, with the hazard of the delay's distribution over that step.

use firedrill_core::Micros;
use firedrill_core::ids::{RegionId, RolloutId, ServiceId};
use firedrill_core::rollout::Audience;

use crate::random::{Draws, Entity, binomial, log_normal_cdf};
use crate::spec::{LogNormal, Propagation};

use super::super::fleet::VersionIndex;
use super::Cuts;

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
    /// Whose requests they serve from then on.
    pub(crate) serves: Audience,
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
    /// Those that distribution cannot help: they crash before they read config, until somebody
    /// repairs them one by one.
    pub(crate) held: u32,
    /// Whether there ever were such.
    holds: bool,
    /// Whether they were cut off while they waited: nobody takes them for reached before they
    /// have the version.
    pub(crate) cut: bool,
}

/// Which instances of a pool get a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Any: those in a crash loop, which read config when they restart, first.
    Any,
    /// Those that are not in a crash loop.
    Running,
    /// Those in a crash loop.
    CrashLooping,
}

impl Waiting {
    /// Splits `count` instances, `held` of which only a repair can help, into ordinary ones and
    /// stragglers.
    pub(crate) fn draw(
        draws: &mut Draws,
        step: u64,
        pool: usize,
        to: VersionIndex,
        (count, held): (u32, u32),
        spec: &Propagation,
    ) -> Self {
        let count = count - held.min(count);
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
            held,
            holds: held > 0,
            cut: false,
        }
    }

    /// All of them.
    pub(crate) const fn total(&self) -> u32 {
        self.body + self.stragglers + self.held
    }

    /// Those that distribution cannot reach.
    pub(crate) const fn unreachable(&self) -> u32 {
        let body = if self.cut { self.body } else { 0 };
        body + self.stragglers + self.held
    }
}

const HELD_MOVE_LANE: u64 = 0;
const STRAGGLER_LANE: u64 = 8;
const BODY_MOVE_LANE: u64 = 16;
const STRAGGLER_MOVE_LANE: u64 = 24;

impl Transfer {
    /// The instances that get the version in the step that ends at `now`: pool, number, which.
    pub(crate) fn advance(
        &mut self,
        draws: &mut Draws,
        step: u64,
        (before, now): (Micros, Micros),
        spec: &Propagation,
        cuts: &Cuts,
    ) -> Vec<(usize, u32, Taken)> {
        let back = spec.rollback_base.filter(|_| self.from.is_some());
        let started = self.started;
        let ready = started + back.unwrap_or(spec.base);
        let version = u64::from(self.to) % 8;
        let mut moved = Vec::new();
        for waiting in &mut self.waiting {
            let pool = waiting.pool;
            // Distribution's clock stands still while the pool is cut off; a repair's does not.
            let slowed = |age: Micros| Micros((age.0 as f64 / self.slowdown) as u64);
            let open = |at| slowed(cuts.open_between(pool, ready, at));
            let reached = |delay| hazard(open(before), open(now), delay);
            let repaired = |delay| hazard(before - started, now - started, delay);
            let mut take = |left: &mut u32, share: f64, lane: u64| {
                let lane = lane + version;
                let index = pool as u64;
                let u = draws.uniform(step, Entity { lane, index });
                let count = binomial(u, u64::from(*left), share) as u32;
                *left -= count;
                count
            };
            let count = take(&mut waiting.body, reached(spec.body), BODY_MOVE_LANE)
                + take(
                    &mut waiting.stragglers,
                    reached(spec.straggler),
                    STRAGGLER_MOVE_LANE,
                );
            if count > 0 {
                let taken = if waiting.holds {
                    Taken::Running
                } else {
                    Taken::Any
                };
                moved.push((pool, count, taken));
            }
            if waiting.held > 0 {
                let share = spec.repair.map_or(0.0, repaired);
                let count = take(&mut waiting.held, share, HELD_MOVE_LANE);
                moved.push((pool, count, Taken::CrashLooping));
            }
            waiting.cut |= cuts.touch(pool, (before.max(started), now));
        }
        moved
    }

    /// Distribution came for `count` instances of a pool that it cannot help any more.
    pub(crate) fn hold(&mut self, pool: usize, count: u32) {
        let mut waiting = self.waiting.iter_mut();
        if let Some(waiting) = waiting.find(|waiting| waiting.pool == pool) {
            waiting.held += count;
        }
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting.iter().all(|waiting| waiting.total() == 0)
    }

    /// Those of a pool that distribution cannot reach.
    pub(crate) fn unreachable(&self, pool: usize) -> u32 {
        let here = self.waiting.iter().filter(|waiting| waiting.pool == pool);
        here.map(Waiting::unreachable).sum()
    }
}

/// The probability that a delay ends between two ages, if it did not end before.
fn hazard(before: Micros, now: Micros, delay: LogNormal) -> f64 {
    let (done, then) = (log_normal_cdf(before, delay), log_normal_cdf(now, delay));
    if now == before {
        0.0
    } else if done >= 1.0 {
        1.0
    } else {
        (then - done) / (1.0 - done)
    }
}

#[cfg(test)]
mod tests {
    use super::super::cuts::tests::cuts;
    use super::*;

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
        rollback_base: None,
        repair: None,
        partitions: vec![],
    };
    const COUNT: u32 = 100_000;

    /// A transfer that starts at zero, and its draws.
    fn transfer(spec: &Propagation, held: u32) -> (Draws, Transfer) {
        let mut draws = Draws::new(1, "propagation", None);
        let waiting = Waiting::draw(&mut draws, 0, 0, 1, (COUNT, held), spec);
        let transfer = Transfer {
            rollout: RolloutId(0),
            service: ServiceId(0),
            region: RegionId(0),
            started: Micros::ZERO,
            from: Some(0),
            to: 1,
            serves: Audience::Public,
            batch: 0,
            slowdown: 1.0,
            waiting: vec![waiting],
        };
        (draws, transfer)
    }

    /// Steps of a second: after each, the second it ends at and those that wait.
    fn run(
        spec: &Propagation,
        held: u32,
        cuts: &Cuts,
        seconds: u64,
        mut see: impl FnMut(u64, &Waiting, &[(usize, u32, Taken)]),
    ) {
        let (mut draws, mut transfer) = transfer(spec, held);
        for second in 1..=seconds {
            let span = (Micros::from_secs(second - 1), Micros::from_secs(second));
            let moved = transfer.advance(&mut draws, second, span, spec, cuts);
            see(second, &transfer.waiting[0], &moved);
        }
    }

    /// The number of `count` that are through is what a delay's distribution function says, to
    /// four standard deviations of a binomial.
    #[track_caller]
    fn check(through: u32, count: u32, age: Micros, delay: LogNormal) {
        let (count, share) = (f64::from(count), log_normal_cdf(age, delay));
        let deviation = (count * share * (1.0 - share)).sqrt();
        let miss = (f64::from(through) - count * share).abs();
        assert!(miss <= 4.0 * deviation + 1.0, "{through} at age {age}");
    }

    #[test]
    fn instances_follow_the_delay_distribution() {
        let body = transfer(&SPEC, 0).1.waiting[0].body;
        assert!((97_800..98_200).contains(&body), "{body}");
        run(&SPEC, 0, &cuts(&[]), 60, |second, waiting, _| {
            let age = Micros::from_secs(second) - SPEC.base;
            check(body - waiting.body, body, age, SPEC.body);
            assert!(waiting.stragglers > 1_500, "stragglers come later");
            assert!(!waiting.cut);
        });
    }

    #[test]
    fn a_rollback_may_skip_tiers() {
        let spec = Propagation {
            rollback_base: Some(Micros::from_secs(2)),
            ..SPEC
        };
        let body = transfer(&spec, 0).1.waiting[0].body;
        run(&spec, 0, &cuts(&[]), 30, |second, waiting, _| {
            let age = Micros::from_secs(second) - Micros::from_secs(2);
            check(body - waiting.body, body, age, spec.body);
        });
    }

    /// While a pool is cut off nothing moves; afterwards delays go on where they stood, and what
    /// still waits is unreachable until it has the version.
    #[test]
    fn a_partition_stops_a_transfer_and_lets_it_go_on() {
        let body = transfer(&SPEC, 0).1.waiting[0].body;
        run(&SPEC, 0, &cuts(&[(14, 44)]), 90, |second, waiting, _| {
            let cut_so_far = second.clamp(14, 44) - 14;
            let age = Micros::from_secs(second - cut_so_far) - SPEC.base;
            check(body - waiting.body, body, age, SPEC.body);
            assert_eq!(waiting.cut, second > 14, "second {second}");
            let unreachable = if second > 14 { waiting.body } else { 0 };
            assert_eq!(waiting.unreachable(), unreachable + waiting.stragglers);
        });
    }

    /// Instances that cannot take a fix wait for a repair, whether cut off or not.
    #[test]
    fn only_a_repair_helps_what_is_held() {
        let repair = LogNormal {
            median: Micros::from_mins(5),
            sigma: 0.3,
        };
        let spec = Propagation {
            repair: Some(repair),
            ..SPEC
        };
        let held = 20_000;
        let mut by_repair = 0;
        run(
            &spec,
            held,
            &cuts(&[(0, 400)]),
            900,
            |second, waiting, moved| {
                check(held - waiting.held, held, Micros::from_secs(second), repair);
                for (_, count, taken) in moved {
                    match taken {
                        Taken::CrashLooping => by_repair += count,
                        Taken::Running => assert!(second > 400, "cut off"),
                        Taken::Any => panic!("distribution must not touch what is held"),
                    }
                }
                assert_eq!(by_repair, held - waiting.held);
            },
        );
        run(&SPEC, held, &cuts(&[]), 900, |_, waiting, _| {
            assert_eq!(waiting.held, held, "nobody repairs them");
        });
    }
}
