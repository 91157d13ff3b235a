//! What waits in a whole world is what queueing theory says.

mod support;

use firedrill_core::Micros;
use firedrill_sim::engine;
use firedrill_sim::log::{EventBody, WorldEvent};
use firedrill_sim::spec::{LogNormal, Scenario};

use support::{scenario, service};

const MEAN_S: f64 = 0.1;
/// A log-normal time with this spread has the mean and the variance of an exponential one.
const LIKE_EXPONENTIAL: f64 = 0.832_554_611_157_697_8;

/// One service of `instances` with `workers` each, at utilisation `rho`, in even demand.
fn one_service(instances: u32, workers: u32, rho: f64, sigma: f64) -> Scenario {
    let mut scenario = scenario(None);
    let mut only = service("only", instances);
    only.workers = workers;
    only.error_share = 0.0;
    only.timeout = Micros::from_mins(1);
    only.service_time = LogNormal {
        median: Micros((MEAN_S * libm::exp(-0.5 * sigma * sigma) * 1e6) as u64),
        sigma,
    };
    scenario.fleet.services = vec![only];
    scenario.fleet.classes.truncate(1);
    let class = &mut scenario.fleet.classes[0];
    class.path = vec![firedrill_core::ids::ServiceId(0)];
    class.per_second = rho * f64::from(instances) * f64::from(workers) / MEAN_S;
    scenario.configs[0].service = firedrill_core::ids::ServiceId(0);
    scenario.demand.swing = 0.0;
    scenario.changes.clear();
    scenario.slos.clear();
    scenario.duration = Micros::from_mins(20);
    scenario
}

/// The mean wait in seconds by Little's law: what waits, over what arrives in a second.
fn mean_wait_s(scenario: &Scenario) -> f64 {
    let log = engine::run(scenario, 1);
    let (mut waiting, mut samples) = (0.0, 0.0);
    for event in log.events() {
        if let EventBody::World(WorldEvent::Sample(sample)) = &event.body {
            waiting += sample.queued as f64;
            samples += 1.0;
        }
    }
    waiting / samples / scenario.fleet.classes[0].per_second
}

/// Erlang's C formula from its definition: the terms `a^k / k!`, scaled so that they do not
/// overflow.
fn erlang_c(servers: u32, rho: f64) -> f64 {
    let load = rho * f64::from(servers);
    let terms = (1..=servers).scan(1.0, |term, k| {
        *term *= load / f64::from(k);
        Some(*term)
    });
    let terms: Vec<f64> = std::iter::once(1.0).chain(terms).collect();
    let (last, before) = terms.split_last().expect("there is at least one server");
    let waiting = last / (1.0 - rho);
    waiting / (before.iter().sum::<f64>() + waiting)
}

/// Within 5 %, from half-empty to nearly full, from one server to a hundred. The fleet is large,
/// so that whole numbers of waiting requests are fine enough.
#[test]
fn the_mean_wait_is_that_of_erlang_c() {
    for workers in [1, 10, 100] {
        for rho in [0.5, 0.8, 0.95] {
            let found = mean_wait_s(&one_service(20_000, workers, rho, LIKE_EXPONENTIAL));
            let per_server = MEAN_S / f64::from(workers) / (1.0 - rho);
            let expected = erlang_c(workers, rho) * per_server;
            let error = (found - expected).abs();
            assert!(
                error <= 0.05 * expected + 1e-6 * MEAN_S,
                "{workers} workers at {rho}: {found} s instead of {expected} s"
            );
        }
    }
}

/// Times that vary less than exponential ones make for shorter waits: `(1 + cv²) / 2` times as
/// long (exact for one server: Pollaczek–Khinchine).
#[test]
fn steadier_service_waits_less() {
    for sigma in [0.0, 0.5, 1.0] {
        let rho = 0.8;
        let found = mean_wait_s(&one_service(20_000, 1, rho, sigma));
        let expected = 0.5 * libm::exp(sigma * sigma) * rho / (1.0 - rho) * MEAN_S;
        assert!(
            (found / expected - 1.0).abs() < 0.05,
            "sigma {sigma}: {found} s instead of {expected} s"
        );
    }
}
