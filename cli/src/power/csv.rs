//! Operating characteristics as CSV: one row a judge or cell.

use std::fmt::Write as _;

use super::measure::Figures;

pub(crate) fn text(figures: &Figures) -> String {
    let mut text = String::from(
        "kind,name,p1,traffic,false_alarms,null_runs,detected,runs,mean_s,median_s,p99_s,bound_s\n",
    );
    for row in &figures.judges {
        let alarms = row.false_alarms;
        let _ = writeln!(
            text,
            "judge,\"{}\",,,{},{},{},{},{},{},{},{}",
            row.name,
            alarms.map_or(String::new(), |alarms| alarms.alarms.to_string()),
            alarms.map_or(String::new(), |alarms| alarms.runs.to_string()),
            row.delay.detected,
            row.delay.runs,
            row.delay.mean_s,
            row.delay.median_s,
            row.delay.p99_s,
            row.bound_s.map_or(String::new(), |bound| bound.to_string()),
        );
    }
    for cell in &figures.cells {
        let name = if cell.control { "control" } else { "known" };
        let _ = writeln!(
            text,
            "cell,{name},{},{},,,{},{},{},{},{},{}",
            cell.p1,
            cell.traffic,
            cell.delay.detected,
            cell.delay.runs,
            cell.delay.mean_s,
            cell.delay.median_s,
            cell.delay.p99_s,
            cell.bound_s,
        );
    }
    text
}
