//! Instances, kept as counts: a cohort is the set of instances of a pool that are in the same
//! state and therefore exchangeable.

use std::collections::VecDeque;

use firedrill_core::Micros;
use firedrill_core::ids::{RegionId, ServiceId};
use firedrill_core::rollout::Audience;

use crate::spec::Fleet;

use super::defect::Effect;

/// The number of a version among those of its service: 0 is what runs from the start.
pub(crate) type VersionIndex = u8;

/// Which instances are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CohortKey {
    /// The config version they run.
    pub(crate) version: VersionIndex,
    /// Whose requests they serve.
    pub(crate) serves: Audience,
    /// Whether they sit on hosts that flap.
    pub(crate) flapping: bool,
    /// The push that brought the version: what came together is of the same age.
    pub(crate) batch: u8,
}

/// Set in the batch of instances that have restarted since their push.
const RESTARTED: u8 = 0x80;

impl CohortKey {
    /// Where instances of this cohort go when they restart: their memory is as it was at first.
    pub(crate) const fn restarted(self) -> Self {
        Self {
            batch: self.batch | RESTARTED,
            ..self
        }
    }

    /// A small number that no other cohort of the pool has: the lane of its draws.
    pub(crate) fn lane(self) -> u64 {
        let version = u64::from(self.version) % 8;
        // Pushes are few: the upper half of the numbers is free for those that restarted.
        let restarted = u64::from(self.batch / RESTARTED) * 4;
        let batch = (u64::from(self.batch) + restarted) % 8;
        version << 5
            | batch << 2
            | u64::from(self.serves == Audience::Employees) << 1
            | u64::from(self.flapping)
    }
}

/// Instances of a pool in the same state, by lifecycle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cohort {
    pub(crate) key: CohortKey,
    /// Serving.
    pub(crate) up: u32,
    /// Serving badly: a flapping host in a bad spell.
    pub(crate) in_spell: u32,
    /// On their way to their first request.
    pub(crate) starting: u32,
    /// In a crash loop.
    pub(crate) crashed: u32,
    /// Cut off: alive, but nobody reaches them.
    pub(crate) cut_off: u32,
    /// Crashed in this step; the balancer does not know yet.
    pub(crate) just_crashed: u32,
    /// Crashed in the steps before, newest first, as far back as the balancer may not know yet.
    pub(crate) crashed_before: VecDeque<u32>,
    /// Serving, but left out by the balancer because of their errors, until then.
    pub(crate) ejected: u32,
    pub(crate) ejected_until: Micros,
    /// Requests waiting.
    pub(crate) waiting: f64,
    /// When they took the version, on average.
    pub(crate) loaded_at: Micros,
    /// Memory that leaked, as a share of all of it, on average.
    pub(crate) leaked: f64,
    /// How strong a defect of the version is for them now, in `0..=1`.
    pub(crate) strength: f64,
    /// The strongest that it was: what of it crashed or cut off instances has done so.
    pub(crate) struck: f64,
    /// What the version does to them now; nothing when absent, as for nearly all cohorts.
    pub(crate) effect: Option<Box<Effect>>,
}

impl Cohort {
    pub(crate) fn empty(key: CohortKey) -> Self {
        Self {
            key,
            up: 0,
            in_spell: 0,
            starting: 0,
            crashed: 0,
            cut_off: 0,
            just_crashed: 0,
            crashed_before: VecDeque::new(),
            ejected: 0,
            ejected_until: Micros::ZERO,
            waiting: 0.0,
            loaded_at: Micros::ZERO,
            leaked: 0.0,
            strength: 0.0,
            struck: 0.0,
            effect: None,
        }
    }

    /// What the version does to them now.
    pub(crate) fn effect(&self) -> &Effect {
        const NONE: &Effect = &Effect::NONE;
        self.effect.as_deref().unwrap_or(NONE)
    }

    /// Whether the version does anything to them now.
    pub(crate) fn is_affected(&self) -> bool {
        let effect = self.effect.as_deref();
        effect.is_some_and(|effect| *effect != Effect::NONE)
    }

    /// Changes what the version does to them.
    pub(crate) fn set_effect(&mut self, effect: Effect) {
        match &mut self.effect {
            Some(known) => **known = effect,
            none if effect != Effect::NONE => *none = Some(Box::new(effect)),
            _ => {}
        }
    }

    /// All its instances.
    pub(crate) const fn total(&self) -> u32 {
        self.up + self.in_spell + self.starting + self.crashed + self.cut_off
    }

