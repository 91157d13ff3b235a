//! The fleet and everything that happens to it, step by step.
//!
//! A step moves, in this order: hosts that flap, config on its way, tools, instances that start, the
//! requests that come, how instances fare under them, and the world's own books. Scrapes are
//! taken at the end of every scrape interval.

pub(crate) mod actions;
mod afflict;
mod books;
pub mod congestion;
mod control_group;
pub(crate) mod defect;
mod delivery;
pub(crate) mod demand;
mod ejection;
mod exposure;
pub(crate) mod fleet;
pub(crate) mod graph;
mod heterogeneity;
mod lifecycle;
mod modifiers;
mod noise;
mod orders;
pub(crate) mod people;
mod pools;
mod propagation;
pub mod queueing;
pub(crate) mod serving;
mod steady;
mod telemetry;
mod traffic;
pub(crate) mod truth;
mod user_reports;
mod versions;

pub(crate) use books::Delivery;
pub(crate) use exposure::ExposureNews;
pub(crate) use steady::steady_rates;

use std::collections::BTreeMap;
use std::rc::Rc;

use firedrill_core::Micros;
use firedrill_core::config::{Document, VersionId};
use firedrill_core::health::Indicator;
use firedrill_core::ids::{ClassId, RegionId, RolloutId, ServiceId};

use crate::engine::{DEFECTS, Tamper};
use crate::log::WorldEvent;
use crate::random::{Draws, Entity};
use crate::spec::{Defect, Scenario};

use congestion::Congestion;
use control_group::ControlGroup;
use defect::{Effect, holds_for};
use demand::{AUDIENCES, Arrivals, EMPLOYEES, PUBLIC};
use fleet::{Cell, Pool, VersionIndex};
use graph::Graph;
use modifiers::Modifiers;
use pools::Pools;
use propagation::{Cuts, Transfer};
use serving::{Calm, Hop, Load, PoolStep, ServiceTables, SlowAbove, Workspace};
use telemetry::{Collector, Read};
use traffic::Traffic;
use truth::Truth;
use user_reports::UserReportsUnderWay;

/// What draws are for. Each has a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Arrivals,
    Routing,
    TurnedAway,
    OwnErrors,
    DefectErrors,
    Slow,
    SlowByDefect,
    Propagation,
    Selection,
    Crashes,
    CutOffs,
    Leaks,
    WrongAnswers,
    StartUp,
    Flapping,
    Scrape,
    ScrapeLoss,
    Ingestion,
    DemandDrift,
    Bursts,
    Hosts,
    Copies,
    Logs,
    Probes,
    ControlGroup,
    UserReports,
    Employees,
    Tools,
}

/// The names of the streams, one for each purpose, and those of people's delays and of the defects
/// that are drawn before a run.
pub const STREAMS: [&str; 30] = [
    "arrivals",
    "routing",
    "turned-away",
    "own-errors",
    "defect-errors",
    "slow",
    "slow-by-defect",
    "propagation",
    "selection",
    "crashes",
    "cut-offs",
    "leaks",
    "wrong-answers",
    "start-up",
    "flapping",
    "scrape",
    "scrape-loss",
    "ingestion",
    "demand-drift",
    "bursts",
    "hosts",
    "copies",
    "logs",
    "probes",
    "control-group",
    "user-reports",
    "employees",
    "tools",
    PEOPLE,
    DEFECTS,
];

/// The stream of people's delays.
pub(crate) const PEOPLE: &str = "people";

#[derive(Clone, Debug)]
pub(crate) struct Streams(Vec<Draws>);

impl Streams {
    pub(crate) fn new(names: &[&str], seed: u64, tamper: Option<&Tamper>) -> Self {
        let draws = |purpose: &&str| Draws::new(seed, purpose, tamper);
        Self(names.iter().map(draws).collect())
    }

    pub(crate) fn get(&mut self, purpose: Purpose) -> &mut Draws {
        &mut self.0[purpose as usize]
    }

