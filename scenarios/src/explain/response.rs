//! What is done about an outage, in plain words.

use std::fmt::Write;

use firedrill_core::remediation::{Action, KillScope};
use firedrill_sim::spec::{Cue, Deed, Play, Scenario};

use super::{item, share, span, typical};

pub(super) fn write(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    let response = &scenario.response;
    if response.plays.is_empty() {
        return Ok(());
    }
    writeln!(out, "Playbook")?;
    for play in &response.plays {
        item(out, &tell(scenario, play))?;
    }
    let text = format!(
        "What was done is looked at in telemetry {} after it is done; without evidence it has \
         failed.",
        span(response.look_after)
    );
    item(out, &text)?;
    writeln!(out)
}

fn tell(scenario: &Scenario, play: &Play) -> String {
    let who = if play.automatic {
        "automation"
    } else {
        "somebody"
    };
    let chance = if play.chance < 1.0 {
        format!(", in {} of cases", share(play.chance))
    } else {
        String::new()
    };
    let done = match &play.deed {
        Deed::Act(action) => format!("{who} {}", phrase(scenario, action)),
        Deed::Override {
            by, second, agrees, ..
        } => format!(
            "{} ({}) takes the alarm for a false one and asks to override the verdict; {} ({}) \
             agrees in {} of cases, and then the stage counts as passed after its bake",
            by.name,
            by.role,
            second.name,
            second.role,
            share(*agrees)
        ),
    };
    format!(
        "`{}`: {}, after {}{chance}, {done}.",
        play.name,
        cue(scenario, play.when),
        typical(&play.after)
    )
}

fn cue(scenario: &Scenario, cue: Cue) -> String {
    match cue {
        Cue::Acknowledged => "when a page is acknowledged".into(),
        Cue::Verdict => "when a judge stops a rollout".into(),
        Cue::Alert(slo) => {
            let name = &scenario.slos[slo.index()].name;
            format!("when a paging alert fires on `{name}`")
        }
        Cue::Severity(severity) => format!("when an incident is {severity} or worse"),
        Cue::Failed(play) => {
            let name = &scenario.response.plays[play].name;
            format!("when `{name}` came to nothing")
        }
    }
}

fn phrase(scenario: &Scenario, action: &Action) -> String {
    let service = |id: firedrill_core::ids::ServiceId| &scenario.fleet.services[id.index()].name;
    match *action {
        Action::KillSwitch(KillScope::Config(config)) => format!(
            "throws the kill switch of `{}`: its readers use their safe defaults",
            scenario.configs[config.index()].schema.name
        ),
        Action::KillSwitch(KillScope::Service(id)) => {
            format!("throws the kill switch of `{}`", service(id))
        }
        Action::TripBreaker { caller, callee } => format!(
            "trips the breaker between `{}` and `{}`, which falls back",
            service(caller),
            service(callee)
        ),
        Action::Drain { region } => format!(
            "sends the users of `{}` elsewhere, step by step",
            scenario.fleet.regions[region.index()].name
        ),
        Action::FreezeRollouts => "freezes all rollouts".into(),
        Action::AutomaticRollback { .. } | Action::OneClickRollback { .. } => {
            "takes a rollout back".into()
        }
        Action::FeatureDisable { service: id, .. } => {
            format!("switches features of `{}` off", service(id))
        }
        Action::Restart { service: id, .. } => format!("restarts `{}`", service(id)),
        Action::Scale { service: id, .. } => format!("adds instances of `{}`", service(id)),
    }
}
