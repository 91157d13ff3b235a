//! What each design of a canary can see, and what it costs whom: public, dark, probed, whole cells,
//! and what they are compared with.

mod support;

use firedrill_core::health::judge::{Control, Method, SequentialMethod};
use firedrill_core::health::sequential::{HostEffects, Onset as ChangeOnset};
use firedrill_core::health::{Check, Limit, Outcome, Proof, Signal, Verdict};
use firedrill_core::ids::ClassId;
use firedrill_core::plane::NoteBody;
use firedrill_core::rollout::{Audience, Placement, Reaction, Share};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::engine;
use firedrill_sim::expect::{CatchPoint, Requirement};
use firedrill_sim::log::{EventBody, RunLog};
use firedrill_sim::measure::{Measures, measure};
use firedrill_sim::spec::{LogNormal, Mechanism, Scenario, Trigger, UserReports};

use support::scenario;

fn verdicts(log: &RunLog) -> Vec<(u32, &Verdict)> {
    let events = log.events().iter();
    events
        .filter_map(|event| match &event.body {
            EventBody::Note(NoteBody::VerdictReached { stage, verdict, .. }) => {
                Some((*stage, verdict))
            }
            EventBody::Note(_)
            | EventBody::Command(_)
            | EventBody::World(_)
            | EventBody::Person(_) => None,
        })
        .collect()
}

/// A canary of twenty instances for `audience`, with one check.
fn world(mechanism: Option<Mechanism>, audience: Audience, check: Check) -> Scenario {
    let mut scenario = scenario(mechanism);
    scenario.configs[0].plans[0].plan.hold_max = Micros::from_mins(2);
    let canary = &mut scenario.configs[0].plans[0].plan.stages[0];
    canary.target.share = Share::Instances(10);
    canary.audience = audience;
    canary.judge.checks = vec![check];
    scenario
}

const fn check(signal: Signal, limit: Limit, sample_min: u64) -> Check {
    Check {
        signal,
        limit,
        sample_min,
    }
}

const ERRORS: Check = check(
    Signal::ErrorRatio { class: None },
    Limit::AtMost(20_000),
    50,
);

const FAILS_A_TENTH: Mechanism = Mechanism::Errors {
    class: None,
    share: 0.1,
};

fn run(scenario: &Scenario) -> (RunLog, Measures) {
    let log = engine::run(scenario, 3);
    let measures = measure(&log);
    (log, measures)
}

fn canary_outcome(log: &RunLog) -> Option<Outcome> {
    let last = verdicts(log).into_iter().rfind(|(stage, _)| *stage == 0);
    last.map(|(_, verdict)| verdict.outcome)
}

#[test]
fn a_dark_canary_sees_errors_and_harms_nobody() {
    let (log, measures) = run(&world(Some(FAILS_A_TENTH), Audience::Mirrored, ERRORS));
    assert_eq!(canary_outcome(&log), Some(Outcome::Fail));
    assert!(!measures.harmed, "{measures:?}");
    // The same canary with the public harms some before it is stopped.
    let (log, measures) = run(&world(Some(FAILS_A_TENTH), Audience::Public, ERRORS));
    assert_eq!(canary_outcome(&log), Some(Outcome::Fail));
    assert!(measures.harmed);
}

#[test]
fn a_dark_canary_gets_as_many_requests_as_a_public_one() {
    let sample = |audience| {
        let mut scenario = world(None, audience, ERRORS);
        // Few of the sixty instances leave the public's service.
        let canary = &mut scenario.configs[0].plans[0].plan.stages[0];
        canary.target.share = Share::Instances(2);
        let (log, _) = run(&scenario);
        let verdicts = verdicts(&log);
        let (_, verdict) = verdicts.iter().rfind(|(stage, _)| *stage == 0).unwrap();
        verdict.checks[0].sample as f64
    };
    let ratio = sample(Audience::Mirrored) / sample(Audience::Public);
    assert!((0.85..1.15).contains(&ratio), "{ratio}");
}

/// Nobody reads the answers to copies: wrong data goes through, and harms the public later.
#[test]
fn a_dark_canary_cannot_see_wrong_answers() {
    let wrong = Mechanism::WrongData {
        class: None,
        share: 0.2,
    };
    let loss = check(
        Signal::BusinessLoss { class: None },
        Limit::AtMost(20_000),
        50,
    );
    let (log, _) = run(&world(Some(wrong), Audience::Mirrored, loss));
    assert_eq!(canary_outcome(&log), Some(Outcome::Pass));
    let (log, _) = run(&world(Some(wrong), Audience::Public, loss));
    assert_eq!(canary_outcome(&log), Some(Outcome::Fail));
}

