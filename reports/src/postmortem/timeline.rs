//! What happened, in order, in words.

use firedrill_core::config::{Decision, Edit, Principal};
use firedrill_core::health::{CheckEvidence, Outcome, Signal, Verdict};
use firedrill_core::ids::RolloutId;
use firedrill_core::plane::{Command, NoteBody};
use firedrill_core::rollout::{Order, PauseReason, RollbackReason};
use firedrill_sim::log::{Actor, Event, EventBody, PersonEvent, WorldEvent};

use crate::words::{self, Clock};

use super::facts::Facts;
use super::model::TimelineEntry;
use super::{people, remedies, tools};

/// The timeline: every event but the samples.
pub(super) fn write(facts: &Facts<'_>) -> Vec<TimelineEntry> {
    let mut first_active = true;
    let harm = [facts.anchors().harm_started, facts.anchors().harm_ended];
    let decisive: Vec<u64> = facts
        .stages
        .iter()
        .filter_map(|stage| stage.deciding().map(|(event, _)| event.seq))
        .collect();
    let mut entries = Vec::new();
    for event in facts.log.events() {
        if matches!(event.body, EventBody::World(WorldEvent::Sample(_))) {
            continue;
        }
        let mut key = is_key(&event.body) || decisive.contains(&event.seq);
        if matches!(
            event.body,
            EventBody::World(WorldEvent::DefectActive { .. })
        ) {
            key = std::mem::take(&mut first_active);
        }
        // Harm that comes and goes, a request at a time, is told by its two ends.
        if matches!(
            event.body,
            EventBody::World(WorldEvent::HarmStarted { .. } | WorldEvent::HarmEnded { .. })
        ) {
            key = harm.iter().flatten().any(|anchor| anchor.seq == event.seq);
        }
        entries.push(TimelineEntry {
            event: event.seq,
            t_us: event.t_us.0,
            utc: facts.utc(event.t_us),
            offset: Clock::offset(event.t_us),
            actor: actor(event.actor).into(),
            kind: kind(event),
            text: tell(facts, event),
            truth: event.truth,
            key,
            cause: event.cause.clone(),
        });
    }
    entries
}

/// Who acted, for readers.
const fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::World => "fleet",
        Actor::Core => "control plane",
        Actor::Distribution => "distribution",
        Actor::Author => "author",
        Actor::Reviewer => "reviewer",
        Actor::OnCall => "on-call",
    }
}

/// The event's kind, as the log names it.
fn kind(event: &Event) -> String {
    serde_json::to_value(&event.body)
        .ok()
        .and_then(|body| Some(body.get("kind")?.as_str()?.to_owned()))
        .unwrap_or_default()
}

const fn is_key(body: &EventBody) -> bool {
    match body {
        EventBody::Note(note) => !matches!(
            note,
            NoteBody::VerdictReached { .. }
                | NoteBody::BakeStarted { .. }
                | NoteBody::IncidentJoined { .. }
                | NoteBody::IncidentMoved { .. }
                | NoteBody::RoleAssumed { .. }
                | NoteBody::SuspectsRanked { .. }
                | NoteBody::CommandRetried { .. }
                | NoteBody::StagePromoted { .. }
        ),
        EventBody::Command(_) => false,
        EventBody::World(WorldEvent::Tool(tool)) => tools::matters(tool),
        EventBody::World(world) => !matches!(
            world,
            WorldEvent::CommandTaken { .. } | WorldEvent::VerdictTruth(_) | WorldEvent::Sample(_)
        ),
        EventBody::Person(_) => true,
    }
}

