//! Requests of one class on their way through a calm cell.
//!
//! As long as nobody tries again, a class comes to every hop once: its calls are those of the hop
//! before, less those that fail there, so they are worked out hop by hop on the way in, and errors
//! on the way out. Where clients try again after a failure, calls follow each other as in any cell.

use firedrill_core::ids::ClassId;

use crate::random::binomial;
use crate::spec::{ClientPolicy, Edge};

use super::super::super::demand::PUBLIC;
use super::super::super::graph::{Graph, HopSpec};
use super::super::super::telemetry::Collector;
use super::super::super::traffic::Traffic;
use super::super::super::truth::Truth;
use super::super::super::{Addresses, Purpose, Streams};
use super::super::call::hit;
use super::super::load::either;
use super::{Bearing, CalmPool};

/// What became of the calls of one hop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leg {
    calls: u64,
    /// Those that failed here.
    failed: u64,
    /// Those that failed here or further inside.
    errors: u64,
    /// Times that it was visited.
    visits: u64,
}

/// Requests of one class on their way through a calm cell.
pub(super) struct CalmErrand<'a> {
    pub(super) graph: &'a Graph,
    pub(super) hops: &'a [HopSpec],
    pub(super) cell: usize,
    pub(super) class: ClassId,
    pub(super) step: u64,
    pub(super) addresses: Addresses,
    /// By service.
    pub(super) pools: &'a [Option<CalmPool>],
    /// By service.
    pub(super) bearings: &'a mut [Bearing],
    /// By hop.
    pub(super) legs: &'a mut [Leg],
    pub(super) draws: &'a mut Streams,
    pub(super) traffic: &'a mut Traffic,
    pub(super) telemetry: &'a mut Collector,
    pub(super) truth: &'a mut Truth,
}

