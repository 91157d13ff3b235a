//! Memory leak: memory grows with every request until the instance is killed and starts again,
//! minutes to hours after it took the version and long after a short bake.

use firedrill_core::Micros;

use super::Effect;

pub(super) fn effect(fills_after: Micros) -> Effect {
    Effect {
        leak_per_s: 1.0 / fills_after.as_secs_f64(),
        ..Effect::NONE
    }
}
