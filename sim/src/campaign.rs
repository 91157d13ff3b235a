//! Many seeds of one scenario, in parallel, summarised.
//!
//! Results come back in the order of the seeds whatever the number of threads, and a summary is
//! a function of them alone.

mod kinds;

use std::ops::RangeInclusive;

use firedrill_core::{Micros, Ppm};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use crate::engine;
use crate::log::RunLog;
use crate::measure::{Catcher, Measures, Span, measure};
use crate::spec::Scenario;

pub use kinds::{KindSummary, MechanismSeeds};

/// One run of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOutcome {
    /// The seed.
    pub seed: u64,
    /// Every figure.
    pub measures: Measures,
    /// Whether each expectation is met, in the scenario's order.
    pub met: Vec<bool>,
}

impl RunOutcome {
    /// What a log comes to.
    #[must_use]
    pub fn of(scenario: &Scenario, log: &RunLog) -> Self {
        let measures = measure(log);
        let met = scenario
            .expect
            .iter()
            .map(|line| line.requirement.is_met(&measures))
            .collect();
        Self {
            seed: log.header().seed,
            measures,
            met,
        }
    }
}

/// Why a campaign cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {jobs} worker threads")]
pub struct CampaignError {
    jobs: usize,
    #[source]
    source: rayon::ThreadPoolBuildError,
}

/// How many threads to start when `jobs` are asked for: more than runs have nothing to do.
#[must_use]
pub fn threads(seeds: &RangeInclusive<u64>, jobs: usize) -> usize {
    let runs = usize::try_from(seeds.end() - seeds.start()).unwrap_or(usize::MAX);
    jobs.min(runs.saturating_add(1))
}

/// Runs every seed on `jobs` threads (0: one per core) and calls `done` after each.
///
/// # Errors
/// When the threads cannot be started.
pub fn run_seeds(
    scenario: &Scenario,
    seeds: RangeInclusive<u64>,
    jobs: usize,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<RunOutcome>, CampaignError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(&seeds, jobs))
        .build();
    let pool = pool.map_err(|source| CampaignError { jobs, source })?;
    let run = |seed| {
        let outcome = RunOutcome::of(scenario, &engine::run(scenario, seed));
        done();
        outcome
    };
    Ok(pool.install(|| seeds.into_par_iter().map(run).collect()))
}

/// The unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Microseconds.
    Microseconds,
    /// Parts per million.
    PartsPerMillion,
    /// A count.
    Count,
}

/// A measure over many seeds.
///
/// A run in which it never came is a censored observation: it counts as longer than every run
/// in which it did, so a quantile is `None` ("never") as soon as too many runs never came there.
/// All runs are censored at the same moment, their end, where the Kaplan–Meier estimate is just
/// that. Runs to which the measure does not apply are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeasureSummary {
    /// The measure.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Runs to which it applies.
    pub n: u64,
    /// Those among them in which it never came.
    pub never: u64,
    /// The median.
    pub p50: Option<u64>,
    /// The 90th percentile.
    pub p90: Option<u64>,
    /// The maximum.
    pub max: Option<u64>,
}

/// An expectation over many seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectationSummary {
    /// What must be so, in words.
    pub text: String,
    /// The line of the scenario file.
    pub line: u32,
    /// The share of seeds in which it must be so.
    pub rate: Ppm,
    /// Seeds in which it was so.
    pub met: u64,
    /// Seeds.
    pub n: u64,
    /// Whether that is often enough.
    pub passed: bool,
    /// The first seeds in which it was not so, at most [`FAILING_SEEDS_SHOWN`].
    pub failing_seeds: Vec<u64>,
}

/// How many failing seeds a summary names.
pub const FAILING_SEEDS_SHOWN: usize = 5;

/// How often a layer stopped the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaughtSummary {
    /// The layer.
    pub caught_by: Catcher,
    /// Runs.
    pub n: u64,
}

/// A scenario over many seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The scenario.
    pub scenario: String,
    /// How it is named on a command line.
    pub source: String,
    /// Its title.
    pub title: String,
    /// The first seed.
    pub first_seed: u64,
    /// Runs.
    pub n: u64,
    /// Whether every expectation is met often enough.
    pub passed: bool,
    /// The layers that stopped the change, most often first.
    pub caught_by: Vec<CaughtSummary>,
    /// The same by the kind of defect that was drawn; none where no defect is drawn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_kind: Vec<KindSummary>,
    /// Measures.
    pub measures: Vec<MeasureSummary>,
    /// Expectations.
    pub expectations: Vec<ExpectationSummary>,
}

impl Summary {
    /// Summarises the runs of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario, runs: &[RunOutcome]) -> Self {
        let expectations: Vec<_> = (0..scenario.expect.len())
            .map(|index| summarise_expectation(scenario, runs, index))
            .collect();
        Self {
            scenario: scenario.name.clone(),
            source: scenario.source.clone(),
            title: scenario.title.clone(),
            first_seed: runs.first().map_or(0, |run| run.seed),
            n: runs.len() as u64,
            passed: expectations.iter().all(|expectation| expectation.passed),
            caught_by: summarise_catchers(runs),
            by_kind: kinds::by_kind(runs),
            measures: summarise_measures(runs),
            expectations,
        }
    }
}

