//! What was asked for, with what goes without saying, and nothing left that cannot be simulated.

use firedrill_core::health::rank::metric::MetricPolicy;
use firedrill_core::health::sequential::{Baseline, HostEffects, Onset, SequentialPolicy, Worse};
use firedrill_core::{Micros, Ppm};
use firedrill_scenarios::offline::policy::{
    OfflineJudge, RankPlan, RepeatedPlan, SequentialPlan, load_policy,
};
use firedrill_scenarios::offline::signals::SignalPlan;
use firedrill_sim::power::policies::Judging;
use firedrill_sim::power::{Case, Change, Reference};

use crate::commands::power::PowerCommand;
use crate::failure::Failure;

/// Errors of one arm in one canary, at the most: each is a draw of its own.
const ERRORS_MAX: f64 = 5e7;
/// Errors and looks that are simulated in all, at the most: about an hour on two cores.
const STEPS_MAX: f64 = 2e11;

/// A judge whose detection is measured by effect and traffic.
#[derive(Debug)]
pub(crate) struct Watching {
    /// In words.
    pub(crate) name: String,
    pub(crate) judging: Judging,
    pub(crate) reference: Reference,
    /// Whether it is a policy file: then nothing else is measured.
    pub(crate) is_policy: bool,
}

/// What is measured.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) command: &'a PowerCommand,
    /// The usual error ratio.
    pub(crate) p0: f64,
    /// That of a bad canary in the worked example.
    pub(crate) p1: f64,
    /// The share of good canaries that may be stopped.
    pub(crate) alpha: f64,
    pub(crate) bake_s: f64,
    pub(crate) look_s: f64,
    pub(crate) watching: Watching,
}

impl<'a> Setting<'a> {
    /// Puts arguments and policy together.
    ///
    /// # Errors
    /// What does not go together, by the names of the arguments.
    pub(crate) fn new(command: &'a PowerCommand) -> Result<Self, Failure> {
        let judge = match &command.policy {
            Some(path) => Some(load_policy(path)?),
            None => None,
        };
        let said = match &judge {
            Some(OfflineJudge::Sequential(plan)) => Some(plan.policy),
            Some(OfflineJudge::Rank(_) | OfflineJudge::Repeated(_)) | None => None,
        };
        let usual = said.and_then(|policy| match policy.baseline {
            Baseline::Known(usual) => Some(usual.as_f64()),
            Baseline::Control => None,
        });
        let of_policy = said.map(|policy| policy.bake.0 as f64 / 1e6);
        let alpha = command.false_alarms / 100.0;
        let bake_s = command.bake.or(of_policy).unwrap_or(600.0);
        let look_s = if judge.is_some() { 10.0 } else { 0.1 };
        let watching = match judge {
            Some(judge) => watching(&judge, command.hosts as u32)?,
            None => usual_judge(alpha, bake_s),
        };
        let percent = command.p0.map(|percent| percent / 100.0);
        let setting = Self {
            command,
            p0: percent.or(usual).unwrap_or(0.001),
            p1: command.p1 / 100.0,
            alpha,
            bake_s,
            look_s: command.look.unwrap_or(look_s),
            watching,
        };
        setting.check()?;
        Ok(setting)
    }

    /// Effects that are looked at within the bake, with the error ratios they come to; those that
    /// come to more than all requests are left out.
    pub(crate) fn effects(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let with_ratio = |effect: &f64| (*effect, effect * self.p0);
        let effects = self.command.effect.iter().map(with_ratio);
        effects
            .filter(|(_, p1)| *p1 <= 1.0 + 1e-9)
            .map(|(effect, p1)| (effect, p1.min(1.0)))
    }

