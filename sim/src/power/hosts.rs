//! Canaries without a fault whose hosts differ and whose demand drifts.

use firedrill_core::health::sequential::{
    ArmCounts, HostEffects, PairedCounts, PairedWindow, SequentialJudge, SequentialPolicy,
};
use firedrill_core::{Micros, Ppm};
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
const CANARY_HOSTS: u64 = 6;
const CANARY_SPLITS: u64 = 7;

/// The false-alarm budget at which the sums of both arms are near an alarm.
const NEAR: Ppm = Ppm::percent(50);

impl Faultless {
    /// Whether a run is stopped.
    ///
    /// Gamma distributed rates of single hosts add up to a Gamma distributed rate of the arm, and
    /// their parts in it do not depend on it. So the arms are drawn first, and hosts only when
    /// the sums alone come near an alarm: looking at hosts can excuse an alarm, and hardly ever
    /// raises one (a test compares).
    pub fn is_stopped(&self, policy: &SequentialPolicy, draws: &mut Draws, run: u64) -> bool {
        if policy.hosts != HostEffects::Estimated {
            return self.run(policy, draws, run, None);
        }
        let near = SequentialPolicy {
            hosts: HostEffects::None,
            alpha: policy.alpha.max(NEAR),
            ..*policy
        };
        self.run(&near, draws, run, None) && self.is_stopped_by_hosts(policy, draws, run)
    }

    /// Whether a run is stopped, with every host drawn.
    pub fn is_stopped_by_hosts(
        &self,
        policy: &SequentialPolicy,
        draws: &mut Draws,
        run: u64,
    ) -> bool {
        let shares = [HOSTS, CANARY_HOSTS].map(|lane| self.host_shares(draws, run, lane));
        self.run(policy, draws, run, Some(&shares))
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

    /// Each host's share of its arm's error rate.
    fn host_shares(&self, draws: &mut Draws, run: u64, lane: u64) -> Vec<f64> {
        let host = |draws: &mut Draws, host: u32| {
            if self.variation <= 0.0 {
                return 1.0;
            }
            let entity = Entity {
                lane,
                index: u64::from(host),
            };
            gamma(draws.uniform(run, entity), 1.0 / self.variation)
        };
        (0..self.hosts).map(|number| host(draws, number)).collect()
    }

    /// One arm's counts of a window, host by host.
    fn of_hosts(
        &self,
        draws: &mut Draws,
        (run, window, lane): (u64, u64, u64),
        shares: &[f64],
        arm: ArmCounts,
    ) -> Vec<ArmCounts> {
        let first = window * shares.len() as u64;
        let draw = |index: usize| {
            let entity = Entity {
                lane,
                index: first + index as u64,
            };
            draws.uniform(run, entity)
        };
        let each = ArmCounts {
            requests: arm.requests / u64::from(self.hosts),
            errors: 0,
        };
        let mut parts = vec![each; shares.len()];
        let weights = shares.iter().copied();
        split(draw, arm.errors, weights, |host, errors| {
            parts[host].errors = errors;
        });
        parts
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

    /// `shares` are those of the control's hosts and of the canary's.
    fn run(
        &self,
        policy: &SequentialPolicy,
        draws: &mut Draws,
        run: u64,
        shares: Option<&[Vec<f64>; 2]>,
    ) -> bool {
        let policy = SequentialPolicy {
            bake: Micros::from_mins(self.windows),
            ..*policy
        };
        let mut judge = SequentialJudge::new(policy, 1).expect("the policy has been checked");
        let rates = self.arm_rates(draws, run);
        for window in 0..self.windows {
            let counts = self.window(draws, run, window, &rates);
            if let Some([control, canary]) = shares {
                let splits = (run, window, SPLITS);
                let control = self.of_hosts(draws, splits, control, counts.control);
                let splits = (run, window, CANARY_SPLITS);
                let canary = self.of_hosts(draws, splits, canary, counts.canary);
                judge.observe_hosts(0, &canary, &control);
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

    fn window(&self, draws: &mut Draws, run: u64, window: u64, rates: &[f64; 2]) -> PairedCounts {
        let turn = window as f64 / self.windows as f64 * 2.0 * std::f64::consts::PI;
        let (demand, rate) = (
            1.0 + self.drift * libm::sin(turn),
            1.0 + self.drift * libm::cos(turn),
        );
        let requests = (self.requests as f64 * demand) as u64;
        let mut arm = |arm: usize| {
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
        PairedCounts {
            canary: arm(0),
            control: arm(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::health::sequential::{Baseline, Onset};

    use super::*;

    /// At 30 %, so that there are alarms to compare.
    #[test]
    fn no_alarm_is_lost_where_the_sums_are_far_from_one() {
        let policy = SequentialPolicy {
            alpha: Ppm::percent(30),
            miss: Ppm::percent(5),
            effect_min_milli: 1_100,
            baseline: Baseline::Control,
            onset: Onset::Either,
            hosts: HostEffects::Estimated,
            bake: Micros::from_mins(60),
            stale_after: Micros::from_mins(5),
            tolerable: Ppm::ZERO,
        };
        let mut alarms = 0;
        for (hosts, variation) in [(5, 0.25), (20, 0.0), (20, 1.0)] {
            let faultless = Faultless {
                hosts,
                variation,
                errors: 20.0,
                requests: 60_000,
                windows: 60,
                drift: 0.8,
            };
            let quick = each(5, 1_500, |draws, run| {
                faultless.is_stopped(&policy, draws, run)
            });
            let whole = each(5, 1_500, |draws, run| {
                faultless.is_stopped_by_hosts(&policy, draws, run)
            });
            alarms += whole.iter().filter(|stopped| **stopped).count();
            assert_eq!(quick, whole, "{hosts} hosts, {variation}");
        }
        assert!(alarms > 3, "{alarms}");
    }
}
