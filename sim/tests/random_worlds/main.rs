//! Whatever is asked of it, a world runs, adds up and runs the same again.
//!
//! Small fleets with random call graphs, clients, defects, plans and noise. The core's limits and
//! the conservation of instances are asserted in every step of every run anyway.

mod strategies;
#[path = "../support/mod.rs"]
mod support;

use firedrill_core::Ppm;
use firedrill_sim::engine;
use firedrill_sim::log::{EventBody, RunLog, Sample, WorldEvent};
use firedrill_sim::measure::measure;
use firedrill_sim::spec::Scenario;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};

use strategies::any_scenario;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        rng_seed: RngSeed::Fixed(2_026),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_world_runs_and_adds_up(scenario in any_scenario(), seed in 0_u64..1_000) {
        scenario.check().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let log = engine::run(&scenario, seed);
        invariant_requests_add_up(&scenario, &log)?;
        invariant_instances_add_up(&scenario, &log)?;
        invariant_log_is_plain_data(&log)?;
        invariant_measures_are_finite(&log)?;
        prop_assert_eq!(log.first_difference(&engine::run_at_length(&scenario, seed)), None);
    }
}

/// Users' requests end well or badly, harmed ones are among them, and no queue is longer than the
/// instances' bounds allow.
fn invariant_requests_add_up(scenario: &Scenario, log: &RunLog) -> Result<(), TestCaseError> {
    let fleet = &scenario.fleet;
    let room: u64 = fleet
        .services
        .iter()
        .map(|one| u64::from(one.instances) * u64::from(one.queue_max))
        .sum();
    for sample in samples(log) {
        prop_assert!(sample.failed <= sample.requests, "{sample:?}");
        prop_assert!(sample.harmed <= sample.requests, "{sample:?}");
        prop_assert!(sample.queued <= room, "{} of {room}", sample.queued);
        for slo in &sample.slos {
            prop_assert!(
                slo.bad <= slo.requests && slo.harmed <= slo.requests,
                "{slo:?}"
            );
        }
        for service in &sample.services {
            prop_assert!(service.errors <= service.requests, "{service:?}");
        }
    }
    Ok(())
}

/// No service has more instances than it has, and no change more than its service.
fn invariant_instances_add_up(scenario: &Scenario, log: &RunLog) -> Result<(), TestCaseError> {
    for sample in samples(log) {
        for (service, spec) in sample.services.iter().zip(&scenario.fleet.services) {
            prop_assert_eq!(service.instances, spec.instances);
            prop_assert!(service.up <= service.instances, "{service:?}");
        }
        for exposure in &sample.exposure {
            prop_assert!(exposure.running <= exposure.instances, "{exposure:?}");
            prop_assert!(
                exposure.running <= exposure.ever || exposure.ever == 0,
                "{exposure:?}"
            );
        }
    }
    Ok(())
}

/// Every line is JSON; a number that is none would be written as `null` where a number belongs.
fn invariant_log_is_plain_data(log: &RunLog) -> Result<(), TestCaseError> {
    let mut text = Vec::new();
    log.write_jsonl(&mut text).expect("writing to memory works");
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    let mut lines = 0;
    for line in text.lines() {
        let value: Result<serde_json::Value, _> = serde_json::from_str(line);
        prop_assert!(value.is_ok(), "{line}");
        prop_assert!(!line.contains("NaN"), "{line}");
        lines += 1;
    }
    prop_assert_eq!(lines, 1 + log.events().len());
    Ok(())
}

/// Shares of requests and instances are shares; what is harmed was asked for.
fn invariant_measures_are_finite(log: &RunLog) -> Result<(), TestCaseError> {
    let measures = measure(log);
    prop_assert!(measures.blast_radius <= Ppm::ONE, "{measures:?}");
    prop_assert!(
        measures.requests_failed <= measures.requests,
        "{measures:?}"
    );
    prop_assert!(
        measures.requests_harmed <= measures.requests,
        "{measures:?}"
    );
    if !measures.defective {
        prop_assert_eq!(measures.requests_harmed, 0);
    }
    Ok(())
}

fn samples(log: &RunLog) -> impl Iterator<Item = &Sample> {
    log.events().iter().filter_map(|event| match &event.body {
        EventBody::World(WorldEvent::Sample(sample)) => Some(&**sample),
        EventBody::World(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => {
            None
        }
    })
}
