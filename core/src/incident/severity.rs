//! How bad it is: Sev-0 to Sev-4, from what users feel.
//!
//! A severity is raised at once and lowered only after the harm has stayed below it for a while,
//! so that an incident that flaps keeps the response it needs.
//! Responders are told to assume the worse of two severities and to argue later (PagerDuty,
//! "Severity Levels", <https://response.pagerduty.com/before/severity_levels/>).

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::PersonId;
use crate::ratio::Ppm;
use crate::time::Micros;

/// How bad an incident is. The worse one is the lesser one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nearly everybody is harmed.
    Sev0,
    /// Very many are.
    Sev1,
    /// Many are.
    Sev2,
    /// Few are.
    Sev3,
    /// Nobody is yet.
    Sev4,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 5] = [Self::Sev0, Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    /// Whether it is worse than another.
    #[must_use]
    pub fn is_worse_than(self, other: Self) -> bool {
        self < other
    }

    /// The worse of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.min(other)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sev0 => "Sev-0",
            Self::Sev1 => "Sev-1",
            Self::Sev2 => "Sev-2",
            Self::Sev3 => "Sev-3",
            Self::Sev4 => "Sev-4",
        })
    }
}

/// What users feel of an incident now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// The share of users who are harmed.
    pub users: Ppm,
    /// The share of requests that fail or are too late.
    pub requests: Ppm,
    /// The fastest burn rate of an objective, in thousandths.
    pub burn_milli: u64,
    /// In how many regions.
    pub regions: u32,
}

impl Impact {
    /// Whether nobody is harmed.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.users == Ppm::ZERO && self.requests == Ppm::ZERO
    }
}

/// What makes a severity. Each part is reached at its number; one part is enough; an absent part
/// is never reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// Share of users who are harmed.
    #[serde(default)]
    pub users: Option<Ppm>,
    /// Share of requests that fail or are too late.
    #[serde(default)]
    pub requests: Option<Ppm>,
    /// Burn rate in thousandths.
    #[serde(default)]
    pub burn_milli: Option<u64>,
    /// Number of regions in which somebody is harmed.
    #[serde(default)]
    pub regions: Option<u32>,
}

impl Threshold {
    fn is_reached(&self, impact: &Impact) -> bool {
        self.users.is_some_and(|least| impact.users >= least)
            || self.requests.is_some_and(|least| impact.requests >= least)
            || self
                .burn_milli
                .is_some_and(|least| impact.burn_milli >= least)
            || (!impact.is_none() && self.regions.is_some_and(|least| impact.regions >= least))
    }
}

/// How severity follows from impact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeverityPolicy {
    /// What makes Sev-0, Sev-1, Sev-2 and Sev-3, in this order; anything else is Sev-4.
    pub thresholds: [Threshold; 4],
    /// How long the harm must have stayed below a severity before it is lowered.
    pub lower_after: Micros,
}

/// Half, a tenth, a hundredth and a thousandth of the users or requests. An assumption: no two
/// organisations publish the same numbers. The burn rates of Sev-1 to Sev-3 are those at which
/// the *Site Reliability Workbook* pages at once, pages, and writes a ticket (chapter "Alerting on
/// SLOs"). Ten minutes of hold are an assumption too.
impl Default for SeverityPolicy {
    fn default() -> Self {
        let share = |share, burn_milli| Threshold {
            users: Some(share),
            requests: Some(share),
            burn_milli,
            regions: None,
        };
        Self {
            thresholds: [
                share(Ppm::percent(50), None),
                share(Ppm::percent(10), Some(14_400)),
                share(Ppm::percent(1), Some(6_000)),
                share(Ppm(1_000), Some(1_000)),
            ],
            lower_after: Micros::from_mins(10),
        }
    }
}

impl SeverityPolicy {
    /// The severity of an impact by itself: the worst whose threshold is reached.
    #[must_use]
    pub fn of(&self, impact: &Impact) -> Severity {
        let reached = |(severity, threshold): (Severity, &Threshold)| {
            threshold.is_reached(impact).then_some(severity)
        };
        Severity::ALL
            .into_iter()
            .zip(&self.thresholds)
            .find_map(reached)
            .unwrap_or(Severity::Sev4)
    }
}

/// Why a severity changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeverityCause {
    /// The first look at the impact.
    Assessed,
    /// The impact grew.
    ImpactGrew,
    /// The impact had stayed below it for long enough.
    ImpactShrank,
    /// Somebody decided so.
    Decided(PersonId),
}

