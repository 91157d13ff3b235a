//! What would have changed a verdict, done: the row that a verdict names is changed by as much as
//! it says, and by one less.

use firedrill_core::health::Outcome;
use firedrill_core::health::sequential::{
    ArmCounts, Baseline, HostEffects, MeanPolicy, Onset, PairedCounts, PairedSamples, PairedWindow,
    Samples, SequentialJudge, SequentialPolicy, SequentialVerdict, Turn, Worse,
};
use firedrill_core::{Micros, Ppm};

const POLICY: SequentialPolicy = SequentialPolicy {
    alpha: Ppm(1_000),
    miss: Ppm(50_000),
    effect_min_milli: 1_500,
    baseline: Baseline::Control,
    onset: Onset::Either,
    hosts: HostEffects::None,
    bake: Micros::from_mins(10),
    stale_after: Micros::from_mins(5),
    tolerable: Ppm::ZERO,
};

/// Minutes of errors of both arms, each of so many requests.
type Minutes = Vec<(u64, u64)>;
const REQUESTS: u64 = 10_000;

fn judge(policy: SequentialPolicy, minutes: &Minutes) -> SequentialVerdict {
    let mut judge = SequentialJudge::new(policy, 1).expect("the policy is sound");
    let arm = |errors| ArmCounts {
        requests: REQUESTS,
        errors,
    };
    for (minute, (canary, control)) in (0..).zip(minutes) {
        let signals = [PairedCounts {
            canary: arm(*canary),
            control: arm(*control),
        }];
        let taken = judge.observe(&PairedWindow {
            start: Micros::from_mins(minute),
            end: Micros::from_mins(minute + 1),
            signals: &signals,
        });
        assert_eq!(taken, Ok(()));
    }
    judge.verdict(Micros::from_mins(minutes.len() as u64))
}

/// The minute in which it failed, from one.
fn failed_in(policy: SequentialPolicy, minutes: &Minutes) -> Option<u64> {
    let at = judge(policy, minutes).signals[0].failed_at?;
    Some(at.0 / Micros::from_mins(1).0)
}

/// The same minutes with so many errors more in one of them, from one.
fn changed(minutes: &Minutes, minute: u64, (canary, control): (i64, i64)) -> Minutes {
    let mut minutes = minutes.clone();
    let row = &mut minutes[minute as usize - 1];
    row.0 = row.0.checked_add_signed(canary).expect("a count");
    row.1 = row.1.checked_add_signed(control).expect("a count");
    minutes
}

fn policies() -> [SequentialPolicy; 4] {
    [
        POLICY,
        SequentialPolicy {
            tolerable: Ppm(5_000),
            ..POLICY
        },
        SequentialPolicy {
            baseline: Baseline::Known(Ppm(1_000)),
            onset: Onset::AnyTime,
            ..POLICY
        },
        SequentialPolicy {
            hosts: HostEffects::AtMost(Ppm(1_000)),
            ..POLICY
        },
    ]
}

#[test]
fn trap_so_many_errors_more_that_do_not_fail_it() {
    let calm: Minutes = (0..12).map(|minute| (10 + minute % 3, 11)).collect();
    for policy in policies() {
        let verdict = judge(policy, &calm);
        let Turn::ErrorsMore(more) = verdict.signals[0].turn else {
            panic!("{verdict:?}");
        };
        let more = more.cast_signed();
        let with = |more| failed_in(policy, &changed(&calm, 12, (more, 0)));
        assert_eq!(with(more), Some(12), "{policy:?}");
        assert_eq!(with(more - 1), None, "{policy:?}");
    }
}

/// Where everything is tolerable, nothing would fail it, and no number is told.
#[test]
fn trap_more_errors_than_are_tolerable_are_promised_to_fail() {
    let policy = SequentialPolicy {
        tolerable: Ppm(600_000),
        ..POLICY
    };
    let calm: Minutes = vec![(10, 10); 12];
    assert_eq!(judge(policy, &calm).signals[0].turn, Turn::Nothing);
}