/// Synthetic requests know the right answer, and one class is enough; without any, there is no
/// data, and nothing is promoted.
#[test]
fn probes_see_what_they_ask_for() {
    let wrong = Mechanism::WrongData {
        class: None,
        share: 0.2,
    };
    let probes = check(Signal::Probes, Limit::AtMost(50_000), 20);
    let mut scenario = world(Some(wrong), Audience::Probes, probes);
    scenario.telemetry.probes_per_s = 1.0;
    let (log, measures) = run(&scenario);
    assert_eq!(canary_outcome(&log), Some(Outcome::Fail));
    assert!(!measures.harmed);
    scenario.telemetry.probes_per_s = 0.0;
    let (log, measures) = run(&scenario);
    assert!(matches!(canary_outcome(&log), Some(Outcome::NoData(_))));
    assert!(!measures.reached_full);
}

/// A change whose code complains in its log and fails nothing is seen there alone.
#[test]
fn logs_grow_before_anything_fails() {
    let limit = Limit::AtMostControl {
        factor_ppm: 2_000_000,
        floor: 1_000,
    };
    let logs = check(Signal::LogErrors, limit, 50);
    let outcome = |lines: f64| {
        let harmless = Mechanism::Latency { factor: 1.01 };
        let mut scenario = world(Some(harmless), Audience::Public, logs);
        scenario.telemetry.log_noise = 0.002;
        let defect = scenario.changes[0].defect.as_mut().unwrap();
        defect.log_lines = lines;
        canary_outcome(&run(&scenario).0)
    };
    assert_eq!(outcome(0.05), Some(Outcome::Fail));
    assert_eq!(outcome(0.0), Some(Outcome::Pass));
}

#[test]
fn users_tell_late_and_are_heard() {
    let reports = check(Signal::Reports, Limit::AtMost(5), 1);
    let mut scenario = world(Some(FAILS_A_TENTH), Audience::Public, reports);
    scenario.telemetry.user_reports = Some(UserReports {
        share: 0.05,
        delay: LogNormal {
            median: Micros::from_mins(3),
            sigma: 0.5,
        },
        background_per_hour: 0.5,
    });
    let stages = &mut scenario.configs[0].plans[0].plan.stages;
    stages[0].bake = Micros::from_mins(15);
    let (log, _) = run(&scenario);
    let verdicts = verdicts(&log);
    let passed = verdicts
        .iter()
        .any(|(_, verdict)| verdict.outcome == Outcome::Pass);
    assert!(passed, "at first nobody has told yet");
    assert_eq!(canary_outcome(&log), Some(Outcome::Fail));
}

/// A defect that only shows on one cell's hardware: a canary of whole cells is all in it, or not
/// at all; one that is spread has half of its instances there. Later stages go on from either.
#[test]
fn whole_cells_are_filled_one_after_the_other() {
    let hit = |placement, hardware: u8| {
        let mut scenario = world(Some(FAILS_A_TENTH), Audience::Public, ERRORS);
        for region in &mut scenario.fleet.regions {
            region.hardware = vec![0, 1];
        }
        let defect = scenario.changes[0].defect.as_mut().unwrap();
        defect.triggers = vec![Trigger::Hardware(hardware)];
        let canary = &mut scenario.configs[0].plans[0].plan.stages[0];
        canary.target.placement = placement;
        canary.judge.checks[0].limit = Limit::AtMost(1_000_000);
        canary.on_failure = Reaction::Ignore;
        let (log, measures) = run(&scenario);
        let verdicts = verdicts(&log);
        let (_, verdict) = verdicts.iter().rfind(|(stage, _)| *stage == 0).unwrap();
        let back = measures.anchors.rollback_started.is_some();
        assert!(
            back || measures.reached_full,
            "a later stage goes on or stops it"
        );
        verdict.checks[0].value.unwrap()
    };
    let spread = hit(Placement::Spread, 0);
    assert!((30_000..70_000).contains(&spread), "{spread}");
    assert!(hit(Placement::Cells, 0) > 80_000);
    assert!(hit(Placement::Cells, 1) < 5_000);
}

