//! What must hold in every run, after every step. A violation is a bug of this program, never an
//! outcome: it panics with what it saw.

use firedrill_core::rollout::State;

use super::driver::Driver;
use super::surroundings::Surroundings;

impl<W: Surroundings> Driver<'_, W> {
    /// Checks the fleet against what the core allowed.
    pub(super) fn check_invariants(&self) {
        for (rollout, region, report) in self.world.exposures() {
            let machine = self.plane.rollout(rollout).expect("the core started it");
            match machine.state() {
                // Exposure is never above the stage's limit before its verdict.
                State::Pushing | State::Baking | State::Paused | State::Aborted => {
                    let limit = machine.limits().get(&region).copied().unwrap_or(0);
                    assert!(
                        report.running <= limit,
                        "{} instances of region {region} run rollout {rollout}, {limit} may",
                        report.running
                    );
                }
                // After a completed rollback no reachable instance runs the candidate.
                State::RolledBack => assert!(
                    report.running <= report.unreachable,
                    "{} instances of region {region} run rollout {rollout} after its rollback",
                    report.running
                ),
                State::Completed | State::RollingBack => {}
            }
        }
    }
}
