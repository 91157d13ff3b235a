//! Every layer that could have stopped the change: what it did, and why.

mod alert;
mod proof;
mod stage;

use firedrill_core::config::Decision;
use firedrill_core::plane::NoteBody;
use firedrill_core::rollout::RollbackReason;
use firedrill_sim::log::{Event, EventBody};
use firedrill_sim::measure::Catcher;

use crate::words;

use super::defect;
use super::facts::{Facts, StageEnd};
use super::model::{Defence, DefenceOutcome, LayerKind, Source};
use super::response;
use super::timeline;

/// The layers, in the order in which a change meets them.
pub(super) fn write(facts: &Facts<'_>) -> Vec<Defence> {
    if facts.change.is_none() {
        return Vec::new();
    }
    let mut defences = vec![validation(facts), review(facts)];
    defences.extend((0..facts.stages.len()).map(|index| stage::write(facts, index)));
    defences.extend(alert::write(facts));
    defences.extend(symptom(facts));
    defences.extend(users(facts));
    defences.push(rollback(facts));
    defences
}

/// A layer without a judge.
fn layer(layer: &str, kind: LayerKind, outcome: DefenceOutcome, why: String) -> Defence {
    Defence {
        layer: layer.into(),
        kind,
        outcome,
        label: label(outcome).into(),
        why,
        checks: Vec::new(),
        truth: None,
        source: Source::default(),
    }
}

const fn label(outcome: DefenceOutcome) -> &'static str {
    match outcome {
        DefenceOutcome::Caught => "caught it",
        DefenceOutcome::Missed => "missed it",
        DefenceOutcome::TooLate => "too late",
        DefenceOutcome::NotReached => "not reached",
        DefenceOutcome::NothingToCatch => "nothing to catch",
        DefenceOutcome::FalseAlarm => "false alarm",
        DefenceOutcome::NoData => "paused for lack of data",
        DefenceOutcome::CarriedOut => "carried out",
        DefenceOutcome::Unfinished => "not finished",
    }
}

/// What a layer did with a change that it let through.
fn let_through(facts: &Facts<'_>) -> DefenceOutcome {
    if facts.measures().defective {
        DefenceOutcome::Missed
    } else {
        DefenceOutcome::NothingToCatch
    }
}

/// What a layer did with a change that it stopped.
fn stopped(facts: &Facts<'_>) -> DefenceOutcome {
    if facts.measures().defective {
        DefenceOutcome::Caught
    } else {
        DefenceOutcome::FalseAlarm
    }
}

fn not_reached(facts: &Facts<'_>) -> String {
    let catcher = &facts.measures().caught_by;
    if catcher.is_nobody() {
        if let Catcher::NoData { stage } = catcher {
            return format!(
                "The rollout had paused in stage `{stage}` for lack of data before the change got \
                 here."
            );
        }
        let halted = |end: StageEnd<'_>| !matches!(end, StageEnd::Promoted(_));
        let halted = facts
            .stages
            .iter()
            .filter_map(|stage| stage.end)
            .any(halted);
        return if halted {
            "The rollout had ended before the change got here.".into()
        } else {
            "The run ended before the change got here.".into()
        };
    }
    format!("The change was stopped by {catcher} before it got here.")
}

fn validation(facts: &Facts<'_>) -> Defence {
    let event = facts.change.as_ref().and_then(|change| change.validated);
    let (outcome, why) = match event.map(|event| &event.body) {
        Some(EventBody::Note(NoteBody::ChangeInvalid { findings, .. })) => {
            let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
            (
                stopped(facts),
                format!("It refused the change: {}.", words::list(&findings)),
            )
        }
        Some(EventBody::Note(NoteBody::ChangeValidated { checks, .. })) => {
            let checks = words::counted(u64::from(*checks), "check");
            let why = if facts.measures().defective {
                format!(
                    "The new values have the right types and lie in their allowed ranges ({checks} \
                     made): no rule speaks of what is wrong with them.{}",
                    sound_alone(facts)
                )
            } else {
                format!("{checks} made, nothing found.")
            };
            (let_through(facts), why)
        }
        Some(_) | None => (DefenceOutcome::NotReached, not_reached(facts)),
    };
    Defence {
        source: event.map(Source::event).unwrap_or_default(),
        ..layer("Validation", LayerKind::Validation, outcome, why)
    }
}

