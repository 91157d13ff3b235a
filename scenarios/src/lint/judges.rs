//! Rules for policies of `firedrill judge`.

use firedrill_core::{Micros, Ppm};

use crate::offline::policy::{NoDataFile, PolicyFile, RepeatedFile, SequentialFile};
use crate::offline::signals::SignalFile;

use super::seen::smallest_effect;
use super::{Report, Surroundings};

pub(super) fn lint(report: &mut Report<'_>, file: &PolicyFile, around: &Surroundings) {
    match file {
        PolicyFile::Sequential(file) => sequential(report, file, around),
        // What may not be asked of ranks is a fault, whatever the surroundings.
        PolicyFile::Rank(_) => {}
        PolicyFile::Repeated(file) => repeated(report, file, around),
    }
}

fn sequential(report: &mut Report<'_>, file: &SequentialFile, around: &Surroundings) {
    let bake = report.or(file.bake.as_ref(), Micros::from_mins(10));
    let stale_after = report.or(file.stale_after.as_ref(), Micros::from_mins(5));
    let age = around.age();
    let seconds = age.as_secs_f64();
    if bake < age {
        let message = "the bake may be over before the first numbers arrive".into();
        let help = format!("bake longer than a scrape and its delay, {seconds} s");
        report.error(
            "lint::bake-too-short",
            report.place(file.bake.as_ref()),
            message,
            &help,
        );
    }
    let place = report.place(file.stale_after.as_ref());
    if stale_after < age {
        let message = "numbers are stale before the next ones can arrive, so nothing passes".into();
        let help = format!("allow more than a scrape and its delay, {seconds} s");
        report.error("lint::stale-too-soon", place, message, &help);
    } else if stale_after > bake {
        let message = "a canary may pass on numbers older than its bake".into();
        let help = "make `stale-after` shorter than `bake`";
        report.warning("lint::stale-too-late", place, message, help);
    }
    effects(report, file, around);
    if let Some(signals) = &file.signals {
        twice(report, &signals.value);
    }
}

/// A column that two signals look at in the same way counts one burst twice.
fn twice(report: &mut Report<'_>, signals: &[SignalFile]) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for signal in signals {
        let (kind, column) = match signal {
            SignalFile::Count(file) => ("count", &file.column),
            SignalFile::Mean(file) => ("mean", &file.column),
            SignalFile::Latency(file) => match &file.column {
                Some(column) => ("latency", column),
                None => continue,
            },
        };
        if seen.contains(&(kind, &column.text)) {
            let message = format!(
                "`{}` is judged twice: one burst counts twice, and the budget is split",
                column.text
            );
            let help = "keep one of the two; `worse: either` looks both ways";
            report.warning("lint::counted-twice", column.place, message, help);
        }
        seen.push((kind, &column.text));
    }
}

/// The smallest effect must be possible, intolerable and visible.
fn effects(report: &mut Report<'_>, file: &SequentialFile, around: &Surroundings) {
    let effect = report.or(file.smallest_effect.as_ref(), 1.5);
    let usual = file.usual.as_ref().map_or(around.usual, |_| {
        report.or(file.usual.as_ref(), Ppm::ZERO).as_f64()
    });
    let tolerable = report.or(file.tolerable.as_ref(), Ppm::ZERO);
    if tolerable.as_f64() > usual * effect {
        let place = report.place(file.tolerable.as_ref());
        let message = format!(
            "the smallest effect, {effect} times {:.3} %, is tolerable",
            100.0 * usual
        );
        report.warning(
            "lint::swapped",
            place,
            message,
            "lower `tolerable` or ask for a larger effect",
        );
    }
    let alpha = report.or(file.false_alarms.as_ref(), Ppm(1_000)).as_f64();
    let Some(traffic) = around.traffic else {
        return;
    };
    let bake = report.or(file.bake.as_ref(), Micros::from_mins(10));
    let requests = traffic * bake.as_secs_f64();
    let found = smallest_effect(usual, requests, alpha);
    if found.is_none_or(|found| found > effect) {
        let found = found.map_or("nothing".into(), |found| format!("{found:.2} times"));
        let message = format!(
            "{requests:.0} requests show {found} the usual {:.3} %, and {effect} times is asked for",
            100.0 * usual
        );
        let help = "bake longer, give the canary more traffic or ask for a larger effect";
        let place = report.place(file.smallest_effect.as_ref());
        report.warning("lint::sample-too-small", place, message, help);
    }
    passes_late(report, file, (usual, effect, requests), around);
}

/// A good canary passes only once the smallest effect is excluded, however long that takes.
fn passes_late(
    report: &mut Report<'_>,
    file: &SequentialFile,
    (usual, effect, requests): (f64, f64, f64),
    around: &Surroundings,
) {
    let tolerable = report.or(file.tolerable.as_ref(), Ppm::ZERO).as_f64();
    if tolerable >= usual {
        return; // passes by what is tolerable
    }
    let miss = report.or(file.misses.as_ref(), Ppm(50_000)).as_f64();
    // Nats a request of the candidate, on average while there is no effect.
    let each = match file.usual {
        Some(_) => usual * (effect - 1.0 - effect.ln()),
        None => usual * (((1.0 + effect) / 2.0).powi(2) / effect).ln(),
    };
    let needed = -miss.ln() / each;
    if needed > requests {
        let seconds = needed / around.traffic.unwrap_or(f64::INFINITY);
        let message = format!(
            "a good canary needs {needed:.0} requests to show that {effect} times is not there, \
             and the bake has {requests:.0}: it goes on for {:.1} h",
            seconds / 3_600.0
        );
        let help = "bake longer, ask for a larger effect, or say what is `tolerable`";
        let place = report.place(file.bake.as_ref());
        report.warning("lint::ends-late", place, message, help);
    }
}

fn repeated(report: &mut Report<'_>, file: &RepeatedFile, around: &Surroundings) {
    let failures = report.or(file.failure_limit.as_ref(), 0);
    if let Some(in_row) = &file.consecutive_failure_limit
        && report.read(in_row) >= failures
        && file.failure_limit.is_some()
    {
        let message = "the limit in all is reached first, so this one never matters".into();
        report.warning(
            "lint::idle-limit",
            in_row.place,
            message,
            "make it less than `failure-limit`",
        );
    }
    if let (Some(NoDataFile::Ignore), None) = (file.no_data, &file.consecutive_success_limit) {
        let message = "a metric that has gone away counts as nothing, so nothing fails".into();
        let help = "count `no-data` as an error, or end after `consecutive-success-limit`";
        report.warning("lint::no-data-ignored", file.metric.place, message, help);
    }
    overlap(report, file, failures, around);
}

/// Measurements that look back over each other count one burst several times.
fn overlap(report: &mut Report<'_>, file: &RepeatedFile, failures: u32, around: &Surroundings) {
    let Some(window) = around.query_window else {
        return;
    };
    let times = window.0.div_ceil(around.scrape_every.0.max(1));
    let in_row = file.consecutive_failure_limit.as_ref();
    let in_row_max = report.or(in_row, u32::MAX);
    let let_pass = u64::from(failures.min(in_row_max));
    if times > 1 && times > let_pass {
        let message = format!(
            "one burst is in {times} measurements, whose windows overlap, and {let_pass} may fail"
        );
        let place = file
            .failure_limit
            .as_ref()
            .or(in_row)
            .map(|scalar| scalar.place);
        let place = place.unwrap_or(file.metric.place);
        let help = "measure no more often than a query looks back, or let more failures pass";
        report.warning("lint::windows-overlap", place, message, help);
    }
}
