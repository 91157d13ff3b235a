//! When a receiver is told: the timing cases of Alertmanager, each by name.
//! Source: Prometheus Alertmanager, `docs/configuration.md`, `dispatch/`, `notify/`.

use firedrill_core::Micros;
use firedrill_core::alerting::{
    GroupBy, InhibitionRule, LabelSet, Matcher, PipelineInput, Reason, Signal, Silence, Standing,
};
use firedrill_core::ids::{NotificationId, ReceiverId, SilenceId};

use crate::desk::{Desk, alert, by_name, m, s};

#[test]
fn first_notification_waits_30_seconds_and_gathers() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(10), &alert("Errors", "a"));
    desk.fire(s(25), &alert("Errors", "b"));
    desk.fire(s(30), &alert("Latency", "a"));
    desk.run_until(m(4));
    let expected = [(s(40), Reason::First, 2, 0), (s(60), Reason::First, 1, 0)];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn wait_is_skipped_when_the_alert_is_older_than_it() {
    let mut desk = Desk::new(by_name());
    desk.hear(m(10), &alert("Errors", "a"), m(10) - s(31), m(60));
    assert_eq!(desk.summary(), [(m(10), Reason::First, 1, 0)]);
    // Exactly as old as the wait is not older.
    let mut desk = Desk::new(by_name());
    desk.hear(m(10), &alert("Errors", "a"), m(10) - s(30), m(60));
    desk.run_until(m(12));
    assert_eq!(desk.summary(), [(m(10) + s(30), Reason::First, 1, 0)]);
}

#[test]
fn wait_is_not_skipped_after_the_first_look() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(0), &alert("Errors", "a"));
    desk.hear(m(2), &alert("Errors", "b"), s(1), m(600));
    desk.run_until(m(6));
    let expected = [
        (s(30), Reason::First, 1, 0),
        (m(5) + s(30), Reason::NewFiring, 2, 0),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn resolved_inside_the_wait_is_never_told() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(0), &alert("Errors", "a"));
    desk.resolve(s(29), &alert("Errors", "a"));
    desk.run_until(m(20));
    assert_eq!(desk.summary(), []);
    assert_eq!(desk.pipeline.poll_timeout(), None, "the group ended");
}

#[test]
fn later_looks_come_every_5_minutes_and_tell_only_changes() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(0), &alert("Errors", "a"));
    desk.run_until(m(11));
    desk.fire(m(11), &alert("Errors", "b"));
    desk.fire(m(12), &alert("Errors", "b"));
    desk.resolve(m(17), &alert("Errors", "a"));
    desk.run_until(m(29));
    let expected = [
        (s(30), Reason::First, 1, 0),
        (m(15) + s(30), Reason::NewFiring, 2, 0),
        (m(20) + s(30), Reason::SomeResolved, 1, 1),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn all_resolved_ends_the_group_and_the_next_alert_waits_anew() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(0), &alert("Errors", "a"));
    desk.resolve(m(3), &alert("Errors", "a"));
    desk.run_until(m(7));
    assert_eq!(desk.pipeline.poll_timeout(), None);
    desk.fire(m(7), &alert("Errors", "a"));
    desk.run_until(m(8));
    let expected = [
        (s(30), Reason::First, 1, 0),
        (m(5) + s(30), Reason::AllResolved, 0, 1),
        (m(7) + s(30), Reason::First, 1, 0),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn fired_again_before_the_look_is_not_told_as_over() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(0), &alert("Errors", "a"));
    desk.resolve(m(3), &alert("Errors", "a"));
    desk.fire(m(4), &alert("Errors", "a"));
    desk.run_until(m(20));
    assert_eq!(desk.summary(), [(s(30), Reason::First, 1, 0)]);
}

