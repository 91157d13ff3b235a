//! The first line of a log: names behind ids.

use firedrill_core::health::Indicator;
use firedrill_core::incident::Audience;

use crate::log::{
    ConfigName, Header, Names, PersonName, SCHEMA_VERSION, ServiceName, SloName, StageName,
};
use crate::spec::{ConfigSpec, DrawnDefect, NamedSlo, PersonSpec, Scenario, TeamSpec};

pub(super) fn header(scenario: &Scenario, seed: u64, drawn: Vec<DrawnDefect>) -> Header {
    let fleet = &scenario.fleet;
    Header {
        schema: SCHEMA_VERSION,
        tool: env!("CARGO_PKG_VERSION").into(),
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        summary: scenario.summary.clone(),
        scenario_hash: scenario.hash(),
        seed,
        duration: scenario.duration,
        step: scenario.step,
        start_of_day: scenario.demand.start,
        drawn,
        tells_users: tells_users(scenario),
        names: Names {
            regions: fleet
                .regions
                .iter()
                .map(|region| region.name.clone())
                .collect(),
            services: fleet
                .services
                .iter()
                .map(|service| ServiceName {
                    name: service.name.clone(),
                    instances: service.instances,
                })
                .collect(),
            classes: fleet
                .classes
                .iter()
                .map(|class| class.name.clone())
                .collect(),
            slos: scenario.slos.iter().map(slo_name).collect(),
            configs: scenario.configs.iter().map(config_name).collect(),
            symptoms: scenario.alerting.symptoms.rules.clone(),
            teams: teams(scenario).map(|team| team.name.clone()).collect(),
            people: people(scenario).map(person_name).collect(),
        },
    }
}

fn teams(scenario: &Scenario) -> impl Iterator<Item = &TeamSpec> {
    let teams = scenario.teams.iter();
    teams.flat_map(|teams| &teams.teams)
}

fn people(scenario: &Scenario) -> impl Iterator<Item = &PersonSpec> {
    let teams = scenario.teams.iter();
    teams.flat_map(|teams| &teams.people)
}

fn person_name(person: &PersonSpec) -> PersonName {
    PersonName {
        name: person.principal.name.clone(),
        team: person.team.0,
    }
}

fn slo_name(named: &NamedSlo) -> SloName {
    let threshold_us = match named.slo.indicator {
        Indicator::Slow { threshold_us, .. } => Some(threshold_us),
        Indicator::Errors { .. } | Indicator::Business { .. } => None,
    };
    SloName {
        name: named.name.clone(),
        objective: named.slo.objective,
        period: named.slo.period,
        threshold_us,
        service: named.slo.indicator.service().0,
    }
}

fn config_name(config: &ConfigSpec) -> ConfigName {
    let stages = |plan: &crate::spec::NamedPlan| {
        let stages = plan.plan.stages.iter();
        stages
            .map(|stage| StageName {
                name: stage.name.clone(),
                stage_kind: stage.kind,
            })
            .collect()
    };
    ConfigName {
        name: config.schema.name.clone(),
        service: config.service.0,
        plans: config
            .plans
            .iter()
            .map(|plan| (plan.name.clone(), stages(plan)))
            .collect(),
    }
}

fn tells_users(scenario: &Scenario) -> bool {
    let status = scenario.status.iter();
    let mut audiences = status.flat_map(|status| &status.pages);
    audiences.any(|(audience, _)| *audience == Audience::Public)
}
