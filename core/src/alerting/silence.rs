//! Silences: for a while, nobody is told of alerts like these.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::SilenceId;
use crate::time::Micros;

use super::labels::{LabelSet, Matcher, all_match};

/// Silences that are held at once, at most.
pub const SILENCES_MAX: usize = 10_000;

/// Mutes what it matches from its start on, until before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its id.
    pub id: SilenceId,
    /// What an alert must meet, all of it.
    pub matchers: Vec<Matcher>,
    /// The first moment at which it mutes.
    pub starts_at: Micros,
    /// The first moment at which it does not mute any more.
    pub ends_at: Micros,
}

impl Silence {
    /// Whether it mutes anything at `now`.
    #[must_use]
    pub fn is_active(&self, now: Micros) -> bool {
        self.starts_at <= now && now < self.ends_at
    }
}

/// Why a silence is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SilenceError {
    /// Every matcher takes alerts without the label: it might mute everything.
    #[error("the silence has no matcher that asks for a label")]
    TooBroad,
    /// It would never be active again.
    #[error("the silence ends before it starts, or is over")]
    Over,
    /// A silence with this id is there.
    #[error("silence {0} exists")]
    Known(SilenceId),
    /// There is no silence with this id.
    #[error("silence {0} does not exist or is over")]
    Unknown(SilenceId),
    /// [`SILENCES_MAX`] are held.
    #[error("too many silences are held")]
    Full,
}

/// All silences that are active or will be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silences {
    held: Vec<Silence>,
}

impl Silences {
    /// Takes a silence.
    ///
    /// # Errors
    ///
    /// When it could mute everything, can mute nothing, or there is no room.
    pub fn add(&mut self, now: Micros, silence: Silence) -> Result<(), SilenceError> {
        if silence.matchers.iter().all(Matcher::accepts_absence) {
            return Err(SilenceError::TooBroad);
        }
        if silence.ends_at <= silence.starts_at || silence.ends_at <= now {
            return Err(SilenceError::Over);
        }
        if self.held.iter().any(|held| held.id == silence.id) {
            return Err(SilenceError::Known(silence.id));
        }
        let alive = self.held.iter().filter(|held| held.ends_at > now);
        if alive.count() >= SILENCES_MAX {
            return Err(SilenceError::Full);
        }
        self.forget_ended(now);
        self.held.push(silence);
        Ok(())
    }

    /// Ends a silence now.
    ///
    /// # Errors
    ///
    /// When there is none with this id that is not over.
    pub fn end(&mut self, now: Micros, id: SilenceId) -> Result<(), SilenceError> {
        let alive = |held: &Silence| held.id == id && held.ends_at > now;
        let at = self.held.iter().position(alive);
        self.held.remove(at.ok_or(SilenceError::Unknown(id))?);
        Ok(())
    }

    /// The silence that mutes these labels at `now`: the one that was added first.
    #[must_use]
    pub fn muting(&self, now: Micros, labels: &LabelSet) -> Option<SilenceId> {
        let mutes = |held: &&Silence| held.is_active(now) && all_match(&held.matchers, labels);
        self.held.iter().find(mutes).map(|held| held.id)
    }

    fn forget_ended(&mut self, now: Micros) {
        self.held.retain(|held| held.ends_at > now);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn silence(id: u32, from: u64, to: u64) -> Silence {
        Silence {
            id: SilenceId(id),
            matchers: vec![Matcher::equal("service", "cart")],
            starts_at: Micros::from_mins(from),
            ends_at: Micros::from_mins(to),
        }
    }

    #[test]
    fn mutes_from_its_start_until_before_its_end() {
        let mut silences = Silences::default();
        silences.add(Micros::ZERO, silence(1, 10, 20)).unwrap();
        let cart = LabelSet::new([("service", "cart")]);
        let at = |minute| silences.muting(Micros::from_mins(minute), &cart);
        assert_eq!([at(9), at(20)], [None, None]);
        assert_eq!([at(10), at(19)], [Some(SilenceId(1)); 2]);
        let other = LabelSet::new([("service", "pay")]);
        assert_eq!(silences.muting(Micros::from_mins(10), &other), None);
    }

    #[test]
    fn refusals_change_nothing() {
        let mut silences = Silences::default();
        silences.add(Micros::ZERO, silence(1, 0, 20)).unwrap();
        let before = silences.clone();
        let now = Micros::from_mins(1);
        let mut broad = silence(2, 0, 9);
        broad.matchers = vec![Matcher::not_equal("service", "cart")];
        let refused = [
            (silences.add(now, broad), SilenceError::TooBroad),
            (silences.add(now, silence(2, 9, 9)), SilenceError::Over),
            (silences.add(now, silence(2, 0, 1)), SilenceError::Over),
            (
                silences.add(now, silence(1, 0, 9)),
                SilenceError::Known(SilenceId(1)),
            ),
            (
                silences.end(now, SilenceId(2)),
                SilenceError::Unknown(SilenceId(2)),
            ),
        ];
        for (result, expected) in refused {
            assert_eq!(result, Err(expected));
        }
        assert_eq!(silences, before);
    }

    #[test]
    fn ended_by_hand_it_mutes_no_more() {
        let mut silences = Silences::default();
        silences.add(Micros::ZERO, silence(1, 0, 20)).unwrap();
        silences.end(Micros::from_mins(2), SilenceId(1)).unwrap();
        let cart = LabelSet::new([("service", "cart")]);
        assert_eq!(silences.muting(Micros::from_mins(3), &cart), None);
    }
}
