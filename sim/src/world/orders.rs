//! What distribution does with the orders of the core: who is to get which version, and whose
//! requests they serve.

use firedrill_core::Micros;
use firedrill_core::ids::{RegionId, RolloutId, ServiceId};
use firedrill_core::plane::{Command, Issued};
use firedrill_core::rollout::Audience;

use super::fleet::{Cohort, CohortKey, VersionIndex, spread};
use super::propagation::{Transfer, Waiting};
use super::{Purpose, World};

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

impl World<'_> {
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
        for index in self.pools_of(service, region) {
            let pool = &mut self.pools[index];
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
}
