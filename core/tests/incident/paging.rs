//! One test for each rule of a paging product that the pager follows.

use firedrill_core::Micros;
use firedrill_core::health::Urgency;
use firedrill_core::ids::{EscalationId, IncidentId, PageId, PersonId, ScheduleId, TeamId};
use firedrill_core::incident::{
    ACKNOWLEDGE_TIMEOUT, Assignment, EscalationPolicy, Hop, Layer, Level, PageFate, PageTarget,
    Pager, PagerError, PagerEvent, Restriction, Roster, Rung, Schedule, Standing, Team, WEEK,
};

const INCIDENT: IncidentId = IncidentId(0);
const TEAM: TeamId = TeamId(0);

#[test]
fn an_unacknowledged_page_goes_to_the_next_level_after_the_delay() {
    let mut pager = pager(two_levels(0));
    open(&mut pager, 0, INCIDENT);
    assert_eq!(paged(&mut pager), [1]);
    pager.handle_timeout(mins(30) - Micros(1));
    assert_eq!(paged(&mut pager), []);
    pager.handle_timeout(mins(30));
    assert_eq!(paged(&mut pager), [2]);
}

#[test]
fn the_whole_is_repeated_so_many_times_and_then_exhausted() {
    let mut pager = pager(two_levels(2));
    open(&mut pager, 0, INCIDENT);
    assert_eq!(run_out(&mut pager), [1, 2, 1, 2, 1, 2]);
    let standing = pager.escalation(INCIDENT).unwrap().standing;
    assert_eq!(standing, Standing::Exhausted);
    let end = PageFate::Exhausted(mins(3 * 60));
    assert!(pager.pages().iter().all(|page| page.fate == end));
}

#[test]
fn everyone_at_a_level_is_paged_at_once() {
    let policy = policy(vec![level(&[1, 2, 3], Assignment::Everyone)], 0);
    let mut pager = pager(policy);
    open(&mut pager, 0, INCIDENT);
    assert_eq!(paged(&mut pager), [1, 2, 3]);
}

#[test]
fn round_robin_pages_one_and_goes_on_with_the_next_incident() {
    let policy = policy(
        vec![
            level(&[1, 2, 3], Assignment::RoundRobin),
            level(&[9], Assignment::Everyone),
        ],
        0,
    );
    let mut pager = pager(policy);
    for incident in 0..4 {
        open(&mut pager, 0, IncidentId(incident));
    }
    assert_eq!(paged(&mut pager), [1, 2, 3, 1]);
    pager.handle_timeout(mins(30));
    assert_eq!(paged(&mut pager), [9; 4], "a miss goes to the next level");
}

#[test]
fn round_robin_passes_over_a_schedule_with_nobody_on_call() {
    let ring = Level {
        targets: vec![
            PageTarget::OnCall(ScheduleId(0)),
            PageTarget::Person(PersonId(2)),
        ],
        ..level(&[], Assignment::RoundRobin)
    };
    let mut roster = Roster::single(policy(vec![ring], 0));
    roster.schedules = vec![from_hour(1, 1)];
    let mut pager = Pager::new(roster);
    open(&mut pager, 0, IncidentId(0));
    open(&mut pager, 60, IncidentId(1));
    assert_eq!(paged(&mut pager), [2, 1]);
}

#[test]
fn a_level_with_nobody_on_call_is_skipped_without_delay() {
    let mut roster = Roster::single(on_call_then(2));
    roster.schedules = vec![Schedule::default()];
    assert_eq!(roster.check(), Ok(()));
    let mut pager = Pager::new(roster);
    open(&mut pager, 0, INCIDENT);
    let skipped = PagerEvent::Skipped(INCIDENT, Rung { round: 0, level: 0 });
    assert_eq!(pager.poll_event(), Some(skipped));
    assert_eq!(paged(&mut pager), [2]);
}

