//! Defects that are drawn: each seed its own, as often as the mix says, and nothing else with them.

mod support;

use firedrill_core::Micros;
use firedrill_sim::campaign::{RunOutcome, Summary};
use firedrill_sim::engine::{self, Tamper, drawn_defects};
use firedrill_sim::log::{EventBody, RunLog, WorldEvent};
use firedrill_sim::measure::measure;
use firedrill_sim::spec::{Defect, DefectMix, Mechanism, MixPart, Onset, Scenario, Trigger};

use support::scenario;

fn defect(mechanism: Mechanism, onset: Onset, triggers: Vec<Trigger>) -> Defect {
    Defect {
        story: "It breaks.".into(),
        mechanism,
        log_lines: 0.0,
        onset,
        triggers,
    }
}

fn part(kind: &str, weight: f64, low: Defect, high: Defect) -> MixPart {
    MixPart {
        kind: kind.into(),
        weight,
        low,
        high,
    }
}

/// Half of the defects are plain, a third begins late, a sixth needs load.
fn mix() -> DefectMix {
    let errors = |share| Mechanism::Errors { class: None, share };
    let latency = |factor| Mechanism::Latency { factor };
    let crash = |share| Mechanism::CrashOnLoad { share };
    let late = |minutes| Onset::Delayed(Micros::from_mins(minutes));
    let busy = |load| vec![Trigger::LoadAbove(load)];
    let at_load = |mechanism| defect(mechanism, Onset::AtLoad, vec![]);
    DefectMix {
        name: "three-kinds".into(),
        basis: "Assumed.".into(),
        parts: vec![
            part("plain", 3.0, at_load(errors(0.05)), at_load(errors(0.6))),
            part(
                "late",
                2.0,
                defect(latency(1.5), late(1), vec![]),
                defect(latency(6.0), late(9), vec![]),
            ),
            part(
                "load",
                1.0,
                defect(crash(0.1), Onset::AtLoad, busy(0.05)),
                defect(crash(0.9), Onset::AtLoad, busy(0.3)),
            ),
        ],
    }
}

fn mixed() -> Scenario {
    let mut scenario = scenario(None);
    scenario.changes[0].mix = Some(mix());
    scenario
}

/// The events of a run, but for the reference from an event to the record of what was drawn.
fn events(log: &RunLog) -> Vec<String> {
    let line = |event: &firedrill_sim::log::Event| {
        let mut event = event.clone();
        if let EventBody::World(WorldEvent::DefectArmed { drawn, .. }) = &mut event.body {
            *drawn = None;
        }
        serde_json::to_string(&event).expect("an event is plain data")
    };
    log.events().iter().map(line).collect()
}

/// What was drawn stands in the log's header as a plain record: a scenario with that defect and
/// without the mix gives the same run, so drawing it shifted no other draw.
#[test]
fn a_record_makes_the_run_again() {
    let mixed = mixed();
    mixed.check().unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 1..=12 {
        let log = engine::run(&mixed, seed);
        let [record] = &log.header().drawn[..] else {
            panic!("one change, one record");
        };
        let mut plain = mixed.clone();
        plain.changes[0].mix = None;
        plain.changes[0].defect = Some(record.defect.clone());
        let again = engine::run(&plain, seed);
        assert_eq!(events(&log), events(&again), "seed {seed}: {record:?}");
        assert_eq!(measure(&log).drawn.as_ref(), Some(record));
        assert_eq!(measure(&again).drawn, None);
        kinds.insert(record.kind.clone());
    }
    assert_eq!(kinds.len(), 3, "twelve seeds see every kind: {kinds:?}");
}

#[test]
fn the_same_seed_draws_the_same_defect() {
    let mixed = mixed();
    let log = engine::run(&mixed, 5);
    assert_eq!(log.digest(), engine::run(&mixed, 5).digest());
    assert_eq!(log.header().drawn, drawn_defects(&mixed, 5));
    assert_ne!(drawn_defects(&mixed, 5), drawn_defects(&mixed, 6));
    let tamper = Tamper {
        stream: "defects".into(),
        step: 0,
    };
    let tampered = engine::run_tampered(&mixed, 5, &tamper);
    assert_ne!(tampered.header().drawn, log.header().drawn);
}

/// What one change draws does not depend on whether another one draws, too.
#[test]
fn changes_draw_apart() {
    let mut two = mixed();
    two.changes.push(two.changes[0].clone());
    let both = drawn_defects(&two, 3);
    assert_ne!(both[0].defect, both[1].defect, "each for itself");
    two.changes[0].mix = None;
    assert_eq!(drawn_defects(&two, 3), both[1..]);
}

