//! The rank judge's verdict about recorded series.

use comfy_table::{Table as Sheet, presets};
use firedrill_core::health::Outcome;
use firedrill_core::health::rank::metric::{MetricPolicy, MetricResult, judge_metric};
use firedrill_core::health::rank::score::{RunScore, Scored, score};
use firedrill_scenarios::offline::policy::RankPlan;
use firedrill_scenarios::offline::table::Table;
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Serialize)]
struct Printed<'a> {
    schema: u32,
    judge: &'static str,
    outcome: Outcome,
    score: f64,
    metrics: &'a [Judged],
}

#[derive(Serialize)]
struct Judged {
    name: String,
    result: MetricResult,
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
    match output.format() {
        Format::Json => output.json(&Printed {
            schema: 1,
            judge: "rank",
            outcome: run.outcome,
            score: run.score,
            metrics: &judged,
        })?,
        Format::Human => print(&run, &judged, output)?,
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

fn series(table: &Table, name: &str) -> Result<Vec<f64>, Failure> {
    let column = table.column(name).map_err(Failure::problem)?;
    let value = |row| table.number(row, column).map_err(Failure::problem);
    (0..table.rows()).map(value).collect()
}

fn print(run: &RunScore, judged: &[Judged], output: &mut Output) -> Result<(), Failure> {
    output.line(format_args!(
        "{}  score {} of 100",
        output.outcome(run.outcome),
        run.score
    ))?;
    let mut sheet = Sheet::new();
    sheet.load_style(presets::NOTHING);
    sheet.set_header([
        "metric", "label", "points", "ratio", "shift", "between", "z",
    ]);
    let figure = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
    for Judged { name, result } in judged {
        let between = result
            .shift
            .map_or("-".into(), |(low, high)| format!("{low:.4} and {high:.4}"));
        sheet.add_row([
            name.clone(),
            format!("{:?}", result.label),
            format!("{} / {}", result.points.0, result.points.1),
            figure(Some(result.mean_ratio).filter(|ratio| ratio.is_finite())),
            figure(result.estimate),
            between,
            figure(result.z),
        ]);
    }
    output.line("")?;
    for line in sheet.to_string().lines() {
        output.line(line.trim_end())?;
    }
    Ok(())
}
