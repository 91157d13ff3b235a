//! Defects: does what they say fit the fleet and the config?

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::Micros;
use firedrill_core::config::{Finding, Schema};
use firedrill_core::ids::{RegionId, ServiceId};
use firedrill_sim::spec::{Defect, Fleet, Mechanism, Onset, RequestClass, Trigger};

use crate::file::{DefectFile, MechanismFile, OnsetFile, TriggerFile};
use crate::place::{At, Place};
use crate::problem::enumerate;
use crate::scalar::{Count, Literal, Name, Number, Percent, Scalar, TimeOfDay};

use super::World;
use super::change::{unknown_key, value};
use super::context::Context;
use super::edge;
use super::world::{above_zero, class_at};

/// Makes a defect of a file, in a config with `schema` of `service`.
pub(super) fn resolve(
    context: &mut Context,
    file: &DefectFile,
    world: &World,
    service: ServiceId,
    schema: Option<&Schema>,
) -> Defect {
    let mechanism = mechanism(context, &file.mechanism, world, service);
    let onset = onset(context, &file.onset);
    let mut triggers = Vec::new();
    for file in &file.triggers {
        match file {
            TriggerFile::LoadAbove(load) => {
                let load = context.read(load, "the load above which the defect hurts");
                triggers.push(Trigger::LoadAbove(load.as_f64()));
            }
            TriggerFile::LocalTime { from, until } => {
                triggers.push(local_time(context, from, until));
            }
            TriggerFile::Regions(names) => triggers.push(regions(context, names, world)),
            TriggerFile::Hardware(class) => triggers.push(hardware(context, class, &world.fleet)),
            TriggerFile::Key(values) => triggers.extend(keys(context, values, schema)),
        }
    }
    Defect {
        story: context.read(&file.story, "the story of the defect"),
        mechanism,
        log_lines: log_lines(context, file),
        onset,
        triggers,
    }
}

/// Lines for every request; they are given for every thousand.
fn log_lines(context: &mut Context, file: &DefectFile) -> f64 {
    let Some(lines) = &file.log_lines else {
        return 0.0;
    };
    let what = "the lines that the defect logs";
    let read = context.read(lines, what);
    if !(0.0..=1e6).contains(&read) {
        context.out_of_range(lines, what, "0 to 1000000");
    }
    read / 1e3
}

fn mechanism(
    context: &mut Context,
    file: &MechanismFile,
    world: &World,
    service: ServiceId,
) -> Mechanism {
    let name = world.services.iter().nth(service.index()).unwrap_or("");
    let class_of = |context: &mut Context, class: &Option<Scalar<Name>>| {
        let class = class.as_ref()?;
        Some(class_at(context, world, class, name, "the defect"))
    };
    match file {
        MechanismFile::Errors { class, share } => Mechanism::Errors {
            class: class_of(context, class),
            share: share_of(context, share, "the share of the defect"),
        },
        MechanismFile::Latency { factor } => Mechanism::Latency {
            factor: factor_of(context, factor, "the factor of the defect"),
        },
        MechanismFile::CrashOnLoad { share } => Mechanism::CrashOnLoad {
            share: share_of(context, share, "the share of the defect"),
        },
        MechanismFile::CpuBurn { factor } => Mechanism::CpuBurn {
            factor: factor_of(context, factor, "the factor of the defect"),
        },
        MechanismFile::MemoryLeak { fills_after } => {
            let what = "the time after which the defect has filled memory";
            let time = context.read(fills_after, what);
            if time < Micros::from_secs(1) {
                context.out_of_range(fills_after, what, "1s or more");
            }
            Mechanism::MemoryLeak { fills_after: time }
        }
        MechanismFile::WrongData { class, share } => Mechanism::WrongData {
            class: class_of(context, class),
            share: share_of(context, share, "the share of the defect"),
        },
        MechanismFile::AccessLoss { share } => Mechanism::AccessLoss {
            share: share_of(context, share, "the share of the defect"),
        },
        MechanismFile::ToolingPoison {
            scrapes_lost,
            distribution_factor,
        } => Mechanism::ToolingPoison {
            scrapes_lost: share_of(context, scrapes_lost, "the share of scrapes that are lost"),
            distribution_factor: factor_of(
                context,
                distribution_factor,
                "the distribution factor of the defect",
            ),
        },
        MechanismFile::QuotaExhaustion { .. }
        | MechanismFile::RetryStorm { .. }
        | MechanismFile::CacheStorm { .. } => downstream(context, file, world, service),
    }
}

