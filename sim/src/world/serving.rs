//! Requests through the fleet: each class takes its path, instances answer, err, or are too late.

use firedrill_core::Micros;
use firedrill_core::ids::{ClassId, ServiceId};

use crate::random::{binomial, split};
use crate::spec::{Flapping, Service};

use super::defect::Effect;
use super::demand::{AUDIENCES, EMPLOYEES, PUBLIC};
use super::fleet::{Cohort, CohortKey, Pool};
use super::queueing::{Shape, ShapeTable, advance_backlog, mean_s};
use super::{Purpose, World};

/// A crashed instance still gets requests until its health check fails.
const HEALTH_CHECK_LAG: Micros = Micros::from_secs(5);

/// How one cohort fares in a step.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The cohort.
    pub(crate) key: CohortKey,
    /// Its part of each audience's requests.
    pub(crate) weights: [Weight; AUDIENCES],
    /// Instances that answer.
    pub(crate) serving: u32,
    /// Requests that came, by the end of the step.
    pub(crate) requests: u64,
    /// Utilisation; above one in overload.
    pub(crate) utilisation: f64,
    /// The probability that a request fails whatever its class, and not because of a defect.
    pub(crate) own_failure: f64,
    /// The probability that it fails whatever its class because of a defect.
    pub(crate) defect_failure: f64,
    /// Latency of what it answers.
    pub(crate) shape: Shape,
    /// The probability that a request is slower than the service's latency objective allows.
    pub(crate) slow: f64,
    /// The part of that which a defect adds.
    pub(crate) slow_by_defect: f64,
}

/// Latency of one service by load.
#[derive(Clone, Debug)]
pub(crate) struct ServiceTables {
    /// On each of the world's versions.
    pub(crate) by_version: Vec<ShapeTable>,
    /// Without any defect.
    pub(crate) healthy: ShapeTable,
}

/// What a step looks like to a pool.
pub(crate) struct PoolStep<'a> {
    pub(crate) service: &'a Service,
    pub(crate) length: Micros,
    pub(crate) flapping: Option<&'a Flapping>,
    /// The threshold of the strictest latency objective on the service.
    pub(crate) slow_above_us: Option<u64>,
    /// Requests by audience.
    pub(crate) offered: [u64; AUDIENCES],
}

/// Where an audience's requests go.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weight {
    /// To instances that answer.
    pub(crate) answering: f64,
    /// To instances that crashed a moment ago, which the balancer does not know yet.
    pub(crate) dead: f64,
}

impl Weight {
    /// The weight of a cohort for an audience. Employees go to instances of their own where some
    /// answer; an instance that crashes on taking a version still has the public's requests.
    fn of(cohort: &Cohort, audience: usize, employees_apart: bool, lag: f64) -> Self {
        let to_employees = audience == EMPLOYEES && employees_apart;
        let answers = cohort.key.employees == to_employees;
        Self {
            answering: if answers {
                f64::from(cohort.serving())
            } else {
                0.0
            },
            dead: if to_employees {
                0.0
            } else {
                f64::from(cohort.just_crashed) * lag
            },
        }
    }

    fn total(self) -> f64 {
        self.answering + self.dead
    }
}

/// Works out how every cohort of a pool fares, and moves its backlogs on.
pub(crate) fn load_pool(
    pool: &mut Pool,
    step: &PoolStep<'_>,
    tables: &mut ServiceTables,
    effects: &[Effect],
    loads: &mut Vec<Load>,
) {
    let apart = pool.has_employees_apart();
    let lag = HEALTH_CHECK_LAG.0.min(step.length.0) as f64 / step.length.0 as f64;
    let weights =
        |cohort: &Cohort| [PUBLIC, EMPLOYEES].map(|who| Weight::of(cohort, who, apart, lag));
    let mut sums = [0.0; AUDIENCES];
    for cohort in &pool.cohorts {
        for (sum, weight) in sums.iter_mut().zip(weights(cohort)) {
            *sum += weight.total();
        }
    }
    let disturbed = pool.cohorts.iter().any(|cohort| {
        cohort.crashed > 0 || effects[usize::from(cohort.key.version)] != Effect::NONE
    });
    loads.clear();
    for cohort in &mut pool.cohorts {
        let weights = weights(cohort);
        let arriving = (0..AUDIENCES)
            .filter(|audience| sums[*audience] > 0.0)
            .map(|audience| {
                step.offered[audience] as f64 * weights[audience].answering / sums[audience]
            });
        let arriving = arriving.sum();
        let effect = &effects[usize::from(cohort.key.version)];
        loads.push(load_cohort(
            cohort,
            step,
            (weights, arriving, disturbed),
            tables,
            effect,
        ));
    }
}

