//! The sequential judge's verdict about recorded counts.

use firedrill_core::health::sequential::{
    ArmCounts, HostEffects, MeanEvidence, MeanPolicy, PairedWindow, SequentialJudge,
    SequentialPolicy, SequentialVerdict, SignalEvidence, Worse,
};
use firedrill_core::health::{NoDataReason, Outcome};
use firedrill_core::{Micros, Ppm};
use firedrill_scenarios::offline::counts::{Paired, pair, usual_signals};
use firedrill_scenarios::offline::policy::SequentialPlan;
use firedrill_scenarios::offline::signals::SignalPlan;
use firedrill_scenarios::offline::table::Table;
use firedrill_sim::words::{count, counted};
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::units::duration;

use super::{chart, turn};

/// A ratio from which on an interval is told to be open: the control has too few errors to say
/// more.
const RATIO_OPEN: f64 = 1_000.0;

#[derive(Serialize)]
struct Printed<'a> {
    schema: u32,
    judge: &'static str,
    outcome: Outcome,
    decided_by: &'a str,
    windows: u64,
    /// Intervals that only one of the files has; they were not judged.
    unpaired: u64,
    canary_only: u64,
    control_only: u64,
    /// What is left out, and why; what keeps the verdict without data.
    warnings: &'a [String],
    policy: &'a SequentialPolicy,
    signals: Vec<PrintedSignal<'a>>,
    means: Vec<PrintedMean<'a>>,
}

#[derive(Serialize)]
struct PrintedSignal<'a> {
    name: &'a str,
    /// Which way is worse; where fewer are, the arms of the evidence are exchanged.
    worse: Worse,
    evidence: &'a SignalEvidence,
}

#[derive(Serialize)]
struct PrintedMean<'a> {
    name: &'a str,
    policy: MeanPolicy,
    evidence: &'a MeanEvidence,
}

/// A verdict and what it was reached by.
struct Judged {
    paired: Paired,
    /// The signals' names: counts first, then means.
    names: Vec<String>,
    verdict: SequentialVerdict,
    /// Evidence of each after every window.
    evidence: Vec<Vec<f64>>,
}

pub(crate) fn judge(
    plan: &SequentialPlan,
    canary: &Table,
    control: &Table,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let policy = &plan.policy;
    if policy.hosts == HostEffects::Estimated {
        for table in [canary, control] {
            has_hosts(table)?;
        }
    }
    let usual;
    let signals = if plan.signals.is_empty() {
        usual = usual_signals(canary, policy.effect_min_milli)?;
        &usual
    } else {
        &plan.signals
    };
    let judged = watch(policy, pair(canary, control, signals)?)?;
    match output.format() {
        Format::Json => output.json(&printed(policy, &judged))?,
        Format::Human => print(policy, &judged, output)?,
    }
    Ok(judged.verdict.outcome)
}

/// Without a column of hosts, hosts could differ by anything, and that excuses everything.
fn has_hosts(table: &Table) -> Result<(), Failure> {
    let found = table.column("host").map(|_| ()).map_err(|mut problem| {
        problem.message += ", which `hosts: estimated` of the policy reads";
        problem.help("add a column `host`, with one row a host and interval, or leave out `hosts`")
    });
    found.map_err(|problem| Failure::problem(Box::new(problem)))
}

