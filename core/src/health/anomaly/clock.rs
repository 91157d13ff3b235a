//! Which points come in their turn.

use crate::Micros;

/// Late points in a row, each later than the one before, that make it a clock set back.
const SET_BACK_POINTS: u32 = 8;

/// How a point's time follows the last one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the next.
    Next,
    /// It has the time of the last.
    Again,
    /// It is older than the last.
    Late,
    /// The clock was set back; this is the next on it.
    SetBack,
}

/// The time of the last point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    last: Option<Micros>,
    late: Option<Micros>,
    late_count: u32,
}

impl Clock {
    pub(super) fn take(&mut self, at: Micros) -> Turn {
        if self.last == Some(at) {
            return Turn::Again;
        }
        if self.last.is_none_or(|last| at > last) {
            self.last = Some(at);
            self.late_count = 0;
            self.late = None;
            return Turn::Next;
        }
        let goes_on = self.late.is_none_or(|late| at > late);
        self.late_count = if goes_on { self.late_count + 1 } else { 1 };
        self.late = Some(at);
        if self.late_count < SET_BACK_POINTS {
            return Turn::Late;
        }
        self.last = Some(at);
        self.late_count = 0;
        self.late = None;
        Turn::SetBack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_in_their_turn() {
        let mut clock = Clock::default();
        let take = |clock: &mut Clock, s| clock.take(Micros::from_secs(s));
        assert_eq!(take(&mut clock, 100), Turn::Next);
        assert_eq!(take(&mut clock, 100), Turn::Again);
        assert_eq!(take(&mut clock, 90), Turn::Late);
        assert_eq!(take(&mut clock, 90), Turn::Late);
        assert_eq!(take(&mut clock, 200), Turn::Next);
        let turns: alloc::vec::Vec<Turn> = (0..9).map(|s| take(&mut clock, s)).collect();
        assert_eq!(turns[..7], [Turn::Late; 7]);
        assert_eq!(turns[7..], [Turn::SetBack, Turn::Next]);
    }
}
