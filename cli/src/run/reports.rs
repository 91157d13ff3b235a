//! Which runs get reports, and where they go.

use std::path::Path;

use firedrill_sim::campaign::{RunOutcome, Summary};
use firedrill_sim::engine;
use firedrill_sim::spec::Scenario;

use crate::commands::run::Finished;
use crate::failure::Failure;

/// The failing seeds of a scenario that get reports besides the first seed.
const FAILING_SEEDS_REPORTED: usize = 5;

/// Writes the reports of the first run and of the first failing ones, each into a folder of its
/// seed. The log is made anew: the same seed gives the same run.
pub(crate) fn write_runs(
    folder: &Path,
    scenario: &Scenario,
    runs: &[RunOutcome],
    summary: &Summary,
) -> Result<(), Failure> {
    let failed = summary.expectations.iter().filter(|line| !line.passed);
    let mut failing: Vec<u64> = failed.flat_map(|line| line.failing_seeds.clone()).collect();
    failing.sort_unstable();
    failing.dedup();
    failing.truncate(FAILING_SEEDS_REPORTED);
    let first = runs.first().map(|run| run.seed);
    let wanted = |run: &&RunOutcome| Some(run.seed) == first || failing.contains(&run.seed);
    for run in runs.iter().filter(wanted) {
        let log = engine::run(scenario, run.seed);
        let folder = folder.join(format!("seed-{}", run.seed));
        let files = firedrill_reports::write_run(&folder, &log, run, scenario)?;
        tracing::debug!(seed = run.seed, files = files.len(), "reports written");
    }
    Ok(())
}

/// Writes what is about all scenarios together.
pub(crate) fn write_campaign(folder: &Path, finished: &[Finished]) -> Result<(), Failure> {
    let summaries: Vec<Summary> = finished.iter().map(|one| one.summary.clone()).collect();
    let files = firedrill_reports::write_campaign(folder, &summaries)?;
    tracing::debug!(files = files.len(), "campaign reports written");
    Ok(())
}
