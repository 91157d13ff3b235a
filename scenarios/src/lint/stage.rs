//! Rules for one stage of a rollout policy and its judge.

use firedrill_core::rollout::Share;
use firedrill_core::{Micros, Ppm};

use crate::faults;
use crate::file::{
    CheckFile, ControlFile, LimitFile, LowerLimitFile, MethodFile, RatioFile, StageFile,
};
use crate::place::Place;
use crate::scalar::{Count, Kind, Percent, Scalar};

use super::plan::is_whole;
use super::seen::{chance_of_at_least, surely_over};
use super::{Report, Surroundings};

/// A ratio that fails surely should be at most this many times the limit.
const SEEN_FACTOR: f64 = 3.0;
/// How often a usual candidate may fail by chance.
const CHANCE_MAX: f64 = 0.05;

pub(super) fn lint(report: &mut Report<'_>, stage: &StageFile, around: &Surroundings) {
    let name = &stage.name.text;
    let bake = report.read(&stage.bake);
    let stale_after = report.read(&stage.judge.stale_after);
    let age = around.age();
    if bake < age {
        let message = format!("stage `{name}` may be over before its first numbers arrive");
        let help = format!(
            "bake longer than a scrape and its delay, {} s",
            age.as_secs_f64()
        );
        report.error("lint::bake-too-short", stage.bake.place, message, &help);
    }
    if stale_after < age {
        let message = "numbers are stale before the next ones can arrive, so nothing passes".into();
        let help = format!(
            "allow more than a scrape and its delay, {} s",
            age.as_secs_f64()
        );
        let place = stage.judge.stale_after.place;
        report.error("lint::stale-too-soon", place, message, &help);
    } else if stale_after > bake {
        let message = format!("stage `{name}` may pass on numbers older than its bake");
        let help = "make `stale-after` shorter than `bake`";
        report.warning(
            "lint::stale-too-late",
            stage.judge.stale_after.place,
            message,
            help,
        );
    }
    if stage.judge.checks.is_empty() {
        let message = format!("stage `{name}` has no checks, so no verdict lets it pass");
        report.error(
            "lint::never-passes",
            stage.name.place,
            message,
            "add a check",
        );
        return;
    }
    report.faults(&faults::of_stage(stage, around.known()));
    let mut can_fail = false;
    for check in &stage.judge.checks {
        can_fail |= lint_check(report, stage, check, around);
    }
    if !can_fail {
        let message = format!("stage `{name}` has only checks that cannot fail");
        report.error(
            "lint::never-fails",
            stage.name.place,
            message,
            "lower a limit below 100 %",
        );
    }
    quantiles(report, stage);
    method(report, stage, around);
}

/// Whether the check can fail.
fn lint_check(
    report: &mut Report<'_>,
    stage: &StageFile,
    check: &CheckFile,
    around: &Surroundings,
) -> bool {
    match check {
        CheckFile::ErrorRatio(file) | CheckFile::BusinessLoss(file) => {
            ratio(report, stage, file, around);
            control(report, stage, &file.limit);
            share(report, &file.limit)
        }
        CheckFile::Latency(file) => {
            enough_requests(report, stage, &file.sample_min, around);
            control(report, stage, &file.limit);
            true
        }
        CheckFile::Restarts(file) | CheckFile::UserReports(file) => {
            enough_instances(report, stage, &file.sample_min);
            control(report, stage, &file.limit);
            true
        }
        CheckFile::LogErrors(file) => {
            enough_requests(report, stage, &file.sample_min, around);
            control(report, stage, &file.limit);
            true
        }
        CheckFile::Probes(file) => {
            let _ = report.read(&file.sample_min);
            control(report, stage, &file.limit);
            share(report, &file.limit)
        }
        CheckFile::Throughput(file) => {
            enough_instances(report, stage, &file.sample_min);
            throughput(report, stage, &file.limit)
        }
        CheckFile::Unavailable(file)
        | CheckFile::Cpu(file)
        | CheckFile::Memory(file)
        | CheckFile::Network(file)
        | CheckFile::Disk(file) => {
            enough_instances(report, stage, &file.sample_min);
            control(report, stage, &file.limit);
            share(report, &file.limit)
        }
    }
}

