//! `firedrill anomaly` as its users meet it.

mod support;

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use support::check;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let mut text = String::from("timestamp,value\n");
    for i in 0..1_000_u32 {
        let (day, hour, minute) = (1 + i / 288, i % 288 / 12, i % 12 * 5);
        let noise = f64::from(i.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
        let value = if i == 900 { 30.0 } else { 10.0 + noise };
        writeln!(text, "2026-03-{day:02} {hour:02}:{minute:02}:00,{value:.3}").expect("grows");
    }
    fs::write(folder.path().join("series.csv"), text).expect("there is room");
    fs::write(
        folder.path().join("bad.csv"),
        "timestamp,value\n1,2\n2,two\n",
    )
    .expect("room");
    folder
}

#[test]
fn each_row_gets_a_score() {
    let folder = folder();
    let printed = check(folder.path(), &["anomaly", "series.csv"], 0);
    assert_eq!(printed.lines().count(), 1_001);
    assert_eq!(
        printed.lines().next(),
        Some("timestamp,value,anomaly_score")
    );
    let row = printed.lines().nth(901).expect("it is there");
    assert!(
        row.starts_with("2026-03-04 03:00:00,30.000,0.99999"),
        "{row}"
    );
    let high = printed.lines().filter(|line| line.contains(",0.999"));
    assert!(high.count() <= 4, "the spike, and little else");
    let arguments = [
        "anomaly",
        "series.csv",
        "--out",
        "s.csv",
        "--svg",
        "s.svg",
        "--season",
        "1d",
    ];
    assert_eq!(check(folder.path(), &arguments, 0), "");
    let written = fs::read_to_string(folder.path().join("s.csv")).expect("it was written");
    assert_eq!(written.lines().count(), 1_001);
    let drawn = fs::read_to_string(folder.path().join("s.svg")).expect("it was drawn");
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
}

#[test]
fn a_row_that_cannot_be_read_leaves_the_file_as_it_was() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("bad.csv"), "timestamp,value\n1,2\n2,three\n").expect("it is written");
    fs::write(path("s.csv"), "before").expect("it is written");
    let printed = check(folder.path(), &["anomaly", "bad.csv", "--out", "s.csv"], 2);
    assert!(printed.contains("bad.csv:3:"), "{printed}");
    let kept = fs::read_to_string(path("s.csv")).expect("it is there");
    assert_eq!(kept, "before");
}

#[test]
fn json_has_a_schema_number() {
    let folder = folder();
    let printed = check(
        folder.path(),
        &["anomaly", "series.csv", "--format", "json"],
        0,
    );
    let printed: Value = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!(printed["schema"], 1);
    assert_eq!(printed["points"][900]["standing"], "scored");
    assert_eq!(printed["points"][0]["standing"], "learning");
}

#[test]
fn what_is_wrong_has_a_place() {
    let folder = folder();
    let said = check(folder.path(), &["anomaly", "bad.csv"], 2);
    assert!(
        said.contains("bad.csv:3:3: `two` is not a number"),
        "{said}"
    );
    assert!(said.contains("3 │ 2,two"), "{said}");
    check(folder.path(), &["anomaly", "nowhere.csv"], 2);
    check(
        folder.path(),
        &["anomaly", "series.csv", "--season", "often"],
        2,
    );
}

#[test]
fn a_first_line_of_values_is_refused() {
    let folder = tempfile::tempdir().expect("there is room");
    fs::write(folder.path().join("bare.csv"), "1,2\n2,3\n").expect("there is room");
    let said = check(folder.path(), &["anomaly", "bare.csv"], 2);
    let first = "bare.csv:1:1: the first line holds values, not the names of columns";
    assert!(said.starts_with(first), "{said}");
    assert!(said.ends_with("\n1 problem\n"), "{said}");
}

/// Neither file is written when one of them cannot be.
#[test]
fn files_are_tried_first() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut series = String::from("timestamp,value\n");
    for point in 0..40 {
        series += &format!("{},{}\n", 300 * point, point % 7);
    }
    fs::write(folder.path().join("s.csv"), series).expect("there is room");
    let refused = |arguments: &[&str], expected: &str| {
        let all = [&["anomaly", "s.csv"], arguments].concat();
        let said = check(folder.path(), &all, 2);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(".firedrill-"), "{said}");
        let files = fs::read_dir(folder.path()).expect("it is there").count();
        assert_eq!(files, 1, "{said}");
    };
    refused(
        &["--out", "o.csv", "--svg", "no/such.svg"],
        "cannot write no/such.svg",
    );
    refused(
        &["--out", "no/such.csv"],
        "name a file in a folder that is there",
    );
    let short = "--season of 1ms is too short: points are 5m apart";
    refused(&["--season", "1ms", "--out", "o.csv"], short);
    let all = ["anomaly", "s.csv", "--out", "o.csv", "--svg", "o.svg"];
    check(folder.path(), &all, 0);
    let svg = fs::read_to_string(folder.path().join("o.svg")).expect("it was written");
    assert!(svg.contains(">11700</text>"), "{svg}");
}
