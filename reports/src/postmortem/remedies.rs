//! Actions against an outage, in words: who took what, why it was refused, what became of it.

use firedrill_core::ids::ActionId;
use firedrill_core::plane::{ActionNote, ActionOrder};
use firedrill_core::remediation::{
    Action, CancelReason, Failure, KillScope, OverrideReason, Refusal, Requester, ToolFailure,
};

use crate::words;

use super::facts::Facts;
use super::timeline::role;

/// What a note of an action says.
pub(super) fn tell(facts: &Facts<'_>, note: &ActionNote) -> String {
    match note {
        ActionNote::Suggested { action, what } => format!(
            "Automation proposes to {} ({}).",
            phrase(facts, what),
            named(*action)
        ),
        ActionNote::Begun { action, what, by } => format!(
            "{} begins to {} ({}).",
            who(by),
            phrase(facts, what),
            named(*action)
        ),
        ActionNote::Started { action } => format!("The tool takes {}.", named(*action)),
        ActionNote::StepOrdered { action, step } => format!(
            "There is room for step {} of {}: {} of the region's users are to be away, to {}.",
            step.number,
            named(*action),
            words::share(step.moved),
            words::list(
                &step
                    .into
                    .iter()
                    .map(|(region, _)| format!("`{}`", facts.region(*region)))
                    .collect::<Vec<_>>()
            )
        ),
        ActionNote::Finished { action, until } => format!(
            "The tool says that {} is done; evidence is awaited until {}.",
            named(*action),
            facts.utc(*until)
        ),
        ActionNote::Verified { action } => {
            format!("Telemetry shows that {} worked.", named(*action))
        }
        ActionNote::Failed { action, why } => {
            let why = failure(*why);
            format!("{} came to nothing: {why}.", capitalised(*action))
        }
        ActionNote::Cancelled { action, why } => {
            let why = cancelled(*why);
            format!("{} is stopped: {why}.", capitalised(*action))
        }
        ActionNote::Restored { action } => {
            format!("The effect of {} is taken back.", named(*action))
        }
        ActionNote::Refused { what, by, why, .. } => format!(
            "{} may not {}: {}.",
            who(by),
            phrase(facts, what),
            refusal(facts, *why)
        ),
        ActionNote::OverrideAsked { .. }
        | ActionNote::OverrideGranted { .. }
        | ActionNote::OverrideRefused { .. } => tell_override(note),
    }
}

fn tell_override(note: &ActionNote) -> String {
    match note {
        ActionNote::OverrideAsked { reason, by, .. } => format!(
            "An engineer ({}) asks to override the verdict: {}.",
            role(by),
            override_reason(*reason)
        ),
        ActionNote::OverrideGranted {
            asked_by,
            seconded_by,
            ..
        } => format!(
            "A second person ({}) agrees with the first ({}): the verdict on the stage no longer \
             counts, and the rollout goes on.",
            role(seconded_by),
            role(asked_by)
        ),
        ActionNote::OverrideRefused { by, why, .. } => {
            format!("The verdict stays, whatever {} wants: {why}.", role(by))
        }
        ActionNote::Suggested { .. }
        | ActionNote::Begun { .. }
        | ActionNote::Started { .. }
        | ActionNote::StepOrdered { .. }
        | ActionNote::Finished { .. }
        | ActionNote::Verified { .. }
        | ActionNote::Failed { .. }
        | ActionNote::Cancelled { .. }
        | ActionNote::Restored { .. }
        | ActionNote::Refused { .. } => String::new(),
    }
}

