//! Which rare paths a run went down.

use std::collections::BTreeMap;

use firedrill_core::health::{NoDataReason, Outcome};
use firedrill_core::incident::Phase;
use firedrill_core::plane::{ActionNote, NoteBody};
use firedrill_core::rollout::{PauseReason, RollbackReason};

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A rare path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Mark { $($(#[$doc])* $name,)* }

        impl Mark {
            const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

marks! {
    /// A change that validation refused.
    Invalid,
    /// A change that a reviewer refused.
    Rejected,
    /// A rollout that reached everybody.
    Completed,
    /// A rollback by a judge.
    RolledBackByJudge,
    /// A rollback by an operator.
    RolledBackByOrder,
    /// A rollback by an alert.
    RolledBackByAlert,
    /// A rollback because distribution went too far.
    ExposureExceeded,
    /// A rollback that ran to its end.
    RollbackCompleted,
    /// A rollback that ended while hosts out of reach still ran the candidate.
    RollbackLeftUnreachable,
    /// A rollback of a rollout that had completed.
    RollbackAfterCompletion,
    /// A pause by an operator.
    PausedByOrder,
    /// A pause by a judge.
    PausedByJudge,
    /// A pause by an alert.
    PausedByAlert,
    /// A push that did not get there in time.
    PushStalled,
    /// No verdict: no window came.
    NoVerdictMissing,
    /// No verdict: the newest window was too old.
    NoVerdictStale,
    /// No verdict: too few requests.
    NoVerdictTooLittle,
    /// No verdict: a failure that the plan ignores.
    NoVerdictFailing,
    /// A paused rollout that went on.
    Resumed,
    /// A rollout that was stopped for good.
    Aborted,
    /// A failed command, given again.
    Retried,
    /// A command that failed too often.
    GivenUp,
    /// A severity that changed after the first look.
    SeverityChanged,
    /// Somebody who took command.
    CommandAssumed,
    /// A role that somebody handed to somebody else.
    RoleHandedOver,
    /// A role that somebody laid down.
    RoleReleased,
    /// An incident that changed teams.
    Rerouted,
    /// An incident that was merged into another one.
    Merged,
    /// A cause that somebody named.
    Identified,
    /// Users who complained.
    TroubleReported,
    /// Users who no longer did.
    TroubleEnded,
    /// A post to a status page.
    StatusPosted,
    /// A rollback that automation may not begin.
    RollbackHeld,
    /// A held rollout that somebody decided about.
    HoldEnded,
    /// A page with suspects.
    SuspectsRanked,
    /// A page nobody acknowledged in time.
    PagedAgain,
    /// Nobody acknowledged any page.
    PagingGaveUp,
    /// A page that somebody acknowledged.
    Acknowledged,
    /// An alert that joined an open incident.
    Joined,
    /// A symptom that fired.
    SymptomFired,
    /// An alert that nobody was told of for a while.
    AlertMuted,
    /// A message about a group of alerts.
    Notified,
    /// An incident that ended.
    IncidentResolved,
    /// An input that was refused.
    Refused,
    /// An order by somebody who may not give it.
    OrderForbidden,
    /// An approval while another rollout of the config was under way.
    ApprovalHeldBack,
    /// An approval of a change whose base had moved on.
    ApprovalOutdated,
    /// A driver that woke late, for more than one timer.
    WokeLate,
    /// An exposure report from before the rollback, after it.
    LateReport,
    /// A rollback because of a kill switch.
    RolledBackByKill,
    /// A pause because nothing may widen.
    PausedByFreeze,
    /// A rollout that began under a kill switch.
    PausedByKill,
    /// Something that was not resumed because nothing may widen.
    StoodStill,
    /// An action that automation proposed.
    ActionSuggested,
    /// A step of a drain.
    DrainStepped,
    /// An action that worked.
    ActionVerified,
    /// An action that did not.
    ActionFailed,
    /// An action that was stopped.
    ActionCancelled,
    /// An action whose effect was taken back.
    ActionRestored,
    /// An action that was refused.
    ActionRefused,
    /// A verdict that two people overruled.
    OverrideGranted,
    /// A verdict that stays.
    OverrideRefused,
    /// A command that distribution took although it was done or withdrawn.
    TakenTooLate,
}

/// How often each path was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(BTreeMap<Mark, u32>);

impl Marks {
    /// Takes note of a path.
    pub(crate) fn reach(&mut self, mark: Mark) {
        *self.0.entry(mark).or_default() += 1;
    }

    /// Adds the marks of another run.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mark, count) in &other.0 {
            *self.0.entry(*mark).or_default() += count;
        }
    }

    /// The paths that were never taken.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Mark> {
        let is_missing = |mark: &Mark| !self.0.contains_key(mark);
        Mark::ALL.iter().copied().filter(is_missing)
    }

    /// Takes note of what a note tells.
    pub(crate) fn note(&mut self, body: &NoteBody) {
        let mark = match body {
            NoteBody::ChangeInvalid { .. } => Some(Mark::Invalid),
            NoteBody::RolloutCompleted { .. } => Some(Mark::Completed),
            NoteBody::RolloutPaused { reason, .. } => Some(of_pause(*reason)),
            NoteBody::RolloutResumed { .. } => Some(Mark::Resumed),
            NoteBody::RolloutAborted { .. } => Some(Mark::Aborted),
            NoteBody::RollbackStarted { reason, .. } => Some(of_rollback(*reason)),
            NoteBody::RollbackCompleted { .. } => Some(Mark::RollbackCompleted),
            NoteBody::CommandRetried { .. } => Some(Mark::Retried),
            NoteBody::CommandGivenUp { .. } => Some(Mark::GivenUp),
            NoteBody::PageSent { attempt, .. } => (*attempt > 1).then_some(Mark::PagedAgain),
            NoteBody::SeverityChanged { from, .. } => from.map(|_| Mark::SeverityChanged),
            NoteBody::RoleAssumed { .. } => Some(Mark::CommandAssumed),
            NoteBody::RoleHandedOver { .. } => Some(Mark::RoleHandedOver),
            NoteBody::RoleReleased { .. } => Some(Mark::RoleReleased),
            NoteBody::IncidentRerouted { .. } => Some(Mark::Rerouted),
            NoteBody::IncidentMoved { to, .. } => of_phase(*to),
            NoteBody::TroubleReported { .. } => Some(Mark::TroubleReported),
            NoteBody::TroubleEnded { .. } => Some(Mark::TroubleEnded),
            NoteBody::StatusPosted { .. } => Some(Mark::StatusPosted),
            NoteBody::RollbackHeld { .. } => Some(Mark::RollbackHeld),
            NoteBody::HoldEnded { .. } => Some(Mark::HoldEnded),
            NoteBody::SuspectsRanked { .. } => Some(Mark::SuspectsRanked),
            NoteBody::PagingGaveUp { .. } => Some(Mark::PagingGaveUp),
            NoteBody::PageAcknowledged { .. } => Some(Mark::Acknowledged),
            NoteBody::IncidentJoined { .. } => Some(Mark::Joined),
            NoteBody::SymptomFired { .. } => Some(Mark::SymptomFired),
            NoteBody::AlertMuted { .. } => Some(Mark::AlertMuted),
            NoteBody::Notified { .. } => Some(Mark::Notified),
            NoteBody::IncidentResolved { .. } => Some(Mark::IncidentResolved),
            NoteBody::ChangeReviewed { decision, .. } => {
                (*decision == firedrill_core::config::Decision::Reject).then_some(Mark::Rejected)
            }
            NoteBody::Action(note) => of_action(note),
            NoteBody::ChangeProposed { .. }
            | NoteBody::ChangeValidated { .. }
            | NoteBody::RolloutStarted { .. }
            | NoteBody::StageEntered { .. }
            | NoteBody::BakeStarted { .. }
            | NoteBody::VerdictReached { .. }
            | NoteBody::StagePromoted { .. }
            | NoteBody::OrderRecorded { .. }
            | NoteBody::AlertFired { .. }
            | NoteBody::AlertResolved { .. }
            | NoteBody::SymptomGone { .. }
            | NoteBody::AcknowledgementLapsed { .. }
            | NoteBody::NobodyOnCall { .. }
            | NoteBody::StatusPostMissed { .. }
            | NoteBody::IncidentOpened { .. } => None,
        };
        if let Some(mark) = mark {
            self.reach(mark);
        }
    }
}

const fn of_action(note: &ActionNote) -> Option<Mark> {
    match note {
        ActionNote::Suggested { .. } => Some(Mark::ActionSuggested),
        ActionNote::StepOrdered { .. } => Some(Mark::DrainStepped),
        ActionNote::Verified { .. } => Some(Mark::ActionVerified),
        ActionNote::Failed { .. } => Some(Mark::ActionFailed),
        ActionNote::Cancelled { .. } => Some(Mark::ActionCancelled),
        ActionNote::Restored { .. } => Some(Mark::ActionRestored),
        ActionNote::Refused { .. } => Some(Mark::ActionRefused),
        ActionNote::OverrideGranted { .. } => Some(Mark::OverrideGranted),
        ActionNote::OverrideRefused { .. } => Some(Mark::OverrideRefused),
        ActionNote::Begun { .. }
        | ActionNote::Started { .. }
        | ActionNote::Finished { .. }
        | ActionNote::OverrideAsked { .. } => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "two phases are rare")]
const fn of_phase(phase: Phase) -> Option<Mark> {
    match phase {
        Phase::Merged => Some(Mark::Merged),
        Phase::Identified => Some(Mark::Identified),
        _ => None,
    }
}

const fn of_pause(reason: PauseReason) -> Mark {
    match reason {
        PauseReason::Ordered => Mark::PausedByOrder,
        PauseReason::JudgedBad => Mark::PausedByJudge,
        PauseReason::Alert => Mark::PausedByAlert,
        PauseReason::PushStalled => Mark::PushStalled,
        PauseReason::NoVerdict(Outcome::NoData(NoDataReason::Missing)) => Mark::NoVerdictMissing,
        PauseReason::NoVerdict(Outcome::NoData(NoDataReason::Stale)) => Mark::NoVerdictStale,
        PauseReason::NoVerdict(
            Outcome::NoData(
                NoDataReason::TooLittle
                | NoDataReason::TooFewScrapes
                | NoDataReason::NothingMeasured
                | NoDataReason::NothingCompared,
            )
            | Outcome::Inconclusive
            | Outcome::Pass,
        ) => Mark::NoVerdictTooLittle,
        PauseReason::NoVerdict(Outcome::Fail) => Mark::NoVerdictFailing,
        PauseReason::Frozen => Mark::PausedByFreeze,
        PauseReason::Killed => Mark::PausedByKill,
    }
}

const fn of_rollback(reason: RollbackReason) -> Mark {
    match reason {
        RollbackReason::Ordered => Mark::RolledBackByOrder,
        RollbackReason::JudgedBad => Mark::RolledBackByJudge,
        RollbackReason::Alert => Mark::RolledBackByAlert,
        RollbackReason::ExposureExceeded => Mark::ExposureExceeded,
        RollbackReason::Killed => Mark::RolledBackByKill,
    }
}
