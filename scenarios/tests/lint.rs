//! Each lint rule: a policy that breaks it and one that does not.

use firedrill_core::Micros;
use firedrill_scenarios::lint::{Severity, Surroundings, lint_text};
use firedrill_scenarios::offline::policy::parse_policy;
use firedrill_scenarios::policies;

const PLAN: &str = "name: p
settled: 90 %
push-deadline: 20m
check-every: 30s
hold-max: 10m
on-alert: ignore
stages:
  - name: canary
    kind: canary
    regions: [eu]
    share: 20 instances
    audience: public
    bake: 10m
    judge:
      stale-after: 3m
      checks:
        - error-ratio: {limit: {at-most-control: {factor: 2, floor: 1 %}}, sample-min: 500}
        - latency: {quantile: 50 %, limit: {at-most: 100ms}, sample-min: 500}
        - latency: {quantile: 99 %, limit: {at-most: 300ms}, sample-min: 500}
        - unavailable: {limit: {at-most: 10 %}, sample-min: 20}
    on-failure: roll-back
  - name: all
    kind: wave
    share: 100 %
    audience: public
    bake: 10m
    judge:
      stale-after: 3m
      checks:
        - error-ratio: {limit: {at-most: 1 %}, sample-min: 500}
    on-failure: pause
";

fn around() -> Surroundings {
    Surroundings {
        traffic: Some(50.0),
        query_window: Some(Micros::from_secs(60)),
        ..Surroundings::default()
    }
}

/// Codes with their lines, in the order found.
fn codes(text: &str) -> Vec<String> {
    let findings = lint_text("p.yaml", text, &around()).expect("it can be read");
    let code = |finding: &firedrill_scenarios::lint::Finding| {
        let place = finding.problem.place.expect("findings have places");
        assert!(place.line > 0 && finding.problem.help.is_some());
        let mark = if finding.severity == Severity::Error {
            "!"
        } else {
            ""
        };
        let code = finding.problem.code.trim_start_matches("lint::");
        format!("{code}{mark}:{}", place.line)
    };
    findings.iter().map(code).collect()
}

/// Changes a clean plan in one place; the change is found, and nothing else.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(PLAN.contains(from), "{from}");
    assert_eq!(codes(&PLAN.replacen(from, to, 1)), expected, "{to}");
}

#[test]
fn a_sound_plan_is_clean() {
    assert_eq!(codes(PLAN), Vec::<String>::new());
}

#[test]
fn plans_that_never_end_pass_or_fail() {
    check("check-every: 30s", "check-every: 0s", &["never-ends!:4"]);
    check("hold-max: 10m", "hold-max: 10s", &["hold-too-short:5"]);
    check("share: 100 %", "share: 90 %", &["never-ends!:24"]);
    check("factor: 2", "factor: 0.5", &["never-passes!:17"]);
    check("sample-min: 20}", "sample-min: 21}", &["never-passes!:20"]);
    check(
        "{at-most: 1 %}",
        "{at-most: 100 %}",
        &["idle-check:30", "never-fails!:22"],
    );
    check(
        "at-most: 1 %}, sample-min: 500",
        "at-most: 1 %}, sample-min: 50000",
        &["never-passes!:30"],
    );
    check("at-most: 1 %}", "at-most: 0.05 %}", &["never-passes!:30"]);
    let ignored = PLAN
        .replace("roll-back", "ignore")
        .replace("pause", "ignore");
    assert_eq!(codes(&ignored), ["never-fails!:8"]);
}

#[test]
fn times_are_held_against_the_scrape() {
    check(
        "bake: 10m",
        "bake: 20s",
        &["bake-too-short!:13", "stale-too-late:15"],
    );
    check(
        "stale-after: 3m",
        "stale-after: 30s",
        &["stale-too-soon!:15"],
    );
    check(
        "stale-after: 3m",
        "stale-after: 15m",
        &["stale-too-late:15"],
    );
}

#[test]
fn samples_are_held_against_the_traffic() {
    check(
        "{at-most: 1 %}, sample-min: 500",
        "{at-most: 1 %}, sample-min: 90",
        &["fails-by-chance:30"],
    );
    check("floor: 1 %", "floor: 0.001 %", &["sample-too-small:17"]);
}

#[test]
fn limits_and_stages_are_in_order() {
    check("at-most: 100ms", "at-most: 400ms", &["swapped!:19"]);
    let relative = "{limit: {at-most-control: {factor: 2, floor: 1 %}}, sample-min: 501}";
    check(
        "{limit: {at-most: 1 %}, sample-min: 500}",
        relative,
        &["no-control:24"],
    );
    let from = PLAN.find("  - name: all").expect("it is there");
    let twice = format!(
        "{PLAN}{}",
        &PLAN[from..].replace("name: all", "name: again")
    );
    assert_eq!(codes(&twice), ["stage-not-wider:34"]);
}

