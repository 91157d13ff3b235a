//! Policy files of `firedrill judge`: one judge and what it is asked for.

use std::collections::BTreeMap;
use std::path::Path;

use firedrill_core::health::rank::metric::{Direction, EffectMeasure, Effects, MetricPolicy, Mode};
use firedrill_core::health::rank::prepare::{Missing, Outliers};
use firedrill_core::health::rank::score::ScorePolicy;
use firedrill_core::health::sequential::{Baseline, HostEffects, Onset, SequentialPolicy};
use firedrill_core::health::{Condition, NoDataRule, RepeatedPolicy};
use firedrill_core::{Micros, Ppm};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::faults::{self, Teller};
use crate::file::JudgeOnsetFile;
use crate::load::LoadErrors;
use crate::place::At;
use crate::problem::{Problem, Source};
use crate::scalar::{Count, Duration, Kind, Number, Percent, Reject, Scalar, Signed, Words};
use crate::yaml;

use super::signals::{self, SignalFile, SignalPlan};

/// A judge and what it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum OfflineJudge {
    /// Counts of two arms, looked at after every window.
    Sequential(SequentialPlan),
    /// Series of two arms, compared once.
    Rank(RankPlan),
    /// One series against fixed limits.
    Repeated(RepeatedPlan),
}

/// What is asked of a sequential judge.
#[derive(Clone, Debug, PartialEq)]
pub struct SequentialPlan {
    /// What is asked of all signals together.
    pub policy: SequentialPolicy,
    /// The signals; when there are none, the columns `errors`, `errors_*` and `slow_*`.
    pub signals: Vec<SignalPlan>,
}

/// What is asked of every column of a rank judge.
#[derive(Clone, Debug, PartialEq)]
pub struct RankPlan {
    /// What is asked of each metric.
    pub metric: MetricPolicy,
    /// Metrics whose failure fails the run.
    pub critical: Vec<String>,
    /// What is asked of the run.
    pub score: ScorePolicy,
}

/// What is asked of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct RepeatedPlan {
    /// The column.
    pub metric: String,
    /// What is asked of it.
    pub policy: RepeatedPolicy,
}

/// A policy file: exactly one of its keys.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyFile {
    /// Counts of two arms, looked at after every window.
    Sequential(SequentialFile),
    /// Series of two arms, compared once.
    Rank(RankFile),
    /// One series against fixed limits.
    Repeated(RepeatedFile),
}

/// The sequential judge.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SequentialFile {
    /// How often a good canary may be stopped, below 50 %; 0.1 % when left out.
    pub false_alarms: Option<Scalar<Percent>>,
    /// How often a canary with the smallest effect may pass; 5 % when left out.
    pub misses: Option<Scalar<Percent>>,
    /// The smallest multiple of the control's errors that matters; 1.5 when left out.
    pub smallest_effect: Option<Scalar<Number>>,
    /// The error ratio that is known to be usual; without it, the control tells.
    pub usual: Option<Scalar<Percent>>,
    /// When a change may begin to show; `either` when left out.
    pub onset: Option<JudgeOnsetFile>,
    /// Whether hosts differ; `none` when left out, `estimated` needs a `host` column.
    pub hosts: Option<HostsFile>,
    /// How long the canary is watched before it may pass; 10m when left out.
    pub bake: Option<Scalar<Duration>>,
    /// After how long without data there is none; 5m when left out.
    pub stale_after: Option<Scalar<Duration>>,
    /// An error ratio that never fails; none when left out.
    pub tolerable: Option<Scalar<Percent>>,
    /// The signals; the columns `errors`, `errors_*` and `slow_*` when left out.
    pub signals: Option<At<Vec<SignalFile>>>,
}

/// Whether hosts differ.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostsFile {
    /// They do not.
    None,
    /// As far as the control's hosts show.
    Estimated,
}

/// The rank judge.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RankFile {
    /// Whether to repeat the judge in wide use to the last digit, with its traps.
    pub compatible: bool,
    /// Which deviations matter; `either` when left out.
    pub direction: Option<DirectionFile>,
    /// The size of difference that matters, as a share, up to 10; 0.25 when left out.
    pub tolerance: Option<Scalar<Number>>,
    /// The confidence of the comparison; 98 % when left out.
    pub confidence: Option<Scalar<Percent>>,
    /// How often the canary will be judged, up to 10000; 1 when left out. Not in compatible mode.
    pub looks: Option<Scalar<Count>>,
    /// The fewest points that decide anything, up to 10000; 8 when left out. Not in compatible
    /// mode.
    pub points: Option<Scalar<Count>>,
    /// The lowest score that passes; 95 when left out.
    pub pass: Option<Scalar<Number>>,
    /// The lowest score that is marginal; 75 when left out.
    pub marginal: Option<Scalar<Number>>,
    /// Metrics whose failure fails the run.
    pub critical: Vec<Scalar<Words>>,
}

