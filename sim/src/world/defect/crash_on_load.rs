//! Crash on load: an instance that takes the version stops serving, restarts, reads the version
//! again and stops again, until it is given another one.

use super::Effect;

pub(super) const fn effect(share: f64) -> Effect {
    Effect {
        crash_share: share,
        ..Effect::NONE
    }
}
