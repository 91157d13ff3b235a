//! A congested pool: the clients that call it, and a queue in front of each of its cohorts.

use firedrill_core::Micros;

use super::super::fleet::CohortKey;
use super::client::Client;
use super::policy::{ClientPolicy, QueuePolicy};
use super::queue::Queue;

/// Calls on their way into a pool along one edge of the call graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inflow {
    /// The edge.
    pub(crate) edge: usize,
    /// What its clients do.
    pub(crate) client: ClientPolicy,
    /// First attempts a second.
    pub(crate) per_s: f64,
}

/// A cohort that serves calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlet {
    /// The cohort.
    pub(crate) key: CohortKey,
    /// Its share of the calls.
    pub(crate) share: f64,
    /// Calls a second that it can serve.
    pub(crate) capacity_per_s: f64,
    /// Seconds that serving one takes, without waiting.
    pub(crate) service_s: f64,
    /// How its queue is run.
    pub(crate) queue: QueuePolicy,
    /// The share of what it answers that is an error.
    pub(crate) error_share: f64,
}

/// How the calls along one edge fared in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct EdgeFate {
    pub(crate) edge: usize,
    /// The share of attempts turned away by the client itself.
    pub(crate) turned_away: f64,
    /// The share of wanted retries that the budget allowed.
    pub(crate) retries_allowed: f64,
}

/// How a cohort fared in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct OutletFate {
    /// The share of attempts that was refused or timed out.
    pub(crate) lost_share: f64,
    /// Mean wait of what was answered in time, in seconds.
    pub(crate) wait_s: f64,
    /// Attempts that wait at the end.
    pub(crate) waiting: f64,
}

/// The state of a pool while it is congested.
#[derive(Clone, Debug)]
pub(crate) struct Congestion {
    step_s: f64,
    steps: u32,
    clients: Vec<(usize, Client)>,
    queues: Vec<(CohortKey, Queue)>,
    lanes: Vec<f64>,
    pub(crate) edges: Vec<EdgeFate>,
    pub(crate) outlets: Vec<OutletFate>,
}

/// The microsteps of a step: a tenth of the shortest timeout, within these bounds.
const MICROSTEP_S: (f64, f64) = (0.02, 0.1);

impl Congestion {
    /// A pool that was not congested before.
    pub(crate) fn new(inflows: &[Inflow], length: Micros) -> Self {
        let shortest = inflows
            .iter()
            .map(|inflow| inflow.client.timeout_s)
            .fold(1e3, f64::min);
        let wanted = (shortest / 10.0).clamp(MICROSTEP_S.0, MICROSTEP_S.1);
        let steps = (length.as_secs_f64() / wanted).ceil().max(1.0) as u32;
        let step_s = length.as_secs_f64() / f64::from(steps);
        let client = |inflow: &Inflow| (inflow.edge, Client::new(inflow.client, step_s));
        let lanes = inflows
            .iter()
            .flat_map(|inflow| {
                std::iter::repeat_n(inflow.client.timeout_s, inflow.client.attempts as usize)
            })
            .collect();
        Self {
            step_s,
            steps,
            clients: inflows.iter().map(client).collect(),
            queues: Vec::new(),
            lanes,
            edges: Vec::new(),
            outlets: Vec::new(),
        }
    }