    pub(crate) fn pair(&mut self, one: Purpose, other: Purpose) -> [&mut Draws; 2] {
        let both = self.0.get_disjoint_mut([one as usize, other as usize]);
        both.expect("two purposes have two streams")
    }
}

/// Numbers of things: the addresses of their draws and of their books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    cells: usize,
    hops: usize,
    services: usize,
    versions: usize,
}

/// Visits beyond this many share their draws: that deep in retries they no longer matter.
const VISITS_APART: u64 = 16;

impl Addresses {
    /// The draws of the requests that visit one hop of a class's way in one cell for the
    /// `visit`th time, by cohort lane. What is drawn one after the other stands close together.
    pub(crate) fn request(
        self,
        cell: usize,
        hop: usize,
        audience: usize,
        visit: u64,
    ) -> impl Fn(u64) -> Entity {
        let cells = (audience * self.cells + cell) as u64;
        let visits = visit.min(VISITS_APART - 1) * (AUDIENCES * self.cells) as u64;
        let index = (visits + cells) * self.hops as u64 + hop as u64;
        move |lane| Entity { lane, index }
    }

    /// The telemetry scope of a (region, service, version).
    pub(crate) const fn scope(
        self,
        region: RegionId,
        service: ServiceId,
        version: VersionIndex,
    ) -> usize {
        (region.index() * self.services + service.index()) * self.versions + version as usize
    }
}

/// A version that instances of a service may run.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) id: VersionId,
    /// The rollout that brings it; nothing for what runs from the start.
    pub(crate) rollout: Option<RolloutId>,
    pub(crate) defect: Option<Defect>,
    /// Whether the other keys of its document let the defect hurt.
    pub(crate) applies: bool,
    /// What the defect does at full strength.
    pub(crate) effect: Effect,
    /// When it was last pushed, and how many pushes there were.
    pub(crate) last_push: Option<Micros>,
    pub(crate) pushes: u8,
    /// Instances that ever ran it.
    pub(crate) ever: u32,
    /// Regions in which instances run or ran it.
    pub(crate) seen_in: Vec<bool>,
    /// Whether the world was already told that nothing is left of it.
    pub(crate) gone: bool,
}

impl Version {
    fn new(id: VersionId, defect: Option<Defect>, document: &Document, regions: usize) -> Self {
        Self {
            id,
            rollout: None,
            applies: defect
                .as_ref()
                .is_none_or(|d| holds_for(&d.triggers, document)),
            effect: defect.as_ref().map_or(Effect::NONE, Effect::of_defect),
            defect,
            last_push: None,
            pushes: 0,
            ever: 0,
            seen_in: vec![false; regions],
            gone: false,
        }
    }

    /// The number of the push made at `now`: pushes of one moment are one.
    fn next_batch(&mut self, now: Micros) -> u8 {
        if self.last_push != Some(now) {
            self.last_push = Some(now);
            self.pushes = self.pushes.saturating_add(1);
        }
        self.pushes
    }
}

/// The simulated world.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    draws: Streams,
    addresses: Addresses,
    cells: Vec<Cell>,
    pools: Pools,
    /// By pool of cells that are not calm, then cohort.
    loads: Vec<Vec<Load>>,
    calm: Calm,
    hops: Vec<Hop>,
    room: Workspace,
    arrivals: Arrivals,
    graph: Rc<Graph>,
    traffic: Traffic,
    /// By pool, while it is congested.
    congestion: Vec<Option<Box<Congestion>>>,
    /// What defective callers do to the services of the cell at hand.
    modifiers: Modifiers,
    /// For so many steps the balancer takes instances that crashed for up.
    lag_steps: f64,
    /// Whether a defect has run anywhere.
    troubled: bool,
    /// By service, in the order in which they were proposed.
    versions: Vec<Vec<Version>>,
    tables: Vec<ServiceTables>,
    transfers: Vec<Transfer>,
    cuts: Cuts,
    /// By service: the threshold of its strictest latency objective.
    slow_above: Vec<Option<SlowAbove>>,
    telemetry: Collector,
    /// By service: what anybody reads in its scrapes.
    read: Vec<Read>,
    /// By service and region.
    control_groups: BTreeMap<(ServiceId, RegionId), ControlGroup>,
    user_reports: UserReportsUnderWay,
    /// What tools do about an outage.
    actions: actions::Actions,
    truth: Truth,
    step: u64,
    sample_from: Micros,
    reported: exposure::Reported,
}

