//! How the cohorts of a pool fare in a step.

use std::rc::Rc;

use firedrill_core::rollout::Audience;

use crate::spec::Service;

use super::super::congestion::{Congestion, Inflow, Outlet, OutletFate, QueuePolicy};
use super::super::demand::{AUDIENCES, EMPLOYEES, PUBLIC};
use super::super::fleet::{Cohort, Pool};
use super::super::heterogeneity::Host;
use super::super::queueing::{Shape, Threshold};
use super::{Load, PoolStep, ServiceTables, Weight, Workspace};

/// Above this utilisation history matters: the pool is congested.
pub(super) const CONGESTED_ABOVE: f64 = 0.98;

/// What a cohort is up against.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demand {
    weights: [Weight; AUDIENCES],
    /// Attempts in this step.
    arriving: f64,
    capacity_per_s: f64,
    service_s: f64,
    utilisation: f64,
    own_failure: f64,
}

/// Works out how every cohort of a pool fares, and moves its queues on. `inflows` tells the first
/// attempts by edge; only congested pools ask.
pub(crate) fn load_pool(
    pool: &mut Pool,
    step: &PoolStep<'_>,
    inflows: impl FnOnce() -> Vec<Inflow>,
    tables: &mut ServiceTables,
    congestion: &mut Option<Box<Congestion>>,
    room: &mut Workspace,
    loads: &mut Vec<Load>,
) {
    demands(pool, step, tables.mean_s(), &room.hosts, &mut room.demands);
    let demands = &room.demands;
    let is_overloaded = |demand: &Demand| demand.utilisation > CONGESTED_ABOVE;
    let is_congested = congestion.is_some() || demands.iter().any(is_overloaded);
    room.fates.clear();
    if is_congested && demands.iter().any(|demand| demand.capacity_per_s > 0.0) {
        let inflows = inflows();
        let state =
            congestion.get_or_insert_with(|| Box::new(Congestion::new(&inflows, step.length)));
        state.advance(&inflows, &outlets(pool, step.service, demands));
        room.fates.clone_from(&state.outlets);
        if !demands.iter().any(is_overloaded) && state.is_over() {
            *congestion = None;
        }
    }
    let disturbed = step.troubled
        && (is_congested
            || step.capacity_factor > 1.0
            || pool
                .cohorts
                .iter()
                .any(|cohort| cohort.crashed + cohort.cut_off > 0 || cohort.is_affected()));
    loads.clear();
    for (index, (cohort, demand)) in pool.cohorts.iter_mut().zip(demands).enumerate() {
        let fate = room.fates.get(index);
        cohort.waiting = fate.map_or(0.0, |fate| fate.waiting);
        let slowness = room.hosts[index].slowness;
        let shape = shape(cohort, demand, fate, slowness, tables);
        let (slow, slow_by_defect) = match step.slow_above {
            None => (0.0, 0.0),
            Some(slow_above) => {
                let slow = shape.above(slow_above.threshold);
                let by_defect = if disturbed {
                    slow - slow_anyway(cohort, demand, step, (slow_above.us, slowness), tables)
                } else {
                    0.0
                };
                (slow, by_defect.max(0.0))
            }
        };
        loads.push(Load {
            key: cohort.key,
            weights: demand.weights,
            serving: cohort.serving(),
            requests: 0,
            errors: 0,
            utilisation: demand.utilisation,
            own_failure: demand.own_failure,
            lost: fate.map_or(0.0, |fate| fate.lost_share),
            waiting: match fate {
                Some(fate) => fate.waiting,
                None => demand.arriving / step.length_s * shape.wait_s(),
            },
            disturbed,
            shape,
            slow,
            slow_by_defect,
        });
    }
}

