//! The judge of a stage: what it saw, what it could not know, and why it said what it said.

use firedrill_core::health::{CheckEvidence, Outcome, Signal, Verdict};
use firedrill_core::ids::ClassId;
use firedrill_core::rollout::{Audience, StageKind};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::log::VerdictTruth;
use firedrill_sim::spec::Mechanism;

use crate::postmortem::facts::{Facts, StageEnd, StageFacts};
use crate::postmortem::model::{CheckLine, Defence, DefenceOutcome, LayerKind, Source, TruthLine};
use crate::postmortem::timeline;
use crate::words;

use super::{layer, let_through, not_reached, stopped};

/// The layer of stage `index`.
pub(super) fn write(facts: &Facts<'_>, index: usize) -> Defence {
    let stage = &facts.stages[index];
    let kind = match stage.kind {
        StageKind::Canary => LayerKind::Canary,
        StageKind::Wave => LayerKind::Wave,
    };
    let name = format!("{} `{}`", words::sentence(stage.kind_word()), stage.name);
    let Some(entered) = stage.entered else {
        return layer(&name, kind, DefenceOutcome::NotReached, not_reached(facts));
    };
    let (outcome, why) = judge(facts, stage);
    let deciding = stage.deciding();
    let truth = stage.truth();
    let events = [
        Some(entered.seq),
        deciding.map(|(event, _)| event.seq),
        truth.map(|(event, _)| event.seq),
        stage.end.map(|end| end.event().seq),
    ];
    Defence {
        checks: deciding.map_or_else(Vec::new, |(_, verdict)| checks(facts, verdict)),
        truth: truth.map(|(_, truth)| TruthLine {
            requests: truth.requests,
            harmed: truth.harmed,
            hit_class_requests: truth.hit_class_requests,
            instances: truth.instances,
            utilisation_ppm: truth.utilisation.0,
        }),
        source: Source::events(events.into_iter().flatten()),
        ..layer(&name, kind, outcome, why)
    }
}

fn checks(facts: &Facts<'_>, verdict: &Verdict) -> Vec<CheckLine> {
    let line = |(index, check): (usize, &CheckEvidence)| CheckLine {
        signal: timeline::signal(facts, check.signal),
        outcome: check.outcome.to_string(),
        value: check.value.map(|value| check.signal.format(value)),
        control: check.control.map(|value| check.signal.format(value)),
        limit: check.limit.map(|value| check.signal.format(value)),
        sample: check.sample,
        sample_min: check.sample_min,
        decided: index as u32 == verdict.decided_by,
    };
    verdict.checks.iter().enumerate().map(line).collect()
}

fn judge(facts: &Facts<'_>, stage: &StageFacts<'_>) -> (DefenceOutcome, String) {
    let by_itself = match stage.end {
        Some(StageEnd::Promoted(_)) => false,
        Some(StageEnd::RolledBack(_, reason)) => {
            use firedrill_core::rollout::RollbackReason;
            match reason {
                RollbackReason::JudgedBad | RollbackReason::ExposureExceeded => true,
                RollbackReason::Ordered | RollbackReason::Alert => false,
            }
        }
        Some(StageEnd::Paused(event)) => paused_by_judge(event),
        Some(StageEnd::Aborted(_)) | None => false,
    };
    if by_itself {
        return (stopped(facts), why_stopped(facts, stage));
    }
    if stage.promoted() {
        let why = if facts.measures().defective {
            why_missed(facts, stage)
        } else {
            why_passed(facts, stage)
        };
        return (let_through(facts), why);
    }
    let why = match stage.end {
        Some(StageEnd::RolledBack(event, reason)) => format!(
            "It was still watching at {} when {}.",
            facts.utc(event.t_us),
            timeline::rollback_reason(reason)
        ),
        Some(StageEnd::Paused(event) | StageEnd::Aborted(event)) => {
            format!("The rollout stopped here at {}.", facts.utc(event.t_us))
        }
        Some(StageEnd::Promoted(_)) | None => {
            "It was still watching when the run ended.".to_owned()
        }
    };
    let why = match evidence(facts, stage) {
        Some(evidence) if facts.measures().defective => format!("{why} {evidence}"),
        Some(_) | None => why,
    };
    let outcome = if facts.measures().defective {
        DefenceOutcome::TooLate
    } else {
        DefenceOutcome::NothingToCatch
    };
    (outcome, why)
}

