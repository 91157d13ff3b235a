//! Cache invalidation storm: instances start with an empty cache and send to the store behind it
//! what they used to answer themselves, until the cache is warm again.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;

use super::{Downstream, Effect};

pub(super) const fn effect(store: ServiceId, factor: f64, refill: Micros) -> Effect {
    let downstream = Downstream {
        calls_factor: factor,
        calls_decay: Some(refill),
        ..Downstream::none(store)
    };
    Effect {
        downstream: Some(downstream),
        ..Effect::NONE
    }
}