/// The latency of what a cohort answers.
fn shape(
    cohort: &Cohort,
    demand: &Demand,
    fate: Option<&OutletFate>,
    slowness: f64,
    tables: &mut ServiceTables,
) -> Rc<Shape> {
    let effect = cohort.effect();
    let table = tables.get(effect.service_factor, effect.burn_factor);
    let shape = match fate {
        Some(fate) => Rc::new(Shape::delayed(
            table.service(),
            fate.wait_s * 1e6 / slowness,
        )),
        None => Rc::clone(table.at(demand.utilisation.min(CONGESTED_ABOVE))),
    };
    if slowness == 1.0 {
        shape
    } else {
        Rc::new(shape.stretched(slowness))
    }
}

/// The share of requests that would be too slow under the same load on the service as it should
/// be.
fn slow_anyway(
    cohort: &Cohort,
    demand: &Demand,
    step: &PoolStep<'_>,
    (threshold_us, slowness): (u64, f64),
    tables: &mut ServiceTables,
) -> f64 {
    let effect = cohort.effect();
    let by_defect = effect.service_factor * effect.burn_factor * step.capacity_factor;
    let utilisation = (demand.utilisation / by_defect).min(0.97);
    let threshold = Threshold::new((threshold_us as f64 / slowness) as u64);
    tables.healthy().at(utilisation).above(threshold)
}

fn demands(
    pool: &Pool,
    step: &PoolStep<'_>,
    mean_s: f64,
    hosts: &[Host],
    demands: &mut Vec<Demand>,
) {
    let apart = pool.has_employees_apart();
    let weights = |cohort: &Cohort| {
        let of = |who| Weight::of(cohort, who, apart, step.lag_steps);
        [of(PUBLIC), of(EMPLOYEES)]
    };
    demands.clear();
    demands.extend(pool.cohorts.iter().map(|cohort| Demand {
        weights: weights(cohort),
        ..Demand::default()
    }));
    let weight = [PUBLIC, EMPLOYEES].map(|who| -> f64 {
        let weights = demands.iter().map(|demand| demand.weights[who].total());
        weights.sum()
    });
    for ((demand, cohort), host) in demands.iter_mut().zip(&pool.cohorts).zip(hosts) {
        let at = |who: usize, answering: f64| {
            if weight[who] > 0.0 {
                step.offered[who] * (answering / weight[who])
            } else {
                0.0
            }
        };
        let of = |who: usize| at(who, demand.weights[who].answering);
        demand.arriving = match cohort.key.serves {
            // Copies come at the rate of the public's requests.
            Audience::Mirrored => at(PUBLIC, f64::from(cohort.balanced())),
            Audience::Public | Audience::Employees | Audience::Probes => of(PUBLIC) + of(EMPLOYEES),
        };
        demand.service_s = mean_s * cohort.effect().service_factor * host.slowness;
        let workers = f64::from(cohort.balanced()) * f64::from(step.service.workers);
        let busy_s = demand.service_s * cohort.effect().burn_factor * step.capacity_factor;
        demand.capacity_per_s = workers / busy_s;
        if workers > 0.0 {
            demand.utilisation = demand.arriving * per_attempt(busy_s, workers, step.length_s);
        }
        let spell = step.flapping.map_or(0.0, |flapping| {
            flapping.error_share * f64::from(cohort.in_spell) / f64::from(cohort.serving().max(1))
        });
        demand.own_failure = either(host.error_share, spell);
    }
}

/// The utilisation of so many workers that one attempt in a step makes.
pub(super) fn per_attempt(busy_s: f64, workers: f64, length_s: f64) -> f64 {
    busy_s / (workers * length_s)
}

/// The probability of one thing or another, or both, when they have nothing to do with each other.
pub(super) fn either(one: f64, other: f64) -> f64 {
    1.0 - (1.0 - one) * (1.0 - other)
}

/// The queues in front of a congested pool's cohorts.
fn outlets(pool: &Pool, service: &Service, demands: &[Demand]) -> Vec<Outlet> {
    let arriving: f64 = demands.iter().map(|demand| demand.arriving).sum();
    let outlet = |(cohort, demand): (&Cohort, &Demand)| {
        let limit = f64::from(service.queue_max) * f64::from(cohort.balanced());
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
