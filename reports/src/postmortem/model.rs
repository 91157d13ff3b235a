//! The document: plain data, in the order in which it is read.
//!
//! Texts are sentences with names in backticks; figures stand beside the events they come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the document's form. It grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// The `$id` of the document's JSON Schema.
pub const SCHEMA_ID: &str = "https://example.invalid/firedrill/schema/postmortem.v1.json";

/// A post-mortem of one run; a rehearsal report when nothing was wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostMortem {
    /// The version of this form.
    pub schema: u32,
    /// Who, what, which run.
    pub header: Header,
    /// What happened, in plain sentences.
    pub summary: Vec<String>,
    /// Trigger, cause and conditions, kept apart; absent when nothing was wrong.
    pub causes: Option<Causes>,
    /// The change that the run is about; absent when none was proposed.
    pub change: Option<Change>,
    /// The way of the change through its plan.
    pub stages: Vec<StageRun>,
    /// How trouble was noticed; absent when there was none to notice and nobody was called.
    pub detection: Option<Detection>,
    /// Every layer that could have stopped the change, in the order in which it met them.
    pub defences: Vec<Defence>,
    /// What it cost.
    pub impact: Impact,
    /// How long things took.
    pub times: Vec<Time>,
    /// Repeated whys; empty when nothing was wrong.
    pub whys: Vec<WhyChain>,
    /// What went well, badly, and by luck.
    pub lessons: Lessons,
    /// What to change, most useful first.
    pub actions: Vec<ActionItem>,
    /// What happened, in order.
    pub timeline: Vec<TimelineEntry>,
    /// Words used here, with their meaning.
    pub glossary: Vec<Term>,
}

/// Where a figure or statement comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Numbers of events in the run log.
    pub events: Vec<u64>,
    /// First and last of the sampling events that were added up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<[u64; 2]>,
}

/// Who, what, which run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// A stable id: the same scenario and seed always have the same one.
    pub id: String,
    /// The title.
    pub title: String,
    /// One sentence.
    pub tldr: String,
    /// What kind of incident this was.
    pub kind: Kind,
    /// Which document this is.
    pub document: DocumentKind,
    /// How bad it was.
    pub impact_level: ImpactLevel,
    /// How bad it was, in words.
    pub impact_line: String,
    /// The layer that stopped the change, in words.
    pub caught_by: String,
    /// What the scenario teaches.
    pub lesson: String,
    /// UTC time of day at the start of the run, `HH:MM:SS`.
    pub started_utc: String,
    /// How long the run lasted, in microseconds.
    pub duration_us: u64,
    /// How to get this run again.
    pub reproduce: Reproduce,
    /// What the scenario expects, and whether it came.
    pub expectations: Vec<ExpectationLine>,
}

/// What kind of incident this was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A simulated one: no real user, machine or person took part.
    Rehearsal,
}

/// Which document this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// Something was wrong with a change.
    PostMortem,
    /// Nothing was wrong with any change.
    RehearsalReport,
}

/// How bad it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImpactLevel {
    /// No user request was harmed.
    None,
    /// User requests were harmed, and every objective held.
    WithinObjectives,
    /// At least one objective was breached.
    ObjectiveBreached,
}

/// How to get this run again, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reproduce {
    /// The scenario.
    pub scenario: String,
    /// Its content hash.
    pub scenario_hash: String,
    /// The seed.
    pub seed: u64,
    /// The version of the tool.
    pub tool: String,
    /// The digest of the run log.
    pub log_digest: String,
    /// The command.
    pub command: String,
    /// Where the defect comes from, when the seed drew it from a mix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn: Option<Drawn>,
}

/// A defect that a seed drew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// The mix.
    pub mix: String,
    /// The kind of mistake.
    pub kind: String,
    /// The mechanism.
    pub mechanism: String,
}

/// A line of the scenario's expectations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectationLine {
    /// What must be so.
    pub text: String,
    /// Whether it was so in this run.
    pub met: bool,
    /// The line of the scenario file; 0 when there is no file.
    pub line: u32,
}

/// Trigger, cause and conditions, kept apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Causes {
    /// What set it off.
    pub trigger: Statement,
    /// What was wrong.
    pub defect: Statement,
    /// How the defect works.
    pub mechanism: Statement,
    /// Conditions that let it get as far as it did.
    pub conditions: Vec<Condition>,
}

