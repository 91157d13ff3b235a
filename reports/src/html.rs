//! `postmortem.html`: one self-contained page. No scripts, nothing from elsewhere; it reads
//! well in light, in dark, on paper, on a narrow screen and aloud.

use std::collections::BTreeMap;
use std::path::Path;

use firedrill_sim::campaign::RunOutcome;
use firedrill_sim::log::RunLog;
use firedrill_sim::spec::Scenario;
use minijinja::value::Serde;
use minijinja::{Value, context};

use crate::ReportError;
use crate::chart;
use crate::postmortem::PostMortem;
use crate::postmortem::facts::Facts;
use crate::render;

const TEMPLATE: &str = include_str!("../templates/postmortem.html.j2");
const STYLE: &str = include_str!("../templates/postmortem.css");

/// The page.
pub(crate) fn format(
    path: &Path,
    document: &PostMortem,
    log: &RunLog,
    outcome: &RunOutcome,
    scenario: &Scenario,
) -> Result<Vec<u8>, ReportError> {
    let shown: Vec<u64> = document
        .timeline
        .iter()
        .filter(|entry| entry.key)
        .map(|entry| entry.event)
        .collect();
    let context = context! {
        doc => Serde(document),
        charts => Serde(chart::charts(&Facts::of(log, outcome, scenario))),
        css => Value::from_safe_string(STYLE.trim_end().to_owned()),
        shown => shown,
        symbols => Serde(symbols()),
    };
    render::render(path, "postmortem.html", TEMPLATE, context)
}

/// Signs beside the words of outcomes, so that a table can be scanned without colour.
fn symbols() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("caught", "✓"),
        ("missed", "✗"),
        ("too-late", "✗"),
        ("not-reached", "–"),
        ("nothing-to-catch", "○"),
        ("false-alarm", "!"),
        ("no-data", "?"),
        ("carried-out", "↩"),
        ("unfinished", "✗"),
        ("met", "✓"),
        ("unmet", "✗"),
        ("none", "✓"),
        ("within-objectives", "!"),
        ("objective-breached", "✗"),
    ])
}