    /// Moves on by one step of the world.
    pub(crate) fn advance(&mut self, inflows: &[Inflow], outlets: &[Outlet]) {
        self.match_clients(inflows);
        self.match_queues(outlets);
        let lanes = self.lanes.len();
        let (mut wanted, mut turned) = (vec![0.0; inflows.len()], vec![0.0; inflows.len()]);
        let (mut retries, mut allowed) = (vec![0.0; inflows.len()], vec![0.0; inflows.len()]);
        let mut fates = vec![(0.0, 0.0, 0.0, 0.0); outlets.len()];
        let mut arriving = vec![0.0; lanes];
        for _ in 0..self.steps {
            let mut first = 0;
            for (index, (inflow, (_, client))) in inflows.iter().zip(&mut self.clients).enumerate()
            {
                let flow = client.send(inflow.per_s * self.step_s);
                let sent: f64 = flow.sent.iter().sum();
                let asked = sent / (1.0 - flow.turned_away).max(1e-9);
                wanted[index] += asked;
                turned[index] += asked - sent;
                retries[index] += self.step_s;
                allowed[index] += flow.retries_allowed * self.step_s;
                arriving[first..first + flow.sent.len()].copy_from_slice(&flow.sent);
                first += flow.sent.len();
            }
            self.microstep(&arriving, outlets, &mut fates);
        }
        for (_, queue) in &self.queues {
            queue.assert_conserved();
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        self.edges = (0..inflows.len())
            .map(|index| EdgeFate {
                edge: inflows[index].edge,
                turned_away: share(turned[index], wanted[index]),
                retries_allowed: share(allowed[index], retries[index]),
            })
            .collect();
        self.outlets = fates
            .iter()
            .zip(&self.queues)
            .map(
                |((offered, lost, answered, waited), (_, queue))| OutletFate {
                    lost_share: share(*lost, *offered).min(1.0),
                    wait_s: share(*waited, *answered),
                    waiting: queue.waiting(),
                },
            )
            .collect();
    }

    /// Whether the pool is back to where history does not matter.
    pub(crate) fn is_over(&self) -> bool {
        self.queues.iter().all(|(_, queue)| queue.waiting() < 1.0)
            && self.clients.iter().all(|(_, client)| client.is_quiet())
    }

    fn microstep(
        &mut self,
        arriving: &[f64],
        outlets: &[Outlet],
        fates: &mut [(f64, f64, f64, f64)],
    ) {
        let lanes = arriving.len();
        let (mut ok, mut bad) = (vec![0.0; lanes], vec![0.0; lanes]);
        let mut timed_out = vec![0.0; lanes];
        let offered: f64 = arriving.iter().sum();
        for ((outlet, (_, queue)), fate) in outlets.iter().zip(&mut self.queues).zip(fates) {
            let before: f64 = bad.iter().sum::<f64>() + timed_out.iter().sum::<f64>();
            queue.offer(arriving, outlet.share, &mut bad);
            let served = queue.serve(outlet.capacity_per_s * self.step_s);
            queue.grow_older(&mut timed_out);
            let after: f64 = bad.iter().sum::<f64>() + timed_out.iter().sum::<f64>();
            fate.0 += offered * outlet.share;
            fate.1 += after - before;
            fate.2 += served.answered.iter().sum::<f64>();
            fate.3 += served.waited_s;
            for ((ok, bad), answered) in ok.iter_mut().zip(&mut bad).zip(&served.answered) {
                *ok += answered * (1.0 - outlet.error_share);
                *bad += answered * outlet.error_share;
            }
        }
        let mut first = 0;
        for (_, client) in &mut self.clients {
            let lanes = first..first + client.attempts();
            client.learn(
                &ok[lanes.clone()],
                &timed_out[lanes.clone()],
                &bad[lanes.clone()],
            );
            first = lanes.end;
        }
    }

    /// One client an inflow: new ones only ever come when a defect brings other tries.
    fn match_clients(&mut self, inflows: &[Inflow]) {
        if inflows.len() == self.clients.len() {
            return;
        }
        let length = Micros::from_millis((self.step_s * f64::from(self.steps) * 1e3 + 0.5) as u64);
        let fresh = Self::new(inflows, length);
        // What waits keeps its place in time, not its client: nobody waits for it any more.
        *self = fresh;
    }

    /// One queue a cohort, in the cohorts' order; a cohort that is gone leaves what waits to the
    /// first one.
    fn match_queues(&mut self, outlets: &[Outlet]) {
        let mut old = std::mem::take(&mut self.queues);
        for outlet in outlets {
            let found = old.iter().position(|(key, _)| *key == outlet.key);
            let mut queue = match found {
                Some(index) => old.swap_remove(index).1,
                None => {
                    let timeouts: Vec<f64> = self
                        .lanes
                        .iter()
                        .map(|lane| lane - outlet.service_s)
                        .collect();
                    Queue::new(outlet.queue, &timeouts, self.step_s)
                }
            };
            *queue.policy_mut() = outlet.queue;
            self.queues.push((outlet.key, queue));
        }
        if let Some((_, first)) = self.queues.first_mut() {
            old.into_iter().for_each(|(_, queue)| first.absorb(queue));
        }
    }
}
