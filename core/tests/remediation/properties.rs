//! What holds of remediation whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use firedrill_core::Micros;
use firedrill_core::config::{Principal, Role};
use firedrill_core::ids::{ActionId, ConfigId, RegionId, RolloutId, ServiceId};
use firedrill_core::ratio::Ppm;
use firedrill_core::remediation::{
    Action, ActionKey, ActionKind, ActionLimits, ActionRecord, ActionState, AutomationMode,
    CancelReason, Capacity, DrainPolicy, Failure, FeatureLevel, Input, KillScope, Output,
    OverrideReason, Refusal, Remediation, RemediationPolicy, Requester, ToolFailure,
};
use firedrill_core::rollout::StageKind;

/// The time between two inputs.
const STEP: Micros = Micros::from_secs(20);
const REGIONS: u16 = 3;

/// What happens next; who it happens to is looked up when it does, so that a shrunk case stays
/// meaningful.
#[derive(Clone, Debug)]
enum Act {
    /// This, whether it makes sense or not.
    Input(Input),
    /// One of the actions under way, the one at this index, goes on as it should.
    GoOn {
        /// Which, counted round.
        pick: usize,
        /// Whether it turns out to have worked.
        worked: bool,
    },
    /// Every region reports its load and capacity.
    Report([(u64, u64); 3]),
}

impl Act {
    fn inputs(&self, plane: &Remediation) -> Vec<Input> {
        match self {
            Self::Input(input) => vec![input.clone()],
            Self::GoOn { pick, worked } => {
                let busy: Vec<_> = plane
                    .actions()
                    .iter()
                    .filter(|record| record.state.is_under_way())
                    .collect();
                let record = busy.get(pick % busy.len().max(1));
                record
                    .map(|record| go_on(record, *worked))
                    .into_iter()
                    .collect()
            }
            Self::Report(regions) => (0..)
                .zip(regions)
                .map(|(region, (load, capacity))| Input::CapacityReported {
                    region: RegionId(region),
                    load: *load,
                    capacity: *capacity,
                })
                .collect(),
        }
    }
}

fn go_on(record: &ActionRecord, worked: bool) -> Input {
    let action = record.id;
    match record.state {
        ActionState::Begun { .. } => Input::Started { action },
        ActionState::Running { .. } if record.drain.is_some() => Input::Stepped { action },
        ActionState::Running { .. } => Input::Finished { action },
        ActionState::Verifying { .. } => Input::Evidence { action, worked },
        ActionState::Suggested { .. }
        | ActionState::Done
        | ActionState::Failed(_)
        | ActionState::Cancelled(_) => unreachable!("it is under way"),
    }
}

