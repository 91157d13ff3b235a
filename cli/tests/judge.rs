//! `firedrill judge` and `firedrill power` as their users meet them.

mod support;

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use support::check;

/// Sixty windows of ten seconds with so many errors each, in turn.
fn counts(errors: &[u64]) -> String {
    let mut text = String::from("timestamp,requests,errors,slow_p90\n");
    for window in 0..60_usize {
        let errors = errors[window % errors.len()];
        writeln!(text, "{},600,{errors},60", 10 * (window + 1)).expect("strings grow");
    }
    text
}

/// Sixty windows of so many hosts, of which each has about this CPU, and of 50 requests this
/// many orders and this many answers below 100 ms.
fn hosts(count: u64, (cpu, orders, fast): (u64, u64, u64)) -> String {
    let mut text = String::from("timestamp,host,requests,orders,cpu,le_100ms,le_inf\n");
    for window in 1..=60 {
        for host in 0..count {
            let noise = (window * 7 + host * 5) % 13;
            let (end, cpu) = (10 * window, cpu + noise);
            let (orders, fast) = (orders + noise / 4, fast + noise / 4);
            writeln!(text, "{end},h{host},50,{orders},{cpu},{fast},50").expect("strings grow");
        }
    }
    text
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let files = [
        ("control.csv", counts(&[1, 0, 1])),
        ("good.csv", counts(&[0, 1, 1])),
        ("bad.csv", counts(&[3, 2, 4])),
        (
            "wrong.csv",
            "timestamp,requests,errors,slow_p90\n10,600,601,60\n20,x,0,0\n".into(),
        ),
        ("hosts-control.csv", hosts(12, (55, 44, 46))),
        ("hosts-good.csv", hosts(6, (55, 44, 46))),
        ("hosts-bad.csv", hosts(6, (85, 28, 34))),
        (
            "signals.yaml",
            "sequential:
  hosts: estimated
  signals:
    - count: {column: orders, worse: lower, smallest-effect: 1.3}
    - latency: {smallest-effect: 1.5}
    - mean: {column: cpu, high: 100, effect: 15}
"
            .into(),
        ),
        ("seq.yaml", "sequential:\n  smallest-effect: 3\n".into()),
        ("rank.yaml", "rank:\n  direction: increase\n".into()),
        (
            "limit.yaml",
            "repeated:\n  metric: errors\n  at-most: 3\n".into(),
        ),
        ("typo.yaml", "sequential:\n  bakes: 10m\n".into()),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("there is room");
    }
    folder
}

fn arguments<'a>(policy: &'a str, canary: &'a str) -> Vec<&'a str> {
    let paths = [
        "--policy",
        policy,
        "--control",
        "control.csv",
        "--canary",
        canary,
    ];
    [&["judge"], &paths[..]].concat()
}

#[test]
fn every_judge_tells_good_from_bad() {
    let folder = folder();
    for policy in ["seq.yaml", "rank.yaml", "limit.yaml"] {
        let told = check(folder.path(), &arguments(policy, "bad.csv"), 1);
        assert!(told.starts_with("FAIL"), "{told}");
        check(folder.path(), &arguments(policy, "good.csv"), 0);
    }
    let told = check(folder.path(), &arguments("seq.yaml", "good.csv"), 0);
    assert!(told.starts_with("PASS"), "{told}");
}

