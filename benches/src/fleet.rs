//! Fleets of any size, all alike: what a run costs by cells, services and instances.

use firedrill_core::config::{Decision, Edit, KeySpec, KeyType, Principal, Role, Schema, Value};
use firedrill_core::health::{Check, Indicator, JudgePolicy, Limit, Signal, Slo};
use firedrill_core::ids::{ConfigId, PlanId, ServiceId};
use firedrill_core::incident::PagingPolicy;
use firedrill_core::remediation::AutomationMode;
use firedrill_core::rollout::{
    Audience, Placement, Plan, Reaction, Share, Stage, StageKind, Target,
};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::spec::{
    Alerting, ChangeSpec, ConfigSpec, CorePolicy, Demand, Fleet, Golden, LogNormal, NamedPlan,
    NamedSlo, Noise, OnCall, Propagation, Region, RequestClass, Review, Scenario, Service,
    Telemetry,
};

/// Regions have this many cells.
pub const CELLS_PER_REGION: u32 = 10;
/// Time between two steps.
pub const STEP: Micros = Micros::from_secs(10);
/// Services that a request passes. There is a class of requests for every two services, so a pool
/// is visited for one and a half classes, about as in the worlds of the catalogue.
const PATH_LENGTH: u16 = 3;
/// One instance serves a request at a time, so that an instance has few requests a second and
/// large fleets have counts that a scrape can carry.
const WORKERS: u32 = 1;
const SERVICE_TIME: LogNormal = LogNormal {
    median: Micros::from_millis(400),
    sigma: 0.5,
};
/// Requests a second of one instance: it is busy six tenths of its time.
const PER_INSTANCE: f64 = 1.3;

/// How large a fleet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Cells; a multiple of [`CELLS_PER_REGION`].
    pub cells: u32,
    /// Services; each cell has a pool of instances of each.
    pub services: u16,
    /// Instances of all services.
    pub instances: u32,
}

impl Size {
    /// The pools of the fleet.
    #[must_use]
    pub const fn pools(self) -> u32 {
        self.cells * self.services as u32
    }
}

/// A good change on its way through such a fleet, in two stages.
#[must_use]
pub fn rollout(size: Size, duration: Micros) -> Scenario {
    Scenario {
        changes: vec![change()],
        ..steady(size, duration)
    }
}

