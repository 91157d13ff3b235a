//! Teams and who of them is on call, in plain words.

use std::fmt::Write;

use firedrill_core::Micros;
use firedrill_core::ids::{PersonId, TeamId};
use firedrill_core::incident::{Layer, PageTarget, Restriction, Schedule};
use firedrill_sim::spec::{Scenario, TeamSpec, Teams};

use super::{clock, counted, item, span};

pub(super) fn write(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    let Some(teams) = &scenario.teams else {
        return Ok(());
    };
    writeln!(out, "Teams")?;
    for (index, team) in teams.teams.iter().enumerate() {
        let id = TeamId(index as u16);
        item(out, &describe(scenario, teams, (id, team)))?;
    }
    let text = "An incident that another team's change caused is passed on once its cause is \
                named, and searched again from the start there.";
    item(out, text)?;
    writeln!(out)
}

fn describe(scenario: &Scenario, teams: &Teams, (id, team): (TeamId, &TeamSpec)) -> String {
    let services = &scenario.fleet.services;
    let own = teams.ownership.iter().filter(|rule| rule.team == id);
    let owned: Vec<String> = own
        .map(|rule| {
            let service = rule.service.map_or_else(
                || "everything".into(),
                |service| format!("`{}`", services[service.index()].name),
            );
            let region = rule.region.map_or_else(String::new, |region| {
                format!(" in {}", scenario.fleet.regions[region.index()].name)
            });
            format!("{service}{region}")
        })
        .collect();
    let mut owned = if owned.is_empty() {
        "nothing by name".into()
    } else {
        owned.join(", ")
    };
    if id == TeamId(0) {
        owned.push_str(" and whatever nobody owns");
    }
    let runs = team.runs.iter();
    let runs: Vec<String> = runs
        .map(|service| format!("`{}`", services[service.index()].name))
        .collect();
    let runs = if runs.is_empty() {
        "nothing".into()
    } else {
        runs.join(", ")
    };
    format!(
        "{}: paged for {owned}; really runs {runs}. On call: {}. {}",
        team.name,
        rota(teams, &team.schedule),
        escalation(teams, team),
    )
}

fn name(teams: &Teams, person: PersonId) -> &str {
    let person = teams.person(person);
    person.map_or("nobody", |person| &person.principal.name)
}

fn rota(teams: &Teams, schedule: &Schedule) -> String {
    let layers = schedule
        .layers
        .iter()
        .map(|layer| layer_words(teams, layer));
    let stand_ins = schedule.overrides.iter().map(|one| {
        format!(
            "{} instead from {} to {} into the run",
            name(teams, one.person),
            span(one.from),
            span(one.until)
        )
    });
    let parts: Vec<String> = layers.chain(stand_ins).collect();
    if parts.is_empty() {
        "nobody".into()
    } else {
        parts.join("; ")
    }
}

fn layer_words(teams: &Teams, layer: &Layer) -> String {
    let people: Vec<&str> = layer.people.iter().map(|one| name(teams, *one)).collect();
    let turns = match people.len() {
        1 => String::new(),
        _ => format!(" in turn, {} each", span(layer.turn)),
    };
    let hours: Vec<String> = layer
        .restrictions
        .iter()
        .map(|restriction| match restriction {
            Restriction::Daily { from, length } => {
                let day = Micros::from_hours(24);
                let until = Micros((*from + *length).0 % day.0);
                format!(
                    " from {} to {} at UTC{}",
                    clock(*from),
                    clock(until),
                    zone(layer)
                )
            }
            Restriction::Weekly { length, .. } => format!(" for {} a week", span(*length)),
        })
        .collect();
    format!("{}{turns}{}", people.join(", "), hours.join(" and"))
}

fn zone(layer: &Layer) -> String {
    let hours = f64::from(layer.utc_offset_s) / 3_600.0;
    if layer.utc_offset_s == 0 {
        String::new()
    } else {
        format!("{hours:+}h")
    }
}

fn escalation(teams: &Teams, team: &TeamSpec) -> String {
    let levels = team.escalation.levels.iter();
    let levels: Vec<String> = levels
        .map(|level| {
            let targets: Vec<&str> = level
                .targets
                .iter()
                .map(|target| match target {
                    PageTarget::Person(person) => name(teams, *person),
                    PageTarget::OnCall(_) => "whoever is on call",
                })
                .collect();
            format!("{} for {}", targets.join(" and "), span(level.delay))
        })
        .collect();
    format!(
        "Pages {}, {} in all.",
        levels.join(", then "),
        counted(u64::from(team.escalation.repeats) + 1, "time"),
    )
}
