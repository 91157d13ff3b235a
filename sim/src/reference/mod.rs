//! A slow and obvious world, to test the fast one against.
//!
//! Here every instance is simulated by itself and every request on its own: instances have a
//! queue of requests with their times of arrival, a config that reaches them at a moment drawn for
//! each, a crash, a leak and a restart of their own. Nothing is counted by cohorts, thinned by
//! hazards or taken from a queueing formula. So where both worlds agree in distribution, the
//! approximations of the fast one ([`crate::world`]) are right.
//!
//! Both share what a scenario *means*, so that it is the same scenario: the demand curve and its
//! Poisson counts, what a mechanism does to one instance, the unrolled call graph, and the books of
//! what counts as harm. They also run under the same driver, core, people, log and measures.
//!
//! Shared by definition, too, is that a caller waits for its callees without holding a worker, and
//! that a client's timeout covers the wait and the service at the service it calls, not what that
//! service waits for further in.
//!
//! Only tests use this world. It costs as much as its requests do: keep fleets small.

mod books;
mod client;
mod dice;
mod distribution;
mod instance;
mod lifecycle;
mod requests;
mod serving;
mod telemetry;

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::config::{Document, VersionId};
use firedrill_core::ids::{CommandId, RegionId, RolloutId, ServiceId};
use firedrill_core::rollout::ExposureReport;

use crate::engine::{Driver, EventQueue};
use crate::log::{RunLog, WorldEvent};
use crate::spec::{Defect, Scenario};
use crate::world::actions::Drains;
use crate::world::defect::{Effect, holds_for};
use crate::world::demand::{AUDIENCES, Arrivals, PUBLIC};
use crate::world::fleet::Cell;
use crate::world::graph::Graph;
use crate::world::truth::Truth;
use crate::world::{STREAMS, Streams};

use client::Client;
use dice::Dice;
use instance::{Instance, Pool};
use requests::{Attempt, Call, Request};
use telemetry::Scope;

/// Runs a scenario instance by instance and request by request.
///
/// # Panics
/// When the scenario does not pass [`Scenario::check`].
#[must_use]
pub fn run(scenario: &Scenario, seed: u64) -> RunLog {
    let world = |initial: &[VersionId]| InstanceWorld::new(scenario, initial, seed);
    Driver::new(scenario, seed, None, world).run()
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// A user makes a request.
    Arrives { cell: u32, class: u16, audience: u8 },
    /// An instance is done with an attempt, by itself.
    Served { at: Place, attempt: u32 },
    /// A worker is done with work on the side.
    Freed { at: Place },
    /// A client has waited for long enough.
    GivenUp { attempt: u32 },
    /// A client tries again.
    TriedAgain { call: u32 },
    /// Config reaches an instance.
    Delivered {
        pool: u32,
        instance: u32,
        parcel: u64,
    },
    /// An instance has started.
    Started { at: Place },
    /// The balancer learns which instances of a pool are gone.
    Noticed { pool: u32 },
    /// A flapping host turns bad, or good again.
    SpellTurned { pool: u32, instance: u32 },
}

/// An instance, for as long as it does not go down.
#[derive(Clone, Copy, Debug)]
struct Place {
    pool: u32,
    instance: u32,
    /// How often it had gone down.
    life: u32,
}

/// A version that instances of a service may run.
#[derive(Clone, Debug)]
struct Version {
    id: VersionId,
    rollout: Option<RolloutId>,
    defect: Option<Defect>,
    /// What the defect does at full strength; nothing when another key keeps it from hurting.
    effect: Effect,
    /// Instances that ever got it by a push.
    ever: u32,
    /// By region: instances that ever got it, and those of this step.
    got_it: Vec<(u32, u32)>,
    gone: bool,
}

impl Version {
    fn new(id: VersionId, defect: Option<Defect>, document: &Document, regions: usize) -> Self {
        let effect = match &defect {
            Some(defect) if holds_for(&defect.triggers, document) => Effect::of(&defect.mechanism),
            Some(_) | None => Effect::NONE,
        };
        Self {
            id,
            rollout: None,
            defect,
            effect,
            ever: 0,
            got_it: vec![(0, 0); regions],
            gone: false,
        }
    }
}

/// The world, instance by instance.
struct InstanceWorld<'a> {
    scenario: &'a Scenario,
    dice: Dice,
    streams: Streams,
    arrivals: Arrivals,
    cells: Vec<Cell>,
    graph: Graph,
    happenings: EventQueue<Happening>,
    pools: Vec<Pool>,
    /// By cell, then edge: the clients there.
    clients: Vec<Client>,
    requests: Vec<Request>,
    calls: Vec<Call>,
    attempts: Vec<Attempt>,
    /// By service.
    versions: Vec<Vec<Version>>,
    parcels: u64,
    /// The newest command of each rollout that distribution took.
    acknowledged: BTreeMap<RolloutId, CommandId>,
    reported: BTreeMap<(RolloutId, RegionId), (ExposureReport, Option<CommandId>)>,
    /// By service: the threshold of its strictest latency objective.
    slow_above_us: Vec<Option<u64>>,
    /// By region, service and version.
    scopes: Vec<Scope>,
    truth: Truth,
    /// Whether a defect has run anywhere.
    troubled: bool,
    step: u64,
    /// The end of the last step.
    now: Micros,
    sample_from: Micros,
}

