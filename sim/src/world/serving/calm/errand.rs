//! Requests of one class on their way through a calm cell.
//!
//! As long as nobody tries again, a class comes to every hop once: its calls are those of the hop
//! before, less those that fail there, so they are worked out hop by hop on the way in, and errors
//! on the way out. Where clients try again after a failure, calls follow each other as in any cell.

use firedrill_core::ids::ClassId;

use crate::random::{Draws, Entity, binomial};
use crate::spec::{ClientPolicy, Edge};

use super::super::super::Addresses;
use super::super::super::demand::PUBLIC;
use super::super::super::graph::{Graph, HopSpec};
use super::super::super::telemetry::Collector;
use super::super::super::traffic::Traffic;
use super::super::super::truth::Truth;
use super::super::call::hit;
use super::Bearing;

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

/// Requests on their way through a calm cell, class by class.
pub(super) struct CalmErrand<'a> {
    pub(super) graph: &'a Graph,
    pub(super) cell: usize,
    pub(super) step: u64,
    pub(super) addresses: Addresses,
    /// By service.
    pub(super) bearings: &'a mut [Bearing],
    /// By edge: the probability that an attempt fails where it leads.
    pub(super) failing: &'a [f64],
    /// By hop.
    pub(super) legs: &'a mut [Leg],
    /// The draws of errors.
    pub(super) own_errors: &'a mut Draws,
    /// The draws of who is answered slowly.
    pub(super) slow: &'a mut Draws,
    pub(super) traffic: &'a mut Traffic,
    pub(super) telemetry: &'a mut Collector,
    pub(super) truth: &'a mut Truth,
}

/// A class of requests and the hops on its way.
type Way<'a> = (ClassId, &'a [HopSpec]);

impl CalmErrand<'_> {
    /// Sends `count` requests of a class; returns those that fail. A function of its own even when
    /// compiled, or its loops run out of registers.
    #[inline(never)]
    pub(super) fn send(&mut self, way: Way<'_>, count: u64) -> u64 {
        let (class, hops) = way;
        if self.go_in(hops, count) {
            let may_retry = |hop: &HopSpec| self.graph.edges[hop.edge].client.attempts > 1;
            if hops.iter().any(may_retry) {
                return self.call(way, 0, count);
            }
            self.come_out(hops);
        }
        for (hop, spec) in hops.iter().enumerate() {
            let leg = self.legs[hop];
            if leg.calls > 0 {
                self.traffic.called_once(spec.edge, leg.calls);
                self.book(class, spec, 0, leg);
            }
        }
        self.legs[0].errors
    }

    /// Works out the calls of every hop and the failures there; tells whether there are any.
    fn go_in(&mut self, hops: &[HopSpec], count: u64) -> bool {
        let mut any = false;
        for (hop, spec) in hops.iter().enumerate() {
            let calls = spec.parent.map_or(count, |parent| {
                let parent = self.legs[parent];
                calls_of(spec, parent.calls - parent.failed)
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
    fn come_out(&mut self, hops: &[HopSpec]) {
        for (hop, spec) in hops.iter().enumerate().rev() {
            let leg = self.legs[hop];
            let mut returned = 0;
            for child in &spec.children {
                let Leg { calls, errors, .. } = self.legs[*child];
                let edge = &self.graph.edges[hops[*child].edge];
                returned += returned_by(edge, calls, errors, leg.calls - leg.failed - returned);
            }
            self.legs[hop].errors += returned;
        }
    }

    /// Calls the service of a hop `count` times, with the tries that the edge's client makes;
    /// returns the calls that fail after all of them.
    fn call(&mut self, way: Way<'_>, hop: usize, count: u64) -> u64 {
        if count == 0 {
            return 0;
        }
        let (_, hops) = way;
        let edge = hops[hop].edge;
        self.traffic.called(edge, count);
        let failed = self.attempt(way, hop, count);
        let client = &self.graph.edges[edge].client;
        self.call_again((way, hop), client, count, failed)
    }

    /// Tries once more, and again, those of `count` calls that failed, as far as a client may.
    fn call_again(
        &mut self,
        (way, hop): (Way<'_>, usize),
        client: &ClientPolicy,
        count: u64,
        failed: u64,
    ) -> u64 {
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
            failed = self.attempt(way, hop, again);
        }
        given_up + failed
    }

    /// One try of `count` calls: the service answers or not, and calls what it needs. Returns the
    /// errors.
    fn attempt(&mut self, way: Way<'_>, hop: usize, count: u64) -> u64 {
        let (class, hops) = way;
        let spec = &hops[hop];
        let visit = self.legs[hop].visits;
        self.legs[hop].visits += 1;
        let failed = self.fail(spec, visit, count);
        let passed = count - failed;
        let mut returned = 0;
        for child in &spec.children {
            let edge = &self.graph.edges[hops[*child].edge];
            let calls = calls_of(&hops[*child], passed);
            let errors = self.call(way, *child, calls);
            returned += returned_by(edge, calls, errors, passed - returned);
        }
        let errors = failed + returned;
        let leg = Leg {
            calls: count,
            failed,
            errors,
            ..self.legs[hop]
        };
        self.traffic.attempted(spec.edge, count);
        self.book(class, spec, visit, leg);
        errors
    }

    /// Draws how many of `count` attempts fail at a hop itself.
    #[inline(always)] // nearly all of a step's time is spent here and in `book`
    fn fail(&mut self, spec: &HopSpec, visit: u64, count: u64) -> u64 {
        let lane = self.bearings[spec.service.index()].lane;
        let entity = self.entity(spec, visit, u64::from(lane));
        let u = self.own_errors.uniform(self.step, entity);
        binomial(u, count, self.failing[spec.edge])
    }

    /// The draws of one visit.
    fn entity(&self, spec: &HopSpec, visit: u64, lane: u64) -> Entity {
        let addresses = self.addresses;
        addresses.request(self.cell, spec.number, PUBLIC, visit)(lane)
    }

    /// Puts the attempts of one visit into telemetry and the world's own books.
    #[inline(always)] // see `fail`
    fn book(&mut self, class: ClassId, spec: &HopSpec, visit: u64, leg: Leg) {
        let Leg {
            calls: count,
            failed,
            errors,
            ..
        } = leg;
        let service = spec.service.index();
        let bearing = &mut self.bearings[service];
        bearing.requests += count;
        bearing.errors += errors;
        let counts = [count, errors, count - errors];
        self.telemetry.record(bearing.scope as usize, class, counts);
        self.truth
            .served((spec.service, bearing.version), class, count, 0);
        if let Some(slow) = bearing.slow {
            let lane = u64::from(bearing.lane);
            self.book_slow(spec, (visit, lane), count - failed, slow);
        }
    }

    /// Draws how many of those answered are answered slowly, each with the same probability.
    fn book_slow(&mut self, spec: &HopSpec, (visit, lane): (u64, u64), answered: u64, slow: f64) {
        let entity = self.entity(spec, visit, lane);
        let u = self.slow.uniform(self.step, entity);
        self.truth
            .slow(spec.service, answered, binomial(u, answered, slow), 0);
    }
}

/// The calls that so many requests make at the next hop.
fn calls_of(next: &HopSpec, requests: u64) -> u64 {
    if next.calls == 1.0 {
        requests
    } else {
        (requests as f64 * next.calls + 0.5) as u64
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