fn summarise_expectation(
    scenario: &Scenario,
    runs: &[RunOutcome],
    index: usize,
) -> ExpectationSummary {
    let line = &scenario.expect[index];
    let failing: Vec<u64> = runs
        .iter()
        .filter(|run| !run.met[index])
        .map(|run| run.seed)
        .collect();
    let n = runs.len() as u64;
    let met = n - failing.len() as u64;
    ExpectationSummary {
        text: line.requirement.to_string(),
        line: line.line,
        rate: line.rate,
        met,
        n,
        passed: met >= line.rate.of_count_up(n),
        failing_seeds: failing.into_iter().take(FAILING_SEEDS_SHOWN).collect(),
    }
}

fn summarise_catchers(runs: &[RunOutcome]) -> Vec<CaughtSummary> {
    let mut counts = std::collections::BTreeMap::<&Catcher, u64>::new();
    for run in runs {
        *counts.entry(&run.measures.caught_by).or_default() += 1;
    }
    let mut caught: Vec<_> = counts
        .into_iter()
        .map(|(catcher, n)| CaughtSummary {
            caught_by: catcher.clone(),
            n,
        })
        .collect();
    caught.sort_by_key(|caught| std::cmp::Reverse(caught.n));
    caught
}

fn summarise_measures(runs: &[RunOutcome]) -> Vec<MeasureSummary> {
    let span = |name, pick: fn(&Measures) -> Span| {
        let spans: Vec<Span> = runs.iter().map(|run| pick(&run.measures)).collect();
        summarise(name, Unit::Microseconds, &spans)
    };
    let number = |name, unit, pick: fn(&Measures) -> u64| {
        let values: Vec<Span> = runs
            .iter()
            .map(|run| Span::Took(Micros(pick(&run.measures))))
            .collect();
        summarise(name, unit, &values)
    };
    let ranks: Vec<Span> = runs
        .iter()
        .map(|run| run.measures.suspect_rank.as_span())
        .collect();
    let worst_budget = |measures: &Measures| {
        measures
            .budget
            .iter()
            .map(|budget| u64::from(budget.burned.0))
            .max()
            .unwrap_or(0)
    };
    vec![
        span("time-to-detect", |measures| measures.time_to_detect),
        span("time-to-acknowledge", |measures| {
            measures.time_to_acknowledge
        }),
        span("time-to-tell", |measures| measures.time_to_tell),
        span("time-to-mitigate", |measures| measures.time_to_mitigate),
        span("time-to-recover", |measures| measures.time_to_recover),
        span("rollback-time", |measures| measures.rollback_time),
        span("rollout-time", |measures| measures.rollout_time),
        number("exposure", Unit::PartsPerMillion, |measures| {
            u64::from(measures.exposure.0)
        }),
        number("blast-radius", Unit::PartsPerMillion, |measures| {
            u64::from(measures.blast_radius.0)
        }),
        number("requests-failed", Unit::Count, |measures| {
            measures.requests_failed
        }),
        number("requests-harmed", Unit::Count, |measures| {
            measures.requests_harmed
        }),
        number("budget-burned", Unit::PartsPerMillion, worst_budget),
        number("pages", Unit::Count, |measures| u64::from(measures.pages)),
        summarise("suspect-rank", Unit::Count, &ranks),
    ]
}

fn summarise(name: &'static str, unit: Unit, spans: &[Span]) -> MeasureSummary {
    let mut took: Vec<u64> = Vec::new();
    let mut never = 0;
    for span in spans {
        match span {
            Span::Took(time) => took.push(time.0),
            Span::Never => never += 1,
            Span::NotApplicable => {}
        }
    }
    took.sort_unstable();
    let n = took.len() as u64 + never;
    // The smallest value that at least this share of the runs does not exceed.
    let quantile = |share: Ppm| {
        let rank = share.of_count_up(n).max(1) as usize;
        took.get(rank - 1).copied()
    };
    MeasureSummary {
        name,
        unit,
        n,
        never,
        p50: quantile(Ppm::percent(50)),
        p90: quantile(Ppm::percent(90)),
        max: quantile(Ppm::ONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_came_is_longer_than_everything() {
        let took = |n| Span::Took(Micros(n));
        let spans = [
            took(30),
            Span::Never,
            took(10),
            Span::NotApplicable,
            took(20),
        ];
        let summary = summarise("x", Unit::Microseconds, &spans);
        assert_eq!((summary.n, summary.never), (4, 1));
        assert_eq!(
            (summary.p50, summary.p90, summary.max),
            (Some(20), None, None)
        );
        let empty = summarise("x", Unit::Microseconds, &[Span::NotApplicable]);
        assert_eq!((empty.n, empty.p50), (0, None));
    }
}
