//! Published test values of confidence sequences and mixtures; each names its public source.

use firedrill_core::health::sequential::bound::{
    Stitching, all_quantiles_bound, distribution_band, probability_interval, same_quantile_p_value,
};
use firedrill_core::health::sequential::mixture::{
    NormalMixture, Sides, TwoPointMixture, best_rho,
};
use serde_json::Value;

const ORACLES: &str = include_str!("fixtures/sequential_oracles.json");

/// The values that the function of an oracle gives.
fn evaluate(function: &str, args: &Value) -> Vec<f64> {
    let number = |name: &str| args[name].as_f64().unwrap_or(f64::NAN);
    let sides = if args["one_sided"] == true {
        Sides::One
    } else {
        Sides::Both
    };
    let normal = || NormalMixture::new(number("v_opt"), number("alpha_opt"), sides);
    let two_point = || {
        let (g, h) = (number("g"), number("h"));
        TwoPointMixture::new(number("v_opt"), number("alpha_opt"), g, h, sides)
    };
    let (s, v, t) = (number("s"), number("v"), number("t"));
    let (alpha, t_opt, alpha_opt) = (number("alpha"), number("t_opt"), number("alpha_opt"));
    match function {
        "two_sided_normal_best_rho" => vec![best_rho(v, alpha)],
        "normal_log_mixture" => vec![normal().ln_e(s, v)],
        "normal_mixture_bound" => vec![normal().bound(v, alpha)],
        "beta_binomial_log_mixture" => vec![two_point().ln_e(s, v)],
        "beta_binomial_mixture_bound" => vec![two_point().bound(v, alpha)],
        "empirical_process_lil_bound" => {
            vec![distribution_band(t, alpha, number("t_min"), number("A"))]
        }
        "double_stitching_bound" => {
            let stitching = Stitching {
                t_opt,
                delta: number("delta"),
                s,
                eta: number("eta"),
            };
            vec![all_quantiles_bound(
                number("quantile_p"),
                t,
                alpha,
                stitching,
            )]
        }
        "quantile_ab_p_value" => {
            let arms = ["arm1", "arm2"].map(|name| range(&args[name]));
            let arms = [arms[0].as_slice(), arms[1].as_slice()];
            vec![same_quantile_p_value(
                number("quantile_p"),
                arms,
                t_opt,
                alpha_opt,
            )]
        }
        "bernoulli_confidence_interval" => {
            let (successes, trials) = (number("successes"), number("trials"));
            let (low, high) = probability_interval(successes, trials, alpha, t_opt, alpha_opt);
            vec![low, high]
        }
        other => panic!("no function for {other}"),
    }
}

/// `"71..1070"` as numbers, both ends included.
fn range(text: &Value) -> Vec<f64> {
    let ends = text.as_str().and_then(|text| text.split_once(".."));
    let (from, to) = ends.expect("a range");
    let end = |text: &str| text.parse::<u32>().expect("a number");
    (end(from)..=end(to)).map(f64::from).collect()
}

#[test]
fn every_published_value_is_met() {
    let oracles: Vec<Value> = serde_json::from_str(ORACLES).expect("the fixture is JSON");
    assert_eq!(oracles.len(), 23);
    for oracle in oracles {
        let function = oracle["function"].as_str().expect("a name");
        let found = evaluate(function, &oracle["args"]);
        let value = &oracle["expected"];
        let many = value
            .as_array()
            .map(|values| values.iter().filter_map(Value::as_f64));
        let expected: Vec<f64> = match many {
            Some(values) => values.collect(),
            None => value.as_f64().into_iter().collect(),
        };
        let tolerance = oracle["tolerance"].as_f64().expect("a tolerance");
        assert_eq!(found.len(), expected.len(), "{oracle}");
        for (found, expected) in found.iter().zip(expected) {
            let scale = f64::abs(expected).max(1.0);
            assert!(
                (found - expected).abs() <= tolerance * scale,
                "{}: {found} for {expected}",
                oracle["id"]
            );
        }
    }
}
