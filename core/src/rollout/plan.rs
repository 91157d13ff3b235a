//! A rollout plan: stages, how wide each may go, how long it bakes and who judges it.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::JudgePolicy;
use crate::health::judge::JudgeError;
use crate::ids::RegionId;
use crate::ratio::Ppm;
use crate::time::Micros;

/// What a stage is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// A small group that is watched before anybody else gets the change.
    Canary,
    /// One of the steps to everybody.
    Wave,
}

/// Whose requests the instances of a stage serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Everybody's, in proportion.
    Public,
    /// Only those of employees.
    Employees,
    /// Copies of everybody's, whose answers nobody gets: a dark canary. Copies change nothing and
    /// call nobody, so what happens further down, and what the business makes of an answer, is not
    /// seen.
    Mirrored,
    /// Nobody's but synthetic ones.
    Probes,
}

impl Audience {
    /// Whether users get the answers.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Public | Self::Employees => true,
            Self::Mirrored | Self::Probes => false,
        }
    }
}

/// Which instances of a region come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Random ones, as many in each cell.
    #[default]
    Spread,
    /// One cell after the other, whole: what only shows when everybody in a cell does it shows,
    /// and a cell's own hardware and demand cannot be told from the change.
    Cells,
}

impl Placement {
    /// Whether instances are spread, which goes without saying.
    #[must_use]
    pub const fn is_spread(&self) -> bool {
        matches!(self, Self::Spread)
    }
}

/// How many instances of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// A number of instances.
    Instances(u32),
    /// A share of the region's instances, rounded up.
    Ppm(Ppm),
}

impl Share {
    /// The number of instances out of `total`.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::Instances(count) => count.min(total),
            Self::Ppm(share) => u32::try_from(share.of_count_up(u64::from(total)))
                .unwrap_or(total)
                .min(total),
        }
    }
}

/// Where a stage goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The regions; every region when empty.
    pub regions: Vec<RegionId>,
    /// How much of each.
    pub share: Share,
    /// Which instances of a region come first.
    #[serde(default, skip_serializing_if = "Placement::is_spread")]
    pub placement: Placement,
}

/// What to do when something looks bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reaction {
    /// Nothing at once. Ignoring a failure is not passing: the stage still needs a pass.
    Ignore,
    /// Stop widening and wait for an operator.
    Pause,
    /// Go back to last-known-good at once.
    RollBack,
}

/// One stage of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name, unique in the plan.
    pub name: String,
    /// What it is for.
    pub kind: StageKind,
    /// Where it goes. Stages add up: a region keeps the widest share any stage so far gave it.
    pub target: Target,
    /// Whose requests its instances serve.
    pub audience: Audience,
    /// How long it must look good after its instances have the change.
    pub bake: Micros,
    /// Who says whether it does.
    pub judge: JudgePolicy,
    /// What happens when the judge says it does not.
    pub on_failure: Reaction,
}

/// The way of a change to the whole fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The stages, in order; the last one reaches every instance.
    pub stages: Vec<Stage>,
    /// The share of a stage's instances that must report the change before its bake begins.
    pub settled: Ppm,
    /// How long a stage may take to get there before the rollout pauses.
    pub push_deadline: Micros,
    /// How often the judge is asked.
    pub check_every: Micros,
    /// How long past its bake a stage may wait for a pass before the rollout pauses.
    pub hold_max: Micros,
    /// What happens when a paging alert fires on the service while the rollout is under way.
    pub on_alert: Reaction,
}

/// Why a plan cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It has no stages.
    #[error("a plan needs at least one stage")]
    NoStages,
    /// Two stages share a name.
    #[error("two stages are called `{0}`")]
    DuplicateStage(String),
    /// A stage reaches no instance.
    #[error("stage `{0}` reaches no instance")]
    EmptyStage(String),
    /// A stage names a region that the service does not run in.
    #[error("stage `{0}` names a region in which the service has no instances")]
    UnknownRegion(String),
    /// The last stage leaves instances out.
    #[error("the last stage, `{0}`, must reach every instance")]
    NotWhole(String),
    /// A stage's judge could not do what it is asked for.
    #[error("stage `{stage}` cannot be judged: {error}")]
    Judge {
        /// The stage.
        stage: String,
        /// Why.
        error: JudgeError,
    },
    /// Judging has no rhythm.
    #[error("the judge must be asked at an interval above zero")]
    NoCheckInterval,
}

