//! Canaries under a policy of `firedrill judge`: what it stops, what it lets pass, and when.
//!
//! A canary is a file as that command reads it: one row a look, with the requests and the errors
//! of each arm.

use firedrill_core::Micros;
use firedrill_core::health::rank::metric::{MetricPolicy, judge_metric};
use firedrill_core::health::rank::score::{ScorePolicy, Scored, score};
use firedrill_core::health::sequential::{
    ArmCounts, HostEffects, PairedCounts, PairedWindow, SequentialJudge, SequentialPolicy,
};
use firedrill_core::health::{Outcome, Repeated, RepeatedPolicy};

use crate::random::{Draws, Entity};

use super::arms::Errors;
use super::characteristics::each;
use super::trial::Case;

/// The lanes of the draws that say on which host of an arm an error was.
const CONTROL_HOST_LANE: u64 = 2;
const CANARY_HOST_LANE: u64 = 3;

/// A judge of one signal of errors.
#[derive(Clone, Debug, PartialEq)]
pub enum Judging {
    /// Looks after every row.
    Sequential {
        /// What is asked.
        policy: SequentialPolicy,
        /// Hosts of each arm, all alike; they matter where hosts are estimated.
        hosts: u32,
    },
    /// Compares the errors of all rows once, at the end.
    Rank {
        /// What is asked of the errors.
        metric: MetricPolicy,
        /// What is asked of the run.
        score: ScorePolicy,
    },
    /// Holds each row of the candidate against limits.
    Repeated {
        /// What is asked.
        policy: RepeatedPolicy,
        /// Whether the measurement is errors by requests; otherwise, it is the errors.
        is_ratio: bool,
    },
}

/// What became of a canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// When it was stopped, in seconds from the start.
    pub failed_s: Option<f64>,
    /// Whether it may go on at the end.
    pub passed: bool,
}

/// What became of many canaries.
#[derive(Clone, Debug, PartialEq)]
pub struct Ends {
    /// When each was stopped; `None` for those that were not.
    pub failed_s: Vec<Option<f64>>,
    /// Those that passed.
    pub passed: u64,
}

/// Runs numbered canaries.
///
/// # Panics
/// When the policy asks for nonsense.
#[must_use]
pub fn watch_all(case: &Case, judging: &Judging, seed: u64, runs: u64) -> Ends {
    let ends = each(seed, runs, |draws, run| watch(case, judging, draws, run));
    Ends {
        failed_s: ends.iter().map(|end| end.failed_s).collect(),
        passed: ends.iter().filter(|end| end.passed).count() as u64,
    }
}

/// Runs one canary.
///
/// # Panics
/// When the policy asks for nonsense.
pub fn watch(case: &Case, judging: &Judging, draws: &mut Draws, run: u64) -> Watched {
    let rows = Rows::new(case, draws, run);
    match judging {
        Judging::Sequential { policy, hosts } => sequential(rows, policy, *hosts, draws),
        Judging::Rank { metric, score } => rank(rows, metric, score, draws),
        Judging::Repeated { policy, is_ratio } => repeated(rows, *policy, *is_ratio, draws),
    }
}

/// The rows of a canary, one after the other.
struct Rows<'a> {
    case: &'a Case,
    run: u64,
    canary: Errors,
    control: Option<(Errors, u64)>,
    /// Looks that have been read.
    done: u64,
}

impl<'a> Rows<'a> {
    fn new(case: &'a Case, draws: &mut Draws, run: u64) -> Self {
        Self {
            case,
            run,
            canary: case.canary(draws, run),
            control: case.control(draws, run),
            done: 0,
        }
    }

    /// The end of the row with this number, from 1.
    fn at(&self, look: u64) -> Micros {
        Micros((look as f64 * self.case.look_seconds() * 1e6) as u64 + look)
    }

    /// The look after which the next error of either arm is known, at the most the last one.
    fn next_error(&self) -> u64 {
        let of_canary = self.canary.next() / self.case.look_requests();
        let control = self.control.as_ref();
        let of_control = control.map_or(u64::MAX, |(errors, n)| errors.next() / n);
        let look = of_canary.min(of_control).saturating_add(1);
        look.min(self.case.looks())
    }

