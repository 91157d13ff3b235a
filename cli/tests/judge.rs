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
    assert_eq!(csv.lines().count(), 1 + 8 + 6 + 64);
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

/// Sixty intervals of so many seconds that end `late` seconds after they should.
fn every(seconds: u64, late: u64, errors: u64) -> String {
    let mut text = String::from("timestamp,requests,errors\n");
    for window in 1..=60 {
        writeln!(text, "{},600,{errors}", seconds * window + late).expect("strings grow");
    }
    text
}

/// A burst in rows that nothing is compared with is no reason to go on.
#[test]
fn rows_without_a_partner_are_refused_or_told() {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("there is room");
    };
    write("s.yaml", "sequential: {bake: 1m}\n");
    write("control.csv", &every(10, 0, 1));
    write("half.csv", &every(5, 0, 1));
    write("off.csv", &every(10, 3, 1));
    write("day.csv", &every(10, 86_400, 1));
    write("more.csv", &(every(10, 0, 1) + "603,600,400\n"));
    write("none.csv", "timestamp,requests,errors\n");
    let run = |canary: &str, code: i32| {
        let files = ["--control", "control.csv", "--canary", canary];
        let arguments = [&["judge", "--policy", "s.yaml"][..], &files].concat();
        check(folder.path(), &arguments, code)
    };
    let said = run("half.csv", 2);
    let expected = "half.csv:3:1: intervals here are 5s long, and 10s in `control.csv`";
    assert!(said.contains(expected), "{said}");
    let said = run("off.csv", 2);
    assert!(
        said.contains("off.csv:2:1: 59 of 59 intervals have no partner"),
        "{said}"
    );
    let said = run("day.csv", 1);
    assert!(said.starts_with("NO DATA (MISSING)"), "{said}");
    assert!(
        said.contains("ends at 600, before `day.csv` begins at 86410"),
        "{said}"
    );
    let said = run("none.csv", 1);
    assert!(said.contains("warning: `none.csv` has no rows"), "{said}");
    let said = run("more.csv", 0);
    assert!(
        said.contains("warning: 1 of 61 intervals of `more.csv` are not judged"),
        "{said}"
    );
    let all = ["judge", "--policy", "s.yaml", "--control", "control.csv"];
    let json = [&all[..], &["--canary", "more.csv", "--format", "json"]].concat();
    let value: Value = serde_json::from_str(&check(folder.path(), &json, 0)).expect("JSON");
    assert_eq!(value["canary_only"], 1);
}

/// A failure that names a metric which is not there would never come.
#[test]
fn critical_metrics_are_there() {
    let folder = folder();
    let policy = "rank: {critical: [erors]}\n";
    fs::write(folder.path().join("critical.yaml"), policy).expect("there is room");
    let told = check(folder.path(), &arguments("critical.yaml", "bad.csv"), 2);
    assert!(
        told.contains("no column `erors`, which the policy calls `critical`"),
        "{told}"
    );
    assert!(told.contains("did you mean `errors`?"), "{told}");
}

/// The line stands at the threshold and the chart goes on where evidence has no bounds.
#[test]
fn overwhelming_evidence_is_drawn() {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("there is room");
    };
    write("s.yaml", "sequential: {}\n");
    write("control.csv", &every(10, 0, 1));
    write("half-bad.csv", &every(10, 0, 300));
    let files = ["--control", "control.csv", "--canary", "half-bad.csv"];
    let arguments = [&["judge", "--policy", "s.yaml"][..], &files].concat();
    let told = check(folder.path(), &arguments, 1);
    let row = |level: &str| {
        told.lines()
            .find(|line| line.contains(level))
            .expect("a row")
    };
    assert!(row("13.82 │").ends_with(&"▲".repeat(60)), "{told}");
    assert!(row(" 6.91 │").ends_with(&"─".repeat(60)), "{told}");
    assert!(told.contains("10m 00s"), "{told}");
}

/// Rows of the CSV file of `power`, of one kind, as columns.
fn rows_of(folder: &std::path::Path, kind: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join("power.csv")).expect("it was written");
    let rows = text.lines().filter(|line| line.starts_with(kind));
    let split = |line: &str| line.split(',').map(str::to_owned).collect();
    rows.map(split).collect()
}