impl Plan {
    /// Checks the plan against the instances of the service, by region.
    ///
    /// # Errors
    /// When the plan cannot be followed to its end.
    pub fn check(&self, instances: &BTreeMap<RegionId, u32>) -> Result<(), PlanError> {
        let last = self.stages.last().ok_or(PlanError::NoStages)?;
        if self.check_every == Micros::ZERO {
            return Err(PlanError::NoCheckInterval);
        }
        for (index, stage) in self.stages.iter().enumerate() {
            let name = || stage.name.clone();
            if self.stages[..index]
                .iter()
                .any(|earlier| earlier.name == stage.name)
            {
                return Err(PlanError::DuplicateStage(name()));
            }
            if stage
                .target
                .regions
                .iter()
                .any(|region| !instances.contains_key(region))
            {
                return Err(PlanError::UnknownRegion(name()));
            }
            if self
                .limits(index, instances)
                .values()
                .all(|count| *count == 0)
            {
                return Err(PlanError::EmptyStage(name()));
            }
            if let Err(error) = stage.judge.check() {
                let stage = name();
                return Err(PlanError::Judge { stage, error });
            }
        }
        if self.limits(self.stages.len() - 1, instances) != *instances {
            return Err(PlanError::NotWhole(last.name.clone()));
        }
        Ok(())
    }

    /// How long before the rollout its judges look back.
    #[must_use]
    pub fn looks_back(&self) -> Micros {
        let stages = self.stages.iter();
        let longest = stages.map(|stage| stage.judge.looks_back()).max();
        longest.unwrap_or_default()
    }

    /// The instances of each region that may run the candidate in `stage`: the widest share of
    /// this and all earlier stages.
    #[must_use]
    pub fn limits(
        &self,
        stage: usize,
        instances: &BTreeMap<RegionId, u32>,
    ) -> BTreeMap<RegionId, u32> {
        let widest = |region: &RegionId, total: u32| {
            let reaching = self.stages[..=stage].iter().filter(|stage| {
                let regions = &stage.target.regions;
                regions.is_empty() || regions.contains(region)
            });
            reaching
                .map(|stage| stage.target.share.of(total))
                .max()
                .unwrap_or(0)
        };
        instances
            .iter()
            .map(|(region, total)| (*region, widest(region, *total)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::health::{Check, Limit, Signal};

    fn stage(name: &str, regions: &[u16], share: Share) -> Stage {
        Stage {
            name: name.into(),
            kind: StageKind::Wave,
            target: Target {
                regions: regions.iter().map(|r| RegionId(*r)).collect(),
                share,
                placement: Placement::Spread,
            },
            audience: Audience::Public,
            bake: Micros::from_mins(10),
            judge: JudgePolicy {
                checks: vec![Check {
                    signal: Signal::Unavailable,
                    limit: Limit::AtMost(0),
                    sample_min: 1,
                }],
                ..JudgePolicy::threshold(Micros::from_mins(2))
            },
            on_failure: Reaction::RollBack,
        }
    }

    fn plan(stages: Vec<Stage>) -> Plan {
        Plan {
            stages,
            settled: Ppm::percent(95),
            push_deadline: Micros::from_mins(10),
            check_every: Micros::from_secs(30),
            hold_max: Micros::from_mins(10),
            on_alert: Reaction::Ignore,
        }
    }

    fn fleet() -> BTreeMap<RegionId, u32> {
        [(RegionId(0), 100), (RegionId(1), 10)].into()
    }

    #[test]
    fn limits_never_shrink() {
        let plan = plan(vec![
            stage("one-region", &[0], Share::Ppm(Ppm::percent(50))),
            stage("everywhere-thin", &[], Share::Ppm(Ppm::percent(1))),
            stage("all", &[], Share::Ppm(Ppm::ONE)),
        ]);
        assert_eq!(plan.check(&fleet()), Ok(()));
        let limits = |stage| {
            plan.limits(stage, &fleet())
                .into_values()
                .collect::<Vec<_>>()
        };
        assert_eq!(limits(0), [50, 0]);
        assert_eq!(limits(1), [50, 1]);
        assert_eq!(limits(2), [100, 10]);
    }

    #[test]
    fn refuses_plans_that_cannot_be_followed() {
        let all = || stage("all", &[], Share::Ppm(Ppm::ONE));
        let check = |stages, expected| assert_eq!(plan(stages).check(&fleet()), Err(expected));
        check(vec![], PlanError::NoStages);
        check(vec![all(), all()], PlanError::DuplicateStage("all".into()));
        check(
            vec![stage("none", &[], Share::Instances(0)), all()],
            PlanError::EmptyStage("none".into()),
        );
        check(
            vec![stage("far", &[9], Share::Instances(1)), all()],
            PlanError::UnknownRegion("far".into()),
        );
        check(
            vec![stage("half", &[], Share::Ppm(Ppm::percent(50)))],
            PlanError::NotWhole("half".into()),
        );
        let mut unjudged = all();
        unjudged.judge.checks.clear();
        let error = PlanError::Judge {
            stage: "all".into(),
            error: JudgeError::NoChecks,
        };
        check(vec![unjudged], error);
        let mut restless = plan(vec![all()]);
        restless.check_every = Micros::ZERO;
        assert_eq!(restless.check(&fleet()), Err(PlanError::NoCheckInterval));
    }
}
