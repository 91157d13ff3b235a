//! The repeated threshold judge's verdict about one recorded series.

use firedrill_core::Micros;
use firedrill_core::health::{
    Condition, Ended, Measurement, MeasurementCounts, Outcome, Repeated, RepeatedPolicy,
};
use firedrill_scenarios::offline::policy::RepeatedPlan;
use firedrill_scenarios::offline::table::Table;
use firedrill_sim::words::{count, counted};
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::units::duration;

/// Measurements on a line.
const WIDTH: usize = 60;

/// Measurements that are told one by one.
const TOLD: usize = 5;

#[derive(Serialize)]
struct Printed<'a> {
    schema: u32,
    judge: &'static str,
    outcome: Outcome,
    metric: &'a str,
    policy: &'a RepeatedPolicy,
    counts: MeasurementCounts,
    /// Measurements without a value that count as errors.
    errors: usize,
    ended: Option<(Ended, Micros)>,
    decided: String,
    turn: Option<String>,
    /// All that did not succeed, up to the end.
    not_succeeded: Vec<Told<'a>>,
}

/// A measurement that did not succeed.
#[derive(Clone, Copy, Serialize)]
struct Told<'a> {
    timestamp: &'a str,
    /// None where there was none.
    value: Option<&'a str>,
    measurement: Measurement,
    /// The limit that the value lies beyond.
    limit: Option<f64>,
}

/// What was seen up to the end.
struct Seen<'a> {
    told: Vec<Told<'a>>,
    marks: String,
    first: Option<Micros>,
}

pub(crate) fn judge(
    plan: &RepeatedPlan,
    canary: &Table,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let column = canary.column(&plan.metric).map_err(Failure::problem)?;
    let time = canary.column("timestamp").map_err(Failure::problem)?;
    let mut series = Repeated::new(plan.policy, Micros::ZERO);
    let mut seen = Seen {
        told: vec![],
        marks: String::new(),
        first: None,
    };
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
        seen.first = seen.first.or(Some(at));
        if running {
            let texts = (canary.text(row, time), canary.text(row, column));
            seen.add(plan, value, texts);
        }
    }
    match output.format() {
        Format::Json => output.json(&Printed {
            schema: 1,
            judge: "repeated",
            outcome: series.outcome(),
            metric: &plan.metric,
            policy: &plan.policy,
            counts: series.counts(),
            errors: seen.errors(),
            ended: series.ended(),
            decided: decided(plan, &series, &seen),
            turn: turn(plan, &series),
            not_succeeded: seen.told,
        })?,
        Format::Human => print(plan, &series, &seen, output)?,
    }
    Ok(series.outcome())
}

impl<'a> Seen<'a> {
    fn add(
        &mut self,
        plan: &RepeatedPlan,
        value: Option<f64>,
        (timestamp, text): (&'a str, &'a str),
    ) {
        let measurement = plan.policy.measure(value);
        self.marks.push(mark(measurement));
        if let Some(measurement) = measurement
            && measurement != Measurement::Success
        {
            self.told.push(Told {
                timestamp,
                value: value.map(|_| text),
                measurement,
                limit: value.and_then(|value| passed(plan, value)),
            });
        }
    }

    fn errors(&self) -> usize {
        let is_error = |told: &&Told<'_>| told.measurement == Measurement::Error;
        self.told.iter().filter(is_error).count()
    }
}

/// The limit that a value lies beyond.
fn passed(plan: &RepeatedPlan, value: f64) -> Option<f64> {
    match plan.policy.success {
        Some(Condition::Between(low, _) | Condition::AtLeast(low)) if value < low => Some(low),
        Some(Condition::Between(_, high) | Condition::AtMost(high)) if value > high => Some(high),
        Some(_) | None => None,
    }
}

fn print(
    plan: &RepeatedPlan,
    series: &Repeated,
    seen: &Seen<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let counts = series.counts();
    output.line(format_args!(
        "{}  {} succeeded, {} failed, {} inconclusive, {} in error",
        output.outcome(series.outcome()),
        counts.succeeded,
        counts.failed,
        counts.inconclusive,
        seen.errors()
    ))?;
    output.line(decided(plan, series, seen))?;
    if let Some(turn) = turn(plan, series) {
        output.line(format_args!("turn  {turn}"))?;
    }
    let hidden = seen.told.len().saturating_sub(TOLD);
    if !seen.told.is_empty() {
        output.line("")?;
    }
    if hidden > 0 {
        output.line(format_args!("{} before these", count(hidden as u64)))?;
    }
    for told in &seen.told[hidden..] {
        output.line(format_args!("{}  {}", told.timestamp, told.says()))?;
    }
    output.line("")?;
    let marks: Vec<char> = seen.marks.chars().collect();
    for line in marks.chunks(WIDTH) {
        output.line(line.iter().collect::<String>())?;
    }
    output
        .line("a mark a measurement: . succeeded, F failed, ? inconclusive, E in error (no value)")
}

impl Told<'_> {
    fn says(&self) -> String {
        let what = match self.measurement {
            Measurement::Success => "succeeded",
            Measurement::Failure => "failed",
            Measurement::Inconclusive => "inconclusive",
            Measurement::Error => "error",
        };
        match (self.value, self.limit) {
            (None, _) => format!("{what}: no value"),
            (Some(value), None) => format!("{what}: {value}"),
            (Some(value), Some(limit)) => {
                let high = value.parse().is_ok_and(|value: f64| value > limit);
                let (side, key) = match high {
                    true => ("above", "at-most"),
                    false => ("below", "at-least"),
                };
                format!("{what}: {value} is {side} `{key}: {limit}`")
            }
        }
    }
}

/// The rule that decided.
fn decided(plan: &RepeatedPlan, series: &Repeated, seen: &Seen<'_>) -> String {
    match series.ended() {
        Some((ended, at)) => {
            let after = duration(at - seen.first.unwrap_or(at));
            format!("ended after {after}: {}", reason(ended))
        }
        None if series.outcome() == Outcome::Inconclusive => still_running(plan),
        None => "no limit was passed".into(),
    }
}

/// What would have changed it.
fn turn(plan: &RepeatedPlan, series: &Repeated) -> Option<String> {
    let (policy, counts) = (&plan.policy, series.counts());
    let higher =
        |key: &str, limit: u32| Some(format!("with `{key}: {limit}` it had not ended then"));
    match series.ended() {
        Some((Ended::FailureLimit, _)) => higher("failure-limit", counts.failed),
        Some((Ended::ConsecutiveFailureLimit, _)) => {
            higher("consecutive-failure-limit", counts.failures_in_row)
        }
        Some((Ended::InconclusiveLimit, _)) => higher("inconclusive-limit", counts.inconclusive),
        Some((Ended::ConsecutiveErrorLimit, _)) => {
            higher("consecutive-error-limit", counts.errors_in_row)
        }
        Some((Ended::ConsecutiveSuccessLimit | Ended::CountReached, _)) => None,
        None => {
            let in_all = policy
                .failure_limit
                .map(|limit| limit - counts.failed.min(limit) + 1);
            let in_row = policy.consecutive_failure_limit;
            let in_row = in_row.map(|limit| limit - counts.failures_in_row.min(limit) + 1);
            let next = in_all.into_iter().chain(in_row).min()?;
            Some(format!(
                "{} more would fail it",
                counted(u64::from(next), "failure")
            ))
        }
    }
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
