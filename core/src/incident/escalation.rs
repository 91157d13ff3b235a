//! Who is paged next: levels, delays, repeats, and an end.
//!
//! What is built here, and by whom it is documented:
//!
//! - levels in order, each with targets and a delay after which the next one is paged; a level at
//!   which nobody is on call is skipped; after the last level the whole is repeated so many times;
//!   an acknowledgement stops it (PagerDuty, "Escalation Policy Basics",
//!   <https://support.pagerduty.com/docs/escalation-policies>);
//! - an acknowledgement that is not followed by the end of the incident lapses: whoever
//!   acknowledged is paged again, with whoever is on call by now, and the escalation goes on from
//!   there (PagerDuty, "Acknowledgement Timeouts",
//!   <https://support.pagerduty.com/docs/acknowledgement-timeouts>);
//! - round robin: one target an incident, in a ring that goes on with the next incident; an
//!   unanswered page goes to the next level (incident.io, "Round robin",
//!   <https://docs.incident.io/on-call/round-robin>).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{EscalationId, PersonId, ScheduleId};
use crate::time::Micros;

use super::ownership::Roster;

/// The usual time after which an acknowledgement lapses.
///
/// Source: the default of `acknowledgement_timeout` in PagerDuty's Terraform provider.
pub const ACKNOWLEDGE_TIMEOUT: Micros = Micros::from_secs(1_800);

/// Who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageTarget {
    /// This one, always.
    Person(PersonId),
    /// Whoever is on call by this schedule when the page goes out.
    OnCall(ScheduleId),
}

/// Which targets of a level are paged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignment {
    /// All of them at once.
    #[default]
    Everyone,
    /// The next one of a ring; the ring goes on with the next incident.
    RoundRobin,
}

/// A step of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Who is paged; at least one.
    pub targets: Vec<PageTarget>,
    /// How long a page may stay unacknowledged before the next level is paged; more than nothing.
    pub delay: Micros,
    /// Which of the targets.
    #[serde(default)]
    pub assignment: Assignment,
}

/// How an incident looks for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationPolicy {
    /// In this order; at least one.
    pub levels: Vec<Level>,
    /// How often the whole is repeated after the first time.
    pub repeats: u32,
    /// After how long an acknowledgement lapses; never when absent.
    #[serde(default)]
    pub acknowledge_timeout: Option<Micros>,
}

/// What is wrong with an escalation policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EscalationError {
    /// It has no levels.
    #[error("an escalation needs a level")]
    NoLevels,
    /// A level has no targets.
    #[error("level {0} has no targets")]
    NoTargets(u32),
    /// A level leaves no time to answer.
    #[error("level {0}: the delay must be more than nothing")]
    NoDelay(u32),
    /// An acknowledgement would lapse at once.
    #[error("the acknowledge timeout must be more than nothing")]
    NoAcknowledgeTimeout,
}

impl EscalationPolicy {
    /// One level that pages one person, `pages_max` times in all (at least once), and takes
    /// an acknowledgement for good.
    #[must_use]
    pub fn single(person: PersonId, acknowledge_within: Micros, pages_max: u32) -> Self {
        Self {
            levels: alloc::vec![Level {
                targets: alloc::vec![PageTarget::Person(person)],
                delay: acknowledge_within,
                assignment: Assignment::Everyone,
            }],
            repeats: pages_max.max(1) - 1,
            acknowledge_timeout: None,
        }
    }

    /// Checks what serde cannot, schedules apart (see [`Roster::check`]).
    ///
    /// # Errors
    ///
    /// [`EscalationError`] names the first part that is wrong.
    pub fn check(&self) -> Result<(), EscalationError> {
        if self.levels.is_empty() {
            return Err(EscalationError::NoLevels);
        }
        for (index, level) in (0_u32..).zip(&self.levels) {
            if level.targets.is_empty() {
                return Err(EscalationError::NoTargets(index));
            }
            if level.delay == Micros::ZERO {
                return Err(EscalationError::NoDelay(index));
            }
        }
        if self.acknowledge_timeout == Some(Micros::ZERO) {
            return Err(EscalationError::NoAcknowledgeTimeout);
        }
        Ok(())
    }

    /// The longest that paging goes on without an acknowledgement: every level, every time.
    #[must_use]
    pub fn duration_max(&self) -> Micros {
        let once = self
            .levels
            .iter()
            .fold(Micros::ZERO, |sum, level| sum + level.delay);
        let times = u64::from(self.repeats) + 1;
        Micros(once.0.saturating_mul(times))
    }
}

/// Whose turn it is at each round-robin level, across incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rings(BTreeMap<(EscalationId, u32), u32>);

/// A place in an escalation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rung {
    /// How often the whole has been gone through before.
    pub round: u32,
    /// The level, from zero.
    pub level: u32,
}

impl Rung {
    const FIRST: Self = Self { round: 0, level: 0 };

