//! `firedrill lint`.

use std::path::PathBuf;

use clap::Args;
use firedrill_core::{Micros, Ppm};
use firedrill_scenarios::lint::{Finding, Severity, Surroundings, lint_file};
use firedrill_scenarios::scalar::{Duration, Kind, Percent, Rate};
use firedrill_sim::words::counted;
use serde::Serialize;

use crate::Outcome;
use crate::args::Format;
use crate::failure::{Failure, render_problem};
use crate::output::Output;

/// Tell what a policy cannot do
///
/// Reads rollout plans (files with `stages`), scenarios (the plans that their changes follow, in
/// the light of their telemetry) and policies of `firedrill judge`, and tells what can never pass,
/// never fail, never end or never get data, which values lie outside their range, which limits are
/// swapped, and what the sample is too small to show.
///
/// Two things a file does not say, and what depends on them is told only when they are given:
/// `--traffic` (effects that the requests of a bake cannot show) and `--query-window` (measurements
/// that look back over each other). Exit code 0: no errors; 1: errors; 2: bad arguments or files.
///
/// Example: firedrill lint policy.yaml --traffic 50/s --query-window 1m
#[derive(Args, Debug)]
pub(crate) struct LintCommand {
    /// Policy files and scenario files
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<PathBuf>,
    /// The time between two measurements
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = read::<Duration>)]
    scrape_every: Micros,
    /// How long a measurement takes to arrive
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = read::<Duration>)]
    ingestion: Micros,
    /// How far back the query of a repeated judge looks
    #[arg(long, value_name = "DURATION", value_parser = read::<Duration>)]
    query_window: Option<Micros>,
    /// Requests a second of the candidate, such as `50/s`
    #[arg(long, value_name = "RATE", value_parser = read::<Rate>)]
    traffic: Option<f64>,
    /// The usual error ratio, where a policy does not say
    #[arg(long, value_name = "PERCENT", default_value = "0.1 %", value_parser = read::<Percent>)]
    usual: Ppm,
}

fn read<K: Kind>(text: &str) -> Result<K::Value, String> {
    K::parse(text).map_err(|_| format!("expected {}", K::EXPECTED))
}

#[derive(Serialize)]
struct Printed<'a> {
    schema: u32,
    errors: usize,
    warnings: usize,
    findings: Vec<PrintedFinding<'a>>,
}

#[derive(Serialize)]
struct PrintedFinding<'a> {
    severity: &'static str,
    code: &'a str,
    file: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    message: &'a str,
    help: Option<&'a str>,
}

pub(crate) fn lint(command: &LintCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let around = Surroundings {
        scrape_every: command.scrape_every,
        ingestion: command.ingestion,
        query_window: command.query_window,
        traffic: command.traffic,
        usual: command.usual.as_f64(),
        sources: None,
    };
    let mut findings = Vec::new();
    for path in &command.policies {
        findings.extend(lint_file(path, &around)?);
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let errors = errors.count();
    let warnings = findings.len() - errors;
    match output.format() {
        Format::Json => output.json(&Printed {
            schema: 1,
            errors,
            warnings,
            findings: findings.iter().map(printed).collect(),
        })?,
        Format::Human => {
            let color = output.color();
            for finding in &findings {
                let text = render_problem(&finding.problem, color);
                output.text(&format!("{}: {text}", word(finding.severity)))?;
            }
            let (errors, warnings) = (errors as u64, warnings as u64);
            let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
            output.line(format_args!("{errors}, {warnings}"))?;
        }
    }
    Ok(if errors > 0 {
        Outcome::Failed
    } else {
        Outcome::Passed
    })
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn printed(finding: &Finding) -> PrintedFinding<'_> {
    let problem = &finding.problem;
    PrintedFinding {
        severity: word(finding.severity),
        code: problem.code,
        file: &problem.source.name,
        line: problem.place.map(|place| place.line),
        column: problem.place.map(|place| place.column),
        message: &problem.message,
        help: problem.help.as_deref(),
    }
}