/// Such a fleet in ordinary service: every pool is one cohort all the time.
#[must_use]
pub fn steady(size: Size, duration: Micros) -> Scenario {
    Scenario {
        response: firedrill_sim::spec::Response::default(),
        name: "scale".into(),
        source: String::new(),
        title: "Scale".into(),
        summary: "A fleet of a given size.".into(),
        duration,
        step: STEP,
        fleet: fleet(size),
        demand: Demand {
            start: Micros::from_hours(14),
            swing: 0.3,
            peak: Micros::from_hours(20),
            weekly: None,
            drift: None,
            overdispersion: 0.0,
            events: vec![],
        },
        configs: vec![config()],
        slos: vec![slo()],
        changes: vec![],
        propagation: Propagation {
            partitions: vec![],
            repair: None,
            rollback_base: None,
            base: Micros::from_secs(10),
            body: log_normal(Micros::from_secs(5)),
            straggler_share: 0.01,
            straggler: log_normal(Micros::from_mins(3)),
        },
        telemetry: Telemetry::of_scrapes(
            Micros::from_secs(30),
            log_normal(Micros::from_secs(10)),
            0.005,
        ),
        noise: Noise::default(),
        tools: vec![],
        support: None,
        teams: None,
        status: None,
        on_call: OnCall {
            principal: principal("on-call", Role::SiteReliability),
            acknowledge: log_normal(Micros::from_mins(3)),
            diagnose: log_normal(Micros::from_mins(10)),
            model: None,
        },
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

fn fleet(size: Size) -> Fleet {
    let services = size.services;
    let region = |index: u32| Region {
        hardware: vec![],
        name: format!("region-{index}"),
        utc_offset_s: i64::from(index % 24) * 3_600,
        cells: CELLS_PER_REGION,
        weight: 1.0,
    };
    let instances = size.instances / u32::from(services);
    // Every other service is on the way of two classes: as busy as it may be.
    let per_second = f64::from(instances) * PER_INSTANCE / 2.0;
    let class = |index: u16| RequestClass {
        name: format!("class-{index}"),
        path: (2 * index..2 * index + PATH_LENGTH.min(services))
            .map(|service| ServiceId(service % services))
            .collect(),
        per_second,
        employee_share: 0.02,
    };
    Fleet {
        edges: vec![],
        regions: (0..size.cells / CELLS_PER_REGION).map(region).collect(),
        services: (0..services)
            .map(|index| service(index, instances))
            .collect(),
        classes: (0..services.div_ceil(2)).map(class).collect(),
    }
}

fn service(index: u16, instances: u32) -> Service {
    let golden = Golden {
        idle: 0.1,
        slope: 0.7,
    };
    Service {
        queue_order: firedrill_sim::spec::Order::Fifo,
        drops_expired: false,
        shed_to: None,
        ejection: None,
        name: format!("service-{index}"),
        instances,
        workers: WORKERS,
        service_time: SERVICE_TIME,
        error_share: 0.000_2,
        timeout: Micros::from_secs(10),
        queue_max: 100,
        start_up: Micros::from_secs(20),
        cpu: golden,
        memory: golden,
        network: golden,
        disk: golden,
    }
}

fn config() -> ConfigSpec {
    let key = KeySpec {
        kind: KeyType::Int { min: 1, max: 9 },
        initial: Value::Int(1),
    };
    let stages = vec![stage("quarter", Ppm::percent(25)), stage("all", Ppm::ONE)];
    ConfigSpec {
        schema: Schema {
            name: "config".into(),
            keys: [("n".into(), key)].into(),
            rules: vec![],
        },
        service: ServiceId(0),
        plans: vec![NamedPlan {
            name: "standard".into(),
            plan: Plan {
                stages,
                settled: Ppm::percent(80),
                push_deadline: Micros::from_mins(10),
                check_every: Micros::from_secs(30),
                hold_max: Micros::from_mins(10),
                on_alert: Reaction::Ignore,
            },
        }],
    }
}

fn stage(name: &str, share: Ppm) -> Stage {
    Stage {
        name: name.into(),
        kind: StageKind::Wave,
        target: Target {
            regions: vec![],
            share: Share::Ppm(share),
            placement: Placement::Spread,
        },
        audience: Audience::Public,
        bake: Micros::from_mins(2),
        judge: JudgePolicy {
            checks: vec![Check {
                signal: Signal::ErrorRatio { class: None },
                limit: Limit::AtMost(20_000),
                sample_min: 50,
            }],
            ..JudgePolicy::threshold(Micros::from_mins(2))
        },
        on_failure: Reaction::RollBack,
    }
}

fn slo() -> NamedSlo {
    NamedSlo {
        name: "errors".into(),
        slo: Slo::over_30_days(
            Indicator::Errors {
                service: ServiceId(0),
                class: None,
            },
            Ppm(990_000),
        ),
    }
}

fn change() -> ChangeSpec {
    ChangeSpec {
        title: "A good change".into(),
        at: Micros::from_secs(10),
        config: ConfigId(0),
        author: principal("dev", Role::Developer),
        edits: vec![Edit {
            key: "n".into(),
            value: Value::Int(2),
        }],
        plan: PlanId(0),
        review: Review {
            reviewer: principal("owner", Role::Owner),
            delay: log_normal(Micros::from_secs(10)),
            decision: Decision::Approve,
        },
        defect: None,
        mix: None,
    }
}

fn principal(name: &str, role: Role) -> Principal {
    Principal {
        name: name.into(),
        role,
    }
}

const fn log_normal(median: Micros) -> LogNormal {
    LogNormal { median, sigma: 0.4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets_are_sound_and_of_the_size_asked_for() {
        for (cells, services) in [(10, 1), (10, 10), (100, 100)] {
            let size = Size {
                cells,
                services,
                instances: 100_000,
            };
            let scenario = rollout(size, Micros::from_mins(10));
            scenario.check().expect("the scenario is sound");
            let regions = &scenario.fleet.regions;
            assert_eq!(
                regions.iter().map(|region| region.cells).sum::<u32>(),
                cells
            );
            let services = &scenario.fleet.services;
            let instances: u32 = services.iter().map(|service| service.instances).sum();
            assert_eq!(instances, size.instances);
        }
    }

    #[test]
    fn the_change_reaches_everybody() {
        use firedrill_core::plane::NoteBody;
        use firedrill_sim::log::EventBody;
        let size = Size {
            cells: 10,
            services: 4,
            instances: 4_000,
        };
        let log = firedrill_sim::engine::run(&rollout(size, Micros::from_mins(20)), 1);
        let completed = log.events().iter().any(|event| {
            matches!(
                event.body,
                EventBody::Note(NoteBody::RolloutCompleted { .. })
            )
        });
        assert!(completed);
    }
}
