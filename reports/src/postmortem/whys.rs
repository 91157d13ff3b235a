//! Repeated whys: from what hurt back to what let it, along the log's cause edges.

use std::collections::BTreeSet;

use firedrill_core::Micros;
use firedrill_core::plane::NoteBody;
use firedrill_sim::log::{Event, EventBody, PersonEvent, WorldEvent};

use crate::words;

use super::defect;
use super::facts::{Facts, StageEnd, StageFacts};
use super::model::{Defence, DefenceOutcome, LayerKind, Source, Why, WhyChain};

/// The chains: why users were harmed, why nothing stopped it before, why it lasted.
pub(super) fn write(facts: &Facts<'_>, defences: &[Defence]) -> Vec<WhyChain> {
    if !facts.measures().defective {
        return Vec::new();
    }
    let chains = [harmed(facts), let_through(facts, defences), lasted(facts)];
    chains
        .into_iter()
        .filter(|chain| !chain.steps.is_empty())
        .collect()
}

fn why(question: &str, because: String, source: Source) -> Why {
    Why {
        question: question.into(),
        because,
        source,
    }
}

/// An event and everything that led to it.
fn ancestors(facts: &Facts<'_>, seq: u64) -> BTreeSet<u64> {
    let mut found = BTreeSet::from([seq]);
    let mut open = vec![seq];
    while let Some(seq) = open.pop() {
        let causes = facts.event(seq).map_or(&[][..], |event| &event.cause);
        open.extend(causes.iter().filter(|cause| found.insert(**cause)));
    }
    found
}

/// Why users were harmed: from the worst that the objective saw back to the change.
fn harmed(facts: &Facts<'_>) -> WhyChain {
    let mut steps = Vec::new();
    let anchors = facts.anchors();
    if let (Some(change), Some(harm)) = (&facts.change, anchors.harm_started) {
        let line = ancestors(facts, harm.seq);
        if let Some(breached) = anchors.slo_breached {
            steps.push(why(
                &format!("Why was {} breached?", breached_objective(facts)),
                format!(
                    "Because requests were harmed from {} on, more than the objective allows.",
                    facts.utc(harm.at)
                ),
                Source::anchors([Some(breached), Some(harm)]),
            ));
        }
        if let (Some(active), Some(defect)) = (anchors.defect_active, change.defect) {
            steps.push(why(
                "Why were requests harmed?",
                format!(
                    "Because instances ran the defective version from {} on. {}{}",
                    facts.utc(active.at),
                    defect::tell(facts, &defect).does,
                    defect::when(facts, &defect)
                ),
                Source::anchors([Some(active), Some(harm)]),
            ));
            steps.push(why(
                "Why does the new version do that?",
                words::sentence(&words::stopped(defect.story)),
                Source::event(defect.event),
            ));
        }
        let stage = facts.stages.iter().rev().find_map(|stage| {
            let entered = stage.entered.filter(|event| line.contains(&event.seq))?;
            Some((stage, entered))
        });
        if let Some((stage, entered)) = stage {
            steps.push(why(
                "Why did instances run that version?",
                format!(
                    "Because stage `{}` of the rollout began at {} and brought it to them.",
                    stage.name,
                    facts.utc(entered.t_us)
                ),
                Source::event(entered),
            ));
        }
        if let Some(reviewed) = change.reviewed {
            steps.push(why(
                "Why was it rolled out at all?",
                "Because validation found nothing and the review approved it.".into(),
                Source::events(
                    [change.validated, Some(reviewed)]
                        .into_iter()
                        .flatten()
                        .map(|event| event.seq),
                ),
            ));
        }
    }
    WhyChain {
        about: "Why were users harmed?".into(),
        steps,
    }
}

fn breached_objective(facts: &Facts<'_>) -> String {
    let event = facts
        .anchors()
        .slo_breached
        .and_then(|anchor| facts.event(anchor.seq));
    match event.map(|event| &event.body) {
        Some(EventBody::World(WorldEvent::SloBreached { slo, .. })) => {
            format!("objective `{}`", facts.slo(*slo))
        }
        Some(_) | None => "an objective".into(),
    }
}

/// Why nothing stopped it before: one step for each layer that it passed, from the last back.
fn let_through(facts: &Facts<'_>, defences: &[Defence]) -> WhyChain {
    let missed = |defence: &&Defence| {
        let before = match defence.kind {
            LayerKind::Validation | LayerKind::Review | LayerKind::Canary | LayerKind::Wave => true,
            LayerKind::Alert | LayerKind::Users | LayerKind::Rollback => false,
        };
        before && defence.outcome == DefenceOutcome::Missed
    };
    let not_waves = defences
        .iter()
        .rev()
        .filter(missed)
        .filter(|defence| defence.kind != LayerKind::Wave);
    let others = not_waves.map(|defence| {
        why(
            &format!(
                "Why did {} let it through?",
                words::lower_first(&defence.layer)
            ),
            defence.why.clone(),
            defence.source.clone(),
        )
    });
    let waves: Vec<&Defence> = defences
        .iter()
        .filter(missed)
        .filter(|defence| defence.kind == LayerKind::Wave)
        .collect();
    let steps = waves_let_through(&waves)
        .into_iter()
        .chain(others)
        .collect();
    let catcher = &facts.measures().caught_by;
    let about = if catcher.is_nobody() {
        "Why did nothing stop it?".into()
    } else {
        format!("Why did nothing stop it before {catcher} did?")
    };
    WhyChain { about, steps }
}

