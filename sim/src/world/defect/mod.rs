//! What a bad config does to the instances that run it. One file per mechanism.
//!
//! A mechanism says what it does at full strength; onset and triggers say how strong it is for a
//! cohort at a moment.

mod access_loss;
mod cache_storm;
mod cpu_burn;
mod crash_on_load;
mod errors;
mod latency;
mod memory_leak;
mod quota_exhaustion;
mod retry_storm;
mod strength;
mod tooling_poison;
mod wrong_data;

use firedrill_core::Micros;
use firedrill_core::ids::{ClassId, ServiceId};

use crate::spec::{Defect, Mechanism};

pub(crate) use strength::{Moment, holds_for, strength};

/// What running a version does to an instance, its requests, and the services it calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Effect {
    /// The class whose requests fail or are answered wrongly; every class when absent.
    pub(crate) class: Option<ClassId>,
    /// The probability that such a request fails.
    pub(crate) error_share: f64,
    /// The probability that such a request is answered wrongly.
    pub(crate) wrong_share: f64,
    /// Service time is multiplied by this.
    pub(crate) service_factor: f64,
    /// Capacity is divided by this.
    pub(crate) burn_factor: f64,
    /// The probability that an instance crashes.
    pub(crate) crash_share: f64,
    /// Memory that an instance loses under full load, as a share of all of it, in a second.
    pub(crate) leak_per_s: f64,
    /// The probability that an instance is cut off.
    pub(crate) cut_off_share: f64,
    /// The probability that a scrape is lost.
    pub(crate) scrapes_lost: f64,
    /// Lines logged as errors for every request.
    pub(crate) log_lines: f64,
    /// Config takes this many times as long to reach the instance.
    pub(crate) distribution_factor: f64,
    /// What it does to another service.
    pub(crate) downstream: Option<Downstream>,
}

/// What instances on a version do to a service that they call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Downstream {
    /// The service.
    pub(crate) service: ServiceId,
    /// Its capacity is divided by this when every instance of the caller does it.
    pub(crate) capacity_factor: f64,
    /// Calls to it are multiplied by this when every instance of the caller does it.
    pub(crate) calls_factor: f64,
    /// The extra calls die away with this time constant from when an instance loads the version.
    pub(crate) calls_decay: Option<Micros>,
    /// Tries and timeout, instead of the client's own.
    pub(crate) tries: Option<(u32, Option<Micros>)>,
}

impl Downstream {
    /// Nothing, to `service`.
    const fn none(service: ServiceId) -> Self {
        Self {
            service,
            capacity_factor: 1.0,
            calls_factor: 1.0,
            calls_decay: None,
            tries: None,
        }
    }
}

impl Effect {
    /// Nothing.
    pub(crate) const NONE: Self = Self {
        class: None,
        error_share: 0.0,
        wrong_share: 0.0,
        service_factor: 1.0,
        burn_factor: 1.0,
        crash_share: 0.0,
        leak_per_s: 0.0,
        cut_off_share: 0.0,
        scrapes_lost: 0.0,
        log_lines: 0.0,
        distribution_factor: 1.0,
        downstream: None,
    };

    /// What a defect does at full strength.
    pub(crate) fn of_defect(defect: &Defect) -> Self {
        Self {
            log_lines: defect.log_lines,
            ..Self::of(&defect.mechanism)
        }
    }

    /// The effect of a mechanism at full strength.
    pub(crate) fn of(mechanism: &Mechanism) -> Self {
        match mechanism {
            Mechanism::Errors { class, share } => errors::effect(*class, *share),
            Mechanism::Latency { factor } => latency::effect(*factor),
            Mechanism::CrashOnLoad { share } => crash_on_load::effect(*share),
            Mechanism::CpuBurn { factor } => cpu_burn::effect(*factor),
            Mechanism::MemoryLeak { fills_after } => memory_leak::effect(*fills_after),
            Mechanism::QuotaExhaustion { victim, factor } => {
                quota_exhaustion::effect(*victim, *factor)
            }
            Mechanism::RetryStorm {
                callee,
                attempts,
                timeout,
            } => retry_storm::effect(*callee, *attempts, *timeout),
            Mechanism::WrongData { class, share } => wrong_data::effect(*class, *share),
            Mechanism::CacheStorm {
                store,
                factor,
                refill,
            } => cache_storm::effect(*store, *factor, *refill),
            Mechanism::AccessLoss { share } => access_loss::effect(*share),
            Mechanism::ToolingPoison {
                scrapes_lost,
                distribution_factor,
            } => tooling_poison::effect(*scrapes_lost, *distribution_factor),
        }
    }

    /// The effect at a strength in `0..=1`: shares and the excess of factors shrink with it. What
    /// it does downstream is weighed where the calls are.
    pub(crate) fn at(&self, strength: f64) -> Self {
        if strength <= 0.0 {
            return Self::NONE;
        }
        let factor = |factor: f64| 1.0 + (factor - 1.0) * strength;
        Self {
            class: self.class,
            error_share: self.error_share * strength,
            wrong_share: self.wrong_share * strength,
            service_factor: factor(self.service_factor),
            burn_factor: factor(self.burn_factor),
            crash_share: self.crash_share * strength,
            leak_per_s: self.leak_per_s * strength,
            cut_off_share: self.cut_off_share * strength,
            scrapes_lost: self.scrapes_lost * strength,
            log_lines: self.log_lines * strength,
            distribution_factor: factor(self.distribution_factor),
            downstream: self.downstream,
        }
    }

    /// The probability that a request of `class` fails.
    pub(crate) fn error_share_of(&self, class: ClassId) -> f64 {
        if self.class.is_none_or(|hit| hit == class) {
            self.error_share
        } else {
            0.0
        }
    }

    /// The probability that a request of `class` is answered wrongly.
    pub(crate) fn wrong_share_of(&self, class: ClassId) -> f64 {
        if self.class.is_none_or(|hit| hit == class) {
            self.wrong_share
        } else {
            0.0
        }
    }
}