/// Chi-squared with 2 degrees of freedom: 13.8 is exceeded once in a thousand series of seeds. A
/// mean of n uniform draws is off by more than 3.3 standard errors as rarely.
#[test]
fn kinds_and_magnitudes_are_drawn_as_the_mix_says() {
    let mixed = mixed();
    let n = 6_000_u32;
    let drawn: Vec<_> = (0..u64::from(n))
        .flat_map(|seed| drawn_defects(&mixed, seed))
        .collect();
    let chi2: f64 = [("plain", 3.0), ("late", 2.0), ("load", 1.0)]
        .map(|(kind, weight)| {
            let found = drawn.iter().filter(|one| one.kind == kind).count() as f64;
            let expected = f64::from(n) * weight / 6.0;
            (found - expected).powi(2) / expected
        })
        .iter()
        .sum();
    assert!(chi2 < 13.8, "{chi2}");
    let near = |values: &[f64], low: f64, high: f64| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let error = (high - low) / (12.0 * values.len() as f64).sqrt();
        assert!(
            (mean - f64::midpoint(low, high)).abs() < 3.3 * error,
            "{mean} in {low}..{high}"
        );
        assert!(
            values
                .iter()
                .all(|value| (low - 1e-9..=high + 1e-9).contains(value))
        );
    };
    let pick = |of: fn(&Defect) -> Option<f64>| -> Vec<f64> {
        drawn.iter().filter_map(|one| of(&one.defect)).collect()
    };
    let shares = pick(|defect| {
        let Mechanism::Errors { share, .. } = defect.mechanism else {
            return None;
        };
        Some(share)
    });
    near(&shares, 0.05, 0.6);
    let factors = pick(|defect| {
        let Mechanism::Latency { factor } = defect.mechanism else {
            return None;
        };
        Some(factor.ln())
    });
    near(&factors, 1.5_f64.ln(), 6.0_f64.ln());
    let delays = pick(|defect| {
        let Onset::Delayed(delay) = defect.onset else {
            return None;
        };
        Some(delay.as_secs_f64().ln())
    });
    near(&delays, 60.0_f64.ln(), 540.0_f64.ln());
    let loads = pick(|defect| {
        let [Trigger::LoadAbove(load)] = defect.triggers[..] else {
            return None;
        };
        Some(load)
    });
    near(&loads, 0.05, 0.3);
}

#[test]
fn a_campaign_counts_by_kind() {
    let mixed = mixed();
    let runs: Vec<RunOutcome> = (1..=12)
        .map(|seed| RunOutcome::of(&mixed, &engine::run(&mixed, seed)))
        .collect();
    let summary = Summary::of(&mixed, &runs);
    let kinds: Vec<&str> = summary.by_kind.iter().map(|kind| &*kind.kind).collect();
    assert_eq!(kinds, ["late", "load", "plain"]);
    for kind in &summary.by_kind {
        let ends = [
            kind.before_rollout,
            kind.canary,
            kind.wave,
            kind.alert,
            kind.missed,
        ];
        assert_eq!(ends.iter().sum::<u64>(), kind.n);
        let mut seeds: Vec<u64> = Vec::new();
        for mechanism in &kind.mechanisms {
            seeds.extend(&mechanism.seeds);
        }
        let own = runs.iter().filter(|run| {
            let drawn = run.measures.drawn.as_ref().unwrap();
            drawn.kind == kind.kind
        });
        seeds.sort_unstable();
        assert_eq!(seeds, own.map(|run| run.seed).collect::<Vec<_>>());
        assert_eq!(seeds.len() as u64, kind.n);
        assert_eq!(
            kind.time_to_detect.n, kind.harmed,
            "who harms is to be detected"
        );
    }
    let plain = Summary::of(&scenario(None), &[]);
    assert!(plain.by_kind.is_empty());
}

#[test]
fn a_mix_from_which_nothing_can_be_drawn_is_refused() {
    let refused = |break_it: fn(&mut Scenario, &mut DefectMix), why: &str| {
        let mut scenario = scenario(None);
        let mut broken = mix();
        break_it(&mut scenario, &mut broken);
        scenario.changes[0].mix = Some(broken);
        let error = scenario.check().expect_err(why).to_string();
        assert!(error.ends_with(why), "{error}");
    };
    refused(|_, mix| mix.parts.clear(), "it is empty");
    refused(
        |scenario, mix| scenario.changes[0].defect = Some(mix.parts[0].low.clone()),
        "the change has a defect already",
    );
    refused(
        |_, mix| mix.parts[0].high = mix.parts[1].high.clone(),
        "its two ends are not the same mechanism",
    );
    refused(
        |_, mix| mix.parts[1].high.onset = Onset::AtLoad,
        "its two ends do not begin in the same way",
    );
    refused(
        |_, mix| mix.parts[2].low.triggers.clear(),
        "its two ends do not have the same triggers",
    );
    refused(
        |_, mix| {
            let part = &mut mix.parts[0];
            std::mem::swap(&mut part.low, &mut part.high);
        },
        "its range is upside down",
    );
    let mut scenario = mixed();
    scenario.changes[0].mix.as_mut().unwrap().parts[1].weight = 0.0;
    assert!(
        scenario
            .check()
            .unwrap_err()
            .to_string()
            .contains("a weight in the mix")
    );
}
