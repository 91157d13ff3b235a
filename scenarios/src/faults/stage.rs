//! The judge of a stage: what its method, its control, its audience and its checks cannot be.

use firedrill_core::rollout::Share;
use firedrill_core::{Micros, Ppm};
use firedrill_sim::spec::Telemetry;

use crate::file::{
    AudienceFile, CheckFile, ControlFile, LimitFile, LowerLimitFile, MethodFile, RankMethodFile,
    RepetitionFile, SequentialMethodFile, StageFile,
};
use crate::scalar::{Duration, Scalar};

use super::{Fault, FaultKind, Found, value};

/// What there is to see beside what instances tell of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Synthetic requests are sent.
    pub probes: bool,
    /// Users tell.
    pub user_reports: bool,
}

/// What is known of the world that a plan is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The time between two measurements.
    pub(crate) scrape_every: Micros,
    /// What there is to see; unknown when absent.
    pub(crate) sources: Option<Sources>,
}

impl Known {
    /// What telemetry shows.
    pub(crate) const fn of(telemetry: &Telemetry) -> Self {
        Self {
            scrape_every: telemetry.scrape_every,
            sources: Some(Sources {
                probes: telemetry.probes_per_s > 0.0,
                user_reports: telemetry.user_reports.is_some(),
            }),
        }
    }
}

const INSIDE: &str = "above 0 % and below 100 %";

fn is_inside(share: Ppm) -> bool {
    share > Ppm::ZERO && share < Ppm::ONE
}

/// What a stage may not ask for.
pub(crate) fn of_stage(stage: &StageFile, known: Known) -> Vec<Fault> {
    let mut found = Found::new(format!("stage `{}`", stage.name.text));
    method(&mut found, stage, known);
    control(&mut found, stage);
    audience(&mut found, stage, known);
    for check in &stage.judge.checks {
        one_check(&mut found, stage, check, known);
    }
    found.faults
}

/// A stage cannot compare with a time before the rollout that is longer than `most`: what there
/// is then, in words.
pub(crate) fn looks_too_far_back(stage: &StageFile, most: Micros, what: &str) -> Option<Fault> {
    let Some(ControlFile::Before(length)) = &stage.judge.control else {
        return None;
    };
    if value(Some(length))? <= most {
        return None;
    }
    let mut found = Found::new(String::new());
    let message = format!(
        "stage `{}` compares with the {} before the rollout, and {what}",
        stage.name.text, length.text
    );
    let help = "compare with less, or propose the change later in the run";
    found.add(FaultKind::NoData, length.place, message, help);
    found.faults.pop()
}

fn method(found: &mut Found, stage: &StageFile, known: Known) {
    let Some(method) = &stage.judge.method else {
        return;
    };
    match &method.value {
        MethodFile::Threshold => {}
        MethodFile::Repeated(file) => repeated(found, file, known),
        MethodFile::Rank(file) => {
            rank(found, file);
            if !stage.judge.checks.iter().any(is_relative) {
                let message = format!(
                    "{} is judged by a rank test, which compares with the control, and none of \
                     its checks does",
                    found.of
                );
                let help = "give a check a limit with `at-most-control`, or use another method";
                found.add(FaultKind::NoControl, method.place, message, help);
            }
        }
        MethodFile::Sequential(file) => sequential(found, file, stage.judge.checks.len()),
    }
}

fn repeated(found: &mut Found, file: &RepetitionFile, known: Known) {
    let help = "write the time between two measurements, such as `1m`";
    above_zero(found, Some(&file.interval), "the interval", help);
    let help = "write how far a measurement looks back, such as `1m`, or leave it out";
    above_zero(found, file.window.as_ref(), "the window", help);
    let window = file.window.as_ref().unwrap_or(&file.interval);
    let scrape = known.scrape_every;
    if value(Some(window)).is_some_and(|length| length > Micros::ZERO && length < scrape) {
        let message = format!(
            "a measurement of {} looks back {}, and numbers come every {}: it sees none",
            found.of,
            window.text,
            firedrill_sim::expect::length(scrape)
        );
        let help = "look back no less than the scrape interval";
        found.add(FaultKind::NoData, window.place, message, help);
    }
}

