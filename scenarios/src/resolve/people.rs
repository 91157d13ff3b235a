//! Whoever is on call.

use firedrill_core::config::Principal;
use firedrill_core::incident::Severity;
use firedrill_sim::spec::{
    LogNormal, NoiseLevel, OnCall, Responders, ResponsePolicy, RollbackTool,
};

use crate::file::{
    AcknowledgeFile, DistributionFile, NoiseLevelFile, OnCallFile, PeopleFile, ResponsePolicyFile,
    RollbackToolFile, SeverityFile,
};
use crate::scalar::{Percent, Scalar};

use super::context::Context;
use super::fleet::distribution;
use super::world::{above_zero, role};

pub(super) fn resolve_on_call(context: &mut Context, file: &OnCallFile) -> OnCall {
    let role = role(file.role);
    if !role.may_operate() {
        context.report(
            "scenario::powerless-on-call",
            file.name.place,
            format!("whoever is on call acts as {role}, a role that may not roll back"),
            |problem| {
                problem
                    .label("cannot end an incident")
                    .help("give the role `owner` or `site-reliability`")
            },
        );
    }
    let model = file.model.as_ref().map(|model| resolve(context, model));
    let (acknowledge, diagnose) = times(context, file, model.as_ref());
    OnCall {
        principal: Principal {
            name: context.read(&file.name, "the name of whoever is on call"),
            role,
        },
        acknowledge,
        diagnose,
        model: model.map(Box::new),
    }
}

/// The two times of people without a model; with one, its medians, which nobody asks.
fn times(
    context: &mut Context,
    file: &OnCallFile,
    model: Option<&Responders>,
) -> (LogNormal, LogNormal) {
    let given = [&file.acknowledge, &file.diagnose];
    if let Some(model) = model {
        if given.iter().any(|time| time.is_some()) {
            let message = "whoever is on call has a model, which says how long they take";
            context.report(
                "scenario::two-answers",
                file.name.place,
                message,
                |problem| {
                    problem
                        .label("`acknowledge` or `diagnose` beside `model`")
                        .help("leave out either the two times or the model")
                },
            );
        }
        let acknowledge = LogNormal {
            median: model.acknowledging.day,
            sigma: model.acknowledging.sigma,
        };
        return (acknowledge, model.searching.look);
    }
    if given.iter().any(|time| time.is_none()) {
        let message = "nothing says how long whoever is on call takes";
        context.report("scenario::no-answer", file.name.place, message, |problem| {
            problem
                .label("needs both `acknowledge` and `diagnose`, or `model`")
                .help("`model: {}` is a model of ordinary people")
        });
    }
    let mut time = |file: &Option<DistributionFile>, what: &str| {
        let time = file.as_ref().map(|file| distribution(context, file, what));
        time.unwrap_or_default()
    };
    (
        time(&file.acknowledge, "the acknowledge delay"),
        time(&file.diagnose, "the time to diagnose"),
    )
}

fn resolve(context: &mut Context, file: &PeopleFile) -> Responders {
    let mut model = Responders::default();
    if let Some(site) = &file.site {
        model.site.utc_offset_s = context.read(site, "the site of whoever is on call");
    }
    if let Some(end) = &file.shift_ends {
        model.site.shift_ends = context.read(end, "the end of a shift");
    }
    if let Some(severity) = file.severity {
        model.severity = severity_of(severity);
    }
    if let Some(noise) = file.noise {
        model.noise = level(noise);
    }
    if let Some(acknowledge) = &file.acknowledge {
        resolve_acknowledge(context, acknowledge, &mut model);
    }
    let mut share = |scalar: &Option<Scalar<Percent>>, value: &mut f64, what: &str| {
        if let Some(scalar) = scalar {
            *value = context.read(scalar, what).as_f64();
        }
    };
    let searching = &mut model.searching;
    share(
        &file.answers_at_least,
        &mut model.trust.floor,
        "the least share of answers",
    );
    share(
        &file.convinced_wrongly,
        &mut searching.convinced_wrongly,
        "the chance to be convinced",
    );
    share(
        &file.overlooked,
        &mut searching.overlooked,
        "the chance to overlook",
    );
    if let Some(look) = &file.look {
        searching.look = distribution(context, look, "a look at a suspect");
    }
    if let Some(patience) = &file.patience {
        searching.patience = above_zero(context, patience, "the patience of whoever is on call");
    }
    if let Some(people) = &file.people_max {
        let what = "the number of people who look";
        model.hand_over.people_max = context.read(people, what);
        if !(1..=16).contains(&model.hand_over.people_max) {
            context.out_of_range(people, what, "1 to 16");
        }
    }
    if let Some(tool) = file.rollback {
        model.hesitating.tool = match tool {
            RollbackToolFile::OneClick => RollbackTool::OneClick,
            RollbackToolFile::ByHand => RollbackTool::ByHand,
        };
    }
    if let Some(policy) = file.policy {
        model.hesitating.policy = match policy {
            ResponsePolicyFile::RollBackFirst => ResponsePolicy::RollBackFirst,
            ResponsePolicyFile::UnderstandFirst => ResponsePolicy::UnderstandFirst,
        };
    }
    model
}

fn resolve_acknowledge(context: &mut Context, file: &AcknowledgeFile, model: &mut Responders) {
    let acknowledging = &mut model.acknowledging;
    acknowledging.day = context.read(&file.day, "the acknowledge delay by day");
    acknowledging.night = context.read(&file.night, "the acknowledge delay at night");
    let what = "the sigma of the acknowledge delay";
    acknowledging.sigma = context.read(&file.sigma, what);
    if acknowledging.sigma > 3.0 {
        context.out_of_range(&file.sigma, what, "0 to 3");
    }
}

pub(super) const fn severity_of(file: SeverityFile) -> Severity {
    match file {
        SeverityFile::Sev0 => Severity::Sev0,
        SeverityFile::Sev1 => Severity::Sev1,
        SeverityFile::Sev2 => Severity::Sev2,
        SeverityFile::Sev3 => Severity::Sev3,
        SeverityFile::Sev4 => Severity::Sev4,
    }
}

const fn level(file: NoiseLevelFile) -> NoiseLevel {
    match file {
        NoiseLevelFile::Low => NoiseLevel::Low,
        NoiseLevelFile::Typical => NoiseLevel::Typical,
        NoiseLevelFile::Storm => NoiseLevel::Storm,
    }
}