#[test]
fn sequential_judges() {
    let check = |keys: &str, expected: &[&str]| {
        assert_eq!(
            codes(&format!("sequential:\n  {keys}\n")),
            expected,
            "{keys}"
        );
    };
    check("smallest-effect: 3", &[]);
    check(
        "smallest-effect: 1.2",
        &["sample-too-small:2", "ends-late:1"],
    );
    check("{smallest-effect: 3, misses: 0.0001 %}", &["ends-late:1"]);
    check(
        "{smallest-effect: 3, misses: 0.0001 %, tolerable: 0.2 %}",
        &[],
    );
    check(
        "{smallest-effect: 3, false-alarms: 60 %}",
        &["out-of-range!:2"],
    );
    let signals = "smallest-effect: 3\n  signals:\n    - count: {column: errors}\n";
    check(
        &format!("{signals}    - mean: {{column: errors, high: 9, effect: 1}}"),
        &[],
    );
    check(
        &format!("{signals}    - count: {{column: errors, worse: lower}}"),
        &["counted-twice:5"],
    );
    check(
        "{smallest-effect: 9, bake: 20s}",
        &[
            "bake-too-short!:2",
            "stale-too-late:1",
            "sample-too-small:2",
            "ends-late:2",
        ],
    );
    check(
        "{smallest-effect: 3, stale-after: 10s}",
        &["stale-too-soon!:2"],
    );
    check("{smallest-effect: 3, tolerable: 5 %}", &["swapped:2"]);
    check(
        "{smallest-effect: 3, tolerable: 100 %}",
        &["never-fails!:2"],
    );
    check("{smallest-effect: 3, usual: 50 %}", &["never-fails!:2"]);
}

#[test]
fn rank_judges() {
    let check = |keys: &str, expected: &[&str]| {
        assert_eq!(codes(&format!("rank:\n  {keys}\n")), expected, "{keys}");
    };
    check("direction: increase", &[]);
    check("{pass: 50, marginal: 60}", &["swapped!:2"]);
    check("{pass: 101}", &["never-passes!:2"]);
    check("{marginal: 0}", &["never-fails!:2"]);
    check("{points: 3}", &["never-fails!:2"]);
    check("{points: 5}", &[]);
}

#[test]
fn repeated_judges() {
    let check = |keys: &str, expected: &[&str]| {
        let text = format!("repeated:\n  metric: errors\n  {keys}\n");
        assert_eq!(codes(&text), expected, "{keys}");
    };
    check("at-most: 3\n  failure-limit: 2", &[]);
    check("failure-limit: 2", &["never-fails!:2"]);
    check(
        "at-most: 3\n  at-least: 4\n  failure-limit: 2",
        &["swapped!:4"],
    );
    check("at-most: 3", &["windows-overlap:2"]);
    let idle = "at-most: 3\n  failure-limit: 2\n  consecutive-failure-limit: 2";
    check(idle, &["idle-limit:5"]);
    check(
        "at-most: 3\n  failure-limit: 2\n  no-data: ignore",
        &["no-data-ignored:2"],
    );
}

/// What is found is so: in a stage for everybody the control is who gets the change last.
#[test]
fn the_catalogue_has_no_errors() {
    for entry in policies() {
        let findings = lint_text(entry.name, entry.source, &Surroundings::default());
        for finding in findings.expect("it can be read") {
            assert_eq!(finding.severity, Severity::Warning, "{}", finding.problem);
            assert_eq!(
                finding.problem.code, "lint::no-control",
                "{}",
                finding.problem
            );
        }
    }
}

#[test]
fn what_is_no_policy_is_refused() {
    let refused = |text: &str| lint_text("p.yaml", text, &around()).is_err();
    assert!(refused("") && refused("sequential: {bakes: 1h}"));
    assert!(refused(&PLAN.replace("30s", "often")));
}

