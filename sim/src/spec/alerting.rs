//! What raises alerts beside objectives, and how alerts are told.

use firedrill_core::alerting::SymptomPolicy;
use firedrill_core::ids::ReceiverId;
use firedrill_core::plane::NotifyingPolicy;
use serde::{Deserialize, Serialize};

/// Who can be told of alerts, by the place of the name in the list.
pub const RECEIVERS: [&str; 2] = ["pager", "tickets"];
/// Wakes whoever is on call.
pub const PAGER: ReceiverId = ReceiverId(0);
/// Is read in working hours.
pub const TICKETS: ReceiverId = ReceiverId(1);

/// Symptoms, and how alerts are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerting {
    /// Limits on what instances show.
    #[serde(default)]
    pub symptoms: SymptomPolicy,
    /// How alerts are told; each at once when absent.
    #[serde(default)]
    pub notifying: Option<NotifyingPolicy>,
}

impl Alerting {
    /// Whether objectives alone raise alerts, and each is told at once.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
