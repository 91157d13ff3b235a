//! Requests, one by one, down the call graph and back.

use firedrill_core::Micros;
use firedrill_core::ids::ClassId;

use crate::spec::ClientPolicy;
use crate::world::defect::Effect;
use crate::world::serving::Fate;

use super::{Happening, InstanceWorld};

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
pub(super) enum State {
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
    pub(super) call: u32,
    pub(super) pool: u32,
    pub(super) instance: u32,
    /// The version of the instance when it came.
    pub(super) version: usize,
    pub(super) state: State,
    pub(super) arrived: Micros,
    pub(super) timeout: Micros,
    /// Whether it had to wait.
    pub(super) waited: bool,
    /// What serving it would take on a healthy instance.
    pub(super) healthy: Micros,
    /// Calls further in that have not come back.
    pub(super) calls_out: u32,
    pub(super) failed: bool,
    pub(super) harmed: bool,
    pub(super) wrong: bool,
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

    /// An attempt fails at the service that it was for.
    pub(super) fn fail(&mut self, now: Micros, number: u32, harmed: bool) {
        self.attempts[number as usize].state = State::Over;
        self.book(number, 1, u64::from(harmed));
        self.end_attempt(now, number, End::failed(harmed));
    }

    /// An instance has done its own part of an attempt in time.
    pub(super) fn done_here(&mut self, now: Micros, number: u32) {
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
    pub(super) fn tell_latency(&mut self, now: Micros, number: u32) {
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
