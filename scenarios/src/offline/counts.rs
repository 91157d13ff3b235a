//! Two tables as paired windows of a sequential judge.
//!
//! A table has the columns `timestamp` (the end of an interval), those of the signals, and
//! optionally `host`, with one row for each host and interval. Where fewer events are worse, the
//! arms are exchanged: the control has more of them then.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::health::sequential::{
    ArmCounts, Exceedance, PairedCounts, PairedSamples, Samples, Worse,
};

use crate::load::LoadErrors;

use super::partners::{Side, partners};
use super::rows::{Cell, Interval, hosts, intervals};
use super::signals::SignalPlan;
use super::table::Table;

/// One interval of both arms.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The first moment covered.
    pub start: Micros,
    /// The first moment not covered.
    pub end: Micros,
    /// The counts, in the order of [`Paired::signals`] without means.
    pub counts: Vec<PairedCounts>,
    /// The samples of means, in the same order.
    pub samples: Vec<PairedSamples>,
    /// The counts of both arms, by signal and host, in the order of the hosts' names; empty
    /// where the arm that is compared with has one host, or no `host` column.
    pub hosts: Vec<HostCounts>,
}

/// One signal of one interval, host by host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCounts {
    /// Hosts of the arm that is suspected.
    pub canary: Vec<ArmCounts>,
    /// Hosts of the arm that it is compared with.
    pub control: Vec<ArmCounts>,
}

/// Both arms, interval by interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// The signals: counts and latencies first, then means.
    pub signals: Vec<SignalPlan>,
    /// The intervals that both arms have.
    pub windows: Vec<Window>,
    /// Intervals that only the canary has: they compare nothing.
    pub canary_only: u64,
    /// Intervals that only the control has.
    pub control_only: u64,
    /// What is left out of the comparison, a line each.
    pub warnings: Vec<String>,
    /// The end of the newest interval of either arm.
    pub newest: Option<Micros>,
}

/// The signals of a policy that names none: the columns `errors`, `errors_*` and `slow_*`.
///
/// # Errors
/// When there are no such columns.
pub fn usual_signals(canary: &Table, effect_milli: u32) -> Result<Vec<SignalPlan>, LoadErrors> {
    let is_one =
        |name: &str| name == "errors" || name.starts_with("errors_") || name.starts_with("slow_");
    let names = canary.columns().iter().filter(|name| is_one(name));
    let signal = |name: &String| SignalPlan::Count {
        column: name.clone(),
        worse: Worse::Higher,
        effect_milli,
    };
    let signals: Vec<SignalPlan> = names.map(signal).collect();
    if signals.is_empty() {
        canary.column("errors").map_err(LoadErrors::from)?;
    }
    Ok(signals)
}

/// Puts two tables together.
///
/// # Errors
/// Everything that is wrong with either, and tables that are not about the same intervals.
pub fn pair(canary: &Table, control: &Table, signals: &[SignalPlan]) -> Result<Paired, LoadErrors> {
    let mut signals = signals.to_vec();
    signals.sort_by_key(|signal| signal.effect_milli().is_none());
    let tables = (canary, control);
    let (canary, control) = (intervals(canary, &signals), intervals(control, &signals));
    let (canary, control) = match (canary, control) {
        (Ok(canary), Ok(control)) => (canary, control),
        (a, b) => {
            let problems = [a.err(), b.err()].into_iter().flatten().flatten().collect();
            return Err(LoadErrors { problems });
        }
    };
    let partners = partners(&side(tables.0, &canary), &side(tables.1, &control));
    let partners = partners.map_err(|problems| LoadErrors { problems })?;
    let common: Vec<Micros> = canary
        .keys()
        .filter(|end| control.contains_key(end))
        .copied()
        .collect();
    let length = step(&canary);
    let mut pairing = Pairing::new(&signals, hosts(&canary), hosts(&control));
    let mut before = Micros::ZERO;
    let mut windows = Vec::with_capacity(common.len());
    for end in &common {
        let mut window = Window {
            start: (*end - length).max(before),
            end: *end,
            counts: vec![],
            samples: vec![],
            hosts: vec![],
        };
        pairing.fill(&mut window, &canary[end], &control[end]);
        windows.push(window);
        before = *end;
    }
    Ok(Paired {
        windows,
        canary_only: partners.canary_only,
        control_only: partners.control_only,
        warnings: partners.warnings,
        newest: canary.keys().chain(control.keys()).max().copied(),
        signals,
    })
}

fn side<'a>(table: &'a Table, intervals: &BTreeMap<Micros, Interval>) -> Side<'a> {
    let ends = intervals.keys().copied().collect();
    Side { table, ends }
}

/// Pairs one interval after the other.
struct Pairing<'a> {
    /// Each signal, whether its arms are exchanged, and the line of a latency.
    signals: Vec<(bool, Option<Exceedance>)>,
    canary_hosts: Vec<&'a String>,
    control_hosts: Vec<&'a String>,
}

