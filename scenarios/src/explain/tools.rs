//! The tools that people respond with, in plain words.

use std::fmt::Write;

use firedrill_core::incident::Audience;
use firedrill_sim::spec::{Scenario, ToolKind, ToolSpec};

use super::{counted, item, share, span, typical};

pub(super) fn write(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    let told = scenario.status.as_ref();
    if scenario.tools.is_empty() && scenario.support.is_none() && told.is_none() {
        return Ok(());
    }
    writeln!(out, "Tools")?;
    for tool in &scenario.tools {
        item(out, &describe(scenario, tool))?;
    }
    if let Some(support) = &scenario.support {
        let text = format!(
            "Support: {} of users within {} make them call whoever is on call, unless somebody \
             is at work on it already; the call takes {}.",
            counted(support.reports_min.into(), "report"),
            span(support.within),
            typical(&support.calls),
        );
        item(out, &text)?;
    }
    for (audience, policy) in told.into_iter().flat_map(|told| &told.pages) {
        let text = format!(
            "Status page for {}: of incidents that are {} or worse, a first post within {}, one \
             every {} after it, a last one within {} of the end.",
            match audience {
                Audience::Internal => "everybody in the organisation",
                Audience::Public => "users",
            },
            policy.from,
            span(policy.first_within),
            span(policy.update_every),
            span(policy.final_within),
        );
        item(out, &text)?;
    }
    writeln!(out)
}

fn describe(scenario: &Scenario, tool: &ToolSpec) -> String {
    let mut text = format!("The {}: one use takes {}", tool.kind, span(tool.latency));
    if tool.availability < 1.0 {
        text.push_str(&format!(
            ", works by itself {} of the time (an outage lasts {} on average)",
            share(tool.availability),
            span(tool.outage_mean),
        ));
    }
    text.push('.');
    let services = tool.depends_on.iter();
    let names: Vec<String> = services
        .map(|service| format!("`{}`", scenario.fleet.services[service.index()].name))
        .collect();
    if !names.is_empty() {
        text.push_str(&format!(
            " It works only while {} answer{} at least {} of requests.",
            names.join(" and "),
            if names.len() == 1 { "s" } else { " each" },
            share(tool.needs_health),
        ));
    }
    for outage in &tool.down {
        text.push_str(&format!(
            " It is down from {} to {} into the run.",
            span(outage.from),
            span(outage.until),
        ));
    }
    if may_fail(tool) {
        text.push(' ');
        text.push_str(&without(tool));
    }
    text
}

const fn may_fail(tool: &ToolSpec) -> bool {
    tool.availability < 1.0 || !tool.depends_on.is_empty() || !tool.down.is_empty()
}

/// What becomes of those who need it when it is gone.
fn without(tool: &ToolSpec) -> String {
    if let Some(latency) = tool.out_of_band {
        return format!(
            "Without it there is a way that depends on nothing and takes {}.",
            span(latency)
        );
    }
    let lost = match tool.kind {
        ToolKind::MetricsStore => {
            "Without it neither judges nor alert rules see anything, and people are half blind."
        }
        ToolKind::AlertSender | ToolKind::Pager => "Without it no page gets out.",
        ToolKind::Dashboards => "Without it people are half blind.",
        ToolKind::Chat => "Without it somebody else is asked at half the pace.",
        ToolKind::Distribution => "Without it pushes and rollbacks wait.",
        ToolKind::RollbackService => "Without it whoever wants to roll back waits.",
        ToolKind::StatusPage => "Without it posts wait.",
    };
    match tool.break_glass {
        Some(open) => format!(
            "Without those services people get in by sealed credentials, which takes {} the \
             first time.",
            span(open),
        ),
        None => format!("There is no other way. {lost}"),
    }
}
