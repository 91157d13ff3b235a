//! Data that is wrong, in every judge and in `firedrill anomaly`: each kind has its outcome, and
//! what is refused is refused with line and column.

mod support;

use std::fs;

/// Rows below `timestamp,requests,errors`, and what the sequential, the rank and the repeated
/// judge say: the beginning of stdout, or of stderr where that begins with the file's name.
const TABLES: [(&str, &str, [&str; 3]); 10] = [
    (
        "empty",
        "",
        [
            "NO DATA (MISSING)",
            "NO DATA (MISSING)",
            "NO DATA (MISSING)",
        ],
    ),
    (
        "one point",
        "1,10,0",
        ["INCONCLUSIVE", "NO DATA (SAMPLE TOO SMALL)", "INCONCLUSIVE"],
    ),
    (
        "NaN",
        "1,10,NaN",
        [
            "d.csv:2:6: `NaN` is not a count",
            "NO DATA (MISSING)",
            "INCONCLUSIVE",
        ],
    ),
    (
        "missing",
        "1,10,",
        [
            "d.csv:2:6: `` is not a count",
            "NO DATA (MISSING)",
            "INCONCLUSIVE",
        ],
    ),
    (
        "infinite",
        "1,10,inf",
        [
            "d.csv:2:6: `inf` is not a count",
            "d.csv:2:6: `inf` has no mean to compare",
            "FAIL",
        ],
    ),
    (
        "negative",
        "1,10,-1",
        [
            "d.csv:2:6: `-1` is a negative count",
            "NO DATA (SAMPLE TOO SMALL)",
            "INCONCLUSIVE",
        ],
    ),
    (
        "impossible",
        "1,10,11",
        [
            "d.csv:2:6: 11 of 10 requests are bad",
            "NO DATA (SAMPLE TOO SMALL)",
            "FAIL",
        ],
    ),
    (
        "clock going back",
        "2,10,0\n1,10,0",
        [
            "d.csv:3:1: time goes back",
            "NO DATA (SAMPLE TOO SMALL)",
            "d.csv:3:1: this measurement",
        ],
    ),
    (
        "repeated",
        "1,10,0\n1,10,0",
        [
            "d.csv:3:1: this interval is there twice",
            "d.csv:3:1: this interval is there twice",
            "d.csv:3:1: this m",
        ],
    ),
    (
        "late",
        "1,10,0\n3,10,0\n2,10,0",
        [
            "d.csv:4:1: time goes back",
            "NO DATA (SAMPLE TOO SMALL)",
            "d.csv:4:1: this measurement",
        ],
    ),
];

#[test]
fn every_judge_has_an_outcome_for_bad_data() {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("there is room");
    };
    let policies = [
        ("s.yaml", "sequential: {}\n"),
        ("r.yaml", "rank: {}\n"),
        ("t.yaml", "repeated: {metric: errors, at-most: 3}\n"),
    ];
    for (name, text) in policies {
        write(name, text);
    }
    for (kind, rows, expected) in TABLES {
        write("d.csv", &format!("timestamp,requests,errors\n{rows}\n"));
        for ((policy, _), expected) in policies.iter().zip(expected) {
            let code = match expected {
                "FAIL" => 1,
                no_data if no_data.starts_with("NO DATA") => 1,
                refused if refused.starts_with("d.csv") => 2,
                _ => 0,
            };
            let files = ["--control", "d.csv", "--canary", "d.csv"];
            let arguments = [&["judge", "--policy", policy][..], &files].concat();
            let said = support::check(folder.path(), &arguments, code);
            assert!(said.contains(expected), "{kind}, {policy}: {said}");
        }
    }
}

/// Rows below `timestamp,value`: the scores that come out, or what is refused.
#[test]
fn the_detector_has_an_outcome_for_bad_data() {
    let folder = tempfile::tempdir().expect("there is room");
    for (kind, rows, expected) in [
        ("empty", "", Ok("")),
        ("one point", "1,5\n", Ok("1,5,0\n")),
        ("NaN", "1,NaN\n", Ok("1,NaN,0\n")),
        ("missing", "1,\n", Ok("1,,0\n")),
        ("infinite", "1,inf\n", Ok("1,inf,0\n")),
        ("negative", "1,-1\n", Ok("1,-1,0\n")),
        ("clock going back", "2,1\n1,1\n", Ok("2,1,0\n1,1,0\n")),
        ("repeated", "1,1\n1,2\n", Ok("1,1,0\n1,2,0\n")),
        ("late", "1,1\n3,1\n2,9\n", Ok("1,1,0\n3,1,0\n2,9,0\n")),
        ("no number", "1,x\n", Err("d.csv:2:3: `x` is not a number")),
        (
            "no time",
            "noon,1\n",
            Err("d.csv:2:1: `noon` is not a time"),
        ),
    ] {
        let text = format!("timestamp,value\n{rows}");
        fs::write(folder.path().join("d.csv"), text).expect("there is room");
        let code = if expected.is_ok() { 0 } else { 2 };
        let said = support::check(folder.path(), &["anomaly", "d.csv"], code);
        match expected {
            Ok(scored) => {
                assert_eq!(
                    said,
                    format!("timestamp,value,anomaly_score\n{scored}"),
                    "{kind}"
                );
            }
            Err(refused) => assert!(said.contains(refused), "{kind}: {said}"),
        }
    }
}
