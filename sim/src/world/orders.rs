//! What distribution does with the orders of the core: who is to get which version, and whose
//! requests they serve.

use firedrill_core::Micros;
use firedrill_core::ids::{RegionId, RolloutId, ServiceId};
use firedrill_core::plane::{Command, Issued};
use firedrill_core::rollout::{Audience, Placement};

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
    serves: Audience,
    batch: u8,
}

/// Instances of a pool that are to get a version.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    pool: usize,
    reachable: u32,
    cut_off: u32,
}

/// What each may have of `more` when each misses so many, as evenly as it can be: the one that
/// misses the most goes without first.
fn at_most(more: u32, missing: &[u32]) -> Vec<u32> {
    let mut given = missing.to_vec();
    let mut over = missing.iter().sum::<u32>().saturating_sub(more);
    while over > 0 {
        let most = given.iter().copied().max().unwrap_or(0);
        let next = given
            .iter()
            .copied()
            .filter(|n| *n < most)
            .max()
            .unwrap_or(0);
        let top: Vec<usize> = (0..given.len()).filter(|i| given[*i] == most).collect();
        let level = (most - next).min(over.div_ceil(top.len() as u32));
        for index in top {
            let less = level.min(over);
            given[index] -= less;
            over -= less;
        }
    }
    given
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
                placement,
                audience,
                set_apart,
                ..
            } => {
                self.acknowledge(*rollout, issued.id);
                let serves = *audience;
                let (service, to) = self.find(*version);
                self.set_audience(service, *region, to, serves);
                self.set_control_group((service, to), *region, *set_apart);
                let batch = self.versions[service.index()][usize::from(to)].next_batch(now);
                let bring = Bring {
                    rollout: *rollout,
                    service,
                    to,
                    from: None,
                    serves,
                    batch,
                };
                self.push(now, bring, *region, (*instances, *placement));
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
                    serves: Audience::Public,
                    batch: 0,
                };
                self.roll_back(now, bring);
            }
            Command::Act { action, order } => self.take_order(now, *action, order),
            Command::Page { .. } => {}
        }
    }

    /// The balancer changes whose requests the instances of a version serve.
    fn set_audience(
        &mut self,
        service: ServiceId,
        region: RegionId,
        version: VersionIndex,
        serves: Audience,
    ) {
        let here = |of: ServiceId, at: RegionId| of == service && at == region;
        for transfer in &mut self.transfers {
            if transfer.to == version && here(transfer.service, transfer.region) {
                transfer.serves = serves;
            }
        }
        for index in self.pools_of(service, region) {
            let pool = &mut self.pools[index];
            let moves =
                |cohort: &Cohort| cohort.key.version == version && cohort.key.serves != serves;
            while let Some(index) = pool.cohorts.iter().position(moves) {
                let old = pool.cohorts.remove(index);
                pool.cohort(CohortKey { serves, ..old.key }).absorb(&old);
            }
        }
    }

    fn push(
        &mut self,
        now: Micros,
        bring: Bring,
        region: RegionId,
        (instances, placement): (u32, Placement),
    ) {
        let pools: Vec<usize> = self.pools_of(bring.service, region).collect();
        let shares = match placement {
            Placement::Spread => spread(instances, pools.len() as u32).collect(),
            Placement::Cells => self.whole_cells(&pools, instances),
        };
        let on_the_way = |pool: usize| -> u32 {
            let same =
                |transfer: &&Transfer| transfer.service == bring.service && transfer.to == bring.to;
            let waiting = self.transfers.iter().filter(same);
            let waiting = waiting.flat_map(|transfer| &transfer.waiting);
            waiting.filter(|w| w.pool == pool).map(Waiting::total).sum()
        };
        let have = |pool: &usize| self.pools[*pool].running(bring.to) + on_the_way(*pool);
        let have: Vec<u32> = pools.iter().map(have).collect();
        let missing = pools.iter().zip(shares).zip(&have);
        let missing: Vec<u32> = missing
            .map(|((pool, share), has)| share.min(self.pools[*pool].instances).saturating_sub(*has))
            .collect();
        // Where an earlier stage went elsewhere, some pools have more than their share already.
        let more = instances.saturating_sub(have.iter().sum());
        let wanted: Vec<Wanted> = pools
            .iter()
            .zip(at_most(more, &missing))
            .map(|(pool, reachable)| Wanted {
                pool: *pool,
                reachable,
                cut_off: 0,
            })
            .collect();
        self.transfer(now, bring, region, &wanted);
    }

    /// Fills one pool after the other.
    fn whole_cells(&self, pools: &[usize], instances: u32) -> Vec<u32> {
        let mut left = instances;
        let fill = |pool: &usize| {
            let share = left.min(self.pools[*pool].instances);
            left -= share;
            share
        };
        pools.iter().map(fill).collect()
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
            serves,
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
                serves,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_cut_from_the_top() {
        assert_eq!(at_most(10, &[4, 6]), [4, 6]);
        assert_eq!(at_most(5, &[0, 9]), [0, 5]);
        assert_eq!(at_most(7, &[2, 9, 4]), [2, 2, 3]);
        assert_eq!(at_most(0, &[1, 2]), [0, 0]);
    }
}
