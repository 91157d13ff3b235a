//! Operating characteristics for people.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use firedrill_sim::power::Characteristics;

use super::curve::Curve;
use super::measure::{Cell, Figures};
use super::setting::Setting;

pub(crate) fn text(setting: &Setting<'_>, figures: &Figures) -> String {
    let mut text = String::new();
    if !figures.judges.is_empty() {
        let _ = write!(
            text,
            "{} usual, {} bad, {}/s, {} false alarms a canary of {} s; seed {}\n\n",
            percent_of(setting.p0),
            percent_of(setting.p1),
            setting.command.traffic[0],
            percent_of(setting.alpha),
            setting.bake_s,
            figures.seed
        );
        text.push_str(&judges(figures));
        text.push('\n');
    }
    if let Some(curve) = &figures.curve {
        text.push_str(&self::curve(curve, figures.seed));
    }
    if !figures.cells.is_empty() {
        let _ = write!(
            text,
            "\nwhat is possible, in seconds, and our mean delay as a multiple of it, however long \
             the bake ({} canaries each)\n\n",
            setting.command.cell_runs
        );
        text.push_str(&cells(figures));
    }
    if !figures.hosts.is_empty() {
        text.push_str("\nfalse alarms at 1 % where hosts differ and demand swings by 80 %\n\n");
        text.push_str(&hosts(figures));
    }
    text
}

/// A share in percent, as it was written.
fn percent_of(share: f64) -> String {
    format!("{} %", (share * 1e8).round() / 1e6)
}

fn share(count: u64, of: u64) -> String {
    format!("{:.1} %", 100.0 * count as f64 / of.max(1) as f64)
}

fn curve(curve: &Curve, seed: u64) -> String {
    let mut text = format!(
        "{}: {} usual, a look every {} s, watched for {} s; seed {seed}\n",
        curve.judge,
        percent_of(curve.p0),
        curve.look_s,
        curve.bake_s
    );
    if !curve.good.is_empty() {
        let mut sheet = sheet(&[
            "good canaries at",
            "canaries",
            "false alarms",
            "95 % bound",
            "let pass",
        ]);
        for row in &curve.good {
            let alarms = row.false_alarms;
            sheet.add_row([
                format!("{}/s", row.traffic),
                alarms.runs.to_string(),
                format!("{:.3} %", 100.0 * alarms.rate()),
                format!("{:.3} %", 100.0 * alarms.rate_max()),
                share(row.passed, alarms.runs),
            ]);
        }
        let _ = write!(text, "\n{}", lines(&sheet));
    }
    let runs = curve.bad.first().map_or(0, |row| row.delay.runs);
    let _ = write!(text, "\nbad canaries within the bake ({runs} each)\n\n");
    let mut sheet = sheet(&[
        "traffic", "effect", "errors", "noticed", "let pass", "mean s", "median", "p99",
    ]);
    for row in &curve.bad {
        sheet.add_row([
            format!("{}/s", row.traffic),
            format!("×{}", row.effect),
            percent_of(row.p1),
            share(row.delay.detected, row.delay.runs),
            share(row.passed, row.delay.runs),
            mean(&row.delay, curve.bake_s),
            seconds(row.delay.median_s),
            seconds(row.delay.p99_s),
        ]);
    }
    text.push_str(&lines(&sheet));
    text
}

/// The mean delay; where some were missed, the least that it can be.
fn mean(delay: &Characteristics, watched_s: f64) -> String {
    let least = seconds(delay.mean_min_s(watched_s));
    if delay.is_complete() {
        least
    } else {
        format!("≥ {least}")
    }
}

/// The mean delay as a multiple of what is possible; nothing where none was noticed.
fn ratio(delay: &Characteristics, watched_s: f64, bound_s: f64) -> String {
    let least = delay.mean_min_s(watched_s) / bound_s;
    if delay.is_complete() {
        format!("{least:.2}")
    } else if delay.detected > 0 && least >= 1.0 {
        format!("≥ {least:.2}")
    } else {
        "-".into()
    }
}

fn sheet(header: &[&str]) -> Table {
    let mut sheet = Table::new();
    sheet.load_style(presets::NOTHING);
    sheet.set_header(header);
    for column in sheet.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    sheet
}

fn lines(sheet: &Table) -> String {
    let text = sheet.to_string();
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// Seconds in three digits.
pub(crate) fn seconds(value: f64) -> String {
    if !value.is_finite() {
        "never".into()
    } else if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

fn judges(figures: &Figures) -> String {
    let mut sheet = sheet(&[
        "judge",
        "false alarms",
        "95 % bound",
        "noticed",
        "mean s",
        "median",
        "p99",
        "bound",
        "ratio",
    ]);
    for row in &figures.judges {
        let percent = |share: f64| format!("{:.3} %", 100.0 * share);
        let alarms = row.false_alarms;
        sheet.add_row([
            row.name.clone(),
            alarms.map_or("-".into(), |alarms| percent(alarms.rate())),
            alarms.map_or("-".into(), |alarms| percent(alarms.rate_max())),
            format!("{:.1} %", 100.0 * row.delay.power()),
            mean(&row.delay, row.watched_s),
            seconds(row.delay.median_s),
            seconds(row.delay.p99_s),
            row.bound_s.map_or("-".into(), seconds),
            row.bound_s
                .map_or("-".into(), |bound| ratio(&row.delay, row.watched_s, bound)),
        ]);
    }
    lines(&sheet)
}

fn cells(figures: &Figures) -> String {
    let mut text = String::new();
    for control in [false, true] {
        let title = if control {
            "equal control"
        } else {
            "usual rate known"
        };
        let mut sheet = sheet(&[title, "10/s", "100/s", "1000/s", "10000/s"]);
        let rows: Vec<&Cell> = figures
            .cells
            .iter()
            .filter(|cell| cell.control == control)
            .collect();
        for row in rows.chunk_by(|a, b| a.effect == b.effect) {
            let mut values = vec![format!("{} %", (row[0].p1 * 1e5).round() / 1e3)];
            values.extend(row.iter().map(|cell| {
                let ratio = ratio(&cell.delay, cell.watched_s, cell.bound_s);
                format!("{} ×{ratio}", seconds(cell.bound_s))
            }));
            sheet.add_row(values);
        }
        text.push_str(&lines(&sheet));
        if !control {
            text.push('\n');
        }
    }
    text
}

fn hosts(figures: &Figures) -> String {
    let mut sheet = sheet(&[
        "hosts",
        "variation",
        "canaries",
        "false alarms",
        "95 % bound",
    ]);
    for row in &figures.hosts {
        sheet.add_row([
            row.kind.hosts.to_string(),
            row.kind.variation.to_string(),
            row.false_alarms.runs.to_string(),
            format!("{:.3} %", 100.0 * row.false_alarms.rate()),
            format!("{:.3} %", 100.0 * row.false_alarms.rate_max()),
        ]);
    }
    lines(&sheet)
}
