//! Operating characteristics for people.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use crate::commands::power::PowerCommand;

use super::measure::{Cell, Figures};

pub(crate) fn text(command: &PowerCommand, figures: &Figures) -> String {
    let mut text = format!(
        "{} % usual, {} % bad, {}/s, {} % false alarms a canary of {} s; seed {}\n\n",
        command.p0, command.p1, command.traffic, command.false_alarms, command.bake, figures.seed
    );
    text.push_str(&judges(figures));
    if !figures.cells.is_empty() {
        let _ = write!(
            text,
            "\nwhat is possible, in seconds, and our mean delay as a multiple of it \
             ({} canaries each)\n\n",
            command.cell_runs
        );
        text.push_str(&cells(figures));
    }
    if !figures.hosts.is_empty() {
        text.push_str("\nfalse alarms at 1 % where hosts differ and demand swings by 80 %\n\n");
        text.push_str(&hosts(figures));
    }
    text
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
            seconds(row.delay.mean_s),
            seconds(row.delay.median_s),
            seconds(row.delay.p99_s),
            row.bound_s.map_or("-".into(), seconds),
            row.bound_s.map_or("-".into(), |bound| {
                format!("{:.2}", row.delay.mean_s / bound)
            }),
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
                let ratio = cell.delay.mean_s / cell.bound_s;
                format!("{} ×{ratio:.2}", seconds(cell.bound_s))
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
