//! What is wrong with a policy that can be read: it cannot pass, cannot fail, never ends, or
//! cannot see what it is asked to see.
//!
//! [`lint_text`] takes a rollout policy (a file with `stages`) or a policy of `firedrill judge`.
//! Invariant: every finding has a place and a next step; no finding needs a fleet.

mod judges;
mod plan;
mod seen;
mod stage;

use std::path::Path;

use firedrill_core::Micros;

use crate::file::PlanFile;
use crate::load::LoadErrors;
use crate::offline::policy::{PolicyFile, parse_policy};
use crate::place::Place;
use crate::problem::{Problem, Source};
use crate::scalar::{Kind, Scalar};
use crate::yaml;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may be meant.
    Warning,
    /// It cannot be meant.
    Error,
}

/// One thing a policy does not do.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What, where, and the next step.
    pub problem: Problem,
}

/// What surrounds a policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surroundings {
    /// The time between two measurements.
    pub scrape_every: Micros,
    /// How long a measurement takes to arrive.
    pub ingestion: Micros,
    /// How far back a query of a repeated judge looks; unknown when absent.
    pub query_window: Option<Micros>,
    /// Requests a second of the candidate; unknown when absent.
    pub traffic: Option<f64>,
    /// The usual error ratio, where a policy does not say.
    pub usual: f64,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            scrape_every: Micros::from_secs(30),
            ingestion: Micros::from_secs(10),
            query_window: None,
            traffic: None,
            usual: 0.001,
        }
    }
}

impl Surroundings {
    /// The age that the newest measurement reaches although nothing is wrong.
    fn age(&self) -> Micros {
        self.scrape_every + self.ingestion
    }
}

/// Lints a policy file.
///
/// # Errors
/// When it cannot be read.
pub fn lint_file(path: &Path, around: &Surroundings) -> Result<Vec<Finding>, LoadErrors> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot be read: {error}");
        Problem::new("lint::unreadable", &Source::new(&name, ""), message)
            .help("name a policy file")
    })?;
    lint_text(&name, &text, around)
}

/// Lints the text of a policy.
///
/// # Errors
/// When it is none.
pub fn lint_text(
    name: &str,
    text: &str,
    around: &Surroundings,
) -> Result<Vec<Finding>, LoadErrors> {
    let source = Source::new(name, text);
    let mut report = Report {
        source: &source,
        findings: Vec::new(),
        unread: Vec::new(),
    };
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with(['#', '-']));
    let key = first.and_then(|line| line.split(':').next()).unwrap_or("");
    if matches!(key.trim(), "sequential" | "rank" | "repeated") {
        parse_policy(name, text)?;
        let file: PolicyFile = yaml::read(&source)?;
        judges::lint(&mut report, &file, around);
    } else {
        let file: PlanFile = yaml::read(&source)?;
        plan::lint(&mut report, &file, around);
    }
    if report.unread.is_empty() {
        Ok(report.findings)
    } else {
        Err(LoadErrors {
            problems: report.unread,
        })
    }
}

struct Report<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
    unread: Vec<Problem>,
}

impl Report<'_> {
    /// The value of a scalar; what is none is told once.
    fn read<K: Kind>(&mut self, scalar: &Scalar<K>) -> K::Value {
        K::parse(&scalar.text).unwrap_or_else(|_| {
            let message = format!("`{}` is not {}", scalar.text, K::EXPECTED);
            let problem = Problem::new("lint::value", self.source, message).at(scalar.place);
            let problem = problem.help(format!("write {}", K::EXPECTED));
            if !self.unread.iter().any(|known| known.is_same(&problem)) {
                self.unread.push(problem);
            }
            K::PLACEHOLDER
        })
    }

    fn or<K: Kind>(&mut self, scalar: Option<&Scalar<K>>, usual: K::Value) -> K::Value {
        match scalar {
            Some(scalar) => self.read(scalar),
            None => usual,
        }
    }

    fn error(&mut self, code: &'static str, place: Place, message: String, help: &str) {
        self.add(Severity::Error, code, place, message, help);
    }

    fn warning(&mut self, code: &'static str, place: Place, message: String, help: &str) {
        self.add(Severity::Warning, code, place, message, help);
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: Place,
        message: String,
        help: &str,
    ) {
        let problem = Problem::new(code, self.source, message)
            .at(place)
            .help(help);
        // Stages that share a judge share its faults.
        let is_same = |known: &Finding| known.problem.is_same(&problem);
        if !self.findings.iter().any(is_same) {
            self.findings.push(Finding { severity, problem });
        }
    }

    /// Where a key of the file is written, or its first line.
    fn place<K>(&self, scalar: Option<&Scalar<K>>) -> Place {
        scalar.map_or_else(|| self.top(), |scalar| scalar.place)
    }

    /// The first line that is not a comment.
    fn top(&self) -> Place {
        let mut offset = 0;
        for (index, line) in self.source.text.inner().split_inclusive('\n').enumerate() {
            let text = line.trim_end();
            if !text.is_empty() && !text.starts_with('#') {
                return Place {
                    line: index as u32 + 1,
                    column: 1,
                    offset,
                    length: text.len(),
                };
            }
            offset += line.len();
        }
        Place::default()
    }
}