#[test]
fn nobody_on_call_anywhere_is_exhausted_at_once_however_many_repeats() {
    let level = Level {
        targets: vec![PageTarget::OnCall(ScheduleId(0))],
        ..level(&[], Assignment::Everyone)
    };
    let mut roster = Roster::single(policy(vec![level], u32::MAX));
    roster.schedules = vec![Schedule::default()];
    let mut pager = Pager::new(roster);
    open(&mut pager, 0, INCIDENT);
    let rung = Rung { round: 0, level: 0 };
    assert_eq!(
        events(&mut pager),
        [
            PagerEvent::Skipped(INCIDENT, rung),
            PagerEvent::Exhausted(INCIDENT)
        ]
    );
    assert_eq!(pager.poll_timeout(), None);
}

#[test]
fn whoever_is_on_call_when_the_page_goes_out_is_paged() {
    let mut roster = Roster::single(on_call_then(2));
    roster.policies[0].repeats = 1;
    roster.schedules = vec![from_hour(1, 7)];
    let mut pager = Pager::new(roster);
    open(&mut pager, 30, INCIDENT);
    assert_eq!(run_out(&mut pager), [2, 7, 2], "on call since 01:00");
}

#[test]
fn an_acknowledgement_stops_paging() {
    let mut pager = pager(two_levels(5));
    open(&mut pager, 0, INCIDENT);
    pager.handle_timeout(mins(30));
    pager.page_acknowledged(mins(31), PageId(0)).unwrap();
    let acknowledged = PagerEvent::Acknowledged(INCIDENT, PersonId(1));
    assert_eq!(events(&mut pager).last(), Some(&acknowledged));
    assert_eq!(pager.poll_timeout(), None, "an old page counts too");
    pager.page_acknowledged(mins(32), PageId(1)).unwrap();
    assert_eq!(events(&mut pager), [], "twice is once");
    let fate = PageFate::Acknowledged(mins(31));
    assert!(pager.pages().iter().all(|page| page.fate == fate));
    let unknown = pager.page_acknowledged(mins(32), PageId(9));
    assert_eq!(unknown, Err(PagerError::UnknownPage(PageId(9))));
}

#[test]
fn a_page_that_a_late_driver_has_not_seen_can_be_acknowledged() {
    let mut pager = pager(two_levels(0));
    open(&mut pager, 0, INCIDENT);
    pager.page_acknowledged(mins(31), PageId(1)).unwrap();
    let standing = pager.escalation(INCIDENT).unwrap().standing;
    let lapses_at = None;
    let by = PersonId(2);
    assert_eq!(standing, Standing::Acknowledged { by, lapses_at });
}

#[test]
fn an_acknowledgement_lapses_and_the_escalation_goes_on_from_there() {
    let mut pager = pager(EscalationPolicy {
        acknowledge_timeout: Some(ACKNOWLEDGE_TIMEOUT),
        ..two_levels(0)
    });
    open(&mut pager, 0, INCIDENT);
    pager.acknowledged(mins(4), INCIDENT, PersonId(1)).unwrap();
    let _ = events(&mut pager);
    assert_eq!(pager.poll_timeout(), Some(mins(34)));
    pager.handle_timeout(mins(34));
    let lapsed = PagerEvent::Lapsed(INCIDENT, PersonId(1));
    assert_eq!(pager.poll_event(), Some(lapsed));
    assert_eq!(paged(&mut pager), [1], "whoever acknowledged is reminded");
    assert_eq!(run_out(&mut pager), [2]);
    let standing = pager.escalation(INCIDENT).unwrap().standing;
    assert_eq!(standing, Standing::Exhausted);
}

