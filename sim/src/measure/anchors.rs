//! The moments that figures are measured between, each with the number of its event.

use firedrill_core::Micros;
use firedrill_core::config::Decision;
use firedrill_core::health::{Outcome, Urgency};
use firedrill_core::ids::{ChangeId, RolloutId, SloId};
use firedrill_core::incident::Audience;
use firedrill_core::plane::{ActionNote, NoteBody};
use firedrill_core::rollout::{PauseReason, RollbackReason, StageKind};
use serde::Serialize;

use crate::log::{Event, EventBody, PersonEvent, RunLog, StageName, WorldEvent};

/// A moment and the event that marks it. The event may be later than the moment where an end is
/// only certain after a while of quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Anchor {
    /// The moment, in microseconds since the start of the run.
    pub at: Micros,
    /// The event's number.
    pub seq: u64,
}

impl From<&Event> for Anchor {
    fn from(event: &Event) -> Self {
        Self {
            at: event.t_us,
            seq: event.seq,
        }
    }
}

/// The layer that stopped a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Catcher {
    /// Validation refused it.
    Validation,
    /// The reviewer refused it.
    Review,
    /// The judge of a canary stage.
    Canary {
        /// The stage.
        stage: String,
    },
    /// The judge of a wave.
    Wave {
        /// The stage.
        stage: String,
    },
    /// An alert on an objective.
    SloAlert {
        /// The objective.
        slo: String,
    },
    /// An alert on what instances show, when no objective's had paged.
    SymptomAlert {
        /// The rule.
        rule: String,
    },
    /// Users who complained, before anybody answered a page.
    Users,
    /// Nothing caught it, but this stage had no data and paused the rollout.
    NoData {
        /// The stage.
        stage: String,
    },
    /// Nothing did.
    Nobody,
}

impl Catcher {
    /// Whether no layer caught the change: a pause for lack of data is neither a catch nor a false
    /// alarm.
    #[must_use]
    pub const fn is_nobody(&self) -> bool {
        match self {
            Self::NoData { .. } | Self::Nobody => true,
            Self::Validation
            | Self::Review
            | Self::Canary { .. }
            | Self::Wave { .. }
            | Self::SloAlert { .. }
            | Self::SymptomAlert { .. }
            | Self::Users => false,
        }
    }
}

impl std::fmt::Display for Catcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Validation => f.write_str("validation"),
            Self::Review => f.write_str("review"),
            Self::Canary { stage } => write!(f, "canary `{stage}`"),
            Self::Wave { stage } => write!(f, "wave `{stage}`"),
            Self::SloAlert { slo } => write!(f, "SLO alert `{slo}`"),
            Self::SymptomAlert { rule } => write!(f, "symptom alert `{rule}`"),
            Self::Users => f.write_str("users' reports"),
            Self::NoData { stage } => write!(f, "nobody, stage `{stage}` paused for lack of data"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

/// The moments of a run, as far as they came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anchors {
    /// The measured rollout.
    pub rollout: Option<RolloutId>,
    /// The layer that stopped the change.
    pub caught_by: Catcher,
    /// The measured change entered the store.
    pub proposed: Option<Anchor>,
    /// The measured change carries a defect.
    pub defect_armed: Option<Anchor>,
    /// Its rollout started.
    pub rollout_started: Option<Anchor>,
    /// The first instance ran the defective version.
    pub defect_active: Option<Anchor>,
    /// The first request was harmed.
    pub harm_started: Option<Anchor>,
    /// The last request was harmed.
    pub harm_ended: Option<Anchor>,
    /// The first objective was breached.
    pub slo_breached: Option<Anchor>,
    /// The last objective was breached for the last time.
    pub slo_restored: Option<Anchor>,
    /// The first signal that somebody or something acts on.
    pub first_signal: Option<Anchor>,
    /// The first paging alert fired.
    pub alert_fired: Option<Anchor>,
    /// The first page was sent.
    pub paged: Option<Anchor>,
    /// The first page was acknowledged.
    pub acknowledged: Option<Anchor>,
    /// Users were told for the first time.
    pub told: Option<Anchor>,
    /// The measured rollout began to go back.
    pub rollback_started: Option<Anchor>,
    /// No reachable instance ran its candidate any more.
    pub rollback_completed: Option<Anchor>,
    /// It reached its whole scope.
    pub completed: Option<Anchor>,
    /// The fleet was clean again, and nobody was harmed any more.
    pub recovered: Option<Anchor>,
}

