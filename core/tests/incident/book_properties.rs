//! What holds of the book whatever happens.

use std::collections::BTreeSet;

use proptest::prelude::*;

use firedrill_core::Micros;
use firedrill_core::health::Urgency;
use firedrill_core::ids::{
    ActionId, AlertId, EscalationId, IncidentId, PageId, PersonId, RegionId, ServiceId, TeamId,
};
use firedrill_core::incident::{
    Audience, BookError, BookEvent, BookInput, BookSetup, EscalationPolicy, FlowPolicy, GroupBy,
    Grouping, Impact, IncidentBook, IncidentDesk, IncidentEvent, IncidentRole, OwnershipRule,
    PagerEvent, PagingPolicy, Phase, Remark, Roster, Severity, SeverityPolicy, StatusPolicy,
    StormPolicy, Team,
};
use firedrill_core::ratio::Ppm;

/// The time between two inputs.
const STEP: Micros = Micros::from_mins(2);
const PEOPLE: u16 = 4;
const ALERTS: u32 = 8;

proptest! {
    #![proptest_config(crate::config())]

    /// At most one person commands an incident, and nobody is their own deputy.
    #[test]
    fn at_most_one_active_commander(setup in any_setup(), inputs in any_inputs(1..120)) {
        let mut book = IncidentBook::new(setup);
        for (now, input) in timed(Micros::ZERO, &inputs) {
            let _ = book.handle(now, input);
            for incident in book.incidents() {
                let commanders: Vec<_> = incident.roles.holders(IncidentRole::Commander).collect();
                prop_assert!(commanders.len() <= 1, "{commanders:?}");
                let deputy = incident.roles.holders(IncidentRole::Deputy).next();
                prop_assert!(deputy.is_none() || deputy != commanders.first().copied());
            }
        }
    }

    /// Every alert that fires is part of one incident that is not merged, and the events say how it
    /// came there; an open incident stays open only while something holds it open.
    #[test]
    fn no_alert_is_lost(setup in any_setup(), inputs in any_inputs(1..120)) {
        let mut book = IncidentBook::new(setup);
        let mut firing = BTreeSet::new();
        let mut told = BTreeSet::new();
        for (now, input) in timed(Micros::ZERO, &inputs) {
            let taken = book.handle(now, input).is_ok();
            if let BookInput::AlertFired { alert, .. } = input {
                prop_assert!(taken, "alerts are never refused");
                firing.insert(alert);
            }
            if let BookInput::AlertResolved { alert } = input {
                firing.remove(&alert);
            }
            while let Some(event) = book.poll_event() {
                if let BookEvent::Opened { incident, alert, .. }
                | BookEvent::Joined { incident, alert, .. } = event
                {
                    told.insert((incident, alert));
                }
            }
            for alert in &firing {
                let homes: Vec<_> = book
                    .incidents()
                    .iter()
                    .filter(|it| it.lifecycle.phase() != Phase::Merged)
                    .filter(|it| it.alerts.contains(alert) && it.is_firing())
                    .filter(|it| told.contains(&(it.id, *alert)))
                    .collect();
                prop_assert!(!homes.is_empty(), "{alert} is nowhere");
            }
        }
    }

    /// When everything stops firing and harming, every incident that nobody declared ends at once,
    /// and every other one after its time of quiet; nobody is paged any more.
    #[test]
    fn every_incident_ends_when_the_trouble_does(
        setup in any_setup(),
        inputs in any_inputs(1..120),
    ) {
        let mut book = IncidentBook::new(setup);
        let mut now = Micros::ZERO;
        for (at, input) in timed(now, &inputs) {
            let _ = book.handle(at, input);
            now = at;
        }
        for alert in (0..ALERTS).map(AlertId) {
            book.handle(now, BookInput::AlertResolved { alert }).unwrap();
        }
        let open: Vec<_> = book.open().map(|incident| incident.id).collect();
        for incident in open {
            let input = BookInput::ImpactMeasured { incident, impact: Impact::default() };
            book.handle(now, input).unwrap();
        }
        // Only the readers of status pages may wait for ever, and each deadline is a miss.
        let mut wakes = 0;
        while let Some(due) = book.poll_timeout() {
            if book.open().count() == 0 {
                break;
            }
            book.handle_timeout(due);
            wakes += 1;
            prop_assert!(wakes < 1_000, "{:?}", book.open().collect::<Vec<_>>());
        }
        prop_assert_eq!(book.open().count(), 0);
    }

    /// A clone taken midway says the same as the original, however late its driver wakes.
    #[test]
    fn a_clone_goes_on_alike(
        setup in any_setup(),
        before in any_inputs(1..60),
        after in any_inputs(1..60),
    ) {
        let mut book = IncidentBook::new(setup);
        for (now, input) in timed(Micros::ZERO, &before) {
            let _ = book.handle(now, input);
        }
        let mut copy = book.clone();
        let later = Micros(STEP.0 * before.len() as u64);
        for (now, input) in timed(later, &after) {
            while let Some(due) = copy.poll_timeout().filter(|due| *due <= now) {
                copy.handle_timeout(due);
            }
            prop_assert_eq!(book.handle(now, input), copy.handle(now, input));
        }
        prop_assert_eq!(book, copy);
    }

    /// What is refused changes nothing but time.
    #[test]
    fn a_refused_input_changes_nothing(setup in any_setup(), inputs in any_inputs(1..120)) {
        let mut book = IncidentBook::new(setup);
        for (now, input) in timed(Micros::ZERO, &inputs) {
            book.handle_timeout(now);
            let before = book.clone();
            if book.handle(now, input).is_err() {
                prop_assert_eq!(&book, &before);
            }
        }
    }

    /// A book that is set up like the small desk asks for the same pages at the same times.
    #[test]
    fn a_book_can_stand_in_for_the_small_desk(
        steps in prop::collection::vec((0_u8..4, 0_u32..4, 0_u64..8), 1..80),
        pages_max in 1_u32..4,
    ) {
        let policy = PagingPolicy { acknowledge_within: Micros::from_mins(5), pages_max };
        let mut desk = IncidentDesk::new(policy);
        let mut book = IncidentBook::new(BookSetup::desk(policy));
        let mut now = Micros::ZERO;
        for (kind, id, wait) in steps {
            now = now + Micros::from_mins(wait);
            while let Some(due) = desk.poll_timeout().filter(|due| *due <= now) {
                prop_assert_eq!(book.poll_timeout(), Some(due));
                desk.handle_timeout(due);
                book.handle_timeout(due);
            }
            let _ = match kind {
                0 => {
                    desk.alert_fired(now, AlertId(id));
                    book.handle(now, fired(AlertId(id), ServiceId(0), None, Urgency::Page))
                }
                1 => {
                    desk.alert_resolved(AlertId(id));
                    book.handle(now, BookInput::AlertResolved { alert: AlertId(id) })
                }
                2 => {
                    desk.acknowledged(PageId(id));
                    book.handle(now, BookInput::PageAcknowledged { page: PageId(id) })
                }
                _ => Ok::<_, BookError>(()),
            };
            let wanted: Vec<_> = std::iter::from_fn(|| desk.poll_event()).collect();
            let given: Vec<_> = std::iter::from_fn(|| book.poll_event())
                .filter_map(|event| as_desk(event, &wanted))
                .collect();
            prop_assert_eq!(given, wanted);
        }
    }
}

