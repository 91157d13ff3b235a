//! Tooling poison: the instances serve, but the tools lose sight of them and reach them slowly.

use super::Effect;

pub(super) const fn effect(scrapes_lost: f64, distribution_factor: f64) -> Effect {
    Effect {
        scrapes_lost,
        distribution_factor,
        ..Effect::NONE
    }
}
