//! Projections of a run log: every report format is one file here, and none of them knows more
//! than the log, the measures taken from it, and the scenario that was asked for.
#![warn(clippy::disallowed_types, clippy::disallowed_methods)]

mod error;
mod files;
pub mod postmortem;
mod run_log;
mod words;

use std::path::{Path, PathBuf};

use firedrill_sim::campaign::{RunOutcome, Summary};
use firedrill_sim::log::RunLog;
use firedrill_sim::spec::Scenario;

pub use error::ReportError;

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
    let _ = (outcome, scenario);
    let mut out = files::Directory::at(dir)?;
    out.put("run.jsonl", |path| run_log::format(path, log))?;
    Ok(out.into_written())
}

/// Writes every report of a campaign into `dir` and returns the files, in the order written.
///
/// # Errors
/// The first step that failed; files written before it stay.
pub fn write_campaign(dir: &Path, summaries: &[Summary]) -> Result<Vec<PathBuf>, ReportError> {
    let _ = summaries;
    Ok(files::Directory::at(dir)?.into_written())
}
