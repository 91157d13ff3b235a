//! What instances on a defective version do to the services that they call: a share of the callers
//! does it, so it is weighed by how many run the version.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;

use crate::spec::ClientPolicy;

use super::World;
use super::congestion::Inflow;
use super::graph::Graph;

/// Other tries than the client's own, by a share of the callers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tries {
    /// The share of callers.
    pub(crate) share: f64,
    /// What they do.
    pub(crate) client: ClientPolicy,
}

/// What defects do to the services of one cell.
#[derive(Clone, Debug)]
pub(crate) struct Modifiers {
    /// By service: its capacity is divided by this.
    pub(crate) capacity: Vec<f64>,
    /// By edge: calls along it are multiplied by this.
    pub(crate) calls: Vec<f64>,
    /// By edge: how some of the callers try. Stays for the whole run once a version that does it
    /// has been loaded, so that clients keep their places.
    pub(crate) tries: Vec<Option<Tries>>,
}

impl Modifiers {
    pub(crate) fn none(graph: &Graph) -> Self {
        Self {
            capacity: vec![1.0; graph.into.len()],
            calls: vec![1.0; graph.edges.len()],
            tries: vec![None; graph.edges.len()],
        }
    }

    /// The clients along an edge: its own, and those of defective callers when there ever were
    /// any.
    pub(crate) fn inflows(
        &self,
        graph: &Graph,
        edge: usize,
        per_s: f64,
    ) -> impl Iterator<Item = Inflow> + use<> {
        let client = graph.edges[edge].client;
        let own = |share: f64| Inflow {
            edge,
            client,
            per_s: per_s * (1.0 - share),
        };
        let (own, other) = match self.tries[edge] {
            None => (own(0.0), None),
            Some(Tries { share, client }) => (
                own(share),
                Some(Inflow {
                    edge,
                    client,
                    per_s: per_s * share,
                }),
            ),
        };
        std::iter::once(own).chain(other)
    }
}

impl World<'_> {
    /// Weighs what the defective instances of a cell do to the services that they call, and what
    /// tripped breakers keep from them.
    pub(super) fn weigh_modifiers(&mut self, graph: &Graph, cell: usize, now: Micros) {
        let leaves_out = self.leaves_out_calls();
        if !self.troubled && !leaves_out {
            return;
        }
        let services = self.scenario.fleet.services.len();
        self.modifiers.capacity.fill(1.0);
        self.modifiers.calls.fill(1.0);
        for tries in self.modifiers.tries.iter_mut().flatten() {
            tries.share = 0.0;
        }
        for caller in 0..services {
            let pool = &self.pools[cell * services + caller];
            let serving: u32 = pool.cohorts.iter().map(|cohort| cohort.serving()).sum();
            for cohort in &pool.cohorts {
                let Some(downstream) = &cohort.effect().downstream else {
                    continue;
                };
                let share = f64::from(cohort.serving()) / f64::from(serving.max(1));
                let weight = share * cohort.strength;
                let victim = downstream.service.index();
                let from = ServiceId(caller as u16);
                let still = self.actions.still_call(from, downstream.service);
                let held = (downstream.capacity_factor - 1.0) * weight * still;
                self.modifiers.capacity[victim] += held;
                let edge = graph.edges.iter().position(|edge| {
                    edge.from.is_some_and(|from| from.index() == caller)
                        && edge.to == downstream.service
                });
                let Some(edge) = edge else { continue };
                let age = (now - cohort.loaded_at).as_secs_f64();
                let fresh = downstream
                    .calls_decay
                    .map_or(1.0, |decay| libm::exp(-age / decay.as_secs_f64().max(1e-3)));
                self.modifiers.calls[edge] += (downstream.calls_factor - 1.0) * weight * fresh;
                if let Some((attempts, timeout)) = downstream.tries {
                    let mut client = graph.edges[edge].client;
                    client.attempts = attempts;
                    client.retry_budget = None;
                    client.timeout_s = timeout.map_or(client.timeout_s, Micros::as_secs_f64);
                    let slot = &mut self.modifiers.tries[edge];
                    let share = slot.map_or(0.0, |known| known.share) + weight;
                    *slot = Some(Tries { share, client });
                }
            }
        }
        if leaves_out {
            self.leave_out_calls(graph);
        }
    }
}
