//! Golden run logs: small worlds whose every event, bar samples, is kept in a file.
//!
//! `UPDATE_GOLDEN=1 cargo test -p firedrill-sim --test golden` writes the files anew; accept the
//! difference only when you can explain it.

mod support;

use std::path::Path;

use firedrill_sim::engine;
use firedrill_sim::log::{Event, EventBody, RunLog, WorldEvent};
use firedrill_sim::spec::Mechanism;

use support::{LOGIN_ERRORS, scenario};

const STORIES: [(&str, &str, Option<Mechanism>); 4] = [
    (
        "login-errors",
        "A twelfth of all logins fail. Logins are few, so every judge passes; the login objective\n\
         burns, somebody is paged and rolls back.",
        Some(LOGIN_ERRORS),
    ),
    (
        "crash-on-load",
        "Instances crash as they take the config. The canary's judge sees them gone and the\n\
         change goes back before anybody is paged.",
        Some(Mechanism::CrashOnLoad { share: 1.0 }),
    ),
    (
        "latency",
        "Every request takes three times as long on instances that run the change.",
        Some(Mechanism::Latency { factor: 3.0 }),
    ),
    (
        "good",
        "A good change passes every stage and nobody hears of it.",
        None,
    ),
];

#[test]
fn golden_run_logs() {
    for (name, story, mechanism) in STORIES {
        let log = engine::run(&scenario(mechanism), 7);
        let text = render(story, &log);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let differing = golden
            .lines()
            .zip(text.lines())
            .find(|(golden, now)| golden != now);
        assert!(
            golden == text,
            "{name} differs from {}, first here: {differing:#?}",
            path.display()
        );
    }
}

fn render(story: &str, log: &RunLog) -> String {
    let header = log.header();
    let mut lines: Vec<String> = story
        .lines()
        .map(|line| format!("# {}", line.trim()))
        .collect();
    lines.push(format!(
        "run scenario={} seed={}",
        header.scenario, header.seed
    ));
    lines.push("----".into());
    let is_sample = |event: &&Event| matches!(event.body, EventBody::World(WorldEvent::Sample(_)));
    lines.extend(
        log.events()
            .iter()
            .filter(|event| !is_sample(event))
            .map(line),
    );
    lines.push(format!("digest {}\n", log.digest()));
    lines.join("\n")
}

/// `seq time actor subject kind data <- causes`
fn line(event: &Event) -> String {
    let body = serde_json::to_value(&event.body).expect("plain data");
    let data = body
        .get("data")
        .map(ToString::to_string)
        .unwrap_or_default();
    let actor = serde_json::to_value(event.actor).expect("plain data");
    format!(
        "{:<5} {:<12} {:<12} {:<13} {:<20} {data} <- {:?}",
        event.seq,
        event.t_us.to_string(),
        actor.as_str().unwrap_or_default(),
        event.subject,
        body["kind"].as_str().unwrap_or_default(),
        event.cause,
    )
}
