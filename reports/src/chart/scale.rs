//! Axes: where a moment or a value stands, and which of them are named.

use firedrill_core::{Micros, Ppm};

use crate::words::{self, Clock};

use super::{Tick, px};

/// The unit of a value axis.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// Parts per million, shown as percent.
    Share,
    /// Microseconds, shown as milliseconds.
    Time,
}

impl Unit {
    /// A value with its unit.
    pub(super) fn label(self, value: u64) -> String {
        match self {
            Self::Share => words::share(Ppm(u32::try_from(value).unwrap_or(u32::MAX))),
            Self::Time if value.is_multiple_of(1_000) || value >= 10_000 => {
                format!("{} ms", words::count((value + 500) / 1_000))
            }
            Self::Time => format!("{}.{} ms", value / 1_000, value / 100 % 10),
        }
    }
}

/// Values from zero up.
pub(super) struct YScale {
    max: u64,
    step: u64,
    unit: Unit,
    top: f64,
    bottom: f64,
}

impl YScale {
    /// A scale that holds `max`, with round steps.
    pub(super) fn new(max: u64, unit: Unit, top: f64, bottom: f64) -> Self {
        const STEPS_MAX: u64 = 5;
        let max = max.max(100);
        let mut decade = 1;
        let step = loop {
            let fitting = [1, 2, 5]
                .into_iter()
                .map(|digit| digit * decade)
                .find(|step| max.div_ceil(*step) <= STEPS_MAX);
            if let Some(step) = fitting {
                break step;
            }
            decade *= 10;
        };
        Self {
            max: max.div_ceil(step) * step,
            step,
            unit,
            top,
            bottom,
        }
    }

    pub(super) fn at(&self, value: u64) -> f64 {
        let share = value.min(self.max) as f64 / self.max as f64;
        self.bottom - share * (self.bottom - self.top)
    }

    pub(super) fn ticks(&self) -> Vec<Tick> {
        (0..=self.max / self.step)
            .map(|index| Tick {
                at: px(self.at(index * self.step)),
                label: match index {
                    0 => "0".into(),
                    _ => self.unit.label(index * self.step),
                },
            })
            .collect()
    }
}

/// Time from the start of the run to its end.
pub(super) struct XScale {
    duration: Micros,
    clock: Clock,
    left: f64,
    right: f64,
}

impl XScale {
    pub(super) const fn new(duration: Micros, clock: Clock, left: f64, right: f64) -> Self {
        Self {
            duration,
            clock,
            left,
            right,
        }
    }

    pub(super) fn at(&self, at: Micros) -> f64 {
        let share = at.0 as f64 / self.duration.0.max(1) as f64;
        self.left + share.min(1.0) * (self.right - self.left)
    }

    /// Round times of day.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        const TICKS_MAX: u64 = 9;
        const MINUTES: [u64; 11] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720];
        let step = MINUTES
            .into_iter()
            .map(Micros::from_mins)
            .find(|step| self.duration.0 / step.0 < TICKS_MAX)
            .unwrap_or(Micros::from_hours(24));
        let first = self.clock.start.0.div_ceil(step.0) * step.0 - self.clock.start.0;
        let moments = (first..=self.duration.0).step_by(step.0 as usize);
        moments
            .map(|at| Tick {
                at: px(self.at(Micros(at))),
                label: self.clock.utc_minutes(Micros(at)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_round_steps() {
        let labels = |max, unit| {
            let ticks = YScale::new(max, unit, 0.0, 100.0).ticks();
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(
            labels(1_000_000, Unit::Share),
            ["0", "20 %", "40 %", "60 %", "80 %", "100 %"]
        );
        assert_eq!(
            labels(3_100, Unit::Share),
            ["0", "0.1 %", "0.2 %", "0.3 %", "0.4 %"]
        );
        assert_eq!(
            labels(43_000, Unit::Time),
            ["0", "10 ms", "20 ms", "30 ms", "40 ms", "50 ms"]
        );
        assert_eq!(labels(0, Unit::Share).len(), 6);
    }

    #[test]
    fn times_are_round_by_the_clock() {
        let clock = Clock {
            start: Micros::from_mins(14 * 60 + 7),
        };
        let scale = XScale::new(Micros::from_hours(2), clock, 0.0, 120.0);
        let ticks = scale.ticks();
        assert_eq!(ticks[0].label, "14:15");
        assert_eq!(ticks[0].at, "8.0");
        assert_eq!(ticks.last().unwrap().label, "16:00");
    }
}
