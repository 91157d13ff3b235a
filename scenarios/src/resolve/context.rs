//! What all parts of resolving share: reading scalars, finding names, collecting problems.

use crate::faults::{Fault, Teller};
use crate::place::Place;
use crate::problem::{Problem, Source, closest, enumerate};
use crate::scalar::{Kind, Name, Reject, Scalar};

use crate::yaml::SEE_SCHEMA;

use super::Section;

/// Names of one kind, in the order of their ids.
pub(super) struct Names {
    /// What they name: `service`, `region` …
    pub(super) kind: &'static str,
    /// Each name, the file it is defined in, and where.
    defined: Vec<(String, usize, Place)>,
}

impl Names {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.defined.iter().map(|(name, _, _)| name.as_str())
    }
}

pub(super) struct Context {
    sources: Vec<Source>,
    current: usize,
    problems: Vec<Problem>,
}

impl Context {
    pub(super) fn new(source: &Source) -> Self {
        Self {
            sources: vec![source.clone()],
            current: 0,
            problems: Vec::new(),
        }
    }

    /// The problems, in the order of the scenario's file, each once.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for problem in self.problems {
            if !problems.iter().any(|known| known.is_same(&problem)) {
                problems.push(problem);
            }
        }
        let own = &self.sources[0].name;
        problems.sort_by_key(|problem| (problem.source.name != *own, problem.place));
        problems
    }

    /// The index of a file, which may be known already.
    pub(super) fn add_source(&mut self, source: Source) -> usize {
        let known = self
            .sources
            .iter()
            .position(|known| known.name == source.name);
        known.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        })
    }

    pub(super) fn file_name(&self, source: usize) -> &str {
        &self.sources[source].name
    }

    /// Resolves a section in the light of the file it stands in.
    pub(super) fn within<T, R>(
        &mut self,
        section: &Section<'_, T>,
        resolve: impl FnOnce(&mut Self, &T) -> R,
    ) -> R {
        let outer = std::mem::replace(&mut self.current, section.source);
        let result = resolve(self, section.value);
        self.current = outer;
        result
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Reports a problem at a place of the current file, and lets the caller say more.
    pub(super) fn report(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        more: impl FnOnce(Problem) -> Problem,
    ) {
        let problem = Problem::new(code, &self.sources[self.current], message).at(place);
        self.problems.push(more(problem));
    }

    /// Reports what a policy may not ask for.
    pub(super) fn faults(&mut self, faults: &[Fault]) {
        let source = &self.sources[self.current];
        let told = |fault: &Fault| fault.problem(Teller::Scenario, source);
        self.problems.extend(faults.iter().map(told));
    }

    /// The meaning of a scalar; its kind's placeholder when it has none.
    pub(super) fn read<K: Kind>(&mut self, scalar: &Scalar<K>, what: &str) -> K::Value {
        let text = &scalar.text;
        let expected = format!("expected {}", K::EXPECTED);
        match K::parse(text) {
            Ok(value) => return value,
            Err(Reject::NotOne) => self.report(
                "scenario::wrong-type",
                scalar.place,
                format!("{what} is `{text}`, not {}", article(K::EXPECTED)),
                |problem| problem.label(expected).help(SEE_SCHEMA),
            ),
            Err(Reject::OutOfRange(why)) => self.report(
                "scenario::out-of-range",
                scalar.place,
                format!("{what} is `{text}`: {why}"),
                |problem| problem.label(expected).help(SEE_SCHEMA),
            ),
        }
        K::PLACEHOLDER
    }

    /// Reports a value outside a range that depends on its use.
    pub(super) fn out_of_range<K>(&mut self, scalar: &Scalar<K>, what: &str, allowed: &str) {
        let message = format!("{what} is `{}`; allowed is {allowed}", scalar.text);
        self.report("scenario::out-of-range", scalar.place, message, |problem| {
            problem
                .label(format!("expected {allowed}"))
                .help(SEE_SCHEMA)
        });
    }

    /// Collects the names that a list defines; each must be there once.
    pub(super) fn define<'a>(
        &mut self,
        kind: &'static str,
        names: impl Iterator<Item = &'a Scalar<Name>>,
    ) -> Names {
        let mut defined: Vec<(String, usize, Place)> = Vec::new();
        for scalar in names {
            let name = self.read(scalar, &format!("the name of a {kind}"));
            let first = defined
                .iter()
                .find(|(known, _, _)| *known == name && !name.is_empty());
            if let Some((_, _, first)) = first {
                let help = format!(
                    "the first one is on line {}; rename one of them",
                    first.line
                );
                self.report(
                    "scenario::duplicate-name",
                    scalar.place,
                    format!("two {kind}s are called `{name}`"),
                    |problem| problem.label("used before").help(help),
                );
            }
            defined.push((name, self.current, scalar.place));
        }
        Names { kind, defined }
    }

    /// The index of a name; the first one when it is not there.
    pub(super) fn find(&mut self, names: &Names, scalar: &Scalar<Name>, what: &str) -> usize {
        let found = names.iter().position(|name| name == scalar.text);
        if found.is_none() && !names.defined.is_empty() {
            let known = names.defined.clone();
            let place = |name: &str| {
                let (_, source, place) = known.iter().find(|(known, _, _)| known == name)?;
                Some((*source, *place))
            };
            let candidate = closest(&scalar.text, names.iter()).map(str::to_owned);
            let help = match candidate
                .as_deref()
                .and_then(|name| place(name).map(|at| (name, at)))
            {
                Some((name, (source, place))) => {
                    let file = if source == self.current {
                        String::new()
                    } else {
                        format!(" of {}", self.sources[source].name)
                    };
                    format!(
                        "did you mean `{name}`, defined on line {}{file}?",
                        place.line
                    )
                }
                None => format!("defined are {}", enumerate(names.iter())),
            };
            self.report_unknown(names.kind, what, scalar, "in this scenario", help);
        }
        found.unwrap_or(0)
    }

    /// Reports a name that is none of `known`.
    pub(super) fn unknown<'a>(
        &mut self,
        kind: &'static str,
        what: &str,
        scalar: &Scalar<Name>,
        known: impl Iterator<Item = &'a str> + Clone,
        owner: &str,
    ) {
        let help = match closest(&scalar.text, known.clone()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are {}", enumerate(known)),
        };
        self.report_unknown(kind, what, scalar, owner, help);
    }

    fn report_unknown(
        &mut self,
        kind: &'static str,
        what: &str,
        scalar: &Scalar<Name>,
        owner: &str,
        help: String,
    ) {
        let code = match kind {
            "service" => "scenario::unknown-service",
            "region" => "scenario::unknown-region",
            "class" => "scenario::unknown-class",
            "config" => "scenario::unknown-config",
            "objective" => "scenario::unknown-objective",
            "symptom" => "scenario::unknown-symptom",
            "stage" => "scenario::unknown-stage",
            "plan" => "scenario::unknown-plan",
            "mix" => "scenario::unknown-mix",
            "world" => "scenario::unknown-world",
            "SLO" => "scenario::unknown-slo",
            "play" => "scenario::unknown-play",
            "person" => "scenario::unknown-person",
            other => unreachable!("no code for an unknown {other}"),
        };
        let message = format!(
            "{what} names {kind} `{}`, which is not defined {owner}",
            scalar.text
        );
        self.report(code, scalar.place, message, |problem| {
            problem.label(format!("no such {kind}")).help(help)
        });
    }

    /// Reports sections that neither the file nor a preset has.
    pub(super) fn missing_sections(&mut self, keys: &[&str]) {
        let worlds = enumerate(crate::catalogue::worlds().map(|world| world.name));
        let keys = enumerate(keys.iter().copied());
        let start = Place {
            line: 1,
            column: 1,
            offset: 0,
            length: 0,
        };
        let message = format!("the scenario lacks {keys}, and names no world to take them from");
        self.report("scenario::missing-section", start, message, |problem| {
            problem.help(format!(
                "add `world: {{preset: NAME}}` with one of {worlds}, or the sections"
            ))
        });
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

fn article(expected: &str) -> &str {
    expected
        .split_once(", such as")
        .or_else(|| expected.split_once(" such as"))
        .or_else(|| expected.split_once(':'))
        .map_or(expected, |(kind, _)| kind)
}
