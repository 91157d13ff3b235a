//! Small worlds.
use super::*;
use firedrill_sim::measure::{Measures, Span};
use firedrill_sim::spec::*;
use firedrill_core::ids::RegionId;

pub type Pick = fn(&Measures) -> f64;
fn span(span: Span) -> f64 {
    match span {
        Span::Took(time) => time.as_secs_f64(),
        Span::Never => f64::INFINITY,
        Span::NotApplicable => -1.0,
    }
}
pub const MEASURES: [(&str, Pick); 4] = [
    ("detect", |m| span(m.time_to_detect)),
    ("exposure", |m| f64::from(m.instances_exposed)),
    ("failed", |m| m.requests_failed as f64),
    ("recover", |m| span(m.time_to_recover)),
];

fn client(timeout_s: f64, attempts: u32) -> ClientPolicy {
    ClientPolicy {
        timeout_s,
        attempts,
        backoff: Backoff { base_s: 0.05, cap_s: 1.0 },
        retry_budget: None,
        breaker: None,
        throttle: None,
    }
}

/// Two regions of one cell: an entry and the service behind it that the change is for.
pub fn base(mechanism: Mechanism) -> Scenario {
    let mut s = scenario(Some(mechanism));
    s.duration = Micros::from_mins(20);
    s.step = Micros::from_secs(5);
    for region in &mut s.fleet.regions {
        region.cells = 1;
    }
    let mut edge = service("edge", 30);
    edge.workers = 2;
    edge.service_time.median = Micros::from_millis(50);
    let mut auth = service("auth", 60);
    auth.workers = 1;
    auth.service_time.median = Micros::from_millis(250);
    for service in [&mut edge, &mut auth] {
        service.error_share = 0.001;
        service.timeout = Micros::from_secs(4);
    }
    s.fleet.services = vec![edge, auth];
    let class = |name: &str, path: &[u16], per_second| RequestClass {
        name: name.into(),
        path: path.iter().map(|id| ServiceId(*id)).collect(),
        per_second,
        employee_share: 0.05,
    };
    s.fleet.classes = vec![class("login", &[0, 1], 15.0), class("feed", &[0, 1], 30.0)];
    s.demand.swing = 0.0;
    s.slos.truncate(1);
    s.slos[0].slo.indicator = Indicator::Errors { service: ServiceId(0), class: None };
    s.slos[0].slo.objective = Ppm(990_000);
    let change = &mut s.changes[0];
    change.at = Micros::from_mins(1);
    change.review.delay.median = Micros::from_secs(30);
    let plan = &mut s.configs[0].plans[0].plan;
    plan.check_every = Micros::from_secs(10);
    for stage in &mut plan.stages {
        stage.bake = Micros::from_mins(2);
        stage.audience = Audience::Public;
        stage.judge.stale_after = Micros::from_mins(1);
    }
    s.propagation.base = Micros::from_secs(5);
    s.telemetry.scrape_every = Micros::from_secs(10);
    s.telemetry.ingestion.median = Micros::from_secs(5);
    s.on_call.acknowledge.median = Micros::from_mins(1);
    s.on_call.diagnose.median = Micros::from_mins(2);
    s
}

pub fn all() -> Vec<(&'static str, Scenario)> {
    let mut all = vec![];
    all.push(("crash", base(Mechanism::CrashOnLoad { share: 1.0 })));
    all.push(("half-crash", base(Mechanism::CrashOnLoad { share: 0.4 })));
    let errors = Mechanism::Errors { class: Some(ClassId(0)), share: 0.12 };
    all.push(("errors", base(errors)));

    let mut latency = base(Mechanism::Latency { factor: 3.0 });
    latency.slos.push(NamedSlo {
        name: "fast".into(),
        slo: Slo {
            indicator: Indicator::Slow { service: ServiceId(1), threshold_us: 1_500_000 },
            ..latency.slos[0].slo.clone()
        },
    });
    all.push(("latency", latency));

    let mut stragglers = base(errors);
    stragglers.propagation.straggler_share = 0.2;
    stragglers.propagation.straggler.median = Micros::from_secs(90);
    stragglers.configs[0].plans[0].plan.settled = Ppm::percent(70);
    all.push(("stragglers", stragglers));

    let mut partition = base(Mechanism::Errors { class: None, share: 0.08 });
    partition.propagation.partitions = vec![Partition {
        at: Micros::from_mins(4),
        duration: Micros::from_mins(5),
        reach: Reach::Region { region: RegionId(0) },
    }];
    all.push(("partition", partition));

    let mut leak = base(Mechanism::MemoryLeak { fills_after: Micros::from_secs(80) });
    leak.fleet.services[1].start_up = Micros::from_secs(60);
    all.push(("leak", leak));

    let mut cascade = base(errors);
    let mut store = service("store", 30);
    store.workers = 1;
    store.service_time.median = Micros::from_millis(150);
    store.timeout = Micros::from_secs(2);
    cascade.fleet.services.push(store);
    for class in &mut cascade.fleet.classes {
        class.path.push(ServiceId(2));
    }
    cascade.fleet.edges.push(Edge { from: Some(ServiceId(1)), to: ServiceId(2), calls: 1.5, client: client(1.0, 2), hard: true });
    cascade.configs[0].service = ServiceId(2);
    cascade.changes[0].defect.as_mut().unwrap().mechanism = Mechanism::Errors { class: None, share: 0.3 };
    all.push(("cascade", cascade.clone()));
    cascade.changes[0].defect.as_mut().unwrap().mechanism = Mechanism::CpuBurn { factor: 4.0 };
    all.push(("cascade-burn", cascade));
    all
}
