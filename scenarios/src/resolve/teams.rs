//! Teams, and who of them is on call when.

use firedrill_core::Micros;
use firedrill_core::config::{Principal, Role};
use firedrill_core::ids::{PersonId, RegionId, ScheduleId, ServiceId, TeamId};
use firedrill_core::incident::{
    Assignment, DAY, EscalationPolicy, Layer, Level, Override, OwnershipRule, PageTarget,
    Restriction, Schedule, WEEK,
};
use firedrill_sim::spec::{PersonSpec, TeamSpec, Teams};

use crate::file::{HoursFile, LayerFile, LevelFile, MemberFile, OwnsFile, StandInFile, TeamFile};
use crate::scalar::{Name, Scalar};

use super::World;
use super::context::{Context, Names};
use super::world::{above_zero, role};

/// How long somebody has to answer when the file does not say.
const ANSWER_WITHIN: Micros = Micros::from_mins(5);
/// How often an escalation is repeated when the file does not say.
const REPEATS: u32 = 2;
/// When turns change when the file does not say.
const TURNS_CHANGE: Micros = Micros::from_hours(9);

pub(super) fn resolve(context: &mut Context, files: &[TeamFile], world: &World) -> Teams {
    context.define("team", files.iter().map(|team| &team.name));
    let members = files.iter().flat_map(|team| &team.people);
    let names = context.define("person", members.map(|member| &member.name));
    let mut teams = Teams {
        people: Vec::new(),
        teams: Vec::new(),
        ownership: Vec::new(),
    };
    for (index, file) in files.iter().enumerate() {
        let id = TeamId(index as u16);
        let first = teams.people.len() as u16;
        for member in &file.people {
            let person = resolve_member(context, member, id);
            teams.people.push(person);
        }
        let own = first..teams.people.len() as u16;
        let rules: Vec<OwnershipRule> = file
            .owns
            .iter()
            .map(|owns| resolve_owns(context, owns, id, world))
            .collect();
        let team = resolve_team(context, file, (id, own), &rules, (&names, world));
        teams.ownership.extend(rules);
        teams.teams.push(team);
    }
    teams
}

fn resolve_member(context: &mut Context, file: &MemberFile, team: TeamId) -> PersonSpec {
    let role = file.role.map_or(Role::SiteReliability, role);
    if !role.may_operate() {
        let name = &file.name.text;
        context.report(
            "scenario::powerless-on-call",
            file.name.place,
            format!("`{name}` may be on call and acts as {role}, a role that may not roll back"),
            |problem| {
                problem
                    .label("cannot end an incident")
                    .help("give the role `owner` or `site-reliability`")
            },
        );
    }
    let site = file.site.as_ref();
    PersonSpec {
        principal: Principal {
            name: file.name.text.clone(),
            role,
        },
        team,
        utc_offset_s: site.map_or(0, |site| context.read(site, "where somebody is")),
    }
}

fn resolve_owns(
    context: &mut Context,
    file: &OwnsFile,
    team: TeamId,
    world: &World,
) -> OwnershipRule {
    const WHAT: &str = "what a team owns";
    let service = file.service.as_ref();
    let service = service.map(|name| ServiceId(context.find(&world.services, name, WHAT) as u16));
    let region = file.region.as_ref();
    let region = region.map(|name| RegionId(context.find(&world.regions, name, WHAT) as u16));
    OwnershipRule {
        service,
        region,
        team,
    }
}

fn resolve_team(
    context: &mut Context,
    file: &TeamFile,
    (id, own): (TeamId, std::ops::Range<u16>),
    rules: &[OwnershipRule],
    (names, world): (&Names, &World),
) -> TeamSpec {
    if own.is_empty() {
        let message = format!("team `{}` has nobody who could be paged", file.name.text);
        let help = "list somebody under `people`";
        nobody_to_page(context, file, message, ("no people", help));
    }
    let runs = file.runs.as_ref().map(|runs| {
        let find = |name: &Scalar<Name>| {
            ServiceId(context.find(&world.services, name, "what a team runs") as u16)
        };
        runs.iter().map(find).collect()
    });
    let layers = match &file.rota {
        Some(layers) => layers
            .iter()
            .filter_map(|layer| resolve_layer(context, layer, names))
            .collect(),
        None if own.is_empty() => Vec::new(),
        None => vec![Layer {
            people: own.map(PersonId).collect(),
            turn: WEEK,
            anchor: TURNS_CHANGE,
            utc_offset_s: 0,
            restrictions: Vec::new(),
        }],
    };
    let stand_ins = file.stand_ins.iter();
    let overrides = stand_ins
        .map(|one| resolve_stand_in(context, one, names))
        .collect();
    TeamSpec {
        name: file.name.text.clone(),
        schedule: Schedule { layers, overrides },
        escalation: resolve_escalation(context, file, id, names),
        runs: runs.unwrap_or_else(|| rules.iter().filter_map(|rule| rule.service).collect()),
    }
}

