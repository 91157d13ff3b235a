//! What raises alerts beside objectives, and how alerts are told.

use std::collections::BTreeSet;

use firedrill_core::Micros;
use firedrill_core::alerting::{
    GroupBy, InhibitionRule, Matcher, PipelinePolicy, RouteSpec, Silence, Symptom, SymptomPolicy,
    SymptomRule, TimingSpec,
};
use firedrill_core::health::Check;
use firedrill_core::ids::{ReceiverId, ServiceId, SilenceId};
use firedrill_core::plane::NotifyingPolicy;
use firedrill_sim::spec::{Alerting, NamedSlo, PAGER, TICKETS};

use crate::file::{
    AlertingFile, CheckFile, InhibitFile, LabelFile, MatchFile, NotifyFile, OddFile, ReceiverFile,
    RouteFile, SilenceFile, SymptomFile, UrgencyFile,
};
use crate::scalar::{Duration, Name, Scalar};

use super::World;
use super::context::{Context, Names};
use super::judge::resolve_check;
use super::world::{above_zero, urgency};

/// The `alertname` of alerts on objectives, in a file and in a label.
const BUDGET_BURN: (&str, &str) = ("budget-burn", "BudgetBurn");

pub(super) fn resolve(
    context: &mut Context,
    file: &AlertingFile,
    world: &World,
    slos: &[NamedSlo],
) -> Alerting {
    let names = context.define("symptom", file.symptoms.iter().map(|rule| &rule.name));
    let rules = file.symptoms.iter();
    let rules = rules.map(|rule| symptom(context, rule, world)).collect();
    let symptoms = SymptomPolicy {
        over: over(context, file.symptoms_over.as_ref()),
        rules,
    };
    let known = Known {
        world,
        slos,
        symptoms: &names,
    };
    let notify = file.notify.as_ref();
    Alerting {
        symptoms,
        notifying: notify.map(|notify| notifying(context, notify, &known)),
    }
}

/// What labels may name.
struct Known<'a> {
    world: &'a World,
    slos: &'a [NamedSlo],
    symptoms: &'a Names,
}

fn over(context: &mut Context, file: Option<&Scalar<Duration>>) -> Micros {
    let Some(file) = file else {
        return SymptomPolicy::default().over;
    };
    let what = "how far back symptom rules look";
    let over = context.read(file, what);
    if over < Micros::from_mins(1) {
        context.out_of_range(file, what, "1m or more");
    }
    over
}

fn symptom(context: &mut Context, file: &SymptomFile, world: &World) -> SymptomRule {
    let what = format!("symptom `{}`", file.name.text);
    let services = file.services.iter();
    let services: BTreeSet<ServiceId> = services
        .map(|name| ServiceId(context.find(&world.services, name, &what) as u16))
        .collect();
    let of = services.first().copied().unwrap_or(ServiceId(0));
    let mut time = |scalar: &Option<Scalar<Duration>>, field: &str| {
        let scalar = scalar.as_ref();
        scalar.map_or(Micros::ZERO, |scalar| {
            context.read(scalar, &format!("{field} of {what}"))
        })
    };
    let (hold, keep_firing) = (
        time(&file.hold, "the hold"),
        time(&file.keep_firing, "how long after it was true"),
    );
    SymptomRule {
        name: file.name.text.clone(),
        symptom: match &file.when {
            OddFile::Silent => Symptom::Silent,
            OddFile::Beyond(check) => Symptom::Beyond(beyond(context, file, check, (world, of))),
        },
        services,
        urgency: urgency(file.urgency),
        hold,
        keep_firing,
    }
}

fn beyond(
    context: &mut Context,
    file: &SymptomFile,
    check: &CheckFile,
    (world, service): (&World, ServiceId),
) -> Check {
    let what = format!("symptom `{}`", file.name.text);
    let check = resolve_check(context, check, world, service, &what);
    if check.limit.is_relative() {
        let message = format!("{what} compares with a control, and there is none");
        context.report(
            "scenario::no-control",
            file.name.place,
            message,
            |problem| {
                problem
                    .label("expected a limit that stands by itself")
                    .help("write `at-most` or `at-least`")
            },
        );
    }
    check
}

fn notifying(context: &mut Context, file: &NotifyFile, known: &Known<'_>) -> NotifyingPolicy {
    let what = "the grouping of alerts";
    let usual = RouteSpec {
        matchers: vec![Matcher::equal("severity", "page")],
        receiver: Some(PAGER),
        ..RouteSpec::default()
    };
    let own = file.routes.iter();
    let mut routes: Vec<RouteSpec> = own
        .map(|route_file| route(context, route_file, known))
        .collect();
    routes.push(usual);
    let root = RouteSpec {
        receiver: Some(TICKETS),
        group_by: Some(group_by(&file.group_by)),
        timing: timing(context, what, [&file.wait, &file.interval, &file.repeat]),
        routes,
        ..RouteSpec::default()
    };
    let inhibitions = file.inhibit.iter();
    let inhibitions = inhibitions
        .map(|rule| inhibition(context, rule, known))
        .collect();
    let mut pipeline = PipelinePolicy {
        inhibitions,
        ..PipelinePolicy::new(root)
    };
    if let Some(most) = &file.listed_max {
        pipeline.listed_max = context.read(most, "how many alerts a message lists");
        if pipeline.listed_max == 0 {
            context.out_of_range(most, "how many alerts a message lists", "1 or more");
        }
    }
    let silences = file.silences.iter().enumerate();
    NotifyingPolicy {
        pipeline,
        pagers: BTreeSet::from([PAGER]),
        silences: silences
            .map(|(index, silence_file)| silence(context, index, silence_file, known))
            .collect(),
    }
}

