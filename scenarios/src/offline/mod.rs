//! Judging data that users bring: a policy file and two CSV files.
//!
//! [`policy`] (YAML to a judge's policy, [`signals`] for its signals) and [`table`] (CSV with
//! places) → `rows` (what the signals read of a table) → `partners` (whether
//! both tables are about the same intervals) → [`counts`] (paired windows for the
//! sequential judge). [`series`] streams one series for `firedrill anomaly`. Invariant: whatever is
//! wrong comes with file, line, column, what was expected and a next step.

pub mod counts;
mod partners;
pub mod policy;
mod rows;
pub mod series;
pub mod signals;
pub mod table;
