//! Why a metric has its label.

use serde::{Deserialize, Serialize};

use super::metric::{Direction, Label, MetricPolicy, Mode};

/// What decided a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The difference is significant (compatible: the interval lies beyond what is tolerable),
    /// larger than tolerable, and in a direction that matters.
    Beyond,
    /// Both sides are the same.
    Same,
    /// Chance explains the difference.
    ByChance,
    /// The difference is no chance, but smaller than the tolerance.
    Tolerable,
    /// The middle of the values went one way and their mean the other.
    Disagree,
    /// The interval of shifts reaches into what is tolerable (compatible only).
    WithinInterval,
    /// It went in a direction that does not matter.
    OtherDirection,
    /// Its size is allowed.
    Allowed,
    /// A side has no values.
    Empty,
    /// A side has too few points.
    TooFew,
    /// A value is infinite.
    NotFinite,
    /// There is no spread to measure a difference against.
    NoSpread,
}

/// What a test found: the statistic, the means, and whether the candidate is significantly above
/// or below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) z: f64,
    pub(super) means: (f64, f64),
    pub(super) sides: (bool, bool),
}

impl Reason {
    pub(super) fn of(policy: &MetricPolicy, label: Label, found: Finding) -> Self {
        let (up, down) = found.sides;
        if label != Label::Pass {
            return Self::Beyond;
        }
        if up || down {
            let matters = match policy.direction {
                Direction::Increase => up,
                Direction::Decrease => down,
                Direction::Either => true,
            };
            return if matters {
                Self::Allowed
            } else {
                Self::OtherDirection
            };
        }
        let difference = found.means.0 - found.means.1;
        match policy.mode {
            Mode::Compatible => Self::WithinInterval,
            Mode::Guarded { .. } if found.z.abs() <= policy.z_needed() => Self::ByChance,
            Mode::Guarded { .. } if found.z * difference < 0.0 => Self::Disagree,
            Mode::Guarded { .. } => Self::Tolerable,
        }
    }
}
