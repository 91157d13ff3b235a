//! Rule states: Prometheus' timing cases, each by name.
//! Source: Prometheus, `rules/alerting.go`, `rules/group.go`, `cmd/prometheus/main.go`.

use firedrill_core::Micros;
use firedrill_core::alerting::{
    AlertRule, LabelSet, RuleMemory, RulePolicy, RuleState, SeriesLimitExceeded, Signal,
};

use crate::desk::{alert, m, s};

/// A rule that is evaluated at its interval and remembers what it said when.
struct Bench {
    rule: AlertRule,
    now: Micros,
    said: Vec<(Micros, Signal)>,
}

impl Bench {
    fn new(policy: RulePolicy) -> Self {
        Self {
            rule: AlertRule::new(policy),
            now: Micros::ZERO,
            said: vec![],
        }
    }

    /// Evaluates at every time the rule asks for, up to and including `until`.
    fn run(&mut self, until: Micros, found: &[LabelSet]) {
        while self.rule.poll_timeout() <= until {
            self.now = self.rule.poll_timeout();
            self.evaluate(self.now, found);
        }
    }

    fn evaluate(&mut self, now: Micros, found: &[LabelSet]) {
        self.rule.evaluate(now, found).expect("within the limit");
        while let Some(signal) = self.rule.poll_signal() {
            self.said.push((now, signal));
        }
    }

    fn state(&self) -> Option<RuleState> {
        self.rule.state(&one())
    }

    fn times(&self) -> Vec<Micros> {
        self.said.iter().map(|(at, _)| *at).collect()
    }
}

fn one() -> LabelSet {
    alert("Errors", "a")
}

fn every(interval: Micros) -> RulePolicy {
    RulePolicy {
        interval,
        ..RulePolicy::default()
    }
}

fn firing(since: Micros) -> RuleState {
    RuleState::Firing {
        since,
        missing_since: None,
    }
}

#[test]
fn without_a_hold_it_fires_at_once() {
    let mut bench = Bench::new(every(m(1)));
    bench.run(m(0), &[one()]);
    assert_eq!(bench.state(), Some(firing(m(0))));
    assert_eq!(bench.times(), [m(0)]);
}

#[test]
fn the_hold_is_rounded_up_to_the_interval() {
    let policy = RulePolicy {
        hold: s(100),
        ..every(s(30))
    };
    let mut bench = Bench::new(policy);
    bench.run(s(90), &[one()]);
    assert_eq!(bench.state(), Some(RuleState::Pending));
    assert_eq!(bench.said, [], "pending is never said");
    bench.run(s(120), &[one()]);
    assert_eq!(bench.state(), Some(firing(s(120))));
    assert_eq!(bench.said[0].1.starts_at, s(120));
}

#[test]
fn one_gap_makes_pending_start_from_zero() {
    let policy = RulePolicy {
        hold: m(5),
        ..every(m(1))
    };
    let mut bench = Bench::new(policy);
    bench.run(m(4), &[one()]);
    bench.run(m(5), &[]);
    assert_eq!(bench.state(), None);
    bench.run(m(10), &[one()]);
    assert_eq!(bench.state(), Some(RuleState::Pending));
    bench.run(m(11), &[one()]);
    assert_eq!(bench.state(), Some(firing(m(11))));
}

/// Total outages of five minutes, every ten: a hold of an hour sees none of them.
#[test]
fn a_hold_misses_what_flaps() {
    let policy = RulePolicy {
        hold: m(60),
        ..every(m(1))
    };
    let mut bench = Bench::new(policy);
    for round in 0..144 {
        bench.run(m(10 * round + 4), &[one()]);
        bench.run(m(10 * round + 9), &[]);
    }
    assert_eq!(bench.said, []);
}

#[test]
fn keeps_firing_and_any_result_resets_that_clock() {
    let policy = RulePolicy {
        keep_firing: m(5),
        ..every(m(1))
    };
    let mut bench = Bench::new(policy);
    bench.run(m(0), &[one()]);
    bench.run(m(5), &[]);
    let missing = RuleState::Firing {
        since: m(0),
        missing_since: Some(m(1)),
    };
    assert_eq!(bench.state(), Some(missing));
    bench.run(m(6), &[one()]);
    assert_eq!(bench.state(), Some(firing(m(0))));
    bench.run(m(11), &[]);
    assert!(matches!(bench.state(), Some(RuleState::Firing { .. })));
    bench.run(m(12), &[]);
    let resolved = RuleState::Resolved {
        since: m(0),
        at: m(12),
    };
    assert_eq!(bench.state(), Some(resolved));
}

