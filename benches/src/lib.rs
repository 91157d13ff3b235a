//! Inputs of the benches. Every bench runs once with tiny input in test mode:
//! `cargo bench -p firedrill-benches -- --test`.

pub mod fleet;
pub mod turns;

use firedrill_core::alerting::SymptomPolicy;
use firedrill_core::alerting::suspects::SuspectPolicy;
use firedrill_core::config::{
    Decision, Edit, KeySpec, KeyType, Principal, Role, Schema, Value, VersionId,
};
use firedrill_core::health::{
    Check, ClassCounts, Indicator, InstanceCounts, JudgePolicy, LatencyHistogram, Limit,
    ProbeCounts, Saturation, Signal, Slo, TelemetryWindow,
};
use firedrill_core::ids::{ChangeId, ClassId, ConfigId, PlanId, RegionId, ServiceId};
use firedrill_core::incident::{BookSetup, PagingPolicy};
use firedrill_core::plane::{ConfigSetup, ControlPlane, Input, RetryPolicy, Setup};
use firedrill_core::remediation::AutomationMode;
use firedrill_core::rollout::{
    Audience, Placement, Plan, Reaction, Share, Stage, StageKind, Target,
};
use firedrill_core::{Micros, Ppm};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// When telemetry ends and judges judge.
pub const NOW: Micros = Micros::from_mins(10);
/// Checks of the judge.
pub const CHECKS: u16 = 20;
/// Objectives on the service.
pub const OBJECTIVES: u16 = 3;

/// Exponential delays of the given mean, in microseconds.
///
/// # Panics
/// Never: the logarithm of a number in (0, 1] is finite.
#[must_use]
pub fn exponential_delays(count: usize, mean_us: f64) -> Vec<u64> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut delay = || {
        let uniform = (f64::from(random.next_u32()) + 1.0) / 4_294_967_296.0;
        (-libm::log(uniform) * mean_us) as u64
    };
    (0..count).map(|_| delay()).collect()
}

/// Uniform values in (0, 1].
#[must_use]
pub fn noise(count: usize) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut value = || (f64::from(random.next_u32()) + 1.0) / 4_294_967_296.0;
    (0..count).map(|_| value()).collect()
}

/// A judge with an error and a latency check of each of ten classes and quantiles.
#[must_use]
pub fn policy() -> JudgePolicy {
    let check = |number: u16| Check {
        signal: if number.is_multiple_of(2) {
            Signal::ErrorRatio {
                class: Some(ClassId(number / 2)),
            }
        } else {
            Signal::Latency {
                quantile: Ppm(500_000 + 20_000 * u32::from(number)),
            }
        },
        limit: Limit::AtMostControl {
            factor_ppm: 1_500_000,
            floor: 1_000,
        },
        sample_min: 100,
    };
    JudgePolicy {
        checks: (0..CHECKS).map(check).collect(),
        ..JudgePolicy::threshold(Micros::from_mins(2))
    }
}

/// One scrape of ten classes that ends at [`NOW`].
#[must_use]
pub fn window(version: VersionId) -> TelemetryWindow {
    let class = |class| ClassCounts {
        class: ClassId(class),
        requests: 1_000,
        errors: 1,
        good: 999,
    };
    let mut latency = LatencyHistogram::default();
    for bucket in 16..40 {
        latency.add(bucket, 400);
    }
    TelemetryWindow {
        service: ServiceId(0),
        region: RegionId(0),
        version,
        set_apart: false,
        start: NOW - Micros::from_secs(30),
        end: NOW,
        classes: (0..CHECKS / 2).map(class).collect(),
        latency,
        instances: InstanceCounts {
            total: 100,
            up: 100,
            restarts: 0,
            serving_s: 0,
        },
        log_errors: 0,
        probes: ProbeCounts::default(),
        user_reports: 0,
        saturation: Saturation::default(),
    }
}

fn setup() -> Setup {
    let stage = Stage {
        name: "all".into(),
        kind: StageKind::Wave,
        target: Target {
            regions: vec![],
            share: Share::Ppm(Ppm::ONE),
            placement: Placement::Spread,
        },
        audience: Audience::Public,
        bake: Micros::from_hours(1),
        judge: policy(),
        on_failure: Reaction::Ignore,
    };
    let plan = Plan {
        stages: vec![stage],
        settled: Ppm::percent(95),
        push_deadline: Micros::from_hours(1),
        check_every: Micros::from_secs(30),
        hold_max: Micros::from_hours(1),
        on_alert: Reaction::Ignore,
    };
    let key = KeySpec {
        kind: KeyType::Int { min: 1, max: 9 },
        initial: Value::Int(1),
    };
    let slo = Slo::over_30_days(
        Indicator::Errors {
            service: ServiceId(0),
            class: None,
        },
        Ppm(999_000),
    );
    Setup {
        configs: vec![ConfigSetup {
            schema: Schema {
                name: "auth".into(),
                keys: [("n".into(), key)].into(),
                rules: vec![],
            },
            service: ServiceId(0),
            plans: vec![plan],
        }],
        instances: [(ServiceId(0), [(RegionId(0), 1_000)].into())].into(),
        slos: vec![slo; usize::from(OBJECTIVES)],
        symptoms: SymptomPolicy::default(),
        notifying: None,
        incidents: BookSetup::desk(PagingPolicy {
            acknowledge_within: Micros::from_mins(5),
            pages_max: 3,
        }),
        evaluate_every: Micros::from_secs(30),
        suspect_window: Micros::from_hours(2),
        suspicion: SuspectPolicy::default(),
        dependencies: std::collections::BTreeMap::new(),
        automation: AutomationMode::AutomaticForAll,
        remediation: firedrill_core::remediation::RemediationPolicy::default(),
        retry: RetryPolicy {
            delay: Micros::from_secs(10),
            attempts_max: 3,
        },
    }
}

/// A plane at [`NOW`] with a rollout under way, and a scrape of its candidate.
///
/// # Panics
/// When the plane refuses what it must take.
#[must_use]
pub fn plane_and_window() -> (ControlPlane, TelemetryWindow) {
    let mut plane = ControlPlane::new(setup()).expect("the setup is sound");
    let principal = |name: &str, role| Principal {
        name: name.into(),
        role,
    };
    let inputs = [
        Input::ChangeProposed {
            config: ConfigId(0),
            author: principal("dev", Role::Developer),
            edits: vec![Edit {
                key: "n".into(),
                value: Value::Int(2),
            }],
            plan: PlanId(0),
        },
        Input::ChangeReviewed {
            change: ChangeId(0),
            reviewer: principal("owner", Role::Owner),
            decision: Decision::Approve,
        },
    ];
    for input in inputs {
        plane.handle(Micros::ZERO, input).expect("it may be");
        drain(&mut plane);
    }
    plane.handle_timeout(NOW);
    drain(&mut plane);
    let change = plane.store().change(ChangeId(0));
    let candidate = change.expect("it was proposed").candidate;
    (plane, window(candidate))
}

fn drain(plane: &mut ControlPlane) {
    while plane.poll_command().is_some() {}
    while plane.poll_note().is_some() {}
}
