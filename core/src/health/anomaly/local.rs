//! Where a series stands and how much it moves: a level that follows drift, the pull back to it,
//! and two robust scales.

use alloc::vec::Vec;

/// Points that the first level and scale are taken from.
pub(super) const START_POINTS: usize = 16;
/// The weight of a point in the level.
const LEVEL_RATE: f64 = 1.0 / 64.0;
/// The weight of a point in the scales.
const SCALE_RATE: f64 = 1.0 / 128.0;
/// The weight of a point in the pull back to the level.
const PULL_RATE: f64 = 1.0 / 256.0;
/// The weight of a point in the slow second moment.
const SLOW_RATE: f64 = 1.0 / 2048.0;
/// Scales by which one point moves anything, at the most.
const CLIP: f64 = 3.0;
/// Scales by which the last point moves a forecast, at the most, before the pull.
const LAST_CLIP: f64 = 8.0;
/// Scales by which one point moves the slow second moment, at the most.
const SLOW_CLIP: f64 = 12.0;
/// The least scale, as a share of the standard deviation.
const SCALE_SHARE_OF_DEVIATION: f64 = 0.3;
/// The standard deviation of a normal variable in units of its mean size.
const NORMAL: f64 = 1.2533;
/// Strongest pull away from the level: beyond it, a forecast is the last value.
const PULL_MAX: f64 = 0.98;
/// Points in a row on one side, this many scales away, that make a new level.
const SHIFT_POINTS: usize = 32;
const SHIFT_SCALES: f64 = 3.5;

/// What a point was in units of what is usual.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Residual {
    /// How far from the forecast, in scales.
    pub(super) innovation: f64,
    /// How far from the level, in scales.
    pub(super) deviation: f64,
    /// Whether this point confirmed a new level.
    pub(super) shifted: bool,
}

/// A level with its scales.
#[derive(Clone, Debug, Default)]
pub(super) struct Local {
    start: Vec<f64>,
    started: bool,
    level: f64,
    /// The last point's distance from the level.
    last: f64,
    bias: f64,
    products: f64,
    squares: f64,
    innovation: Scale,
    deviation: Scale,
    /// Distances from the level of the last points far on one side.
    run: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Scale {
    mean: f64,
    slow: f64,
    value: f64,
}

impl Scale {
    fn renew(&mut self, floor: f64) {
        let deviation = libm::sqrt(self.slow) * SCALE_SHARE_OF_DEVIATION;
        self.value = (self.mean * NORMAL).max(deviation).max(floor);
    }

    fn learn(&mut self, error: f64, floor: f64) {
        let size = error.abs();
        self.mean += SCALE_RATE * (size.min(CLIP * self.value) - self.mean);
        let slow = size.min(SLOW_CLIP * self.value);
        self.slow += SLOW_RATE * (slow * slow - self.slow);
        self.renew(floor);
    }
}

impl Local {
    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    /// What the next point should be.
    pub(super) fn forecast(&self) -> f64 {
        let limit = LAST_CLIP * self.deviation.value;
        self.level + self.pull() * self.last.clamp(-limit, limit) + self.bias
    }

    pub(super) const fn level(&self) -> f64 {
        self.level
    }

    /// How far a forecast is off, usually.
    pub(super) const fn innovation_scale(&self) -> f64 {
        self.innovation.value
    }

    /// How far a point is from the level, usually.
    pub(super) const fn deviation_scale(&self) -> f64 {
        self.deviation.value
    }

    /// Makes both scales larger, once.
    pub(super) fn widen(&mut self, by: f64) {
        for scale in [&mut self.innovation, &mut self.deviation] {
            scale.mean *= by;
            scale.value *= by;
        }
    }

    fn pull(&self) -> f64 {
        if self.squares > 0.0 {
            (self.products / self.squares).clamp(-PULL_MAX, PULL_MAX)
        } else {
            0.0
        }
    }

    /// Takes a point; `floor` is the least scale that makes sense for this series.
    pub(super) fn observe(&mut self, value: f64, floor: f64) -> Residual {
        if !self.started {
            self.start.push(value);
            if self.start.len() == START_POINTS {
                self.begin(floor);
            }
            return Residual::default();
        }
        let error = value - self.forecast();
        let distance = value - self.level;
        let mut residual = Residual {
            innovation: error / self.innovation.value,
            deviation: distance / self.deviation.value,
            shifted: false,
        };
        let limit = CLIP * self.innovation.value;
        self.bias += 0.25 * SCALE_RATE * (error.clamp(-limit, limit) - self.bias);
        let limit = CLIP * self.deviation.value;
        let clipped = distance.clamp(-limit, limit);
        let last = self.last.clamp(-limit, limit);
        self.products += PULL_RATE * (last * clipped - self.products);
        self.squares += PULL_RATE * (last * last - self.squares);
        self.innovation.learn(error, floor);
        self.deviation.learn(distance, floor);
        let moved = LEVEL_RATE * clipped;
        self.level += moved;
        self.last = distance - moved;
        residual.shifted = self.confirm_shift(distance, residual.deviation, floor);
        residual
    }

