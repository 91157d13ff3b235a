//! The judge of a stage: what it saw, what it could not know, and why it said what it said.

use firedrill_core::health::judge::Method;
use firedrill_core::health::{CheckEvidence, NoDataReason, Outcome, Proof, Verdict};
use firedrill_core::plane::NoteBody;
use firedrill_core::rollout::{Audience, PauseReason, RollbackReason, StageKind};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::log::{Event, EventBody, VerdictTruth};
use firedrill_sim::spec::Symptom;

use crate::postmortem::defect::{self, Veil};
use crate::postmortem::facts::{DefectFacts, Facts, StageEnd, StageFacts};
use crate::postmortem::model::{CheckLine, Defence, DefenceOutcome, LayerKind, Source, TruthLine};
use crate::postmortem::timeline;
use crate::words;

use super::{layer, let_through, not_reached, proof, stopped};

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
    let bare = layer(&name, kind, outcome, why);
    let label = if outcome == DefenceOutcome::Caught && undecided(stage) {
        "held it, undecided".into()
    } else {
        bare.label.clone()
    };
    Defence {
        label,
        checks: deciding.map_or_else(Vec::new, |(_, verdict)| checks(facts, verdict)),
        truth: truth.map(|(_, truth)| TruthLine {
            requests: truth.requests,
            harmed: truth.harmed,
            hit_class_requests: truth.hit_class_requests,
            instances: truth.instances,
            utilisation_ppm: truth.utilisation.0,
        }),
        source: Source::events(events.into_iter().flatten()),
        ..bare
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
        nearness: proof::nearness(check),
        proof: proof::phrase(check),
        decided: index as u32 == verdict.decided_by,
    };
    verdict.checks.iter().enumerate().map(line).collect()
}

