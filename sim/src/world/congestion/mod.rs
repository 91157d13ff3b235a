//! Overload as a fluid: a queue, the clients in front of it, and the work that nobody waits for
//! any more.
//!
//! Below saturation a queue is described by its stationary distribution (see
//! [`super::queueing`]). At and above saturation history matters: what arrived when decides what
//! is answered in time, what times out, and what comes back as a retry. So time moves in small
//! steps here, and a queue keeps what waits in it by age. A request that waits longer than its
//! client's timeout is *wasted work*: the client has counted an error and may try again, the
//! server does not know and serves it all the same. That is the loop which keeps an overload
//! alive after its trigger is gone (Bronson et al., "Metastable Failures in Distributed
//! Systems", HotOS 2021; Huang et al., "Metastable Failures in the Wild", OSDI 2022): nothing
//! here scripts it.

mod client;
mod policy;
mod pool;
mod queue;

pub use client::{Client, ClientFlow};
pub use policy::{Backoff, Breaker, ClientPolicy, Order, QueuePolicy, Throttle};
pub(crate) use pool::{Congestion, Inflow, Outlet, OutletFate};
pub use queue::{Queue, Served};

/// A client in front of a queue: the smallest world that can be metastable.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The client.
    pub client: Client,
    /// The queue.
    pub queue: Queue,
}

/// What a step of a [`Loop`] came to, in requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoopStep {
    /// Attempts that the client sent, retries included.
    pub sent: f64,
    /// User requests answered in time by one of their attempts.
    pub answered: f64,
    /// User requests given up.
    pub failed: f64,
    /// What the queue did.
    pub served: Served,
}

impl Loop {
    /// An empty queue and a client without history; time moves in steps of `step_s` seconds.
    #[must_use]
    pub fn new(client: ClientPolicy, queue: QueuePolicy, step_s: f64) -> Self {
        Self {
            queue: Queue::new(
                queue,
                &vec![client.timeout_s; client.attempts as usize],
                step_s,
            ),
            client: Client::new(client, step_s),
        }
    }

