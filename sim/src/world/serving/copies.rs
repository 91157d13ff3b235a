//! Dark canaries: instances that get copies of the public's requests, whose answers nobody gets.
//!
//! A copy is served like a request, by its own instances: it fails, takes its time, fills memory.
//! It calls nobody and nobody waits for it, so it harms no user, burdens no other service, and
//! nobody learns whether its answer was right.

use std::ops::Range;

use firedrill_core::ids::ClassId;
use firedrill_core::rollout::Audience;

use crate::random::{Entity, binomial, poisson};

use super::super::demand::PUBLIC;
use super::super::graph::Graph;
use super::super::{Purpose, World};

impl World<'_> {
    /// Serves the copies of a step in the pools of a cell.
    pub(crate) fn serve_copies(&mut self, graph: &Graph, pools: Range<usize>) {
        let services = self.scenario.fleet.services.len();
        for pool in pools {
            let mirrored = self.pools[pool]
                .cohorts
                .iter()
                .position(|cohort| cohort.key.serves == Audience::Mirrored);
            if mirrored.is_none() {
                continue;
            }
            for (class, hops) in graph.classes.iter().enumerate() {
                let here = hops
                    .iter()
                    .filter(|hop| hop.service.index() == pool % services);
                let each: f64 = here.map(|hop| hop.multiplicity).sum();
                let requests = self.arrivals.get(class, PUBLIC) as f64 * each;
                if requests > 0.0 {
                    self.serve_copies_of(pool, ClassId(class as u16), requests);
                }
            }
        }
    }

    /// Serves the copies of one class, of which the pool's public got so many requests.
    fn serve_copies_of(&mut self, index: usize, class: ClassId, requests: f64) {
        let (pool, loads) = (&self.pools[index], &mut self.loads[index]);
        let public: f64 = loads
            .iter()
            .map(|load| load.weights[PUBLIC].answering)
            .sum();
        if public <= 0.0 {
            return;
        }
        let each = requests / public;
        let classes = self.scenario.fleet.classes.len();
        for (cohort, load) in pool.cohorts.iter().zip(loads) {
            if cohort.key.serves != Audience::Mirrored {
                continue;
            }
            let entity = |what: usize| Entity {
                lane: cohort.key.lane(),
                index: ((index * classes + class.index()) * 2 + what) as u64,
            };
            let draws = self.draws.get(Purpose::Copies);
            let mean = each * f64::from(cohort.balanced());
            let copies = poisson(draws.uniform(self.step, entity(0)), mean);
            let effect = cohort.effect();
            let spared =
                (1.0 - load.own_failure) * (1.0 - load.lost) * (1.0 - effect.error_share_of(class));
            let errors = binomial(draws.uniform(self.step, entity(1)), copies, 1.0 - spared);
            load.requests += copies;
            load.errors += errors;
            let served = (pool.service, cohort.key.version);
            let scope = self
                .addresses
                .scope(pool.region, pool.service, cohort.key.version);
            self.telemetry
                .record(scope, class, [copies, errors, copies - errors]);
            self.truth.served(served, class, copies, 0);
        }
    }
}
