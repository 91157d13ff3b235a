//! The rank judge's verdict about recorded series.

use std::collections::BTreeSet;

use firedrill_core::health::Outcome;
use firedrill_core::health::rank::metric::{MetricPolicy, MetricResult, judge_metric};
use firedrill_core::health::rank::score::{Scored, score};
use firedrill_scenarios::offline::policy::RankPlan;
use firedrill_scenarios::offline::table::Table;
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;

use super::rank_evidence::Found;

/// One metric's result.
#[derive(Serialize)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) result: MetricResult,
}

pub(crate) fn judge(
    plan: &RankPlan,
    canary: &Table,
    control: &Table,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    critical_are_there(plan, canary)?;
    let mut judged = Vec::new();
    for name in canary.columns().iter().filter(|name| is_metric(name)) {
        let policy = MetricPolicy {
            critical: plan.critical.contains(name),
            ..plan.metric
        };
        let (x, y) = (series(canary, name)?, series(control, name)?);
        judged.push(Judged {
            name: name.clone(),
            result: judge_metric(&policy, &x, &y),
        });
    }
    for table in [canary, control] {
        each_row_once(table)?;
    }
    let scored: Vec<Scored> = judged
        .iter()
        .map(|metric| Scored {
            label: metric.result.label,
            groups: vec!["all".into()],
            critical: metric.result.critical,
            muted: false,
        })
        .collect();
    let run = score(&plan.score, &scored).map_err(Failure::Score)?;
    let found = Found {
        plan,
        run: &run,
        scored: &scored,
        judged: &judged,
    };
    match output.format() {
        Format::Json => output.json(&found.document())?,
        Format::Human => found.print(output)?,
    }
    Ok(run.outcome)
}

fn is_metric(name: &str) -> bool {
    name != "timestamp" && name != "host"
}

/// A metric that is critical and not there would fail nothing.
fn critical_are_there(plan: &RankPlan, canary: &Table) -> Result<(), Failure> {
    for name in &plan.critical {
        let found = canary.column(name).map_err(|mut problem| {
            problem.message += ", which the policy calls `critical`";
            Failure::problem(problem)
        })?;
        if !is_metric(name) {
            let problem = canary.header_problem(found, format!("`{name}` is no metric"));
            let problem = problem.help("take it out of the policy's `critical`");
            return Err(Failure::problem(Box::new(problem)));
        }
    }
    Ok(())
}

/// A row that is there twice would be counted as two measurements.
fn each_row_once(table: &Table) -> Result<(), Failure> {
    let place = |name: &str| table.columns().iter().position(|column| column == name);
    let Some(time) = place("timestamp") else {
        return Ok(());
    };
    let mut seen = BTreeSet::new();
    for row in 0..table.rows() {
        let at = table.time(row, time).map_err(Failure::problem)?;
        let host = place("host").map_or("", |host| table.text(row, host));
        if !seen.insert((at, host)) {
            let problem = table.problem(row, time, "this interval is there twice".into());
            let help = "keep one row for each interval, or name hosts in a `host` column";
            return Err(Failure::problem(Box::new(problem.help(help))));
        }
    }
    Ok(())
}

fn series(table: &Table, name: &str) -> Result<Vec<f64>, Failure> {
    let column = table.column(name).map_err(Failure::problem)?;
    let value = |row| {
        let value = table.number(row, column)?;
        if value.is_infinite() {
            let message = format!("`{}` has no mean to compare", table.text(row, column));
            let help = "write the value that it stands for, or nothing where it is missing";
            return Err(Box::new(table.problem(row, column, message).help(help)));
        }
        Ok(value)
    };
    let values: Result<Vec<f64>, _> = (0..table.rows()).map(value).collect();
    values.map_err(Failure::problem)
}