/// A statement and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// A sentence or two.
    pub text: String,
    /// Where it comes from.
    pub source: Source,
}

/// A contributing condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The layer that it belongs to.
    pub layer: String,
    /// What it was.
    pub text: String,
    /// Where it comes from.
    pub source: Source,
}

/// The change that the run is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What it was meant to do.
    pub title: String,
    /// The config document.
    pub config: String,
    /// The service whose instances run it.
    pub service: String,
    /// The version that it made.
    pub candidate: String,
    /// The version that was good before; absent when it was never rolled out.
    pub baseline: Option<String>,
    /// The role of its author.
    pub author_role: String,
    /// Keys with their old and new values.
    pub edits: Vec<EditLine>,
    /// What validation said.
    pub validation: Statement,
    /// What the review said.
    pub review: Statement,
    /// The plan it followed; absent when it was never rolled out.
    pub plan: Option<String>,
    /// Where it comes from.
    pub source: Source,
}

/// A key with its old and new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditLine {
    /// The key.
    pub key: String,
    /// The value before; absent when it is not known.
    pub old: Option<String>,
    /// The value after.
    pub new: String,
}

/// One stage of the rollout, as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRun {
    /// Its name.
    pub name: String,
    /// Canary or wave.
    pub kind: String,
    /// UTC time at which it began.
    pub entered_utc: String,
    /// Instances that could run the change from then on, in all.
    pub instances_max: u32,
    /// The share of the service's instances that this is, in parts per million.
    pub share_ppm: u32,
    /// How long it lasted, in words; absent when the run ended in it.
    pub lasted: Option<String>,
    /// How it ended.
    pub ended: String,
    /// Where it comes from.
    pub source: Source,
}

/// How trouble was noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// Who or what noticed, and how.
    pub how: String,
    /// How people came into it.
    pub response: Vec<Statement>,
    /// Where it comes from.
    pub source: Source,
}

/// What a layer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DefenceOutcome {
    /// It stopped the bad change, or raised the signal that led to it.
    Caught,
    /// It met the bad change and let it through, or said nothing.
    Missed,
    /// It had the bad change before it when another layer spoke, or when the run ended.
    TooLate,
    /// The bad change never came to it.
    NotReached,
    /// It met a change with nothing wrong in it, and let it through.
    NothingToCatch,
    /// It stopped a change with nothing wrong in it.
    FalseAlarm,
    /// It had no data and paused the rollout: neither a catch nor a false alarm.
    NoData,
    /// It took the change back.
    CarriedOut,
    /// It should take the change back and did not get to the end.
    Unfinished,
}

/// One layer of defence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defence {
    /// Its name.
    pub layer: String,
    /// What sort of layer it is.
    pub kind: LayerKind,
    /// What it did.
    pub outcome: DefenceOutcome,
    /// The same in two or three words.
    pub label: String,
    /// Why, in a sentence or two.
    pub why: String,
    /// What its judge saw; only of stages.
    pub checks: Vec<CheckLine>,
    /// What the judge could not know; only of stages.
    pub truth: Option<TruthLine>,
    /// Where it comes from.
    pub source: Source,
}

/// What sort of layer it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// Rules over a config document.
    Validation,
    /// Another pair of eyes.
    Review,
    /// A small group of instances.
    Canary,
    /// A step to everybody.
    Wave,
    /// An alert on an objective, or on what instances show.
    Alert,
    /// Users who write or call.
    Users,
    /// Going back, by a person or by itself.
    Rollback,
}

/// What one check of a judge saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckLine {
    /// The signal.
    pub signal: String,
    /// What the check said.
    pub outcome: String,
    /// The candidate's value, with its unit.
    pub value: Option<String>,
    /// The control's value, with its unit.
    pub control: Option<String>,
    /// The limit, with its unit.
    pub limit: Option<String>,
    /// The sample.
    pub sample: u64,
    /// The smallest sample that decides anything.
    pub sample_min: u64,
    /// How far it was on its way to failing: 100 % fails.
    pub nearness: Option<String>,
    /// What the outcome rests on, when it is more than a value beside a limit.
    pub proof: Option<String>,
    /// Whether this check decided the verdict.
    pub decided: bool,
}