    /// The counts of all rows up to a look, which lies ahead.
    fn read_to(&mut self, look: u64, draws: &mut Draws) -> PairedCounts {
        let (requests, rows) = (self.case.look_requests(), look - self.done);
        self.done = look;
        let control = self.control.as_mut().map(|(errors, n)| ArmCounts {
            requests: *n * rows,
            errors: errors.take_below(draws, *n * look),
        });
        PairedCounts {
            canary: ArmCounts {
                requests: requests * rows,
                errors: self.canary.take_below(draws, requests * look),
            },
            control: control.unwrap_or_default(),
        }
    }

    fn is_over(&self) -> bool {
        self.done >= self.case.looks()
    }

    fn seconds(&self) -> f64 {
        self.done as f64 * self.case.look_seconds()
    }
}

/// Rows without an error go into one window with the next that has one, as in
/// [`alarm_s`](super::trial::alarm_s).
fn sequential(
    mut rows: Rows<'_>,
    policy: &SequentialPolicy,
    hosts: u32,
    draws: &mut Draws,
) -> Watched {
    let mut judge = SequentialJudge::new(*policy, 1).expect("the policy has been checked");
    let mut of_control = Hosts::new(rows.run, CONTROL_HOST_LANE, hosts);
    let mut of_canary = Hosts::new(rows.run, CANARY_HOST_LANE, hosts);
    while !rows.is_over() {
        let (start, look) = (rows.at(rows.done), rows.next_error());
        let counts = rows.read_to(look, draws);
        if policy.hosts == HostEffects::Estimated {
            let canary = of_canary.spread(counts.canary, draws);
            let control = of_control.spread(counts.control, draws);
            judge.observe_hosts(0, &canary, &control);
        }
        let window = PairedWindow {
            start,
            end: rows.at(look),
            signals: &[counts],
        };
        judge.observe(&window).expect("rows follow each other");
        if judge.has_failed() {
            return Watched {
                failed_s: Some(rows.seconds()),
                passed: false,
            };
        }
    }
    Watched {
        failed_s: None,
        passed: judge.verdict(rows.at(rows.done)).outcome == Outcome::Pass,
    }
}

/// Says on which host each error was: on any, with the same chance.
struct Hosts {
    run: u64,
    lane: u64,
    count: u32,
    drawn: u64,
}

impl Hosts {
    fn new(run: u64, lane: u64, count: u32) -> Self {
        let count = count.max(1);
        Self {
            run,
            lane,
            count,
            drawn: 0,
        }
    }

    fn spread(&mut self, counts: ArmCounts, draws: &mut Draws) -> Vec<ArmCounts> {
        let requests = counts.requests / u64::from(self.count);
        let empty = ArmCounts {
            requests,
            errors: 0,
        };
        let mut hosts = vec![empty; self.count as usize];
        for _ in 0..counts.errors {
            let entity = Entity {
                lane: self.lane,
                index: self.drawn,
            };
            self.drawn += 1;
            let host = draws.uniform(self.run, entity) * f64::from(self.count);
            hosts[host as usize].errors += 1;
        }
        // Where errors are many, a host may have drawn more than its share of requests.
        for host in &mut hosts {
            host.requests = host.requests.max(host.errors);
        }
        hosts
    }
}

fn rank(
    mut rows: Rows<'_>,
    metric: &MetricPolicy,
    of_run: &ScorePolicy,
    draws: &mut Draws,
) -> Watched {
    let (mut canary, mut control) = (Vec::new(), Vec::new());
    while !rows.is_over() {
        let counts = rows.read_to(rows.done + 1, draws);
        canary.push(counts.canary.errors as f64);
        control.push(counts.control.errors as f64);
    }
    let result = judge_metric(metric, &canary, &control);
    let scored = Scored {
        label: result.label,
        groups: vec!["all".into()],
        critical: result.critical,
        muted: false,
    };
    let outcome = score(of_run, &[scored]).map(|run| run.outcome);
    Watched {
        failed_s: (outcome == Ok(Outcome::Fail)).then(|| rows.seconds()),
        passed: outcome == Ok(Outcome::Pass),
    }
}

