//! What becomes of each class's requests, call by call and try by try.

use std::rc::Rc;

use firedrill_core::ids::ClassId;

use crate::random::{Entity, binomial, split};

use super::super::defect::Effect;
use super::super::graph::{Graph, timeout};
use super::super::queueing::Threshold;
use super::super::{Purpose, World};
use super::load::either;
use super::{Load, Weight};

/// What became of one class's requests in one cell, user by user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Requests.
    pub(crate) requests: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Those that failed because of the defect.
    pub(crate) harmed: u64,
    /// Those that were slow because of the defect, at the service where most were.
    pub(crate) slowed: u64,
    /// Those that were answered, wrongly.
    pub(crate) wrong: u64,
}

/// What a cohort has of the attempts at a hop.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    requests: u64,
    /// Those that failed here, for whatever reason.
    failed: u64,
    /// Those that failed here because of the defect.
    harmed: u64,
    /// Errors that come back from further inside.
    returned: u64,
}

/// Attempts of one class and audience at one service of their way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hop {
    /// By cohort.
    parts: Vec<Part>,
    /// Times that it was visited for the requests at hand: retries of callers come again.
    visits: u64,
    /// Requests at hand that were slow here because of the defect.
    slowed: u64,
    /// Wrong answers that come back from further inside.
    returned_wrong: u64,
}

/// Whose requests are under way.
#[derive(Clone, Copy, Debug)]
struct Errand {
    cell: usize,
    class: ClassId,
    audience: usize,
}

/// What a caller learns of its calls after all tries.
#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    failed: u64,
    harmed: u64,
    /// Answered, wrongly.
    wrong: u64,
}

/// How some of the callers along an edge try, other than its client does.
#[derive(Clone, Copy, Debug)]
struct OtherTries {
    share: f64,
    attempts: u32,
    timeout: Threshold,
}

/// The share of calls along an edge that clients give up on although nothing waits in a queue.
#[derive(Clone, Copy, Debug)]
struct Late {
    /// However the callers are configured.
    own: f64,
    /// Of the rest, because a defect gives some callers less patience.
    by_defect: f64,
}

impl Late {
    fn new(load: &Load, own: Threshold, other: Option<OtherTries>) -> Self {
        let own = load.shape.above(own);
        let more = other.map_or(0.0, |other| {
            other.share * (load.shape.above(other.timeout) - own)
        });
        Self {
            own: own + more.min(0.0),
            by_defect: more.max(0.0) / (1.0 - own).max(1e-9),
        }
    }
}

/// What a part of a cohort's requests is up against.
struct Hazard {
    /// The probability of a failure that nobody is to blame for.
    own: f64,
    /// The probability of one that the defect is to blame for.
    by_defect: f64,
}

impl Hazard {
    fn new(load: &Load, effect: Option<&Effect>, errand: Errand, late: Late) -> Self {
        let Weight { answering, dead } = load.weights[errand.audience];
        let own = load.own_failure;
        let is_late = late.own + late.by_defect > 0.0;
        if load.lost == 0.0 && !is_late && dead == 0.0 && effect.is_none() {
            let by_defect = 0.0;
            return Self { own, by_defect }; // as nearly always
        }
        // What is lost in a queue counts those who lose patience there.
        let (overload, impatient) = if load.lost > 0.0 {
            (load.lost, 0.0)
        } else {
            (late.own, late.by_defect)
        };
        let dead = dead / (answering + dead);
        let (own, by_overload) = if load.disturbed {
            (own, overload)
        } else {
            (either(own, overload), 0.0)
        };
        let by_class = effect.map_or(0.0, |effect| effect.error_share_of(errand.class));
        let spared = (1.0 - by_class) * (1.0 - by_overload) * (1.0 - dead) * (1.0 - impatient);
        let by_defect = 1.0 - spared;
        Self { own, by_defect }
    }
}

/// Those of `whole` requests with a bad call among theirs, when `bad` of all `calls` are.
pub(super) fn hit(bad: u64, calls: u64, per_request: f64, whole: u64) -> u64 {
    let share = hit_share(bad as f64 / calls as f64, per_request);
    (share * whole as f64 + 0.5) as u64
}