impl<'a> World<'a> {
    /// A fleet at rest, every instance on its service's first version. `initial` gives that
    /// version by service.
    pub(crate) fn new(
        scenario: &'a Scenario,
        initial: &[VersionId],
        seed: u64,
        tamper: Option<&Tamper>,
    ) -> Self {
        let fleet = &scenario.fleet;
        let services = fleet.services.len();
        let capacity = 1 + scenario.changes.len();
        let mut draws = Streams::new(&STREAMS, seed, tamper);
        let mut pools = Pools::new(fleet);
        if let Some(flapping) = &scenario.noise.flapping {
            noise::assign(draws.get(Purpose::Flapping), &mut pools, flapping);
        }
        let cells = fleet::cells(fleet);
        let graph = Graph::new(fleet);
        let addresses = Addresses {
            cells: cells.len(),
            hops: graph.hops,
            services,
            versions: capacity,
        };
        let tables: Vec<_> = fleet.services.iter().map(ServiceTables::new).collect();
        let longest = graph.classes.iter().map(Vec::len).max().unwrap_or(0);
        Self {
            draws,
            addresses,
            room: Workspace::default(),
            traffic: Traffic::new(&graph, cells.len()),
            calm: Calm::new(&graph, cells.len()),
            modifiers: Modifiers::none(&graph),
            graph: Rc::new(graph),
            congestion: vec![None; pools.len()],
            lag_steps: serving::HEALTH_CHECK_LAG.as_secs_f64() / scenario.step.as_secs_f64(),
            troubled: false,
            arrivals: Arrivals::new(fleet),
            loads: vec![Vec::new(); pools.len()],
            hops: vec![Hop::default(); longest],
            versions: initial
                .iter()
                .map(|id| {
                    vec![Version::new(
                        *id,
                        None,
                        &Document::new(),
                        fleet.regions.len(),
                    )]
                })
                .collect(),
            tables,
            transfers: Vec::new(),
            cuts: Cuts::new(&scenario.propagation.partitions, fleet),
            slow_above: slow_thresholds(scenario)
                .into_iter()
                .map(|us| us.map(SlowAbove::new))
                .collect(),
            telemetry: Collector::new(
                fleet.regions.len() * services * capacity,
                fleet.classes.len(),
            ),
            read: (0..services)
                .map(|service| Read::of(scenario, ServiceId(service as u16)))
                .collect(),
            control_groups: BTreeMap::new(),
            user_reports: UserReportsUnderWay::default(),
            actions: actions::Actions::default(),
            truth: Truth::new(scenario, capacity),
            step: 0,
            sample_from: Micros::ZERO,
            reported: exposure::Reported::default(),
            cells,
            pools,
            scenario,
        }
    }

    /// Moves the world over the step that ends at `now`; returns what only the world knows.
    pub(crate) fn advance(&mut self, now: Micros) -> Vec<WorldEvent> {
        let length = self.scenario.step;
        let before = now - length;
        if let Some(flapping) = &self.scenario.noise.flapping {
            let draws = self.draws.get(Purpose::Flapping);
            noise::advance(draws, self.step, length, &mut self.pools, flapping);
        }
        let mut events = self.propagate(before, now);
        self.act(now);
        let scenario = self.scenario;
        self.arrivals.begin(
            &mut self.draws,
            (self.step, before, length),
            &scenario.fleet,
            &scenario.demand,
            self.actions.drains(),
        );
        let graph = Rc::clone(&self.graph);
        for cell in 0..self.cells.len() {
            if !self.advance_calmly(&graph, cell, now) {
                self.advance_cell(&graph, cell, now);
            }
        }
        events.extend(self.truth.close_step(now));
        events.extend(self.find_clean());
        self.step += 1;
        events
    }

