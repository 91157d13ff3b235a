//! What went well, what went badly, and where luck helped; each from data.

use firedrill_core::Ppm;
use firedrill_core::plane::NoteBody;
use firedrill_sim::log::WorldEvent;
use firedrill_sim::measure::{Catcher, Span, SuspectRank, shown_first};

use crate::words;

use super::defect;
use super::facts::Facts;
use super::model::{Defence, DefenceOutcome, LayerKind, Lessons, Source, Statement};
use super::response;

/// The lessons section.
pub(super) fn write(facts: &Facts<'_>, defences: &[Defence]) -> Lessons {
    Lessons {
        well: well(facts),
        badly: badly(facts, defences),
        lucky: lucky(facts),
    }
}

fn say(text: String, source: Source) -> Statement {
    Statement { text, source }
}

fn well(facts: &Facts<'_>) -> Vec<Statement> {
    let measures = facts.measures();
    let anchors = facts.anchors();
    let mut said = Vec::new();
    match &measures.caught_by {
        Catcher::Validation | Catcher::Review | Catcher::Canary { .. } | Catcher::Wave { .. }
            if measures.defective =>
        {
            let when = if measures.instances_exposed == 0 {
                "before any instance ran it".into()
            } else {
                let exposure = words::share(measures.exposure);
                format!("when {exposure} of the service's instances had run it")
            };
            said.push(say(
                format!(
                    "{} caught the change {when}.",
                    words::sentence(&measures.caught_by.to_string())
                ),
                Source::anchors([anchors.first_signal]),
            ));
        }
        Catcher::SloAlert { slo } if measures.defective => said.push(say(
            format!("The alert on `{slo}` called somebody before any user had to report it."),
            Source::anchors([anchors.alert_fired]),
        )),
        Catcher::Validation
        | Catcher::Review
        | Catcher::Canary { .. }
        | Catcher::Wave { .. }
        | Catcher::SloAlert { .. }
        | Catcher::SymptomAlert { .. }
        | Catcher::Users
        | Catcher::NoData { .. }
        | Catcher::Nobody => {}
    }
    said.extend(contained(facts));
    said.extend(answered(facts));
    said
}

/// Harm that did not come, or stayed small.
fn contained(facts: &Facts<'_>) -> Vec<Statement> {
    let measures = facts.measures();
    let anchors = facts.anchors();
    let mut said = Vec::new();
    if measures.defective && !measures.harmed {
        said.push(say("No user request was harmed.".into(), facts.sampled()));
    } else if measures.defective && !measures.slo_breached {
        said.push(say("Every objective held.".into(), facts.sampled()));
    }
    if measures.reached_full && !measures.defective {
        said.push(say(
            format!(
                "A sound change went through its whole plan in {}.",
                super::times::span_text(measures.rollout_time)
            ),
            Source::anchors([anchors.rollout_started, anchors.completed]),
        ));
        if measures.pages == 0 {
            said.push(say("Nobody was called.".into(), Source::default()));
        }
    }
    said
}

/// Pages and rollbacks that worked.
fn answered(facts: &Facts<'_>) -> Vec<Statement> {
    let measures = facts.measures();
    let anchors = facts.anchors();
    let mut said = Vec::new();
    if let (Span::Took(took), within) = (
        measures.time_to_acknowledge,
        facts.scenario.core.paging.acknowledge_within,
    ) && took <= within
    {
        said.push(say(
            format!(
                "The page was acknowledged in {}, within the {} that the paging policy allows.",
                words::time(took),
                words::time(within)
            ),
            Source::anchors([anchors.paged, anchors.acknowledged]),
        ));
    }
    if let (Some((event, _)), SuspectRank::Listed { rank: 1, of }) = (
        shown_first(facts.log, facts.anchors()),
        measures.suspect_rank,
    ) {
        said.push(say(
            format!(
                "When somebody took up the page, the right change stood first of {of} suspects."
            ),
            Source::event(event),
        ));
    }
    if let Span::Took(took) = measures.rollback_time {
        said.push(say(
            format!(
                "The rollback, once started, reached every reachable instance in {}.",
                words::time(took)
            ),
            Source::anchors([anchors.rollback_started, anchors.rollback_completed]),
        ));
    }
    said
}

fn badly(facts: &Facts<'_>, defences: &[Defence]) -> Vec<Statement> {
    let measures = facts.measures();
    let anchors = facts.anchors();
    let mut said = Vec::new();
    let missed: Vec<&Defence> = defences
        .iter()
        .filter(|defence| {
            defence.outcome == DefenceOutcome::Missed && defence.kind != LayerKind::Alert
        })
        .collect();
    if !missed.is_empty() {
        let names: Vec<String> = missed
            .iter()
            .map(|defence| words::lower_first(&defence.layer))
            .collect();
        said.push(say(
            format!("The change passed {}.", words::list(&names)),
            Source::events(
                missed
                    .iter()
                    .filter_map(|defence| defence.source.events.last().copied()),
            ),
        ));
    }
    if measures.escaped {
        said.push(say(
            format!("The change {}.", super::header::went_through(facts)),
            Source::anchors([anchors.completed]),
        ));
    }
    if measures.false_rollback {
        said.push(say(
            "A change with nothing wrong in it was taken back.".into(),
            Source::anchors([anchors.rollback_started]),
        ));
    }
    said.extend(noticed_late(facts));
    said.extend(shown_late(facts));
    if !measures.defective && measures.pages > 0 {
        said.push(say(
            format!(
                "{} went out although nothing was wrong with the change.",
                words::counted(u64::from(measures.pages), "page")
            ),
            Source::anchors([anchors.paged]),
        ));
    }
    if let (Some(back), Some(clean)) = (anchors.rollback_completed, anchors.recovered)
        && clean.at > back.at
    {
        said.push(say(
            format!(
                "For {} after the rollback reported completion, {}.",
                words::time(clean.at - back.at),
                if facts.left_behind() {
                    "instances that distribution could not reach still ran the change"
                } else {
                    "instances were still starting, or queues were still long"
                }
            ),
            Source::anchors([anchors.rollback_completed, anchors.recovered]),
        ));
    }
    said.extend(response_trouble(facts));
    said.extend(unmet(facts));
    said
}