impl Anchors {
    const fn none() -> Self {
        Self {
            rollout: None,
            caught_by: Catcher::Nobody,
            proposed: None,
            defect_armed: None,
            rollout_started: None,
            defect_active: None,
            harm_started: None,
            harm_ended: None,
            slo_breached: None,
            slo_restored: None,
            first_signal: None,
            alert_fired: None,
            paged: None,
            acknowledged: None,
            told: None,
            rollback_started: None,
            rollback_completed: None,
            completed: None,
            recovered: None,
        }
    }

    pub(super) fn find(log: &RunLog) -> Self {
        let mut finder = Finder {
            log,
            measured: measured_change(log),
            stages: &[],
            open_breaches: 0,
            last_breach: Micros::ZERO,
            clean: None,
            paging_slo: None,
            paging_symptom: None,
            heard_by: None,
            anchors: Self::none(),
        };
        for event in log.events() {
            match &event.body {
                EventBody::Note(note) => finder.note(event, note),
                EventBody::World(world) => finder.world(event, world),
                EventBody::Person(person) => finder.person(person),
                EventBody::Command(_) => {}
            }
        }
        finder.anchors
    }
}

/// The first defective change; the first one when none is.
fn measured_change(log: &RunLog) -> ChangeId {
    let defective = log.events().iter().find_map(|event| match &event.body {
        EventBody::World(WorldEvent::DefectArmed { change, .. }) => Some(*change),
        EventBody::World(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => {
            None
        }
    });
    defective.unwrap_or_default()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Page,
    Users,
}

struct Finder<'a> {
    log: &'a RunLog,
    measured: ChangeId,
    stages: &'a [StageName],
    open_breaches: u32,
    last_breach: Micros,
    /// When nothing of the measured version was left.
    clean: Option<Anchor>,
    paging_slo: Option<SloId>,
    paging_symptom: Option<u16>,
    /// How people first heard of it.
    heard_by: Option<Heard>,
    anchors: Anchors,
}

fn first(slot: &mut Option<Anchor>, event: &Event) {
    slot.get_or_insert(event.into());
}

