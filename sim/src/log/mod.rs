//! One run, one log: what happened, in order, and why.
//!
//! Every report, figure and verdict on a run is a projection of its [`RunLog`]. Cause edges are
//! recorded when a thing happens, never guessed later. Events marked `truth` are the world's own
//! knowledge: the core never saw them.

mod event;
mod tools;

use std::io::{self, Write};

use firedrill_core::alerting::SymptomRule;
use firedrill_core::rollout::StageKind;
use firedrill_core::{Micros, Ppm};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::spec::DrawnDefect;

pub use event::{
    Actor, Event, EventBody, ExposureSample, PersonEvent, Sample, ServiceSample, SloSample,
    VerdictTruth, WorldEvent,
};
pub use tools::{ToolEvent, ToolPurpose, ToolTrouble};

/// The version of the log's form. It grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// A service, for readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceName {
    /// Its name.
    pub name: String,
    /// Its instances.
    pub instances: u32,
}

/// An objective, for readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SloName {
    /// Its name.
    pub name: String,
    /// The promised share of good requests.
    pub objective: Ppm,
    /// The period over which it is promised.
    pub period: Micros,
    /// A slow request is one above this, when the objective is about latency; microseconds.
    pub threshold_us: Option<u64>,
    /// The index of the service at which it is measured.
    pub service: u16,
}

/// A stage of a plan, for readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageName {
    /// Its name.
    pub name: String,
    /// Canary or wave.
    pub stage_kind: StageKind,
}

/// A config with its plans, for readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfigName {
    /// Its name.
    pub name: String,
    /// The index of the service that runs it.
    pub service: u16,
    /// Its plans: name and stages.
    pub plans: Vec<(String, Vec<StageName>)>,
}

/// The names behind the ids of a log: index `i` of a list has id `i`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Names {
    /// Regions.
    pub regions: Vec<String>,
    /// Services.
    pub services: Vec<ServiceName>,
    /// Request classes.
    pub classes: Vec<String>,
    /// Objectives.
    pub slos: Vec<SloName>,
    /// Configs.
    pub configs: Vec<ConfigName>,
    /// Symptom rules; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<SymptomRule>,
    /// Teams; none where one person is on call for everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// The people in them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PersonName>,
}

/// Somebody who may be paged, for readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersonName {
    /// A handle.
    pub name: String,
    /// The index of their team.
    pub team: u16,
}

/// The first line of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Header {
    /// The version of the log's form.
    pub schema: u32,
    /// The version of the tool.
    pub tool: String,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// What the scenario teaches.
    pub summary: String,
    /// The scenario's content hash.
    pub scenario_hash: String,
    /// The seed.
    pub seed: u64,
    /// How long the run lasts, in microseconds.
    pub duration: Micros,
    /// The world's step, in microseconds: ground truth is no more exact than this.
    pub step: Micros,
    /// UTC time of day at the start, in microseconds.
    pub start_of_day: Micros,
    /// The defects that the seed drew, as plain records; none where every change is what it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<DrawnDefect>,
    /// Whether whoever is at work on an incident is to tell users of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tells_users: bool,
    /// Names behind ids.
    pub names: Names,
}

/// A run, from its first event to its last.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLog {
    header: Header,
    events: Vec<Event>,
}

impl RunLog {
    /// An empty log.
    #[must_use]
    pub const fn new(header: Header) -> Self {
        Self {
            header,
            events: Vec::new(),
        }
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The events, in the order in which they happened. Event `n` has sequence number `n`.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Appends an event and returns its sequence number.
    ///
    /// # Panics
    /// When the event is earlier than the last one, or names a cause that is not in the log.
    pub fn push(
        &mut self,
        at: Micros,
        actor: Actor,
        subject: impl Into<String>,
        cause: Vec<u64>,
        body: impl Into<EventBody>,
    ) -> u64 {
        let seq = self.events.len() as u64;
        let last = self.events.last().map_or(Micros::ZERO, |event| event.t_us);
        assert!(
            at >= last,
            "event {seq} at {at} is earlier than the one before, at {last}"
        );
        assert!(
            cause.iter().all(|cause| *cause < seq),
            "event {seq} has a cause after itself"
        );
        let body = body.into();
        let truth = body.is_truth();
        let subject = subject.into();
        self.events.push(Event {
            seq,
            t_us: at,
            actor,
            truth,
            subject,
            body,
            cause,
        });
        seq
    }

    /// Writes the log as JSON lines: the header, then one event a line.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_jsonl(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &self.header)?;
        out.write_all(b"\n")?;
        for event in &self.events {
            serde_json::to_writer(&mut *out, event)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// The digest of the log: SHA-256 over its lines, rolled on line by line; 64 hexadecimal
    /// digits. Two runs are the same run exactly when their digests are equal.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = HashWriter(Sha256::new());
        self.write_jsonl(&mut hash).expect("hashing does not fail");
        hash.0
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The first line in which two logs differ: the event's number (`None` for the header) and
    /// both lines; a log that ended earlier has no line there. `None` when they are the same.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<Difference> {
        let line = |event: Option<&Event>| {
            event.map(|event| serde_json::to_string(event).expect("an event is plain data"))
        };
        if self.header != other.header {
            let line = |log: &Self| serde_json::to_string(&log.header).ok();
            return Some(Difference {
                seq: None,
                ours: line(self),
                theirs: line(other),
            });
        }
        let length = self.events.len().max(other.events.len());
        let differs = |index: &usize| self.events.get(*index) != other.events.get(*index);
        let index = (0..length).find(differs)?;
        Some(Difference {
            seq: Some(index as u64),
            ours: line(self.events.get(index)),
            theirs: line(other.events.get(index)),
        })
    }
}

/// Where two logs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The event's number; nothing for the header.
    pub seq: Option<u64>,
    /// The line in the one log.
    pub ours: Option<String>,
    /// The line in the other.
    pub theirs: Option<String>,
}

struct HashWriter(Sha256);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
