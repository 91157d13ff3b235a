//! What a bad config does to the instances that run it. One file per mechanism.

mod crash_on_load;
mod errors;
mod latency;

use firedrill_core::ids::ClassId;

use crate::spec::Mechanism;

/// What running a version does to an instance and its requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Effect {
    /// The class whose requests fail; every class when absent.
    pub(crate) error_class: Option<ClassId>,
    /// The probability that such a request fails.
    pub(crate) error_share: f64,
    /// Service time is multiplied by this.
    pub(crate) service_factor: f64,
    /// The probability that an instance crashes when it loads the version.
    pub(crate) crash_share: f64,
}

impl Effect {
    /// Nothing.
    pub(crate) const NONE: Self = Self {
        error_class: None,
        error_share: 0.0,
        service_factor: 1.0,
        crash_share: 0.0,
    };

    /// The effect of a mechanism.
    pub(crate) fn of(mechanism: &Mechanism) -> Self {
        match mechanism {
            Mechanism::Errors { class, share } => errors::effect(*class, *share),
            Mechanism::Latency { factor } => latency::effect(*factor),
            Mechanism::CrashOnLoad { share } => crash_on_load::effect(*share),
        }
    }

    /// The probability that a request of `class` fails.
    pub(crate) fn error_share_of(&self, class: ClassId) -> f64 {
        if self.error_class.is_none_or(|hit| hit == class) {
            self.error_share
        } else {
            0.0
        }
    }
}
