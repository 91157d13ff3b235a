//! Tools that fail in a run: what they hold up, and which way is taken around them.

mod support;

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;
use firedrill_core::plane::NoteBody;
use firedrill_sim::engine::{run, run_recorded};
use firedrill_sim::log::{EventBody, PersonEvent, RunLog, ToolEvent, WorldEvent};
use firedrill_sim::measure::{Catcher, Measures, Span, measure};
use firedrill_sim::people::Way;
use firedrill_sim::spec::{
    LogNormal, Onset, Outage, Scenario, Support, ToolKind, ToolSpec, UserReports,
};

use support::{ALL_ERRORS, LOGIN_ERRORS, scenario};

const SEEDS: std::ops::Range<u64> = 1..6;

fn tool(kind: ToolKind, change: impl FnOnce(&mut ToolSpec)) -> ToolSpec {
    let mut spec = ToolSpec::new(kind);
    (spec.availability, spec.latency) = (1.0, Micros::ZERO);
    change(&mut spec);
    spec
}

fn down(from_mins: u64, until_mins: u64) -> Vec<Outage> {
    vec![Outage {
        from: Micros::from_mins(from_mins),
        until: Micros::from_mins(until_mins),
    }]
}

/// Logins fail, and only an alert and a person find it.
fn login_outage(tools: Vec<ToolSpec>) -> Scenario {
    let mut spec = scenario(Some(LOGIN_ERRORS));
    spec.duration = Micros::from_hours(4);
    spec.tools = tools;
    spec
}

/// A third of what `auth` is asked fails, from half an hour after everybody got the change.
fn late_outage(tools: Vec<ToolSpec>) -> Scenario {
    let mut spec = scenario(Some(ALL_ERRORS));
    let defect = spec.changes[0].defect.as_mut().expect("it has a defect");
    defect.onset = Onset::Delayed(Micros::from_mins(40));
    spec.duration = Micros::from_hours(5);
    spec.tools = tools;
    spec
}