fn noticed_late(facts: &Facts<'_>) -> Option<Statement> {
    let anchors = facts.anchors();
    match facts.measures().time_to_detect {
        Span::Took(took) if took.0 > 0 => Some(say(
            format!(
                "The first signal came {} after the first request was harmed.",
                words::time(took)
            ),
            Source::anchors([anchors.harm_started, anchors.first_signal]),
        )),
        Span::Never => Some(say(
            "Users were harmed and nothing ever noticed.".into(),
            Source::anchors([anchors.harm_started]),
        )),
        Span::Took(_) | Span::NotApplicable => None,
    }
}

fn response_trouble(facts: &Facts<'_>) -> Vec<Statement> {
    let mut said = Vec::new();
    let again: Vec<u64> = facts
        .notes()
        .filter(|(_, note)| matches!(note, NoteBody::PageSent { attempt, .. } if *attempt > 1))
        .map(|(event, _)| event.seq)
        .collect();
    if !again.is_empty() {
        said.push(say(
            format!(
                "The first page was not acknowledged in time: {} more went out.",
                words::count(again.len() as u64)
            ),
            Source::events(again),
        ));
    }
    if let Some((event, suspect)) = response::suspicion(facts)
        && facts.measures().defective
        && suspect != facts.measures().rollout
    {
        let what = if suspect.is_some() {
            "The first diagnosis named another change."
        } else {
            "The first diagnosis found no suspect."
        };
        said.push(say(what.into(), Source::event(event)));
    }
    let failed: Vec<u64> = facts
        .notes()
        .filter(|(_, note)| matches!(note, NoteBody::CommandGivenUp { .. }))
        .map(|(event, _)| event.seq)
        .collect();
    if !failed.is_empty() {
        said.push(say(
            format!(
                "{} failed too often and had to be given up.",
                words::counted(failed.len() as u64, "command")
            ),
            Source::events(failed),
        ));
    }
    said
}

fn unmet(facts: &Facts<'_>) -> Vec<Statement> {
    let lines = facts.scenario.expect.iter().zip(&facts.outcome.met);
    lines
        .filter(|(_, met)| !**met)
        .map(|(line, _)| {
            say(
                format!(
                    "The scenario expects “{}”, and it was not so.",
                    words::requirement(&line.requirement)
                ),
                Source::default(),
            )
        })
        .collect()
}

fn lucky(facts: &Facts<'_>) -> Vec<Statement> {
    let measures = facts.measures();
    let Some(defect) = facts.defect().filter(|_| measures.harmed) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    let luck = defect::tell(facts, &defect).luck.into_iter();
    for text in luck.chain(defect::limited_to(facts, &defect)) {
        said.push(say(text, Source::event(defect.event)));
    }
    if let Some((event, [_])) = response::first_suspects(facts) {
        said.push(say(
            "One change alone was under suspicion: there was nothing to tell apart.".into(),
            Source::event(event),
        ));
    }
    if let Some(quiet) = quiet_hour(facts) {
        said.push(quiet);
    }
    said
}

/// Whether whoever was paged was shown other changes before the one that did it, or only others.
fn shown_late(facts: &Facts<'_>) -> Option<Statement> {
    let (event, _) = shown_first(facts.log, facts.anchors())?;
    let text = match facts.measures().suspect_rank {
        SuspectRank::Listed { rank, of } if rank > 1 => {
            format!("The change that did it was suspect {rank} of {of} when somebody first looked.")
        }
        SuspectRank::NotListed { of } => format!(
            "The change that did it was not among the {} that were shown first.",
            words::counted(u64::from(of), "suspect")
        ),
        SuspectRank::Listed { .. } | SuspectRank::NotApplicable => return None,
    };
    Some(say(text, Source::event(event)))
}

/// Whether the harm fell into a time with less traffic than the run's busiest.
fn quiet_hour(facts: &Facts<'_>) -> Option<Statement> {
    let anchors = facts.anchors();
    let start = anchors.harm_started?.at;
    let end = anchors
        .harm_ended
        .map_or(facts.log.header().duration, |end| end.at);
    let during = facts
        .samples
        .iter()
        .filter(|(_, sample)| sample.from_us >= start && sample.from_us < end);
    let (sum, n) = during.fold((0, 0_u64), |(sum, n), (_, sample)| {
        (sum + sample.requests, n + 1)
    });
    let busiest = facts
        .samples
        .iter()
        .map(|(_, sample)| sample.requests)
        .max()?;
    let share = Ppm::of(sum.checked_div(n)?, busiest);
    // Below this, traffic was clearly lower than it gets within the same run.
    (share < Ppm::percent(80)).then(|| {
        say(
            format!(
                "It happened while traffic was at {} of the busiest moment of the run.",
                words::share(share)
            ),
            facts.sampled(),
        )
    })
}

/// Whether the core refused an input during the run.
pub(super) fn refused_inputs(facts: &Facts<'_>) -> Vec<u64> {
    facts
        .world()
        .filter(|(_, world)| matches!(world, WorldEvent::InputRefused { .. }))
        .map(|(event, _)| event.seq)
        .collect()
}
