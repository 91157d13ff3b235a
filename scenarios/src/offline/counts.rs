//! Two tables of counts as paired windows.
//!
//! A table has the columns `timestamp` (the end of an interval), `requests`, `errors`, any number
//! of further `errors_*` and `slow_*` columns (each a signal of its own among the same requests),
//! and optionally `host`, with one row for each host and interval.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::health::sequential::{ArmCounts, PairedCounts};

use crate::load::LoadErrors;
use crate::problem::Problem;

use super::table::Table;

/// One interval of both arms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment covered.
    pub start: Micros,
    /// The first moment not covered.
    pub end: Micros,
    /// The signals, in the order of [`Paired::signals`].
    pub counts: Vec<PairedCounts>,
    /// The control's counts by signal and host, in the order of the hosts' names; empty without
    /// a `host` column.
    pub control_hosts: Vec<Vec<ArmCounts>>,
}

/// Both arms, interval by interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    /// The names of the signals.
    pub signals: Vec<String>,
    /// The intervals that both arms have.
    pub windows: Vec<Window>,
    /// Intervals that only one of them has: they compare nothing.
    pub unpaired: u64,
    /// The end of the newest interval of either arm.
    pub newest: Option<Micros>,
    /// Hosts of the candidate's arm.
    pub canary_hosts: u32,
}

type Interval = BTreeMap<String, Vec<ArmCounts>>;

/// Puts two tables together.
///
/// # Errors
/// Everything that is wrong with either.
pub fn pair(canary: &Table, control: &Table) -> Result<Paired, LoadErrors> {
    let signals: Vec<String> = canary
        .columns()
        .iter()
        .filter(|name| {
            *name == "errors" || name.starts_with("errors_") || name.starts_with("slow_")
        })
        .cloned()
        .collect();
    if signals.is_empty() {
        return Err(canary
            .column("errors")
            .err()
            .map_or_else(|| LoadErrors { problems: vec![] }, LoadErrors::from));
    }
    let (canary, control) = (intervals(canary, &signals), intervals(control, &signals));
    let (canary, control) = match (canary, control) {
        (Ok(canary), Ok(control)) => (canary, control),
        (a, b) => {
            let problems = [a.err(), b.err()].into_iter().flatten().flatten().collect();
            return Err(LoadErrors { problems });
        }
    };
    let common: Vec<Micros> = canary
        .keys()
        .filter(|end| control.contains_key(end))
        .copied()
        .collect();
    let newest = canary.keys().chain(control.keys()).max().copied();
    let unpaired = (canary.len() + control.len() - 2 * common.len()) as u64;
    let length = step(&canary);
    let hosts = names(&control);
    let window = |(index, end): (usize, &Micros)| {
        let before = index
            .checked_sub(1)
            .map_or(Micros::ZERO, |index| common[index]);
        let (x, y) = (&canary[end], &control[end]);
        let counts = (0..signals.len()).map(|signal| PairedCounts {
            canary: sum(x, signal),
            control: sum(y, signal),
        });
        let by_host = |signal: usize| -> Vec<ArmCounts> {
            let of = |host: &&String| y.get(*host).map_or(ArmCounts::default(), |c| c[signal]);
            hosts.iter().map(of).collect()
        };
        Window {
            start: (*end - length).max(before),
            end: *end,
            counts: counts.collect(),
            control_hosts: if hosts.len() > 1 {
                (0..signals.len()).map(by_host).collect()
            } else {
                vec![]
            },
        }
    };
    Ok(Paired {
        windows: common.iter().enumerate().map(window).collect(),
        unpaired,
        newest,
        canary_hosts: names(&canary).len() as u32,
        signals: signals.clone(),
    })
}