#[test]
fn a_lapse_also_pages_whoever_came_on_call_since() {
    let mut roster = Roster::single(EscalationPolicy {
        acknowledge_timeout: Some(ACKNOWLEDGE_TIMEOUT),
        ..on_call_then(2)
    });
    let mut rota = from_hour(0, 5);
    rota.layers.extend(from_hour(1, 7).layers);
    roster.schedules = vec![rota];
    let mut pager = Pager::new(roster);
    open(&mut pager, 40, INCIDENT);
    assert_eq!(paged(&mut pager), [5]);
    pager.page_acknowledged(mins(41), PageId(0)).unwrap();
    pager.handle_timeout(mins(71));
    assert_eq!(paged(&mut pager), [5, 7]);
}

#[test]
fn low_urgency_notifies_and_does_not_escalate() {
    let mut pager = pager(two_levels(5));
    pager
        .open(mins(0), INCIDENT, TEAM, Urgency::Ticket)
        .unwrap();
    assert_eq!(paged(&mut pager), [1]);
    assert_eq!(pager.poll_timeout(), None);
    pager.raise(mins(3), INCIDENT, Urgency::Page).unwrap();
    assert_eq!(paged(&mut pager), [1], "woken from the first level on");
    assert_eq!(pager.poll_timeout(), Some(mins(33)));
    pager.raise(mins(4), INCIDENT, Urgency::Ticket).unwrap();
    assert_eq!(pager.escalation(INCIDENT).unwrap().urgency, Urgency::Page);
}

#[test]
fn an_open_incident_is_not_paged_twice() {
    let mut pager = pager(two_levels(0));
    for second in 0..100 {
        let now = Micros::from_secs(second);
        pager.open(now, INCIDENT, TEAM, Urgency::Page).unwrap();
    }
    assert_eq!(paged(&mut pager), [1]);
    assert_eq!(pager.escalation(INCIDENT).unwrap().openings, 100);
}

#[test]
fn an_incident_keeps_the_policy_it_was_opened_with() {
    let mut pager = pager(two_levels(0));
    open(&mut pager, 0, IncidentId(0));
    let changed = policy(vec![level(&[8], Assignment::Everyone)], 0);
    pager.set_roster(Roster::single(changed));
    open(&mut pager, 1, IncidentId(1));
    assert_eq!(run_out(&mut pager), [1, 8, 2]);
}

#[test]
fn a_page_to_the_wrong_team_is_rerouted_and_the_hop_costs_time() {
    let mut roster = Roster::single(two_levels(0));
    roster
        .policies
        .push(policy(vec![level(&[7], Assignment::Everyone)], 0));
    roster.teams.push(Team {
        policy: EscalationId(1),
    });
    let mut pager = Pager::new(roster);
    open(&mut pager, 10, INCIDENT);
    let same = pager.reroute(mins(11), INCIDENT, TEAM, PersonId(1));
    assert_eq!(same, Err(PagerError::SameTeam(INCIDENT, TEAM)));
    pager.page_acknowledged(mins(14), PageId(0)).unwrap();
    let _ = events(&mut pager);
    pager
        .reroute(mins(30), INCIDENT, TeamId(1), PersonId(1))
        .unwrap();
    let hop = Hop {
        at: mins(30),
        from: TEAM,
        to: TeamId(1),
        by: PersonId(1),
        cost: mins(20),
    };
    assert_eq!(pager.escalation(INCIDENT).unwrap().hops, [hop]);
    let rerouted = PagerEvent::Rerouted(INCIDENT, hop);
    assert_eq!(pager.poll_event(), Some(rerouted));
    assert_eq!(paged(&mut pager), [7]);
}

#[test]
fn the_wrong_team_cannot_stop_the_pages_of_the_right_one() {
    let mut roster = Roster::single(two_levels(0));
    roster.teams.push(Team {
        policy: EscalationId(0),
    });
    let mut pager = Pager::new(roster);
    open(&mut pager, 0, INCIDENT);
    pager
        .reroute(mins(1), INCIDENT, TeamId(1), PersonId(1))
        .unwrap();
    pager.page_acknowledged(mins(2), PageId(0)).unwrap();
    let standing = pager.escalation(INCIDENT).unwrap().standing;
    assert_eq!(standing, Standing::Paging { next_at: mins(31) });
}

