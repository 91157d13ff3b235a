//! Objectives, telemetry, noise, paging.

use firedrill_core::Micros;
use firedrill_core::config::Role;
use firedrill_core::health::{BurnRule, Indicator, LowTraffic, Slo, Urgency, standard_burn_rules};
use firedrill_core::ids::{ClassId, ServiceId};
use firedrill_core::incident::PagingPolicy;
use firedrill_core::remediation::AutomationMode;
use firedrill_sim::spec::{
    CorePolicy, Flapping, Heterogeneity, NamedSlo, Noise, Telemetry, UserReports,
};

use crate::file::{
    AutomationFile, BurnRuleFile, CoreFile, FlappingFile, HeterogeneityFile, IndicatorFile,
    NoiseFile, RoleFile, ScenarioFile, SloFile, TelemetryFile, UrgencyFile,
};
use crate::scalar::{Count, Duration, Kind, Name, Number, Scalar};

use super::context::Context;
use super::fleet::distribution;
use super::{Section, World};

pub(super) fn resolve_slos(
    context: &mut Context,
    files: &[SloFile],
    world: &World,
) -> Vec<NamedSlo> {
    context.define("SLO", files.iter().map(|slo| &slo.name));
    files
        .iter()
        .map(|file| NamedSlo {
            name: file.name.text.clone(),
            slo: resolve_slo(context, file, world),
        })
        .collect()
}

fn resolve_slo(context: &mut Context, file: &SloFile, world: &World) -> Slo {
    let what = format!("SLO `{}`", file.name.text);
    let objective = context.read(&file.objective, &format!("the objective of {what}"));
    if objective.0 == 0 || objective.0 >= 1_000_000 {
        let what = format!("the objective of {what}");
        context.out_of_range(&file.objective, &what, "above 0 % and below 100 %");
    }
    let indicator = match &file.indicator {
        IndicatorFile::Errors { service, class } => Indicator::Errors {
            service: ServiceId(context.find(&world.services, service, &what) as u16),
            class: class
                .as_ref()
                .map(|class| class_at(context, world, class, &service.text, &what)),
        },
        IndicatorFile::Business { service, class } => Indicator::Business {
            service: ServiceId(context.find(&world.services, service, &what) as u16),
            class: class
                .as_ref()
                .map(|class| class_at(context, world, class, &service.text, &what)),
        },
        IndicatorFile::Slow { service, threshold } => Indicator::Slow {
            service: ServiceId(context.find(&world.services, service, &what) as u16),
            threshold_us: context
                .read(threshold, &format!("the threshold of {what}"))
                .0,
        },
    };
    let rules = match &file.rules {
        None => standard_burn_rules(),
        Some(rules) => rules
            .iter()
            .map(|rule| resolve_rule(context, rule, &what))
            .collect(),
    };
    Slo {
        indicator,
        objective,
        period: above_zero(context, &file.period, &format!("the period of {what}")),
        rules,
        low_traffic: file
            .low_traffic
            .as_ref()
            .map_or_else(LowTraffic::default, |floor| {
                let mut read = |count: &Option<Scalar<Count>>, field: &str| {
                    let count = count.as_ref();
                    count.map_or(0, |count| {
                        u64::from(context.read(count, &format!("the {field} of {what}")))
                    })
                };
                LowTraffic {
                    requests_min: read(&floor.requests_min, "fewest requests"),
                    bad_min: read(&floor.bad_min, "fewest bad requests"),
                }
            }),
    }
}

/// A class, whose requests must come by the service.
pub(super) fn class_at(
    context: &mut Context,
    world: &World,
    class: &Scalar<Name>,
    service: &str,
    what: &str,
) -> ClassId {
    let index = context.find(&world.classes, class, what);
    let known = world.classes.iter().any(|name| name == class.text);
    let at_service = world.services.iter().position(|name| name == service);
    if let (true, Some(service_index)) = (known, at_service) {
        let passes = world.fleet.classes[index]
            .path
            .iter()
            .any(|id| id.index() == service_index);
        if !passes {
            context.report(
                "scenario::class-elsewhere",
                class.place,
                format!(
                    "{what} looks for class `{}` at service `{service}`, where it never comes by",
                    class.text
                ),
                |problem| {
                    problem
                        .label("its path does not hold the service")
                        .help("name a class whose path holds the service, or leave `class` out")
                },
            );
        }
    }
    ClassId(index as u16)
}

fn resolve_rule(context: &mut Context, file: &BurnRuleFile, what: &str) -> BurnRule {
    let long = context.read(&file.long, &format!("the long window of {what}"));
    let short = context.read(&file.short, &format!("the short window of {what}"));
    if !(Micros::from_secs(1)..=long).contains(&short) {
        let what = format!("the short window of {what}");
        context.out_of_range(&file.short, &what, "1s to the long window");
    }
    let factor = context.read(&file.factor, &format!("the burn rate of {what}"));
    if !(0.001..=1e6).contains(&factor) {
        let what = format!("the burn rate of {what}");
        context.out_of_range(&file.factor, &what, "0.001 to 1000000");
    }
    BurnRule {
        long,
        short,
        factor_milli: (factor * 1e3).round() as u32,
        urgency: urgency(file.urgency),
    }
}

pub(super) const fn urgency(file: UrgencyFile) -> Urgency {
    match file {
        UrgencyFile::Ticket => Urgency::Ticket,
        UrgencyFile::Page => Urgency::Page,
    }
}

/// A length of time of which nothing is too little.
pub(super) fn above_zero(context: &mut Context, scalar: &Scalar<Duration>, what: &str) -> Micros {
    let length = context.read(scalar, what);
    if length == Micros::ZERO {
        context.out_of_range(scalar, what, "more than 0s");
    }
    length
}

