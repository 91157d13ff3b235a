//! A run made by hand, in the shape of a login outage: the canary and the waves pass, an alert
//! calls somebody, they roll back. Small enough to read, whole enough to show every section.

use firedrill_core::alerting::Alert;
use firedrill_core::config::{
    Decision, Edit, KeySpec, KeyType, Principal, Role, Schema, Value, VersionId,
};
use firedrill_core::health::{
    BurnReading, Check, CheckEvidence, Indicator, JudgePolicy, Limit, Outcome, Proof, Signal, Slo,
    Verdict, standard_burn_rules,
};
use firedrill_core::ids::{
    AlertId, ChangeId, ClassId, ConfigId, IncidentId, PageId, PersonId, PlanId, RegionId,
    RolloutId, ServiceId, SloId,
};
use firedrill_core::incident::PagingPolicy;
use firedrill_core::plane::NoteBody;
use firedrill_core::remediation::AutomationMode;
use firedrill_core::rollout::{
    Audience, Order, Placement, Plan, Reaction, RollbackReason, Share, Stage, StageKind, Target,
};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::campaign::RunOutcome;
use firedrill_sim::expect::{CatchPoint, Expectation, Requirement};
use firedrill_sim::log::{
    Actor, ConfigName, EventBody, ExposureSample, Header, Names, PersonEvent, RunLog, Sample,
    ServiceName, ServiceSample, SloName, SloSample, StageName, VerdictTruth, WorldEvent,
};
use firedrill_sim::spec::{
    Alerting, ChangeSpec, ConfigSpec, CorePolicy, Defect, Demand, Fleet, Golden, LogNormal,
    Mechanism, NamedPlan, NamedSlo, Noise, OnCall, Onset, Propagation, Region, RequestClass,
    Review, Scenario, Service, Telemetry,
};

const INSTANCES: u32 = 1_000;
const SAMPLE: Micros = Micros::from_mins(1);
const DURATION: Micros = Micros::from_mins(60);
const STAGES: [(&str, StageKind, u32); 3] = [
    ("employees", StageKind::Canary, 10),
    ("wave-10", StageKind::Wave, 100),
    ("wave-100", StageKind::Wave, 1_000),
];

/// The outage: log, outcome, scenario.
pub(crate) fn outage() -> (RunLog, RunOutcome, Scenario) {
    run(Some(defect()), fleet())
}

/// The outage when the judge of the last wave takes the change back. An alert fires all the same,
/// and whoever is called orders what has already begun.
pub(crate) fn taken_back() -> (RunLog, RunOutcome, Scenario) {
    run_of(Some(defect()), fleet(), true)
}

/// The same change without a defect.
pub(crate) fn good_change() -> (RunLog, RunOutcome, Scenario) {
    run(None, fleet())
}

/// The outage with another defect, in a fleet with a second region, `south`, and a second
/// service, `store`, to which the change does not go.
pub(crate) fn outage_of(defect: Defect) -> (RunLog, RunOutcome, Scenario) {
    let mut fleet = fleet();
    let south = Region {
        name: "south".into(),
        utc_offset_s: 3_600,
        ..fleet.regions[0].clone()
    };
    let store = Service {
        name: "store".into(),
        instances: 100,
        ..fleet.services[0].clone()
    };
    fleet.regions.push(south);
    fleet.services.push(store);
    run(Some(defect), fleet)
}

fn run(defect: Option<Defect>, fleet: Fleet) -> (RunLog, RunOutcome, Scenario) {
    run_of(defect, fleet, false)
}

fn run_of(defect: Option<Defect>, fleet: Fleet, judged: bool) -> (RunLog, RunOutcome, Scenario) {
    let scenario = scenario(defect.clone(), fleet);
    let log = Story::new(&scenario, defect, judged).tell();
    let outcome = RunOutcome::of(&scenario, &log);
    (log, outcome, scenario)
}

fn at(minutes: u64) -> Micros {
    Micros::from_mins(minutes)
}

struct Story {
    log: RunLog,
    defect: Option<Defect>,
    /// Whether the judge of the last wave takes the change back.
    judged: bool,
    sampled: Micros,
}

impl Story {
    fn new(scenario: &Scenario, defect: Option<Defect>, judged: bool) -> Self {
        Self {
            log: RunLog::new(header(scenario)),
            defect,
            judged,
            sampled: Micros::ZERO,
        }
    }