fn load_cohort(
    cohort: &mut Cohort,
    step: &PoolStep<'_>,
    (weights, arriving, disturbed): ([Weight; AUDIENCES], f64, bool),
    tables: &mut ServiceTables,
    effect: &Effect,
) -> Load {
    let table = &mut tables.by_version[usize::from(cohort.key.version)];
    let serving = cohort.serving();
    let mean = mean_s(table.service());
    let workers = f64::from(serving) * f64::from(step.service.workers);
    let capacity_per_s = workers / mean;
    let rate = arriving / step.length.as_secs_f64();
    let utilisation = if capacity_per_s > 0.0 {
        rate / capacity_per_s
    } else {
        0.0
    };
    let spell_share = f64::from(cohort.in_spell) / f64::from(serving.max(1));
    let spell_failure = step.flapping.map_or(0.0, |flapping| flapping.error_share) * spell_share;
    let own = 1.0 - (1.0 - step.service.error_share) * (1.0 - spell_failure);
    let overloaded = utilisation >= 1.0 || cohort.waiting > 0.0;
    let (shape, lost) = if overloaded {
        let queue_max = f64::from(step.service.queue_max) * f64::from(serving);
        let timeout = step.service.timeout;
        let backlog = advance_backlog(
            cohort.waiting,
            arriving,
            capacity_per_s,
            step.length,
            queue_max,
            timeout,
        );
        cohort.waiting = backlog.waiting;
        (
            Shape::delayed(table.service(), backlog.wait_us),
            backlog.lost_share,
        )
    } else {
        (table.at(utilisation).clone(), 0.0)
    };
    // Overload in a pool that a defect disturbs is the defect's doing.
    let (own, by_defect) = if disturbed {
        (own, lost)
    } else {
        (1.0 - (1.0 - own) * (1.0 - lost), 0.0)
    };
    let slow = step
        .slow_above_us
        .map_or(0.0, |threshold| shape.above(threshold));
    let slow_by_defect = match step.slow_above_us {
        // How many more are slow than would be under the same load on the service as it should be.
        Some(threshold) if disturbed => {
            let healthy = (utilisation / effect.service_factor).min(0.999);
            (slow - tables.healthy.at(healthy).above(threshold)).max(0.0)
        }
        Some(_) | None => 0.0,
    };
    Load {
        key: cohort.key,
        weights,
        serving,
        requests: 0,
        utilisation,
        own_failure: own,
        defect_failure: by_defect,
        shape,
        slow,
        slow_by_defect,
    }
}

/// What became of one class's requests in one cell, user by user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Requests.
    pub(crate) requests: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Those that failed because of the defect.
    pub(crate) harmed: u64,
    /// Those that were slow because of the defect, at the service where most were.
    pub(crate) slowed: u64,
}

/// Requests of one class and audience at one service of their path, by cohort.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hop {
    pub(crate) pool: usize,
    /// Requests by cohort.
    pub(crate) requests: Vec<u64>,
    /// Those that failed here, for whatever reason.
    pub(crate) failed: Vec<u64>,
    /// Those that failed here because of the defect.
    pub(crate) harmed: Vec<u64>,
    /// Errors that come back from further inside.
    pub(crate) returned: Vec<u64>,
}

impl Hop {
    fn reset(&mut self, pool: usize, cohorts: usize) {
        self.pool = pool;
        for counts in [
            &mut self.requests,
            &mut self.failed,
            &mut self.harmed,
            &mut self.returned,
        ] {
            counts.clear();
            counts.resize(cohorts, 0);
        }
    }

    fn passed(&self) -> u64 {
        self.requests.iter().sum::<u64>() - self.failed.iter().sum::<u64>()
    }
}

