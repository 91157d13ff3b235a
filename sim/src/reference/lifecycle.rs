//! What befalls each instance: it takes a version, crashes, is cut off, runs out of memory,
//! starts.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;

use crate::log::WorldEvent;
use crate::spec::Onset;
use crate::world::defect::{Effect, Moment, strength};
use crate::world::demand::{EMPLOYEES, PUBLIC};

use super::instance::{Instance, Life, memory};
use super::{Happening, InstanceWorld, Place};

/// The balancer goes on sending requests to an instance that went down for this long.
const HEALTH_CHECK_LAG: Micros = Micros::from_secs(5);

impl InstanceWorld<'_> {
    /// Config reaches an instance.
    pub(super) fn deliver(&mut self, now: Micros, pool: u32, index: u32, number: u64) {
        let instance = &mut self.pools[pool as usize].instances[index as usize];
        let mut parcels = instance.parcels.iter();
        let Some(position) = parcels.position(|parcel| parcel.number == number) else {
            return; // taken back
        };
        let parcel = instance.parcels[position];
        if instance.life == Life::CutOff && parcel.from.is_some() && !parcel.by_hand {
            // It was cut off meanwhile: somebody has to go there.
            instance.parcels[position].by_hand = true;
            instance.parcels[position].unreachable = true;
            if let Some(repair) = self.scenario.propagation.repair {
                let at = (parcel.started + self.dice.log_normal(repair)).max(now);
                let delivered = Happening::Delivered {
                    pool,
                    instance: index,
                    parcel: number,
                };
                self.happenings.push(at, delivered);
            }
            return;
        }
        instance.parcels.remove(position);
        if parcel.from.is_some_and(|from| from != instance.version) {
            return;
        }
        instance.version = parcel.to;
        instance.employees = parcel.employees;
        instance.loaded_at = now;
        instance.strength = 0.0;
        instance.effect = Effect::NONE;
        instance.crashes_above = self.dice.uniform();
        instance.cut_off_above = self.dice.uniform();
        if matches!(instance.life, Life::Crashed | Life::CutOff) {
            self.start(now, pool, index);
        }
        let (service, region) = {
            let pool = &self.pools[pool as usize];
            (pool.service, pool.region)
        };
        let version = &mut self.versions[service.index()][parcel.to];
        let (in_all, in_step) = &mut version.got_it[region.index()];
        *in_all += 1;
        *in_step += 1;
        version.ever += u32::from(parcel.from.is_none());
        let onset = version.defect.as_ref().map(|defect| defect.onset);
        self.troubled |= onset.is_some();
        let restarts_at = match onset {
            Some(Onset::NextRestart(mean)) => now + self.dice.exponential(mean),
            Some(Onset::AtLoad | Onset::Delayed(_) | Onset::Ramp(_)) | None => now,
        };
        self.pools[pool as usize].instances[index as usize].restarts_at = restarts_at;
        self.afflict(now, pool, index);
        self.reroute(now, pool);
    }

    /// Defects come and go with time and load.
    pub(super) fn afflict_all(&mut self, now: Micros) {
        if !self.troubled {
            return;
        }
        for pool in 0..self.pools.len() as u32 {
            for index in 0..self.pools[pool as usize].instances.len() as u32 {
                self.afflict(now, pool, index);
            }
            self.reroute(now, pool);
        }
    }

    /// Brings the defect of an instance's version up to date and lets it strike.
    fn afflict(&mut self, now: Micros, pool: u32, index: u32) {
        let (service, region, hardware) = {
            let pool = &self.pools[pool as usize];
            (pool.service, pool.region, pool.hardware)
        };
        let instance = &mut self.pools[pool as usize].instances[index as usize];
        let version = &self.versions[service.index()][instance.version];
        let Some(defect) = &version.defect else {
            return;
        };
        let offset_s = self.scenario.fleet.regions[region.index()].utc_offset_s;
        let utc_s = (self.scenario.demand.start + now).as_secs_f64();
        let local_s = (utc_s + offset_s as f64).rem_euclid(86_400.0);
        let moment = Moment {
            region,
            local: Micros((local_s * 1e6) as u64),
            utilisation: instance.utilisation,
            hardware,
            loaded_for: now - instance.loaded_at,
        };
        // An instance has restarted or it has not: a share of one there is not.
        let onset = match defect.onset {
            Onset::NextRestart(_) => Onset::AtLoad,
            other @ (Onset::AtLoad | Onset::Delayed(_) | Onset::Ramp(_)) => other,
        };
        instance.strength = if now >= instance.restarts_at {
            strength(onset, &defect.triggers, &moment)
        } else {
            0.0
        };
        instance.effect = version.effect.at(instance.strength);
        if matches!(instance.life, Life::Up | Life::Starting) {
            if instance.effect.crash_share > instance.crashes_above {
                instance.crashed_at = now;
                self.go_down(now, pool, index, Life::Crashed);
            } else if instance.effect.cut_off_share > instance.cut_off_above {
                self.go_down(now, pool, index, Life::CutOff);
            }
        }
    }

    /// Some of an instance's memory is gone for good; it is killed when too much is.
    pub(super) fn leak(&mut self, now: Micros, pool: u32, index: u32, lost: f64) {
        let instance = &mut self.pools[pool as usize].instances[index as usize];
        instance.leaked += lost;
        if instance.leaked > instance.memory {
            instance.leaked = 0.0;
            instance.memory = memory(&mut self.dice);
            self.go_down(now, pool, index, Life::Starting);
            self.start(now, pool, index);
            self.reroute(now, pool);
        }
    }

    /// An instance stops serving; what it had in hand is lost.
    fn go_down(&mut self, now: Micros, pool: u32, index: u32, life: Life) {
        let instance = &mut self.pools[pool as usize].instances[index as usize];
        instance.life = life;
        instance.downs += 1;
        instance.busy = 0;
        instance.noticed_at = now + HEALTH_CHECK_LAG;
        let mut lost = std::mem::take(&mut instance.serving);
        lost.extend(std::mem::take(&mut instance.waiting));
        for attempt in lost {
            self.lose(now, attempt);
        }
        let noticed = Happening::Noticed { pool };
        self.happenings.push(now + HEALTH_CHECK_LAG, noticed);
    }

    fn start(&mut self, now: Micros, pool: u32, index: u32) {
        let service = self.pools[pool as usize].service;
        let mean = self.scenario.fleet.services[service.index()].start_up;
        let after = self.dice.exponential(mean);
        let instance = &mut self.pools[pool as usize].instances[index as usize];
        instance.life = Life::Starting;
        let at = Place::of(pool, index, instance);
        self.happenings.push(now + after, Happening::Started { at });
    }

    pub(super) fn started(&mut self, now: Micros, at: Place) {
        let Some(instance) = self.still(at) else {
            return;
        };
        instance.life = Life::Up;
        self.reroute(now, at.pool);
    }

    pub(super) fn turn_spell(&mut self, now: Micros, pool: u32, index: u32) {
        let Some(flapping) = &self.scenario.noise.flapping else {
            return;
        };
        let instance = &mut self.pools[pool as usize].instances[index as usize];
        instance.in_spell = !instance.in_spell;
        let mean = if instance.in_spell {
            flapping.bad_mean
        } else {
            flapping.good_mean
        };
        let turned = Happening::SpellTurned {
            pool,
            instance: index,
        };
        self.happenings
            .push(now + self.dice.exponential(mean), turned);
    }

    /// The balancer looks at a pool's instances anew. Employees have instances of their own where
    /// some of these serve.
    pub(super) fn reroute(&mut self, now: Micros, pool: u32) {
        let pool = &mut self.pools[pool as usize];
        let pick = |wanted: &dyn Fn(&Instance) -> bool| -> Vec<u32> {
            let indices = 0..pool.instances.len() as u32;
            indices
                .filter(|index| wanted(&pool.instances[*index as usize]))
                .collect()
        };
        let own = pick(&|instance| instance.is_up() && instance.employees);
        let public = pick(&|instance| {
            let serves = instance.is_up() && !instance.employees;
            serves || instance.is_dead_and_trusted(now)
        });
        pool.routes[EMPLOYEES] = if own.is_empty() { public.clone() } else { own };
        pool.routes[PUBLIC] = public;
        let hurt = |instance: &Instance| {
            let gone = matches!(instance.life, Life::Crashed | Life::CutOff);
            gone || instance.effect != Effect::NONE
        };
        pool.disturbed =
            self.troubled && (pool.capacity_factor > 1.0 || pool.instances.iter().any(hurt));
    }

    /// What defective callers take from the services that they call.
    pub(super) fn weigh_quotas(&mut self) {
        if !self.troubled {
            return;
        }
        for victim in 0..self.pools.len() {
            let (cell, service) = (self.pools[victim].cell, self.pools[victim].service);
            let callers = self.pools.iter().filter(|caller| caller.cell == cell);
            let weight = |(sum, caller): (f64, &super::instance::Pool)| {
                let up = || caller.instances.iter().filter(|instance| instance.is_up());
                let taken = up().filter_map(|instance| {
                    let downstream = instance.effect.downstream?;
                    let hit = downstream.service == service;
                    hit.then_some((downstream.capacity_factor - 1.0) * instance.strength)
                });
                sum + taken.sum::<f64>() / (up().count().max(1) as f64)
            };
            let factor = callers.fold(1.0, |sum, caller| weight((sum, caller)));
            self.pools[victim].capacity_factor = factor;
        }
    }

    /// Defective versions that reached their first instances of a region in this step.
    pub(super) fn news_of_defects(&mut self) -> Vec<WorldEvent> {
        let mut events = Vec::new();
        for version in self.versions.iter_mut().flatten() {
            for (region, (in_all, in_step)) in version.got_it.iter_mut().enumerate() {
                let instances = std::mem::take(in_step);
                let first = instances > 0 && instances == *in_all;
                if let (true, Some(_), Some(rollout)) = (first, &version.defect, version.rollout) {
                    events.push(WorldEvent::DefectActive {
                        rollout,
                        region: firedrill_core::ids::RegionId(region as u16),
                        instances,
                    });
                }
            }
        }
        events
    }

    /// Versions of which nothing is left.
    pub(super) fn find_clean(&mut self) -> Vec<WorldEvent> {
        let mut events = Vec::new();
        for (rollout, service, version) in self.rollouts() {
            let spec = &self.versions[service.index()][version];
            if !spec.gone && spec.ever > 0 && self.is_clean(service, version) {
                self.versions[service.index()][version].gone = true;
                events.push(WorldEvent::FleetClean { rollout });
            }
        }
        events
    }

    /// Whether no instance of a service runs a version or waits for it, all of them serve, and no
    /// more requests wait than would on an ordinary day: not one for each instance.
    fn is_clean(&self, service: ServiceId, version: usize) -> bool {
        self.pools_of(service, None).into_iter().all(|pool| {
            let instances = &self.pools[pool as usize].instances;
            let waiting: usize = instances.iter().map(|one| one.waiting.len()).sum();
            let settled = |instance: &Instance| {
                let coming = instance.parcels.iter().any(|parcel| parcel.to == version);
                instance.version != version && !coming && instance.is_up()
            };
            waiting <= instances.len() && instances.iter().all(settled)
        })
    }
}