fn repeated(
    mut rows: Rows<'_>,
    policy: RepeatedPolicy,
    is_ratio: bool,
    draws: &mut Draws,
) -> Watched {
    let mut series = Repeated::new(policy, Micros::ZERO);
    while !rows.is_over() && series.ended().is_none() {
        let counts = rows.read_to(rows.done + 1, draws).canary;
        let value = if is_ratio {
            counts.errors as f64 / counts.requests as f64
        } else {
            counts.errors as f64
        };
        let taken = series.observe(rows.at(rows.done), Some(value));
        taken.expect("rows follow each other");
    }
    Watched {
        failed_s: (series.outcome() == Outcome::Fail).then(|| rows.seconds()),
        passed: series.outcome() == Outcome::Pass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::power::trial::alarm_s;
    use crate::power::{Change, Reference};
    use firedrill_core::Ppm;
    use firedrill_core::health::rank::metric::Mode;
    use firedrill_core::health::sequential::{Baseline, Onset};

    fn case(p1: f64, change: Change) -> Case {
        Case {
            p0: 0.01,
            p1,
            traffic: 100.0,
            reference: Reference::Control(1.0),
            change,
            look_s: 10.0,
            horizon_s: 600.0,
        }
    }

    fn policy(hosts: HostEffects) -> SequentialPolicy {
        SequentialPolicy {
            alpha: Ppm(10_000),
            miss: Ppm::percent(5),
            effect_min_milli: 2_000,
            baseline: Baseline::Control,
            onset: Onset::Either,
            hosts,
            bake: Micros::from_mins(10),
            stale_after: Micros::MAX,
            tolerable: Ppm::ZERO,
        }
    }

    /// The same rows, the same draws: the same alarm as the trial that the delays are measured by.
    #[test]
    fn the_sequential_judge_is_that_of_the_trials() {
        let case = case(0.03, Change::AtStart);
        let policy = policy(HostEffects::None);
        let judging = Judging::Sequential { policy, hosts: 1 };
        let mut draws = Draws::new(3, "power", None);
        for run in 0..50 {
            let found = watch(&case, &judging, &mut draws, run).failed_s;
            assert_eq!(found, alarm_s(&case, &policy, &mut draws, run), "run {run}");
        }
    }

    #[test]
    fn good_canaries_pass_and_bad_ones_fail_under_each_judge() {
        let success = firedrill_core::health::Condition::Between(f64::NEG_INFINITY, 0.03);
        let limits = RepeatedPolicy {
            failure_limit: Some(5),
            consecutive_success_limit: 20,
            success: Some(success),
            ..RepeatedPolicy::argo(Micros::from_mins(1), None)
        };
        let metric = MetricPolicy {
            direction: firedrill_core::health::rank::metric::Direction::Increase,
            ..MetricPolicy::usual(Mode::Guarded {
                looks: 1,
                points_min: 8,
            })
        };
        let score = ScorePolicy {
            weights: [].into(),
            pass: 95.0,
            marginal: 75.0,
            compatible: false,
        };
        let sequential = |hosts| Judging::Sequential {
            policy: policy(hosts),
            hosts: 20,
        };
        let judges = [
            sequential(HostEffects::None),
            sequential(HostEffects::Estimated),
            Judging::Rank { metric, score },
            Judging::Repeated {
                policy: limits,
                is_ratio: true,
            },
        ];
        for judging in judges {
            let good = watch_all(&case(0.01, Change::None), &judging, 1, 100);
            let stopped = good.failed_s.iter().flatten().count();
            assert!(stopped <= 6 && good.passed >= 60, "{judging:?}: {good:?}");
            let bad = watch_all(&case(0.08, Change::AtStart), &judging, 1, 100);
            assert!(
                bad.failed_s.iter().all(Option::is_some),
                "{judging:?}: {bad:?}"
            );
        }
    }

    #[test]
    fn hosts_share_the_errors() {
        let mut draws = Draws::new(1, "power/test", None);
        let counts = ArmCounts {
            requests: 1_000,
            errors: 300,
        };
        let hosts = Hosts::new(0, CONTROL_HOST_LANE, 10).spread(counts, &mut draws);
        assert_eq!(hosts.iter().map(|host| host.errors).sum::<u64>(), 300);
        assert!(
            hosts.iter().all(|host| (5..60).contains(&host.errors)),
            "{hosts:?}"
        );
    }
}
