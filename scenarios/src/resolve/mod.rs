//! From a file to a scenario: scalars get a meaning, names become ids, and everything that is
//! wrong is collected before anything is refused.

mod alerting;
mod change;
mod context;
mod defect;
mod demand;
mod edge;
mod expect;
mod fleet;
mod judge;
mod mix;
mod people;
mod plan;
mod propagation;
mod response;
mod size;
mod status;
mod teams;
mod tools;
mod trigger;
mod world;

use firedrill_sim::spec::{
    Alerting, NamedSlo, Response, Scenario, StatusPosts, Support, Teams, Telemetry, ToolSpec,
};

use crate::catalogue;
use crate::faults::Known;
use crate::file::{
    ConfigFile, FleetFile, NoiseFile, ScenarioFile, SloFile, TelemetryFile, WorldFile,
};
use crate::plans::PlanSource;
use crate::problem::{Problem, Source};
use crate::yaml;

use context::{Context, Names};

pub use size::Resized;

/// A section of the world, and the file it was read from.
struct Section<'a, T> {
    source: usize,
    value: &'a T,
}

/// The names of a world that others refer to, and what its judges can see.
struct World {
    fleet: firedrill_sim::spec::Fleet,
    regions: Names,
    services: Names,
    classes: Names,
    /// Known once the telemetry was read.
    known: Option<Known>,
}

/// A scenario, and what its `size` made of it.
pub(crate) type Resolved = (Scenario, Option<Resized>);

/// Makes a scenario of a file.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn resolve(
    source: &Source,
    file: &ScenarioFile,
    plans: &[PlanSource],
) -> Result<Resolved, Vec<Problem>> {
    let mut context = Context::new(source);
    let resolved = build(&mut context, file, plans);
    let mut problems = context.into_problems();
    if problems.is_empty() {
        let Some((scenario, resized)) = resolved else {
            unreachable!("nothing is wrong with the file, and yet there is no scenario");
        };
        match scenario.check() {
            Ok(()) => return Ok((scenario, resized)),
            Err(error) => problems.push(unsound(source, file, &error)),
        }
    }
    Err(problems)
}

