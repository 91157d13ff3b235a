//! Verdicts about recorded data, one file per judge.

mod chart;
pub(crate) mod rank;
mod rank_evidence;
pub(crate) mod repeated;
pub(crate) mod sequential;
mod turn;