fn names(intervals: &BTreeMap<Micros, Interval>) -> Vec<&String> {
    let mut names: Vec<&String> = intervals.values().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn sum(interval: &Interval, signal: usize) -> ArmCounts {
    interval
        .values()
        .fold(ArmCounts::default(), |sum, counts| ArmCounts {
            requests: sum.requests + counts[signal].requests,
            errors: sum.errors + counts[signal].errors,
        })
}

/// The shortest time between two intervals; a second when there is only one.
fn step(intervals: &BTreeMap<Micros, Interval>) -> Micros {
    let ends = intervals.keys().zip(intervals.keys().skip(1));
    let shortest = ends.map(|(a, b)| *b - *a).min();
    shortest.unwrap_or(Micros::from_secs(1))
}

fn intervals(
    table: &Table,
    signals: &[String],
) -> Result<BTreeMap<Micros, Interval>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut column = |name: &str| {
        table.column(name).unwrap_or_else(|problem| {
            problems.push(*problem);
            0
        })
    };
    let (time, requests) = (column("timestamp"), column("requests"));
    let bad: Vec<usize> = signals.iter().map(|name| column(name)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let host = table.column("host").ok();
    let mut found: BTreeMap<Micros, Interval> = BTreeMap::new();
    let mut last = Micros::ZERO;
    for row in 0..table.rows() {
        match read_row(table, row, (time, requests), &bad) {
            Err(problem) => problems.push(*problem),
            Ok((end, _)) if end < last => problems.push(
                table
                    .problem(row, time, "time goes back here".into())
                    .help("sort the rows by their timestamps"),
            ),
            Ok((end, counts)) => {
                last = end;
                let name = host.map_or("", |column| table.text(row, column));
                let hosts = found.entry(end).or_default();
                if hosts.insert(name.into(), counts).is_some() {
                    problems.push(
                        table
                            .problem(row, time, "this interval is there twice".into())
                            .help(
                                "keep one row for each interval, or name hosts in a `host` column",
                            ),
                    );
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

fn read_row(
    table: &Table,
    row: usize,
    (time, requests): (usize, usize),
    bad: &[usize],
) -> Result<(Micros, Vec<ArmCounts>), Box<Problem>> {
    let end = table.time(row, time)?;
    let requests = table.count(row, requests)?;
    let mut counts = Vec::with_capacity(bad.len());
    for column in bad {
        let errors = table.count(row, *column)?;
        if errors > requests {
            let message = format!("{errors} of {requests} requests are bad");
            let problem = table.problem(row, *column, message);
            return Err(problem
                .help("count at most as many as there were requests")
                .into());
        }
        counts.push(ArmCounts { requests, errors });
    }
    Ok((end, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::parse("a.csv", text).unwrap()
    }

    #[test]
    fn intervals_of_both_arms_are_paired() {
        let canary =
            table("timestamp,requests,errors,slow_p99\n60,10,1,2\n120,10,0,0\n240,5,0,0\n");
        let control =
            table("timestamp,requests,errors,slow_p99\n60,90,3,9\n120,90,1,8\n180,9,0,0\n");
        let paired = pair(&canary, &control).unwrap();
        assert_eq!(paired.signals, ["errors", "slow_p99"]);
        assert_eq!((paired.windows.len(), paired.unpaired), (2, 2));
        assert_eq!(paired.newest, Some(Micros::from_mins(4)));
        assert_eq!(paired.windows[0].start, Micros::ZERO);
        assert_eq!(paired.windows[1].counts[0].control.errors, 1);
    }

    #[test]
    fn hosts_are_told_apart() {
        let text = "timestamp,host,requests,errors\n1,a,10,1\n1,b,10,0\n2,b,10,2\n2,a,10,0\n";
        let paired = pair(&table(text), &table(text)).unwrap();
        assert_eq!(paired.canary_hosts, 2);
        assert_eq!(paired.windows[1].counts[0].canary.errors, 2);
        assert_eq!(paired.windows[1].control_hosts[0][1].errors, 2, "host b");
    }

    #[test]
    fn what_cannot_be_true_has_a_place() {
        let good = table("timestamp,requests,errors\n1,10,0\n");
        let check = |text: &str, expected: &str| {
            let said = pair(&good, &table(text)).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        check(
            "timestamp,requests,errors\n1,10,11\n",
            "a.csv:2:6: 11 of 10 requests are bad",
        );
        check(
            "timestamp,requests,errors\n2,1,0\n1,1,0\n",
            "a.csv:3:1: time goes back",
        );
        check(
            "timestamp,requests,errors\n2,1,0\n2,1,0\n",
            "a.csv:3:1: this interval is there twice",
        );
        check("timestamp,errors\n2,1\n", "there is no column `requests`");
        check(
            "timestamp,requests,errors\n1,NaN,0\n",
            "a.csv:2:3: `NaN` is not a count",
        );
    }
}