impl World<'_> {
    /// Sends `count` requests of a class down their path and books what becomes of them. Draws
    /// are addressed by cell, class, service, audience and cohort.
    pub(crate) fn send(&mut self, cell: usize, class: ClassId, audience: usize, count: u64) {
        if count == 0 {
            return;
        }
        let path = &self.scenario.fleet.classes[class.index()].path;
        let mut fate = Fate {
            requests: count,
            ..Fate::default()
        };
        let mut left = count;
        for (position, service) in path.iter().enumerate() {
            self.hop(cell, class, audience, position, *service, left);
            let hop = &self.hops[position];
            fate.failed += hop.failed.iter().sum::<u64>();
            fate.harmed += hop.harmed.iter().sum::<u64>();
            left = hop.passed();
        }
        self.return_errors(path.len());
        for position in 0..path.len() {
            fate.slowed = fate.slowed.max(self.account(class, audience, position));
        }
        self.truth.ended(class, path, fate);
    }

    /// One service of the path: the balancer splits the requests over cohorts, each of which
    /// fails some of them.
    fn hop(
        &mut self,
        cell: usize,
        class: ClassId,
        audience: usize,
        position: usize,
        service: ServiceId,
        count: u64,
    ) {
        let services = self.scenario.fleet.services.len();
        let pool_index = cell * services + service.index();
        let (pool, loads) = (&self.pools[pool_index], &self.loads[pool_index]);
        let hop = &mut self.hops[position];
        hop.reset(pool_index, pool.cohorts.len());
        let weights = &mut self.weights;
        weights.clear();
        weights.extend(loads.iter().map(|load| load.weights[audience].total()));
        let entity = self.addresses.request(cell, class, service, audience);
        let step = self.step;
        if weights.iter().sum::<f64>() <= 0.0 {
            // Nobody answers: the request fails at the door. It is the defect's doing when the
            // instances are there and crashed.
            let crashed = pool.cohorts.iter().any(|cohort| cohort.crashed > 0);
            hop.requests[0] = count;
            hop.failed[0] = count;
            hop.harmed[0] = if crashed { count } else { 0 };
            return;
        }
        let lane = |index: usize| entity(pool.cohorts[index].key.lane());
        let draws = &mut self.draws;
        split(
            |index| draws.get(Purpose::Routing).uniform(step, lane(index)),
            count,
            weights,
            &mut hop.requests,
        );
        for index in 0..weights.len() {
            let requests = hop.requests[index];
            if requests == 0 {
                continue;
            }
            let (load, version) = (&loads[index], pool.cohorts[index].key.version);
            let effect = &self.effects[service.index()][usize::from(version)];
            let by_class = effect.error_share_of(class);
            let dead = load.weights[audience].dead / weights[index];
            let by_defect = 1.0 - (1.0 - by_class) * (1.0 - load.defect_failure) * (1.0 - dead);
            let u = draws.get(Purpose::OwnErrors).uniform(step, lane(index));
            let own = binomial(u, requests, load.own_failure);
            let harmed = if by_defect > 0.0 {
                let u = draws.get(Purpose::DefectErrors).uniform(step, lane(index));
                binomial(u, requests - own, by_defect)
            } else {
                0
            };
            hop.failed[index] = own + harmed;
            hop.harmed[index] = harmed;
        }
    }

    /// A failure further inside is an error all the way out: every service on the way back
    /// counts it, its cohorts in proportion to what they passed on.
    fn return_errors(&mut self, path_length: usize) {
        let mut returned = 0;
        for position in (0..path_length).rev() {
            let hop = &mut self.hops[position];
            let passed: Vec<f64> = hop
                .requests
                .iter()
                .zip(&hop.failed)
                .map(|(requests, failed)| (requests - failed) as f64)
                .collect();
            if returned > 0 {
                // In proportion, with the remainder to the largest: the counts are small next to
                // what passed, and a draw would add nothing that the split before has not.
                let total: f64 = passed.iter().sum();
                let mut given = 0;
                for (slot, passed) in hop.returned.iter_mut().zip(&passed) {
                    *slot = (returned as f64 * passed / total) as u64;
                    given += *slot;
                }
                let largest = (0..passed.len()).max_by(|a, b| passed[*a].total_cmp(&passed[*b]));
                hop.returned[largest.expect("a hop has cohorts")] += returned - given;
            }
            returned += hop.failed.iter().sum::<u64>();
        }
    }

    /// Puts the requests of one hop into telemetry and the world's own books; returns those that
    /// were slow because of the defect.
    fn account(&mut self, class: ClassId, audience: usize, position: usize) -> u64 {
        let hop = &self.hops[position];
        let pool = &self.pools[hop.pool];
        let cell = hop.pool / self.scenario.fleet.services.len();
        let entity = self.addresses.request(cell, class, pool.service, audience);
        let watched = self.slow_above_us[pool.service.index()].is_some();
        let mut slowed = 0;
        for (index, cohort) in pool.cohorts.iter().enumerate() {
            let requests = hop.requests[index];
            if requests == 0 {
                continue;
            }
            let load = &mut self.loads[hop.pool][index];
            load.requests += requests;
            let errors = hop.failed[index] + hop.returned[index];
            let scope = self
                .addresses
                .scope(pool.region, pool.service, cohort.key.version);
            self.telemetry.record(scope, class, requests, errors);
            let served = (pool.service, cohort.key.version);
            self.truth
                .served(served, class, requests, hop.harmed[index]);
            if watched {
                let answered = requests - hop.failed[index];
                let lane = entity(cohort.key.lane());
                let u = self.draws.get(Purpose::Slow).uniform(self.step, lane);
                let slow = binomial(u, answered, load.slow);
                let by_defect = if load.slow_by_defect > 0.0 {
                    let u = self
                        .draws
                        .get(Purpose::SlowByDefect)
                        .uniform(self.step, lane);
                    binomial(u, slow, load.slow_by_defect / load.slow)
                } else {
                    0
                };
                self.truth.slow(pool.service, answered, slow, by_defect);
                self.truth.served_slowly(served, by_defect);
                slowed += by_defect;
            }
        }
        slowed
    }

    /// Requests offered to a pool, by audience.
    pub(crate) fn offered(&self, cell: usize, service: ServiceId) -> [u64; AUDIENCES] {
        let mut offered = [0; AUDIENCES];
        for (index, class) in self.scenario.fleet.classes.iter().enumerate() {
            if class.path.contains(&service) {
                offered[PUBLIC] += self.arrivals.get(cell, index, PUBLIC);
                offered[EMPLOYEES] += self.arrivals.get(cell, index, EMPLOYEES);
            }
        }
        offered
    }
}
