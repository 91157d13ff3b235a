//! From labels to a run's outcome: group scores, weights, critical metrics, two thresholds.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::health::{NoDataReason, Outcome};

use super::metric::Label;

/// One judged metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scored {
    /// Its label.
    pub label: Label,
    /// The groups that it belongs to.
    pub groups: Vec<String>,
    /// Whether its result fails the run.
    pub critical: bool,
    /// Whether it is left out.
    pub muted: bool,
}

/// What is asked of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorePolicy {
    /// Weights of groups, in percent; the rest is split evenly over groups without one.
    pub weights: BTreeMap<String, f64>,
    /// The lowest score that passes.
    pub pass: f64,
    /// The lowest score that is marginal.
    pub marginal: f64,
    /// Whether runs are scored as the judge in wide use does: metrics that could not be judged
    /// count as if they had passed, and nobody looks at the weights.
    pub compatible: bool,
}

/// Why a score policy asks for nonsense. Not looked at in compatible mode.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// `marginal` lies above `pass`, or one of them outside 0 to 100.
    #[error("thresholds must satisfy 0 <= marginal <= pass <= 100")]
    Thresholds,
    /// Weights do not sum to 100, leave nothing for a group without one, or are negative.
    #[error("the weights sum to {sum}, expected 100")]
    Weights {
        /// Their sum.
        sum: f64,
    },
    /// A weight is given to a group that no metric belongs to.
    #[error("a weight is given to a group without metrics")]
    EmptyGroup,
}

/// A run's result.
#[derive(Clone, Debug, PartialEq)]
pub struct RunScore {
    /// From 0 to 100.
    pub score: f64,
    /// The groups' scores.
    pub groups: BTreeMap<String, f64>,
    /// Whether a critical metric failed.
    pub critical: bool,
    /// The outcome: marginal is inconclusive.
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Default)]
struct Count {
    passed: u32,
    counted: u32,
}

/// Scores a run.
///
/// # Errors
/// When the policy asks for nonsense, unless it is compatible.
pub fn score(policy: &ScorePolicy, metrics: &[Scored]) -> Result<RunScore, ScoreError> {
    let judged: Vec<&Scored> = metrics.iter().filter(|metric| !metric.muted).collect();
    let groups = count(&judged);
    if !policy.compatible {
        check(policy, &groups)?;
    }
    let scores: BTreeMap<String, f64> = groups
        .iter()
        .map(|(name, count)| {
            let counted = f64::from(count.counted.max(1));
            ((*name).clone(), f64::from(count.passed) / counted * 100.0)
        })
        .collect();
    let critical = judged
        .iter()
        .any(|metric| metric.critical && metric.label != Label::Pass);
    let missing = judged.iter().filter(|m| m.label == Label::NoData).count();
    let silent = 2 * missing >= judged.len().max(1);
    let sum = if critical || silent {
        0.0
    } else {
        libm::round(weighted(policy, &groups, &scores) * 100.0) / 100.0
    };
    Ok(RunScore {
        score: sum,
        groups: scores,
        critical,
        outcome: outcome(policy, &judged, critical, silent, sum),
    })
}

fn count<'a>(judged: &[&'a Scored]) -> BTreeMap<&'a String, Count> {
    let mut groups: BTreeMap<&String, Count> = BTreeMap::new();
    for metric in judged {
        for name in &metric.groups {
            let group = groups.entry(name).or_default();
            match metric.label {
                Label::Pass => {
                    group.passed += 1;
                    group.counted += 1;
                }
                Label::High | Label::Low | Label::NoDataFail => group.counted += 1,
                Label::NoData | Label::TooLittle | Label::Error => {}
            }
        }
    }
    groups
}

fn weighted(
    policy: &ScorePolicy,
    groups: &BTreeMap<&String, Count>,
    scores: &BTreeMap<String, f64>,
) -> f64 {
    let given: f64 = policy.weights.values().sum();
    let without = groups
        .keys()
        .filter(|name| !policy.weights.contains_key(**name));
    let share = (100.0 - given) / without.count().max(1) as f64;
    groups
        .iter()
        .map(|(name, count)| {
            let weight = policy.weights.get(*name).copied().unwrap_or(share);
            let score = match count.counted {
                0 => 100.0,
                _ => scores.get(*name).copied().unwrap_or(0.0),
            };
            score * weight / 100.0
        })
        .sum()
}

fn check(policy: &ScorePolicy, groups: &BTreeMap<&String, Count>) -> Result<(), ScoreError> {
    let inside = |value: f64| (0.0..=100.0).contains(&value);
    if !inside(policy.pass) || !inside(policy.marginal) || policy.marginal > policy.pass {
        return Err(ScoreError::Thresholds);
    }
    let sum: f64 = policy.weights.values().sum();
    let negative = policy
        .weights
        .values()
        .any(|weight| weight.is_nan() || *weight < 0.0);
    let open = groups
        .keys()
        .any(|name| !policy.weights.contains_key(*name));
    let complete = (sum - 100.0).abs() < 1e-9;
    if negative || sum > 100.0 + 1e-9 || open == complete {
        return Err(ScoreError::Weights { sum });
    }
    if policy.weights.keys().any(|name| !groups.contains_key(name)) {
        return Err(ScoreError::EmptyGroup);
    }
    Ok(())
}

/// In guarded mode a metric that could not be judged never helps a run to pass.
fn outcome(
    policy: &ScorePolicy,
    judged: &[&Scored],
    critical: bool,
    silent: bool,
    score: f64,
) -> Outcome {
    if !policy.compatible && !critical {
        let has = |label: Label| judged.iter().any(|metric| metric.label == label);
        let failing = score < policy.marginal && !silent;
        if silent && !has(Label::High) && !has(Label::Low) {
            return Outcome::NoData(NoDataReason::Missing);
        }
        if !failing && (has(Label::Error) || has(Label::NoData)) {
            return Outcome::NoData(NoDataReason::Missing);
        }
        if !failing && has(Label::TooLittle) {
            return Outcome::NoData(NoDataReason::TooLittle);
        }
    }
    if score >= policy.pass {
        Outcome::Pass
    } else if score >= policy.marginal {
        Outcome::Inconclusive
    } else {
        Outcome::Fail
    }
}
