//! `firedrill list`.

use clap::Args;
use firedrill_scenarios::{catalogue, load_embedded};
use serde::Serialize;

use crate::Outcome;
use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;

/// List the scenarios that come with the tool
#[derive(Args, Debug)]
pub(crate) struct ListCommand {}

#[derive(Serialize)]
struct Listing {
    schema: u32,
    scenarios: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    title: String,
    summary: String,
}

pub(crate) fn list(_: &ListCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let mut scenarios = Vec::new();
    for entry in catalogue() {
        let scenario = load_embedded(entry.name)?.scenario;
        scenarios.push(Listed {
            name: scenario.name,
            title: scenario.title,
            summary: scenario.summary,
        });
    }
    match output.format() {
        Format::Json => output.json(&Listing {
            schema: 1,
            scenarios,
        })?,
        Format::Human => {
            let width = scenarios.iter().map(|listed| listed.name.len()).max();
            let width = width.unwrap_or(0);
            for listed in scenarios {
                output.line(format_args!("{:width$}  {}", listed.name, listed.title))?;
            }
        }
    }
    Ok(Outcome::Passed)
}
