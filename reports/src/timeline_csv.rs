//! `timeline.csv`: every event but the samples, one a row. RFC 4180, UTC in ISO 8601 on
//! 2000-01-01, the day on which every run starts.

use std::path::Path;

use firedrill_core::Micros;

use crate::ReportError;
use crate::postmortem::PostMortem;
use crate::table;
use crate::words::Clock;

const COLUMNS: [&str; 10] = [
    "event", "utc", "t_us", "actor", "kind", "truth", "key", "text", "cause", "scenario",
];

/// The table.
pub(crate) fn format(
    path: &Path,
    document: &PostMortem,
    clock: Clock,
) -> Result<Vec<u8>, ReportError> {
    let scenario = &document.header.reproduce.scenario;
    let rows = document.timeline.iter().map(|entry| {
        let cause: Vec<String> = entry.cause.iter().map(u64::to_string).collect();
        [
            entry.event.to_string(),
            clock.iso(Micros(entry.t_us)),
            entry.t_us.to_string(),
            entry.actor.clone(),
            entry.kind.clone(),
            entry.truth.to_string(),
            entry.key.to_string(),
            entry.text.clone(),
            cause.join(" "),
            scenario.clone(),
        ]
    });
    table::format(path, COLUMNS, rows)
}