fn limit_of<K>(limit: &LimitFile<Scalar<K>>) -> &Scalar<K> {
    match limit {
        LimitFile::AtMost(limit) => limit,
        LimitFile::AtMostControl(relative) => &relative.floor,
    }
}

/// Whether a share can exceed its limit.
fn share(report: &mut Report<'_>, limit: &LimitFile<Scalar<Percent>>) -> bool {
    let limit = limit_of(limit);
    let can_fail = report.read(limit) < Ppm::ONE;
    if !can_fail {
        let message = "this check never fails: nothing exceeds 100 %".into();
        report.warning("lint::idle-check", limit.place, message, "lower the limit");
    }
    can_fail
}

/// Reads a limit, and tells when it has nothing to compare with but those who have not got the
/// change yet.
fn control<K: Kind>(report: &mut Report<'_>, stage: &StageFile, limit: &LimitFile<Scalar<K>>) {
    let _ = report.read(limit_of(limit));
    let LimitFile::AtMostControl(relative) = limit else {
        return;
    };
    let _ = report.read(&relative.factor);
    no_control(report, stage);
}

/// A stage for everybody leaves nobody to compare with at the same time.
fn no_control(report: &mut Report<'_>, stage: &StageFile) {
    let looks_back = matches!(stage.judge.control, Some(ControlFile::Before(_)));
    if looks_back || !is_whole(report, stage) {
        return;
    }
    let name = &stage.name.text;
    let help = "give the last stage fixed limits (`at-most`), or `control: {before: 1h}`";
    match stage.judge.method.as_ref().map(|method| &method.value) {
        None | Some(MethodFile::Threshold | MethodFile::Repeated(_)) => {
            let message = format!(
                "stage `{name}` leaves no control: its checks compare with those who get the \
                 change last"
            );
            report.warning("lint::no-control", stage.share.place, message, help);
        }
        Some(MethodFile::Rank(_) | MethodFile::Sequential(_)) => {
            let message =
                format!("stage `{name}` leaves nobody to compare with, so nothing passes");
            report.error("lint::never-passes", stage.share.place, message, help);
        }
    }
}

/// Whether throughput can fall below its limit.
fn throughput(report: &mut Report<'_>, stage: &StageFile, limit: &LowerLimitFile) -> bool {
    let (can_fail, place) = match limit {
        LowerLimitFile::AtLeast(limit) => (report.read(limit) > 0, limit.place),
        LowerLimitFile::AtLeastControl(part) => {
            no_control(report, stage);
            (report.read(part) > 0.0, part.place)
        }
    };
    if !can_fail {
        let message = "this check never fails: nothing falls below 0".into();
        report.warning("lint::idle-check", place, message, "raise the limit");
    }
    can_fail
}

/// Whether the way in which checks are decided fits the stage.
fn method(report: &mut Report<'_>, stage: &StageFile, around: &Surroundings) {
    let bake = report.read(&stage.bake);
    match stage.judge.method.as_ref().map(|method| &method.value) {
        None | Some(MethodFile::Threshold) => {}
        Some(MethodFile::Sequential(file)) => {
            let shares = [&file.false_alarms, &file.misses, &file.hosts_vary_by];
            for share in shares.into_iter().flatten() {
                let _ = report.read(share);
            }
            let _ = report.or(file.smallest_effect.as_ref(), 2.0);
        }
        Some(MethodFile::Repeated(file)) => {
            let interval = report.read(&file.interval).max(Micros(1));
            let window = file.window.as_ref();
            let window = window.map_or(interval, |window| report.read(window));
            let failures = file.failure_limit.as_ref();
            let allowed = failures.map_or(0, |limit| report.read(limit));
            let seen = window.0.div_ceil(interval.0);
            if seen > 1 && seen > u64::from(allowed) {
                let message = format!(
                    "one bad moment is in {seen} measurements, and more than {allowed} fail the stage"
                );
                let help = "measure no more often than the window is long";
                report.warning("lint::counted-twice", file.interval.place, message, help);
            }
            if bake < interval {
                let message = format!(
                    "stage `{}` may be over before it is measured",
                    stage.name.text
                );
                let help = "bake longer than the interval";
                report.error("lint::bake-too-short", stage.bake.place, message, help);
            }
        }
        Some(MethodFile::Rank(file)) => {
            let points = report.or(file.points.as_ref(), 8);
            let _ = report.or(file.confidence.as_ref(), Ppm::ZERO);
            let scrapes = bake.0 / around.scrape_every.0.max(1);
            if !file.compatible && scrapes < u64::from(points) {
                let message = format!(
                    "stage `{}` brings {scrapes} scrapes in its bake, its judge asks for {points}",
                    stage.name.text
                );
                let help = "bake longer, or lower `points`";
                report.error("lint::never-passes", stage.bake.place, message, help);
            }
        }
    }
}

