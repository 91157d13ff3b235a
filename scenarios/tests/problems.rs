//! Every way in which a scenario file can be wrong, and what its author is told.

use std::fs;

use firedrill_scenarios::{LoadErrors, catalogue, explain, load_embedded, load_paths, load_str};

/// A whole scenario in few lines; each test breaks it in one place.
const SOUND: &str = r#"name: tiny
title: One service
summary: The smallest scenario that can be run.
duration: 1h
step: 10s
fleet:
  regions:
    - {name: north, utc-offset: 1h, cells: 1, weight: 1}
  services:
    - name: cart
      instances: 100
      workers: 2
      service-time: {median: 10ms, sigma: 0.5}
      error-share: 0.01 %
      timeout: 1s
      queue-max: 10
      start-up: 10s
      cpu: {idle: 5 %, slope: 60 %}
      memory: {idle: 5 %, slope: 60 %}
      network: {idle: 5 %, slope: 60 %}
      disk: {idle: 5 %, slope: 60 %}
  classes:
    - {name: checkout, path: [cart], rate: 300/s, employees: 1 %}
demand: {start: "10:00", swing: 20 %, peak: "20:00"}
configs:
  - name: cart-limits
    service: cart
    keys:
      - {key: items-max, kind: {int: {min: 1, max: 500}}, initial: 100}
slos:
  - name: checkouts
    indicator: {errors: {service: cart, class: checkout}}
    objective: 99.9 %
    period: 30d
propagation:
  base: 10s
  body: {median: 4s, sigma: 0.5}
  stragglers: {share: 0.5 %, delay: {median: 5m, sigma: 1}}
telemetry: {scrape-every: 30s, ingestion: {median: 5s, sigma: 0.5}, loss: 0 %}
on-call:
  name: on-call
  role: site-reliability
  acknowledge: {median: 3m, sigma: 1}
  diagnose: {median: 15m, sigma: 1}
core:
  paging: {acknowledge-within: 5m, pages-max: 3}
  evaluate-every: 30s
  suspect-window: 2h
plans:
  - name: plain
    settled: 95 %
    push-deadline: 15m
    check-every: 30s
    hold-max: 10m
    on-alert: ignore
    stages:
      - name: all
        kind: wave
        share: 100 %
        audience: public
        bake: 10m
        judge:
          stale-after: 3m
          checks:
            - error-ratio: {limit: {at-most: 1 %}, sample-min: 100}
        on-failure: roll-back
changes:
  - title: Smaller carts
    at: 2m
    config: cart-limits
    author: {name: cart-dev, role: developer}
    set: {items-max: 50}
    plan: plain
    review:
      reviewer: {name: cart-owner, role: owner}
      delay: {median: 5m, sigma: 0.5}
      decision: approve
    defect:
      story: Big carts are refused.
      mechanism: {errors: {class: checkout, share: 5 %}}
expect:
  - caught-by: {stage: all}
    rate: 90 %
"#;

fn told(errors: &LoadErrors) -> Vec<String> {
    let problems = errors.problems.iter();
    problems
        .flat_map(|problem| {
            let label = problem.label.iter().map(|label| format!("  | {label}"));
            let help = problem.help.iter().map(|help| format!("  help: {help}"));
            std::iter::once(problem.to_string())
                .chain(label)
                .chain(help)
        })
        .collect()
}

#[track_caller]
fn same(actual: &[String], expected: &[&str]) {
    assert_eq!(actual, expected);
}

/// Breaks the sound scenario by replacing texts, and compares what is told line by line.
#[track_caller]
fn check(edits: &[(&str, &str)], expected: &[&str]) {
    let mut text = SOUND.to_owned();
    for (from, to) in edits {
        assert_eq!(text.matches(from).count(), 1, "{from:?} must be there once");
        text = text.replace(from, to);
    }
    let errors = load_str("t.yaml", &text).expect_err("the file is broken");
    same(&told(&errors), expected);
}

#[test]
fn what_is_sound_is_loaded() {
    let loaded = load_str("t.yaml", SOUND).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.scenario.expect[0].line, 82);
    for entry in catalogue() {
        let loaded = load_embedded(entry.name).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.scenario.name, entry.name);
    }
}

