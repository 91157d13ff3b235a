//! `firedrill power`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::Outcome;
use crate::args::Format;
use crate::failure::Failure;
use crate::files::Draft;
use crate::output::Output;
use crate::power::setting::Setting;
use crate::power::{csv, human, measure, svg};

/// Tell how fast and how falsely judges alarm
///
/// Simulates canaries with addressed draws: how often a good one is stopped, how probably a bad one
/// is noticed within the bake, how long that takes, and how far it is from what no judge can beat.
///
/// With `--policy`, of a policy of `firedrill judge`, by effect and traffic: canaries with one
/// signal of errors, a row every `--look`, beside an equal control or the usual rate that the
/// policy knows. Without, of the judges: the worked example (0.1 % usual, 0.5 % bad, 1,000 requests
/// a second, one false alarm in 1,000 canaries of ten minutes) and delays by effect and traffic.
///
/// Examples:
///
///     firedrill power --policy policy.yaml --traffic 10,100 --effect 1.5,2,5 --svg power.svg
///     firedrill power --csv power.csv
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct PowerCommand {
    /// Measure this policy of `firedrill judge`
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The usual error ratio, in percent, from 0.0001 to 99; 0.1, or what the policy knows
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true,
        value_parser = between(0.0001, 99.0))]
    pub(crate) p0: Option<f64>,
    /// The error ratio of a bad canary in the worked example, in percent, above the usual one
    #[arg(long, default_value = "0.5", value_name = "PERCENT", allow_negative_numbers = true,
        value_parser = between(0.0001, 100.0))]
    pub(crate) p1: f64,
    /// The canary's requests a second, from 0.001 to 1000000; an equal control gets as many. A
    /// list is looked at by effect; the worked example takes the first
    #[arg(long, default_value = "1000", value_name = "N,...", value_delimiter = ',',
        allow_negative_numbers = true, value_parser = between(0.001, 1e6))]
    pub(crate) traffic: Vec<f64>,
    /// Effects that are looked at within the bake: multiples of the usual error ratio, above 1;
    /// those that come to more than 100 % are left out
    #[arg(long, default_value = "1.1,1.5,2,3,5,10", value_name = "N,...", value_delimiter = ',',
        allow_negative_numbers = true, value_parser = between(1.001, 1e6))]
    pub(crate) effect: Vec<f64>,
    /// Good canaries that may be stopped, in percent, from 0.0001 to 50; a policy says it itself
    #[arg(long, default_value = "0.1", value_name = "PERCENT", allow_negative_numbers = true,
        value_parser = between(0.0001, 50.0))]
    pub(crate) false_alarms: f64,
    /// How long a canary is watched, in seconds, from 1 to 2592000; 600, or what the policy says
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true,
        value_parser = between(1.0, 2_592_000.0))]
    pub(crate) bake: Option<f64>,
    /// How often a judge looks, in seconds, from 0.001 to the bake; 0.1, or 10 with a policy
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true,
        value_parser = between(0.001, 2_592_000.0))]
    pub(crate) look: Option<f64>,
    /// Hosts of each arm, from 1 to 10000, where a policy estimates how they differ; all alike
    #[arg(long, default_value_t = 20, value_name = "N", allow_negative_numbers = true,
        value_parser = count(1, 10_000))]
    pub(crate) hosts: u64,
    /// Bad canaries of the worked example, from 1 to 10000000
    #[arg(long, default_value_t = 20_000, value_name = "N", allow_negative_numbers = true,
        value_parser = count(1, RUNS_MAX))]
    pub(crate) runs: u64,
    /// Good canaries, from 1 to 10000000
    #[arg(long, default_value_t = 100_000, value_name = "N", allow_negative_numbers = true,
        value_parser = count(1, RUNS_MAX))]
    pub(crate) null_runs: u64,
    /// Bad canaries of each effect and traffic, up to 1000000; 0 for no tables by effect
    #[arg(long, default_value_t = 1_000, value_name = "N", allow_negative_numbers = true,
        value_parser = count(0, 1_000_000))]
    pub(crate) cell_runs: u64,
    /// Good canaries whose hosts differ and whose demand drifts, of each kind, up to 1000000; 0
    /// for none
    #[arg(long, default_value_t = 20_000, value_name = "N", allow_negative_numbers = true,
        value_parser = count(0, 1_000_000))]
    pub(crate) host_runs: u64,
    /// The seed of all draws, up to 10^18
    #[arg(long, default_value_t = 1, allow_negative_numbers = true,
        value_parser = count(0, 1_000_000_000_000_000_000))]
    pub(crate) seed: u64,
    /// Write the figures as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw what is noticed within the bake, and delays, by effect as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Canaries of a kind, at the most.
const RUNS_MAX: u64 = 10_000_000;

/// A number within a range, which its error names.
fn between(low: f64, high: f64) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync {
    move |text| match text.trim().parse::<f64>() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        Ok(_) | Err(_) => Err(format!("allowed is a number from {low} to {high}")),
    }
}

fn count(low: u64, high: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(low..=high)
}

pub(crate) fn power(command: &PowerCommand, output: &mut Output) -> Result<Outcome, Failure> {
    if command.svg.is_some() && command.cell_runs == 0 {
        let why = "--svg draws what --cell-runs measures, and --cell-runs is 0";
        return Err(Failure::Arguments(why.into()));
    }
    let setting = Setting::new(command)?;
    let csv = Draft::open_if(command.csv.as_deref())?;
    let svg = Draft::open_if(command.svg.as_deref())?;
    let figures = measure::measure(&setting)?;
    let mut drafts = Vec::new();
    for (draft, text) in [(csv, csv::text as fn(&_) -> _), (svg, svg::text)] {
        if let Some(mut draft) = draft {
            draft.write(&text(&figures))?;
            drafts.push(draft);
        }
    }
    // The table is printed whatever becomes of the files.
    match output.format() {
        Format::Json => output.json(&figures)?,
        Format::Human => output.text(&human::text(&setting, &figures))?,
    }
    Draft::keep(drafts)?;
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_range() {
        let percent = between(0.5, 2.0);
        assert_eq!(percent("1.5"), Ok(1.5));
        for wrong in ["0.4", "NaN", "inf", "-1", "much"] {
            assert_eq!(
                percent(wrong),
                Err("allowed is a number from 0.5 to 2".into())
            );
        }
    }
}
