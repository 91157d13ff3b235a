//! The reusable brain of a config rollout.
//!
//! `firedrill-core` owns decisions and nothing else: no I/O, no clock, no threads, no randomness.
//! Time comes in as an argument, what happened comes in as an [`plane::Input`], what should
//! happen goes out as a [`plane::Command`], what readers may want to know goes out as a
//! [`plane::Note`].
//!
//! # The contract
//!
//! One mutation, then drain, then ask when to wake:
//!
//! ```text
//! plane.handle(now, input)?;
//! while let Some(issued) = plane.poll_command() { /* act; commands may be repeated safely */ }
//! while let Some(note) = plane.poll_note() { /* tell readers */ }
//! let wake = plane.poll_timeout(); // sleep until (time, reason) or the next input
//! ```
//!
//! Timers are handled *at their due time*, also when the driver comes late, so the state is a
//! function of the inputs and of `now` alone: replaying the inputs rebuilds it exactly.
//!
//! # The map, in the data's order
//!
//! [`config`] (what changes) → [`rollout`] (how far it may go) → [`health`] (is it good) →
//! [`alerting`] (who should know) → [`incident`] (who is asked) → [`remediation`] (what is done) →
//! [`plane`] (composes them).
//! No module but [`plane`] knows another's business.
#![no_std]
#![warn(clippy::disallowed_types, clippy::disallowed_methods)]

extern crate alloc;

pub mod alerting;
pub mod config;
pub mod health;
pub mod ids;
pub mod incident;
pub mod plane;
pub mod ratio;
pub mod remediation;
pub mod rollout;
pub mod time;

pub use ratio::Ppm;
pub use time::Micros;
