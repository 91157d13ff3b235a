//! The `firedrill` command.
//!
//! [`args`] (what was asked for) → [`commands`] (one file each) → [`output`] (stdout, for data)
//! and [`failure`] (stderr, for what went wrong). [`Outcome`] is the only way to an exit code:
//! 0 yes, 1 the runs worked and the answer is no, 2 bad arguments or files.

mod anomaly;
mod args;
mod commands;
mod failure;
mod files;
mod judge;
mod output;
mod power;
mod progress;
mod run;
mod units;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::output::Output;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It worked, and the answer is yes.
    Passed,
    /// It worked, and the answer is no.
    Failed,
    /// Bad arguments or files.
    BadInput,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Passed => 0,
            Outcome::Failed => 1,
            Outcome::BadInput => 2,
        })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(&arguments.global);
    start_tracing(arguments.global.verbose);
    let result = match &arguments.command {
        Command::Run(command) => commands::run::run(command, &arguments.global, &mut output),
        Command::List(command) => commands::list::list(command, &mut output),
        Command::Explain(command) => commands::explain::explain(command, &mut output),
        Command::Judge(command) => commands::judge::judge(command, &mut output),
        Command::Power(command) => commands::power::power(command, &mut output),
        Command::Anomaly(command) => commands::anomaly::anomaly(command, &mut output),
        Command::Lint(command) => commands::lint::lint(command, &mut output),
        Command::Schema(command) => commands::schema::schema(command, &mut output),
    };
    let result = result.and_then(|outcome| {
        output.flush()?;
        Ok(outcome)
    });
    match result {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            failure.print(output.color_errors());
            Outcome::BadInput.into()
        }
    }
}

fn start_tracing(verbose: u8) {
    use tracing::level_filters::LevelFilter;
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