fn enough_instances(report: &mut Report<'_>, stage: &StageFile, sample_min: &Scalar<Count>) {
    let needed = report.read(sample_min);
    if let Share::Instances(instances) = report.read(&stage.share)
        && stage.regions.len() == 1
        && needed > instances
    {
        let name = &stage.name.text;
        let message =
            format!("stage `{name}` has {instances} instances, its check asks for {needed}");
        let help = "lower `sample-min` or widen the stage";
        report.error("lint::never-passes", sample_min.place, message, help);
    }
}

/// Requests that the stage will have seen at its end; an error when they are too few.
fn enough_requests(
    report: &mut Report<'_>,
    stage: &StageFile,
    sample_min: &Scalar<Count>,
    around: &Surroundings,
) -> Option<f64> {
    let needed = f64::from(report.read(sample_min));
    let seen = around.traffic? * report.read(&stage.bake).as_secs_f64();
    if seen < needed {
        let name = &stage.name.text;
        let message =
            format!("stage `{name}` sees {seen:.0} requests, its check asks for {needed}");
        let help = "lower `sample-min`, bake longer or widen the stage";
        report.error("lint::never-passes", sample_min.place, message, help);
    }
    Some(seen)
}

/// What the sample of a ratio can show.
fn ratio(report: &mut Report<'_>, stage: &StageFile, file: &RatioFile, around: &Surroundings) {
    let seen = enough_requests(report, stage, &file.sample_min, around);
    let sample = f64::from(report.read(&file.sample_min)).max(1.0);
    let limit = report.read(limit_of(&file.limit)).as_f64();
    if let LimitFile::AtMost(_) = &file.limit {
        let count = (limit * sample).floor() as u64 + 1;
        let chance = chance_of_at_least(count, around.usual * sample);
        if around.usual < limit && chance > CHANCE_MAX {
            let message = format!(
                "{count} of {sample} requests fail this check, which chance does in {:.0} % of looks",
                100.0 * chance
            );
            let help = "raise `sample-min` or the limit";
            report.warning(
                "lint::fails-by-chance",
                file.sample_min.place,
                message,
                help,
            );
        }
        if around.usual >= limit {
            let message = "the usual error ratio is above this limit, so nothing passes".into();
            report.error(
                "lint::never-passes",
                limit_of(&file.limit).place,
                message,
                "raise it",
            );
        }
    }
    let Some(seen) = seen.filter(|seen| *seen >= sample) else {
        return;
    };
    let surely = surely_over(limit, seen);
    if limit > 0.0 && surely > SEEN_FACTOR * limit {
        let message = format!(
            "among {seen:.0} requests only a ratio of {:.2} % or more fails surely, {:.1} times the limit",
            100.0 * surely,
            surely / limit
        );
        let help = "bake longer, widen the stage or raise the limit";
        report.warning(
            "lint::sample-too-small",
            file.sample_min.place,
            message,
            help,
        );
    }
}

/// A higher quantile has the higher limit.
fn quantiles(report: &mut Report<'_>, stage: &StageFile) {
    let mut limits: Vec<(Ppm, Micros, Place)> = Vec::new();
    for check in &stage.judge.checks {
        if let CheckFile::Latency(file) = check
            && let LimitFile::AtMost(limit) = &file.limit
        {
            limits.push((report.read(&file.quantile), report.read(limit), limit.place));
        }
    }
    limits.sort_by_key(|(quantile, _, _)| *quantile);
    for pair in limits.windows(2) {
        if pair[1].1 < pair[0].1 {
            let message = format!(
                "the limit of p{} is below that of p{}",
                pair[1].0.as_f64() * 100.0,
                pair[0].0.as_f64() * 100.0
            );
            report.error("lint::swapped", pair[1].2, message, "swap the two limits");
        }
    }
}