/// Which deviations matter.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DirectionFile {
    /// More is worse.
    Increase,
    /// Less is worse.
    Decrease,
    /// Any difference is.
    Either,
}

/// Fixed limits on one column, counted as canary tools count.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RepeatedFile {
    /// The column.
    pub metric: Scalar<Words>,
    /// The largest value that succeeds.
    pub at_most: Option<Scalar<Signed>>,
    /// The smallest value that succeeds.
    pub at_least: Option<Scalar<Signed>>,
    /// Failed measurements that are let pass, in all; 0 when left out.
    pub failure_limit: Option<Scalar<Count>>,
    /// Failed measurements in a row that are let pass; any when left out.
    pub consecutive_failure_limit: Option<Scalar<Count>>,
    /// Inconclusive measurements that are let pass; 0 when left out.
    pub inconclusive_limit: Option<Scalar<Count>>,
    /// Errors in a row that are let pass; 4 when left out.
    pub consecutive_error_limit: Option<Scalar<Count>>,
    /// Successes in a row that end it; never when left out.
    pub consecutive_success_limit: Option<Scalar<Count>>,
    /// What a measurement without a value counts as; an `error` when left out.
    pub no_data: Option<NoDataFile>,
}

/// What a measurement without a value counts as.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoDataFile {
    /// An error.
    Error,
    /// A failure.
    Failure,
    /// Neither good nor bad.
    Inconclusive,
    /// Nothing.
    Ignore,
}

/// Loads a policy file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_policy(path: &Path) -> Result<OfflineJudge, LoadErrors> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let source = Source::new(&name, "");
        Problem::new(
            "judge::unreadable",
            &source,
            format!("cannot be read: {error}"),
        )
        .help("name a policy file with `--policy`")
    })?;
    parse_policy(&name, &text)
}

/// Understands the text of a policy file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_policy(name: &str, text: &str) -> Result<OfflineJudge, LoadErrors> {
    let source = Source::new(name, text);
    let file = read_policy(&source)?;
    let (judge, mut problems) = understand(&source, &file);
    let faults = faults::of_policy(&file);
    let told = |fault: &faults::Fault| fault.problem(Teller::Judge, &source);
    problems.extend(faults.iter().map(told));
    // The faults have said all of this, each with its place.
    if let OfflineJudge::Sequential(plan) = &judge
        && problems.is_empty()
        && let Err(error) = plan.policy.check(plan.signals.len().max(1))
    {
        let problem = Problem::new("judge::policy", &source, error.to_string());
        problems.push(problem.help("change the policy file"));
    }
    if problems.is_empty() {
        Ok(judge)
    } else {
        Err(LoadErrors { problems })
    }
}

/// The judges that a policy may name.
pub(crate) const JUDGES: [&str; 3] = ["sequential", "rank", "repeated"];

/// Reads a policy file, which names one judge.
pub(crate) fn read_policy(source: &Source) -> Result<PolicyFile, Box<Problem>> {
    yaml::read(source).map_err(|problem| {
        let keys = yaml::read::<BTreeMap<String, IgnoredAny>>(source);
        let keys: Option<Vec<String>> = keys.ok().map(|keys| keys.into_keys().collect());
        let is_judge = |key: &String| JUDGES.contains(&key.as_str());
        let message = match keys {
            Some(keys) if keys.is_empty() => "this policy names no judge",
            Some(keys) if keys.len() > 1 && keys.iter().any(is_judge) => {
                "this policy has more than one key, and a policy is one judge"
            }
            Some(_) | None => return yaml::with_schema(problem, "policy"),
        };
        let problem = Problem {
            message: message.into(),
            label: Some("a judge is expected here, and nothing beside it".into()),
            ..*problem
        };
        let help = "write one of `sequential`, `rank` and `repeated`, with its keys below it";
        Box::new(problem.help(help))
    })
}

