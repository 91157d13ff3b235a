//! Windows of two arms, minute after minute.

use firedrill_core::config::VersionId;
use firedrill_core::health::judge::{Method, Past, Setting};
use firedrill_core::health::{
    Check, ClassCounts, InstanceCounts, Judge, JudgePolicy, LatencyHistogram, Limit, Outcome,
    ProbeCounts, Saturation, Signal, TelemetryWindow, Verdict,
};
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
use firedrill_core::{Micros, Ppm};

use crate::split_mix::SplitMix64;

pub(crate) const OLD: VersionId = VersionId(1);
pub(crate) const NEW: VersionId = VersionId(2);

/// What instances of one version answer in a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minute {
    pub(crate) requests: u32,
    pub(crate) errors: u32,
    pub(crate) latency_us: u64,
    pub(crate) up: u32,
}

pub(crate) const fn minute(requests: u32, errors: u32) -> Minute {
    Minute {
        requests,
        errors,
        latency_us: 50_000,
        up: 10,
    }
}

/// The window of minute `number` (from zero) in a region.
pub(crate) fn window(
    version: VersionId,
    region: u16,
    number: u64,
    seen: Minute,
) -> TelemetryWindow {
    let mut latency = LatencyHistogram::default();
    latency.add(LatencyHistogram::bucket_of(seen.latency_us), seen.requests);
    TelemetryWindow {
        service: ServiceId(0),
        region: RegionId(region),
        version,
        set_apart: false,
        start: Micros::from_mins(number),
        end: Micros::from_mins(number + 1),
        classes: vec![ClassCounts {
            class: ClassId(0),
            requests: seen.requests,
            errors: seen.errors,
            good: seen.requests - seen.errors,
        }],
        latency,
        instances: InstanceCounts {
            total: 10,
            up: seen.up,
            restarts: 0,
            serving_s: 600,
        },
        log_errors: seen.errors,
        probes: ProbeCounts {
            sent: 10,
            failed: 0,
        },
        user_reports: 0,
        saturation: Saturation::default(),
    }
}

pub(crate) const SETTING: Setting = Setting {
    candidate: NEW,
    start: Micros::ZERO,
    longest: Micros::from_mins(30),
    look_every: Micros::from_mins(1),
    regions: 1,
};

/// At most so many times the control's error ratio, or a tenth of a percent.
pub(crate) const fn errors_of_control(factor_ppm: u64) -> Check {
    Check {
        signal: Signal::ErrorRatio { class: None },
        limit: Limit::AtMostControl {
            factor_ppm,
            floor: 1_000,
        },
        sample_min: 100,
    }
}

pub(crate) fn policy(method: Method, checks: &[Check]) -> JudgePolicy {
    JudgePolicy {
        checks: checks.to_vec(),
        method,
        ..JudgePolicy::threshold(Micros::from_mins(2))
    }
}

pub(crate) fn judge(policy: JudgePolicy) -> Judge {
    assert_eq!(policy.check(), Ok(()));
    Judge::new(policy, SETTING, &Past::default())
}

/// Gives so many minutes of both arms; the first failing verdict's minute, or the last verdict.
pub(crate) fn run(
    judge: &mut Judge,
    minutes: u64,
    candidate: impl Fn(u64) -> Minute,
    control: impl Fn(u64) -> Minute,
) -> (u64, Verdict) {
    let mut last = None;
    for number in 0..minutes {
        judge.observe(&window(OLD, 0, number, control(number)));
        judge.observe(&window(NEW, 0, number, candidate(number)));
        let verdict = judge.look(Micros::from_mins(number + 1));
        if verdict.outcome == Outcome::Fail {
            return (number + 1, verdict);
        }
        last = Some(verdict);
    }
    (minutes, last.expect("at least a minute"))
}

/// Chance, so that counts scatter.
pub(crate) struct Dice(SplitMix64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(SplitMix64(seed))
    }

    /// Bad ones among so many requests.
    pub(crate) fn bad(&mut self, requests: u32, share: f64) -> Minute {
        let errors = (0..requests).filter(|_| self.0.uniform() < share).count();
        minute(requests, errors as u32)
    }
}

pub(crate) const P99: Signal = Signal::Latency {
    quantile: Ppm(990_000),
};
