//! Who, what, which run; and the whole of it in a few sentences.

use firedrill_core::Ppm;
use firedrill_sim::measure::{Catcher, Span};

use crate::words;

use super::facts::Facts;
use super::model::{
    Defence, DefenceOutcome, DocumentKind, Drawn, ExpectationLine, Header, ImpactLevel, Kind,
    LayerKind, Reproduce, Term,
};

/// The command that makes the run again.
pub(super) fn command(facts: &Facts<'_>) -> String {
    let header = facts.log.header();
    format!(
        "firedrill run {} --seed {}",
        facts.scenario.source, header.seed
    )
}

/// The header section.
pub(super) fn write(facts: &Facts<'_>) -> Header {
    let run = facts.log.header();
    let measures = facts.measures();
    let impact_level = match (measures.harmed, measures.slo_breached) {
        (_, true) => ImpactLevel::ObjectiveBreached,
        (true, false) => ImpactLevel::WithinObjectives,
        (false, false) => ImpactLevel::None,
    };
    Header {
        id: format!("{}-{}-{}", run.scenario, run.scenario_hash, run.seed),
        title: run.title.clone(),
        tldr: tldr(facts),
        kind: Kind::Rehearsal,
        document: if measures.defective {
            DocumentKind::PostMortem
        } else {
            DocumentKind::RehearsalReport
        },
        impact_level,
        impact_line: impact_line(facts),
        caught_by: measures.caught_by.to_string(),
        lesson: run.summary.trim().into(),
        started_utc: facts.utc(firedrill_core::Micros::ZERO),
        duration_us: run.duration.0,
        reproduce: Reproduce {
            scenario: run.scenario.clone(),
            scenario_hash: run.scenario_hash.clone(),
            seed: run.seed,
            tool: run.tool.clone(),
            log_digest: facts.log.digest(),
            command: command(facts),
            drawn: drawn(facts),
        },
        expectations: facts
            .scenario
            .expect
            .iter()
            .zip(&facts.outcome.met)
            .map(|(line, met)| ExpectationLine {
                text: words::requirement(&line.requirement),
                met: *met,
                line: line.line,
            })
            .collect(),
    }
}

/// What the seed drew from a mix.
fn drawn(facts: &Facts<'_>) -> Option<Drawn> {
    let drawn = facts.defect()?.drawn?;
    Some(Drawn {
        mix: drawn.mix.clone(),
        kind: drawn.kind.clone(),
        mechanism: drawn.defect.mechanism.name().into(),
    })
}

/// How bad it was, in a line.
fn impact_line(facts: &Facts<'_>) -> String {
    let measures = facts.measures();
    if !measures.harmed {
        return "No user request was harmed.".into();
    }
    let worst = measures.budget.iter().max_by_key(|budget| budget.burned);
    let breach = worst.filter(|_| measures.slo_breached).map_or_else(
        || "Every objective held".into(),
        |worst| {
            let breach = super::impact::breaches(facts, worst.slo);
            format!(
                "Objective `{}` breached for {}, {} of its error budget burned",
                worst.name,
                words::time(breach.total(facts.log.header().duration)),
                words::share(worst.burned)
            )
        },
    );
    format!(
        "{breach}; {} of {} harmed ({}).",
        words::count(measures.requests_harmed),
        words::counted(measures.requests, "user request"),
        words::share(Ppm::of(measures.requests_harmed, measures.requests))
    )
}

fn tldr(facts: &Facts<'_>) -> String {
    let measures = facts.measures();
    let Some(change) = &facts.change else {
        return "No change was proposed before the run ended.".into();
    };
    let config = facts.config(change.config);
    if !measures.defective {
        return if measures.reached_full {
            format!("A sound change to `{config}` {}.", went_through(facts))
        } else if measures.false_rollback {
            format!("A sound change to `{config}` was taken back.")
        } else {
            format!("A sound change to `{config}` did not reach every instance.")
        };
    }
    let reached = match (measures.escaped, measures.instances_exposed) {
        (true, _) => went_through(facts),
        (false, 0) => "never reached an instance".to_owned(),
        (false, _) => format!(
            "reached {} of its instances",
            words::share(measures.exposure)
        ),
    };
    let caught = caught(&measures.caught_by);
    let end = mitigated(facts);
    format!("A bad change to `{config}` {reached}; {caught}, and {end}.")
}