    /// Writes an event, after the samples that come before it.
    fn say(
        &mut self,
        when: Micros,
        actor: Actor,
        cause: &[u64],
        body: impl Into<EventBody>,
    ) -> u64 {
        while self.sampled + SAMPLE <= when {
            let from = self.sampled;
            self.sampled = from + SAMPLE;
            let sample = sample(from, self.defect.is_some());
            let body = WorldEvent::Sample(Box::new(sample));
            self.log
                .push(self.sampled, Actor::World, "fleet", Vec::new(), body);
        }
        self.log
            .push(when, actor, "session-token", cause.to_vec(), body)
    }

    fn tell(mut self) -> RunLog {
        let started = self.propose();
        let completed = self.roll_out(started);
        if self.defect.is_some() {
            self.outage(completed);
        }
        self.say(DURATION, Actor::World, &[], WorldEvent::RunEnded);
        self.log
    }

    fn propose(&mut self) -> u64 {
        let change = ChangeId(0);
        let proposed = NoteBody::ChangeProposed {
            change,
            config: ConfigId(0),
            candidate: VersionId(0xbada_55e7_0000_0000),
            author: principal("ana", Role::Developer),
            edits: edits(),
        };
        let proposed = self.say(at(2), Actor::Author, &[], proposed);
        if let Some(Defect {
            story, mechanism, ..
        }) = self.defect.clone()
        {
            let armed = WorldEvent::DefectArmed {
                change,
                mechanism,
                story,
                drawn: None,
            };
            self.say(at(2), Actor::World, &[proposed], armed);
        }
        let validated = NoteBody::ChangeValidated { change, checks: 2 };
        let validated = self.say(at(2), Actor::Core, &[proposed], validated);
        let reviewed = NoteBody::ChangeReviewed {
            change,
            reviewer: principal("bo", Role::Owner),
            decision: Decision::Approve,
        };
        let reviewed = self.say(at(6), Actor::Reviewer, &[validated], reviewed);
        let started = NoteBody::RolloutStarted {
            rollout: RolloutId(0),
            change,
            config: ConfigId(0),
            candidate: VersionId(0xbada_55e7_0000_0000),
            baseline: VersionId(0xc0ff_ee00_0000_0000),
            plan: PlanId(0),
        };
        self.say(at(6), Actor::Core, &[reviewed], started)
    }

    fn roll_out(&mut self, started: u64) -> u64 {
        let rollout = RolloutId(0);
        let mut last = started;
        for (index, (_, _, instances)) in STAGES.iter().enumerate() {
            let stage = index as u32;
            let begin = 6 + 6 * index as u64;
            let entered = NoteBody::StageEntered {
                rollout,
                stage,
                instances_max: *instances,
            };
            let entered = self.say(at(begin), Actor::Core, &[last], entered);
            if self.defect.is_some() {
                self.activate(begin, entered, *instances);
            }
            let stopped = self.judged && index + 1 == STAGES.len();
            let mut verdict = verdict(index);
            if stopped {
                verdict.outcome = Outcome::Fail;
            }
            let decided = NoteBody::VerdictReached {
                rollout,
                stage,
                verdict,
            };
            let decided = self.say(at(begin + 6), Actor::Core, &[entered], decided);
            let truth = truth(stage, *instances, self.defect.is_some());
            let truth = WorldEvent::VerdictTruth(truth);
            self.say(at(begin + 6), Actor::World, &[decided], truth);
            if stopped {
                let back = rolled_back(RollbackReason::JudgedBad);
                return self.say(at(begin + 6), Actor::Core, &[decided], back);
            }
            let promoted = NoteBody::StagePromoted { rollout, stage };
            last = self.say(at(begin + 6), Actor::Core, &[decided], promoted);
        }
        let completed = NoteBody::RolloutCompleted { rollout };
        self.say(at(24), Actor::Core, &[last], completed)
    }

    fn activate(&mut self, begin: u64, entered: u64, instances: u32) {
        let active = WorldEvent::DefectActive {
            rollout: RolloutId(0),
            region: RegionId(0),
            instances,
        };
        let active = self.say(at(begin), Actor::World, &[entered], active);
        match begin {
            6 => {
                let harm = WorldEvent::HarmStarted { harmed: 1 };
                self.say(at(7), Actor::World, &[active], harm);
            }
            18 => {
                let breached = WorldEvent::SloBreached {
                    slo: SloId(0),
                    requests: 1_200,
                    harmed: 360,
                };
                self.say(at(19), Actor::World, &[active], breached);
            }
            _ => {}
        }
    }

