//! Cells to which nothing happens: nearly all cells nearly all the time.
//!
//! A pool is calm when it is one cohort that serves, all of it, a version without a defect, and no
//! queue outlives a step. Then a step needs a few numbers of it, which hold until somebody lays
//! hands on the pool. With `a` attempts in a step of length `t`, each of which keeps a worker busy
//! for `s` on average, and `n` instances of `w` workers:
//!
//! - utilisation is `ρ = a · s / (n w t)`, and latency has the shape of an M/G/w queue at ρ;
//! - `a / t` times the mean wait of that queue are waiting (Little's law);
//! - an attempt fails with probability `1 − (1 − e)(1 − l)`: `e` for reasons of its own, `l`
//!   because it takes longer than its client waits.
//!
//! No balancer has a choice, and nobody is to blame. What becomes of requests is what becomes of
//! them in any cell, by the same draws at the same addresses: a cell that is served here comes out
//! bit by bit as [`super::call`] would have it, and may change sides with every step (tested).

mod errand;

use firedrill_core::Micros;
use firedrill_core::ids::ClassId;
use firedrill_core::rollout::Audience;

use super::super::demand::PUBLIC;
use super::super::ejection::eject_from;
use super::super::fleet::{Cohort, CohortKey, Pool, VersionIndex};
use super::super::graph::Graph;
use super::super::heterogeneity;
use super::super::queueing::ShapeTable;
use super::super::telemetry::{Borne, Seen};
use super::super::{Purpose, World};
use super::call::Fate;
use errand::{CalmErrand, Leg};

use super::load::{CONGESTED_ABOVE, either, per_attempt};
use super::{Fared, Load};

/// Why there is something to know of every pool of a calm cell.
const ALL_CALM: &str = "the pools of a calm cell are calm";

/// What a step needs to know of a calm pool, and what the last one made of it.
#[derive(Clone, Copy, Debug)]
struct CalmPool {
    /// The cohort.
    key: CohortKey,
    /// Instances, all of which serve.
    serving: u32,
    /// The number of its telemetry scope.
    scope: u32,
    /// The utilisation that one attempt in a step makes.
    per_attempt: f64,
    /// The utilisation in the last step.
    utilisation: f64,
    /// Requests that waited in it, on average.
    waiting: f64,
    /// The probability that a request fails for reasons of the pool's own.
    own_failure: f64,
    /// Memory that leaked before, as a share of all of it.
    leaked: f64,
}

impl CalmPool {
    const fn fared(&self) -> Fared {
        Fared {
            key: self.key,
            utilisation: self.utilisation,
            waiting: self.waiting,
            own_failure: self.own_failure,
            lost: 0.0,
        }
    }
}

/// What a pool of the cell at hand goes through in a step.
#[derive(Clone, Copy, Debug, Default)]
struct Bearing {
    /// Attempts that it must expect.
    offered: f64,
    /// The step of utilisation whose shape its latency has.
    load: usize,
    /// The number of its telemetry scope.
    scope: u32,
    /// The version that it runs.
    version: VersionIndex,
    /// The lane of its draws.
    lane: u8,
    /// The probability that a request is slower than the service's latency objective allows, if
    /// there is one.
    slow: Option<f64>,
    /// Attempts along the edges that lead here.
    attempts: u64,
    requests: u64,
    errors: u64,
}

/// The calm cells of a fleet.
#[derive(Clone, Debug)]
pub(crate) struct Calm {
    /// Whether no cell is to be taken for calm.
    is_off: bool,
    /// By cell: whether its pools are calm.
    cells: Vec<bool>,
    /// The pools, cell by cell; nothing where one was never calm.
    pools: Vec<Option<CalmPool>>,
    /// By service: the pools of the cell at hand.
    bearings: Vec<Bearing>,
    /// By edge: the probability that an attempt in the cell at hand fails where it leads.
    failing: Vec<f64>,
    /// By hop: what becomes of the requests at hand.
    legs: Vec<Leg>,
}

impl Calm {
    pub(crate) fn new(graph: &Graph, cells: usize) -> Self {
        let services = graph.into.len();
        let longest = graph.classes.iter().map(Vec::len).max().unwrap_or(0);
        Self {
            is_off: false,
            cells: vec![false; cells],
            pools: vec![None; cells * services],
            bearings: vec![Bearing::default(); services],
            failing: vec![0.0; graph.edges.len()],
            legs: vec![Leg::default(); longest],
        }
    }
}

