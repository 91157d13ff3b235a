//! What the rank judge's verdict rests on: the rule, what decided, what would have changed it.

use comfy_table::{Table as Sheet, presets};
use firedrill_core::health::Outcome;
use firedrill_core::health::rank::metric::{Direction, Label, MetricPolicy, MetricResult, Mode};
use firedrill_core::health::rank::reason::Reason;
use firedrill_core::health::rank::score::{RunScore, Scored, score};
use firedrill_scenarios::offline::policy::RankPlan;
use firedrill_sim::words::{counted, list};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

use super::rank::Judged;

/// A run and everything that led to it.
pub(super) struct Found<'a> {
    pub(super) plan: &'a RankPlan,
    pub(super) run: &'a RunScore,
    pub(super) scored: &'a [Scored],
    pub(super) judged: &'a [Judged],
}

#[derive(Serialize)]
pub(super) struct Document<'a> {
    schema: u32,
    judge: &'static str,
    outcome: Outcome,
    /// None where there is no data to score.
    score: Option<f64>,
    pass: f64,
    marginal: f64,
    rule: String,
    decided: String,
    turn: Option<String>,
    policy: &'a MetricPolicy,
    z_needed: f64,
    metrics: Vec<PrintedMetric<'a>>,
}

#[derive(Serialize)]
struct PrintedMetric<'a> {
    name: &'a str,
    result: &'a MetricResult,
    /// The difference of means (compatible: of shifts) up to which it passes.
    tolerated: Option<f64>,
    why: String,
}

impl Found<'_> {
    pub(super) fn document(&self) -> Document<'_> {
        let policy = &self.plan.metric;
        Document {
            schema: 1,
            judge: "rank",
            outcome: self.run.outcome,
            score: self.score(),
            pass: self.plan.score.pass,
            marginal: self.plan.score.marginal,
            rule: rule(policy),
            decided: self.decided(),
            turn: self.turn(),
            policy,
            z_needed: policy.z_needed(),
            metrics: self
                .judged
                .iter()
                .map(|judged| printed(policy, judged))
                .collect(),
        }
    }

    pub(super) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        let policy = &self.plan.metric;
        let score = match self.score() {
            Some(score) => format!("score {score} of 100"),
            None => "no score".into(),
        };
        let outcome = output.outcome(self.run.outcome);
        output.line(format_args!("{outcome}  {score}, {}", self.decided()))?;
        if let Some(turn) = self.turn() {
            output.line(format_args!("turn  {turn}"))?;
        }
        output.line("")?;
        for line in self.sheet().to_string().lines() {
            output.line(line.trim_end())?;
        }
        output.line("")?;
        for Judged { name, result } in self.judged {
            output.line(format_args!("{name}: {}", why(policy, result)))?;
        }
        output.line("")?;
        output.line(format_args!("rule: {}", rule(policy)))?;
        output.line(format_args!(
            "score: the share of metrics that pass, of those with data; {} passes, {} is marginal \
             (inconclusive)",
            self.plan.score.pass, self.plan.score.marginal
        ))?;
        output.line(
            "points: canary / control; ratio: of the means; shift: the typical difference, canary \
             less control, and the interval that it lies in; z: its distance from none in \
             standard deviations",
        )
    }

    fn score(&self) -> Option<f64> {
        let has_score = !matches!(self.run.outcome, Outcome::NoData(_));
        has_score.then_some(self.run.score)
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new();
        sheet.load_style(presets::NOTHING);
        sheet.set_header(["metric", "says", "points", "ratio", "shift", "between", "z"]);
        let or_dash = |value: Option<f64>| value.map_or("-".into(), figure);
        for Judged { name, result } in self.judged {
            sheet.add_row([
                name.clone(),
                label(result.label).into(),
                format!("{} / {}", result.points.0, result.points.1),
                or_dash(Some(result.mean_ratio).filter(|ratio| ratio.is_finite())),
                or_dash(result.estimate),
                result.shift.map_or("-".into(), between),
                or_dash(result.z),
            ]);
        }
        sheet
    }

    fn names(&self, is_one: impl Fn(&Judged) -> bool) -> Vec<String> {
        let found = self.judged.iter().filter(|judged| is_one(judged));
        found.map(|judged| format!("`{}`", judged.name)).collect()
    }

    /// The rule about the whole run that decided.
    fn decided(&self) -> String {
        let failed = |judged: &Judged| is_failure(judged.result.label);
        let critical = |judged: &Judged| {
            self.plan.critical.contains(&judged.name) && judged.result.label != Label::Pass
        };
        let undecided = |judged: &Judged| !failed(judged) && judged.result.label != Label::Pass;
        let critical = self.names(critical);
        if self.run.critical && !critical.is_empty() {
            return format!(
                "decided by {}, which the policy calls critical",
                list(&critical)
            );
        }
        if let Outcome::NoData(_) = self.run.outcome {
            let names = self.names(undecided);
            return match names.is_empty() {
                true => "there are no metrics".into(),
                false => format!("{} cannot be judged", list(&names)),
            };
        }
        let names = self.names(failed);
        match names.is_empty() {
            true => "no metric fails".into(),
            false => format!("decided by {}", list(&names)),
        }
    }

    /// How many metrics would have to say something else.
    fn turn(&self) -> Option<String> {
        let all = self.scored.len();
        let outcome_with = |n: usize, from: fn(Label) -> bool, to: Label| {
            let mut scored = self.scored.to_vec();
            let of = scored.iter_mut().filter(|metric| from(metric.label));
            for metric in of.take(n) {
                (metric.label, metric.critical) = (to, false);
            }
            score(&self.plan.score, &scored).map(|run| run.outcome)
        };
        let turns = |from: fn(Label) -> bool, to: Label| {
            (1..=all).find_map(|n| {
                let outcome = outcome_with(n, from, to).ok()?;
                (outcome != self.run.outcome).then_some((n, outcome))
            })
        };
        let metrics = |n: usize| counted(n as u64, "metric");
        match self.run.outcome {
            Outcome::Pass => {
                let (n, outcome) = turns(|label| label == Label::Pass, Label::High)?;
                Some(format!(
                    "{} more failing would make it {outcome}",
                    metrics(n)
                ))
            }
            Outcome::Fail | Outcome::Inconclusive => {
                let (n, outcome) = turns(is_failure, Label::Pass)?;
                Some(format!(
                    "{} fewer failing would make it {outcome}",
                    metrics(n)
                ))
            }
            Outcome::NoData(_) => None,
        }
    }
}

