//! The judge of a stage: its checks, how they are decided, and what they compare with.

use firedrill_core::health::judge::{Control, Method, RankMethod, Repetition, SequentialMethod};
use firedrill_core::health::sequential::{HostEffects, Onset};
use firedrill_core::health::{Check, JudgePolicy, Limit, NoDataRule, Signal};
use firedrill_core::ids::{ClassId, ServiceId};
use firedrill_core::{Micros, Ppm};

use crate::file::{
    CheckFile, ControlFile, JudgeOnsetFile, LimitFile, LowerLimitFile, MethodFile, NoValueFile,
    RankMethodFile, RatioFile, RepetitionFile, SaturationFile, SequentialMethodFile, ShareLimit,
    StageFile,
};
use crate::place::At;
use crate::scalar::{Kind, Scalar};

use super::World;
use super::context::Context;
use super::world::class_at;

/// Makes the judge of a stage.
pub(super) fn resolve(
    context: &mut Context,
    file: &StageFile,
    world: &World,
    service: ServiceId,
) -> JudgePolicy {
    let stage = format!("stage `{}`", file.name.text);
    let checks = resolve_checks(context, file, world, service, &stage);
    let what = format!("the age limit of {stage}");
    JudgePolicy {
        checks,
        method: method(context, file.judge.method.as_ref(), &stage),
        control: control(context, file.judge.control.as_ref(), &stage),
        stale_after: context.read(&file.judge.stale_after, &what),
    }
}

fn resolve_checks(
    context: &mut Context,
    file: &StageFile,
    world: &World,
    service: ServiceId,
    stage: &str,
) -> Vec<Check> {
    let checks: Vec<Check> = file
        .judge
        .checks
        .iter()
        .map(|check| resolve_check(context, check, world, service, stage))
        .collect();
    if checks.is_empty() {
        context.report(
            "scenario::never-passes",
            file.name.place,
            format!("{stage} has no checks, so no verdict could ever let it pass"),
            |problem| {
                problem
                    .label("expected at least one check under `judge`")
                    .help("add a check, for example `unavailable: {limit: {at-most: 5 %}, sample-min: 1}`")
            },
        );
    } else if !checks.iter().any(can_fail) {
        context.report(
            "scenario::never-fails",
            file.name.place,
            format!("{stage} has only checks that can never fail, so it would let everything pass"),
            |problem| {
                problem
                    .label("every limit is the most there can be")
                    .help("lower a limit below 100 %")
            },
        );
    }
    checks
}

fn control(context: &mut Context, file: Option<&ControlFile>, stage: &str) -> Control {
    match file {
        None | Some(ControlFile::Others) => Control::Others,
        Some(ControlFile::Group) => Control::Group,
        Some(ControlFile::Before(length)) => {
            let what = format!("the time before the rollout that {stage} compares with");
            Control::Before(context.read(length, &what))
        }
    }
}

fn method(context: &mut Context, file: Option<&At<MethodFile>>, stage: &str) -> Method {
    match file.map(|file| &file.value) {
        None | Some(MethodFile::Threshold) => Method::Threshold,
        Some(MethodFile::Repeated(file)) => Method::Repeated(repetition(context, file, stage)),
        Some(MethodFile::Rank(file)) => Method::Rank(rank(context, file, stage)),
        Some(MethodFile::Sequential(file)) => Method::Sequential(sequential(context, file, stage)),
    }
}

fn repetition(context: &mut Context, file: &RepetitionFile, stage: &str) -> Repetition {
    let what = |field: &str| format!("the {field} of the judge of {stage}");
    let interval = context.read(&file.interval, &what("interval"));
    let window = file.window.as_ref();
    let mut count = |scalar: &Option<_>, field: &str| {
        let scalar = scalar.as_ref();
        scalar.map(|scalar| context.read(scalar, &what(field)))
    };
    let failures = count(&file.failure_limit, "failure limit");
    let in_row = count(&file.consecutive_failure_limit, "consecutive failure limit");
    let errors = count(&file.consecutive_error_limit, "consecutive error limit");
    Repetition {
        interval,
        window: window.map_or(interval, |window| context.read(window, &what("window"))),
        failure_limit: failures.or_else(|| in_row.is_none().then_some(0)),
        consecutive_failure_limit: in_row,
        consecutive_error_limit: errors.unwrap_or(4),
        no_data: match file.no_data {
            None | Some(NoValueFile::Error) => NoDataRule::Error,
            Some(NoValueFile::Failure) => NoDataRule::Failure,
            Some(NoValueFile::Ignore) => NoDataRule::Ignore,
        },
    }
}

fn rank(context: &mut Context, file: &RankMethodFile, stage: &str) -> RankMethod {
    let confidence = file.confidence.as_ref();
    let points = file.points.as_ref();
    RankMethod {
        confidence: confidence.map_or(Ppm::percent(98), |confidence| {
            context.read(
                confidence,
                &format!("the confidence of the judge of {stage}"),
            )
        }),
        points_min: points.map_or(8, |points| {
            context.read(
                points,
                &format!("the fewest points of the judge of {stage}"),
            )
        }),
        compatible: file.compatible,
    }
}

