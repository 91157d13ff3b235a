//! What every format must hold, on a run made by hand.

use std::collections::BTreeMap;
use std::path::Path;

use firedrill_sim::campaign::{RunOutcome, Summary};
use firedrill_sim::log::RunLog;
use firedrill_sim::spec::Scenario;

use crate::fixture;
use crate::postmortem::{self, PostMortem, Source};
use crate::{write_campaign, write_run};

type Run = (RunLog, RunOutcome, Scenario);

/// Every file of a run, by name.
fn files((log, outcome, scenario): &Run) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let written = write_run(dir.path(), log, outcome, scenario).unwrap();
    read(&written)
}

fn read(written: &[std::path::PathBuf]) -> BTreeMap<String, String> {
    let entry = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    written.iter().map(entry).collect()
}

fn document((log, outcome, scenario): &Run) -> PostMortem {
    PostMortem::of(log, outcome, scenario)
}

fn summaries() -> Vec<Summary> {
    let (_, outcome, scenario) = fixture::outage();
    let mut other = outcome.clone();
    other.seed = 8;
    vec![Summary::of(&scenario, &[outcome, other])]
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let first = files(&fixture::outage());
    assert_eq!(first, files(&fixture::outage()));
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "postmortem.html",
            "postmortem.json",
            "postmortem.md",
            "run.jsonl",
            "series.csv",
            "timeline.csv"
        ]
    );
}

#[test]
fn an_outage_as_markdown() {
    insta::assert_snapshot!(files(&fixture::outage())["postmortem.md"]);
}

#[test]
fn a_good_change_as_markdown() {
    insta::assert_snapshot!(files(&fixture::good_change())["postmortem.md"]);
}

