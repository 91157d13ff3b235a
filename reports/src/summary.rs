//! A campaign in one view: `summary.json`, `summary.csv`, `index.md`.

use std::path::Path;

use firedrill_core::{Micros, Ppm};
use firedrill_sim::campaign::{KindSummary, MeasureSummary, Summary, Unit};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use crate::ReportError;
use crate::{json, render, table, words};

/// The version of `summary.json`. It grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

const INDEX: &str = include_str!("../templates/index.md.j2");

const COLUMNS: [&str; 9] = [
    "scenario",
    "first_seed",
    "runs",
    "measure",
    "unit",
    "n",
    "never",
    "quantile",
    "value",
];

#[derive(Serialize)]
struct File<'a> {
    schema: u32,
    passed: bool,
    scenarios: &'a [Summary],
}

/// `summary.json`.
pub(crate) fn json(path: &Path, summaries: &[Summary]) -> Result<Vec<u8>, ReportError> {
    let file = File {
        schema: SCHEMA_VERSION,
        passed: summaries.iter().all(|summary| summary.passed),
        scenarios: summaries,
    };
    json::format(path, &file)
}

/// `summary.csv`: one quantile a row; an empty value is “never”.
pub(crate) fn csv(path: &Path, summaries: &[Summary]) -> Result<Vec<u8>, ReportError> {
    let rows = summaries.iter().flat_map(|summary| {
        let measures = summary.measures.iter();
        measures.flat_map(move |measure| rows_of(summary, measure))
    });
    table::format(path, COLUMNS, rows)
}

fn rows_of(summary: &Summary, measure: &MeasureSummary) -> [[String; 9]; 3] {
    let unit = match measure.unit {
        Unit::Microseconds => "us",
        Unit::PartsPerMillion => "ppm",
        Unit::Count => "count",
    };
    let quantiles = [
        ("p50", measure.p50),
        ("p90", measure.p90),
        ("max", measure.max),
    ];
    quantiles.map(|(quantile, value)| {
        [
            summary.scenario.clone(),
            summary.first_seed.to_string(),
            summary.n.to_string(),
            measure.name.to_owned(),
            unit.to_owned(),
            measure.n.to_string(),
            measure.never.to_string(),
            quantile.to_owned(),
            value.map_or_else(String::new, |value| value.to_string()),
        ]
    })
}

/// `index.md`.
pub(crate) fn index(path: &Path, summaries: &[Summary]) -> Result<Vec<u8>, ReportError> {
    let rows: Vec<Value> = summaries.iter().map(row).collect();
    let context = context! { summaries => Serde(summaries), rows => rows };
    render::render(path, "index.md", INDEX, context)
}

fn row(summary: &Summary) -> Value {
    let caught: Vec<String> = summary
        .caught_by
        .iter()
        .map(|caught| {
            if summary.caught_by.len() == 1 {
                caught.caught_by.to_string()
            } else {
                format!("{} ({})", caught.caught_by, caught.n)
            }
        })
        .collect();
    let pair = |name: &str| {
        let measure = summary.measures.iter().find(|measure| measure.name == name);
        measure.map_or_else(String::new, |measure| {
            format!(
                "{} / {}",
                quantile(measure, measure.p50),
                quantile(measure, measure.p90)
            )
        })
    };
    let kinds: Vec<Value> = summary.by_kind.iter().map(kind_row).collect();
    context! {
        kinds => kinds,
        scenario => summary.scenario.as_str(),
        passed => summary.passed,
        n => summary.n,
        caught_by => caught.join(", "),
        detect => pair("time-to-detect"),
        mitigate => pair("time-to-mitigate"),
        exposure => pair("exposure"),
    }
}

fn kind_row(kind: &KindSummary) -> Value {
    let detect = &kind.time_to_detect;
    context! {
        kind => kind.kind.as_str(),
        n => kind.n,
        harmed => kind.harmed,
        before_rollout => kind.before_rollout,
        canary => kind.canary,
        wave => kind.wave,
        alert => kind.alert,
        missed => kind.missed,
        detect => format!("{} / {}", quantile(detect, detect.p50), quantile(detect, detect.p90)),
    }
}

fn quantile(measure: &MeasureSummary, value: Option<u64>) -> String {
    match (measure.n, value) {
        (0, _) => "–".into(),
        (_, None) => "never".into(),
        (_, Some(value)) => match measure.unit {
            Unit::Microseconds => words::time(Micros(value)),
            Unit::PartsPerMillion => words::share(Ppm(u32::try_from(value).unwrap_or(u32::MAX))),
            Unit::Count => words::count(value),
        },
    }
}
