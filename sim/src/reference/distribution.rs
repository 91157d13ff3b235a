//! How config gets to each instance: a delay of its own, drawn when distribution takes the
//! command, that stands still while the instance's cell is cut off.

use firedrill_core::Micros;
use firedrill_core::config::{Document, VersionId};
use firedrill_core::ids::{CommandId, RegionId, RolloutId, ServiceId};
use firedrill_core::plane::{Command, Issued};
use firedrill_core::rollout::{Audience, ExposureReport};

use crate::spec::{Defect, Reach};
use crate::world::ExposureNews;

use super::instance::{Life, Parcel};
use super::{Happening, InstanceWorld, Version};

impl InstanceWorld<'_> {
    pub(super) fn note_version(
        &mut self,
        id: VersionId,
        service: ServiceId,
        defect: Option<Defect>,
        document: &Document,
    ) {
        let regions = self.scenario.fleet.regions.len();
        let versions = &mut self.versions[service.index()];
        if versions.iter().all(|version| version.id != id) {
            versions.push(Version::new(id, defect, document, regions));
        }
    }

    pub(super) fn note_rollout(&mut self, rollout: RolloutId, id: VersionId) {
        let (service, version) = self.find(id);
        self.versions[service.index()][version].rollout = Some(rollout);
    }

    /// Distribution takes a command over.
    pub(super) fn take(&mut self, now: Micros, issued: &Issued) {
        match &issued.command {
            Command::Push {
                rollout,
                version,
                region,
                instances,
                audience,
                placement,
                set_apart,
                ..
            } => {
                assert!(
                    audience.is_live() && placement.is_spread() && *set_apart == 0,
                    "the reference world knows live canaries that are spread, and no groups"
                );
                self.acknowledge(*rollout, issued.id);
                let employees = *audience == Audience::Employees;
                let (service, to) = self.find(*version);
                self.address(now, service, *region, to, employees);
                let parcel = Parcel {
                    number: 0,
                    to,
                    from: None,
                    employees,
                    started: now,
                    unreachable: false,
                    by_hand: false,
                };
                self.push(service, *region, *instances, parcel);
            }
            Command::RollBack {
                rollout, from, to, ..
            } => {
                self.acknowledge(*rollout, issued.id);
                let (service, from) = self.find(*from);
                let (_, to) = self.find(*to);
                let parcel = Parcel {
                    number: 0,
                    to,
                    from: Some(from),
                    employees: false,
                    started: now,
                    unreachable: false,
                    by_hand: false,
                };
                self.roll_back(service, parcel);
            }
            // It has no tools: what is ordered of them is not taken in time.
            Command::Act { .. } | Command::Page { .. } => {}
        }
    }

    /// Whose requests the instances of a version serve from now on.
    fn address(
        &mut self,
        now: Micros,
        service: ServiceId,
        region: RegionId,
        version: usize,
        employees: bool,
    ) {
        for pool in self.pools_of(service, Some(region)) {
            for instance in &mut self.pools[pool as usize].instances {
                if instance.version == version {
                    instance.employees = employees;
                }
                let here = instance.parcels.iter_mut();
                for parcel in here.filter(|parcel| parcel.to == version) {
                    parcel.employees = employees;
                }
            }
            self.reroute(now, pool);
        }
    }

    /// Sends a version to instances that do not have it, picked at random, until so many of a
    /// region have it or wait for it.
    fn push(&mut self, service: ServiceId, region: RegionId, wanted: u32, parcel: Parcel) {
        let pools = self.pools_of(service, Some(region));
        let (share, more) = (wanted as usize / pools.len(), wanted as usize % pools.len());
        for (position, pool) in pools.into_iter().enumerate() {
            let wanted = share + usize::from(position < more);
            let instances = &self.pools[pool as usize].instances;
            let mut without: Vec<u32> = (0..instances.len() as u32)
                .filter(|index| {
                    let instance = &instances[*index as usize];
                    let waits = instance.parcels.iter().any(|other| other.to == parcel.to);
                    instance.version != parcel.to && !waits
                })
                .collect();
            let have = instances.len() - without.len();
            for _ in have..wanted.min(instances.len()) {
                let picked = without.swap_remove(self.dice.one_of(without.len()));
                self.send(pool, picked, parcel);
            }
        }
    }

    /// Sends every instance on a version back, unless it already goes.
    fn roll_back(&mut self, service: ServiceId, parcel: Parcel) {
        for pool in self.pools_of(service, None) {
            for index in 0..self.pools[pool as usize].instances.len() as u32 {
                let instance = &mut self.pools[pool as usize].instances[index as usize];
                let leaves = parcel.from == Some(instance.version);
                let goes = instance.parcels.iter().any(|old| old.from == parcel.from);
                instance.parcels.retain(|old| Some(old.to) != parcel.from);
                if leaves && !goes {
                    self.send(pool, index, parcel);
                }
            }
        }
    }

    /// Sends a version on its way to one instance.
    fn send(&mut self, pool: u32, index: u32, parcel: Parcel) {
        let spec = &self.scenario.propagation;
        let instance = &self.pools[pool as usize].instances[index as usize];
        let back = spec.rollback_base.filter(|_| parcel.from.is_some());
        let ready = parcel.started + back.unwrap_or(spec.base);
        let (mut unreachable, mut arrives) = (false, None);
        let by_hand = instance.life == Life::CutOff && parcel.from.is_some();
        if by_hand {
            unreachable = true;
            let repair = spec.repair.map(|repair| self.dice.log_normal(repair));
            arrives = repair.map(|after| parcel.started + after);
        } else {
            let slowdown = if parcel.from.is_some() {
                instance.effect.distribution_factor
            } else {
                1.0
            };
            unreachable |= self.dice.chance(spec.straggler_share);
            let delay = if unreachable {
                spec.straggler
            } else {
                spec.body
            };
            let delay = self.dice.log_normal(delay).0 as f64 * slowdown;
            arrives = self.open_for(pool, ready, Micros(delay as u64)).or(arrives);
        }
        self.parcels += 1;
        let parcel = Parcel {
            number: self.parcels,
            unreachable,
            by_hand,
            ..parcel
        };
        self.pools[pool as usize].instances[index as usize]
            .parcels
            .push(parcel);
        if let Some(at) = arrives {
            let delivered = Happening::Delivered {
                pool,
                instance: index,
                parcel: parcel.number,
            };
            self.happenings.push(at, delivered);
        }
    }

    /// When a pool has been connected for `delay` since `from`.
    fn open_for(&self, pool: u32, from: Micros, delay: Micros) -> Option<Micros> {
        let mut at = from;
        let mut left = delay;
        let mut cuts = self.cuts(pool);
        cuts.sort_unstable();
        for (begin, end) in cuts {
            if end <= at {
                continue;
            }
            if begin > at {
                let open = begin - at;
                if left <= open {
                    return Some(at + left);
                }
                left = left - open;
            }
            at = end;
        }
        Some(at + left)
    }

    /// When a pool is cut off from distribution.
    fn cuts(&self, pool: u32) -> Vec<(Micros, Micros)> {
        let pool = &self.pools[pool as usize];
        let regions = &self.scenario.fleet.regions[..pool.region.index()];
        let before: u32 = regions.iter().map(|region| region.cells).sum();
        let partitions = self.scenario.propagation.partitions.iter();
        let hits = partitions.filter(|partition| match partition.reach {
            Reach::Region { region } => region == pool.region,
            Reach::Cell { region, cell } => region == pool.region && before + cell == pool.cell,
        });
        hits.map(|cut| (cut.at, cut.at + cut.duration)).collect()
    }

    /// Every version that a rollout brings.
    pub(super) fn rollouts(&self) -> Vec<(RolloutId, ServiceId, usize)> {
        let mut found = Vec::new();
        for (service, versions) in self.versions.iter().enumerate() {
            for (index, version) in versions.iter().enumerate() {
                if let Some(rollout) = version.rollout {
                    found.push((rollout, ServiceId(service as u16), index));
                }
            }
        }
        found
    }

    /// How many instances of each region run the candidate of each rollout.
    pub(super) fn all_exposures(&self) -> Vec<(RolloutId, RegionId, ExposureReport)> {
        let mut exposures = Vec::new();
        for (rollout, service, version) in self.rollouts() {
            for region in 0..self.scenario.fleet.regions.len() {
                let region = RegionId(region as u16);
                let mut report = ExposureReport::default();
                for pool in self.pools_of(service, Some(region)) {
                    let cuts = self.cuts(pool);
                    let now = self.now;
                    let cut_since = |since: Micros| {
                        cuts.iter().any(|(begin, end)| *begin < now && since < *end)
                    };
                    let is_cut = cuts.iter().any(|(begin, end)| *begin <= now && now < *end);
                    for instance in &self.pools[pool as usize].instances {
                        if instance.version != version {
                            continue;
                        }
                        let mut leaving = instance.parcels.iter();
                        let unreachable = leaving.any(|parcel| {
                            let leaves = parcel.from == Some(version);
                            leaves && (parcel.unreachable || cut_since(parcel.started))
                        });
                        report.running += 1;
                        report.unreachable += u32::from(is_cut || unreachable);
                    }
                }
                exposures.push((rollout, region, report));
            }
        }
        exposures
    }

    pub(super) fn news(&mut self) -> Vec<ExposureNews> {
        let mut news = Vec::new();
        for (rollout, region, report) in self.all_exposures() {
            let acknowledged = self.acknowledged.get(&rollout).copied();
            let current = (report, acknowledged);
            if self.reported.insert((rollout, region), current) != Some(current) {
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

    fn acknowledge(&mut self, rollout: RolloutId, command: CommandId) {
        let newest = self.acknowledged.entry(rollout).or_insert(command);
        *newest = command.max(*newest);
    }

    /// The pools of a service, of one region or of all.
    pub(super) fn pools_of(&self, service: ServiceId, region: Option<RegionId>) -> Vec<u32> {
        let wanted = |index: &u32| {
            let pool = &self.pools[*index as usize];
            pool.service == service && region.is_none_or(|region| pool.region == region)
        };
        (0..self.pools.len() as u32).filter(wanted).collect()
    }

    fn find(&self, id: VersionId) -> (ServiceId, usize) {
        let services = self.versions.iter().enumerate();
        let found = services.into_iter().find_map(|(service, versions)| {
            let index = versions.iter().position(|version| version.id == id)?;
            Some((ServiceId(service as u16), index))
        });
        found.expect("commands name versions that were proposed")
    }
}
