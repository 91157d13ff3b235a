//! Latency: every request takes longer, which also uses up capacity; at high load the queue in
//! front of an instance multiplies what the request alone would take.

use super::Effect;

pub(super) const fn effect(factor: f64) -> Effect {
    Effect {
        service_factor: factor,
        ..Effect::NONE
    }
}