fn paused_by_judge(event: &firedrill_sim::log::Event) -> bool {
    use firedrill_core::plane::NoteBody;
    use firedrill_core::rollout::PauseReason;
    use firedrill_sim::log::EventBody;
    match &event.body {
        EventBody::Note(NoteBody::RolloutPaused { reason, .. }) => match reason {
            PauseReason::JudgedBad | PauseReason::NoVerdict(_) | PauseReason::PushStalled => true,
            PauseReason::Ordered | PauseReason::Alert => false,
        },
        EventBody::Note(_) | EventBody::Command(_) | EventBody::World(_) | EventBody::Person(_) => {
            false
        }
    }
}

/// Why a judge stopped the change.
fn why_stopped(facts: &Facts<'_>, stage: &StageFacts<'_>) -> String {
    let Some((event, verdict)) = stage.deciding() else {
        return "Its instances did not get the change in time.".into();
    };
    let after = stage
        .entered
        .map_or(Micros::ZERO, |entered| event.t_us - entered.t_us);
    let saw = verdict.deciding().map_or_else(
        || format!("The judge said {}", verdict.outcome),
        |check| {
            let (value, limit) = timeline::value_and_limit(check);
            let name = words::sentence(&timeline::signal(facts, check.signal));
            let sample = words::count(check.sample);
            match verdict.outcome {
                Outcome::Fail => format!(
                    "{name} reached {value}, over the limit of {limit}, on a sample of {sample}"
                ),
                Outcome::Pass | Outcome::Inconclusive | Outcome::NoData(_) => format!(
                    "The judge still said {} of {}: a sample of {sample}, {} asked for",
                    verdict.outcome,
                    timeline::signal(facts, check.signal),
                    words::count(check.sample_min)
                ),
            }
        },
    );
    let truth = stage.truth().filter(|_| facts.measures().defective);
    let known = truth.map_or_else(String::new, |(_, truth)| {
        format!(
            " In truth the defect had harmed {} of {} there.",
            words::count(truth.harmed),
            words::counted(truth.requests, "request")
        )
    });
    format!(
        "{saw}, {} after the stage began.{known}",
        words::time(after)
    )
}

/// Why a judge let a good change through.
fn why_passed(facts: &Facts<'_>, stage: &StageFacts<'_>) -> String {
    let closest = stage.deciding().and_then(|(_, verdict)| verdict.deciding());
    closest.map_or_else(
        || "It passed.".into(),
        |check| {
            let (value, limit) = timeline::value_and_limit(check);
            format!(
                "Every check passed; the closest was {} with {value}, limit {limit}, on a sample \
                 of {}.",
                timeline::signal(facts, check.signal),
                words::count(check.sample)
            )
        },
    )
}

/// Why a judge let a bad change through.
fn why_missed(facts: &Facts<'_>, stage: &StageFacts<'_>) -> String {
    evidence(facts, stage).unwrap_or_else(|| "The log holds no verdict of this stage.".into())
}

/// What the judge saw beside what was so.
fn evidence(facts: &Facts<'_>, stage: &StageFacts<'_>) -> Option<String> {
    let mechanism = facts.defect()?.mechanism;
    let (_, verdict) = stage.deciding()?;
    let truth = stage.truth().map(|(_, truth)| truth);
    let mut text = truth.map_or_else(String::new, |truth| served(facts, truth, mechanism));
    text += &seen(facts, stage, verdict, truth, mechanism);
    text += &hidden(stage, truth, mechanism);
    Some(text)
}

/// What the stage served, and what of it was harmed.
fn served(facts: &Facts<'_>, truth: &VerdictTruth, mechanism: Mechanism) -> String {
    let instances = words::counted(u64::from(truth.instances), "instance");
    let requests = words::counted(truth.requests, "request");
    match mechanism {
        Mechanism::Errors {
            class: Some(class), ..
        } => {
            let class = facts.class(class);
            if truth.hit_class_requests == 0 {
                return format!(
                    "Its {instances} served {requests} and not one of class `{class}`, which is \
                     all that the defect hits. "
                );
            }
            format!(
                "Its {instances} served {requests}; {} of them {} of class `{class}` and the \
                 defect harmed {}. ",
                words::count(truth.hit_class_requests),
                if truth.hit_class_requests == 1 {
                    "was"
                } else {
                    "were"
                },
                words::count(truth.harmed)
            )
        }
        Mechanism::Errors { class: None, .. } | Mechanism::Latency { .. } => format!(
            "Its {instances} served {requests} and the defect harmed {}. ",
            words::count(truth.harmed)
        ),
        Mechanism::CrashOnLoad { .. } => {
            format!("Its {instances} on the new version served {requests}. ")
        }
    }
}

