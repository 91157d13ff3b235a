//! Latency as a comparison of counts: how many requests of each arm are slower than the control's
//! quantile.
//!
//! The line is drawn by the control's *earlier* windows, so in the next window a request of
//! either arm is equally likely to be above it when the arms do not differ, whatever the shape of
//! the distribution and however it drifts. From there on, slow requests are judged like errors.

use crate::health::LatencyHistogram;
use crate::ratio::Ppm;

use super::judge::{ArmCounts, PairedCounts};

/// Requests of the control that draw a line.
const LINE_SAMPLE_MIN: u64 = 200;

/// Counts requests above a quantile of what the control has shown so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceedance {
    quantile: Ppm,
    control: LatencyHistogram,
}

impl Exceedance {
    /// Nothing seen yet; `quantile` is that of the control, 900 000 ppm for p90.
    #[must_use]
    pub fn new(quantile: Ppm) -> Self {
        Self {
            quantile,
            control: LatencyHistogram::default(),
        }
    }

    /// The first bucket above the line, once the control has shown enough.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        let total = self.control.total();
        if total < LINE_SAMPLE_MIN {
            return None;
        }
        let rank = self.quantile.of_count_up(total);
        let mut below = 0;
        let reached = self.control.counts().iter().position(|count| {
            below += u64::from(*count);
            below >= rank
        });
        reached.map(|bucket| bucket + 1)
    }

    /// Counts requests above the line as it is now; `None` as long as there is none.
    #[must_use]
    pub fn count(&self, histogram: &LatencyHistogram) -> Option<ArmCounts> {
        self.line().map(|line| above(histogram, line))
    }

    /// Compares one window of both arms with the line of the windows before it, then lets the
    /// control move the line. `None` as long as there is none.
    pub fn observe(
        &mut self,
        canary: &LatencyHistogram,
        control: &LatencyHistogram,
    ) -> Option<PairedCounts> {
        let line = self.line();
        self.control.merge(control);
        line.map(|line| PairedCounts {
            canary: above(canary, line),
            control: above(control, line),
        })
    }
}

fn above(histogram: &LatencyHistogram, line: usize) -> ArmCounts {
    let slow = histogram.counts()[line.min(LatencyHistogram::BUCKETS)..].iter();
    ArmCounts {
        requests: histogram.total(),
        errors: slow.map(|count| u64::from(*count)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[(usize, u32)]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for (bucket, count) in counts {
            histogram.add(*bucket, *count);
        }
        histogram
    }

    #[test]
    fn the_line_is_drawn_by_earlier_windows_of_the_control() {
        let mut exceedance = Exceedance::new(Ppm::percent(90));
        let usual = histogram(&[(10, 900), (20, 100)]);
        let slow = histogram(&[(10, 500), (20, 500)]);
        assert_eq!(exceedance.observe(&slow, &usual), None, "no line yet");
        assert_eq!(exceedance.line(), Some(11));
        let alone = exceedance.count(&slow);
        let counts = exceedance.observe(&slow, &usual).unwrap();
        assert_eq!(alone, Some(counts.canary));
        assert_eq!((counts.canary.errors, counts.control.errors), (500, 100));
        assert_eq!(counts.canary.requests, 1_000);
    }

    #[test]
    fn a_line_above_everything_counts_nothing() {
        let mut exceedance = Exceedance::new(Ppm::ONE);
        let all = histogram(&[(63, 500)]);
        exceedance.observe(&all, &all);
        let counts = exceedance.observe(&all, &all).unwrap();
        assert_eq!(counts.canary.errors, 0);
        let empty = LatencyHistogram::default();
        assert_eq!(
            exceedance.observe(&empty, &empty).unwrap().canary.requests,
            0
        );
    }
}
