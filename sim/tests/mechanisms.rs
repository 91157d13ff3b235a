//! Each way in which a config hurts does what it says, and shows where it says.

mod support;

use firedrill_core::Micros;
use firedrill_core::config::Value;
use firedrill_core::health::{Indicator, Limit};
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
use firedrill_core::plane::NoteBody;
use firedrill_core::rollout::PauseReason;
use firedrill_sim::engine;
use firedrill_sim::log::{EventBody, RunLog, Sample, WorldEvent};
use firedrill_sim::measure::{Catcher, Measures, Span, measure};
use firedrill_sim::spec::{
    Backoff, ClientPolicy, Edge, Ejection, LogNormal, Mechanism, NamedSlo, Onset, Scenario, Trigger,
};

use support::scenario;

const AUTH: usize = 1;
const STORE: usize = 2;

fn samples(log: &RunLog) -> Vec<&Sample> {
    let sample = |body: &'_ EventBody| matches!(body, EventBody::World(WorldEvent::Sample(_)));
    let events = log.events().iter().filter(|event| sample(&event.body));
    events
        .map(|event| match &event.body {
            EventBody::World(WorldEvent::Sample(sample)) => &**sample,
            EventBody::World(_)
            | EventBody::Note(_)
            | EventBody::Command(_)
            | EventBody::Person(_) => unreachable!("filtered above"),
        })
        .collect()
}

/// The good run and the one with the mechanism, under the same seed.
fn both(scenario: &Scenario) -> (RunLog, RunLog, Measures) {
    let mut good = scenario.clone();
    good.changes[0].defect = None;
    let bad = engine::run(scenario, 1);
    let measures = measure(&bad);
    (engine::run(&good, 1), bad, measures)
}

/// The widest ratio between the runs of a figure of a service.
fn widest(good: &RunLog, bad: &RunLog, service: usize, pick: fn(&Sample, usize) -> u64) -> f64 {
    let ratio = |(good, bad): (&&Sample, &&Sample)| {
        pick(bad, service) as f64 / pick(good, service).max(1) as f64
    };
    samples(good)
        .iter()
        .zip(&samples(bad))
        .map(ratio)
        .fold(0.0, f64::max)
}

/// A world that never takes the change back by itself, so that its effect can be watched.
fn unguarded(mechanism: Mechanism) -> Scenario {
    let mut scenario = scenario(Some(mechanism));
    for stage in &mut scenario.configs[0].plans[0].plan.stages {
        for check in &mut stage.judge.checks {
            check.limit = Limit::AtMost(u64::MAX);
        }
        stage.audience = firedrill_core::rollout::Audience::Public;
    }
    scenario.slos.clear();
    scenario
}

fn with_defect(
    mut scenario: Scenario,
    change: impl FnOnce(&mut firedrill_sim::spec::Defect),
) -> Scenario {
    change(
        scenario.changes[0]
            .defect
            .as_mut()
            .expect("the scenario has a defect"),
    );
    scenario
}

#[test]
fn cpu_burn_shows_in_processor_use_before_users_notice() {
    let scenario = scenario(Some(Mechanism::CpuBurn { factor: 1.8 }));
    let (good, bad, measures) = both(&scenario);
    let cpu = widest(&good, &bad, AUTH, |sample, service| {
        u64::from(sample.services[service].cpu.0)
    });
    assert!(cpu > 1.3, "{cpu}");
    assert!(
        measures.reached_full && measures.requests_harmed < 1_000,
        "{measures:?}"
    );
}

#[test]
fn a_memory_leak_outlives_a_short_bake() {
    let leak = Mechanism::MemoryLeak {
        fills_after: Micros::from_mins(12),
    };
    let (good, bad, measures) = both(&unguarded(leak));
    assert!(measures.escaped, "it passed every stage: {measures:?}");
    let up = |log: &RunLog| {
        let up = samples(log)
            .iter()
            .map(|sample| sample.services[AUTH].up)
            .min();
        up.expect("there are samples")
    };
    assert!(
        up(&bad) < up(&good),
        "instances run out of memory and start again"
    );
    let active = measures.anchors.defect_active.expect("it ran").at;
    let first_down = samples(&bad)
        .iter()
        .find(|sample| sample.services[AUTH].up < up(&good))
        .map(|sample| sample.from_us);
    let first_down = first_down.expect("some were killed");
    assert!(
        first_down > active + Micros::from_mins(10),
        "{first_down}, active at {active}"
    );
}