/// What the small desk would have said, if anything. It names the page that was acknowledged, the
/// book the person; so the page is taken from the desk.
fn as_desk(event: BookEvent, wanted: &[IncidentEvent]) -> Option<IncidentEvent> {
    let page_of = |incident| {
        let acknowledged = |event: &IncidentEvent| {
            if let IncidentEvent::Acknowledged(id, page) = event {
                (*id == incident).then_some(*page)
            } else {
                None
            }
        };
        wanted.iter().find_map(acknowledged)
    };
    match event {
        BookEvent::Opened {
            incident, alert, ..
        } => Some(IncidentEvent::Opened(incident, alert)),
        BookEvent::Joined {
            incident, alert, ..
        } => Some(IncidentEvent::Joined(incident, alert)),
        BookEvent::Pager(PagerEvent::Page {
            incident,
            page,
            attempt,
            ..
        }) => Some(IncidentEvent::Page {
            incident,
            page,
            attempt,
        }),
        BookEvent::Pager(PagerEvent::Exhausted(incident)) => Some(IncidentEvent::GaveUp(incident)),
        BookEvent::Pager(PagerEvent::Acknowledged(incident, _)) => {
            let page = page_of(incident).unwrap_or(PageId(u32::MAX));
            Some(IncidentEvent::Acknowledged(incident, page))
        }
        BookEvent::Pager(PagerEvent::Resolved(incident)) => Some(IncidentEvent::Resolved(incident)),
        BookEvent::Pager(
            PagerEvent::Skipped(..) | PagerEvent::Lapsed(..) | PagerEvent::Rerouted(..),
        )
        | BookEvent::Moved(..)
        | BookEvent::Severity(..)
        | BookEvent::Posted(..)
        | BookEvent::StatusMissed(..)
        | BookEvent::Role(..) => None,
    }
}

