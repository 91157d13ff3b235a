//! What automation may do, how much may be done at once, and how long it may take.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ratio::Ppm;
use crate::rollout::StageKind;
use crate::time::Micros;

use super::action::ActionKind;
use super::drain::DrainPolicy;

/// How far automation is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutomationMode {
    /// People only.
    Off,
    /// Automation proposes, a person approves.
    #[default]
    Suggest,
    /// Automation takes canaries back by itself, and proposes everything else.
    AutomaticForCanary,
    /// Automation acts by itself.
    AutomaticForAll,
}

/// Whether automation may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// By itself.
    Auto,
    /// When a person approves.
    Suggest,
    /// Not at all.
    No,
}

/// Whether automation may take an action of this kind. `stage` is that of the rollout that is
/// blamed, absent when no rollout is.
#[must_use]
pub fn allowed(mode: AutomationMode, kind: ActionKind, stage: Option<StageKind>) -> Permission {
    if kind == ActionKind::OneClickRollback {
        // A click is a person's.
        return Permission::No;
    }
    match mode {
        AutomationMode::Off => Permission::No,
        AutomationMode::Suggest => Permission::Suggest,
        AutomationMode::AutomaticForCanary => {
            let canary = stage == Some(StageKind::Canary);
            if canary && kind == ActionKind::AutomaticRollback {
                Permission::Auto
            } else {
                Permission::Suggest
            }
        }
        AutomationMode::AutomaticForAll => Permission::Auto,
    }
}

/// How often an action may be taken and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionLimits {
    /// How long it usually takes from its begin until its tool says that it is done.
    pub expected: Micros,
    /// How long its tool may take to take it.
    pub start_within: Micros,
    /// How long its tool may take from its start to its end.
    pub finish_within: Micros,
    /// How long there may be no evidence that it worked.
    pub verify_within: Micros,
    /// So many of its kind may be under way. A kill switch is never held back.
    pub at_once_max: u32,
    /// So many of its kind may be begun within an hour. A kill switch is never held back.
    pub per_hour_max: u32,
}

impl ActionLimits {
    /// The usual limits of a kind.
    ///
    /// Expected times: config reaches the fleet in about 14.5 s (Tang et al., "Holistic
    /// Configuration Management at Facebook", SOSP 2015), which holds for rollbacks, kill
    /// switches and freezes; a server-side feature knob acts in seconds (Defcon, OSDI 2023); user
    /// traffic leaves a data centre in about 17 minutes (Veeraraghavan et al., "Maelstrom",
    /// OSDI 2018). Restart, scale, breaker and every deadline and count are assumptions.
    #[must_use]
    pub const fn usual(kind: ActionKind) -> Self {
        let (expected_s, at_once_max, per_hour_max) = match kind {
            ActionKind::AutomaticRollback | ActionKind::OneClickRollback => (15, 4, 20),
            ActionKind::FeatureDisable => (5, 4, 20),
            ActionKind::Drain => (17 * 60, 1, 4),
            ActionKind::Restart => (5 * 60, 1, 6),
            ActionKind::Scale => (5 * 60, 2, 6),
            ActionKind::KillSwitch => (15, u32::MAX, u32::MAX),
            ActionKind::TripBreaker => (5, 4, 20),
            ActionKind::FreezeRollouts => (15, 1, 20),
        };
        Self {
            expected: Micros::from_secs(expected_s),
            start_within: Micros::from_mins(1),
            finish_within: Micros::from_secs(expected_s * 4 + 60),
            verify_within: Micros::from_mins(10),
            at_once_max,
            per_hour_max,
        }
    }
}

/// Everything that decides how remediation behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemediationPolicy {
    /// How far automation is trusted.
    #[serde(default)]
    pub mode: AutomationMode,
    /// Limits that are not the usual ones.
    #[serde(default)]
    pub limits: BTreeMap<ActionKind, ActionLimits>,
    /// How regions are drained.
    #[serde(default)]
    pub drain: DrainPolicy,
    /// How long a suggestion waits for a person.
    pub approve_within: Micros,
    /// How long an override waits for a second person.
    pub second_within: Micros,
}

