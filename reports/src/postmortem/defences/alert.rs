//! Alerts on objectives: which of them spoke, when, and why not before.

use firedrill_core::Micros;
use firedrill_core::alerting::Alert;
use firedrill_core::health::Urgency;
use firedrill_core::ids::SloId;
use firedrill_core::plane::NoteBody;
use firedrill_sim::log::Event;
use firedrill_sim::measure::{Anchor, BudgetBurn, Catcher};

use crate::postmortem::facts::Facts;
use crate::postmortem::impact::{Breach, breaches, peak_burn, peak_burn_over};
use crate::postmortem::model::{Defence, DefenceOutcome, LayerKind, Source};
use crate::postmortem::tools;
use crate::words;

use super::{layer, not_reached};

/// One layer for each objective that had something to say or should have had; one for the rest.
pub(super) fn write(facts: &Facts<'_>) -> Vec<Defence> {
    let mut defences = Vec::new();
    let mut silent = 0;
    for budget in &facts.measures().budget {
        match objective(facts, budget) {
            Some(defence) => defences.push(defence),
            None => silent += 1,
        }
    }
    if silent > 0 {
        let (outcome, why) = if facts.measures().rollout.is_none() {
            (DefenceOutcome::NotReached, not_reached(facts))
        } else {
            (
                DefenceOutcome::NothingToCatch,
                format!(
                    "{}: the change harmed no request that {}.",
                    words::counted(silent, "objective"),
                    if silent == 1 {
                        "it counts"
                    } else {
                        "they count"
                    }
                ),
            )
        };
        let name = if defences.is_empty() {
            "Alerts on objectives"
        } else {
            "Alerts on other objectives"
        };
        defences.push(layer(name, LayerKind::Alert, outcome, why));
    }
    defences
}

/// The first paging alert of an objective.
#[expect(clippy::wildcard_enum_match_arm, reason = "one note is looked for")]
pub(in crate::postmortem) fn first_page<'a>(
    facts: &Facts<'a>,
    slo: SloId,
) -> Option<(&'a Event, &'a Alert)> {
    facts.notes().find_map(|(event, note)| match note {
        NoteBody::AlertFired { alert }
            if alert.slo == slo && alert.rule.urgency == Urgency::Page =>
        {
            Some((event, alert))
        }
        _ => None,
    })
}

fn objective(facts: &Facts<'_>, budget: &BudgetBurn) -> Option<Defence> {
    let name = format!("Alert on `{}`", budget.name);
    let alert = first_page(facts, budget.slo);
    let breach = breaches(facts, budget.slo);
    let (outcome, why, events) = match alert {
        Some((event, alert)) => {
            let back = facts.anchors().rollback_started;
            let outcome = if !facts.measures().defective || budget.harmed == 0 {
                DefenceOutcome::FalseAlarm
            } else if back.is_some_and(|back| back.seq < event.seq) {
                DefenceOutcome::TooLate
            } else if unheard(facts) {
                DefenceOutcome::Missed
            } else {
                DefenceOutcome::Caught
            };
            let mut why = why_fired(facts, event, alert, budget);
            if outcome == DefenceOutcome::Missed {
                why += &why_unheard(facts);
            }
            (outcome, why, vec![event.seq])
        }
        None if budget.harmed > 0 => {
            let why = why_silent(facts, budget, &breach);
            (DefenceOutcome::Missed, why, Vec::new())
        }
        None => return None,
    };
    let mut layer = layer(&name, LayerKind::Alert, outcome, why);
    if outcome == DefenceOutcome::Missed {
        if alert.is_some() {
            layer.label = "fired unheard".into();
        } else if breach.spans.is_empty() {
            layer.outcome = DefenceOutcome::NothingToCatch;
            layer.label = "objective held".into();
        }
    } else if outcome == DefenceOutcome::Caught && !is_catcher(facts, &budget.name) {
        layer.label = "fired as well".into();
    }
    let breached = breach.events();
    layer.source = Source::events(events.into_iter().chain(breached));
    Some(layer)
}

/// Whether this alert is what led to the end of the change.
fn is_catcher(facts: &Facts<'_>, name: &str) -> bool {
    matches!(&facts.measures().caught_by, Catcher::SloAlert { slo } if slo == name)
}

/// Whether nothing came of any alert: users were heard first, or nobody did anything.
fn unheard(facts: &Facts<'_>) -> bool {
    match &facts.measures().caught_by {
        Catcher::Users | Catcher::Nobody | Catcher::NoData { .. } => true,
        Catcher::Validation
        | Catcher::Review
        | Catcher::Canary { .. }
        | Catcher::Wave { .. }
        | Catcher::SloAlert { .. }
        | Catcher::SymptomAlert { .. } => false,
    }
}

