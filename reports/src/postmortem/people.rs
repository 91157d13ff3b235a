//! Alerts, incidents and pages, in words.

use firedrill_core::alerting::Symptom;
use firedrill_core::health::Urgency;
use firedrill_core::ids::{PageId, PersonId, ReceiverId, RegionId, RolloutId, ServiceId};
use firedrill_core::incident::{Audience, Impact, IncidentRole, Severity};
use firedrill_core::plane::{NoteBody, RankedSuspect};

use firedrill_sim::spec::RECEIVERS;

use crate::words;

use super::facts::Facts;
use super::remedies;
use super::timeline::role;

/// What a note of alerts, incidents, pages and commands says.
#[expect(clippy::wildcard_enum_match_arm, reason = "told by the next functions")]
pub(super) fn tell(facts: &Facts<'_>, note: &NoteBody) -> String {
    match note {
        NoteBody::AlertFired { alert } => format!(
            "An alert on `{}` fires ({}): its budget burns {} times too fast over {} and {} \
             times over {}; the rule's limit is {} times.",
            facts.slo(alert.slo),
            urgency(alert.rule.urgency),
            words::milli(alert.reading.long_milli),
            words::time(alert.rule.long),
            words::milli(alert.reading.short_milli),
            words::time(alert.rule.short),
            words::milli(u64::from(alert.rule.factor_milli))
        ),
        NoteBody::AlertResolved { slo, .. } => {
            format!("The alert on `{}` stops.", facts.slo(*slo))
        }
        NoteBody::SymptomFired {
            rule,
            service,
            region,
            value,
            ..
        } => symptom(facts, *rule, (*service, *region), *value),
        NoteBody::SymptomGone { alert } => format!("Alert {} stops.", alert.0 + 1),
        NoteBody::AlertMuted { alert, by } => match by {
            Some(by) => format!(
                "Nobody is told of alert {}: alert {} explains it.",
                alert.0 + 1,
                by.0 + 1
            ),
            None => format!(
                "Nobody is told of alert {}: somebody asked for quiet.",
                alert.0 + 1
            ),
        },
        NoteBody::Notified {
            receiver,
            firing,
            firing_rest,
            resolved,
            ..
        } => notified(
            *receiver,
            firing.len() as u64 + u64::from(*firing_rest),
            resolved.len(),
        ),
        NoteBody::IncidentOpened { incident, .. } => {
            format!("Incident {} is opened.", incident.0 + 1)
        }
        NoteBody::IncidentJoined { incident, .. } => {
            format!("The alert joins incident {}.", incident.0 + 1)
        }
        NoteBody::IncidentResolved { incident } => {
            format!(
                "Incident {} is resolved: none of its alerts fires any more.",
                incident.0 + 1
            )
        }
        NoteBody::Action(note) => remedies::tell(facts, note),
        NoteBody::CommandRetried { command, attempt } => {
            format!("Command {} is given again (try {attempt}).", command.0 + 1)
        }
        NoteBody::CommandGivenUp { command } => {
            format!(
                "Command {} failed too often and is given up.",
                command.0 + 1
            )
        }
        _ => tell_people(facts, note),
    }
}

fn symptom(
    facts: &Facts<'_>,
    rule: u16,
    (service, region): (ServiceId, RegionId),
    value: Option<u64>,
) -> String {
    let names = &facts.log.header().names;
    let rule = &names.symptoms[usize::from(rule)];
    let saw = match (rule.symptom, value) {
        (Symptom::Beyond(check), Some(value)) => {
            format!("{} is {}", check.signal.name(), check.signal.format(value))
        }
        (Symptom::Beyond(_) | Symptom::Silent, _) => "nothing is heard".into(),
    };
    format!(
        "Symptom `{}` of {} in {} fires ({}): {saw}.",
        rule.name,
        names.services[service.index()].name,
        names.regions[region.index()],
        urgency(rule.urgency),
    )
}

const fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Page => "page",
        Urgency::Ticket => "ticket",
    }
}

fn notified(receiver: ReceiverId, firing: u64, resolved: usize) -> String {
    let fires = if firing == 1 { "fires" } else { "fire" };
    format!(
        "The {} is told: {} {fires}, {} over.",
        RECEIVERS[receiver.index()],
        words::counted(firing, "alert"),
        match resolved {
            0 => "none is".into(),
            1 => "1 is".into(),
            many => format!("{many} are"),
        }
    )
}

