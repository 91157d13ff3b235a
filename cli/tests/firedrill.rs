//! The binary as its users meet it.

mod support;

use std::fs;

use serde_json::Value;

use support::{check, firedrill, text};

const LOGIN_DROP: &str = include_str!("../../scenarios/catalogue/scenarios/login-drop.yaml");

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

#[test]
fn list_tells_the_catalogue() {
    let folder = folder();
    let listed = check(folder.path(), &["list"], 0);
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let catalogue = firedrill_scenarios::catalogue();
    let expected: Vec<&str> = catalogue.iter().map(|entry| entry.name).collect();
    assert_eq!(names, expected);
    let json = check(folder.path(), &["list", "--format", "json"], 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["scenarios"][0]["name"], "login-drop");
}

#[test]
fn explain_tells_a_scenario_in_words() {
    let folder = folder();
    let told = check(folder.path(), &["explain", "crash-on-load"], 0);
    for words in [
        "the config of `feed` (2 200 instances)",
        "Of the instances that load it, 100 % crash, start again and crash again.",
        "1. employees (canary): 5 instances of each region, at random over its cells, 15 instances in all",
        "caught by a canary stage, in every run",
    ] {
        assert!(
            told.replace("\n    ", " ").contains(words),
            "{words}\n{told}"
        );
    }
}

#[test]
fn schemas_are_schemas() {
    let folder = folder();
    for kind in ["scenario", "postmortem", "summary"] {
        let printed = check(folder.path(), &["schema", kind], 0);
        let schema: Value = serde_json::from_str(&printed).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{kind}");
    }
    let default = check(folder.path(), &["schema"], 0);
    assert_eq!(default, check(folder.path(), &["schema", "scenario"], 0));
}