#[test]
fn text_that_is_not_yaml() {
    check(
        &[("duration: 1h", "duration: \"1h")],
        &[
            "t.yaml:24:18: invalid trailing content after double-quoted scalar [scenario::bad-yaml]",
            "  | YAML cannot be read beyond this point",
            "  help: check indentation, quotes and brackets on this line and the one before",
        ],
    );
    check(
        &[("duration: 1h", " duration: 1h")],
        &[
            "t.yaml:4:10: mapping values are not allowed in this context [scenario::bad-yaml]",
            "  | YAML cannot be read beyond this point",
            "  help: check indentation, quotes and brackets on this line and the one before",
        ],
    );
    check(
        &[("duration: 1h", "duration: 1h\nduration: 2h")],
        &[
            "t.yaml:5:1: key `duration` is there twice [scenario::duplicate-key]",
            "  | the second one",
            "  help: remove one of the two",
        ],
    );
    let errors = load_str("t.yaml", "").unwrap_err();
    same(
        &told(&errors),
        &[
            "t.yaml:1:1: the file is empty or ends too early [scenario::bad-yaml]",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
}

#[test]
fn keys_and_choices_that_are_not_there() {
    check(
        &[("duration: 1h", "durations: 1h")],
        &[
            "t.yaml:4:1: unknown key `durations` [scenario::unknown-key]",
            "  | no such key here",
            "  help: did you mean `duration`?",
        ],
    );
    check(
        &[("duration: 1h\n", "")],
        &[
            "t.yaml:80:1: key `duration` is missing [scenario::missing-key]",
            "  | expected `duration` beside this",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("cells: 1,", "zebra: 1,")],
        &[
            "t.yaml:8:37: unknown key `zebra` [scenario::unknown-key]",
            "  | no such key here",
            "  help: allowed here are `name`, `utc-offset`, `cells`, `hardware` and `weight`",
        ],
    );
    check(
        &[("kind: wave", "kind: waves")],
        &[
            "t.yaml:58:15: `waves` is not one of the choices [scenario::unknown-choice]",
            "  | choices are `canary` and `wave`",
            "  help: did you mean `wave`?",
        ],
    );
    check(
        &[("{errors: {class: checkout", "{error: {class: checkout")],
        &[
            "t.yaml:80:19: `error` is not one of the choices [scenario::unknown-choice]",
            "  | choices are `errors`, `latency`, `crash-on-load`, `cpu-burn`, `memory-leak`, `quota-exhaustion`, `retry-storm`, `wrong-data`, `cache-storm`, `access-loss` and `tooling-poison`",
            "  help: did you mean `errors`?",
        ],
    );
}

#[test]
fn values_of_the_wrong_type() {
    check(
        &[("duration: 1h", "duration: soon")],
        &[
            "t.yaml:4:11: the duration is `soon`, not a duration [scenario::wrong-type]",
            "  | expected a duration such as `40ms`, `10m` or `1h 30m`",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("duration: 1h", "duration: [1h]")],
        &[
            "t.yaml:4:11: expected a single value, such as `10m` [scenario::wrong-type]",
            "  | expected a single value, such as `10m`",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("duration: 1h", "duration:")],
        &[
            "t.yaml:4:9: a key has no value [scenario::missing-value]",
            "  | expected a value behind this key",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("instances: 100", "instances: many")],
        &[
            "t.yaml:11:18: the instances of service `cart` is `many`, not a whole number from 0 [scenario::wrong-type]",
            "  | expected a whole number from 0, such as `20`",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("path: [cart]", "path: cart")],
        &[
            "t.yaml:23:30: expected a list, each item after a dash [scenario::wrong-type]",
            "  | expected a list, each item after a dash",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
}

#[test]
fn values_out_of_range() {
    check(
        &[("share: 5 %}", "share: 130 %}")],
        &[
            "t.yaml:80:52: the share of the defect is `130 %`: outside 0 % to 100 % [scenario::out-of-range]",
            "  | expected a percentage from `0 %` to `100 %`, such as `0.5 %`",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[(
            "sigma: 0.5}\n      error-share",
            "sigma: 9}\n      error-share",
        )],
        &[
            "t.yaml:13:43: the sigma of the service time of service `cart` is `9`; allowed is 0 to 3 [scenario::out-of-range]",
            "  | expected 0 to 3",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("objective: 99.9 %", "objective: 100 %")],
        &[
            "t.yaml:33:16: the objective of SLO `checkouts` is `100 %`; allowed is above 0 % and below 100 % [scenario::out-of-range]",
            "  | expected above 0 % and below 100 %",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("at: 2m", "at: 2h")],
        &[
            "t.yaml:69:9: the time of change `Smaller carts` is `2h`; allowed is 0s to the end of the run (01:00:00) [scenario::out-of-range]",
            "  | expected 0s to the end of the run (01:00:00)",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("scrape-every: 30s", "scrape-every: 15s")],
        &[
            "t.yaml:39:27: the scrape interval is `15s`; allowed is the multiples of the step (00:00:10) [scenario::out-of-range]",
            "  | expected the multiples of the step (00:00:10)",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("swing: 20 %", "swing: 100 %")],
        &[
            "t.yaml:24:33: the swing of demand is `100 %`; allowed is 0 % to 99 % [scenario::out-of-range]",
            "  | expected 0 % to 99 %",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("step: 10s", "step: 10ms")],
        &[
            "t.yaml:5:7: the step is `10ms`; allowed is 100ms or more [scenario::out-of-range]",
            "  | expected 100ms or more",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("initial: 100", "initial: 1000")],
        &[
            "t.yaml:26:11: config `cart-limits` starts invalid: key `items-max` is 1000, outside 1..=500 [scenario::initial-value]",
            "  | before any change",
            "  help: give its keys initial values that its own rules allow",
        ],
    );
}

#[test]
fn sizes_that_cannot_be() {
    let sized = |size: &str| format!("duration: 1h\nsize: {size}");
    check(
        &[("duration: 1h", &sized("99"))],
        &[
            "t.yaml:5:7: the size of the fleet is `99`; allowed is 100 to 10000000 [scenario::out-of-range]",
            "  | expected 100 to 10000000",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("duration: 1h", &sized("120")), ("cells: 1", "cells: 200")],
        &[
            "t.yaml:5:7: the size of the fleet is `120`, too few for one in each cell [scenario::too-small]",
            "  | expected at least 200",
            "  help: each service (1) needs an instance in each cell (200), by the weights of the regions; give at least 200, or take cells out",
        ],
    );
    check(
        &[
            ("duration: 1h", &sized("10_000_000")),
            ("rate: 300/s", "rate: 20000/s"),
        ],
        &[
            "t.yaml:5:7: the size of the fleet is `10_000_000`, which makes 2000000000 requests a second of class `checkout` [scenario::out-of-range]",
            "  | expected at most 1000000000/s of each class",
            "  help: choose a smaller size, or lower the rate of the class",
        ],
    );
}

#[test]
fn names_that_nobody_defines() {
    check(
        &[("service: cart\n", "service: card\n")],
        &[
            "t.yaml:27:14: config `cart-limits` names service `card`, which is not defined in this scenario [scenario::unknown-service]",
            "  | no such service",
            "  help: did you mean `cart`, defined on line 10?",
        ],
    );
    check(
        &[("service: cart,", "service: zebra,")],
        &[
            "t.yaml:32:35: SLO `checkouts` names service `zebra`, which is not defined in this scenario [scenario::unknown-service]",
            "  | no such service",
            "  help: defined are `cart`",
        ],
    );
    check(
        &[("kind: wave\n", "kind: wave\n        regions: [nort]\n")],
        &[
            "t.yaml:59:19: stage `all` names region `nort`, which is not defined in this scenario [scenario::unknown-region]",
            "  | no such region",
            "  help: did you mean `north`, defined on line 8?",
        ],
    );
    check(
        &[(
            "errors: {class: checkout, share",
            "errors: {class: chekout, share",
        )],
        &[
            "t.yaml:80:35: the defect names class `chekout`, which is not defined in this scenario [scenario::unknown-class]",
            "  | no such class",
            "  help: did you mean `checkout`, defined on line 23?",
        ],
    );
}

#[test]
fn configs_plans_stages_and_worlds_that_nobody_defines() {
    check(
        &[("config: cart-limits", "config: cart-limit")],
        &[
            "t.yaml:70:13: change `Smaller carts` names config `cart-limit`, which is not defined in this scenario [scenario::unknown-config]",
            "  | no such config",
            "  help: did you mean `cart-limits`, defined on line 26?",
        ],
    );
    check(
        &[("plan: plain", "plan: plane")],
        &[
            "t.yaml:73:11: change `Smaller carts` names plan `plane`, which is not defined in this file, the plan files it names or the catalogue [scenario::unknown-plan]",
            "  | no such plan",
            "  help: did you mean `plain`?",
        ],
    );
    check(
        &[("{stage: all}", "{stage: al}")],
        &[
            "t.yaml:82:24: an expectation names stage `al`, which is not defined by a plan in use [scenario::unknown-stage]",
            "  | no such stage",
            "  help: did you mean `all`?",
        ],
    );
    check(
        &[("set: {items-max: 50}", "set: {item-max: 50}")],
        &[
            "t.yaml:72:21: change `Smaller carts` names key `item-max`, which config `cart-limits` does not have [scenario::unknown-config-key]",
            "  | the value of an unknown key",
            "  help: did you mean `items-max`?",
        ],
    );
    check(
        &[("step: 10s", "world: {preset: socail}")],
        &[
            "t.yaml:5:17: the scenario names world `socail`, which is not defined in the catalogue [scenario::unknown-world]",
            "  | no such world",
            "  help: did you mean `social`?",
        ],
    );
    check(
        &[("step: 10s\n", "")],
        &[
            "t.yaml:1:1: the scenario lacks `step`, and names no world to take them from [scenario::missing-section]",
            "  help: add `world: {preset: NAME}` with one of `social`, `one-service`, `three-tier-web`, `payments`, `edge-cdn` and `dns`, or the sections",
        ],
    );
}

#[test]
fn fleets_with_nothing_in_them() {
    check(
        &[("instances: 100", "instances: 0")],
        &[
            "t.yaml:11:18: the instances of service `cart` are 0, so there is nothing that could run or fail [scenario::empty-fleet]",
            "  | expected at least 1",
            "  help: give it at least 1, or leave it out of the fleet",
        ],
    );
    check(
        &[(
            "\n    - {name: north, utc-offset: 1h, cells: 1, weight: 1}",
            " []",
        )],
        &[
            "t.yaml:7:12: the fleet has no region [scenario::empty-fleet]",
            "  | expected at least one region",
            "  help: add at least one region, or leave `fleet` to a world preset",
        ],
    );
}

#[test]
fn plans_that_decide_nothing() {
    check(
        &[(
            "\n            - error-ratio: {limit: {at-most: 1 %}, sample-min: 100}",
            " []",
        )],
        &[
            "t.yaml:57:15: stage `all` has no checks, so no verdict could ever let it pass [scenario::never-passes]",
            "  | expected at least one check under `judge`",
            "  help: add a check, for example `unavailable: {limit: {at-most: 5 %}, sample-min: 1}`",
        ],
    );
    check(
        &[("at-most: 1 %", "at-most: 100 %")],
        &[
            "t.yaml:57:15: stage `all` has only checks that can never fail, so it would let everything pass [scenario::never-fails]",
            "  | every limit is the most there can be",
            "  help: lower a limit below 100 %",
        ],
    );
    check(
        &[("share: 100 %", "share: 50 %")],
        &[
            "t.yaml:59:16: plan `plain`: the last stage, `all`, must reach every instance [scenario::not-whole]",
            "  | here",
            "  help: end the plan with a stage of `100 %` in all regions",
        ],
    );
    check(
        &[("share: 100 %", "share: 0 instances")],
        &[
            "t.yaml:59:16: plan `plain`: stage `all` reaches no instance [scenario::empty-stage]",
            "  | here",
            "  help: give it a share above 0 of a region that has instances",
        ],
    );
}

#[test]
fn names_that_are_taken_and_changes_that_do_nothing() {
    let twice = "    - {name: north, utc-offset: 1h, cells: 1, weight: 1}\n";
    check(
        &[(twice, &twice.repeat(2))],
        &[
            "t.yaml:9:14: two regions are called `north` [scenario::duplicate-name]",
            "  | used before",
            "  help: the first one is on line 8; rename one of them",
        ],
    );
    check(
        &[("items-max: 50", "items-max: 100")],
        &[
            "t.yaml:72:10: change `Smaller carts` sets nothing that is not so already [scenario::no-effect]",
            "  | expected a value other than the initial one",
            "  help: give a key a new value",
        ],
    );
    check(
        &[("rate: 90 %", "pages-at-most: 1")],
        &[
            "t.yaml:82:5: an expectation requires 2 things at once [scenario::expectation]",
            "  | expected exactly one requirement, and `rate` if you like",
            "  help: write one list item for each of `caught-by`, `time-to-detect-at-most`, `time-to-mitigate-at-most`, `mitigated`, `acknowledged-within`, `users-told-within`, `rollback-adopted-within`, `exposure-at-most`, `pages-at-most`, `alerts-at-least`, `incidents-at-most`, `suspect-rank-at-most`, `teams-paged-at-least`, `hands-over`, `reaches-full`, `breaches-slo`, `harms-users`, `action-works`, `action-fails`",
        ],
    );
    check(
        &[("{stage: all}\n    rate", "{stage: all}\n  - rate")],
        &[
            "t.yaml:83:5: an expectation requires nothing [scenario::expectation]",
            "  | expected exactly one requirement, and `rate` if you like",
            "  help: write one list item for each of `caught-by`, `time-to-detect-at-most`, `time-to-mitigate-at-most`, `mitigated`, `acknowledged-within`, `users-told-within`, `rollback-adopted-within`, `exposure-at-most`, `pages-at-most`, `alerts-at-least`, `incidents-at-most`, `suspect-rank-at-most`, `teams-paged-at-least`, `hands-over`, `reaches-full`, `breaches-slo`, `harms-users`, `action-works`, `action-fails`",
        ],
    );
    check(
        &[("role: site-reliability", "role: developer")],
        &[
            "t.yaml:41:9: whoever is on call acts as developer, a role that may not roll back [scenario::powerless-on-call]",
            "  | cannot end an incident",
            "  help: give the role `owner` or `site-reliability`",
        ],
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    check(
        &[
            ("cells: 1,", "cells: one,"),
            ("objective: 99.9 %", "objective: 99.9"),
            ("bake: 10m", "bake: 10"),
            ("share: 5 %}", "share: 500 %}"),
        ],
        &[
            "t.yaml:8:44: the cells of region `north` is `one`, not a whole number from 0 [scenario::wrong-type]",
            "  | expected a whole number from 0, such as `20`",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:33:16: the objective of SLO `checkouts` is `99.9`, not a percentage from `0 %` to `100 %` [scenario::wrong-type]",
            "  | expected a percentage from `0 %` to `100 %`, such as `0.5 %`",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:61:15: the bake time of stage `all` is `10`, not a duration [scenario::wrong-type]",
            "  | expected a duration such as `40ms`, `10m` or `1h 30m`",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:80:52: the share of the defect is `500 %`: outside 0 % to 100 % [scenario::out-of-range]",
            "  | expected a percentage from `0 %` to `100 %`, such as `0.5 %`",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
}

const DEMAND: &str = r#"demand: {start: "10:00", swing: 20 %, peak: "20:00"}"#;

#[test]
fn demand_that_cannot_be() {
    let demand = r#"demand:
  start: "10:00"
  swing: 20 %
  peak: "20:00"
  weekly: {start-day: friday, weekend: 0}
  drift: {sd: 130 %, correlation-time: 0s}
  overdispersion: 11
  events:
    - flash-crowd: {at: 5m, duration: 10m, ramp: 6m, factor: 2000, regions: [nort], classes: [buy]}
    - region-failover: {at: 20m, duration: 0s, from: north, to: [north]}"#;
    check(
        &[(DEMAND, demand)],
        &[
            "t.yaml:28:40: the weekend's demand is `0`; allowed is 0.01 to 100 [scenario::out-of-range]",
            "  | expected 0.01 to 100",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:29:15: the sd of drift is `130 %`: outside 0 % to 100 % [scenario::out-of-range]",
            "  | expected a percentage from `0 %` to `100 %`, such as `0.5 %`",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:29:40: the correlation time of drift is `0s`; allowed is more than 0s [scenario::out-of-range]",
            "  | expected more than 0s",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:30:19: the overdispersion of demand is `11`; allowed is 0 to 10 [scenario::out-of-range]",
            "  | expected 0 to 10",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:32:50: the ramp of a flash crowd is `6m`; allowed is up to half of its duration [scenario::out-of-range]",
            "  | expected up to half of its duration",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:32:62: the factor of a flash crowd is `2000`; allowed is 0 to 1000 [scenario::out-of-range]",
            "  | expected 0 to 1000",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:32:78: a flash crowd names region `nort`, which is not defined in this scenario [scenario::unknown-region]",
            "  | no such region",
            "  help: did you mean `north`, defined on line 8?",
            "t.yaml:32:95: a flash crowd names class `buy`, which is not defined in this scenario [scenario::unknown-class]",
            "  | no such class",
            "  help: defined are `checkout`",
            "t.yaml:33:44: the duration of a region failover is `0s`; allowed is more than 0s [scenario::out-of-range]",
            "  | expected more than 0s",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:33:54: users of region `north` have nowhere to go [scenario::failover-to-nowhere]",
            "  | the only region there is",
            "  help: add a region to the fleet, or take the failover out",
            "t.yaml:33:66: users of region `north` are to leave it for itself [scenario::failover-to-itself]",
            "  | the region they leave",
            "  help: name other regions, or leave `to` out for all others",
        ],
    );
}

const MOVING: &str = "\
Fleet
  100 instances of 1 service in 2 regions (north, south). Users make 300 requests a second on
    average, in 1 class. The run lasts 1h and starts at 10:00 UTC.
  The run starts on a Friday; weekends have 0.7 times the demand of weekdays.
  Demand of each region drifts by about 5 %, over about 30m.
  Requests come in bursts: the rate of a class in a cell varies by 10 % from step to step.
  Flash crowd: after 5m, for 10m, `checkout` requests everywhere become 3 times as many, up and
    down over 1m.
  Failover: after 20m, for 10m, the users of north are sent to all other regions.
";

#[test]
fn demand_that_moves_is_loaded_and_explained() {
    let demand = r#"demand:
  start: "10:00"
  swing: 20 %
  peak: "20:00"
  weekly: {start-day: friday, weekend: 0.7}
  drift: {sd: 5 %, correlation-time: 30m}
  overdispersion: 0.01
  events:
    - flash-crowd: {at: 5m, duration: 10m, ramp: 1m, factor: 3, classes: [checkout]}
    - region-failover: {at: 20m, duration: 10m, from: north}"#;
    let south = "    - {name: south, utc-offset: 2h, cells: 1, weight: 1}\n  services:";
    let text = SOUND.replace(DEMAND, demand).replace("  services:", south);
    let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let told = explain(&loaded);
    let fleet = told.split("\n\n").nth(2).unwrap();
    let expected: Vec<&str> = MOVING.lines().collect();
    assert_eq!(fleet.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn propagation_that_cannot_be() {
    let partitions = "  stragglers: {share: 0.5 %, delay: {median: 5m, sigma: 1}}
  tiers: {commit: 2s, relay: 3s, region: 5s}
  rollback-base: 11s
  partitions:
    - {at: 5m, duration: 0s, region: nort}
    - {at: 6m, duration: 1m}
    - {at: 7m, duration: 1m, cell: {region: north, number: 1}}";
    let stragglers = "  stragglers: {share: 0.5 %, delay: {median: 5m, sigma: 1}}";
    check(
        &[(stragglers, partitions)],
        &[
            "t.yaml:36:9: propagation has both a `base` and `tiers` [scenario::two-base-delays]",
            "  | the base",
            "  help: keep one of the two",
            "t.yaml:40:18: the base delay of a rollback is `11s`; allowed is up to the base delay (00:00:10) [scenario::out-of-range]",
            "  | expected up to the base delay (00:00:10)",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:42:26: the duration of a partition is `0s`; allowed is more than 0s [scenario::out-of-range]",
            "  | expected more than 0s",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:42:38: a partition names region `nort`, which is not defined in this scenario [scenario::unknown-region]",
            "  | no such region",
            "  help: did you mean `north`, defined on line 8?",
            "t.yaml:43:12: a partition cuts off either a region or a cell [scenario::partition-of-nothing]",
            "  | this partition names both or neither",
            "  help: give it `region: NAME` or `cell: {region: NAME, number: 0}`",
            "t.yaml:44:60: the cell of region `north` is `1`; allowed is below 1, its number of cells [scenario::out-of-range]",
            "  | expected below 1, its number of cells",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("  base: 10s\n", "")],
        &[
            "t.yaml:36:18: key `base` is missing [scenario::missing-key]",
            "  | expected `base` or `tiers` beside `body`",
            "  help: add `base: 10s`, or `tiers` with `commit`, `relay` and `region`",
        ],
    );
}

#[test]
fn propagation_with_faults_is_loaded_and_explained() {
    let faults = "  tiers: {commit: 2s, relay: 3s, region: 5s}
  rollback-base: 2s
  repair: {median: 20m, sigma: 0.5}
  partitions:
    - {at: 5m, duration: 30m, region: north}
    - {at: 6m, duration: 1m, cell: {region: north, number: 0}}";
    let text = SOUND.replace("  base: 10s", faults);
    let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let told = explain(&loaded);
    let fleet = told.split("\n\n").nth(2).unwrap();
    let expected = "\
  A rollback skips tiers of distribution: it reaches the first instance after 2s instead of 10s.
  Instances that crash before they read config are repaired one by one, in 20m (median).
  Partition: after 5m, for 30m, north is cut off from distribution and keeps what it has.
  Partition: after 6m, for 1m, cell 0 of north is cut off from distribution and keeps what it
    has.";
    assert!(fleet.ends_with(expected), "{fleet}");
}

#[test]
fn what_a_service_does_to_hold_out_is_explained() {
    let start = SOUND.find("      start-up:").unwrap();
    let (before, after) = SOUND.split_at(start);
    let switches = "      queue-order: lifo
      drops-expired: true
      shed-to: 90 %
      ejection: {errors: 20 %, for: 30s, at-most: 40 %}
";
    let loaded = load_str("t.yaml", &format!("{before}{switches}{after}"));
    let told = explain(&loaded.unwrap_or_else(|errors| panic!("{errors}")));
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "serves the newest request first when requests wait; it drops requests whose caller has \
         given up; it lets in only 90 % of what it can serve while requests wait",
        "leaves out instances failing more than 20 % of their requests, each for 30s and at most \
         40 % of them at a time.",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let plain = explain(&load_str("t.yaml", SOUND).unwrap_or_else(|errors| panic!("{errors}")));
    assert!(
        !plain.contains("hold out") && !plain.contains("size of"),
        "{plain}"
    );
}

#[test]
fn hosts_that_cannot_be() {
    let noise = "noise: {heterogeneity: {error-sigma: 4, latency-sigma: 2}}\non-call:";
    check(
        &[("on-call:", noise)],
        &[
            "t.yaml:40:38: the error sigma of hosts is `4`; allowed is 0 to 3 [scenario::out-of-range]",
            "  | expected 0 to 3",
            "  help: `firedrill schema` tells what each key takes",
            "t.yaml:40:56: the latency sigma of hosts is `2`; allowed is 0 to 1 [scenario::out-of-range]",
            "  | expected 0 to 1",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    let text = SOUND.replace("on-call:", &noise.replace('4', "0.5").replace("2}", "0.1}"));
    let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let told = explain(&loaded);
    let line = "Noise: hosts differ, in their error share by 50 % of their service's, in their";
    assert!(told.contains(line), "{told}");
}

#[test]
fn people_that_cannot_be() {
    const TIMES: &str =
        "  acknowledge: {median: 3m, sigma: 1}\n  diagnose: {median: 15m, sigma: 1}\n";
    let see = "  help: `firedrill schema` tells what each key takes";
    check(
        &[(TIMES, "  model: {noise: loud}\n")],
        &[
            "t.yaml:43:18: `loud` is not one of the choices [scenario::unknown-choice]",
            "  | choices are `low`, `typical` and `storm`",
            "  help: did you mean `low`?",
        ],
    );
    let broken = "  model:\n    people-max: 0\n    answers-at-least: 130 %\n    acknowledge: {day: 2m, \
                  night: 5m, sigma: 4}\n    patience: 0s\n";
    check(
        &[(TIMES, broken)],
        &[
            "t.yaml:44:17: the number of people who look is `0`; allowed is 1 to 16 [scenario::out-of-range]",
            "  | expected 1 to 16",
            see,
            "t.yaml:45:23: the least share of answers is `130 %`: outside 0 % to 100 % [scenario::out-of-range]",
            "  | expected a percentage from `0 %` to `100 %`, such as `0.5 %`",
            see,
            "t.yaml:46:46: the sigma of the acknowledge delay is `4`; allowed is 0 to 3 [scenario::out-of-range]",
            "  | expected 0 to 3",
            see,
            "t.yaml:47:15: the patience of whoever is on call is `0s`; allowed is more than 0s [scenario::out-of-range]",
            "  | expected more than 0s",
            see,
        ],
    );
    check(
        &[("  diagnose: {median: 15m, sigma: 1}\n", "")],
        &[
            "t.yaml:41:9: nothing says how long whoever is on call takes [scenario::no-answer]",
            "  | needs both `acknowledge` and `diagnose`, or `model`",
            "  help: `model: {}` is a model of ordinary people",
        ],
    );
    check(
        &[("  diagnose: {median: 15m, sigma: 1}\n", "  model: {}\n")],
        &[
            "t.yaml:41:9: whoever is on call has a model, which says how long they take [scenario::two-answers]",
            "  | `acknowledge` or `diagnose` beside `model`",
            "  help: leave out either the two times or the model",
        ],
    );
    let text = SOUND.replace(TIMES, "  model: {site: -5h, severity: sev-1, noise: low}\n");
    let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let model = loaded.scenario.on_call.model.as_deref();
    assert_eq!(model.map(|model| model.site.utc_offset_s), Some(-18_000));
}

/// The tiny scenario with sections of its own in front of `core`.
fn with_sections(sections: &str) -> String {
    SOUND.replace("core:\n", &format!("{sections}core:\n"))
}

fn check_sections(sections: &str, expected: &[&str]) {
    check(&[("core:\n", &format!("{sections}core:\n"))], expected);
}

#[test]
fn tools_stand_on_what_there_is() {
    check_sections(
        "tools: {pager: {depends-on: [card]}}\n",
        &[
            "t.yaml:45:30: the pager names service `card`, which is not defined in this scenario [scenario::unknown-service]",
            "  | no such service",
            "  help: did you mean `cart`, defined on line 10?",
        ],
    );
    check_sections(
        "tools: {dashboards: {needs-health: 90 %}}\n",
        &[
            "t.yaml:45:36: the dashboards needs the health of no service [scenario::needs-nothing]",
            "  | `needs-health` without `depends-on`",
            "  help: list the services that it stands on, or leave this out",
        ],
    );
    check_sections(
        "tools:\n  pager: {break-glass: 5m}\n",
        &[
            "t.yaml:46:10: the pager works by itself: nobody stands by to break the glass [scenario::nobody-to-break]",
            "  | `break-glass` of a tool that works without people",
            "  help: give it `out-of-band`, or leave this out",
        ],
    );
    check_sections(
        "tools: {chat: {down: [{from: 20m, until: 10m}]}}\n",
        &[
            "t.yaml:45:42: the end of an outage of the chat is `10m`; allowed is later than its begin [scenario::out-of-range]",
            "  | expected later than its begin",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check_sections(
        "support: {reports: 3, within: 10m, calls: {median: 5m, sigma: 0.5}}\n",
        &[
            "t.yaml:45:20: support listens to users, but no user reports anything [scenario::nobody-reports]",
            "  | waits for ever",
            "  help: give `telemetry` its `user-reports`",
        ],
    );
}

#[test]
fn posts_have_writers_and_readers() {
    check_sections(
        "status-posts: {public: {}}\n",
        &[
            "t.yaml:45:15: nobody posts: only teams declare an incident [scenario::nobody-posts]",
            "  | without `teams`",
            "  help: say who is on call under `teams`, or leave this out",
        ],
    );
    check_sections(
        "teams: [{name: carts, people: [{name: ana}]}]\nstatus-posts: {writing: {median: 3m, sigma: 0.5}}\n",
        &[
            "t.yaml:46:15: nobody is told anything [scenario::no-readers]",
            "  | neither `internal` nor `public`",
            "  help: name one of them; `public: {}` takes the usual times",
        ],
    );
    check(
        &[("    rate: 90 %", "  - users-told-within: 5m")],
        &[
            "t.yaml:83:5: users are told nothing, so this cannot fail [scenario::untold]",
            "  | `users-told-within` without posts for users",
            "  help: add `status-posts: {public: {}}`, or leave this out",
        ],
    );
    check_sections(
        "teams: [{name: carts, people: [{name: ana}]}]\nstatus-posts: {public: {from-severity: 5}}\n",
        &[
            "t.yaml:46:40: the least severity that is told of is `5`; allowed is 0 to 4 [scenario::out-of-range]",
            "  | expected 0 to 4",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
}

#[test]
fn teams_can_be_paged() {
    check_sections(
        "teams:\n  - {name: carts, people: []}\n",
        &[
            "t.yaml:46:12: team `carts` has nobody who could be paged [scenario::nobody-to-page]",
            "  | no people",
            "  help: list somebody under `people`",
        ],
    );
    check_sections(
        "teams:\n  - {name: carts, people: [{name: ana}], rota: [{people: [anna]}]}\n",
        &[
            "t.yaml:46:59: a rotation names person `anna`, which is not defined in this scenario [scenario::unknown-person]",
            "  | no such person",
            "  help: did you mean `ana`, defined on line 46?",
        ],
    );
    check_sections(
        "teams:\n  - {name: carts, people: [{name: ana}], escalation: []}\n",
        &[
            "t.yaml:46:12: the escalation of team `carts` pages nobody [scenario::nobody-to-page]",
            "  | no levels",
            "  help: leave `escalation` out, or give it a level",
        ],
    );
    check_sections(
        "teams:\n  - {name: carts, owns: [{service: card}], people: [{name: ana, role: developer}]}\n",
        &[
            "t.yaml:46:36: what a team owns names service `card`, which is not defined in this scenario [scenario::unknown-service]",
            "  | no such service",
            "  help: did you mean `cart`, defined on line 10?",
            "t.yaml:46:60: `ana` may be on call and acts as developer, a role that may not roll back [scenario::powerless-on-call]",
            "  | cannot end an incident",
            "  help: give the role `owner` or `site-reliability`",
        ],
    );
}

#[test]
fn tools_and_teams_are_explained() {
    let text = with_sections(
        "tools:
  rollback-service: {depends-on: [cart], break-glass: 30m}
  pager: {availability: 99.9 %, down: [{from: 10m, until: 20m}], out-of-band: 2m}
teams:
  - name: carts
    owns: [{service: cart}]
    people: [{name: ana}, {name: bo, site: -8h}]
    rota:
      - {people: [ana], hours: {from: \"06:00\", until: \"18:00\"}}
      - {people: [bo], site: -8h, hours: {from: \"10:00\", until: \"22:00\"}}
    escalation: [{answer-within: 5m}, {page: [ana], answer-within: 10m}]
",
    );
    let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let told = explain(&loaded);
    let told: Vec<&str> = told.split_whitespace().collect();
    let told = told.join(" ");
    for line in [
        "The pager: one use takes 15s, works by itself 99.9 % of the time (an outage lasts 30m on average). It is down from 10m to 20m into the run. Without it there is a way that depends on nothing and takes 2m.",
        "The rollback service: one use takes 10s. It works only while `cart` answers at least 50 % of requests. Without those services people get in by sealed credentials, which takes 30m the first time.",
        "carts: paged for `cart` and whatever nobody owns; really runs `cart`. On call: ana from 06:00 to 18:00 at UTC; bo from 10:00 to 22:00 at UTC-8h. Pages whoever is on call for 5m, then ana for 10m, 3 times in all.",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn paths_that_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let told_of = |name: &str| {
        let path = folder.path().join(name);
        let errors = load_paths(&[path]).unwrap_err();
        let here = format!("{}/", folder.path().display());
        told(&errors)
            .into_iter()
            .map(|line| line.replace(&here, ""))
            .collect::<Vec<_>>()
    };
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("latin.yaml"), b"name: caf\xe9\n").unwrap();
    let names: Vec<String> = catalogue()
        .iter()
        .map(|entry| format!("`{}`", entry.name))
        .collect();
    let (last, rest) = names.split_last().expect("the catalogue is not empty");
    let known = format!("{} and {last}", rest.join(", "));
    same(
        &told_of("nothing.yaml"),
        &[
            "nothing.yaml: no such file or directory, and no scenario of the catalogue has this name [scenario::not-found]",
            &format!("  help: the catalogue has {known}"),
        ],
    );
    same(
        &told_of("empty"),
        &[
            "empty: the directory holds no `*.yaml` file [scenario::empty-directory]",
            "  help: name a directory of scenario files, or run `firedrill list` for the catalogue",
        ],
    );
    same(
        &told_of("latin.yaml"),
        &[
            "latin.yaml:1:10: the file is not UTF-8 text [scenario::not-utf8]",
            "  | text up to here",
            "  help: save the file as UTF-8",
        ],
    );
    fs::create_dir(folder.path().join("two")).unwrap();
    for name in ["two/a.yaml", "two/b.yaml"] {
        fs::write(folder.path().join(name), SOUND).unwrap();
    }
    same(
        &told_of("two"),
        &[
            "two/b.yaml: scenario `tiny` is also in two/a.yaml [scenario::duplicate-name]",
            "  help: rename one of the two, or run them one at a time",
        ],
    );
    let errors = load_paths(&["login-dorp".into()]).unwrap_err();
    same(
        &told(&errors),
        &[
            "login-dorp: no such file or directory, and no scenario of the catalogue has this name [scenario::not-found]",
            "  help: did you mean `login-drop`?",
        ],
    );
}

#[test]
fn directories_are_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b", "a"] {
        let text = SOUND.replace("name: tiny", &format!("name: {name}"));
        fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "not a scenario").unwrap();
    let loaded = load_paths(&[folder.path().into()]).unwrap();
    let names: Vec<&str> = loaded.iter().map(|one| &*one.scenario.name).collect();
    assert_eq!(names, ["a", "b"]);
}

const MECHANISM: &str = "{errors: {class: checkout, share: 5 %}}";

/// A second service, which `cart` does not call.
const STORE: &str = "    - name: store
      instances: 10
      workers: 2
      service-time: {median: 10ms, sigma: 0.4}
      error-share: 0 %
      timeout: 1s
      queue-max: 10
      start-up: 10s
      cpu: {idle: 5 %, slope: 50 %}
      memory: {idle: 5 %, slope: 50 %}
      network: {idle: 5 %, slope: 50 %}
      disk: {idle: 5 %, slope: 50 %}
  classes:
";

#[test]
fn every_mechanism_onset_and_trigger_is_understood() {
    let called = [
        "quota-exhaustion: {victim: store, factor: 4}",
        "retry-storm: {callee: store, attempts: 4, timeout: 200ms}",
        "retry-storm: {callee: store, attempts: 4}",
        "cache-storm: {store: store, factor: 20, refill: 10m}",
        "cpu-burn: {factor: 1.5}",
        "memory-leak: {fills-after: 40m}",
        "wrong-data: {class: checkout, share: 5 %}",
        "wrong-data: {share: 5 %}",
        "access-loss: {share: 100 %}",
        "tooling-poison: {scrapes-lost: 90 %, distribution-factor: 10}",
    ];
    let onsets = [
        "at-load",
        "{delayed: 10m}",
        "{ramp: 30m}",
        "{next-restart: 2h}",
    ];
    let triggers = [
        "load-above: 70 %",
        "local-time: {from: \"18:00\", until: \"02:00\"}",
        "regions: [north]",
        "hardware: 1",
        "key: {items-max: 50}",
    ];
    let all = triggers.map(|trigger| format!("{{{trigger}}}")).join(", ");
    for (index, mechanism) in called.iter().enumerate() {
        let onset = onsets[index % onsets.len()];
        let text = SOUND
            .replace("  classes:\n", STORE)
            .replace("path: [cart]", "path: [cart, store]")
            .replace("cells: 1,", "cells: 2, hardware: [0, 1],")
            .replace(
                MECHANISM,
                &format!("{{{mechanism}}}\n      onset: {onset}\n      triggers: [{all}]"),
            );
        let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        let defect = loaded.scenario.changes[0].defect.as_ref().unwrap();
        assert_eq!(defect.triggers.len(), triggers.len());
    }
}

#[test]
fn business_objectives_and_checks_are_understood() {
    let text = SOUND
        .replace("{errors: {service: cart,", "{business: {service: cart,")
        .replace(
            "error-ratio: {limit",
            "business-loss: {class: checkout, limit",
        );
    load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    check(
        &[(
            "{errors: {service: cart, class: checkout}}",
            "{business: {service: cart, class: chekout}}",
        )],
        &[
            "t.yaml:32:50: SLO `checkouts` names class `chekout`, which is not defined in this scenario [scenario::unknown-class]",
            "  | no such class",
            "  help: did you mean `checkout`, defined on line 23?",
        ],
    );
    check(
        &[(
            "error-ratio: {limit",
            "business-loss: {class: chekout, limit",
        )],
        &[
            "t.yaml:65:38: stage `all` names class `chekout`, which is not defined in this scenario [scenario::unknown-class]",
            "  | no such class",
            "  help: did you mean `checkout`, defined on line 23?",
        ],
    );
}

#[test]
fn victims_that_the_changed_service_does_not_call() {
    check(
        &[(MECHANISM, "{quota-exhaustion: {victim: cart, factor: 4}}")],
        &[
            "t.yaml:80:46: the defect of `cart` hits `cart`, which `cart` does not call [scenario::not-called]",
            "  | no request of any class goes from `cart` to it",
            "  help: `cart` calls nothing; choose a mechanism that hurts `cart` itself",
        ],
    );
    check(
        &[
            ("  classes:\n", STORE),
            (
                "    - {name: checkout, path: [cart]",
                "    - {name: browse, path: [cart, store, cart], rate: 1/s, employees: 1 %}\n    - {name: checkout, path: [store, cart]",
            ),
            (MECHANISM, "{retry-storm: {callee: cart, attempts: 4}}"),
        ],
        &[
            "t.yaml:93:41: the defect of `cart` hits `cart`, which `cart` does not call [scenario::not-called]",
            "  | no request of any class goes from `cart` to it",
            "  help: `cart` calls `store`: name one of them, or add it to a class's path",
        ],
    );
    check(
        &[(
            MECHANISM,
            "{cache-storm: {store: carts, factor: 4, refill: 10m}}",
        )],
        &[
            "t.yaml:80:40: the defect names service `carts`, which is not defined in this scenario [scenario::unknown-service]",
            "  | no such service",
            "  help: did you mean `cart`, defined on line 10?",
        ],
    );
}

#[test]
fn defects_with_numbers_that_mean_nothing() {
    for (mechanism, told) in [
        (
            "{cpu-burn: {factor: 0.5}}",
            [
                "t.yaml:80:38: the factor of the defect is `0.5`; allowed is 1 to 1000 [scenario::out-of-range]",
                "  | expected 1 to 1000",
                "  help: `firedrill schema` tells what each key takes",
            ],
        ),
        (
            "{memory-leak: {fills-after: 10ms}}",
            [
                "t.yaml:80:46: the time after which the defect has filled memory is `10ms`; allowed is 1s or more [scenario::out-of-range]",
                "  | expected 1s or more",
                "  help: `firedrill schema` tells what each key takes",
            ],
        ),
        (
            "{tooling-poison: {scrapes-lost: 90 %, distribution-factor: 0}}",
            [
                "t.yaml:80:77: the distribution factor of the defect is `0`; allowed is 1 to 1000 [scenario::out-of-range]",
                "  | expected 1 to 1000",
                "  help: `firedrill schema` tells what each key takes",
            ],
        ),
    ] {
        check(&[(MECHANISM, mechanism)], &told);
    }
    check(
        &[
            ("  classes:\n", STORE),
            ("path: [cart]", "path: [cart, store]"),
            (MECHANISM, "{retry-storm: {callee: store, attempts: 40}}"),
        ],
        &[
            "t.yaml:92:58: the tries of the defect is `40`; allowed is 1 to 16 [scenario::out-of-range]",
            "  | expected 1 to 16",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[(MECHANISM, "{errors: {share: 5 %}}\n      onset: {ramp: 0s}")],
        &[
            "t.yaml:81:21: the ramp of the defect is `0s`; allowed is more than 0s [scenario::out-of-range]",
            "  | expected more than 0s",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
}

fn with_trigger(trigger: &str) -> String {
    format!("{MECHANISM}\n      triggers: [{{{trigger}}}]")
}

#[test]
fn triggers_that_never_hold() {
    for (trigger, told) in [
        (
            "load-above: 170 %",
            [
                "t.yaml:81:31: the load above which the defect hurts is `170 %`: outside 0 % to 100 % [scenario::out-of-range]",
                "  | expected a percentage from `0 %` to `100 %`, such as `0.5 %`",
                "  help: `firedrill schema` tells what each key takes",
            ],
        ),
        (
            "local-time: {from: \"18:00\", until: \"18:00\"}",
            [
                "t.yaml:81:54: the time of day until which the defect hurts is `18:00`; allowed is any time but `18:00`, from which it hurts [scenario::out-of-range]",
                "  | expected any time but `18:00`, from which it hurts",
                "  help: `firedrill schema` tells what each key takes",
            ],
        ),
        (
            "regions: [nort]",
            [
                "t.yaml:81:29: the defect names region `nort`, which is not defined in this scenario [scenario::unknown-region]",
                "  | no such region",
                "  help: did you mean `north`, defined on line 8?",
            ],
        ),
    ] {
        check(&[(MECHANISM, &with_trigger(trigger))], &told);
    }
}

#[test]
fn triggers_that_name_nothing_that_is_there() {
    for (trigger, told) in [
        (
            "regions: []",
            [
                "t.yaml:81:28: a trigger of the defect lists no region, so it would never hurt [scenario::never-triggers]",
                "  | expected at least one region",
                "  help: name what it depends on, or leave the trigger out",
            ],
        ),
        (
            "hardware: 1",
            [
                "t.yaml:81:29: the defect needs hardware class 1, which no cell has [scenario::unknown-hardware]",
                "  | no such hardware",
                "  help: there are `0`; `hardware` of a region gives its cells others",
            ],
        ),
        (
            "key: {item-max: 50}",
            [
                "t.yaml:81:35: the defect names key `item-max`, which config `cart-limits` does not have [scenario::unknown-config-key]",
                "  | the value of an unknown key",
                "  help: did you mean `items-max`?",
            ],
        ),
        (
            "key: {items-max: 5000}",
            [
                "t.yaml:81:36: the defect waits for a value that validation refuses: key `items-max` is 5000, outside 1..=500 [scenario::never-triggers]",
                "  | no config ever has this value",
                "  help: give a value that the key may have",
            ],
        ),
        (
            "key: {}",
            [
                "t.yaml:81:24: a trigger of the defect lists no key, so it would never hurt [scenario::never-triggers]",
                "  | expected at least one key",
                "  help: name what it depends on, or leave the trigger out",
            ],
        ),
    ] {
        check(&[(MECHANISM, &with_trigger(trigger))], &told);
    }
}

#[test]
fn hardware_that_does_not_fit_the_cells() {
    check(
        &[("cells: 1,", "cells: 1, hardware: [0, 1],")],
        &[
            "t.yaml:8:57: the hardware of region `north` lists more classes (2) than cells (1) [scenario::out-of-range]",
            "  | expected at most one class for each cell",
            "  help: leave out the last ones, or give the region more cells",
        ],
    );
    check(
        &[("cells: 1,", "cells: 1, hardware: [300],")],
        &[
            "t.yaml:8:58: the hardware of region `north` is `300`; allowed is 0 to 255 [scenario::out-of-range]",
            "  | expected 0 to 255",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
}

/// What stands where the sound scenario's defect does, in a mix of its own.
const MIX: &str = r#"    mix: ours
mixes:
  - name: ours
    basis: Assumed.
    parts:
      - weight: 3
        kind: refusals
        defect:
          story: Big carts are refused.
          mechanism: {errors: {class: checkout, share: 5 %..40 %}}
      - weight: 1
        defect:
          story: Carts are slow where it is busy.
          mechanism: {latency: {factor: 1.5..4}}
          onset: {delayed: 1m..1h}
          triggers: [{load-above: 40 %..70 %}]
"#;
const DEFECT: &str = "    defect:
      story: Big carts are refused.
      mechanism: {errors: {class: checkout, share: 5 %}}
";

#[test]
fn a_mix_is_loaded_and_explained() {
    let text = SOUND.replace(DEFECT, MIX);
    let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let mix = loaded.scenario.changes[0].mix.as_ref().unwrap();
    let kinds: Vec<&str> = mix.parts.iter().map(|part| &*part.kind).collect();
    assert_eq!(kinds, ["refusals", "latency"]);
    // Lines of the explanation, whatever their breaks.
    let flat = |told: String| told.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = flat(explain(&loaded));
    for words in [
        "each seed draws what is wrong with it from the mix `ours`, which has 2 parts. Assumed.",
        "`refusals`, in 75 % of seeds:",
        "fail 5 % to 40 % of `checkout` requests",
        "take 1.5 to 4 times as long",
        "until 1m to 1h after",
        "busier than 40 % to 70 %",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let drawn = &firedrill_sim::engine::drawn_defects(&loaded.scenario, 3)[0];
    let told = flat(firedrill_scenarios::explain_seed(&loaded, 3));
    let words = format!(
        "as seed 3 draws it from the mix `ours`, of kind `{}`",
        drawn.kind
    );
    assert!(told.contains(&words), "{told}");
    assert!(told.contains(&drawn.defect.story), "{told}");
}

/// Where a mix leaves it to chance which called service suffers, all of them may.
#[test]
fn a_mix_finds_its_victims() {
    let mix = "mix: config-errors\n";
    let text = include_str!("../catalogue/scenarios/mixed-defects.yaml");
    for other in ["config-errors", "mechanisms"] {
        let text = text.replace(mix, &format!("mix: {other}\n"));
        let loaded = load_str("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        let mix = loaded.scenario.changes[0].mix.as_ref().unwrap();
        let victims: std::collections::BTreeSet<_> = mix
            .parts
            .iter()
            .filter_map(|part| part.low.mechanism.victim())
            .collect();
        let names = victims
            .iter()
            .map(|victim| &*loaded.scenario.fleet.services[victim.index()].name);
        assert_eq!(names.collect::<Vec<_>>(), ["ranking", "cache", "ads"]);
    }
    let errors = load_str("t.yaml", &SOUND.replace(DEFECT, "    mix: mechanisms\n")).unwrap_err();
    let told = told(&errors);
    assert_eq!(told.len(), 9, "three parts, three lines each: {told:?}");
    assert!(
        told[0].starts_with("catalogue/mixes/mechanisms.yaml:27:"),
        "{told:?}"
    );
    assert!(
        told[0].contains("hits a service that `cart` calls, and it calls none"),
        "{told:?}"
    );
}

/// Breaks the mix by replacing texts, and compares what is told line by line.
#[track_caller]
fn check_mix(edits: &[(&str, &str)], expected: &[&str]) {
    let mut mix = MIX.to_owned();
    for (from, to) in edits {
        assert_eq!(mix.matches(from).count(), 1, "{from:?} must be there once");
        mix = mix.replace(from, to);
    }
    check(&[(DEFECT, &mix)], expected);
}

#[test]
fn mixes_from_which_nothing_can_be_drawn() {
    check_mix(
        &[("weight: 3", "weight: 0")],
        &[
            "t.yaml:83:17: the weight of a part is `0`; allowed is more than 0, to 1000000 [scenario::out-of-range]",
            "  | expected more than 0, to 1000000",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    let (parts, _) = MIX.split_once("    parts:\n").unwrap();
    check(
        &[(DEFECT, &format!("{parts}    parts: []\n"))],
        &[
            "t.yaml:82:12: mix `ours` has no part to draw [scenario::empty-mix]",
            "  | expected at least one part",
            "  help: list what may be wrong, each with its weight and its defect",
        ],
    );
    check_mix(
        &[("mix: ours", "mix: our")],
        &[
            "t.yaml:78:10: change `Smaller carts` names mix `our`, which is not defined in this file or the catalogue [scenario::unknown-mix]",
            "  | no such mix",
            "  help: did you mean `ours`?",
        ],
    );
    check(
        &[(DEFECT, &format!("{DEFECT}    mix: mechanisms\n"))],
        &[
            "t.yaml:81:10: change `Smaller carts` has a defect and a mix of them [scenario::defect-and-mix]",
            "  | beside `defect`",
            "  help: leave one of the two out",
        ],
    );
}

#[test]
fn ranges_that_cannot_be_drawn_from() {
    check_mix(
        &[("5 %..40 %", "40 %..5 %")],
        &[
            "t.yaml:87:56: the range of the share of the defect is upside down [scenario::upside-down]",
            "  | the low end comes first",
            "  help: did you mean `5 %..40 %`?",
        ],
    );
    check_mix(
        &[("1m..1h", "1m..soon")],
        &[
            "t.yaml:92:32: the delay of the defect is `soon`, not a duration [scenario::wrong-type]",
            "  | expected a duration such as `40ms`, `10m` or `1h 30m`",
            "  help: `firedrill schema` tells what each key takes",
        ],
    );
    check(
        &[("share: 5 %", "share: 5 %..40 %")],
        &[
            "t.yaml:80:52: the share of the defect is a range, and nothing draws from it [scenario::range-outside-mix]",
            "  | expected one value",
            "  help: give one, or put the defect into a mix and name the mix in the change",
        ],
    );
    check(
        &[(MECHANISM, "{retry-storm: {attempts: 4}}")],
        &[
            "t.yaml:79:14: the mechanism of the defect names no service that suffers [scenario::missing-key]",
            "  | the defect with this story",
            "  help: name one; only in a mix is it drawn from all that the service calls",
        ],
    );
}

/// A part of the only stage is replaced, and what is told about it compared: the place, written as
/// the text that begins there, and the message.
#[track_caller]
fn judged(from: &str, to: &str, expected: &[(&str, &str)]) {
    let found = SOUND.find(from).expect("it is there");
    let text = SOUND.replacen(from, to, 1);
    let errors = load_str("t.yaml", &text).expect_err("it is refused");
    let told: Vec<String> = errors.problems.iter().map(ToString::to_string).collect();
    assert!(errors.problems.iter().all(|problem| problem.help.is_some()));
    let expected: Vec<String> = expected
        .iter()
        .map(|(at, message)| {
            let at = found + text[found..].find(at).expect("the place is there");
            let line = text[..at].matches('\n').count() + 1;
            let column = at - text[..at].rfind('\n').unwrap_or(0);
            format!("t.yaml:{line}:{column}: {message}")
        })
        .collect();
    assert_eq!(told, expected, "{to}");
}

/// What a judge looks at must come: what never does is refused where it is asked for.
#[test]
fn judges_that_can_never_get_data() {
    let check = "error-ratio: {limit: {at-most: 1 %}, sample-min: 100}";
    judged(
        "audience: public",
        "audience: probes",
        &[(
            "probes",
            "stage `all` gets synthetic requests only, and nobody sends any in this world [scenario::no-data]",
        )],
    );
    judged(
        check,
        "probes: {limit: {at-most: 1 %}, sample-min: 100}",
        &[(
            "100}",
            "stage `all` checks synthetic requests, and nobody sends any in this world [scenario::no-data]",
        )],
    );
    judged(
        check,
        "user-reports: {limit: {at-most: 1}, sample-min: 100}",
        &[(
            "100}",
            "stage `all` counts reports of users, and nobody reports anything in this world [scenario::no-data]",
        )],
    );
    judged(
        "stale-after: 3m",
        "stale-after: 3m\n          method: {repeated: {interval: 20s}}",
        &[(
            "20s",
            "a measurement of stage `all` looks back 20s, and numbers come every 30s: it sees none [scenario::no-data]",
        )],
    );
    judged(
        "stale-after: 3m",
        "stale-after: 3m\n          control: {before: 2h}",
        &[(
            "2h",
            "stage `all` compares with the 2h before the rollout, and the run lasts 1h [scenario::no-data]",
        )],
    );
}

/// What is compared must have something to be compared with.
#[test]
fn judges_without_a_control() {
    let check = "error-ratio: {limit: {at-most: 1 %}, sample-min: 100}";
    judged(
        "share: 100 %\n        audience: public\n        bake: 10m\n        judge:\n",
        "share: 100 %\n        audience: public\n        bake: 10m\n        judge:\n          control: group\n",
        &[(
            "100 %\n",
            "stage `all` reaches 100 %, which leaves no control group of the same size [scenario::no-control]",
        )],
    );
    judged(
        check,
        "user-reports: {limit: {at-most-control: {factor: 2, floor: 1}}, sample-min: 100}",
        &[
            (
                "100}",
                "stage `all` compares reports of users with the control, and no report tells which version it is of [scenario::no-control]",
            ),
            (
                "100}",
                "stage `all` counts reports of users, and nobody reports anything in this world [scenario::no-data]",
            ),
        ],
    );
    let lower = SOUND
        .replace("audience: public", "audience: employees")
        .replace(
            check,
            "throughput: {limit: {at-least-control: 0.8}, sample-min: 1}",
        );
    let errors = load_str("t.yaml", &lower)
        .expect_err("it is refused")
        .to_string();
    assert!(
        errors.starts_with("t.yaml:65:54: stage `all` serves employees only"),
        "{errors}"
    );
}

/// Values of a judge are held against their range where they stand, once.
#[test]
fn judges_with_values_out_of_range() {
    let method = |text: &str, expected: &[(&str, &str)]| {
        let to = format!("stale-after: 3m\n          {text}");
        judged("stale-after: 3m", &to, expected);
    };
    method(
        "method: {sequential: {false-alarms: 0 %, misses: 100 %, smallest-effect: 1}}",
        &[
            (
                "0 %",
                "the rate of false alarms of stage `all` is `0 %`; allowed is above 0 % and below 100 % [scenario::out-of-range]",
            ),
            (
                "100 %",
                "the rate of misses of stage `all` is `100 %`; allowed is above 0 % and below 100 % [scenario::out-of-range]",
            ),
            (
                "1}}",
                "the smallest effect of stage `all` is `1`; allowed is 1.05 to less than 64 [scenario::out-of-range]",
            ),
        ],
    );
    method(
        "method: {repeated: {interval: 0s, window: 0s}}",
        &[
            (
                "0s",
                "the interval of stage `all` is `0s`; allowed is more than 0s [scenario::out-of-range]",
            ),
            (
                "0s}}",
                "the window of stage `all` is `0s`; allowed is more than 0s [scenario::out-of-range]",
            ),
        ],
    );
    method(
        "control: {before: 0s}",
        &[(
            "0s",
            "the time before the rollout of stage `all` is `0s`; allowed is more than 0s [scenario::out-of-range]",
        )],
    );
    method(
        "method: {rank: {confidence: 100 %, points: 0}}",
        &[
            (
                "{rank",
                "stage `all` is judged by a rank test, which compares with the control, and none of its checks does [scenario::no-control]",
            ),
            (
                "100 %",
                "the confidence of the judge of stage `all` is `100 %`; allowed is above 0 % and below 100 % [scenario::out-of-range]",
            ),
            (
                "0}}",
                "the fewest points of the judge of stage `all` is `0`; allowed is 1 or more [scenario::out-of-range]",
            ),
        ],
    );
}

/// So are those of its checks.
#[test]
fn limits_of_judges_out_of_range() {
    let check = "error-ratio: {limit: {at-most: 1 %}, sample-min: 100}";
    judged(
        check,
        "throughput: {limit: {at-least-control: 1.2}, sample-min: 1}",
        &[(
            "1.2",
            "the part of the control's throughput of stage `all` is `1.2`; allowed is 0 to 1 [scenario::out-of-range]",
        )],
    );
    judged(
        check,
        "log-errors: {limit: {at-most: 1 %}, sample-min: 1}",
        &[(
            "1 %",
            "a limit of stage `all`, in lines for every thousand requests, is `1 %`, not a number from 0 [scenario::wrong-type]",
        )],
    );
    let one = SOUND
        .replace(
            "stale-after: 3m",
            "stale-after: 3m\n          method: {sequential: {}}",
        )
        .replace(
            "{at-most: 1 %}",
            "{at-most-control: {factor: 1, floor: 1 %}}",
        );
    let errors = load_str("t.yaml", &one)
        .expect_err("it is refused")
        .to_string();
    assert!(
        errors.starts_with("t.yaml:66:63: the factor of a limit, which is the smallest effect"),
        "{errors}"
    );
}

/// A plan may stand in a file beside the scenario; in a folder of scenarios it is none.
#[test]
fn plans_in_files_beside_a_scenario() {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("there is room");
        path
    };
    let start = SOUND.find("plans:\n").expect("it is there");
    let end = SOUND.find("changes:\n").expect("it is there");
    let own = &SOUND[start + "plans:\n".len()..end];
    let plan: String = own
        .lines()
        .map(|line| format!("{}\n", line.get(4..).unwrap_or("")))
        .collect();
    let scenario = format!(
        "{}plan-files: [plain.yaml]\n{}",
        &SOUND[..start],
        &SOUND[end..]
    );
    let path = write("tiny.yaml", &scenario);
    let missing = load_paths(std::slice::from_ref(&path)).expect_err("there is no plan yet");
    let said = missing.to_string();
    assert!(
        said.contains("tiny.yaml:49:14: plan file `plain.yaml` cannot be read"),
        "{said}"
    );
    assert_eq!(missing.problems.len(), 1, "{said}");

    write("plain.yaml", &plan);
    let whole = load_str("tiny.yaml", SOUND).expect("it is sound").scenario;
    let found = load_paths(&[folder.path().to_path_buf()]).expect("both files are sound");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].scenario.configs, whole.configs);

    write("plain.yaml", &plan.replace("bake: 10m", "bake: soon"));
    let said = load_paths(&[path])
        .expect_err("the plan is wrong")
        .to_string();
    assert!(
        said.contains("plain.yaml:12:11: the bake time of stage `all` is `soon`"),
        "{said}"
    );
    let said = load_str("tiny.yaml", &scenario)
        .expect_err("nothing is beside it")
        .to_string();
    assert!(
        said.contains("the scenario itself is read from no file"),
        "{said}"
    );
}
