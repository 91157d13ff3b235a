//! The plans that a scenario's changes may follow: its own, those in files beside it, and those of
//! the catalogue that it names.

use std::io;

use crate::catalogue;
use crate::file::{PlanFile, ScenarioFile};
use crate::problem::{Problem, Source};
use crate::yaml;

/// A plan and the file it stands in.
#[derive(Clone, Debug)]
pub(crate) struct PlanSource {
    /// The file.
    pub(crate) source: Source,
    /// The plan.
    pub(crate) plan: PlanFile,
}

/// Reads a file beside a scenario, by the name that the scenario gives: its name for people, and
/// its text.
pub(crate) type Beside<'a> = &'a dyn Fn(&str) -> (String, io::Result<String>);

/// Nothing stands beside a scenario that is no file.
pub(crate) fn nothing_beside(name: &str) -> (String, io::Result<String>) {
    let why = "the scenario itself is read from no file";
    (
        name.into(),
        Err(io::Error::new(io::ErrorKind::NotFound, why)),
    )
}

/// Collects the plans, and what is wrong with files that cannot be read. Of two plans of one name
/// the scenario's own comes first, then those beside it.
pub(crate) fn collect(
    source: &Source,
    file: &ScenarioFile,
    beside: Beside<'_>,
) -> (Vec<PlanSource>, Vec<Problem>) {
    let own = file.plans.iter().map(|plan| PlanSource {
        source: source.clone(),
        plan: plan.clone(),
    });
    let mut plans: Vec<PlanSource> = own.collect();
    let mut problems = Vec::new();
    let mut take = |read: Result<PlanSource, Box<Problem>>| match read {
        Ok(plan) => plans.push(plan),
        Err(problem) => problems.push(*problem),
    };
    for path in &file.plan_files {
        let (name, text) = beside(&path.text);
        take(match text {
            Ok(text) => parse(Source::new(&name, &text)),
            Err(error) => {
                let message = format!("plan file `{}` cannot be read: {error}", path.text);
                let problem = Problem::new("scenario::unreadable", source, message);
                let problem = problem.at(path.place).label("this file");
                Err(Box::new(problem.help(
                    "name a file from the folder of this one, with one plan in it",
                )))
            }
        });
    }
    let mut named: Vec<&str> = Vec::new();
    for change in &file.changes {
        let name = &*change.plan.text;
        if let Some(entry) = catalogue::policy(name).filter(|_| !named.contains(&name)) {
            named.push(name);
            take(parse(Source::new(&entry.file_name(), entry.source)));
        }
    }
    (plans, problems)
}

fn parse(source: Source) -> Result<PlanSource, Box<Problem>> {
    let plan = yaml::read(&source)?;
    Ok(PlanSource { source, plan })
}
