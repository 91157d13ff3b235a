//! Operating characteristics: measured once, printed in one file per format.

pub(crate) mod csv;
pub(crate) mod human;
pub(crate) mod measure;
pub(crate) mod svg;