/// The mechanisms that hit a service that the changed one calls.
fn downstream(
    context: &mut Context,
    file: &MechanismFile,
    world: &World,
    service: ServiceId,
) -> Mechanism {
    match file {
        MechanismFile::QuotaExhaustion { victim, factor } => Mechanism::QuotaExhaustion {
            victim: victim_of(context, victim, world, service),
            factor: factor_of(context, factor, "the factor of the defect"),
        },
        MechanismFile::RetryStorm {
            callee,
            attempts,
            timeout,
        } => Mechanism::RetryStorm {
            callee: victim_of(context, callee, world, service),
            attempts: edge::attempts(context, attempts, "the tries of the defect"),
            timeout: timeout
                .as_ref()
                .map(|timeout| above_zero(context, timeout, "the timeout of the defect")),
        },
        MechanismFile::CacheStorm {
            store,
            factor,
            refill,
        } => Mechanism::CacheStorm {
            store: victim_of(context, store, world, service),
            factor: factor_of(context, factor, "the factor of the defect"),
            refill: above_zero(context, refill, "the refill time of the defect"),
        },
        MechanismFile::Errors { .. }
        | MechanismFile::Latency { .. }
        | MechanismFile::CrashOnLoad { .. }
        | MechanismFile::CpuBurn { .. }
        | MechanismFile::MemoryLeak { .. }
        | MechanismFile::WrongData { .. }
        | MechanismFile::AccessLoss { .. }
        | MechanismFile::ToolingPoison { .. } => {
            unreachable!("a mechanism that stays in its own service")
        }
    }
}

fn share_of(context: &mut Context, share: &Scalar<Percent>, what: &str) -> f64 {
    context.read(share, what).as_f64()
}

fn factor_of(context: &mut Context, factor: &Scalar<Number>, what: &str) -> f64 {
    let value = context.read(factor, what);
    if !(1.0..=1e3).contains(&value) {
        context.out_of_range(factor, what, "1 to 1000");
    }
    value
}

/// A service that suffers, which the changed one must call.
fn victim_of(
    context: &mut Context,
    victim: &Scalar<Name>,
    world: &World,
    service: ServiceId,
) -> ServiceId {
    let id = ServiceId(context.find(&world.services, victim, "the defect") as u16);
    let name = |id: &ServiceId| world.services.iter().nth(id.index()).unwrap_or("");
    let called = called_by(&world.fleet, service);
    if name(&id) == victim.text && !called.contains(&id) {
        let caller = name(&service);
        let help = if called.is_empty() {
            format!("`{caller}` calls nothing; choose a mechanism that hurts `{caller}` itself")
        } else {
            let called = enumerate(called.iter().map(name));
            format!("`{caller}` calls {called}: name one of them, or add it to a class's path")
        };
        context.report(
            "scenario::not-called",
            victim.place,
            format!(
                "the defect of `{caller}` hits `{}`, which `{caller}` does not call",
                victim.text
            ),
            |problem| {
                let label = format!("no request of any class goes from `{caller}` to it");
                problem.label(label).help(help)
            },
        );
    }
    id
}

/// The services that `caller` calls for requests of any class.
fn called_by(fleet: &Fleet, caller: ServiceId) -> BTreeSet<ServiceId> {
    let of_class = |class: &RequestClass| {
        let path = class.path.clone();
        let called = |position: &usize| {
            let to = path[*position];
            let calls = |from: &ServiceId| {
                let mut edges = fleet.edges.iter();
                edges.any(|edge| edge.from == Some(*from) && edge.to == to)
            };
            let nearest = path[..*position].iter().rev().find(|from| calls(from));
            nearest.or_else(|| path[..*position].last()) == Some(&caller)
        };
        let called: Vec<usize> = (0..path.len()).filter(called).collect();
        called.into_iter().map(move |position| path[position])
    };
    fleet.classes.iter().flat_map(of_class).collect()
}

