//! Why things happen in the world: the edges of the log that the core cannot know.

use std::collections::BTreeMap;

use firedrill_core::ids::{ChangeId, RolloutId, SloId};

use crate::log::WorldEvent;

use super::driver::Driver;
use super::surroundings::Surroundings;

/// The numbers of the events that later ones follow from.
#[derive(Default)]
pub(super) struct Causes {
    /// A change turned out to carry a defect.
    pub(super) armed: BTreeMap<ChangeId, u64>,
    /// The change that a rollout brings.
    pub(super) rollout_change: BTreeMap<RolloutId, ChangeId>,
    /// The newest command of a rollout that distribution took.
    pub(super) taken: BTreeMap<RolloutId, u64>,
    /// The newest rollback that distribution took.
    pub(super) rollback_taken: Option<u64>,
    /// The tool of an action last said that it is done.
    pub(super) acted: Option<u64>,
    /// Instances first ran a defective version.
    pub(super) defect_active: BTreeMap<RolloutId, u64>,
    /// Harm last began.
    pub(super) harm_started: Option<u64>,
    /// An objective was last breached.
    pub(super) breach: BTreeMap<SloId, u64>,
}

impl Causes {
    /// Remembers an event of the world that others may follow from.
    pub(super) fn record(&mut self, event: &WorldEvent, seq: u64) {
        match event {
            WorldEvent::SloBreached { slo, .. } => {
                self.breach.insert(*slo, seq);
            }
            WorldEvent::DefectActive { rollout, .. } => {
                self.defect_active.entry(*rollout).or_insert(seq);
            }
            WorldEvent::HarmStarted { .. } => self.harm_started = Some(seq),
            WorldEvent::DefectArmed { change, .. } => {
                self.armed.insert(*change, seq);
            }
            WorldEvent::CommandTaken { .. }
            | WorldEvent::InputRefused { .. }
            | WorldEvent::Tool(_)
            | WorldEvent::HarmEnded { .. }
            | WorldEvent::SloRestored { .. }
            | WorldEvent::FleetClean { .. }
            | WorldEvent::VerdictTruth(_)
            | WorldEvent::Sample(_)
            | WorldEvent::RunEnded => {}
        }
    }
}

impl<W: Surroundings> Driver<'_, W> {
    /// What an event of the world is about and what it follows from.
    pub(super) fn explain(&self, event: &WorldEvent) -> (String, Vec<u64>) {
        let causes = &self.causes;
        let names = &self.log.header().names;
        let slo_name = |slo: &SloId| names.slos[slo.index()].name.clone();
        match event {
            WorldEvent::DefectActive {
                rollout, region, ..
            } => {
                let change = causes.rollout_change.get(rollout);
                let armed = change.and_then(|change| causes.armed.get(change));
                let because = [armed, causes.taken.get(rollout)];
                let because = because.into_iter().flatten().copied().collect();
                (names.regions[region.index()].clone(), because)
            }
            WorldEvent::HarmStarted { .. } => (
                "users".into(),
                causes.defect_active.values().copied().collect(),
            ),
            WorldEvent::SloBreached { slo, .. } => {
                (slo_name(slo), causes.harm_started.into_iter().collect())
            }
            WorldEvent::SloRestored { slo, .. } => {
                let because = [
                    causes.breach.get(slo).copied(),
                    causes.rollback_taken,
                    causes.acted,
                ];
                (slo_name(slo), because.into_iter().flatten().collect())
            }
            WorldEvent::HarmEnded { .. } => {
                let because = [causes.harm_started, causes.rollback_taken, causes.acted];
                ("users".into(), because.into_iter().flatten().collect())
            }
            WorldEvent::FleetClean { rollout } => (
                self.rollout_subject(*rollout),
                causes.rollback_taken.into_iter().collect(),
            ),
            WorldEvent::CommandTaken { .. }
            | WorldEvent::InputRefused { .. }
            | WorldEvent::Tool(_)
            | WorldEvent::DefectArmed { .. }
            | WorldEvent::VerdictTruth(_)
            | WorldEvent::Sample(_)
            | WorldEvent::RunEnded => ("run".into(), vec![]),
        }
    }
}
