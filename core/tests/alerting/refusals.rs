//! What the pipeline does not take, and that a refusal changes nothing.

use firedrill_core::alerting::{PipelineError, PipelineInput, Signal, SilenceError};
use firedrill_core::ids::{NotificationId, SilenceId};

use crate::desk::{Desk, alert, by_name, m, s};

fn heard(instance: &str, starts: u64, ends: u64) -> PipelineInput {
    PipelineInput::AlertHeard(Signal {
        labels: alert("Errors", instance),
        starts_at: s(starts),
        ends_at: Some(s(ends)),
    })
}

#[test]
fn refusals_change_nothing() {
    let mut policy = by_name();
    policy.alerts_max = 1;
    let mut desk = Desk::new(policy);
    desk.fire(s(10), &alert("Errors", "a"));
    let before = desk.pipeline.clone();
    let refused = [
        (s(10), heard("b", 10, 99), PipelineError::Full(1)),
        (s(10), heard("a", 10, 9), PipelineError::EndsBeforeStart),
        (
            s(9),
            heard("a", 9, 99),
            PipelineError::TimeWentBack {
                at: s(9),
                now: s(10),
            },
        ),
        (
            s(10),
            PipelineInput::Delivered(NotificationId(0)),
            PipelineError::UnknownNotification(NotificationId(0)),
        ),
        (
            s(10),
            PipelineInput::SilenceEnded(SilenceId(0)),
            SilenceError::Unknown(SilenceId(0)).into(),
        ),
    ];
    for (at, input, expected) in refused {
        assert_eq!(desk.pipeline.handle(at, input), Err(expected));
        assert_eq!(desk.pipeline, before);
    }
}

#[test]
fn room_comes_back_when_alerts_are_over() {
    let mut policy = by_name();
    policy.alerts_max = 1;
    let mut desk = Desk::new(policy);
    desk.fire(s(0), &alert("Errors", "a"));
    desk.resolve(m(1), &alert("Errors", "a"));
    desk.run_until(m(6));
    desk.fire(m(6), &alert("Errors", "b"));
    assert_eq!(desk.pipeline.firing(m(6)).count(), 1);
}

#[test]
fn an_alert_first_heard_of_when_it_is_over_is_nobodys_business() {
    let mut desk = Desk::new(by_name());
    let before = desk.pipeline.clone();
    desk.pipeline.handle(s(0), heard("a", 0, 0)).unwrap();
    assert_eq!(desk.pipeline, before);
}
