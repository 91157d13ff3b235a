//! How fast, how far, how many: every figure of a run, computed from its log and from nothing
//! else.
//!
//! # Definitions
//!
//! The measured change is the first defective one; the first one when none is defective.
//!
//! | measure | from | to |
//! | --- | --- | --- |
//! | time to detect | first request harmed | first signal that somebody or something acts on: a failed verdict, a paging alert |
//! | time to acknowledge | first page sent | first acknowledgement |
//! | time to tell | first request harmed | first post that users can read, where a scenario asks for posts |
//! | time to mitigate | first request harmed | no objective breached by the defect any more; no request harmed, if none ever was |
//! | time to recover | first request harmed | no instance runs the bad version, every instance serves, queues empty |
//!
//! The *rank of the suspect* is the place of the change among the suspects that whoever
//! acknowledged first saw by then; on the first page if nobody did. The page is the first one sent
//! after the defect began to act and before it was taken back.
//!
//! *Exposure* is the share of the service's instances that ever ran the change, *blast radius*
//! the share of user requests harmed between the first and the last harmed one. A signal that
//! comes before the first harm took no time. What never happened is [`Span::Never`], not a large
//! number; what there was no need for is [`Span::NotApplicable`]. Ground truth is as exact as the
//! world's step.

mod actions;
mod anchors;
mod suspects;
mod teams;

use firedrill_core::ids::{RolloutId, SloId};
use firedrill_core::plane::NoteBody;
use firedrill_core::{Micros, Ppm};
use serde::Serialize;

use crate::log::{EventBody, RunLog, Sample, WorldEvent};
use crate::spec::DrawnDefect;

pub use actions::{ActionEnd, ActionTaken, ActionsTaken};
pub use anchors::{Anchor, Anchors, Catcher};
pub use suspects::{SuspectRank, shown_first};

/// A time that may never have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// It took this long.
    Took(Micros),
    /// It was needed and did not come before the run ended: a censored observation.
    Never,
    /// There was no need for it.
    NotApplicable,
}

impl Span {
    fn between(start: Option<Anchor>, end: Option<Anchor>) -> Self {
        match (start, end) {
            (None, _) => Self::NotApplicable,
            (Some(_), None) => Self::Never,
            (Some(start), Some(end)) => Self::Took(end.at - start.at),
        }
    }
}

/// The error budget of one objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetBurn {
    /// The objective.
    pub slo: SloId,
    /// Its name.
    pub name: String,
    /// Requests it counts, in the run.
    pub requests: u64,
    /// Those that are bad because of the defect.
    pub harmed: u64,
    /// The share of the period's whole budget that the defect burned: `harmed / (rate × period ×
    /// budget)`, taking the run's mean request rate for the period's.
    pub burned: Ppm,
}

/// Every figure of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measures {
    /// The rollout that is measured; nothing when the change never got that far.
    pub rollout: Option<RolloutId>,
    /// Whether the change is defective.
    pub defective: bool,
    /// What was drawn for it, where its defect comes from a mix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawn: Option<DrawnDefect>,
    /// Whether any user request was harmed.
    pub harmed: bool,
    /// First harm to first signal.
    pub time_to_detect: Span,
    /// First page to first acknowledgement.
    pub time_to_acknowledge: Span,
    /// First harm to the first post that users can read.
    pub time_to_tell: Span,
    /// First harm to objectives kept again.
    pub time_to_mitigate: Span,
    /// First harm to a clean fleet.
    pub time_to_recover: Span,
    /// Rollback started to no reachable instance on the candidate.
    pub rollback_time: Span,
    /// Rollout started to completed.
    pub rollout_time: Span,
    /// The layer that stopped the change.
    pub caught_by: Catcher,
    /// Instances that ever ran the change, among those of its service.
    pub exposure: Ppm,
    /// The number of those instances.
    pub instances_exposed: u32,
    /// Requests harmed, among user requests from the first harm to the last.
    pub blast_radius: Ppm,
    /// User requests in the run.
    pub requests: u64,
    /// Those that failed, for whatever reason.
    pub requests_failed: u64,
    /// Those that failed or were slow because of the defect.
    pub requests_harmed: u64,
    /// Whether any objective was breached because of the defect.
    pub slo_breached: bool,
    /// Error budgets, by objective.
    pub budget: Vec<BudgetBurn>,
    /// Pages sent.
    pub pages: u32,
    /// Alerts that fired.
    pub alerts: u32,
    /// Incidents that were opened.
    pub incidents: u32,
    /// Teams that were paged; one where there are none and somebody was.
    pub teams_paged: u32,
    /// Whether the command of an incident changed hands.
    pub command_handed_over: bool,
    /// Where the change stood among the suspects that were shown first.
    pub suspect_rank: SuspectRank,
    /// Whether the change reached its whole scope and was not taken back.
    pub reached_full: bool,
    /// Whether a change without defect was taken back.
    pub false_rollback: bool,
    /// Whether a defective change reached its whole scope, taken back later or not.
    pub escaped: bool,
    /// What was done about it beside taking it back.
    #[serde(skip_serializing_if = "ActionsTaken::is_empty")]
    pub actions: ActionsTaken,
    /// The moments behind the figures, with the numbers of their events.
    pub anchors: Anchors,
}

