//! How trouble was noticed, and how people came into it.

use firedrill_core::health::Urgency;
use firedrill_core::ids::RolloutId;
use firedrill_core::plane::{ActionNote, NoteBody};
use firedrill_core::rollout::{Order, RollbackReason};
use firedrill_sim::log::{Event, EventBody, PersonEvent, WorldEvent};
use firedrill_sim::measure::{SuspectRank, shown_first};

use crate::words;

use super::facts::Facts;
use super::model::{Detection, Source, Statement};
use super::timeline;
use super::tools;

/// The detection section.
pub(super) fn write(facts: &Facts<'_>) -> Option<Detection> {
    let anchors = facts.anchors();
    if !facts.measures().defective && anchors.first_signal.is_none() {
        return None;
    }
    Some(Detection {
        how: how(facts),
        response: response(facts),
        source: Source::anchors([anchors.harm_started, anchors.first_signal]),
    })
}

fn how(facts: &Facts<'_>) -> String {
    let anchors = facts.anchors();
    let Some(signal) = anchors.first_signal else {
        return if facts.measures().harmed {
            "Nothing and nobody noticed before the run ended.".into()
        } else {
            "There was nothing to notice: no user was harmed and no layer spoke.".into()
        };
    };
    let who = facts
        .event(signal.seq)
        .map_or_else(String::new, |event| signal_text(facts, event));
    let when = match anchors.harm_started {
        Some(harm) if harm.at < signal.at => format!(
            ", {} after the first request was harmed",
            words::time(signal.at - harm.at)
        ),
        Some(_) => ", before any user was harmed".into(),
        None if facts.measures().defective => "; no user was harmed".into(),
        None => "; nothing was wrong with the change".into(),
    };
    let reported = facts.notes().any(|(event, note)| {
        event.seq == signal.seq && matches!(note, NoteBody::TroubleReported { .. })
    });
    let nobody_told = !reported && users_heard(facts).is_none();
    let reporter = if facts.measures().harmed && nobody_told {
        " No user had to report it."
    } else {
        ""
    };
    format!("{who} at {}{when}.{reporter}", facts.utc(signal.at))
}