impl CalmErrand<'_> {
    /// Sends `count` requests; returns those that fail.
    pub(super) fn send(&mut self, count: u64) -> u64 {
        if self.go_in(count) {
            let may_retry = |hop: &HopSpec| self.graph.edges[hop.edge].client.attempts > 1;
            if self.hops.iter().any(may_retry) {
                return self.call(0, count);
            }
            self.come_out();
        }
        for hop in 0..self.hops.len() {
            let leg = self.legs[hop];
            if leg.calls > 0 {
                self.traffic.called(self.hops[hop].edge, leg.calls);
                self.book(hop, 0, leg);
            }
        }
        self.legs[0].errors
    }

    /// Works out the calls of every hop and the failures there; tells whether there are any.
    fn go_in(&mut self, count: u64) -> bool {
        let mut any = false;
        for hop in 0..self.hops.len() {
            let spec = &self.hops[hop];
            let calls = spec.parent.map_or(count, |parent| {
                let parent = self.legs[parent];
                calls_of(&self.graph.edges[spec.edge], parent.calls - parent.failed)
            });
            let failed = self.fail(spec, 0, calls);
            any |= failed > 0;
            self.legs[hop] = Leg {
                calls,
                failed,
                errors: failed,
                visits: 0,
            };
        }
        any
    }

    /// Hands errors from further inside out to the callers.
    fn come_out(&mut self) {
        for hop in (0..self.hops.len()).rev() {
            let spec = &self.hops[hop];
            let leg = self.legs[hop];
            let mut returned = 0;
            for child in &spec.children {
                let Leg { calls, errors, .. } = self.legs[*child];
                let edge = &self.graph.edges[self.hops[*child].edge];
                returned += returned_by(edge, calls, errors, leg.calls - leg.failed - returned);
            }
            self.legs[hop].errors += returned;
        }
    }

    /// Calls the service of a hop `count` times, with the tries that the edge's client makes;
    /// returns the calls that fail after all of them.
    fn call(&mut self, hop: usize, count: u64) -> u64 {
        if count == 0 {
            return 0;
        }
        let edge = self.hops[hop].edge;
        self.traffic.called(edge, count);
        let failed = self.attempt(hop, count);
        let client = &self.graph.edges[edge].client;
        self.call_again(hop, client, count, failed)
    }

    /// Tries once more, and again, those of `count` calls that failed, as far as a client may.
    fn call_again(&mut self, hop: usize, client: &ClientPolicy, count: u64, failed: u64) -> u64 {
        let mut budget = client
            .retry_budget
            .map_or(u64::MAX, |budget| (budget * count as f64) as u64);
        let (mut failed, mut given_up) = (failed, 0);
        for _ in 1..client.attempts {
            let again = failed.min(budget);
            given_up += failed - again;
            budget -= again;
            if again == 0 {
                return given_up;
            }
            failed = self.attempt(hop, again);
        }
        given_up + failed
    }

    /// One try of `count` calls: the service answers or not, and calls what it needs. Returns the
    /// errors.
    fn attempt(&mut self, hop: usize, count: u64) -> u64 {
        let spec = &self.hops[hop];
        let visit = self.legs[hop].visits;
        self.legs[hop].visits += 1;
        let failed = self.fail(spec, visit, count);
        let passed = count - failed;
        let mut returned = 0;
        for child in &spec.children {
            let edge = &self.graph.edges[self.hops[*child].edge];
            let calls = calls_of(edge, passed);
            let errors = self.call(*child, calls);
            returned += returned_by(edge, calls, errors, passed - returned);
        }
        let errors = failed + returned;
        let leg = Leg {
            calls: count,
            failed,
            errors,
            ..self.legs[hop]
        };
        self.book(hop, visit, leg);
        errors
    }

    /// Draws how many of `count` attempts fail at a hop itself.
    fn fail(&mut self, spec: &HopSpec, visit: u64, count: u64) -> u64 {
        let service = spec.service.index();
        let pool = calm(self.pools, service);
        let shape = &self.bearings[service].shape;
        let late = shape.above(self.graph.timeouts[spec.edge]);
        let share = if late > 0.0 {
            either(pool.fared.own_failure, late)
        } else {
            pool.fared.own_failure
        };
        let entity = self
            .addresses
            .request(self.cell, spec.number, PUBLIC, visit);
        let entity = entity(pool.fared.key.lane());
        let draws = self.draws.get(Purpose::OwnErrors);
        binomial(draws.uniform(self.step, entity), count, share)
    }

    /// Puts the attempts of one visit into telemetry and the world's own books.
    fn book(&mut self, hop: usize, visit: u64, leg: Leg) {
        let Leg {
            calls: count,
            failed,
            errors,
            ..
        } = leg;
        let spec = &self.hops[hop];
        let service = spec.service.index();
        let pool = calm(self.pools, service);
        self.traffic.attempted(spec.edge, count);
        let bearing = &mut self.bearings[service];
        bearing.requests += count;
        bearing.errors += errors;
        let counts = [count, errors, count - errors];
        self.telemetry
            .record(pool.scope as usize, self.class, counts);
        let key = pool.fared.key;
        self.truth
            .served((spec.service, key.version), self.class, count, 0);
        if let Some(slow) = bearing.slow {
            let entity = self
                .addresses
                .request(self.cell, spec.number, PUBLIC, visit);
            let draws = self.draws.get(Purpose::Slow);
            let u = draws.uniform(self.step, entity(key.lane()));
            let answered = count - failed;
            self.truth
                .slow(spec.service, answered, binomial(u, answered, slow), 0);
        }
    }
}

fn calm(pools: &[Option<CalmPool>], service: usize) -> &CalmPool {
    let pool = pools[service].as_ref();
    pool.expect("the pools of a calm cell are calm")
}

/// The calls along an edge that so many requests make.
fn calls_of(edge: &Edge, requests: u64) -> u64 {
    if edge.calls == 1.0 {
        requests
    } else {
        (requests as f64 * edge.calls + 0.5) as u64
    }
}

/// Those of `left` requests that come to an error because so many of their calls did.
fn returned_by(edge: &Edge, calls: u64, errors: u64, left: u64) -> u64 {
    if edge.hard && errors > 0 {
        hit(errors, calls, edge.calls, left).min(left)
    } else {
        0
    }
}
