//! The sequential judge's verdict about recorded counts.

use firedrill_core::health::Outcome;
use firedrill_core::health::sequential::{
    HostEffects, PairedWindow, SequentialJudge, SequentialPolicy, SequentialVerdict,
    SignalEvidence, Turn,
};
use firedrill_core::{Micros, Ppm};
use firedrill_scenarios::offline::counts::{Paired, pair};
use firedrill_scenarios::offline::table::Table;
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::units::duration;

use super::chart;

#[derive(Serialize)]
struct Printed<'a> {
    schema: u32,
    judge: &'static str,
    outcome: Outcome,
    decided_by: &'a str,
    windows: u64,
    unpaired: u64,
    policy: &'a SequentialPolicy,
    signals: Vec<PrintedSignal<'a>>,
}

#[derive(Serialize)]
struct PrintedSignal<'a> {
    name: &'a str,
    evidence: &'a SignalEvidence,
}

pub(crate) fn judge(
    policy: &SequentialPolicy,
    canary: &Table,
    control: &Table,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let paired = pair(canary, control)?;
    let (verdict, evidence) = watch(policy, &paired)?;
    match output.format() {
        Format::Json => {
            let names = paired.signals.iter().zip(&verdict.signals);
            output.json(&Printed {
                schema: 1,
                judge: "sequential",
                outcome: verdict.outcome,
                decided_by: &paired.signals[verdict.decided_by as usize],
                windows: paired.windows.len() as u64,
                unpaired: paired.unpaired,
                policy,
                signals: names
                    .map(|(name, evidence)| PrintedSignal { name, evidence })
                    .collect(),
            })?;
        }
        Format::Human => print(policy, &paired, &verdict, &evidence, output)?,
    }
    Ok(verdict.outcome)
}

/// The verdict, and the deciding evidence after every window.
fn watch(
    policy: &SequentialPolicy,
    paired: &Paired,
) -> Result<(SequentialVerdict, Vec<Vec<f64>>), Failure> {
    let count = paired.signals.len();
    let mut judge = SequentialJudge::new(*policy, count).map_err(Failure::Policy)?;
    let mut evidence = vec![Vec::new(); count];
    for window in &paired.windows {
        if policy.hosts == HostEffects::Estimated {
            for (signal, hosts) in window.control_hosts.iter().enumerate() {
                judge.observe_hosts(signal, hosts, paired.canary_hosts);
            }
        }
        let taken = judge.observe(&PairedWindow {
            start: window.start,
            end: window.end,
            signals: &window.counts,
        });
        taken.map_err(Failure::Sample)?;
        for (signal, values) in evidence.iter_mut().enumerate() {
            values.push(judge.ln_e(signal).unwrap_or(f64::NEG_INFINITY));
        }
    }
    let verdict = judge.verdict(paired.newest.unwrap_or(Micros::ZERO));
    Ok((verdict, evidence))
}

fn print(
    policy: &SequentialPolicy,
    paired: &Paired,
    verdict: &SequentialVerdict,
    evidence: &[Vec<f64>],
    output: &mut Output,
) -> Result<(), Failure> {
    let decided_by = verdict.decided_by as usize;
    let first = paired.windows.first().map_or(Micros::ZERO, |w| w.start);
    output.line(format_args!(
        "{}  decided by `{}`, {} windows, {} only in one file",
        output.outcome(verdict.outcome),
        paired.signals[decided_by],
        paired.windows.len(),
        paired.unpaired
    ))?;
    for (name, signal) in paired.signals.iter().zip(&verdict.signals) {
        output.line("")?;
        output.line(format_args!("{name}: {}", signal.outcome))?;
        for line in tell(signal, first) {
            output.line(format_args!("  {line}"))?;
        }
    }
    output.line("")?;
    output.line(format_args!(
        "evidence of `{}` in nats over time; the line is ln(signals / {})",
        paired.signals[decided_by], policy.alpha
    ))?;
    let threshold = verdict.signals[decided_by].fail_threshold;
    output.text(&chart::draw(&evidence[decided_by], threshold))
}

fn tell(signal: &SignalEvidence, first: Micros) -> Vec<String> {
    let arm = |name: &str, errors: u64, requests: u64| {
        let ratio = Ppm::of(errors, requests);
        format!("{name:8} {errors} of {requests} ({ratio})")
    };
    let mut lines = vec![arm("canary", signal.canary.errors, signal.canary.requests)];
    if signal.control.requests > 0 {
        let control = signal.control;
        lines.push(arm("control", control.errors, control.requests));
    }
    if let (Some(ratio), Some((low, high))) = (signal.ratio, signal.interval) {
        lines.push(format!(
            "ratio    {ratio:.2}, between {low:.2} and {high:.2} at all times"
        ));
    }
    lines.push(format!(
        "worse    {:.2} of {:.2} nats; no such effect {:.2} of {:.2}",
        signal.ln_e, signal.fail_threshold, signal.ln_e_pass, signal.pass_threshold
    ));
    if let Some(at) = signal.failed_at {
        lines.push(format!("failed   after {}", duration(at - first)));
    }
    let turn = match signal.turn {
        Turn::ErrorsFewer(n) => format!("{n} errors fewer would not have failed it"),
        Turn::ErrorsMore(n) => format!("{n} more errors at once would fail it"),
        Turn::RequestsToPass(n) => format!("about {n} more requests like these would let it pass"),
        Turn::Bake => "it passes when the bake is over".into(),
        Turn::Nothing => return lines,
    };
    lines.push(format!("turn     {turn}"));
    lines
}