fn route(context: &mut Context, file: &RouteFile, known: &Known<'_>) -> RouteSpec {
    let what = "a route of alerts";
    RouteSpec {
        matchers: matchers(context, &file.matches, known, what),
        receiver: Some(receiver(file.to)),
        group_by: file.group_by.as_deref().map(group_by),
        timing: timing(context, what, [&file.wait, &file.interval, &file.repeat]),
        ..RouteSpec::default()
    }
}

fn timing(
    context: &mut Context,
    what: &str,
    [wait, interval, repeat]: [&Option<Scalar<Duration>>; 3],
) -> TimingSpec {
    let interval = interval.as_ref();
    let mut read = |scalar: &Option<Scalar<Duration>>, field: &str| {
        let scalar = scalar.as_ref();
        scalar.map(|scalar| context.read(scalar, &format!("the {field} of {what}")))
    };
    let (wait, repeat) = (read(wait, "wait"), read(repeat, "repetition"));
    TimingSpec {
        wait,
        interval: interval
            .map(|scalar| above_zero(context, scalar, &format!("the interval of {what}"))),
        repeat,
    }
}

fn inhibition(context: &mut Context, file: &InhibitFile, known: &Known<'_>) -> InhibitionRule {
    let what = "an inhibition";
    InhibitionRule {
        source: matchers(context, &file.source, known, what),
        target: matchers(context, &file.mute, known, what),
        equal: file.equal.iter().map(|one| label(*one).into()).collect(),
    }
}

fn silence(context: &mut Context, index: usize, file: &SilenceFile, known: &Known<'_>) -> Silence {
    let what = "a silence";
    let matchers = matchers(context, &file.matches, known, what);
    if matchers.is_empty() {
        let message = "a silence without a condition would mute everything";
        context.report("scenario::mutes-all", file.from.place, message, |problem| {
            problem
                .label("this silence")
                .help("name a label under `match`")
        });
    }
    let starts_at = context.read(&file.from, "the begin of a silence");
    let ends_at = context.read(&file.until, "the end of a silence");
    if ends_at <= starts_at {
        context.out_of_range(&file.until, "the end of a silence", "after its begin");
    }
    Silence {
        id: SilenceId(index as u32),
        matchers,
        starts_at,
        ends_at,
    }
}

fn matchers(
    context: &mut Context,
    file: &MatchFile,
    known: &Known<'_>,
    what: &str,
) -> Vec<Matcher> {
    let mut found = Vec::new();
    if let Some(name) = &file.alertname {
        let name = alertname(context, name, known, what);
        found.push(Matcher::equal("alertname", name));
    }
    if let Some(severity) = file.severity {
        let value = match severity {
            UrgencyFile::Page => "page",
            UrgencyFile::Ticket => "ticket",
        };
        found.push(Matcher::equal("severity", value));
    }
    if let Some(name) = &file.service {
        let id = context.find(&known.world.services, name, what);
        found.push(Matcher::equal("service", id.to_string()));
    }
    if let Some(name) = &file.region {
        let id = context.find(&known.world.regions, name, what);
        found.push(Matcher::equal("region", id.to_string()));
    }
    if let Some(name) = &file.objective {
        let names = known.slos.iter().map(|slo| slo.name.as_str());
        match known.slos.iter().position(|slo| slo.name == name.text) {
            Some(id) => found.push(Matcher::equal("objective", id.to_string())),
            None => context.unknown("objective", what, name, names, "by the world"),
        }
    }
    found
}

fn alertname(context: &mut Context, name: &Scalar<Name>, known: &Known<'_>, what: &str) -> String {
    if name.text == BUDGET_BURN.0 {
        return BUDGET_BURN.1.into();
    }
    let names: Vec<&str> = known.symptoms.iter().chain([BUDGET_BURN.0]).collect();
    if !names.contains(&name.text.as_str()) {
        context.unknown("symptom", what, name, names.iter().copied(), "by a rule");
    }
    name.text.clone()
}

fn group_by(labels: &[LabelFile]) -> GroupBy {
    GroupBy::Labels(labels.iter().map(|one| label(*one).into()).collect())
}

const fn label(file: LabelFile) -> &'static str {
    match file {
        LabelFile::Alertname => "alertname",
        LabelFile::Severity => "severity",
        LabelFile::Service => "service",
        LabelFile::Objective => "objective",
        LabelFile::Region => "region",
    }
}

const fn receiver(file: ReceiverFile) -> ReceiverId {
    match file {
        ReceiverFile::Pager => PAGER,
        ReceiverFile::Tickets => TICKETS,
    }
}
