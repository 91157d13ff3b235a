//! What distribution reports: how many instances run the candidate of each rollout, where, and
//! which command it had taken when it counted.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::ids::{CommandId, RegionId, RolloutId, ServiceId};
use firedrill_core::rollout::ExposureReport;

use super::World;
use super::fleet::VersionIndex;

/// What distribution has to report of one rollout in one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExposureNews {
    pub(crate) rollout: RolloutId,
    pub(crate) region: RegionId,
    pub(crate) report: ExposureReport,
    pub(crate) acknowledged: Option<CommandId>,
}

/// What was last reported, so that only news is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reported {
    last: BTreeMap<(RolloutId, RegionId), (ExposureReport, Option<CommandId>)>,
    /// The newest command of each rollout that distribution took.
    acknowledged: BTreeMap<RolloutId, CommandId>,
}

impl World<'_> {
    /// How many instances of each region run the candidate of each rollout.
    pub(crate) fn exposures(&self) -> Vec<(RolloutId, RegionId, ExposureReport)> {
        let mut exposures = Vec::new();
        for (rollout, service, version) in self.rollouts() {
            for region in 0..self.scenario.fleet.regions.len() {
                let region = RegionId(region as u16);
                exposures.push((rollout, region, self.exposure(service, version, region)));
            }
        }
        exposures
    }

    /// What distribution has to report since it was last asked.
    pub(crate) fn exposure_news(&mut self) -> Vec<ExposureNews> {
        let mut news = Vec::new();
        for (rollout, region, report) in self.exposures() {
            let acknowledged = self.reported.acknowledged.get(&rollout).copied();
            let current = (report, acknowledged);
            if self.reported.last.insert((rollout, region), current) != Some(current) {
                news.push(ExposureNews {
                    rollout,
                    region,
                    report,
                    acknowledged,
                });
            }
        }
        news
    }

    /// Takes note of the newest command of a rollout.
    pub(super) fn acknowledge(&mut self, rollout: RolloutId, command: CommandId) {
        let newest = self.reported.acknowledged.entry(rollout).or_insert(command);
        *newest = command.max(*newest);
    }

    fn exposure(
        &self,
        service: ServiceId,
        version: VersionIndex,
        region: RegionId,
    ) -> ExposureReport {
        let now = Micros(self.scenario.step.0 * self.step);
        let mut report = ExposureReport::default();
        for pool in self.pools_of(service, region) {
            let running = self.pools[pool].running(version);
            let leaving = self.transfers.iter();
            let leaving = leaving.filter(|t| t.from == Some(version) && t.service == service);
            let unreachable = if self.cuts.is_cut(pool, now) {
                running
            } else {
                leaving.map(|transfer| transfer.unreachable(pool)).sum()
            };
            report.running += running;
            report.unreachable += unreachable.min(running);
        }
        report
    }
}