    /// A canary of the judge that is looked at by effect.
    pub(crate) fn case(&self, traffic: f64, p1: f64, change: Change) -> Case {
        Case {
            p0: self.p0,
            p1,
            traffic,
            reference: self.watching.reference,
            change,
            look_s: self.look_s,
            horizon_s: self.bake_s,
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let refuse = |why: String| Err(Failure::Arguments(why));
        let percent = |ratio: f64| (ratio * 1e8).round() / 1e6;
        if !self.watching.is_policy && self.p1 <= self.p0 {
            let (p1, p0) = (percent(self.p1), percent(self.p0));
            return refuse(format!(
                "--p1 must be above --p0, and {p1} % is not above {p0} %"
            ));
        }
        if self.look_s > self.bake_s {
            let (look, bake) = (self.look_s, self.bake_s);
            return refuse(format!(
                "--look must be at most the bake, and {look} s is longer than {bake} s"
            ));
        }
        if self.effects().next().is_none() {
            let p0 = percent(self.p0);
            return refuse(format!(
                "each --effect comes to more than 100 % errors where {p0} % are usual"
            ));
        }
        if self.watching.is_policy && self.command.cell_runs == 0 {
            let why = "--cell-runs must be 1 or more with --policy: they are the bad canaries";
            return refuse(why.into());
        }
        for traffic in &self.command.traffic {
            self.check_traffic(*traffic)?;
        }
        let steps = self.steps();
        if steps > STEPS_MAX {
            return refuse(format!(
                "this simulates about {steps:.0e} errors and looks, and {STEPS_MAX:.0e} are the \
                 most: lower --null-runs, --runs, --cell-runs, --bake or --traffic, or look more \
                 seldom (--look)"
            ));
        }
        Ok(())
    }

    fn check_traffic(&self, traffic: f64) -> Result<(), Failure> {
        let requests = traffic * self.bake_s;
        if requests < 1.0 {
            return Err(Failure::Arguments(format!(
                "--traffic of {traffic} a second brings no request in a bake of {} s",
                self.bake_s
            )));
        }
        let worst = self.effects().map(|(_, p1)| p1).fold(self.p0, f64::max);
        let worst = if self.watching.is_policy {
            worst
        } else {
            worst.max(self.p1)
        };
        let errors = requests * worst;
        if errors > ERRORS_MAX {
            return Err(Failure::Arguments(format!(
                "--traffic of {traffic} a second brings up to {errors:.1e} errors in one bake of \
                 {} s, and {ERRORS_MAX:.0e} are the most: lower --traffic, --bake or --effect",
                self.bake_s
            )));
        }
        Ok(())
    }

    /// Errors and looks that are simulated, at the most.
    fn steps(&self) -> f64 {
        let command = self.command;
        let looks = |look_s: f64| (self.bake_s / look_s).max(1.0);
        let errors = |traffic: f64, p: f64| (self.p0 + p) * traffic * self.bake_s;
        // A sequential judge looks where errors are, a rank judge at all pairs of points.
        let of_judge = |errors: f64| match self.watching.judging {
            Judging::Sequential { .. } => errors + errors.min(looks(self.look_s)),
            Judging::Rank { .. } => errors + looks(self.look_s).powi(2),
            Judging::Repeated { .. } => errors + looks(self.look_s),
        };
        let cells = command.traffic.iter().map(|traffic| {
            let bad = self.effects().map(|(_, p1)| of_judge(errors(*traffic, p1)));
            command.cell_runs as f64 * bad.sum::<f64>()
        });
        let cells: f64 = cells.sum();
        let traffic = command.traffic[0];
        let good = command.null_runs as f64;
        if self.watching.is_policy {
            let each = command
                .traffic
                .iter()
                .map(|n| of_judge(errors(*n, self.p0)));
            return cells + good * each.sum::<f64>();
        }
        let worked = 3.0 * good * errors(traffic, self.p0)
            + 3.0 * command.runs as f64 * errors(traffic, self.p1);
        let rivals = 2.0
            * (good.min(100_000.0) * looks(self.look_s.max(0.1))
                + good.min(20_000.0) * looks(10.0).powi(2));
        cells + worked + rivals
    }
}

/// The sequential judge of the worked example.
fn usual_judge(alpha: f64, bake_s: f64) -> Watching {
    Watching {
        name: "sequential, equal control".into(),
        judging: Judging::Sequential {
            policy: usual_policy(alpha, bake_s, Baseline::Control),
            hosts: 1,
        },
        reference: Reference::Control(1.0),
        is_policy: false,
    }
}

pub(crate) fn usual_policy(alpha: f64, bake_s: f64, baseline: Baseline) -> SequentialPolicy {
    SequentialPolicy {
        alpha: Ppm::from_f64(alpha),
        miss: Ppm::percent(5),
        effect_min_milli: 1_500,
        baseline,
        onset: Onset::Either,
        hosts: HostEffects::None,
        bake: Micros((bake_s * 1e6) as u64),
        stale_after: Micros::MAX,
        tolerable: Ppm::ZERO,
    }
}

/// A policy of `firedrill judge` as a judge of one signal of errors.
fn watching(judge: &OfflineJudge, hosts: u32) -> Result<Watching, Failure> {
    let beside = Reference::Control(1.0);
    let (name, judging, reference) = match judge {
        OfflineJudge::Sequential(plan) => {
            let (mut name, policy) = sequential(plan)?;
            let reference = match policy.baseline {
                Baseline::Known(_) => Reference::Known,
                Baseline::Control => beside,
            };
            if policy.hosts == HostEffects::Estimated {
                name += &format!(", {hosts} hosts that are alike");
            }
            (name, Judging::Sequential { policy, hosts }, reference)
        }
        OfflineJudge::Rank(plan) => rank(plan, beside),
        OfflineJudge::Repeated(plan) => repeated(plan)?,
    };
    Ok(Watching {
        name,
        judging,
        reference,
        is_policy: true,
    })
}

/// The errors get their share of the budget, whatever else is judged.
fn sequential(plan: &SequentialPlan) -> Result<(String, SequentialPolicy), Failure> {
    let signals = plan.signals.len().max(1) as u32;
    let errors = plan.signals.iter().find_map(|signal| match signal {
        SignalPlan::Count {
            column,
            worse: Worse::Higher,
            effect_milli,
        } => Some((column.as_str(), *effect_milli)),
        SignalPlan::Count { .. } | SignalPlan::Latency { .. } | SignalPlan::Mean { .. } => None,
    });
    let (column, effect_min_milli) = match errors {
        Some(found) => found,
        None if plan.signals.is_empty() => ("errors", plan.policy.effect_min_milli),
        None => {
            let why = "--policy has no signal that can be simulated: a `count` of which more are \
                       worse";
            return Err(Failure::Arguments(why.into()));
        }
    };
    let name = match signals {
        1 => format!("sequential, `{column}`"),
        _ => format!("sequential, `{column}` as one of {signals} signals"),
    };
    let policy = SequentialPolicy {
        alpha: Ppm(plan.policy.alpha.0 / signals),
        effect_min_milli,
        stale_after: Micros::MAX,
        ..plan.policy
    };
    policy.check(1).map_err(Failure::Policy)?;
    Ok((name, policy))
}

fn rank(plan: &RankPlan, beside: Reference) -> (String, Judging, Reference) {
    let metric = MetricPolicy {
        critical: plan.critical.iter().any(|name| name == "errors"),
        ..plan.metric
    };
    let score = plan.score.clone();
    let name = "rank, `errors` of a row, judged once at the end of the bake".into();
    (name, Judging::Rank { metric, score }, beside)
}

fn repeated(plan: &RepeatedPlan) -> Result<(String, Judging, Reference), Failure> {
    let metric = &plan.metric;
    let is_ratio = ["ratio", "rate", "share"]
        .iter()
        .any(|word| metric.contains(word));
    if !metric.contains("error") {
        return Err(Failure::Arguments(format!(
            "--policy measures `{metric}`, which cannot be simulated: `errors` (of a row) and \
             `error_ratio` can"
        )));
    }
    let what = if is_ratio {
        "errors by requests"
    } else {
        "errors of a row"
    };
    let policy = plan.policy;
    let name = format!("repeated, `{metric}` ({what})");
    Ok((
        name,
        Judging::Repeated { policy, is_ratio },
        Reference::Known,
    ))
}
