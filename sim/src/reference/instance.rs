//! Instances, one by one.

use std::collections::VecDeque;

use firedrill_core::Micros;
use firedrill_core::ids::{RegionId, ServiceId};

use crate::engine::EventQueue;
use crate::random::gamma;
use crate::spec::{Heterogeneity, Scenario, Service};
use crate::world::defect::Effect;
use crate::world::demand::AUDIENCES;

use super::dice::Dice;
use super::{Happening, Place};

/// Instances differ in how much memory they can lose: the standard deviation of the logarithm.
const LEAK_SPREAD: f64 = 0.15;

/// How an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It serves.
    Up,
    /// It is on its way to its first request.
    Starting,
    /// It crashes whenever it starts.
    Crashed,
    /// It is alive, but nobody reaches it.
    CutOff,
}

/// A version on its way to an instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parcel {
    pub(super) number: u64,
    /// The version.
    pub(super) to: usize,
    /// Only taken by an instance on this version, when given.
    pub(super) from: Option<usize>,
    pub(super) employees: bool,
    /// When distribution took the command.
    pub(super) started: Micros,
    /// Distribution cannot reach the instance until it has the version.
    pub(super) unreachable: bool,
    /// Somebody goes there with it.
    pub(super) by_hand: bool,
}

/// An instance.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) version: usize,
    /// Whether it serves employees only.
    pub(super) employees: bool,
    pub(super) life: Life,
    /// How often it went down.
    pub(super) downs: u32,
    /// Since when it is in a crash loop.
    pub(super) crashed_at: Micros,
    /// Until when the balancer takes it for up although it is not.
    pub(super) noticed_at: Micros,
    /// When it took its version.
    pub(super) loaded_at: Micros,
    /// When it next restarts for reasons of its own, after it took its version.
    pub(super) restarts_at: Micros,
    /// It crashes when the probability of a crash is above this; the same for being cut off.
    pub(super) crashes_above: f64,
    pub(super) cut_off_above: f64,
    /// What the version does to it now, and how strongly.
    pub(super) effect: Effect,
    pub(super) strength: f64,
    /// Memory that leaked, and how much it can lose.
    pub(super) leaked: f64,
    pub(super) memory: f64,
    /// Versions on their way to it.
    pub(super) parcels: Vec<Parcel>,
    /// The share of requests that fail for reasons of its own.
    pub(super) error_share: f64,
    /// Its service times are multiplied by this.
    pub(super) slowness: f64,
    /// Whether it is on a flapping host in a bad spell.
    pub(super) in_spell: bool,
    /// Workers at work.
    pub(super) busy: u32,
    /// Attempts being served.
    pub(super) serving: Vec<u32>,
    /// Attempts that wait, in the order in which they came.
    pub(super) waiting: VecDeque<u32>,
    /// Work taken on in this step, in microseconds of a worker.
    pub(super) worked_us: f64,
    /// How busy it was in the last step.
    pub(super) utilisation: f64,
}

impl Instance {
    fn new(service: &Service, hosts: Option<&Heterogeneity>, dice: &mut Dice) -> Self {
        let mut instance = Self {
            version: 0,
            employees: false,
            life: Life::Up,
            downs: 0,
            crashed_at: Micros::ZERO,
            noticed_at: Micros::ZERO,
            loaded_at: Micros::ZERO,
            restarts_at: Micros::MAX,
            crashes_above: 1.0,
            cut_off_above: 1.0,
            effect: Effect::NONE,
            strength: 0.0,
            leaked: 0.0,
            memory: memory(dice),
            parcels: Vec::new(),
            error_share: service.error_share,
            slowness: 1.0,
            in_spell: false,
            busy: 0,
            serving: Vec::new(),
            waiting: VecDeque::new(),
            worked_us: 0.0,
            utilisation: 0.0,
        };
        if let Some(hosts) = hosts {
            let sigma = hosts.latency_sigma;
            instance.slowness = libm::exp(sigma * dice.normal() - 0.5 * sigma * sigma);
            let mean = service.error_share;
            let spread = hosts.error_sigma * mean;
            if spread > 0.0 && mean < 1.0 {
                let concentration = (mean * (1.0 - mean) / (spread * spread) - 1.0).max(1e-3);
                let bad = gamma(dice.uniform(), mean * concentration);
                let good = gamma(dice.uniform(), (1.0 - mean) * concentration);
                instance.error_share = bad / (bad + good).max(f64::MIN_POSITIVE);
            }
        }
        instance
    }

