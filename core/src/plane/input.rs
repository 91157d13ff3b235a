//! What the outside world reports.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::alerting::SloHistory;
use crate::config::{Decision, Edit, Principal, ProposeError, ReviewError};
use crate::health::{TelemetryWindow, WindowError};
use crate::ids::{
    ActionId, ChangeId, CommandId, ConfigId, IncidentId, PageId, PersonId, PlanId, RegionId,
    RolloutId, ServiceId, SloId,
};
use crate::incident::BookError;
use crate::remediation;
use crate::rollout::{ExposureReport, Order, OrderError};
use crate::time::Micros;

use super::people::Saying;

/// A fact. The enum is closed: everything that can ever reach the plane is listed here, and a
/// saved list of inputs rebuilds the plane exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Somebody proposed a change and the plan to roll it out by.
    ChangeProposed {
        /// The config.
        config: ConfigId,
        /// The author.
        author: Principal,
        /// The new values.
        edits: Vec<Edit>,
        /// The plan that an approval starts.
        plan: PlanId,
    },
    /// Somebody reviewed a change.
    ChangeReviewed {
        /// The change.
        change: ChangeId,
        /// The reviewer.
        reviewer: Principal,
        /// The decision.
        decision: Decision,
    },
    /// A scrape came through the pipeline.
    WindowArrived {
        /// The scrape.
        window: Box<TelemetryWindow>,
    },
    /// The metrics store told what it remembers of an objective from before time zero.
    HistoryLoaded {
        /// The objective.
        slo: SloId,
        /// The steady rates.
        history: SloHistory,
    },
    /// Distribution reported how many instances of a region run a rollout's candidate.
    ExposureReported {
        /// The rollout.
        rollout: RolloutId,
        /// The region.
        region: RegionId,
        /// The counts.
        report: ExposureReport,
        /// The newest command of this rollout that distribution had taken when it counted.
        acknowledged: Option<CommandId>,
    },
    /// Somebody acknowledged a page.
    PageAcknowledged {
        /// The page.
        page: PageId,
        /// Who.
        by: Principal,
    },
    /// An operator gave an order.
    OperatorOrdered {
        /// The rollout.
        rollout: RolloutId,
        /// The order.
        order: Order,
        /// Who.
        by: Principal,
    },
    /// Something happened to an action against an outage: it is wanted, or went on.
    Remediation {
        /// What.
        fact: remediation::Input,
    },
    /// Users complain, and somebody passed it on.
    TroubleReported {
        /// The service that they complain about.
        service: ServiceId,
        /// Who passed it on.
        by: Principal,
    },
    /// Users no longer complain.
    TroubleEnded,
    /// Somebody said something about an incident.
    Said {
        /// The incident.
        incident: IncidentId,
        /// Who.
        by: PersonId,
        /// What.
        saying: Saying,
    },
    /// A command was carried out, or taken over by somebody who will.
    CommandDone {
        /// The command.
        command: CommandId,
    },
    /// A command was not carried out.
    CommandFailed {
        /// The command.
        command: CommandId,
    },
}

/// Why an input was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Time only moves forward.
    #[error("time went back from {last} to {now}")]
    TimeWentBack {
        /// The time of the call.
        now: Micros,
        /// The time of the call before.
        last: Micros,
    },
    /// The proposal is not a change.
    #[error("the change cannot be proposed")]
    Propose(#[source] ProposeError),
    /// The review does not count.
    #[error("the review does not count")]
    Review(#[source] ReviewError),
    /// The change is not in review.
    #[error("change {0} is not in review")]
    NotInReview(ChangeId),
    /// Another change of the same config is still being rolled out.
    #[error("config {0} already has a rollout under way")]
    RolloutUnderWay(ConfigId),
    /// The window cannot be true.
    #[error("the telemetry window cannot be true")]
    Window(#[source] WindowError),
    /// More instances are unreachable than run the candidate.
    #[error("more instances are unreachable than run the candidate")]
    ExposureReport,
    /// The order cannot be carried out.
    #[error("the order cannot be carried out")]
    Order(#[source] OrderError),
    /// A newer rollout of the same config builds on this one.
    #[error("rollout {0} of the same config is newer and must be rolled back first")]
    NewerRollout(RolloutId),
    /// The role may not give orders.
    #[error("this role may not order a rollout about")]
    RoleMayNotOperate,
    /// What happened to an action makes no sense.
    #[error("what happened to an action makes no sense")]
    Remediation(#[source] remediation::InputError),
    /// The plane knows nothing that the action is to be taken on.
    #[error("there is nothing that the action could be taken on")]
    UnknownTarget,
    /// Nothing may widen while this action is in force.
    #[error("nothing may widen while action {0} is in force")]
    StandsStill(ActionId),
    /// No verdict holds the rollout up.
    #[error("no verdict holds rollout {0} up")]
    NothingToOverride(RolloutId),
    /// The plane knows no such plan.
    #[error("no plan {0}")]
    UnknownPlan(PlanId),
    /// The plane knows no such rollout.
    #[error("no rollout {0}")]
    UnknownRollout(RolloutId),
    /// The plane knows no such objective.
    #[error("no objective {0}")]
    UnknownSlo(SloId),
    /// The plane sent no such page.
    #[error("no page {0}")]
    UnknownPage(PageId),
    /// The book of incidents refuses it.
    #[error("the incident does not take this")]
    Incident(#[source] BookError),
    /// Nobody told of trouble.
    #[error("no trouble was reported that could have ended")]
    NothingReported,
    /// The plane knows no such service.
    #[error("no service {0}")]
    UnknownService(ServiceId),
    /// The plane gave no such command.
    #[error("no command {0}")]
    UnknownCommand(CommandId),
}
