//! Playbooks: what may be wrong with one, what is told of one, and what comes of those of the
//! catalogue.

use firedrill_core::plane::{ActionNote, Command, NoteBody};
use firedrill_core::remediation::ActionKind;
use firedrill_core::rollout::RollbackReason;
use firedrill_scenarios::{catalogue, explain, load_str};
use firedrill_sim::engine;
use firedrill_sim::log::{EventBody, RunLog};
use firedrill_sim::measure::measure;

fn source(name: &str) -> &'static str {
    let entry = catalogue().iter().find(|entry| entry.name == name);
    entry.expect("it is in the catalogue").source
}

fn run(source: &str, seed: u64) -> RunLog {
    let loaded = load_str("t.yaml", source).unwrap_or_else(|errors| panic!("{errors}"));
    engine::run(&loaded.scenario, seed)
}

fn notes(log: &RunLog) -> Vec<&NoteBody> {
    let events = log.events().iter();
    let notes = events.filter_map(|event| match &event.body {
        EventBody::Note(note) => Some(note),
        EventBody::Command(_) | EventBody::World(_) | EventBody::Person(_) => None,
    });
    notes.collect()
}

/// The first lines of the problems in the kill switch scenario with one text replaced by another.
fn problems(name: &str, from: &str, to: &str) -> Vec<String> {
    let source = source(name);
    assert!(source.contains(from), "`{from}` is no longer in {name}");
    let errors = load_str("t.yaml", &source.replace(from, to));
    let text = errors.expect_err("it is wrong").to_string();
    let heads = text.lines().filter(|line| line.starts_with("t.yaml:"));
    heads.map(str::to_owned).collect()
}

#[test]
fn a_playbook_that_names_what_is_not_there_says_where() {
    let cases = [
        ("{alert: login-success}", "{alert: logins}", "unknown-slo"),
        ("{alert: login-success}", "{failed: other}", "unknown-play"),
        (
            "{config: auth-sessions}",
            "{config: auth}",
            "unknown-config",
        ),
        ("{alert: login-success}", "verdict", "idle-play"),
    ];
    for (from, to, code) in cases {
        let found = problems("kill-switch-saves", from, to);
        let known = format!("[scenario::{code}]");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(&known), "{found:?}");
    }
    let found = problems(
        "drain-overloads-neighbour",
        "{region: us-east}",
        "{region: us}",
    );
    assert!(
        found[0].ends_with("[scenario::unknown-region]"),
        "{found:?}"
    );
}

#[test]
fn a_breaker_needs_a_fallback_and_an_override_two_roles() {
    let hard = "{caller: feed, callee: ranking}";
    let found = problems(
        "breaker-contains-cascade",
        "{caller: feed, callee: ads}",
        hard,
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("[scenario::no-fallback]"), "{found:?}");
    let second = "second: {name: identity-owner, role: owner}";
    let same = "second: {name: other-dev, role: developer}";
    let found = problems("override-regretted", second, same);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].ends_with("[scenario::powerless-second]"),
        "{found:?}"
    );
}

#[test]
fn explain_tells_the_playbook() {
    let loaded = load_str("t.yaml", source("override-regretted")).unwrap();
    let text = explain(&loaded);
    let told = text.split_once("Playbook\n").expect("it has one").1;
    assert!(told.contains("asks to override the verdict"), "{told}");
}

/// Without a playbook nothing is said of one, and nobody acts.
#[test]
fn without_a_playbook_nobody_acts() {
    let source = source("login-drop");
    let loaded = load_str("t.yaml", source).unwrap();
    assert!(!explain(&loaded).contains("Playbook"));
    assert!(measure(&run(source, 1)).actions.is_empty());
}

