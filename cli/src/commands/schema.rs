//! `firedrill schema`.

use clap::{Args, ValueEnum};

use crate::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::run::json;

/// Print the JSON Schema of a file that the tool reads or writes
#[derive(Args, Debug)]
pub(crate) struct SchemaCommand {
    /// Which file
    #[arg(value_enum, default_value_t = Kind::Scenario)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A scenario file
    Scenario,
    /// A rollout plan, in a file beside a scenario
    Plan,
    /// A policy file of `judge`
    Policy,
    /// The JSON post-mortem of a run
    Postmortem,
    /// What `run --format json` prints
    Summary,
}

pub(crate) fn schema(command: &SchemaCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command.kind {
        Kind::Scenario => output.text(&firedrill_scenarios::scenario_schema())?,
        Kind::Plan => output.text(&firedrill_scenarios::plan_schema())?,
        Kind::Policy => output.text(&firedrill_scenarios::policy_schema())?,
        Kind::Postmortem => output.json(&firedrill_reports::postmortem::schema())?,
        Kind::Summary => output.json(&json::schema())?,
    }
    Ok(Outcome::Passed)
}
