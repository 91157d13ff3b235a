//! What is done about an outage: tools and the playbook.

use std::collections::BTreeMap;

use firedrill_core::ids::{ConfigId, RegionId, ServiceId, SloId};
use firedrill_core::remediation::{Action, ActionKind, KillScope, OverrideReason};
use firedrill_sim::spec::{ActionTool, Cue, Deed, Play, Response};

use crate::file::{
    ActionToolFile, ConfigFile, CueFile, DeedFile, OverrideFile, OverrideReasonFile, PlayFile,
    PlayerFile, ResponseFile, SloFile, ToolKindFile,
};
use crate::scalar::{Name, Percent, Scalar};

use super::change::person;
use super::context::{Context, Names};
use super::fleet::distribution;
use super::people::severity_of;
use super::world::above_zero;
use super::{Section, World};

/// What a playbook may name.
struct Known<'a> {
    world: &'a World,
    configs: Names,
    objectives: Names,
    plays: Names,
}

pub(super) fn resolve(
    context: &mut Context,
    file: &ResponseFile,
    world: &World,
    configs: &Section<'_, Vec<ConfigFile>>,
    slos: &Section<'_, Vec<SloFile>>,
) -> Response {
    let mut response = Response::default();
    if let Some(look) = &file.look_after {
        let what = "the time to a look at an action's effect";
        response.look_after = above_zero(context, look, what);
    }
    if let Some(approval) = &file.approval {
        response.approval = distribution(context, approval, "the time to an approval");
    }
    response.tools = tools(context, &file.tools);
    let known = Known {
        world,
        configs: context.within(configs, |context, configs| {
            context.define("config", configs.iter().map(|config| &config.name))
        }),
        objectives: context.within(slos, |context, slos| {
            context.define("SLO", slos.iter().map(|slo| &slo.name))
        }),
        plays: context.define("play", file.playbook.iter().map(|play| &play.name)),
    };
    let plays = file.playbook.iter();
    response.plays = plays.map(|file| play(context, file, &known)).collect();
    response
}

fn tools(context: &mut Context, files: &[ActionToolFile]) -> BTreeMap<ActionKind, ActionTool> {
    let tool = |file: &ActionToolFile| {
        let kind = tool_kind(file.kind);
        let delay = distribution(context, &file.delay, "the delay of a tool");
        let fails = share(context, file.fails.as_ref(), 0.0, "the failures of a tool");
        (kind, ActionTool { delay, fails })
    };
    files.iter().map(tool).collect()
}

pub(super) const fn tool_kind(file: ToolKindFile) -> ActionKind {
    match file {
        ToolKindFile::KillSwitch => ActionKind::KillSwitch,
        ToolKindFile::TripBreaker => ActionKind::TripBreaker,
        ToolKindFile::Drain => ActionKind::Drain,
    }
}

fn play(context: &mut Context, file: &PlayFile, known: &Known<'_>) -> Play {
    let name = context.read(&file.name, "the name of a play");
    let what = format!("the play `{name}`");
    let when = match &file.when {
        CueFile::Acknowledged => Cue::Acknowledged,
        CueFile::Verdict => Cue::Verdict,
        CueFile::Alert(slo) => {
            Cue::Alert(SloId(context.find(&known.objectives, slo, &what) as u16))
        }
        CueFile::Severity(severity) => Cue::Severity(severity_of(*severity)),
        CueFile::Failed(other) => Cue::Failed(context.find(&known.plays, other, &what)),
    };
    let times_max = file.times.as_ref().map_or(1, |times| {
        let what = "the number of times of a play";
        let read = context.read(times, what);
        if !(1..=100).contains(&read) {
            context.out_of_range(times, what, "1 to 100");
        }
        read
    });
    let overrides = matches!(file.deed, DeedFile::Override(_));
    if overrides != matches!(file.when, CueFile::Verdict) {
        let message = format!("{what} and what it begins with do not fit together");
        context.report("scenario::idle-play", file.name.place, message, |problem| {
            problem
                .label("would never be done")
                .help("`when: verdict` and `do: {override: …}` go together, and with nothing else")
        });
    }
    Play {
        when,
        after: distribution(context, &file.after, "the time to a play"),
        automatic: matches!(file.by, Some(PlayerFile::Automation)),
        chance: share(context, file.chance.as_ref(), 1.0, "the chance of a play"),
        times_max,
        deed: deed(context, &file.deed, known, &what),
        name,
    }
}

fn deed(context: &mut Context, file: &DeedFile, known: &Known<'_>, what: &str) -> Deed {
    let service = |context: &mut Context, name: &Scalar<Name>| {
        ServiceId(context.find(&known.world.services, name, what) as u16)
    };
    Deed::Act(match file {
        DeedFile::FreezeRollouts => Action::FreezeRollouts,
        DeedFile::KillSwitch { config } => {
            let config = context.find(&known.configs, config, what);
            Action::KillSwitch(KillScope::Config(ConfigId(config as u16)))
        }
        DeedFile::TripBreaker { caller, callee } => {
            let from = service(context, caller);
            let to = service(context, callee);
            let edges = &known.world.fleet.edges;
            let soft = |edge: &firedrill_sim::spec::Edge| {
                edge.from == Some(from) && edge.to == to && !edge.hard
            };
            if context.is_clean() && !edges.iter().any(soft) {
                let message = format!(
                    "{what} keeps `{}` from calling `{}`, which it cannot do without",
                    caller.text, callee.text
                );
                context.report("scenario::no-fallback", callee.place, message, |problem| {
                    problem
                        .label("no call with a fallback leads here")
                        .help("give the call `fallback: true`, or trip another breaker")
                });
            }
            Action::TripBreaker {
                caller: from,
                callee: to,
            }
        }
        DeedFile::Drain { region } => Action::Drain {
            region: RegionId(context.find(&known.world.regions, region, what) as u16),
        },
        DeedFile::Override(file) => return overriding(context, file),
    })
}

fn overriding(context: &mut Context, file: &OverrideFile) -> Deed {
    let (by, second) = (person(context, &file.by), person(context, &file.second));
    if by.role == second.role || by.name == second.name || !second.role.may_operate() {
        let message = format!(
            "{} ({}) cannot agree with {} ({}) to override a verdict",
            second.name, second.role, by.name, by.role
        );
        context.report(
            "scenario::powerless-second",
            file.second.name.place,
            message,
            |problem| {
                problem
                    .label("must be somebody else, in another role")
                    .help(
                        "give the second person the role `owner` or `site-reliability`, other than \
                     that of the first",
                    )
            },
        );
    }
    Deed::Override {
        reason: match file.reason {
            OverrideReasonFile::FalseAlarm => OverrideReason::FalseAlarm,
            OverrideReasonFile::ExpectedEffect => OverrideReason::ExpectedEffect,
            OverrideReasonFile::NoData => OverrideReason::NoData,
            OverrideReasonFile::Emergency => OverrideReason::Emergency,
        },
        by,
        second,
        thinking: distribution(context, &file.thinking, "the time to think"),
        agrees: share(context, file.agrees.as_ref(), 1.0, "the chance to agree"),
    }
}

fn share(
    context: &mut Context,
    scalar: Option<&Scalar<Percent>>,
    otherwise: f64,
    what: &str,
) -> f64 {
    scalar.map_or(otherwise, |scalar| context.read(scalar, what).as_f64())
}