/// What the harm needs beside the new values, with a space in front.
fn sound_alone(facts: &Facts<'_>) -> String {
    let beside = facts.defect().and_then(|defect| defect::beside(&defect));
    beside.map_or_else(String::new, |beside| {
        format!(" They hurt only together with {beside}.")
    })
}

fn review(facts: &Facts<'_>) -> Defence {
    let event = facts.change.as_ref().and_then(|change| change.reviewed);
    let (outcome, why) = match event.map(|event| &event.body) {
        Some(EventBody::Note(NoteBody::ChangeReviewed {
            reviewer, decision, ..
        })) => {
            let role = reviewer.role;
            match decision {
                Decision::Reject => (
                    stopped(facts),
                    format!("The reviewer ({role}) refused the change."),
                ),
                Decision::Approve if facts.measures().defective => (
                    DefenceOutcome::Missed,
                    format!(
                        "The reviewer ({role}) saw the new values and a clean validation; nothing \
                         in front of them showed the effect on users.{}",
                        sound_alone(facts)
                    ),
                ),
                Decision::Approve => (
                    DefenceOutcome::NothingToCatch,
                    format!("The reviewer ({role}) approved a sound change."),
                ),
            }
        }
        Some(_) | None => (DefenceOutcome::NotReached, not_reached(facts)),
    };
    Defence {
        source: event.map(Source::event).unwrap_or_default(),
        ..layer("Review", LayerKind::Review, outcome, why)
    }
}

/// Alerts on what instances show, where one of them led to the end of the change.
fn symptom(facts: &Facts<'_>) -> Option<Defence> {
    let Catcher::SymptomAlert { rule } = &facts.measures().caught_by else {
        return None;
    };
    let signal = facts.anchors().first_signal;
    let why = "It was told to whoever is on call before any objective's alert was.".into();
    let name = format!("Alert on symptom `{rule}`");
    Some(Defence {
        source: Source::anchors([signal]),
        ..layer(&name, LayerKind::Alert, DefenceOutcome::Caught, why)
    })
}

/// Users whom somebody listens to.
fn users(facts: &Facts<'_>) -> Option<Defence> {
    facts.scenario.support.as_ref()?;
    let told = response::users_heard(facts);
    let (outcome, why) = match told {
        Some((event, reports)) => {
            let why = format!(
                "{} lately: whoever reads them told the on-call engineer at {}.",
                words::counted(u64::from(reports), "report"),
                facts.utc(event.t_us)
            );
            let outcome = if facts.measures().caught_by == Catcher::Users {
                DefenceOutcome::Caught
            } else if facts.measures().defective {
                DefenceOutcome::TooLate
            } else {
                DefenceOutcome::FalseAlarm
            };
            (outcome, why)
        }
        None if facts.measures().harmed => {
            let (outcome, why) = if facts.anchors().acknowledged.is_some() {
                let why = "Somebody was at work on it before enough users had written.";
                (DefenceOutcome::NotReached, why)
            } else {
                let why = "Too few of them wrote to be noticed.";
                (DefenceOutcome::Missed, why)
            };
            (outcome, why.into())
        }
        None => (DefenceOutcome::NothingToCatch, "No user was harmed.".into()),
    };
    Some(Defence {
        source: told
            .map(|(event, _)| Source::event(event))
            .unwrap_or_default(),
        ..layer("Users' reports", LayerKind::Users, outcome, why)
    })
}

