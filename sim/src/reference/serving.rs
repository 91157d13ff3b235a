//! What an instance does with the attempts that come to it: a queue of them, workers, and clients
//! that give up.

use firedrill_core::Micros;

use crate::spec::Order;

use super::instance::{Instance, Life};
use super::requests::{Attempt, State};
use super::{Happening, InstanceWorld, Place};

impl InstanceWorld<'_> {
    /// An attempt comes to an instance, if there is one.
    pub(super) fn knock(&mut self, now: Micros, number: u32, found: bool) {
        let Attempt {
            pool,
            instance: index,
            timeout,
            ..
        } = self.attempts[number as usize];
        let service = self.pools[pool as usize].service;
        let spec = &self.scenario.fleet.services[service.index()];
        let gone = |instance: &Instance| matches!(instance.life, Life::Crashed | Life::CutOff);
        if !found {
            let harmed = self.pools[pool as usize].instances.iter().any(gone);
            self.fail(now, number, harmed);
            return;
        }
        let disturbed = self.pools[pool as usize].disturbed;
        let instance = &mut self.pools[pool as usize].instances[index as usize];
        if !instance.is_up() {
            self.fail(now, number, true);
            return;
        }
        if instance.busy < spec.workers {
            self.serve(now, number);
            return;
        }
        let queued = instance.waiting.len();
        let shed = match spec.shed_to {
            Some(share) if queued > 0 => 1.0 - (share / instance.utilisation.max(1e-9)).min(1.0),
            Some(_) | None => 0.0,
        };
        if queued >= spec.queue_max as usize || self.dice.chance(shed) {
            self.fail(now, number, disturbed);
            return;
        }
        self.pools[pool as usize].instances[index as usize]
            .waiting
            .push_back(number);
        self.attempts[number as usize].waited = true;
        let given_up = Happening::GivenUp { attempt: number };
        self.happenings.push(now + timeout, given_up);
    }

    /// An idle worker takes an attempt on.
    fn serve(&mut self, now: Micros, number: u32) {
        let attempt = &mut self.attempts[number as usize];
        let pool = &mut self.pools[attempt.pool as usize];
        let spec = &self.scenario.fleet.services[pool.service.index()];
        let instance = &mut pool.instances[attempt.instance as usize];
        let healthy = self.dice.log_normal(spec.service_time).0 as f64 * instance.slowness;
        let takes = healthy * instance.effect.service_factor;
        attempt.healthy = Micros(healthy as u64);
        let finishes = now + Micros(takes as u64);
        let too_late = attempt.arrived + attempt.timeout;
        if attempt.state == State::Waiting {
            attempt.state = State::InService;
            if !attempt.waited && finishes > too_late {
                let given_up = Happening::GivenUp { attempt: number };
                self.happenings.push(too_late, given_up);
            }
        }
        instance.busy += 1;
        instance.serving.push(number);
        let burned = takes * instance.effect.burn_factor * pool.capacity_factor;
        instance.worked_us += burned;
        let at = Place::of(attempt.pool, attempt.instance, instance);
        let served = Happening::Served {
            at,
            attempt: number,
        };
        self.happenings.push(finishes, served);
    }

    /// An instance is done with an attempt; its worker may have more to do on the side.
    pub(super) fn served(&mut self, now: Micros, at: Place, number: u32) {
        let pool = &self.pools[at.pool as usize];
        let capacity_factor = pool.capacity_factor;
        let workers = self.scenario.fleet.services[pool.service.index()].workers;
        let Some(instance) = self.still(at) else {
            return;
        };
        instance.serving.retain(|other| *other != number);
        let effect = instance.effect;
        let beside = effect.burn_factor * capacity_factor - 1.0;
        let takes = self.attempts[number as usize].healthy.0 as f64 * effect.service_factor;
        let more = Micros((takes * beside) as u64);
        self.tell_latency(now, number);
        if self.attempts[number as usize].state == State::InService {
            self.done_here(now, number);
        }
        if effect.leak_per_s > 0.0 {
            let lost = effect.leak_per_s * takes / 1e6 / f64::from(workers);
            self.leak(now, at.pool, at.instance, lost);
        }
        if more > Micros::ZERO {
            self.happenings.push(now + more, Happening::Freed { at });
        } else {
            self.free_worker(now, at);
        }
    }

    /// A worker is idle: whoever is next is served.
    pub(super) fn free_worker(&mut self, now: Micros, at: Place) {
        let service = self.pools[at.pool as usize].service;
        let order = self.scenario.fleet.services[service.index()].queue_order;
        let Some(instance) = self.still(at) else {
            return;
        };
        instance.busy -= 1;
        let next = match order {
            Order::Fifo => instance.waiting.pop_front(),
            Order::Lifo => instance.waiting.pop_back(),
        };
        if let Some(next) = next {
            self.serve(now, next);
        }
    }

    /// A client has waited for long enough.
    pub(super) fn given_up(&mut self, now: Micros, number: u32) {
        let Attempt {
            pool,
            instance,
            state,
            ..
        } = self.attempts[number as usize];
        if matches!(state, State::Served | State::Over) {
            return;
        }
        let pool = &mut self.pools[pool as usize];
        let spec = &self.scenario.fleet.services[pool.service.index()];
        let harmed = pool.disturbed;
        if spec.drops_expired {
            let waiting = &mut pool.instances[instance as usize].waiting;
            waiting.retain(|other| *other != number);
        }
        self.fail(now, number, harmed);
    }

    /// What an instance had in hand when it went down is lost.
    pub(super) fn lose(&mut self, now: Micros, number: u32) {
        let state = self.attempts[number as usize].state;
        if matches!(state, State::Waiting | State::InService) {
            self.fail(now, number, true);
        }
    }
}
