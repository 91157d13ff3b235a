//! Between a signal and a fixed service stand people and tools: how long they take, and how they
//! err.
//!
//! Everything here is a pure function of parameters ([`crate::spec::Responders`]), of what is in
//! front of the people, and of addressed draws ([`crate::random::Draws`]). Along an incident's way:
//!
//! [`noise_alerts`] and [`innocent_changes`] (what else goes on, written down before a run) →
//! [`acknowledge`] (is the page answered, and when) → [`search`] (which suspect is named) →
//! [`hesitate`] (when the order is given) → [`respond`] (all of it, with wrong turns, until the
//! guilty change goes back or nobody is left). [`tool_state`] tells whether a tool works.
//!
//! What people conclude depends on what is true, which the simulator knows: a look at the guilty
//! change convinces more often than one at an innocent change. They never see the truth itself.

mod acknowledge;
mod changes;
mod clock;
mod dice;
mod hesitate;
mod noise;
mod respond;
mod search;
mod thinning;
mod tools;
mod trust;

pub use crate::spec::Outage;
pub use acknowledge::{Answer, acknowledge};
pub use changes::{InnocentChange, innocent_changes};
pub use clock::{Window, is_night, shift_ends_in};
pub use dice::Dice;
pub use hesitate::{hesitate, overrides};
pub use noise::{NoiseAlert, noise_alerts};
pub use respond::{Attempt, Scene, respond};
pub use search::{End, Look, Person, Search, search};
pub use tools::{Health, Tool, ToolState, Way, sight, tool_outages, tool_state};
pub use trust::{chance_of_answer, open_pages, tiredness, trust};