/// Measures a run.
#[must_use]
pub fn measure(log: &RunLog) -> Measures {
    let anchors = Anchors::find(log);
    let samples: Vec<&Sample> = log
        .events()
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::World(WorldEvent::Sample(sample)) => Some(&**sample),
            EventBody::World(_)
            | EventBody::Note(_)
            | EventBody::Command(_)
            | EventBody::Person(_) => None,
        })
        .collect();
    let sum = |pick: fn(&Sample) -> u64| samples.iter().map(|sample| pick(sample)).sum::<u64>();
    let defective = anchors.defect_armed.is_some();
    let harm = anchors.harm_started;
    let mitigated = if anchors.slo_breached.is_some() {
        anchors.slo_restored
    } else {
        anchors.harm_ended
    };
    let (instances_exposed, exposure) = exposure(&samples, anchors.rollout);
    let went_full = anchors.completed.is_some();
    let taken_back = anchors.rollback_started.is_some();
    Measures {
        rollout: anchors.rollout,
        defective,
        drawn: drawn(log),
        harmed: harm.is_some(),
        time_to_detect: Span::between(harm, anchors.first_signal),
        time_to_acknowledge: Span::between(anchors.paged, anchors.acknowledged),
        time_to_tell: Span::between(harm.filter(|_| log.header().tells_users), anchors.told),
        time_to_mitigate: Span::between(harm, mitigated),
        time_to_recover: Span::between(harm, anchors.recovered),
        rollback_time: Span::between(anchors.rollback_started, anchors.rollback_completed),
        rollout_time: match anchors.rollout_started {
            Some(_) if taken_back && !went_full => Span::NotApplicable,
            started => Span::between(started, anchors.completed),
        },
        caught_by: anchors.caught_by.clone(),
        exposure,
        instances_exposed,
        blast_radius: blast_radius(&samples, &anchors),
        requests: sum(|sample| sample.requests),
        requests_failed: sum(|sample| sample.failed),
        requests_harmed: sum(|sample| sample.harmed),
        slo_breached: anchors.slo_breached.is_some(),
        budget: budget(log, &samples),
        pages: count(log, |note| matches!(note, NoteBody::PageSent { .. })),
        alerts: count(log, |note| {
            matches!(
                note,
                NoteBody::AlertFired { .. } | NoteBody::SymptomFired { .. }
            )
        }),
        incidents: count(log, |note| matches!(note, NoteBody::IncidentOpened { .. })),
        teams_paged: teams::paged(log),
        command_handed_over: teams::hands_over(log),
        suspect_rank: SuspectRank::find(log, &anchors),
        reached_full: went_full && !taken_back,
        false_rollback: taken_back && !defective,
        escaped: went_full && defective,
        actions: ActionsTaken::find(log, &anchors, mitigated),
        anchors,
    }
}

/// How many notes are such.
fn count(log: &RunLog, is_such: impl Fn(&NoteBody) -> bool) -> u32 {
    let such = |body: &EventBody| matches!(body, EventBody::Note(note) if is_such(note));
    let events = log.events().iter();
    events.filter(|event| such(&event.body)).count() as u32
}

/// What was drawn for the measured change, which is the first that carries a defect.
fn drawn(log: &RunLog) -> Option<DrawnDefect> {
    let armed = log.events().iter().find_map(|event| match &event.body {
        EventBody::World(WorldEvent::DefectArmed { drawn, .. }) => Some(*drawn),
        EventBody::World(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => {
            None
        }
    });
    log.header().drawn.get(armed?? as usize).cloned()
}

fn exposure(samples: &[&Sample], rollout: Option<RolloutId>) -> (u32, Ppm) {
    let of_rollout = |sample: &&Sample| {
        sample
            .exposure
            .iter()
            .find(|exposure| Some(exposure.rollout) == rollout)
            .copied()
    };
    let widest = samples
        .iter()
        .filter_map(of_rollout)
        .max_by_key(|exposure| exposure.ever);
    widest.map_or((0, Ppm::ZERO), |widest| {
        (
            widest.ever,
            Ppm::of(u64::from(widest.ever), u64::from(widest.instances)),
        )
    })
}

fn blast_radius(samples: &[&Sample], anchors: &Anchors) -> Ppm {
    let Some(start) = anchors.harm_started else {
        return Ppm::ZERO;
    };
    let end = anchors.harm_ended.map_or(Micros::MAX, |anchor| anchor.at);
    let during = samples.iter().filter(|sample| sample.from_us < end);
    // The sample that holds the first harm began before it: samples carry their start.
    let mut requests = 0;
    let mut harmed = 0;
    let mut begun = false;
    for sample in during {
        begun = begun || sample.harmed > 0 || sample.from_us >= start.at;
        if begun {
            requests += sample.requests;
            harmed += sample.harmed;
        }
    }
    Ppm::of(harmed, requests)
}

fn budget(log: &RunLog, samples: &[&Sample]) -> Vec<BudgetBurn> {
    let header = log.header();
    let burn = |(index, slo): (usize, &crate::log::SloName)| {
        let id = SloId(index as u16);
        let own = samples
            .iter()
            .flat_map(|sample| &sample.slos)
            .filter(|slo| slo.slo == id);
        let (requests, harmed) = own.fold((0, 0), |(requests, harmed), slo| {
            (requests + slo.requests, harmed + slo.harmed)
        });
        let budget_share = 1.0 - slo.objective.as_f64();
        let periods = slo.period.as_secs_f64() / header.duration.as_secs_f64().max(1.0);
        let allowed = requests as f64 * periods * budget_share;
        let burned = if allowed > 0.0 {
            Ppm::from_f64(harmed as f64 / allowed)
        } else {
            Ppm::ZERO
        };
        BudgetBurn {
            slo: id,
            name: slo.name.clone(),
            requests,
            harmed,
            burned,
        }
    };
    header.names.slos.iter().enumerate().map(burn).collect()
}
