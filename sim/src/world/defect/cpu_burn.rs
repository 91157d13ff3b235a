//! CPU burn: work on the side leaves less for requests. A request alone takes as long as before;
//! instances are fuller, and processor use shows it long before latency does.

use super::Effect;

pub(super) const fn effect(factor: f64) -> Effect {
    Effect {
        burn_factor: factor,
        ..Effect::NONE
    }
}