fn printed<'a>(policy: &'a SequentialPolicy, judged: &'a Judged) -> Printed<'a> {
    let Judged { paired, names, .. } = judged;
    let verdict = &judged.verdict;
    let plans = || paired.signals.iter().zip(names);
    let signal =
        |((plan, name), evidence): ((&SignalPlan, &'a String), &'a SignalEvidence)| PrintedSignal {
            name,
            worse: worse(plan),
            evidence,
        };
    let mean = |(plan, name): (&SignalPlan, &'a String)| match plan {
        SignalPlan::Mean { policy, .. } => Some((*policy, name.as_str())),
        SignalPlan::Count { .. } | SignalPlan::Latency { .. } => None,
    };
    let means = plans().filter_map(mean).zip(&verdict.means);
    Printed {
        schema: 1,
        judge: "sequential",
        outcome: verdict.outcome,
        decided_by: &names[verdict.decided_by as usize],
        windows: paired.windows.len() as u64,
        unpaired: paired.canary_only + paired.control_only,
        canary_only: paired.canary_only,
        control_only: paired.control_only,
        warnings: &paired.warnings,
        policy,
        signals: plans().zip(&verdict.signals).map(signal).collect(),
        means: means
            .map(|((policy, name), evidence)| PrintedMean {
                name,
                policy,
                evidence,
            })
            .collect(),
    }
}

const fn worse(plan: &SignalPlan) -> Worse {
    match plan {
        SignalPlan::Count { worse, .. } => *worse,
        SignalPlan::Latency { .. } => Worse::Higher,
        SignalPlan::Mean { policy, .. } => policy.worse,
    }
}

/// The verdict, and the evidence after every window.
fn watch(policy: &SequentialPolicy, paired: Paired) -> Result<Judged, Failure> {
    let effects: Vec<u32> = paired
        .signals
        .iter()
        .filter_map(SignalPlan::effect_milli)
        .collect();
    let mean = |plan: &SignalPlan| match plan {
        SignalPlan::Mean { policy, .. } => Some(*policy),
        SignalPlan::Count { .. } | SignalPlan::Latency { .. } => None,
    };
    let means: Vec<MeanPolicy> = paired.signals.iter().filter_map(mean).collect();
    let mut judge =
        SequentialJudge::with_means(*policy, &effects, &means).map_err(Failure::Policy)?;
    let mut evidence = vec![Vec::new(); paired.signals.len()];
    for window in &paired.windows {
        if policy.hosts == HostEffects::Estimated {
            for (signal, hosts) in window.hosts.iter().enumerate() {
                judge.observe_hosts(signal, &hosts.canary, &hosts.control);
            }
        }
        judge
            .observe_means(&window.samples)
            .map_err(Failure::Sample)?;
        let taken = judge.observe(&PairedWindow {
            start: window.start,
            end: window.end,
            signals: &window.counts,
        });
        taken.map_err(Failure::Sample)?;
        for (signal, values) in evidence.iter_mut().enumerate() {
            let ln_e = match signal.checked_sub(effects.len()) {
                None => judge.ln_e(signal),
                Some(mean) => judge.mean_ln_e(mean),
            };
            values.push(ln_e.unwrap_or(f64::NEG_INFINITY));
        }
    }
    Ok(Judged {
        verdict: judge.verdict(paired.newest.unwrap_or(Micros::ZERO)),
        names: paired.signals.iter().map(SignalPlan::name).collect(),
        paired,
        evidence,
    })
}

fn print(policy: &SequentialPolicy, judged: &Judged, output: &mut Output) -> Result<(), Failure> {
    let Judged { paired, names, .. } = judged;
    let verdict = &judged.verdict;
    let decided_by = verdict.decided_by as usize;
    let first = paired.windows.first().map_or(Micros::ZERO, |w| w.start);
    output.line(format_args!(
        "{}  decided by `{}`, {}, {} only in one file",
        output.outcome(verdict.outcome),
        names[decided_by],
        counted(paired.windows.len() as u64, "window"),
        count(paired.canary_only + paired.control_only)
    ))?;
    for warning in &paired.warnings {
        output.line(format_args!("warning: {warning}"))?;
    }
    if let Outcome::NoData(NoDataReason::Stale) = verdict.outcome {
        output.line(stale(policy, paired))?;
    }
    if paired.windows.is_empty() {
        return output.line("no interval is in both files: nothing was compared");
    }
    let counts = verdict.signals.iter().zip(&paired.signals);
    let counts = counts.map(|(signal, plan)| (signal.outcome, tell(signal, plan, first)));
    let means = verdict.means.iter();
    let means = means.map(|mean| (mean.outcome, tell_mean(mean, first)));
    for (name, (outcome, lines)) in names.iter().zip(counts.chain(means)) {
        output.line("")?;
        output.line(format_args!("{name}: {outcome}"))?;
        for line in lines {
            output.line(format_args!("  {line}"))?;
        }
    }
    output.line("")?;
    let threshold = policy.fail_threshold(names.len());
    let before = match policy.hosts {
        HostEffects::None => "",
        HostEffects::Estimated | HostEffects::AtMost(_) => {
            ", before hosts that differ are allowed for"
        }
    };
    output.line(format_args!(
        "evidence of `{}` in nats since the first interval{before}; the line is where it fails, \
         {threshold:.2}: ln({} / {})",
        names[decided_by],
        counted(names.len() as u64, "signal"),
        policy.alpha
    ))?;
    output.text(&chart::draw(&judged.points(decided_by), threshold))
}

/// Why there is no data although there are intervals.
fn stale(policy: &SequentialPolicy, paired: &Paired) -> String {
    let judged = paired.windows.last().map_or(Micros::ZERO, |w| w.end);
    let newest = paired.newest.unwrap_or(judged);
    format!(
        "the newest interval that both files have ended {} before the newest one of either, and \
         `stale-after` is {}",
        duration(newest - judged),
        duration(policy.stale_after)
    )
}

impl Judged {
    /// The evidence of a signal after every window, by the time since the first began.
    fn points(&self, signal: usize) -> Vec<(Micros, f64)> {
        let windows = &self.paired.windows;
        let first = windows.first().map_or(Micros::ZERO, |w| w.start);
        let ends = windows.iter().map(|window| window.end - first);
        ends.zip(self.evidence[signal].iter().copied()).collect()
    }
}

fn tell_mean(mean: &MeanEvidence, first: Micros) -> Vec<String> {
    let arm = |name: &str, mean: Option<f64>, samples: u64| {
        let mean = mean.map_or("-".into(), |mean| format!("{mean:.4}"));
        format!("{name:8} {mean} over {}", counted(samples, "sample"))
    };
    let mut lines = vec![
        arm("canary", mean.means.0, mean.samples.0),
        arm("control", mean.means.1, mean.samples.1),
    ];
    if let Some((low, high)) = mean.interval {
        lines.push(format!("differ   by {low:.4} to {high:.4} at all times"));
    }
    lines.push(nats(
        (mean.ln_e, mean.fail_threshold),
        (mean.ln_e_pass, mean.pass_threshold),
    ));
    lines.extend(mean.failed_at.map(|at| failed(at, first)));
    if let Some(turn) = turn::of_mean(mean) {
        lines.push(format!("turn     {turn}"));
    }
    lines
}

fn failed(at: Micros, first: Micros) -> String {
    format!(
        "failed   after {}; the evidence is of then, what stands above it of the whole file",
        duration(at - first)
    )
}

fn nats((worse, fails_at): (f64, f64), (no_effect, passes_at): (f64, f64)) -> String {
    format!(
        "worse    {worse:.2} of {fails_at:.2} nats; no such effect {no_effect:.2} of {passes_at:.2}"
    )
}

fn tell(signal: &SignalEvidence, plan: &SignalPlan, first: Micros) -> Vec<String> {
    let worse = worse(plan);
    let arm = |name: &str, counts: ArmCounts| {
        let ratio = Ppm::of(counts.errors, counts.requests);
        format!(
            "{name:8} {} of {} ({ratio})",
            count(counts.errors),
            count(counts.requests)
        )
    };
    // Where fewer are worse, the arms were exchanged.
    let (canary, control, compared) = match worse {
        Worse::Higher => (signal.canary, signal.control, "canary / control"),
        Worse::Lower => (signal.control, signal.canary, "control / canary"),
    };
    let mut lines = vec![arm("canary", canary)];
    if control.requests > 0 {
        lines.push(arm("control", control));
    }
    if let (Some(ratio), Some((low, high))) = (signal.ratio, signal.interval) {
        let compared = if signal.control.requests > 0 {
            compared
        } else {
            "canary / usual"
        };
        let between = if high < RATIO_OPEN {
            format!("between {low:.2} and {high:.2}")
        } else {
            format!("{low:.2} or more, open above,")
        };
        lines.push(format!(
            "ratio    {ratio:.2} ({compared}), {between} at all times"
        ));
    }
    lines.push(nats(
        (signal.ln_e, signal.fail_threshold),
        (signal.ln_e_pass, signal.pass_threshold),
    ));
    lines.extend(signal.failed_at.map(|at| failed(at, first)));
    if let Some(turn) = turn::of_signal(signal, plan) {
        lines.push(format!("turn     {turn}"));
    }
    lines
}
