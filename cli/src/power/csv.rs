//! Operating characteristics as CSV: one row a judge, traffic and effect, or cell.
//!
//! Empty is what was not measured, or has no value: a median where most were missed, a mean where
//! not all were noticed.

use std::fmt::Write as _;

use firedrill_sim::power::Characteristics;

use super::measure::Figures;

const HEADER: &str = "kind,name,effect,p1,traffic,false_alarms,null_runs,detected,passed,runs,\
                      mean_s,mean_min_s,median_s,p99_s,bound_s\n";

pub(crate) fn text(figures: &Figures) -> String {
    let mut text = String::from(HEADER);
    for row in &figures.judges {
        let alarms = row.false_alarms;
        let counts = alarms.map_or(",".into(), |found| {
            format!("{},{}", found.alarms, found.runs)
        });
        let delay = delay(&row.delay, row.watched_s, None);
        let bound = row.bound_s.map_or(String::new(), |bound| bound.to_string());
        let _ = writeln!(
            text,
            "judge,{},,,,{counts},{delay},{bound}",
            quoted(&row.name)
        );
    }
    if let Some(curve) = &figures.curve {
        let name = quoted(&curve.judge);
        for row in &curve.good {
            let (alarms, p0) = (row.false_alarms, curve.p0);
            let _ = writeln!(
                text,
                "good,{name},1,{p0},{},{},{},,{},{},,,,,",
                row.traffic, alarms.alarms, alarms.runs, row.passed, alarms.runs
            );
        }
        for row in &curve.bad {
            let delay = delay(&row.delay, curve.bake_s, Some(row.passed));
            let (effect, p1, traffic) = (row.effect, row.p1, row.traffic);
            let _ = writeln!(text, "bad,{name},{effect},{p1},{traffic},,,{delay},");
        }
    }
    for cell in &figures.cells {
        let name = if cell.control { "control" } else { "known" };
        let delay = delay(&cell.delay, cell.watched_s, None);
        let (effect, p1, traffic) = (cell.effect, cell.p1, cell.traffic);
        let bound = cell.bound_s;
        let _ = writeln!(
            text,
            "cell,{name},{effect},{p1},{traffic},,,{delay},{bound}"
        );
    }
    text
}

/// The columns `detected` to `p99_s`.
fn delay(delay: &Characteristics, watched_s: f64, passed: Option<u64>) -> String {
    let finite = |value: f64| {
        if value.is_finite() {
            value.to_string()
        } else {
            String::new()
        }
    };
    let mean = if delay.is_complete() {
        finite(delay.mean_s)
    } else {
        String::new()
    };
    format!(
        "{},{},{},{mean},{},{},{}",
        delay.detected,
        passed.map_or(String::new(), |passed| passed.to_string()),
        delay.runs,
        finite(delay.mean_min_s(watched_s)),
        finite(delay.median_s),
        finite(delay.p99_s)
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