/// Who caught the change.
fn caught(catcher: &Catcher) -> String {
    match catcher {
        Catcher::Nobody => "nothing caught it".into(),
        Catcher::NoData { stage } => {
            format!("nothing caught it, stage `{stage}` paused for lack of data")
        }
        Catcher::Validation
        | Catcher::Review
        | Catcher::Canary { .. }
        | Catcher::Wave { .. }
        | Catcher::SloAlert { .. }
        | Catcher::SymptomAlert { .. }
        | Catcher::Users => format!("{catcher} caught it"),
    }
}

/// How far a change got that passed every stage of its plan.
pub(super) fn went_through(facts: &Facts<'_>) -> String {
    let exposure = facts.measures().exposure;
    if exposure == Ppm::ONE {
        "reached every instance".into()
    } else {
        format!(
            "went through its whole plan, to {} of the instances",
            words::share(exposure)
        )
    }
}

/// When the harm was over.
fn mitigated(facts: &Facts<'_>) -> String {
    let measures = facts.measures();
    match (measures.harmed, measures.time_to_mitigate) {
        (false, _) => "no user was harmed".into(),
        (true, Span::Took(took)) if measures.slo_breached => format!(
            "{} after the first harm every objective held again",
            words::time(took)
        ),
        (true, Span::Took(took)) => format!(
            "the last request was harmed {} after the first",
            words::time(took)
        ),
        (true, Span::Never | Span::NotApplicable) => {
            "users were still being harmed when the run ended".into()
        }
    }
}

/// What happened, in plain sentences.
pub(super) fn summary(facts: &Facts<'_>, defences: &[Defence]) -> Vec<String> {
    let measures = facts.measures();
    let anchors = facts.anchors();
    let Some(change) = &facts.change else {
        return vec![tldr(facts)];
    };
    let mut said = vec![format!(
        "At {} the author of “{}” proposed new values for config `{}`.",
        facts.utc(change.proposed.t_us),
        facts.change_title(change.id),
        facts.config(change.config)
    )];
    if !measures.defective {
        said.extend(good_run(facts));
        return said;
    }
    said.push(passed(facts, defences));
    if let Some(harm) = anchors.harm_started {
        said.push(format!(
            "From {} on it harmed {} of {} in the run, {} of those between the first and the last \
             harmed one.",
            facts.utc(harm.at),
            words::count(measures.requests_harmed),
            words::counted(measures.requests, "user request"),
            words::share(measures.blast_radius)
        ));
        said.extend(super::impact::worst_moment(facts));
    }
    if let Some(detection) = super::response::write(facts) {
        said.push(detection.how);
    }
    said.extend(ending(facts));
    said
}

fn passed(facts: &Facts<'_>, defences: &[Defence]) -> String {
    let names = |kind| {
        let missed =
            |defence: &&Defence| defence.kind == kind && defence.outcome == DefenceOutcome::Missed;
        defences.iter().filter(missed).count() as u64
    };
    let mut passed = Vec::new();
    for (kind, word) in [
        (LayerKind::Validation, "validation"),
        (LayerKind::Review, "review"),
    ] {
        if names(kind) > 0 {
            passed.push(word.to_owned());
        }
    }
    for (kind, noun) in [
        (LayerKind::Canary, "canary stage"),
        (LayerKind::Wave, "wave"),
    ] {
        if names(kind) > 0 {
            passed.push(words::counted(names(kind), noun));
        }
    }
    let stop = caught(&facts.measures().caught_by);
    if passed.is_empty() {
        format!("{}.", words::sentence(&stop))
    } else {
        format!("It passed {}; {stop}.", words::list(&passed))
    }
}