proptest! {
    #![proptest_config(crate::config())]

    /// A kill switch that somebody who may orders begins at once, unless that very subject is
    /// being or was turned off already; and no lower action on its subject is under way then.
    #[test]
    fn a_kill_switch_always_wins(mode in any_mode(), acts in any_acts()) {
        for_each(mode, &acts, |before, input, after, outputs| {
            let Input::Requested { key, action, by: Requester::Person(by) } = input else {
                return Ok(());
            };
            let fresh = before.actions().iter().all(|record| record.key != *key);
            if action.kind() != ActionKind::KillSwitch || !by.role.may_operate() || !fresh {
                return Ok(());
            }
            let answer = outputs.last();
            let wins = if let Some(Output::Begin { what, .. }) = answer {
                what == action
            } else if let Some(Output::Refused {
                why: Refusal::Busy(id) | Refusal::InForce(id),
                ..
            }) = answer
            {
                after.action(*id).unwrap().action == *action
            } else {
                false
            };
            prop_assert!(wins, "{answer:?}");
            let beside = after.actions().iter().any(|record| {
                record.state.is_under_way()
                    && record.kind() != ActionKind::KillSwitch
                    && record.action.collides(action)
            });
            let began = matches!(answer, Some(Output::Begin { .. }));
            prop_assert!(!(began && beside));
            Ok(())
        })?;
    }

    /// Two actions on the same subject are never under way at once.
    #[test]
    fn one_thing_at_a_time(mode in any_mode(), acts in any_acts()) {
        for_each(mode, &acts, |_, _, after, _| {
            let busy: Vec<_> = after
                .actions()
                .iter()
                .filter(|record| record.state.is_under_way())
                .collect();
            for (index, one) in busy.iter().enumerate() {
                for other in &busy[index + 1..] {
                    prop_assert!(!one.action.collides(&other.action), "{one:?} {other:?}");
                }
            }
            Ok(())
        })?;
    }

    /// No action begins twice, and no key leads to two actions.
    #[test]
    fn no_action_runs_twice_for_one_key(mode in any_mode(), acts in any_acts()) {
        let mut begun = BTreeSet::new();
        for_each(mode, &acts, |_, _, after, outputs| {
            for output in outputs {
                if let Output::Begin { action, .. } = output {
                    prop_assert!(begun.insert(*action), "{action} began twice");
                }
            }
            let keys: BTreeSet<_> = after.actions().iter().map(|record| record.key).collect();
            prop_assert_eq!(keys.len(), after.actions().len());
            Ok(())
        })?;
    }

    /// At most one region is without its users, wholly or in part.
    #[test]
    fn never_two_regions_at_once(mode in any_mode(), acts in any_drain()) {
        for_each(mode, &acts, |_, _, after, _| {
            let out: BTreeSet<_> = after
                .actions()
                .iter()
                .filter(|record| record.in_force || record.state.is_under_way())
                .filter_map(|record| record.drain.as_ref())
                .map(|drain| drain.region())
                .collect();
            prop_assert!(out.len() <= 1, "{out:?}");
            Ok(())
        })?;
    }

    /// No step of a drain gives a region more than it can spare by its last report, which is not
    /// too old and shows what the step before did; and the steps add up to everything.
    #[test]
    fn a_drain_never_steps_into_a_region_without_room(acts in any_drain()) {
        let mut reports: BTreeMap<RegionId, Capacity> = BTreeMap::new();
        let mut stepped_at = BTreeMap::new();
        let mode = AutomationMode::Suggest;
        let mut plane = start(mode);
        let policy = policy(mode).drain;
        for (now, act) in timed(&acts) {
            // Time first: what it leads to is by the reports before this.
            while let Some(due) = plane.poll_timeout().filter(|due| *due <= now) {
                plane.handle_timeout(due);
                check_steps(&mut plane, due, &reports, &stepped_at, policy.ceiling)?;
            }
            for input in act.inputs(&plane) {
                if let Input::CapacityReported { region, load, capacity } = input {
                    let report = Capacity { load, capacity, at: now };
                    reports.insert(region, report);
                }
                let stepped = if let Input::Stepped { action } = input {
                    Some(action)
                } else {
                    None
                };
                if plane.handle(now, input).is_ok() {
                    stepped_at.extend(stepped.map(|action| (action, now)));
                }
                check_steps(&mut plane, now, &reports, &stepped_at, policy.ceiling)?;
            }
        }
    }

    /// Everything ends: without further input every action is done, failed or cancelled.
    #[test]
    fn everything_ends(mode in any_mode(), acts in any_acts()) {
        let mut plane = start(mode);
        play(&mut plane, &acts);
        let mut wakes = 0;
        while let Some(due) = plane.poll_timeout() {
            plane.handle_timeout(due);
            wakes += 1;
            prop_assert!(wakes < 10_000);
        }
        for record in plane.actions() {
            prop_assert_eq!(record.state.deadline(), None);
            prop_assert!(record.ended_at.is_some());
        }
    }

    /// The journal rebuilds everything; a clone taken midway goes on alike, however late its
    /// driver wakes.
    #[test]
    fn the_journal_rebuilds_everything(
        mode in any_mode(),
        acts in any_acts(),
        cut in 0_usize..80,
    ) {
        let mut plane = start(mode);
        let mut copy = None;
        for (index, (now, act)) in timed(&acts).enumerate() {
            if index == cut {
                copy = Some(plane.clone());
            }
            for input in act.inputs(&plane) {
                let result = plane.handle(now, input.clone());
                if let Some(copy) = &mut copy {
                    while let Some(due) = copy.poll_timeout().filter(|due| *due <= now) {
                        copy.handle_timeout(due);
                    }
                    prop_assert_eq!(copy.handle(now, input), result);
                }
            }
        }
        let end = Micros(STEP.0 * 1_000);
        plane.handle_timeout(end);
        if let Some(mut copy) = copy {
            copy.handle_timeout(end);
            prop_assert_eq!(&copy, &plane);
        }
        let mut rebuilt = Remediation::replay(policy(mode), plane.journal()).unwrap();
        rebuilt.handle_timeout(end);
        prop_assert_eq!(rebuilt, plane);
    }

    /// What makes no sense changes nothing but time.
    #[test]
    fn an_error_changes_nothing(mode in any_mode(), acts in any_acts()) {
        let mut plane = start(mode);
        for (now, act) in timed(&acts) {
            plane.handle_timeout(now);
            for input in act.inputs(&plane) {
                let before = plane.clone();
                if plane.handle(now, input).is_err() {
                    prop_assert_eq!(&plane, &before);
                }
            }
        }
    }
}

