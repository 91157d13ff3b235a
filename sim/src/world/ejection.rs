//! Balancers that move traffic off instances that err, and so onto the others.
//!
//! Instances of a cohort are exchangeable, so a cohort is judged as one: when more of its requests
//! came to an error than the balancer puts up with, its instances are left out for a while, as
//! many as the limit of the pool allows, and are then tried again. The limit is what keeps a
//! balancer from leaving nobody when everybody errs (cf. "outlier detection" in proxies such as
//! Envoy).

use firedrill_core::Micros;

use crate::spec::Ejection;

use super::World;
use super::fleet::Pool;

/// Fewer requests than this say nothing about an instance.
const REQUESTS_MIN: u64 = 20;

impl World<'_> {
    /// Leaves out the instances of a pool that erred in the step that ends at `now`, and takes back
    /// those whose time is over.
    pub(super) fn eject(&mut self, pool: usize, now: Micros) {
        let (pool, loads) = (&mut self.pools[pool], &self.loads[pool]);
        let service = &self.scenario.fleet.services[pool.service.index()];
        if let Some(ejection) = &service.ejection {
            let tallies = loads.iter().map(|load| (load.requests, load.errors));
            eject_from(pool, tallies, ejection, now);
        }
    }
}

/// The same for one pool, when so many requests came to each of its cohorts, and so many of them to
/// an error.
pub(super) fn eject_from(
    pool: &mut Pool,
    tallies: impl Iterator<Item = (u64, u64)>,
    ejection: &Ejection,
    now: Micros,
) {
    for cohort in &mut pool.cohorts {
        if now >= cohort.ejected_until {
            cohort.ejected = 0;
        }
    }
    let limit = (f64::from(pool.instances) * ejection.share_max) as u32;
    let ejected: u32 = pool.cohorts.iter().map(|cohort| cohort.ejected).sum();
    let mut left = limit.saturating_sub(ejected);
    for (cohort, (requests, errors)) in pool.cohorts.iter_mut().zip(tallies) {
        let errs = errors as f64 > requests as f64 * ejection.error_share;
        if requests >= REQUESTS_MIN && errs && left > 0 {
            let more = cohort.balanced().min(left);
            cohort.ejected += more;
            cohort.ejected_until = now + ejection.length;
            left -= more;
        }
    }
}
