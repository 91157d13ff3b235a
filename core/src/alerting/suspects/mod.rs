//! Which change is to blame: every change in flight or recent is a suspect of every incident.
//!
//! A suspect is scored in the manner of the safe-deployment literature (Gandalf; Li et al., NSDI
//! 2020): how soon after a widening the trouble began, over several windows (temporal), and
//! whether the trouble is where the change is (spatial): on the service or on those that depend
//! on it, in the regions it reached, on the instances that run it and not on the others. Each
//! part is a log-likelihood ratio, in thousandths of a nat, of "this change did it" against
//! "something else did"; the parts of one alert add up, so a score reads as evidence, and zero
//! is no evidence at all. What is not known has no part.
//!
//! Alerts of one incident are no independent witnesses: what a change explains best counts whole,
//! the next half, the third a third, and so on. An alert may also be somebody else's, so no
//! single one can acquit a change: see [`SuspectPolicy::stray`]. Scores and a prior give
//! probabilities; the first suspect is blamed when its own is high enough (go or no-go).
//!
//! [`rank`] is a pure function. How often the true cause comes first is measured in
//! `core/tests/alerting/blame.rs`.

mod parts;
mod policy;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{ChangeId, RegionId, ServiceId};
use crate::ratio::Ppm;
use crate::time::Micros;

use parts::Saying;

pub use policy::{DelayWindow, SuspectPolicy};

/// A change reached more or fewer instances of a service in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// When.
    pub at: Micros,
    /// Of which service.
    pub service: ServiceId,
    /// Where.
    pub region: RegionId,
    /// The share of its instances there that run the change from then on.
    pub share: Ppm,
}

/// A change in flight or recent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspectChange {
    /// Its id.
    pub id: ChangeId,
    /// How it spread, oldest first.
    pub widenings: Vec<Widening>,
}

/// Instances, and those among them that the trouble affects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Instances looked at.
    pub instances: u32,
    /// Affected ones; at most `instances`.
    pub affected: u32,
}

/// The alerting service's instances, told apart by whether they run a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSplit {
    /// The change.
    pub change: ChangeId,
    /// Those that run it.
    pub changed: Affected,
    /// Those that do not.
    pub unchanged: Affected,
}

impl VersionSplit {
    /// No instances yet.
    #[must_use]
    pub fn none(change: ChangeId) -> Self {
        Self {
            change,
            changed: Affected::default(),
            unchanged: Affected::default(),
        }
    }

    /// Adds instances that are alike.
    pub const fn add(&mut self, changed: bool, instances: u32, affected: bool) {
        let side = match changed {
            true => &mut self.changed,
            false => &mut self.unchanged,
        };
        side.instances += instances;
        if affected {
            side.affected += instances;
        }
    }
}

/// How far away a service is that the alerting one depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The service that is depended on.
    pub service: ServiceId,
    /// Calls from the alerting service to it, along the shortest way; at least one.
    pub hops: u8,
}

/// An alert, or several of one service that are taken as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The service that alerts.
    pub service: ServiceId,
    /// Where it alerts; empty when nobody knows.
    pub regions: Vec<RegionId>,
    /// Since when.
    pub started_at: Micros,
    /// What it depends on, directly or through others.
    pub dependencies: Vec<Dependency>,
    /// Affected instances by version, where telemetry tells versions apart.
    pub splits: Vec<VersionSplit>,
}

/// What a score is made of, in thousandths of a nat, each part weighted as its alert is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// How soon the trouble followed a widening.
    pub time_milli: i64,
    /// How near the change is to what alerts.
    pub distance_milli: i64,
    /// Whether it alerts where the change is.
    pub region_milli: i64,
    /// Whether it is the changed instances that are affected.
    pub split_milli: i64,
}

impl Parts {
    /// What they say together.
    #[must_use]
    pub const fn total_milli(&self) -> i64 {
        self.time_milli + self.distance_milli + self.region_milli + self.split_milli
    }
}

