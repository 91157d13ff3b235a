//! Where the errors fall in a stream of requests.

use crate::random::{Draws, Entity};

/// The errors of one arm: the numbers of the requests that were answered badly.
///
/// Every request fails on its own, with one probability before a change and another after it.
/// Only the gaps between errors are drawn, so a quiet hour costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    run: u64,
    lane: u64,
    drawn: u64,
    before: f64,
    after: f64,
    changes_at: u64,
    next: u64,
}

impl Errors {
    /// The errors of the arm in `lane` of a run: probability `before` up to the request number
    /// `changes_at`, `after` from there on.
    pub fn new(
        draws: &mut Draws,
        (run, lane): (u64, u64),
        (before, after): (f64, f64),
        changes_at: u64,
    ) -> Self {
        let mut errors = Self {
            run,
            lane,
            drawn: 0,
            before,
            after,
            changes_at,
            next: 0,
        };
        errors.next = errors.from(draws, 0);
        errors
    }

    /// The number of the next bad request.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the bad requests with numbers below `end`, and counts them.
    pub fn take_below(&mut self, draws: &mut Draws, end: u64) -> u64 {
        let mut count = 0;
        while self.next < end {
            count += 1;
            self.next = self.from(draws, self.next + 1);
        }
        count
    }

    /// The first bad request from number `start` on.
    fn from(&mut self, draws: &mut Draws, start: u64) -> u64 {
        if start >= self.changes_at {
            return start.saturating_add(self.gap(draws, self.after));
        }
        let next = start.saturating_add(self.gap(draws, self.before));
        if next < self.changes_at {
            return next;
        }
        // Requests forget: from the change on, the gap is drawn anew.
        self.changes_at.saturating_add(self.gap(draws, self.after))
    }

    /// Good requests before the next bad one.
    fn gap(&mut self, draws: &mut Draws, p: f64) -> u64 {
        if p >= 1.0 {
            return 0;
        }
        let entity = Entity {
            lane: self.lane,
            index: self.drawn,
        };
        self.drawn += 1;
        let u = draws.uniform(self.run, entity);
        (libm::log(u) / libm::log1p(-p)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 300,000 requests at 1 %, then as many at 3 %: counts within four standard deviations.
    #[test]
    fn errors_come_as_often_as_they_should() {
        let mut draws = Draws::new(1, "power/test", None);
        let mut errors = Errors::new(&mut draws, (0, 0), (0.01, 0.03), 300_000);
        let before = errors.take_below(&mut draws, 300_000) as f64;
        let after = errors.take_below(&mut draws, 600_000) as f64;
        assert!((before - 3_000.0).abs() < 4.0 * 54.5, "{before}");
        assert!((after - 9_000.0).abs() < 4.0 * 93.5, "{after}");
    }

    #[test]
    fn everything_may_fail_and_nothing() {
        let mut draws = Draws::new(1, "power/test", None);
        let mut all = Errors::new(&mut draws, (0, 0), (1.0, 1.0), 0);
        assert_eq!(all.take_below(&mut draws, 50), 50);
        let mut none = Errors::new(&mut draws, (1, 0), (1e-300, 1e-300), 0);
        assert_eq!(none.take_below(&mut draws, u64::MAX / 2), 0);
    }
}
