//! The post-mortem as data.
//!
//! [`PostMortem::of`] reads a run log, the measures taken from it and the scenario; every other
//! form of the document is made from the struct. One section, one file; `facts` is the log,
//! indexed for their questions. Wording is blameless: roles act, conditions contribute, and no
//! person is a cause.

mod actions;
mod change;
mod defect;
mod defences;
pub(crate) mod facts;
mod header;
mod impact;
mod lessons;
mod model;
mod people;
mod remedies;
mod response;
mod timeline;
mod times;
mod tools;
mod whys;

use firedrill_sim::campaign::RunOutcome;
use firedrill_sim::log::RunLog;
use firedrill_sim::spec::Scenario;

use facts::Facts;

pub use model::*;

impl PostMortem {
    /// The post-mortem of a run; a rehearsal report when nothing was wrong with its change.
    #[must_use]
    pub fn of(log: &RunLog, outcome: &RunOutcome, scenario: &Scenario) -> Self {
        let facts = Facts::of(log, outcome, scenario);
        let defences = defences::write(&facts);
        Self {
            schema: SCHEMA_VERSION,
            header: header::write(&facts),
            summary: header::summary(&facts, &defences),
            causes: change::causes(&facts),
            change: change::write(&facts),
            stages: change::stages(&facts),
            detection: response::write(&facts),
            impact: impact::write(&facts),
            times: times::write(&facts),
            whys: whys::write(&facts, &defences),
            lessons: lessons::write(&facts, &defences),
            actions: actions::write(&facts),
            timeline: timeline::write(&facts),
            glossary: header::glossary(&facts),
            defences,
        }
    }
}

/// The JSON Schema of the document.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(PostMortem);
    schema.insert("$id".into(), SCHEMA_ID.into());
    schema.to_value()
}
