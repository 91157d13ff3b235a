//! The seeded world in which the core is rehearsed.
//!
//! A run takes a [`spec::Scenario`] and a seed and writes one [`log::RunLog`]; everything else is
//! read from that log. Rooms along the data's way:
//!
//! [`spec`] (what is asked for) → [`random`] (addressed draws) → [`world`] (fleet, demand,
//! defects, serving, propagation, telemetry, people) → [`engine`] (queue, clock, the core's
//! driver) → [`log`] (what happened) → [`measure`] (how fast, how far) → [`expect`] (was that
//! good enough) → [`campaign`] (many seeds). [`power`] measures judges alone, without a fleet.
//!
//! [`reference`](mod@reference) simulates every instance by itself; tests hold [`world`] against it.
//!
//! The simulator never decides for the core, and the core never sees the world's truth: log
//! events marked `truth` are for reports alone.
#![warn(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod campaign;
pub mod engine;
pub mod expect;
pub mod log;
pub mod measure;
pub mod people;
pub mod power;
pub mod random;
pub mod reference;
pub mod spec;
pub mod words;
pub mod world;