    /// Takes level and scales from the first points.
    fn begin(&mut self, floor: f64) {
        let level = median(&mut self.start.clone());
        let sizes = |errors: &mut dyn Iterator<Item = f64>| {
            let mut sizes: Vec<f64> = errors.map(f64::abs).collect();
            let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
            // The median of sizes misses what most points do not do, the mean is one spike's toy.
            mean.min(2.5 * median(&mut sizes).max(0.1 * mean))
        };
        let steps = &mut self.start.windows(2).map(|pair| pair[1] - pair[0]);
        self.innovation.mean = sizes(steps);
        let distances = &mut self.start.iter().map(|value| value - level);
        self.deviation.mean = sizes(distances).max(0.5 * self.innovation.mean);
        for scale in [&mut self.innovation, &mut self.deviation] {
            scale.slow = scale.mean * scale.mean;
            scale.renew(floor);
        }
        self.squares = self.deviation.mean * self.deviation.mean;
        let ratio = self.innovation.mean / self.deviation.mean.max(f64::MIN_POSITIVE);
        self.products = (1.0 - 0.5 * ratio * ratio).clamp(0.0, 0.9) * self.squares;
        self.level = level;
        self.last = self.start[START_POINTS - 1] - level;
        self.started = true;
        self.start = Vec::new();
    }

    /// Begins anew at another level once enough points in a row say so.
    fn confirm_shift(&mut self, distance: f64, deviation: f64, floor: f64) -> bool {
        let same_side = self.run.last().is_none_or(|last| last * distance > 0.0);
        if deviation.abs() < SHIFT_SCALES || !same_side {
            self.run.clear();
        }
        if deviation.abs() < SHIFT_SCALES {
            return false;
        }
        self.run.push(distance);
        if self.run.len() < SHIFT_POINTS {
            return false;
        }
        let to = median(&mut self.run.clone());
        self.level += to;
        self.last = distance - to;
        self.bias = 0.0;
        let mut sizes: Vec<f64> = self.run.iter().map(|at| (at - to).abs()).collect();
        self.deviation.mean = self.deviation.mean.max(median(&mut sizes));
        self.deviation.renew(floor);
        self.run.clear();
        true
    }
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        0.5 * (lower + *upper)
    } else {
        *upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: u32) -> f64 {
        f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24) - 0.5
    }

    fn settled() -> Local {
        let mut local = Local::default();
        (0..1_000).for_each(|i| {
            local.observe(10.0 + noise(i), 1e-9);
        });
        local
    }

    #[test]
    fn level_and_scale_are_found() {
        let local = settled();
        assert!((local.level() - 10.0).abs() < 0.1, "{}", local.level());
        assert!((0.2..0.45).contains(&local.deviation_scale()));
    }

    #[test]
    fn a_spike_moves_little() {
        let mut local = settled();
        let before = local.level();
        assert!(local.observe(1e9, 1e-9).innovation > 1e8);
        assert!((local.level() - before).abs() < 0.03);
        assert!(local.deviation_scale() < 0.45);
    }

    #[test]
    fn a_shift_is_followed_once_confirmed() {
        let mut local = settled();
        let shifted = (0..40).position(|i| local.observe(90.0 + noise(i), 1e-9).shifted);
        assert_eq!(shifted, Some(SHIFT_POINTS - 1));
        assert!((local.level() - 90.0).abs() < 0.4, "{}", local.level());
    }

    #[test]
    fn drift_is_followed() {
        let mut local = Local::default();
        let value = |i: u32| 0.01 * f64::from(i) + noise(i);
        let errors: Vec<f64> = (0..4_000)
            .map(|i| {
                let error = value(i) - local.forecast();
                local.observe(value(i), 1e-9);
                error
            })
            .collect();
        let mean = errors[2_000..].iter().sum::<f64>() / 2_000.0;
        assert!(mean.abs() < 0.1, "{mean}");
    }
}
