//! What no policy may ask for: values outside their range, limits that mean nothing, data that can
//! never come.
//!
//! One set of rules for everybody who reads a policy: loading a scenario and `firedrill judge`
//! refuse what is found, `firedrill lint` tells it. Invariant: every fault has the place of the
//! value, what is allowed there and a next step. A scalar that is no value of its kind is told by
//! whoever reads it, and is no fault here.

mod offline;
mod stage;

use crate::place::Place;
use crate::problem::{Problem, Source};
use crate::scalar::{Kind, Scalar};

pub(crate) use offline::of_policy;
pub use stage::Sources;
pub(crate) use stage::{Known, looks_too_far_back, of_stage};

/// What kind of nonsense it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// A value outside its range.
    OutOfRange,
    /// Nothing could pass.
    NeverPasses,
    /// Nothing could fail.
    NeverFails,
    /// What is looked at never comes.
    NoData,
    /// There is nothing to compare with.
    NoControl,
    /// Two limits in the wrong order.
    Swapped,
}

/// Who tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Teller {
    /// The loader of scenarios.
    Scenario,
    /// The reader of policies of `firedrill judge`.
    Judge,
    /// `firedrill lint`.
    Lint,
}

/// One thing that a policy may not ask for.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    kind: FaultKind,
    place: Place,
    message: String,
    label: String,
    help: String,
}

impl Fault {
    /// What to tell a user.
    pub(crate) fn problem(&self, teller: Teller, source: &Source) -> Problem {
        Problem::new(code(teller, self.kind), source, &*self.message)
            .at(self.place)
            .label(&*self.label)
            .help(&*self.help)
    }
}

const fn code(teller: Teller, kind: FaultKind) -> &'static str {
    match (teller, kind) {
        (Teller::Scenario, FaultKind::OutOfRange) => "scenario::out-of-range",
        (Teller::Scenario, FaultKind::NeverPasses) => "scenario::never-passes",
        (Teller::Scenario, FaultKind::NeverFails) => "scenario::never-fails",
        (Teller::Scenario, FaultKind::NoData) => "scenario::no-data",
        (Teller::Scenario, FaultKind::NoControl) => "scenario::no-control",
        (Teller::Scenario, FaultKind::Swapped) => "scenario::swapped",
        (Teller::Judge, FaultKind::OutOfRange) => "judge::out-of-range",
        (Teller::Judge, FaultKind::NeverPasses) => "judge::never-passes",
        (Teller::Judge, FaultKind::NeverFails) => "judge::never-fails",
        (Teller::Judge, FaultKind::NoData) => "judge::no-data",
        (Teller::Judge, FaultKind::NoControl) => "judge::no-control",
        (Teller::Judge, FaultKind::Swapped) => "judge::swapped",
        (Teller::Lint, FaultKind::OutOfRange) => "lint::out-of-range",
        (Teller::Lint, FaultKind::NeverPasses) => "lint::never-passes",
        (Teller::Lint, FaultKind::NeverFails) => "lint::never-fails",
        (Teller::Lint, FaultKind::NoData) => "lint::no-data",
        (Teller::Lint, FaultKind::NoControl) => "lint::no-control",
        (Teller::Lint, FaultKind::Swapped) => "lint::swapped",
    }
}

/// What was found so far, of something that is called `of`: `stage `canary``.
struct Found {
    of: String,
    faults: Vec<Fault>,
}

impl Found {
    const fn new(of: String) -> Self {
        let faults = Vec::new();
        Self { of, faults }
    }

    fn add(&mut self, kind: FaultKind, place: Place, message: String, help: impl Into<String>) {
        self.faults.push(Fault {
            kind,
            place,
            message,
            label: "here".into(),
            help: help.into(),
        });
    }

    /// Asks for a range of a value that is there and can be read.
    fn range<K: Kind>(
        &mut self,
        scalar: Option<&Scalar<K>>,
        what: &str,
        allowed: &str,
        help: &str,
        is_allowed: impl Fn(K::Value) -> bool,
    ) {
        self.limit(
            FaultKind::OutOfRange,
            scalar,
            what,
            (allowed, help),
            is_allowed,
        );
    }

    /// The same, where what lies outside has a consequence of its own.
    fn limit<K: Kind>(
        &mut self,
        kind: FaultKind,
        scalar: Option<&Scalar<K>>,
        what: &str,
        (allowed, help): (&str, &str),
        is_allowed: impl Fn(K::Value) -> bool,
    ) {
        let Some(scalar) = scalar else { return };
        let Ok(value) = K::parse(&scalar.text) else {
            return;
        };
        if is_allowed(value) {
            return;
        }
        let (of, text) = (&self.of, &scalar.text);
        self.faults.push(Fault {
            kind,
            place: scalar.place,
            message: format!("{what} of {of} is `{text}`; allowed is {allowed}"),
            label: format!("expected {allowed}"),
            help: help.into(),
        });
    }
}

/// The value of a scalar that is there and can be read.
fn value<K: Kind>(scalar: Option<&Scalar<K>>) -> Option<K::Value> {
    K::parse(&scalar?.text).ok()
}