/// Fewer errors had not failed it in that minute; later ones may have failed it all the same.
#[test]
fn trap_so_many_errors_fewer_and_it_failed_a_minute_later() {
    let bad: Minutes = (0..12).map(|minute| (18 + minute % 3, 6)).collect();
    let mut later = 0;
    for policy in policies() {
        let bad = if policy.tolerable > Ppm::ZERO {
            bad.iter().map(|row| (4 * row.0, row.1)).collect()
        } else {
            bad.clone()
        };
        let at = failed_in(policy, &bad).unwrap();
        let verdict = judge(policy, &bad);
        let Turn::ErrorsFewer(fewer) = verdict.signals[0].turn else {
            panic!("{verdict:?}");
        };
        let with = |errors| failed_in(policy, &changed(&bad, at, (errors, 0)));
        let fewer = fewer.cast_signed();
        let then = with(-fewer);
        assert!(then.is_none_or(|then| then > at), "{policy:?}: {then:?}");
        later += u32::from(then.is_some());
        assert_eq!(with(1 - fewer), Some(at), "{policy:?}");
    }
    assert!(later > 0, "`then` matters");
}

/// Where fewer events are worse the arms are exchanged, and the control's are the canary's.
#[test]
fn errors_of_the_control_turn_it_too() {
    let bad: Minutes = vec![(20, 6); 12];
    let at = failed_in(POLICY, &bad).unwrap();
    let verdict = judge(POLICY, &bad);
    let Turn::ControlErrorsMore(more) = verdict.signals[0].control_turn else {
        panic!("{verdict:?}");
    };
    let with = |more| failed_in(POLICY, &changed(&bad, at, (0, more)));
    assert!(with(more.cast_signed()).is_none_or(|then| then > at));
    assert_eq!(with(more.cast_signed() - 1), Some(at));

    let near: Minutes = vec![(28, 23); 12];
    let verdict = judge(POLICY, &near);
    let Turn::ControlErrorsFewer(fewer) = verdict.signals[0].control_turn else {
        panic!("{verdict:?}");
    };
    let with = |fewer: i64| failed_in(POLICY, &changed(&near, 12, (0, -fewer)));
    // Only an error of the candidate makes the judge look, and there are some in that minute.
    assert_eq!(with(fewer.cast_signed()), Some(12));
    assert_eq!(with(fewer.cast_signed() - 1), None);
}

/// Minutes of one sample an arm: the mean that is told turns it, and one that is a little nearer
/// to what was seen does not.
#[test]
fn a_mean_that_turns_it_is_told() {
    for worse in [Worse::Higher, Worse::Lower] {
        let mean = MeanPolicy {
            low: 0.0,
            high: 100.0,
            worse,
            effect: 20.0,
            tolerable: 0.0,
        };
        let judge = |canary: &[f64]| {
            let mut judge = SequentialJudge::with_means(POLICY, &[], &[mean]).unwrap();
            let one = |value: f64| {
                let mut samples = Samples::default();
                samples.add(mean.scale(value).unwrap());
                samples
            };
            for (minute, value) in (0..).zip(canary) {
                let pair = PairedSamples {
                    canary: one(*value),
                    control: one(50.0),
                };
                judge.observe_means(&[pair]).unwrap();
                let window = PairedWindow {
                    start: Micros::from_mins(minute),
                    end: Micros::from_mins(minute + 1),
                    signals: &[],
                };
                judge.observe(&window).unwrap();
            }
            judge.verdict(Micros::from_mins(canary.len() as u64))
        };
        let bad = if worse == Worse::Higher { 75.0 } else { 25.0 };
        let all = [bad; 200];
        let at = judge(&all).means[0].failed_at.unwrap();
        let count = (at.0 / Micros::from_mins(1).0) as usize;
        for rows in [count, count - 1] {
            let verdict = judge(&all[..rows]);
            let failed = verdict.outcome == Outcome::Fail;
            assert_eq!(failed, rows == count);
            // A single sample far off is a surprise of its own, and may be worth less.
            let Some(turn) = verdict.means[0].turn else {
                assert!(!failed);
                continue;
            };
            assert!((turn.seen - bad).abs() < 1e-9);
            let with = |value: f64| {
                let mut changed = all[..rows].to_vec();
                changed[rows - 1] = value;
                judge(&changed).outcome == Outcome::Fail
            };
            let further = turn.needed + 1e-6 * (turn.needed - turn.seen);
            let nearer = turn.needed - 1e-6 * (turn.needed - turn.seen);
            assert_ne!(with(further), failed, "{turn:?}");
            assert_eq!(with(nearer), failed, "{turn:?}");
        }
    }
}