/// When whoever is on call was told that users complain, and of how many reports.
pub(super) fn users_heard<'a>(facts: &Facts<'a>) -> Option<(&'a Event, u32)> {
    let events = facts.log.events().iter();
    let mut told = events.filter_map(|event| match event.body {
        EventBody::Person(PersonEvent::TroubleTold { reports }) => Some((event, reports)),
        EventBody::Person(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::World(_) => {
            None
        }
    });
    told.next()
}

/// Who or what gave the first signal.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other note is a signal")]
fn signal_text(facts: &Facts<'_>, event: &Event) -> String {
    let EventBody::Note(note) = &event.body else {
        return "The first signal came".into();
    };
    match note {
        NoteBody::ChangeInvalid { .. } => "Validation refused the change".into(),
        NoteBody::ChangeReviewed { .. } => "The reviewer refused the change".into(),
        NoteBody::VerdictReached { rollout, stage, .. } => format!(
            "The judge of stage `{}` found the change bad",
            facts.stage(*rollout, *stage)
        ),
        NoteBody::TroubleReported { .. } => "Users complained, and support passed it on".into(),
        NoteBody::AlertFired { alert } => {
            format!(
                "The paging alert on objective `{}` fired",
                facts.slo(alert.slo)
            )
        }
        NoteBody::RolloutPaused { reason, .. } => {
            format!("The rollout paused ({})", timeline::pause_reason(*reason))
        }
        _ => "The first signal came".into(),
    }
}

/// Pages, answers, suspicions and orders, in order.
#[expect(clippy::wildcard_enum_match_arm, reason = "other notes answer nothing")]
fn response(facts: &Facts<'_>) -> Vec<Statement> {
    let is_response = |event: &&Event| match &event.body {
        EventBody::Note(note) => match note {
            NoteBody::IncidentOpened { .. }
            | NoteBody::SeverityChanged { .. }
            | NoteBody::SuspectsRanked { .. }
            | NoteBody::PageSent { .. }
            | NoteBody::PageAcknowledged { .. }
            | NoteBody::AcknowledgementLapsed { .. }
            | NoteBody::NobodyOnCall { .. }
            | NoteBody::RoleAssumed { .. }
            | NoteBody::RoleHandedOver { .. }
            | NoteBody::IncidentRerouted { .. }
            | NoteBody::TroubleReported { .. }
            | NoteBody::TroubleEnded { .. }
            | NoteBody::StatusPosted { .. }
            | NoteBody::StatusPostMissed { .. }
            | NoteBody::PagingGaveUp { .. }
            | NoteBody::OrderRecorded { .. }
            | NoteBody::RollbackHeld { .. }
            | NoteBody::HoldEnded { .. }
            | NoteBody::RollbackStarted { .. }
            | NoteBody::RollbackCompleted { .. }
            | NoteBody::IncidentResolved { .. } => true,
            NoteBody::AlertFired { alert } => alert.rule.urgency == Urgency::Page,
            NoteBody::Action(note) => !matches!(note, ActionNote::Started { .. }),
            _ => false,
        },
        EventBody::Person(
            PersonEvent::CauseSuspected { .. }
            | PersonEvent::PlayBegun { .. }
            | PersonEvent::TroubleTold { .. }
            | PersonEvent::OverrideDeclined { .. },
        ) => true,
        EventBody::World(WorldEvent::Tool(tool)) => tools::matters(tool),
        EventBody::Person(PersonEvent::PageAnswered { .. })
        | EventBody::Command(_)
        | EventBody::World(_) => false,
    };
    let told = |event: &Event| Statement {
        text: format!(
            "{}: {}",
            facts.utc(event.t_us),
            timeline::tell(facts, event)
        ),
        source: Source::event(event),
    };
    let events = facts.log.events().iter();
    let told = events.filter(is_response).map(told);
    told.chain(tools::summary(facts))
        .chain(shown(facts))
        .collect()
}

/// Where the change that did it stood among those that were shown.
fn shown(facts: &Facts<'_>) -> Option<Statement> {
    let rollout = facts.measures().rollout?;
    let (event, _) = shown_first(facts.log, facts.anchors())?;
    let title = facts.rollout_title(rollout);
    let text = match facts.measures().suspect_rank {
        SuspectRank::Listed { rank, of } => {
            format!("The change that did it, “{title}”, was suspect {rank} of {of}.")
        }
        SuspectRank::NotListed { of: 0 } => {
            format!("No suspect was shown; “{title}” did it.")
        }
        SuspectRank::NotListed { of } => format!(
            "The change that did it, “{title}”, was not among the {} shown.",
            words::counted(u64::from(of), "suspect")
        ),
        SuspectRank::NotApplicable => return None,
    };
    Some(Statement {
        text,
        source: Source::event(event),
    })
}

/// The first suspicion that somebody settled on.
pub(super) fn suspicion<'a>(facts: &Facts<'a>) -> Option<(&'a Event, Option<RolloutId>)> {
    facts
        .log
        .events()
        .iter()
        .find_map(|event| match &event.body {
            EventBody::Person(PersonEvent::CauseSuspected { rollout, .. }) => {
                Some((event, *rollout))
            }
            EventBody::Person(
                PersonEvent::PageAnswered { .. }
                | PersonEvent::PlayBegun { .. }
                | PersonEvent::TroubleTold { .. }
                | PersonEvent::OverrideDeclined { .. },
            )
            | EventBody::Note(_)
            | EventBody::Command(_)
            | EventBody::World(_) => None,
        })
}

/// The order that took the measured change back; none when the rollback began by itself,
/// whatever was ordered afterwards.
#[expect(clippy::wildcard_enum_match_arm, reason = "one note is looked for")]
pub(super) fn rollback_order<'a>(facts: &Facts<'a>) -> Option<&'a Event> {
    let started = facts.event(facts.anchors().rollback_started?.seq)?;
    let reason = match &started.body {
        EventBody::Note(NoteBody::RollbackStarted { reason, .. }) => *reason,
        _ => return None,
    };
    if reason != RollbackReason::Ordered {
        return None;
    }
    let before = facts.notes().filter(|(event, _)| event.seq < started.seq);
    before.rev().find_map(|(event, note)| match note {
        NoteBody::OrderRecorded {
            rollout,
            order: Order::RollBack,
            ..
        } if Some(*rollout) == facts.measures().rollout => Some(event),
        _ => None,
    })
}

/// The suspects on the first page.
pub(super) fn first_suspects<'a>(facts: &Facts<'a>) -> Option<(&'a Event, &'a [RolloutId])> {
    facts.notes().find_map(|(event, note)| page_of(event, note))
}

/// A page, with its suspects.
#[expect(clippy::wildcard_enum_match_arm, reason = "one note is looked for")]
fn page_of<'a>(event: &'a Event, note: &'a NoteBody) -> Option<(&'a Event, &'a [RolloutId])> {
    match note {
        NoteBody::PageSent { suspects, .. } => Some((event, suspects.as_slice())),
        _ => None,
    }
}