fn rank(found: &mut Found, file: &RankMethodFile) {
    let help = "write how sure a difference must be, such as `98 %`";
    let what = "the confidence of the judge";
    found.range(file.confidence.as_ref(), what, INSIDE, help, is_inside);
    let what = "the fewest points of the judge";
    let points = file.points.as_ref();
    if file.compatible {
        let allowed = "none beside `compatible: true`, which decides on any number";
        found.range(points, what, allowed, "leave out `points`", |_| false);
    } else {
        let help = "write how many scrapes a verdict takes, such as `8`";
        found.range(points, what, "1 or more", help, |points| points > 0);
    }
}

fn sequential(found: &mut Found, file: &SequentialMethodFile, checks: usize) {
    let alpha = file.false_alarms.as_ref();
    let help = "write how seldom a good change may fail, such as `0.1 %`";
    found.range(alpha, "the rate of false alarms", INSIDE, help, is_inside);
    let help = "write how seldom a change with the smallest effect may pass, such as `5 %`";
    let misses = file.misses.as_ref();
    found.range(misses, "the rate of misses", INSIDE, help, is_inside);
    let help = "write a multiple of the usual errors, such as `2`";
    let effect = file.smallest_effect.as_ref();
    found.range(effect, "the smallest effect", EFFECTS, help, is_effect);
    if let (Some(scalar), Some(budget)) = (alpha, value(alpha))
        && is_inside(budget)
        && (budget.0 as usize) < checks
    {
        let message = format!(
            "the rate of false alarms of {} is `{}`, split over {checks} checks: each has less than \
             0.0001 %",
            found.of, scalar.text
        );
        let help = "allow more false alarms, or make fewer checks";
        found.add(FaultKind::OutOfRange, scalar.place, message, help);
    }
}

const EFFECTS: &str = "1.05 to less than 64";

/// The effects that a sequential judge can look for.
fn is_effect(effect: f64) -> bool {
    (1.05..64.0).contains(&effect)
}

fn above_zero(found: &mut Found, scalar: Option<&Scalar<Duration>>, what: &str, help: &str) {
    found.range(scalar, what, "more than 0s", help, |time| {
        time > Micros::ZERO
    });
}

fn control(found: &mut Found, stage: &StageFile) {
    match &stage.judge.control {
        None | Some(ControlFile::Others) => {}
        Some(ControlFile::Group) => {
            let share = value(Some(&stage.share));
            if matches!(share, Some(Share::Ppm(share)) if share > Ppm::percent(50)) {
                let message = format!(
                    "{} reaches {}, which leaves no control group of the same size",
                    found.of, stage.share.text
                );
                let help = "reach at most `50 %`, or use `control: others` or `{before: 30m}`";
                found.add(FaultKind::NoControl, stage.share.place, message, help);
            }
        }
        Some(ControlFile::Before(length)) => {
            let help = "write how long before the rollout to look at, such as `30m`";
            let what = "the time before the rollout";
            above_zero(found, Some(length), what, help);
        }
    }
}

fn audience(found: &mut Found, stage: &StageFile, known: Known) {
    let has_none = known.sources.is_some_and(|sources| !sources.probes);
    if has_none && matches!(stage.audience.value, AudienceFile::Probes) {
        let message = format!(
            "{} gets synthetic requests only, and nobody sends any in this world",
            found.of
        );
        found.add(
            FaultKind::NoData,
            stage.audience.place,
            message,
            SEND_PROBES,
        );
    }
}

const SEND_PROBES: &str = "add `probes: 2/s` under `telemetry`, or look at something else";

fn is_relative(check: &CheckFile) -> bool {
    match check {
        CheckFile::ErrorRatio(file) | CheckFile::BusinessLoss(file) => relative(&file.limit),
        CheckFile::Latency(file) => relative(&file.limit),
        CheckFile::LogErrors(file) => relative(&file.limit),
        CheckFile::Probes(file) => relative(&file.limit),
        CheckFile::UserReports(file) | CheckFile::Restarts(file) => relative(&file.limit),
        CheckFile::Throughput(file) => matches!(file.limit, LowerLimitFile::AtLeastControl(_)),
        CheckFile::Unavailable(file)
        | CheckFile::Cpu(file)
        | CheckFile::Memory(file)
        | CheckFile::Network(file)
        | CheckFile::Disk(file) => relative(&file.limit),
    }
}

const fn relative<V>(limit: &LimitFile<V>) -> bool {
    matches!(limit, LimitFile::AtMostControl(_))
}