impl<'a> Pairing<'a> {
    fn new(
        signals: &[SignalPlan],
        canary_hosts: Vec<&'a String>,
        control_hosts: Vec<&'a String>,
    ) -> Self {
        let signal = |signal: &SignalPlan| match signal {
            SignalPlan::Count { worse, .. } => (*worse == Worse::Lower, None),
            SignalPlan::Latency { quantile, .. } => (false, Some(Exceedance::new(*quantile))),
            SignalPlan::Mean { .. } => (false, None),
        };
        Self {
            signals: signals.iter().map(signal).collect(),
            canary_hosts,
            control_hosts,
        }
    }

    fn fill(&mut self, window: &mut Window, canary: &Interval, control: &Interval) {
        for (index, (exchanged, line)) in self.signals.iter_mut().enumerate() {
            // A mean says itself which way is worse; of counts, the arm with more is suspect.
            let ((suspect, suspects), (other, others)) = if *exchanged {
                ((control, &self.control_hosts), (canary, &self.canary_hosts))
            } else {
                ((canary, &self.canary_hosts), (control, &self.control_hosts))
            };
            let Some(pair) = compare(&sum(suspect, index), &sum(other, index), line.as_mut())
            else {
                window.samples.push(PairedSamples {
                    canary: samples(&sum(suspect, index)),
                    control: samples(&sum(other, index)),
                });
                continue;
            };
            window.counts.push(pair.0);
            if others.len() > 1 {
                let line = pair.1.as_ref();
                window.hosts.push(HostCounts {
                    canary: by_host(suspect, suspects, index, line),
                    control: by_host(other, others, index, line),
                });
            }
        }
    }
}

/// The counts of both arms, with the line that was held against latencies; `None` for a mean.
fn compare(
    suspect: &Cell,
    other: &Cell,
    line: Option<&mut Exceedance>,
) -> Option<(PairedCounts, Option<Exceedance>)> {
    match (suspect, other, line) {
        (Cell::Counts(canary), Cell::Counts(control), _) => {
            let pair = PairedCounts {
                canary: *canary,
                control: *control,
            };
            Some((pair, None))
        }
        (Cell::Latency(canary), Cell::Latency(control), Some(line)) => {
            let before = line.clone();
            // Until the control has drawn a line, nothing is compared.
            let pair = line.observe(canary, control).unwrap_or_default();
            Some((pair, Some(before)))
        }
        (Cell::Counts(_) | Cell::Latency(_) | Cell::Mean(_), _, _) => None,
    }
}

/// A signal of every host that there ever is; of one that is silent now, nothing.
fn by_host(
    interval: &Interval,
    hosts: &[&String],
    signal: usize,
    line: Option<&Exceedance>,
) -> Vec<ArmCounts> {
    let of = |host: &&String| {
        let cell = interval.get(*host).map(|cells| &cells[signal]);
        cell.map_or(ArmCounts::default(), |cell| counts(cell, line))
    };
    hosts.iter().map(of).collect()
}

fn counts(cell: &Cell, line: Option<&Exceedance>) -> ArmCounts {
    match cell {
        Cell::Counts(counts) => *counts,
        Cell::Latency(histogram) => {
            let counts = line.and_then(|line| line.count(histogram));
            counts.unwrap_or_default()
        }
        Cell::Mean(_) => ArmCounts::default(),
    }
}

fn samples(cell: &Cell) -> Samples {
    match cell {
        Cell::Mean(samples) => *samples,
        Cell::Counts(_) | Cell::Latency(_) => Samples::default(),
    }
}

/// A signal of all hosts of an interval, of which there is one at least.
fn sum(interval: &Interval, signal: usize) -> Cell {
    let mut cells = interval.values().map(|cells| &cells[signal]);
    let first = cells.next().cloned();
    let mut sum = first.unwrap_or(Cell::Mean(Samples::default()));
    for cell in cells {
        sum.merge(cell);
    }
    sum
}

