//! The change, its way through the plan, and what was wrong with it.

use firedrill_core::Ppm;
use firedrill_core::config::Decision;
use firedrill_core::plane::NoteBody;
use firedrill_core::rollout::{Audience, Reaction};
use firedrill_sim::log::{Event, EventBody};
use firedrill_sim::measure::Catcher;

use crate::words;

use super::defect;
use super::facts::{ChangeFacts, DefectFacts, Facts, StageEnd, StageFacts, document_before};
use super::model::{Causes, Change, Condition, EditLine, Source, StageRun, Statement};
use super::timeline;

/// The change section.
pub(super) fn write(facts: &Facts<'_>) -> Option<Change> {
    let change = facts.change.as_ref()?;
    let EventBody::Note(NoteBody::ChangeProposed {
        candidate,
        author,
        edits,
        ..
    }) = &change.proposed.body
    else {
        return None;
    };
    let before = document_before(facts, change);
    let baseline = change.started.and_then(|event| match &event.body {
        EventBody::Note(NoteBody::RolloutStarted { baseline, .. }) => Some(baseline.to_string()),
        EventBody::Note(_) | EventBody::Command(_) | EventBody::World(_) | EventBody::Person(_) => {
            None
        }
    });
    let service = facts.service_of(change.config);
    Some(Change {
        title: facts.change_title(change.id).into(),
        config: facts.config(change.config).into(),
        service: service
            .map_or("unknown", |service| facts.service_name(service))
            .into(),
        candidate: candidate.to_string(),
        baseline,
        author_role: author.role.to_string(),
        edits: edits
            .iter()
            .map(|edit| EditLine {
                key: edit.key.clone(),
                old: before
                    .as_ref()
                    .and_then(|before| before.get(&edit.key))
                    .map(ToString::to_string),
                new: edit.value.to_string(),
            })
            .collect(),
        validation: said(facts, change.validated, "Validation never saw it."),
        review: review(facts, change),
        plan: change
            .plan
            .map(|plan| facts.plan(change.config, plan).to_owned()),
        source: Source::events(
            [Some(change.proposed), change.started]
                .into_iter()
                .flatten()
                .map(|event| event.seq),
        ),
    })
}

fn said(facts: &Facts<'_>, event: Option<&Event>, never: &str) -> Statement {
    event.map_or_else(
        || Statement {
            text: never.into(),
            source: Source::default(),
        },
        |event| Statement {
            text: timeline::tell(facts, event),
            source: Source::event(event),
        },
    )
}

fn review(facts: &Facts<'_>, change: &ChangeFacts<'_>) -> Statement {
    let mut said = said(facts, change.reviewed, "Nobody reviewed it.");
    if let Some(reviewed) = change.reviewed {
        let took = words::time(reviewed.t_us - change.proposed.t_us);
        let (role, verb) = match &reviewed.body {
            EventBody::Note(NoteBody::ChangeReviewed {
                reviewer, decision, ..
            }) => (
                format!(" ({})", reviewer.role),
                match decision {
                    Decision::Approve => "approved",
                    Decision::Reject => "refused",
                },
            ),
            EventBody::Note(_)
            | EventBody::Command(_)
            | EventBody::World(_)
            | EventBody::Person(_) => (String::new(), "decided on"),
        };
        said.text = format!("The reviewer{role} {verb} it {took} after it was proposed.");
    }
    said
}

/// The stages that began.
pub(super) fn stages(facts: &Facts<'_>) -> Vec<StageRun> {
    let service = facts
        .change
        .as_ref()
        .and_then(|change| facts.service_of(change.config))
        .and_then(|service| facts.log.header().names.services.get(usize::from(service)));
    let instances = service.map_or(0, |service| u64::from(service.instances));
    let run = |stage: &StageFacts<'_>| {
        let entered = stage.entered?;
        let end = stage.end.map(StageEnd::event);
        Some(StageRun {
            name: stage.name.into(),
            kind: stage.kind_word().into(),
            entered_utc: facts.utc(entered.t_us),
            instances_max: stage.instances_max,
            share_ppm: Ppm::of(u64::from(stage.instances_max), instances).0,
            lasted: end.map(|end| words::time(end.t_us - entered.t_us)),
            ended: match stage.end {
                Some(StageEnd::Promoted(_)) => "passed",
                Some(StageEnd::Paused(_)) => "paused",
                Some(StageEnd::Aborted(_)) => "aborted",
                Some(StageEnd::RolledBack(..)) => "rolled back",
                None => "run ended",
            }
            .into(),
            source: Source::events(
                [Some(entered), end]
                    .into_iter()
                    .flatten()
                    .map(|event| event.seq),
            ),
        })
    };
    facts.stages.iter().filter_map(run).collect()
}

