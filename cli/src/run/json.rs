//! What `firedrill run --format json` prints.

use firedrill_sim::campaign::Summary;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::run::Finished;
use crate::run::seeds::Seeds;
use crate::run::verify::Verification;

/// The version of the document's form. It grows when a field changes its meaning or goes; new
/// fields may come at any time.
const SCHEMA_VERSION: u32 = 1;

/// The outcome of `firedrill run`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RunSummary")]
pub(crate) struct Document<'a> {
    /// The version of this document's form.
    schema: u32,
    /// The tool and its version.
    tool: &'static str,
    /// The seeds of each scenario.
    seeds: SeedRange,
    /// The scenarios, in the order in which they ran.
    scenarios: Vec<Scenario<'a>>,
}

/// A range of seeds, both ends included.
#[derive(Serialize, JsonSchema)]
struct SeedRange {
    /// The first seed.
    first: u64,
    /// The last seed.
    last: u64,
}

/// A scenario over all seeds.
#[derive(Serialize, JsonSchema)]
struct Scenario<'a> {
    // Flattened for the reader: this document is never written by hand.
    #[serde(flatten)]
    #[schemars(with = "SummaryForm")]
    summary: &'a Summary,
    /// Whether the scenario expects nothing, so that `passed` says nothing.
    no_expectations: bool,
    /// The folder of its reports.
    reports: String,
    /// What running every seed twice showed; absent without `--verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<Verify<'a>>,
}

/// What running every seed twice showed.
#[derive(Serialize, JsonSchema)]
struct Verify<'a> {
    /// Seeds that were run twice.
    n: u64,
    /// Those of them whose two digests are equal.
    equal: u64,
    /// Where the first two unequal runs part.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_difference: Option<FirstDifference<'a>>,
}

/// Where two runs of one seed part.
#[derive(Serialize, JsonSchema)]
struct FirstDifference<'a> {
    /// The seed.
    seed: u64,
    /// The number of the first event that differs; null for the header.
    event: Option<u64>,
    /// The event of the first run; null when that run ended before.
    first: Option<&'a str>,
    /// The event of the second run; null when that run ended before.
    second: Option<&'a str>,
}

/// The form of a [`Summary`]: what a scenario comes to over many seeds.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "describes the summary for its schema; a test compares the two"
)]
struct SummaryForm {
    /// The scenario.
    scenario: String,
    /// How it is named on a command line: a name of the catalogue or a path.
    source: String,
    /// Its title.
    title: String,
    /// The first seed.
    first_seed: u64,
    /// Runs.
    n: u64,
    /// Whether every expectation is met often enough.
    passed: bool,
    /// The layers that stopped the change, most often first.
    caught_by: Vec<CaughtForm>,
    /// The same by the kind of defect that was drawn; absent where no defect is drawn.
    #[schemars(default)]
    by_kind: Vec<KindForm>,
    /// Measures over all runs.
    measures: Vec<MeasureForm>,
    /// Expectations over all runs.
    expectations: Vec<ExpectationForm>,
}

/// How often a layer stopped the change.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the summary for its schema")]
struct CaughtForm {
    /// The layer: a word, or one key with its stage or objective.
    caught_by: serde_json::Value,
    /// Runs.
    n: u64,
}

/// Runs in which the measured defect was drawn of one kind.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the summary for its schema")]
struct KindForm {
    /// The kind.
    kind: String,
    /// The mechanisms that were drawn.
    mechanisms: Vec<MechanismForm>,
    /// Runs.
    n: u64,
    /// Those in which a user was harmed.
    harmed: u64,
    /// Those in which validation or review stopped the change.
    before_rollout: u64,
    /// Those in which a canary stage stopped it.
    canary: u64,
    /// Those in which a wave stopped it.
    wave: u64,
    /// Those in which it was taken back after an alert.
    alert: u64,
    /// Those in which nobody stopped it.
    missed: u64,
    /// From the first user harmed to the first signal.
    time_to_detect: MeasureForm,
}

/// Which seeds drew a mechanism.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the summary for its schema")]
struct MechanismForm {
    /// Its name.
    mechanism: String,
    /// The seeds.
    seeds: Vec<u64>,
}

/// A measure over all runs.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the summary for its schema")]
struct MeasureForm {
    /// The measure.
    name: String,
    /// The unit: `microseconds`, `parts-per-million` or `count`.
    unit: String,
    /// Runs to which it applies.
    n: u64,
    /// Those among them in which it never came.
    never: u64,
    /// The median; null for never, or when it applies to no run.
    p50: Option<u64>,
    /// The 90th percentile; null as above.
    p90: Option<u64>,
    /// The maximum; null as above.
    max: Option<u64>,
}

/// An expectation over all runs.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the summary for its schema")]
struct ExpectationForm {
    /// What must be so, in words.
    text: String,
    /// The line of the scenario file that asks for it.
    line: u32,
    /// The share of runs in which it must be so, in parts per million.
    rate: u32,
    /// Runs in which it was so.
    met: u64,
    /// Runs.
    n: u64,
    /// Whether that is often enough.
    passed: bool,
    /// The first seeds in which it was not so.
    failing_seeds: Vec<u64>,
}

/// The document.
pub(crate) fn document(seeds: Seeds, finished: &[Finished]) -> Document<'_> {
    let scenarios = finished.iter().map(|one| Scenario {
        summary: &one.summary,
        no_expectations: one.summary.expectations.is_empty(),
        reports: one.reports.display().to_string(),
        verify: one.verification.as_ref().map(verify),
    });
    Document {
        schema: SCHEMA_VERSION,
        tool: concat!("firedrill ", env!("CARGO_PKG_VERSION")),
        seeds: SeedRange {
            first: seeds.first,
            last: seeds.last,
        },
        scenarios: scenarios.collect(),
    }
}

fn verify(verification: &Verification) -> Verify<'_> {
    let first = verification.first_difference.as_ref();
    Verify {
        n: verification.n,
        equal: verification.equal,
        first_difference: first.map(|(seed, difference)| FirstDifference {
            seed: *seed,
            event: difference.seq,
            first: difference.ours.as_deref(),
            second: difference.theirs.as_deref(),
        }),
    }
}

/// The JSON Schema of the document.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Document<'_>)
}
