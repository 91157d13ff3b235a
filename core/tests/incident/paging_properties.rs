//! What holds of the pager whatever happens.

use std::collections::BTreeMap;

use proptest::prelude::*;

use firedrill_core::Micros;
use firedrill_core::health::Urgency;
use firedrill_core::ids::{EscalationId, IncidentId, PageId, PersonId, ScheduleId, TeamId};
use firedrill_core::incident::{
    Assignment, EscalationPolicy, Layer, Level, PageFate, PageTarget, Pager, PagerEvent,
    Restriction, Roster, Schedule, Standing, Team,
};

/// Incidents of a case.
const INCIDENTS: u32 = 4;

/// What may happen to a pager.
#[derive(Clone, Copy, Debug)]
enum Act {
    Open(IncidentId, TeamId, Urgency),
    Acknowledge(IncidentId, PersonId),
    AcknowledgePage(PageId),
    Reroute(IncidentId, TeamId),
    Resolve(IncidentId),
    Reopen(IncidentId),
    Wait,
}

proptest! {
    #![proptest_config(crate::config())]

    /// Without further help paging ends: every escalation is acknowledged for good, exhausted,
    /// only notified or resolved, no later than its policies allow.
    #[test]
    fn escalation_always_ends(roster in any_roster(), acts in any_acts()) {
        let mut pager = Pager::new(roster.clone());
        let now = play(&mut pager, &acts);
        let longest = roster.policies.iter().map(longest).max().unwrap();
        let mut wakes = 0;
        while let Some(due) = pager.poll_timeout() {
            prop_assert!(due <= now + longest, "{due} is after {now} + {longest}");
            pager.handle_timeout(due);
            wakes += 1;
            prop_assert!(wakes < 10_000);
        }
        for incident in (0..INCIDENTS).map(IncidentId) {
            let standing = pager.escalation(incident).map(|found| found.standing);
            let paging = matches!(standing, Some(Standing::Paging { .. }));
            prop_assert!(!paging, "{standing:?}");
        }
    }

    /// In the end every page that was to wake somebody is acknowledged, exhausted, resolved or
    /// rerouted; and the events say so of its incident.
    #[test]
    fn every_page_comes_to_an_end(roster in any_roster(), acts in any_acts()) {
        let mut pager = Pager::new(roster);
        play(&mut pager, &acts);
        while let Some(due) = pager.poll_timeout() {
            pager.handle_timeout(due);
        }
        let ended: BTreeMap<_, _> = std::iter::from_fn(|| pager.poll_event())
            .filter_map(|event| ends(&event).map(|incident| (incident, event)))
            .collect();
        for page in pager.pages() {
            let escalation = pager.escalation(page.incident).unwrap();
            if escalation.urgency == Urgency::Page {
                prop_assert_ne!(page.fate, PageFate::Open);
                prop_assert!(ended.contains_key(&page.incident));
            }
        }
    }

    /// Between an acknowledgement and its lapse nobody is paged.
    #[test]
    fn nobody_is_paged_for_what_somebody_has_in_hand(roster in any_roster(), acts in any_acts()) {
        let mut pager = Pager::new(roster);
        play(&mut pager, &acts);
        let mut held = BTreeMap::new();
        while let Some(event) = pager.poll_event() {
            match event {
                PagerEvent::Acknowledged(incident, by) => {
                    held.insert(incident, by);
                }
                PagerEvent::Lapsed(incident, _)
                | PagerEvent::Rerouted(incident, _)
                | PagerEvent::Resolved(incident) => {
                    held.remove(&incident);
                }
                PagerEvent::Page { incident, .. } => prop_assert!(!held.contains_key(&incident)),
                PagerEvent::Skipped(..) | PagerEvent::Exhausted(_) => {}
            }
        }
    }

    /// A clone taken midway says the same as the original, however late its driver wakes.
    #[test]
    fn a_clone_goes_on_alike(
        roster in any_roster(),
        before in any_acts(),
        after in any_acts(),
    ) {
        let mut pager = Pager::new(roster);
        let now = play(&mut pager, &before);
        let mut copy = pager.clone();
        while let Some(due) = copy.poll_timeout().filter(|due| *due <= now + STEP) {
            copy.handle_timeout(due);
        }
        play_from(&mut pager, now + STEP, &after);
        play_from(&mut copy, now + STEP, &after);
        prop_assert_eq!(pager, copy);
    }

    /// What is refused changes nothing but time.
    #[test]
    fn a_refused_call_changes_nothing(roster in any_roster(), acts in any_acts()) {
        let mut pager = Pager::new(roster);
        let mut now = Micros::ZERO;
        for act in acts {
            now = now + STEP;
            pager.handle_timeout(now);
            let before = pager.clone();
            if !apply(&mut pager, now, act) {
                prop_assert_eq!(&pager, &before);
            }
        }
    }
}

/// Time between two acts.
const STEP: Micros = Micros::from_mins(7);

