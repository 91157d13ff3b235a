//! How good a judge is: false alarms, misses and delays, by simulation with addressed draws.
//!
//! [`bound`] (what no judge can beat) → [`arms`] (two streams of requests with rare errors) →
//! [`trial`] (one canary under one judge) → [`characteristics`] (many canaries in figures).
//! [`policies`] are whole policies of `firedrill judge`, with what they let pass.
//! [`rivals`] are the judges to compare with, at a false-alarm rate that is measured to be equal;
//! [`hosts`] are canaries without a fault whose hosts differ and whose demand drifts.
//!
//! Invariants: a judge sees counts and nothing else; run `i` of a seed meets the same requests
//! under every judge; results do not depend on the number of threads.

pub mod arms;
pub mod bound;
pub mod characteristics;
pub mod hosts;
pub mod policies;
pub mod rivals;
pub mod trial;

pub use characteristics::{Characteristics, FalseAlarms, delays, false_alarms};
pub use trial::{Case, Change, Reference};
