//! Configs and changes, with the plans they name.

use firedrill_core::Micros;
use firedrill_core::config::{
    Decision, Document, Edit, KeySpec, KeyType, Principal, Rule, Schema, Value,
};
use firedrill_core::ids::{ConfigId, PlanId, ServiceId};
use firedrill_sim::spec::{ChangeSpec, ConfigSpec, Review};

use crate::catalogue;
use crate::faults;
use crate::file::{
    ChangeFile, ConfigFile, DecisionFile, KeyKindFile, PersonFile, PlanFile, ScenarioFile,
};
use crate::place::Place;
use crate::plans::PlanSource;
use crate::problem::{closest, enumerate};
use crate::scalar::{Duration, Kind, Literal, Name, Scalar};

use super::context::Context;
use super::defect::{self, Bearer};
use super::fleet::distribution;
use super::mix;
use super::world::role;
use super::{Section, World};

pub(super) fn resolve(
    context: &mut Context,
    (file, plans): (&ScenarioFile, &[PlanSource]),
    configs: &Section<'_, Vec<ConfigFile>>,
    world: &World,
    duration: Micros,
) -> (Vec<ConfigSpec>, Vec<ChangeSpec>) {
    let names = context.within(configs, |context, configs| {
        context.define("config", configs.iter().map(|config| &config.name))
    });
    let mut specs: Vec<ConfigSpec> = context.within(configs, |context, configs| {
        let configs = configs.iter();
        configs
            .map(|config| resolve_config(context, config, world))
            .collect()
    });
    context.define("mix", file.mixes.iter().map(|mix| &mix.name));
    let plans = Plans::new(context, plans);
    plans.look_back(context, duration);
    let mut used = Vec::new();
    let mut changes = Vec::new();
    for change in &file.changes {
        let config = context.find(&names, &change.config, &title(change));
        let service = specs.get(config).map_or(ServiceId(0), |spec| spec.service);
        let plan = match specs.get_mut(config) {
            Some(spec) => plan_of(context, &plans, change, spec, world),
            None => PlanId(0),
        };
        used.push(change.plan.text.as_str());
        let schema = specs.get(config).map(|spec| &spec.schema);
        let bearer = Bearer {
            world,
            service,
            schema,
        };
        changes.push(ChangeSpec {
            title: context.read(&change.title, "the title of a change"),
            at: context.read(&change.at, &format!("the time of {}", title(change))),
            config: ConfigId(config as u16),
            author: person(context, &change.author),
            edits: schema.map_or_else(Vec::new, |schema| edits(context, change, schema)),
            plan,
            review: Review {
                reviewer: person(context, &change.review.reviewer),
                delay: distribution(context, &change.review.delay, "the review"),
                decision: match change.review.decision {
                    DecisionFile::Approve => Decision::Approve,
                    DecisionFile::Reject => Decision::Reject,
                },
            },
            defect: change
                .defect
                .as_ref()
                .map(|defect| defect::resolve(context, defect, &bearer)),
            mix: mix::resolve(context, file, change, &bearer),
        });
    }
    for plan in plans
        .sections
        .iter()
        .filter(|plan| !used.contains(&&*plan.value.name.text))
    {
        // Nobody follows it; it is checked against the first service all the same.
        context.within(plan, |context, plan| {
            super::plan::resolve(context, plan, world, ServiceId(0))
        });
    }
    check_times(context, file, &changes, duration);
    (specs, changes)
}

pub(super) fn title(change: &ChangeFile) -> String {
    format!("change `{}`", change.title.text.trim())
}

fn check_times(
    context: &mut Context,
    file: &ScenarioFile,
    changes: &[ChangeSpec],
    duration: Micros,
) {
    let mut last = Micros::ZERO;
    for (change, spec) in file.changes.iter().zip(changes) {
        let what = format!("the time of {}", title(change));
        if spec.at >= duration && Duration::parse(&file.duration.text).is_ok() {
            let allowed = format!("0s to the end of the run ({duration})");
            context.out_of_range(&change.at, &what, &allowed);
        }
        if spec.at < last {
            let allowed = format!("{last} or later, for changes stand in the order of their time");
            context.out_of_range(&change.at, &what, &allowed);
        }
        last = spec.at;
    }
}