/// What became of the pages, with a space in front.
fn why_unheard(facts: &Facts<'_>) -> String {
    let lost = tools::pages_lost(facts);
    if lost > 0 {
        return format!(" {} did not get out.", words::counted(lost, "page"));
    }
    if facts.measures().caught_by == Catcher::Users {
        " Nobody had answered the page when users were heard.".into()
    } else {
        " Nothing that came of it stopped the change.".into()
    }
}

fn why_fired(facts: &Facts<'_>, event: &Event, alert: &Alert, budget: &BudgetBurn) -> String {
    let rule = &alert.rule;
    let text = format!(
        "It fired at {}: over {} the error budget burned {} times as fast as the period allows, \
         over {} {} times (limit {}).",
        facts.utc(event.t_us),
        words::time(rule.long),
        words::milli(alert.reading.long_milli),
        words::time(rule.short),
        words::milli(alert.reading.short_milli),
        words::milli(u64::from(rule.factor_milli))
    );
    if budget.harmed == 0 || !facts.measures().defective {
        return format!("{text} No request that it counts was harmed by the change.");
    }
    let Some(harm) = facts.anchors().harm_started else {
        return text;
    };
    let when = by_then(facts, event);
    format!(
        "{text} That was {} after the first harmed request: {} in the window had to be bad \
         first.{when}",
        words::time(event.t_us - harm.at),
        share_of_window(facts, alert)
    )
}

/// How far the change had got when an alert fired, with a space in front.
fn by_then(facts: &Facts<'_>, event: &Event) -> String {
    let anchors = facts.anchors();
    let before = |anchor: &Anchor| anchor.seq < event.seq;
    if let Some(back) = anchors.rollback_started.filter(before) {
        return format!(
            " By then the rollback had been under way for {}.",
            words::time(event.t_us - back.at)
        );
    }
    let done = anchors.completed.filter(|done| done.at < event.t_us);
    done.map_or_else(String::new, |done| {
        format!(
            " By then the rollout had been complete for {}.",
            words::time(event.t_us - done.at)
        )
    })
}

/// The share of requests in the long window that makes the rule fire.
fn share_of_window(facts: &Facts<'_>, alert: &Alert) -> String {
    let objective = facts.log.header().names.slos.get(alert.slo.index());
    objective.map_or_else(
        || "enough requests".into(),
        |slo| {
            let budget = 1_000_000 - u64::from(slo.objective.0.min(1_000_000));
            let needed = budget * u64::from(alert.rule.factor_milli) / 1_000;
            let ppm = firedrill_core::Ppm(u32::try_from(needed).unwrap_or(u32::MAX));
            format!("{} of the requests that it counts", words::share(ppm))
        },
    )
}

fn why_silent(facts: &Facts<'_>, budget: &BudgetBurn, breach: &Breach) -> String {
    let harmed = format!(
        "The defect harmed {} of {} that it counts",
        words::count(budget.harmed),
        words::counted(budget.requests, "request")
    );
    if breach.spans.is_empty() {
        return format!("{harmed}, at no time more than the objective allows.");
    }
    let rules = facts.scenario.slos.get(budget.slo.index());
    let fastest = rules.and_then(|slo| {
        let paging = slo.slo.rules.iter();
        paging
            .filter(|rule| rule.urgency == Urgency::Page)
            .min_by_key(|rule| rule.long)
    });
    let slo = facts.log.header().names.slos.get(budget.slo.index());
    let asks = fastest.map_or_else(
        || "no rule of it pages anybody".into(),
        |rule| {
            let over = slo.map_or(0, |slo| {
                peak_burn_over(facts, budget.slo, slo.objective, rule.long)
            });
            format!(
                "its fastest paging rule asks for {} times over {}, in truth it was {} at most",
                words::milli(u64::from(rule.factor_milli)),
                words::time(rule.long),
                words::milli(over),
            )
        },
    );
    let end = facts.log.header().duration;
    let lasted = words::time(breach.total(end));
    let peak = slo.map_or(0, |slo| peak_burn(facts, budget.slo, slo.objective));
    let dark = breach.overlap(&tools::dark(facts), end);
    let dark = if dark == Micros::ZERO {
        String::new()
    } else {
        format!(
            " For {} of the breach no telemetry arrived, so no rule could see it.",
            words::time(dark)
        )
    };
    format!(
        "{harmed}. The objective was breached for {lasted}, at {} times the allowed rate where it \
         was worst; {asks}.{dark}",
        words::milli(peak)
    )
}
