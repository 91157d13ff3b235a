//! Many incidents at once: joining, storms, merging, and walks from the first alert to the end.

use firedrill_core::Micros;
use firedrill_core::health::Urgency;
use firedrill_core::ids::{
    ActionId, AlertId, EscalationId, IncidentId, PageId, PersonId, ServiceId, TeamId,
};
use firedrill_core::incident::{
    BookError, BookEvent, BookInput, BookSetup, EscalationPolicy, FlowPolicy, GroupBy, Grouping,
    Impact, IncidentBook, IncidentRole, MoveError, OwnershipRule, PagerError, PagerEvent, Phase,
    Roster, Severity, SeverityPolicy, StormPolicy, Team,
};
use firedrill_core::ratio::Ppm;

const ANA: PersonId = PersonId(1);
const BO: PersonId = PersonId(2);
const FIRST: IncidentId = IncidentId(0);

#[test]
fn ten_thousand_alerts_of_one_team_are_one_incident_and_one_page() {
    let mut book = IncidentBook::new(teams(1, Grouping::default()));
    let events = storm(&mut book, 10_000, 300);
    assert_eq!(book.incidents().len(), 1);
    assert_eq!(book.incidents()[0].alerts.len(), 10_000);
    assert_eq!(pages(&events), 1);
}

#[test]
fn ten_thousand_alerts_of_fifty_teams_are_one_open_incident_and_at_most_three_pages() {
    let grouping = Grouping {
        storm: Some(StormPolicy::default()),
        ..Grouping::default()
    };
    let mut book = IncidentBook::new(teams(50, grouping));
    let events = storm(&mut book, 10_000, 500);
    assert_eq!(book.open().count(), 1);
    assert!(pages(&events) <= 3, "{} pages", pages(&events));
    let open = book.open().next().unwrap();
    assert_eq!(open.alerts.len(), 10_000, "no alert is lost");
    assert_eq!(open.id, FIRST, "the first one: it holds the first alert");
    let others = book.incidents().iter().skip(1);
    assert!(others.clone().count() <= 2);
    for other in others {
        assert_eq!(other.lifecycle.phase(), Phase::Merged);
        assert_eq!(other.merged_into, Some(FIRST));
    }
}

#[test]
fn without_a_storm_policy_every_team_is_paged() {
    let mut book = IncidentBook::new(teams(50, Grouping::default()));
    let events = storm(&mut book, 10_000, 500);
    assert_eq!((book.open().count(), pages(&events)), (50, 50));
}

#[test]
fn two_incidents_at_once_stay_two() {
    let grouping = Grouping {
        storm: Some(StormPolicy::default()),
        ..Grouping::default()
    };
    let mut book = IncidentBook::new(teams(2, grouping));
    for alert in 0..10 {
        fire(&mut book, u64::from(alert), alert, alert as u16 % 2);
    }
    assert_eq!(book.open().count(), 2);
    assert_eq!(pages(&drain(&mut book)), 2);
}

#[test]
fn an_alert_that_comes_too_late_opens_an_incident_of_its_own() {
    let grouping = Grouping {
        by: GroupBy::Service,
        join_within: Some(mins(10)),
        ..Grouping::default()
    };
    let mut book = IncidentBook::new(teams(1, grouping));
    fire(&mut book, 0, 0, 7);
    fire(&mut book, 600, 1, 7);
    fire(&mut book, 1_201, 2, 7);
    fire(&mut book, 1_201, 3, 8);
    let alerts: Vec<_> = book.incidents().iter().map(|it| it.alerts.len()).collect();
    assert_eq!(alerts, [2, 1, 1]);
}