/// Trigger, cause and conditions.
pub(super) fn causes(facts: &Facts<'_>) -> Option<Causes> {
    let change = facts.change.as_ref()?;
    let defect = change.defect?;
    let trigger = change.started.unwrap_or(change.proposed);
    let title = facts.change_title(change.id);
    let trigger_text = if change.started.is_some() {
        format!(
            "The change “{title}” to config `{}` was on its way to the fleet from {} on.",
            facts.config(change.config),
            facts.utc(trigger.t_us)
        )
    } else {
        format!("The change “{title}” was proposed; it never reached an instance.")
    };
    Some(Causes {
        trigger: Statement {
            text: trigger_text,
            source: Source::event(trigger),
        },
        defect: Statement {
            text: words::sentence(&words::stopped(defect.story)),
            source: Source::event(defect.event),
        },
        mechanism: Statement {
            text: format!(
                "{}{}{}",
                defect::tell(facts, &defect).does,
                logs(&defect),
                defect::when(facts, &defect)
            ),
            source: Source::event(defect.event),
        },
        conditions: conditions(facts, change),
    })
}

/// What it logs beside the errors of failed requests, with a space in front.
fn logs(defect: &DefectFacts<'_>) -> String {
    if defect.log_lines <= 0.0 {
        return String::new();
    }
    format!(
        " It also logged {} as errors for every 1 000 requests.",
        words::counted((defect.log_lines * 1e3).round() as u64, "line")
    )
}

/// Conditions that let the defect get as far as it did.
fn conditions(facts: &Facts<'_>, change: &ChangeFacts<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let mut add = |layer: &str, text: String, source: Source| {
        conditions.push(Condition {
            layer: layer.into(),
            text,
            source,
        });
    };
    if facts.measures().caught_by != Catcher::Validation {
        let schema = facts.scenario.configs.get(change.config.index());
        let rules = schema.map_or(0, |config| config.schema.rules.len());
        let over_several = match rules {
            0 => "it has no rule over several keys".to_owned(),
            1 => "its one rule over several keys does not cover these values".to_owned(),
            rules => format!("none of its {rules} rules over several keys covers these values"),
        };
        add(
            "validation",
            format!(
                "The schema of `{}` checks types and ranges; {over_several}.",
                facts.config(change.config)
            ),
            change.validated.map(Source::event).unwrap_or_default(),
        );
    }
    for stage in facts.stages.iter().filter(|stage| stage.promoted()) {
        if let Some(text) = stage_condition(stage) {
            let source = stage.entered.map(Source::event).unwrap_or_default();
            add(stage.kind_word(), text, source);
        }
    }
    let anchors = facts.anchors();
    if let (Some(done), Some(alert)) = (anchors.completed, anchors.alert_fired)
        && done.at < alert.at
    {
        add(
            "rollout",
            format!(
                "The plan was complete {} before the first alert fired: its bakes are shorter \
                 than the alert needs.",
                words::time(alert.at - done.at)
            ),
            Source::anchors([anchors.completed, anchors.alert_fired]),
        );
    }
    let by_hand =
        anchors.rollback_started.is_none() || super::response::rollback_order(facts).is_some();
    let ignores = on_alert(facts, change) == Some(Reaction::Ignore);
    if anchors.alert_fired.is_some() && ignores && by_hand {
        add(
            "mitigation",
            "The plan does nothing by itself when a paging alert fires: going back waits for a \
             person."
                .into(),
            Source::anchors([anchors.alert_fired, anchors.rollback_started]),
        );
    }
    conditions
}

fn stage_condition(stage: &StageFacts<'_>) -> Option<String> {
    let spec = stage.spec?;
    let audience = match spec.audience {
        Audience::Employees => "employee requests only",
        Audience::Public => "a share of all requests",
        Audience::Mirrored => "copies of requests, whose answers nobody got",
        Audience::Probes => "synthetic requests only",
    };
    (stage.kind == firedrill_core::rollout::StageKind::Canary).then(|| {
        format!(
            "Stage `{}` put {} on the change for {}, serving {audience}.",
            stage.name,
            words::counted(u64::from(stage.instances_max), "instance"),
            words::time(spec.bake)
        )
    })
}

/// What the measured plan does when a paging alert fires.
pub(super) fn on_alert(facts: &Facts<'_>, change: &ChangeFacts<'_>) -> Option<Reaction> {
    let config = facts.scenario.configs.get(change.config.index())?;
    config
        .plans
        .get(change.plan?.index())
        .map(|plan| plan.plan.on_alert)
}