    /// Moves on by one step: `arriving` user requests come, the server could serve `capacity`.
    pub fn step(&mut self, arriving: f64, capacity: f64) -> LoopStep {
        let flow = self.client.send(arriving);
        let mut refused = vec![0.0; flow.sent.len()];
        self.queue.offer(&flow.sent, 1.0, &mut refused);
        let served = self.queue.serve(capacity);
        let mut timed_out = vec![0.0; flow.sent.len()];
        self.queue.grow_older(&mut timed_out);
        let outcome = self.client.learn(&served.answered, &timed_out, &refused);
        LoopStep {
            sent: flow.sent.iter().sum(),
            answered: served.answered.iter().sum(),
            failed: flow.refused + outcome,
            served,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boundaries that hang on tenths of a second need steps well below that.
    const STEP_S: f64 = 0.025;
    const CAPACITY: f64 = 300.0;
    /// The trigger is pulled at this moment.
    const CUT_AT_S: f64 = 60.0;

    fn client() -> ClientPolicy {
        ClientPolicy {
            timeout_s: 1.0,
            attempts: 2,
            backoff: Backoff {
                base_s: 0.0,
                cap_s: 0.0,
            },
            retry_budget: None,
            breaker: None,
            throttle: None,
        }
    }

    struct Run {
        load: f64,
        cut_s: f64,
        client: ClientPolicy,
        queue: QueuePolicy,
        /// From and until, in seconds after the cut, and the share that is shed meanwhile.
        shed: Option<(f64, f64, f64)>,
    }

    impl Run {
        fn new(load: f64, cut_s: f64) -> Self {
            Self {
                load,
                cut_s,
                client: client(),
                queue: QueuePolicy::default(),
                shed: None,
            }
        }

        /// Seconds from the end of the cut to the last moment at which attempts were not
        /// answered in time, and attempts a second at the end; no recovery within `until_s`
        /// gives `None`.
        fn recovers(&self, until_s: f64) -> (Option<f64>, f64) {
            let mut world = Loop::new(self.client, self.queue, STEP_S);
            let steps = ((CUT_AT_S + self.cut_s + until_s) / STEP_S) as u64;
            let (cut, restored) = (CUT_AT_S, CUT_AT_S + self.cut_s);
            let (mut last_bad, mut sent_lately) = (0.0, 0.0);
            for step in 0..steps {
                let now = step as f64 * STEP_S;
                let is_cut = now >= cut - 1e-9 && now < restored - 1e-9;
                let capacity = if is_cut { 0.0 } else { CAPACITY * STEP_S };
                if let Some((from, until, share)) = self.shed {
                    let shedding = (restored + from..restored + until).contains(&now);
                    world.queue.policy_mut().shed_share = if shedding { share } else { 0.0 };
                }
                let outcome = world.step(self.load * STEP_S, capacity);
                if outcome.answered < 0.999 * self.load * STEP_S {
                    last_bad = now + STEP_S;
                }
                sent_lately = 0.999 * sent_lately + 0.001 * outcome.sent / STEP_S;
                assert!((world.queue.audit() - world.queue.waiting()).abs() < 1e-3);
            }
            let recovered = last_bad < steps as f64 * STEP_S - 5.0;
            (recovered.then_some(last_bad - restored), sent_lately)
        }
    }

    fn check(run: &Run, until_s: f64, expected: Expected) {
        let (recovered, sent) = run.recovers(until_s);
        match (expected, recovered) {
            (Recovers { within }, Some(after)) => {
                assert!(
                    within.contains(&after),
                    "recovers after {after} s, expected {within:?}"
                );
            }
            (SticksAt(rate), None) => {
                assert!(
                    (sent - rate).abs() < 1.0,
                    "sticks at {sent}/s, expected {rate}/s"
                );
            }
            (expected, recovered) => {
                panic!("expected {expected:?}, found {recovered:?} at {sent}/s")
            }
        }
    }

    #[derive(Debug)]
    enum Expected {
        Recovers { within: std::ops::Range<f64> },
        SticksAt(f64),
    }
    use Expected::{Recovers, SticksAt};

    fn with_queue(load: f64, change: impl Fn(&mut QueuePolicy)) -> Run {
        let mut run = Run::new(load, 10.0);
        change(&mut run.queue);
        run
    }

    fn with_client(load: f64, change: impl Fn(&mut ClientPolicy)) -> Run {
        let mut run = Run::new(load, 10.0);
        change(&mut run.client);
        run
    }

    /// With one retry the load doubles while answers are late: an overload stays when
    /// `2λ > C`, here above 150/s. Below it, what queued in the cut (`10 λ`, and `9 λ` of
    /// retries) drains at `C − 2λ` until the wait is one second again: `(19 λ − C) / (C − 2λ)`,
    /// 1 265 s at 149/s.
    #[test]
    fn a_retry_makes_half_the_capacity_the_limit() {
        check(
            &Run::new(149.0, 10.0),
            1_500.0,
            Recovers {
                within: 1_200.0..1_300.0,
            },
        );
        check(&Run::new(151.0, 10.0), 600.0, SticksAt(302.0));
        check(&Run::new(280.0, 10.0), 600.0, SticksAt(560.0));
    }

    /// Without retries `10 λ` drains at `C − λ` until the wait is one second: 125 s.
    #[test]
    fn without_retries_a_backlog_just_drains() {
        let run = with_client(280.0, |client| client.attempts = 1);
        check(
            &run,
            300.0,
            Recovers {
                within: 115.0..135.0,
            },
        );
    }

    /// How short a cut still sticks. A request that comes `t` into a cut of `d` waits
    /// `d − t (1 − λ/C)`, so with `d` above the timeout the first `(d − τ) / (1 − λ/C)` seconds
    /// of requests come again from `τ` on. While they do, the queue grows by `2λ − C`; they push
    /// the wait past the timeout, for good, when
    /// `λd + λ(d − τ) + (2λ − C)(d − τ)(C/(C − λ) − 1) > Cτ`: here above 1.005 s. (An estimate by
    /// the queue alone, `Cτ/λ`, gives 1.07 s: it leaves out that the first ones wait for the whole
    /// cut.)
    #[test]
    fn a_cut_just_above_the_timeout_sticks() {
        check(&Run::new(280.0, 0.95), 60.0, Recovers { within: -0.1..2.0 });
        check(&Run::new(280.0, 1.05), 300.0, SticksAt(560.0));
        check(&Run::new(280.0, 1.2), 300.0, SticksAt(560.0));
    }

    /// A queue that holds no more than the server answers within the timeout, `Cτ` = 300, never
    /// holds a request for too long.
    #[test]
    fn a_queue_bound_below_capacity_times_timeout_recovers() {
        let bound = |limit| with_queue(280.0, move |queue| queue.limit = Some(limit));
        check(&bound(290.0), 60.0, Recovers { within: 0.0..2.0 });
        check(&bound(310.0), 300.0, SticksAt(560.0));
    }

    /// A retry budget `b` helps when `λ (1 + b) < C`, that is below 7 % at 280/s; what queued
    /// then drains at `C − λ (1 + b)`.
    #[test]
    fn a_retry_budget_must_leave_room() {
        let budget =
            |load, budget| with_client(load, move |client| client.retry_budget = Some(budget));
        check(
            &budget(280.0, 0.05),
            900.0,
            Recovers {
                within: 430.0..490.0,
            },
        );
        check(&budget(280.0, 0.10), 600.0, SticksAt(308.0));
        check(
            &budget(272.0, 0.10),
            5_000.0,
            Recovers {
                within: 3_300.0..3_900.0,
            },
        );
        check(
            &budget(260.0, 0.10),
            500.0,
            Recovers {
                within: 180.0..220.0,
            },
        );
    }

    /// Shedding everything empties the queue at `C`: 40 s are enough for 12 000 requests. Ten
    /// seconds after the cut about 7 900 wait, thirty seconds after it 13 100.
    #[test]
    fn shedding_helps_when_it_lasts_until_the_queue_is_empty() {
        let shed = |from| Run {
            shed: Some((from, from + 40.0, 1.0)),
            ..Run::new(280.0, 10.0)
        };
        check(&shed(30.0), 300.0, SticksAt(560.0));
        check(&shed(10.0), 300.0, Recovers { within: 45.0..55.0 });
    }

    /// A breaker cures as soon as it has been open for long enough to drain what is queued;
    /// staying open for longer only delays. It opened in the cut, so it has been open for nearly
    /// ten seconds when the cut ends.
    #[test]
    fn a_breaker_cures_and_its_open_time_delays() {
        let breaker = |open_s| {
            with_client(280.0, move |client| {
                client.breaker = Some(Breaker {
                    failure_share: 0.5,
                    calls: 100.0,
                    open_s,
                    probes: 10.0,
                });
            })
        };
        check(&breaker(5.0), 120.0, Recovers { within: 1.0..5.0 });
        check(&breaker(10.0), 120.0, Recovers { within: 0.5..4.0 });
        check(&breaker(30.0), 120.0, Recovers { within: 19.0..24.0 });
        check(&breaker(60.0), 120.0, Recovers { within: 49.0..54.0 });
    }

    /// Adaptive throttling with `K` sends up to `K` times what is accepted: the smaller `K`, the
    /// less waste, and the longer good requests are turned away by its memory of two minutes.
    #[test]
    fn adaptive_throttling_recovers_slowly_and_a_small_k_turns_good_requests_away() {
        let throttle = |k| {
            with_client(280.0, move |client| {
                client.throttle = Some(Throttle { k, window_s: 120.0 });
            })
        };
        check(
            &throttle(2.0),
            1_500.0,
            Recovers {
                within: 300.0..1_000.0,
            },
        );
        check(
            &throttle(1.5),
            1_500.0,
            Recovers {
                within: 300.0..1_000.0,
            },
        );
        let (recovered, sent) = throttle(1.1).recovers(900.0);
        assert!(
            recovered.is_none() && sent < 0.95 * 280.0,
            "{recovered:?} at {sent}/s"
        );
    }

    /// Dropping expired work keeps attempts fast: the server is never busy with what nobody
    /// waits for.
    #[test]
    fn dropping_expired_work_and_serving_the_newest_first_recover_at_once() {
        let drops = with_queue(280.0, |queue| queue.drops_expired = true);
        check(&drops, 60.0, Recovers { within: -1.0..3.0 });
        let lifo = with_queue(280.0, |queue| queue.order = Order::Lifo);
        check(&lifo, 60.0, Recovers { within: -1.0..3.0 });
    }

    /// Under every order and policy, whatever leaves the queue by whichever door.
    #[test]
    fn nothing_is_lost_and_littles_law_holds() {
        let plain = QueuePolicy::default();
        let policies = [
            plain,
            QueuePolicy {
                order: Order::Lifo,
                ..plain
            },
            QueuePolicy {
                drops_expired: true,
                limit: Some(5_000.0),
                ..plain
            },
        ];
        for policy in policies {
            let mut world = Loop::new(client(), policy, STEP_S);
            for step in 0..20_000_u64 {
                let cut = (6_000..7_000).contains(&step);
                let capacity = if cut { 0.0 } else { CAPACITY * STEP_S };
                world.step(140.0 * STEP_S, capacity);
                world.queue.assert_conserved();
            }
        }
    }
}
