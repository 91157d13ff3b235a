//! Whole runs of small worlds.

mod support;

use firedrill_core::ids::{RegionId, ServiceId};
use firedrill_core::plane::{ControlPlane, Input, NoteBody};
use firedrill_sim::engine::{self, Tamper};
use firedrill_sim::expect::{CatchPoint, Requirement};
use firedrill_sim::log::{EventBody, RunLog, WorldEvent};
use firedrill_sim::measure::{Span, measure};
use firedrill_sim::spec::{
    Backoff, ClientPolicy, DemandEvent, Drift, Edge, Ejection, Flapping, FlashCrowd, Heterogeneity,
    Mechanism, Partition, Reach, Scenario,
};

use firedrill_core::{Micros, Ppm};
use support::{ALL_ERRORS, LOGIN_ERRORS, scenario};

#[test]
fn the_same_seed_is_the_same_run() {
    let scenario = scenario(Some(LOGIN_ERRORS));
    let (one, other) = (engine::run(&scenario, 1), engine::run(&scenario, 1));
    assert_eq!(one.first_difference(&other), None);
    assert_eq!(one.digest(), other.digest());
    assert_ne!(one.digest(), engine::run(&scenario, 2).digest());
}

/// Whether there is little to work out or much: with retries of many calls, soft dependencies,
/// clients without patience, hosts that err more or less, and balancers that leave out those that
/// do; before, while and after a change makes cells differ.
#[test]
fn calm_cells_come_out_as_at_length() {
    let crash = Mechanism::CrashOnLoad { share: 0.5 };
    let slow = Mechanism::Latency { factor: 3.0 };
    for mechanism in [None, Some(LOGIN_ERRORS), Some(crash), Some(slow)] {
        let plain = scenario(mechanism);
        let mut eventful = plain.clone();
        eventful.fleet.edges = [
            (None, 0, 1.0, true),
            (Some(0), 1, 2.5, true),
            (Some(0), 2, 0.5, false),
        ]
        .map(|(from, to, calls, hard)| patient_for(0.5, from, to, calls, hard))
        .into();
        for service in &mut eventful.fleet.services {
            service.error_share = 0.01;
            service.ejection = Some(Ejection {
                error_share: 0.013,
                length: Micros::from_mins(1),
                share_max: 0.3,
            });
        }
        eventful.noise.heterogeneity = Some(Heterogeneity {
            error_sigma: 0.5,
            latency_sigma: 0.0,
        });
        for scenario in [plain, eventful] {
            let (run, at_length) = (
                engine::run(&scenario, 3),
                engine::run_at_length(&scenario, 3),
            );
            assert_eq!(run.first_difference(&at_length), None);
        }
    }
}

fn patient_for(timeout_s: f64, from: Option<u16>, to: u16, calls: f64, hard: bool) -> Edge {
    Edge {
        from: from.map(ServiceId),
        to: ServiceId(to),
        calls,
        client: ClientPolicy {
            timeout_s,
            attempts: 3,
            backoff: Backoff {
                base_s: 0.1,
                cap_s: 1.0,
            },
            retry_budget: Some(0.1),
            breaker: None,
            throttle: None,
        },
        hard,
    }
}

#[test]
fn a_flipped_bit_is_found_at_its_step() {
    let scenario = scenario(None);
    let tamper = Tamper {
        stream: "arrivals".into(),
        step: 100,
    };
    let clean = engine::run(&scenario, 1);
    let tampered = engine::run_tampered(&scenario, 1, &tamper);
    let difference = clean
        .first_difference(&tampered)
        .expect("a bit was flipped");
    let event = &clean.events()[difference.seq.expect("not the header") as usize];
    let flipped_at = Micros(scenario.step.0 * 101);
    assert!(event.t_us >= flipped_at, "{difference:?}");
    assert!(
        event.t_us <= flipped_at + scenario.telemetry.scrape_every,
        "{difference:?}"
    );
}