fn person(context: &mut Context, name: &Scalar<Name>, names: &Names, what: &str) -> PersonId {
    PersonId(context.find(names, name, what) as u16)
}

fn resolve_layer(context: &mut Context, file: &LayerFile, names: &Names) -> Option<Layer> {
    let people: Vec<PersonId> = file
        .people
        .iter()
        .map(|name| person(context, name, names, "a rotation"))
        .collect();
    let turn = file.turn.as_ref();
    let starts = file.starts.as_ref();
    let site = file.site.as_ref();
    let site = site.map_or(0, |site| context.read(site, "the site of a rotation"));
    let layer = Layer {
        turn: turn.map_or(WEEK, |turn| {
            above_zero(context, turn, "the turn of a rotation")
        }),
        anchor: starts.map_or(TURNS_CHANGE, |time| context.read(time, "when turns change")),
        utc_offset_s: site as i32,
        restrictions: file
            .hours
            .as_ref()
            .map(|hours| resolve_hours(context, hours))
            .into_iter()
            .collect(),
        people,
    };
    // A rotation of nobody is one that the file could as well leave out.
    (!layer.people.is_empty()).then_some(layer)
}

fn resolve_hours(context: &mut Context, file: &HoursFile) -> Restriction {
    let from = context.read(&file.from, "the begin of a rotation's hours");
    let until = context.read(&file.until, "the end of a rotation's hours");
    let length = if until > from {
        until - from
    } else {
        until + DAY - from
    };
    Restriction::Daily { from, length }
}

fn resolve_stand_in(context: &mut Context, file: &StandInFile, names: &Names) -> Override {
    let from = context.read(&file.from, "the begin of standing in");
    let until = context.read(&file.until, "the end of standing in");
    if until <= from {
        context.out_of_range(
            &file.until,
            "the end of standing in",
            "later than its begin",
        );
    }
    Override {
        person: person(context, &file.person, names, "a stand-in"),
        from,
        until,
    }
}

fn resolve_escalation(
    context: &mut Context,
    file: &TeamFile,
    team: TeamId,
    names: &Names,
) -> EscalationPolicy {
    let on_call = PageTarget::OnCall(ScheduleId(team.0));
    let mut level = |file: &LevelFile| {
        let named = file.page.iter();
        let named: Vec<PageTarget> = named
            .map(|name| PageTarget::Person(person(context, name, names, "an escalation")))
            .collect();
        Level {
            targets: if named.is_empty() {
                vec![on_call]
            } else {
                named
            },
            delay: above_zero(context, &file.answer_within, "the time to answer a page"),
            assignment: Assignment::Everyone,
        }
    };
    let levels: Vec<Level> = match &file.escalation {
        Some(levels) => levels.iter().map(&mut level).collect(),
        None => vec![Level {
            targets: vec![on_call],
            delay: ANSWER_WITHIN,
            assignment: Assignment::Everyone,
        }],
    };
    if levels.is_empty() {
        let message = format!("the escalation of team `{}` pages nobody", file.name.text);
        let help = "leave `escalation` out, or give it a level";
        nobody_to_page(context, file, message, ("no levels", help));
    }
    let repeats = file.repeats.as_ref();
    let lapses = file.acknowledgement_lapses.as_ref();
    EscalationPolicy {
        levels,
        repeats: repeats.map_or(REPEATS, |count| {
            context.read(count, "the repeats of an escalation")
        }),
        acknowledge_timeout: lapses
            .map(|time| above_zero(context, time, "when an acknowledgement lapses")),
    }
}

fn nobody_to_page(
    context: &mut Context,
    file: &TeamFile,
    message: String,
    (label, help): (&str, &str),
) {
    let code = "scenario::nobody-to-page";
    context.report(code, file.name.place, message, |problem| {
        problem.label(label).help(help)
    });
}
