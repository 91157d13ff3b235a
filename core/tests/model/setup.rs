//! The setup of the model: two services with a config each, three plans, three objectives.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::alerting::suspects::SuspectPolicy;
use firedrill_core::alerting::{
    InhibitionRule, Matcher, PipelinePolicy, RouteSpec, Symptom, SymptomPolicy, SymptomRule,
    TimingSpec,
};
use firedrill_core::config::{KeySpec, KeyType, Principal, Role, Rule, Schema, Value};
use firedrill_core::health::{
    BurnRule, Check, Indicator, JudgePolicy, Limit, LowTraffic, Signal, Slo, Urgency,
};
use firedrill_core::ids::{EscalationId, PersonId, ReceiverId, RegionId, ServiceId, TeamId};
use firedrill_core::incident::{
    Audience as IncidentAudience, BookSetup, EscalationPolicy, GroupBy, OwnershipRule,
    PagingPolicy, Severity, StatusPolicy, Team,
};
use firedrill_core::plane::{ConfigSetup, NotifyingPolicy, RetryPolicy, Setup};
use firedrill_core::remediation::{AutomationMode, RemediationPolicy};
use firedrill_core::rollout::{
    Audience, Placement, Plan, Reaction, Share, Stage, StageKind, Target,
};
use firedrill_core::{Micros, Ppm};

/// The window that a scrape covers.
pub(crate) const SCRAPE: Micros = Micros::from_secs(10);
/// What a judge calls stale.
pub(crate) const STALE_AFTER: Micros = Micros::from_secs(30);
/// The smallest sample that a judge accepts, in requests.
pub(crate) const SAMPLE_MIN: u64 = 100;
/// Services, and configs: service `n` runs config `n`.
pub(crate) const SERVICES: u16 = 2;
/// As often a team is paged for an incident.
pub(crate) const PAGES_MAX: u32 = 3;
/// Regions.
pub(crate) const REGIONS: u16 = 2;

/// Instances of each service, by region.
pub(crate) fn instances() -> BTreeMap<ServiceId, BTreeMap<RegionId, u32>> {
    let regions = |a, b| BTreeMap::from([(RegionId(0), a), (RegionId(1), b)]);
    [(ServiceId(0), regions(6, 4)), (ServiceId(1), regions(5, 3))].into()
}

/// Everybody who may act, allowed or not.
pub(crate) fn principal(index: u8) -> Principal {
    let (name, role) = [
        ("dev", Role::Developer),
        ("owner", Role::Owner),
        ("on-call", Role::SiteReliability),
        ("bot", Role::Automation),
        ("dev", Role::Owner),
    ][usize::from(index) % 5];
    Principal {
        name: name.into(),
        role,
    }
}

/// Whether alerts are told through a pipeline; in the other modes each is told at once.
pub(crate) const fn is_grouped(automation: AutomationMode) -> bool {
    matches!(
        automation,
        AutomationMode::AutomaticForCanary | AutomationMode::Off
    )
}

/// The setup.
pub(crate) fn setup(automation: AutomationMode) -> Setup {
    let config = |service: u16| ConfigSetup {
        schema: schema(["auth", "feed"][usize::from(service)]),
        service: ServiceId(service),
        plans: vec![careful(), patient(), bold()],
    };
    Setup {
        configs: (0..SERVICES).map(config).collect(),
        instances: instances(),
        slos: vec![
            slo(Indicator::Errors {
                service: ServiceId(0),
                class: None,
            }),
            slo(Indicator::Slow {
                service: ServiceId(0),
                threshold_us: 200_000,
            }),
            slo(Indicator::Errors {
                service: ServiceId(1),
                class: None,
            }),
        ],
        symptoms: symptoms(),
        notifying: is_grouped(automation).then(notifying),
        incidents: incidents(),
        evaluate_every: Micros::from_secs(15),
        suspect_window: Micros::from_mins(10),
        suspicion: SuspectPolicy::default(),
        dependencies: BTreeMap::from([(ServiceId(0), vec![ServiceId(1)])]),
        automation,
        remediation: RemediationPolicy::default(),
        retry: RetryPolicy {
            delay: Micros::from_secs(5),
            attempts_max: 2,
        },
    }
}

/// Errors and silence, of both services.
fn symptoms() -> SymptomPolicy {
    let rule = |name: &str, symptom, urgency| SymptomRule {
        name: name.into(),
        symptom,
        services: BTreeSet::new(),
        urgency,
        hold: Micros::from_secs(15),
        keep_firing: Micros::from_secs(15),
    };
    let errors = Symptom::Beyond(Check {
        signal: Signal::ErrorRatio { class: None },
        limit: Limit::AtMost(200_000),
        sample_min: SAMPLE_MIN,
    });
    SymptomPolicy {
        over: Micros::from_mins(1),
        rules: vec![
            rule("errors-high", errors, Urgency::Page),
            rule("silent", Symptom::Silent, Urgency::Ticket),
        ],
    }
}