    /// Takes in instances of another cohort: ages and leaks mix.
    pub(crate) fn absorb(&mut self, other: &Self) {
        let (own, more) = (f64::from(self.total()), f64::from(other.total()));
        let share = if own + more > 0.0 {
            more / (own + more)
        } else {
            0.0
        };
        let mix = |own: f64, other: f64| own + (other - own) * share;
        let age = mix(self.loaded_at.0 as f64, other.loaded_at.0 as f64);
        self.loaded_at = Micros(age as u64);
        self.leaked = mix(self.leaked, other.leaked);
        self.struck = mix(self.struck, other.struck);
        self.up += other.up;
        self.in_spell += other.in_spell;
        self.starting += other.starting;
        self.crashed += other.crashed;
        self.cut_off += other.cut_off;
        self.just_crashed += other.just_crashed;
        let older = other.crashed_before.len().max(self.crashed_before.len());
        self.crashed_before.resize(older, 0);
        for (own, other) in self.crashed_before.iter_mut().zip(&other.crashed_before) {
            *own += other;
        }
        self.waiting += other.waiting;
    }

    /// Those that crashed and that the balancer takes for up, averaged over a step, when it takes
    /// so many steps to learn of a crash.
    pub(crate) fn crashed_and_trusted(&self, lag_steps: f64) -> f64 {
        let crashed = std::iter::once(&self.just_crashed).chain(&self.crashed_before);
        let trusted = |(age, count): (usize, &u32)| {
            f64::from(*count) * (lag_steps - age as f64).clamp(0.0, 1.0)
        };
        crashed.enumerate().map(trusted).sum()
    }

    /// Whether the balancer may not know of all crashes yet.
    pub(crate) fn remembers_crashes(&self) -> bool {
        self.just_crashed > 0 || !self.crashed_before.is_empty()
    }

    /// A step is over.
    pub(crate) fn remember_crashes(&mut self, lag_steps: f64) {
        let just = std::mem::take(&mut self.just_crashed);
        if just > 0 || !self.crashed_before.is_empty() {
            self.crashed_before.push_front(just);
            let known = libm::ceil(lag_steps - 1.0).max(0.0) as usize;
            self.crashed_before.truncate(known);
        }
    }

    /// Those that answer.
    pub(crate) const fn serving(&self) -> u32 {
        self.up + self.in_spell
    }

    /// Those that answer, and that the balancer sends requests to.
    pub(crate) fn balanced(&self) -> u32 {
        self.serving().saturating_sub(self.ejected)
    }
}

/// The instances of one service in one cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pool {
    pub(crate) service: ServiceId,
    pub(crate) region: RegionId,
    /// The hardware class of its cell.
    pub(crate) hardware: u8,
    /// Its instances, whatever happens.
    pub(crate) instances: u32,
    /// Never empty; the order is that of the keys.
    pub(crate) cohorts: Vec<Cohort>,
}

impl Pool {
    /// The cohort with this key, made when there is none.
    pub(crate) fn cohort(&mut self, key: CohortKey) -> &mut Cohort {
        let index = match self.cohorts.binary_search_by_key(&key, |cohort| cohort.key) {
            Ok(index) => index,
            Err(index) => {
                self.cohorts.insert(index, Cohort::empty(key));
                index
            }
        };
        &mut self.cohorts[index]
    }

    /// Whether employees have instances of their own that answer.
    pub(crate) fn has_employees_apart(&self) -> bool {
        self.cohorts
            .iter()
            .any(|cohort| cohort.key.serves == Audience::Employees && cohort.serving() > 0)
    }

    /// Instances on a version, whatever their state.
    pub(crate) fn running(&self, version: VersionIndex) -> u32 {
        let on_version = self
            .cohorts
            .iter()
            .filter(|cohort| cohort.key.version == version);
        on_version.map(Cohort::total).sum()
    }

    /// Instances on a version that nobody reaches.
    pub(crate) fn cut_off(&self, version: VersionIndex) -> u32 {
        let on_version = self
            .cohorts
            .iter()
            .filter(|cohort| cohort.key.version == version);
        on_version.map(|cohort| cohort.cut_off).sum()
    }

    /// Forgets cohorts that nobody is in, and gives their waiting requests to the first that is
    /// left. A pool without instances keeps one empty cohort.
    pub(crate) fn tidy(&mut self) {
        if self.cohorts.iter().all(|cohort| cohort.total() > 0) {
            return;
        }
        let orphaned: f64 = self
            .cohorts
            .iter()
            .filter(|c| c.total() == 0)
            .map(|c| c.waiting)
            .sum();
        if self.instances == 0 {
            self.cohorts.truncate(1);
        } else {
            self.cohorts.retain(|cohort| cohort.total() > 0);
            self.cohorts[0].waiting += orphaned;
        }
    }

    /// Instances are neither made nor lost.
    pub(crate) fn assert_conserved(&self) {
        let found: u32 = self.cohorts.iter().map(Cohort::total).sum();
        assert_eq!(
            found, self.instances,
            "instances of {:?} were made or lost",
            self.service
        );
    }
}

/// A failure domain of a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) region: RegionId,
    /// Its share of the whole fleet's demand.
    pub(crate) demand_share: f64,
}

