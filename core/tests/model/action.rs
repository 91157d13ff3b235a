//! What can happen. Targets are indices into whatever there is at that moment.

use proptest::prelude::*;

use super::deeds::OVERRIDE_BY;

/// How good a scrape looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quality {
    Good,
    Errors,
    Slow,
    /// Too few requests to tell.
    Tiny,
    /// No instance answers its health check.
    Down,
}

/// How old a scrape is when it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Age {
    Fresh,
    Late,
    Stale,
}

/// On whose behalf a scrape speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arm {
    Candidate,
    Control,
}

/// Why a scrape cannot be true.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lie {
    Empty,
    FromTheFuture,
    ErrorsAboveRequests,
    UpAboveTotal,
}

/// What becomes of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Done,
    Failed,
    /// It was carried out and reported as failed: the answer got lost.
    DoneSeemsFailed,
    /// It was carried out and stays on the way: it will arrive again.
    DoneComesAgain,
}

/// What the telemetry of a stretch of time shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Good,
    Bad,
    /// Only the control arm reports.
    Blind,
    /// The candidate has next to no traffic.
    Quiet,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Propose {
        config: u8,
        author: u8,
        value: u8,
        plan: u8,
    },
    Review {
        change: u8,
        reviewer: u8,
        approve: bool,
    },
    /// Propose and approve by people who may.
    Launch {
        config: u8,
        value: u8,
        plan: u8,
    },
    /// Time passes; the driver wakes at every timer, or not before the next input.
    Wait {
        seconds: u16,
        prompt: bool,
    },
    Scrape {
        service: u8,
        region: u8,
        arm: Arm,
        quality: Quality,
        age: Age,
    },
    FalseScrape {
        service: u8,
        lie: Lie,
    },
    /// Distribution deals with one command.
    Take {
        command: u8,
        fate: Fate,
    },
    /// Distribution refuses every command for a while.
    Outage {
        ticks: u8,
    },
    /// Somebody reports on a command that was reported on, or never given.
    ReportAgain {
        command: u8,
        failed: bool,
    },
    Distribute {
        hosts: u8,
    },
    Reach {
        host: u8,
        reachable: bool,
    },
    /// Distribution counts a rollout's instances; the report arrives now or later.
    Count {
        rollout: u8,
        region: u8,
        arrives: bool,
    },
    /// A report that was on the way arrives, whatever happened since.
    Deliver {
        report: u8,
    },
    FalseReport {
        rollout: u8,
    },
    Overreach {
        rollout: u8,
        region: u8,
    },
    Order {
        rollout: u8,
        order: u8,
        by: u8,
    },
    Acknowledge {
        page: u8,
        by: u8,
    },
    /// Somebody wants an action against an outage.
    Wish {
        what: u8,
        target: u8,
        by: u8,
        key: u8,
    },
    /// The world, or somebody, tells about an action.
    Tell {
        action: u8,
        fact: u8,
    },
    /// Regions report, one is drained.
    Drain {
        region: u8,
        steps: u8,
    },
    /// Two people want a verdict overridden.
    Overrule {
        rollout: u8,
        asks: u8,
        seconds: u8,
    },
    /// Somebody says something about an incident.
    Say {
        incident: u8,
        by: u8,
        what: u8,
        whom: u8,
    },
    /// Users complain, or stop to.
    Trouble {
        service: u8,
        over: bool,
    },
    LoadHistory {
        slo: u8,
        bad_share: u8,
    },
    TurnBackTime {
        seconds: u16,
    },
    /// Distribution moves `pace` hosts a scrape and telemetry flows for a while.
    Flow {
        ticks: u8,
        pace: u8,
        weather: Weather,
    },
}

fn any_quality() -> impl Strategy<Value = Quality> {
    use Quality::{Down, Errors, Good, Slow, Tiny};
    prop_oneof![4 => Just(Good), 3 => Just(Errors), 1 => Just(Slow), 1 => Just(Tiny), 1 => Just(Down)]
}

fn any_scrape() -> impl Strategy<Value = Action> {
    let arm = prop_oneof![Just(Arm::Candidate), Just(Arm::Control)];
    let age = prop_oneof![4 => Just(Age::Fresh), 1 => Just(Age::Late), 1 => Just(Age::Stale)];
    (any::<u8>(), any::<u8>(), arm, any_quality(), age).prop_map(
        |(service, region, arm, quality, age)| Action::Scrape {
            service,
            region,
            arm,
            quality,
            age,
        },
    )
}

