//! The sequential judge on a stage: pairs of windows of one region and one interval.
//!
//! Both arms are compared region by region, so that regions whose traffic or whose errors differ
//! are no difference between the arms. A pair is weighed once both its windows are there, in
//! whatever order pairs complete; what stays alone compares nothing.
//!
//! Only signals that count requests have a probability to reckon with; instances down, restarts
//! and saturation are held against their limit.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::health::TelemetryWindow;
use crate::health::check::{Check, Limit, Signal};
use crate::health::histogram::LatencyHistogram;
use crate::health::sequential::{
    ArmCounts, Baseline, PairedCounts, PairedWindow, Rule, SequentialJudge, SequentialPolicy,
    SignalEvidence, Turn,
};
use crate::health::tally::Tally;
use crate::health::verdict::{CheckEvidence, NoDataReason, Outcome, Proof};
use crate::ids::RegionId;
use crate::ratio::Ppm;
use crate::time::Micros;

use super::{Arm, Control, JudgePolicy, SequentialMethod, Setting};

/// Requests of the control that draw a line between fast and slow.
const LINE_SAMPLE_MIN: u64 = 200;
/// Intervals of a region that wait for their other half; the oldest is given up first.
const WAITING_MAX: usize = 256;
/// Pairs that are remembered as weighed; what ended before the oldest is too late.
const DONE_MAX: usize = 4_096;

/// Evidence of every check.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighed {
    checks: Vec<Option<Line>>,
    /// Windows of one region and interval that wait for their other half.
    waiting: BTreeMap<(Micros, Micros, RegionId), [Option<Tally>; 2]>,
    /// Pairs that were weighed already, and the moment up to which nothing is taken any more.
    done: BTreeSet<(Micros, RegionId)>,
    closed_until: Micros,
    control_latency: LatencyHistogram,
    alone: bool,
}

/// The evidence of one check.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    judge: SequentialJudge,
    /// Requests slower than this are bad, for a latency.
    slow_us: Option<u64>,
}

impl Weighed {
    pub(super) fn new(
        policy: &JudgePolicy,
        method: SequentialMethod,
        setting: Setting,
        before: &Tally,
    ) -> Self {
        let line = |check: &Check| {
            let asked = asked(policy, method, setting, before, check)?;
            let judge = SequentialJudge::in_parts(asked, 1, setting.regions);
            Some(Line {
                judge: judge.expect("the policy was checked"),
                slow_us: slower_than_before(policy, before, check),
            })
        };
        Self {
            checks: policy.checks.iter().map(line).collect(),
            waiting: BTreeMap::new(),
            done: BTreeSet::new(),
            closed_until: Micros::ZERO,
            control_latency: LatencyHistogram::default(),
            alone: matches!(policy.control, Control::Before(_)),
        }
    }

    pub(super) fn observe(&mut self, checks: &[Check], arm: Arm, window: &TelemetryWindow) {
        let key = (window.end, window.start, window.region);
        let late = window.end <= self.closed_until;
        if late || self.done.contains(&(window.end, window.region)) {
            return;
        }
        let halves = self.waiting.entry(key).or_default();
        halves[arm as usize].get_or_insert_default().add(window);
        let complete = halves[Arm::Candidate as usize].is_some()
            && (self.alone || halves[Arm::Control as usize].is_some());
        if complete {
            let halves = self.waiting.remove(&key).unwrap_or_default();
            let [candidate, control] = halves.map(Option::unwrap_or_default);
            self.done.insert((window.end, window.region));
            self.weigh(checks, (window.start, window.end), &candidate, &control);
        }
        while self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
        }
        while self.done.len() > DONE_MAX {
            let closed = self.done.pop_first().map(|(end, _)| end);
            self.closed_until = self.closed_until.max(closed.unwrap_or_default());
        }
    }

    fn weigh(
        &mut self,
        checks: &[Check],
        (start, end): (Micros, Micros),
        candidate: &Tally,
        control: &Tally,
    ) {
        let drawn = self.control_latency.clone();
        self.control_latency.merge(control.latency());
        for (check, line) in checks.iter().zip(&mut self.checks) {
            let Some(line) = line else { continue };
            if let Signal::Latency { quantile } = check.signal
                && !self.alone
            {
                line.slow_us = slower_than(check, quantile, &drawn);
            }
            let counts = |tally: &Tally| bad(check.signal, line.slow_us, tally);
            let (Some(canary), Some(control_counts)) = (counts(candidate), counts(control)) else {
                continue;
            };
            let hosts = (candidate.instances().1, control.instances().1);
            line.judge.hosts_are(0, hosts.0 as u32, hosts.1 as u32);
            let pair = [PairedCounts {
                canary,
                control: control_counts,
            }];
            let window = PairedWindow {
                start,
                end,
                signals: &pair,
            };
            // Windows were checked when they came in, and each pair is completed once.
            line.judge
                .observe_part(&window)
                .expect("a checked window of one signal");
        }
    }

    pub(super) fn look(&self, now: Micros, evidence: &mut [CheckEvidence]) {
        for (line, shown) in self.checks.iter().zip(evidence) {
            let Some(line) = line else { continue };
            let verdict = line.judge.verdict(now);
            let Some(signal) = verdict.deciding() else {
                continue;
            };
            shown.outcome = outcome(signal);
            shown.proof = proof(signal);
        }
    }
}