/// The check that could have seen the defect: the one closest to its limit.
pub(in crate::postmortem) fn relevant_check(
    verdict: &Verdict,
    mechanism: Mechanism,
) -> Option<&CheckEvidence> {
    let sees = |check: &&CheckEvidence| sees(check.signal, mechanism);
    let closeness = |check: &&CheckEvidence| match (check.value, check.limit) {
        (Some(value), Some(limit)) => Ppm::of(value, limit.max(1)),
        (Some(_) | None, _) => Ppm::ZERO,
    };
    verdict.checks.iter().filter(sees).max_by_key(closeness)
}

/// Whether a signal can show what a defect does.
fn sees(signal: Signal, mechanism: Mechanism) -> bool {
    match (signal, mechanism) {
        (Signal::ErrorRatio { class: seen }, Mechanism::Errors { class: hit, .. }) => {
            seen.is_none() || seen == hit || hit.is_none()
        }
        (Signal::Latency { .. }, Mechanism::Latency { .. })
        | (
            Signal::Unavailable | Signal::Restarts | Signal::ErrorRatio { .. },
            Mechanism::CrashOnLoad { .. },
        ) => true,
        (
            Signal::ErrorRatio { .. }
            | Signal::Latency { .. }
            | Signal::Unavailable
            | Signal::Restarts
            | Signal::Cpu
            | Signal::Memory
            | Signal::Network
            | Signal::Disk,
            _,
        ) => false,
    }
}

/// What the judge made of it.
fn seen(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    verdict: &Verdict,
    truth: Option<&VerdictTruth>,
    mechanism: Mechanism,
) -> String {
    let Some(check) = relevant_check(verdict, mechanism) else {
        return "None of its checks looks at what the defect changes.".into();
    };
    let (value, limit) = timeline::value_and_limit(check);
    let name = timeline::signal(facts, check.signal);
    let control = check.control.map_or_else(String::new, |control| {
        format!(" (control: {})", check.signal.format(control))
    });
    let harmed = truth.is_none_or(|truth| truth.harmed > 0);
    let over = matches!(
        (check.value, check.limit),
        (Some(value), Some(limit)) if value > limit
    );
    if over {
        return format!(
            "Its {name} of {value} was over the limit of {limit}, on a sample of {} of the {} \
             asked for.",
            words::count(check.sample),
            words::count(check.sample_min)
        );
    }
    let effect = match (mechanism, harmed) {
        (Mechanism::Errors { .. }, true) => "too few to lift",
        (Mechanism::Errors { .. }, false) => "so nothing lifted",
        (Mechanism::Latency { .. } | Mechanism::CrashOnLoad { .. }, _) => "not enough to lift",
    };
    let limit = if stage.promoted() {
        format!("the limit ({limit})")
    } else {
        format!("its limit ({limit}) so far")
    };
    format!("That is {effect} the {name} ({value}{control}) over {limit}.")
}

/// What kept the defect out of the judge's sight.
fn hidden(stage: &StageFacts<'_>, truth: Option<&VerdictTruth>, mechanism: Mechanism) -> String {
    let mut text = String::new();
    if stage
        .spec
        .is_some_and(|spec| spec.audience == Audience::Employees)
    {
        text += " The stage serves employees only, whose mix of requests is not that of users.";
    }
    if let (
        Mechanism::Errors {
            class: Some(class), ..
        },
        Some(truth),
    ) = (mechanism, truth)
    {
        text += &class_check(stage, truth, class);
    }
    if let (Mechanism::Latency { .. }, Some(truth)) = (mechanism, truth) {
        text += &format!(
            " Its busiest instances used {} of their capacity.",
            words::share(truth.utilisation)
        );
    }
    text
}

/// What a check of the class that the defect hits would have seen.
fn class_check(stage: &StageFacts<'_>, truth: &VerdictTruth, class: ClassId) -> String {
    let watched = stage.spec.is_some_and(|spec| {
        let own = Signal::ErrorRatio { class: Some(class) };
        spec.judge.checks.iter().any(|check| check.signal == own)
    });
    if watched || truth.harmed == 0 {
        return String::new();
    }
    format!(
        " Of that class alone it harmed {}; no check looks at the class by itself.",
        words::share(Ppm::of(truth.harmed, truth.hit_class_requests))
    )
}
