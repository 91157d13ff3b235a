//! Worlds so small that every instance can be simulated by itself: 60 to 80 instances, some
//! 30 requests a second, six minutes.
//!
//! Steps are short: the fast world takes what happens in a step for the whole of it, which shifts
//! moments by up to half a step. Delays of telemetry spread over several seconds, so that this does
//! not show as a shift of a spike.

use firedrill_core::health::{Check, Indicator, Limit, Signal, Slo};
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
use firedrill_core::rollout::Audience;
use firedrill_core::{Micros, Ppm};
use firedrill_sim::spec::{
    Backoff, ClientPolicy, Edge, Flapping, Heterogeneity, LogNormal, Mechanism, NamedSlo,
    Partition, Reach, RequestClass, Scenario,
};

use crate::support::{scenario, service};

/// Every world, with its name.
pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
    vec![
        ("crash", crash(1.0)),
        ("some crash", crash(0.4)),
        ("latency", latency()),
        ("cascade", cascade()),
        ("stragglers", stragglers()),
        ("partition", partition()),
        ("leak", leak()),
        ("noise", noise()),
    ]
}

/// Every class fails as often.
pub(crate) const fn errors(share: f64) -> Mechanism {
    Mechanism::Errors { class: None, share }
}

/// Errors of one class that a canary shows.
const SOME_ERRORS: Mechanism = Mechanism::Errors {
    class: Some(ClassId(0)),
    share: 0.12,
};

/// Two regions of one cell each: an entry and the service behind it that the change is for.
pub(crate) fn base(mechanism: Mechanism) -> Scenario {
    let mut world = scenario(Some(mechanism));
    world.duration = Micros::from_mins(6);
    world.step = Micros::from_secs(1);
    for region in &mut world.fleet.regions {
        region.cells = 1;
    }
    let class = |name: &str, per_second| RequestClass {
        name: name.into(),
        path: vec![ServiceId(0), ServiceId(1)],
        per_second,
        employee_share: 0.05,
    };
    world.fleet.classes = vec![class("login", 10.0), class("feed", 20.0)];
    world.fleet.services = vec![service("edge", 20), service("auth", 40)];
    for service in &mut world.fleet.services {
        service.workers = 1;
        service.service_time.median = Micros::from_millis(80);
        service.error_share = 0.001;
        service.timeout = Micros::from_secs(4);
    }
    world.demand.swing = 0.0;
    world.slos.truncate(1);
    world.slos[0].slo.indicator = Indicator::Errors {
        service: ServiceId(0),
        class: None,
    };
    world.slos[0].slo.objective = Ppm(990_000);
    let change = &mut world.changes[0];
    change.at = Micros::from_mins(1);
    change.review.delay.median = Micros::from_secs(30);
    let plan = &mut world.configs[0].plans[0].plan;
    plan.check_every = Micros::from_secs(5);
    for stage in &mut plan.stages {
        stage.bake = Micros::from_mins(2);
        stage.audience = Audience::Public;
        stage.judge.stale_after = Micros::from_mins(1);
    }
    world.propagation.base = Micros::from_secs(5);
    world.telemetry.scrape_every = Micros::from_secs(20);
    world.telemetry.ingestion = LogNormal {
        median: Micros::from_secs(10),
        sigma: 0.8,
    };
    world.on_call.acknowledge.median = Micros::from_mins(1);
    world.on_call.diagnose.median = Micros::from_mins(2);
    world
}

/// Instances crash as they take the config: all of them, or some.
pub(crate) fn crash(share: f64) -> Scenario {
    base(Mechanism::CrashOnLoad { share })
}

/// Requests take eight times as long, which also fills the instances.
fn latency() -> Scenario {
    let mut world = base(Mechanism::Latency { factor: 8.0 });
    world.fleet.services[1].service_time.median = Micros::from_millis(30);
    add_check(
        &mut world,
        Signal::Latency {
            quantile: Ppm::percent(90),
        },
        300_000,
    );
    world.slos.push(NamedSlo {
        name: "fast".into(),
        slo: Slo {
            indicator: Indicator::Slow {
                service: ServiceId(1),
                threshold_us: 400_000,
            },
            ..world.slos[0].slo.clone()
        },
    });
    world
}