/// What a file asks for, and the scalars of it that are no values of their kind.
pub(crate) fn understand(source: &Source, file: &PolicyFile) -> (OfflineJudge, Vec<Problem>) {
    let mut reader = Reader {
        source,
        problems: Vec::new(),
    };
    let judge = match file {
        PolicyFile::Sequential(file) => OfflineJudge::Sequential(reader.sequential(file)),
        PolicyFile::Rank(file) => OfflineJudge::Rank(reader.rank(file)),
        PolicyFile::Repeated(file) => OfflineJudge::Repeated(reader.repeated(file)),
    };
    (judge, reader.problems)
}

/// Understands scalars and collects what is wrong with them.
pub(super) struct Reader<'a> {
    source: &'a Source,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn read<K: Kind>(
        &mut self,
        scalar: Option<&Scalar<K>>,
        usual: K::Value,
    ) -> K::Value {
        let Some(scalar) = scalar else {
            return usual;
        };
        K::parse(&scalar.text).unwrap_or_else(|reject| {
            let message = match reject {
                Reject::NotOne => format!("`{}` is not {}", scalar.text, K::EXPECTED),
                Reject::OutOfRange(why) => format!("`{}` {why}", scalar.text),
            };
            let problem = Problem::new("judge::value", self.source, message);
            let problem = problem.at(scalar.place).label("here");
            self.problems
                .push(problem.help(format!("write {}", K::EXPECTED)));
            usual
        })
    }

    fn sequential(&mut self, file: &SequentialFile) -> SequentialPlan {
        let policy = self.sequential_policy(file);
        let effect = policy.effect_min_milli;
        let signals = file.signals.as_ref();
        let signals = signals.map_or_else(Vec::new, |signals| {
            signals::read(self, &signals.value, effect)
        });
        SequentialPlan { policy, signals }
    }

    fn sequential_policy(&mut self, file: &SequentialFile) -> SequentialPolicy {
        let effect = self.read(file.smallest_effect.as_ref(), 1.5);
        let usual = self.read(file.usual.as_ref(), Ppm::ZERO);
        SequentialPolicy {
            alpha: self.read(file.false_alarms.as_ref(), Ppm(1_000)),
            miss: self.read(file.misses.as_ref(), Ppm(50_000)),
            effect_min_milli: signals::milli(effect),
            baseline: match file.usual {
                Some(_) => Baseline::Known(usual),
                None => Baseline::Control,
            },
            onset: file.onset.map_or(Onset::Either, JudgeOnsetFile::onset),
            hosts: match file.hosts {
                Some(HostsFile::Estimated) => HostEffects::Estimated,
                Some(HostsFile::None) | None => HostEffects::None,
            },
            bake: self.read(file.bake.as_ref(), Micros::from_mins(10)),
            stale_after: self.read(file.stale_after.as_ref(), Micros::from_mins(5)),
            tolerable: self.read(file.tolerable.as_ref(), Ppm::ZERO),
        }
    }

    fn rank(&mut self, file: &RankFile) -> RankPlan {
        let looks = self.read(file.looks.as_ref(), 1);
        let points_min = self.read(file.points.as_ref(), 8);
        RankPlan {
            metric: MetricPolicy {
                mode: if file.compatible {
                    Mode::Compatible
                } else {
                    Mode::Guarded { looks, points_min }
                },
                direction: match file.direction {
                    Some(DirectionFile::Increase) => Direction::Increase,
                    Some(DirectionFile::Decrease) => Direction::Decrease,
                    Some(DirectionFile::Either) | None => Direction::Either,
                },
                missing: Missing::Remove,
                outliers: Outliers::Keep,
                tolerance: self.read(file.tolerance.as_ref(), 0.25),
                confidence: self.read(file.confidence.as_ref(), Ppm(980_000)).as_f64(),
                effects: Effects::all(EffectMeasure::MeanRatio),
                critical: false,
                must_have_data: false,
            },
            critical: file.critical.iter().map(|name| name.text.clone()).collect(),
            score: ScorePolicy {
                weights: [].into(),
                pass: self.read(file.pass.as_ref(), 95.0),
                marginal: self.read(file.marginal.as_ref(), 75.0),
                compatible: file.compatible,
            },
        }
    }

    fn repeated(&mut self, file: &RepeatedFile) -> RepeatedPlan {
        let at_most = self.read(file.at_most.as_ref(), f64::INFINITY);
        let at_least = self.read(file.at_least.as_ref(), f64::NEG_INFINITY);
        let in_row = self.read(file.consecutive_failure_limit.as_ref(), 0);
        RepeatedPlan {
            metric: file.metric.text.clone(),
            policy: RepeatedPolicy {
                success: Some(Condition::Between(at_least, at_most)),
                failure_limit: Some(self.read(file.failure_limit.as_ref(), 0)),
                consecutive_failure_limit: file.consecutive_failure_limit.as_ref().map(|_| in_row),
                inconclusive_limit: self.read(file.inconclusive_limit.as_ref(), 0),
                consecutive_error_limit: self.read(file.consecutive_error_limit.as_ref(), 4),
                consecutive_success_limit: self.read(file.consecutive_success_limit.as_ref(), 0),
                no_data: match file.no_data {
                    Some(NoDataFile::Failure) => NoDataRule::Failure,
                    Some(NoDataFile::Inconclusive) => NoDataRule::Inconclusive,
                    Some(NoDataFile::Ignore) => NoDataRule::Ignore,
                    Some(NoDataFile::Error) | None => NoDataRule::Error,
                },
                ..RepeatedPolicy::argo(Micros::from_mins(1), None)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_usual() {
        let judge = parse_policy("p.yaml", "sequential: {}\n").unwrap();
        let OfflineJudge::Sequential(SequentialPlan { policy, signals }) = judge else {
            panic!("{judge:?}");
        };
        assert_eq!(signals, []);
        assert_eq!((policy.alpha, policy.effect_min_milli), (Ppm(1_000), 1_500));
        let text = "sequential:\n  usual: 0.1 %\n  bake: 1h\n  onset: start\n";
        let judge = parse_policy("p.yaml", text).unwrap();
        let OfflineJudge::Sequential(SequentialPlan { policy, .. }) = judge else {
            panic!("{judge:?}");
        };
        assert_eq!(policy.baseline, Baseline::Known(Ppm(1_000)));
        assert_eq!(policy.bake, Micros::from_hours(1));
    }

    #[test]
    fn signals_are_read_one_by_one() {
        let text = "sequential:
  smallest-effect: 2
  signals:
    - count: {column: orders, worse: either, smallest-effect: 1.25}
    - latency: {quantile: 99 %}
    - mean: {column: cpu, high: 100, worse: lower, effect: 5}
";
        let judge = parse_policy("p.yaml", text).unwrap();
        let OfflineJudge::Sequential(plan) = judge else {
            panic!("{judge:?}");
        };
        let names: Vec<String> = plan.signals.iter().map(SignalPlan::name).collect();
        let expected = [
            "orders",
            "orders (fewer)",
            "latency above the control's 99 %",
            "mean of cpu (less)",
        ];
        assert_eq!(names, expected);
        let effects: Vec<u32> = plan
            .signals
            .iter()
            .filter_map(SignalPlan::effect_milli)
            .collect();
        assert_eq!(effects, [1_250, 1_250, 2_000]);
    }

    #[test]
    fn problems_have_a_place() {
        let check = |text: &str, expected: &str| {
            let errors = parse_policy("p.yaml", text).unwrap_err();
            let said = errors.to_string();
            assert!(said.contains(expected), "{said}");
        };
        check(
            "sequential:\n  bake: soon\n",
            "p.yaml:2:9: `soon` is not a duration",
        );
        check(
            "sequential:\n  bakes: 1h\n",
            "p.yaml:2:3: unknown key `bakes`",
        );
        check(
            "sequential:\n  smallest-effect: 1\n",
            "p.yaml:2:20: `smallest-effect` of this policy is `1`; allowed is more than 1",
        );
        let mean = "sequential:\n  signals:\n    - mean: {column: cpu, high: 1, effect: 2}\n";
        check(
            mean,
            "p.yaml:3:22: the effect must lie above what is tolerable",
        );
        let known =
            "sequential:\n  usual: 1 %\n  signals:\n    - count: {column: ok, worse: lower}\n";
        check(known, "p.yaml:4:23: this is compared with a control");
        let effect = "sequential:\n  signals:\n    - count: {column: e, smallest-effect: 1}\n";
        check(
            effect,
            "p.yaml:3:43: `smallest-effect` of this policy is `1`",
        );
        check("magic: {}\n", "`magic` is not one of the choices");
    }
}