/// The batch reaches the paths that the properties are about; without them they would hold for
/// nothing.
#[test]
fn the_rare_paths_are_reached() {
    let mut runner = TestRunner::deterministic();
    let mut marks = BTreeMap::new();
    for _ in 0..300 {
        let mode = any_mode().new_tree(&mut runner).unwrap().current();
        for acts in [
            any_acts().new_tree(&mut runner).unwrap().current(),
            any_drain().new_tree(&mut runner).unwrap().current(),
        ] {
            let mut plane = start(mode);
            play(&mut plane, &acts);
            plane.handle_timeout(Micros::from_hours(10));
            while let Some(output) = plane.poll_output() {
                *marks.entry(mark(&output)).or_insert(0_u32) += 1;
            }
        }
    }
    let wanted = [
        "suggest",
        "begin a kill switch",
        "begin",
        "a first step",
        "a later step",
        "preempted",
        "verify",
        "done",
        "not verified",
        "no room for a step",
        "outranked",
        "busy",
        "a region is out",
        "no room",
        "known",
        "overridden",
    ];
    for path in wanted {
        assert!(marks.contains_key(path), "never {path}: {marks:?}");
    }
}

fn mark(output: &Output) -> &'static str {
    match output {
        Output::Suggest { .. } => "suggest",
        Output::Begin {
            what: Action::KillSwitch(_),
            ..
        } => "begin a kill switch",
        Output::Begin { .. } => "begin",
        Output::Step { step, .. } if step.number == 1 => "a first step",
        Output::Step { .. } => "a later step",
        Output::Cancel {
            why: CancelReason::Preempted(_),
            ..
        } => "preempted",
        Output::Verify { .. } => "verify",
        Output::Done(_) => "done",
        Output::Failed(_, Failure::NotVerified) => "not verified",
        Output::Failed(_, Failure::NoRoom) => "no room for a step",
        Output::Refused {
            why: Refusal::Outranked(_),
            ..
        } => "outranked",
        Output::Refused {
            why: Refusal::Busy(_),
            ..
        } => "busy",
        Output::Refused {
            why: Refusal::RegionOut(_),
            ..
        } => "a region is out",
        Output::Refused {
            why: Refusal::NoRoom,
            ..
        } => "no room",
        Output::Known { .. } => "known",
        Output::Overridden(_) => "overridden",
        Output::Cancel { .. }
        | Output::Failed(..)
        | Output::Refused { .. }
        | Output::OverrideRefused(..) => "other",
    }
}

