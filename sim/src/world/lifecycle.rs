//! Versions and instances: what distribution does with commands, instances that load, crash,
//! restart and start, and what distribution reports of it.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::config::VersionId;
use firedrill_core::ids::{CommandId, RegionId, RolloutId, ServiceId};
use firedrill_core::plane::{Command, Issued};
use firedrill_core::rollout::{Audience, ExposureReport};

use crate::log::WorldEvent;
use crate::random::{Entity, binomial, split};
use crate::spec::Mechanism;

use super::defect::Effect;
use super::fleet::{Cohort, CohortKey, Pool, VersionIndex, pool_numbers, spread};
use super::propagation::{Transfer, Waiting};
use super::queueing::ShapeTable;
use super::{Purpose, Version, World};

/// A crash-looping instance restarts about this often.
const CRASH_LOOP: Micros = Micros::from_secs(30);

/// What distribution has to report of one rollout in one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExposureNews {
    pub(crate) rollout: RolloutId,
    pub(crate) region: RegionId,
    pub(crate) report: ExposureReport,
    pub(crate) acknowledged: Option<CommandId>,
}

/// A version to be brought to instances of a service.
#[derive(Clone, Copy, Debug)]
struct Bring {
    rollout: RolloutId,
    service: ServiceId,
    to: VersionIndex,
    /// Only to instances on this version, when given.
    from: Option<VersionIndex>,
    employees: bool,
}

/// What was last reported, so that only news is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reported {
    last: BTreeMap<(RolloutId, RegionId), (ExposureReport, Option<CommandId>)>,
    /// The newest command of each rollout that distribution took.
    acknowledged: BTreeMap<RolloutId, CommandId>,
}

