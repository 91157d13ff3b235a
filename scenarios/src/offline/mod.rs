//! Judging data that users bring: a policy file and two CSV files.
//!
//! [`policy`] (YAML to a judge's policy) and [`table`] (CSV with places) → [`counts`] (paired
//! windows for the sequential judge). [`series`] streams one series for `firedrill anomaly`. Invariant: whatever is wrong comes with file, line, column,
//! what was expected and a next step.

pub mod counts;
pub mod policy;
pub mod series;
pub mod table;