/// What the core of the judge is asked for; `None` for a signal that does not count requests.
fn asked(
    policy: &JudgePolicy,
    method: SequentialMethod,
    setting: Setting,
    before: &Tally,
    check: &Check,
) -> Option<SequentialPolicy> {
    if !check.signal.counts_requests() || check.limit.is_lower() {
        return None;
    }
    let fixed = match (check.signal, check.limit) {
        (Signal::Latency { quantile }, Limit::AtMost(_)) => Some(Ppm(Ppm::ONE.0 - quantile.0)),
        (_, Limit::AtMost(limit)) => Some(Ppm(u32::try_from(limit).unwrap_or(u32::MAX))),
        _ => None,
    };
    let tolerable = match (check.signal, check.limit) {
        (Signal::Latency { .. }, _) => Ppm::ZERO,
        (_, Limit::AtMostControl { floor, .. }) => Ppm(u32::try_from(floor).unwrap_or(u32::MAX)),
        _ => Ppm::ZERO,
    };
    let baseline = match (fixed, policy.control) {
        (Some(rate), _) => Baseline::Known(rate),
        (None, Control::Others | Control::Group) => Baseline::Control,
        (None, Control::Before(_)) => {
            let slow = slower_than_before(policy, before, check);
            let seen = bad(check.signal, slow, before).unwrap_or_default();
            Baseline::Known(Ppm::of(seen.errors, seen.requests))
        }
    };
    // A rate of none would make the first bad request infinitely surprising.
    let baseline = match baseline {
        Baseline::Known(rate) => Baseline::Known(Ppm(rate.0.clamp(1, Ppm::ONE.0 - 1))),
        Baseline::Control => Baseline::Control,
    };
    let hosts = match baseline {
        Baseline::Control => method.hosts,
        Baseline::Known(_) => crate::health::sequential::HostEffects::None,
    };
    Some(SequentialPolicy {
        alpha: method.alpha_each(policy.checks.len()),
        miss: method.miss,
        effect_min_milli: method.effect_of(check),
        baseline,
        onset: method.onset,
        hosts,
        bake: setting.longest.max(Micros(1)),
        stale_after: Micros::MAX,
        tolerable,
    })
}

/// Bad requests of a signal; `None` while there is no line between fast and slow.
fn bad(signal: Signal, slow_us: Option<u64>, tally: &Tally) -> Option<ArmCounts> {
    let of = |requests, errors| Some(ArmCounts { requests, errors });
    match signal {
        Signal::ErrorRatio { class } => {
            let counts = tally.counts(class);
            of(counts.requests, counts.errors)
        }
        Signal::BusinessLoss { class } => {
            let counts = tally.counts(class);
            of(counts.requests, counts.requests - counts.good)
        }
        Signal::Probes => {
            let (sent, failed) = tally.probes();
            of(sent, failed)
        }
        Signal::Latency { .. } => {
            let latency = tally.latency();
            of(latency.total(), latency.count_above(slow_us?))
        }
        Signal::Throughput
        | Signal::LogErrors
        | Signal::Reports
        | Signal::Unavailable
        | Signal::Restarts
        | Signal::Cpu
        | Signal::Memory
        | Signal::Network
        | Signal::Disk => None,
    }
}

/// The line between fast and slow that is known beforehand.
fn slower_than_before(policy: &JudgePolicy, before: &Tally, check: &Check) -> Option<u64> {
    match (check.signal, check.limit, policy.control) {
        (Signal::Latency { .. }, Limit::AtMost(limit), _) => Some(limit),
        (Signal::Latency { quantile }, _, Control::Before(_)) => {
            slower_than(check, quantile, before.latency())
        }
        _ => None,
    }
}

/// The line that the control has drawn so far: its quantile times the limit's factor.
fn slower_than(check: &Check, quantile: Ppm, control: &LatencyHistogram) -> Option<u64> {
    if let Limit::AtMost(limit) = check.limit {
        return Some(limit);
    }
    let enough = control.total() >= LINE_SAMPLE_MIN;
    let seen = enough.then(|| control.quantile_us(quantile)).flatten();
    check.limit.applied(seen)
}

/// A stage is promoted by its machine, not before its bake is over: that the time is not up yet
/// holds nothing back here.
const fn outcome(signal: &SignalEvidence) -> Outcome {
    match (signal.rule, signal.turn) {
        (Rule::Worse, _) => Outcome::Fail,
        (Rule::NothingSeen, _) => Outcome::NoData(NoDataReason::NothingCompared),
        (Rule::EffectExcluded | Rule::Tolerable, _) | (Rule::Undecided, Turn::Bake) => {
            Outcome::Pass
        }
        (Rule::Undecided, _) => Outcome::Inconclusive,
    }
}

fn proof(signal: &SignalEvidence) -> Proof {
    let milli = |x: f64| libm::round(x.clamp(-1e9, 1e9) * 1e3) as i64;
    Proof::Weighed {
        rule: signal.rule,
        canary: (signal.canary.requests, signal.canary.errors),
        control: (signal.control.requests, signal.control.errors),
        ratio_milli: signal.ratio.map(milli),
        interval_milli: signal.interval.map(|(low, high)| (milli(low), milli(high))),
        ln_e_milli: milli(signal.ln_e),
        fail_milli: milli(signal.fail_threshold),
        ln_e_pass_milli: milli(signal.ln_e_pass),
        pass_milli: milli(signal.pass_threshold),
        turn: signal.turn,
    }
}