/// What loading refuses, lint tells, as far as a plan alone shows it.
#[test]
fn plans_that_ask_for_what_cannot_be() {
    let method = |text: &str, expected: &[&str]| {
        let judge =
            "      stale-after: 3m\n      checks:\n        - error-ratio: {limit: {at-most: ";
        let to = judge.replace("      checks", &format!("      {text}\n      checks"));
        check(judge, &to, expected);
    };
    method(
        "method: {sequential: {false-alarms: 0 %, misses: 100 %, smallest-effect: 1}}",
        &["out-of-range!:29", "out-of-range!:29", "out-of-range!:29"],
    );
    method("control: {before: 0s}", &["out-of-range!:29"]);
    method("method: {repeated: {interval: 0s}}", &["out-of-range!:29"]);
    method("method: {repeated: {interval: 20s}}", &["no-data!:29"]);
    method(
        "method: {rank: {points: 0}}",
        &["out-of-range!:29", "no-control!:29"],
    );
    method("control: group", &["no-control!:24"]);
    let canary =
        "error-ratio: {limit: {at-most-control: {factor: 2, floor: 1 %}}, sample-min: 500}";
    check(
        canary,
        "throughput: {limit: {at-least-control: 1.2}, sample-min: 1}",
        &["out-of-range!:17"],
    );
    check(
        canary,
        "user-reports: {limit: {at-most-control: {factor: 2, floor: 1}}, sample-min: 1}",
        &["no-control!:17"],
    );
    let employees = PLAN
        .replacen("audience: public", "audience: employees", 1)
        .replace(
            canary,
            "throughput: {limit: {at-least-control: 0.8}, sample-min: 1}",
        );
    assert_eq!(codes(&employees), ["never-passes!:17"]);
    let sequential = PLAN
        .replacen(
            "      checks",
            "      method: {sequential: {}}\n      checks",
            1,
        )
        .replace("factor: 2", "factor: 1");
    assert_eq!(codes(&sequential), ["out-of-range!:18"]);
    let logs = PLAN.replace(canary, "log-errors: {limit: {at-most: 1 %}, sample-min: 1}");
    let unread = lint_text("p.yaml", &logs, &around()).expect_err("a share is no number of lines");
    assert!(
        unread
            .to_string()
            .starts_with("p.yaml:17:41: `1 %` is not a number"),
        "{unread}"
    );
}

/// `firedrill judge` refuses a policy where lint finds its error.
#[track_caller]
fn refused(keys: &str) {
    let text = format!("{keys}\n");
    let findings = lint_text("p.yaml", &text, &around()).expect("it can be read");
    let errors = parse_policy("p.yaml", &text).expect_err("it is refused");
    let places = errors.problems.iter().map(|problem| problem.place);
    assert!(
        places.eq(findings.iter().map(|finding| finding.problem.place)),
        "{keys}: {errors}"
    );
}

/// The same for policies of `firedrill judge`, which refuses each of them at the same place.
#[test]
fn judges_that_are_asked_for_what_cannot_be() {
    for keys in [
        "sequential:\n  false-alarms: 0 %",
        "sequential:\n  misses: 100 %",
        "sequential:\n  smallest-effect: 1",
        "sequential:\n  bake: 0s",
        "sequential:\n  usual: 0 %",
        "sequential:\n  false-alarms: 50 %",
        "sequential:\n  stale-after: 0s",
        "rank:\n  confidence: 100 %",
        "rank:\n  points: 100000",
        "rank:\n  looks: 0",
        "rank:\n  tolerance: 100",
        "rank:\n  {compatible: true, points: 5}",
        "rank:\n  {compatible: true, looks: 5}",
        "repeated:\n  {metric: errors, at-most: 3, consecutive-success-limit: 0}",
    ] {
        assert_eq!(codes(&format!("{keys}\n")), ["out-of-range!:2"], "{keys}");
        refused(keys);
    }
    for keys in [
        "sequential:\n  signals: []",
        "sequential:\n  tolerable: 100 %",
        "sequential:\n  {usual: 2 %, smallest-effect: 50}",
        "rank:\n  {pass: 50, marginal: 0}",
        "rank:\n  {compatible: true, pass: 50, marginal: 0}",
        "rank:\n  points: 3",
        "rank:\n  looks: 200",
        "repeated:\n  metric: errors",
    ] {
        assert_eq!(codes(&format!("{keys}\n")), ["never-fails!:2"], "{keys}");
        refused(keys);
    }
}

/// The plans that a scenario follows are linted with what its world shows.
#[test]
fn plans_inside_a_scenario() {
    let entry = firedrill_scenarios::catalogue()
        .iter()
        .find(|entry| entry.name == "cpu-burn")
        .expect("it is in the catalogue");
    let findings = lint_text("s.yaml", entry.source, &Surroundings::default());
    let findings = findings.expect("it can be read");
    let looks_back = findings
        .iter()
        .find(|found| found.problem.code == "lint::no-data");
    let problem = &looks_back
        .expect("it is proposed two minutes into the run")
        .problem;
    assert!(
        problem.source.name.ends_with("golden-signals.yaml"),
        "{problem}"
    );
    let mut plan: String = PLAN.lines().map(|line| format!("    {line}\n")).collect();
    plan.replace_range(0..4, "  - ");
    let plan = plan
        .replace("regions: [eu]", "regions: [us-east]")
        .replace("hold-max: 10m", "hold-max: 10s");
    let text = entry
        .source
        .replace("changes:", &format!("plans:\n{plan}changes:"));
    let findings = lint_text("s.yaml", &text, &Surroundings::default()).expect("it can be read");
    let own = findings
        .iter()
        .find(|found| found.problem.code == "lint::hold-too-short");
    let problem = &own.expect("the own plan is linted too").problem;
    assert_eq!(problem.source.name, "s.yaml");
}