fn judge(facts: &Facts<'_>, stage: &StageFacts<'_>) -> (DefenceOutcome, String) {
    let by_itself = match stage.end {
        Some(StageEnd::Promoted(_)) => false,
        Some(StageEnd::RolledBack(_, reason)) => match reason {
            RollbackReason::JudgedBad | RollbackReason::ExposureExceeded => true,
            RollbackReason::Ordered | RollbackReason::Alert | RollbackReason::Killed => false,
        },
        Some(StageEnd::Paused(event)) => paused_by_judge(event),
        Some(StageEnd::Aborted(_)) | None => false,
    };
    if without_data(stage) {
        return (DefenceOutcome::NoData, why_stopped(facts, stage));
    }
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
            match reason {
                RollbackReason::Ordered => "an operator ordered the rollback",
                RollbackReason::JudgedBad
                | RollbackReason::Alert
                | RollbackReason::ExposureExceeded
                | RollbackReason::Killed => timeline::rollback_reason(reason),
            }
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

fn paused_by_judge(event: &Event) -> bool {
    match pause_reason(event) {
        Some(PauseReason::JudgedBad | PauseReason::NoVerdict(_) | PauseReason::PushStalled) => true,
        Some(
            PauseReason::Ordered | PauseReason::Alert | PauseReason::Frozen | PauseReason::Killed,
        )
        | None => false,
    }
}

/// Whether the stage paused because its judge still said neither pass nor fail.
fn undecided(stage: &StageFacts<'_>) -> bool {
    let Some(StageEnd::Paused(event)) = stage.end else {
        return false;
    };
    matches!(
        pause_reason(event),
        Some(PauseReason::NoVerdict(Outcome::Inconclusive))
    )
}

/// Whether the stage paused with nothing to judge.
fn without_data(stage: &StageFacts<'_>) -> bool {
    let Some(StageEnd::Paused(event)) = stage.end else {
        return false;
    };
    matches!(
        pause_reason(event),
        Some(PauseReason::NoVerdict(Outcome::NoData(_)))
    )
}

fn pause_reason(event: &Event) -> Option<PauseReason> {
    match &event.body {
        EventBody::Note(NoteBody::RolloutPaused { reason, .. }) => Some(*reason),
        EventBody::Note(_) | EventBody::Command(_) | EventBody::World(_) | EventBody::Person(_) => {
            None
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
            let (moved, beyond) = if check.lower {
                ("fell to", "under")
            } else {
                ("reached", "over")
            };
            match verdict.outcome {
                Outcome::Fail if check.proof != Proof::Limit => format!(
                    "{name} failed with {value}: {}",
                    proof::phrase(check).unwrap_or_default()
                ),
                Outcome::Fail => format!(
                    "{name} {moved} {value}, {beyond} the limit of {limit}, on a sample of {}",
                    words::count(check.sample)
                ),
                Outcome::Pass | Outcome::Inconclusive | Outcome::NoData(_) => format!(
                    "The judge still said {} of {}{}",
                    verdict.outcome,
                    timeline::signal(facts, check.signal),
                    lacked(stage, check)
                ),
            }
        },
    );
    format!(
        "{saw}, {} after the stage began.{}",
        words::time(after),
        in_truth(facts, stage, verdict)
    )
}

/// What a check without an answer lacked, after a colon; nothing where its outcome says it all.
fn lacked(stage: &StageFacts<'_>, check: &CheckEvidence) -> String {
    let reason = match check.outcome {
        Outcome::NoData(reason) => reason,
        Outcome::Pass | Outcome::Fail | Outcome::Inconclusive => {
            let phrase = proof::phrase(check);
            return phrase.map_or_else(String::new, |phrase| format!(": {phrase}"));
        }
    };
    match reason {
        NoDataReason::TooLittle => format!(
            ": a sample of {}, {} asked for",
            words::count(check.sample),
            words::count(check.sample_min)
        ),
        NoDataReason::TooFewScrapes => {
            let method = stage.spec.map(|spec| spec.judge.method);
            let asked = match method {
                Some(Method::Rank(rank)) => {
                    format!(
                        ", {} of each asked for",
                        words::count(u64::from(rank.points_min))
                    )
                }
                Some(Method::Threshold | Method::Repeated(_) | Method::Sequential(_)) | None => {
                    String::new()
                }
            };
            let phrase = proof::phrase(check).unwrap_or_default();
            format!(": {phrase}{asked}")
        }
        NoDataReason::NothingMeasured => format!(
            ": none of its measurements had a sample of {}",
            words::count(check.sample_min)
        ),
        NoDataReason::NothingCompared | NoDataReason::Missing | NoDataReason::Stale => {
            String::new()
        }
    }
}

/// What was so when a judge stopped the change, with a space in front.
fn in_truth(facts: &Facts<'_>, stage: &StageFacts<'_>, verdict: &Verdict) -> String {
    let (Some((_, truth)), Some(defect)) = (stage.truth(), facts.defect()) else {
        return String::new();
    };
    if let Some(victim) = defect::victim(facts, &defect) {
        return format!(
            " In truth it was `{}` that the defect put under strain.",
            facts.service_name(victim.0)
        );
    }
    let harmed = format!(
        " In truth the defect had harmed {} of {} there.",
        words::count(truth.harmed),
        words::counted(truth.requests, "request")
    );
    match defect.mechanism.symptom() {
        Symptom::Silence => format!(
            "{harmed} {}",
            silence(verdict, &defect::veils(facts, stage))
        ),
        Symptom::Errors
        | Symptom::Latency
        | Symptom::Availability
        | Symptom::Saturation
        | Symptom::Downstream
        | Symptom::Business => harmed,
    }
}

/// Why a judge let a good change through.
fn why_passed(facts: &Facts<'_>, stage: &StageFacts<'_>) -> String {
    let closest = stage.deciding().and_then(|(_, verdict)| verdict.deciding());
    closest.map_or_else(
        || "It passed.".into(),
        |check| {
            let (value, limit) = timeline::value_and_limit(check);
            if let Some(phrase) = proof::phrase(check) {
                let name = timeline::signal(facts, check.signal);
                return format!(
                    "Every check passed; the closest was {name} with {value}: {phrase}."
                );
            }
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
    let defect = facts.defect()?;
    let (_, verdict) = stage.deciding()?;
    let truth = stage.truth().map(|(_, truth)| truth);
    let mut said: Vec<String> = Vec::new();
    said.extend(truth.map(|truth| served(facts, truth, &defect)));
    said.push(seen(facts, stage, verdict, truth, &defect));
    said.extend(audience(stage));
    let veils = defect::veils(facts, stage);
    said.extend(truth.and_then(|truth| class_check(facts, stage, verdict, truth, &defect)));
    said.extend(truth.and_then(|truth| busiest(truth, &defect, &veils)));
    said.extend(veils.into_iter().map(|veil| veil.reason));
    Some(said.join(" "))
}

/// What the stage served, and what of it was harmed.
fn served(facts: &Facts<'_>, truth: &VerdictTruth, defect: &DefectFacts<'_>) -> String {
    let instances = words::counted(u64::from(truth.instances), "instance");
    let requests = words::counted(truth.requests, "request");
    let harmed = words::count(truth.harmed);
    if let Some(class) = defect.mechanism.class() {
        let class = facts.class(class);
        if truth.hit_class_requests == 0 {
            return format!(
                "Its {instances} served {requests} and not one of class `{class}`, which is all \
                 that the defect hits."
            );
        }
        if truth.hit_class_requests == truth.requests {
            return format!(
                "Its {instances} served {requests}, all of class `{class}`, and the defect harmed \
                 {harmed} ({}).",
                words::share(Ppm::of(truth.harmed, truth.requests))
            );
        }
        return format!(
            "Its {instances} served {requests}; {} of them {} of class `{class}` and the defect \
             harmed {harmed}.",
            words::count(truth.hit_class_requests),
            if truth.hit_class_requests == 1 {
                "was"
            } else {
                "were"
            }
        );
    }
    match defect.mechanism.symptom() {
        Symptom::Availability => {
            format!("Its {instances} on the new version served {requests}.")
        }
        // What is lost further down is not in the stage's books.
        Symptom::Downstream => format!("Its {instances} served {requests}."),
        Symptom::Errors
        | Symptom::Latency
        | Symptom::Saturation
        | Symptom::Business
        | Symptom::Silence => {
            format!("Its {instances} served {requests} and the defect harmed {harmed}.")
        }
    }
}

/// What the judge made of it.
fn seen(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    verdict: &Verdict,
    truth: Option<&VerdictTruth>,
    defect: &DefectFacts<'_>,
) -> String {
    let Some(check) = defect::relevant_check(facts, defect, verdict) else {
        return unseen(facts, stage, defect, verdict);
    };
    let Some(reading) = check.value else {
        return format!(
            "Its {} had no data, so that it could not show the defect.",
            timeline::signal(facts, check.signal)
        );
    };
    let (value, limit) = timeline::value_and_limit(check);
    let name = timeline::signal(facts, check.signal);
    let control = check.control.map_or_else(String::new, |control| {
        format!("; control: {}", check.signal.format(control))
    });
    if let Some(phrase) = proof::phrase(check) {
        let near = proof::nearness(check);
        let way = near.map_or_else(String::new, |near| {
            format!(", {near} of the way to failing")
        });
        return format!("Its {name} was {value}{way}: {phrase}.");
    }
    if check.limit.is_some_and(|limit| reading > limit) {
        return format!(
            "Its {name} of {value} was over the limit of {limit}, on a sample of {} of the {} \
             asked for.",
            words::count(check.sample),
            words::count(check.sample_min)
        );
    }
    let effect = match defect.mechanism.symptom() {
        Symptom::Errors | Symptom::Business if truth.is_some_and(|truth| truth.harmed == 0) => {
            "Nothing lifted"
        }
        Symptom::Errors | Symptom::Business => "That is too few to lift",
        Symptom::Downstream => "What came back of it was not enough to lift",
        Symptom::Latency | Symptom::Availability | Symptom::Saturation | Symptom::Silence => {
            "That is not enough to lift"
        }
    };
    let limit = if check.limit.is_none() {
        "a limit: there was no control to compare with".to_owned()
    } else if stage.promoted() {
        format!("the limit ({limit})")
    } else {
        format!("its limit ({limit}) so far")
    };
    format!("{effect} the {name} ({value}{control}) over {limit}.")
}

/// Why no check could see it.
fn unseen(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    defect: &DefectFacts<'_>,
    verdict: &Verdict,
) -> String {
    match defect.mechanism.symptom() {
        Symptom::Silence => silence(verdict, &defect::veils(facts, stage)).into(),
        Symptom::Errors
        | Symptom::Latency
        | Symptom::Availability
        | Symptom::Saturation
        | Symptom::Downstream
        | Symptom::Business => format!(
            "None of its checks looks at {}, where the defect shows.",
            defect::places(defect::tell(facts, defect).shows)
        ),
    }
}

/// What a judge makes of scrapes that do not arrive.
fn silence(verdict: &Verdict, veils: &[Veil]) -> &'static str {
    match verdict.outcome {
        _ if !veils.is_empty() => "None of its checks counts scrapes that go missing.",
        Outcome::NoData(_) => {
            "Scrapes went missing; missing data never promotes, so the stage held."
        }
        Outcome::Pass => {
            "Scrapes went missing, and those that still arrived looked well: none of its checks \
             counts what is missing."
        }
        Outcome::Fail | Outcome::Inconclusive => "Scrapes went missing.",
    }
}

/// Whose requests the stage did not see.
fn audience(stage: &StageFacts<'_>) -> Option<String> {
    let missed = match stage.spec?.audience {
        Audience::Public => return None,
        Audience::Employees => {
            "The stage serves employees only, whose mix of requests is not that of users."
        }
        Audience::Mirrored => {
            "The stage gets copies of requests: nobody reads the answers, and what they would do \
             to other services does not happen."
        }
        Audience::Probes => "The stage gets synthetic requests only, and hardly any load.",
    };
    Some(missed.to_owned())
}

/// How busy the instances were, for defects that depend on it; a veil says it better.
fn busiest(truth: &VerdictTruth, defect: &DefectFacts<'_>, veils: &[Veil]) -> Option<String> {
    let by_load = match defect.mechanism.symptom() {
        Symptom::Latency | Symptom::Saturation => true,
        Symptom::Errors
        | Symptom::Availability
        | Symptom::Downstream
        | Symptom::Business
        | Symptom::Silence => false,
    };
    (by_load && veils.is_empty()).then(|| {
        format!(
            "Its busiest instances used {} of their capacity.",
            words::share(truth.utilisation)
        )
    })
}

/// What a check of the class that the defect hits would have seen.
fn class_check(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    verdict: &Verdict,
    truth: &VerdictTruth,
    defect: &DefectFacts<'_>,
) -> Option<String> {
    let class = defect.mechanism.class()?;
    let watched = stage.spec.is_some_and(|spec| {
        let mut signals = spec.judge.checks.iter().map(|check| check.signal);
        signals.any(|signal| signal.class() == Some(class) && defect::sees(facts, defect, signal))
    });
    if watched || truth.harmed == 0 || truth.hit_class_requests == truth.requests {
        return None;
    }
    let alone = words::share(Ppm::of(truth.harmed, truth.hit_class_requests));
    Some(
        if defect::relevant_check(facts, defect, verdict).is_some() {
            format!("Of that class alone it harmed {alone}; no check looks at the class by itself.")
        } else {
            format!("Of that class alone it harmed {alone}.")
        },
    )
}