fn sequential(context: &mut Context, file: &SequentialMethodFile, stage: &str) -> SequentialMethod {
    let what = |field: &str| format!("the {field} of the judge of {stage}");
    let effect = file
        .smallest_effect
        .as_ref()
        .map_or(2.0, |effect| context.read(effect, &what("smallest effect")));
    let mut share = |scalar: &Option<Scalar<_>>, usual: Ppm, field: &str| {
        let scalar = scalar.as_ref();
        scalar.map_or(usual, |scalar| context.read(scalar, &what(field)))
    };
    let vary = share(&file.hosts_vary_by, Ppm::ZERO, "variation of hosts");
    SequentialMethod {
        alpha: share(&file.false_alarms, Ppm(1_000), "false alarms"),
        miss: share(&file.misses, Ppm::percent(5), "misses"),
        effect_milli: (effect * 1e3).round() as u32,
        onset: file.onset.map_or(Onset::Either, JudgeOnsetFile::onset),
        hosts: match vary {
            Ppm::ZERO => HostEffects::None,
            vary => HostEffects::AtMost(vary),
        },
    }
}

/// Whether any reading could exceed the check's limit.
const fn can_fail(check: &Check) -> bool {
    let most = match check.signal {
        Signal::Latency { .. }
        | Signal::Restarts
        | Signal::Reports
        | Signal::Throughput
        | Signal::LogErrors => return true,
        Signal::ErrorRatio { .. }
        | Signal::BusinessLoss { .. }
        | Signal::Probes
        | Signal::Unavailable
        | Signal::Cpu
        | Signal::Memory
        | Signal::Network
        | Signal::Disk => Ppm::ONE.0 as u64,
    };
    match check.limit {
        Limit::AtMost(limit) | Limit::AtMostControl { floor: limit, .. } => limit < most,
        Limit::AtLeast(limit) => limit > 0,
        Limit::AtLeastControl { factor_ppm } => factor_ppm > 0,
    }
}

pub(super) fn resolve_check(
    context: &mut Context,
    file: &CheckFile,
    world: &World,
    service: ServiceId,
    stage: &str,
) -> Check {
    let saturation = |context: &mut Context, signal, file: &SaturationFile<ShareLimit>| Check {
        signal,
        limit: limit(context, &file.limit, stage, |share: Ppm| u64::from(share.0)),
        sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
    };
    let ratio = |context: &mut Context, file: &RatioFile, signal: fn(Option<ClassId>) -> Signal| {
        let name = world.services.iter().nth(service.index()).unwrap_or("");
        let class = file.class.as_ref();
        Check {
            signal: signal(class.map(|class| class_at(context, world, class, name, stage))),
            limit: limit(context, &file.limit, stage, |share: Ppm| u64::from(share.0)),
            sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
        }
    };
    match file {
        CheckFile::ErrorRatio(file) => ratio(context, file, |class| Signal::ErrorRatio { class }),
        CheckFile::BusinessLoss(file) => {
            ratio(context, file, |class| Signal::BusinessLoss { class })
        }
        CheckFile::Latency(file) => {
            let quantile = context.read(&file.quantile, &format!("the quantile of {stage}"));
            Check {
                signal: Signal::Latency { quantile },
                limit: limit(context, &file.limit, stage, |time: Micros| time.0),
                sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
            }
        }
        CheckFile::Throughput(file) => Check {
            signal: Signal::Throughput,
            limit: lower_limit(context, &file.limit, stage),
            sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
        },
        CheckFile::LogErrors(file) => Check {
            signal: Signal::LogErrors,
            limit: limit(context, &file.limit, &per_thousand(stage), |lines: f64| {
                (lines.clamp(0.0, 1e9) * 1e3).round() as u64
            }),
            sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
        },
        CheckFile::Probes(file) => Check {
            signal: Signal::Probes,
            limit: limit(context, &file.limit, stage, |share: Ppm| u64::from(share.0)),
            sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
        },
        CheckFile::UserReports(file) => Check {
            signal: Signal::Reports,
            limit: limit(context, &file.limit, stage, u64::from),
            sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
        },
        CheckFile::Restarts(file) => Check {
            signal: Signal::Restarts,
            limit: limit(context, &file.limit, stage, u64::from),
            sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
        },
        CheckFile::Unavailable(file) => saturation(context, Signal::Unavailable, file),
        CheckFile::Cpu(file) => saturation(context, Signal::Cpu, file),
        CheckFile::Memory(file) => saturation(context, Signal::Memory, file),
        CheckFile::Network(file) => saturation(context, Signal::Network, file),
        CheckFile::Disk(file) => saturation(context, Signal::Disk, file),
    }
}

/// A stage whose limit is easily taken for a share.
fn per_thousand(stage: &str) -> String {
    format!("{stage}, in lines for every thousand requests,")
}

fn sample_of(stage: &str) -> String {
    format!("the smallest sample of {stage}")
}

fn limit<K: Kind>(
    context: &mut Context,
    file: &LimitFile<Scalar<K>>,
    stage: &str,
    to_unit: impl Fn(K::Value) -> u64,
) -> Limit {
    let what = format!("a limit of {stage}");
    match file {
        LimitFile::AtMost(limit) => Limit::AtMost(to_unit(context.read(limit, &what))),
        LimitFile::AtMostControl(relative) => {
            let factor = context.read(&relative.factor, &format!("the factor of {what}"));
            Limit::AtMostControl {
                factor_ppm: (factor * 1e6).round() as u64,
                floor: to_unit(context.read(&relative.floor, &what)),
            }
        }
    }
}

fn lower_limit(context: &mut Context, file: &LowerLimitFile, stage: &str) -> Limit {
    let what = format!("a limit of {stage}");
    match file {
        LowerLimitFile::AtLeast(limit) => Limit::AtLeast(u64::from(context.read(limit, &what))),
        LowerLimitFile::AtLeastControl(part) => {
            let factor = context.read(part, &what);
            Limit::AtLeastControl {
                factor_ppm: (factor.clamp(0.0, 1.0) * 1e6).round() as u64,
            }
        }
    }
}
