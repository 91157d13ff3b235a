//! Wrong data: a share of the answers is wrong. They are fast and carry no error; only a business
//! metric, or the users, notice.

use firedrill_core::ids::ClassId;

use super::Effect;

pub(super) const fn effect(class: Option<ClassId>, share: f64) -> Effect {
    Effect {
        class,
        wrong_share: share,
        ..Effect::NONE
    }
}
