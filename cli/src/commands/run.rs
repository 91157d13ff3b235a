//! `firedrill run`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use firedrill_scenarios::{Loaded, catalogue, load_embedded, load_paths};
use firedrill_sim::campaign::Summary;
use firedrill_sim::engine::Tamper;
use firedrill_sim::spec::Scenario;
use tracing::info;

use crate::Outcome;
use crate::args::{Format, Global};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress;
use crate::run::seeds::{Seeds, parse_range};
use crate::run::verify::{Verification, parse_tamper};
use crate::run::{campaign, human, json, reports};

/// Run scenarios over many seeds and write their reports
///
/// Without a PATH, the whole catalogue is run. Without a seed, the first of 20 seeds is drawn
/// and printed. The same seed gives the same run on every machine.
///
/// Reports are written for the first seed, and for up to five seeds in which an expectation that
/// is not met often enough fails.
///
/// Example: firedrill run login-drop my-scenarios/ --seeds 1..=200 --out out
#[derive(Args, Debug)]
pub(crate) struct RunCommand {
    /// Scenario files, directories of them, or names of the catalogue [default: the catalogue]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run this seed only
    #[arg(long, conflicts_with = "seeds", value_name = "N")]
    seed: Option<u64>,
    /// Run these seeds, for example 1..=200
    #[arg(long, value_name = "A..=B", value_parser = parse_range)]
    seeds: Option<Seeds>,
    /// Use this many threads; 0 for one per core. Results do not depend on it
    #[arg(long, default_value_t = 0, value_name = "N")]
    jobs: usize,
    /// Write reports into this folder
    #[arg(long, default_value = "firedrill-out", value_name = "DIR")]
    out: PathBuf,
    /// Run every seed twice and compare the runs event by event
    #[arg(long)]
    verify: bool,
    /// Flip one bit of a random stream in every second run, to see that --verify notices
    #[arg(long, requires = "verify", value_name = "STREAM@STEP", value_parser = parse_tamper)]
    verify_tamper: Option<Tamper>,
}

/// A scenario that was run.
pub(crate) struct Finished {
    /// Its summary.
    pub(crate) summary: Summary,
    /// The folder of its reports.
    pub(crate) reports: PathBuf,
    /// What comparing the runs with their repetitions showed.
    pub(crate) verification: Option<Verification>,
    /// How the scenario is named on the command line.
    pub(crate) argument: String,
}

impl Finished {
    fn passed(&self) -> bool {
        let equal = self.verification.as_ref();
        self.summary.passed && equal.is_none_or(Verification::is_equal)
    }
}

pub(crate) fn run(
    command: &RunCommand,
    global: &Global,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let scenarios = load(&command.paths)?;
    let seeds = match (command.seed, command.seeds) {
        (Some(seed), _) => Seeds::only(seed),
        (None, Some(seeds)) => seeds,
        (None, None) => Seeds::drawn(),
    };
    make_folder(&command.out)?;
    for loaded in &scenarios {
        make_folder(&command.out.join(&loaded.scenario.name))?;
        if let Some(tamper) = &command.verify_tamper {
            check_tamper(tamper, &loaded.scenario)?;
        }
    }
    if output.format() == Format::Human {
        output.line(human::heading(seeds))?;
        output.flush()?;
    }
    let bar = progress::bar(global, seeds.count() * scenarios.len() as u64);
    let mut finished = Vec::new();
    for loaded in &scenarios {
        bar.set_message(loaded.scenario.name.clone());
        info!(
            scenario = loaded.scenario.name,
            first = seeds.first,
            last = seeds.last,
            "running"
        );
        let done = || bar.inc(1);
        let one = run_one(command, loaded, seeds, &done)?;
        info!(
            scenario = loaded.scenario.name,
            passed = one.passed(),
            "done"
        );
        if output.format() == Format::Human {
            let text = human::scenario(&one, output);
            bar.suspend(|| -> Result<(), Failure> {
                output.text(&text)?;
                output.flush()
            })?;
        }
        finished.push(one);
    }
    bar.finish_and_clear();
    reports::write_campaign(&command.out, &finished)?;
    match output.format() {
        Format::Human => output.text(&human::ending(&finished, &command.out))?,
        Format::Json => output.json(&json::document(seeds, &finished))?,
    }
    let passed = finished.iter().all(Finished::passed);
    Ok(if passed {
        Outcome::Passed
    } else {
        Outcome::Failed
    })
}

/// The scenarios to run, with the name of each on the command line.
fn load(paths: &[PathBuf]) -> Result<Vec<Loaded>, Failure> {
    let loaded = if paths.is_empty() {
        let entries = catalogue().iter();
        entries.map(|entry| load_embedded(entry.name)).collect()
    } else {
        load_paths(paths)
    };
    loaded.map_err(Failure::NotRun)
}

/// Finds out before the runs, not after them, that reports cannot be written.
fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|source| Failure::OutputFolder {
        path: path.into(),
        source,
    })
}

fn run_one(
    command: &RunCommand,
    loaded: &Loaded,
    seeds: Seeds,
    done: &(dyn Fn() + Sync),
) -> Result<Finished, Failure> {
    let scenario = &loaded.scenario;
    let (runs, verification) = if command.verify {
        let tamper = command.verify_tamper.as_ref();
        let (runs, verification) =
            Verification::run(scenario, seeds.range(), command.jobs, tamper, done)?;
        check_tampered(&verification, scenario)?;
        (runs, Some(verification))
    } else {
        let runs = campaign::run_seeds(scenario, seeds.range(), command.jobs, done)?;
        (runs, None)
    };
    let summary = Summary::of(scenario, &runs);
    let folder = command.out.join(&scenario.name);
    reports::write_runs(&folder, scenario, &runs, &summary)?;
    Ok(Finished {
        argument: loaded.scenario.source.clone(),
        summary,
        reports: folder,
        verification,
    })
}

/// Runs that are equal although one was tampered with say nothing about `--verify`.
fn check_tampered(verification: &Verification, scenario: &Scenario) -> Result<(), Failure> {
    match &verification.tamper {
        Some(tamper) if verification.is_equal() => Err(Failure::TamperChangesNothing {
            scenario: scenario.name.clone(),
            stream: tamper.stream.clone(),
            step: tamper.step,
        }),
        Some(_) | None => Ok(()),
    }
}

/// A bit that is never drawn cannot be flipped.
fn check_tamper(tamper: &Tamper, scenario: &Scenario) -> Result<(), Failure> {
    let steps = scenario.duration.0 / scenario.step.0.max(1);
    if tamper.step < steps {
        return Ok(());
    }
    let (scenario, step) = (scenario.name.clone(), tamper.step);
    Err(Failure::TamperNeverComes {
        scenario,
        step,
        steps,
    })
}
