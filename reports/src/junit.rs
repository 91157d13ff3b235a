//! `junit.xml`: a suite for every scenario, a case for every expectation.
//!
//! Readers add times up and take them for wall time, so every time is zero and the bytes stay
//! the same; simulated times are in `summary.json`. A failed case names the seeds to replay.

use std::path::Path;
use std::time::Duration;

use firedrill_sim::campaign::{ExpectationSummary, Summary};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::ReportError;
use crate::words;

/// The report.
pub(crate) fn format(path: &Path, summaries: &[Summary]) -> Result<Vec<u8>, ReportError> {
    let mut report = Report::new("firedrill");
    report.set_time(Duration::ZERO);
    for summary in summaries {
        report.add_test_suite(suite(summary));
    }
    let text = report.to_string().map_err(|source| ReportError::Junit {
        path: path.to_owned(),
        source,
    })?;
    Ok(text.into_bytes())
}

fn suite(summary: &Summary) -> TestSuite {
    let mut suite = TestSuite::new(summary.scenario.as_str());
    suite.set_time(Duration::ZERO);
    let last = summary.first_seed + summary.n.saturating_sub(1);
    let properties = [
        ("title", summary.title.clone()),
        ("seed", summary.first_seed.to_string()),
        ("seeds", format!("{}..={last}", summary.first_seed)),
        (
            "replay",
            format!(
                "firedrill run {} --seed {}",
                summary.source, summary.first_seed
            ),
        ),
    ];
    for (name, value) in properties {
        suite.add_property(Property::new(name, value));
    }
    for expectation in &summary.expectations {
        suite.add_test_case(case(summary, expectation));
    }
    suite
}

fn case(summary: &Summary, expectation: &ExpectationSummary) -> TestCase {
    let status = if expectation.passed {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("expectation");
        status.set_message(format!(
            "met in {} of {} seeds, wanted in {}",
            expectation.met,
            expectation.n,
            words::share(expectation.rate)
        ));
        let replays: Vec<String> = expectation
            .failing_seeds
            .iter()
            .map(|seed| format!("firedrill run {} --seed {seed}", summary.source))
            .collect();
        status.set_description(replays.join("\n"));
        status
    };
    let mut case = TestCase::new(expectation.text.as_str(), status);
    case.set_classname(summary.scenario.as_str());
    case.set_time(Duration::ZERO);
    if expectation.line > 0 {
        case.extra
            .insert("line".into(), expectation.line.to_string().into());
    }
    let seed = expectation
        .failing_seeds
        .first()
        .unwrap_or(&summary.first_seed);
    let seeds: Vec<String> = expectation
        .failing_seeds
        .iter()
        .map(u64::to_string)
        .collect();
    let replay = format!("firedrill run {} --seed {seed}", summary.source);
    case.add_property(Property::new("seed", seed.to_string()));
    case.add_property(Property::new("replay", replay));
    if !seeds.is_empty() {
        case.add_property(Property::new("failing-seeds", seeds.join(" ")));
    }
    case
}
