//! Instances that start, crash and restart.

use std::ops::Range;

use firedrill_core::Micros;

use crate::random::{Entity, binomial};

use super::fleet::Cohort;
use super::{Purpose, World};

/// A crash-looping instance restarts about this often.
const CRASH_LOOP: Micros = Micros::from_secs(30);

impl World<'_> {
    /// Instances that start come up: exponential times of the service's mean.
    pub(super) fn start_instances(&mut self, pools: Range<usize>, length: Micros) {
        for index in pools {
            let pool = &mut self.pools[index];
            for cohort in pool.cohorts.iter_mut().filter(|cohort| cohort.starting > 0) {
                let mean = self.scenario.fleet.services[pool.service.index()].start_up;
                let hazard = match mean {
                    Micros::ZERO => 1.0,
                    mean => 1.0 - libm::exp(-length.as_secs_f64() / mean.as_secs_f64()),
                };
                let entity = Entity {
                    lane: cohort.key.lane(),
                    index: index as u64,
                };
                let u = self.draws.get(Purpose::StartUp).uniform(self.step, entity);
                let up = binomial(u, u64::from(cohort.starting), hazard) as u32;
                cohort.starting -= up;
                cohort.up += up;
            }
        }
    }

    /// The balancer learns of the crashes of a pool.
    pub(super) fn settle_crashes(&mut self, pool: usize) {
        let lag_steps = self.lag_steps;
        let pool = &mut self.pools[pool];
        for cohort in &mut pool.cohorts {
            cohort.remember_crashes(lag_steps);
        }
        pool.tidy();
    }

    /// Restarts of a cohort's crash-looping instances in one step, on average.
    pub(super) fn restarts(cohort: &Cohort, length: Micros) -> u32 {
        if cohort.crashed == 0 {
            return 0;
        }
        let rate = length.as_secs_f64() / CRASH_LOOP.as_secs_f64();
        (f64::from(cohort.crashed) * rate + 0.5) as u32
    }
}
