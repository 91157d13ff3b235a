//! The compatible rank judge against the test cases of the judge that it repeats, and against
//! numbers that users reported; each case names its public source.

use std::collections::BTreeMap;

use firedrill_core::health::rank::mann_whitney::{Roots, Samples};
use firedrill_core::health::rank::metric::{
    Direction, EffectMeasure, Effects, Label, MetricPolicy, MetricResult, Mode, judge_metric,
};
use firedrill_core::health::rank::prepare::{
    Missing, Outliers, Summary, fill, find_outliers, percentile, without_outliers,
};
use firedrill_core::health::rank::score::{ScorePolicy, Scored, score};
use firedrill_core::health::special::normal_quantile;
use serde_json::Value;

const CASES: &str = include_str!("fixtures/rank_cases.json");
const USER_CASES: &str = include_str!("fixtures/rank_user_cases.json");

/// Intervals and estimates agree with the original's to this much.
const TOLERANCE: f64 = 1e-6;

fn load(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("the fixture is JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("numbers")
        .iter()
        .map(number)
        .collect()
}

fn close(id: &Value, found: f64, expected: &Value, tolerance: f64) {
    let expected = number(expected);
    let same = found.is_nan() && expected.is_nan() || (found - expected).abs() <= tolerance;
    assert!(same, "{id}: {found} for {expected}");
}

fn policy(inputs: &Value) -> MetricPolicy {
    MetricPolicy {
        mode: Mode::Compatible,
        direction: match inputs["direction"].as_str() {
            Some("increase") => Direction::Increase,
            Some("decrease") => Direction::Decrease,
            Some(_) | None => Direction::Either,
        },
        missing: match inputs["nanStrategy"].as_str() {
            Some("replace") => Missing::Zero,
            Some(_) | None => Missing::Remove,
        },
        outliers: Outliers::Keep,
        tolerance: number(&inputs["tolerance"]),
        confidence: number(&inputs["confLevel"]),
        effects: Effects {
            measure: measure(&inputs["effectSizeMeasure"]),
            allowed_increase: number(&inputs["allowedIncrease"]),
            allowed_decrease: number(&inputs["allowedDecrease"]),
            critical_increase: number(&inputs["criticalIncrease"]),
            critical_decrease: number(&inputs["criticalDecrease"]),
        },
        critical: inputs["critical"] == true,
        must_have_data: inputs["mustHaveData"] == true,
    }
}

fn measure(value: &Value) -> EffectMeasure {
    if value == "cles" {
        EffectMeasure::PairShare
    } else {
        EffectMeasure::MeanRatio
    }
}

fn label(value: &Value) -> Label {
    match value.as_str() {
        Some("Pass") => Label::Pass,
        Some("High") => Label::High,
        Some("Low") => Label::Low,
        Some("Nodata") => Label::NoData,
        Some("NodataFailMetric") => Label::NoDataFail,
        Some("Error") => Label::Error,
        Some(_) | None => panic!("no label {value}"),
    }
}

/// Compares everything that the expectation speaks of.
fn check_metric(case: &Value, expected: &Value, result: &MetricResult) {
    let id = &case["id"];
    let speaks = |name: &str| expected.get(name).is_some();
    if speaks("classification") {
        assert_eq!(result.label, label(&expected["classification"]), "{id}");
    }
    if speaks("critical") {
        assert_eq!(result.critical, expected["critical"] == true, "{id}");
    }
    if speaks("deviation") {
        close(id, result.mean_ratio, &expected["deviation"], TOLERANCE);
    }
    if speaks("effectSize") {
        close(id, result.effect, &expected["effectSize"], TOLERANCE);
    }
    if speaks("ciLower") {
        let (low, high) = result.shift.expect("an interval");
        close(id, low, &expected["ciLower"], TOLERANCE);
        close(id, high, &expected["ciUpper"], TOLERANCE);
        let estimate = result.estimate.expect("an estimate");
        close(id, estimate, &expected["estimate"], TOLERANCE);
    }
}

fn check_classification(case: &Value) {
    let inputs = &case["inputs"];
    let (x, y) = (numbers(&inputs["experiment"]), numbers(&inputs["control"]));
    let result = judge_metric(&policy(inputs), &x, &y);
    for name in ["expected", "derived", "actual"] {
        if let Some(expected) = case.get(name) {
            check_metric(case, expected, &result);
        }
    }
}

fn outliers(inputs: &Value) -> Outliers {
    if inputs["detector"] == "ksigma" {
        Outliers::Deviations {
            factor: number(&inputs["k"]),
        }
    } else {
        Outliers::Quartiles {
            factor: number(&inputs["factor"]),
            wide: inputs["reduceSensitivity"] == true,
        }
    }
}

fn check_preparation(case: &Value) {
    let (id, inputs, expected) = (&case["id"], &case["inputs"], &case["expected"]);
    let data = numbers(&inputs["data"]);
    match case["kind"].as_str() {
        Some("outlier_detect") => {
            let found = Value::from(find_outliers(&data, outliers(inputs)));
            assert_eq!(found, expected["isOutlier"], "{id}");
        }
        Some("transform") => {
            let found = match inputs["transform"].as_str() {
                Some("removeNaNs") => fill(&data, Missing::Remove),
                Some("replaceNaNs") => fill(&data, Missing::Zero),
                Some(_) | None => without_outliers(&data, outliers(inputs)),
            };
            assert_eq!(found, numbers(&expected["values"]), "{id}");
        }
        Some("summary_stats") => {
            let found = Summary::of(&data);
            close(id, found.min, &expected["min"], 0.0);
            close(id, found.max, &expected["max"], 0.0);
            close(id, found.mean, &expected["mean"], 0.0);
            close(id, found.deviation, &expected["std"], 0.0);
            assert_eq!(found.count, expected["count"], "{id}");
        }
        Some(_) | None => {
            let mut sorted = data;
            sorted.sort_by(f64::total_cmp);
            let found = percentile(&sorted, number(&inputs["p"]));
            close(id, found, &expected["value"], tolerance(case));
        }
    }
}

fn tolerance(case: &Value) -> f64 {
    case["tolerance_abs"].as_f64().unwrap_or(1e-9)
}

fn check_score(case: &Value) {
    let inputs = &case["inputs"];
    let weights: BTreeMap<String, f64> =
        serde_json::from_value(inputs["groupWeights"].clone()).expect("weights");
    let policy = ScorePolicy {
        weights,
        pass: 95.0,
        marginal: 75.0,
        compatible: true,
    };
    let metrics = inputs["metrics"].as_array().expect("metrics").iter();
    let metrics: Vec<Scored> = metrics
        .map(|metric| Scored {
            label: label(&metric["classification"]),
            groups: serde_json::from_value(metric["groups"].clone()).expect("groups"),
            critical: metric["critical"] == true,
            muted: metric["muted"] == true,
        })
        .collect();
    let found = score(&policy, &metrics).expect("compatible mode checks nothing");
    close(
        &case["id"],
        found.score,
        &case["expected"]["summaryScore"],
        1e-9,
    );
    for expected in [&case["expected"], &case["derived"]] {
        let groups = expected["groupScores"].as_object().into_iter().flatten();
        for (name, value) in groups {
            close(&case["id"], found.groups[name], value, 1e-9);
        }
    }
}

fn check_statistics(case: &Value) {
    let (id, inputs, expected) = (&case["id"], &case["inputs"], &case["expected"]);
    match case["kind"].as_str() {
        Some("normal_quantile") => {
            let found = normal_quantile(number(&inputs["p"]));
            close(id, found, &expected["value"], tolerance(case));
        }
        Some("wilcoxon_diff") => {
            let samples = Samples::new(&numbers(&inputs["x"]), &numbers(&inputs["y"]));
            let z = samples.expect("finite").z(number(&inputs["mu"]));
            close(id, z.expect("spread"), &expected["value"], tolerance(case));
        }
        Some("effect_size") => {
            let (x, y) = (numbers(&inputs["experiment"]), numbers(&inputs["control"]));
            let policy = MetricPolicy {
                effects: Effects::all(measure(&inputs["measure"])),
                ..MetricPolicy::usual(Mode::Compatible)
            };
            let found = judge_metric(&policy, &x, &y).effect;
            close(id, found, &expected["value"], tolerance(case));
        }
        Some(_) | None => {
            let samples = Samples::new(
                &numbers(&inputs["experiment"]),
                &numbers(&inputs["control"]),
            );
            let samples = samples.expect("finite");
            let shift = samples.shift(number(&inputs["confLevel"]), Roots::Absolute);
            let shift = shift.expect("spread");
            let limit = |name: &str| number(&expected["tolerances"][name]);
            close(id, shift.low, &expected["ciLower"], limit("ciLower"));
            close(id, shift.high, &expected["ciUpper"], limit("ciUpper"));
            close(id, shift.estimate, &expected["estimate"], limit("estimate"));
        }
    }
}

#[test]
fn the_original_cases_come_out_the_same() {
    let cases = load(CASES);
    assert_eq!(cases.len(), 44);
    for case in &cases {
        match case["kind"].as_str() {
            Some("classify_mann_whitney") => check_classification(case),
            Some("score") => check_score(case),
            Some("outlier_detect" | "transform" | "summary_stats" | "percentile") => {
                check_preparation(case);
            }
            Some(_) | None => check_statistics(case),
        }
    }
}

#[test]
fn what_users_reported_comes_out_the_same() {
    let cases = load(USER_CASES);
    assert_eq!(cases.len(), 4);
    for case in &cases {
        check_classification(case);
        if let Some(reported) = case.get("reported") {
            let inputs = &case["inputs"];
            let (x, y) = (numbers(&inputs["experiment"]), numbers(&inputs["control"]));
            check_metric(case, reported, &judge_metric(&policy(inputs), &x, &y));
        }
    }
}
