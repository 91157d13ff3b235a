//! Hosts that differ for good: what they excuse, and what they never do. The worse a canary is,
//! the sooner it fails.

#[path = "support/split_mix.rs"]
mod split_mix;

use firedrill_core::health::Outcome;
use firedrill_core::health::sequential::{
    ArmCounts, Baseline, HostEffects, Onset, PairedCounts, PairedWindow, SequentialJudge,
    SequentialPolicy, SequentialVerdict,
};
use firedrill_core::{Micros, Ppm};

use split_mix::SplitMix64;

const POLICY: SequentialPolicy = SequentialPolicy {
    alpha: Ppm(1_000),
    miss: Ppm(50_000),
    effect_min_milli: 1_500,
    baseline: Baseline::Control,
    onset: Onset::Either,
    hosts: HostEffects::Estimated,
    bake: Micros::from_mins(10),
    stale_after: Micros::from_mins(5),
    tolerable: Ppm::ZERO,
};
const WINDOWS: u64 = 60;
const USUAL: f64 = 0.001;

/// What a host of each arm answers with an error, by its number.
struct Fleet<'a> {
    hosts: u64,
    /// Requests of a host in ten seconds.
    requests: u64,
    control: &'a dyn Fn(u64) -> f64,
    canary: &'a dyn Fn(u64) -> f64,
}

/// Errors among `requests`; more for a larger share, whatever the dice.
fn errors(dice: &mut SplitMix64, requests: u64, share: f64) -> u64 {
    let mean = requests as f64 * share;
    let (a, b) = (dice.uniform().max(1e-12), dice.uniform());
    let normal = (-2.0 * a.ln()).sqrt() * (2.0 * std::f64::consts::PI * b).cos();
    if mean > 20.0 {
        let drawn = mean + normal * (mean * (1.0 - share)).sqrt();
        return (drawn.round().max(0.0) as u64).min(requests);
    }
    let (mut count, mut chance, mut below) = (0, (-mean).exp(), 0.0);
    while below + chance < b && count < requests {
        below += chance;
        count += 1;
        chance *= mean / count as f64;
    }
    count
}

fn sum(hosts: &[ArmCounts]) -> ArmCounts {
    ArmCounts {
        requests: hosts.iter().map(|host| host.requests).sum(),
        errors: hosts.iter().map(|host| host.errors).sum(),
    }
}

/// Every verdict of a bake, window by window.
fn watch(fleet: &Fleet<'_>, seed: u64) -> Vec<SequentialVerdict> {
    let mut judge = SequentialJudge::new(POLICY, 1).expect("the policy is sound");
    let mut dice = [SplitMix64(seed), SplitMix64(seed + 1_000)];
    let mut arm = |which: usize, share: &dyn Fn(u64) -> f64| -> Vec<ArmCounts> {
        let host = |host| ArmCounts {
            requests: fleet.requests,
            errors: errors(&mut dice[which], fleet.requests, share(host)),
        };
        (0..fleet.hosts).map(host).collect()
    };
    let window = |number: u64| {
        let (canary, control) = (arm(0, fleet.canary), arm(1, fleet.control));
        judge.observe_hosts(0, &canary, &control);
        let signals = [PairedCounts {
            canary: sum(&canary),
            control: sum(&control),
        }];
        let end = Micros::from_secs(10 * (number + 1));
        let taken = judge.observe(&PairedWindow {
            start: Micros::from_secs(10 * number),
            end,
            signals: &signals,
        });
        assert_eq!(taken, Ok(()));
        judge.verdict(end)
    };
    (0..WINDOWS).map(window).collect()
}

/// The window in which it fails, from one; none, one after the last.
fn failed_in(verdicts: &[SequentialVerdict]) -> u64 {
    let fails = |verdict: &SequentialVerdict| verdict.outcome == Outcome::Fail;
    let found = verdicts.iter().position(fails);
    found.map_or(WINDOWS + 1, |window| window as u64 + 1)
}

fn with_effect(hosts: u64, requests: u64, effect: f64, seed: u64) -> Vec<SequentialVerdict> {
    let fleet = Fleet {
        hosts,
        requests,
        control: &|_| USUAL,
        canary: &|_| USUAL * effect,
    };
    watch(&fleet, seed)
}

/// More errors are never less evidence: whatever the hosts and their traffic, a canary with 500
/// times the errors fails at least as soon as one with 5 times as many.
#[test]
fn trap_a_worse_canary_fails_at_least_as_soon() {
    for hosts in [5, 10, 20, 50] {
        for requests in [100, 1_000, 10_000] {
            for seed in 0..3 {
                let effects = [5.0, 20.0, 100.0, 500.0, 1_000.0];
                let at =
                    effects.map(|effect| failed_in(&with_effect(hosts, requests, effect, seed)));
                assert!(at.is_sorted_by(|a, b| a >= b), "{hosts} {requests}: {at:?}");
                assert_eq!(at[3..], [1, 1], "{hosts} {requests}: {at:?}");
            }
        }
    }
}

/// An interval that lies above the smallest effect is a failure, from that window on.
#[test]
fn trap_an_interval_above_the_effect_beside_inconclusive() {
    let mut above = 0;
    for hosts in [3, 5, 10, 50] {
        for effect in [1.0, 2.0, 5.0, 50.0, 900.0] {
            for verdict in with_effect(hosts, 10_000, effect, 7) {
                let (low, _) = verdict.signals[0].interval.unwrap();
                if low > POLICY.effect_min() {
                    above += 1;
                    assert_eq!(
                        verdict.outcome,
                        Outcome::Fail,
                        "{hosts} {effect}: {verdict:?}"
                    );
                }
            }
        }
    }
    assert!(above > 100, "{above}");
}

/// Control hosts that differ by a half make a lasting difference of half as much again no news,
/// and a candidate that fails every request no less so.
#[test]
fn hosts_that_differ_excuse_little_differences_and_no_catastrophe() {
    let uneven = |host: u64| USUAL * [0.4, 0.7, 1.0, 1.3, 1.6][(host % 5) as usize];
    let fleet = |canary| Fleet {
        hosts: 10,
        requests: 1_000,
        control: &uneven,
        canary,
    };
    let little = |host: u64| 1.4 * uneven(host);
    assert_eq!(failed_in(&watch(&fleet(&little), 3)), WINDOWS + 1);
    assert_eq!(failed_in(&watch(&fleet(&|_| 1.0), 3)), 1);
}

/// Harm that sits on one host of the candidate is not taken for what hosts of the control would
/// do: those are seen, and they are alike.
#[test]
fn trap_the_canarys_own_harm_as_an_estimate_of_how_hosts_differ() {
    let one = |host: u64| if host == 0 { 1.0 } else { USUAL };
    let fleet = Fleet {
        hosts: 10,
        requests: 1_000,
        control: &|_| USUAL,
        canary: &one,
    };
    let at = failed_in(&watch(&fleet, 5));
    assert!(at <= 6, "{at}");
}

/// With enormous counts, a candidate like the control passes, and one slightly worse fails.
#[test]
fn enormous_counts_decide_both_ways() {
    let run = |effect| {
        let verdicts = with_effect(20, 10_000_000, effect, 11);
        verdicts.last().unwrap().outcome
    };
    assert_eq!(run(1.0), Outcome::Pass);
    assert_eq!(run(3.0), Outcome::Fail);
}