pub(super) fn resolve_telemetry(context: &mut Context, file: &TelemetryFile) -> Telemetry {
    Telemetry {
        scrape_every: above_zero(context, &file.scrape_every, "the scrape interval"),
        ingestion: distribution(context, &file.ingestion, "the ingestion delay"),
        loss_share: context.read(&file.loss, "the loss of telemetry").as_f64(),
        log_noise: file.log_noise.as_ref().map_or(0.0, |lines| {
            not_below_zero(context, lines, "the noise of logs") / 1e3
        }),
        probes_per_s: file
            .probes
            .as_ref()
            .map_or(0.0, |rate| context.read(rate, "the rate of probes")),
        user_reports: file.user_reports.as_ref().map(|file| UserReports {
            share: context.read(&file.share, "the share of reports").as_f64(),
            delay: distribution(context, &file.delay, "the delay of reports"),
            background_per_hour: not_below_zero(
                context,
                &file.background_per_hour,
                "the reports without a cause",
            ),
        }),
    }
}

/// A number of which there may be none, and not less.
fn not_below_zero(context: &mut Context, scalar: &Scalar<Number>, what: &str) -> f64 {
    let number = context.read(scalar, what);
    if !(0.0..=1e6).contains(&number) {
        context.out_of_range(scalar, what, "0 to 1000000");
    }
    number.clamp(0.0, 1e6)
}

pub(super) fn resolve_noise(context: &mut Context, file: &NoiseFile) -> Noise {
    let flapping = |file: &FlappingFile| Flapping {
        share: context.read(&file.share, "the share of flapping").as_f64(),
        good_mean: above_zero(context, &file.good_mean, "the mean good spell"),
        bad_mean: above_zero(context, &file.bad_mean, "the mean bad spell"),
        error_share: context
            .read(&file.error_share, "the error share of flapping")
            .as_f64(),
    };
    Noise {
        flapping: file.flapping.as_ref().map(flapping),
        heterogeneity: file
            .heterogeneity
            .as_ref()
            .map(|hosts| resolve_heterogeneity(context, hosts)),
    }
}

fn resolve_heterogeneity(context: &mut Context, file: &HeterogeneityFile) -> Heterogeneity {
    let mut sigma = |scalar: &Option<Scalar<Number>>, what: &str, most: f64| {
        scalar.as_ref().map_or(0.0, |scalar| {
            let value = context.read(scalar, what);
            if value > most {
                context.out_of_range(scalar, what, &format!("0 to {most}"));
            }
            value
        })
    };
    Heterogeneity {
        error_sigma: sigma(&file.error_sigma, "the error sigma of hosts", 3.0),
        latency_sigma: sigma(&file.latency_sigma, "the latency sigma of hosts", 1.0),
    }
}

pub(super) const fn role(file: RoleFile) -> Role {
    match file {
        RoleFile::Developer => Role::Developer,
        RoleFile::Owner => Role::Owner,
        RoleFile::SiteReliability => Role::SiteReliability,
        RoleFile::Automation => Role::Automation,
    }
}

/// Automation acts by itself unless the file says otherwise.
pub(super) const fn automation(file: Option<AutomationFile>) -> AutomationMode {
    match file {
        Some(AutomationFile::Off) => AutomationMode::Off,
        Some(AutomationFile::Suggest) => AutomationMode::Suggest,
        Some(AutomationFile::Canary) => AutomationMode::AutomaticForCanary,
        Some(AutomationFile::All) | None => AutomationMode::AutomaticForAll,
    }
}

pub(super) fn resolve_core(
    context: &mut Context,
    file: &CoreFile,
    automation: AutomationMode,
) -> CorePolicy {
    let pages_max = context.read(&file.paging.pages_max, "the most pages of an incident");
    if pages_max == 0 {
        let what = "the most pages of an incident";
        context.out_of_range(&file.paging.pages_max, what, "1 or more");
    }
    CorePolicy {
        paging: PagingPolicy {
            acknowledge_within: above_zero(
                context,
                &file.paging.acknowledge_within,
                "the time to acknowledge within",
            ),
            pages_max,
        },
        evaluate_every: above_zero(context, &file.evaluate_every, "the evaluation interval"),
        suspect_window: context.read(&file.suspect_window, "the suspect window"),
        automation,
    }
}

/// Step, scrape interval and duration must fit each other.
pub(super) fn check_times(
    context: &mut Context,
    file: &ScenarioFile,
    telemetry: &Section<'_, TelemetryFile>,
    step: Micros,
    duration: Micros,
) {
    const STEP_MIN: Micros = Micros::from_millis(100);
    const STEPS_MAX: u64 = 1_000_000;
    if step < STEP_MIN {
        if let Some(scalar) = &file.step {
            context.out_of_range(scalar, "the step", "100ms or more");
        }
        return;
    }
    let understood = Duration::parse(&file.duration.text).is_ok();
    if understood && (duration < step || duration.0 / step.0 > STEPS_MAX) {
        let allowed = format!("one step ({step}) to {STEPS_MAX} steps");
        context.out_of_range(&file.duration, "the duration", &allowed);
    }
    context.within(telemetry, |context, telemetry| {
        let scrape = Duration::parse(&telemetry.scrape_every.text);
        if scrape.is_ok_and(|scrape| !scrape.0.is_multiple_of(step.0)) {
            let allowed = format!("the multiples of the step ({step})");
            context.out_of_range(&telemetry.scrape_every, "the scrape interval", &allowed);
        }
    });
}
