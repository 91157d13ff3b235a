//! Versions and instances: what distribution does with commands, instances that load, crash,
//! restart and start, and what distribution reports of it.

use std::collections::BTreeMap;

use std::ops::Range;

use firedrill_core::Micros;
use firedrill_core::config::{Document, VersionId};
use firedrill_core::ids::{CommandId, RegionId, RolloutId, ServiceId};
use firedrill_core::plane::{Command, Issued};
use firedrill_core::rollout::{Audience, ExposureReport};

use crate::log::WorldEvent;
use crate::random::{Entity, binomial, split};
use crate::spec::Defect;

use super::fleet::{Cohort, CohortKey, Pool, VersionIndex, pool_numbers, spread};
use super::propagation::{Taken, Transfer, Waiting};
use super::serving::HEALTH_CHECK_LAG;
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
    batch: u8,
}

/// Instances of a pool that are to get a version.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    pool: usize,
    reachable: u32,
    cut_off: u32,
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
                let batch = self.versions[service.index()][usize::from(to)].next_batch(now);
                let bring = Bring {
                    rollout: *rollout,
                    service,
                    to,
                    from: None,
                    employees,
                    batch,
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
                    batch: 0,
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
            let moved = transfer.advance(draws, self.step, (before, now), spec, &self.cuts);
            let mut in_region = 0;
            for (pool, count, taken) in moved {
                let delivered = self.deliver(now, transfer, pool, count, taken);
                in_region += delivered;
                if taken == Taken::Running {
                    // Who was cut off on the way waits for a repair like those who were before.
                    transfer.hold(pool, count - delivered);
                }
            }
            let versions = &mut self.versions[transfer.service.index()];
            let version = &mut versions[usize::from(transfer.to)];
            let seen = &mut version.seen_in[transfer.region.index()];
            if in_region > 0 && !*seen {
                *seen = true;
                if version.defect.is_some() {
                    self.troubled = true;
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
    pub(super) fn start_instances(&mut self, pools: Range<usize>, length: Micros) {
        for index in pools {
            let pool = &mut self.pools[index];
            for cohort in pool.cohorts.iter_mut().filter(|cohort| cohort.starting > 0) {
                let mean = self.scenario.fleet.services[pool.service.index()].start_up;
                let hazard = match mean {
                    Micros::ZERO => 1.0,
                    mean => 1.0 - libm::exp(-length.as_secs_f64() / mean.as_secs_f64()),
                };
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

    /// The balancer learns of the crashes of a pool.
    pub(super) fn settle_crashes(&mut self, pool: usize) {
        let lag_steps = HEALTH_CHECK_LAG.as_secs_f64() / self.scenario.step.as_secs_f64();
        let pool = &mut self.pools[pool];
        for cohort in &mut pool.cohorts {
            cohort.remember_crashes(lag_steps);
        }
        pool.tidy();
    }

    /// Restarts of a cohort's crash-looping instances in one step, on average.
    pub(super) fn restarts(cohort: &Cohort, length: Micros) -> u32 {
        if cohort.crashed == 0 {
            return 0;
        }
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
        for pool in &mut self.pools {
            if !here(pool.service, pool.region) {
                continue;
            }
            let moves = |cohort: &Cohort| {
                cohort.key.version == version && cohort.key.employees != employees
            };
            while let Some(index) = pool.cohorts.iter().position(moves) {
                let old = pool.cohorts.remove(index);
                pool.cohort(CohortKey {
                    employees,
                    ..old.key
                })
                .absorb(&old);
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
            waiting.filter(|w| w.pool == pool).map(Waiting::total).sum()
        };
        let wanted: Vec<Wanted> = pools
            .iter()
            .zip(spread(instances, pools.len() as u32))
            .map(|(pool, share)| {
                let share = share.min(self.pools[*pool].instances);
                let has = self.pools[*pool].running(bring.to) + on_the_way(*pool);
                Wanted {
                    pool: *pool,
                    reachable: share.saturating_sub(has),
                    cut_off: 0,
                }
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
            let pools = self.pools_of(bring.service, region);
            let running: Vec<Wanted> = pools
                .map(|pool| {
                    let cut_off = self.pools[pool].cut_off(from);
                    let reachable = self.pools[pool].running(from) - cut_off;
                    Wanted {
                        pool,
                        reachable,
                        cut_off,
                    }
                })
                .collect();
            self.transfer(now, bring, region, &running);
        }
    }

    /// Sends a version on its way to so many instances of each pool.
    fn transfer(&mut self, now: Micros, bring: Bring, region: RegionId, wanted: &[Wanted]) {
        let spec = &self.scenario.propagation;
        let (step, length, cuts) = (self.step, self.scenario.step, &self.cuts);
        let draws = self.draws.get(Purpose::Propagation);
        let Bring {
            rollout,
            service,
            to,
            from,
            employees,
            batch,
        } = bring;
        let waiting: Vec<Waiting> = wanted
            .iter()
            .filter(|wanted| wanted.reachable + wanted.cut_off > 0)
            .map(|wanted| {
                let Wanted {
                    pool,
                    reachable,
                    cut_off,
                } = *wanted;
                // Somebody has to go to those who are cut off.
                let counts = (reachable + cut_off, cut_off);
                let mut waiting = Waiting::draw(draws, step, pool, to, counts, spec);
                waiting.cut = cuts.is_cut(pool, Micros(length.0 * step));
                waiting
            })
            .collect();
        if !waiting.is_empty() {
            let started = now;
            let slowdown = from.map_or(1.0, |from| self.slowdown(service, from));
            let transfer = Transfer {
                rollout,
                service,
                region,
                started,
                from,
                to,
                employees,
                batch,
                slowdown,
                waiting,
            };
            self.transfers.push(transfer);
        }
    }

    /// How much longer config takes to reach instances on a version.
    fn slowdown(&self, service: ServiceId, version: VersionIndex) -> f64 {
        let cohorts = self.pools.iter().filter(|pool| pool.service == service);
        let cohorts = cohorts.flat_map(|pool| &pool.cohorts);
        let own = cohorts.filter(|cohort| cohort.key.version == version);
        own.map(|cohort| cohort.effect().distribution_factor)
            .fold(1.0, f64::max)
    }

    /// Gives a version to `count` instances of a pool: which cohorts they come from is drawn in
    /// proportion. Returns how many got it.
    fn deliver(
        &mut self,
        now: Micros,
        transfer: &Transfer,
        pool: usize,
        count: u32,
        which: Taken,
    ) -> u32 {
        let step = self.step;
        let source = |cohort: &Cohort| match transfer.from {
            Some(from) => cohort.key.version == from,
            None => cohort.key.version != transfer.to,
        };
        let cohorts = &self.pools[pool].cohorts;
        let sizes: Vec<f64> = cohorts
            .iter()
            .map(|cohort| {
                if source(cohort) {
                    f64::from(available(cohort, which))
                } else {
                    0.0
                }
            })
            .collect();
        let keys: Vec<CohortKey> = cohorts.iter().map(|cohort| cohort.key).collect();
        let mut parts = vec![0; sizes.len()];
        let entity = |index: usize| Entity {
            lane: keys[index].lane(),
            index: pool as u64,
        };
        let selection = self.draws.get(Purpose::Selection);
        split(
            |index| selection.uniform(step, entity(index)),
            u64::from(count),
            sizes.iter().copied(),
            |index, part| parts[index] = part,
        );
        cap(&mut parts, &sizes);
        let mut delivered = 0;
        for (key, part) in keys.iter().zip(parts) {
            if part == 0 {
                continue;
            }
            let new_key = CohortKey {
                version: transfer.to,
                employees: transfer.employees,
                batch: transfer.batch,
                ..*key
            };
            let taken = take(self.pools[pool].cohort(*key), part as u32, which);
            delivered += taken.total();
            // What was down restarts into the new version; what serves takes it as it runs.
            let arriving = Cohort {
                up: taken.up,
                in_spell: taken.in_spell,
                starting: taken.starting + taken.crashed + taken.cut_off,
                waiting: taken.waiting,
                leaked: taken.leaked,
                loaded_at: now,
                ..Cohort::empty(new_key)
            };
            self.pools[pool].cohort(new_key).absorb(&arriving);
        }
        delivered
    }
}

/// A draw in proportion may ask a cohort for more than it has: the others give the rest.
fn cap(parts: &mut [u64], sizes: &[f64]) {
    let mut left = 0;
    for (part, size) in parts.iter_mut().zip(sizes) {
        let kept = (*part).min(*size as u64);
        left += *part - kept;
        *part = kept;
    }
    for (part, size) in parts.iter_mut().zip(sizes) {
        let more = left.min(*size as u64 - *part);
        *part += more;
        left -= more;
    }
}

/// The instances of a cohort that may be taken.
const fn available(cohort: &Cohort, which: Taken) -> u32 {
    match which {
        Taken::Any => cohort.total(),
        Taken::Running => cohort.total() - cohort.crashed - cohort.cut_off,
        Taken::CrashLooping => cohort.crashed + cohort.cut_off,
    }
}

/// Takes `count` instances out of a cohort, crashed ones first if they may be taken (they read
/// config when they restart), then in proportion.
fn take(cohort: &mut Cohort, count: u32, which: Taken) -> Cohort {
    let mut taken = Cohort::empty(cohort.key);
    let mut left = count.min(available(cohort, which));
    let share = f64::from(left) / f64::from(cohort.total().max(1));
    taken.waiting = cohort.waiting * share;
    cohort.waiting -= taken.waiting;
    taken.leaked = cohort.leaked;
    taken.crashed = match which {
        Taken::Any | Taken::CrashLooping => left.min(cohort.crashed),
        Taken::Running => 0,
    };
    cohort.crashed -= taken.crashed;
    left -= taken.crashed;
    if which == Taken::CrashLooping {
        taken.cut_off = left.min(cohort.cut_off);
        cohort.cut_off -= taken.cut_off;
        left -= taken.cut_off;
    }
    let rest = u64::from(cohort.total() - cohort.crashed - cohort.cut_off);
    let wanted = u64::from(left);
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
        (&mut cohort.cut_off, &mut taken.cut_off),
    ] {
        let moved = left.min(*from);
        *from -= moved;
        *to += moved;
        left -= moved;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flapping hosts are few: a draw by proportion once asked them for more than there were,
    /// and those instances never got the version.
    #[test]
    fn a_capped_split_loses_nothing() {
        let mut parts = [97, 3, 0];
        cap(&mut parts, &[100.0, 2.0, 5.0]);
        assert_eq!(parts, [98, 2, 0]);
        let mut parts = [0, 9];
        cap(&mut parts, &[8.0, 1.0]);
        assert_eq!(parts, [8, 1]);
    }

    /// Nobody is made or lost, and only those are taken that may be.
    #[test]
    fn instances_are_taken_from_where_they_may_be() {
        let key = CohortKey {
            version: 0,
            employees: false,
            flapping: false,
            batch: 0,
        };
        for (which, crashed, others) in [
            (Taken::Any, 5, 3),
            (Taken::Running, 0, 8),
            (Taken::CrashLooping, 5, 0),
        ] {
            let mut cohort = Cohort {
                up: 10,
                in_spell: 4,
                starting: 6,
                crashed: 5,
                ..Cohort::empty(key)
            };
            let taken = take(&mut cohort, 8, which);
            assert_eq!(taken.crashed, crashed, "{which:?}");
            assert_eq!(taken.serving() + taken.starting, others, "{which:?}");
            assert_eq!(taken.total() + cohort.total(), 25, "{which:?}");
            assert_eq!(taken.crashed + cohort.crashed, 5, "{which:?}");
        }
    }
}
