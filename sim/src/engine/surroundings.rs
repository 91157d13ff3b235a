//! What the driver needs of a world: the same core, people, alerts, log and measures run on the
//! cohort engine ([`crate::world`]) and on the per-instance one ([`crate::reference`]).

use firedrill_core::Micros;
use firedrill_core::config::{Document, VersionId};
use firedrill_core::health::Outcome;
use firedrill_core::ids::{RegionId, RolloutId, ServiceId};
use firedrill_core::plane::Issued;
use firedrill_core::remediation::Input as Fact;
use firedrill_core::rollout::ExposureReport;

use crate::log::{Sample, VerdictTruth, WorldEvent};
use crate::spec::Defect;
use crate::world::{Delivery, ExposureNews, World};

/// A fleet with its users and its distribution, moved on in steps.
pub(crate) trait Surroundings {
    /// Moves on over the step that ends at `now`; returns what only the world knows.
    fn advance(&mut self, now: Micros) -> Vec<WorldEvent>;

    /// Ends a scrape interval at `now`: the scrapes that will arrive, and what really was.
    fn end_interval(&mut self, now: Micros) -> (Vec<Delivery>, Sample);

    /// How many instances of each region run the candidate of each rollout.
    fn exposures(&self) -> Vec<(RolloutId, RegionId, ExposureReport)>;

    /// What distribution has to report since it was last asked.
    fn exposure_news(&mut self) -> Vec<ExposureNews>;

    /// Distribution takes a command over.
    fn take_command(&mut self, now: Micros, issued: &Issued);

    /// What tools have to say since they were last asked; nothing where there are none.
    fn action_news(&mut self) -> Vec<Fact> {
        Vec::new()
    }

    /// Takes note of a version that somebody proposed, and of what is wrong with it.
    fn add_version(
        &mut self,
        id: VersionId,
        service: ServiceId,
        defect: Option<Defect>,
        document: &Document,
    );

    /// Takes note of the rollout that brings a version.
    fn bind_rollout(&mut self, rollout: RolloutId, id: VersionId);

    /// A stage began: what its instances serve is counted from now on.
    fn stage_entered(&mut self, rollout: RolloutId);

    /// What a judge had in front of it and could not know.
    fn verdict_truth(
        &self,
        rollout: RolloutId,
        stage: u32,
        outcome: Outcome,
    ) -> Option<VerdictTruth>;

    /// What is over by the end of the run.
    fn close(&mut self, now: Micros) -> Vec<WorldEvent>;
}

impl Surroundings for World<'_> {
    fn advance(&mut self, now: Micros) -> Vec<WorldEvent> {
        self.advance(now)
    }

    fn end_interval(&mut self, now: Micros) -> (Vec<Delivery>, Sample) {
        self.end_interval(now)
    }

    fn exposures(&self) -> Vec<(RolloutId, RegionId, ExposureReport)> {
        self.exposures()
    }

    fn exposure_news(&mut self) -> Vec<ExposureNews> {
        self.exposure_news()
    }

    fn take_command(&mut self, now: Micros, issued: &Issued) {
        self.take_command(now, issued);
    }

    fn action_news(&mut self) -> Vec<Fact> {
        self.action_news()
    }

    fn add_version(
        &mut self,
        id: VersionId,
        service: ServiceId,
        defect: Option<Defect>,
        document: &Document,
    ) {
        self.add_version(id, service, defect, document);
    }

    fn bind_rollout(&mut self, rollout: RolloutId, id: VersionId) {
        self.bind_rollout(rollout, id);
    }

    fn stage_entered(&mut self, rollout: RolloutId) {
        self.stage_entered(rollout);
    }

    fn verdict_truth(
        &self,
        rollout: RolloutId,
        stage: u32,
        outcome: Outcome,
    ) -> Option<VerdictTruth> {
        self.verdict_truth(rollout, stage, outcome)
    }

    fn close(&mut self, now: Micros) -> Vec<WorldEvent> {
        self.close(now)
    }
}