    fn outage(&mut self, completed: u64) {
        let (incident, page, alert) = (IncidentId(0), PageId(0), AlertId(0));
        let fired = NoteBody::AlertFired {
            alert: Alert {
                id: alert,
                slo: SloId(0),
                rule: standard_burn_rules()[0],
                reading: BurnReading {
                    long_milli: 15_200,
                    short_milli: 301_000,
                    requests: 72_000,
                    bad: 1_094,
                },
                fired_at: at(30),
            },
        };
        let fired = self.say(at(30), Actor::Core, &[completed], fired);
        let opened = NoteBody::IncidentOpened { incident, alert };
        let opened = self.say(at(30), Actor::Core, &[fired], opened);
        let paged = NoteBody::PageSent {
            incident,
            page,
            person: PersonId(0),
            attempt: 1,
            suspects: vec![RolloutId(0)],
        };
        let paged = self.say(at(30), Actor::Core, &[opened], paged);
        let answered = PersonEvent::PageAnswered { page };
        let answered = self.say(at(33), Actor::OnCall, &[paged], answered);
        let acknowledged = NoteBody::PageAcknowledged {
            incident,
            page,
            by: principal("kim", Role::SiteReliability),
        };
        self.say(at(33), Actor::Core, &[answered], acknowledged);
        let suspected = PersonEvent::CauseSuspected {
            page,
            rollout: Some(RolloutId(0)),
        };
        let suspected = self.say(at(41), Actor::OnCall, &[answered], suspected);
        let ordered = NoteBody::OrderRecorded {
            rollout: RolloutId(0),
            order: Order::RollBack,
            by: principal("kim", Role::SiteReliability),
        };
        let ordered = self.say(at(41), Actor::Core, &[suspected], ordered);
        if self.judged {
            return self.all_clear(completed);
        }
        let rollback = rolled_back(RollbackReason::Ordered);
        let rollback = self.say(at(41), Actor::Core, &[ordered], rollback);
        self.all_clear(rollback);
    }

    fn all_clear(&mut self, rollback: u64) {
        let rollout = RolloutId(0);
        let back = NoteBody::RollbackCompleted { rollout };
        let back = self.say(at(42), Actor::Core, &[rollback], back);
        let restored = WorldEvent::SloRestored {
            slo: SloId(0),
            since: at(42),
        };
        self.say(at(44), Actor::World, &[back], restored);
        let ended = WorldEvent::HarmEnded {
            since: at(42),
            harmed_total: 6_900,
        };
        self.say(at(44), Actor::World, &[back], ended);
        self.say(
            at(45),
            Actor::World,
            &[back],
            WorldEvent::FleetClean { rollout },
        );
    }
}

fn rolled_back(reason: RollbackReason) -> NoteBody {
    NoteBody::RollbackStarted {
        rollout: RolloutId(0),
        reason,
        to: VersionId(0xc0ff_ee00_0000_0000),
    }
}

fn principal(name: &str, role: Role) -> Principal {
    Principal {
        name: name.into(),
        role,
    }
}

fn edits() -> Vec<Edit> {
    vec![Edit {
        key: "token-key".into(),
        value: Value::Text("next".into()),
    }]
}

fn defect() -> Defect {
    Defect {
        story: "tokens signed with the next key are refused by half of the sign-in path".into(),
        mechanism: Mechanism::Errors {
            class: Some(ClassId(0)),
            share: 0.3,
        },
        log_lines: 0.0,
        onset: Onset::AtLoad,
        triggers: Vec::new(),
    }
}

fn verdict(stage: usize) -> Verdict {
    let check = |signal, value, limit, sample, sample_min| CheckEvidence {
        signal,
        outcome: Outcome::Pass,
        value: Some(value),
        control: None,
        limit: Some(limit),
        lower: false,
        sample,
        sample_min,
        proof: Proof::Limit,
    };
    let sample = [5_230, 52_000, 520_000][stage];
    let p99 = Signal::Latency {
        quantile: Ppm(990_000),
    };
    Verdict {
        outcome: Outcome::Pass,
        decided_by: 0,
        checks: vec![
            check(
                Signal::ErrorRatio { class: None },
                [191, 3_100, 6_100][stage],
                10_000,
                sample,
                500,
            ),
            check(p99, 41_200, 300_000, sample, 500),
        ],
    }
}