fn any_change() -> impl Strategy<Value = Action> {
    let propose = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()).prop_map(
        |(config, author, value, plan)| Action::Propose {
            config,
            author,
            value,
            plan,
        },
    );
    let review = (any::<u8>(), any::<u8>(), prop::bool::weighted(0.8)).prop_map(
        |(change, reviewer, approve)| Action::Review {
            change,
            reviewer,
            approve,
        },
    );
    let launch =
        (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(config, value, plan)| Action::Launch {
            config,
            value,
            plan,
        });
    prop_oneof![2 => propose, 2 => review, 3 => launch]
}

fn any_distribution() -> impl Strategy<Value = Action> {
    let fate = prop_oneof![
        3 => Just(Fate::Done),
        3 => Just(Fate::Failed),
        1 => Just(Fate::DoneSeemsFailed),
        1 => Just(Fate::DoneComesAgain),
    ];
    prop_oneof![
        4 => (any::<u8>(), fate).prop_map(|(command, fate)| Action::Take { command, fate }),
        1 => (any::<u8>(), any::<bool>())
            .prop_map(|(command, failed)| Action::ReportAgain { command, failed }),
        2 => (1..4_u8).prop_map(|ticks| Action::Outage { ticks }),
        3 => any::<u8>().prop_map(|hosts| Action::Distribute { hosts }),
        2 => (any::<u8>(), any::<bool>())
            .prop_map(|(host, reachable)| Action::Reach { host, reachable }),
        3 => (any::<u8>(), any::<u8>(), any::<bool>())
            .prop_map(|(rollout, region, arrives)| Action::Count { rollout, region, arrives }),
        5 => any::<u8>().prop_map(|report| Action::Deliver { report }),
        1 => any::<u8>().prop_map(|rollout| Action::FalseReport { rollout }),
        1 => (any::<u8>(), any::<u8>())
            .prop_map(|(rollout, region)| Action::Overreach { rollout, region }),
    ]
}

fn any_person() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(rollout, order, by)| Action::Order { rollout, order, by }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(page, by)| Action::Acknowledge { page, by }),
        5 => (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(incident, by, what, whom)| Action::Say { incident, by, what, whom }),
        1 => (any::<u8>(), any::<bool>())
            .prop_map(|(service, over)| Action::Trouble { service, over }),
    ]
}

fn any_flow() -> impl Strategy<Value = Action> {
    let weather = prop_oneof![
        6 => Just(Weather::Good),
        2 => Just(Weather::Bad),
        1 => Just(Weather::Blind),
        1 => Just(Weather::Quiet),
    ];
    (1..14_u8, 1..20_u8, weather).prop_map(|(ticks, pace, weather)| Action::Flow {
        ticks,
        pace,
        weather,
    })
}

fn any_lie() -> impl Strategy<Value = Action> {
    let lie = prop_oneof![
        Just(Lie::Empty),
        Just(Lie::FromTheFuture),
        Just(Lie::ErrorsAboveRequests),
        Just(Lie::UpAboveTotal),
    ];
    (any::<u8>(), lie).prop_map(|(service, lie)| Action::FalseScrape { service, lie })
}

fn any_remedy() -> impl Strategy<Value = Action> {
    let overrule = prop_oneof![
        3 => Just(OVERRIDE_BY),
        1 => (any::<u8>(), any::<u8>()),
    ];
    prop_oneof![
        5 => (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()).prop_map(
            |(what, target, by, key)| Action::Wish { what, target, by, key },
        ),
        5 => (any::<u8>(), any::<u8>()).prop_map(|(action, fact)| Action::Tell { action, fact }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(region, steps)| Action::Drain { region, steps }),
        3 => (any::<u8>(), overrule).prop_map(|(rollout, (asks, seconds))| Action::Overrule {
            rollout,
            asks,
            seconds,
        }),
    ]
}

/// Anything that can happen.
pub(crate) fn any_action() -> impl Strategy<Value = Action> {
    let wait = (1..150_u16, prop::bool::weighted(0.6))
        .prop_map(|(seconds, prompt)| Action::Wait { seconds, prompt });
    let history =
        (any::<u8>(), 0..40_u8).prop_map(|(slo, bad_share)| Action::LoadHistory { slo, bad_share });
    prop_oneof![
        10 => any_change(),
        10 => any_scrape(),
        16 => any_distribution(),
        8 => any_person(),
        4 => any_remedy(),
        8 => wait,
        12 => any_flow(),
        1 => any_lie(),
        1 => history,
        1 => (1..99_u16).prop_map(|seconds| Action::TurnBackTime { seconds }),
    ]
}
