//! What readers may want to know. Nothing may depend on a note.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::alerting::{self, Alert};
use crate::config::{Decision, Edit, Finding, Principal, VersionId};
use crate::health::Verdict;
use crate::ids::{
    AlertId, ChangeId, CommandId, ConfigId, IncidentId, NoteId, NotificationId, PageId, PersonId,
    PlanId, ReceiverId, RegionId, RolloutId, ServiceId, SloId, TeamId,
};
use crate::incident::{Audience, Impact, IncidentRole, Phase, PostKind, Reason, Severity};
use crate::rollout::{Order, PauseReason, RollbackReason};
use crate::time::Micros;

use super::ActionNote;
use super::suspicion::RankedSuspect;

/// Something that happened inside the plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Its number.
    pub id: NoteId,
    /// When it happened.
    pub at: Micros,
    /// The notes that tell why.
    pub because: Vec<NoteId>,
    /// Whether the input being handled is a reason too; otherwise a timer went off.
    pub by_input: bool,
    /// What happened.
    pub body: NoteBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
pub enum NoteBody {
    /// A change entered the store.
    ChangeProposed {
        /// The change.
        change: ChangeId,
        /// The config.
        config: ConfigId,
        /// The version it makes.
        candidate: VersionId,
        /// The author.
        author: Principal,
        /// The new values.
        edits: Vec<Edit>,
    },
    /// Validation found nothing.
    ChangeValidated {
        /// The change.
        change: ChangeId,
        /// Single checks made.
        checks: u32,
    },
    /// Validation refused the change.
    ChangeInvalid {
        /// The change.
        change: ChangeId,
        /// What is wrong.
        findings: Vec<Finding>,
    },
    /// A reviewer decided.
    ChangeReviewed {
        /// The change.
        change: ChangeId,
        /// The reviewer.
        reviewer: Principal,
        /// The decision.
        decision: Decision,
    },
    /// An approved change is on its way.
    RolloutStarted {
        /// The rollout.
        rollout: RolloutId,
        /// The change.
        change: ChangeId,
        /// The config.
        config: ConfigId,
        /// The version it brings.
        candidate: VersionId,
        /// The version that was last known good when it started.
        baseline: VersionId,
        /// The plan it follows.
        plan: PlanId,
    },
    /// A stage began.
    StageEntered {
        /// The rollout.
        rollout: RolloutId,
        /// The stage's index.
        stage: u32,
        /// Instances that may run the candidate from now on, in all.
        instances_max: u32,
    },
    /// The stage's instances have the candidate.
    BakeStarted {
        /// The rollout.
        rollout: RolloutId,
        /// The stage's index.
        stage: u32,
    },
    /// A judge says something it did not say before in this stage, or something that decides.
    VerdictReached {
        /// The rollout.
        rollout: RolloutId,
        /// The stage's index.
        stage: u32,
        /// The verdict.
        verdict: Verdict,
    },
    /// The stage passed.
    StagePromoted {
        /// The rollout.
        rollout: RolloutId,
        /// The stage's index.
        stage: u32,
    },
    /// Nothing widens for now.
    RolloutPaused {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: PauseReason,
    },
    /// A paused stage begins again.
    RolloutResumed {
        /// The rollout.
        rollout: RolloutId,
    },
    /// Stopped for good.
    RolloutAborted {
        /// The rollout.
        rollout: RolloutId,
    },
    /// The last stage passed.
    RolloutCompleted {
        /// The rollout.
        rollout: RolloutId,
    },
    /// A rollout that should go back paused instead, because automation may not take it back by
    /// itself; somebody is paged.
    RollbackHeld {
        /// The rollout.
        rollout: RolloutId,
        /// Why it should go back.
        reason: RollbackReason,
        /// The alert that calls somebody.
        alert: AlertId,
        /// Whether automation proposes to go back.
        suggested: bool,
    },
    /// Somebody decided what becomes of a rollout that was held.
    HoldEnded {
        /// The rollout.
        rollout: RolloutId,
        /// The alert that called somebody.
        alert: AlertId,
    },
    /// Instances go back.
    RollbackStarted {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: RollbackReason,
        /// The last-known-good version.
        to: VersionId,
    },
    /// No reachable instance runs the candidate.
    RollbackCompleted {
        /// The rollout.
        rollout: RolloutId,
    },
    /// An operator gave an order.
    OrderRecorded {
        /// The rollout.
        rollout: RolloutId,
        /// The order.
        order: Order,
        /// Who.
        by: Principal,
    },
    /// An alert fires.
    AlertFired {
        /// The alert.
        alert: Alert,
    },
    /// An alert stopped.
    AlertResolved {
        /// The alert.
        alert: AlertId,
        /// Its objective.
        slo: SloId,
    },
    /// A symptom fires.
    SymptomFired {
        /// The alert.
        alert: AlertId,
        /// The rule, by its place in the setup's list.
        rule: u16,
        /// The service that shows it.
        service: ServiceId,
        /// Where.
        region: RegionId,
        /// What the rule saw, in its signal's unit; nothing when it saw nothing at all.
        value: Option<u64>,
    },
    /// A symptom is gone.
    SymptomGone {
        /// The alert.
        alert: AlertId,
    },
    /// Nobody is told of an alert for now.
    AlertMuted {
        /// The alert.
        alert: AlertId,
        /// The alert that explains it; somebody asked for quiet when absent.
        by: Option<AlertId>,
    },
    /// A receiver was told of a group of alerts.
    Notified {
        /// The message.
        notification: NotificationId,
        /// Who was told.
        receiver: ReceiverId,
        /// Why.
        reason: alerting::Reason,
        /// What fires, as far as it is named.
        firing: Vec<AlertId>,
        /// How many more fire.
        firing_rest: u32,
        /// What is over.
        resolved: Vec<AlertId>,
    },
    /// An alert opened an incident.
    IncidentOpened {
        /// The incident.
        incident: IncidentId,
        /// The alert.
        alert: AlertId,
    },
    /// An alert joined the open incident.
    IncidentJoined {
        /// The incident.
        incident: IncidentId,
        /// The alert.
        alert: AlertId,
    },
    /// Every change in flight or recent was weighed as the cause of an incident, and the order is
    /// not the one that people were shown before.
    SuspectsRanked {
        /// The incident.
        incident: IncidentId,
        /// The changes, the likeliest first.
        suspects: Vec<RankedSuspect>,
    },
    /// Somebody was paged.
    PageSent {
        /// The incident.
        incident: IncidentId,
        /// The page.
        page: PageId,
        /// Who was paged.
        person: PersonId,
        /// One for the first page of the incident, and so on.
        attempt: u32,
        /// The changes shown as suspects, the likeliest first.
        suspects: Vec<RolloutId>,
    },
    /// Somebody acknowledged.
    PageAcknowledged {
        /// The incident.
        incident: IncidentId,
        /// The page.
        page: PageId,
        /// Who.
        by: Principal,
    },
    /// An acknowledgement was not followed by anything for too long: paging goes on.
    AcknowledgementLapsed {
        /// The incident.
        incident: IncidentId,
        /// Who had acknowledged.
        person: PersonId,
    },
    /// Nobody is on call at a level of the escalation.
    NobodyOnCall {
        /// The incident.
        incident: IncidentId,
        /// The level, from zero.
        level: u32,
    },
    /// Nobody acknowledged the last page either.
    PagingGaveUp {
        /// The incident.
        incident: IncidentId,
    },
    /// The severity of an incident became known, or changed.
    SeverityChanged {
        /// The incident.
        incident: IncidentId,
        /// Before; absent for the first one.
        from: Option<Severity>,
        /// After.
        to: Severity,
        /// What was measured last.
        impact: Impact,
    },
    /// An incident moved on; its resolution has a note of its own.
    IncidentMoved {
        /// The incident.
        incident: IncidentId,
        /// From this phase.
        from: Phase,
        /// To this one.
        to: Phase,
        /// Why.
        reason: Reason,
    },
    /// Somebody took a role in an incident.
    RoleAssumed {
        /// The incident.
        incident: IncidentId,
        /// The role.
        role: IncidentRole,
        /// Who.
        person: PersonId,
    },
    /// Somebody handed a role to somebody else.
    RoleHandedOver {
        /// The incident.
        incident: IncidentId,
        /// The role.
        role: IncidentRole,
        /// Who held it.
        from: PersonId,
        /// Who holds it now.
        to: PersonId,
    },
    /// Somebody laid a role down.
    RoleReleased {
        /// The incident.
        incident: IncidentId,
        /// The role.
        role: IncidentRole,
        /// Who.
        person: PersonId,
    },
    /// An incident went to another team.
    IncidentRerouted {
        /// The incident.
        incident: IncidentId,
        /// The team that had it.
        from: TeamId,
        /// The team that has it now.
        to: TeamId,
        /// Who sent it on.
        by: PersonId,
        /// How long the wrong team had had it.
        cost: Micros,
    },
    /// Users complain of trouble, and somebody passed it on.
    TroubleReported {
        /// The alert that stands for it.
        alert: AlertId,
        /// The service that they complain about.
        service: ServiceId,
        /// Who passed it on.
        by: Principal,
    },
    /// Users no longer complain.
    TroubleEnded {
        /// The alert that stood for it.
        alert: AlertId,
    },
    /// Somebody posted to a status page.
    StatusPosted {
        /// The incident.
        incident: IncidentId,
        /// Who reads it.
        audience: Audience,
        /// Which post.
        post: PostKind,
        /// Who wrote it.
        by: PersonId,
        /// How long after its deadline; nothing when in time.
        late: Micros,
    },
    /// A status page was not posted to in time.
    StatusPostMissed {
        /// The incident.
        incident: IncidentId,
        /// Who waits for it.
        audience: Audience,
    },
    /// No alert of the incident fires any more.
    IncidentResolved {
        /// The incident.
        incident: IncidentId,
    },
    /// Something happened to an action against an outage.
    Action(ActionNote),
    /// A failed command was given again.
    CommandRetried {
        /// The command.
        command: CommandId,
        /// The number of the try, from two on.
        attempt: u32,
    },
    /// A command failed too often.
    CommandGivenUp {
        /// The command.
        command: CommandId,
    },
}