#[test]
fn replaying_what_the_core_was_told_rebuilds_it() {
    for mechanism in [
        None,
        Some(LOGIN_ERRORS),
        Some(Mechanism::CrashOnLoad { share: 1.0 }),
    ] {
        let scenario = scenario(mechanism);
        let (_, journal, plane) = engine::run_recorded(&scenario, 3);
        let replayed = ControlPlane::replay(scenario.setup(), &journal, plane.now());
        assert_eq!(replayed.expect("the setup is sound"), plane);
    }
}

#[test]
fn a_good_change_reaches_everybody_quietly() {
    for seed in 1..=20 {
        let measures = measure(&engine::run(&scenario(None), seed));
        assert!(measures.reached_full, "seed {seed}: {measures:?}");
        assert_eq!(
            (measures.pages, measures.requests_harmed),
            (0, 0),
            "seed {seed}"
        );
        assert_eq!(measures.time_to_detect, Span::NotApplicable);
    }
}

#[test]
fn a_crash_is_caught_by_the_canary() {
    let scenario = scenario(Some(Mechanism::CrashOnLoad { share: 1.0 }));
    for seed in 1..=20 {
        let measures = measure(&engine::run(&scenario, seed));
        let caught = Requirement::CaughtBy(CatchPoint::Canary);
        assert!(caught.is_met(&measures), "seed {seed}: {measures:?}");
        assert_eq!(measures.pages, 0, "seed {seed}");
        assert!(measures.harmed, "seed {seed}: requests in flight are lost");
        assert!(
            measures.blast_radius < Ppm(20_000),
            "seed {seed}: {measures:?}"
        );
        assert!(
            matches!(measures.time_to_recover, Span::Took(_)),
            "seed {seed}: {measures:?}"
        );
    }
}

#[test]
fn rare_errors_of_one_class_are_caught_by_its_objective_alone() {
    let scenario = scenario(Some(LOGIN_ERRORS));
    let mut recovered = 0;
    for seed in 1..=20 {
        let measures = measure(&engine::run(&scenario, seed));
        let caught = Requirement::CaughtBy(CatchPoint::SloAlert);
        assert!(measures.slo_breached && measures.harmed, "seed {seed}");
        if matches!(measures.time_to_recover, Span::Took(_)) {
            assert!(caught.is_met(&measures), "seed {seed}: {measures:?}");
            recovered += 1;
        }
    }
    // People may take longer than the run lasts, but not often.
    assert!(recovered >= 15, "{recovered} of 20");
}