impl World<'_> {
    /// Takes note of a version that somebody proposed, and of what is wrong with it.
    pub(crate) fn add_version(
        &mut self,
        id: VersionId,
        service: ServiceId,
        defect: Option<Mechanism>,
    ) {
        let regions = self.scenario.fleet.regions.len();
        let versions = &mut self.versions[service.index()];
        if versions.iter().any(|version| version.id == id) {
            return; // proposed before: the same document has the same defect
        }
        let effect = defect.as_ref().map_or(Effect::NONE, Effect::of);
        versions.push(Version::new(id, defect, regions));
        self.effects[service.index()].push(effect);
        let spec = &self.scenario.fleet.services[service.index()];
        let mut time = spec.service_time;
        time.median = Micros((time.median.0 as f64 * effect.service_factor) as u64);
        let tables = &mut self.tables[service.index()];
        tables.by_version.push(ShapeTable::new(time, spec.workers));
    }

    /// Takes note of the rollout that brings a version.
    pub(crate) fn bind_rollout(&mut self, rollout: RolloutId, id: VersionId) {
        let (service, version) = self.find(id);
        self.versions[service.index()][usize::from(version)].rollout = Some(rollout);
    }

    /// Distribution takes a command over.
    pub(crate) fn take_command(&mut self, now: Micros, issued: &Issued) {
        match &issued.command {
            Command::Push {
                rollout,
                version,
                region,
                instances,
                audience,
                ..
            } => {
                self.acknowledge(*rollout, issued.id);
                let employees = *audience == Audience::Employees;
                let (service, to) = self.find(*version);
                self.set_audience(service, *region, to, employees);
                let bring = Bring {
                    rollout: *rollout,
                    service,
                    to,
                    from: None,
                    employees,
                };
                self.push(now, bring, *region, *instances);
            }
            Command::RollBack {
                rollout, from, to, ..
            } => {
                self.acknowledge(*rollout, issued.id);
                let (service, from) = self.find(*from);
                let (_, to) = self.find(*to);
                let here = |transfer: &Transfer| transfer.service == service;
                self.transfers
                    .retain(|transfer| !(here(transfer) && transfer.to == from));
                let from = Some(from);
                let bring = Bring {
                    rollout: *rollout,
                    service,
                    to,
                    from,
                    employees: false,
                };
                self.roll_back(now, bring);
            }
            Command::Page { .. } => {}
        }
    }

    /// Moves config on its way over one step.
    pub(super) fn propagate(&mut self, before: Micros, now: Micros) -> Vec<WorldEvent> {
        let mut events = Vec::new();
        let mut transfers = std::mem::take(&mut self.transfers);
        for transfer in &mut transfers {
            let draws = self.draws.get(Purpose::Propagation);
            let spec = &self.scenario.propagation;
            let moved = transfer.advance(draws, self.step, (before, now), spec);
            let mut in_region = 0;
            for (pool, count) in moved {
                in_region += self.deliver(transfer, pool, count);
            }
            let versions = &mut self.versions[transfer.service.index()];
            let version = &mut versions[usize::from(transfer.to)];
            let seen = &mut version.seen_in[transfer.region.index()];
            if in_region > 0 && !*seen {
                *seen = true;
                if version.defect.is_some() {
                    events.push(WorldEvent::DefectActive {
                        rollout: transfer.rollout,
                        region: transfer.region,
                        instances: in_region,
                    });
                }
            }
            version.ever += if transfer.from.is_none() {
                in_region
            } else {
                0
            };
        }
        transfers.retain(|transfer| !transfer.is_over());
        self.transfers = transfers;
        events
    }

    /// Instances that start come up: exponential times of the service's mean.
    pub(super) fn start_instances(&mut self, length: Micros) {
        for (index, pool) in self.pools.iter_mut().enumerate() {
            let mean = self.scenario.fleet.services[pool.service.index()].start_up;
            let hazard = match mean {
                Micros::ZERO => 1.0,
                mean => 1.0 - libm::exp(-length.as_secs_f64() / mean.as_secs_f64()),
            };
            for cohort in pool.cohorts.iter_mut().filter(|cohort| cohort.starting > 0) {
                let entity = Entity {
                    lane: cohort.key.lane(),
                    index: index as u64,
                };
                let u = self.draws.get(Purpose::StartUp).uniform(self.step, entity);
                let up = binomial(u, u64::from(cohort.starting), hazard) as u32;
                cohort.starting -= up;
                cohort.up += up;
            }
        }
    }

    /// The balancer learns of the crashes of this step.
    pub(super) fn settle_crashes(&mut self) {
        for pool in &mut self.pools {
            for cohort in &mut pool.cohorts {
                cohort.just_crashed = 0;
            }
            pool.tidy();
        }
    }

    /// Restarts of a cohort's crash-looping instances in one step, on average.
    pub(super) fn restarts(cohort: &Cohort, length: Micros) -> u32 {
        let rate = length.as_secs_f64() / CRASH_LOOP.as_secs_f64();
        (f64::from(cohort.crashed) * rate + 0.5) as u32
    }

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
            let settled = |cohort: &Cohort| {
                cohort.waiting <= 0.0 && cohort.starting == 0 && cohort.crashed == 0
            };
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
    fn find(&self, id: VersionId) -> (ServiceId, VersionIndex) {
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

    fn acknowledge(&mut self, rollout: RolloutId, command: CommandId) {
        let newest = self.reported.acknowledged.entry(rollout).or_insert(command);
        *newest = command.max(*newest);
    }

    fn exposure(
        &self,
        service: ServiceId,
        version: VersionIndex,
        region: RegionId,
    ) -> ExposureReport {
        let here = self.pools_of(service, region);
        let running = here.map(|pool| self.pools[pool].running(version)).sum();
        let leaving = self.transfers.iter().filter(|transfer| {
            transfer.from == Some(version)
                && transfer.region == region
                && transfer.service == service
        });
        ExposureReport {
            running,
            unreachable: leaving.map(Transfer::stragglers).sum(),
        }
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

    /// The balancer changes whose requests the instances of a version serve.
    fn set_audience(
        &mut self,
        service: ServiceId,
        region: RegionId,
        version: VersionIndex,
        employees: bool,
    ) {
        let here = |of: ServiceId, at: RegionId| of == service && at == region;
        for transfer in &mut self.transfers {
            if transfer.to == version && here(transfer.service, transfer.region) {
                transfer.employees = employees;
            }
        }
        for pool in self
            .pools
            .iter_mut()
            .filter(|pool| here(pool.service, pool.region))
        {
            for flapping in [false, true] {
                let key = CohortKey {
                    version,
                    employees: !employees,
                    flapping,
                };
                let Some(index) = pool.cohorts.iter().position(|cohort| cohort.key == key) else {
                    continue;
                };
                let old = pool.cohorts.remove(index);
                let new = pool.cohort(CohortKey { employees, ..key });
                new.up += old.up;
                new.in_spell += old.in_spell;
                new.starting += old.starting;
                new.crashed += old.crashed;
                new.waiting += old.waiting;
            }
        }
    }

    fn push(&mut self, now: Micros, bring: Bring, region: RegionId, instances: u32) {
        let pools: Vec<usize> = self.pools_of(bring.service, region).collect();
        let on_the_way = |pool: usize| -> u32 {
            let same =
                |transfer: &&Transfer| transfer.service == bring.service && transfer.to == bring.to;
            let waiting = self.transfers.iter().filter(same);
            let waiting = waiting.flat_map(|transfer| &transfer.waiting);
            waiting
                .filter(|w| w.pool == pool)
                .map(|w| w.body + w.stragglers)
                .sum()
        };
        let wanted: Vec<(usize, u32)> = pools
            .iter()
            .zip(spread(instances, pools.len() as u32))
            .map(|(pool, share)| {
                let share = share.min(self.pools[*pool].instances);
                let has = self.pools[*pool].running(bring.to) + on_the_way(*pool);
                (*pool, share.saturating_sub(has))
            })
            .collect();
        self.transfer(now, bring, region, &wanted);
    }

    fn roll_back(&mut self, now: Micros, bring: Bring) {
        let going =
            |transfer: &Transfer| transfer.service == bring.service && transfer.from == bring.from;
        let Some(from) = bring.from.filter(|_| !self.transfers.iter().any(going)) else {
            return; // already going back
        };
        for region in 0..self.scenario.fleet.regions.len() {
            let region = RegionId(region as u16);
            let running: Vec<(usize, u32)> = self
                .pools_of(bring.service, region)
                .map(|pool| (pool, self.pools[pool].running(from)))
                .collect();
            self.transfer(now, bring, region, &running);
        }
    }

    /// Sends a version on its way to so many instances of each pool.
    fn transfer(&mut self, now: Micros, bring: Bring, region: RegionId, counts: &[(usize, u32)]) {
        let spec = &self.scenario.propagation;
        let step = self.step;
        let draws = self.draws.get(Purpose::Propagation);
        let Bring {
            rollout,
            service,
            to,
            from,
            employees,
        } = bring;
        let waiting: Vec<Waiting> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(pool, count)| Waiting::draw(draws, step, *pool, to, *count, spec))
            .collect();
        if !waiting.is_empty() {
            let started = now;
            let transfer = Transfer {
                rollout,
                service,
                region,
                started,
                from,
                to,
                employees,
                waiting,
            };
            self.transfers.push(transfer);
        }
    }

    /// Gives a version to `count` instances of a pool: which cohorts they come from is drawn in
    /// proportion, some crash on loading it. Returns how many got it.
    fn deliver(&mut self, transfer: &Transfer, pool: usize, count: u32) -> u32 {
        let effects = &self.effects[transfer.service.index()];
        let crash_share = effects[usize::from(transfer.to)].crash_share;
        let step = self.step;
        let source = |cohort: &Cohort| match transfer.from {
            Some(from) => cohort.key.version == from,
            None => cohort.key.version != transfer.to,
        };
        let sizes: Vec<f64> = self.pools[pool]
            .cohorts
            .iter()
            .map(|cohort| {
                if source(cohort) {
                    f64::from(cohort.total())
                } else {
                    0.0
                }
            })
            .collect();
        let keys: Vec<CohortKey> = self.pools[pool].cohorts.iter().map(|c| c.key).collect();
        let mut parts = vec![0; sizes.len()];
        let entity = |index: usize| Entity {
            lane: keys[index].lane(),
            index: pool as u64,
        };
        let selection = self.draws.get(Purpose::Selection);
        split(
            |index| selection.uniform(step, entity(index)),
            u64::from(count),
            &sizes,
            &mut parts,
        );
        let mut delivered = 0;
        for (index, key) in keys.iter().enumerate() {
            if parts[index] == 0 {
                continue;
            }
            let employees = transfer.employees;
            let new_key = CohortKey {
                version: transfer.to,
                employees,
                ..*key
            };
            let old = self.pools[pool].cohort(*key);
            let taken = take(old, parts[index] as u32);
            delivered += taken.total();
            let u = self
                .draws
                .get(Purpose::Crashes)
                .uniform(step, entity(index));
            let loading = taken.serving() + taken.starting;
            let crashing = binomial(u, u64::from(loading), crash_share) as u32;
            let new = self.pools[pool].cohort(new_key);
            // What was down restarts into the new version; what serves takes it as it runs.
            new.starting += taken.starting + taken.crashed;
            new.in_spell += taken.in_spell;
            new.up += taken.up;
            let crashed = take_serving(new, crashing);
            new.crashed += crashed;
            new.just_crashed += crashed;
        }
        delivered
    }
}

