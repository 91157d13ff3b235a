//! What `firedrill run` prints for people.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use firedrill_sim::campaign::{ExpectationSummary, KindSummary, MeasureSummary};
use firedrill_sim::words::counted;

use crate::commands::run::Finished;
use crate::output::Output;
use crate::run::difference;
use crate::run::seeds::Seeds;
use crate::run::verify::Verification;
use crate::units::figure;

/// The first line: what is run, and how to run it again.
pub(crate) fn heading(seeds: Seeds) -> String {
    let runs = counted(seeds.count(), "run");
    let drawn = if seeds.drawn {
        " (drawn; give it again to repeat)"
    } else {
        ""
    };
    format!("firedrill {VERSION}: {runs} of each scenario, {seeds}{drawn}\n")
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A scenario: verdict, who caught it, figures, what was not met, where the reports are.
pub(crate) fn scenario(finished: &Finished, output: &Output) -> String {
    let mut text = String::new();
    write_scenario(&mut text, finished, output).expect("writing to a string does not fail");
    text
}

fn write_scenario(text: &mut String, finished: &Finished, output: &Output) -> std::fmt::Result {
    let summary = &finished.summary;
    let verdict = output.verdict(summary.passed);
    writeln!(text, "{verdict}  {}: {}", summary.scenario, summary.title)?;
    let caught: Vec<String> = summary
        .caught_by
        .iter()
        .map(|caught| format!("{} ({} of {})", caught.caught_by, caught.n, summary.n))
        .collect();
    writeln!(text, "  caught by {}", caught.join(", "))?;
    let tables = [
        (!summary.by_kind.is_empty()).then(|| kinds(&summary.by_kind)),
        Some(table(&summary.measures)),
    ];
    for table in tables.into_iter().flatten() {
        for line in table.lines() {
            writeln!(text, "  {}", line.trim_end())?;
        }
    }
    if summary.expectations.is_empty() {
        writeln!(text, "  no expectations: nothing was checked")?;
    }
    for line in &summary.expectations {
        if !line.passed {
            write_unmet(text, line, finished)?;
        }
    }
    if let Some(verification) = &finished.verification {
        write_verification(text, verification, finished, output)?;
    }
    writeln!(text, "  reports: {}\n", finished.reports.display())
}

fn table(measures: &[MeasureSummary]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["measure", "n", "p50", "p90", "max", "never"]);
    for measure in measures {
        let show = |value| figure(value, measure.unit, measure.n);
        table.add_row([
            measure.name.replace('-', " "),
            measure.n.to_string(),
            show(measure.p50),
            show(measure.p90),
            show(measure.max),
            measure.never.to_string(),
        ]);
    }
    align(table)
}

/// The first column to the left, figures to the right.
fn align(mut table: Table) -> Table {
    for column in table.column_iter_mut() {
        let left = column.index == 0;
        column.set_padding((0, 2));
        column.set_cell_alignment(if left {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
    table
}

/// Who caught which kind of drawn defect; before the rollout, validation or review did.
fn kinds(kinds: &[KindSummary]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "drawn kind",
        "n",
        "before",
        "canary",
        "wave",
        "alert",
        "missed",
        "detect p50",
        "p90",
        "never",
    ]);
    for kind in kinds {
        let detect = &kind.time_to_detect;
        let show = |value| figure(value, detect.unit, detect.n);
        table.add_row([
            kind.kind.clone(),
            kind.n.to_string(),
            kind.before_rollout.to_string(),
            kind.canary.to_string(),
            kind.wave.to_string(),
            kind.alert.to_string(),
            kind.missed.to_string(),
            show(detect.p50),
            show(detect.p90),
            detect.never.to_string(),
        ]);
    }
    align(table)
}

fn write_unmet(
    text: &mut String,
    line: &ExpectationSummary,
    finished: &Finished,
) -> std::fmt::Result {
    writeln!(
        text,
        "  not met: {} (line {}): in {} of {} runs, wanted in {}",
        line.text, line.line, line.met, line.n, line.rate
    )?;
    let seeds: Vec<String> = line.failing_seeds.iter().map(u64::to_string).collect();
    let more = line.n - line.met > line.failing_seeds.len() as u64;
    let more = if more { " and more" } else { "" };
    writeln!(text, "    failing seeds: {}{more}", seeds.join(", "))?;
    if let Some(seed) = line.failing_seeds.first() {
        let argument = &finished.argument;
        writeln!(text, "    replay: firedrill run {argument} --seed {seed}")?;
    }
    Ok(())
}

fn write_verification(
    text: &mut String,
    verification: &Verification,
    finished: &Finished,
    output: &Output,
) -> std::fmt::Result {
    let verdict = output.verdict(verification.is_equal());
    writeln!(
        text,
        "  verify: {verdict}, {} of {} digests equal when run twice",
        verification.equal, verification.n
    )?;
    let Some((seed, difference)) = &verification.first_difference else {
        return Ok(());
    };
    let place = match difference.seq {
        Some(seq) => format!("event {seq}"),
        None => "the header".into(),
    };
    writeln!(text, "    seed {seed}: the runs part at {place}")?;
    let [first, second] = if output.is_verbose() {
        difference::whole(difference)
    } else {
        difference::brief(difference)
    };
    writeln!(text, "    first run:  {first}")?;
    writeln!(text, "    second run: {second}")?;
    let argument = &finished.argument;
    let tamper = verification
        .tamper
        .as_ref()
        .map_or_else(String::new, |tamper| {
            format!(" --verify-tamper {}@{}", tamper.stream, tamper.step)
        });
    writeln!(
        text,
        "    replay: firedrill run {argument} --seed {seed} --verify{tamper}"
    )
}

/// The last lines: how many passed, and where to look.
pub(crate) fn ending(finished: &[Finished], out: &Path) -> String {
    let passed = finished.iter().filter(|one| one.summary.passed).count();
    let expects_nothing = |one: &&Finished| one.summary.expectations.is_empty();
    let unchecked = match finished.iter().filter(expects_nothing).count() {
        0 => String::new(),
        n => format!(", {n} of them without expectations"),
    };
    let mut text = format!(
        "{passed} of {} passed{unchecked}\n",
        counted(finished.len() as u64, "scenario")
    );
    let verified = finished.iter().filter_map(|one| one.verification.as_ref());
    let (equal, n) = verified.fold((0, 0), |(equal, n), one| (equal + one.equal, n + one.n));
    if n > 0 {
        let _ = writeln!(text, "{equal} of {n} runs repeated with an equal digest");
    }
    let _ = writeln!(text, "reports: {}", out.display());
    text
}
