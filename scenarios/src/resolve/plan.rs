//! Rollout plans: can they pass, can they fail, do they reach everybody?

use std::collections::BTreeMap;

use firedrill_core::ids::{RegionId, ServiceId};
use firedrill_core::rollout::{
    Audience, Placement, Plan, PlanError, Reaction, Stage, StageKind, Target,
};
use firedrill_sim::spec::NamedPlan;

use crate::file::{AudienceFile, PlacementFile, PlanFile, ReactionFile, StageFile, StageKindFile};

use super::World;
use super::context::Context;
use super::judge;
use super::world::above_zero;
use crate::faults;

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
    if let Some(known) = world.known {
        for stage in &file.stages.value {
            context.faults(&faults::of_stage(stage, known));
        }
    }
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
        PlanError::DuplicateStage(_) | PlanError::UnknownRegion(_) | PlanError::NoCheckInterval => {
            return;
        }
        PlanError::Judge { .. } if !context.is_clean() => return,
        PlanError::Judge { stage, .. } => (
            "scenario::judge",
            named(stage).map_or(file.stages.place, |stage| stage.name.place),
            "change `judge` of this stage",
        ),
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
    let judge = judge::resolve(context, file, world, service);
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
            placement: match file.placement {
                None | Some(PlacementFile::Spread) => Placement::Spread,
                Some(PlacementFile::Cells) => Placement::Cells,
            },
        },
        audience: match file.audience.value {
            AudienceFile::Public => Audience::Public,
            AudienceFile::Employees => Audience::Employees,
            AudienceFile::Mirrored => Audience::Mirrored,
            AudienceFile::Probes => Audience::Probes,
        },
        bake: context.read(&file.bake, &what("the bake time")),
        judge,
        on_failure: reaction(file.on_failure),
        name,
    }
}
