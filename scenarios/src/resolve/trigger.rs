//! Triggers of a defect: what must also be so for it to hurt, and whether it can ever be.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::config::{Finding, Schema};
use firedrill_core::ids::RegionId;
use firedrill_sim::spec::{Fleet, Trigger};

use crate::file::TriggerFile;
use crate::place::{At, Place};
use crate::problem::enumerate;
use crate::scalar::{Count, Literal, Name, Scalar, TimeOfDay};

use super::World;
use super::change::{unknown_key, value};
use super::context::Context;
use super::defect::{Bearer, End, share_of};

/// The triggers that one entry of a file stands for: one for each key it names, else one.
pub(super) fn resolve(
    context: &mut Context,
    file: &TriggerFile,
    bearer: &Bearer<'_>,
    end: End,
) -> Vec<Trigger> {
    let world = bearer.world;
    match file {
        TriggerFile::LoadAbove(load) => {
            let what = "the load above which the defect hurts";
            vec![Trigger::LoadAbove(share_of(context, load, end, what))]
        }
        TriggerFile::LocalTime { from, until } => vec![local_time(context, from, until)],
        TriggerFile::Regions(names) => vec![regions(context, names, world)],
        TriggerFile::Hardware(class) => vec![hardware(context, class, &world.fleet)],
        TriggerFile::Key(values) => keys(context, values, bearer.schema),
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
