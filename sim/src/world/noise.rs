//! Hosts that flap: bad spells that come and go by themselves, whatever the version.

use firedrill_core::Micros;
use firedrill_core::rollout::Audience;

use crate::random::{Draws, Entity, binomial};
use crate::spec::Flapping;

use super::fleet::{Cohort, CohortKey};
use super::pools::Pools;

/// Puts a share of every pool's instances on hosts that flap. They start in the mix of good and
/// bad that they settle in.
pub(crate) fn assign(draws: &mut Draws, pools: &mut Pools, flapping: &Flapping) {
    let bad = flapping.bad_mean.as_secs_f64();
    let in_spell_share = bad / (bad + flapping.good_mean.as_secs_f64());
    for index in 0..pools.len() {
        let pool = &mut pools[index];
        let mut draw = |lane| {
            draws.uniform(
                0,
                Entity {
                    lane,
                    index: index as u64,
                },
            )
        };
        let count = binomial(draw(0), u64::from(pool.instances), flapping.share) as u32;
        let in_spell = binomial(draw(1), u64::from(count), in_spell_share) as u32;
        let steady = &mut pool.cohorts[0];
        steady.up -= count;
        let key = CohortKey {
            flapping: true,
            ..steady.key
        };
        let cohort = Cohort {
            up: count - in_spell,
            in_spell,
            ..Cohort::empty(key)
        };
        pool.cohorts.push(cohort);
        pool.tidy();
    }
}

const ENTER_LANE: u64 = 2;
const LEAVE_LANE: u64 = 3;

/// Moves flapping hosts in and out of their bad spells over one step: two exponential times.
pub(crate) fn advance(
    draws: &mut Draws,
    step: u64,
    length: Micros,
    pools: &mut Pools,
    flapping: &Flapping,
) {
    let hazard = |mean: Micros| 1.0 - libm::exp(-length.as_secs_f64() / mean.as_secs_f64());
    let (enter, leave) = (hazard(flapping.good_mean), hazard(flapping.bad_mean));
    let flaps = |cohort: &Cohort| cohort.key.flapping;
    for index in 0..pools.len() {
        if !pools[index].cohorts.iter().any(flaps) {
            continue;
        }
        let cohorts = pools[index].cohorts.iter_mut();
        for cohort in cohorts.filter(|cohort| flaps(cohort)) {
            let lane = u64::from(cohort.key.version) % 4 * 8
                + u64::from(cohort.key.serves == Audience::Employees) * 4;
            let mut draw = |lane| {
                draws.uniform(
                    step,
                    Entity {
                        lane,
                        index: index as u64,
                    },
                )
            };
            let entering = binomial(draw(lane + ENTER_LANE), u64::from(cohort.up), enter) as u32;
            let leaving =
                binomial(draw(lane + LEAVE_LANE), u64::from(cohort.in_spell), leave) as u32;
            cohort.up = cohort.up - entering + leaving;
            cohort.in_spell = cohort.in_spell - leaving + entering;
        }
    }
}
