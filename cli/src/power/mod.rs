//! Operating characteristics: measured once, printed in one file per format.

pub(crate) mod csv;
pub(crate) mod curve;
pub(crate) mod human;
pub(crate) mod measure;
mod plot;
pub(crate) mod setting;
pub(crate) mod svg;