fn truth(stage: u32, instances: u32, defective: bool) -> VerdictTruth {
    let harmed = [1, 156, 3_120][stage as usize];
    VerdictTruth {
        rollout: RolloutId(0),
        stage,
        outcome: Outcome::Pass,
        requests: [5_230, 52_000, 520_000][stage as usize],
        harmed: if defective { harmed } else { 0 },
        hit_class_requests: [12, 520, 10_400][stage as usize],
        instances,
        utilisation: Ppm::percent(31),
    }
}

/// The fleet in the minute from `from` on.
fn sample(from: Micros, defective: bool) -> Sample {
    let minute = from.0 / SAMPLE.0;
    let running = match minute {
        0..6 => 0,
        6..12 => 10,
        12..18 => 100,
        18..41 => INSTANCES,
        _ if defective => 0,
        _ => INSTANCES,
    };
    let ever = if minute >= 18 { INSTANCES } else { running };
    let harmed = if defective {
        u64::from(running) * 300 / 1_000
    } else {
        0
    };
    Sample {
        from_us: from,
        requests: 60_000,
        failed: 30 + harmed,
        harmed,
        queued: 0,
        services: vec![ServiceSample {
            service: ServiceId(0),
            requests: 60_000,
            errors: 30 + harmed,
            p50_us: 12_000,
            p99_us: 41_000 + 137 * (minute % 7),
            up: INSTANCES,
            instances: INSTANCES,
            cpu: Ppm::percent(40),
        }],
        slos: vec![
            SloSample {
                slo: SloId(0),
                requests: 1_000,
                bad: harmed,
                harmed,
            },
            SloSample {
                slo: SloId(1),
                requests: 60_000,
                bad: 10,
                harmed: 0,
            },
        ],
        exposure: if minute < 6 {
            Vec::new()
        } else {
            vec![ExposureSample {
                rollout: RolloutId(0),
                running,
                ever,
                instances: INSTANCES,
            }]
        },
    }
}

fn header(scenario: &Scenario) -> Header {
    let slo_name = |(slo, threshold_us): (&NamedSlo, Option<u64>)| SloName {
        name: slo.name.clone(),
        objective: slo.slo.objective,
        period: slo.slo.period,
        threshold_us,
        service: 0,
    };
    let region_name = |region: &Region| region.name.clone();
    let service_name = |service: &Service| ServiceName {
        name: service.name.clone(),
        instances: service.instances,
    };
    let stages = STAGES.map(|(name, stage_kind, _)| StageName {
        name: name.into(),
        stage_kind,
    });
    Header {
        schema: firedrill_sim::log::SCHEMA_VERSION,
        tool: "0.1.0".into(),
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        summary: scenario.summary.clone(),
        // The content hash would change with every field that a scenario gains.
        scenario_hash: "00112233aabb".into(),
        seed: 7,
        duration: scenario.duration,
        step: scenario.step,
        start_of_day: scenario.demand.start,
        drawn: Vec::new(),
        tells_users: false,
        names: Names {
            regions: scenario.fleet.regions.iter().map(region_name).collect(),
            services: scenario.fleet.services.iter().map(service_name).collect(),
            classes: vec!["login".into()],
            slos: scenario
                .slos
                .iter()
                .zip([None, Some(250_000)])
                .map(slo_name)
                .collect(),
            configs: vec![ConfigName {
                name: "session-token".into(),
                service: 0,
                plans: vec![("standard".into(), stages.into())],
            }],
            symptoms: vec![],
            teams: vec![],
            people: vec![],
        },
    }
}

