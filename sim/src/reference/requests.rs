//! Requests, one by one, down the call graph and back.

use firedrill_core::Micros;
use firedrill_core::ids::ClassId;

use crate::spec::{ClientPolicy, Order};
use crate::world::defect::Effect;
use crate::world::serving::Fate;

use super::instance::{Instance, Life};
use super::{Happening, InstanceWorld, Place};

/// A user's request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    class: ClassId,
    cell: u32,
    audience: u8,
    /// Whether a defect made it slow somewhere.
    slowed: bool,
}

/// A call of a service for a request, with all its tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    request: u32,
    /// The number of the service on the way of the request's class.
    hop: u32,
    /// The attempt that it is made for; nothing when the user makes it.
    caller: Option<u32>,
    /// Tries so far.
    tried: u32,
    /// Other tries and timeout than the client's own, brought by a defective caller.
    other: Option<(u32, Option<Micros>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    InService,
    /// The instance has done its own part.
    Served,
    /// The client knows what became of it, or does not care.
    Over,
}

/// One try of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    call: u32,
    pool: u32,
    instance: u32,
    /// The version of the instance when it came.
    version: usize,
    state: State,
    arrived: Micros,
    timeout: Micros,
    /// Whether it had to wait.
    waited: bool,
    /// What serving it would take on a healthy instance.
    healthy: Micros,
    /// Calls further in that have not come back.
    calls_out: u32,
    failed: bool,
    harmed: bool,
    wrong: bool,
}

/// How a call or an attempt ended.
#[derive(Clone, Copy, Debug)]
struct End {
    failed: bool,
    harmed: bool,
    wrong: bool,
}

impl End {
    const fn failed(harmed: bool) -> Self {
        Self {
            failed: true,
            harmed,
            wrong: false,
        }
    }
}