/// What an event says.
pub(super) fn tell(facts: &Facts<'_>, event: &Event) -> String {
    match &event.body {
        EventBody::Note(note) => {
            let text = tell_change(facts, note)
                .or_else(|| tell_rollout(facts, note))
                .unwrap_or_else(|| people::tell(facts, note));
            if orders_in_vain(facts, event, note) {
                format!("{text} The rollback had already begun by itself.")
            } else {
                text
            }
        }
        EventBody::Command(command) => tell_command(facts, command),
        EventBody::World(world) => tell_world(facts, world),
        EventBody::Person(PersonEvent::PageAnswered { page }) => {
            format!("The on-call engineer answers page {}.", page.0 + 1)
        }
        EventBody::Person(PersonEvent::PlayBegun { play }) => {
            format!("The playbook says `{play}`, and somebody sets about it.")
        }
        EventBody::Person(PersonEvent::OverrideDeclined { .. }) => {
            "The second person does not agree: the verdict stays.".into()
        }
        EventBody::Person(PersonEvent::TroubleTold { reports }) => format!(
            "Support calls the on-call engineer: {} of users came in lately.",
            words::counted(u64::from(*reports), "report")
        ),
        EventBody::Person(PersonEvent::CauseSuspected { rollout, .. }) => rollout.map_or_else(
            || "The on-call engineer finds no suspect.".into(),
            |rollout| {
                let title = facts.rollout_title(rollout);
                format!("The on-call engineer suspects the change “{title}”.")
            },
        ),
    }
}

/// Edits as `key` = value.
pub(super) fn edits(edits: &[Edit]) -> String {
    let items: Vec<String> = edits
        .iter()
        .map(|edit| format!("`{}` = `{}`", edit.key, edit.value))
        .collect();
    words::list(&items)
}

pub(super) fn role(principal: &Principal) -> String {
    principal.role.to_string()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "told by the next function")]
