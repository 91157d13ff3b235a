//! Quota exhaustion: instances hold connections or quota of another service, which is left with
//! less for everybody, the innocent callers too. It hurts in proportion to how many do it, so a
//! canary of a few hosts does not show it.

use firedrill_core::ids::ServiceId;

use super::{Downstream, Effect};

pub(super) const fn effect(victim: ServiceId, factor: f64) -> Effect {
    let downstream = Downstream {
        capacity_factor: factor,
        ..Downstream::none(victim)
    };
    Effect {
        downstream: Some(downstream),
        ..Effect::NONE
    }
}