fn timed(from: Micros, inputs: &[BookInput]) -> impl Iterator<Item = (Micros, BookInput)> {
    (0..)
        .map(move |index| from + Micros(STEP.0 * index))
        .zip(inputs.iter().copied())
}

const fn fired(
    alert: AlertId,
    service: ServiceId,
    region: Option<RegionId>,
    urgency: Urgency,
) -> BookInput {
    BookInput::AlertFired {
        alert,
        service,
        region,
        urgency,
    }
}

fn any_setup() -> impl Strategy<Value = BookSetup> {
    let by = prop_oneof![
        Just(GroupBy::Everything),
        Just(GroupBy::Team),
        Just(GroupBy::Service),
        Just(GroupBy::ServiceAndRegion),
    ];
    let minutes = || prop::option::of((1_u64..60).prop_map(Micros::from_mins));
    (
        by,
        minutes(),
        minutes(),
        any::<bool>(),
        minutes(),
        0_u64..40,
    )
        .prop_map(
            |(by, join_within, reopen_within, storm, acknowledge_timeout, monitor)| BookSetup {
                roster: roster(acknowledge_timeout),
                grouping: Grouping {
                    by,
                    join_within,
                    reopen_within,
                    storm: storm.then(StormPolicy::default),
                },
                severity: SeverityPolicy::default(),
                flow: FlowPolicy {
                    monitor_for: Micros::from_mins(monitor),
                    ..FlowPolicy::default()
                },
                status: [Audience::Internal, Audience::Public]
                    .map(|audience| (audience, StatusPolicy::usual(audience)))
                    .to_vec(),
            },
        )
}

fn roster(acknowledge_timeout: Option<Micros>) -> Roster {
    let policy = |person| EscalationPolicy {
        acknowledge_timeout,
        ..EscalationPolicy::single(PersonId(person), Micros::from_mins(5), 2)
    };
    let rule = |service| OwnershipRule {
        service: Some(ServiceId(service)),
        region: None,
        team: TeamId(service),
    };
    Roster {
        policies: (0..4).map(policy).collect(),
        teams: (0..4)
            .map(|team| Team {
                policy: EscalationId(team),
            })
            .collect(),
        ownership: (0..4).map(rule).collect(),
        ..Roster::default()
    }
}