/// The shortest time between two intervals; a second when there is only one.
fn step(intervals: &BTreeMap<Micros, Interval>) -> Micros {
    let ends = intervals.keys().zip(intervals.keys().skip(1));
    let shortest = ends.map(|(a, b)| *b - *a).min();
    shortest.unwrap_or(Micros::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::policy::{OfflineJudge, parse_policy};

    fn table(text: &str) -> Table {
        Table::parse("a.csv", text).unwrap()
    }

    fn usual(table: &Table) -> Vec<SignalPlan> {
        usual_signals(table, 1_500).unwrap()
    }

    #[test]
    fn intervals_of_both_arms_are_paired() {
        let canary =
            table("timestamp,requests,errors,slow_p99\n60,10,1,2\n120,10,0,0\n240,5,0,0\n");
        let control =
            table("timestamp,requests,errors,slow_p99\n60,90,3,9\n120,90,1,8\n180,9,0,0\n");
        let paired = pair(&canary, &control, &usual(&canary)).unwrap();
        let names: Vec<String> = paired.signals.iter().map(SignalPlan::name).collect();
        assert_eq!(names, ["errors", "slow_p99"]);
        assert_eq!((paired.windows.len(), paired.canary_only), (2, 1));
        assert_eq!((paired.control_only, paired.warnings.len()), (1, 2));
        assert_eq!(paired.newest, Some(Micros::from_mins(4)));
        assert_eq!(paired.windows[0].start, Micros::ZERO);
        assert_eq!(paired.windows[1].counts[0].control.errors, 1);
    }

    fn plans(text: &str) -> Vec<SignalPlan> {
        let policy = format!("sequential:\n  signals: {text}\n");
        match parse_policy("p.yaml", &policy).unwrap() {
            OfflineJudge::Sequential(plan) => plan.signals,
            other @ (OfflineJudge::Rank(_) | OfflineJudge::Repeated(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn fewer_events_exchange_the_arms() {
        let canary = table("timestamp,host,requests,ok\n1,a,10,5\n1,b,10,6\n1,c,10,7\n");
        let control = table("timestamp,host,requests,ok\n1,d,20,19\n1,e,20,18\n");
        let plans = plans("[count: {column: ok, worse: either}]");
        let window = &pair(&canary, &control, &plans).unwrap().windows[0];
        let errors = |pair: &PairedCounts| (pair.canary.errors, pair.control.errors);
        assert_eq!(errors(&window.counts[0]), (18, 37));
        assert_eq!(errors(&window.counts[1]), (37, 18));
        let hosts = |signal: &HostCounts| (signal.canary.len(), signal.control.len());
        assert_eq!(hosts(&window.hosts[0]), (3, 2));
        assert_eq!(hosts(&window.hosts[1]), (2, 3));
    }

    /// The control's first interval draws the line between its first two buckets.
    #[test]
    fn histograms_become_counts_above_the_line_of_the_control() {
        let canary = table("timestamp,le_10ms,le_50ms,le_inf\n1,0,0,300\n2,150,200,300\n");
        let control = table("timestamp,le_10ms,le_50ms,le_inf\n1,290,295,300\n2,280,290,300\n");
        let paired = pair(&canary, &control, &plans("[latency: {quantile: 90 %}]")).unwrap();
        assert_eq!(paired.windows[0].counts, [PairedCounts::default()]);
        let second = paired.windows[1].counts[0];
        assert_eq!((second.canary.errors, second.control.errors), (150, 20));
        let wrong = table("timestamp,le_10ms,le_inf\n1,5,4\n");
        let said = pair(&wrong, &control, &plans("[latency: {}]"))
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("a.csv:2:5: 4 up to this bound and 5"),
            "{said}"
        );
    }

    #[test]
    fn samples_of_hosts_are_one_interval() {
        let header = "timestamp,host,cpu,p99\n";
        let canary = table(&format!("{header}1,a,50,12.5\n1,b,,900\n"));
        let control = table(&format!("{header}1,c,0,1\n1,d,100,2\n"));
        let plans = plans("[mean: {column: cpu, high: 100, effect: 5}, latency: {column: p99}]");
        let paired = pair(&canary, &control, &plans).unwrap();
        let cpu = paired.windows[0].samples[0];
        assert_eq!((cpu.canary.count, cpu.canary.sum), (1, 0.5));
        assert_eq!((cpu.control.count, cpu.control.squares), (2, 1.0));
        let check = |row: &str, expected: &str| {
            let wrong = table(&format!("{header}{row}"));
            let said = pair(&wrong, &control, &plans).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        check("1,a,101,1\n", "a.csv:2:5: `101` is not between 0 and 100");
        check("1,a,inf,1\n", "a.csv:2:5: `inf` is not between 0 and 100");
        check("1,a,1,-1\n", "a.csv:2:7: `-1` is no latency");
    }

    #[test]
    fn hosts_are_told_apart() {
        let text = "timestamp,host,requests,errors\n1,a,10,1\n1,b,10,0\n2,b,10,2\n2,a,10,0\n";
        let paired = pair(&table(text), &table(text), &usual(&table(text))).unwrap();
        assert_eq!(paired.windows[0].hosts[0].canary.len(), 2);
        assert_eq!(paired.windows[1].counts[0].canary.errors, 2);
        assert_eq!(paired.windows[1].hosts[0].control[1].errors, 2, "host b");
    }

    #[test]
    fn what_cannot_be_true_has_a_place() {
        let good = table("timestamp,requests,errors\n1,10,0\n");
        let check = |text: &str, expected: &str| {
            let said = pair(&good, &table(text), &usual(&good))
                .unwrap_err()
                .to_string();
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
