//! A verdict can be overridden, by two people who act in two roles, and it is recorded.
//!
//! Facebook's engineers describe an outage that began when one person took a failed canary for a
//! false alarm (Tang et al., "Holistic Configuration Management at Facebook", SOSP 2015): so one
//! person is not enough.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::{Principal, Role};
use crate::ids::RolloutId;
use crate::time::Micros;

/// Why somebody wants a verdict overridden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideReason {
    /// The alarm is held to be false.
    FalseAlarm,
    /// The harm is known and expected.
    ExpectedEffect,
    /// The data that the verdict needs is missing.
    NoData,
    /// The change is itself a remedy, and waiting harms more.
    Emergency,
}

/// A wish to override that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideAsk {
    /// Of the verdict on this rollout.
    pub rollout: RolloutId,
    /// Why.
    pub reason: OverrideReason,
    /// Who asked.
    pub by: Principal,
    /// When.
    pub at: Micros,
}

/// An override that two people agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedOverride {
    /// What was asked.
    pub ask: OverrideAsk,
    /// Who agreed.
    pub seconded_by: Principal,
    /// When.
    pub at: Micros,
}

/// Why a verdict is not overridden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideError {
    /// Somebody asked for the same already.
    #[error("an override of rollout {0} waits for a second person already")]
    Waiting(RolloutId),
    /// Nobody asked, or too long ago.
    #[error("no override of rollout {0} waits for a second person")]
    NotAsked(RolloutId),
    /// The same person.
    #[error("nobody may second their own override")]
    SamePerson,
    /// Another person in the same role.
    #[error("an override needs two roles")]
    SameRole,
    /// The role may not agree to an override, or a program wants one.
    #[error("this role may not do so")]
    Role(Role),
}

/// The overrides of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    waiting: Vec<OverrideAsk>,
    granted: Vec<GrantedOverride>,
}

impl Overrides {
    /// Those that two people agreed on, oldest first.
    #[must_use]
    pub fn granted(&self) -> &[GrantedOverride] {
        &self.granted
    }

    /// Those that wait for a second person; some may have waited too long.
    #[must_use]
    pub fn waiting(&self) -> &[OverrideAsk] {
        &self.waiting
    }

    /// Somebody asks; whoever asked before `within` ago has waited too long.
    ///
    /// # Errors
    ///
    /// A program asks, or somebody asked already.
    pub fn ask(&mut self, ask: OverrideAsk, within: Micros) -> Result<(), OverrideError> {
        if ask.by.role == Role::Automation {
            return Err(OverrideError::Role(ask.by.role));
        }
        if self.find(ask.rollout, ask.at, within).is_some() {
            return Err(OverrideError::Waiting(ask.rollout));
        }
        self.waiting.retain(|old| old.rollout != ask.rollout);
        self.waiting.push(ask);
        Ok(())
    }

    /// Somebody agrees.
    ///
    /// # Errors
    ///
    /// Nobody asked within `within`, or they may not agree.
    pub fn second(
        &mut self,
        now: Micros,
        rollout: RolloutId,
        by: Principal,
        within: Micros,
    ) -> Result<&GrantedOverride, OverrideError> {
        let index = self
            .find(rollout, now, within)
            .ok_or(OverrideError::NotAsked(rollout))?;
        let asked_by = &self.waiting[index].by;
        if asked_by.name == by.name {
            return Err(OverrideError::SamePerson);
        }
        if asked_by.role == by.role {
            return Err(OverrideError::SameRole);
        }
        if !by.role.may_operate() {
            return Err(OverrideError::Role(by.role));
        }
        let ask = self.waiting.remove(index);
        self.granted.push(GrantedOverride {
            ask,
            seconded_by: by,
            at: now,
        });
        Ok(self.granted.last().expect("just pushed"))
    }

    fn find(&self, rollout: RolloutId, now: Micros, within: Micros) -> Option<usize> {
        self.waiting
            .iter()
            .position(|ask| ask.rollout == rollout && now - ask.at <= within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLLOUT: RolloutId = RolloutId(3);
    const WITHIN: Micros = Micros::from_mins(15);

    #[test]
    fn an_override_needs_two_people_in_two_roles() {
        let mut overrides = Overrides::default();
        let ana = principal("ana", Role::Developer);
        let not_asked = overrides.second(Micros(1), ROLLOUT, ana.clone(), WITHIN);
        assert_eq!(not_asked.err(), Some(OverrideError::NotAsked(ROLLOUT)));
        overrides.ask(ask(&ana, 1), WITHIN).unwrap();
        let refused = [
            (principal("ana", Role::Owner), OverrideError::SamePerson),
            (principal("bo", Role::Developer), OverrideError::SameRole),
            (
                principal("bot", Role::Automation),
                OverrideError::Role(Role::Automation),
            ),
        ];
        for (by, expected) in refused {
            let result = overrides.second(Micros(2), ROLLOUT, by, WITHIN);
            assert_eq!(result.err(), Some(expected));
        }
        let cai = principal("cai", Role::SiteReliability);
        let granted = overrides.second(Micros(3), ROLLOUT, cai.clone(), WITHIN);
        let expected = GrantedOverride {
            ask: ask(&ana, 1),
            seconded_by: cai,
            at: Micros(3),
        };
        assert_eq!(granted, Ok(&expected));
        assert_eq!(overrides.granted(), [expected]);
        assert_eq!(overrides.waiting(), []);
    }

    #[test]
    fn an_ask_does_not_wait_for_ever() {
        let mut overrides = Overrides::default();
        let ana = principal("ana", Role::Developer);
        let bo = principal("bo", Role::Owner);
        overrides.ask(ask(&ana, 0), WITHIN).unwrap();
        let again = overrides.ask(ask(&bo, WITHIN.0), WITHIN);
        assert_eq!(again, Err(OverrideError::Waiting(ROLLOUT)));
        let late = overrides.second(Micros(WITHIN.0 + 1), ROLLOUT, bo.clone(), WITHIN);
        assert_eq!(late.err(), Some(OverrideError::NotAsked(ROLLOUT)));
        assert_eq!(overrides.ask(ask(&bo, WITHIN.0 + 1), WITHIN), Ok(()));
    }

    fn ask(by: &Principal, at: u64) -> OverrideAsk {
        OverrideAsk {
            rollout: ROLLOUT,
            reason: OverrideReason::FalseAlarm,
            by: by.clone(),
            at: Micros(at),
        }
    }

    fn principal(name: &str, role: Role) -> Principal {
        Principal {
            name: name.into(),
            role,
        }
    }
}