    /// Moves one cell over the step that ends at `now`: no request leaves the cell that it came to,
    /// so a large fleet passes through the processor's caches once a step.
    fn advance_cell(&mut self, graph: &Graph, cell: usize, now: Micros) {
        let length = self.scenario.step;
        let services = self.scenario.fleet.services.len();
        let pools = cell * services..(cell + 1) * services;
        self.start_instances(pools.clone(), length);
        self.afflict(pools.clone(), now, length);
        self.weigh_modifiers(graph, cell, now);
        let employees_apart = self
            .pools
            .of_cell(cell)
            .iter()
            .any(Pool::has_employees_apart);
        self.draw_arrivals(cell, employees_apart);
        let factors = &self.modifiers.calls;
        self.traffic
            .expect(graph, &self.arrivals, |edge| factors[edge]);
        self.load_pools(graph, cell, length);
        self.serve(cell);
        self.serve_copies(graph, pools.clone());
        self.traffic.close(cell);
        for pool in pools {
            self.record_loads(pool);
            self.eject(pool, now);
            self.settle_crashes(pool);
            self.pools[pool].assert_conserved();
        }
    }

    /// Draws the requests that come to a cell in the step at hand.
    fn draw_arrivals(&mut self, cell: usize, employees_apart: bool) {
        let spec = (cell, &self.cells[cell]);
        let (fleet, demand) = (&self.scenario.fleet, &self.scenario.demand);
        self.arrivals
            .draw(&mut self.draws, spec, fleet, demand, employees_apart);
    }

    /// What is over by the end of the run.
    pub(crate) fn close(&mut self, now: Micros) -> Vec<WorldEvent> {
        self.truth.close_run(now)
    }

    fn load_pools(&mut self, graph: &Graph, cell: usize, length: Micros) {
        let services = self.scenario.fleet.services.len();
        let length_s = length.as_secs_f64();
        for service in 0..services {
            let index = cell * services + service;
            heterogeneity::hosts(
                self.draws.get(Purpose::Hosts),
                index,
                &self.pools[index],
                self.scenario.fleet.services[service].error_share,
                self.scenario.noise.heterogeneity.as_ref(),
                &mut self.room.hosts,
            );
            let step = PoolStep {
                service: &self.scenario.fleet.services[service],
                length,
                length_s,
                lag_steps: self.lag_steps,
                flapping: self.scenario.noise.flapping.as_ref(),
                slow_above: self.slow_above[service],
                offered: self.traffic.offered(graph, cell, service),
                capacity_factor: self.modifiers.capacity[service],
                troubled: self.troubled,
            };
            let inflows = || {
                let first = self.traffic.first_attempts(graph, cell, service, length);
                let clients = |(edge, per_s)| self.modifiers.inflows(graph, edge, per_s);
                first.flat_map(clients).collect()
            };
            serving::load_pool(
                &mut self.pools[index],
                &step,
                inflows,
                &mut self.tables[service],
                &mut self.congestion[index],
                &mut self.room,
                &mut self.loads[index],
            );
        }
    }

    fn serve(&mut self, cell: usize) {
        for class in 0..self.scenario.fleet.classes.len() {
            for audience in [PUBLIC, EMPLOYEES] {
                let count = self.arrivals.get(class, audience);
                self.send(cell, ClassId(class as u16), audience, count);
            }
        }
    }
}

/// By service: the threshold of its strictest latency objective.
pub(crate) fn slow_thresholds(scenario: &Scenario) -> Vec<Option<u64>> {
    let mut thresholds: Vec<Option<u64>> = vec![None; scenario.fleet.services.len()];
    for slo in &scenario.slos {
        if let Indicator::Slow {
            service,
            threshold_us,
        } = slo.slo.indicator
        {
            let slot = &mut thresholds[service.index()];
            *slot = Some(slot.map_or(threshold_us, |known: u64| known.min(threshold_us)));
        }
    }
    thresholds
}
