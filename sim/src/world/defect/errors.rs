//! Errors: a share of the requests, of one class or of all, is answered with an error.

use firedrill_core::ids::ClassId;

use super::Effect;

pub(super) const fn effect(class: Option<ClassId>, share: f64) -> Effect {
    Effect {
        class,
        error_share: share,
        ..Effect::NONE
    }
}