#[test]
fn what_is_over_pages_nobody_until_it_is_reopened() {
    let mut pager = pager(two_levels(0));
    open(&mut pager, 0, INCIDENT);
    let _ = events(&mut pager);
    pager.resolved(mins(10), INCIDENT).unwrap();
    assert_eq!(events(&mut pager), [PagerEvent::Resolved(INCIDENT)]);
    assert_eq!(pager.poll_timeout(), None);
    assert_eq!(pager.pages()[0].fate, PageFate::Resolved(mins(10)));
    let late = pager.acknowledged(mins(11), INCIDENT, PersonId(1));
    assert_eq!(late, Err(PagerError::Over(INCIDENT)));
    pager.reopened(mins(20), INCIDENT).unwrap();
    assert_eq!(run_out(&mut pager), [1, 2]);
}

fn pager(policy: EscalationPolicy) -> Pager {
    let roster = Roster::single(policy);
    assert_eq!(roster.check(), Ok(()));
    Pager::new(roster)
}

fn open(pager: &mut Pager, minute: u64, incident: IncidentId) {
    pager
        .open(mins(minute), incident, TEAM, Urgency::Page)
        .expect("the team exists");
}

fn events(pager: &mut Pager) -> Vec<PagerEvent> {
    std::iter::from_fn(|| pager.poll_event()).collect()
}

fn paged(pager: &mut Pager) -> Vec<u16> {
    people(&events(pager))
}

/// Lets time pass until nothing is due; who was paged on the way, what was open included.
fn run_out(pager: &mut Pager) -> Vec<u16> {
    while let Some(due) = pager.poll_timeout() {
        pager.handle_timeout(due);
    }
    paged(pager)
}

fn people(events: &[PagerEvent]) -> Vec<u16> {
    let page = |event: &PagerEvent| match event {
        PagerEvent::Page { person, .. } => Some(person.0),
        PagerEvent::Skipped(..)
        | PagerEvent::Exhausted(_)
        | PagerEvent::Acknowledged(..)
        | PagerEvent::Lapsed(..)
        | PagerEvent::Rerouted(..)
        | PagerEvent::Resolved(_) => None,
    };
    events.iter().filter_map(page).collect()
}

fn two_levels(repeats: u32) -> EscalationPolicy {
    let levels = vec![
        level(&[1], Assignment::Everyone),
        level(&[2], Assignment::Everyone),
    ];
    policy(levels, repeats)
}

/// The first schedule's person, then this one.
fn on_call_then(person: u16) -> EscalationPolicy {
    let first = Level {
        targets: vec![PageTarget::OnCall(ScheduleId(0))],
        ..level(&[], Assignment::Everyone)
    };
    policy(vec![first, level(&[person], Assignment::Everyone)], 0)
}

fn policy(levels: Vec<Level>, repeats: u32) -> EscalationPolicy {
    EscalationPolicy {
        levels,
        repeats,
        acknowledge_timeout: None,
    }
}

fn level(people: &[u16], assignment: Assignment) -> Level {
    let person = |id: &u16| PageTarget::Person(PersonId(*id));
    Level {
        targets: people.iter().map(person).collect(),
        delay: mins(30),
        assignment,
    }
}

/// Somebody who is on call from this hour to midnight, every day.
fn from_hour(hour: u64, person: u16) -> Schedule {
    let restriction = Restriction::Daily {
        from: Micros::from_hours(hour),
        length: Micros::from_hours(24 - hour),
    };
    let layer = Layer {
        people: vec![PersonId(person)],
        turn: WEEK,
        anchor: Micros::ZERO,
        utc_offset_s: 0,
        restrictions: vec![restriction],
    };
    Schedule {
        layers: vec![layer],
        overrides: vec![],
    }
}

const fn mins(minutes: u64) -> Micros {
    Micros::from_mins(minutes)
}