/// An action, as it is ordered: "drain region `north`".
pub(super) fn phrase(facts: &Facts<'_>, action: &Action) -> String {
    let service = |id: firedrill_core::ids::ServiceId| facts.service_name(id.0);
    match *action {
        Action::AutomaticRollback { rollout, .. } | Action::OneClickRollback { rollout, .. } => {
            format!("roll back “{}”", facts.rollout_title(rollout))
        }
        Action::FeatureDisable { service: id, level } => {
            format!("switch off features of `{}` ({level:?})", service(id))
        }
        Action::Drain { region } => format!("drain region `{}`", facts.region(region)),
        Action::Restart {
            service: id,
            region,
        } => format!(
            "restart `{}` in region `{}`",
            service(id),
            facts.region(region)
        ),
        Action::Scale {
            service: id,
            region,
            by,
        } => format!(
            "add {} of the instances of `{}` in region `{}`",
            words::share(by),
            service(id),
            facts.region(region)
        ),
        Action::KillSwitch(KillScope::Config(config)) => {
            format!("throw the kill switch of config `{}`", facts.config(config))
        }
        Action::KillSwitch(KillScope::Service(id)) => {
            format!("throw the kill switch of `{}`", service(id))
        }
        Action::TripBreaker { caller, callee } => format!(
            "trip the breaker between `{}` and `{}`",
            service(caller),
            service(callee)
        ),
        Action::FreezeRollouts => "freeze all rollouts".into(),
    }
}

/// An order to a tool.
pub(super) fn order(facts: &Facts<'_>, action: ActionId, order: &ActionOrder) -> String {
    match order {
        ActionOrder::Begin(what) => {
            format!("Order: {} ({}).", phrase(facts, what), named(action))
        }
        ActionOrder::Step(step) => {
            format!("Order: take step {} of {}.", step.number, named(action))
        }
        ActionOrder::Stop => format!("Order: do nothing more for {}.", named(action)),
    }
}

fn named(action: ActionId) -> String {
    format!("action {}", action.0 + 1)
}

fn capitalised(action: ActionId) -> String {
    format!("Action {}", action.0 + 1)
}

fn who(by: &Requester) -> String {
    match by {
        Requester::Automation { .. } => "Automation".into(),
        Requester::Person(person) => format!("The on-call engineer ({})", role(person)),
    }
}

const fn tool(why: ToolFailure) -> &'static str {
    match why {
        ToolFailure::ToolDown => "its tool is down",
        ToolFailure::Unreachable => "what it should act on does not answer",
        ToolFailure::Rejected => "its tool refused",
        ToolFailure::Partial => "it was done in part",
    }
}

const fn failure(why: Failure) -> &'static str {
    match why {
        Failure::NotStarted => "its tool did not take it in time",
        Failure::Stuck => "its tool did not finish in time",
        Failure::Tool(why) => tool(why),
        Failure::NoRoom => "no region had room for its next step, for too long",
        Failure::Disproved => "telemetry shows that it did not help",
        Failure::NotVerified => "nothing showed in time that it helped",
    }
}

fn cancelled(why: CancelReason) -> String {
    match why {
        CancelReason::Preempted(higher) => {
            format!("{} comes first", named(higher))
        }
        CancelReason::Withdrawn => "nobody wants it any more".into(),
        CancelReason::NotApproved => "nobody approved it in time".into(),
    }
}

fn refusal(facts: &Facts<'_>, why: Refusal) -> String {
    match why {
        Refusal::KeyReused(other) => format!("the wish was {} before", named(other)),
        Refusal::Role(role) => format!("the role {role} may not order it"),
        Refusal::NotAutomatic => "people only, says the policy of automation".into(),
        Refusal::Outranked(other) => format!("{} comes first", named(other)),
        Refusal::Busy(other) => format!("{} is at the same thing", named(other)),
        Refusal::InForce(other) => format!("{} is in force already", named(other)),
        Refusal::TooManyAtOnce(most) => {
            format!("{most} of its kind are under way, which is the most")
        }
        Refusal::TooManyAnHour(most) => {
            format!("{most} of its kind were begun within the hour, which is the most")
        }
        Refusal::RegionOut(region) => {
            let region = facts.region(region);
            format!("region `{region}` is without its users already")
        }
        Refusal::NoReport(region) => {
            let region = facts.region(region);
            format!("there is no fresh report of what region `{region}` carries")
        }
        Refusal::NoRoom => "the other regions have no room for its users".into(),
        Refusal::LessCriticalFirst(level) => {
            format!("less critical features come first ({level:?})")
        }
    }
}

const fn override_reason(reason: OverrideReason) -> &'static str {
    match reason {
        OverrideReason::FalseAlarm => "they hold it for a false alarm",
        OverrideReason::ExpectedEffect => "they expected what it shows",
        OverrideReason::NoData => "the data that it needs is missing",
        OverrideReason::Emergency => "the change is a remedy, and waiting harms more",
    }
}
