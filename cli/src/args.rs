//! The command line.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::anomaly::AnomalyCommand;
use crate::commands::explain::ExplainCommand;
use crate::commands::judge::JudgeCommand;
use crate::commands::lint::LintCommand;
use crate::commands::list::ListCommand;
use crate::commands::power::PowerCommand;
use crate::commands::run::RunCommand;
use crate::commands::schema::SchemaCommand;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default());

/// The rehearsal room for configuration outages
///
/// Rolls bad (and good) configs out to a simulated fleet, measures how fast they are detected
/// and taken back, and writes post-mortems. Exit code 0: every expectation is met; 1: some are
/// not, or two runs of a seed differ; 2: bad arguments or files.
#[derive(Debug, Parser)]
#[command(name = "firedrill", version, styles = STYLES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Print for people or for programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Use colour
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// Show no progress
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Tell on stderr what is being done; twice or three times for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and words.
    Human,
    /// One JSON document with a schema number.
    Json,
}

/// When colour is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On terminals, unless `NO_COLOR` is set or `TERM` is `dumb`.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunCommand),
    List(ListCommand),
    Explain(ExplainCommand),
    Judge(JudgeCommand),
    Power(PowerCommand),
    Anomaly(AnomalyCommand),
    Lint(LintCommand),
    Schema(SchemaCommand),
}