#[test]
fn from_the_first_alert_to_the_end() {
    let mut book = IncidentBook::new(teams(1, Grouping::default()));
    fire(&mut book, 0, 0, 0);
    measure(&mut book, 30, Ppm::percent(20));
    assert_eq!(phase(&book), Phase::Detected);
    handle(
        &mut book,
        60,
        BookInput::PageAcknowledged { page: PageId(0) },
    );
    assert_eq!(phase(&book), Phase::Declared, "bad enough by the policy");
    assume(&mut book, 90, IncidentRole::Commander, ANA);
    assert_eq!(phase(&book), Phase::Investigating);
    handle(
        &mut book,
        300,
        BookInput::CauseNamed {
            incident: FIRST,
            by: BO,
        },
    );
    act(&mut book, 330);
    assert_eq!(phase(&book), Phase::Mitigating);
    measure(&mut book, 600, Ppm::ZERO);
    assert_eq!(phase(&book), Phase::Mitigated, "the alert still fires");
    handle(
        &mut book,
        700,
        BookInput::AlertResolved { alert: AlertId(0) },
    );
    assert_eq!(phase(&book), Phase::Monitoring);
    let all_clear = secs(700) + mins(30);
    book.handle_timeout(all_clear - Micros(1));
    assert_eq!(phase(&book), Phase::Monitoring);
    book.handle_timeout(all_clear + mins(60));
    assert_eq!(phase(&book), Phase::Review, "it was a Sev-1");
    let incident = &book.incidents()[0];
    assert_eq!(incident.lifecycle.first(Phase::Resolved), Some(all_clear));
    assert_eq!(incident.severity.peak(), Some(Severity::Sev1));
    handle(
        &mut book,
        100_000,
        BookInput::Reviewed {
            incident: FIRST,
            by: ANA,
        },
    );
    assert_eq!(phase(&book), Phase::Closed);
    let way: Vec<_> = moves(&drain(&mut book));
    let expected = [
        Phase::Triaged,
        Phase::Declared,
        Phase::Investigating,
        Phase::Identified,
        Phase::Mitigating,
        Phase::Mitigated,
        Phase::Monitoring,
        Phase::Resolved,
        Phase::Review,
        Phase::Closed,
    ];
    assert_eq!(way, expected);
}

#[test]
fn what_ends_before_anybody_gathers_is_resolved_without_a_review() {
    let mut book = IncidentBook::new(teams(1, Grouping::default()));
    fire(&mut book, 0, 0, 0);
    handle(
        &mut book,
        50,
        BookInput::AlertResolved { alert: AlertId(0) },
    );
    assert_eq!(moves(&drain(&mut book)), [Phase::Resolved, Phase::Closed]);
    assert_eq!(book.poll_timeout(), None, "nobody is paged any more");
}

#[test]
fn harm_that_returns_sends_everybody_back_to_the_search() {
    let mut book = mitigating();
    measure(&mut book, 400, Ppm::ZERO);
    handle(
        &mut book,
        500,
        BookInput::AlertResolved { alert: AlertId(0) },
    );
    measure(&mut book, 600, Ppm::percent(5));
    assert_eq!(phase(&book), Phase::Investigating);
    act(&mut book, 700);
    assert_eq!(phase(&book), Phase::Mitigating, "a new action is needed");
}

#[test]
fn a_search_that_resumes_needs_a_commander() {
    let mut book = mitigating();
    let resumed = BookInput::SearchResumed {
        incident: FIRST,
        by: BO,
    };
    handle(&mut book, 350, resumed);
    assert_eq!(phase(&book), Phase::Investigating);
    act(&mut book, 360);
    let released = BookInput::RoleReleased {
        incident: FIRST,
        role: IncidentRole::Commander,
        person: ANA,
    };
    handle(&mut book, 370, released);
    let error = book.handle(secs(380), resumed).unwrap_err();
    assert!(matches!(error, BookError::Move(MoveError::Guarded(..))));
}

#[test]
fn an_alert_soon_after_the_end_reopens_and_pages_again() {
    let grouping = Grouping {
        reopen_within: Some(mins(60)),
        ..Grouping::default()
    };
    let mut book = IncidentBook::new(teams(1, grouping));
    fire(&mut book, 0, 0, 0);
    handle(
        &mut book,
        50,
        BookInput::AlertResolved { alert: AlertId(0) },
    );
    let _ = drain(&mut book);
    fire(&mut book, 100, 1, 0);
    assert_eq!(book.incidents().len(), 1);
    let events = drain(&mut book);
    assert_eq!(moves(&events), [Phase::Detected]);
    assert_eq!(pages(&events), 1);
    handle(
        &mut book,
        150,
        BookInput::AlertResolved { alert: AlertId(1) },
    );
    fire(&mut book, 150 + 3_601, 1, 0);
    assert_eq!(book.incidents().len(), 2, "too late to be the same");
}

