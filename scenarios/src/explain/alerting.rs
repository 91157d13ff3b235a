//! What raises alerts beside objectives, and how alerts are told, in plain words.

use firedrill_core::alerting::{GroupBy, GroupTiming, Symptom, SymptomRule};
use firedrill_core::health::Urgency;
use firedrill_core::plane::NotifyingPolicy;
use firedrill_sim::spec::Scenario;

use super::{counted, describe_check, item, span};

pub(super) fn write(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    let symptoms = &scenario.alerting.symptoms;
    for rule in &symptoms.rules {
        item(out, &symptom(scenario, rule, &span(symptoms.over)))?;
    }
    match &scenario.alerting.notifying {
        Some(policy) => item(out, &notifying(policy)),
        None => Ok(()),
    }
}

fn symptom(scenario: &Scenario, rule: &SymptomRule, over: &str) -> String {
    let services = &scenario.fleet.services;
    let named: Vec<String> = rule
        .services
        .iter()
        .map(|id| format!("`{}`", services[id.index()].name))
        .collect();
    let of = match named.is_empty() {
        true => "every service".to_owned(),
        false => named.join(", "),
    };
    let when = match rule.symptom {
        Symptom::Silent => "nothing is heard of its instances".to_owned(),
        Symptom::Beyond(check) => {
            let wanted = describe_check(scenario, &check, "nothing");
            format!("this does not hold: {wanted}")
        }
    };
    let does = match rule.urgency {
        Urgency::Page => "pages",
        Urgency::Ticket => "files a ticket",
    };
    format!(
        "`{}` looks at {of}, in each region, over {over}, and {does} when {when}, for {}.",
        rule.name,
        span(rule.hold),
    )
}

fn notifying(policy: &NotifyingPolicy) -> String {
    let root = &policy.pipeline.routes;
    let usual = GroupTiming::default();
    let together = match &root.group_by {
        Some(GroupBy::Labels(labels)) if !labels.is_empty() => {
            format!(
                "alerts of the same {} are told together",
                labels.join(" and ")
            )
        }
        Some(GroupBy::All) => "each alert is told by itself".into(),
        Some(GroupBy::Labels(_)) | None => "all alerts are told together".into(),
    };
    format!(
        "Of pages and tickets each, {together}: {} after the first, then every {} while there is \
         news. {} and {} mute alerts.",
        span(root.timing.wait.unwrap_or(usual.wait)),
        span(root.timing.interval.unwrap_or(usual.interval)),
        counted(policy.pipeline.inhibitions.len() as u64, "inhibition"),
        counted(policy.silences.len() as u64, "silence"),
    )
}
