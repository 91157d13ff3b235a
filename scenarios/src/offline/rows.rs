//! What the signals of a sequential policy read of a table: one cell a host and interval.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::Micros;
use firedrill_core::health::LatencyHistogram;
use firedrill_core::health::sequential::{ArmCounts, MeanPolicy, Samples};

use crate::problem::Problem;

use super::signals::SignalPlan;
use super::table::Table;

/// What one signal reads of a host and interval, or of all hosts together.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Counts(ArmCounts),
    // Boxed: sixty-four buckets are large, and most signals are counts.
    Latency(Box<LatencyHistogram>),
    Mean(Samples),
}

impl Cell {
    /// Adds another host's.
    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Counts(sum), Self::Counts(counts)) => {
                sum.requests += counts.requests;
                sum.errors += counts.errors;
            }
            (Self::Latency(sum), Self::Latency(histogram)) => sum.merge(histogram),
            (Self::Mean(sum), Self::Mean(samples)) => {
                sum.count += samples.count;
                sum.sum += samples.sum;
                sum.squares += samples.squares;
            }
            (Self::Counts(_) | Self::Latency(_) | Self::Mean(_), _) => {
                unreachable!("a signal reads the same of every row")
            }
        }
    }
}

/// The signals of one interval by host.
pub(super) type Interval = BTreeMap<String, Vec<Cell>>;

/// A signal's columns in one table.
enum Columns {
    Counts { requests: usize, events: usize },
    Samples(usize),
    Buckets(Vec<usize>),
    Mean(usize, MeanPolicy),
}

/// Everything that the signals read of a table.
pub(super) fn intervals(
    table: &Table,
    signals: &[SignalPlan],
) -> Result<BTreeMap<Micros, Interval>, Vec<Problem>> {
    let time = table.column("timestamp");
    let columns: Vec<_> = signals
        .iter()
        .map(|signal| columns(table, signal))
        .collect();
    let (time, columns) = match (time, columns.into_iter().collect::<Result<Vec<_>, _>>()) {
        (Ok(time), Ok(columns)) => (time, columns),
        (time, columns) => {
            let problems = [time.err(), columns.err()].into_iter().flatten();
            return Err(problems.map(|problem| *problem).collect());
        }
    };
    let host = table.column("host").ok();
    let mut problems = Vec::new();
    let mut found: BTreeMap<Micros, Interval> = BTreeMap::new();
    let mut last = Micros::ZERO;
    for row in 0..table.rows() {
        let end = match table.time(row, time) {
            Ok(end) => end,
            Err(problem) => {
                problems.push(*problem);
                continue;
            }
        };
        if end < last {
            let problem = table.problem(row, time, "time goes back here".into());
            problems.push(problem.help("sort the rows by their timestamps"));
            continue;
        }
        last = end;
        let cells: Result<Vec<Cell>, _> = columns.iter().map(|at| read(table, row, at)).collect();
        match cells {
            Err(problem) => problems.push(*problem),
            Ok(cells) => {
                let name = host.map_or("", |column| table.text(row, column));
                let hosts = found.entry(end).or_default();
                if hosts.insert(name.into(), cells).is_some() {
                    let problem = table.problem(row, time, "this interval is there twice".into());
                    let help = "keep one row for each interval, or name hosts in a `host` column";
                    problems.push(problem.help(help));
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

/// The names of all hosts, in order.
pub(super) fn hosts(intervals: &BTreeMap<Micros, Interval>) -> Vec<&String> {
    let names: BTreeSet<&String> = intervals.values().flat_map(BTreeMap::keys).collect();
    names.into_iter().collect()
}

fn columns(table: &Table, signal: &SignalPlan) -> Result<Columns, Box<Problem>> {
    Ok(match signal {
        SignalPlan::Count { column, .. } => Columns::Counts {
            requests: table.column("requests")?,
            events: table.column(column)?,
        },
        SignalPlan::Latency {
            column: Some(column),
            ..
        } => Columns::Samples(table.column(column)?),
        SignalPlan::Latency { column: None, .. } => {
            let buckets: Vec<usize> = (0..table.columns().len())
                .filter(|index| table.columns()[*index].starts_with("le_"))
                .take(LatencyHistogram::BUCKETS)
                .collect();
            if buckets.is_empty() {
                table.column("le_inf").map_err(|problem| {
                    let help = "add a histogram's columns, `le_100ms` and so on up to `le_inf`, \
                                each with the requests up to its bound, or name a `column` of \
                                samples in the policy";
                    let message = "there are no columns `le_*`, from which latency is read";
                    Box::new(
                        Problem {
                            message: message.into(),
                            ..*problem
                        }
                        .help(help),
                    )
                })?;
            }
            Columns::Buckets(buckets)
        }
        SignalPlan::Mean { column, policy } => Columns::Mean(table.column(column)?, *policy),
    })
}

fn read(table: &Table, row: usize, columns: &Columns) -> Result<Cell, Box<Problem>> {
    Ok(match columns {
        Columns::Counts { requests, events } => {
            let requests = table.count(row, *requests)?;
            let errors = table.count(row, *events)?;
            if errors > requests {
                let message = format!("{errors} of {requests} requests are bad");
                let problem = table.problem(row, *events, message);
                let help = "count at most as many as there were requests";
                return Err(problem.help(help).into());
            }
            Cell::Counts(ArmCounts { requests, errors })
        }
        Columns::Buckets(columns) => Cell::Latency(Box::new(buckets(table, row, columns)?)),
        Columns::Samples(column) => {
            let mut histogram = LatencyHistogram::default();
            let milliseconds = table.number(row, *column)?;
            if milliseconds < 0.0 || milliseconds.is_infinite() {
                let message = format!("`{}` is no latency", table.text(row, *column));
                let problem = table.problem(row, *column, message);
                return Err(problem.help("write milliseconds, such as `12.5`").into());
            }
            if !milliseconds.is_nan() {
                histogram.add(LatencyHistogram::bucket_of((milliseconds * 1e3) as u64), 1);
            }
            Cell::Latency(Box::new(histogram))
        }
        Columns::Mean(column, policy) => Cell::Mean(sample(table, row, *column, policy)?),
    })
}

/// One sample; none where the value is missing.
fn sample(
    table: &Table,
    row: usize,
    column: usize,
    policy: &MeanPolicy,
) -> Result<Samples, Box<Problem>> {
    let mut samples = Samples::default();
    let value = table.number(row, column)?;
    if !value.is_nan() {
        let Some(scaled) = policy.scale(value) else {
            let text = table.text(row, column);
            let message = format!("`{text}` is not between {} and {}", policy.low, policy.high);
            let problem = table.problem(row, column, message);
            let help = "give the signal bounds that hold all of its values";
            return Err(problem.help(help).into());
        };
        samples.add(scaled);
    }
    Ok(samples)
}

/// Counts up to each bound, as monitoring systems store them, become counts between bounds.
fn buckets(table: &Table, row: usize, columns: &[usize]) -> Result<LatencyHistogram, Box<Problem>> {
    let mut histogram = LatencyHistogram::default();
    let mut below = 0;
    for (bucket, column) in columns.iter().enumerate() {
        let count = table.count(row, *column)?;
        let inside = count.checked_sub(below).map(u32::try_from);
        let Some(Ok(inside)) = inside else {
            let message = format!("{count} up to this bound and {below} up to the one before");
            let problem = table.problem(row, *column, message);
            let help = "let columns `le_*` ascend, each with all requests up to its bound";
            return Err(problem.help(help).into());
        };
        histogram.add(bucket, inside);
        below = count;
    }
    Ok(histogram)
}