impl<'a> InstanceWorld<'a> {
    fn new(scenario: &'a Scenario, initial: &[VersionId], seed: u64) -> Self {
        let fleet = &scenario.fleet;
        let capacity = 1 + scenario.changes.len();
        let cells = crate::world::fleet::cells(fleet);
        let graph = Graph::new(fleet);
        let mut dice = Dice::new(seed);
        let mut happenings = EventQueue::default();
        let pools = instance::pools(scenario, &mut dice, &mut happenings);
        let clients = (0..cells.len()).flat_map(|_| &graph.edges);
        let regions = fleet.regions.len();
        let first = |id: &VersionId| vec![Version::new(*id, None, &Document::new(), regions)];
        let scopes = regions * fleet.services.len() * capacity;
        Self {
            clients: clients.map(|edge| Client::new(edge.client)).collect(),
            streams: Streams::new(&STREAMS, seed, None),
            arrivals: Arrivals::new(fleet),
            requests: Vec::new(),
            calls: Vec::new(),
            attempts: Vec::new(),
            versions: initial.iter().map(first).collect(),
            parcels: 0,
            acknowledged: BTreeMap::new(),
            reported: BTreeMap::new(),
            slow_above_us: crate::world::slow_thresholds(scenario),
            scopes: vec![Scope::new(fleet.classes.len()); scopes],
            truth: Truth::new(scenario, capacity),
            troubled: false,
            step: 0,
            now: Micros::ZERO,
            sample_from: Micros::ZERO,
            scenario,
            dice,
            cells,
            graph,
            happenings,
            pools,
        }
    }

    /// Moves on over the step that ends at `now`.
    fn advance(&mut self, now: Micros) -> Vec<WorldEvent> {
        let before = self.now;
        self.afflict_all(before);
        self.weigh_quotas();
        self.expect_arrivals(before, now);
        while self.happenings.next_at().is_some_and(|at| at <= now) {
            let (at, happening) = self.happenings.pop().expect("it was looked at");
            self.happen(at, happening);
        }
        self.record_instances(before, now);
        let mut events = self.news_of_defects();
        events.extend(self.truth.close_step(now));
        self.now = now;
        self.step += 1;
        events.extend(self.find_clean());
        events
    }

    /// The requests of a step come at any moment of it.
    fn expect_arrivals(&mut self, before: Micros, now: Micros) {
        let length = now - before;
        let scenario = self.scenario;
        let (fleet, demand) = (&scenario.fleet, &scenario.demand);
        self.arrivals.begin(
            &mut self.streams,
            (self.step, before, length),
            fleet,
            demand,
            &Drains::default(),
        );
        for (cell, spec) in self.cells.iter().enumerate() {
            self.arrivals
                .draw(&mut self.streams, (cell, spec), fleet, demand, true);
            for class in 0..scenario.fleet.classes.len() {
                for audience in PUBLIC..AUDIENCES {
                    for _ in 0..self.arrivals.get(class, audience) {
                        let after = self.dice.uniform() * length.0 as f64;
                        let happening = Happening::Arrives {
                            cell: cell as u32,
                            class: class as u16,
                            audience: audience as u8,
                        };
                        self.happenings
                            .push(before + Micros(after as u64), happening);
                    }
                }
            }
        }
    }

    fn happen(&mut self, now: Micros, happening: Happening) {
        match happening {
            Happening::Arrives {
                cell,
                class,
                audience,
            } => self.arrive(now, cell, class, audience),
            Happening::Served { at, attempt } => self.served(now, at, attempt),
            Happening::Freed { at } => self.free_worker(now, at),
            Happening::GivenUp { attempt } => self.given_up(now, attempt),
            Happening::TriedAgain { call } => self.attempt(now, call),
            Happening::Delivered {
                pool,
                instance,
                parcel,
            } => self.deliver(now, pool, instance, parcel),
            Happening::Started { at } => self.started(now, at),
            Happening::Noticed { pool } => self.reroute(now, pool),
            Happening::SpellTurned { pool, instance } => self.turn_spell(now, pool, instance),
        }
    }

    /// The number of a pool.
    fn pool_of(&self, cell: u32, service: ServiceId) -> u32 {
        cell * self.scenario.fleet.services.len() as u32 + u32::from(service.0)
    }

    /// The instance at a place, if it has not gone down since.
    fn still(&mut self, at: Place) -> Option<&mut Instance> {
        let pool = &mut self.pools[at.pool as usize];
        let instance = &mut pool.instances[at.instance as usize];
        (instance.downs == at.life).then_some(instance)
    }
}