/// Who was called, and what they were told.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "told by the functions before"
)]
fn tell_people(facts: &Facts<'_>, note: &NoteBody) -> String {
    match note {
        NoteBody::SuspectsRanked { incident, suspects } => format!(
            "Changes weighed as the cause of incident {}, the likeliest first: {}.",
            incident.0 + 1,
            words::list(
                &suspects
                    .iter()
                    .map(|one| suspect(facts, one))
                    .collect::<Vec<_>>()
            )
        ),
        NoteBody::PageSent {
            page,
            person,
            attempt,
            suspects,
            ..
        } => page_sent(facts, (*page, *person), *attempt, suspects),
        NoteBody::PageAcknowledged { page, by, .. } => {
            format!("Page {} is acknowledged ({}).", page.0 + 1, role(by))
        }
        NoteBody::PagingGaveUp { .. } => "Nobody acknowledged the last page either.".into(),
        NoteBody::AcknowledgementLapsed { incident, .. } => format!(
            "The acknowledgement of incident {} has lapsed: paging goes on.",
            incident.0 + 1
        ),
        NoteBody::NobodyOnCall { incident, level } => format!(
            "Nobody is on call at level {} of the escalation of incident {}.",
            level + 1,
            incident.0 + 1
        ),
        NoteBody::SeverityChanged {
            incident,
            from,
            to,
            impact,
        } => format!(
            "Incident {} {}: {}.",
            incident.0 + 1,
            severity(*from, *to),
            impact_words(impact)
        ),
        NoteBody::IncidentMoved {
            incident, from, to, ..
        } => format!("Incident {} goes from {from} to {to}.", incident.0 + 1),
        NoteBody::RoleAssumed {
            incident,
            role,
            person,
        } => format!(
            "{} is now the {} of incident {}.",
            words::sentence(&facts.responder(*person)),
            role_word(*role),
            incident.0 + 1
        ),
        NoteBody::StatusPostMissed { incident, audience } => format!(
            "A post about incident {} is overdue: {} wait for it.",
            incident.0 + 1,
            self::audience(*audience)
        ),
        _ => tell_more(facts, note),
    }
}

/// Who hears of an incident.
pub(super) const fn audience(readers: Audience) -> &'static str {
    match readers {
        Audience::Internal => "colleagues",
        Audience::Public => "users",
    }
}

/// Roles that change hands, teams, posts, and what users tell.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "told by the functions before"
)]
fn tell_more(facts: &Facts<'_>, note: &NoteBody) -> String {
    match note {
        NoteBody::RoleHandedOver {
            incident,
            role,
            from,
            to,
        } => format!(
            "The {} of incident {} changes: {} hands over to {}.",
            role_word(*role),
            incident.0 + 1,
            facts.responder(*from),
            facts.responder(*to)
        ),
        NoteBody::RoleReleased { incident, role, .. } => format!(
            "The {} of incident {} lays the role down.",
            role_word(*role),
            incident.0 + 1
        ),
        NoteBody::IncidentRerouted {
            incident,
            from,
            to,
            cost,
            ..
        } => format!(
            "Incident {} is not for team {}, which had it for {}: it goes to team {}.",
            incident.0 + 1,
            facts.team(*from),
            words::time(*cost),
            facts.team(*to)
        ),
        NoteBody::TroubleReported { service, .. } => format!(
            "What users complain about is written down: trouble at `{}`.",
            facts.service(*service)
        ),
        NoteBody::TroubleEnded { .. } => "Users no longer complain.".into(),
        NoteBody::StatusPosted {
            incident,
            audience: readers,
            late,
            ..
        } => format!(
            "A post tells {} of incident {}{}.",
            audience(*readers),
            incident.0 + 1,
            match late.0 {
                0 => String::new(),
                _ => format!(", {} late", words::time(*late)),
            }
        ),
        _ => String::new(),
    }
}

/// A severity and the one before.
fn severity(from: Option<Severity>, to: Severity) -> String {
    match from {
        None => format!("is {to}"),
        Some(from) if to.is_worse_than(from) => format!("is raised from {from} to {to}"),
        Some(from) => format!("is lowered from {from} to {to}"),
    }
}

fn impact_words(impact: &Impact) -> String {
    if impact.is_none() {
        return "no objective that it threatens is being missed".into();
    }
    format!(
        "{} of requests are bad, a budget burns {} times too fast, {} affected",
        words::share(impact.requests),
        words::milli(impact.burn_milli),
        match impact.regions {
            1 => "1 region is".into(),
            regions => format!("{regions} regions are"),
        }
    )
}

const fn role_word(role: IncidentRole) -> &'static str {
    match role {
        IncidentRole::Commander => "commander",
        IncidentRole::Deputy => "deputy",
        IncidentRole::Scribe => "scribe",
        IncidentRole::Communications => "communications lead",
        IncidentRole::Operations => "operations lead",
        IncidentRole::Expert(_) => "expert for a service",
    }
}

/// A change and how suspect it is.
fn suspect(facts: &Facts<'_>, suspect: &RankedSuspect) -> String {
    format!(
        "“{}” ({}{})",
        facts.rollout_title(suspect.rollout),
        words::share(suspect.probability),
        if suspect.blamed { ", blamed" } else { "" }
    )
}

fn page_sent(
    facts: &Facts<'_>,
    (page, person): (PageId, PersonId),
    attempt: u32,
    suspects: &[RolloutId],
) -> String {
    let titles: Vec<String> = suspects
        .iter()
        .map(|rollout| format!("“{}”", facts.rollout_title(*rollout)))
        .collect();
    let shown = if titles.is_empty() {
        "it names no suspect".into()
    } else {
        format!("suspects, the likeliest first: {}", words::list(&titles))
    };
    format!(
        "Page {} goes to {} (attempt {attempt}); {shown}.",
        page.0 + 1,
        facts.responder(person)
    )
}
