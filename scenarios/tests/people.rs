//! The scenarios of the catalogue in which people tire and err, over seeds 1 to 20.

#![expect(clippy::print_stdout, reason = "the rates belong to the test's output")]

use firedrill_core::Micros;
use firedrill_core::plane::NoteBody;
use firedrill_scenarios::{explain, load_embedded};
use firedrill_sim::engine::run;
use firedrill_sim::log::{EventBody, PersonEvent, RunLog};
use firedrill_sim::measure::{Span, measure};
use firedrill_sim::spec::{NoiseLevel, Outage, Scenario, ToolKind, ToolSpec};

fn scenario(name: &str) -> Scenario {
    let loaded = load_embedded(name).unwrap_or_else(|errors| panic!("{errors}"));
    loaded.scenario
}

fn runs(scenario: &Scenario) -> Vec<RunLog> {
    (1..=20).map(|seed| run(scenario, seed)).collect()
}

/// Every line of `expect` holds at its stated rate.
fn meets_its_expectations(scenario: &Scenario, logs: &[RunLog]) {
    assert!(!scenario.expect.is_empty());
    let measures: Vec<_> = logs.iter().map(measure).collect();
    for line in &scenario.expect {
        let met = measures
            .iter()
            .filter(|m| line.requirement.is_met(m))
            .count();
        let rate = met as f64 / measures.len() as f64;
        println!(
            "{}: {}: {met} of {}",
            scenario.name,
            line.requirement,
            measures.len()
        );
        assert!(rate >= line.rate.as_f64(), "{}: {rate}", line.requirement);
    }
}

/// From the first harm to mitigation; what never ends counts as the whole run.
fn mitigated(scenario: &Scenario, log: &RunLog) -> Micros {
    match measure(log).time_to_mitigate {
        Span::Took(time) => time,
        Span::Never | Span::NotApplicable => scenario.duration,
    }
}

/// The changes that people took for the cause, in order.
fn suspected(log: &RunLog) -> Vec<Option<u32>> {
    let events = log.events().iter().filter_map(|event| match &event.body {
        EventBody::Person(PersonEvent::CauseSuspected { rollout, .. }) => {
            Some(rollout.map(|r| r.0))
        }
        EventBody::Note(_)
        | EventBody::Command(_)
        | EventBody::World(_)
        | EventBody::Person(
            PersonEvent::PageAnswered { .. }
            | PersonEvent::PlayBegun { .. }
            | PersonEvent::TroubleTold { .. }
            | PersonEvent::OverrideDeclined { .. },
        ) => None,
    });
    events.collect()
}

#[test]
fn people_are_explained() {
    let loaded = load_embedded("wrong-suspect").unwrap_or_else(|errors| panic!("{errors}"));
    let told = explain(&loaded)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for line in [
        "no machine: answers a page in 2m by day and 5m at night",
        "takes an innocent one for guilty in 70 % of looks",
        "by one click what seems guilty",
        "Up to 3 people look, and are told to roll back first.",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn tired_people_let_users_wait_longer() {
    let tired = scenario("alert-fatigue");
    let mut rested = tired.clone();
    rested.on_call.model.as_mut().expect("it has a model").noise = NoiseLevel::Low;
    let (with, without) = (runs(&tired), runs(&rested));
    meets_its_expectations(&tired, &with);
    // The same twenty outages; only the pager's past differs.
    let total = |scenario: &Scenario, logs: &[RunLog]| {
        logs.iter()
            .map(|log| mitigated(scenario, log).as_secs_f64())
            .sum::<f64>()
            / 20.0
    };
    let pairs = with.iter().zip(&without);
    let slower = pairs
        .filter(|(a, b)| mitigated(&tired, a) > mitigated(&rested, b))
        .count();
    let (slow, quick) = (total(&tired, &with), total(&rested, &without));
    println!("tired {slow:.0} s, rested {quick:.0} s, slower in {slower} of 20");
    assert!(slow > quick, "{slow} against {quick}");
    // A sign test: by chance alone, 15 of 20 happen once in 50.
    assert!(slower >= 15, "{slower}");
}

#[test]
fn the_change_next_to_the_smoke_is_blamed_first_and_the_guilty_one_in_the_end() {
    let scenario = scenario("wrong-suspect");
    let logs = runs(&scenario);
    meets_its_expectations(&scenario, &logs);
    let blamed: Vec<_> = logs.iter().map(suspected).collect();
    println!("{blamed:?}");
    let wrong = blamed
        .iter()
        .filter(|b| b.first() == Some(&Some(1)))
        .count();
    // Convinced in 70 of 100 looks: 7 or fewer of 20 happen once in 700.
    assert!(wrong >= 8, "{wrong}");
    for blamed in blamed.iter().filter(|b| b.first() == Some(&Some(1))) {
        assert!(
            blamed.len() > 1,
            "nobody stops at a rollback that does not help"
        );
    }
    let right = blamed.iter().filter(|b| b.last() == Some(&Some(0))).count();
    assert!(right >= 17, "{right}");
}

/// Posts to status pages, and deadlines that passed without one.
fn posts_and_misses(log: &RunLog) -> (usize, usize) {
    let notes = |wanted: fn(&NoteBody) -> bool| {
        let is = |body: &EventBody| matches!(body, EventBody::Note(note) if wanted(note));
        log.events().iter().filter(|event| is(&event.body)).count()
    };
    (
        notes(|note| matches!(note, NoteBody::StatusPosted { .. })),
        notes(|note| matches!(note, NoteBody::StatusPostMissed { .. })),
    )
}

#[test]
fn users_are_told_while_the_status_page_works() {
    let plain = scenario("follow-the-sun-handover");
    let with_page = |change: fn(&mut ToolSpec)| {
        let mut scenario = plain.clone();
        let mut page = ToolSpec::new(ToolKind::StatusPage);
        page.down = vec![Outage {
            from: Micros::ZERO,
            until: scenario.duration,
        }];
        change(&mut page);
        scenario.tools.push(page);
        scenario
    };
    let down = with_page(|_| ());
    let another_way = with_page(|page| page.out_of_band = Some(Micros::from_mins(10)));
    for seed in 1..=5 {
        let told = run(&plain, seed);
        let (posts, misses) = posts_and_misses(&told);
        assert!(
            posts >= 4 && misses < posts,
            "{posts} posts, {misses} missed"
        );
        let Span::Took(usual) = measure(&told).time_to_tell else {
            panic!("users are told");
        };
        let silent = run(&down, seed);
        assert_eq!(measure(&silent).time_to_tell, Span::Never);
        let (posts, misses) = posts_and_misses(&silent);
        assert_eq!(posts, 0);
        assert!(misses >= 4, "{misses} missed");
        let Span::Took(late) = measure(&run(&another_way, seed)).time_to_tell else {
            panic!("users are told, by another way");
        };
        assert_eq!(late - usual, Micros::from_mins(10));
    }
}