fn check_steps(
    plane: &mut Remediation,
    now: Micros,
    reports: &BTreeMap<RegionId, Capacity>,
    stepped_at: &BTreeMap<ActionId, Micros>,
    ceiling: Ppm,
) -> Result<(), TestCaseError> {
    while let Some(output) = plane.poll_output() {
        let Output::Step { action, step } = output else {
            continue;
        };
        let drain = plane
            .action(action)
            .and_then(|record| record.drain.as_ref());
        let region = drain.expect("only drains step").region();
        for (into, amount) in step.into {
            let report = reports[&into];
            prop_assert_ne!(into, region);
            prop_assert!(
                amount <= report.spare(ceiling),
                "{} into {:?}",
                amount,
                report
            );
            prop_assert!(now - report.at < Micros::from_mins(1));
            let shown = stepped_at.get(&action).is_none_or(|last| report.at > *last);
            prop_assert!(shown, "the report is from before the last step");
        }
    }
    Ok(())
}

/// Plays the acts and checks something after each: the state before and after, and what was said.
fn for_each(
    mode: AutomationMode,
    acts: &[Act],
    mut check: impl FnMut(&Remediation, &Input, &Remediation, &[Output]) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut plane = start(mode);
    for (now, act) in timed(acts) {
        plane.handle_timeout(now);
        for input in act.inputs(&plane) {
            let mut outputs: Vec<_> = std::iter::from_fn(|| plane.poll_output()).collect();
            let before = plane.clone();
            let _ = plane.handle(now, input.clone());
            outputs.extend(std::iter::from_fn(|| plane.poll_output()));
            check(&before, &input, &plane, &outputs)?;
        }
    }
    Ok(())
}

fn play(plane: &mut Remediation, acts: &[Act]) {
    for (now, act) in timed(acts) {
        plane.handle_timeout(now);
        for input in act.inputs(plane) {
            let _ = plane.handle(now, input);
        }
    }
}

/// Drains look again before reports are too old, and several are allowed at once: so only the
/// guards that are about drains hold them back.
fn policy(mode: AutomationMode) -> RemediationPolicy {
    let drains = ActionLimits {
        at_once_max: 3,
        per_hour_max: 100,
        ..ActionLimits::usual(ActionKind::Drain)
    };
    let policy = RemediationPolicy {
        mode,
        limits: BTreeMap::from([(ActionKind::Drain, drains)]),
        drain: DrainPolicy {
            wait: Micros::from_secs(20),
            ..DrainPolicy::default()
        },
        ..RemediationPolicy::default()
    };
    assert_eq!(policy.check(), Ok(()));
    policy
}

fn start(mode: AutomationMode) -> Remediation {
    Remediation::new(policy(mode))
}

fn timed(acts: &[Act]) -> impl Iterator<Item = (Micros, &Act)> {
    (1..).map(|index| Micros(STEP.0 * index)).zip(acts)
}

fn any_mode() -> impl Strategy<Value = AutomationMode> {
    prop_oneof![
        Just(AutomationMode::Off),
        Just(AutomationMode::Suggest),
        Just(AutomationMode::AutomaticForCanary),
        Just(AutomationMode::AutomaticForAll),
    ]
}

fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => any_request(any_action().boxed()).prop_map(Act::Input),
        3 => any_input().prop_map(Act::Input),
        10 => any_going_on(),
        3 => any_report(400),
        1 => any_override().prop_map(Act::Input),
    ];
    prop::collection::vec(act, 1..120)
}

/// Little but drains, with reports that mostly leave room.
fn any_drain() -> impl Strategy<Value = Vec<Act>> {
    let drain = (0..REGIONS).prop_map(|region| Action::Drain {
        region: RegionId(region),
    });
    let act = prop_oneof![
        2 => any_request(drain.boxed()).prop_map(Act::Input),
        1 => any_input().prop_map(Act::Input),
        4 => any_going_on(),
        8 => any_report(150),
    ];
    prop::collection::vec(act, 1..200)
}

