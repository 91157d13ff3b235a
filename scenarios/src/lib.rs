//! Scenario files: what may stand in one, what is wrong with one, and the catalogue.
//!
//! text → [`mod@file`] (YAML with places) → resolve (meanings, names to ids, every problem at once)
//! → [`firedrill_sim::spec::Scenario`] → [`explain`] (in plain words). [`offline`] reads the policy
//! and the data of a verdict without a fleet.
//!
//! Invariants: what this crate hands out has passed [`Scenario::check`]; what it refuses comes
//! with file, line, column, what was expected and a next step. The file system is touched by
//! [`load_paths`], [`lint::lint_file`] and [`offline`] alone.
//!
//! [`Scenario::check`]: firedrill_sim::spec::Scenario::check

mod catalogue;
mod explain;
mod faults;
pub mod file;
pub mod lint;
mod load;
pub mod offline;
pub mod place;
mod plans;
mod problem;
mod resolve;
pub mod scalar;
mod schema;
pub mod spread;
mod yaml;

pub use catalogue::{Entry, catalogue, mixes, policies, worlds};
pub use explain::{explain, explain_seed};
pub use load::{LoadErrors, Loaded, load_embedded, load_paths, load_str};
pub use problem::{Problem, Source};
pub use resolve::Resized;
pub use schema::{plan_schema, policy_schema, scenario_schema};
