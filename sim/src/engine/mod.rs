//! Queue, clock and the core's driver: the world moves in steps, everything else keeps its exact
//! time, and the core is woken when it asks to be.

mod actions;
mod capacity;
mod causes;
mod drawn;
mod driver;
mod evidence;
mod header;
mod invariants;
mod queue;
mod status;
mod subjects;
mod support;
mod surroundings;
mod teams;
mod tools;

use firedrill_core::Micros;
use firedrill_core::config::VersionId;
use firedrill_core::plane::Input;

use crate::log::RunLog;
use crate::spec::Scenario;
use crate::world::World;

pub(crate) use drawn::DEFECTS;
pub use drawn::drawn_defects;
pub(crate) use driver::Driver;
pub use queue::EventQueue;
pub(crate) use surroundings::Surroundings;

/// A bit to flip on purpose, to see that a comparison of two runs notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tamper {
    /// The name of the random stream, one of [`crate::world::STREAMS`].
    pub stream: String,
    /// The step of the world whose draws of the stream have their first bit flipped.
    pub step: u64,
}

/// What a run leaves behind beside its log: all that the core was told, in order.
pub type Journal = Vec<(Micros, Input)>;

/// Runs a scenario.
///
/// # Panics
/// When the scenario does not pass [`Scenario::check`].
#[must_use]
pub fn run(scenario: &Scenario, seed: u64) -> RunLog {
    on_cohorts(scenario, seed, None).run()
}

/// Runs a scenario at length: no cell is taken for calm, in which there is less to work out. Only
/// the time that it takes tells it from [`run`], which tests rely on.
///
/// # Panics
/// When the scenario does not pass [`Scenario::check`].
#[must_use]
pub fn run_at_length(scenario: &Scenario, seed: u64) -> RunLog {
    let world = |initial: &[VersionId]| World::new(scenario, initial, seed, None).at_length();
    Driver::new(scenario, seed, None, world).run()
}

/// Runs a scenario with draws tampered with.
///
/// # Panics
/// When the scenario does not pass [`Scenario::check`].
#[must_use]
pub fn run_tampered(scenario: &Scenario, seed: u64, tamper: &Tamper) -> RunLog {
    on_cohorts(scenario, seed, Some(tamper)).run()
}

/// Runs a scenario and keeps what the core was told, and the core as it was at the end.
///
/// # Panics
/// When the scenario does not pass [`Scenario::check`].
#[must_use]
pub fn run_recorded(
    scenario: &Scenario,
    seed: u64,
) -> (RunLog, Journal, firedrill_core::plane::ControlPlane) {
    on_cohorts(scenario, seed, None).run_recorded()
}

fn on_cohorts<'a>(
    scenario: &'a Scenario,
    seed: u64,
    tamper: Option<&Tamper>,
) -> Driver<'a, World<'a>> {
    Driver::new(scenario, seed, tamper, |initial| {
        World::new(scenario, initial, seed, tamper)
    })
}
