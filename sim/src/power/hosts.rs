//! Canaries without a fault whose hosts differ and whose demand drifts.

use firedrill_core::Micros;
use firedrill_core::health::sequential::{
    ArmCounts, HostEffects, PairedCounts, PairedWindow, SequentialJudge, SequentialPolicy,
};
use serde::Serialize;

use crate::random::{Draws, Entity, gamma, poisson, split};

use super::characteristics::{FalseAlarms, each};

/// A kind of canary without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Faultless {
    /// Hosts of each arm.
    pub hosts: u32,
    /// The squared coefficient of variation of their error rates; zero for none.
    pub variation: f64,
    /// Errors of an arm in a window, on average.
    pub errors: f64,
    /// Requests of an arm in a window, on average.
    pub requests: u64,
    /// Windows of the bake.
    pub windows: u64,
    /// How far demand and error rate swing over the bake, as a share of their mean.
    pub drift: f64,
}

/// Draws of one run, by what they are for.
const ARMS: u64 = 2;
const COUNTS: u64 = 3;
const HOSTS: u64 = 4;
const SPLITS: u64 = 5;

impl Faultless {
    /// Whether a run is stopped.
    ///
    /// Gamma distributed rates of single hosts add up to a Gamma distributed rate of the arm, and
    /// their parts in it do not depend on it. So the arms are drawn first, and hosts only when
    /// the sums alone would alarm: looking at hosts can excuse an alarm, never raise one.
    pub fn is_stopped(&self, policy: &SequentialPolicy, draws: &mut Draws, run: u64) -> bool {
        let blind = SequentialPolicy {
            hosts: HostEffects::None,
            ..*policy
        };
        let suspicious = self.run(&blind, draws, run, &mut []);
        if !suspicious || policy.hosts != HostEffects::Estimated {
            return suspicious;
        }
        let mut hosts = self.host_shares(draws, run);
        self.run(policy, draws, run, &mut hosts)
    }

    /// False alarms of many runs.
    ///
    /// # Panics
    /// When the policy asks for nonsense.
    pub fn false_alarms(&self, policy: &SequentialPolicy, seed: u64, runs: u64) -> FalseAlarms {
        let stopped = each(seed, runs, |draws, run| self.is_stopped(policy, draws, run));
        FalseAlarms {
            runs,
            alarms: stopped.into_iter().filter(|stopped| *stopped).count() as u64,
        }
    }

    /// Each control host's share of the control's error rate.
    fn host_shares(&self, draws: &mut Draws, run: u64) -> Vec<f64> {
        let host = |draws: &mut Draws, host: u32| {
            if self.variation <= 0.0 {
                return 1.0;
            }
            let entity = Entity {
                lane: HOSTS,
                index: u64::from(host),
            };
            gamma(draws.uniform(run, entity), 1.0 / self.variation)
        };
        (0..self.hosts).map(|number| host(draws, number)).collect()
    }

    fn arm_rates(&self, draws: &mut Draws, run: u64) -> [f64; 2] {
        [0, 1].map(|index| {
            if self.variation <= 0.0 {
                return 1.0;
            }
            let shape = f64::from(self.hosts) / self.variation;
            let entity = Entity { lane: ARMS, index };
            gamma(draws.uniform(run, entity), shape) / shape
        })
    }

    fn run(
        &self,
        policy: &SequentialPolicy,
        draws: &mut Draws,
        run: u64,
        hosts: &mut [f64],
    ) -> bool {
        let policy = SequentialPolicy {
            bake: Micros::from_mins(self.windows),
            ..*policy
        };
        let mut judge = SequentialJudge::new(policy, 1).expect("the policy has been checked");
        let rates = self.arm_rates(draws, run);
        let mut parts = vec![0; hosts.len()];
        for window in 0..self.windows {
            let turn = window as f64 / self.windows as f64 * 2.0 * std::f64::consts::PI;
            let (demand, rate) = (
                1.0 + self.drift * libm::sin(turn),
                1.0 + self.drift * libm::cos(turn),
            );
            let requests = (self.requests as f64 * demand) as u64;
            let arm = |draws: &mut Draws, arm: usize| {
                let entity = Entity {
                    lane: COUNTS,
                    index: 2 * window + arm as u64,
                };
                let mean = self.errors * demand * rate * rates[arm];
                ArmCounts {
                    requests,
                    errors: poisson(draws.uniform(run, entity), mean).min(requests),
                }
            };
            let counts = PairedCounts {
                canary: arm(draws, 0),
                control: arm(draws, 1),
            };
            if !hosts.is_empty() {
                let first = window * hosts.len() as u64;
                let draw = |index: usize| {
                    let entity = Entity {
                        lane: SPLITS,
                        index: first + index as u64,
                    };
                    draws.uniform(run, entity)
                };
                let weights = hosts.iter().copied();
                split(draw, counts.control.errors, weights, |host, errors| {
                    parts[host] = errors;
                });
                let each = requests / u64::from(self.hosts);
                let of_hosts: Vec<ArmCounts> = parts
                    .iter()
                    .map(|errors| ArmCounts {
                        requests: each,
                        errors: *errors,
                    })
                    .collect();
                judge.observe_hosts(0, &of_hosts, self.hosts);
            }
            let window = PairedWindow {
                start: Micros::from_mins(window),
                end: Micros::from_mins(window + 1),
                signals: &[counts],
            };
            judge.observe(&window).expect("windows follow each other");
            if judge.has_failed() {
                return true;
            }
        }
        false
    }
}
