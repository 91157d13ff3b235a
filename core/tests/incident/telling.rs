//! What is said of an incident: its channel, and its status pages.

use firedrill_core::Micros;
use firedrill_core::health::Urgency;
use firedrill_core::ids::{AlertId, ChangeId, IncidentId, PageId, PersonId, ServiceId};
use firedrill_core::incident::{
    Audience, BookError, BookEvent, BookInput, BookSetup, EscalationPolicy, FlowPolicy, Grouping,
    Impact, IncidentBook, Miss, Phase, PostKind, Remark, Roster, Said, SeverityPolicy, Stance,
    StatusPolicy,
};
use firedrill_core::ratio::Ppm;

const INCIDENT: IncidentId = IncidentId(0);
const ANA: PersonId = PersonId(0);

#[test]
fn readers_are_owed_posts_from_the_declaration_to_the_end() {
    let mut book = declared();
    assert_eq!(owed(&book), [Some((PostKind::First, mins(6))); 2]);
    post(&mut book, 4, Audience::Public).unwrap();
    assert_eq!(owed(&book)[1], Some((PostKind::Update, mins(24))));
    end(&mut book, 20);
    let end = mins(20 + 30);
    book.handle_timeout(end);
    assert_eq!(
        book.incidents()[0].lifecycle.first(Phase::Resolved),
        Some(end)
    );
    // The internal page was never posted to, so nobody waits for its end.
    assert_eq!(owed(&book), [None, Some((PostKind::Final, end + mins(20)))]);
    post(&mut book, 60, Audience::Public).unwrap();
    assert_eq!(owed(&book), [None, None]);
    let nothing = post(&mut book, 61, Audience::Public);
    assert_eq!(nothing, Err(BookError::NothingOwed(INCIDENT)));
}

#[test]
fn a_deadline_that_passes_is_told_also_when_the_incident_is_over() {
    let mut book = declared();
    post(&mut book, 2, Audience::Internal).unwrap();
    post(&mut book, 3, Audience::Public).unwrap();
    end(&mut book, 5);
    post(&mut book, 20, Audience::Internal).unwrap();
    book.handle_timeout(mins(54));
    let misses: Vec<_> = std::iter::from_fn(|| book.poll_event())
        .filter_map(|event| match event {
            BookEvent::StatusMissed(_, miss) => Some(miss),
            BookEvent::Opened { .. }
            | BookEvent::Joined { .. }
            | BookEvent::Pager(_)
            | BookEvent::Moved(..)
            | BookEvent::Severity(..)
            | BookEvent::Role(..)
            | BookEvent::Posted(..) => None,
        })
        .collect();
    let miss = |audience, kind, due| Miss {
        audience,
        kind,
        due: mins(due),
    };
    // The all-clear is at minute 35; the end is owed within 20 minutes of it.
    assert_eq!(misses, [miss(Audience::Public, PostKind::Update, 23)]);
    book.handle_timeout(mins(56));
    let late: Vec<_> = std::iter::from_fn(|| book.poll_event()).collect();
    let ends = [Audience::Internal, Audience::Public]
        .map(|audience| BookEvent::StatusMissed(INCIDENT, miss(audience, PostKind::Final, 55)));
    assert_eq!(late, ends);
}

#[test]
fn the_channel_holds_what_happened_and_what_was_said() {
    let mut book = declared();
    let remark = Remark::Suspects {
        change: ChangeId(7),
        stance: Stance::RuledOut,
    };
    let said = BookInput::Said {
        incident: INCIDENT,
        by: ANA,
        remark,
    };
    book.handle(mins(3), said).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| book.poll_event()).collect();
    let channel = &book.incidents()[0].channel;
    assert_eq!(
        channel.remarks().collect::<Vec<_>>(),
        [(mins(3), ANA, remark)]
    );
    let happened: Vec<_> = channel
        .entries()
        .iter()
        .filter_map(|entry| match entry.said {
            Said::Happened(event) => Some(event),
            Said::Remark(..) => None,
        })
        .collect();
    assert_eq!(happened, events, "the channel holds every event");
    assert!(channel.entries().is_sorted_by_key(|entry| entry.at));
}

/// An incident that is declared at minute 1, with a tenth of the users harmed.
fn declared() -> IncidentBook {
    let policy = EscalationPolicy::single(ANA, mins(5), 3);
    let status = [Audience::Internal, Audience::Public];
    let mut book = IncidentBook::new(BookSetup {
        roster: Roster::single(policy),
        grouping: Grouping::default(),
        severity: SeverityPolicy::default(),
        flow: FlowPolicy::default(),
        status: status
            .map(|audience| (audience, StatusPolicy::usual(audience)))
            .to_vec(),
    });
    let fired = BookInput::AlertFired {
        alert: AlertId(0),
        service: ServiceId(0),
        region: None,
        urgency: Urgency::Page,
    };
    book.handle(mins(0), fired)
        .expect("alerts are never refused");
    measure(&mut book, 0, Ppm::percent(10));
    let page = BookInput::PageAcknowledged { page: PageId(0) };
    book.handle(mins(1), page).expect("the page was sent");
    assert!(book.incidents()[0].lifecycle.is_declared());
    book
}

/// Nobody is harmed any more, and nothing fires.
fn end(book: &mut IncidentBook, minute: u64) {
    measure(book, minute, Ppm::ZERO);
    let resolved = BookInput::AlertResolved { alert: AlertId(0) };
    book.handle(mins(minute), resolved)
        .expect("alerts are never refused");
}

fn measure(book: &mut IncidentBook, minute: u64, users: Ppm) {
    let input = BookInput::ImpactMeasured {
        incident: INCIDENT,
        impact: Impact {
            users,
            ..Impact::default()
        },
    };
    book.handle(mins(minute), input)
        .expect("the incident is open");
}

fn post(book: &mut IncidentBook, minute: u64, audience: Audience) -> Result<(), BookError> {
    let input = BookInput::Posted {
        incident: INCIDENT,
        audience,
        by: ANA,
    };
    book.handle(mins(minute), input)
}

/// What is owed internally and publicly.
fn owed(book: &IncidentBook) -> [Option<(PostKind, Micros)>; 2] {
    let status = &book.incidents()[0].status;
    [status[0].owed(), status[1].owed()]
}

const fn mins(minutes: u64) -> Micros {
    Micros::from_mins(minutes)
}