/// The share of requests with a bad call among theirs, when `bad` of all calls are and a request
/// makes so many, on average: as many as the whole part says, and one more with the probability of
/// the rest.
fn hit_share(bad: f64, calls: f64) -> f64 {
    if calls == 1.0 {
        return bad;
    }
    let whole = libm::floor(calls);
    1.0 - libm::pow(1.0 - bad, whole) * (1.0 - bad * (calls - whole))
}

impl Hop {
    /// Attempts that failed here, and those of them that the defect failed.
    fn failures(&self) -> (u64, u64) {
        self.parts.iter().fold((0, 0), |(failed, harmed), part| {
            (failed + part.failed, harmed + part.harmed)
        })
    }
}

impl World<'_> {
    /// Sends `count` requests of a class on their way and books what becomes of them.
    pub(crate) fn send(&mut self, cell: usize, class: ClassId, audience: usize, count: u64) {
        if count == 0 {
            return;
        }
        for hop in &mut self.hops {
            (hop.visits, hop.slowed) = (0, 0);
        }
        let graph = Rc::clone(&self.graph);
        let errand = Errand {
            cell,
            class,
            audience,
        };
        let answer = self.call(&graph, errand, 0, count);
        let slowed = self.hops.iter().map(|hop| hop.slowed).max().unwrap_or(0);
        assert!(
            answer.failed <= count && answer.harmed <= answer.failed,
            "of {count} requests {} failed, {} of them for the defect",
            answer.failed,
            answer.harmed
        );
        let answered = count - answer.failed;
        let wrong = answer.wrong.min(answered);
        let fate = Fate {
            requests: count,
            failed: answer.failed,
            harmed: answer.harmed,
            slowed: slowed.min(answered - wrong),
            wrong,
        };
        self.truth.ended(class, fate);
    }

    /// Calls the service of a hop `count` times, with the tries that the edge's client makes.
    fn call(&mut self, graph: &Graph, errand: Errand, hop: usize, count: u64) -> Answer {
        if count == 0 {
            return Answer::default();
        }
        let spec = &graph.classes[errand.class.index()][hop];
        let client = &graph.edges[spec.edge].client;
        let other = self.other_tries(spec.edge);
        let attempts_max =
            other.map_or(client.attempts, |other| client.attempts.max(other.attempts));
        let pool = errand.cell * self.scenario.fleet.services.len() + spec.service.index();
        self.traffic.called(spec.edge, count);
        let (turned_away, allowed) = self.congestion[pool].as_ref().map_or((0.0, 1.0), |state| {
            let fate = state.edges.iter().find(|fate| fate.edge == spec.edge);
            fate.map_or((0.0, 1.0), |fate| (fate.turned_away, fate.retries_allowed))
        });
        let budget = client
            .retry_budget
            .map_or(u64::MAX, |budget| (budget * count as f64) as u64);
        let mut answer = Answer::default();
        let (mut pending, mut retried) = (count, 0);
        for attempt in 1..=attempts_max {
            if pending == 0 {
                break;
            }
            let visit = self.hops[hop].visits;
            self.hops[hop].visits += 1;
            let Errand { cell, audience, .. } = errand;
            let entity = self.addresses.request(cell, spec.number, audience, visit);
            let away = if turned_away > 0.0 {
                let draws = self.draws.get(Purpose::TurnedAway);
                binomial(draws.uniform(self.step, entity(0)), pending, turned_away)
            } else {
                0
            };
            let sent = pending - away;
            self.traffic.attempted(spec.edge, sent);
            let tried = self.attempt(graph, errand, hop, sent, &entity);
            let again = if attempt < attempts_max {
                // Those who try on: all up to a client's number of tries, a share of them beyond.
                let own = f64::from(u8::from(attempt < client.attempts));
                let trying = other.map_or(own, |other| {
                    let others = f64::from(u8::from(attempt < other.attempts));
                    own * (1.0 - other.share) + others * other.share
                });
                let wanted = (tried.failed as f64 * allowed * trying + 0.5) as u64;
                wanted.min(budget.saturating_sub(retried))
            } else {
                0
            };
            answer.wrong += tried.wrong;
            answer.failed += away + tried.failed - again;
            if tried.harmed > 0 {
                answer.harmed += tried.harmed - tried.harmed * again / tried.failed;
            }
            if away > 0 && self.loads[pool].iter().any(|load| load.disturbed) {
                answer.harmed += away;
            }
            retried += again;
            pending = again;
        }
        answer
    }

    /// How some callers along an edge try, while there are such.
    fn other_tries(&self, edge: usize) -> Option<OtherTries> {
        if !self.troubled {
            return None;
        }
        let tries = self.modifiers.tries[edge].as_ref()?;
        (tries.share > 0.0).then(|| OtherTries {
            share: tries.share,
            attempts: tries.client.attempts,
            timeout: timeout(&tries.client),
        })
    }

    /// One try of `count` calls: the service answers or not, and calls what it needs.
    fn attempt(
        &mut self,
        graph: &Graph,
        errand: Errand,
        hop: usize,
        count: u64,
        entity: &impl Fn(u64) -> Entity,
    ) -> Answer {
        let spec = &graph.classes[errand.class.index()][hop];
        self.serve_hop(graph, errand, hop, count, entity);
        let (failed, harmed) = self.hops[hop].failures();
        let passed = count - failed;
        let mut returned = Answer::default();
        for child in &spec.children {
            let number = graph.classes[errand.class.index()][*child].edge;
            let edge = &graph.edges[number];
            let calls = passed as f64 * edge.calls * self.modifiers.calls[number];
            let calls = (calls + 0.5) as u64;
            let inside = self.call(graph, errand, *child, calls);
            let per_request = edge.calls * self.modifiers.calls[number];
            let hit = |bad: u64, whole: u64| hit(bad, calls, per_request, whole);
            if inside.wrong > 0 {
                returned.wrong = returned.wrong.max(hit(inside.wrong, passed));
            }
            if edge.hard && inside.failed > 0 {
                // Of the requests that are still good, those with a failed call fail.
                let left = passed - returned.failed;
                let more = hit(inside.failed, left).min(left);
                returned.failed += more;
                returned.harmed += hit(inside.harmed, left).min(more);
            }
        }
        self.return_errors(hop, returned.failed);
        self.hops[hop].returned_wrong = returned.wrong.min(passed - returned.failed);
        let wrong = self.account(graph, errand, hop, entity);
        Answer {
            failed: failed + returned.failed,
            harmed: harmed + returned.harmed,
            wrong,
        }
    }

    /// The balancer splits calls over cohorts, each of which fails some of them.
    fn serve_hop(
        &mut self,
        graph: &Graph,
        errand: Errand,
        hop: usize,
        count: u64,
        entity: &impl Fn(u64) -> Entity,
    ) {
        let spec = &graph.classes[errand.class.index()][hop];
        let timeout = graph.timeouts[spec.edge];
        let other = self.other_tries(spec.edge);
        let pool_index = errand.cell * self.scenario.fleet.services.len() + spec.service.index();
        let (pool, loads) = (&self.pools[pool_index], &self.loads[pool_index]);
        let (step, draws) = (self.step, &mut self.draws);
        let parts = &mut self.hops[hop].parts;
        parts.clear();
        parts.resize(loads.len(), Part::default());
        let weight = |load: &Load| load.weights[errand.audience].total();
        if loads.iter().all(|load| weight(load) <= 0.0) {
            // Nobody answers: the call fails at the door. It is the defect's doing when the
            // instances are there and crashed.
            let crashed = pool
                .cohorts
                .iter()
                .any(|cohort| cohort.crashed + cohort.cut_off > 0);
            parts[0] = Part {
                requests: count,
                failed: count,
                harmed: if crashed { count } else { 0 },
                returned: 0,
            };
            return;
        }
        let routing = draws.get(Purpose::Routing);
        split(
            |index| routing.uniform(step, entity(loads[index].key.lane())),
            count,
            loads.iter().map(weight),
            |index, requests| parts[index].requests = requests,
        );
        for ((part, load), cohort) in parts.iter_mut().zip(loads).zip(&pool.cohorts) {
            if part.requests == 0 {
                continue;
            }
            let late = Late::new(load, timeout, other);
            let Hazard { own, by_defect } =
                Hazard::new(load, cohort.effect.as_deref(), errand, late);
            let lane = entity(load.key.lane());
            let u = draws.get(Purpose::OwnErrors).uniform(step, lane);
            let own = binomial(u, part.requests, own);
            if by_defect > 0.0 {
                let u = draws.get(Purpose::DefectErrors).uniform(step, lane);
                part.harmed = binomial(u, part.requests - own, by_defect);
            }
            part.failed = own + part.harmed;
        }
    }

    /// A failure further inside is an error here too: cohorts count it in proportion to what they
    /// passed on, with the remainder to the first that can.
    fn return_errors(&mut self, hop: usize, returned: u64) {
        if returned == 0 {
            return;
        }
        let parts = &mut self.hops[hop].parts;
        if let [only] = parts.as_mut_slice() {
            only.returned = returned;
            return;
        }
        let passed = |part: &Part| part.requests - part.failed;
        let total: u64 = parts.iter().map(passed).sum();
        let mut left = returned;
        for part in parts.iter_mut() {
            let share = u128::from(returned) * u128::from(passed(part)) / u128::from(total);
            part.returned = share as u64;
            left -= part.returned;
        }
        for part in parts {
            let more = left.min(passed(part) - part.returned);
            part.returned += more;
            left -= more;
        }
    }

    /// Puts the attempts of one hop into telemetry and the world's own books; returns those that
    /// were answered wrongly.
    fn account(
        &mut self,
        graph: &Graph,
        errand: Errand,
        hop: usize,
        entity: &impl Fn(u64) -> Entity,
    ) -> u64 {
        let mut all_wrong = 0;
        let service = graph.classes[errand.class.index()][hop].service;
        let pool_index = errand.cell * self.scenario.fleet.services.len() + service.index();
        let pool = &self.pools[pool_index];
        let hop = &mut self.hops[hop];
        let watched = self.slow_above[service.index()].is_some();
        let loads = self.loads[pool_index].iter_mut();
        for ((part, load), cohort) in hop.parts.iter().zip(loads).zip(&pool.cohorts) {
            let requests = part.requests;
            if requests == 0 {
                continue;
            }
            load.requests += requests;
            let errors = part.failed + part.returned;
            load.errors += errors;
            let version = load.key.version;
            let scope = self.addresses.scope(pool.region, service, version);
            let lane = entity(load.key.lane());
            let effect = cohort.effect.as_deref();
            let wrong_share = effect.map_or(0.0, |effect| effect.wrong_share_of(errand.class));
            let own_wrong = if wrong_share > 0.0 {
                let draws = self.draws.get(Purpose::WrongAnswers);
                binomial(
                    draws.uniform(self.step, lane),
                    requests - errors,
                    wrong_share,
                )
            } else {
                0
            };
            // What came back wrong from inside is passed on by the first cohorts that can.
            let passed_on = hop.returned_wrong.min(requests - errors - own_wrong);
            hop.returned_wrong -= passed_on;
            let wrong = own_wrong + passed_on;
            all_wrong += wrong;
            let good = requests - errors - wrong;
            self.telemetry
                .record(scope, errand.class, [requests, errors, good]);
            let served = (service, version);
            let harmed = part.harmed + own_wrong;
            self.truth.served(served, errand.class, requests, harmed);
            if watched {
                let answered = requests - part.failed;
                let u = self.draws.get(Purpose::Slow).uniform(self.step, lane);
                let slow = binomial(u, answered, load.slow);
                let by_defect = if load.slow_by_defect > 0.0 {
                    let draws = self.draws.get(Purpose::SlowByDefect);
                    let u = draws.uniform(self.step, lane);
                    binomial(u, slow, load.slow_by_defect / load.slow)
                } else {
                    0
                };
                self.truth.slow(service, answered, slow, by_defect);
                self.truth.served_slowly(served, by_defect);
                hop.slowed += by_defect;
            }
        }
        all_wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half of the requests make a call, or all make two: one in ten calls is bad.
    #[test]
    fn a_request_is_hit_by_any_of_its_calls() {
        for (calls, expected) in [(0.5, 0.05), (1.0, 0.1), (2.0, 0.19), (2.5, 0.2305)] {
            let found = hit_share(0.1, calls);
            assert!((found - expected).abs() < 1e-12, "{calls}: {found}");
        }
    }
}