fn any_going_on() -> impl Strategy<Value = Act> {
    (0_usize..8, prop::bool::weighted(0.8)).prop_map(|(pick, worked)| Act::GoOn { pick, worked })
}

fn any_request(action: BoxedStrategy<Action>) -> impl Strategy<Value = Input> {
    let by = prop_oneof![
        2 => any_person().prop_map(Requester::Person),
        1 => prop::option::of(prop_oneof![Just(StageKind::Canary), Just(StageKind::Wave)])
            .prop_map(|stage| Requester::Automation { stage }),
    ];
    (0_u64..40, action, by).prop_map(|(key, action, by)| Input::Requested {
        key: ActionKey(key),
        action,
        by,
    })
}

fn any_action() -> impl Strategy<Value = Action> {
    let id = || 0_u16..2;
    let scope = prop_oneof![
        id().prop_map(|config| KillScope::Config(ConfigId(config))),
        id().prop_map(|service| KillScope::Service(ServiceId(service))),
    ];
    let level = prop::sample::select(vec![
        FeatureLevel::Level4,
        FeatureLevel::Level4,
        FeatureLevel::Level3,
        FeatureLevel::Level1,
    ]);
    prop_oneof![
        (id(), id(), any::<bool>()).prop_map(|(config, service, automatic)| {
            let (rollout, config, service) = (RolloutId(0), ConfigId(config), ServiceId(service));
            if automatic {
                Action::AutomaticRollback {
                    rollout,
                    config,
                    service,
                }
            } else {
                Action::OneClickRollback {
                    rollout,
                    config,
                    service,
                }
            }
        }),
        (id(), level).prop_map(|(service, level)| Action::FeatureDisable {
            service: ServiceId(service),
            level,
        }),
        (0..REGIONS).prop_map(|region| Action::Drain {
            region: RegionId(region)
        }),
        (id(), 0..REGIONS).prop_map(|(service, region)| Action::Restart {
            service: ServiceId(service),
            region: RegionId(region),
        }),
        scope.prop_map(Action::KillSwitch),
        id().prop_map(|caller| Action::TripBreaker {
            caller: ServiceId(caller),
            callee: ServiceId(9),
        }),
        Just(Action::FreezeRollouts),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    let action = || (0_u32..8).prop_map(ActionId);
    prop_oneof![
        3 => action().prop_map(|action| Input::Started { action }),
        3 => action().prop_map(|action| Input::Stepped { action }),
        3 => action().prop_map(|action| Input::Finished { action }),
        3 => (action(), prop::bool::weighted(0.8))
            .prop_map(|(action, worked)| Input::Evidence { action, worked }),
        1 => action().prop_map(|action| Input::Failed { action, why: ToolFailure::Partial }),
        1 => (action(), any_person()).prop_map(|(action, by)| Input::Approved { action, by }),
        1 => (action(), any_person()).prop_map(|(action, by)| Input::Withdrawn { action, by }),
        1 => action().prop_map(|action| Input::Restored { action }),
    ]
}

fn any_report(load_max: u64) -> impl Strategy<Value = Act> {
    let region = (0..load_max, 200_u64..600);
    [region.clone(), region.clone(), region].prop_map(Act::Report)
}

fn any_override() -> impl Strategy<Value = Input> {
    let rollout = || (0_u32..2).prop_map(RolloutId);
    prop_oneof![
        (rollout(), any_person()).prop_map(|(rollout, by)| Input::OverrideAsked {
            rollout,
            reason: OverrideReason::FalseAlarm,
            by,
        }),
        (rollout(), any_person()).prop_map(|(rollout, by)| Input::OverrideSeconded { rollout, by }),
    ]
}

fn any_person() -> impl Strategy<Value = Principal> {
    let role = prop::sample::select(vec![Role::Owner, Role::SiteReliability, Role::Developer]);
    (prop_oneof![Just("ana"), Just("bo")], role).prop_map(|(name, role)| Principal {
        name: name.into(),
        role,
    })
}
