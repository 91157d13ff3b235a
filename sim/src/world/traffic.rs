//! Calls by cell and edge: what a step expects of the next.
//!
//! An edge leads to one service, so within a cell it leads to one pool.

use firedrill_core::Micros;

use super::demand::{AUDIENCES, Arrivals};
use super::graph::Graph;

/// What calls along an edge came to in the last step.
#[derive(Clone, Copy, Debug)]
struct Flow {
    /// First attempts for each that was expected: retries further out.
    per_expected: f64,
    /// Attempts for each first attempt: retries along this edge.
    per_call: f64,
}

/// Calls along an edge in the step and the cell at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    /// Without any retry, by audience.
    expected: [f64; AUDIENCES],
    /// First attempts.
    called: u64,
    /// All attempts.
    attempted: u64,
}

impl Calls {
    fn all_expected(&self) -> f64 {
        self.expected.iter().sum()
    }
}

/// The calls of all cells.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// By cell, then edge.
    flows: Vec<Flow>,
    /// By edge: those of the cell at hand.
    calls: Vec<Calls>,
}

impl Traffic {
    pub(crate) fn new(graph: &Graph, cells: usize) -> Self {
        let edges = graph.edges.len();
        let calm = Flow {
            per_expected: 1.0,
            per_call: 1.0,
        };
        Self {
            flows: vec![calm; cells * edges],
            calls: vec![Calls::default(); edges],
        }
    }

    /// Works out what the requests of the cell at hand would call without any retry.
    /// `factor` multiplies the calls along each edge.
    pub(crate) fn expect(
        &mut self,
        graph: &Graph,
        arrivals: &Arrivals,
        factor: impl Fn(usize) -> f64,
    ) {
        self.calls.fill(Calls::default());
        for (class, hops) in graph.classes.iter().enumerate() {
            for audience in 0..AUDIENCES {
                let count = arrivals.get(class, audience);
                if count == 0 {
                    continue;
                }
                for hop in hops {
                    let calls = count as f64 * hop.multiplicity * factor(hop.edge);
                    self.calls[hop.edge].expected[audience] += calls;
                }
            }
        }
    }

    /// Attempts that a service of the cell at hand must expect, by audience.
    pub(crate) fn offered(&self, graph: &Graph, cell: usize, service: usize) -> [f64; AUDIENCES] {
        let flows = self.flows_of(cell);
        let mut offered = [0.0; AUDIENCES];
        for edge in &graph.into[service] {
            let flow = &flows[*edge];
            for (sum, expected) in offered.iter_mut().zip(self.calls[*edge].expected) {
                *sum += expected * flow.per_expected * flow.per_call;
            }
        }
        offered
    }

    /// Attempts of both audiences that must be expected along each edge, with the number of the
    /// service to which it leads.
    pub(crate) fn offers(&self, graph: &Graph, cell: usize) -> impl Iterator<Item = (usize, f64)> {
        let each = graph.to.iter().zip(&self.calls).zip(self.flows_of(cell));
        each.map(|((to, calls), flow)| {
            let expected = calls.all_expected();
            (*to, expected * flow.per_expected * flow.per_call)
        })
    }

    /// First attempts a second that a service of the cell at hand must expect along the edges
    /// that lead to it.
    pub(crate) fn first_attempts(
        &self,
        graph: &Graph,
        cell: usize,
        service: usize,
        length: Micros,
    ) -> impl Iterator<Item = (usize, f64)> {
        let flows = self.flows_of(cell);
        graph.into[service].iter().map(move |edge| {
            let expected = self.calls[*edge].all_expected();
            let called = expected * flows[*edge].per_expected;
            (*edge, called / length.as_secs_f64())
        })
    }

    pub(crate) fn called(&mut self, edge: usize, count: u64) {
        self.calls[edge].called += count;
    }

    pub(crate) fn attempted(&mut self, edge: usize, count: u64) {
        self.calls[edge].attempted += count;
    }

    /// Calls of which each is tried once.
    pub(crate) fn called_once(&mut self, edge: usize, count: u64) {
        let calls = &mut self.calls[edge];
        calls.called += count;
        calls.attempted += count;
    }

    /// Attempts along each edge of the cell at hand, with the number of the service to which it
    /// leads.
    pub(crate) fn attempts(&self, graph: &Graph) -> impl Iterator<Item = (usize, u64)> {
        let each = graph.to.iter().zip(&self.calls);
        each.map(|(to, calls)| (*to, calls.attempted))
    }

    /// Ends the step for the cell at hand.
    pub(crate) fn close(&mut self, cell: usize) {
        let edges = self.calls.len();
        let flows = &mut self.flows[cell * edges..][..edges];
        for (calls, flow) in self.calls.iter().zip(flows) {
            // Nearly always all is as expected.
            let (expected, called) = (calls.all_expected(), calls.called as f64);
            flow.per_expected = if called == expected || expected <= 0.0 {
                1.0
            } else {
                called / expected
            };
            flow.per_call = if calls.attempted == calls.called {
                1.0
            } else {
                calls.attempted as f64 / called
            };
        }
    }

    fn flows_of(&self, cell: usize) -> &[Flow] {
        let edges = self.calls.len();
        &self.flows[cell * edges..][..edges]
    }
}