fn tell_change(facts: &Facts<'_>, note: &NoteBody) -> Option<String> {
    Some(match note {
        NoteBody::ChangeProposed {
            change,
            config,
            author,
            edits: new,
            ..
        } => format!(
            "The author ({}) proposes “{}” for config `{}`: {}.",
            role(author),
            facts.change_title(*change),
            facts.config(*config),
            edits(new)
        ),
        NoteBody::ChangeValidated { checks, .. } => format!(
            "Validation finds nothing wrong in {}.",
            words::counted(u64::from(*checks), "check")
        ),
        NoteBody::ChangeInvalid { findings, .. } => {
            let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
            format!("Validation refuses the change: {}.", words::list(&findings))
        }
        NoteBody::ChangeReviewed {
            reviewer, decision, ..
        } => format!(
            "The reviewer ({}) {} the change.",
            role(reviewer),
            match decision {
                Decision::Approve => "approves",
                Decision::Reject => "refuses",
            }
        ),
        NoteBody::RolloutStarted {
            change,
            config,
            plan,
            baseline,
            ..
        } => format!(
            "“{}” starts on its way along plan `{}`; last known good is version `{baseline}`.",
            facts.change_title(*change),
            facts.plan(*config, *plan)
        ),
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "told by the next function")]
fn tell_rollout(facts: &Facts<'_>, note: &NoteBody) -> Option<String> {
    let of = |rollout: RolloutId| of_rollout(facts, rollout);
    Some(match note {
        NoteBody::StageEntered {
            rollout,
            stage,
            instances_max,
        } => format!(
            "Stage `{}`{} begins: up to {} may run the change.",
            facts.stage(*rollout, *stage),
            of(*rollout),
            words::counted(u64::from(*instances_max), "instance")
        ),
        NoteBody::BakeStarted { rollout, stage } => format!(
            "Stage `{}`{} has its instances on the change; its bake begins.",
            facts.stage(*rollout, *stage),
            of(*rollout)
        ),
        NoteBody::VerdictReached {
            rollout,
            stage,
            verdict,
        } => format!(
            "The judge of stage `{}`{} says: {}{}.",
            facts.stage(*rollout, *stage),
            of(*rollout),
            verdict.outcome,
            verdict_evidence(facts, verdict)
        ),
        NoteBody::StagePromoted { rollout, stage } => format!(
            "Stage `{}`{} passes.",
            facts.stage(*rollout, *stage),
            of(*rollout)
        ),
        NoteBody::RolloutPaused { rollout, reason } => format!(
            "The rollout{} pauses: {}.",
            of(*rollout),
            pause_reason(*reason)
        ),
        NoteBody::RolloutResumed { rollout } => format!("The rollout{} goes on.", of(*rollout)),
        NoteBody::RolloutAborted { rollout } => {
            format!("The rollout{} is aborted.", of(*rollout))
        }
        NoteBody::RolloutCompleted { rollout } => format!(
            "The rollout{} is complete: the change has reached its whole scope.",
            of(*rollout)
        ),
        NoteBody::OrderRecorded { rollout, order, by } => format!(
            "An operator ({}) orders: {}{}.",
            role(by),
            order_word(*order),
            of(*rollout)
        ),
        _ => return tell_rollback(facts, note),
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "told by the next function")]
fn tell_rollback(facts: &Facts<'_>, note: &NoteBody) -> Option<String> {
    let of = |rollout: RolloutId| of_rollout(facts, rollout);
    Some(match note {
        NoteBody::RollbackHeld {
            rollout,
            reason,
            suggested,
            ..
        } => format!(
            "The rollout{} should go back ({}), and automation may not take it back by itself{}.",
            of(*rollout),
            rollback_reason(*reason),
            if *suggested { ": it proposes to" } else { "" }
        ),
        NoteBody::HoldEnded { rollout, .. } => {
            format!("Somebody has decided about the rollout{}.", of(*rollout))
        }
        NoteBody::RollbackStarted {
            rollout,
            reason,
            to,
        } => format!(
            "The rollback{} to version `{to}` starts: {}.",
            of(*rollout),
            rollback_reason(*reason)
        ),
        NoteBody::RollbackCompleted { rollout } => format!(
            "The rollback{} is complete: no reachable instance runs the change.",
            of(*rollout)
        ),
        _ => return None,
    })
}

/// Whether somebody orders what has begun by itself.
fn orders_in_vain(facts: &Facts<'_>, event: &Event, note: &NoteBody) -> bool {
    let back = facts.anchors().rollback_started;
    matches!(note, NoteBody::OrderRecorded { rollout, order: Order::RollBack, .. }
        if Some(*rollout) == facts.measures().rollout)
        && back.is_some_and(|back| back.seq < event.seq)
}

const fn order_word(order: Order) -> &'static str {
    match order {
        Order::Pause => "pause",
        Order::Resume => "resume",
        Order::Abort => "abort",
        Order::RollBack => "roll back",
    }
}

/// Names the change only when it is not the one that the document is about.
fn of_rollout(facts: &Facts<'_>, rollout: RolloutId) -> String {
    if facts.measures().rollout == Some(rollout) {
        String::new()
    } else {
        format!(" of “{}”", facts.rollout_title(rollout))
    }
}

fn verdict_evidence(facts: &Facts<'_>, verdict: &Verdict) -> String {
    let Some(check) = verdict.deciding() else {
        return String::new();
    };
    let (Some(value), Some(limit)) = (check.value, check.limit) else {
        return String::new();
    };
    let closest = match verdict.outcome {
        Outcome::Pass => "closest to its limit is ",
        Outcome::Fail | Outcome::Inconclusive | Outcome::NoData(_) => "",
    };
    format!(
        "; {closest}{} {}, limit {}, sample {}",
        signal(facts, check.signal),
        check.signal.format(value),
        check.signal.format(limit),
        words::count(check.sample)
    )
}

/// A signal with the names of its parts.
pub(super) fn signal(facts: &Facts<'_>, signal: Signal) -> String {
    let name = signal.name();
    match signal.class() {
        Some(class) => format!("{name} of `{}`", facts.class(class)),
        None => name,
    }
}

/// A check's value beside its limit.
pub(super) fn value_and_limit(check: &CheckEvidence) -> (String, String) {
    let format = |value: Option<u64>| {
        value.map_or_else(|| "unknown".into(), |value| check.signal.format(value))
    };
    (format(check.value), format(check.limit))
}

pub(super) fn pause_reason(reason: PauseReason) -> String {
    match reason {
        PauseReason::Ordered => "an operator ordered it".into(),
        PauseReason::JudgedBad => "the judge found the stage bad".into(),
        PauseReason::Alert => "a paging alert fired".into(),
        PauseReason::PushStalled => "instances did not get the change in time".into(),
        PauseReason::NoVerdict(outcome) => {
            format!("the bake was over and the judge still said {outcome}")
        }
        PauseReason::Frozen => "all rollouts are frozen".into(),
        PauseReason::Killed => "a kill switch is thrown for what it brings".into(),
    }
}

pub(super) const fn rollback_reason(reason: RollbackReason) -> &'static str {
    match reason {
        RollbackReason::Ordered => "an operator ordered it",
        RollbackReason::JudgedBad => "the judge found the stage bad",
        RollbackReason::Alert => "a paging alert fired during the rollout",
        RollbackReason::ExposureExceeded => "more instances ran the change than the stage allows",
        RollbackReason::Killed => "a kill switch was thrown for what it brings",
    }
}