fn printed<'a>(policy: &MetricPolicy, judged: &'a Judged) -> PrintedMetric<'a> {
    let Judged { name, result } = judged;
    PrintedMetric {
        name,
        result,
        tolerated: tolerated(policy, result),
        why: why(policy, result),
    }
}

const fn is_failure(label: Label) -> bool {
    matches!(label, Label::High | Label::Low | Label::NoDataFail)
}

const fn label(label: Label) -> &'static str {
    match label {
        Label::Pass => "pass",
        Label::High => "higher: fail",
        Label::Low => "lower: fail",
        Label::NoData => "no data",
        Label::NoDataFail => "no data: fail",
        Label::TooLittle => "too few points",
        Label::Error => "cannot be compared",
    }
}

/// The rule that every metric is held against.
fn rule(policy: &MetricPolicy) -> String {
    let way = match policy.direction {
        Direction::Increase => "higher",
        Direction::Decrease => "lower",
        Direction::Either => "higher or lower",
    };
    let (sure, tolerance) = (percent(policy.confidence), percent(policy.tolerance));
    match policy.mode {
        Mode::Compatible => format!(
            "fails where the {sure} interval of shifts lies {way} by more than {tolerance} \
             of the estimated shift (compatible)"
        ),
        Mode::Guarded { looks, points_min } => format!(
            "fails where z is {way} than chance allows, beyond {:.2} ({sure}, {}), and the \
             means differ by more than {tolerance} of the control's; {} of each side decide",
            policy.z_needed(),
            counted(u64::from(looks), "look"),
            counted(u64::from(points_min), "point")
        ),
    }
}

/// The difference up to which a metric passes.
fn tolerated(policy: &MetricPolicy, result: &MetricResult) -> Option<f64> {
    Some(match policy.mode {
        Mode::Compatible => policy.tolerance * result.estimate?.abs(),
        Mode::Guarded { .. } => policy.tolerance * result.means?.1.abs(),
    })
}

/// What decided a metric, and what would have changed it.
fn why(policy: &MetricPolicy, result: &MetricResult) -> String {
    let z = result.z.unwrap_or(0.0);
    let (needed, mean) = (policy.z_needed(), result.means.map_or(0.0, |means| means.0));
    let edge = edge(policy, result);
    match (result.reason, policy.mode) {
        (Reason::Beyond, Mode::Guarded { .. }) => format!(
            "z of {} is beyond {needed:.2}, and a mean of {} beyond {edge}; a mean up to there \
             passes",
            figure(z),
            figure(mean)
        ),
        (Reason::Beyond, Mode::Compatible) => format!(
            "the interval lies beyond {}",
            figure(tolerated(policy, result).unwrap_or(0.0))
        ),
        (Reason::Same, _) => "both sides are the same".into(),
        (Reason::ByChance, _) => format!(
            "chance explains a z of {}; it fails beyond {needed:.2} with a mean beyond {edge}",
            figure(z)
        ),
        (Reason::Tolerable, _) => format!(
            "z of {} is no chance, but a mean of {} is tolerable; it fails beyond {edge}",
            figure(z),
            figure(mean)
        ),
        (Reason::Disagree, _) => {
            "the middle of the values moved one way and their mean the other".into()
        }
        (Reason::WithinInterval, _) => format!(
            "the interval reaches into what is tolerable, {} around 0",
            figure(tolerated(policy, result).unwrap_or(0.0))
        ),
        (Reason::OtherDirection, _) => {
            "it differs, in a direction that the policy lets pass".into()
        }
        (Reason::Allowed, _) => "the size of the difference is allowed".into(),
        (Reason::Empty, _) => "a side has no values".into(),
        (Reason::TooFew, Mode::Guarded { points_min, .. }) => {
            format!(
                "it takes {} of each side",
                counted(u64::from(points_min), "point")
            )
        }
        (Reason::TooFew, Mode::Compatible) => "a side has too few points".into(),
        (Reason::NotFinite, _) => "a value is infinite".into(),
        (Reason::NoSpread, _) => "there is no spread to measure a difference against".into(),
    }
}

/// The candidate's mean at which the difference stops being tolerable, on the side that it is on.
fn edge(policy: &MetricPolicy, result: &MetricResult) -> String {
    let (Some((canary, control)), Some(tolerated)) = (result.means, tolerated(policy, result))
    else {
        return "-".into();
    };
    let up = canary >= control;
    figure(control + if up { tolerated } else { -tolerated })
}

/// The ends of an interval are found to a millionth of its range.
fn between((low, high): (f64, f64)) -> String {
    let least = 1e-5 * low.abs().max(high.abs());
    let end = |end: f64| figure(if end.abs() < least { 0.0 } else { end });
    format!("{} and {}", end(low), end(high))
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}

/// Four digits that matter, and no zero with a sign.
fn figure(value: f64) -> String {
    let size = value.abs();
    if size < 1e-12 {
        return "0".into();
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:.decimals$}")
}
