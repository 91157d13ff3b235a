//! Small worlds for tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test uses its own part"
)]

use firedrill_core::config::{Decision, Edit, KeySpec, KeyType, Principal, Role, Schema, Value};
use firedrill_core::health::{Check, Indicator, JudgePolicy, Limit, Signal, Slo};
use firedrill_core::ids::{ClassId, ConfigId, PlanId, ServiceId};
use firedrill_core::incident::PagingPolicy;
use firedrill_core::remediation::AutomationMode;
use firedrill_core::rollout::{
    Audience, Placement, Plan, Reaction, Share, Stage, StageKind, Target,
};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::spec::{
    Alerting, ChangeSpec, ConfigSpec, CorePolicy, Defect, Demand, Fleet, Golden, LogNormal,
    Mechanism, NamedPlan, NamedSlo, Noise, OnCall, Onset, Order, Propagation, Region, RequestClass,
    Response, Review, Scenario, Service, Telemetry,
};

pub fn service(name: &str, instances: u32) -> Service {
    let golden = Golden {
        idle: 0.1,
        slope: 0.7,
    };
    Service {
        name: name.into(),
        instances,
        workers: 8,
        service_time: LogNormal {
            median: Micros::from_millis(40),
            sigma: 0.5,
        },
        error_share: 0.000_2,
        timeout: Micros::from_secs(1),
        queue_max: 100,
        queue_order: Order::Fifo,
        drops_expired: false,
        shed_to: None,
        ejection: None,
        start_up: Micros::from_secs(20),
        cpu: golden,
        memory: golden,
        network: golden,
        disk: golden,
    }
}

fn stage(name: &str, kind: StageKind, share: Share, audience: Audience) -> Stage {
    let check = |signal, limit, sample_min| Check {
        signal,
        limit: Limit::AtMost(limit),
        sample_min,
    };
    Stage {
        name: name.into(),
        kind,
        target: Target {
            regions: vec![],
            share,
            placement: Placement::Spread,
        },
        audience,
        bake: Micros::from_mins(5),
        judge: JudgePolicy {
            checks: vec![
                check(Signal::ErrorRatio { class: None }, 20_000, 50),
                check(Signal::Unavailable, 200_000, 4),
            ],
            ..JudgePolicy::threshold(Micros::from_mins(2))
        },
        on_failure: Reaction::RollBack,
    }
}

/// Three stages: a canary for employees, a quarter, everybody.
pub fn plan() -> Plan {
    Plan {
        stages: vec![
            stage(
                "canary",
                StageKind::Canary,
                Share::Instances(4),
                Audience::Employees,
            ),
            stage(
                "quarter",
                StageKind::Wave,
                Share::Ppm(Ppm::percent(25)),
                Audience::Public,
            ),
            stage(
                "all",
                StageKind::Wave,
                Share::Ppm(Ppm::ONE),
                Audience::Public,
            ),
        ],
        // A fleet this small has stages of a dozen instances: one straggler is many percent.
        settled: Ppm::percent(80),
        push_deadline: Micros::from_mins(10),
        check_every: Micros::from_secs(30),
        hold_max: Micros::from_mins(10),
        on_alert: Reaction::Ignore,
    }
}

fn fleet() -> Fleet {
    let region = |name: &str, utc_offset_h: i64, weight| Region {
        name: name.into(),
        utc_offset_s: utc_offset_h * 3_600,
        cells: 2,
        hardware: vec![],
        weight,
    };
    let class = |name: &str, path: &[u16], per_second, employee_share| RequestClass {
        name: name.into(),
        path: path.iter().map(|id| ServiceId(*id)).collect(),
        per_second,
        employee_share,
    };
    Fleet {
        regions: vec![region("east", -5, 2.0), region("west", 1, 1.0)],
        services: vec![
            service("edge", 120),
            service("auth", 60),
            service("store", 90),
        ],
        edges: vec![],
        classes: vec![
            class("login", &[0, 1], 300.0, 0.02),
            class("refresh", &[0, 1], 2_700.0, 0.02),
            class("feed", &[0, 2], 6_000.0, 0.02),
        ],
    }
}