/// A choice that takes keys, written without them, is told where it stands.
#[test]
fn choices_without_their_keys() {
    let check = |text: &str, expected: &str| {
        let errors = lint_text("p.yaml", text, &around()).expect_err("it takes keys");
        assert_eq!(errors.to_string(), expected, "{text}");
    };
    let bare = "      # by evidence\n      method: sequential\n      # and checks\n      checks:";
    let text = PLAN.replacen("      checks:", bare, 1);
    let expected = "p.yaml:17:15: `sequential` takes keys and values [scenario::wrong-type]";
    check(&text, expected);
    let expected = "p.yaml:1:1: `rank` takes keys and values [scenario::wrong-type]";
    check("rank\n", expected);
    // A key where a value is missing is another matter.
    let errors = lint_text("p.yaml", "name: p\nstages:\n", &around()).expect_err("no stages");
    assert!(!errors.to_string().contains("takes keys"), "{errors}");
}

/// A scenario whose one objective has these rules, one a line.
fn with_rules(rules: &str) -> String {
    let entry = firedrill_scenarios::catalogue()
        .iter()
        .find(|entry| entry.name == "good-change")
        .expect("it is there");
    let slo = format!(
        "slos:\n  - name: logins\n    indicator: {{errors: {{service: auth}}}}\n    \
         objective: 99.9 %\n    period: 30d\n    rules:{rules}\n"
    );
    entry
        .source
        .replace("\nchanges:", &format!("\n{slo}\nchanges:"))
}

/// The objectives' findings, as `line:column code`, from the line of `rules:`.
fn of_rules(rules: &str) -> Vec<String> {
    let text = with_rules(rules);
    let first = text
        .lines()
        .position(|line| line.contains("rules:"))
        .expect("it is there") as u32;
    let findings = lint_text("s.yaml", &text, &Surroundings::default()).expect("it can be read");
    let findings = findings
        .iter()
        .filter(|found| found.problem.source.name == "s.yaml");
    let told = findings.map(|found| {
        let (problem, severity) = (&found.problem, found.severity);
        let place = problem.place.expect("every finding has a place");
        let line = i64::from(place.line) - i64::from(first) - 1;
        format!("{line}:{} {severity:?} {}", place.column, problem.code)
    });
    told.collect()
}

/// The workbook's rules, and each way to write one that tells nothing.
#[test]
fn burn_rules_can_fire() {
    let rule = |long: &str, short: &str, factor: &str| {
        format!("\n      - {{long: {long}, short: {short}, factor: {factor}, urgency: page}}")
    };
    let standard = [
        rule("1h", "5m", "14.4"),
        rule("6h", "30m", "6"),
        rule("3d", "6h", "1"),
    ];
    let none: [String; 0] = [];
    assert_eq!(of_rules(&standard.concat()), none);
    // With nothing but errors, a budget of 0.1 % burns at 1,000.
    assert_eq!(of_rules(&rule("1h", "5m", "1000")), none);
    assert_eq!(
        of_rules(&rule("1h", "5m", "1001")),
        ["1:39 Error lint::never-fires"]
    );
    assert_eq!(
        of_rules(&rule("60d", "5h", "1")),
        ["1:16 Warning lint::beyond-period"]
    );
    assert_eq!(
        of_rules(&rule("1h", "2s", "14.4")),
        ["1:27 Error lint::never-fires"]
    );
    assert_eq!(of_rules(" []"), ["-4:11 Warning lint::no-rules"]);
    let twice = [rule("1h", "5m", "14.4"), rule("60m", "300s", "14.40")].concat();
    assert_eq!(of_rules(&twice), ["2:42 Warning lint::counted-twice"]);
}

/// What is no policy is told as that, and each mistake once.
#[test]
fn what_is_no_policy_says_so() {
    let check = |text: &str, expected: &str| {
        let errors = lint_text("p.yaml", text, &around()).expect_err("it is none");
        assert_eq!(errors.problems.len(), 1, "{errors}");
        assert!(errors.to_string().starts_with(expected), "{errors}");
    };
    check(
        "{}\n",
        "p.yaml:1:1: this is no policy: neither a rollout plan",
    );
    check("bayes: {}\n", "p.yaml:1:1: this is no policy");
    let two = "sequential: {}\nrank: {}\n";
    check(two, "p.yaml:2:1: this policy has more than one key");
    check(
        "sequential: {false-alarms: 150 %}\n",
        "p.yaml:1:28: `150 %` ",
    );
    check(
        "sequential: {bake: 99999999d}\n",
        "p.yaml:1:20: `99999999d` ",
    );
}