#[test]
fn quota_exhaustion_hurts_another_service() {
    let quota = Mechanism::QuotaExhaustion {
        victim: ServiceId(2),
        factor: 4.0,
    };
    let (good, bad, measures) = both(&unguarded(quota));
    let p99 = |sample: &Sample, service: usize| sample.services[service].p99_us;
    assert!(
        widest(&good, &bad, STORE, p99) > 1.5,
        "the victim slows down"
    );
    assert!(
        widest(&good, &bad, AUTH, p99) < 1.2,
        "the changed service does not"
    );
    assert!(measures.requests_harmed > 0, "{measures:?}");
}

/// Sets the store behind auth, with calls that are tried once.
fn auth_calls_store(scenario: &mut Scenario, calls: f64) {
    scenario.fleet.classes[1].path.push(ServiceId(2));
    scenario.fleet.edges.push(Edge {
        from: Some(ServiceId(1)),
        to: ServiceId(2),
        calls,
        client: ClientPolicy {
            timeout_s: 0.5,
            attempts: 1,
            backoff: Backoff {
                base_s: 0.05,
                cap_s: 1.0,
            },
            retry_budget: None,
            breaker: None,
            throttle: None,
        },
        hard: true,
    });
}

#[test]
fn a_retry_storm_turns_a_tight_timeout_into_load() {
    let storm = Mechanism::RetryStorm {
        callee: ServiceId(2),
        attempts: 6,
        timeout: Some(Micros::from_millis(45)),
    };
    let mut scenario = unguarded(storm);
    auth_calls_store(&mut scenario, 1.0);
    let (good, bad, measures) = both(&scenario);
    let requests = |sample: &Sample, service: usize| sample.services[service].requests;
    let load = widest(&good, &bad, STORE, requests);
    assert!(load > 1.15, "the callee sees the tries: {load}");
    assert!(
        widest(&good, &bad, AUTH, requests) < 1.05,
        "the caller's own load stays"
    );
    assert!(measures.harmed, "{measures:?}");
}

#[test]
fn a_cache_storm_dies_away() {
    let cache = Mechanism::CacheStorm {
        store: ServiceId(2),
        factor: 3.0,
        refill: Micros::from_mins(5),
    };
    let mut scenario = unguarded(cache);
    auth_calls_store(&mut scenario, 0.5);
    let (good, bad, _) = both(&scenario);
    let requests = |sample: &Sample, service: usize| sample.services[service].requests;
    assert!(widest(&good, &bad, STORE, requests) > 1.15);
    let (good, bad) = (samples(&good), samples(&bad));
    let last = good.len() - 1;
    let at_end = requests(bad[last], STORE) as f64 / requests(good[last], STORE) as f64;
    assert!((at_end - 1.0).abs() < 0.01, "{at_end}");
}

#[test]
fn wrong_data_is_seen_by_the_business_alone() {
    let wrong = Mechanism::WrongData {
        class: Some(ClassId(0)),
        share: 0.1,
    };
    let mut scenario = scenario(Some(wrong));
    let (_, _, unseen) = both(&scenario);
    assert!(
        unseen.escaped && unseen.pages == 0 && unseen.requests_harmed > 0,
        "{unseen:?}"
    );
    assert_eq!(unseen.time_to_detect, Span::Never);
    let mut slo = scenario.slos[0].clone();
    slo.slo.indicator = Indicator::Business {
        service: ServiceId(0),
        class: Some(ClassId(0)),
    };
    scenario.slos.push(NamedSlo {
        name: "logins".into(),
        ..slo
    });
    let (_, _, seen) = both(&scenario);
    assert!(seen.pages > 0, "{seen:?}");
}

#[test]
fn access_loss_takes_instances_and_the_way_back() {
    let loss = Mechanism::AccessLoss { share: 1.0 };
    let mut world = scenario(Some(loss));
    let repair = LogNormal {
        median: Micros::from_mins(20),
        sigma: 0.5,
    };
    world.propagation.repair = Some(repair);
    let (_, _, measures) = both(&world);
    assert!(measures.anchors.rollback_started.is_some(), "{measures:?}");
    let Span::Took(recovery) = measures.time_to_recover else {
        panic!("somebody goes there in the end: {measures:?}");
    };
    let Span::Took(crash) = both(&scenario(Some(Mechanism::CrashOnLoad { share: 1.0 })))
        .2
        .time_to_recover
    else {
        panic!("a crash recovers");
    };
    assert!(recovery > crash, "{recovery} against {crash}");
}