impl InstanceWorld<'_> {
    pub(super) fn arrive(&mut self, now: Micros, cell: u32, class: u16, audience: u8) {
        let request = self.requests.len() as u32;
        self.requests.push(Request {
            class: ClassId(class),
            cell,
            audience,
            slowed: false,
        });
        self.call(now, request, 0, None, None);
    }

    fn call(
        &mut self,
        now: Micros,
        request: u32,
        hop: usize,
        caller: Option<u32>,
        other: Option<(u32, Option<Micros>)>,
    ) {
        let call = self.calls.len() as u32;
        self.calls.push(Call {
            request,
            hop: hop as u32,
            caller,
            tried: 0,
            other,
        });
        let client = self.client_of(call);
        self.clients[client].pay_in(now);
        self.attempt(now, call);
    }

    /// The number of the client that makes a call.
    fn client_of(&self, call: u32) -> usize {
        let Call { request, hop, .. } = self.calls[call as usize];
        let request = &self.requests[request as usize];
        let edge = self.graph.classes[request.class.index()][hop as usize].edge;
        request.cell as usize * self.graph.edges.len() + edge
    }

    /// Tries a call once.
    pub(super) fn attempt(&mut self, now: Micros, call: u32) {
        self.calls[call as usize].tried += 1;
        let client = self.client_of(call);
        let Call {
            request,
            hop,
            other,
            ..
        } = self.calls[call as usize];
        let Request {
            class,
            cell,
            audience,
            ..
        } = self.requests[request as usize];
        let service = self.graph.classes[class.index()][hop as usize].service;
        let pool = self.pool_of(cell, service);
        if !self.clients[client].lets_through(now, &mut self.dice) {
            let harmed = self.pools[pool as usize].disturbed;
            self.end_call(now, call, End::failed(harmed));
            return;
        }
        let own = Micros((self.clients[client].policy.timeout_s * 1e6) as u64);
        let timeout = other.and_then(|(_, timeout)| timeout).unwrap_or(own);
        let routes = &self.pools[pool as usize].routes[usize::from(audience)];
        let picked = if routes.is_empty() {
            None
        } else {
            Some(routes[self.dice.one_of(routes.len())])
        };
        let instance = picked.unwrap_or(0);
        let attempt = self.attempts.len() as u32;
        self.attempts.push(Attempt {
            call,
            pool,
            instance,
            version: self.pools[pool as usize]
                .instances
                .get(instance as usize)
                .map_or(0, |instance| instance.version),
            state: State::Waiting,
            arrived: now,
            timeout,
            waited: false,
            healthy: Micros::ZERO,
            calls_out: 0,
            failed: false,
            harmed: false,
            wrong: false,
        });
        self.knock(now, attempt, picked.is_some());
    }

    /// An attempt comes to an instance, if there is one.
    fn knock(&mut self, now: Micros, number: u32, found: bool) {
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

    /// An attempt fails at the service that it was for.
    fn fail(&mut self, now: Micros, number: u32, harmed: bool) {
        self.attempts[number as usize].state = State::Over;
        self.book(number, 1, u64::from(harmed));
        self.end_attempt(now, number, End::failed(harmed));
    }

    /// An instance has done its own part of an attempt in time.
    fn done_here(&mut self, now: Micros, number: u32) {
        let attempt = self.attempts[number as usize];
        let request = self.calls[attempt.call as usize].request;
        let class = self.requests[request as usize].class;
        let instance = &self.pools[attempt.pool as usize].instances[attempt.instance as usize];
        let (effect, in_spell) = (instance.effect, instance.in_spell);
        let spell = self.scenario.noise.flapping.filter(|_| in_spell);
        let own = self.dice.chance(instance.error_share)
            || spell.is_some_and(|flapping| self.dice.chance(flapping.error_share));
        if own || self.dice.chance(effect.error_share_of(class)) {
            self.fail(now, number, !own);
            return;
        }
        self.watch_latency(now, number);
        let attempt = &mut self.attempts[number as usize];
        attempt.state = State::Served;
        attempt.wrong = self.dice.chance(effect.wrong_share_of(class));
        attempt.harmed = false;
        self.call_further(now, number, class, effect);
    }

    /// An attempt makes the calls that it needs, all at once.
    fn call_further(&mut self, now: Micros, number: u32, class: ClassId, effect: Effect) {
        let attempt = self.attempts[number as usize];
        let call = self.calls[attempt.call as usize];
        let instance = &self.pools[attempt.pool as usize].instances[attempt.instance as usize];
        let (strength, age) = (instance.strength, now - instance.loaded_at);
        let mut further = Vec::new();
        for child in &self.graph.classes[class.index()][call.hop as usize].children {
            let hop = &self.graph.classes[class.index()][*child];
            let mut calls = self.graph.edges[hop.edge].calls;
            let downstream = effect.downstream.filter(|it| it.service == hop.service);
            if let Some(downstream) = downstream {
                let fresh = downstream.calls_decay.map_or(1.0, |decay| {
                    libm::exp(-age.as_secs_f64() / decay.as_secs_f64().max(1e-3))
                });
                calls *= 1.0 + (downstream.calls_factor - 1.0) * strength * fresh;
            }
            let whole = libm::floor(calls);
            let count = whole as u32 + u32::from(self.dice.chance(calls - whole));
            let other = downstream.and_then(|it| it.tries);
            further.extend((0..count).map(|_| (*child, other)));
        }
        // One more, so that it does not end before all calls are made.
        self.attempts[number as usize].calls_out = further.len() as u32 + 1;
        for (child, other) in further {
            self.call(now, call.request, child, Some(number), other);
        }
        self.call_is_back(now, number);
    }

    /// One of an attempt's calls has come back.
    fn call_is_back(&mut self, now: Micros, number: u32) {
        let attempt = &mut self.attempts[number as usize];
        attempt.calls_out -= 1;
        if attempt.calls_out > 0 {
            return;
        }
        attempt.state = State::Over;
        let end = End {
            failed: attempt.failed,
            harmed: attempt.harmed,
            wrong: attempt.wrong && !attempt.failed,
        };
        let own_harm = u64::from(end.wrong);
        self.book(number, u64::from(end.failed), own_harm);
        self.end_attempt(now, number, end);
    }

    /// The client learns of an attempt's end and may try again.
    fn end_attempt(&mut self, now: Micros, number: u32, end: End) {
        let call = self.attempts[number as usize].call;
        let client = self.client_of(call);
        self.clients[client].learn(now, end.failed);
        let Call { tried, other, .. } = self.calls[call as usize];
        let ClientPolicy {
            attempts, backoff, ..
        } = self.clients[client].policy;
        let most = other.map_or(attempts, |(attempts, _)| attempts);
        let again = end.failed
            && tried < most
            && (other.is_some() || self.clients[client].takes_retry(now));
        if !again {
            self.end_call(now, call, end);
            return;
        }
        let doubled = backoff.base_s * f64::from(1_u32 << (tried - 1).min(20));
        let wait = doubled.min(backoff.cap_s) * self.dice.uniform();
        let at = now + Micros((wait * 1e6) as u64);
        self.happenings.push(at, Happening::TriedAgain { call });
    }

    fn end_call(&mut self, now: Micros, number: u32, end: End) {
        let Call {
            request,
            hop,
            caller,
            ..
        } = self.calls[number as usize];
        let Request { class, slowed, .. } = self.requests[request as usize];
        if let Some(caller) = caller {
            let edge = self.graph.classes[class.index()][hop as usize].edge;
            let attempt = &mut self.attempts[caller as usize];
            if end.failed && self.graph.edges[edge].hard {
                attempt.failed = true;
                attempt.harmed |= end.harmed;
            }
            attempt.wrong |= end.wrong;
            self.call_is_back(now, caller);
            return;
        }
        let wrong = end.wrong && !end.failed;
        let fate = Fate {
            requests: 1,
            failed: u64::from(end.failed),
            harmed: u64::from(end.failed && end.harmed),
            slowed: u64::from(slowed && !end.failed && !wrong),
            wrong: u64::from(wrong),
        };
        self.truth.ended(class, fate);
    }

    /// Puts the end of an attempt into telemetry and the world's books.
    fn book(&mut self, number: u32, failed: u64, harmed: u64) {
        let Attempt {
            call,
            pool,
            version,
            wrong,
            ..
        } = self.attempts[number as usize];
        let class = self.requests[self.calls[call as usize].request as usize].class;
        let (service, region) = {
            let pool = &self.pools[pool as usize];
            (pool.service, pool.region)
        };
        let good = 1 - failed.max(u64::from(wrong));
        let scope = self.scope(region, service, version);
        self.scopes[scope].count(class, [1, failed, good]);
        self.truth
            .served((service, version as u8), class, 1, harmed);
    }

    /// How long a served attempt took goes to telemetry, whether its client waited for it or not.
    fn tell_latency(&mut self, now: Micros, number: u32) {
        let attempt = &self.attempts[number as usize];
        let pool = &self.pools[attempt.pool as usize];
        let scope = self.scope(pool.region, pool.service, attempt.version);
        self.scopes[scope].took(now - attempt.arrived);
    }

    /// An objective on latency counts what was answered, and what of it was slow. A defect is to
    /// blame when the same request would have been fast on a healthy instance.
    fn watch_latency(&mut self, now: Micros, number: u32) {
        let attempt = self.attempts[number as usize];
        let pool = &self.pools[attempt.pool as usize];
        let service = pool.service;
        let Some(threshold) = self.slow_above_us[service.index()].map(Micros) else {
            return;
        };
        let slow = now - attempt.arrived > threshold;
        let blamed = pool.disturbed;
        let by_defect = slow && blamed && attempt.healthy <= threshold;
        self.truth
            .slow(service, 1, u64::from(slow), u64::from(by_defect));
        if by_defect {
            self.truth
                .served_slowly((service, attempt.version as u8), 1);
            let request = self.calls[attempt.call as usize].request;
            self.requests[request as usize].slowed = true;
        }
    }
}
