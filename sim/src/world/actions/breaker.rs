//! A breaker that people trip: a caller stops calling a service that it can do without, instance
//! by instance as they hear of it, and answers with its fallback.

use firedrill_core::ids::ServiceId;
use firedrill_core::remediation::Action;

use super::super::World;
use super::super::graph::Graph;
use super::Actions;

impl Actions {
    /// The share of the callers that still call: those that do not hold nothing of the callee's.
    pub(in super::super) fn still_call(&self, from: ServiceId, to: ServiceId) -> f64 {
        let tripped = Action::TripBreaker {
            caller: from,
            callee: to,
        };
        let orders = self.under_way.iter().filter(|it| it.what == tripped);
        let heard = orders.map(|order| order.heard.1);
        1.0 - heard.fold(0.0, f64::max)
    }
}

impl World<'_> {
    /// Whether calls are left out anywhere.
    pub(in super::super) fn leaves_out_calls(&self) -> bool {
        let mut orders = self.actions.under_way.iter();
        orders.any(|order| matches!(order.what, Action::TripBreaker { .. }) && order.heard.1 > 0.0)
    }

    /// Leaves out the calls of tripped breakers: those of callers that heard, where the caller has
    /// a fallback.
    pub(in super::super) fn leave_out_calls(&mut self, graph: &Graph) {
        for order in &self.actions.under_way {
            let Action::TripBreaker { caller, callee } = order.what else {
                continue;
            };
            for (index, edge) in graph.edges.iter().enumerate() {
                if edge.from == Some(caller) && edge.to == callee && !edge.hard {
                    self.modifiers.calls[index] *= 1.0 - order.heard.1;
                }
            }
        }
    }
}
