//! Windows lined up by the time that they cover.

use alloc::collections::BTreeMap;

use crate::health::tally::Tally;
use crate::health::window::TelemetryWindow;
use crate::time::Micros;

use super::Arm;

/// Intervals that are kept; the oldest is forgotten first.
const INTERVALS_MAX: usize = 1_000;

/// The end and the start of an interval: ordered by its end.
type Span = (Micros, Micros);

/// What both arms showed in one interval, over all regions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pair {
    pub(super) candidate: Tally,
    pub(super) control: Tally,
}

/// Intervals of both arms.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Intervals {
    spans: BTreeMap<Span, Pair>,
}

impl Intervals {
    pub(super) fn add(&mut self, arm: Arm, window: &TelemetryWindow) {
        let pair = self.spans.entry((window.end, window.start)).or_default();
        match arm {
            Arm::Candidate => pair.candidate.add(window),
            Arm::Control => pair.control.add(window),
        }
        while self.spans.len() > INTERVALS_MAX {
            self.spans.pop_first();
        }
    }

    /// Counts reports of users, which are told with windows of whichever version.
    pub(super) fn add_reports(&mut self, window: &TelemetryWindow) {
        if window.user_reports > 0 {
            let pair = self.spans.entry((window.end, window.start)).or_default();
            pair.candidate.add_reports(window);
        }
    }

    /// The intervals, oldest first.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.spans.values()
    }

    /// Both arms over the intervals that ended after `from`.
    pub(super) fn since(&self, from: Micros) -> Pair {
        let mut sum = Pair::default();
        for pair in self.spans.range((from + Micros(1), Micros::ZERO)..) {
            sum.candidate.merge(&pair.1.candidate);
            sum.control.merge(&pair.1.control);
        }
        sum
    }

    /// Forgets intervals that ended at or before `until`.
    pub(super) fn forget(&mut self, until: Micros) {
        self.spans = self.spans.split_off(&(until + Micros(1), Micros::ZERO));
    }
}

/// What a service showed lately, whatever its versions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    spans: BTreeMap<Span, Tally>,
    length: Micros,
}

impl Past {
    /// Remembers this long.
    #[must_use]
    pub fn new(length: Micros) -> Self {
        Self {
            spans: BTreeMap::new(),
            length,
        }
    }

    /// Adds a window, and forgets what has become too old.
    pub fn add(&mut self, window: &TelemetryWindow) {
        if self.length == Micros::ZERO {
            return;
        }
        let slot = self.spans.entry((window.end, window.start)).or_default();
        slot.add(window);
        let newest = self
            .spans
            .last_key_value()
            .map_or(Micros::ZERO, |(span, _)| span.0);
        let oldest = (newest - self.length) + Micros(1);
        if self
            .spans
            .first_key_value()
            .is_some_and(|(span, _)| span.0 < oldest)
        {
            self.spans = self.spans.split_off(&(oldest, Micros::ZERO));
        }
    }

    /// The part of it over this long before `now`.
    #[must_use]
    pub fn before(&self, now: Micros, length: Micros) -> Self {
        let kept = self.spans.iter();
        let kept = kept.filter(|((end, start), _)| *end <= now && *start + length >= now);
        Self {
            spans: kept.map(|(span, tally)| (*span, tally.clone())).collect(),
            length,
        }
    }

    /// Adds what it holds of this long before `now` to a sum.
    pub fn add_over(&self, now: Micros, length: Micros, sum: &mut Tally) {
        for ((_, start), tally) in &self.spans {
            if *start + length >= now {
                sum.merge(tally);
            }
        }
    }

    /// The intervals, oldest first.
    pub(super) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.spans.values()
    }

    /// Everything in it.
    pub(super) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for tally in self.spans.values() {
            sum.merge(tally);
        }
        sum
    }
}