const SEQUENTIAL: Method = Method::Sequential(SequentialMethod {
    alpha: Ppm(1_000),
    miss: Ppm(50_000),
    effect_milli: 2_000,
    onset: ChangeOnset::Either,
    hosts: HostEffects::None,
});

/// Twice as many errors as the control has are too many.
fn twice_the_errors() -> Check {
    check(
        Signal::ErrorRatio {
            class: Some(ClassId(0)),
        },
        Limit::AtMostControl {
            factor_ppm: 2_000_000,
            floor: 500,
        },
        50,
    )
}

/// Every control stops the bad change by evidence; the last stage, which leaves nobody to compare
/// with, has the time before.
#[test]
fn evidence_stops_a_bad_change_whatever_the_control() {
    let relative = twice_the_errors();
    for control in [
        Control::Others,
        Control::Group,
        Control::Before(Micros::from_mins(5)),
    ] {
        let with = |mechanism| {
            let mut scenario = world(mechanism, Audience::Public, relative);
            for stage in &mut scenario.configs[0].plans[0].plan.stages {
                stage.judge.method = SEQUENTIAL;
                stage.judge.control = control;
                stage.judge.checks = vec![relative];
                stage.bake = Micros::from_mins(10);
            }
            let last = scenario.configs[0].plans[0].plan.stages.last_mut().unwrap();
            last.judge.control = Control::Before(Micros::from_mins(5));
            scenario
        };
        let (log, measures) = run(&with(Some(FAILS_A_TENTH)));
        assert_eq!(canary_outcome(&log), Some(Outcome::Fail), "{control:?}");
        assert!(!measures.reached_full);
        let verdicts = verdicts(&log);
        let (_, verdict) = verdicts.last().unwrap();
        let proof = verdict.deciding().map(|check| check.proof);
        assert!(matches!(proof, Some(Proof::Weighed { .. })), "{proof:?}");
        let (log, measures) = run(&with(None));
        assert!(
            measures.reached_full,
            "{control:?}: {:?}",
            self::verdicts(&log).last()
        );
    }
}

/// A pause because nothing was seen is neither a catch nor a false alarm, whatever the change; a
/// judge that sees the same change does catch it, and so may an alert.
#[test]
fn a_pause_for_lack_of_data_catches_nothing() {
    let blind = Check {
        sample_min: 1_000_000_000,
        ..ERRORS
    };
    for mechanism in [None, Some(FAILS_A_TENTH)] {
        let measures = measure(&engine::run(&world(mechanism, Audience::Public, blind), 1));
        assert!(!measures.reached_full && !measures.false_rollback);
        let met = |point| Requirement::CaughtBy(point).is_met(&measures);
        if mechanism.is_none() {
            assert!(met(CatchPoint::NoData) && met(CatchPoint::Nobody));
        }
        assert!(!met(CatchPoint::Canary) && !met(CatchPoint::Stage("canary".into())));
    }
    let seen = world(Some(FAILS_A_TENTH), Audience::Public, ERRORS);
    let measures = measure(&engine::run(&seen, 1));
    let met = |point| Requirement::CaughtBy(point).is_met(&measures);
    assert!(met(CatchPoint::Canary) && !met(CatchPoint::Nobody) && !met(CatchPoint::NoData));
}

/// Hosts that vary excuse no outage: what fails every request is stopped in the canary.
#[test]
fn hosts_that_vary_do_not_hide_a_canary_that_fails_everything() {
    let relative = twice_the_errors();
    let everything = Mechanism::Errors {
        class: None,
        share: 1.0,
    };
    for vary in [10_000, 500_000, 1_000_000] {
        let mut scenario = world(Some(everything), Audience::Public, relative);
        let Method::Sequential(method) = SEQUENTIAL else {
            panic!("{SEQUENTIAL:?}");
        };
        let judge = &mut scenario.configs[0].plans[0].plan.stages[0].judge;
        judge.control = Control::Group;
        judge.method = Method::Sequential(SequentialMethod {
            hosts: HostEffects::AtMost(Ppm(vary)),
            ..method
        });
        let (log, measures) = run(&scenario);
        assert_eq!(canary_outcome(&log), Some(Outcome::Fail), "{vary} ppm");
        let caught = Requirement::CaughtBy(CatchPoint::Canary);
        assert!(caught.is_met(&measures), "{vary} ppm");
    }
}
