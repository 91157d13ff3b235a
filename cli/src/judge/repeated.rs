//! The repeated threshold judge's verdict about one recorded series.

use firedrill_core::Micros;
use firedrill_core::health::{Ended, Measurement, MeasurementCounts, Outcome, Repeated};
use firedrill_scenarios::offline::policy::RepeatedPlan;
use firedrill_scenarios::offline::table::Table;
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::units::duration;

/// Measurements on a line.
const WIDTH: usize = 60;

#[derive(Serialize)]
struct Printed<'a> {
    schema: u32,
    judge: &'static str,
    outcome: Outcome,
    metric: &'a str,
    counts: MeasurementCounts,
    ended: Option<(Ended, Micros)>,
}

pub(crate) fn judge(
    plan: &RepeatedPlan,
    canary: &Table,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let column = canary.column(&plan.metric).map_err(Failure::problem)?;
    let time = canary.column("timestamp").map_err(Failure::problem)?;
    let mut series = Repeated::new(plan.policy, Micros::ZERO);
    let (mut marks, mut first) = (String::new(), None);
    for row in 0..canary.rows() {
        let at = canary.time(row, time).map_err(Failure::problem)?;
        let value = canary.number(row, column).map_err(Failure::problem)?;
        let value = Some(value).filter(|value| !value.is_nan());
        let running = series.ended().is_none();
        series.observe(at, value).map_err(|_| {
            let before = canary.text(row - 1, time);
            let message = format!("this measurement is not newer than the one before, of {before}");
            let problem = canary.problem(row, time, message);
            let help = "sort the rows by their timestamps, and keep one of each";
            Failure::problem(Box::new(problem.help(help)))
        })?;
        first = first.or(Some(at));
        if running {
            marks.push(mark(plan.policy.measure(value)));
        }
    }
    let outcome = series.outcome();
    match output.format() {
        Format::Json => output.json(&Printed {
            schema: 1,
            judge: "repeated",
            outcome,
            metric: &plan.metric,
            counts: series.counts(),
            ended: series.ended(),
        })?,
        Format::Human => {
            let counts = series.counts();
            output.line(format_args!(
                "{}  {} succeeded, {} failed, {} inconclusive",
                output.outcome(outcome),
                counts.succeeded,
                counts.failed,
                counts.inconclusive
            ))?;
            if let Some((ended, at)) = series.ended() {
                let after = duration(at - first.unwrap_or(at));
                output.line(format_args!("ended after {after}: {}", reason(ended)))?;
            } else if outcome == Outcome::Inconclusive {
                output.line(still_running(plan))?;
            }
            output.line("")?;
            let marks: Vec<char> = marks.chars().collect();
            for line in marks.chunks(WIDTH) {
                output.line(line.iter().collect::<String>())?;
            }
        }
    }
    Ok(outcome)
}

const fn reason(ended: Ended) -> &'static str {
    match ended {
        Ended::FailureLimit => "more measurements failed than `failure-limit` lets pass",
        Ended::ConsecutiveFailureLimit => {
            "more failed in a row than `consecutive-failure-limit` lets pass"
        }
        Ended::InconclusiveLimit => "more were inconclusive than `inconclusive-limit` lets pass",
        Ended::ConsecutiveErrorLimit => {
            "more in a row had no value than `consecutive-error-limit` lets pass"
        }
        Ended::ConsecutiveSuccessLimit => "as many succeeded in a row as were asked for",
        Ended::CountReached => "all measurements were made",
    }
}

/// Why a series that no limit ended is inconclusive.
fn still_running(plan: &RepeatedPlan) -> String {
    match plan.policy.consecutive_success_limit {
        0 => "still running: no limit is passed, and without `consecutive-success-limit` nothing \
              says when it has passed"
            .into(),
        wanted => format!(
            "still running: no limit is passed, and {wanted} good ones in a row have not come yet"
        ),
    }
}

const fn mark(measurement: Option<Measurement>) -> char {
    match measurement {
        Some(Measurement::Success) => '.',
        Some(Measurement::Failure) => 'F',
        Some(Measurement::Inconclusive) => '?',
        Some(Measurement::Error) => 'E',
        None => ' ',
    }
}
