//! What objectives see in ordinary service: the history that alerts start with.

use firedrill_core::health::Indicator;
use firedrill_core::ids::{ClassId, ServiceId, SloId};

use crate::spec::{Fleet, Scenario};

use super::graph::{Graph, HopSpec};
use super::queueing::{ShapeTable, Threshold, mean_s};

/// Requests a second that an objective counts in ordinary service, and the bad ones among them:
/// the mean over a day, at the utilisation that goes with it.
pub(crate) fn steady_rates(scenario: &Scenario, slo: SloId) -> (f64, f64) {
    let fleet = &scenario.fleet;
    let graph = Graph::new(fleet);
    match scenario.slos[slo.index()].slo.indicator {
        Indicator::Errors { service, class } | Indicator::Business { service, class } => {
            let passing = passing(fleet, &graph, service, class);
            passing.fold((0.0, 0.0), |(requests, bad), (hops, hop, rate)| {
                (
                    requests + rate,
                    bad + rate * failing(fleet, &graph, hops, hop),
                )
            })
        }
        Indicator::Slow {
            service,
            threshold_us,
        } => {
            let spec = &fleet.services[service.index()];
            let rates = passing(fleet, &graph, service, None).map(|(_, _, rate)| rate);
            let rate: f64 = rates.sum();
            let capacity =
                f64::from(spec.instances) * f64::from(spec.workers) / mean_s(spec.service_time);
            let mut table = ShapeTable::new(spec.service_time, spec.workers);
            let shape = table.at((rate / capacity).min(0.999));
            (rate, rate * shape.above(Threshold::new(threshold_us)))
        }
    }
}

/// The hops at a service of the classes that an objective counts, and their calls a second.
fn passing<'a>(
    fleet: &'a Fleet,
    graph: &'a Graph,
    service: ServiceId,
    class: Option<ClassId>,
) -> impl Iterator<Item = (&'a [HopSpec], &'a HopSpec, f64)> {
    let classes = graph.classes.iter().zip(&fleet.classes).enumerate();
    classes
        .filter(move |(index, _)| class.is_none_or(|class| class.index() == *index))
        .flat_map(move |(_, (hops, spec))| {
            let here = hops.iter().filter(move |hop| hop.service == service);
            here.map(move |hop| (&**hops, hop, spec.per_second * hop.multiplicity))
        })
}

/// The share of calls at a hop that fail for reasons of their own, or because calls that they
/// need fail after all tries.
fn failing(fleet: &Fleet, graph: &Graph, hops: &[HopSpec], hop: &HopSpec) -> f64 {
    let own = 1.0 - fleet.services[hop.service.index()].error_share;
    let needed = hop.children.iter().map(|child| &hops[*child]);
    let good = needed.fold(own, |good, child| {
        let edge = &graph.edges[child.edge];
        if !edge.hard {
            return good;
        }
        let once = failing(fleet, graph, hops, child);
        let budget = edge.client.retry_budget.unwrap_or(1.0);
        let tried_again = (budget / once.max(1e-12)).min(1.0);
        let again = libm::pow(once, f64::from(edge.client.attempts.saturating_sub(1)));
        let share = once * (1.0 - tried_again * (1.0 - again));
        good * libm::pow(1.0 - share, edge.calls)
    });
    1.0 - good
}

#[cfg(test)]
mod tests {
    use firedrill_core::Micros;

    use crate::spec::{
        Backoff, ClientPolicy, Edge, Golden, LogNormal, Order, RequestClass, Service,
    };

    use super::*;

    fn service(error_share: f64) -> Service {
        let golden = Golden {
            idle: 0.0,
            slope: 0.0,
        };
        Service {
            name: String::new(),
            instances: 1,
            workers: 1,
            service_time: LogNormal::default(),
            error_share,
            timeout: Micros::from_secs(1),
            queue_max: 1,
            queue_order: Order::Fifo,
            drops_expired: false,
            shed_to: None,
            ejection: None,
            start_up: Micros::ZERO,
            cpu: golden,
            memory: golden,
            network: golden,
            disk: golden,
        }
    }

    fn check(edit: impl Fn(&mut Edge), expected: f64) {
        let client = ClientPolicy {
            timeout_s: 1.0,
            attempts: 1,
            backoff: Backoff {
                base_s: 0.0,
                cap_s: 0.0,
            },
            retry_budget: None,
            breaker: None,
            throttle: None,
        };
        let mut edge = Edge {
            from: Some(ServiceId(0)),
            to: ServiceId(1),
            calls: 1.0,
            client,
            hard: true,
        };
        edit(&mut edge);
        let fleet = Fleet {
            regions: vec![],
            services: vec![service(0.01), service(0.1)],
            edges: vec![edge],
            classes: vec![RequestClass {
                name: String::new(),
                path: vec![ServiceId(0), ServiceId(1)],
                per_second: 1.0,
                employee_share: 0.0,
            }],
        };
        let graph = Graph::new(&fleet);
        let hops = &graph.classes[0];
        let found = failing(&fleet, &graph, hops, &hops[0]);
        assert!((found - expected).abs() < 1e-9, "{found} not {expected}");
    }

    /// The service fails 1 % itself, and what it calls fails 10 %.
    #[test]
    fn calls_that_fail_count_as_far_as_they_matter() {
        check(|_| (), 1.0 - 0.99 * 0.9);
        check(|edge| edge.hard = false, 0.01);
        check(|edge| edge.calls = 2.0, 1.0 - 0.99 * 0.81);
        check(|edge| edge.client.attempts = 2, 1.0 - 0.99 * 0.99);
        let half = |edge: &mut Edge| {
            edge.client.attempts = 2;
            edge.client.retry_budget = Some(0.05);
        };
        check(half, 1.0 - 0.99 * (1.0 - 0.055));
    }
}
