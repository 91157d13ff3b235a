//! `firedrill power`.

use std::path::PathBuf;

use clap::Args;

use crate::Outcome;
use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::power::{csv, human, measure, svg};

/// Tell how fast and how falsely judges alarm
///
/// Simulates canaries with addressed draws: how often a good one is stopped, how long a bad one
/// takes to be noticed, and how far that is from what no judge can beat. By default: the worked
/// example (0.1 % usual, 0.5 % bad, 1,000 requests a second, one false alarm in 1,000 canaries of
/// ten minutes) and the delay by effect and traffic.
#[derive(Args, Clone, Debug)]
pub(crate) struct PowerCommand {
    /// The usual error ratio, in percent
    #[arg(long, default_value_t = 0.1, value_name = "PERCENT")]
    pub(crate) p0: f64,
    /// The error ratio of a bad canary, in percent
    #[arg(long, default_value_t = 0.5, value_name = "PERCENT")]
    pub(crate) p1: f64,
    /// The canary's requests a second; an equal control gets as many
    #[arg(long, default_value_t = 1_000.0, value_name = "N")]
    pub(crate) traffic: f64,
    /// Good canaries that may be stopped, in percent
    #[arg(long, default_value_t = 0.1, value_name = "PERCENT")]
    pub(crate) false_alarms: f64,
    /// How long a canary is watched, in seconds
    #[arg(long, default_value_t = 600.0, value_name = "SECONDS")]
    pub(crate) bake: f64,
    /// How often a judge looks, in seconds
    #[arg(long, default_value_t = 0.1, value_name = "SECONDS")]
    pub(crate) look: f64,
    /// Bad canaries of the worked example
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    pub(crate) runs: u64,
    /// Good canaries of the worked example
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub(crate) null_runs: u64,
    /// Canaries of each cell of the table by effect and traffic; 0 for no table
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) cell_runs: u64,
    /// Good canaries whose hosts differ and whose demand drifts, of each kind; 0 for none
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    pub(crate) host_runs: u64,
    /// The seed of all draws
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the figures as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw delay over effect as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

pub(crate) fn power(command: &PowerCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let figures = measure::measure(command)?;
    let write = |path: &PathBuf, text: String| {
        std::fs::write(path, text).map_err(|source| Failure::Write {
            path: path.clone(),
            source,
        })
    };
    if let Some(path) = &command.csv {
        write(path, csv::text(&figures))?;
    }
    if let Some(path) = &command.svg {
        write(path, svg::text(&figures))?;
    }
    match output.format() {
        Format::Json => output.json(&figures)?,
        Format::Human => output.text(&human::text(command, &figures))?,
    }
    Ok(Outcome::Passed)
}