pub(super) fn person(context: &mut Context, file: &PersonFile) -> Principal {
    Principal {
        name: context.read(&file.name, "the name of a person"),
        role: role(file.role),
    }
}

/// The plan's id among those of the config, which gets the plan when it does not have it yet.
fn plan_of(
    context: &mut Context,
    plans: &Plans<'_>,
    change: &ChangeFile,
    config: &mut ConfigSpec,
    world: &World,
) -> PlanId {
    let name = &change.plan.text;
    let known = config.plans.iter().position(|plan| plan.name == *name);
    let index = known.or_else(|| {
        let plan = plans.find(context, change)?;
        let plan = context.within(plan, |context, plan| {
            super::plan::resolve(context, plan, world, config.service)
        });
        config.plans.push(plan);
        Some(config.plans.len() - 1)
    });
    PlanId(index.unwrap_or(0) as u16)
}

/// The plans that changes may follow.
struct Plans<'a> {
    sections: Vec<Section<'a, PlanFile>>,
}

impl<'a> Plans<'a> {
    /// Takes the plans, and tells when two share a name. The catalogue's come last, and only those
    /// that are named: a plan of the file's own may hide one.
    fn new(context: &mut Context, plans: &'a [PlanSource]) -> Self {
        let mut sections: Vec<Section<'a, PlanFile>> = Vec::new();
        for plan in plans {
            let section = Section {
                source: context.add_source(plan.source.clone()),
                value: &plan.plan,
            };
            let name = &plan.plan.name;
            let hidden = sections
                .iter()
                .find(|known| known.value.name.text == name.text);
            let Some(hidden) = hidden else {
                sections.push(section);
                continue;
            };
            let from_catalogue = catalogue::policy(&name.text)
                .is_some_and(|entry| entry.file_name() == plan.source.name);
            if !from_catalogue {
                let first = context.file_name(hidden.source).to_owned();
                let line = hidden.value.name.place.line;
                let message = format!("two plans are called `{}`", name.text);
                let help = format!("the first one is on line {line} of {first}; rename one");
                context.within(&section, |context, _| {
                    context.report("scenario::duplicate-name", name.place, message, |problem| {
                        problem.label("used before").help(help)
                    });
                });
            }
        }
        Self { sections }
    }

    fn find(&self, context: &mut Context, change: &ChangeFile) -> Option<&Section<'a, PlanFile>> {
        let wanted = &change.plan;
        let names = || self.sections.iter().map(|plan| &*plan.value.name.text);
        let found = names().position(|name| name == wanted.text);
        if found.is_none() {
            let known: Vec<&str> = names().collect();
            let known = known.iter().copied();
            let known = known.chain(catalogue::policies().map(|entry| entry.name));
            let owner = "in this file, the plan files it names or the catalogue";
            context.unknown("plan", &title(change), wanted, known, owner);
        }
        self.sections.get(found?)
    }

    /// No run is longer than itself.
    fn look_back(&self, context: &mut Context, duration: Micros) {
        let what = format!("the run lasts {}", firedrill_sim::expect::length(duration));
        for plan in &self.sections {
            let stages = plan.value.stages.value.iter();
            let far = stages.filter_map(|stage| faults::looks_too_far_back(stage, duration, &what));
            let far: Vec<_> = far.collect();
            context.within(plan, |context, _| context.faults(&far));
        }
    }
}

