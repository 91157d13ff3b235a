//! Queue, clock and the core's driver.

mod queue;

pub use queue::EventQueue;

use crate::log::RunLog;
use crate::spec::Scenario;

/// A bit to flip on purpose, to see that a comparison of two runs notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tamper {
    /// The name of the random stream, for example `arrivals`.
    pub stream: String,
    /// The step of the world from which on the stream's first draw has one bit flipped.
    pub step: u64,
}

/// Runs a scenario.
///
/// # Panics
/// When the scenario was not checked and is not sound.
#[must_use]
pub fn run(scenario: &Scenario, seed: u64) -> RunLog {
    run_tampered(scenario, seed, None)
}

/// Runs a scenario with one draw tampered with.
///
/// # Panics
/// When the scenario was not checked and is not sound.
#[must_use]
pub fn run_tampered(scenario: &Scenario, seed: u64, tamper: Option<&Tamper>) -> RunLog {
    let _ = (scenario, seed, tamper);
    todo!("the engine is being written")
}