    /// Whether it answers.
    pub(super) fn is_up(&self) -> bool {
        self.life == Life::Up
    }

    /// Whether the balancer sends it requests that nobody answers.
    pub(super) fn is_dead_and_trusted(&self, now: Micros) -> bool {
        !self.is_up() && now < self.noticed_at
    }
}

/// How much memory an instance can lose.
pub(super) fn memory(dice: &mut Dice) -> f64 {
    libm::exp(LEAK_SPREAD * dice.normal())
}

/// The instances of one service in one cell.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) service: ServiceId,
    pub(super) region: RegionId,
    pub(super) cell: u32,
    pub(super) hardware: u8,
    pub(super) instances: Vec<Instance>,
    /// By audience: those that the balancer sends requests to.
    pub(super) routes: [Vec<u32>; AUDIENCES],
    /// What others do to it: its capacity is divided by this.
    pub(super) capacity_factor: f64,
    /// Whether a defect is to blame for what goes wrong here.
    pub(super) disturbed: bool,
}

/// The pools of a fleet, cell by cell.
pub(super) fn pools(
    scenario: &Scenario,
    dice: &mut Dice,
    happenings: &mut EventQueue<Happening>,
) -> Vec<Pool> {
    let fleet = &scenario.fleet;
    let hosts = scenario.noise.heterogeneity.as_ref();
    let mut pools = Vec::new();
    let mut cell_number = 0;
    for (region, spec) in fleet.regions.iter().enumerate() {
        for cell in 0..spec.cells {
            for (index, service) in fleet.services.iter().enumerate() {
                let here = fleet.instances(service)[region];
                let extra = u32::from(cell < here % spec.cells);
                let count = here / spec.cells + extra;
                let mut pool = Pool {
                    service: ServiceId(index as u16),
                    region: RegionId(region as u16),
                    cell: cell_number,
                    hardware: spec.hardware_of(cell as usize),
                    instances: (0..count)
                        .map(|_| Instance::new(service, hosts, dice))
                        .collect(),
                    routes: [(0..count).collect(), (0..count).collect()],
                    capacity_factor: 1.0,
                    disturbed: false,
                };
                start_flapping(scenario, pools.len() as u32, &mut pool, dice, happenings);
                pools.push(pool);
            }
            cell_number += 1;
        }
    }
    pools
}

/// A share of the instances sits on hosts that flap; they start in the mix of good and bad that
/// they settle in.
fn start_flapping(
    scenario: &Scenario,
    number: u32,
    pool: &mut Pool,
    dice: &mut Dice,
    happenings: &mut EventQueue<Happening>,
) {
    let Some(flapping) = &scenario.noise.flapping else {
        return;
    };
    let (good, bad) = (flapping.good_mean, flapping.bad_mean);
    for (index, instance) in pool.instances.iter_mut().enumerate() {
        if dice.chance(flapping.share) {
            instance.in_spell = dice.chance(bad.0 as f64 / (bad.0 + good.0) as f64);
            let mean = if instance.in_spell { bad } else { good };
            let turned = Happening::SpellTurned {
                pool: number,
                instance: index as u32,
            };
            happenings.push(dice.exponential(mean), turned);
        }
    }
}

impl Place {
    /// Where an instance is now.
    pub(super) fn of(pool: u32, index: u32, instance: &Instance) -> Self {
        Self {
            pool,
            instance: index,
            life: instance.downs,
        }
    }
}