#[test]
fn run_tells_verdict_figures_and_reports() {
    let folder = folder();
    let arguments = ["run", "crash-on-load", "--seeds", "1..=3", "--jobs", "1"];
    let told = check(folder.path(), &arguments, 0);
    for words in [
        "3 runs of each scenario, --seeds 1..=3",
        "PASS  crash-on-load: ",
        "caught by canary `employees` (3 of 3)",
        "time to detect",
        "1 of 1 scenario passed",
        "reports: firedrill-out",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    assert!(!told.contains('\u{1b}'), "no colour into a pipe");
    let log = folder
        .path()
        .join("firedrill-out/crash-on-load/seed-1/run.jsonl");
    assert!(log.is_file());
    let mut two = arguments;
    two[5] = "2";
    assert_eq!(
        told,
        check(folder.path(), &two, 0),
        "threads change nothing"
    );
}

#[test]
fn json_follows_its_schema() {
    let folder = folder();
    let schema = check(folder.path(), &["schema", "summary"], 0);
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let arguments = [
        "run",
        "good-change",
        "crash-on-load",
        "mixed-defects",
        "--seeds",
        "1..=2",
        "--format",
        "json",
        "--verify",
    ];
    let document = check(folder.path(), &arguments, 0);
    let document: Value = serde_json::from_str(&document).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(document["seeds"]["last"], 2);
    assert_eq!(document["scenarios"][1]["verify"]["equal"], 2);
    assert_eq!(document["scenarios"][2]["verify"]["equal"], 2);
    // Every field of the summary is in its schema.
    let known = &serde_json::from_str::<Value>(&schema).unwrap();
    for key in document["scenarios"][2].as_object().unwrap().keys() {
        assert!(known.to_string().contains(&format!("\"{key}\"")), "{key}");
    }
}

#[test]
fn verify_notices_a_flipped_bit() {
    let folder = folder();
    let told = check(
        folder.path(),
        &["run", "good-change", "--seed", "1", "--verify"],
        0,
    );
    assert!(told.contains("1 of 1 digests equal"), "{told}");
    let tamper = ["--verify", "--verify-tamper", "arrivals@30"];
    let arguments = [&["run", "good-change", "--seed", "1"][..], &tamper[..]].concat();
    let told = check(folder.path(), &arguments, 1);
    for words in [
        "0 of 1 digests equal",
        "seed 1: the runs part at event",
        "first run:  00:05:",
        "second run: 00:05:",
        "replay: firedrill run good-change --seed 1 --verify --verify-tamper arrivals@30",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
}

/// A draw that nothing depends on shows nothing about `--verify`: that is no success.
#[test]
fn a_flipped_bit_that_changes_nothing_is_told() {
    let folder = folder();
    let tamper = ["--verify", "--verify-tamper", "wrong-answers@30"];
    let arguments = [&["run", "good-change", "--seed", "1"][..], &tamper[..]].concat();
    let told = check(folder.path(), &arguments, 2);
    let words = "`good-change` draws nothing that matters from `wrong-answers` in step 30";
    assert!(told.contains(words), "{told}");
}

#[test]
fn a_difference_is_told_whole_when_asked_for() {
    let folder = folder();
    let tamper = ["--verify", "--verify-tamper", "arrivals@30", "-v"];
    let arguments = [&["run", "good-change", "--seed", "1"][..], &tamper[..]].concat();
    let told = check(folder.path(), &arguments, 1);
    for words in ["first run:  {\"seq\":", "second run: {\"seq\":"] {
        assert!(told.contains(words), "{words}\n{told}");
    }
}

#[test]
fn a_scenario_that_expects_nothing_says_so() {
    let folder = folder();
    let (kept, _) = LOGIN_DROP.split_once("\nexpect:").unwrap();
    fs::write(folder.path().join("silent.yaml"), kept).unwrap();
    let told = check(folder.path(), &["run", "silent.yaml", "--seed", "1"], 0);
    for words in [
        "  no expectations: nothing was checked",
        "1 of 1 scenario passed, 1 of them without expectations",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let json = ["run", "silent.yaml", "--seed", "1", "--format", "json"];
    let output = firedrill(folder.path(), &json);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["scenarios"][0]["no_expectations"], true);
}

#[test]
fn an_expectation_that_is_not_met_ends_in_one() {
    let folder = folder();
    let strict = LOGIN_DROP.replace("time-to-detect-at-most: 45m", "time-to-detect-at-most: 1s");
    fs::write(folder.path().join("strict.yaml"), strict).unwrap();
    let told = check(
        folder.path(),
        &["run", "strict.yaml", "--seeds", "1..=2"],
        1,
    );
    for words in [
        "FAIL  login-drop: ",
        "not met: time to detect at most 1s (line 34): in 0 of 2 runs, wanted in 100 %",
        "failing seeds: 1, 2",
        "replay: firedrill run strict.yaml --seed 1",
        "0 of 1 scenario passed",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
}

#[test]
fn a_seed_is_drawn_and_told_first() {
    let folder = folder();
    let output = firedrill(folder.path(), &["run", "good-change"]);
    let told = text(&output.stdout);
    let first = told.lines().next().unwrap();
    assert!(
        first.contains("20 runs of each scenario, --seeds "),
        "{first}"
    );
    assert!(first.contains("drawn"), "{first}");
}

/// Breaks the first scenario of the catalogue in one place.
#[track_caller]
fn check_broken(from: &str, to: &str, expected: &[&str]) {
    let folder = folder();
    assert!(LOGIN_DROP.contains(from), "{from}");
    let broken = LOGIN_DROP.replacen(from, to, 1);
    fs::write(folder.path().join("broken.yaml"), broken).expect("there is room");
    let told = check(folder.path(), &["run", "broken.yaml"], 2);
    for words in expected {
        assert!(told.contains(words), "{words}\n{told}");
    }
    assert!(
        !folder.path().join("firedrill-out").exists(),
        "nothing was run"
    );
}

#[test]
fn broken_files_end_in_two() {
    check_broken(
        "world: {",
        "world: }{",
        &["broken.yaml:10:", "[scenario::bad-yaml]"],
    );
    check_broken(
        "duration:",
        "durations:",
        &[
            "broken.yaml:8:1: unknown key `durations`",
            "help: did you mean `duration`?",
        ],
    );
    check_broken(
        "share: 7 %",
        "share: 130 %",
        &[
            "broken.yaml:27:49: the share of the defect is `130 %`",
            "── expected a percentage from `0 %` to `100 %`",
            "1 problem; nothing was run",
        ],
    );
    let fleet = |services: &str, path: &str| {
        format!(
            "fleet:\n  regions: [{{name: one, utc-offset: 0h, cells: 1, weight: 1}}]\n  \
             services: {services}\n  classes: [{{name: login, path: [{path}], rate: 1/s, \
             employees: 0 %}}]\nchanges:"
        )
    };
    check_broken(
        "changes:",
        &fleet("[]", "auth"),
        &[
            "broken.yaml:14:13: the fleet has no service",
            "[scenario::empty-fleet]",
        ],
    );
    let edge = "[{name: edge, instances: 9, workers: 1, service-time: {median: 1ms, sigma: 0}, \
         error-share: 0 %, timeout: 1s, queue-max: 1, start-up: 1s, cpu: &g {idle: 0 %, slope: \
         0 %}, memory: *g, network: *g, disk: *g}]";
    check_broken(
        "changes:",
        &fleet(edge, "egde"),
        &[
            "broken.yaml:15:34: the path of class `login` names service `egde`",
            "help: did you mean `edge`, defined on line 14?",
        ],
    );
}

#[test]
fn bad_arguments_end_in_two() {
    let folder = folder();
    let cases: [(&[&str], &str); 7] = [
        (&["run", "--seeds", "7..=3"], "did you mean 3..=7?"),
        (&["run", "--seeds", "0..=18446744073709551616"], "too large"),
        (
            &["run", "--seed", "1", "--seeds", "1..=2"],
            "cannot be used with",
        ),
        (&["run", "lgin-drop"], "did you mean `login-drop`?"),
        (&["run", "--verify-tamper", "arrivals@1"], "--verify"),
        (
            &["run", "--verify", "--verify-tamper", "arivals@1"],
            "there are arrivals",
        ),
        (&["explain"], "required"),
    ];
    for (arguments, words) in cases {
        let told = check(folder.path(), arguments, 2);
        assert!(told.contains(words), "{words}\n{told}");
    }
}

#[test]
fn reports_that_cannot_be_written_end_in_two_before_any_run() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").unwrap();
    let told = check(
        folder.path(),
        &["run", "good-change", "--out", "file/out"],
        2,
    );
    assert!(
        told.starts_with("error: cannot write reports to file/out: "),
        "{told}"
    );
    assert!(told.contains("hint: name a folder that can be written with `--out DIR`"));
}

/// What a seed draws from a mix of defects is told by every reader of its run.
#[test]
fn a_drawn_defect_is_told_everywhere() {
    let folder = folder();
    // Whatever the breaks of its lines.
    let flat = |told: String| told.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = flat(check(folder.path(), &["explain", "mixed-defects"], 0));
    assert!(told.contains("from the mix `config-errors`"), "{told}");
    let told = check(
        folder.path(),
        &["explain", "mixed-defects", "--seed", "4"],
        0,
    );
    let arguments = ["run", "mixed-defects", "--seed", "4", "--format", "json"];
    let output = firedrill(folder.path(), &arguments);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kind = &document["scenarios"][0]["by_kind"][0];
    assert_eq!(kind["mechanisms"][0]["seeds"][0], 4);
    let run = folder.path().join("firedrill-out/mixed-defects/seed-4");
    let log = fs::read_to_string(run.join("run.jsonl")).unwrap();
    let header: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let record = &header["drawn"][0];
    assert_eq!(record["kind"], kind["kind"]);
    let words = format!("of kind `{}`", record["kind"].as_str().unwrap());
    let told = flat(told);
    assert!(told.contains(&words), "{told}");
    assert!(
        told.contains(record["defect"]["story"].as_str().unwrap()),
        "{told}"
    );
    let post_mortem = fs::read_to_string(run.join("postmortem.json")).unwrap();
    let post_mortem: Value = serde_json::from_str(&post_mortem).unwrap();
    let drawn = &post_mortem["header"]["reproduce"]["drawn"];
    assert_eq!(drawn["kind"], record["kind"]);
    assert_eq!(drawn["mechanism"], kind["mechanisms"][0]["mechanism"]);
    for page in ["postmortem.md", "postmortem.html"] {
        let page = fs::read_to_string(run.join(page)).unwrap();
        assert!(page.contains("Drawn by the seed"), "{page}");
    }
}
