//! Scrapes and samples: what the fleet tells at the end of an interval, and what it was.

use firedrill_core::health::{LatencyHistogram, ProbeCounts, TelemetryWindow};
use firedrill_core::ids::{ClassId, RegionId, RolloutId, ServiceId};
use firedrill_core::{Micros, Ppm};

use crate::log::{ExposureSample, Sample, ServiceSample, VerdictTruth};
use crate::random::{Entity, binomial, poisson};

use super::fleet::VersionIndex;
use super::telemetry::{Borne, Labels, Seen, delivery, scrape};
use super::{Addresses, Purpose, World};

/// A scrape on its way to the core.
pub(crate) struct Delivery {
    pub(crate) at: Micros,
    pub(crate) window: Box<TelemetryWindow>,
}

/// The instances of a fleet at one moment.
struct Census {
    /// By telemetry scope.
    seen: Vec<Seen>,
}

impl Census {
    fn count(&mut self, scope: usize, more: Seen) {
        let seen = &mut self.seen[scope];
        seen.total += more.total;
        seen.up += more.up;
    }
}

impl World<'_> {
    /// Books how every cohort of a pool fared in the step.
    pub(super) fn record_loads(&mut self, pool: usize) {
        let (pool, loads) = (&self.pools[pool], &self.loads[pool]);
        for (cohort, load) in pool.cohorts.iter().zip(loads) {
            let version = cohort.key.version;
            let scope = self.addresses.scope(pool.region, pool.service, version);
            let borne = Borne {
                instances: load.serving,
                requests: load.requests,
                shape: &load.shape,
                utilisation: load.utilisation,
                leaked: cohort.leaked,
            };
            self.telemetry.record_load(scope, &borne);
            let restarts = Self::restarts(cohort, self.scenario.step);
            let (effect, requests) = (cohort.effect(), load.requests);
            self.telemetry
                .record_defect(scope, effect, requests, restarts);
        }
    }

    /// Ends a scrape interval at `now`: returns the scrapes that will arrive, and the sample of
    /// what really was.
    pub(crate) fn end_interval(&mut self, now: Micros) -> (Vec<Delivery>, Sample) {
        let start = now - self.scenario.telemetry.scrape_every;
        let reports = self.reports_of_users(start, now);
        let census = self.census();
        let mut deliveries = Vec::new();
        for region in 0..self.scenario.fleet.regions.len() {
            for service in 0..self.scenario.fleet.services.len() {
                let (region, service) = (RegionId(region as u16), ServiceId(service as u16));
                let mut told = self.scrape_service((start, now), (region, service), &census);
                // They count once, whichever version they are about: with the first window.
                if let Some(first) = told.first_mut().filter(|_| region == RegionId(0)) {
                    first.window.user_reports = reports;
                }
                deliveries.extend(told);
            }
        }
        let sample = self.sample(&census);
        self.telemetry.clear();
        self.sample_from = now;
        (deliveries, sample)
    }

    /// The reports of users that came in over an interval.
    fn reports_of_users(&mut self, start: Micros, now: Micros) -> u32 {
        let Some(spec) = &self.scenario.telemetry.user_reports else {
            return 0;
        };
        let moment = (self.step - 1, now, now - start);
        let draws = self.draws.get(Purpose::UserReports);
        let harmed = self.truth.interval_harmed();
        self.user_reports.advance(draws, moment, harmed, spec)
    }

    fn scrape_service(
        &mut self,
        (start, now): (Micros, Micros),
        (region, service): (RegionId, ServiceId),
        census: &Census,
    ) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for index in 0..self.versions[service.index()].len() {
            let version = index as VersionIndex;
            let scope = self.addresses.scope(region, service, version);
            let seen = census.seen[scope];
            if seen.total == 0 && self.telemetry.truth(scope).totals().0 == 0 {
                continue;
            }
            let labels = Labels {
                region,
                service,
                version: self.versions[service.index()][index].id,
                scope,
            };
            // The step was already counted on: the draws are those of the interval's last step.
            let step = self.step - 1;
            let silenced = self.telemetry.truth(scope).silenced();
            let [loss, delay] = self.draws.pair(Purpose::ScrapeLoss, Purpose::Ingestion);
            let spec = &self.scenario.telemetry;
            let Some(at) = delivery((loss, delay), step, now, labels, spec, silenced) else {
                continue;
            };
            let is_read = self.read[service.index()].latency;
            let mut window = Box::new(scrape(
                is_read.then(|| (self.draws.get(Purpose::Scrape), step)),
                labels,
                (start, now),
                self.telemetry.truth(scope),
                seen,
                (
                    &self.scenario.fleet.services[service.index()],
                    self.scenario.step.as_secs_f64(),
                ),
            ));
            self.tell_more(step, scope, version, &mut window);
            let group = self.tell_group_apart(scope, version, &mut window);
            let told = std::iter::once(window).chain(group.map(Box::new));
            deliveries.extend(told.map(|window| Delivery { at, window }));
        }
        deliveries
    }

    /// Adds what is logged and what probes find.
    fn tell_more(
        &mut self,
        step: u64,
        scope: usize,
        version: VersionIndex,
        window: &mut TelemetryWindow,
    ) {
        let spec = &self.scenario.telemetry;
        let read = self.read[window.service.index()];
        let entity = Entity::new(scope as u64);
        let truth = self.telemetry.truth(scope);
        let (requests, errors) = truth.totals();
        // A failed request logs one line.
        let lines = truth.log_lines() + requests as f64 * spec.log_noise;
        let lines = if read.logs && lines > 0.0 {
            poisson(self.draws.get(Purpose::Logs).uniform(step, entity), lines)
        } else {
            0
        };
        let length = (window.end - window.start).as_secs_f64();
        let sent = (spec.probes_per_s * length) as u32;
        window.log_errors = u32::try_from(errors + lines).unwrap_or(u32::MAX);
        if read.probes && sent > 0 {
            let failing = self.probe_failure(window.region, window.service, version);
            let u = self.draws.get(Purpose::Probes).uniform(step, entity);
            window.probes = ProbeCounts {
                sent,
                failed: binomial(u, u64::from(sent), failing) as u32,
            };
        }
    }

    /// The probability that a synthetic transaction fails, sent to a random instance of a version
    /// and of a random class that the service serves. Unlike a user's request it knows the right
    /// answer.
    fn probe_failure(&self, region: RegionId, service: ServiceId, version: VersionIndex) -> f64 {
        let visiting = self.graph.classes.iter().enumerate();
        let visiting = visiting.filter(|(_, hops)| hops.iter().any(|hop| hop.service == service));
        let classes: Vec<ClassId> = visiting.map(|(class, _)| ClassId(class as u16)).collect();
        let (mut all, mut well) = (0.0, 0.0);
        for pool in self.pools_of(service, region) {
            let cell = pool / self.scenario.fleet.services.len();
            let cohorts = self.pools[pool].cohorts.iter();
            for cohort in cohorts.filter(|cohort| cohort.key.version == version) {
                let mut fared = self.fared(cell, service.index());
                let fared = fared.find(|fared| fared.key == cohort.key);
                let effect = cohort.effect();
                let passes = |class: &ClassId| {
                    (1.0 - effect.error_share_of(*class)) * (1.0 - effect.wrong_share_of(*class))
                };
                let passes: f64 = classes.iter().map(passes).sum();
                let passes = passes / classes.len().max(1) as f64;
                let served =
                    fared.map_or(1.0, |fared| (1.0 - fared.own_failure) * (1.0 - fared.lost));
                all += f64::from(cohort.total());
                well += f64::from(cohort.serving()) * passes * served;
            }
        }
        if all > 0.0 {
            (1.0 - well / all).clamp(0.0, 1.0)
        } else {
            1.0
        }
    }

    /// The instances on a version as a health checker sees them.
    pub(super) fn seen(&self, region: RegionId, service: ServiceId, version: VersionIndex) -> Seen {
        let mut seen = Seen { total: 0, up: 0 };
        for pool in self.pools_of(service, region) {
            let cohorts = self.pools[pool].cohorts.iter();
            for cohort in cohorts.filter(|c| c.key.version == version) {
                seen.total += cohort.total();
                seen.up += cohort.up;
            }
        }
        seen
    }

    /// The instances of the fleet, pool by pool as they stand in memory: a large fleet does not fit
    /// into the processor's caches.
    fn census(&self) -> Census {
        let Addresses {
            services, versions, ..
        } = self.addresses;
        let scopes = self.scenario.fleet.regions.len() * services * versions;
        let mut census = Census {
            seen: vec![Seen { total: 0, up: 0 }; scopes],
        };
        for cell in 0..self.cells.len() {
            if self.count_calmly(cell, |scope, seen| census.count(scope, seen)) {
                continue;
            }
            for pool in self.pools.of_cell(cell) {
                for cohort in &pool.cohorts {
                    let version = cohort.key.version;
                    let scope = self.addresses.scope(pool.region, pool.service, version);
                    let (total, up) = (cohort.total(), cohort.up);
                    census.count(scope, Seen { total, up });
                }
            }
        }
        census
    }

    fn sample(&mut self, census: &Census) -> Sample {
        let mut sample = Sample {
            from_us: self.sample_from,
            ..Sample::default()
        };
        self.truth.close_interval(&mut sample);
        let services = self.scenario.fleet.services.len();
        let world = &*self;
        let of_cell = |cell| (0..services).flat_map(move |service| world.fared(cell, service));
        let fared = (0..self.cells.len()).flat_map(of_cell);
        let waiting: f64 = fared.map(|fared| fared.waiting).sum();
        sample.queued = waiting as u64;
        for service in 0..self.scenario.fleet.services.len() {
            sample
                .services
                .push(self.sample_service(ServiceId(service as u16), census));
        }
        for (rollout, service, index) in self.rollouts() {
            let pools = || self.pools_everywhere(service);
            let running = pools().map(|pool| pool.running(index)).sum();
            let instances = pools().map(|pool| pool.instances).sum();
            let ever = self.versions[service.index()][usize::from(index)].ever;
            sample.exposure.push(ExposureSample {
                rollout,
                running,
                ever,
                instances,
            });
        }
        sample
    }

    fn sample_service(&self, service: ServiceId, census: &Census) -> ServiceSample {
        let spec = &self.scenario.fleet.services[service.index()];
        let mut mass = [0.0; LatencyHistogram::BUCKETS];
        let (mut requests, mut errors, mut up) = (0, 0, 0);
        let (mut utilisation, mut scopes) = (0.0, 0.0);
        for region in 0..self.scenario.fleet.regions.len() {
            for version in 0..self.versions[service.index()].len() {
                let region = RegionId(region as u16);
                let scope = self
                    .addresses
                    .scope(region, service, version as VersionIndex);
                up += census.seen[scope].up;
                let scope = self.telemetry.truth(scope);
                let (some, bad) = scope.totals();
                requests += some;
                errors += bad;
                if some == 0 {
                    continue;
                }
                utilisation += scope.mean_utilisation() * some as f64;
                scopes += some as f64;
                for (sum, mass) in mass.iter_mut().zip(scope.mass()) {
                    *sum += f64::from(*mass);
                }
            }
        }
        let of = (requests / u64::from(u32::MAX) + 1) as f64;
        let mut latency = LatencyHistogram::default();
        for (bucket, mass) in mass.iter().enumerate() {
            latency.add(bucket, (mass / of + 0.5) as u32);
        }
        let mean = if scopes > 0.0 {
            utilisation / scopes
        } else {
            0.0
        };
        let cpu = (spec.cpu.idle + spec.cpu.slope * mean.min(1.0)).clamp(0.0, 1.0);
        ServiceSample {
            service,
            requests,
            errors,
            p50_us: latency.quantile_us(Ppm::percent(50)).unwrap_or(0),
            p99_us: latency.quantile_us(Ppm::percent(99)).unwrap_or(0),
            up,
            instances: spec.instances,
            cpu: Ppm::from_f64(cpu),
        }
    }

    /// What a judge had in front of it and could not know.
    pub(crate) fn verdict_truth(
        &self,
        rollout: RolloutId,
        stage: u32,
        outcome: firedrill_core::health::Outcome,
    ) -> Option<VerdictTruth> {
        let mut rollouts = self.rollouts().into_iter();
        let (_, service, own) = rollouts.find(|(id, ..)| *id == rollout)?;
        let version = &self.versions[service.index()][usize::from(own)];
        let served = self.truth.on_version((service, own));
        let hit_class = version
            .defect
            .as_ref()
            .and_then(|defect| defect.mechanism.class());
        let mut instances = 0;
        let mut utilisation: f64 = 0.0;
        for (cell, pool) in self.pools_everywhere(service).enumerate() {
            instances += pool.running(own);
            let fared = self.fared(cell, service.index());
            let fared = fared.filter(|fared| fared.key.version == own);
            utilisation = fared
                .map(|fared| fared.utilisation)
                .fold(utilisation, f64::max);
        }
        Some(VerdictTruth {
            rollout,
            stage,
            outcome,
            requests: served.requests,
            harmed: served.harmed,
            hit_class_requests: hit_class
                .map_or(served.requests, |class| served.by_class[class.index()]),
            instances,
            utilisation: Ppm::from_f64(utilisation),
        })
    }

    /// A stage began: what its instances serve is counted from now on.
    pub(crate) fn stage_entered(&mut self, rollout: RolloutId) {
        let mut rollouts = self.rollouts().into_iter();
        if let Some((_, service, version)) = rollouts.find(|(id, ..)| *id == rollout) {
            self.truth.reset_version((service, version));
        }
    }
}
