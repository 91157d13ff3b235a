//! The driver's view of this world: scrapes and samples.

use firedrill_core::config::{Document, VersionId};
use firedrill_core::health::{
    ClassCounts, InstanceCounts, LatencyHistogram, Outcome, ProbeCounts, Saturation,
    TelemetryWindow,
};
use firedrill_core::ids::{ClassId, RegionId, RolloutId, ServiceId};
use firedrill_core::plane::Issued;
use firedrill_core::rollout::ExposureReport;
use firedrill_core::{Micros, Ppm};

use crate::engine::Surroundings;
use crate::log::{ExposureSample, Sample, ServiceSample, VerdictTruth, WorldEvent};
use crate::spec::{Defect, Golden};
use crate::world::{Delivery, ExposureNews};

use super::InstanceWorld;
use super::instance::{Instance, Life};
use super::telemetry::Scope;

/// A crash-looping instance restarts this often.
const CRASH_LOOP: Micros = Micros::from_secs(30);

impl Surroundings for InstanceWorld<'_> {
    fn advance(&mut self, now: Micros) -> Vec<WorldEvent> {
        self.advance(now)
    }

    fn end_interval(&mut self, now: Micros) -> (Vec<Delivery>, Sample) {
        let start = now - self.scenario.telemetry.scrape_every;
        let mut deliveries = Vec::new();
        for region in 0..self.scenario.fleet.regions.len() {
            for service in 0..self.scenario.fleet.services.len() {
                for version in 0..self.versions[service].len() {
                    let (region, service) = (RegionId(region as u16), ServiceId(service as u16));
                    let scraped = self.scrape((start, now), region, service, version);
                    deliveries.extend(scraped);
                }
            }
        }
        let sample = self.sample();
        let classes = self.scenario.fleet.classes.len();
        self.scopes.fill(Scope::new(classes));
        self.sample_from = now;
        (deliveries, sample)
    }

    fn exposures(&self) -> Vec<(RolloutId, RegionId, ExposureReport)> {
        self.all_exposures()
    }

    fn exposure_news(&mut self) -> Vec<ExposureNews> {
        self.news()
    }

    fn take_command(&mut self, now: Micros, issued: &Issued) {
        self.take(now, issued);
    }

    fn add_version(
        &mut self,
        id: VersionId,
        service: ServiceId,
        defect: Option<Defect>,
        document: &Document,
    ) {
        self.note_version(id, service, defect, document);
    }

    fn bind_rollout(&mut self, rollout: RolloutId, id: VersionId) {
        self.note_rollout(rollout, id);
    }

    fn stage_entered(&mut self, rollout: RolloutId) {
        for (own, service, version) in self.rollouts() {
            if own == rollout {
                self.truth.reset_version((service, version as u8));
            }
        }
    }

    fn verdict_truth(
        &self,
        rollout: RolloutId,
        stage: u32,
        outcome: Outcome,
    ) -> Option<VerdictTruth> {
        let mut rollouts = self.rollouts().into_iter();
        let (_, service, index) = rollouts.find(|(own, ..)| *own == rollout)?;
        let served = self.truth.on_version((service, index as u8));
        let defect = self.versions[service.index()][index].defect.as_ref();
        let class = defect.and_then(|defect| defect.mechanism.class());
        let on_it = self.on_version(service, None, index);
        let busiest = on_it.iter().map(|one| one.utilisation).fold(0.0, f64::max);
        Some(VerdictTruth {
            rollout,
            stage,
            outcome,
            requests: served.requests,
            harmed: served.harmed,
            hit_class_requests: class
                .map_or(served.requests, |class| served.by_class[class.index()]),
            instances: on_it.len() as u32,
            utilisation: Ppm::from_f64(busiest),
        })
    }

    fn close(&mut self, now: Micros) -> Vec<WorldEvent> {
        self.truth.close_run(now)
    }
}