#[test]
fn firing_is_said_again_after_more_than_the_delay_and_ends_by_itself() {
    let mut bench = Bench::new(every(s(30)));
    bench.run(m(3), &[one()]);
    // More than a minute after the last word: every third evaluation.
    assert_eq!(bench.times(), [s(0), s(90), s(180)]);
    for (at, signal) in &bench.said {
        assert_eq!(signal.ends_at, Some(*at + m(4)));
    }
    let mut slow = Bench::new(every(m(2)));
    slow.run(m(4), &[one()]);
    assert_eq!(slow.times(), [m(0), m(2), m(4)]);
    assert_eq!(slow.said[2].1.ends_at, Some(m(12)), "four intervals");
}

#[test]
fn a_resolution_is_said_at_once_and_again_for_15_minutes() {
    let mut bench = Bench::new(every(m(1)));
    bench.run(m(0), &[one()]);
    bench.run(m(40), &[]);
    let resolutions = &bench.said[1..];
    assert_eq!(resolutions[0].0, m(1));
    assert!(
        resolutions
            .iter()
            .all(|(_, signal)| signal.ends_at == Some(m(1)))
    );
    assert_eq!(resolutions.last().map(|(at, _)| *at), Some(m(15)));
    assert_eq!(bench.state(), None);
    // Kept at exactly 15 minutes, forgotten after.
    let mut bench = Bench::new(every(m(1)));
    bench.run(m(0), &[one()]);
    bench.run(m(16), &[]);
    assert!(matches!(bench.state(), Some(RuleState::Resolved { .. })));
    bench.run(m(17), &[]);
    assert_eq!(bench.state(), None);
}

#[test]
fn found_again_it_is_a_new_alert() {
    let mut bench = Bench::new(every(m(1)));
    bench.run(m(0), &[one()]);
    bench.run(m(2), &[]);
    bench.run(m(3), &[one()]);
    assert_eq!(bench.state(), Some(firing(m(3))));
    assert_eq!(
        bench.said.last().map(|(_, said)| said.starts_at),
        Some(m(3))
    );
}

fn after_outage(memory: RuleMemory, policy: RulePolicy, back_at: Micros) -> Option<Micros> {
    let mut rule = AlertRule::restarted(policy, memory);
    let mut now = back_at;
    for _ in 0..240 {
        rule.evaluate(now, &[one()]).expect("within the limit");
        if let Some(RuleState::Firing { since, .. }) = rule.state(&one()) {
            return Some(since - back_at);
        }
        now = now + policy.interval;
    }
    None
}

fn remembered(active_at: Micros, seen_at: Micros) -> RuleMemory {
    RuleMemory {
        seen_at,
        active: vec![(one(), active_at)],
    }
}

#[test]
fn a_restart_restores_the_hold() {
    let policy = RulePolicy {
        hold: m(60),
        ..every(m(1))
    };
    let from = |active: u64, seen: u64, back: u64| {
        let memory = remembered(m(active), m(seen));
        after_outage(memory, policy, m(back))
    };
    // It had fired: restored after the second evaluation, fires at the third.
    assert_eq!(from(0, 70, 100), Some(m(2)));
    // 40 minutes were left, and the outage does not count: it ended with the second evaluation.
    assert_eq!(from(100, 120, 150), Some(m(1 + 40)));
    // Five minutes were left: the grace of ten from the second evaluation on.
    assert_eq!(from(100, 155, 170), Some(m(1 + 10)));
    // Down for longer than an hour: from zero.
    assert_eq!(from(0, 70, 131), Some(m(60)));
    assert_eq!(from(0, 70, 129), Some(m(2)));
}

#[test]
fn a_hold_below_the_grace_is_not_restored() {
    let policy = RulePolicy {
        hold: m(5),
        ..every(m(1))
    };
    let memory = remembered(m(0), m(20));
    assert_eq!(after_outage(memory, policy, m(30)), Some(m(5)));
}

#[test]
fn a_running_rule_says_what_a_restart_needs() {
    let policy = RulePolicy {
        hold: m(60),
        ..every(m(1))
    };
    let mut bench = Bench::new(policy);
    assert_eq!(bench.rule.memory(), None);
    bench.run(m(3), &[one()]);
    assert_eq!(bench.rule.memory(), Some(remembered(m(0), m(3))));
}

#[test]
fn too_many_series_drop_all_of_them() {
    let policy = RulePolicy {
        series_max: Some(2),
        ..every(m(1))
    };
    let mut bench = Bench::new(policy);
    let series: Vec<_> = ["a", "b", "c"].map(|n| alert("Errors", n)).into();
    bench.run(m(0), &series[..2]);
    let exceeded = bench.rule.evaluate(m(1), &series);
    assert_eq!(exceeded, Err(SeriesLimitExceeded { found: 3, limit: 2 }));
    assert_eq!(bench.state(), None);
    assert_eq!(bench.rule.poll_signal(), None);
    // The limit is on series, not on mentions of them.
    let twice = [one(), one(), alert("Errors", "b")];
    assert_eq!(bench.rule.evaluate(m(2), &twice), Ok(()));
}