fn slos() -> Vec<NamedSlo> {
    let slo = |name: &str, indicator| NamedSlo {
        name: name.into(),
        slo: Slo::over_30_days(indicator, Ppm(999_000)),
    };
    vec![
        slo(
            "login",
            Indicator::Errors {
                service: ServiceId(0),
                class: Some(ClassId(0)),
            },
        ),
        slo(
            "auth-fast",
            Indicator::Slow {
                service: ServiceId(1),
                threshold_us: 600_000,
            },
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "one table")]
/// Three services, two regions, one change after ten minutes; good unless a mechanism is given.
pub fn scenario(mechanism: Option<Mechanism>) -> Scenario {
    let principal = |name: &str, role| Principal {
        name: name.into(),
        role,
    };
    let delay = |mins, sigma| LogNormal {
        median: Micros::from_mins(mins),
        sigma,
    };
    let key = KeySpec {
        kind: KeyType::Int {
            min: 1,
            max: 86_400,
        },
        initial: Value::Int(3_600),
    };
    Scenario {
        name: "test".into(),
        source: "test".into(),
        title: "A test".into(),
        summary: "A small world.".into(),
        duration: Micros::from_hours(2),
        step: Micros::from_secs(10),
        fleet: fleet(),
        demand: Demand {
            start: Micros::from_hours(14),
            swing: 0.3,
            peak: Micros::from_hours(20),
            ..Demand::default()
        },
        configs: vec![ConfigSpec {
            schema: Schema {
                name: "auth-session".into(),
                keys: [("ttl_s".into(), key)].into(),
                rules: vec![],
            },
            service: ServiceId(1),
            plans: vec![NamedPlan {
                name: "standard".into(),
                plan: plan(),
            }],
        }],
        slos: slos(),
        changes: vec![ChangeSpec {
            title: "Shorter sessions".into(),
            at: Micros::from_mins(10),
            config: ConfigId(0),
            author: principal("identity-dev", Role::Developer),
            edits: vec![Edit {
                key: "ttl_s".into(),
                value: Value::Int(60),
            }],
            plan: PlanId(0),
            review: Review {
                reviewer: principal("identity-owner", Role::Owner),
                delay: delay(2, 0.3),
                decision: Decision::Approve,
            },
            defect: mechanism.map(|mechanism| Defect {
                story: "It breaks.".into(),
                mechanism,
                log_lines: 0.0,
                onset: Onset::AtLoad,
                triggers: vec![],
            }),
            mix: None,
        }],
        propagation: Propagation {
            base: Micros::from_secs(10),
            body: LogNormal {
                median: Micros::from_millis(4_500),
                sigma: 0.6,
            },
            straggler_share: 0.01,
            straggler: delay(3, 0.8),
            ..Propagation::default()
        },
        telemetry: Telemetry::of_scrapes(
            Micros::from_secs(30),
            LogNormal {
                median: Micros::from_secs(10),
                sigma: 0.4,
            },
            0.005,
        ),
        noise: Noise::default(),
        tools: vec![],
        support: None,
        status: None,
        teams: None,
        on_call: OnCall {
            principal: principal("on-call", Role::SiteReliability),
            acknowledge: delay(3, 0.8),
            diagnose: delay(10, 0.6),
            model: None,
        },
        response: Response::default(),
        core: CorePolicy {
            paging: PagingPolicy {
                acknowledge_within: Micros::from_mins(5),
                pages_max: 6,
            },
            evaluate_every: Micros::from_secs(30),
            suspect_window: Micros::from_hours(24),
            automation: AutomationMode::AutomaticForAll,
        },
        alerting: Alerting::default(),
        expect: vec![],
    }
}

/// Logins fail now and then.
pub const LOGIN_ERRORS: Mechanism = Mechanism::Errors {
    class: Some(ClassId(0)),
    share: 0.086,
};

/// A third of all requests fail.
pub const ALL_ERRORS: Mechanism = Mechanism::Errors {
    class: None,
    share: 0.3,
};