/// From the kill switch on, nothing of its config is pushed, and it is carried out once.
#[test]
fn nothing_is_pushed_under_a_kill_switch() {
    let log = run(source("kill-switch-saves"), 1);
    let actions = measure(&log).actions;
    assert!(actions.worked(ActionKind::KillSwitch), "{actions:?}");
    let thrown = actions.taken[0].begun.seq;
    let later = log.events().iter().filter(|event| event.seq > thrown);
    for event in later {
        if let EventBody::Command(command) = &event.body {
            assert!(!matches!(command, Command::Push { .. }), "{event:?}");
        }
    }
}

/// A tool that fails is told, and the play that waits for that is begun.
#[test]
fn a_failed_attempt_is_followed_by_the_next() {
    let second = "
    - name: again
      when: {failed: turn-session-config-off}
      after: {median: 2m, sigma: 0}
      times: 3
      do: {kill-switch: {config: auth-sessions}}
expect:";
    let tools = "response:
  tools: [{kind: kill-switch, delay: {median: 15s, sigma: 0.5}, fails: 60 %}]";
    let source = source("kill-switch-saves")
        .replace("response:", tools)
        .replacen("\nexpect:", second, 1);
    let mut again = 0;
    for seed in 1..=6 {
        let log = run(&source, seed);
        let actions = measure(&log).actions;
        again += u32::from(actions.failed(ActionKind::KillSwitch) && actions.taken.len() > 1);
    }
    assert!(again > 0, "three of five switches fail");
}

/// What automation may not do by itself it proposes, and does when somebody approves.
#[test]
fn automation_keeps_to_its_mode_here_too() {
    let automatic = source("kill-switch-saves").replace(
        "      do: {kill-switch",
        "      by: automation\n      do: {kill-switch",
    );
    let of_mode = |mode: &str| {
        let world = "world: {preset: social}";
        let source = automatic.replace(world, &format!("{world}\nautomation: {mode}"));
        run(&source, 2)
    };
    let count = |log: &RunLog, wanted: fn(&ActionNote) -> bool| {
        let notes = notes(log);
        let wanted = |note: &&&NoteBody| matches!(note, NoteBody::Action(note) if wanted(note));
        notes.iter().filter(wanted).count()
    };
    let begun = |note: &ActionNote| matches!(note, ActionNote::Begun { .. });
    let proposed = |note: &ActionNote| matches!(note, ActionNote::Suggested { .. });
    let refused = |note: &ActionNote| matches!(note, ActionNote::Refused { .. });
    let all = of_mode("all");
    assert_eq!((count(&all, proposed), count(&all, begun)), (0, 1));
    let suggest = of_mode("suggest");
    assert_eq!((count(&suggest, proposed), count(&suggest, begun)), (1, 1));
    let off = of_mode("off");
    assert_eq!((count(&off, refused), count(&off, begun)), (1, 0));
}

/// The verdict that two people overrode comes back as an outage, and as a rollback that somebody
/// orders.
#[test]
fn an_override_goes_on_and_is_on_record() {
    let log = run(source("override-regretted"), 1);
    let notes = notes(&log);
    let granted = notes
        .iter()
        .any(|note| matches!(note, NoteBody::Action(ActionNote::OverrideGranted { .. })));
    let entered = notes
        .iter()
        .any(|note| matches!(note, NoteBody::StageEntered { stage: 1, .. }));
    let ordered = notes.iter().any(|note| {
        matches!(
            note,
            NoteBody::RollbackStarted {
                reason: RollbackReason::Ordered,
                ..
            }
        )
    });
    assert!(granted && entered && ordered);
}

/// Not more than one step at a time, and more of the region is away after each.
#[test]
fn a_drain_goes_step_by_step() {
    let log = run(source("drain-overloads-neighbour"), 1);
    let notes = notes(&log);
    let mut moved = Vec::new();
    for note in notes {
        if let NoteBody::Action(ActionNote::StepOrdered { step, .. }) = note {
            moved.push(step.moved);
        }
    }
    assert!(moved.len() > 2, "{moved:?}");
    assert!(moved.is_sorted_by(|a, b| a < b), "{moved:?}");
}