#[test]
fn tooling_poison_blinds_and_missing_data_never_promotes() {
    let poison = Mechanism::ToolingPoison {
        scrapes_lost: 1.0,
        distribution_factor: 5.0,
    };
    let (_, bad, measures) = both(&scenario(Some(poison)));
    assert!(!measures.reached_full && !measures.harmed, "{measures:?}");
    let paused = bad.events().iter().any(|event| {
        matches!(
            event.body,
            EventBody::Note(NoteBody::RolloutPaused {
                reason: PauseReason::NoVerdict(_),
                ..
            })
        )
    });
    assert!(paused, "the stage waited for data that never came");
    let stage = "canary".into();
    assert_eq!(measures.caught_by, Catcher::NoData { stage });
}

#[test]
fn a_delayed_onset_hurts_later_and_a_ramp_hurts_less_at_first() {
    let errors = Mechanism::Errors {
        class: None,
        share: 0.01,
    };
    let harm = |onset| {
        let scenario = with_defect(unguarded(errors), |defect| defect.onset = onset);
        let measures = measure(&engine::run(&scenario, 1));
        let started = measures.anchors.harm_started.expect("it hurts");
        let active = measures.anchors.defect_active.expect("it ran");
        (started.at - active.at, measures.requests_harmed)
    };
    let (at_once, all) = harm(Onset::AtLoad);
    let (later, fewer) = harm(Onset::Delayed(Micros::from_mins(10)));
    let (_, ramped) = harm(Onset::Ramp(Micros::from_mins(60)));
    let (_, by_restart) = harm(Onset::NextRestart(Micros::from_mins(30)));
    assert!(at_once < Micros::from_secs(30), "{at_once}");
    assert!(later >= Micros::from_mins(9), "{later}");
    assert!(
        fewer < all && ramped < all && by_restart < all,
        "{fewer} {ramped} {by_restart} {all}"
    );
}

#[test]
fn triggers_confine_a_defect() {
    let errors = Mechanism::Errors {
        class: None,
        share: 0.01,
    };
    let harmed = |trigger: Trigger| {
        let scenario = with_defect(unguarded(errors), |defect| defect.triggers = vec![trigger]);
        measure(&engine::run(&scenario, 1)).requests_harmed
    };
    let all = measure(&engine::run(&unguarded(errors), 1)).requests_harmed;
    let east = harmed(Trigger::Regions(vec![RegionId(0)]));
    let west = harmed(Trigger::Regions(vec![RegionId(1)]));
    let apart = (east + west) as f64 / all as f64;
    assert!(
        east > west && west > 0 && (apart - 1.0).abs() < 0.02,
        "{east} + {west} of {all}"
    );
    assert_eq!(harmed(Trigger::LoadAbove(0.99)), 0);
    assert!(harmed(Trigger::LoadAbove(0.05)) > 0);
    let key = |value| Trigger::Key {
        key: "ttl_s".into(),
        value: Value::Int(value),
    };
    assert_eq!(harmed(key(61)), 0);
    assert_eq!(harmed(key(60)), all);
    assert_eq!(harmed(Trigger::Hardware(1)), 0, "every cell is of class 0");
}

/// Instances that err get no requests for a while, so fewer users are hit; the others are busier
/// for it; and where all instances err, the limit leaves most of them in.
#[test]
fn a_balancer_moves_traffic_off_instances_that_err() {
    let last = |ejects: bool, stays_at_a_quarter: bool| {
        let mut scenario = unguarded(Mechanism::Errors {
            class: None,
            share: 0.6,
        });
        if stays_at_a_quarter {
            scenario.configs[0].plans[0].plan.stages[1].bake = scenario.duration;
        }
        scenario.fleet.services[AUTH].ejection = ejects.then_some(Ejection {
            error_share: 0.3,
            length: Micros::from_mins(5),
            share_max: 0.3,
        });
        let log = engine::run(&scenario, 1);
        let sample = samples(&log).into_iter().next_back().cloned();
        let sample = sample.expect("a run has samples");
        let service = sample.services[AUTH];
        (sample.failed as f64 / sample.requests as f64, service.cpu)
    };
    let ((failed, cpu), (spared, busier)) = (last(false, true), last(true, true));
    assert!(spared < 0.4 * failed, "{spared} instead of {failed}");
    assert!(busier > cpu, "{busier} instead of {cpu}");
    let ((failed, _), (limited, _)) = (last(false, false), last(true, false));
    assert!((limited / failed - 1.0).abs() < 0.05, "{limited} {failed}");
}