fn rollback(facts: &Facts<'_>) -> Defence {
    let anchors = facts.anchors();
    let started = anchors
        .rollback_started
        .and_then(|anchor| facts.event(anchor.seq));
    let Some(started) = started else {
        return no_rollback(facts);
    };
    let reason = match &started.body {
        EventBody::Note(NoteBody::RollbackStarted { reason, .. }) => *reason,
        EventBody::Note(_) | EventBody::Command(_) | EventBody::World(_) | EventBody::Person(_) => {
            RollbackReason::Ordered
        }
    };
    let mut why = match reason {
        RollbackReason::Ordered => ordered_rollback(facts, started),
        RollbackReason::Killed => format!(
            "It started with a kill switch at {}.",
            facts.utc(started.t_us)
        ),
        RollbackReason::JudgedBad | RollbackReason::Alert | RollbackReason::ExposureExceeded => {
            format!(
                "It started by itself at {}: {}.",
                facts.utc(started.t_us),
                timeline::rollback_reason(reason)
            )
        }
    };
    let outcome = match anchors.rollback_completed {
        Some(done) => {
            why += &format!(
                " Every reachable instance was back {} later.",
                words::time(done.at - started.t_us)
            );
            DefenceOutcome::CarriedOut
        }
        None => {
            why += " It was not complete when the run ended.";
            DefenceOutcome::Unfinished
        }
    };
    if let Some(way_back) = facts
        .defect()
        .and_then(|defect| defect::tell(facts, &defect).way_back)
    {
        why += &format!(" {way_back}");
    }
    let outcome = if facts.measures().false_rollback {
        DefenceOutcome::FalseAlarm
    } else {
        outcome
    };
    let name = match reason {
        RollbackReason::Ordered => "Rollback by an operator",
        RollbackReason::Killed => "Rollback by a kill switch",
        RollbackReason::JudgedBad | RollbackReason::Alert | RollbackReason::ExposureExceeded => {
            "Automatic rollback"
        }
    };
    Defence {
        source: Source::anchors([anchors.rollback_started, anchors.rollback_completed]),
        ..layer(name, LayerKind::Rollback, outcome, why)
    }
}

fn ordered_rollback(facts: &Facts<'_>, started: &Event) -> String {
    let anchors = facts.anchors();
    let at = facts.utc(started.t_us);
    match anchors.acknowledged {
        Some(acknowledged) if acknowledged.at <= started.t_us => format!(
            "The on-call engineer ordered it at {at}, {} after acknowledging the page.",
            words::time(started.t_us - acknowledged.at)
        ),
        Some(_) | None => format!("An operator ordered it at {at}."),
    }
}

fn no_rollback(facts: &Facts<'_>) -> Defence {
    let paused = facts.stages.iter().find_map(|stage| match stage.end {
        Some(StageEnd::Paused(event) | StageEnd::Aborted(event)) => Some((stage.name, event)),
        Some(StageEnd::Promoted(_) | StageEnd::RolledBack(..)) | None => None,
    });
    let (outcome, why, source) = match paused {
        Some((stage, event)) if facts.measures().defective => (
            DefenceOutcome::Unfinished,
            format!(
                "The rollout stopped in stage `{stage}` and kept its exposure: nobody took the \
                 change back before the run ended."
            ),
            Source::event(event),
        ),
        Some(_) | None => {
            let defective = facts.measures().defective && facts.measures().rollout.is_some();
            if defective && facts.measures().caught_by.is_nobody() {
                (
                    DefenceOutcome::NotReached,
                    "Nothing and nobody asked for one before the run ended.".into(),
                    Source::default(),
                )
            } else if defective || facts.measures().defective {
                (
                    DefenceOutcome::NotReached,
                    not_reached(facts),
                    Source::default(),
                )
            } else {
                (
                    DefenceOutcome::NothingToCatch,
                    "None was needed.".into(),
                    Source::default(),
                )
            }
        }
    };
    Defence {
        source,
        ..layer("Rollback", LayerKind::Rollback, outcome, why)
    }
}
