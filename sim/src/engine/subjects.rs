//! What events are about, and who acts in them, in words.

use firedrill_core::ids::{ChangeId, RegionId, RolloutId, ServiceId, SloId};
use firedrill_core::plane::{ActionNote, Command, NoteBody};

use crate::log::Actor;
use crate::spec::RECEIVERS;

use super::driver::Driver;
use super::surroundings::Surroundings;

impl<W: Surroundings> Driver<'_, W> {
    pub(super) fn rollout_subject(&self, rollout: RolloutId) -> String {
        let change = self.causes.rollout_change.get(&rollout);
        change.map_or_else(
            || format!("rollout {rollout}"),
            |change| self.change_subject(*change),
        )
    }

    /// Suspects, each with the truth about it: whether its change carries a defect.
    pub(super) fn with_truth(&self, suspects: &[RolloutId]) -> Vec<(RolloutId, bool)> {
        let is_guilty = |rollout: &RolloutId| {
            let change = self.causes.rollout_change.get(rollout);
            let spec = change.and_then(|change| self.change_specs.get(change));
            spec.is_some_and(|spec| self.defects[*spec].is_some())
        };
        let marked = suspects
            .iter()
            .map(|rollout| (*rollout, is_guilty(rollout)));
        marked.collect()
    }

    fn change_subject(&self, change: ChangeId) -> String {
        let spec = self.change_specs.get(&change).or(self.proposing.as_ref());
        spec.map_or_else(
            || format!("change {change}"),
            |spec| {
                let config = self.scenario.changes[*spec].config;
                self.scenario.configs[config.index()].schema.name.clone()
            },
        )
    }

    pub(super) fn subject_of(&self, body: &NoteBody) -> String {
        match body {
            NoteBody::ChangeProposed { change, .. }
            | NoteBody::ChangeValidated { change, .. }
            | NoteBody::ChangeInvalid { change, .. }
            | NoteBody::ChangeReviewed { change, .. }
            | NoteBody::RolloutStarted { change, .. } => self.change_subject(*change),
            NoteBody::StageEntered { rollout, .. }
            | NoteBody::BakeStarted { rollout, .. }
            | NoteBody::VerdictReached { rollout, .. }
            | NoteBody::StagePromoted { rollout, .. }
            | NoteBody::RolloutPaused { rollout, .. }
            | NoteBody::RolloutResumed { rollout }
            | NoteBody::RolloutAborted { rollout }
            | NoteBody::RolloutCompleted { rollout }
            | NoteBody::RollbackHeld { rollout, .. }
            | NoteBody::HoldEnded { rollout, .. }
            | NoteBody::RollbackStarted { rollout, .. }
            | NoteBody::RollbackCompleted { rollout }
            | NoteBody::OrderRecorded { rollout, .. } => self.rollout_subject(*rollout),
            NoteBody::TroubleReported { .. } | NoteBody::TroubleEnded { .. } => "users".into(),
            NoteBody::AlertFired { alert } => self.slo_subject(alert.slo),
            NoteBody::AlertResolved { slo, .. } => self.slo_subject(*slo),
            NoteBody::SymptomFired {
                rule,
                service,
                region,
                ..
            } => self.symptom_subject(*rule, *service, *region),
            NoteBody::SymptomGone { alert } | NoteBody::AlertMuted { alert, .. } => {
                format!("alert {alert}")
            }
            NoteBody::Notified { receiver, .. } => RECEIVERS[receiver.index()].into(),
            NoteBody::IncidentOpened { incident, .. }
            | NoteBody::IncidentJoined { incident, .. }
            | NoteBody::IncidentResolved { incident }
            | NoteBody::PagingGaveUp { incident }
            | NoteBody::AcknowledgementLapsed { incident, .. }
            | NoteBody::NobodyOnCall { incident, .. }
            | NoteBody::SeverityChanged { incident, .. }
            | NoteBody::IncidentMoved { incident, .. }
            | NoteBody::RoleAssumed { incident, .. }
            | NoteBody::RoleHandedOver { incident, .. }
            | NoteBody::RoleReleased { incident, .. }
            | NoteBody::IncidentRerouted { incident, .. }
            | NoteBody::StatusPosted { incident, .. }
            | NoteBody::StatusPostMissed { incident, .. }
            | NoteBody::SuspectsRanked { incident, .. }
            | NoteBody::PageSent { incident, .. }
            | NoteBody::PageAcknowledged { incident, .. } => format!("incident {incident}"),
            NoteBody::Action(note) => self.action_subject(note),
            NoteBody::CommandRetried { command, .. } | NoteBody::CommandGivenUp { command } => {
                format!("command {command}")
            }
        }
    }

    fn symptom_subject(&self, rule: u16, service: ServiceId, region: RegionId) -> String {
        let names = &self.log.header().names;
        format!(
            "{} of {} in {}",
            names.symptoms[usize::from(rule)].name,
            names.services[service.index()].name,
            names.regions[region.index()],
        )
    }

    fn action_subject(&self, note: &ActionNote) -> String {
        match note {
            ActionNote::OverrideAsked { rollout, .. }
            | ActionNote::OverrideGranted { rollout, .. }
            | ActionNote::OverrideRefused { rollout, .. } => self.rollout_subject(*rollout),
            ActionNote::Refused { .. } => "action".into(),
            ActionNote::Suggested { action, .. }
            | ActionNote::Begun { action, .. }
            | ActionNote::Started { action }
            | ActionNote::StepOrdered { action, .. }
            | ActionNote::Finished { action, .. }
            | ActionNote::Verified { action }
            | ActionNote::Failed { action, .. }
            | ActionNote::Cancelled { action, .. }
            | ActionNote::Restored { action } => format!("action {action}"),
        }
    }

    fn slo_subject(&self, slo: SloId) -> String {
        self.log.header().names.slos[slo.index()].name.clone()
    }
}

/// What a command is about that belongs to no rollout.
pub(super) fn subject_of_command(command: &Command) -> String {
    match command {
        Command::Act { action, .. } => format!("action {action}"),
        Command::Page { .. } | Command::Push { .. } | Command::RollBack { .. } => "page".into(),
    }
}

/// Who stands behind a note.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the core stands behind all others"
)]
pub(super) const fn actor_of(body: &NoteBody) -> Actor {
    match body {
        NoteBody::ChangeProposed { .. } => Actor::Author,
        NoteBody::ChangeReviewed { .. } => Actor::Reviewer,
        NoteBody::OrderRecorded { .. }
        | NoteBody::PageAcknowledged { .. }
        | NoteBody::RoleAssumed { .. }
        | NoteBody::RoleHandedOver { .. }
        | NoteBody::RoleReleased { .. }
        | NoteBody::IncidentRerouted { .. }
        | NoteBody::StatusPosted { .. }
        | NoteBody::TroubleReported { .. }
        | NoteBody::TroubleEnded { .. } => Actor::OnCall,
        _ => Actor::Core,
    }
}
