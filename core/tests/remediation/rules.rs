//! One test for each rule.

use firedrill_core::Micros;
use firedrill_core::config::{Principal, Role};
use firedrill_core::ids::{ActionId, ConfigId, RegionId, RolloutId, ServiceId};
use firedrill_core::ratio::Ppm;
use firedrill_core::remediation::{
    Action, ActionKey, ActionKind, ActionLimits, ActionState, AutomationMode, CancelReason,
    Failure, FeatureLevel, Input, InputError, KillScope, Output, OverrideError, OverrideReason,
    Refusal, Remediation, RemediationPolicy, Requester, ToolFailure,
};
use firedrill_core::rollout::StageKind;

const FIRST: ActionId = ActionId(0);
const SECOND: ActionId = ActionId(1);
const ROLLBACK: Action = Action::OneClickRollback {
    rollout: RolloutId(0),
    config: ConfigId(0),
    service: ServiceId(0),
};
const KILL: Action = Action::KillSwitch(KillScope::Config(ConfigId(0)));
const RESTART: Action = Action::Restart {
    service: ServiceId(0),
    region: RegionId(0),
};

#[test]
fn an_action_is_done_when_the_world_shows_it() {
    let mut world = World::new();
    assert_eq!(world.want(0, ROLLBACK), begin(FIRST, ROLLBACK));
    world.tell(1, Input::Started { action: FIRST });
    world.tell(20, Input::Finished { action: FIRST });
    let until = secs(20) + limits(ROLLBACK).verify_within;
    let verify = Output::Verify {
        action: FIRST,
        until,
    };
    assert_eq!(world.said(), [verify]);
    assert_eq!(world.plane.poll_timeout(), Some(until), "not done yet");
    world.tell(60, evidence(FIRST, true));
    assert_eq!(world.said(), [Output::Done(FIRST)]);
    assert_eq!(world.plane.poll_timeout(), None);
}

#[test]
fn without_evidence_it_has_failed() {
    let mut world = World::new();
    world.want(0, ROLLBACK);
    world.run_to_verifying(FIRST, 1);
    world.plane.handle_timeout(secs(100_000));
    assert_eq!(world.said(), [Output::Failed(FIRST, Failure::NotVerified)]);
    let ended = world.plane.action(FIRST).unwrap().ended_at;
    let due = secs(1) + limits(ROLLBACK).verify_within;
    assert_eq!(ended, Some(due), "at its due time, however late the driver");
}