    /// The next one of a policy, if there is one.
    const fn after(self, levels: u32, repeats: u32) -> Option<Self> {
        if self.level + 1 < levels {
            Some(Self {
                round: self.round,
                level: self.level + 1,
            })
        } else if self.round < repeats {
            Some(Self {
                round: self.round + 1,
                level: 0,
            })
        } else {
            None
        }
    }
}

/// What the next step of an escalation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Levels that were passed over because nobody was on call.
    pub(super) skipped: Vec<Rung>,
    /// Whom to page at the level that was reached; nobody when the escalation is exhausted.
    pub(super) people: Vec<PersonId>,
}

/// Where one incident stands in the policy that was in force when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ladder {
    id: EscalationId,
    policy: EscalationPolicy,
    /// Absent when nothing is left.
    next: Option<Rung>,
    /// The level paged last.
    last: Rung,
}

impl Ladder {
    pub(super) const fn new(id: EscalationId, policy: EscalationPolicy) -> Self {
        Self {
            id,
            policy,
            next: Some(Rung::FIRST),
            last: Rung::FIRST,
        }
    }

    pub(super) const fn last(&self) -> Rung {
        self.last
    }

    pub(super) const fn acknowledge_timeout(&self) -> Option<Micros> {
        self.policy.acknowledge_timeout
    }

    /// How long the level paged last may take to answer.
    pub(super) fn delay(&self) -> Micros {
        self.policy.levels[self.last.level as usize].delay
    }

    /// Starts again from the first level.
    pub(super) const fn restart(&mut self) {
        self.next = Some(Rung::FIRST);
    }

    /// Climbs to the next level at which somebody is on call. A whole round without anybody is
    /// the end: no time passes in it, so the next one would find nobody either.
    pub(super) fn climb(&mut self, now: Micros, roster: &Roster, rings: &mut Rings) -> Step {
        let mut step = Step {
            skipped: Vec::new(),
            people: Vec::new(),
        };
        let levels = self.policy.levels.len() as u32;
        while let Some(rung) = self.next
            && (step.skipped.len() as u32) < levels
        {
            self.next = rung.after(levels, self.policy.repeats);
            let people = self.people_at(rung.level, now, roster, rings);
            if people.is_empty() {
                step.skipped.push(rung);
                continue;
            }
            self.last = rung;
            step.people = people;
            return step;
        }
        self.next = None;
        step
    }

    /// Whom to page when the acknowledgement of `by` has lapsed: them, and whoever is on call by
    /// now at the level that was paged last.
    pub(super) fn remind(&self, by: PersonId, now: Micros, roster: &Roster) -> Vec<PersonId> {
        let mut people = alloc::vec![by];
        let level = &self.policy.levels[self.last.level as usize];
        if level.assignment == Assignment::Everyone {
            for person in everyone(level, now, roster) {
                if !people.contains(&person) {
                    people.push(person);
                }
            }
        }
        people
    }

    fn people_at(
        &self,
        index: u32,
        now: Micros,
        roster: &Roster,
        rings: &mut Rings,
    ) -> Vec<PersonId> {
        let level = &self.policy.levels[index as usize];
        match level.assignment {
            Assignment::Everyone => everyone(level, now, roster),
            Assignment::RoundRobin => {
                let next = rings.0.entry((self.id, index)).or_default();
                let count = level.targets.len() as u32;
                for turn in 0..count {
                    let target = (*next + turn) % count;
                    if let Some(person) = roster.person(level.targets[target as usize], now) {
                        *next = (target + 1) % count;
                        return alloc::vec![person];
                    }
                }
                Vec::new()
            }
        }
    }
}

/// Everybody a level reaches at `now`, once each.
fn everyone(level: &Level, now: Micros, roster: &Roster) -> Vec<PersonId> {
    let mut people = Vec::new();
    for target in &level.targets {
        if let Some(person) = roster.person(*target, now)
            && !people.contains(&person)
        {
            people.push(person);
        }
    }
    people
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_policy_that_could_not_end_or_reach_anybody_is_refused() {
        let good = EscalationPolicy::single(PersonId(0), Micros::from_mins(5), 3);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.duration_max(), Micros::from_mins(15));
        let mut bad = good.clone();
        bad.levels[0].delay = Micros::ZERO;
        assert_eq!(bad.check(), Err(EscalationError::NoDelay(0)));
        bad.levels[0].targets.clear();
        assert_eq!(bad.check(), Err(EscalationError::NoTargets(0)));
        bad.levels.clear();
        assert_eq!(bad.check(), Err(EscalationError::NoLevels));
        let hasty = EscalationPolicy {
            acknowledge_timeout: Some(Micros::ZERO),
            ..good
        };
        assert_eq!(hasty.check(), Err(EscalationError::NoAcknowledgeTimeout));
    }

    #[test]
    fn a_person_whom_two_targets_reach_is_paged_once() {
        let level = Level {
            targets: vec![
                PageTarget::Person(PersonId(3)),
                PageTarget::Person(PersonId(3)),
            ],
            delay: Micros::from_mins(1),
            assignment: Assignment::Everyone,
        };
        let people = everyone(&level, Micros::ZERO, &Roster::default());
        assert_eq!(people, [PersonId(3)]);
    }
}
