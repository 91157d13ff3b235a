//! Access loss: instances cut themselves off. Users do not reach them, telemetry does not, and
//! neither does the config that would repair them: somebody has to go there.

use super::Effect;

pub(super) const fn effect(share: f64) -> Effect {
    Effect {
        cut_off_share: share,
        ..Effect::NONE
    }
}