/// Takes `count` instances out of a cohort, crashed ones first (they read config when they
/// restart), then in proportion.
fn take(cohort: &mut Cohort, count: u32) -> Cohort {
    let mut taken = Cohort::empty(cohort.key);
    let mut left = count.min(cohort.total());
    let share = f64::from(left) / f64::from(cohort.total().max(1));
    taken.waiting = cohort.waiting * share;
    cohort.waiting -= taken.waiting;
    taken.crashed = left.min(cohort.crashed);
    cohort.crashed -= taken.crashed;
    left -= taken.crashed;
    let (wanted, rest) = (u64::from(left), u64::from(cohort.total()));
    let in_proportion = |n: u32| (wanted * u64::from(n)).checked_div(rest).unwrap_or(0) as u32;
    taken.in_spell = in_proportion(cohort.in_spell);
    taken.starting = in_proportion(cohort.starting);
    cohort.in_spell -= taken.in_spell;
    cohort.starting -= taken.starting;
    left -= taken.in_spell + taken.starting;
    for (from, to) in [
        (&mut cohort.up, &mut taken.up),
        (&mut cohort.starting, &mut taken.starting),
        (&mut cohort.in_spell, &mut taken.in_spell),
    ] {
        let moved = left.min(*from);
        *from -= moved;
        *to += moved;
        left -= moved;
    }
    taken
}

/// Takes up to `count` serving or starting instances out of a cohort.
fn take_serving(cohort: &mut Cohort, count: u32) -> u32 {
    let mut left = count;
    for from in [&mut cohort.up, &mut cohort.starting, &mut cohort.in_spell] {
        let moved = left.min(*from);
        *from -= moved;
        left -= moved;
    }
    count - left
}
