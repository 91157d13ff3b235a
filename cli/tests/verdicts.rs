//! Verdicts of `firedrill judge` that people rely on: a test a trap, named after it.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::check;

/// A header, and sixty rows of ten seconds.
fn rows(header: &str, row: impl Fn(u64) -> String) -> String {
    let mut text = format!("{header}\n");
    for number in 1..=60 {
        writeln!(text, "{},{}", 10 * number, row(number)).expect("strings grow");
    }
    text
}

/// Sixty intervals of so many hosts with so many requests and errors each.
fn hosts(count: u64, requests: u64, errors: impl Fn(u64, u64) -> u64) -> String {
    let mut text = String::from("timestamp,host,requests,errors\n");
    for number in 1..=60 {
        for host in 0..count {
            let errors = errors(number, host);
            writeln!(text, "{},h{host},{requests},{errors}", 10 * number).expect("strings grow");
        }
    }
    text
}

fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("there is room");
    }
    folder
}

/// Judges `b.csv` beside `a.csv` by `p.yaml`.
#[track_caller]
fn judge(folder: &Path, code: i32) -> String {
    let files = [
        "--policy",
        "p.yaml",
        "--control",
        "a.csv",
        "--canary",
        "b.csv",
    ];
    check(folder, &[&["judge"][..], &files].concat(), code)
}

#[track_caller]
fn judge_json(folder: &Path, code: i32) -> Value {
    let files = [
        "--policy",
        "p.yaml",
        "--control",
        "a.csv",
        "--canary",
        "b.csv",
    ];
    let all = [&["judge", "--format", "json"][..], &files].concat();
    serde_json::from_str(&check(folder, &all, code)).expect("JSON")
}

/// Each host of the canary fails a fifth, a half, all: hosts that differ are no excuse.
#[test]
fn trap_a_catastrophic_canary_is_excused_by_hosts_that_differ() {
    for (count, requests) in [(5, 100), (10, 100), (10, 1_000), (20, 10_000)] {
        for bad in [requests / 5, requests / 2, requests] {
            let usual = |number: u64, host: u64| match requests {
                100 => u64::from((number + host).is_multiple_of(10)),
                _ => requests / 1_000,
            };
            let folder = folder(&[
                ("p.yaml", "sequential: {hosts: estimated}\n".into()),
                ("a.csv", hosts(count, requests, usual)),
                ("b.csv", hosts(count, requests, |_, _| bad)),
            ]);
            let said = judge(folder.path(), 1);
            assert!(said.starts_with("FAIL"), "{said}");
            assert!(said.contains("failed   after 10s"), "{count} {bad}: {said}");
        }
    }
}

#[test]
fn trap_hosts_are_estimated_from_files_that_name_none() {
    let counts = rows("timestamp,requests,errors", |_| "1000,1".into());
    let folder = folder(&[
        ("p.yaml", "sequential: {hosts: estimated}\n".into()),
        ("a.csv", counts.clone()),
        ("b.csv", counts),
    ]);
    let said = judge(folder.path(), 2);
    assert!(
        said.contains("b.csv:1:1: there is no column `host`"),
        "{said}"
    );
    assert!(said.contains("or leave out `hosts`"), "{said}");
}

/// Nothing may go on for want of a control, however bad the canary is.
#[test]
fn trap_a_control_without_traffic_means_keep_watching() {
    let folder = folder(&[
        ("p.yaml", "sequential: {}\n".into()),
        ("a.csv", rows("timestamp,requests,errors", |_| "0,0".into())),
        (
            "b.csv",
            rows("timestamp,requests,errors", |_| "1000,900".into()),
        ),
    ]);
    assert!(judge(folder.path(), 1).starts_with("NO DATA"));
}