fn resolve_config(context: &mut Context, file: &ConfigFile, world: &World) -> ConfigSpec {
    let what = format!("config `{}`", file.name.text);
    context.define("key", file.keys.iter().map(|key| &key.key));
    let mut schema = Schema {
        name: file.name.text.clone(),
        keys: Default::default(),
        rules: Vec::new(),
    };
    for key in &file.keys {
        let kind = key_type(context, &key.kind, &key.key);
        let initial = value(&kind, &key.initial.text);
        schema
            .keys
            .insert(key.key.text.clone(), KeySpec { kind, initial });
    }
    for rule in &file.forbid {
        let reason = context.read(&rule.reason, &format!("the reason of a rule of {what}"));
        let mut all = Document::new();
        for (key, literal) in &rule.all {
            match schema.keys.get(key) {
                Some(spec) => drop(all.insert(key.clone(), value(&spec.kind, &literal.text))),
                None => unknown_key(context, &what, key, literal.place, &schema),
            }
        }
        schema.rules.push(Rule::Forbid { reason, all });
    }
    for finding in schema.validate(&schema.initial_document()) {
        context.report(
            "scenario::initial-value",
            file.name.place,
            format!("{what} starts invalid: {finding}"),
            |problem| {
                let help = "give its keys initial values that its own rules allow";
                problem.label("before any change").help(help)
            },
        );
    }
    let service = context.find(&world.services, &file.service, &what);
    ConfigSpec {
        schema,
        service: ServiceId(service as u16),
        plans: Vec::new(),
    }
}

fn key_type(context: &mut Context, file: &KeyKindFile, key: &Scalar<Name>) -> KeyType {
    let key = &key.text;
    match file {
        KeyKindFile::Bool {} => KeyType::Bool,
        KeyKindFile::Int { min, max } => {
            let least = context.read(min, &format!("the least `{key}`"));
            let greatest = context.read(max, &format!("the greatest `{key}`"));
            if greatest < least {
                let allowed = format!("{least} or more");
                context.out_of_range(max, &format!("the greatest `{key}`"), &allowed);
            }
            KeyType::Int {
                min: least,
                max: greatest,
            }
        }
        KeyKindFile::Text { one_of } => KeyType::Text {
            one_of: one_of.iter().map(|text| text.text.clone()).collect(),
        },
    }
}

/// A value as the key's type reads it; of the type it looks like when the key's type does not
/// fit, for validation in the run to refuse.
pub(super) fn value(kind: &KeyType, text: &str) -> Value {
    let plain = match (text, text.parse::<i64>()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Ok(number)) => Value::Int(number),
        (_, Err(_)) => Value::Text(text.into()),
    };
    match kind {
        KeyType::Text { .. } => Value::Text(text.into()),
        KeyType::Bool | KeyType::Int { .. } => plain,
    }
}

pub(super) fn unknown_key(
    context: &mut Context,
    what: &str,
    key: &str,
    place: Place,
    schema: &Schema,
) {
    let known = || schema.keys.keys().map(String::as_str);
    let help = match closest(key, known()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the config has {}", enumerate(known())),
    };
    context.report(
        "scenario::unknown-config-key",
        place,
        format!(
            "{what} names key `{key}`, which config `{}` does not have",
            schema.name
        ),
        |problem| problem.label("the value of an unknown key").help(help),
    );
}

fn edits(context: &mut Context, change: &ChangeFile, schema: &Schema) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut document = schema.initial_document();
    for (key, literal) in &change.set.value {
        let literal: &Scalar<Literal> = literal;
        let Some(spec) = schema.keys.get(key) else {
            unknown_key(context, &title(change), key, literal.place, schema);
            continue;
        };
        let value = value(&spec.kind, &literal.text);
        document.insert(key.clone(), value.clone());
        edits.push(Edit {
            key: key.clone(),
            value,
        });
    }
    if context.is_clean() && document == schema.initial_document() {
        context.report(
            "scenario::no-effect",
            change.set.place,
            format!("{} sets nothing that is not so already", title(change)),
            |problem| {
                let help = "give a key a new value";
                let label = "expected a value other than the initial one";
                problem.label(label).help(help)
            },
        );
    }
    edits
}