fn tools(log: &RunLog) -> Vec<(Micros, &ToolEvent)> {
    let told = log.events().iter().filter_map(|event| match &event.body {
        EventBody::World(WorldEvent::Tool(tool)) => Some((event.t_us, tool)),
        EventBody::World(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => {
            None
        }
    });
    told.collect()
}

fn is_answered(log: &RunLog) -> bool {
    let answer =
        |body: &EventBody| matches!(body, EventBody::Person(PersonEvent::PageAnswered { .. }));
    log.events().iter().any(|event| answer(&event.body))
}

fn told_of_trouble(log: &RunLog) -> Option<Micros> {
    let told =
        |body: &EventBody| matches!(body, EventBody::Person(PersonEvent::TroubleTold { .. }));
    let event = log.events().iter().find(|event| told(&event.body))?;
    Some(event.t_us)
}

fn took(span: Span) -> Micros {
    match span {
        Span::Took(time) => time,
        Span::Never | Span::NotApplicable => panic!("{span:?}"),
    }
}

/// The same seeds without tools, and with them.
fn both(spec: &Scenario) -> Vec<(Measures, RunLog, Measures)> {
    let mut without = spec.clone();
    without.tools.clear();
    let runs = SEEDS.map(|seed| {
        let log = run(spec, seed);
        (measure(&run(&without, seed)), measure(&log), log)
    });
    runs.map(|(without, with, log)| (without, log, with))
        .collect()
}

#[test]
fn tools_that_work_and_take_no_time_change_nothing() {
    let all = ToolKind::ALL.map(|kind| tool(kind, |_| ())).to_vec();
    for (without, log, with) in both(&login_outage(all)) {
        assert_eq!(with.time_to_mitigate, without.time_to_mitigate);
        assert_eq!(with.requests_harmed, without.requests_harmed);
        let told = tools(&log);
        assert!(
            told.iter()
                .all(|(_, event)| matches!(event, ToolEvent::Used { .. }))
        );
        assert!(!told.is_empty(), "every use is told");
    }
}

#[test]
fn without_a_pager_nobody_comes() {
    let pager = tool(ToolKind::Pager, |spec| spec.down = down(0, 600));
    for (without, log, with) in both(&login_outage(vec![pager])) {
        assert!(matches!(without.time_to_mitigate, Span::Took(_)));
        assert_eq!(with.time_to_mitigate, Span::Never);
        assert!(with.pages > 1, "the escalation goes on");
        assert!(!is_answered(&log));
        let gave_up =
            |body: &EventBody| matches!(body, EventBody::Note(NoteBody::PagingGaveUp { .. }));
        assert!(log.events().iter().any(|event| gave_up(&event.body)));
    }
}

#[test]
fn a_pager_with_another_way_is_as_good() {
    let pager = tool(ToolKind::Pager, |spec| {
        spec.down = down(0, 600);
        spec.out_of_band = Some(Micros::from_mins(1));
    });
    for (without, _, with) in both(&login_outage(vec![pager])) {
        let later = took(with.time_to_acknowledge) - took(without.time_to_acknowledge);
        assert_eq!(later, Micros::from_mins(1));
    }
}

/// Missing data never widens exposure: the rollout stops where it is.
#[test]
fn without_numbers_a_rollout_stops() {
    let store = tool(ToolKind::MetricsStore, |spec| spec.down = down(0, 600));
    let mut spec = scenario(None);
    spec.tools = vec![store];
    for seed in SEEDS {
        let log = run(&spec, seed);
        let measures = measure(&log);
        assert!(!measures.reached_full);
        assert!(measures.instances_exposed <= 4 * 2, "{measures:?}");
        assert!(measures.anchors.first_signal.is_some(), "it pauses");
    }
}

#[test]
fn a_rollback_waits_for_distribution() {
    let road = tool(ToolKind::Distribution, |spec| spec.down = down(60, 150));
    for seed in SEEDS {
        let log = run(&late_outage(vec![road.clone()]), seed);
        let measures = measure(&log);
        let restored = measures.anchors.slo_restored.expect("it ends");
        assert!(restored.at >= Micros::from_mins(150), "{restored:?}");
        let rollback = |event: &ToolEvent| matches!(event, ToolEvent::Awaited { way: None, .. });
        assert!(tools(&log).iter().any(|(_, event)| rollback(event)));
    }
}

#[test]
fn another_way_is_taken_when_it_is_sooner() {
    let wait = |until| {
        tool(ToolKind::Distribution, |spec| {
            spec.down = down(60, until);
            spec.out_of_band = Some(Micros::from_mins(30));
        })
    };
    for seed in SEEDS {
        let log = run(&late_outage(vec![wait(600)]), seed);
        let way = tools(&log).into_iter().find_map(|(_, event)| match event {
            ToolEvent::Used {
                way: Way::OutOfBand,
                took,
                ..
            } => Some(*took),
            ToolEvent::Used { .. }
            | ToolEvent::WentDown { .. }
            | ToolEvent::CameBack { .. }
            | ToolEvent::Failed { .. }
            | ToolEvent::Awaited { .. }
            | ToolEvent::Dropped { .. }
            | ToolEvent::Blind { .. } => None,
        });
        assert_eq!(way, Some(Micros::from_mins(30)));
        assert!(matches!(measure(&log).time_to_mitigate, Span::Took(_)));
    }
}

#[test]
fn what_stands_on_the_victim_falls_with_it() {
    let auth = |spec: &mut ToolSpec| {
        spec.depends_on = vec![ServiceId(1)];
        spec.needs_health = 0.9;
    };
    let sealed = tool(ToolKind::RollbackService, |spec| {
        auth(spec);
        spec.break_glass = Some(Micros::from_mins(25));
    });
    for (without, log, with) in both(&late_outage(vec![sealed])) {
        let later = took(with.time_to_mitigate) - took(without.time_to_mitigate);
        // To the step and the breach's minute.
        let wanted = Micros::from_mins(25);
        assert!(later + Micros::from_mins(2) >= wanted, "{later}");
        let broken = |event: &ToolEvent| {
            matches!(
                event,
                ToolEvent::Used {
                    way: Way::BreakGlass,
                    ..
                }
            )
        };
        assert!(tools(&log).iter().any(|(_, event)| broken(event)));
    }
    let stuck = tool(ToolKind::Distribution, auth);
    for seed in SEEDS {
        let measures = measure(&run(&late_outage(vec![stuck.clone()]), seed));
        assert_eq!(measures.time_to_mitigate, Span::Never);
    }
}

/// A metrics store that stands on the victim: no alert fires, users are heard, and the run can be
/// replayed from its inputs.
#[test]
fn users_are_heard_when_nothing_is_measured() {
    let store = tool(ToolKind::MetricsStore, |spec| {
        spec.depends_on = vec![ServiceId(1)];
        spec.needs_health = 0.9;
    });
    let minutes = |minutes| LogNormal {
        median: Micros::from_mins(minutes),
        sigma: 0.5,
    };
    let mut spec = late_outage(vec![store]);
    spec.telemetry.user_reports = Some(UserReports {
        share: 0.001,
        delay: minutes(5),
        background_per_hour: 2.0,
    });
    spec.support = Some(Support {
        reports_min: 20,
        within: Micros::from_mins(10),
        calls: minutes(5),
    });
    assert_eq!(spec.check(), Ok(()));
    for seed in SEEDS {
        let (log, journal, plane) = run_recorded(&spec, seed);
        let measures = measure(&log);
        assert_eq!(measures.caught_by, Catcher::Users, "{:?}", measures.anchors);
        // An alert may fire once the store has numbers again: not before somebody was called.
        let called = told_of_trouble(&log).expect("support calls");
        let alert = measures.anchors.alert_fired;
        assert!(alert.is_none_or(|alert| alert.at > called), "{alert:?}");
        assert!(matches!(measures.time_to_mitigate, Span::Took(_)));
        let end = plane.now();
        let replayed = firedrill_core::plane::ControlPlane::replay(spec.setup(), &journal, end);
        assert!(replayed.expect("the setup is sound") == plane);
    }
}