/// The one cohort of a pool to which nothing happens, nor could before somebody lays hands on it;
/// by what it is, not by what it runs.
fn undisturbed(pool: &Pool) -> Option<&Cohort> {
    let [cohort] = pool.cohorts.as_slice() else {
        return None;
    };
    let serves = cohort.up == pool.instances && cohort.up > 0 && cohort.ejected == 0;
    let recovered = !cohort.remembers_crashes() && cohort.waiting == 0.0;
    let ordinary = cohort.key.serves == Audience::Public && !cohort.key.flapping;
    (serves && recovered && ordinary && cohort.effect.is_none()).then_some(cohort)
}

impl World<'_> {
    /// The same world, which takes no cell for calm.
    pub(crate) fn at_length(mut self) -> Self {
        self.calm.is_off = true;
        self
    }

    /// How the cohorts of a service in a cell fared in the last step.
    pub(crate) fn fared(&self, cell: usize, service: usize) -> impl Iterator<Item = Fared> {
        let is_calm = self.calm.cells[cell];
        let pool = cell * self.scenario.fleet.services.len() + service;
        let calm = self.calm.pools[pool].as_ref().filter(|_| is_calm);
        // Those of a calm pool are empty.
        let loads = self.loads[pool].iter().map(Load::fared);
        calm.map(CalmPool::fared).into_iter().chain(loads)
    }

    /// Counts the instances of a calm cell by scope; tells whether it is one, also after what was
    /// done to its pools since the last step.
    pub(crate) fn count_calmly(&self, cell: usize, mut count: impl FnMut(usize, Seen)) -> bool {
        let services = self.scenario.fleet.services.len();
        let is_calm = self.calm.cells[cell] && !self.pools.is_touched(cell);
        if is_calm {
            for pool in self.calm.pools[cell * services..][..services]
                .iter()
                .flatten()
            {
                let (total, up) = (pool.serving, pool.serving);
                count(pool.scope as usize, Seen { total, up });
            }
        }
        is_calm
    }

    /// Moves a cell over the step that ends at `now` if it is calm; else does nothing and tells so.
    pub(crate) fn advance_calmly(&mut self, graph: &Graph, cell: usize, now: Micros) -> bool {
        if self.leaves_out_calls() {
            self.calm.cells[cell] = false;
            return false;
        }
        if self.pools.take_touched(cell) {
            self.calm.cells[cell] = !self.calm.is_off && self.find_calm(cell);
        }
        if !self.calm.cells[cell] {
            return false;
        }
        self.draw_arrivals(cell, false);
        self.traffic.expect(graph, &self.arrivals, |_edge| 1.0);
        if !self.load_calmly(graph, cell) {
            self.calm.cells[cell] = false;
            return false;
        }
        self.send_calmly(graph, cell);
        self.book_calmly(graph, cell, now);
        self.traffic.close(cell);
        true
    }

    /// Whether all pools of a cell are calm; if so, takes down what steps need to know of them.
    fn find_calm(&mut self, cell: usize) -> bool {
        let services = self.scenario.fleet.services.len();
        for pool in cell * services..(cell + 1) * services {
            self.calm.pools[pool] = self.calm_pool(pool);
            if self.calm.pools[pool].is_none() {
                return false;
            }
        }
        for loads in &mut self.loads[cell * services..][..services] {
            loads.clear();
        }
        true
    }

    fn calm_pool(&mut self, index: usize) -> Option<CalmPool> {
        let pool = &self.pools[index];
        let cohort = undisturbed(pool)?;
        let version = &self.versions[pool.service.index()][usize::from(cohort.key.version)];
        if version.defect.is_some() || self.congestion[index].is_some() {
            return None;
        }
        let service = &self.scenario.fleet.services[pool.service.index()];
        heterogeneity::hosts(
            self.draws.get(Purpose::Hosts),
            index,
            pool,
            service.error_share,
            self.scenario.noise.heterogeneity.as_ref(),
            &mut self.room.hosts,
        );
        let host = self.room.hosts[0];
        if host.slowness != 1.0 {
            return None; // whose latency has a shape of its own
        }
        let addresses = self.addresses;
        let scope = addresses.scope(pool.region, pool.service, cohort.key.version);
        let workers = f64::from(cohort.up) * f64::from(service.workers);
        let busy_s = self.tables[pool.service.index()].mean_s();
        Some(CalmPool {
            key: cohort.key,
            serving: cohort.up,
            scope: scope as u32,
            per_attempt: per_attempt(busy_s, workers, self.scenario.step.as_secs_f64()),
            utilisation: 0.0,
            waiting: 0.0,
            own_failure: either(host.error_share, 0.0),
            leaked: cohort.leaked,
        })
    }

    /// Works out how the pools of a calm cell will fare; tells whether all of them stay calm.
    fn load_calmly(&mut self, graph: &Graph, cell: usize) -> bool {
        let services = self.scenario.fleet.services.len();
        let length_s = self.scenario.step.as_secs_f64();
        let bearings = &mut self.calm.bearings;
        bearings.fill(Bearing::default());
        for (service, attempts) in self.traffic.offers(graph, cell) {
            bearings[service].offered += attempts;
        }
        let pools = self.calm.pools[cell * services..][..services].iter_mut();
        for (service, (pool, bearing)) in pools.zip(bearings).enumerate() {
            let pool = pool.as_mut().expect(ALL_CALM);
            let utilisation = bearing.offered * pool.per_attempt;
            if utilisation > CONGESTED_ABOVE {
                return false;
            }
            bearing.scope = pool.scope;
            bearing.version = pool.key.version;
            bearing.lane = pool.key.lane() as u8;
            bearing.load = ShapeTable::step(utilisation);
            let shape = self.tables[service].healthy().at_step(bearing.load);
            pool.utilisation = utilisation;
            pool.waiting = bearing.offered / length_s * shape.wait_s();
            let slow_above = self.slow_above[service].as_ref();
            bearing.slow = slow_above.map(|slow_above| shape.above(slow_above.threshold));
            for edge in &graph.into[service] {
                let late = shape.above(graph.timeouts[*edge]);
                self.calm.failing[*edge] = if late > 0.0 {
                    either(pool.own_failure, late)
                } else {
                    pool.own_failure
                };
            }
        }
        true
    }

    /// Sends the requests that came to a calm cell on their way and books what becomes of them.
    fn send_calmly(&mut self, graph: &Graph, cell: usize) {
        let [own_errors, slow] = self.draws.pair(Purpose::OwnErrors, Purpose::Slow);
        let mut errand = CalmErrand {
            graph,
            cell,
            step: self.step,
            addresses: self.addresses,
            bearings: &mut self.calm.bearings,
            failing: &self.calm.failing,
            legs: &mut self.calm.legs,
            own_errors,
            slow,
            traffic: &mut self.traffic,
            telemetry: &mut self.telemetry,
            truth: &mut self.truth,
        };
        for (class, hops) in graph.classes.iter().enumerate() {
            let requests = self.arrivals.get(class, PUBLIC);
            if requests == 0 {
                continue;
            }
            let class = ClassId(class as u16);
            let failed = errand.send((class, hops), requests);
            assert!(failed <= requests, "of {requests} requests {failed} failed");
            let fate = Fate {
                requests,
                failed,
                ..Fate::default()
            };
            errand.truth.ended(class, fate);
        }
    }

    /// Books what the pools of a calm cell went through in the step that ends at `now`.
    fn book_calmly(&mut self, graph: &Graph, cell: usize, now: Micros) {
        let services = &self.scenario.fleet.services;
        let first = cell * services.len();
        let bearings = &mut self.calm.bearings;
        for (service, attempts) in self.traffic.attempts(graph) {
            bearings[service].attempts += attempts;
        }
        let pools = &self.calm.pools[first..][..services.len()];
        let each = pools.iter().zip(&*bearings).zip(services).enumerate();
        for (index, ((pool, bearing), service)) in each {
            let pool = pool.as_ref().expect(ALL_CALM);
            let Bearing {
                requests, errors, ..
            } = *bearing;
            assert_eq!(
                requests, bearing.attempts,
                "attempts at service {index} of cell {cell} were made or lost"
            );
            let borne = Borne {
                instances: pool.serving,
                requests,
                shape: self.tables[index].healthy().at_step(bearing.load),
                utilisation: pool.utilisation,
                leaked: pool.leaked,
            };
            self.telemetry.record_load(pool.scope as usize, &borne);
            if let Some(ejection) = &service.ejection {
                let tallies = std::iter::once((requests, errors));
                eject_from(&mut self.pools[first + index], tallies, ejection, now);
            }
        }
    }
}