/// A change with what speaks for and against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The change.
    pub change: ChangeId,
    /// The score: the sum over alerts of what the parts say, never below what a stray alert
    /// leaves over.
    pub score_milli: i64,
    /// How probable it is that this change did it, as far as the weights are right.
    pub probability: Ppm,
    /// The parts, over the alerts that the change can explain.
    pub parts: Parts,
    /// Alerts that it can explain: after a widening, within reach.
    pub explained: u32,
    /// The last widening before an alert that it explains.
    pub widened_at: Option<Micros>,
    /// Whether this change is to blame; true of the first suspect at most.
    pub blamed: bool,
}

/// All changes, the most suspect first.
///
/// Ties go to the change that was widened last, then to the larger id. The first one is blamed
/// when it explains an alert and is at least as probable as [`SuspectPolicy::blame`] asks.
/// Widenings and alerts after `now` are not yet known.
#[must_use]
pub fn rank(
    policy: &SuspectPolicy,
    changes: &[SuspectChange],
    evidence: &[Evidence],
    now: Micros,
) -> Vec<Suspect> {
    let known = evidence.iter().filter(|one| one.started_at <= now);
    let evidence: Vec<&Evidence> = known.collect();
    let alerting = alerting_regions(&evidence);
    let score = |change| score(policy, change, &evidence, &alerting);
    let mut suspects: Vec<Suspect> = changes.iter().map(score).collect();
    suspects.sort_by_key(|suspect| {
        core::cmp::Reverse((suspect.score_milli, suspect.widened_at, suspect.change))
    });
    let odds = |suspect: &Suspect| libm::exp(suspect.score_milli as f64 / 1e3);
    let all: f64 = suspects.iter().map(odds).sum();
    let nobody = suspects.len() as f64 * policy.odds_of_nobody();
    for suspect in &mut suspects {
        suspect.probability = Ppm::from_f64(odds(suspect) / (all + nobody));
    }
    if let Some(first) = suspects.first_mut() {
        first.blamed = first.explained > 0 && first.probability >= policy.blame;
    }
    suspects
}

/// The regions that alert, by region, and since when.
fn alerting_regions(evidence: &[&Evidence]) -> Vec<(RegionId, Micros)> {
    let seen = evidence
        .iter()
        .flat_map(|one| one.regions.iter().map(|region| (*region, one.started_at)));
    let mut seen: Vec<_> = seen.collect();
    seen.sort_unstable();
    seen.dedup_by_key(|(region, _)| *region);
    seen
}

