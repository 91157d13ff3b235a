//! Who calls whom: the call graph, unrolled for each class of requests.

use firedrill_core::ids::ServiceId;

use crate::spec::{Backoff, ClientPolicy, Edge, Fleet, RequestClass};

use super::queueing::Threshold;

/// One service on the way of a class.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HopSpec {
    pub(crate) service: ServiceId,
    /// Its number among all hops of all classes.
    pub(crate) number: usize,
    /// The edge along which it is called.
    pub(crate) edge: usize,
    /// The hop that calls it; nothing for the first.
    pub(crate) parent: Option<usize>,
    /// The hops that it calls.
    pub(crate) children: Vec<usize>,
    /// Calls for each request that the caller answers.
    pub(crate) calls: f64,
    /// Calls for each user request, without retries.
    pub(crate) multiplicity: f64,
}

/// The edges of a fleet, and the hops of each class along them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Graph {
    pub(crate) edges: Vec<Edge>,
    pub(crate) classes: Vec<Vec<HopSpec>>,
    /// By edge: the number of the service to which it leads.
    pub(crate) to: Vec<usize>,
    /// By service: the edges that lead to it.
    pub(crate) into: Vec<Vec<usize>>,
    /// By edge: the latency at which its clients give up.
    pub(crate) timeouts: Vec<Threshold>,
    /// Hops of all classes.
    pub(crate) hops: usize,
}

impl Graph {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        let mut graph = Self {
            edges: fleet.edges.clone(),
            classes: Vec::new(),
            to: Vec::new(),
            into: Vec::new(),
            timeouts: Vec::new(),
            hops: 0,
        };
        for class in &fleet.classes {
            let hops = graph.unroll(fleet, class);
            graph.hops += hops.len();
            graph.classes.push(hops);
        }
        graph.to = graph.edges.iter().map(|edge| edge.to.index()).collect();
        graph.into = (0..fleet.services.len())
            .map(|service| {
                let leads_here = |edge: &usize| graph.to[*edge] == service;
                (0..graph.to.len()).filter(leads_here).collect()
            })
            .collect();
        graph.timeouts = graph
            .edges
            .iter()
            .map(|edge| timeout(&edge.client))
            .collect();
        graph
    }

    fn unroll(&mut self, fleet: &Fleet, class: &RequestClass) -> Vec<HopSpec> {
        let mut hops: Vec<HopSpec> = Vec::new();
        for (position, service) in class.path.iter().enumerate() {
            let nearest = (0..position)
                .rev()
                .find(|earlier| self.find(Some(class.path[*earlier]), *service).is_some());
            let parent = nearest.or(position.checked_sub(1));
            let from = parent.map(|parent| class.path[parent]);
            let edge = self.find(from, *service).unwrap_or_else(|| {
                self.edges.push(default_edge(fleet, from, *service));
                self.edges.len() - 1
            });
            let above = parent.map_or(1.0, |parent| hops[parent].multiplicity);
            let calls = self.edges[edge].calls;
            if let Some(parent) = parent {
                hops[parent].children.push(position);
            }
            let children = Vec::new();
            hops.push(HopSpec {
                service: *service,
                number: self.hops + position,
                edge,
                parent,
                children,
                calls,
                multiplicity: above * calls,
            });
        }
        hops
    }

    fn find(&self, from: Option<ServiceId>, to: ServiceId) -> Option<usize> {
        self.edges
            .iter()
            .position(|edge| edge.from == from && edge.to == to)
    }
}

/// The latency at which a client gives up.
pub(crate) fn timeout(client: &ClientPolicy) -> Threshold {
    Threshold::new((client.timeout_s * 1e6) as u64)
}

/// One call, no retries, no fallback, the callee's own timeout.
fn default_edge(fleet: &Fleet, from: Option<ServiceId>, to: ServiceId) -> Edge {
    let client = ClientPolicy {
        timeout_s: fleet.services[to.index()].timeout.as_secs_f64(),
        attempts: 1,
        backoff: Backoff {
            base_s: 0.0,
            cap_s: 0.0,
        },
        retry_budget: None,
        breaker: None,
        throttle: None,
    };
    Edge {
        from,
        to,
        calls: 1.0,
        client,
        hard: true,
    }
}