impl Finder<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "told by the next function")]
    fn note(&mut self, event: &Event, note: &NoteBody) {
        let measured = self.anchors.rollout;
        let own = |rollout: &RolloutId| Some(*rollout) == measured;
        match note {
            NoteBody::ChangeProposed { change, .. } if *change == self.measured => {
                first(&mut self.anchors.proposed, event);
            }
            NoteBody::ChangeInvalid { change, .. } if *change == self.measured => {
                self.anchors.caught_by = Catcher::Validation;
                first(&mut self.anchors.first_signal, event);
            }
            NoteBody::ChangeReviewed {
                change,
                decision: Decision::Reject,
                ..
            } if *change == self.measured => {
                self.anchors.caught_by = Catcher::Review;
                first(&mut self.anchors.first_signal, event);
            }
            NoteBody::RolloutStarted {
                rollout,
                change,
                config,
                plan,
                ..
            } if *change == self.measured => {
                self.anchors.rollout = Some(*rollout);
                let config = &self.log.header().names.configs[config.index()];
                self.stages = &config.plans[plan.index()].1;
                first(&mut self.anchors.rollout_started, event);
            }
            NoteBody::VerdictReached {
                rollout, verdict, ..
            } if own(rollout) && verdict.outcome == Outcome::Fail => {
                first(&mut self.anchors.first_signal, event);
            }
            NoteBody::RolloutPaused { rollout, reason } if own(rollout) => {
                self.paused(event, *reason);
            }
            NoteBody::RollbackStarted {
                rollout, reason, ..
            } if own(rollout) => {
                first(&mut self.anchors.rollback_started, event);
                match reason {
                    RollbackReason::JudgedBad | RollbackReason::ExposureExceeded => {
                        self.caught_by_judge(event);
                    }
                    RollbackReason::Ordered | RollbackReason::Alert | RollbackReason::Killed => {
                        self.caught_by_alert();
                    }
                }
            }
            // A verdict that people overrode stops nothing.
            NoteBody::Action(ActionNote::OverrideGranted { rollout, .. }) if own(rollout) => {
                self.anchors.caught_by = Catcher::Nobody;
            }
            NoteBody::RollbackCompleted { rollout } if own(rollout) => {
                first(&mut self.anchors.rollback_completed, event);
            }
            NoteBody::RolloutCompleted { rollout } if own(rollout) => {
                first(&mut self.anchors.completed, event);
            }
            _ => self.noticed(event, note),
        }
    }

    /// Alerts and pages, whatever they are about.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most notes mark no moment")]
    fn noticed(&mut self, event: &Event, note: &NoteBody) {
        match note {
            NoteBody::AlertFired { alert } if alert.rule.urgency == Urgency::Page => {
                self.paging_slo.get_or_insert(alert.slo);
                first(&mut self.anchors.alert_fired, event);
                first(&mut self.anchors.first_signal, event);
            }
            NoteBody::SymptomFired { rule, .. } if self.wakes(*rule) => {
                self.paging_symptom.get_or_insert(*rule);
                first(&mut self.anchors.alert_fired, event);
                first(&mut self.anchors.first_signal, event);
            }
            NoteBody::TroubleReported { .. } => first(&mut self.anchors.first_signal, event),
            NoteBody::PageSent { .. } => first(&mut self.anchors.paged, event),
            NoteBody::PageAcknowledged { .. } => first(&mut self.anchors.acknowledged, event),
            NoteBody::StatusPosted {
                audience: Audience::Public,
                ..
            } => first(&mut self.anchors.told, event),
            _ => {}
        }
    }

    fn wakes(&self, symptom: u16) -> bool {
        let rule = &self.log.header().names.symptoms[usize::from(symptom)];
        rule.urgency == Urgency::Page
    }

    fn world(&mut self, event: &Event, world: &WorldEvent) {
        let anchors = &mut self.anchors;
        match world {
            WorldEvent::DefectArmed { change, .. } if *change == self.measured => {
                first(&mut anchors.defect_armed, event);
            }
            WorldEvent::DefectActive { .. } => first(&mut anchors.defect_active, event),
            WorldEvent::HarmStarted { .. } => {
                first(&mut anchors.harm_started, event);
                anchors.harm_ended = None;
                anchors.recovered = None;
            }
            WorldEvent::HarmEnded { since, .. } => {
                let (at, seq) = (*since, event.seq);
                anchors.harm_ended = Some(Anchor { at, seq });
                // Harm that came again after the fleet was clean is over with it.
                if let Some(clean) = self.clean {
                    let at = at.max(clean.at);
                    anchors.recovered = Some(Anchor { at, seq });
                }
            }
            WorldEvent::SloBreached { .. } => {
                self.open_breaches += 1;
                first(&mut anchors.slo_breached, event);
                anchors.slo_restored = None;
            }
            WorldEvent::SloRestored { since, .. } => {
                self.open_breaches -= 1;
                self.last_breach = self.last_breach.max(*since);
                if self.open_breaches == 0 {
                    let at = self.last_breach;
                    anchors.slo_restored = Some(Anchor { at, seq: event.seq });
                }
            }
            WorldEvent::FleetClean { rollout } if Some(*rollout) == anchors.rollout => {
                self.clean = Some(event.into());
                anchors.recovered = self.clean;
            }
            WorldEvent::DefectArmed { .. }
            | WorldEvent::FleetClean { .. }
            | WorldEvent::CommandTaken { .. }
            | WorldEvent::InputRefused { .. }
            | WorldEvent::Tool(_)
            | WorldEvent::VerdictTruth(_)
            | WorldEvent::Sample(_)
            | WorldEvent::RunEnded => {}
        }
    }

    fn paused(&mut self, event: &Event, reason: PauseReason) {
        if matches!(reason, PauseReason::PushStalled | PauseReason::NoVerdict(_)) {
            first(&mut self.anchors.first_signal, event);
        }
        match reason {
            PauseReason::NoVerdict(Outcome::NoData(_)) => self.paused_without_data(event),
            // A stage that cannot be told to be good stops the change just as a bad one.
            PauseReason::JudgedBad | PauseReason::NoVerdict(_) => self.caught_by_judge(event),
            PauseReason::Ordered
            | PauseReason::Alert
            | PauseReason::Frozen
            | PauseReason::Killed
            | PauseReason::PushStalled => {}
        }
    }

    /// The stage that the rollout is in now is the one whose judge caught it.
    fn caught_by_judge(&mut self, event: &Event) {
        if !self.anchors.caught_by.is_nobody() {
            return;
        }
        if let Some(StageName { name, stage_kind }) = self.stage_at(event) {
            let stage = name.clone();
            self.anchors.caught_by = match stage_kind {
                StageKind::Canary => Catcher::Canary { stage },
                StageKind::Wave => Catcher::Wave { stage },
            };
        }
    }

    /// Nothing is known of the change where there is no data: nobody caught it.
    fn paused_without_data(&mut self, event: &Event) {
        if self.anchors.caught_by == Catcher::Nobody
            && let Some(StageName { name, .. }) = self.stage_at(event)
        {
            let stage = name.clone();
            self.anchors.caught_by = Catcher::NoData { stage };
        }
    }

    /// The stage that the rollout is in at an event.
    fn stage_at(&self, event: &Event) -> Option<&StageName> {
        let entered = self.log.events()[..event.seq as usize].iter().rev();
        entered.into_iter().find_map(|event| match &event.body {
            EventBody::Note(NoteBody::StageEntered { rollout, stage, .. })
                if Some(*rollout) == self.anchors.rollout =>
            {
                self.stages.get(*stage as usize)
            }
            EventBody::Note(_)
            | EventBody::World(_)
            | EventBody::Command(_)
            | EventBody::Person(_) => None,
        })
    }

    const fn person(&mut self, person: &PersonEvent) {
        let heard = match person {
            PersonEvent::PageAnswered { .. } => Heard::Page,
            PersonEvent::TroubleTold { .. } => Heard::Users,
            PersonEvent::CauseSuspected { .. }
            | PersonEvent::PlayBegun { .. }
            | PersonEvent::OverrideDeclined { .. } => return,
        };
        if self.heard_by.is_none() {
            self.heard_by = Some(heard);
        }
    }

    fn caught_by_alert(&mut self) {
        if !self.anchors.caught_by.is_nobody() {
            return;
        }
        let names = &self.log.header().names;
        if self.heard_by == Some(Heard::Users) {
            self.anchors.caught_by = Catcher::Users;
        } else if let Some(slo) = self.paging_slo {
            let slo = names.slos[slo.index()].name.clone();
            self.anchors.caught_by = Catcher::SloAlert { slo };
        } else if let Some(rule) = self.paging_symptom {
            let rule = names.symptoms[usize::from(rule)].name.clone();
            self.anchors.caught_by = Catcher::SymptomAlert { rule };
        }
    }
}