fn ending(facts: &Facts<'_>) -> Vec<String> {
    let anchors = facts.anchors();
    let measures = facts.measures();
    let mut said = Vec::new();
    if let Some(back) = anchors.rollback_started {
        let by = if super::response::rollback_order(facts).is_some() {
            "the on-call engineer rolled the change back"
        } else {
            "the change was rolled back automatically"
        };
        let end = if measures.harmed {
            format!("; {}", mitigated(facts))
        } else {
            String::new()
        };
        said.push(format!("At {} {by}{end}.", facts.utc(back.at)));
        said.extend(late_page(facts));
    }
    let state = if anchors.recovered.is_some() {
        "Now no instance runs the change any more, all of them serve, and no queue is left."
    } else if measures.instances_exposed > 0 {
        "When the run ended the fleet was not clean yet."
    } else {
        "No instance ever ran the change."
    };
    said.push(state.into());
    said
}

/// Somebody who was called although the change was going back already.
fn late_page(facts: &Facts<'_>) -> Option<String> {
    let anchors = facts.anchors();
    let (back, paged) = (anchors.rollback_started?, anchors.paged?);
    (paged.seq > back.seq).then(|| {
        format!(
            "The first page went out only at {}, when the rollback had begun.",
            facts.utc(paged.at)
        )
    })
}

fn good_run(facts: &Facts<'_>) -> Vec<String> {
    let measures = facts.measures();
    let anchors = facts.anchors();
    let mut said = Vec::new();
    if let (true, Some(done)) = (measures.reached_full, anchors.completed) {
        said.push(format!(
            "Nothing was wrong with it. It {} at {}, {} after its rollout began.",
            went_through(facts),
            facts.utc(done.at),
            super::times::span_text(measures.rollout_time)
        ));
    } else if measures.false_rollback {
        said.push("Nothing was wrong with it, and it was taken back all the same.".into());
        said.extend(super::response::write(facts).map(|detection| detection.how));
    } else {
        said.push("Nothing was wrong with it, and it did not reach every instance.".into());
    }
    said.push(match measures.pages {
        0 => "Nobody was called.".into(),
        pages => format!(
            "{} went out without need.",
            words::counted(u64::from(pages), "page")
        ),
    });
    let refused = super::lessons::refused_inputs(facts).len() as u64;
    if refused > 0 {
        said.push(format!(
            "The control plane refused {}.",
            words::counted(refused, "input")
        ));
    }
    said
}

/// Words used in the document.
pub(super) fn glossary(facts: &Facts<'_>) -> Vec<Term> {
    let always = [
        (
            "bake",
            "How long a stage must look good after its instances have the change.",
        ),
        (
            "canary",
            "A small group of instances that gets a change first and is watched.",
        ),
        (
            "exposure",
            "Share of a service's instances that ever ran the change.",
        ),
        (
            "last known good",
            "The newest version that has passed every stage of its plan and stayed.",
        ),
        (
            "wave",
            "One of the steps by which a change reaches everybody.",
        ),
    ];
    let harm = [
        (
            "blast radius",
            "Share of user requests harmed between the first and the last harmed one.",
        ),
        (
            "burn rate",
            "How many times faster than allowed an error budget is spent.",
        ),
        (
            "error budget",
            "The share of requests that an objective allows to be bad over its period.",
        ),
        (
            "harmed",
            "Of a request: failed, slow or answered wrongly because of the defect, by the \
             simulator's own count.",
        ),
    ];
    let mut terms: Vec<Term> = always
        .iter()
        .chain(harm.iter().filter(|_| facts.measures().defective))
        .map(|(term, meaning)| Term {
            term: (*term).into(),
            meaning: (*meaning).into(),
        })
        .collect();
    terms.sort_by(|a, b| a.term.cmp(&b.term));
    terms
}