fn one_check(found: &mut Found, stage: &StageFile, check: &CheckFile, known: Known) {
    let missing = |is_there: fn(Sources) -> bool| {
        let sources = known.sources;
        sources.is_some_and(|sources| !is_there(sources))
    };
    match check {
        CheckFile::ErrorRatio(file) | CheckFile::BusinessLoss(file) => {
            ratio_factor(found, stage, &file.limit);
        }
        CheckFile::Latency(file) => {
            let help = "write a quantile such as `99 %`";
            let quantile = Some(&file.quantile);
            found.range(quantile, "the quantile", INSIDE, help, is_inside);
            factor(found, &file.limit);
        }
        CheckFile::LogErrors(file) => factor(found, &file.limit),
        CheckFile::Probes(file) => {
            factor(found, &file.limit);
            if missing(|sources| sources.probes) {
                let message = format!(
                    "{} checks synthetic requests, and nobody sends any in this world",
                    found.of
                );
                let place = file.sample_min.place;
                found.add(FaultKind::NoData, place, message, SEND_PROBES);
            }
        }
        CheckFile::UserReports(file) => {
            let message = match &file.limit {
                LimitFile::AtMostControl(_) => Some(format!(
                    "{} compares reports of users with the control, and no report tells which \
                     version it is of",
                    found.of
                )),
                LimitFile::AtMost(_) => None,
            };
            if let Some(message) = message {
                let help = "limit the reports themselves: `at-most: 40`";
                let place = file.sample_min.place;
                found.add(FaultKind::NoControl, place, message, help);
            }
            if missing(|sources| sources.user_reports) {
                let message = format!(
                    "{} counts reports of users, and nobody reports anything in this world",
                    found.of
                );
                let help = "add `user-reports` under `telemetry`, or look at something else";
                let place = file.sample_min.place;
                found.add(FaultKind::NoData, place, message, help);
            }
        }
        CheckFile::Throughput(file) => throughput(found, stage, &file.limit),
        CheckFile::Restarts(file) => factor(found, &file.limit),
        CheckFile::Unavailable(file)
        | CheckFile::Cpu(file)
        | CheckFile::Memory(file)
        | CheckFile::Network(file)
        | CheckFile::Disk(file) => factor(found, &file.limit),
    }
}

const FACTOR_HELP: &str = "write a factor such as `1.5`, which allows half as much again";

fn factor<V>(found: &mut Found, limit: &LimitFile<V>) {
    let LimitFile::AtMostControl(relative) = limit else {
        return;
    };
    let (what, allowed) = ("the factor of a limit", "1 to 1000000");
    let factor = Some(&relative.factor);
    let range = (allowed, FACTOR_HELP);
    // Below one, a candidate as good as the control fails.
    found.limit(FaultKind::NeverPasses, factor, what, range, |f| f >= 1.0);
    found.range(factor, what, allowed, FACTOR_HELP, |factor| factor <= 1e6);
}

/// To a sequential judge, the factor of a ratio is the smallest effect.
fn ratio_factor<V>(found: &mut Found, stage: &StageFile, limit: &LimitFile<V>) {
    let method = stage.judge.method.as_ref().map(|method| &method.value);
    let LimitFile::AtMostControl(relative) = limit else {
        return;
    };
    if !matches!(method, Some(MethodFile::Sequential(_))) {
        return factor(found, limit);
    }
    let what = "the factor of a limit, which is the smallest effect to a sequential judge,";
    let help = "write a multiple of the control's errors that matters, such as `2`";
    found.range(Some(&relative.factor), what, EFFECTS, help, is_effect);
}

fn throughput(found: &mut Found, stage: &StageFile, limit: &LowerLimitFile) {
    let LowerLimitFile::AtLeastControl(part) = limit else {
        return;
    };
    let help = "write a part of the control's throughput, such as `0.8`";
    let what = "the part of the control's throughput";
    let is_part = |part: f64| (0.0..=1.0).contains(&part);
    found.range(Some(part), what, "0 to 1", help, is_part);
    let served = match stage.audience.value {
        AudienceFile::Employees => "employees only",
        AudienceFile::Probes => "synthetic requests only",
        AudienceFile::Public | AudienceFile::Mirrored => return,
    };
    let message = format!(
        "{} serves {served} and compares its throughput with instances that serve everybody",
        found.of
    );
    let help = "limit the throughput itself (`at-least: 100`), or leave the check to a later stage";
    found.add(FaultKind::NeverPasses, part.place, message, help);
}