/// A change of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeverityChange {
    /// When.
    pub at: Micros,
    /// Before; absent for the first one.
    pub from: Option<Severity>,
    /// After.
    pub to: Severity,
    /// Why.
    pub cause: SeverityCause,
}

/// A lower severity that waits for its hold time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lowering {
    /// The worst that the impact has been since.
    to: Severity,
    since: Micros,
}

/// The severity of one incident over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeverityTrack {
    policy: SeverityPolicy,
    /// What the impact alone says now.
    assessed: Option<Severity>,
    lowering: Option<Lowering>,
    changes: Vec<SeverityChange>,
}

impl SeverityTrack {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(policy: SeverityPolicy) -> Self {
        Self {
            policy,
            assessed: None,
            lowering: None,
            changes: Vec::new(),
        }
    }

    /// The severity now; absent before the first look.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.changes.last().map(|change| change.to)
    }

    /// The worst so far.
    #[must_use]
    pub fn peak(&self) -> Option<Severity> {
        self.changes.iter().map(|change| change.to).min()
    }

    /// Every change, oldest first.
    #[must_use]
    pub fn changes(&self) -> &[SeverityChange] {
        &self.changes
    }

    /// How long the severity was this one, up to `until`.
    #[must_use]
    pub fn time_at(&self, severity: Severity, until: Micros) -> Micros {
        let ends = self.changes.iter().skip(1).map(|change| change.at);
        let spans = self.changes.iter().zip(ends.chain([until]));
        spans
            .filter(|(change, _)| change.to == severity)
            .fold(Micros::ZERO, |sum, (change, end)| {
                sum + (end.min(until) - change.at)
            })
    }

    /// Takes note of the impact. Returns whether the severity changed.
    pub fn impact(&mut self, now: Micros, impact: &Impact) -> bool {
        let lowered = self.handle_timeout(now);
        let assessed = self.policy.of(impact);
        let before = self.assessed.replace(assessed);
        let Some(current) = self.severity() else {
            return self.change(now, assessed, SeverityCause::Assessed);
        };
        let grew = before.is_none_or(|before| assessed.is_worse_than(before));
        if assessed.is_worse_than(current) && (grew || !self.is_decided()) {
            return self.change(now, assessed, SeverityCause::ImpactGrew);
        }
        let lower = current.is_worse_than(assessed) && !self.is_decided();
        self.lowering = lower.then(|| match self.lowering {
            Some(waiting) => Lowering {
                to: waiting.to.worse(assessed),
                ..waiting
            },
            None => Lowering {
                to: assessed,
                since: now,
            },
        });
        lowered
    }

    /// Somebody decides the severity, up or down, at once. It stays until somebody decides again
    /// or the impact grows beyond it. Returns whether the severity changed.
    pub fn decided(&mut self, now: Micros, severity: Severity, by: PersonId) -> bool {
        let lowered = self.handle_timeout(now);
        if self.severity() == Some(severity) {
            return lowered;
        }
        self.change(now, severity, SeverityCause::Decided(by))
    }

    /// When a lower severity has been held for long enough.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.lowering
            .map(|waiting| waiting.since + self.policy.lower_after)
    }

    /// Lowers the severity when it is time, at its due time. Returns whether it did.
    pub fn handle_timeout(&mut self, now: Micros) -> bool {
        let mut changed = false;
        while let Some(due) = self.poll_timeout().filter(|due| *due <= now) {
            let to = self.lowering.expect("it is due").to;
            changed |= self.change(due, to, SeverityCause::ImpactShrank);
        }
        changed
    }

    fn is_decided(&self) -> bool {
        let cause = self.changes.last().map(|change| change.cause);
        matches!(cause, Some(SeverityCause::Decided(_)))
    }

    fn change(&mut self, at: Micros, to: Severity, cause: SeverityCause) -> bool {
        let from = self.severity();
        self.changes.push(SeverityChange {
            at,
            from,
            to,
            cause,
        });
        // What the impact says now may be lower still: that waits for a hold time of its own.
        let decided = self.is_decided();
        self.lowering = self
            .assessed
            .filter(|assessed| to.is_worse_than(*assessed) && !decided)
            .map(|assessed| Lowering {
                to: assessed,
                since: at,
            });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_of_a_threshold_is_enough_and_the_worst_counts() {
        let mut policy = SeverityPolicy::default();
        policy.thresholds[1].regions = Some(3);
        let check = |impact, expected| assert_eq!(policy.of(&impact), expected, "{impact:?}");
        check(Impact::default(), Severity::Sev4);
        check(users(999), Severity::Sev4);
        check(users(1_000), Severity::Sev3);
        check(users(10_000), Severity::Sev2);
        check(users(100_000), Severity::Sev1);
        check(users(500_000), Severity::Sev0);
        let requests = Ppm::percent(60);
        check(
            Impact {
                requests,
                ..users(1_000)
            },
            Severity::Sev0,
        );
        check(
            Impact {
                burn_milli: 6_000,
                ..users(1)
            },
            Severity::Sev2,
        );
        check(
            Impact {
                regions: 3,
                ..users(1)
            },
            Severity::Sev1,
        );
        check(
            Impact {
                regions: 3,
                ..Impact::default()
            },
            Severity::Sev4,
        );
    }

    #[test]
    fn raised_at_once_lowered_after_the_hold() {
        let mut track = SeverityTrack::new(SeverityPolicy::default());
        assert!(track.impact(mins(0), &users(1_000)));
        assert!(track.impact(mins(1), &users(600_000)));
        assert_eq!(track.severity(), Some(Severity::Sev0));
        assert!(!track.impact(mins(2), &users(0)));
        assert_eq!(track.poll_timeout(), Some(mins(12)));
        assert!(!track.handle_timeout(mins(12) - Micros(1)));
        assert!(track.handle_timeout(mins(20)), "a late driver");
        let change = track.changes().last().copied();
        assert_eq!(
            change,
            Some(SeverityChange {
                at: mins(12),
                from: Some(Severity::Sev0),
                to: Severity::Sev4,
                cause: SeverityCause::ImpactShrank,
            })
        );
        assert_eq!(track.peak(), Some(Severity::Sev0));
        assert_eq!(track.time_at(Severity::Sev0, mins(60)), mins(11));
        assert_eq!(track.time_at(Severity::Sev3, mins(60)), mins(1));
        assert_eq!(track.time_at(Severity::Sev4, mins(60)), mins(48));
    }

    #[test]
    fn lowered_to_the_worst_of_the_hold_time() {
        let mut track = SeverityTrack::new(SeverityPolicy::default());
        track.impact(mins(0), &users(600_000));
        track.impact(mins(1), &users(0));
        track.impact(mins(5), &users(20_000));
        track.impact(mins(6), &users(0));
        track.handle_timeout(mins(11));
        assert_eq!(track.severity(), Some(Severity::Sev2));
        track.handle_timeout(mins(21));
        assert_eq!(track.severity(), Some(Severity::Sev4));
        assert_eq!(track.poll_timeout(), None);
    }

    #[test]
    fn harm_that_comes_back_starts_the_hold_again() {
        let mut track = SeverityTrack::new(SeverityPolicy::default());
        track.impact(mins(0), &users(600_000));
        track.impact(mins(1), &users(0));
        track.impact(mins(9), &users(600_000));
        assert_eq!(track.poll_timeout(), None);
        track.impact(mins(10), &users(0));
        assert_eq!(track.poll_timeout(), Some(mins(20)));
        assert_eq!(track.changes().len(), 1);
    }

    #[test]
    fn a_person_decides_until_the_impact_grows_beyond_it() {
        let mut track = SeverityTrack::new(SeverityPolicy::default());
        track.impact(mins(0), &users(1_000));
        assert!(track.decided(mins(1), Severity::Sev1, PersonId(4)));
        assert!(!track.decided(mins(1), Severity::Sev1, PersonId(5)));
        assert!(!track.impact(mins(2), &users(20_000)));
        assert_eq!(track.poll_timeout(), None, "only a person lowers it");
        assert!(track.decided(mins(2), Severity::Sev4, PersonId(4)));
        assert!(
            !track.impact(mins(2), &users(20_000)),
            "no worse than it was"
        );
        assert!(track.impact(mins(3), &users(500_000)));
        let causes: Vec<_> = track.changes().iter().map(|change| change.cause).collect();
        assert_eq!(
            causes,
            [
                SeverityCause::Assessed,
                SeverityCause::Decided(PersonId(4)),
                SeverityCause::Decided(PersonId(4)),
                SeverityCause::ImpactGrew
            ]
        );
    }

    fn users(share: u32) -> Impact {
        Impact {
            users: Ppm(share),
            ..Impact::default()
        }
    }

    const fn mins(minutes: u64) -> Micros {
        Micros::from_mins(minutes)
    }
}
