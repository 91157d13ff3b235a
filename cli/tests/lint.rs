//! `firedrill lint` as its users meet it.

mod support;

use std::fs;

use serde_json::Value;

const POLICIES: [(&str, &str); 3] = [
    ("good.yaml", "sequential:\n  smallest-effect: 3\n"),
    ("bad.yaml", "# ours\nrank:\n  pass: 50\n  marginal: 60\n"),
    ("typo.yaml", "rank:\n  passes: 50\n"),
];

#[track_caller]
fn check(arguments: &[&str], code: i32) -> String {
    let folder = tempfile::tempdir().expect("there is room");
    for (name, text) in POLICIES {
        fs::write(folder.path().join(name), text).expect("there is room");
    }
    support::check(folder.path(), &[&["lint"], arguments].concat(), code)
}

#[test]
fn findings_decide_the_exit_code() {
    assert_eq!(check(&["good.yaml"], 0), "0 errors, 0 warnings\n");
    let said = check(&["good.yaml", "bad.yaml"], 1);
    let first = "error: bad.yaml:4:13: `marginal` (60) is above `pass` (50) [lint::swapped]";
    assert!(said.starts_with(first), "{said}");
    assert!(said.contains("  help: swap the two"), "{said}");
    check(&["typo.yaml"], 2);
    check(&["nowhere.yaml"], 2);
    check(&["good.yaml", "--traffic", "much"], 2);
}

#[test]
fn warnings_pass_and_json_has_a_schema_number() {
    let arguments = ["good.yaml", "--traffic", "1/s", "--format", "json"];
    let printed: Value = serde_json::from_str(&check(&arguments, 0)).expect("it is JSON");
    assert_eq!(printed["schema"], 1);
    assert_eq!(printed["warnings"], 1);
    assert_eq!(printed["findings"][0]["code"], "lint::sample-too-small");
    assert_eq!(printed["findings"][0]["line"], 2);
}