impl InstanceWorld<'_> {
    /// The number of a scope.
    pub(super) fn scope(&self, region: RegionId, service: ServiceId, version: usize) -> usize {
        let services = self.scenario.fleet.services.len();
        let versions = 1 + self.scenario.changes.len();
        (region.index() * services + service.index()) * versions + version
    }

    /// The instances on a version, of one region or of all.
    fn on_version(
        &self,
        service: ServiceId,
        region: Option<RegionId>,
        version: usize,
    ) -> Vec<&Instance> {
        let pools = self.pools_of(service, region).into_iter();
        let instances = pools.flat_map(|pool| &self.pools[pool as usize].instances);
        instances
            .filter(|instance| instance.version == version)
            .collect()
    }

    /// Books how every instance fared in a step.
    pub(super) fn record_instances(&mut self, before: Micros, now: Micros) {
        let length_us = (now - before).0 as f64;
        for pool in 0..self.pools.len() {
            let (service, region) = (self.pools[pool].service, self.pools[pool].region);
            let workers = self.scenario.fleet.services[service.index()].workers;
            for index in 0..self.pools[pool].instances.len() {
                let instance = &mut self.pools[pool].instances[index];
                let worked = std::mem::take(&mut instance.worked_us);
                instance.utilisation = worked / length_us / f64::from(workers);
                let (version, utilisation) = (instance.version, instance.utilisation);
                let since = |at: Micros| (at - instance.crashed_at).0 / CRASH_LOOP.0;
                let restarts = match instance.life {
                    Life::Crashed => since(now) - since(before.max(instance.crashed_at)),
                    Life::Up | Life::Starting | Life::CutOff => 0,
                };
                let (up, leaked) = (instance.is_up(), instance.leaked);
                let silenced = instance.effect.scrapes_lost;
                let scope = self.scope(region, service, version);
                let scope = &mut self.scopes[scope];
                scope.restarts += restarts as u32;
                scope.silenced = scope.silenced.max(silenced);
                if up {
                    scope.utilisation.0 += utilisation;
                    scope.utilisation.1 += 1.0;
                    scope.leaked += leaked;
                }
            }
        }
    }

    /// A scrape of a scope, if it arrives.
    fn scrape(
        &mut self,
        (start, end): (Micros, Micros),
        region: RegionId,
        service: ServiceId,
        version: usize,
    ) -> Option<Delivery> {
        let on_it = self.on_version(service, Some(region), version);
        let total = on_it.len() as u32;
        let up = on_it.iter().filter(|one| one.is_up() && !one.in_spell);
        let up = up.count() as u32;
        let scope = &self.scopes[self.scope(region, service, version)];
        if total == 0 && scope.totals().0 == 0 {
            return None;
        }
        let spec = &self.scenario.telemetry;
        if self.dice.chance(spec.loss_share) || self.dice.chance(scope.silenced) {
            return None;
        }
        let at = end + self.dice.log_normal(spec.ingestion);
        let counted = scope.counts.iter().enumerate();
        let counted = counted.filter(|(_, counts)| counts[0] > 0);
        let classes = counted.map(|(class, [requests, errors, good])| ClassCounts {
            class: ClassId(class as u16),
            requests: *requests as u32,
            errors: *errors as u32,
            good: *good as u32,
        });
        let load = scope.mean_utilisation().min(1.0);
        let golden = |of: Golden| Ppm::from_f64((of.idle + of.slope * load).clamp(0.0, 1.0));
        let signals = &self.scenario.fleet.services[service.index()];
        let leaked = Ppm::from_f64(scope.mean_leaked().min(1.0));
        let window = TelemetryWindow {
            service,
            region,
            version: self.versions[service.index()][version].id,
            set_apart: false,
            start,
            end,
            classes: classes.collect(),
            latency: scope.latency.clone(),
            instances: InstanceCounts {
                total,
                up,
                restarts: scope.restarts,
            },
            log_errors: 0,
            probes: ProbeCounts::default(),
            user_reports: 0,
            saturation: Saturation {
                cpu: golden(signals.cpu),
                memory: golden(signals.memory).max(leaked),
                network: golden(signals.network),
                disk: golden(signals.disk),
            },
        };
        Some(Delivery {
            at,
            window: Box::new(window),
        })
    }

    fn sample(&mut self) -> Sample {
        let mut sample = Sample {
            from_us: self.sample_from,
            ..Sample::default()
        };
        self.truth.close_interval(&mut sample);
        let instances = self.pools.iter().flat_map(|pool| &pool.instances);
        sample.queued = instances.map(|one| one.waiting.len() as u64).sum();
        for service in 0..self.scenario.fleet.services.len() {
            let service = self.sample_service(ServiceId(service as u16));
            sample.services.push(service);
        }
        for (rollout, service, version) in self.rollouts() {
            sample.exposure.push(ExposureSample {
                rollout,
                running: self.on_version(service, None, version).len() as u32,
                ever: self.versions[service.index()][version].ever,
                instances: self.scenario.fleet.services[service.index()].instances,
            });
        }
        sample
    }

    fn sample_service(&self, service: ServiceId) -> ServiceSample {
        let spec = &self.scenario.fleet.services[service.index()];
        let mut latency = LatencyHistogram::default();
        let (mut requests, mut errors, mut busy) = (0, 0, 0.0);
        for region in 0..self.scenario.fleet.regions.len() {
            for version in 0..self.versions[service.index()].len() {
                let scope = self.scope(RegionId(region as u16), service, version);
                let scope = &self.scopes[scope];
                let (some, bad) = scope.totals();
                requests += some;
                errors += bad;
                busy += scope.mean_utilisation() * some as f64;
                latency.merge(&scope.latency);
            }
        }
        let pools = self.pools_of(service, None).into_iter();
        let instances = pools.flat_map(|pool| &self.pools[pool as usize].instances);
        let up = instances.filter(|one| one.is_up() && !one.in_spell);
        let load = (busy / (requests as f64).max(1.0)).min(1.0);
        ServiceSample {
            service,
            requests,
            errors,
            p50_us: latency.quantile_us(Ppm::percent(50)).unwrap_or(0),
            p99_us: latency.quantile_us(Ppm::percent(99)).unwrap_or(0),
            up: up.count() as u32,
            instances: spec.instances,
            cpu: Ppm::from_f64((spec.cpu.idle + spec.cpu.slope * load).clamp(0.0, 1.0)),
        }
    }
}
