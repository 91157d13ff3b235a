//! What went wrong, for stderr. Every failure ends in exit code 2; a reader of stdout that goes
//! away is none.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use firedrill_core::health::anomaly::AnomalyPolicyError;
use firedrill_core::health::rank::score::ScoreError;
use firedrill_core::health::sequential::{PolicyError, SampleError};
use firedrill_reports::ReportError;
use firedrill_scenarios::{LoadErrors, Problem};
use firedrill_sim::campaign::CampaignError;
use firedrill_sim::words::counted;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Files are wrong.
    #[error("{0}")]
    Load(LoadErrors),
    /// The files of scenarios that were to be run are wrong.
    #[error("{0}")]
    NotRun(LoadErrors),
    /// Stdout cannot be written.
    #[error("cannot write to stdout")]
    Print(#[source] io::Error),
    /// The folder for reports cannot be made.
    #[error("cannot write reports to {}", path.display())]
    OutputFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A draw to tamper with that is never made.
    #[error("`{scenario}` has {steps} steps, so step {step} of --verify-tamper never comes")]
    TamperNeverComes {
        /// The scenario.
        scenario: String,
        /// The step asked for.
        step: u64,
        /// Steps of the scenario, from 0.
        steps: u64,
    },
    /// A draw to tamper with that nothing depends on.
    #[error(
        "`{scenario}` draws nothing that matters from `{stream}` in step {step}: \
         --verify-tamper changed no run, and showed nothing"
    )]
    TamperChangesNothing {
        /// The scenario.
        scenario: String,
        /// The stream asked for.
        stream: String,
        /// The step asked for.
        step: u64,
    },
    /// A judge that compares with nothing.
    #[error("this policy compares with a control, and none is given")]
    NoControl,
    /// A policy that asks for nonsense.
    #[error("the policy cannot be followed")]
    Policy(#[source] PolicyError),
    /// Data that the judge refuses.
    #[error("the data cannot be judged")]
    Sample(#[source] SampleError),
    /// A detector that cannot be.
    #[error("the series cannot be scored")]
    Anomaly(#[source] AnomalyPolicyError),
    /// A run that cannot be scored.
    #[error("the run cannot be scored")]
    Score(#[source] ScoreError),
    /// Arguments that do not go together.
    #[error("{0}")]
    Arguments(String),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A report cannot be written.
    #[error("cannot write the reports")]
    Reports(#[from] ReportError),
    /// No threads.
    #[error("cannot run the campaign")]
    Campaign(#[from] CampaignError),
    /// No threads.
    #[error("cannot start {jobs} worker threads")]
    Threads {
        /// How many were asked for.
        jobs: usize,
        /// Why.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
}

impl From<LoadErrors> for Failure {
    fn from(errors: LoadErrors) -> Self {
        Self::Load(errors)
    }
}

impl Failure {
    /// Prints it to stderr. That stderr is gone cannot be told to anybody.
    pub(crate) fn print(&self, color: bool) {
        let text = match self {
            Self::Load(errors) => render_problems(&errors.problems, "", color),
            Self::NotRun(errors) => render_problems(&errors.problems, "; nothing was run", color),
            Self::Print(_)
            | Self::NoControl
            | Self::Policy(_)
            | Self::Sample(_)
            | Self::Score(_)
            | Self::Anomaly(_)
            | Self::Arguments(_)
            | Self::Write { .. }
            | Self::OutputFolder { .. }
            | Self::TamperNeverComes { .. }
            | Self::TamperChangesNothing { .. }
            | Self::Reports(_)
            | Self::Campaign(_)
            | Self::Threads { .. } => self.with_causes(),
        };
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    fn with_causes(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text.push('\n');
        if let Self::OutputFolder { .. } | Self::Reports(_) = self {
            text.push_str("\nhint: name a folder that can be written with `--out DIR`\n");
        }
        if let Self::TamperChangesNothing { .. } = self {
            text.push_str("\nhint: name a stream that the scenario uses, such as arrivals@120\n");
        }
        if let Self::Write { .. } = self {
            text.push_str("\nhint: name a file in a folder that is there and may be written to\n");
        }
        if let Self::NoControl = self {
            text.push_str("\nhint: name the control's data with `--control CSV`\n");
        }
        text
    }

    /// One thing that is wrong with a file.
    pub(crate) fn problem(problem: Box<Problem>) -> Self {
        Self::Load(problem.into())
    }
}

/// Each problem: a line that stands alone, the marked place, the next step.
fn render_problems(problems: &[Problem], so: &str, color: bool) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&render_problem(problem, color));
    }
    let _ = writeln!(text, "{}{so}", counted(problems.len() as u64, "problem"));
    text
}

/// A line that stands alone, the marked place, the next step, and an empty line.
pub(crate) fn render_problem(problem: &Problem, color: bool) -> String {
    let place = render_place(problem, color);
    let help = problem.help.as_ref();
    let help = help.map_or(String::new(), |help| format!("  help: {help}\n"));
    format!("{problem}\n{place}{help}\n")
}

/// The marked place, without the header that miette would print above it.
fn render_place(problem: &Problem, color: bool) -> String {
    if problem.place.is_none() {
        return String::new();
    }
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_links(false);
    let mut text = String::new();
    let rendered = handler.render_report(&mut text, &Place(problem));
    let lines = text.lines().skip_while(|line| !line.contains('╭'));
    match rendered {
        Ok(()) => lines.map(|line| format!("{line}\n")).collect(),
        // The first line has said where it is.
        Err(_) => String::new(),
    }
}

/// The width of rendered places: fixed, so that output does not depend on the terminal.
const WIDTH: usize = 100;

/// A problem's place alone.
#[derive(Debug)]
struct Place<'a>(&'a Problem);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for Place<'_> {}

impl Diagnostic for Place<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}