#[test]
fn a_verdict_comes_with_its_evidence() {
    let folder = folder();
    let told = check(folder.path(), &arguments("seq.yaml", "bad.csv"), 1);
    for words in [
        "180 of 36 000",
        "2 errors fewer in the window that it failed in would not have failed it then",
        "●",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let mut json = arguments("seq.yaml", "bad.csv");
    json.extend(["--format", "json"]);
    let value: Value = serde_json::from_str(&check(folder.path(), &json, 1)).expect("JSON");
    assert_eq!(value["schema"], 1);
    assert_eq!(value["decided_by"], "errors");
    let evidence = &value["signals"][0]["evidence"];
    assert!(evidence["ln_e"].as_f64() >= evidence["fail_threshold"].as_f64());
}

/// Fewer orders, slower answers and more CPU, host by host.
#[test]
fn signals_have_kinds_directions_and_effects() {
    let folder = folder();
    let run = |canary: &str, code: i32| {
        let paths = ["--control", "hosts-control.csv", "--canary", canary];
        let all = [&["judge", "--policy", "signals.yaml"][..], &paths].concat();
        check(folder.path(), &all, code)
    };
    let told = run("hosts-bad.csv", 1);
    for words in [
        "orders (fewer): fail",
        "latency above the control's 90 %: fail",
        "mean of cpu: fail",
        "control / canary",
        "over 720 samples",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let told = run("hosts-good.csv", 0);
    assert!(told.contains("mean of cpu: pass"), "{told}");
    assert!(!told.contains("fail\n"), "{told}");
}

#[test]
fn policies_have_a_schema() {
    let told = check(folder().path(), &["schema", "policy"], 0);
    let schema: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(schema["title"], "PolicyFile");
}

#[test]
fn what_is_wrong_has_file_line_and_column() {
    let folder = folder();
    let told = check(folder.path(), &arguments("seq.yaml", "wrong.csv"), 2);
    assert!(
        told.contains("wrong.csv:2:8: 601 of 600 requests are bad"),
        "{told}"
    );
    assert!(told.contains("wrong.csv:3:4: `x` is not a count"), "{told}");
    let told = check(folder.path(), &arguments("typo.yaml", "good.csv"), 2);
    assert!(
        told.contains("typo.yaml:2:3: unknown key `bakes`"),
        "{told}"
    );
    let alone = ["judge", "--policy", "seq.yaml", "--canary", "good.csv"];
    let told = check(folder.path(), &alone, 2);
    assert!(told.contains("--control CSV"), "{told}");
}

#[test]
fn power_prints_writes_and_repeats_itself() {
    let folder = folder();
    let small = [
        "power",
        "--runs",
        "200",
        "--null-runs",
        "200",
        "--cell-runs",
        "20",
        "--host-runs",
        "20",
        "--csv",
        "power.csv",
        "--svg",
        "power.svg",
    ];
    let told = check(folder.path(), &small, 0);
    assert!(told.contains("sequential, equal control"), "{told}");
    assert_eq!(told, check(folder.path(), &small, 0));
    let csv = fs::read_to_string(folder.path().join("power.csv")).expect("it was written");
    assert_eq!(csv.lines().count(), 1 + 8 + 64);
    let svg = fs::read_to_string(folder.path().join("power.svg")).expect("it was written");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    check(folder.path(), &["power", "--p1", "0.05"], 2);
}

/// A verdict that decides nothing says why, and one without data stops what waits for it.
#[test]
fn verdicts_without_a_decision() {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("there is room");
    };
    write("r.yaml", "repeated: {metric: errors, at-most: 3}\n");
    write("s.yaml", "sequential: {bake: 1m}\n");
    write(
        "one.csv",
        "timestamp,requests,errors\n10,1000,0\n20,1000,1\n",
    );
    write("none.csv", "timestamp,requests,errors\n");
    let run = |policy: &str, canary: &str, code: i32| {
        let files = ["--control", "one.csv", "--canary", canary];
        let arguments = [&["judge", "--policy", policy][..], &files].concat();
        check(folder.path(), &arguments, code)
    };
    let said = run("r.yaml", "one.csv", 0);
    assert!(said.starts_with("INCONCLUSIVE  2 succeeded"), "{said}");
    assert!(said.contains("still running: no limit is passed"), "{said}");
    let said = run("r.yaml", "none.csv", 1);
    assert!(said.starts_with("NO DATA"), "{said}");
    // The control has one error: the ratio has no upper end.
    let said = run("s.yaml", "one.csv", 0);
    assert!(said.contains("2 windows, 0 only in one file"), "{said}");
    assert!(said.contains("or more, open above, at all times"), "{said}");
    assert!(said.contains("canary   1 of 2 000"), "{said}");
}
