//! What automation may do by itself, over the scenario in which it should not.

use firedrill_core::plane::NoteBody;
use firedrill_core::rollout::RollbackReason;
use firedrill_scenarios::load_str;
use firedrill_sim::campaign::{RunOutcome, Summary};
use firedrill_sim::engine;
use firedrill_sim::log::EventBody;

const SOURCE: &str = include_str!("../catalogue/scenarios/automation-misfires.yaml");

/// Seeds, as in the catalogue's own check.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

#[test]
fn trusted_everywhere_it_takes_a_good_change_back() {
    let scenario = load_str("t.yaml", SOURCE).unwrap().scenario;
    let run = |seed| RunOutcome::of(&scenario, &engine::run(&scenario, seed));
    let runs: Vec<RunOutcome> = SEEDS.map(run).collect();
    let summary = Summary::of(&scenario, &runs);
    assert!(summary.passed, "{:?}", summary.expectations);
    let taken_back = runs.iter().filter(|run| run.measures.false_rollback);
    assert!(taken_back.count() >= 16, "at the rate that the file states");
}

/// Without trust the same verdict pauses the rollout, pages, and takes nothing back by itself.
#[test]
fn what_it_may_not_take_back_waits_for_people() {
    for (mode, proposes) in [("off", false), ("suggest", true)] {
        let source = SOURCE.replace("automation: all", &format!("automation: {mode}"));
        let scenario = load_str("t.yaml", &source).unwrap().scenario;
        let log = engine::run(&scenario, 1);
        let notes: Vec<&NoteBody> = log
            .events()
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::Note(note) => Some(note),
                EventBody::Command(_) | EventBody::World(_) | EventBody::Person(_) => None,
            })
            .collect();
        let held = |note: &NoteBody| matches!(note, NoteBody::RollbackHeld { suggested, .. } if *suggested == proposes);
        let paged = |note: &NoteBody| matches!(note, NoteBody::PageSent { .. });
        let by_itself = |note: &NoteBody| matches!(note, NoteBody::RollbackStarted { reason, .. } if *reason != RollbackReason::Ordered);
        assert!(notes.iter().any(|note| held(note)), "{mode}");
        assert!(notes.iter().any(|note| paged(note)), "{mode}");
        assert!(!notes.iter().any(|note| by_itself(note)), "{mode}");
    }
}