#[test]
fn every_way_to_fail_has_a_name() {
    let failed = |act: &dyn Fn(&mut World)| {
        let mut world = World::new();
        world.want(0, ROLLBACK);
        act(&mut world);
        world.plane.handle_timeout(secs(100_000));
        match world.said().last() {
            Some(Output::Failed(FIRST, why)) => *why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(failed(&|_| {}), Failure::NotStarted);
    let started = Input::Started { action: FIRST };
    let stuck = failed(&|world| world.tell(1, started.clone()));
    assert_eq!(stuck, Failure::Stuck);
    let tool = failed(&|world| {
        world.tell(1, started.clone());
        let why = ToolFailure::Unreachable;
        world.tell(2, Input::Failed { action: FIRST, why });
    });
    assert_eq!(tool, Failure::Tool(ToolFailure::Unreachable));
    let disproved = failed(&|world| {
        world.run_to_verifying(FIRST, 1);
        world.tell(3, evidence(FIRST, false));
    });
    assert_eq!(disproved, Failure::Disproved);
}

#[test]
fn a_wish_is_carried_out_once() {
    let mut world = World::new();
    let key = ActionKey(7);
    world.ask(0, key, ROLLBACK);
    let _ = world.said();
    for second in 1..5 {
        world.ask(second, key, ROLLBACK);
        let known = Output::Known { key, action: FIRST };
        assert_eq!(world.said(), [known]);
    }
    world.ask(9, key, KILL);
    let why = Refusal::KeyReused(FIRST);
    assert_eq!(world.said(), [Output::Refused { key, why }]);
    assert_eq!(world.plane.actions().len(), 1);
}

#[test]
fn a_refused_wish_leaves_its_key_free() {
    let mut world = World::new();
    let key = ActionKey(7);
    world.want(0, KILL);
    world.ask(1, key, ROLLBACK);
    let why = Refusal::Outranked(FIRST);
    assert_eq!(world.said(), [Output::Refused { key, why }]);
    world.run_to_verifying(FIRST, 2);
    world.tell(3, evidence(FIRST, true));
    let _ = world.said();
    world.ask(4, key, ROLLBACK);
    assert_eq!(world.said(), [begin(SECOND, ROLLBACK)]);
}

#[test]
fn a_kill_switch_stops_what_is_lower_and_refuses_it_while_under_way() {
    let mut world = World::new();
    world.want(0, ROLLBACK);
    world.ask(1, ActionKey(50), KILL);
    let cancel = Output::Cancel {
        action: FIRST,
        why: CancelReason::Preempted(SECOND),
    };
    assert_eq!(world.said(), [cancel, begin(SECOND, KILL)]);
    assert_eq!(
        world.want(2, ROLLBACK),
        refused(2, Refusal::Outranked(SECOND))
    );
}

#[test]
fn under_a_kill_switch_in_force_one_may_go_back_but_nothing_else() {
    let kill = Action::KillSwitch(KillScope::Service(ServiceId(0)));
    let mut world = World::new();
    world.want(0, kill);
    world.run_to_verifying(FIRST, 1);
    world.tell(2, evidence(FIRST, true));
    let _ = world.said();
    assert_eq!(
        world.want(3, RESTART),
        refused(3, Refusal::Outranked(FIRST))
    );
    assert_eq!(world.want(4, kill), refused(4, Refusal::InForce(FIRST)));
    assert_eq!(world.want(5, ROLLBACK), begin(SECOND, ROLLBACK));
    world.tell(6, Input::Restored { action: FIRST });
    let withdrawn = Input::Withdrawn {
        action: SECOND,
        by: person("ana", Role::Owner),
    };
    world.tell(7, withdrawn);
    let _ = world.said();
    assert_eq!(world.want(8, RESTART), begin(ActionId(2), RESTART));
}

#[test]
fn a_rollback_stops_a_restart_of_its_service_and_is_not_stopped_by_one() {
    let mut world = World::new();
    world.want(0, RESTART);
    world.ask(1, ActionKey(50), ROLLBACK);
    let why = CancelReason::Preempted(SECOND);
    let cancel = Output::Cancel { action: FIRST, why };
    assert_eq!(world.said(), [cancel, begin(SECOND, ROLLBACK)]);
    assert_eq!(
        world.want(2, RESTART),
        refused(2, Refusal::Outranked(SECOND))
    );
    let mut again = ROLLBACK;
    if let Action::OneClickRollback { rollout, .. } = &mut again {
        *rollout = RolloutId(9);
    }
    assert_eq!(world.want(3, again), refused(3, Refusal::Busy(SECOND)));
}

#[test]
fn limits_hold_back_everything_but_kill_switches() {
    let mut world = World::new();
    let restart = |service| Action::Restart {
        service: ServiceId(service),
        region: RegionId(0),
    };
    world.want(0, restart(1));
    let at_once = Refusal::TooManyAtOnce(1);
    assert_eq!(world.want(1, restart(2)), refused(1, at_once));
    world.run_to_verifying(FIRST, 2);
    world.tell(3, evidence(FIRST, true));
    for second in 4..9 {
        let id = ActionId(second as u32 - 3);
        world.want(second, restart(1));
        world.run_to_verifying(id, second);
        world.tell(second, evidence(id, true));
    }
    let _ = world.said();
    let an_hour = Refusal::TooManyAnHour(6);
    assert_eq!(world.want(10, restart(1)), refused(10, an_hour));
    assert_eq!(
        world.want(3_600, restart(1)),
        begin(ActionId(6), restart(1))
    );
    for service in 0..40 {
        let kill = Action::KillSwitch(KillScope::Service(ServiceId(service)));
        let said = world.want(4_000 + u64::from(service), kill);
        assert!(matches!(said, Output::Begin { .. }), "{said:?}");
    }
}

#[test]
fn less_critical_features_go_first() {
    let mut world = World::new();
    let disable = |level| Action::FeatureDisable {
        service: ServiceId(0),
        level,
    };
    let first = Refusal::LessCriticalFirst(FeatureLevel::Level4);
    let level3 = disable(FeatureLevel::Level3);
    assert_eq!(world.want(0, level3), refused(0, first));
    world.want(1, disable(FeatureLevel::Level4));
    world.run_to_verifying(FIRST, 2);
    assert_eq!(world.want(3, level3), refused(3, Refusal::Busy(FIRST)));
    world.tell(4, evidence(FIRST, true));
    let _ = world.said();
    assert_eq!(world.want(5, level3), begin(SECOND, level3));
}

#[test]
fn a_freeze_holds_from_the_order_until_it_is_restored() {
    let mut world = World::new();
    assert!(!world.plane.is_frozen());
    world.want(0, Action::FreezeRollouts);
    assert!(world.plane.is_frozen());
    world.run_to_verifying(FIRST, 1);
    world.tell(2, evidence(FIRST, true));
    assert!(world.plane.is_frozen());
    world.tell(3, Input::Restored { action: FIRST });
    assert!(!world.plane.is_frozen());
}

#[test]
fn a_drain_moves_step_by_step_and_looks_before_each() {
    let mut world = World::with_regions(&[(100, 200), (50, 200), (50, 200)]);
    let drain = drain(0);
    assert_eq!(world.want(0, drain), begin(FIRST, drain));
    world.tell(1, Input::Started { action: FIRST });
    let (moved, into) = world.step();
    assert_eq!(moved, Ppm::percent(5));
    assert_eq!(into, [(RegionId(1), 3), (RegionId(2), 2)]);
    world.tell(30, Input::Stepped { action: FIRST });
    world.plane.handle_timeout(secs(150));
    assert_eq!(world.said(), [], "the reports do not show the last step");
    world.report(200, &[(95, 200), (53, 200), (52, 200)]);
    world.plane.handle_timeout(secs(270));
    assert_eq!(world.said(), [], "they are too old by then");
    world.report(380, &[(95, 200), (53, 200), (52, 200)]);
    world.plane.handle_timeout(secs(390));
    assert_eq!(world.step().0, Ppm::percent(15), "twice the first step");
}

#[test]
fn a_drain_ends_when_everybody_is_away() {
    let mut world = World::with_regions(&[(100, 200), (50, 300)]);
    world.want(0, drain(0));
    world.tell(1, Input::Started { action: FIRST });
    let mut second = 2;
    let mut moved = Vec::new();
    loop {
        let (share, into) = world.step();
        moved.push(share.0 / 10_000);
        assert!(into.iter().all(|(region, _)| *region == RegionId(1)));
        world.tell(second, Input::Stepped { action: FIRST });
        if share == Ppm::ONE {
            break;
        }
        world.report(second + 115, &[(100, 200), (50, 300)]);
        second += 121;
        world.plane.handle_timeout(secs(second));
    }
    assert_eq!(moved, [5, 15, 35, 60, 85, 100]);
    assert!(matches!(world.said()[..], [Output::Verify { .. }]));
    world.tell(second, evidence(FIRST, true));
    assert_eq!(world.plane.region_out(), Some(RegionId(0)));
}

#[test]
fn a_drain_that_would_overload_the_neighbour_is_refused() {
    let mut world = World::with_regions(&[(100, 200), (100, 200), (190, 200)]);
    assert_eq!(world.want(0, drain(0)), refused(0, Refusal::NoRoom));
    let unknown = Refusal::NoReport(RegionId(7));
    assert_eq!(world.want(0, drain(7)), refused(0, unknown));
    let late = Refusal::NoReport(RegionId(0));
    assert_eq!(world.want(90, drain(0)), refused(90, late), "too old");
}

#[test]
fn a_drain_stops_when_the_room_is_gone_and_the_region_stays_out() {
    let mut world = World::with_regions(&[(100, 200), (50, 200)]);
    world.want(0, drain(0));
    world.tell(1, Input::Started { action: FIRST });
    let _ = world.step();
    world.tell(30, Input::Stepped { action: FIRST });
    for second in (100..900).step_by(30) {
        world.report(second, &[(95, 200), (170, 200)]);
    }
    assert_eq!(world.said(), [Output::Failed(FIRST, Failure::NoRoom)]);
    assert_eq!(world.plane.region_out(), Some(RegionId(0)));
    world.report(900, &[(95, 200), (10, 200)]);
    let out = Refusal::RegionOut(RegionId(0));
    assert_eq!(world.want(901, drain(1)), refused(901, out));
    world.tell(902, Input::Restored { action: FIRST });
    assert_eq!(world.plane.region_out(), None);
    assert_eq!(world.want(903, drain(1)), begin(SECOND, drain(1)));
}

#[test]
fn what_automation_suggests_waits_for_a_person() {
    let mut world = World::new();
    let by = Requester::Automation {
        stage: Some(StageKind::Wave),
    };
    let action = Action::AutomaticRollback {
        rollout: RolloutId(0),
        config: ConfigId(0),
        service: ServiceId(0),
    };
    let requested = |key, by| Input::Requested {
        key: ActionKey(key),
        action,
        by,
    };
    world.tell(0, requested(1, by.clone()));
    let suggest = Output::Suggest {
        action: FIRST,
        what: action,
    };
    assert_eq!(world.said(), [suggest]);
    let approved = |role| Input::Approved {
        action: FIRST,
        by: person("ana", role),
    };
    let refused = world.plane.handle(secs(1), approved(Role::Developer));
    assert_eq!(refused, Err(InputError::Role(Role::Developer)));
    world.tell(2, approved(Role::Owner));
    assert_eq!(world.said(), [begin(FIRST, action)]);
    world.tell(3, requested(2, by));
    assert!(matches!(world.said()[..], [Output::Refused { .. }]), "busy");
}

#[test]
fn a_suggestion_that_nobody_approves_lapses() {
    let mut world = World::new();
    let by = Requester::Automation { stage: None };
    let key = ActionKey(1);
    let action = Action::FreezeRollouts;
    world.tell(0, Input::Requested { key, action, by });
    let _ = world.said();
    world.plane.handle_timeout(secs(900));
    let why = CancelReason::NotApproved;
    assert_eq!(world.said(), [Output::Cancel { action: FIRST, why }]);
}

#[test]
fn the_mode_decides_for_automation_and_the_role_for_people() {
    let ask = |mode, stage| {
        let mut plane = Remediation::new(RemediationPolicy {
            mode,
            ..RemediationPolicy::default()
        });
        let input = Input::Requested {
            key: ActionKey(0),
            action: Action::AutomaticRollback {
                rollout: RolloutId(0),
                config: ConfigId(0),
                service: ServiceId(0),
            },
            by: Requester::Automation { stage: Some(stage) },
        };
        plane.handle(secs(0), input).unwrap();
        plane.poll_output().unwrap()
    };
    let off = ask(AutomationMode::Off, StageKind::Canary);
    assert_eq!(off, refused(0, Refusal::NotAutomatic));
    let canary = ask(AutomationMode::AutomaticForCanary, StageKind::Canary);
    assert!(matches!(canary, Output::Begin { .. }));
    let wave = ask(AutomationMode::AutomaticForCanary, StageKind::Wave);
    assert!(matches!(wave, Output::Suggest { .. }));
    let all = ask(AutomationMode::AutomaticForAll, StageKind::Wave);
    assert!(matches!(all, Output::Begin { .. }));

    let mut world = World::new();
    let by = Requester::Person(person("dev", Role::Developer));
    let key = ActionKey(0);
    let action = KILL;
    world.tell(0, Input::Requested { key, action, by });
    let why = Refusal::Role(Role::Developer);
    assert_eq!(world.said(), [Output::Refused { key, why }]);
}

#[test]
fn a_verdict_is_overridden_by_two_people_in_two_roles_and_recorded() {
    let mut world = World::new();
    let rollout = RolloutId(4);
    let asked = Input::OverrideAsked {
        rollout,
        reason: OverrideReason::FalseAlarm,
        by: person("ana", Role::Developer),
    };
    let seconded = |name, role| Input::OverrideSeconded {
        rollout,
        by: person(name, role),
    };
    world.tell(0, asked);
    assert_eq!(world.said(), [], "one person is not enough");
    world.tell(1, seconded("ana", Role::Owner));
    let same = Output::OverrideRefused(rollout, OverrideError::SamePerson);
    assert_eq!(world.said(), [same]);
    world.tell(2, seconded("bo", Role::SiteReliability));
    assert_eq!(world.said(), [Output::Overridden(rollout)]);
    let granted = &world.plane.overrides().granted()[0];
    assert_eq!((granted.ask.at, granted.at), (secs(0), secs(2)));
}

#[test]
fn what_makes_no_sense_changes_nothing() {
    let mut world = World::new();
    world.want(0, ROLLBACK);
    world.tell(5, Input::Started { action: FIRST });
    let before = world.plane.clone();
    let wrong = [
        (
            5,
            Input::Started { action: FIRST },
            InputError::WrongState(FIRST),
        ),
        (
            5,
            Input::Stepped { action: FIRST },
            InputError::WrongState(FIRST),
        ),
        (5, evidence(FIRST, true), InputError::WrongState(FIRST)),
        (
            5,
            Input::Restored { action: FIRST },
            InputError::WrongState(FIRST),
        ),
        (5, evidence(SECOND, true), InputError::UnknownAction(SECOND)),
        (
            4,
            Input::Finished { action: FIRST },
            InputError::Earlier {
                now: secs(5),
                at: secs(4),
            },
        ),
    ];
    for (second, input, expected) in wrong {
        assert_eq!(world.plane.handle(secs(second), input), Err(expected));
        assert_eq!(world.plane, before);
    }
    let state = world.plane.action(FIRST).unwrap().state;
    assert!(matches!(state, ActionState::Running { .. }));
}

/// A remediation with a person who wants things.
struct World {
    plane: Remediation,
}

impl World {
    fn new() -> Self {
        let policy = RemediationPolicy::default();
        assert_eq!(policy.check(), Ok(()));
        Self {
            plane: Remediation::new(policy),
        }
    }

    /// With a report of (load, capacity) for each region. Its second zero is the first of a run
    /// whose reports are one microsecond old.
    fn with_regions(regions: &[(u64, u64)]) -> Self {
        let mut world = Self::new();
        world.report(0, regions);
        world
    }

    fn report(&mut self, second: u64, regions: &[(u64, u64)]) {
        for (region, (load, capacity)) in (0..).zip(regions) {
            let input = Input::CapacityReported {
                region: RegionId(region),
                load: *load,
                capacity: *capacity,
            };
            self.tell(second, input);
        }
    }

    /// A site reliability engineer wants something, under a key of this second.
    fn want(&mut self, second: u64, action: Action) -> Output {
        let _ = self.said();
        self.ask(second, ActionKey(second), action);
        self.said().pop().expect("every wish has an answer")
    }

    fn ask(&mut self, second: u64, key: ActionKey, action: Action) {
        let by = Requester::Person(person("bo", Role::SiteReliability));
        self.tell(second, Input::Requested { key, action, by });
    }

    fn tell(&mut self, second: u64, input: Input) {
        self.plane
            .handle(secs(second), input.clone())
            .unwrap_or_else(|error| panic!("{input:?}: {error}"));
    }

    fn run_to_verifying(&mut self, action: ActionId, second: u64) {
        self.tell(second, Input::Started { action });
        self.tell(second, Input::Finished { action });
        let _ = self.said();
    }

    fn said(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.plane.poll_output()).collect()
    }

    fn step(&mut self) -> (Ppm, Vec<(RegionId, u64)>) {
        match self.said().pop() {
            Some(Output::Step { step, .. }) => (step.moved, step.into),
            other => panic!("{other:?}"),
        }
    }
}

const fn begin(action: ActionId, what: Action) -> Output {
    Output::Begin { action, what }
}

const fn refused(key: u64, why: Refusal) -> Output {
    Output::Refused {
        key: ActionKey(key),
        why,
    }
}

const fn evidence(action: ActionId, worked: bool) -> Input {
    Input::Evidence { action, worked }
}

const fn drain(region: u16) -> Action {
    Action::Drain {
        region: RegionId(region),
    }
}

const fn limits(action: Action) -> ActionLimits {
    let kind: ActionKind = action.kind();
    ActionLimits::usual(kind)
}

fn person(name: &str, role: Role) -> Principal {
    Principal {
        name: name.into(),
        role,
    }
}

/// A moment of a run that began an hour before.
const fn secs(seconds: u64) -> Micros {
    Micros::from_secs(3_600 + seconds)
}