#[test]
fn a_false_alarm_is_cancelled_but_not_what_harmed_somebody() {
    let cancelled = BookInput::Cancelled {
        incident: FIRST,
        by: ANA,
    };
    let mut book = IncidentBook::new(teams(1, Grouping::default()));
    fire(&mut book, 0, 0, 0);
    let mut real = book.clone();
    handle(&mut book, 10, cancelled);
    assert_eq!(phase(&book), Phase::Cancelled);
    let late = book.handle(secs(11), cancelled);
    assert_eq!(late, Err(PagerError::Over(FIRST).into()));
    measure(&mut real, 5, Ppm(1));
    let error = real.handle(secs(10), cancelled).unwrap_err();
    assert!(matches!(error, BookError::Move(MoveError::Guarded(..))));
}

#[test]
fn people_declare_before_the_policy_does() {
    let mut book = IncidentBook::new(teams(1, Grouping::default()));
    fire(&mut book, 0, 0, 0);
    let declared = |severity| BookInput::Declared {
        incident: FIRST,
        severity,
        by: ANA,
    };
    let error = book.handle(secs(1), declared(None)).unwrap_err();
    assert!(matches!(error, BookError::Move(MoveError::Guarded(..))));
    assert_eq!(phase(&book), Phase::Detected);
    handle(&mut book, 2, declared(Some(Severity::Sev3)));
    assert_eq!(phase(&book), Phase::Declared);
    assert_eq!(book.poll_timeout(), None, "whoever declares has taken it");
    let again = book.handle(secs(3), declared(Some(Severity::Sev3)));
    assert!(matches!(
        again,
        Err(BookError::Move(MoveError::Illegal(..)))
    ));
}

#[test]
fn a_merged_incident_gives_its_alerts_and_its_urgency() {
    let mut book = IncidentBook::new(teams(2, Grouping::default()));
    let ticket = BookInput::AlertFired {
        alert: AlertId(0),
        service: ServiceId(0),
        region: None,
        urgency: Urgency::Ticket,
    };
    handle(&mut book, 0, ticket);
    fire(&mut book, 1, 1, 1);
    let merged = |incident, into| BookInput::Merged {
        incident: IncidentId(incident),
        into: IncidentId(into),
        by: ANA,
    };
    assert!(book.handle(secs(2), merged(0, 0)).is_err());
    assert!(book.handle(secs(2), merged(0, 7)).is_err());
    let _ = drain(&mut book);
    handle(&mut book, 2, merged(1, 0));
    assert_eq!(book.incidents()[0].alerts, [AlertId(0), AlertId(1)]);
    let escalation = book.pager().escalation(FIRST).unwrap();
    assert_eq!(escalation.urgency, Urgency::Page);
    assert!(book.handle(secs(3), merged(0, 1)).is_err(), "no circles");
    handle(&mut book, 4, BookInput::AlertResolved { alert: AlertId(0) });
    assert_eq!(phase(&book), Phase::Detected, "the other one still fires");
}

#[test]
fn a_merge_leaves_alone_an_alert_that_fires_elsewhere_by_now() {
    let mut book = IncidentBook::new(teams(3, Grouping::default()));
    fire(&mut book, 0, 0, 0);
    fire(&mut book, 0, 1, 0);
    handle(&mut book, 1, BookInput::AlertResolved { alert: AlertId(0) });
    fire(&mut book, 2, 0, 1);
    fire(&mut book, 3, 2, 2);
    let merged = BookInput::Merged {
        incident: FIRST,
        into: IncidentId(2),
        by: ANA,
    };
    handle(&mut book, 4, merged);
    handle(&mut book, 5, BookInput::AlertResolved { alert: AlertId(0) });
    let open: Vec<_> = book.open().map(|incident| incident.id).collect();
    assert_eq!(open, [IncidentId(2)], "the second one is over");
}

#[test]
fn time_does_not_go_back() {
    let mut book = IncidentBook::new(teams(1, Grouping::default()));
    fire(&mut book, 10, 0, 0);
    let before = book.clone();
    let error = book.handle(secs(9), BookInput::AlertResolved { alert: AlertId(0) });
    let expected = BookError::Earlier {
        now: secs(10),
        at: secs(9),
    };
    assert_eq!(error, Err(expected));
    assert_eq!(book, before);
}