fn any_inputs(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<BookInput>> {
    let input = prop_oneof![3 => any_alert(), 2 => any_work(), 2 => any_role(), 1 => any_end()];
    prop::collection::vec(input, count)
}

fn any_alert() -> impl Strategy<Value = BookInput> {
    let urgency = prop_oneof![3 => Just(Urgency::Page), 1 => Just(Urgency::Ticket)];
    let region = prop::option::of((0_u16..2).prop_map(RegionId));
    prop_oneof![
        3 => ((0..ALERTS).prop_map(AlertId), (0_u16..4).prop_map(ServiceId), region, urgency)
            .prop_map(|(alert, service, region, urgency)| fired(alert, service, region, urgency)),
        2 => (0..ALERTS).prop_map(|alert| BookInput::AlertResolved { alert: AlertId(alert) }),
        1 => (0_u32..12).prop_map(|page| BookInput::PageAcknowledged { page: PageId(page) }),
    ]
}

fn any_work() -> impl Strategy<Value = BookInput> {
    let users = prop_oneof![Just(0_u32), 1_u32..1_000_000];
    prop_oneof![
        (any_incident(), any_person()).prop_map(|(incident, by)| BookInput::Taken { incident, by }),
        (any_incident(), users).prop_map(|(incident, users)| BookInput::ImpactMeasured {
            incident,
            impact: Impact {
                users: Ppm(users),
                regions: 1,
                ..Impact::default()
            },
        }),
        (any_incident(), any_person())
            .prop_map(|(incident, by)| BookInput::CauseNamed { incident, by }),
        (any_incident(), any_person())
            .prop_map(|(incident, by)| BookInput::SearchResumed { incident, by }),
        any_incident().prop_map(|incident| BookInput::ActionBegun {
            incident,
            action: ActionId(0)
        }),
        (any_incident(), any_severity(), any_person()).prop_map(|(incident, severity, by)| {
            BookInput::SeverityDecided {
                incident,
                severity,
                by,
            }
        }),
        (
            any_incident(),
            prop::option::of(any_severity()),
            any_person()
        )
            .prop_map(|(incident, severity, by)| BookInput::Declared {
                incident,
                severity,
                by
            }),
    ]
}

fn any_role() -> impl Strategy<Value = BookInput> {
    let role = || {
        prop_oneof![
            3 => Just(IncidentRole::Commander),
            2 => Just(IncidentRole::Deputy),
            1 => Just(IncidentRole::Expert(ServiceId(0))),
        ]
    };
    prop_oneof![
        (any_incident(), role(), any_person()).prop_map(|(incident, role, person)| {
            BookInput::RoleAssumed {
                incident,
                role,
                person,
            }
        }),
        (any_incident(), role(), any_person(), any_person()).prop_map(
            |(incident, role, from, to)| BookInput::RoleOffered {
                incident,
                role,
                from,
                to
            }
        ),
        (any_incident(), role(), any_person(), any::<bool>()).prop_map(
            |(incident, role, person, accepted)| BookInput::RoleAnswered {
                incident,
                role,
                person,
                accepted,
            }
        ),
        (any_incident(), role(), any_person()).prop_map(|(incident, role, person)| {
            BookInput::RoleReleased {
                incident,
                role,
                person,
            }
        }),
    ]
}

fn any_end() -> impl Strategy<Value = BookInput> {
    prop_oneof![
        (any_incident(), any_incident(), any_person())
            .prop_map(|(incident, into, by)| BookInput::Merged { incident, into, by }),
        (any_incident(), (0_u16..5).prop_map(TeamId), any_person())
            .prop_map(|(incident, to, by)| BookInput::Rerouted { incident, to, by }),
        (any_incident(), any_person())
            .prop_map(|(incident, by)| BookInput::Cancelled { incident, by }),
        (any_incident(), any_person())
            .prop_map(|(incident, by)| BookInput::Reviewed { incident, by }),
        (any_incident(), any_person()).prop_map(|(incident, by)| BookInput::Said {
            incident,
            by,
            remark: Remark::CalledExpert(ServiceId(0)),
        }),
        (any_incident(), any::<bool>(), any_person()).prop_map(|(incident, public, by)| {
            let audience = if public {
                Audience::Public
            } else {
                Audience::Internal
            };
            BookInput::Posted {
                incident,
                audience,
                by,
            }
        }),
    ]
}

fn any_incident() -> impl Strategy<Value = IncidentId> {
    (0_u32..5).prop_map(IncidentId)
}

fn any_person() -> impl Strategy<Value = PersonId> {
    (0..PEOPLE).prop_map(PersonId)
}

fn any_severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL.to_vec())
}