/// One step for all waves, told by the last and widest of them.
fn waves_let_through(waves: &[&Defence]) -> Option<Why> {
    let last = waves.last()?;
    let names: Vec<String> = waves
        .iter()
        .map(|wave| words::lower_first(&wave.layer))
        .map(|layer| layer.trim_start_matches("wave ").to_owned())
        .collect();
    let (noun, of_last) = if names.len() == 1 {
        ("wave", String::new())
    } else {
        ("waves", "Of the last and widest: ".to_owned())
    };
    Some(why(
        &format!("Why did {noun} {} let it through?", words::list(&names)),
        if of_last.is_empty() {
            last.why.clone()
        } else {
            format!("{of_last}{}", words::lower_first(&last.why))
        },
        last.source.clone(),
    ))
}

/// Why it lasted as long as it did: from the end of the harm back to the signal, as far as the
/// edges lead.
fn lasted(facts: &Facts<'_>) -> WhyChain {
    let anchors = facts.anchors();
    let mut steps = Vec::new();
    let end = anchors.slo_restored.or(anchors.harm_ended);
    let rollback = anchors
        .rollback_started
        .and_then(|anchor| facts.event(anchor.seq));
    if let (Some(harm), Some(end), Some(rollback)) = (anchors.harm_started, end, rollback)
        && rollback.t_us <= end.at
    {
        steps.push(why(
            &format!("Why did it last {}?", words::time(end.at - harm.at)),
            format!(
                "Because the rollback began {} after the first harm and took {} to show.",
                words::time(rollback.t_us - harm.at),
                words::time(end.at - rollback.t_us)
            ),
            Source::events([end.seq, rollback.seq]),
        ));
        steps.extend(before_rollback(facts, rollback));
    } else if anchors.harm_started.is_some() && end.is_none() && rollback.is_none() {
        let stopped = facts.stages.iter().find_map(|stage| match stage.end {
            Some(StageEnd::Paused(event)) => Some((stage, event)),
            Some(StageEnd::Promoted(_) | StageEnd::Aborted(_) | StageEnd::RolledBack(..))
            | None => None,
        });
        steps.push(no_rollback(stopped));
    }
    WhyChain {
        about: "Why did it last as long as it did?".into(),
        steps,
    }
}

fn no_rollback(stopped: Option<(&StageFacts<'_>, &Event)>) -> Why {
    let (because, source) = match stopped {
        Some((stage, event)) => (
            format!(
                "Because stage `{}` only paused and kept the instances that it had.",
                stage.name
            ),
            Source::event(event),
        ),
        None => (
            "Because nobody and nothing took the change back.".into(),
            Source::default(),
        ),
    };
    why("Why did it not end?", because, source)
}

/// The events that led to the rollback, newest first, one step each.
fn before_rollback(facts: &Facts<'_>, rollback: &Event) -> Vec<Why> {
    let line = ancestors(facts, rollback.seq);
    let mut steps = Vec::new();
    let mut later = rollback;
    for event in line.iter().rev().filter_map(|seq| facts.event(*seq)) {
        let step = before_step(facts, event, later.t_us - event.t_us);
        if let Some((question, because)) = step {
            steps.push(why(question, because, Source::event(event)));
            later = event;
        }
        if matches!(
            &event.body,
            EventBody::Note(NoteBody::AlertFired { .. } | NoteBody::VerdictReached { .. })
        ) {
            break;
        }
    }
    steps
}

/// What an event that came `time` before the next step says of the delay.
fn before_step(facts: &Facts<'_>, event: &Event, time: Micros) -> Option<(&'static str, String)> {
    let waited = words::time(time);
    let allowed = facts.scenario.core.paging.acknowledge_within;
    match &event.body {
        EventBody::Person(PersonEvent::PageAnswered { .. }) => Some((
            "Why did the rollback not begin sooner?",
            format!(
                "Because the on-call engineer answered the page at {} and took {waited} to \
                     find the cause and decide.",
                facts.utc(event.t_us)
            ),
        )),
        EventBody::Note(NoteBody::PageSent { attempt, .. }) if time > allowed => Some((
            "Why was the page not answered sooner?",
            format!(
                "Because it went out at {} (attempt {attempt}) and waited {waited} for an \
                     answer; the paging policy allows {}.",
                facts.utc(event.t_us),
                words::time(allowed)
            ),
        )),
        EventBody::Note(NoteBody::AlertFired { alert }) => Some((
            "Why was nobody called sooner?",
            format!(
                "Because the alert on `{}` fired at {}: its {} window had to fill with bad \
                     requests first.",
                facts.slo(alert.slo),
                facts.utc(event.t_us),
                words::time(alert.rule.long)
            ),
        )),
        EventBody::Note(NoteBody::VerdictReached { rollout, stage, .. }) => Some((
            "Why not sooner?",
            format!(
                "Because the judge of stage `{}` had enough to go by only at {}.",
                facts.stage(*rollout, *stage),
                facts.utc(event.t_us)
            ),
        )),
        EventBody::Note(_) | EventBody::Command(_) | EventBody::World(_) | EventBody::Person(_) => {
            None
        }
    }
}
