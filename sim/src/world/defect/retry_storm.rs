//! Retry storm: more tries, or an earlier timeout, turn a small fault of a callee into a load that
//! it cannot get out of by itself.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;

use super::{Downstream, Effect};

pub(super) const fn effect(callee: ServiceId, attempts: u32, timeout: Option<Micros>) -> Effect {
    let downstream = Downstream {
        tries: Some((attempts, timeout)),
        ..Downstream::none(callee)
    };
    Effect {
        downstream: Some(downstream),
        ..Effect::NONE
    }
}
