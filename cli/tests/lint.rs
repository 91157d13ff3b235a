//! `firedrill lint` as its users meet it.

mod support;

use std::fs;
use std::path::Path;

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
    assert_eq!(printed["warnings"], 2);
    assert_eq!(printed["findings"][0]["code"], "lint::sample-too-small");
    assert_eq!(printed["findings"][0]["line"], 2);
}

/// Every file in `tests/lint` says in its first line what is found in it, and nothing else is; its
/// second line is the command that finds it.
#[test]
fn each_example_has_its_finding_with_line_and_column() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("it is there") {
        let name = entry.expect("it can be read").file_name();
        let name = name.to_str().expect("names are plain");
        let text = fs::read_to_string(folder.join(name)).expect("it can be read");
        let mut lines = text.lines();
        let first = lines.next().expect("it is not empty");
        let command = lines
            .next()
            .and_then(|line| line.strip_prefix("# firedrill "));
        let arguments: Vec<&str> = command.expect("it has a command").split(' ').collect();
        let words: Vec<&str> = first.trim_start_matches("# ").split(' ').collect();
        let [severity, place, code] = words[..] else {
            panic!("{name}: {first}");
        };
        let said = support::check(&folder, &arguments, i32::from(severity == "error"));
        let start = format!("{severity}: {name}:{place}: ");
        assert!(said.starts_with(&start), "{start}\n{said}");
        assert!(said.contains(&format!("[{code}]")), "{code}\n{said}");
        let found = said.matches("[lint::").count();
        assert_eq!(found, 1, "{said}");
        seen += 1;
    }
    assert_eq!(seen, 8);
}
