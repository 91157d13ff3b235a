//! Scores of a series, written as they come.

pub(crate) mod sink;
pub(crate) mod svg;
