//! Calls by pool and edge: what a step expects of the next.

use firedrill_core::Micros;

use super::demand::{AUDIENCES, Arrivals};
use super::graph::Graph;

/// Calls of one pool along one edge that leads to it.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    /// First attempts in this step.
    called: u64,
    /// Attempts in this step.
    attempted: u64,
    /// First attempts for each that was expected, in the last step: retries further out.
    per_expected: f64,
    /// Attempts for each first attempt, in the last step: retries along this edge.
    per_call: f64,
}

/// The calls of all pools.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    flows: Vec<Vec<Flow>>,
    /// Calls without any retry, of the cell at hand: by edge and audience.
    expected: Vec<[f64; AUDIENCES]>,
}

impl Traffic {
    pub(crate) fn new(graph: &Graph, pools: usize) -> Self {
        let services = graph.into.len();
        let calm = Flow {
            per_expected: 1.0,
            per_call: 1.0,
            ..Flow::default()
        };
        let flows = |pool: usize| vec![calm; graph.into[pool % services].len()];
        Self {
            flows: (0..pools).map(flows).collect(),
            expected: vec![[0.0; AUDIENCES]; graph.edges.len()],
        }
    }

    /// Works out what the requests of a cell would call without any retry.
    /// `calls` multiplies the calls along each edge.
    pub(crate) fn expect(
        &mut self,
        graph: &Graph,
        arrivals: &Arrivals,
        cell: usize,
        calls: &[f64],
    ) {
        self.expected.fill([0.0; AUDIENCES]);
        for (class, hops) in graph.classes.iter().enumerate() {
            for audience in 0..AUDIENCES {
                let count = arrivals.get(cell, class, audience) as f64;
                for hop in hops {
                    self.expected[hop.edge][audience] += count * hop.multiplicity * calls[hop.edge];
                }
            }
        }
    }

    /// Attempts that a pool must expect, by audience.
    pub(crate) fn offered(&self, graph: &Graph, pool: usize) -> [f64; AUDIENCES] {
        let mut offered = [0.0; AUDIENCES];
        let edges = &graph.into[pool % graph.into.len()];
        for (edge, flow) in edges.iter().zip(&self.flows[pool]) {
            for (sum, expected) in offered.iter_mut().zip(self.expected[*edge]) {
                *sum += expected * flow.per_expected * flow.per_call;
            }
        }
        offered
    }

    /// First attempts a second that a pool must expect along the edges that lead to it.
    pub(crate) fn first_attempts(
        &self,
        graph: &Graph,
        pool: usize,
        length: Micros,
    ) -> impl Iterator<Item = (usize, f64)> {
        let edges = graph.into[pool % graph.into.len()].iter();
        edges.zip(&self.flows[pool]).map(move |(edge, flow)| {
            let expected: f64 = self.expected[*edge].iter().sum();
            (*edge, expected * flow.per_expected / length.as_secs_f64())
        })
    }

    pub(crate) fn called(&mut self, pool: usize, slot: usize, count: u64) {
        self.flows[pool][slot].called += count;
    }

    pub(crate) fn attempted(&mut self, pool: usize, slot: usize, count: u64) {
        self.flows[pool][slot].attempted += count;
    }

    /// Ends the step for the pools of a cell, whose expectations are at hand.
    pub(crate) fn close(&mut self, graph: &Graph, pools: std::ops::Range<usize>) {
        for pool in pools {
            let edges = &graph.into[pool % graph.into.len()];
            for (edge, flow) in edges.iter().zip(&mut self.flows[pool]) {
                let expected: f64 = self.expected[*edge].iter().sum();
                let called = flow.called as f64;
                flow.per_expected = if expected > 0.0 {
                    called / expected
                } else {
                    1.0
                };
                flow.per_call = if flow.called > 0 {
                    flow.attempted as f64 / called
                } else {
                    1.0
                };
                (flow.called, flow.attempted) = (0, 0);
            }
        }
    }
}
