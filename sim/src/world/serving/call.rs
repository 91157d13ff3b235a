//! What becomes of each class's requests, call by call and try by try.

use std::rc::Rc;

use firedrill_core::ids::ClassId;

use crate::random::{Entity, binomial, split};
use crate::spec::ClientPolicy;

use super::super::graph::Graph;
use super::super::modifiers::Tries;
use super::super::{Purpose, World};
use super::Load;

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

/// Attempts of one class and audience at one service of their way, by cohort.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hop {
    /// Attempts by cohort.
    requests: Vec<u64>,
    /// Those that failed here, for whatever reason.
    failed: Vec<u64>,
    /// Those that failed here because of the defect.
    harmed: Vec<u64>,
    /// Errors that come back from further inside.
    returned: Vec<u64>,
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

/// Visits beyond this many share their draws: that deep in retries they no longer matter.
const VISITS_APART: u64 = 16;

/// The share of calls that a client gives up on although nothing waits in a queue.
fn late(load: &Load, client: ClientPolicy, other: Option<Tries>) -> f64 {
    let above = |client: ClientPolicy| load.shape.above((client.timeout_s * 1e6) as u64);
    other.map_or_else(
        || above(client),
        |Tries {
             share,
             client: theirs,
         }| above(client) * (1.0 - share) + above(theirs) * share,
    )
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
    fn reset(&mut self, cohorts: usize) {
        for counts in [
            &mut self.requests,
            &mut self.failed,
            &mut self.harmed,
            &mut self.returned,
        ] {
            counts.clear();
            counts.resize(cohorts, 0);
        }
    }

    /// Attempts that failed here, and those of them that the defect failed.
    fn failures(&self) -> (u64, u64) {
        (self.failed.iter().sum(), self.harmed.iter().sum())
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
        let answered = count - answer.failed;
        let wrong = answer.wrong.min(answered);
        let fate = Fate {
            requests: count,
            failed: answer.failed,
            harmed: answer.harmed,
            slowed: slowed.min(answered - wrong),
            wrong,
        };
        let path = &self.scenario.fleet.classes[class.index()].path;
        self.truth.ended(class, path, fate);
    }

    /// Calls the service of a hop `count` times, with the tries that the edge's client makes.
    fn call(&mut self, graph: &Graph, errand: Errand, hop: usize, count: u64) -> Answer {
        let spec = &graph.classes[errand.class.index()][hop];
        let client = graph.edges[spec.edge].client;
        let other = self.modifiers.tries[spec.edge].filter(|tries| tries.share > 0.0);
        let attempts_max = other.map_or(client.attempts, |tries| {
            client.attempts.max(tries.client.attempts)
        });
        let pool = errand.cell * self.scenario.fleet.services.len() + spec.service.index();
        self.traffic.called(pool, graph.slot(spec), count);
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
            let entity = self.address(errand, spec.service, visit);
            let away = if turned_away > 0.0 {
                let draws = self.draws.get(Purpose::TurnedAway);
                binomial(draws.uniform(self.step, entity(0)), pending, turned_away)
            } else {
                0
            };
            let sent = pending - away;
            self.traffic.attempted(pool, graph.slot(spec), sent);
            let tried = self.attempt(graph, errand, hop, sent, &entity);
            // Those who try on: all up to a client's number of tries, a share of them beyond.
            let own = f64::from(u8::from(attempt < client.attempts));
            let trying = other.map_or(own, |Tries { share, client }| {
                let others = f64::from(u8::from(attempt < client.attempts));
                own * (1.0 - share) + others * share
            });
            let wanted = (tried.failed as f64 * allowed * trying + 0.5) as u64;
            let again = wanted.min(budget.saturating_sub(retried));
            let share = |part: u64| (part * again).checked_div(tried.failed).unwrap_or(0);
            let disturbed = self.loads[pool].iter().any(|load| load.disturbed);
            answer.wrong += tried.wrong;
            answer.failed += away + tried.failed - again;
            answer.harmed += tried.harmed - share(tried.harmed) + if disturbed { away } else { 0 };
            retried += again;
            pending = again;
        }
        answer
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
            let edge = &graph.edges[graph.classes[errand.class.index()][*child].edge];
            let child_edge = graph.classes[errand.class.index()][*child].edge;
            let calls = passed as f64 * edge.calls * self.modifiers.calls[child_edge];
            let calls = (calls + 0.5) as u64;
            let inside = self.call(graph, errand, *child, calls);
            let per_request = edge.calls * self.modifiers.calls[child_edge];
            let hit = |part: u64| hit_share(part as f64 / calls as f64, per_request);
            if calls > 0 {
                let wrong = hit(inside.wrong) * passed as f64;
                returned.wrong = returned.wrong.max((wrong + 0.5) as u64);
            }
            if edge.hard && calls > 0 {
                // Of the requests that are still good, those with a failed call fail.
                let left = passed - returned.failed;
                let share = |part: u64| hit(part) * left as f64;
                let more = (share(inside.failed) + 0.5) as u64;
                returned.failed += more.min(left);
                returned.harmed += ((share(inside.harmed) + 0.5) as u64).min(more);
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
        let client = graph.edges[spec.edge].client;
        let other = self.modifiers.tries[spec.edge].filter(|tries| tries.share > 0.0);
        let pool_index = errand.cell * self.scenario.fleet.services.len() + spec.service.index();
        let (pool, loads) = (&self.pools[pool_index], &self.loads[pool_index]);
        let hop = &mut self.hops[hop];
        hop.reset(pool.cohorts.len());
        let weights = &mut self.weights;
        weights.clear();
        weights.extend(
            loads
                .iter()
                .map(|load| load.weights[errand.audience].total()),
        );
        if weights.iter().sum::<f64>() <= 0.0 {
            // Nobody answers: the call fails at the door. It is the defect's doing when the
            // instances are there and crashed.
            let crashed = pool
                .cohorts
                .iter()
                .any(|cohort| cohort.crashed + cohort.cut_off > 0);
            hop.requests[0] = count;
            hop.failed[0] = count;
            hop.harmed[0] = if crashed { count } else { 0 };
            return;
        }
        let (step, draws) = (self.step, &mut self.draws);
        let lane = |index: usize| entity(pool.cohorts[index].key.lane());
        let routing = draws.get(Purpose::Routing);
        split(
            |index| routing.uniform(step, lane(index)),
            count,
            weights,
            &mut hop.requests,
        );
        for index in 0..weights.len() {
            let requests = hop.requests[index];
            if requests == 0 {
                continue;
            }
            let load = &loads[index];
            let late = if load.lost > 0.0 {
                0.0
            } else {
                late(load, client, other)
            };
            let overload = 1.0 - (1.0 - load.lost) * (1.0 - late);
            let dead = load.weights[errand.audience].dead / weights[index];
            let (own, by_overload) = if load.disturbed {
                (load.own_failure, overload)
            } else {
                (1.0 - (1.0 - load.own_failure) * (1.0 - overload), 0.0)
            };
            let by_class = load.effect.error_share_of(errand.class);
            let by_defect = 1.0 - (1.0 - by_class) * (1.0 - by_overload) * (1.0 - dead);
            let u = draws.get(Purpose::OwnErrors).uniform(step, lane(index));
            let own = binomial(u, requests, own);
            let harmed = if by_defect > 0.0 {
                let u = draws.get(Purpose::DefectErrors).uniform(step, lane(index));
                binomial(u, requests - own, by_defect)
            } else {
                0
            };
            hop.failed[index] = own + harmed;
            hop.harmed[index] = harmed;
        }
    }

    /// A failure further inside is an error here too: cohorts count it in proportion to what they
    /// passed on, with the remainder to the largest.
    fn return_errors(&mut self, hop: usize, returned: u64) {
        if returned == 0 {
            return;
        }
        let hop = &mut self.hops[hop];
        let passed: Vec<u64> = hop
            .requests
            .iter()
            .zip(&hop.failed)
            .map(|(r, f)| r - f)
            .collect();
        let total: u64 = passed.iter().sum();
        let mut left = returned;
        for (slot, passed) in hop.returned.iter_mut().zip(&passed) {
            *slot = (u128::from(returned) * u128::from(*passed) / u128::from(total)) as u64;
            left -= *slot;
        }
        for (slot, passed) in hop.returned.iter_mut().zip(&passed) {
            let more = left.min(passed - *slot);
            *slot += more;
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
        let watched = self.slow_above_us[service.index()].is_some();
        for (index, cohort) in pool.cohorts.iter().enumerate() {
            let requests = hop.requests[index];
            if requests == 0 {
                continue;
            }
            let load = &mut self.loads[pool_index][index];
            load.requests += requests;
            let errors = hop.failed[index] + hop.returned[index];
            let scope = self
                .addresses
                .scope(pool.region, service, cohort.key.version);
            let lane = entity(cohort.key.lane());
            let wrong_share = load.effect.wrong_share_of(errand.class);
            let own_wrong = if wrong_share > 0.0 {
                let u = self
                    .draws
                    .get(Purpose::WrongAnswers)
                    .uniform(self.step, lane);
                binomial(u, requests - errors, wrong_share)
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
            let served = (service, cohort.key.version);
            self.truth.served(
                served,
                errand.class,
                requests,
                hop.harmed[index] + own_wrong,
            );
            if watched {
                let answered = requests - hop.failed[index];
                let u = self.draws.get(Purpose::Slow).uniform(self.step, lane);
                let slow = binomial(u, answered, load.slow);
                let by_defect = if load.slow_by_defect > 0.0 {
                    let u = self
                        .draws
                        .get(Purpose::SlowByDefect)
                        .uniform(self.step, lane);
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

    /// The draws of an errand at a service, by cohort lane.
    fn address(
        &self,
        errand: Errand,
        service: firedrill_core::ids::ServiceId,
        visit: u64,
    ) -> impl Fn(u64) -> Entity + use<> {
        let Errand {
            cell,
            class,
            audience,
        } = errand;
        let entity = self.addresses.request(cell, class, service, audience);
        let visit = visit.min(VISITS_APART - 1);
        // Later visits stand apart, so that the draws of first ones stay close together.
        let stride = self.addresses.requests(self.cells.len());
        move |lane| {
            let Entity { lane, index } = entity(lane);
            Entity {
                lane,
                index: index + visit * stride,
            }
        }
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