/// As many alerts as there are, evenly over a minute and over services.
fn storm(book: &mut IncidentBook, alerts: u32, services: u32) -> Vec<BookEvent> {
    for alert in 0..alerts {
        let now = Micros(u64::from(alert) * 60_000_000 / u64::from(alerts));
        // A stride that shares no factor with the number of services visits all of them.
        let service = ServiceId((alert * 7 % services) as u16);
        let input = BookInput::AlertFired {
            alert: AlertId(alert),
            service,
            region: None,
            urgency: Urgency::Page,
        };
        book.handle(now, input).expect("alerts are never refused");
    }
    drain(book)
}

/// An incident that is acted upon at 330 s, with Ana in command.
fn mitigating() -> IncidentBook {
    let mut book = IncidentBook::new(teams(1, Grouping::default()));
    fire(&mut book, 0, 0, 0);
    measure(&mut book, 30, Ppm::percent(20));
    let page = BookInput::PageAcknowledged { page: PageId(0) };
    handle(&mut book, 60, page);
    assume(&mut book, 90, IncidentRole::Commander, ANA);
    act(&mut book, 330);
    assert_eq!(phase(&book), Phase::Mitigating);
    book
}

/// Services belong to teams in turn; each team pages one person, three times, every five minutes.
fn teams(count: u16, grouping: Grouping) -> BookSetup {
    let rule = |service| OwnershipRule {
        service: Some(ServiceId(service)),
        region: None,
        team: TeamId(service % count),
    };
    let roster = Roster {
        policies: (0..count)
            .map(|team| EscalationPolicy::single(PersonId(100 + team), mins(5), 3))
            .collect(),
        teams: (0..count)
            .map(|team| Team {
                policy: EscalationId(team),
            })
            .collect(),
        ownership: (0..500).map(rule).collect(),
        ..Roster::default()
    };
    assert_eq!(roster.check(), Ok(()));
    BookSetup {
        roster,
        grouping,
        severity: SeverityPolicy::default(),
        flow: FlowPolicy::default(),
        status: vec![],
    }
}

fn fire(book: &mut IncidentBook, second: u64, alert: u32, service: u16) {
    let input = BookInput::AlertFired {
        alert: AlertId(alert),
        service: ServiceId(service),
        region: None,
        urgency: Urgency::Page,
    };
    handle(book, second, input);
}

fn measure(book: &mut IncidentBook, second: u64, users: Ppm) {
    let impact = Impact {
        users,
        regions: 1,
        ..Impact::default()
    };
    let input = BookInput::ImpactMeasured {
        incident: FIRST,
        impact,
    };
    handle(book, second, input);
}

fn assume(book: &mut IncidentBook, second: u64, role: IncidentRole, person: PersonId) {
    let input = BookInput::RoleAssumed {
        incident: FIRST,
        role,
        person,
    };
    handle(book, second, input);
}

fn act(book: &mut IncidentBook, second: u64) {
    let input = BookInput::ActionBegun {
        incident: FIRST,
        action: ActionId(0),
    };
    handle(book, second, input);
}

fn handle(book: &mut IncidentBook, second: u64, input: BookInput) {
    book.handle(secs(second), input)
        .unwrap_or_else(|error| panic!("{input:?}: {error}"));
}

fn phase(book: &IncidentBook) -> Phase {
    book.incidents()[0].lifecycle.phase()
}

fn drain(book: &mut IncidentBook) -> Vec<BookEvent> {
    std::iter::from_fn(|| book.poll_event()).collect()
}

fn pages(events: &[BookEvent]) -> usize {
    let is_page = |event: &&BookEvent| matches!(event, BookEvent::Pager(PagerEvent::Page { .. }));
    events.iter().filter(is_page).count()
}

fn moves(events: &[BookEvent]) -> Vec<Phase> {
    let to = |event: &BookEvent| match event {
        BookEvent::Moved(_, moved) => Some(moved.to),
        BookEvent::Opened { .. }
        | BookEvent::Joined { .. }
        | BookEvent::Pager(_)
        | BookEvent::Severity(..)
        | BookEvent::Posted(..)
        | BookEvent::StatusMissed(..)
        | BookEvent::Role(..) => None,
    };
    events.iter().filter_map(to).collect()
}

const fn secs(seconds: u64) -> Micros {
    Micros::from_secs(seconds)
}

const fn mins(minutes: u64) -> Micros {
    Micros::from_mins(minutes)
}