/// One group of pages and one of tickets; while a budget burns, nobody hears of tickets.
fn notifying() -> NotifyingPolicy {
    let pages = RouteSpec {
        matchers: vec![Matcher::equal("severity", "page")],
        receiver: Some(ReceiverId(0)),
        ..RouteSpec::default()
    };
    let root = RouteSpec {
        receiver: Some(ReceiverId(1)),
        timing: TimingSpec {
            wait: Some(Micros::from_secs(10)),
            interval: Some(Micros::from_secs(40)),
            repeat: Some(Micros::from_mins(10)),
        },
        routes: vec![pages],
        ..RouteSpec::default()
    };
    NotifyingPolicy {
        pipeline: PipelinePolicy {
            inhibitions: vec![InhibitionRule {
                source: vec![Matcher::equal("severity", "page")],
                target: vec![Matcher::equal("severity", "ticket")],
                equal: vec![],
            }],
            ..PipelinePolicy::new(root)
        },
        pagers: [ReceiverId(0)].into(),
        silences: vec![],
    }
}

/// Two teams, each with a service and one person; posts are owed from the third severity on.
fn incidents() -> BookSetup {
    let mut book = BookSetup::desk(PagingPolicy {
        acknowledge_within: Micros::from_secs(60),
        pages_max: PAGES_MAX,
    });
    let other = EscalationPolicy::single(PersonId(1), Micros::from_secs(60), PAGES_MAX);
    book.roster.policies.push(other);
    book.roster.teams.push(Team {
        policy: EscalationId(1),
    });
    book.roster.ownership.push(OwnershipRule {
        service: Some(ServiceId(1)),
        region: None,
        team: TeamId(1),
    });
    book.grouping.by = GroupBy::Team;
    book.flow.declare_from = Some(Severity::Sev3);
    let readers = [IncidentAudience::Internal, IncidentAudience::Public];
    book.status = readers
        .map(|readers| {
            let policy = StatusPolicy {
                from: Severity::Sev3,
                ..StatusPolicy::usual(readers)
            };
            (readers, policy)
        })
        .to_vec();
    book
}

/// `n` may be 1 to 4; `n = 4` may not be strict.
fn schema(name: &str) -> Schema {
    let n = KeySpec {
        kind: KeyType::Int { min: 1, max: 4 },
        initial: Value::Int(1),
    };
    let strict = KeySpec {
        kind: KeyType::Bool,
        initial: Value::Bool(false),
    };
    Schema {
        name: name.into(),
        keys: [("n".into(), n), ("strict".into(), strict)].into(),
        rules: vec![Rule::Forbid {
            reason: "four is never strict".into(),
            all: [
                ("n".into(), Value::Int(4)),
                ("strict".into(), Value::Bool(true)),
            ]
            .into(),
        }],
    }
}

fn slo(indicator: Indicator) -> Slo {
    let rule = |long, short, factor_milli, urgency| BurnRule {
        long: Micros::from_secs(long),
        short: Micros::from_secs(short),
        factor_milli,
        urgency,
    };
    Slo {
        indicator,
        objective: Ppm::percent(99),
        period: Micros::from_hours(720),
        rules: vec![
            rule(300, 60, 10_000, Urgency::Page),
            rule(600, 120, 2_000, Urgency::Ticket),
        ],
        low_traffic: LowTraffic::default(),
    }
}

fn judge(limit: Limit) -> JudgePolicy {
    JudgePolicy {
        checks: vec![
            Check {
                signal: Signal::ErrorRatio { class: None },
                limit,
                sample_min: SAMPLE_MIN,
            },
            Check {
                signal: Signal::Unavailable,
                limit: Limit::AtMost(500_000),
                sample_min: 1,
            },
        ],
        ..JudgePolicy::threshold(STALE_AFTER)
    }
}

fn stage(name: &str, regions: &[u16], share: Share, on_failure: Reaction) -> Stage {
    let is_canary = name == "canary";
    Stage {
        name: name.into(),
        kind: if is_canary {
            StageKind::Canary
        } else {
            StageKind::Wave
        },
        target: Target {
            regions: regions.iter().map(|id| RegionId(*id)).collect(),
            share,
            placement: Placement::Spread,
        },
        audience: if is_canary {
            Audience::Employees
        } else {
            Audience::Public
        },
        bake: Micros::from_secs(40),
        judge: judge(Limit::AtMost(20_000)),
        on_failure,
    }
}

fn plan(stages: Vec<Stage>, on_alert: Reaction) -> Plan {
    Plan {
        stages,
        settled: Ppm::percent(90),
        push_deadline: Micros::from_secs(120),
        check_every: Micros::from_secs(10),
        hold_max: Micros::from_secs(60),
        on_alert,
    }
}

const WHOLE: Share = Share::Ppm(Ppm::ONE);
const HALF: Share = Share::Ppm(Ppm::percent(50));

/// Rolls back whatever looks bad.
fn careful() -> Plan {
    let stages = vec![
        stage("canary", &[0], Share::Instances(1), Reaction::RollBack),
        stage("half", &[], HALF, Reaction::RollBack),
        stage("all", &[], WHOLE, Reaction::RollBack),
    ];
    plan(stages, Reaction::RollBack)
}

/// Pauses, compares with the control, goes region by region.
fn patient() -> Plan {
    let mut stages = vec![
        stage("canary", &[1], Share::Instances(1), Reaction::Pause),
        stage("first-region", &[0], WHOLE, Reaction::Ignore),
        stage("all", &[], WHOLE, Reaction::RollBack),
    ];
    stages[0].judge = judge(Limit::AtMostControl {
        factor_ppm: 2_000_000,
        floor: 5_000,
    });
    plan(stages, Reaction::Pause)
}

/// One stage, deaf to alerts.
fn bold() -> Plan {
    plan(
        vec![stage("all", &[], WHOLE, Reaction::Pause)],
        Reaction::Ignore,
    )
}