fn tell_command(facts: &Facts<'_>, command: &Command) -> String {
    match command {
        Command::Push {
            version,
            region,
            instances,
            ..
        } => format!(
            "Order: bring version `{version}` to {} in region `{}`, in all.",
            words::counted(u64::from(*instances), "instance"),
            facts.region(*region)
        ),
        Command::RollBack { from, to, .. } => {
            format!("Order: bring every instance on version `{from}` back to `{to}`.")
        }
        Command::Act { action, order } => remedies::order(facts, *action, order),
        Command::Page { page, .. } => format!("Order: send page {}.", page.0 + 1),
    }
}

fn tell_world(facts: &Facts<'_>, world: &WorldEvent) -> String {
    match world {
        WorldEvent::CommandTaken { command } => {
            format!("Distribution takes command {} over.", command.0 + 1)
        }
        WorldEvent::InputRefused { error } => {
            format!("The control plane refuses an input: {error}.")
        }
        WorldEvent::Tool(tool) => tools::tell(facts, tool),
        WorldEvent::DefectArmed { change, story, .. } => format!(
            "“{}” carries a defect: {}",
            facts.change_title(*change),
            words::sentence(&words::stopped(story))
        ),
        WorldEvent::DefectActive {
            region, instances, ..
        } => format!(
            "First instances in `{}` run the defective version ({} in this step).",
            facts.region(*region),
            words::count(u64::from(*instances))
        ),
        WorldEvent::HarmStarted { harmed } => format!(
            "Users are harmed: {} in this step.",
            words::counted(*harmed, "request")
        ),
        WorldEvent::HarmEnded {
            harmed_total,
            since,
        } => format!(
            "No request has been harmed since {}; {} so far.",
            facts.utc(*since),
            words::counted(*harmed_total, "request")
        ),
        WorldEvent::SloBreached {
            slo,
            requests,
            harmed,
        } => format!(
            "Objective `{}` is breached: {} of {} harmed over a minute.",
            facts.slo(*slo),
            words::count(*harmed),
            words::counted(*requests, "request")
        ),
        WorldEvent::SloRestored { slo, since } => format!(
            "Objective `{}` has held since {}.",
            facts.slo(*slo),
            facts.utc(*since)
        ),
        WorldEvent::FleetClean { .. } => {
            "The fleet is clean: no instance runs the change, all serve, no queue is left.".into()
        }
        WorldEvent::VerdictTruth(truth) => format!(
            "What the judge of stage `{}` could not know: {} on the change served {}, of which \
             the defect harmed {}.",
            facts.stage(truth.rollout, truth.stage),
            words::counted(u64::from(truth.instances), "instance"),
            words::counted(truth.requests, "request"),
            words::count(truth.harmed)
        ),
        WorldEvent::Sample(_) => "A sample of the fleet.".into(),
        WorldEvent::RunEnded => "The run ends.".into(),
    }
}
