//! What would have changed a sequential verdict, in words.

use firedrill_core::health::Outcome;
use firedrill_core::health::sequential::{MeanEvidence, SignalEvidence, Turn, Worse};
use firedrill_scenarios::offline::signals::SignalPlan;
use firedrill_sim::words::counted;

/// What would have changed the verdict about counts; `None` when nothing that one window holds.
pub(super) fn of_signal(signal: &SignalEvidence, plan: &SignalPlan) -> Option<String> {
    let what = |n: u64| events(plan, n);
    let by_canary = |turn: Turn| match turn {
        Turn::ErrorsFewer(n) => Some(format!(
            "{} fewer in the window that it failed in would not have failed it then",
            what(n)
        )),
        Turn::ErrorsMore(n) => Some(format!("{} more in the last window would fail it", what(n))),
        Turn::ControlErrorsMore(n) => Some(format!(
            "{} more in the window that it failed in would not have failed it then",
            what(n)
        )),
        Turn::ControlErrorsFewer(n) => Some(format!(
            "{} fewer in the last window would fail it",
            what(n)
        )),
        Turn::RequestsToPass(n) => Some(format!(
            "about {} more like these would let it pass",
            counted(n, "request")
        )),
        Turn::Bake => Some("it passes when the bake is over".into()),
        Turn::Nothing => None,
    };
    let is_exchanged = matches!(
        plan,
        SignalPlan::Count {
            worse: Worse::Lower,
            ..
        }
    );
    // The arms were exchanged: the canary's events are those of the control there.
    let by_events = matches!(
        signal.turn,
        Turn::ErrorsFewer(_) | Turn::ErrorsMore(_) | Turn::Nothing
    );
    by_canary(if is_exchanged && by_events {
        signal.control_turn
    } else {
        signal.turn
    })
}

fn events(plan: &SignalPlan, n: u64) -> String {
    let slow = || counted(n, "slow request");
    match plan {
        SignalPlan::Latency { .. } => slow(),
        SignalPlan::Count { column, .. } if column.starts_with("slow_") => slow(),
        SignalPlan::Count { column, .. } if column == "errors" => counted(n, "error"),
        SignalPlan::Count { column, .. } => format!("{} of `{column}`", counted(n, "event")),
        SignalPlan::Mean { .. } => counted(n, "sample"),
    }
}

/// What would have changed the verdict about a mean; `None` when nothing that one window holds.
pub(super) fn of_mean(mean: &MeanEvidence) -> Option<String> {
    let turn = mean.turn?;
    let (seen, needed) = (turn.seen, turn.needed);
    Some(if mean.outcome == Outcome::Fail {
        format!(
            "a mean of {needed:.4} instead of {seen:.4} in the window that it failed in would \
             not have failed it then"
        )
    } else {
        format!("a mean of {needed:.4} instead of {seen:.4} in the last window would fail it")
    })
}
