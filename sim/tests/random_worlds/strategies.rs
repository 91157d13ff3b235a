//! Worlds to choose from: fleets, clients, defects, plans and noise.

use firedrill_core::health::{Check, Indicator, Limit, Signal};
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
use firedrill_core::rollout::{Audience, Reaction, Share};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::spec::{
    Backoff, Breaker, ClientPolicy, Defect, Drift, Edge, Ejection, Flapping, Heterogeneity,
    LogNormal, Mechanism, Onset, Order, Partition, Reach, Region, RequestClass, Scenario, Service,
    Throttle, Trigger,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{scenario, service};

/// A world: the fleet first, then what refers to it.
pub(crate) fn any_scenario() -> impl Strategy<Value = Scenario> {
    (1_usize..=5, 1_usize..=3, 1_usize..=3)
        .prop_flat_map(|(services, regions, classes)| {
            let fleet = (
                vec(any_service(), services),
                vec((1_u32..=4, 0.2_f64..4.0, vec(0_u8..3, 0..3)), regions),
                vec(
                    (vec(any::<bool>(), services), 0.5_f64..60.0, 0.0_f64..0.3),
                    classes,
                ),
                vec(any_edge(services), 0..6),
            );
            let change = (
                0..services,
                proptest::option::weighted(0.9, any_defect(services, regions, classes)),
                any_plan(),
            );
            (fleet, change, any_noise(regions), any_clock())
        })
        .prop_map(|(fleet, change, noise, clock)| build(fleet, change, noise, clock))
}

type FleetParts = (
    Vec<Service>,
    Vec<(u32, f64, Vec<u8>)>,
    Vec<(Vec<bool>, f64, f64)>,
    Vec<(usize, usize, f64, ClientPolicy, bool)>,
);
type ChangeParts = (usize, Option<(Mechanism, Onset, Vec<Trigger>)>, PlanParts);
type PlanParts = (u32, bool, u64, Reaction, Vec<(Signal, u64)>);
type NoiseParts = (
    Option<Flapping>,
    Option<Heterogeneity>,
    Option<Drift>,
    f64,
    Vec<Partition>,
    Option<LogNormal>,
    f64,
);

fn build(
    (services, regions, classes, edges): FleetParts,
    (changed, defect, plan): ChangeParts,
    noise: NoiseParts,
    (step_s, scrape_steps): (u64, u64),
) -> Scenario {
    let mut world = scenario(Some(Mechanism::CrashOnLoad { share: 1.0 }));
    world.duration = Micros::from_mins(15);
    world.step = Micros::from_secs(step_s);
    world.telemetry.scrape_every = Micros::from_secs(step_s * scrape_steps);
    world.fleet.regions = regions
        .into_iter()
        .enumerate()
        .map(|(index, (cells, weight, hardware))| Region {
            name: format!("region-{index}"),
            utc_offset_s: 3_600 * i64::from(index as u32),
            cells,
            hardware,
            weight,
        })
        .collect();
    world.fleet.classes = classes
        .into_iter()
        .enumerate()
        .map(
            |(index, (passes, per_second, employee_share))| RequestClass {
                name: format!("class-{index}"),
                path: path(&passes),
                per_second,
                employee_share,
            },
        )
        .collect();
    let edge = |(a, b, calls, client, hard): (usize, usize, f64, ClientPolicy, bool)| {
        let (from, to) = (a.min(b), a.max(b));
        let from = (from < to).then_some(ServiceId(from as u16));
        let to = ServiceId(to as u16);
        Edge {
            from,
            to,
            calls,
            client,
            hard,
        }
    };
    world.fleet.edges = edges.into_iter().map(edge).collect();
    world.fleet.services = services;
    world.configs[0].service = ServiceId(changed as u16);
    let change = &mut world.changes[0];
    change.at = Micros::from_mins(1);
    change.defect = match (defect, change.defect.take()) {
        (Some((mechanism, onset, triggers)), Some(known)) => Some(Defect {
            mechanism,
            onset,
            triggers,
            ..known
        }),
        (_, _) => None,
    };
    world.slos[0].slo.indicator = Indicator::Errors {
        service: world.fleet.classes[0].path[0],
        class: Some(ClassId(0)),
    };
    world.slos[1].slo.indicator = Indicator::Slow {
        service: ServiceId(changed as u16),
        threshold_us: 300_000,
    };
    set_plan(&mut world, plan);
    set_noise(&mut world, noise);
    world
}

/// The services that a class passes; at least one.
fn path(passes: &[bool]) -> Vec<ServiceId> {
    let passed = (0..passes.len()).filter(|index| passes[*index]);
    let path: Vec<ServiceId> = passed.map(|index| ServiceId(index as u16)).collect();
    if path.is_empty() {
        vec![ServiceId(0)]
    } else {
        path
    }
}

fn set_plan(world: &mut Scenario, (canary, employees, bake_s, reaction, checks): PlanParts) {
    let plan = &mut world.configs[0].plans[0].plan;
    plan.on_alert = reaction;
    plan.stages[0].target.share = Share::Instances(canary);
    for stage in &mut plan.stages {
        stage.bake = Micros::from_secs(bake_s);
        stage.on_failure = if reaction == Reaction::Ignore {
            Reaction::RollBack
        } else {
            reaction
        };
        if !employees {
            stage.audience = Audience::Public;
        }
        let more = checks.iter().map(|(signal, limit)| Check {
            signal: *signal,
            limit: Limit::AtMost(*limit),
            sample_min: 20,
        });
        stage.judge.checks.extend(more);
    }
}

fn set_noise(world: &mut Scenario, noise: NoiseParts) {
    let (flapping, hosts, drift, overdispersion, partitions, repair, stragglers) = noise;
    world.noise.flapping = flapping;
    world.noise.heterogeneity = hosts;
    world.demand.drift = drift;
    world.demand.overdispersion = overdispersion;
    let regions = &world.fleet.regions;
    let fitting = |mut partition: Partition| {
        if let Reach::Cell { region, cell } = &mut partition.reach {
            *cell %= regions[region.index()].cells;
        }
        partition
    };
    world.propagation.partitions = partitions.into_iter().map(fitting).collect();
    world.propagation.repair = repair;
    world.propagation.straggler_share = stragglers;
}

/// Seconds of a step, and steps from scrape to scrape.
fn any_clock() -> impl Strategy<Value = (u64, u64)> {
    select(vec![(1, 30), (2, 10), (5, 4), (10, 3), (30, 1)])
}

fn any_service() -> impl Strategy<Value = Service> {
    let shape = (4_u32..60, 1_u32..9, 2_u64..200, 0.0_f64..1.2, 0.0_f64..0.02);
    let queue = (0_u32..60, any::<bool>(), any::<bool>(), 0_u64..60);
    let shed = proptest::option::of(0.5_f64..1.0);
    (shape, queue, shed).prop_map(|(shape, queue, shed_to)| {
        let (instances, workers, median_ms, sigma, error_share) = shape;
        let (queue_max, lifo, drops_expired, start_up_s) = queue;
        let mut service = service("service", instances);
        service.workers = workers;
        service.service_time.median = Micros::from_millis(median_ms);
        service.service_time.sigma = sigma;
        service.error_share = error_share;
        service.queue_max = queue_max;
        service.queue_order = if lifo { Order::Lifo } else { Order::Fifo };
        service.drops_expired = drops_expired;
        service.shed_to = shed_to;
        service.ejection = (queue_max % 3 == 1).then_some(Ejection {
            error_share: 0.2,
            length: Micros::from_secs(30),
            share_max: 0.4,
        });
        service.start_up = Micros::from_secs(start_up_s);
        service
    })
}

fn any_client() -> impl Strategy<Value = ClientPolicy> {
    let breaker = (0.1_f64..0.9, 10.0_f64..200.0, 1.0_f64..60.0, 1.0_f64..20.0);
    let breaker = breaker.prop_map(|(failure_share, calls, open_s, probes)| Breaker {
        failure_share,
        calls,
        open_s,
        probes,
    });
    let throttle =
        (1.1_f64..3.0, 5.0_f64..120.0).prop_map(|(k, window_s)| Throttle { k, window_s });
    let tries = (0.02_f64..3.0, 1_u32..5, 0.0_f64..0.5, 0.0_f64..2.0);
    let budget = proptest::option::of(0.0_f64..0.5);
    let policies = (
        proptest::option::of(breaker),
        proptest::option::of(throttle),
    );
    (tries, budget, policies).prop_map(|(tries, retry_budget, (breaker, throttle))| {
        let (timeout_s, attempts, base_s, cap_s) = tries;
        ClientPolicy {
            timeout_s,
            attempts,
            backoff: Backoff { base_s, cap_s },
            retry_budget,
            breaker,
            throttle,
        }
    })
}

fn any_edge(services: usize) -> impl Strategy<Value = (usize, usize, f64, ClientPolicy, bool)> {
    let calls = prop_oneof![Just(1.0), 0.1_f64..3.0];
    (0..services, 0..services, calls, any_client(), any::<bool>())
}

fn any_defect(
    services: usize,
    regions: usize,
    classes: usize,
) -> impl Strategy<Value = (Mechanism, Onset, Vec<Trigger>)> {
    let span = || (1_u64..600).prop_map(Micros::from_secs);
    let onset = prop_oneof![
        3 => Just(Onset::AtLoad),
        1 => span().prop_map(Onset::Delayed),
        1 => span().prop_map(Onset::Ramp),
        1 => span().prop_map(Onset::NextRestart),
    ];
    let trigger = prop_oneof![
        (0.0_f64..1.0).prop_map(Trigger::LoadAbove),
        (0..regions).prop_map(|region| Trigger::Regions(vec![RegionId(region as u16)])),
        (0_u8..3).prop_map(Trigger::Hardware),
        (span(), span()).prop_map(|(from, until)| Trigger::LocalTime { from, until }),
    ];
    (any_mechanism(services, classes), onset, vec(trigger, 0..2))
}

fn any_mechanism(services: usize, classes: usize) -> impl Strategy<Value = Mechanism> {
    let share = || prop_oneof![Just(1.0), 0.0_f64..1.0];
    let factor = || 1.0_f64..12.0;
    let class = || proptest::option::of((0..classes).prop_map(|class| ClassId(class as u16)));
    let other = move || (0..services).prop_map(|service| ServiceId(service as u16));
    let span = || (1_u64..900).prop_map(Micros::from_secs);
    let timeout = proptest::option::of((5_u64..500).prop_map(Micros::from_millis));
    prop_oneof![
        (class(), share()).prop_map(|(class, share)| Mechanism::Errors { class, share }),
        factor().prop_map(|factor| Mechanism::Latency { factor }),
        share().prop_map(|share| Mechanism::CrashOnLoad { share }),
        factor().prop_map(|factor| Mechanism::CpuBurn { factor }),
        span().prop_map(|fills_after| Mechanism::MemoryLeak { fills_after }),
        (other(), factor())
            .prop_map(|(victim, factor)| Mechanism::QuotaExhaustion { victim, factor }),
        (other(), 1_u32..8, timeout).prop_map(|(callee, attempts, timeout)| {
            Mechanism::RetryStorm {
                callee,
                attempts,
                timeout,
            }
        }),
        (class(), share()).prop_map(|(class, share)| Mechanism::WrongData { class, share }),
        (other(), factor(), span()).prop_map(|(store, factor, refill)| Mechanism::CacheStorm {
            store,
            factor,
            refill,
        }),
        share().prop_map(|share| Mechanism::AccessLoss { share }),
        (share(), factor()).prop_map(|(scrapes_lost, distribution_factor)| {
            Mechanism::ToolingPoison {
                scrapes_lost,
                distribution_factor,
            }
        }),
    ]
}

fn any_plan() -> impl Strategy<Value = PlanParts> {
    let reaction = select(vec![Reaction::Ignore, Reaction::RollBack, Reaction::Pause]);
    let quantile = Ppm::percent(99);
    let signal = select(vec![
        (Signal::Latency { quantile }, 500_000_u64),
        (Signal::Restarts, 5),
        (Signal::Cpu, 800_000),
        (Signal::Memory, 900_000),
        (Signal::BusinessLoss { class: None }, 30_000),
    ]);
    (
        1_u32..6,
        any::<bool>(),
        10_u64..240,
        reaction,
        vec(signal, 0..3),
    )
}

fn any_noise(regions: usize) -> impl Strategy<Value = NoiseParts> {
    let mean = || (5_u64..600).prop_map(Micros::from_secs);
    let flapping = (0.0_f64..0.5, mean(), mean(), 0.0_f64..1.0);
    let flapping = flapping.prop_map(|(share, good_mean, bad_mean, error_share)| Flapping {
        share,
        good_mean,
        bad_mean,
        error_share,
    });
    let hosts =
        (0.0_f64..2.0, 0.0_f64..0.6).prop_map(|(error_sigma, latency_sigma)| Heterogeneity {
            error_sigma,
            latency_sigma,
        });
    let drift = (0.0_f64..0.3, mean()).prop_map(|(sd, correlation_time)| Drift {
        sd,
        correlation_time,
    });
    let reach = (0..regions, proptest::option::of(0_u32..4)).prop_map(|(region, cell)| {
        let region = RegionId(region as u16);
        cell.map_or(Reach::Region { region }, |cell| Reach::Cell {
            region,
            cell,
        })
    });
    let partition = ((0_u64..800).prop_map(Micros::from_secs), mean(), reach);
    let partition = partition.prop_map(|(at, duration, reach)| Partition {
        at,
        duration,
        reach,
    });
    let repair = (mean(), 0.0_f64..1.0).prop_map(|(median, sigma)| LogNormal { median, sigma });
    let of = proptest::option::of::<BoxedStrategy<LogNormal>>;
    (
        proptest::option::of(flapping),
        proptest::option::of(hosts),
        proptest::option::of(drift),
        prop_oneof![Just(0.0), 0.0_f64..0.5],
        vec(partition, 0..3),
        of(repair.boxed()),
        prop_oneof![Just(0.0), 0.0_f64..0.5],
    )
}
