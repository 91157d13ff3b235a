//! The versions of each service: who proposed them, which rollout brings them, where they run,
//! and when nothing of them is left.

use firedrill_core::config::{Document, VersionId};
use firedrill_core::ids::{RegionId, RolloutId, ServiceId};

use crate::log::WorldEvent;
use crate::spec::Defect;

use super::fleet::{Cohort, Pool, VersionIndex, pool_numbers};
use super::propagation::Transfer;
use super::{Version, World};

impl World<'_> {
    /// Takes note of a version that somebody proposed, and of what is wrong with it.
    pub(crate) fn add_version(
        &mut self,
        id: VersionId,
        service: ServiceId,
        defect: Option<Defect>,
        document: &Document,
    ) {
        let regions = self.scenario.fleet.regions.len();
        let versions = &mut self.versions[service.index()];
        if versions.iter().any(|version| version.id == id) {
            return; // proposed before: the same document has the same defect
        }
        versions.push(Version::new(id, defect, document, regions));
    }

    /// Takes note of the rollout that brings a version.
    pub(crate) fn bind_rollout(&mut self, rollout: RolloutId, id: VersionId) {
        let (service, version) = self.find(id);
        self.versions[service.index()][usize::from(version)].rollout = Some(rollout);
    }

    /// Versions of which nothing is left: no instance, reachable or not, runs them, every
    /// instance of the service serves, and no queue is left.
    pub(super) fn find_clean(&mut self) -> Vec<WorldEvent> {
        let mut events = Vec::new();
        for (rollout, service, index) in self.rollouts() {
            let version = &self.versions[service.index()][usize::from(index)];
            if version.gone || version.ever == 0 {
                continue;
            }
            let on_the_way =
                |transfer: &Transfer| transfer.service == service && transfer.to == index;
            let settled =
                |cohort: &Cohort| cohort.waiting <= 1.0 && cohort.serving() == cohort.total();
            let clean = !self.transfers.iter().any(on_the_way)
                && self
                    .pools_everywhere(service)
                    .all(|pool| pool.running(index) == 0 && pool.cohorts.iter().all(settled));
            if clean {
                self.versions[service.index()][usize::from(index)].gone = true;
                events.push(WorldEvent::FleetClean { rollout });
            }
        }
        events
    }

    /// Every version that a rollout brings, with its service and number.
    pub(super) fn rollouts(&self) -> Vec<(RolloutId, ServiceId, VersionIndex)> {
        let mut found = Vec::new();
        for (service, versions) in self.versions.iter().enumerate() {
            for (index, version) in versions.iter().enumerate() {
                if let Some(rollout) = version.rollout {
                    found.push((rollout, ServiceId(service as u16), index as VersionIndex));
                }
            }
        }
        found
    }

    /// The service and number of a version.
    pub(super) fn find(&self, id: VersionId) -> (ServiceId, VersionIndex) {
        let found = self
            .versions
            .iter()
            .enumerate()
            .find_map(|(service, versions)| {
                let index = versions.iter().position(|version| version.id == id)?;
                Some((ServiceId(service as u16), index as VersionIndex))
            });
        found.expect("commands name versions that were proposed")
    }

    /// The numbers of a service's pools in a region.
    pub(super) fn pools_of(
        &self,
        service: ServiceId,
        region: RegionId,
    ) -> impl Iterator<Item = usize> + use<> {
        pool_numbers(&self.scenario.fleet, service, region)
    }

    /// A service's pools in all regions.
    pub(super) fn pools_everywhere(&self, service: ServiceId) -> impl Iterator<Item = &Pool> {
        let services = self.scenario.fleet.services.len();
        self.pools.iter().skip(service.index()).step_by(services)
    }
}
