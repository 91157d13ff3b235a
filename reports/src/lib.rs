//! Projections of a run log: reports that other people and other programs read.
//!
//! ```text
//! RunLog + RunOutcome + Scenario ──► postmortem (data) ──► postmortem.json, .md, .html
//!                                └─► run.jsonl, timeline.csv, series.csv
//! [Summary]                      ──► summary.json, summary.csv, index.md, junit.xml
//! ```
//!
//! One file here for every format. None of them knows more than the log, the measures taken
//! from it and the scenario that was asked for: the same run gives the same bytes, and every
//! figure stands beside the numbers of the events that it comes from. Files appear whole or not
//! at all.
#![warn(clippy::disallowed_types, clippy::disallowed_methods)]

mod chart;
mod error;
mod files;
#[cfg(test)]
mod fixture;
mod html;
mod json;
mod junit;
mod markdown;
pub mod postmortem;
mod render;
mod run_log;
mod series_csv;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod timeline_csv;
mod words;

use std::path::{Path, PathBuf};

use firedrill_sim::campaign::{RunOutcome, Summary};
use firedrill_sim::log::RunLog;
use firedrill_sim::spec::Scenario;

use files::Directory;
use postmortem::PostMortem;
use words::Clock;

pub use error::ReportError;
pub use summary::SCHEMA_VERSION as SUMMARY_SCHEMA_VERSION;

/// Writes every report of one run into `dir` and returns the files, in the order written.
///
/// # Errors
/// The first step that failed; files written before it stay.
pub fn write_run(
    dir: &Path,
    log: &RunLog,
    outcome: &RunOutcome,
    scenario: &Scenario,
) -> Result<Vec<PathBuf>, ReportError> {
    let document = PostMortem::of(log, outcome, scenario);
    let clock = Clock {
        start: log.header().start_of_day,
    };
    let mut out = Directory::at(dir)?;
    out.put("run.jsonl", |path| run_log::format(path, log))?;
    out.put("postmortem.json", |path| json::format(path, &document))?;
    out.put("postmortem.md", |path| markdown::format(path, &document))?;
    out.put("postmortem.html", |path| {
        html::format(path, &document, log, outcome, scenario)
    })?;
    out.put("timeline.csv", |path| {
        timeline_csv::format(path, &document, clock)
    })?;
    out.put("series.csv", |path| series_csv::format(path, log))?;
    Ok(out.into_written())
}

/// Writes every report of a campaign into `dir` and returns the files, in the order written.
///
/// # Errors
/// The first step that failed; files written before it stay.
pub fn write_campaign(dir: &Path, summaries: &[Summary]) -> Result<Vec<PathBuf>, ReportError> {
    let mut out = Directory::at(dir)?;
    out.put("summary.json", |path| summary::json(path, summaries))?;
    out.put("summary.csv", |path| summary::csv(path, summaries))?;
    out.put("junit.xml", |path| junit::format(path, summaries))?;
    out.put("index.md", |path| summary::index(path, summaries))?;
    Ok(out.into_written())
}
