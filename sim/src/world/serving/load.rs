//! How the cohorts of a pool fare in a step.

use crate::spec::Service;

use super::super::congestion::{Congestion, Outlet, QueuePolicy};
use super::super::defect::Effect;
use super::super::demand::{AUDIENCES, EMPLOYEES, PUBLIC};
use super::super::fleet::{Cohort, Pool};
use super::super::heterogeneity::Host;
use super::super::queueing::{Shape, mean_s};
use super::{HEALTH_CHECK_LAG, Load, PoolStep, ServiceTables, Weight};

/// Above this utilisation history matters: the pool is congested.
const CONGESTED_ABOVE: f64 = 0.98;

/// What a cohort is up against.
struct Demand {
    weights: [Weight; AUDIENCES],
    /// Attempts in this step.
    arriving: f64,
    capacity_per_s: f64,
    service_s: f64,
    utilisation: f64,
    own_failure: f64,
}

/// Works out how every cohort of a pool fares, and moves its queues on.
pub(crate) fn load_pool(
    pool: &mut Pool,
    step: &PoolStep<'_>,
    tables: &mut ServiceTables,
    congestion: &mut Option<Box<Congestion>>,
    loads: &mut Vec<Load>,
) {
    let demands = demands(pool, step);
    let is_congested = congestion.is_some()
        || demands
            .iter()
            .any(|demand| demand.utilisation > CONGESTED_ABOVE);
    let mut fates = Vec::new();
    if is_congested && demands.iter().any(|demand| demand.capacity_per_s > 0.0) {
        let state =
            congestion.get_or_insert_with(|| Box::new(Congestion::new(&step.inflows, step.length)));
        state.advance(&step.inflows, &outlets(pool, step.service, &demands));
        fates.clone_from(&state.outlets);
        let calm = demands
            .iter()
            .all(|demand| demand.utilisation <= CONGESTED_ABOVE);
        if calm && state.is_over() {
            *congestion = None;
        }
    }
    let disturbed = step.troubled
        && (is_congested
            || step.capacity_factor > 1.0
            || pool.cohorts.iter().any(|cohort| {
                cohort.crashed + cohort.cut_off > 0 || cohort.effect != Effect::NONE
            }));
    loads.clear();
    for (index, (cohort, demand)) in pool.cohorts.iter_mut().zip(demands).enumerate() {
        let effect = cohort.effect;
        let table = tables.get(effect.service_factor, effect.burn_factor);
        let slowness = step.hosts[index].slowness;
        let (shape, lost, waiting) = match fates.get(index) {
            Some(fate) => {
                let shape = Shape::delayed(table.service(), fate.wait_s * 1e6 / slowness);
                (shape, fate.lost_share, fate.waiting)
            }
            None => (
                table.at(demand.utilisation.min(CONGESTED_ABOVE)).clone(),
                0.0,
                0.0,
            ),
        };
        let shape = shape.stretched(slowness);
        cohort.waiting = waiting;
        let slow = step
            .slow_above_us
            .map_or(0.0, |threshold| shape.above(threshold));
        let slow_by_defect = match step.slow_above_us {
            // How many more are slow than would be under the same load on the service as it
            // should be.
            Some(threshold) if disturbed => {
                let by_defect = effect.service_factor * effect.burn_factor * step.capacity_factor;
                let healthy = (demand.utilisation / by_defect).min(0.97);
                let threshold = (threshold as f64 / slowness) as u64;
                (slow - tables.get(1.0, 1.0).at(healthy).above(threshold)).max(0.0)
            }
            Some(_) | None => 0.0,
        };
        loads.push(Load {
            key: cohort.key,
            weights: demand.weights,
            serving: cohort.serving(),
            requests: 0,
            utilisation: demand.utilisation,
            own_failure: demand.own_failure,
            lost,
            disturbed,
            effect,
            leaked: cohort.leaked,
            shape,
            slow,
            slow_by_defect,
        });
    }
}

fn demands(pool: &Pool, step: &PoolStep<'_>) -> Vec<Demand> {
    let apart = pool.has_employees_apart();
    let lag = HEALTH_CHECK_LAG.0 as f64 / step.length.0 as f64;
    let weights =
        |cohort: &Cohort| [PUBLIC, EMPLOYEES].map(|who| Weight::of(cohort, who, apart, lag));
    let mut sums = [0.0; AUDIENCES];
    for cohort in &pool.cohorts {
        for (sum, weight) in sums.iter_mut().zip(weights(cohort)) {
            *sum += weight.total();
        }
    }
    let demand = |(cohort, host): (&Cohort, &Host)| {
        let weights = weights(cohort);
        let arriving: f64 = (0..AUDIENCES)
            .filter(|audience| sums[*audience] > 0.0)
            .map(|who| step.offered[who] * weights[who].answering / sums[who])
            .sum();
        let effect = &cohort.effect;
        let service_s = mean_s(step.service.service_time) * effect.service_factor * host.slowness;
        let serving = cohort.serving();
        let workers = f64::from(serving) * f64::from(step.service.workers);
        let capacity_per_s = workers / service_s / effect.burn_factor / step.capacity_factor;
        let rate = arriving / step.length.as_secs_f64();
        let utilisation = if capacity_per_s > 0.0 {
            rate / capacity_per_s
        } else {
            0.0
        };
        let spell_share = f64::from(cohort.in_spell) / f64::from(serving.max(1));
        let spell = step.flapping.map_or(0.0, |flapping| flapping.error_share) * spell_share;
        let own_failure = 1.0 - (1.0 - host.error_share) * (1.0 - spell);
        Demand {
            weights,
            arriving,
            capacity_per_s,
            service_s,
            utilisation,
            own_failure,
        }
    };
    pool.cohorts.iter().zip(&step.hosts).map(demand).collect()
}

/// The queues in front of a congested pool's cohorts.
fn outlets(pool: &Pool, service: &Service, demands: &[Demand]) -> Vec<Outlet> {
    let arriving: f64 = demands.iter().map(|demand| demand.arriving).sum();
    let outlet = |(cohort, demand): (&Cohort, &Demand)| {
        let limit = f64::from(service.queue_max) * f64::from(cohort.serving());
        let waits = cohort.waiting > 1.0;
        let shed_share = match service.shed_to {
            Some(share) if waits => 1.0 - (share / demand.utilisation.max(1e-9)).min(1.0),
            Some(_) | None => 0.0,
        };
        Outlet {
            key: cohort.key,
            share: if arriving > 0.0 {
                demand.arriving / arriving
            } else {
                0.0
            },
            capacity_per_s: demand.capacity_per_s,
            service_s: demand.service_s,
            queue: QueuePolicy {
                order: service.queue_order,
                limit: Some(limit),
                drops_expired: service.drops_expired,
                shed_share,
            },
            error_share: demand.own_failure,
        }
    };
    pool.cohorts.iter().zip(demands).map(outlet).collect()
}
