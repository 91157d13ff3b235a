//! Rollout plans: can they pass, can they fail, do they reach everybody?

use std::collections::BTreeMap;

use firedrill_core::health::{Check, JudgePolicy, Limit, Signal};
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
use firedrill_core::rollout::{Audience, Plan, PlanError, Reaction, Stage, StageKind, Target};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::spec::NamedPlan;

use crate::file::{
    AudienceFile, CheckFile, LimitFile, PlanFile, RatioFile, ReactionFile, SaturationFile,
    ShareLimit, StageFile, StageKindFile,
};
use crate::scalar::{Kind, Scalar};

use super::World;
use super::context::Context;
use super::world::{above_zero, class_at};

/// Makes a plan of a file, to be followed by the instances of `service`.
pub(super) fn resolve(
    context: &mut Context,
    file: &PlanFile,
    world: &World,
    service: ServiceId,
) -> NamedPlan {
    let name = context.read(&file.name, "the name of a plan");
    let what = |field: &str| format!("{field} of plan `{name}`");
    context.define("stage", file.stages.value.iter().map(|stage| &stage.name));
    let stages = file.stages.value.iter();
    let plan = Plan {
        settled: context.read(&file.settled, &what("the settled share")),
        push_deadline: above_zero(context, &file.push_deadline, &what("the push deadline")),
        check_every: above_zero(context, &file.check_every, &what("the check interval")),
        hold_max: context.read(&file.hold_max, &what("the longest hold")),
        on_alert: reaction(file.on_alert),
        stages: stages
            .map(|stage| resolve_stage(context, stage, world, service))
            .collect(),
    };
    check(context, file, &plan, world, service);
    NamedPlan { name, plan }
}

/// Lets the core say whether the plan can be followed, and finds the place of what it says.
fn check(context: &mut Context, file: &PlanFile, plan: &Plan, world: &World, service: ServiceId) {
    let of_service = world.fleet.services.get(service.index());
    let Some(of_service) = of_service.filter(|service| service.instances > 0) else {
        return;
    };
    if world.fleet.regions.is_empty() {
        return;
    }
    let counts = world.fleet.instances(of_service).into_iter().enumerate();
    let instances: BTreeMap<RegionId, u32> = counts
        .map(|(region, count)| (RegionId(region as u16), count))
        .collect();
    let Err(error) = plan.check(&instances) else {
        return;
    };
    let named = |name: &str| {
        file.stages
            .value
            .iter()
            .find(|stage| stage.name.text == *name)
    };
    let share = |name: &str| named(name).map_or(file.stages.place, |stage| stage.share.place);
    let (code, place, help) = match &error {
        // These were found with their places on the way here.
        PlanError::DuplicateStage(_)
        | PlanError::UnknownRegion(_)
        | PlanError::NeverPasses(_)
        | PlanError::NoCheckInterval => return,
        PlanError::NoStages => (
            "scenario::no-stages",
            file.stages.place,
            "add a stage; the last one must reach every instance",
        ),
        PlanError::EmptyStage(name) => (
            "scenario::empty-stage",
            share(name),
            "give it a share above 0 of a region that has instances",
        ),
        PlanError::NotWhole(name) => (
            "scenario::not-whole",
            share(name),
            "end the plan with a stage of `100 %` in all regions",
        ),
    };
    let message = format!("plan `{}`: {error}", file.name.text);
    context.report(code, place, message, |problem| {
        problem.label("here").help(help)
    });
}

const fn reaction(file: ReactionFile) -> Reaction {
    match file {
        ReactionFile::Ignore => Reaction::Ignore,
        ReactionFile::Pause => Reaction::Pause,
        ReactionFile::RollBack => Reaction::RollBack,
    }
}

fn resolve_stage(
    context: &mut Context,
    file: &StageFile,
    world: &World,
    service: ServiceId,
) -> Stage {
    let name = file.name.text.clone();
    let what = |field: &str| format!("{field} of stage `{name}`");
    let stage = format!("stage `{name}`");
    let checks: Vec<Check> = file
        .judge
        .checks
        .iter()
        .map(|check| resolve_check(context, check, world, service, &stage))
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
    Stage {
        kind: match file.kind {
            StageKindFile::Canary => StageKind::Canary,
            StageKindFile::Wave => StageKind::Wave,
        },
        target: Target {
            regions: file
                .regions
                .iter()
                .map(|region| RegionId(context.find(&world.regions, region, &stage) as u16))
                .collect(),
            share: context.read(&file.share, &what("the share")),
        },
        audience: match file.audience {
            AudienceFile::Public => Audience::Public,
            AudienceFile::Employees => Audience::Employees,
        },
        bake: context.read(&file.bake, &what("the bake time")),
        judge: JudgePolicy {
            checks,
            stale_after: context.read(&file.judge.stale_after, &what("the age limit")),
        },
        on_failure: reaction(file.on_failure),
        name,
    }
}

/// Whether any reading could exceed the check's limit.
const fn can_fail(check: &Check) -> bool {
    let most = match check.signal {
        Signal::Latency { .. } | Signal::Restarts => return true,
        Signal::ErrorRatio { .. }
        | Signal::BusinessLoss { .. }
        | Signal::Unavailable
        | Signal::Cpu
        | Signal::Memory
        | Signal::Network
        | Signal::Disk => Ppm::ONE.0 as u64,
    };
    match check.limit {
        Limit::AtMost(limit) | Limit::AtMostControl { floor: limit, .. } => limit < most,
    }
}

fn resolve_check(
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
            if quantile == Ppm::ZERO || quantile >= Ppm::ONE {
                let what = format!("the quantile of {stage}");
                context.out_of_range(&file.quantile, &what, "above 0 % and below 100 %");
            }
            Check {
                signal: Signal::Latency { quantile },
                limit: limit(context, &file.limit, stage, |time: Micros| time.0),
                sample_min: u64::from(context.read(&file.sample_min, &sample_of(stage))),
            }
        }
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
            if !(1.0..=1e6).contains(&factor) {
                let what = format!("the factor of {what}");
                context.out_of_range(&relative.factor, &what, "1 to 1000000");
            }
            Limit::AtMostControl {
                factor_ppm: (factor * 1e6).round() as u64,
                floor: to_unit(context.read(&relative.floor, &what)),
            }
        }
    }
}
