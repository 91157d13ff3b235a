//! `firedrill explain`.

use std::path::PathBuf;

use clap::Args;
use firedrill_scenarios::load_paths;
use serde::Serialize;

use crate::Outcome;
use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;

/// Tell what will happen in a scenario, in plain words
#[derive(Args, Debug)]
pub(crate) struct ExplainCommand {
    /// Scenario files, directories of them, or names of the catalogue
    #[arg(required = true, value_name = "SCENARIO|PATH")]
    paths: Vec<PathBuf>,
    /// Tell which defect this seed draws, where a change has a mix of them
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

#[derive(Serialize)]
struct Explanations {
    schema: u32,
    scenarios: Vec<Explanation>,
}

#[derive(Serialize)]
struct Explanation {
    name: String,
    text: String,
}

pub(crate) fn explain(command: &ExplainCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let loaded = load_paths(&command.paths)?;
    let scenarios: Vec<Explanation> = loaded
        .iter()
        .map(|one| Explanation {
            name: one.scenario.name.clone(),
            text: command.seed.map_or_else(
                || firedrill_scenarios::explain(one),
                |seed| firedrill_scenarios::explain_seed(one, seed),
            ),
        })
        .collect();
    match output.format() {
        Format::Json => output.json(&Explanations {
            schema: 1,
            scenarios,
        })?,
        Format::Human => {
            for (index, explanation) in scenarios.iter().enumerate() {
                if index > 0 {
                    output.line("")?;
                }
                output.text(&explanation.text)?;
            }
        }
    }
    Ok(Outcome::Passed)
}