/// The cells of a fleet, region by region.
pub(crate) fn cells(fleet: &Fleet) -> Vec<Cell> {
    let total: f64 = fleet.regions.iter().map(|region| region.weight).sum();
    let of_region = |(index, region): (usize, &crate::spec::Region)| {
        let cell = Cell {
            region: RegionId(index as u16),
            demand_share: region.weight / total / f64::from(region.cells),
        };
        std::iter::repeat_n(cell, region.cells as usize)
    };
    fleet
        .regions
        .iter()
        .enumerate()
        .flat_map(of_region)
        .collect()
}

/// Spreads `count` over `parts` as evenly as whole numbers allow, the first ones getting more.
pub(crate) fn spread(count: u32, parts: u32) -> impl Iterator<Item = u32> {
    (0..parts).map(move |part| count / parts + u32::from(part < count % parts))
}

/// The pools of a fleet, cell by cell; the pool of service `s` in cell `c` is number
/// `c × services + s`. Every instance runs its service's first version.
pub(crate) fn pools(fleet: &Fleet) -> Vec<Pool> {
    let by_region: Vec<Vec<u32>> = fleet
        .services
        .iter()
        .map(|service| fleet.instances(service))
        .collect();
    let mut pools = Vec::new();
    for (region, spec) in fleet.regions.iter().enumerate() {
        for cell in 0..spec.cells as usize {
            for (index, counts) in by_region.iter().enumerate() {
                let mut shares = spread(counts[region], spec.cells);
                let instances = shares.nth(cell).unwrap_or(0);
                let service = ServiceId(index as u16);
                let key = CohortKey {
                    version: 0,
                    serves: Audience::Public,
                    flapping: false,
                    batch: 0,
                };
                pools.push(Pool {
                    service,
                    region: RegionId(region as u16),
                    hardware: spec.hardware_of(cell),
                    instances,
                    cohorts: vec![Cohort {
                        up: instances,
                        ..Cohort::empty(key)
                    }],
                });
            }
        }
    }
    pools
}

/// The numbers of a service's pools in a region, in ascending order.
pub(crate) fn pool_numbers(
    fleet: &Fleet,
    service: ServiceId,
    region: RegionId,
) -> impl Iterator<Item = usize> + use<> {
    let (before, from_here) = fleet.regions.split_at(region.index());
    let first: usize = before.iter().map(|region| region.cells as usize).sum();
    let cells = first..first + from_here[0].cells as usize;
    let services = fleet.services.len();
    cells.map(move |cell| cell * services + service.index())
}

#[cfg(test)]
mod tests {
    use firedrill_core::Micros;

    use super::*;

    /// However long a step is, a crash is unknown to the balancer for the same time.
    #[test]
    fn a_crash_is_noticed_after_the_same_time_whatever_the_step() {
        for step_s in [0.5, 1.0, 2.0, 4.0, 5.0, 10.0] {
            let lag_steps = 5.0 / step_s;
            let mut cohort = Cohort::empty(CohortKey {
                version: 0,
                serves: Audience::Public,
                flapping: false,
                batch: 0,
            });
            cohort.just_crashed = 3;
            let mut trusted_s = 0.0;
            for _ in 0..20 {
                trusted_s += cohort.crashed_and_trusted(lag_steps) * step_s;
                cohort.remember_crashes(lag_steps);
            }
            assert!((trusted_s - 15.0).abs() < 1e-9, "{step_s}: {trusted_s}");
        }
    }
    use crate::spec::{Golden, LogNormal, Region, Service};

    fn fleet(cells: &[u32], services: u16) -> Fleet {
        let golden = Golden {
            idle: 0.0,
            slope: 1.0,
        };
        let service = Service {
            queue_order: crate::spec::Order::Fifo,
            drops_expired: false,
            shed_to: None,
            ejection: None,
            name: "service".into(),
            instances: 100,
            workers: 1,
            service_time: LogNormal {
                median: Micros::from_millis(1),
                sigma: 0.0,
            },
            error_share: 0.0,
            timeout: Micros::from_secs(1),
            queue_max: 1,
            start_up: Micros::ZERO,
            cpu: golden,
            memory: golden,
            network: golden,
            disk: golden,
        };
        let region = |cells: &u32| Region {
            hardware: vec![],
            name: "region".into(),
            utc_offset_s: 0,
            cells: *cells,
            weight: 1.0,
        };
        Fleet {
            edges: vec![],
            regions: cells.iter().map(region).collect(),
            services: vec![service; usize::from(services)],
            classes: vec![],
        }
    }

    #[test]
    fn pool_numbers_are_those_of_the_pools() {
        let fleet = fleet(&[3, 1, 4], 3);
        let pools = pools(&fleet);
        for service in (0..3).map(ServiceId) {
            for region in (0..3).map(RegionId) {
                let own = |number: &usize| {
                    pools[*number].service == service && pools[*number].region == region
                };
                let scanned: Vec<usize> = (0..pools.len()).filter(own).collect();
                let numbers: Vec<usize> = pool_numbers(&fleet, service, region).collect();
                assert_eq!(numbers, scanned);
            }
        }
    }
}