/// A quarter of an hour for people to answer: an assumption.
impl Default for RemediationPolicy {
    fn default() -> Self {
        Self {
            mode: AutomationMode::default(),
            limits: BTreeMap::new(),
            drain: DrainPolicy::default(),
            approve_within: Micros::from_mins(15),
            second_within: Micros::from_mins(15),
        }
    }
}

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A deadline would pass at once.
    #[error("{0:?}: every deadline must be more than nothing")]
    NoTime(ActionKind),
    /// A kind may never be used.
    #[error("{0:?}: at least one must be allowed at once and an hour")]
    Never(ActionKind),
    /// A drain would not come to an end, or be instantaneous.
    #[error("a drain needs steps of more than nothing and at most everything, and a wait")]
    Drain,
}

impl RemediationPolicy {
    /// The limits of a kind.
    #[must_use]
    pub fn limits(&self, kind: ActionKind) -> ActionLimits {
        let own = self.limits.get(&kind).copied();
        own.unwrap_or(ActionLimits::usual(kind))
    }

    /// Checks what serde cannot.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the first part that is wrong.
    pub fn check(&self) -> Result<(), PolicyError> {
        for (kind, limits) in &self.limits {
            let times = [
                limits.start_within,
                limits.finish_within,
                limits.verify_within,
            ];
            if times.contains(&Micros::ZERO) {
                return Err(PolicyError::NoTime(*kind));
            }
            if limits.at_once_max == 0 || limits.per_hour_max == 0 {
                return Err(PolicyError::Never(*kind));
            }
        }
        let drain = &self.drain;
        let steps_make_sense = Ppm::ZERO < drain.step_first
            && drain.step_first <= drain.step_max
            && drain.step_max <= Ppm::ONE;
        if !steps_make_sense || drain.wait == Micros::ZERO {
            return Err(PolicyError::Drain);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_automation_may_do_in_each_mode() {
        use AutomationMode::{AutomaticForAll, AutomaticForCanary, Off, Suggest};
        let canary = Some(StageKind::Canary);
        let wave = Some(StageKind::Wave);
        let rollback = ActionKind::AutomaticRollback;
        let check = |mode, kind, stage, expected| {
            assert_eq!(
                allowed(mode, kind, stage),
                expected,
                "{mode:?} {kind:?} {stage:?}"
            );
        };
        for kind in ActionKind::ALL {
            check(Off, kind, canary, Permission::No);
        }
        check(Suggest, rollback, canary, Permission::Suggest);
        check(AutomaticForCanary, rollback, canary, Permission::Auto);
        check(AutomaticForCanary, rollback, wave, Permission::Suggest);
        check(AutomaticForCanary, rollback, None, Permission::Suggest);
        let drain = ActionKind::Drain;
        check(AutomaticForCanary, drain, canary, Permission::Suggest);
        check(AutomaticForAll, drain, None, Permission::Auto);
        check(AutomaticForAll, rollback, wave, Permission::Auto);
        let click = ActionKind::OneClickRollback;
        check(AutomaticForAll, click, canary, Permission::No);
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        let mut policy = RemediationPolicy::default();
        assert_eq!(policy.check(), Ok(()));
        let mut limits = ActionLimits::usual(ActionKind::Scale);
        limits.per_hour_max = 0;
        policy.limits.insert(ActionKind::Scale, limits);
        assert_eq!(policy.check(), Err(PolicyError::Never(ActionKind::Scale)));
        limits.verify_within = Micros::ZERO;
        policy.limits.insert(ActionKind::Scale, limits);
        assert_eq!(policy.check(), Err(PolicyError::NoTime(ActionKind::Scale)));
        let mut policy = RemediationPolicy::default();
        policy.drain.step_first = Ppm::ZERO;
        assert_eq!(policy.check(), Err(PolicyError::Drain));
    }
}
