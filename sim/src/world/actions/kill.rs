//! A kill switch of a config: its readers fall back to their safe defaults, whatever version
//! distribution gave them, as soon as they hear of it. They do by a way of its own, so those that
//! distribution does not reach hear too; those that nobody reaches do not.

use firedrill_core::ids::ServiceId;
use firedrill_core::remediation::{Action, KillScope};

use crate::random::binomial;

use super::super::World;
use super::super::fleet::Cohort;

/// The share of the instances of a service that use their safe defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Safe {
    before: f64,
    now: f64,
}

impl Safe {
    /// The part of a defect's strength that is left.
    pub(crate) fn leaves(self) -> f64 {
        1.0 - self.now
    }

    /// Instances in a crash loop that hear start with their safe defaults.
    pub(crate) fn revive(self, u: f64, cohort: &mut Cohort) {
        if self.now <= self.before || cohort.crashed == 0 {
            return;
        }
        let hazard = (self.now - self.before) / (1.0 - self.before);
        let revived = binomial(u, u64::from(cohort.crashed), hazard) as u32;
        cohort.crashed -= revived;
        cohort.starting += revived;
    }
}

impl World<'_> {
    /// How far the configs of a service are turned off.
    pub(in super::super) fn safe(&self, service: ServiceId) -> Safe {
        let mut safe = Safe::default();
        for order in &self.actions.under_way {
            let Action::KillSwitch(KillScope::Config(config)) = order.what else {
                continue;
            };
            if self.scenario.configs[config.index()].service == service {
                safe.before = safe.before.max(order.heard.0);
                safe.now = safe.now.max(order.heard.1);
            }
        }
        safe
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::rollout::Audience;

    use super::super::super::fleet::CohortKey;
    use super::*;

    #[test]
    fn those_in_a_crash_loop_start_when_they_hear_and_nobody_is_lost() {
        let key = CohortKey {
            version: 1,
            serves: Audience::Public,
            flapping: false,
            batch: 1,
        };
        let mut cohort = Cohort {
            up: 10,
            crashed: 1_000,
            cut_off: 5,
            ..Cohort::empty(key)
        };
        let half = Safe {
            before: 0.0,
            now: 0.5,
        };
        half.revive(0.5, &mut cohort);
        assert!((480..520).contains(&cohort.crashed), "{}", cohort.crashed);
        let all = Safe {
            before: 0.5,
            now: 1.0,
        };
        all.revive(0.5, &mut cohort);
        assert_eq!((cohort.crashed, cohort.starting), (0, 1_000));
        assert_eq!((cohort.up, cohort.cut_off, cohort.total()), (10, 5, 1_015));
    }
}
