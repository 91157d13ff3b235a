//! Limits on what instances show: when they fire, how long, and what silence is.

use firedrill_core::Micros;
use firedrill_core::alerting::{
    Symptom, SymptomError, SymptomEvent, SymptomPolicy, SymptomRule, Symptoms,
};
use firedrill_core::config::{Document, VersionId};
use firedrill_core::health::{
    Check, ClassCounts, InstanceCounts, LatencyHistogram, Limit, ProbeCounts, Saturation, Signal,
    TelemetryWindow, Urgency,
};
use firedrill_core::ids::{ClassId, RegionId, ServiceId};

use crate::desk::s;

const EVERY: Micros = Micros::from_secs(30);

#[test]
fn a_symptom_waits_fires_lingers_and_ends() {
    let mut symptoms = Symptoms::new(errors(s(60), s(60)), EVERY);
    let mut seen = Vec::new();
    // Bad from the third scrape to the tenth.
    for n in 1..=20 {
        let errors = if (3..=10).contains(&n) { 50 } else { 0 };
        symptoms.add(&window(0, 0, n, errors));
        seen.extend(step(&mut symptoms, n).into_iter().map(|event| (n, event)));
    }
    let told: Vec<_> = seen.iter().map(|(n, event)| (*n, event.fires)).collect();
    // The first bad minute shows at the third scrape (half of a minute is bad, above 10 %), holds
    // for a minute; the last bad scrape leaves the minute at the twelfth, and a minute more.
    assert_eq!(told, [(5, true), (14, false)]);
    assert_eq!(seen[0].1.value, Some(500_000));
    assert_eq!(seen[1].1.value, None);
    assert_eq!(seen[0].1.labels, seen[1].1.labels);
}

#[test]
fn each_service_and_region_fires_by_itself_and_only_where_the_rule_looks() {
    let mut policy = errors(s(0), s(0));
    policy.rules[0].services = [ServiceId(1)].into();
    let mut symptoms = Symptoms::new(policy, EVERY);
    for (service, region) in [(0, 0), (1, 0), (1, 1)] {
        symptoms.add(&window(service, region, 1, 50));
    }
    let places: Vec<_> = step(&mut symptoms, 1)
        .into_iter()
        .map(|event| (event.service, event.region))
        .collect();
    let service = ServiceId(1);
    assert_eq!(places, [(service, RegionId(0)), (service, RegionId(1))]);
}

#[test]
fn too_small_a_sample_is_no_symptom() {
    let mut policy = errors(s(0), s(0));
    let Symptom::Beyond(check) = &mut policy.rules[0].symptom else {
        panic!("it is a limit");
    };
    check.sample_min = 101;
    let mut symptoms = Symptoms::new(policy, EVERY);
    symptoms.add(&window(0, 0, 1, 100));
    assert_eq!(step(&mut symptoms, 1), []);
}

#[test]
fn silence_is_a_symptom_only_of_those_who_spoke() {
    let rule = SymptomRule {
        symptom: Symptom::Silent,
        ..errors(s(0), s(0)).rules.remove(0)
    };
    let policy = SymptomPolicy {
        over: s(60),
        rules: vec![rule],
    };
    let mut symptoms = Symptoms::new(policy, EVERY);
    symptoms.add(&window(0, 0, 1, 0));
    let fired: Vec<Vec<bool>> = (1..=6)
        .map(|n| {
            step(&mut symptoms, n)
                .into_iter()
                .map(|it| it.fires)
                .collect()
        })
        .collect();
    let expected: Vec<Vec<bool>> = vec![vec![], vec![], vec![true], vec![], vec![], vec![]];
    assert_eq!(fired, expected);
    symptoms.add(&window(0, 0, 7, 0));
    let back = step(&mut symptoms, 7);
    assert!(matches!(back[..], [SymptomEvent { fires: false, .. }]));
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let mut policy = errors(s(0), s(0));
    assert_eq!(policy.check(), Ok(()));
    policy.rules.push(policy.rules[0].clone());
    let twice = SymptomError::NameTwice("errors-high".into());
    assert_eq!(policy.check(), Err(twice));
    policy.rules.pop();
    policy.rules[0].symptom = Symptom::Beyond(Check {
        signal: Signal::Throughput,
        limit: Limit::AtLeastControl { factor_ppm: 1 },
        sample_min: 1,
    });
    let relative = SymptomError::Relative("errors-high".into());
    assert_eq!(policy.check(), Err(relative));
    policy.over = s(59);
    assert_eq!(policy.check(), Err(SymptomError::OverTooShort));
}

/// More than a tenth of requests fail.
fn errors(hold: Micros, keep_firing: Micros) -> SymptomPolicy {
    let check = Check {
        signal: Signal::ErrorRatio { class: None },
        limit: Limit::AtMost(100_000),
        sample_min: 100,
    };
    SymptomPolicy {
        over: s(60),
        rules: vec![SymptomRule {
            name: "errors-high".into(),
            symptom: Symptom::Beyond(check),
            services: [].into(),
            urgency: Urgency::Page,
            hold,
            keep_firing,
        }],
    }
}

/// The scrape that ends at the `n`th evaluation.
fn window(service: u16, region: u16, n: u64, errors: u32) -> TelemetryWindow {
    TelemetryWindow {
        service: ServiceId(service),
        region: RegionId(region),
        version: VersionId::of("config", &Document::new()),
        set_apart: false,
        start: Micros(EVERY.0 * (n - 1)),
        end: Micros(EVERY.0 * n),
        classes: vec![ClassCounts {
            class: ClassId(0),
            requests: 100,
            errors,
            good: 100 - errors,
        }],
        latency: LatencyHistogram::default(),
        instances: InstanceCounts::default(),
        log_errors: 0,
        probes: ProbeCounts::default(),
        user_reports: 0,
        saturation: Saturation::default(),
    }
}

fn step(symptoms: &mut Symptoms, n: u64) -> Vec<SymptomEvent> {
    symptoms.evaluate(Micros(EVERY.0 * n));
    std::iter::from_fn(|| symptoms.poll_event()).collect()
}