fn onset(context: &mut Context, file: &OnsetFile) -> Onset {
    match file {
        OnsetFile::AtLoad => Onset::AtLoad,
        OnsetFile::Delayed(after) => {
            Onset::Delayed(above_zero(context, after, "the delay of the defect"))
        }
        OnsetFile::Ramp(over) => Onset::Ramp(above_zero(context, over, "the ramp of the defect")),
        OnsetFile::NextRestart(mean) => Onset::NextRestart(above_zero(
            context,
            mean,
            "the mean time to the next restart",
        )),
    }
}

fn local_time(
    context: &mut Context,
    from: &Scalar<TimeOfDay>,
    until: &Scalar<TimeOfDay>,
) -> Trigger {
    let what = "the time of day until which the defect hurts";
    let trigger = Trigger::LocalTime {
        from: context.read(from, "the time of day from which the defect hurts"),
        until: context.read(until, what),
    };
    if from.text == until.text {
        let allowed = format!("any time but `{}`, from which it hurts", from.text);
        context.out_of_range(until, what, &allowed);
    }
    trigger
}

fn regions(context: &mut Context, names: &At<Vec<Scalar<Name>>>, world: &World) -> Trigger {
    if names.value.is_empty() {
        never(context, names.place, "region");
    }
    let names = names.value.iter();
    let find = |name| RegionId(context.find(&world.regions, name, "the defect") as u16);
    Trigger::Regions(names.map(find).collect())
}

/// A trigger that lists nothing could never hold.
fn never(context: &mut Context, place: Place, kind: &str) {
    context.report(
        "scenario::never-triggers",
        place,
        format!("a trigger of the defect lists no {kind}, so it would never hurt"),
        |problem| {
            let help = "name what it depends on, or leave the trigger out";
            problem
                .label(format!("expected at least one {kind}"))
                .help(help)
        },
    );
}

fn hardware(context: &mut Context, class: &Scalar<Count>, fleet: &Fleet) -> Trigger {
    let number = context.read(class, "the hardware class of the defect");
    let found: BTreeSet<u8> = fleet
        .regions
        .iter()
        .flat_map(|region| (0..region.cells as usize).map(|cell| region.hardware_of(cell)))
        .collect();
    let number = u8::try_from(number).ok();
    let number = number.filter(|number| found.contains(number));
    if number.is_none() && !found.is_empty() {
        let names: Vec<String> = found.iter().map(u8::to_string).collect();
        let help = format!(
            "there are {}; `hardware` of a region gives its cells others",
            enumerate(names.iter().map(String::as_str))
        );
        context.report(
            "scenario::unknown-hardware",
            class.place,
            format!(
                "the defect needs hardware class {}, which no cell has",
                class.text
            ),
            |problem| problem.label("no such hardware").help(help),
        );
    }
    Trigger::Hardware(number.unwrap_or(0))
}

fn keys(
    context: &mut Context,
    values: &At<BTreeMap<String, Scalar<Literal>>>,
    schema: Option<&Schema>,
) -> Vec<Trigger> {
    if values.value.is_empty() {
        never(context, values.place, "key");
    }
    let Some(schema) = schema else {
        return Vec::new();
    };
    let mut triggers = Vec::new();
    for (key, literal) in &values.value {
        let Some(spec) = schema.keys.get(key) else {
            unknown_key(context, "the defect", key, literal.place, schema);
            continue;
        };
        let value = value(&spec.kind, &literal.text);
        let mut document = schema.initial_document();
        document.insert(key.clone(), value.clone());
        let refused = schema.validate(&document).into_iter().find(is_of_one_key);
        if let Some(finding) = refused {
            context.report(
                "scenario::never-triggers",
                literal.place,
                format!("the defect waits for a value that validation refuses: {finding}"),
                |problem| {
                    problem
                        .label("no config ever has this value")
                        .help("give a value that the key may have")
                },
            );
        }
        triggers.push(Trigger::Key {
            key: key.clone(),
            value,
        });
    }
    triggers
}

/// Whether a finding is about a single value, and not about several together.
const fn is_of_one_key(finding: &Finding) -> bool {
    match finding {
        Finding::UnknownKey { .. }
        | Finding::MissingKey { .. }
        | Finding::WrongType { .. }
        | Finding::OutOfRange { .. }
        | Finding::NotAllowed { .. } => true,
        Finding::Forbidden { .. } => false,
    }
}
