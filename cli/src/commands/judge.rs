//! `firedrill judge`.

use std::path::PathBuf;

use clap::Args;
use firedrill_core::health::Outcome as Verdict;
use firedrill_scenarios::offline::policy::{OfflineJudge, load_policy};
use firedrill_scenarios::offline::table::Table;

use crate::Outcome;
use crate::failure::Failure;
use crate::judge::{rank, repeated, sequential};
use crate::output::Output;

/// Judge a canary's recorded data
///
/// The policy names one judge. A sequential judge reads counts: `timestamp,requests,errors`, any
/// number of `errors_*` and `slow_*` columns beside them, and optionally `host`; one row is one
/// interval that ends at its timestamp (seconds, or 2026-01-31T12:00:00Z). Its policy may name
/// signals instead: a `count` among the requests, `latency` (columns `le_*` with the requests up to
/// each bound, or samples) and the `mean` of a metric with bounds. A rank judge compares
/// every column but `timestamp`; a repeated judge looks at one column of the canary. Exit code 0:
/// the verdict is pass, or inconclusive (keep watching); 1: it is fail, or there is no data to go
/// by; 2: bad arguments or files.
///
/// Example policy:
///
///     sequential: {false-alarms: 0.1 %, smallest-effect: 1.5, bake: 10m}
///
/// With signals of its own:
///
///     sequential:
///       signals:
///         - count: {column: orders, worse: lower, smallest-effect: 1.2}
///         - latency: {quantile: 99 %}
///         - mean: {column: cpu, high: 100, effect: 10}
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct JudgeCommand {
    /// The policy: a YAML file with one of `sequential`, `rank` and `repeated`
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The canary's data
    #[arg(long, value_name = "CSV")]
    canary: PathBuf,
    /// The control's data; not needed against a usual rate or fixed limits
    #[arg(long, value_name = "CSV")]
    control: Option<PathBuf>,
}

pub(crate) fn judge(command: &JudgeCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let judge = load_policy(&command.policy)?;
    let canary = Table::load(&command.canary)?;
    let control = match &command.control {
        Some(path) => Some(Table::load(path)?),
        None => None,
    };
    let needed = || control.as_ref().ok_or(Failure::NoControl);
    let verdict = match &judge {
        OfflineJudge::Sequential(plan) => {
            let control = match plan.policy.baseline {
                firedrill_core::health::sequential::Baseline::Known(_) => &canary,
                firedrill_core::health::sequential::Baseline::Control => needed()?,
            };
            sequential::judge(plan, &canary, control, output)?
        }
        OfflineJudge::Rank(plan) => rank::judge(plan, &canary, needed()?, output)?,
        OfflineJudge::Repeated(plan) => repeated::judge(plan, &canary, output)?,
    };
    Ok(match verdict {
        // Nothing may go on for want of data.
        Verdict::Fail | Verdict::NoData(_) => Outcome::Failed,
        Verdict::Pass | Verdict::Inconclusive => Outcome::Passed,
    })
}