fn scenario(defect: Option<Defect>, fleet: Fleet) -> Scenario {
    let log_normal = LogNormal {
        median: Micros::from_secs(60),
        sigma: 0.5,
    };
    Scenario {
        name: "login-drop".into(),
        source: "login-drop".into(),
        title: "Logins drop & the canary <sees nothing>".into(),
        summary: "A canary that serves employees does not see what users do.".into(),
        duration: DURATION,
        step: Micros::from_secs(10),
        fleet,
        demand: Demand {
            start: Micros::from_hours(14),
            swing: 0.3,
            peak: Micros::from_hours(20),
            ..Demand::default()
        },
        configs: vec![config()],
        slos: slos(),
        response: firedrill_sim::spec::Response::default(),
        changes: vec![ChangeSpec {
            title: "Sign tokens with the next key".into(),
            at: at(2),
            config: ConfigId(0),
            author: principal("ana", Role::Developer),
            edits: edits(),
            plan: PlanId(0),
            review: Review {
                reviewer: principal("bo", Role::Owner),
                delay: log_normal,
                decision: Decision::Approve,
            },
            defect,
            mix: None,
        }],
        propagation: Propagation {
            base: Micros::from_secs(5),
            body: log_normal,
            straggler_share: 0.0,
            straggler: log_normal,
            ..Propagation::default()
        },
        telemetry: Telemetry::of_scrapes(Micros::from_secs(10), log_normal, 0.0),
        noise: Noise::default(),
        tools: vec![],
        support: None,
        teams: None,
        status: None,
        on_call: OnCall {
            principal: principal("kim", Role::SiteReliability),
            acknowledge: log_normal,
            diagnose: log_normal,
            model: None,
        },
        core: CorePolicy {
            paging: PagingPolicy {
                acknowledge_within: at(5),
                pages_max: 3,
            },
            evaluate_every: Micros::from_secs(30),
            suspect_window: Micros::from_hours(6),
            automation: AutomationMode::AutomaticForAll,
        },
        alerting: Alerting::default(),
        expect: expectations(),
    }
}

fn expectations() -> Vec<Expectation> {
    let wants = |requirement, line| Expectation {
        requirement,
        rate: Ppm::percent(90),
        line,
    };
    vec![
        wants(Requirement::CaughtBy(CatchPoint::SloAlert), 31),
        wants(Requirement::TimeToMitigateAtMost(at(10)), 32),
    ]
}

fn slos() -> Vec<NamedSlo> {
    let slo = |name: &str, indicator| NamedSlo {
        name: name.into(),
        slo: Slo::over_30_days(indicator, Ppm(999_000)),
    };
    let service = ServiceId(0);
    vec![
        slo(
            "login-success",
            Indicator::Errors {
                service,
                class: Some(ClassId(0)),
            },
        ),
        slo(
            "auth-latency",
            Indicator::Slow {
                service,
                threshold_us: 250_000,
            },
        ),
    ]
}

fn config() -> ConfigSpec {
    let stage = |(name, kind, instances): (&str, StageKind, u32)| Stage {
        name: name.into(),
        kind,
        target: Target {
            regions: Vec::new(),
            share: Share::Instances(instances),
            placement: Placement::Spread,
        },
        audience: match kind {
            StageKind::Canary => Audience::Employees,
            StageKind::Wave => Audience::Public,
        },
        bake: at(5),
        judge: JudgePolicy {
            checks: vec![Check {
                signal: Signal::ErrorRatio { class: None },
                limit: Limit::AtMost(10_000),
                sample_min: 500,
            }],
            ..JudgePolicy::threshold(at(2))
        },
        on_failure: Reaction::RollBack,
    };
    ConfigSpec {
        schema: Schema {
            name: "session-token".into(),
            keys: [(
                "token-key".into(),
                KeySpec {
                    kind: KeyType::Text { one_of: Vec::new() },
                    initial: Value::Text("current".into()),
                },
            )]
            .into(),
            rules: Vec::new(),
        },
        service: ServiceId(0),
        plans: vec![NamedPlan {
            name: "standard".into(),
            plan: Plan {
                stages: STAGES.map(stage).into(),
                settled: Ppm::percent(95),
                push_deadline: at(10),
                check_every: Micros::from_secs(30),
                hold_max: at(10),
                on_alert: Reaction::Ignore,
            },
        }],
    }
}

fn fleet() -> Fleet {
    let golden = Golden {
        idle: 0.1,
        slope: 0.5,
    };
    Fleet {
        edges: vec![],
        regions: vec![Region {
            name: "north".into(),
            utc_offset_s: 0,
            cells: 2,
            hardware: Vec::new(),
            weight: 1.0,
        }],
        services: vec![Service {
            name: "auth".into(),
            instances: INSTANCES,
            workers: 8,
            service_time: LogNormal {
                median: Micros::from_millis(12),
                sigma: 0.5,
            },
            error_share: 0.0005,
            timeout: Micros::from_secs(1),
            queue_max: 100,
            queue_order: firedrill_sim::spec::Order::Fifo,
            drops_expired: false,
            shed_to: None,
            ejection: None,
            start_up: Micros::from_secs(30),
            cpu: golden,
            memory: golden,
            network: golden,
            disk: golden,
        }],
        classes: vec![RequestClass {
            name: "login".into(),
            path: vec![ServiceId(0)],
            per_second: 1_000.0,
            employee_share: 0.01,
        }],
    }
}