/// The requests of every sample, in the order of scrapes.
fn requests(scenario: &Scenario) -> Vec<u64> {
    let requests = |event: &firedrill_sim::log::Event| match &event.body {
        EventBody::World(WorldEvent::Sample(sample)) => Some(sample.requests),
        EventBody::World(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => {
            None
        }
    };
    let log = engine::run(scenario, 5);
    log.events().iter().filter_map(requests).collect()
}

/// Two policies under one seed meet the same world: demand does not move when a plan does, and
/// removing a fault leaves the noise as it was.
#[test]
fn draws_do_not_shift_when_something_else_changes() {
    let plain = scenario(Some(LOGIN_ERRORS));
    let expected = requests(&plain);
    let mut slower = plain.clone();
    slower.configs[0].plans[0].plan.stages[0].bake = Micros::from_mins(20);
    assert_eq!(requests(&slower), expected, "another policy");
    let mut good = plain.clone();
    good.changes[0].defect = None;
    assert_eq!(requests(&good), expected, "no defect");
    let mut noisy = plain;
    noisy.noise.flapping = Some(Flapping {
        share: 0.02,
        good_mean: Micros::from_mins(10),
        bad_mean: Micros::from_mins(1),
        error_share: 0.3,
    });
    assert_eq!(requests(&noisy), expected, "flapping hosts");
}

fn crowd(at_mins: u64, factor: f64, region: u16) -> DemandEvent {
    DemandEvent::FlashCrowd(FlashCrowd {
        at: Micros::from_mins(at_mins),
        duration: Micros::from_mins(10),
        ramp: Micros::from_mins(1),
        factor,
        regions: vec![RegionId(region)],
        classes: vec![],
    })
}

/// Each noise of demand has draws of its own: taking one away, by making it count for nothing,
/// leaves the others as they were, and an event is felt while it lasts and where it is.
#[test]
fn noises_of_demand_do_not_shift_each_other() {
    let mut base = scenario(None);
    base.duration = Micros::from_mins(60);
    base.demand.drift = Some(Drift {
        sd: 0.05,
        correlation_time: Micros::from_mins(20),
    });
    base.demand.overdispersion = 0.02;
    let expected = requests(&base);
    assert_ne!(expected, requests(&scenario(None)), "the noises are felt");

    let mut eventful = base.clone();
    eventful.demand.events = vec![crowd(20, 1.5, 0), crowd(40, 0.7, 1)];
    let found = requests(&eventful);
    assert_ne!(found, expected);
    eventful.demand.events.pop();
    let one_less = requests(&eventful);
    let same = |a: &[u64], b: &[u64]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    assert!(
        same(&found, &one_less) > same(&found, &expected),
        "the first event is the same without the second"
    );
    eventful.demand.events.clear();
    assert_eq!(requests(&eventful), expected, "events draw nothing");

    let mut quiet = base.clone();
    quiet.demand.drift = None;
    let mut still = base;
    still.demand.drift = Some(Drift {
        sd: 0.0,
        correlation_time: Micros::from_mins(20),
    });
    assert_eq!(requests(&quiet), requests(&still), "bursts stay");
}

/// When the rollback began, when it was over for the core, and when for the fleet.
fn going_back(log: &RunLog) -> [Option<Micros>; 3] {
    let (mut begun, mut rolled_back, mut clean) = (None, None, None);
    for event in log.events() {
        match &event.body {
            EventBody::Note(NoteBody::RollbackStarted { .. }) => begun = Some(event.t_us),
            EventBody::Note(NoteBody::RollbackCompleted { .. }) => rolled_back = Some(event.t_us),
            EventBody::World(WorldEvent::FleetClean { .. }) => clean = Some(event.t_us),
            EventBody::World(_)
            | EventBody::Note(_)
            | EventBody::Command(_)
            | EventBody::Person(_) => {}
        }
    }
    [begun, rolled_back, clean]
}

/// A region that distribution cannot reach while a change is rolled back keeps the bad version:
/// the rollback is over where it can be, recovery waits for the partition to heal. The core's
/// invariants and the conservation of instances are asserted in every step of every run.
#[test]
fn a_partition_during_a_rollback_delays_recovery_alone() {
    let mut connected = scenario(Some(ALL_ERRORS));
    connected.propagation.straggler_share = 0.0;
    for seed in 1..=10 {
        let calm = engine::run(&connected, seed);
        let [begun, rolled_back, clean] = going_back(&calm);
        let rolled_back = rolled_back.expect("the canary is judged bad");
        let clean = clean.expect("and the fleet recovers");
        let at = begun.expect("it begins before it is over") - Micros::from_secs(1);
        let duration = Micros::from_mins(30);
        let heals = at + duration;
        let reaches = [
            Reach::Region {
                region: RegionId(0),
            },
            Reach::Cell {
                region: RegionId(1),
                cell: 1,
            },
        ];
        for reach in reaches {
            let mut cut_off = connected.clone();
            cut_off.propagation.partitions = vec![Partition {
                at,
                duration,
                reach,
            }];
            let log = engine::run(&cut_off, seed);
            let [_, still_rolled_back, late] = going_back(&log);
            let still = still_rolled_back.expect("reachable instances went back");
            assert!(still <= rolled_back, "seed {seed}: {still}, {rolled_back}");
            let late = late.expect("the partition heals");
            assert!(late > heals && clean < heals, "seed {seed}: {late}");
            assert!(late < heals + Micros::from_mins(1), "seed {seed}: {late}");
            let (before, after) = (measure(&calm), measure(&log));
            assert!(
                after.requests_harmed > before.requests_harmed,
                "seed {seed}"
            );
        }
    }
}

/// What is cut off is reported as unreachable, whether anything goes back or not, until it is
/// back.
#[test]
fn a_partition_is_reported() {
    let mut cut_off = scenario(None);
    cut_off.propagation.straggler_share = 0.0;
    let (at, duration) = (Micros::from_mins(30), Micros::from_mins(5));
    let region = RegionId(1);
    cut_off.propagation.partitions = vec![Partition {
        at,
        duration,
        reach: Reach::Region { region },
    }];
    let (_, journal, _) = engine::run_recorded(&cut_off, 1);
    let mut unreachable = 0;
    for (now, input) in &journal {
        if let Input::ExposureReported {
            region: of, report, ..
        } = input
        {
            let cut = *of == region && at <= *now && *now < at + duration;
            assert_eq!(report.unreachable, if cut { report.running } else { 0 });
            unreachable = report.unreachable.max(unreachable);
        }
    }
    assert!(
        unreachable > 0,
        "the canary runs when the region is cut off"
    );
}

/// A partition that heals while the rollback is still on its way changes nothing but time, and
/// one while the change goes out keeps a part of the fleet on what it has.
#[test]
fn partitions_of_any_time_keep_the_invariants() {
    for mechanism in [
        Some(ALL_ERRORS),
        Some(Mechanism::CrashOnLoad { share: 0.5 }),
        None,
    ] {
        let mut spec = scenario(mechanism);
        spec.duration = Micros::from_mins(60);
        for (seed, at_s) in (0..60).map(|k| (k, 600 + 37 * k)) {
            spec.propagation.partitions = vec![
                Partition {
                    at: Micros::from_secs(at_s),
                    duration: Micros::from_secs(17 + at_s % 300),
                    reach: Reach::Region {
                        region: RegionId((seed % 2) as u16),
                    },
                },
                Partition {
                    at: Micros::from_secs(at_s + 100),
                    duration: Micros::from_secs(400),
                    reach: Reach::Cell {
                        region: RegionId(0),
                        cell: 1,
                    },
                },
            ];
            let _log = engine::run(&spec, seed);
        }
    }
}

#[test]
fn an_emergency_push_that_skips_tiers_recovers_sooner() {
    let mut slow = scenario(Some(ALL_ERRORS));
    slow.propagation.base = Micros::from_mins(3);
    let mut fast = slow.clone();
    fast.propagation.rollback_base = Some(Micros::from_secs(5));
    for seed in 1..=5 {
        let [_, slow, _] = going_back(&engine::run(&slow, seed));
        let [_, fast, _] = going_back(&engine::run(&fast, seed));
        let gain = slow.unwrap() - fast.unwrap();
        assert!(gain > Micros::from_mins(2), "seed {seed}: {gain}");
    }
}

/// Hosts that differ make canaries differ from their control, but nothing else of the world.
#[test]
fn hosts_that_differ_shift_no_draw() {
    let plain = scenario(None);
    let mut mixed = plain.clone();
    mixed.noise.heterogeneity = Some(Heterogeneity {
        error_sigma: 1.0,
        latency_sigma: 0.2,
    });
    let (found, expected) = (engine::run(&mixed, 5), engine::run(&plain, 5));
    assert_ne!(found.digest(), expected.digest(), "it is felt");
    assert_eq!(measure(&found).requests_harmed, 0, "no defect is to blame");
    assert_eq!(requests(&mixed), requests(&plain));
}

#[test]
fn latency_inflation_harms_where_an_objective_watches_it() {
    let scenario = scenario(Some(Mechanism::Latency { factor: 3.0 }));
    let measures = measure(&engine::run(&scenario, 1));
    assert!(measures.requests_harmed > 0, "{measures:?}");
}