/// The change is for a store two calls down that nobody can do without. Half of the requests need
/// it twice; calls are tried twice.
fn cascade() -> Scenario {
    with_store(base(errors(0.3)), 60)
}

/// A fifth of the instances is reached late, forwards and back.
fn stragglers() -> Scenario {
    let mut world = base(SOME_ERRORS);
    world.propagation.straggler_share = 0.2;
    world.propagation.straggler.median = Micros::from_secs(90);
    world.configs[0].plans[0].plan.settled = Ppm::percent(70);
    world
}

/// One region is cut off from distribution about when the change goes back.
fn partition() -> Scenario {
    let mut world = base(errors(0.08));
    world.propagation.partitions = vec![Partition {
        at: Micros::from_secs(115),
        duration: Micros::from_mins(2),
        reach: Reach::Region {
            region: RegionId(0),
        },
    }];
    world
}

/// Memory runs out three minutes after the config came, when the canary has long been judged.
///
/// Memory goes request by request, which the fast world averages; more than two hundred requests
/// fill an instance here, so that this counts for less than the difference between instances.
fn leak() -> Scenario {
    let mut world = base(Mechanism::MemoryLeak {
        fills_after: Micros::from_secs(24),
    });
    world.duration = Micros::from_mins(8);
    for class in &mut world.fleet.classes {
        class.per_second *= 1.5;
    }
    for service in &mut world.fleet.services {
        service.instances = 30;
        service.service_time.sigma = 0.2;
        service.start_up = Micros::from_secs(40);
    }
    world
}

/// Hosts flap and differ, scrapes get lost, and the errors are close to what a judge lets pass.
fn noise() -> Scenario {
    let mut world = base(errors(0.02));
    world.noise.flapping = Some(Flapping {
        share: 0.2,
        good_mean: Micros::from_mins(2),
        bad_mean: Micros::from_secs(30),
        error_share: 0.1,
    });
    world.noise.heterogeneity = Some(Heterogeneity {
        error_sigma: 1.0,
        latency_sigma: 0.2,
    });
    world.fleet.services[1].error_share = 0.005;
    world.telemetry.loss_share = 0.1;
    world
}

/// The store has less left for requests than it needs.
pub(crate) fn overload() -> Scenario {
    let mut world = with_store(base(Mechanism::CpuBurn { factor: 4.0 }), 150);
    world.fleet.services[2].queue_max = 20;
    world
}

/// Puts a store behind the service of the change, and changes it instead.
fn with_store(mut world: Scenario, median_ms: u64) -> Scenario {
    let mut store = world.fleet.services[1].clone();
    store.name = "store".into();
    store.instances = 20;
    store.service_time.median = Micros::from_millis(median_ms);
    world.fleet.services.push(store);
    for class in &mut world.fleet.classes {
        class.path.push(ServiceId(2));
    }
    let client = ClientPolicy {
        timeout_s: 1.0,
        attempts: 2,
        backoff: Backoff {
            base_s: 0.05,
            cap_s: 1.0,
        },
        retry_budget: None,
        breaker: None,
        throttle: None,
    };
    world.fleet.edges.push(Edge {
        from: Some(ServiceId(1)),
        to: ServiceId(2),
        calls: 1.5,
        client,
        hard: true,
    });
    world.configs[0].service = ServiceId(2);
    world
}

/// Makes every judge look at one more thing.
fn add_check(world: &mut Scenario, signal: Signal, at_most: u64) {
    for stage in &mut world.configs[0].plans[0].plan.stages {
        stage.judge.checks.push(Check {
            signal,
            limit: Limit::AtMost(at_most),
            sample_min: 50,
        });
    }
}