#[test]
fn a_page_is_whole_and_alone() {
    for run in [fixture::outage(), fixture::good_change()] {
        let page = &files(&run)["postmortem.html"];
        for banned in [
            "<script",
            "http:",
            "https:",
            "@import",
            "url(",
            "javascript:",
            " on",
        ] {
            let found = match banned {
                " on" => page.contains(" onload=") || page.contains(" onclick="),
                banned => page.contains(banned),
            };
            assert!(!found, "the page has {banned}");
        }
        assert!(page.contains(r#"<html lang="en">"#));
        assert!(page.contains("Logins drop &amp; the canary &lt;sees nothing&gt;"));
        check_balance(page);
        let count = |what: &str| page.matches(what).count();
        assert_eq!(count("<table>"), count("<caption>"));
        assert!(count("<svg") >= 3);
        assert_eq!(count("<svg"), count("<desc id="));
        assert_eq!(count("<svg"), count("<title id="));
        assert_eq!(count("<figure>"), count("<figcaption>"));
        assert_eq!(count("<th>"), 0, "every header cell has a scope");
        assert_eq!(count("<h1>"), 1);
        check_ids(page);
    }
}

/// Every element that opens also closes, in order.
fn check_balance(page: &str) {
    const VOID: [&str; 5] = ["meta", "!DOCTYPE", "line", "path", "br"];
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if VOID.contains(&name) {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in <{tag}>");
        } else {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

/// Ids are unique, and every link within the page leads somewhere.
fn check_ids(page: &str) {
    let after = |what: &'static str| {
        page.split(what)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
    };
    let mut ids: Vec<&str> = after(" id=\"").collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id is there twice");
    for target in after("href=\"#") {
        assert!(ids.contains(&target), "nothing is called {target}");
    }
}

#[test]
fn the_document_fits_its_schema() {
    let schema = postmortem::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for run in [fixture::outage(), fixture::good_change()] {
        let text = &files(&run)["postmortem.json"];
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
        let read: PostMortem = serde_json::from_str(text).unwrap();
        assert_eq!(read, document(&run));
    }
}

#[test]
fn figures_name_events_that_are_there() {
    let run = fixture::outage();
    let events = run.0.events().len() as u64;
    let document = document(&run);
    let sources: Vec<&Source> = document
        .impact
        .figures
        .iter()
        .map(|figure| &figure.source)
        .chain(document.times.iter().map(|time| &time.source))
        .chain(document.defences.iter().map(|defence| &defence.source))
        .chain(document.actions.iter().map(|item| &item.source))
        .collect();
    for source in &sources {
        let samples = source.samples.into_iter().flatten();
        assert!(
            source
                .events
                .iter()
                .copied()
                .chain(samples)
                .all(|n| n < events)
        );
    }
    let untold = sources
        .iter()
        .filter(|source| source.events.is_empty() && source.samples.is_none());
    assert_eq!(
        untold.count(),
        1,
        "only the objectives with nothing to say have no source"
    );
}

/// Roles act and conditions contribute: no names, no fault.
#[test]
fn nobody_is_blamed() {
    let run = fixture::outage();
    for (name, text) in files(&run) {
        if name == "run.jsonl" {
            continue;
        }
        let text = text.to_lowercase();
        for blame in [
            "human error",
            "should have",
            "careless",
            "\"ana\"",
            "(ana",
            "kim ",
            " bo ",
        ] {
            assert!(!text.contains(blame), "{name} says {blame}");
        }
    }
}

#[test]
fn layers_of_an_outage() {
    let lines: Vec<String> = document(&fixture::outage())
        .defences
        .iter()
        .map(|defence| format!("{}: {}", defence.layer, defence.label))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    Validation: missed it
    Review: missed it
    Canary `employees`: missed it
    Wave `wave-10`: missed it
    Wave `wave-100`: missed it
    Alert on `login-success`: caught it
    Alerts on other objectives: nothing to catch
    Rollback by an operator: carried out
    ");
}

/// A page that goes out when the change is already on its way back mitigates nothing, and neither
/// does the order that follows it.
#[test]
fn an_order_after_an_automatic_rollback_is_not_what_ended_it() {
    let document = document(&fixture::taken_back());
    let summary = document.summary.join(" ");
    assert!(summary.contains("At 14:24:00 the change was rolled back automatically; "));
    assert!(summary.contains("The first page went out only at 14:30:00, "));
    assert!(!summary.contains("on-call engineer rolled"), "{summary}");
    let layers: Vec<String> = document.defences[4..]
        .iter()
        .map(|defence| format!("{}: {}", defence.layer, defence.label))
        .collect();
    insta::assert_snapshot!(layers.join("\n"), @r"
    Wave `wave-100`: caught it
    Alert on `login-success`: too late
    Alerts on other objectives: nothing to catch
    Automatic rollback: carried out
    ");
    let causes = document.causes.unwrap();
    let waits = |layer: &str| layer == "mitigation";
    assert!(!causes.conditions.iter().any(|one| waits(&one.layer)));
    let by_alert = |title: &str| title.starts_with("Let a paging alert roll");
    assert!(!document.actions.iter().any(|item| by_alert(&item.title)));
    let told = document.timeline.iter();
    let vain = told.filter(|entry| {
        entry
            .text
            .ends_with("The rollback had already begun by itself.")
    });
    assert_eq!(vain.count(), 1);
}

#[test]
fn tables_read_back() {
    let files = files(&fixture::outage());
    for name in ["timeline.csv", "series.csv"] {
        let text = &files[name];
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().get(0), Some("event"));
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert!(!rows.is_empty());
        assert!(rows.iter().all(|row| row[0].parse::<u64>().is_ok()));
        assert_eq!(text.matches("\r\n").count(), rows.len() + 1);
    }
    let first = files["timeline.csv"].lines().nth(1).unwrap();
    insta::assert_snapshot!(first, @r#"2,2000-01-01T14:02:00.000Z,120000000,author,change-proposed,false,true,"The author (developer) proposes “Sign tokens with the next key” for config `session-token`: `token-key` = `""next""`.",,login-drop"#);
}

#[test]
fn a_campaign_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let files = read(&write_campaign(dir.path(), &summaries()).unwrap());
    insta::assert_snapshot!(files["index.md"]);
    let json: serde_json::Value = serde_json::from_str(&files["summary.json"]).unwrap();
    assert_eq!(json["passed"], false);
    assert_eq!(json["scenarios"][0]["scenario"], "login-drop");
    let mut reader = csv::Reader::from_reader(files["summary.csv"].as_bytes());
    assert_eq!(reader.records().count(), 14 * 3);
}

#[test]
fn other_readers_take_the_junit_report() {
    let dir = tempfile::tempdir().unwrap();
    let files = read(&write_campaign(dir.path(), &summaries()).unwrap());
    let text = &files["junit.xml"];
    let report = quick_junit::Report::deserialize_from_str(text).unwrap();
    assert_eq!((report.tests, report.failures), (2, 1));
    let suite = &report.test_suites[0];
    assert_eq!(suite.name.as_str(), "login-drop");
    insta::assert_snapshot!(text);
}

#[test]
fn an_unwritable_directory_is_named() {
    let (log, outcome, scenario) = fixture::outage();
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = write_run(&file.path().join("x"), &log, &outcome, &scenario).unwrap_err();
    assert!(error.to_string().starts_with("cannot make the directory"));
    assert!(Path::new(file.path()).is_file());
}
