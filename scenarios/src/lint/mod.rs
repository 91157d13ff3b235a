//! What is wrong with a policy that can be read: it cannot pass, cannot fail, never ends, or
//! cannot see what it is asked to see.
//!
//! [`lint_text`] takes a rollout policy (a file with `stages`) or a policy of `firedrill judge`.
//! Invariant: every finding has a place and a next step; no finding needs a fleet.

mod judges;
mod objectives;
mod plan;
mod seen;
mod stage;

use std::collections::BTreeMap;
use std::path::Path;

use firedrill_core::Micros;
use serde::de::IgnoredAny;

use crate::faults::{self, Fault, Known, Teller};
use crate::file::{PlanFile, ScenarioFile};
use crate::load::{LoadErrors, beside, load_beside};
use crate::offline::policy::{JUDGES, read_policy, understand};
use crate::place::Place;
use crate::plans::{Beside, PlanSource, nothing_beside};
use crate::problem::{Problem, Source};
use crate::scalar::{Kind, Scalar};
use crate::yaml;

pub use crate::faults::Sources;

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
    /// What there is to see beside what instances tell of themselves; unknown when absent.
    pub sources: Option<Sources>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            scrape_every: Micros::from_secs(30),
            ingestion: Micros::from_secs(10),
            query_window: None,
            traffic: None,
            usual: 0.001,
            sources: None,
        }
    }
}

impl Surroundings {
    /// The age that the newest measurement reaches although nothing is wrong.
    fn age(&self) -> Micros {
        self.scrape_every + self.ingestion
    }

    const fn known(&self) -> Known {
        Known {
            scrape_every: self.scrape_every,
            sources: self.sources,
        }
    }
}

/// Lints a policy file, or the plans that a scenario follows.
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
    let source = Source::new(&name, &text);
    if is_scenario(&source) {
        return lint_scenario(&source, around, &beside(path));
    }
    lint_text(&name, &text, around)
}

/// Only a scenario has changes.
fn is_scenario(source: &Source) -> bool {
    let keys = yaml::read::<BTreeMap<String, IgnoredAny>>(source);
    keys.is_ok_and(|keys| keys.contains_key("changes"))
}

/// Lints a scenario's objectives and the plans that its changes follow, in the light of its
/// telemetry.
fn lint_scenario(
    source: &Source,
    around: &Surroundings,
    beside: Beside<'_>,
) -> Result<Vec<Finding>, LoadErrors> {
    let (loaded, plans) = load_beside(&source.name, source.text.inner(), beside)?;
    let telemetry = &loaded.scenario.telemetry;
    let around = Surroundings {
        scrape_every: telemetry.scrape_every,
        ingestion: telemetry.ingestion.median,
        sources: None, // the loader has seen to it
        ..*around
    };
    let mut report = Report::new(source);
    let file: ScenarioFile = yaml::read(source)?;
    objectives::lint(&mut report, &file, &loaded.scenario);
    let mut findings = report.finish()?;
    for PlanSource { source, plan } in &plans {
        let mut report = Report::new(source);
        plan::lint(&mut report, plan, &around);
        let changes = loaded.scenario.changes.iter();
        let following = changes.filter(|change| {
            let config = &loaded.scenario.configs[change.config.index()];
            config.plans[change.plan.index()].name == plan.name.text
        });
        if let Some(first) = following.map(|change| change.at).min() {
            short_past(&mut report, plan, first);
        }
        findings.extend(report.finish()?);
    }
    Ok(findings)
}

/// A change early in the run leaves its judges less to look back on than they ask for.
fn short_past(report: &mut Report<'_>, plan: &PlanFile, at: Micros) {
    let what = format!(
        "a change is proposed {} into the run: there may be less",
        firedrill_sim::expect::length(at)
    );
    for stage in &plan.stages.value {
        if let Some(fault) = faults::looks_too_far_back(stage, at, &what) {
            let problem = fault.problem(Teller::Lint, report.source);
            report.tell(Severity::Warning, problem);
        }
    }
}

/// Lints the text of a policy, or of a scenario beside which there are no files.
///
/// # Errors
/// When it is none.
pub fn lint_text(
    name: &str,
    text: &str,
    around: &Surroundings,
) -> Result<Vec<Finding>, LoadErrors> {
    let source = Source::new(name, text);
    if is_scenario(&source) {
        return lint_scenario(&source, around, &nothing_beside);
    }
    let mut report = Report::new(&source);
    let keys = yaml::read::<BTreeMap<String, IgnoredAny>>(&source).unwrap_or_default();
    let is_plan = keys.keys().any(|key| PLAN_KEYS.contains(&key.as_str()));
    // A judge's name alone, or one below which something cannot be read.
    let is_judge = |key: &String| JUDGES.contains(&key.as_str());
    if keys.keys().any(is_judge) || JUDGES.contains(&first_word(text)) {
        let file = read_policy(&source)?;
        report.unread = understand(&source, &file).1;
        // Figures of what cannot be asked for say nothing.
        if !report.faults(&faults::of_policy(&file)) {
            judges::lint(&mut report, &file, around);
        }
    } else if is_plan || !is_mapping(&source) {
        let file: PlanFile =
            yaml::read(&source).map_err(|problem| yaml::with_schema(problem, "plan"))?;
        plan::lint(&mut report, &file, around);
    } else {
        let message = "this is no policy: neither a rollout plan, nor a judge's policy, nor a \
                       scenario";
        let problem = Problem::new("lint::no-policy", &source, message).at(report.top());
        return Err(problem
            .help("begin a plan with `stages`, a judge's policy with `sequential`, `rank` or `repeated`")
            .into());
    }
    report.finish()
}

/// The first key of a file that may be anything.
fn first_word(text: &str) -> &str {
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with(['#', '-']));
    let key = first.and_then(|line| line.split(':').next());
    key.unwrap_or("").trim()
}

/// Keys of which a rollout plan has some, and nothing else.
const PLAN_KEYS: [&str; 7] = [
    "stages",
    "settled",
    "push-deadline",
    "check-every",
    "hold-max",
    "on-alert",
    "name",
];

/// Whether a file that may be anything holds keys and values.
fn is_mapping(source: &Source) -> bool {
    yaml::read::<BTreeMap<String, IgnoredAny>>(source).is_ok()
}

struct Report<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
    unread: Vec<Problem>,
}

impl<'a> Report<'a> {
    const fn new(source: &'a Source) -> Self {
        Self {
            source,
            findings: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// The findings, unless there is something that could not be read.
    fn finish(self) -> Result<Vec<Finding>, LoadErrors> {
        if self.unread.is_empty() {
            Ok(self.findings)
        } else {
            let problems = self.unread;
            Err(LoadErrors { problems })
        }
    }

    /// The value of a scalar; what is none is told once.
    fn read<K: Kind>(&mut self, scalar: &Scalar<K>) -> K::Value {
        K::parse(&scalar.text).unwrap_or_else(|_| {
            let message = format!("`{}` is not {}", scalar.text, K::EXPECTED);
            let problem = Problem::new("lint::value", self.source, message).at(scalar.place);
            let problem = problem.help(format!("write {}", K::EXPECTED));
            // Another reader may have said it in its own words.
            if !self.unread.iter().any(|known| known.place == problem.place) {
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

    /// Tells what a policy may not ask for; whether there is any.
    fn faults(&mut self, faults: &[Fault]) -> bool {
        for fault in faults {
            self.tell(Severity::Error, fault.problem(Teller::Lint, self.source));
        }
        !faults.is_empty()
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
        self.tell(severity, problem);
    }

    fn tell(&mut self, severity: Severity, problem: Problem) {
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