fn play(pager: &mut Pager, acts: &[Act]) -> Micros {
    play_from(pager, Micros::ZERO, acts)
}

fn play_from(pager: &mut Pager, from: Micros, acts: &[Act]) -> Micros {
    let mut now = from;
    for act in acts {
        apply(pager, now, *act);
        now = now + STEP;
    }
    pager.handle_timeout(now);
    now
}

/// Returns whether the act was taken.
fn apply(pager: &mut Pager, now: Micros, act: Act) -> bool {
    let done = match act {
        Act::Open(incident, team, urgency) => pager.open(now, incident, team, urgency),
        Act::Acknowledge(incident, by) => pager.acknowledged(now, incident, by),
        Act::AcknowledgePage(page) => pager.page_acknowledged(now, page),
        Act::Reroute(incident, to) => pager.reroute(now, incident, to, PersonId(0)),
        Act::Resolve(incident) => pager.resolved(now, incident),
        Act::Reopen(incident) => pager.reopened(now, incident),
        Act::Wait => {
            pager.handle_timeout(now);
            Ok(())
        }
    };
    done.is_ok()
}

const fn ends(event: &PagerEvent) -> Option<IncidentId> {
    match event {
        PagerEvent::Exhausted(incident)
        | PagerEvent::Acknowledged(incident, _)
        | PagerEvent::Rerouted(incident, _)
        | PagerEvent::Resolved(incident) => Some(*incident),
        PagerEvent::Page { .. } | PagerEvent::Skipped(..) | PagerEvent::Lapsed(..) => None,
    }
}

/// The longest that one can go on by itself: an acknowledgement lapses, its reminder goes
/// unanswered, and everything is climbed.
fn longest(policy: &EscalationPolicy) -> Micros {
    let reminder = policy.levels.iter().map(|level| level.delay).max();
    policy.duration_max()
        + policy.acknowledge_timeout.unwrap_or_default()
        + reminder.unwrap_or_default()
}

fn any_roster() -> impl Strategy<Value = Roster> {
    let policies = prop::collection::vec(any_policy(), 2);
    (policies, any_schedule()).prop_map(|(policies, schedule)| {
        let roster = Roster {
            schedules: vec![schedule],
            policies,
            teams: (0..2)
                .map(|policy| Team {
                    policy: EscalationId(policy),
                })
                .collect(),
            ..Roster::default()
        };
        assert_eq!(roster.check(), Ok(()));
        roster
    })
}

fn any_policy() -> impl Strategy<Value = EscalationPolicy> {
    let target = prop_oneof![
        (0_u16..4).prop_map(|person| PageTarget::Person(PersonId(person))),
        Just(PageTarget::OnCall(ScheduleId(0))),
    ];
    let level = (
        prop::collection::vec(target, 1..4),
        1_u64..40,
        prop_oneof![Just(Assignment::Everyone), Just(Assignment::RoundRobin)],
    );
    let level = level.prop_map(|(targets, minutes, assignment)| Level {
        targets,
        delay: Micros::from_mins(minutes),
        assignment,
    });
    let timeout = prop::option::of((1_u64..60).prop_map(Micros::from_mins));
    (prop::collection::vec(level, 1..4), 0_u32..4, timeout).prop_map(
        |(levels, repeats, acknowledge_timeout)| EscalationPolicy {
            levels,
            repeats,
            acknowledge_timeout,
        },
    )
}

/// Somebody for part of every two hours' turn, nobody else.
fn any_schedule() -> impl Strategy<Value = Schedule> {
    (0_u64..24, 1_u64..=24).prop_map(|(from, length)| Schedule {
        layers: vec![Layer {
            people: vec![PersonId(5), PersonId(6)],
            turn: Micros::from_hours(2),
            anchor: Micros::ZERO,
            utc_offset_s: 0,
            restrictions: vec![Restriction::Daily {
                from: Micros::from_hours(from),
                length: Micros::from_hours(length),
            }],
        }],
        overrides: vec![],
    })
}

fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    let incident = || (0..INCIDENTS).prop_map(IncidentId);
    let team = || (0_u16..2).prop_map(TeamId);
    let urgency = prop_oneof![Just(Urgency::Page), Just(Urgency::Ticket)];
    let act = prop_oneof![
        3 => (incident(), team(), urgency).prop_map(|(id, team, how)| Act::Open(id, team, how)),
        1 => (incident(), (0_u16..4).prop_map(PersonId)).prop_map(|(id, by)| Act::Acknowledge(id, by)),
        1 => (0_u32..10).prop_map(|page| Act::AcknowledgePage(PageId(page))),
        1 => (incident(), team()).prop_map(|(id, team)| Act::Reroute(id, team)),
        1 => incident().prop_map(Act::Resolve),
        1 => incident().prop_map(Act::Reopen),
        3 => Just(Act::Wait),
    ];
    prop::collection::vec(act, 0..40)
}