/// What a judge could not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TruthLine {
    /// Requests that instances on the candidate had served since the stage began.
    pub requests: u64,
    /// Those of them that the defect harmed.
    pub harmed: u64,
    /// Requests of the class that the defect hits among them.
    pub hit_class_requests: u64,
    /// Instances that ran the candidate.
    pub instances: u32,
    /// Their utilisation where they were busiest, in parts per million.
    pub utilisation_ppm: u32,
}

/// What it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// Figures, in the order in which they are read.
    pub figures: Vec<Figure>,
    /// Objectives.
    pub budgets: Vec<Budget>,
    /// What users saw; absent when no request was harmed.
    pub experience: Option<String>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// A stable key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The value, in `unit`.
    pub value: u64,
    /// The unit of the value: `count`, `ppm` or `us`.
    pub unit: String,
    /// The value in words.
    pub text: String,
    /// What it means.
    pub definition: String,
    /// Where it comes from.
    pub source: Source,
}

/// The error budget of one objective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The objective.
    pub slo: String,
    /// What it promises.
    pub promise: String,
    /// Requests it counts.
    pub requests: u64,
    /// Those that are bad because of the defect.
    pub harmed: u64,
    /// The share of the period's budget that the defect burned, in parts per million.
    pub burned_ppm: u32,
    /// The fastest burn over one sampling interval, in thousandths of the rate that spends the
    /// whole budget in the period; every bad request counts.
    pub peak_burn_milli: u64,
    /// How long it was breached, in microseconds.
    pub breached_us: u64,
    /// The same in words.
    pub breached: String,
    /// Where it comes from.
    pub source: Source,
}

/// How long something took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// A stable key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Whether it took a time, never came or was not needed.
    pub state: TimeState,
    /// The time in microseconds, when it took one.
    pub took_us: Option<u64>,
    /// The same in words.
    pub text: String,
    /// From what to what it is measured.
    pub definition: String,
    /// Where it starts and ends.
    pub source: Source,
}

/// Whether something took a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeState {
    /// It took a time.
    Took,
    /// It was needed and did not come before the run ended.
    Never,
    /// There was no need for it.
    NotApplicable,
}

/// A chain of whys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyChain {
    /// What the chain explains.
    pub about: String,
    /// Its steps, from the effect back to the cause.
    pub steps: Vec<Why>,
}

/// One why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// The question.
    pub question: String,
    /// The answer.
    pub because: String,
    /// Where it comes from.
    pub source: Source,
}

/// What went well, badly, and by luck.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lessons {
    /// What went well.
    pub well: Vec<Statement>,
    /// What went badly.
    pub badly: Vec<Statement>,
    /// Where luck helped.
    pub lucky: Vec<Statement>,
}

/// What an action item is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Notice sooner.
    Detection,
    /// End it sooner.
    Mitigation,
    /// Keep it from happening.
    Prevention,
    /// Write down and practise.
    DocumentationTraining,
}

/// Something to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionItem {
    /// Its id, unique in the document.
    pub id: String,
    /// What to do.
    pub title: String,
    /// What it is for.
    pub category: Category,
    /// The layer that it strengthens.
    pub layer: String,
    /// Which finding asks for it.
    pub reason: String,
    /// The role that owns it.
    pub owner_role: String,
    /// When it is done: a test that a rehearsal can make.
    pub done_when: String,
    /// Where the finding comes from.
    pub source: Source,
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineEntry {
    /// The event's number.
    pub event: u64,
    /// Microseconds since the start of the run.
    pub t_us: u64,
    /// UTC time of day, `HH:MM:SS`; a later day counts on past 24.
    pub utc: String,
    /// Time since the start of the run, `+HH:MM:SS`.
    pub offset: String,
    /// Who acted.
    pub actor: String,
    /// What sort of event it is, as the log names it.
    pub kind: String,
    /// What happened.
    pub text: String,
    /// Whether only the simulator knew it then.
    pub truth: bool,
    /// Whether it belongs into the short timeline.
    pub key: bool,
    /// The numbers of the events that led to it.
    pub cause: Vec<u64>,
}

/// A word and its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The word.
    pub term: String,
    /// What it means here.
    pub meaning: String,
}