/// Adds what `turn` says to the last row: it fails; one less does not.
#[test]
fn trap_what_would_have_changed_it_does_not() {
    for keys in ["{}", "{tolerable: 1 %}", "{onset: start}"] {
        let counts = |last: u64| {
            rows("timestamp,requests,errors", |number| {
                let errors = 10 + number % 2 + if number == 60 { last } else { 0 };
                format!("10000,{errors}")
            })
        };
        let with = |last: u64, code: i32| {
            let folder = folder(&[
                ("p.yaml", format!("sequential: {keys}\n")),
                ("a.csv", counts(0)),
                ("b.csv", counts(last)),
            ]);
            judge_json(folder.path(), code)
        };
        let turn = |value: &Value| value["signals"][0]["evidence"]["turn"].clone();
        let calm = with(0, 0);
        let more = turn(&calm)["errors-more"].as_u64();
        let more = more.unwrap_or_else(|| panic!("{keys}: {calm}"));
        assert_eq!(with(more, 1)["outcome"], "fail", "{keys}");
        assert_ne!(with(more - 1, 0)["outcome"], "fail", "{keys}");
    }
}

#[test]
fn turns_say_when_and_of_what() {
    let signals = "sequential:
  signals:
    - count: {column: orders, worse: lower, smallest-effect: 1.3}
    - count: {column: slow_answers}
    - mean: {column: cpu, high: 100, effect: 15}
";
    let header = "timestamp,requests,orders,slow_answers,cpu";
    let folder = folder(&[
        ("p.yaml", signals.into()),
        ("a.csv", rows(header, |n| format!("50,44,2,{}", 40 + n % 9))),
        (
            "b.csv",
            rows(header, |n| format!("50,24,20,{}", 85 + n % 9)),
        ),
    ]);
    let said = judge(folder.path(), 1);
    for words in [
        "of `orders` more in the window that it failed in would not have failed it then",
        "slow requests fewer in the window that it failed in",
        "turn     a mean of ",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn trap_one_row_many_times_is_new_evidence() {
    let latency = rows("timestamp,latency", |n| format!("{}", 90 + n * 7 % 20));
    let again = format!("{latency}{}", "600,99\n".repeat(20));
    let folder = folder(&[
        ("p.yaml", "rank: {}\n".into()),
        ("a.csv", latency),
        ("b.csv", again),
    ]);
    let said = judge(folder.path(), 2);
    assert!(
        said.contains("b.csv:62:1: this interval is there twice"),
        "{said}"
    );
}

/// Neither an error that nobody reads nor, in compatible mode, a metric that passes.
#[test]
fn trap_an_infinite_value_passes() {
    for policy in ["rank: {}\n", "rank: {compatible: true}\n"] {
        let latency = |bad: &'static str| {
            rows("timestamp,latency", move |n| match n {
                30 => bad.into(),
                _ => format!("{}", 90 + n * 7 % 20),
            })
        };
        let folder = folder(&[
            ("p.yaml", policy.into()),
            ("a.csv", latency("91")),
            ("b.csv", latency("inf")),
        ]);
        let said = judge(folder.path(), 2);
        assert!(
            said.contains("b.csv:31:5: `inf` has no mean to compare"),
            "{said}"
        );
    }
}

#[test]
fn trap_a_rank_verdict_without_its_rule() {
    let series = |latency: u64, errors: u64| {
        rows("timestamp,latency,errors", move |n| {
            format!("{},{}", latency + n * 7 % 20, errors + n % 3)
        })
    };
    let folder = folder(&[
        ("p.yaml", "rank: {}\n".into()),
        ("a.csv", series(100, 2)),
        ("b.csv", series(118, 4)),
    ]);
    let said = judge(folder.path(), 1);
    for words in [
        "FAIL  score 50 of 100, decided by `errors`",
        "turn  1 metric fewer failing would make it pass",
        "latency: z of ",
        "is no chance, but a mean of 127.5 is tolerable; it fails beyond 136.9",
        "a mean of 5.000 beyond 3.750; a mean up to there passes",
        "rule: fails where z is higher or lower than chance allows, beyond 2.33 (98 %, 1 look)",
        "95 passes, 75 is marginal",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(!said.contains("-0.0"), "{said}");
    let json = judge_json(folder.path(), 1);
    assert_eq!(json["decided"], "decided by `errors`");
    assert_eq!(json["metrics"][0]["result"]["reason"], "tolerable");
    assert!((json["z_needed"].as_f64().expect("a number") - 2.326).abs() < 1e-3);
    let tolerated = json["metrics"][1]["tolerated"].as_f64();
    assert!((tolerated.expect("a number") - 0.75).abs() < 1e-9);
}

/// What the text says of a mean that would turn it, done.
#[test]
fn a_rank_metric_turns_at_the_mean_that_is_told() {
    let with = |more: f64, code: i32| {
        let series = |more: f64| {
            rows("timestamp,latency", move |n| {
                format!("{}", 90.5 + (n * 7 % 20) as f64 + more)
            })
        };
        let folder = folder(&[
            ("p.yaml", "rank: {}\n".into()),
            ("a.csv", series(0.0)),
            ("b.csv", series(more)),
        ]);
        judge(folder.path(), code)
    };
    // A mean of 100 in the control: a quarter is 25.
    let said = with(24.9, 0);
    assert!(
        said.contains("a mean of 124.9 is tolerable; it fails beyond 125.0"),
        "{said}"
    );
    assert!(with(25.1, 1).starts_with("FAIL"));
}

#[test]
fn trap_no_data_beside_a_full_score() {
    let few = String::from("timestamp,latency\n10,1\n20,2\n");
    let folder = folder(&[
        ("p.yaml", "rank: {}\n".into()),
        ("a.csv", few.clone()),
        ("b.csv", few),
    ]);
    let said = judge(folder.path(), 1);
    assert!(
        said.contains("no score, `latency` cannot be judged"),
        "{said}"
    );
    assert!(
        said.contains("latency: it takes 8 points of each side"),
        "{said}"
    );
    assert!(judge_json(folder.path(), 1)["score"].is_null());
}

#[test]
fn trap_a_failed_measurement_without_its_value() {
    let latency = rows("timestamp,latency", |n| match n {
        7 => "131.5".into(),
        9 => String::new(),
        12 => "140".into(),
        _ => "100".into(),
    });
    let policy = "repeated: {metric: latency, at-most: 125, failure-limit: 1}\n";
    let folder = folder(&[
        ("p.yaml", policy.into()),
        ("a.csv", latency.clone()),
        ("b.csv", latency),
    ]);
    let said = judge(folder.path(), 1);
    for words in [
        "FAIL  9 succeeded, 2 failed, 0 inconclusive, 1 in error",
        "ended after 1m 50s: more measurements failed than `failure-limit` lets pass",
        "turn  with `failure-limit: 2` it had not ended then",
        "70  failed: 131.5 is above `at-most: 125`",
        "90  error: no value",
        "120  failed: 140 is above `at-most: 125`",
        "F failed, ? inconclusive, E in error",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let json = judge_json(folder.path(), 1);
    assert_eq!(json["not_succeeded"][2]["value"], "140");
    assert_eq!(json["not_succeeded"][2]["limit"], 125.0);
    assert_eq!(json["errors"], 1);
}

/// What lint calls an error of the policy itself is refused, at the value.
#[test]
fn trap_a_policy_that_cannot_fail_passes() {
    let counts = rows("timestamp,requests,errors", |_| "1000,500".into());
    for (policy, place) in [
        ("sequential: {tolerable: 100 %}\n", "p.yaml:1:25"),
        ("sequential: {stale-after: 0s}\n", "p.yaml:1:27"),
        ("rank: {pass: 0, marginal: 0}\n", "p.yaml:1:14"),
        ("rank: {compatible: true, points: 5}\n", "p.yaml:1:34"),
        ("rank: {points: 100000}\n", "p.yaml:1:16"),
        ("rank: {tolerance: 100}\n", "p.yaml:1:19"),
        ("repeated: {metric: errors}\n", "p.yaml:1:20"),
    ] {
        let folder = folder(&[
            ("p.yaml", policy.into()),
            ("a.csv", counts.clone()),
            ("b.csv", counts.clone()),
        ]);
        let said = judge(folder.path(), 2);
        assert!(said.contains(place), "{policy}: {said}");
        let linted = check(folder.path(), &["lint", "p.yaml"], 1);
        assert!(linted.contains(place), "{policy}: {linted}");
    }
}