/// One change against all alerts.
fn score(
    policy: &SuspectPolicy,
    change: &SuspectChange,
    evidence: &[&Evidence],
    alerting: &[(RegionId, Micros)],
) -> Suspect {
    let said = evidence
        .iter()
        .map(|one| parts::of(policy, change, one, alerting));
    let mut said: Vec<(i64, Option<Saying>)> = said
        .map(|saying| {
            let total = saying.as_ref().map(|saying| saying.parts.total_milli());
            (policy.stray_milli(total), saying)
        })
        .collect();
    // What it explains best counts most; equal ones add up to the same in any order.
    said.sort_by_key(|(total, _)| core::cmp::Reverse(*total));
    let own_service = |(_, saying): &(i64, Option<Saying>)| {
        saying.as_ref().is_some_and(|saying| saying.own_service)
    };
    let mut suspect = Suspect {
        change: change.id,
        score_milli: 0,
        probability: Ppm::ZERO,
        parts: Parts::default(),
        explained: 0,
        widened_at: None,
        blamed: false,
    };
    if !said.iter().any(own_service) {
        let silent = policy.silent_milli();
        suspect.score_milli += silent;
        suspect.parts.distance_milli += silent;
    }
    for ((total, saying), position) in said.iter().zip(1_i64..) {
        suspect.score_milli += total / position;
        if let Some(Saying {
            parts, widened_at, ..
        }) = saying
        {
            suspect.parts.time_milli += parts.time_milli / position;
            suspect.parts.distance_milli += parts.distance_milli / position;
            suspect.parts.region_milli += parts.region_milli / position;
            suspect.parts.split_milli += parts.split_milli / position;
            suspect.explained += 1;
            suspect.widened_at = suspect.widened_at.max(Some(*widened_at));
        }
    }
    suspect
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const CART: ServiceId = ServiceId(1);
    const NEAR: Micros = Micros::from_mins(600);

    fn change(id: u32, service: ServiceId, at: Micros) -> SuspectChange {
        SuspectChange {
            id: ChangeId(id),
            widenings: vec![Widening {
                at,
                service,
                region: RegionId(0),
                share: Ppm::percent(10),
            }],
        }
    }

    fn alert() -> Evidence {
        Evidence {
            service: CART,
            regions: vec![RegionId(0)],
            started_at: NEAR + Micros::from_mins(4),
            dependencies: vec![Dependency {
                service: ServiceId(2),
                hops: 1,
            }],
            splits: vec![],
        }
    }

    fn order(changes: &[SuspectChange], evidence: &[Evidence]) -> Vec<u32> {
        let policy = SuspectPolicy::default();
        let suspects = rank(&policy, changes, evidence, NEAR + Micros::from_mins(9));
        suspects.iter().map(|suspect| suspect.change.0).collect()
    }

    #[test]
    fn sooner_nearer_and_where_it_alerts_is_more_suspect() {
        let mut elsewhere = change(4, CART, NEAR);
        elsewhere.widenings[0].region = RegionId(3);
        let changes = [
            change(5, ServiceId(9), NEAR),
            elsewhere,
            change(3, CART, NEAR - Micros::from_hours(3)),
            change(2, ServiceId(2), NEAR),
            change(1, CART, NEAR),
        ];
        assert_eq!(order(&changes, &[alert()]), [1, 2, 4, 3, 5]);
    }

    #[test]
    fn a_change_after_the_alert_did_not_cause_it() {
        let after = change(1, CART, NEAR + Micros::from_mins(6));
        let suspects = rank(&SuspectPolicy::default(), &[after], &[alert()], Micros::MAX);
        assert_eq!((suspects[0].explained, suspects[0].blamed), (0, false));
    }

    #[test]
    fn affected_instances_tell_two_changes_apart() {
        let split = |change, changed, unchanged| VersionSplit {
            change: ChangeId(change),
            changed: Affected {
                instances: 20,
                affected: changed,
            },
            unchanged: Affected {
                instances: 180,
                affected: unchanged,
            },
        };
        let changes = [change(1, CART, NEAR), change(2, CART, NEAR)];
        let mut evidence = alert();
        assert_eq!(order(&changes, &[evidence.clone()]), [2, 1], "a tie");
        evidence.splits = vec![split(1, 15, 2), split(2, 2, 15)];
        let suspects = rank(
            &SuspectPolicy::default(),
            &changes,
            &[evidence],
            Micros::MAX,
        );
        assert_eq!(suspects[0].change, ChangeId(1));
        assert!(suspects[0].blamed && !suspects[1].blamed);
        assert!(suspects[0].parts.split_milli > 0 && suspects[1].parts.split_milli < 0);
    }

    #[test]
    fn nothing_known_blames_nobody() {
        let policy = SuspectPolicy::default();
        assert_eq!(rank(&policy, &[], &[alert()], Micros::MAX), []);
        let suspects = rank(&policy, &[change(1, CART, NEAR)], &[], Micros::MAX);
        assert!(!suspects[0].blamed);
    }

    /// The order in which changes and alerts are given changes no figure.
    #[test]
    fn order_of_what_is_given_does_not_count() {
        let mut second = alert();
        second.service = ServiceId(7);
        second.started_at = NEAR + Micros::from_mins(5);
        let mut changes = [change(1, CART, NEAR), change(2, ServiceId(2), NEAR)];
        let mut evidence = [alert(), second];
        let policy = SuspectPolicy::default();
        let one = rank(&policy, &changes, &evidence, Micros::MAX);
        changes.reverse();
        evidence.reverse();
        assert_eq!(rank(&policy, &changes, &evidence, Micros::MAX), one);
    }
}