/// The loader checks all that a world does, with places; this is what it may have missed.
fn unsound(source: &Source, file: &ScenarioFile, error: &dyn std::error::Error) -> Problem {
    let mut message = format!("the scenario cannot be run: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    Problem::new("scenario::unsound", source, message)
        .at(file.name.place)
        .label("in this scenario")
}

fn build(context: &mut Context, file: &ScenarioFile, plans: &[PlanSource]) -> Option<Resolved> {
    let preset = load_world(context, file);
    let preset = preset.as_ref().map(|(source, world)| (*source, world));
    let step = pick(file.step.as_ref(), preset, |world| &world.step);
    let fleet = pick(file.fleet.as_ref(), preset, |world| &world.fleet);
    let demand = pick(file.demand.as_ref(), preset, |world| &world.demand);
    let configs = pick(file.configs.as_ref(), preset, |world| &world.configs);
    let slos = pick(file.slos.as_ref(), preset, |world| &world.slos);
    let propagation = pick(file.propagation.as_ref(), preset, |world| {
        &world.propagation
    });
    let telemetry = pick(file.telemetry.as_ref(), preset, |world| &world.telemetry);
    let on_call = pick(file.on_call.as_ref(), preset, |world| &world.on_call);
    let core = pick(file.core.as_ref(), preset, |world| &world.core);
    let noise = pick_noise(file, preset);

    let (name, [title, summary]) = words(context, file);
    let duration = context.read(&file.duration, "the duration");
    let (mut world, resized) = world_of(context, file, &fleet?);
    let demand = context.within(&demand?, |context, demand| {
        demand::resolve(context, demand, &world)
    });
    let slos_section = slos?;
    let slos = context.within(&slos_section, |context, slos| {
        world::resolve_slos(context, slos, &world)
    });
    let propagation = context.within(&propagation?, |context, propagation| {
        propagation::resolve(context, propagation, &world)
    });
    let step = context.within(&step?, |context, step| context.read(step, "the step"));
    let telemetry_source = telemetry?;
    let telemetry = telemetry_of(context, &telemetry_source, &mut world);
    let noise = noise.map(|noise| context.within(&noise, world::resolve_noise));
    let on_call = context.within(&on_call?, people::resolve_on_call);
    let alerting = alerting_of(context, file, &world, &slos);
    let (tools, support, teams, status) = responders(context, file, &world, &telemetry);
    let core = context.within(&core?, |context, core| {
        world::resolve_core(context, core, world::automation(file.automation))
    });
    let section = configs?;
    let (configs, changes) = change::resolve(context, (file, plans), &section, &world, duration);
    let response = response_of(context, file, &world, (&section, &slos_section));
    world::check_times(context, file, &telemetry_source, step, duration);
    let expect = expect::resolve(context, file, &configs);
    let scenario = Scenario {
        name,
        source: String::new(),
        title,
        summary,
        duration,
        step,
        fleet: world.fleet,
        demand,
        configs,
        slos,
        changes,
        propagation,
        telemetry,
        noise: noise.unwrap_or_default(),
        on_call,
        tools,
        support,
        teams,
        status,
        core,
        alerting,
        response,
        expect,
    };
    Some((scenario, resized))
}

/// The name, the title and the summary.
fn words(context: &mut Context, file: &ScenarioFile) -> (String, [String; 2]) {
    let name = context.read(&file.name, "the scenario's name");
    let title = context.read(&file.title, "the title");
    (name, [title, context.read(&file.summary, "the summary")])
}

/// Fleet and names, and what `size` makes of the fleet.
fn world_of(
    context: &mut Context,
    file: &ScenarioFile,
    section: &Section<'_, FleetFile>,
) -> (World, Option<Resized>) {
    let mut world = context.within(section, fleet::resolve);
    let size = file.size.as_ref();
    let resized = size.and_then(|size| size::apply(context, size, &mut world.fleet));
    (world, resized)
}

/// How numbers get to whoever judges; judges are told what they may count on.
fn telemetry_of(
    context: &mut Context,
    section: &Section<'_, TelemetryFile>,
    world: &mut World,
) -> Telemetry {
    let telemetry = context.within(section, world::resolve_telemetry);
    world.known = Some(Known::of(&telemetry));
    telemetry
}

/// What people respond with, who listens to users, teams, and what they tell those outside.
type Responding = (
    Vec<ToolSpec>,
    Option<Support>,
    Option<Box<Teams>>,
    Option<StatusPosts>,
);

fn responders(
    context: &mut Context,
    file: &ScenarioFile,
    world: &World,
    telemetry: &Telemetry,
) -> Responding {
    let tools = file.tools.as_ref();
    let tools = tools.map(|tools| tools::resolve(context, tools, world));
    let support = file.support.as_ref();
    let support = support.map(|file| tools::resolve_support(context, file, telemetry));
    let teams = file.teams.as_ref().filter(|teams| !teams.is_empty());
    let teams = teams.map(|teams| Box::new(teams::resolve(context, teams, world)));
    let status = file.status_posts.as_ref();
    let status = status.map(|posts| status::resolve(context, posts, teams.is_some()));
    (tools.unwrap_or_default(), support, teams, status)
}

/// What raises alerts beside the objectives, and how alerts are told.
fn alerting_of(
    context: &mut Context,
    file: &ScenarioFile,
    world: &World,
    slos: &[NamedSlo],
) -> Alerting {
    let alerting = file.alerting.as_ref();
    let alerting = alerting.map(|file| alerting::resolve(context, file, world, slos));
    alerting.unwrap_or_default()
}

/// What is done against an outage; nothing if the file does not say.
fn response_of(
    context: &mut Context,
    file: &ScenarioFile,
    world: &World,
    (configs, slos): (&Section<'_, Vec<ConfigFile>>, &Section<'_, Vec<SloFile>>),
) -> Response {
    let response = file.response.as_ref();
    let response = response.map(|file| response::resolve(context, file, world, configs, slos));
    response.unwrap_or_default()
}

/// Noise may be left out by the file and by its preset: then there is none.
fn pick_noise<'a>(
    file: &'a ScenarioFile,
    preset: Option<(usize, &'a WorldFile)>,
) -> Option<Section<'a, NoiseFile>> {
    let own = file.noise.as_ref();
    own.map(|value| Section { source: 0, value }).or_else(|| {
        let (source, world) = preset?;
        let value = world.noise.as_ref()?;
        Some(Section { source, value })
    })
}

/// The world preset that the file names, read from the catalogue. A file that names none must
/// have all sections itself.
fn load_world(context: &mut Context, file: &ScenarioFile) -> Option<(usize, WorldFile)> {
    let Some(named) = &file.world else {
        report_missing(context, file);
        return None;
    };
    let reference = &named.preset;
    let name = context.read(reference, "the world preset");
    let Some(preset) = catalogue::world(&name) else {
        let known = catalogue::worlds().map(|entry| entry.name);
        context.unknown(
            "world",
            "the scenario",
            reference,
            known,
            "in the catalogue",
        );
        return None;
    };
    let source = Source::new(&preset.file_name(), preset.source);
    match yaml::read::<WorldFile>(&source) {
        Ok(world) => Some((context.add_source(source), world)),
        Err(problem) => {
            context.push(*problem);
            None
        }
    }
}

/// Without a world to fall back on, all sections but the noise must be there.
fn report_missing(context: &mut Context, file: &ScenarioFile) {
    let sections = [
        ("step", file.step.is_some()),
        ("fleet", file.fleet.is_some()),
        ("demand", file.demand.is_some()),
        ("configs", file.configs.is_some()),
        ("slos", file.slos.is_some()),
        ("propagation", file.propagation.is_some()),
        ("telemetry", file.telemetry.is_some()),
        ("on-call", file.on_call.is_some()),
        ("core", file.core.is_some()),
    ];
    let missing = sections.iter().filter(|(_, there)| !there);
    let missing: Vec<&str> = missing.map(|(key, _)| *key).collect();
    if !missing.is_empty() {
        context.missing_sections(&missing);
    }
}

/// The file's own section, or the preset's.
fn pick<'a, T>(
    own: Option<&'a T>,
    preset: Option<(usize, &'a WorldFile)>,
    of_preset: fn(&'a WorldFile) -> &'a T,
) -> Option<Section<'a, T>> {
    let of_preset = |(source, world)| Section {
        source,
        value: of_preset(world),
    };
    own.map(|value| Section { source: 0, value })
        .or_else(|| preset.map(of_preset))
}