/// Detection of each kind of policy grows with the effect, and stays within the bake.
#[test]
fn power_measures_a_policy() {
    let folder = folder();
    let policies = [
        ("p.yaml", "sequential: {bake: 5m}\n"),
        ("h.yaml", "sequential: {hosts: estimated, bake: 5m}\n"),
        ("k.yaml", "sequential: {usual: 1 %, bake: 5m}\n"),
        ("r.yaml", "rank: {direction: increase}\n"),
        (
            "m.yaml",
            "repeated: {metric: error_ratio, at-most: 0.03, failure-limit: 5}\n",
        ),
    ];
    for (name, text) in policies {
        fs::write(folder.path().join(name), text).expect("there is room");
        let canaries = [
            "--p0",
            "1",
            "--bake",
            "300",
            "--traffic",
            "20,50",
            "--effect",
            "1.1,8",
        ];
        let files = ["--csv", "power.csv", "--svg", "power.svg"];
        let runs = ["--null-runs", "200", "--cell-runs", "100"];
        let all = [&["power", "--policy", name][..], &canaries, &runs, &files].concat();
        let told = check(folder.path(), &all, 0);
        assert!(told.contains("good canaries at"), "{told}");
        assert!(!told.contains("NaN"), "{told}");
        for good in rows_of(folder.path(), "good") {
            let stopped: u64 = good[good.len() - 10].parse().expect("a count");
            assert!(stopped <= 10, "{name}: {told}");
        }
        let detected: Vec<u64> = rows_of(folder.path(), "bad")
            .iter()
            .map(|row| row[row.len() - 8].parse().expect("a count"))
            .collect();
        let [small, large, of_more, all_of_more] = detected[..] else {
            panic!("{name}: {detected:?}");
        };
        assert!(small <= 20 && of_more <= 20, "{name}: {told}");
        assert!(large >= 90 && all_of_more >= large, "{name}: {told}");
        let svg = fs::read_to_string(folder.path().join("power.svg")).expect("it was written");
        assert!(svg.contains("noticed within the bake, in percent"), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
    }
}

/// Each argument names its range, and no work is done for files that cannot be written.
#[test]
fn power_refuses_what_it_cannot_do_by_name() {
    let folder = folder();
    let refused = |arguments: &str, expected: &str| {
        let all: Vec<&str> = ["power"].into_iter().chain(arguments.split(' ')).collect();
        let told = check(folder.path(), &all, 2);
        assert!(told.contains(expected), "{arguments}: {told}");
    };
    refused(
        "--p0 -1",
        "'--p0 <PERCENT>': allowed is a number from 0.0001 to 99",
    );
    refused(
        "--traffic 1e9",
        "'--traffic <N,...>': allowed is a number from 0.001 to 1000000",
    );
    refused(
        "--bake 1e12",
        "'--bake <SECONDS>': allowed is a number from 1 to 2592000",
    );
    refused("--null-runs 200000000", "200000000 is not in 1..=10000000");
    refused("--look 1000", "--look must be at most the bake");
    refused("--p1 0.05", "--p1 must be above --p0");
    refused(
        "--effect 1",
        "'--effect <N,...>': allowed is a number from 1.001",
    );
    refused("--null-runs 10000000 --bake 86400", "lower --null-runs");
    refused(
        "--bake 2000000 --traffic 100000",
        "errors in one bake of 2000000 s",
    );
    refused("--csv no/such.csv", "cannot write no/such.csv");
    refused("--svg power.svg --cell-runs 0", "--cell-runs is 0");
    refused(
        "--csv power.csv --svg no/such.svg",
        "cannot write no/such.svg",
    );
    refused(
        "--policy limit.yaml --cell-runs 0",
        "--cell-runs must be 1 or more",
    );
    assert!(
        !folder.path().join("power.csv").exists(),
        "nothing is half-written"
    );
}

/// A policy of no judge, or of two, says so; so does a file with other separators.
#[test]
fn files_of_another_shape_say_what_they_are() {
    let folder = folder();
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("there is room");
    };
    write("none.yaml", "{}\n");
    write("two.yaml", "sequential: {}\nrank: {}\n");
    write("semicolons.csv", "timestamp;requests;errors\n10;600;1\n");
    write("marked.csv", &format!("\u{feff}{}", counts(&[1, 0, 1])));
    write("latency.yaml", "sequential: {signals: [latency: {}]}\n");
    let refused = |policy: &str, canary: &str, expected: &str| {
        let told = check(folder.path(), &arguments(policy, canary), 2);
        assert!(told.contains(expected), "{told}");
    };
    refused("none.yaml", "good.csv", "this policy names no judge");
    refused("two.yaml", "good.csv", "a policy is one judge");
    refused(
        "seq.yaml",
        "semicolons.csv",
        "between semicolons, not commas",
    );
    refused(
        "latency.yaml",
        "good.csv",
        "`le_100ms` and so on up to `le_inf`",
    );
    check(folder.path(), &arguments("seq.yaml", "marked.csv"), 0);
}