#[test]
fn repeats_after_4_hours_at_a_look() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(0), &alert("Errors", "a"));
    desk.run_until(m(300));
    let four_hours = m(240) + s(30);
    let expected = [
        (s(30), Reason::First, 1, 0),
        (four_hours, Reason::Repeat, 1, 0),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn a_repeat_between_two_looks_comes_at_the_later_one() {
    let mut policy = by_name();
    policy.routes.timing.repeat = Some(m(11));
    let mut desk = Desk::new(policy);
    desk.fire(s(0), &alert("Errors", "a"));
    desk.run_until(m(32));
    let at: Vec<_> = desk.told.iter().map(|told| told.at - s(30)).collect();
    assert_eq!(at, [m(0), m(15), m(30)]);
}

#[test]
fn a_repeat_longer_than_the_memory_comes_when_memory_ends() {
    let mut policy = by_name();
    policy.retention = m(60);
    let mut desk = Desk::new(policy);
    desk.fire(s(0), &alert("Errors", "a"));
    desk.run_until(m(100));
    let expected = [
        (s(30), Reason::First, 1, 0),
        (m(60) + s(30), Reason::First, 1, 0),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn without_an_end_an_alert_is_over_after_5_minutes() {
    let mut desk = Desk::new(by_name());
    let signal = Signal {
        labels: alert("Errors", "a"),
        starts_at: s(0),
        ends_at: None,
    };
    desk.input(s(0), PipelineInput::AlertHeard(signal));
    desk.run_until(m(20));
    let expected = [
        (s(30), Reason::First, 1, 0),
        (m(5) + s(30), Reason::AllResolved, 0, 1),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn the_same_alert_from_two_senders_is_one() {
    let mut desk = Desk::new(by_name());
    let one = LabelSet::new([("alertname", "Errors"), ("instance", "a")]);
    let same = LabelSet::new([("instance", "a"), ("alertname", "Errors")]);
    desk.hear(s(5), &one, s(5), m(10));
    desk.hear(s(6), &same, s(4), m(12));
    desk.run_until(m(1));
    assert_eq!(desk.told[0].firing.len(), 1);
    assert_eq!(desk.told[0].firing[0].starts_at, s(4), "the earlier start");
}

#[test]
fn receivers_that_do_not_want_resolutions_get_none() {
    let mut policy = by_name();
    policy.without_resolved = vec![ReceiverId(0)];
    let mut desk = Desk::new(policy);
    desk.fire(s(0), &alert("Errors", "a"));
    desk.resolve(m(1), &alert("Errors", "a"));
    desk.run_until(m(6));
    desk.fire(m(6), &alert("Errors", "a"));
    desk.run_until(m(7));
    let expected = [
        (s(30), Reason::First, 1, 0),
        (m(6) + s(30), Reason::First, 1, 0),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn grouped_by_all_every_alert_is_alone() {
    let mut policy = by_name();
    policy.routes.group_by = Some(GroupBy::All);
    let mut desk = Desk::new(policy);
    desk.fire(s(0), &alert("Errors", "a"));
    desk.fire(s(0), &alert("Errors", "b"));
    desk.run_until(m(1));
    assert_eq!(desk.told.len(), 2);
}

fn silence(from: u64, to: u64) -> PipelineInput {
    PipelineInput::SilenceAdded(Silence {
        id: SilenceId(1),
        matchers: vec![Matcher::equal("alertname", "Errors")],
        starts_at: m(from),
        ends_at: m(to),
    })
}

#[test]
fn a_silenced_alert_is_told_at_the_look_after_the_silence() {
    let mut desk = Desk::new(by_name());
    desk.input(s(0), silence(0, 12));
    desk.fire(s(0), &alert("Errors", "a"));
    desk.run_until(m(11));
    let silenced = Standing::Silenced { by: SilenceId(1) };
    assert_eq!(desk.standing(&alert("Errors", "a")), Some(silenced));
    desk.run_until(m(20));
    assert_eq!(desk.summary(), [(m(15) + s(30), Reason::First, 1, 0)]);
}

#[test]
fn silenced_after_being_told_nothing_is_said_until_it_is_over_aloud() {
    let mut desk = Desk::new(by_name());
    desk.fire(s(0), &alert("Errors", "a"));
    desk.input(m(1), silence(1, 12));
    desk.run_until(m(11));
    assert_eq!(desk.summary(), [(s(30), Reason::First, 1, 0)]);
    desk.resolve(m(14), &alert("Errors", "a"));
    desk.run_until(m(20));
    assert_eq!(
        desk.summary()[1..],
        [(m(15) + s(30), Reason::AllResolved, 0, 1)]
    );
}

#[test]
fn an_inhibited_alert_is_told_at_the_look_after_its_source_clears() {
    let mut policy = by_name();
    policy.inhibitions = vec![InhibitionRule {
        source: vec![Matcher::equal("alertname", "RegionDown")],
        target: vec![Matcher::equal("alertname", "Errors")],
        equal: vec!["region".into()],
    }];
    let mut desk = Desk::new(policy);
    let (source, target) = (alert("RegionDown", "r"), alert("Errors", "a"));
    desk.fire(s(0), &source);
    desk.fire(s(1), &target);
    desk.run_until(m(6));
    let by = source.clone();
    assert_eq!(desk.standing(&target), Some(Standing::Inhibited { by }));
    desk.resolve(m(6), &source);
    desk.run_until(m(11));
    let expected = [
        (s(30), Reason::First, 1, 0),
        (m(10) + s(30), Reason::AllResolved, 0, 1),
        (m(10) + s(31), Reason::First, 1, 0),
    ];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn inhibition_comes_before_silences() {
    let mut policy = by_name();
    policy.inhibitions = vec![InhibitionRule {
        source: vec![Matcher::equal("alertname", "RegionDown")],
        target: vec![Matcher::equal("alertname", "Errors")],
        equal: vec![],
    }];
    let mut desk = Desk::new(policy);
    let source = alert("RegionDown", "r");
    desk.input(s(0), silence(0, 60));
    desk.fire(s(0), &alert("Errors", "a"));
    desk.fire(s(0), &source);
    desk.run_until(m(1));
    let standing = desk.standing(&alert("Errors", "a"));
    assert_eq!(standing, Some(Standing::Inhibited { by: source }));
}

#[test]
fn a_failed_delivery_is_tried_again_at_the_next_look() {
    let mut desk = Desk::new(by_name());
    desk.reachable = false;
    desk.fire(s(0), &alert("Errors", "a"));
    desk.run_until(m(1));
    let until = m(5) + s(30);
    let waiting = Standing::Waiting { until };
    assert_eq!(desk.standing(&alert("Errors", "a")), Some(waiting));
    desk.reachable = true;
    desk.run_until(m(12));
    let expected = [(s(30), Reason::First, 1, 0), (until, Reason::First, 1, 0)];
    assert_eq!(desk.summary(), expected);
}

#[test]
fn an_unanswered_notification_counts_as_failed_at_the_next_look() {
    let mut desk = Desk::new(by_name());
    let signal = Signal {
        labels: alert("Errors", "a"),
        starts_at: s(0),
        ends_at: Some(m(600)),
    };
    let pipeline = &mut desk.pipeline;
    pipeline
        .handle(s(0), PipelineInput::AlertHeard(signal))
        .unwrap();
    pipeline.handle_timeout(m(6));
    let ids = [pipeline.poll_notification(), pipeline.poll_notification()];
    let ids = ids.map(|sent| sent.unwrap().id);
    assert_eq!(ids, [NotificationId(0), NotificationId(1)]);
    let late = pipeline.handle(m(6), PipelineInput::Delivered(ids[0]));
    assert!(late.is_err());
    pipeline
        .handle(m(6), PipelineInput::Delivered(ids[1]))
        .unwrap();
}

/// 10,000 alerts of one service within a minute, from a cascade under one cause: grouped by
/// cluster, with the page muting tickets, at most three notifications of bounded length.
#[test]
fn a_storm_is_three_notifications_at_most() {
    let mut policy = by_name();
    policy.routes.group_by = Some(GroupBy::Labels(vec!["cluster".into()]));
    policy.inhibitions = vec![InhibitionRule {
        source: vec![Matcher::equal("severity", "page")],
        target: vec![Matcher::equal("severity", "ticket")],
        equal: vec!["cluster".into()],
    }];
    let mut desk = Desk::new(policy);
    let storm: Vec<LabelSet> = (0..10_000)
        .map(|n: u32| {
            LabelSet::new([
                ("alertname", format!("Errors{}", n % 40)),
                ("cluster", "eu-1".into()),
                ("instance", format!("host-{n}")),
                ("severity", ["page", "ticket"][n as usize % 2].into()),
            ])
        })
        .collect();
    for (n, labels) in (0..).zip(&storm) {
        desk.fire(Micros(n * s(60).0 / 10_000), labels);
    }
    desk.run_until(m(30));
    assert!(desk.told.len() <= 3, "{:?}", desk.summary());
    let last = desk.told.last().unwrap();
    assert_eq!((last.firing.len(), last.firing_rest), (100, 4_900));
    for labels in &storm {
        let standing = desk.standing(labels);
        let expected = match labels.value("severity") {
            "page" => matches!(standing, Some(Standing::Deduplicated { .. })),
            _ => matches!(standing, Some(Standing::Inhibited { .. })),
        };
        assert!(expected, "{labels:?} {standing:?}");
    }
    for labels in &storm {
        desk.resolve(m(30), labels);
    }
    desk.run_until(m(40));
    assert!(desk.told.len() <= 3, "{:?}", desk.summary());
    assert_eq!(desk.pipeline.firing(m(40)).count(), 0);
    assert_eq!(desk.pipeline.poll_timeout(), None);
}
