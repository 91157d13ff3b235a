//! How often a statistic has been at least this large: its own past, and a fitted tail beyond it.

use alloc::vec;
use alloc::vec::Vec;

use libm::{exp, log, log2};

/// Bins to a doubling.
const BINS_PER_OCTAVE: f64 = 8.0;
/// Their lower edges, from 1.
const EIGHTHS: [f64; 8] = [
    1.0,
    1.090_507_732_665_257_7,
    1.189_207_115_002_721,
    1.296_839_554_651_009_6,
    core::f64::consts::SQRT_2,
    1.542_210_825_407_940_7,
    1.681_792_830_507_429,
    1.834_008_086_409_342_4,
];
/// Doublings below 1 that have bins of their own.
const OCTAVES_BELOW: f64 = 5.0;
/// Bins in all: bin 0 holds what is smaller, the last one what is larger.
const BINS: usize = 160;
/// Points after which the fit of the tail is renewed.
const FIT_EVERY: u32 = 16;
/// Points before a tail is fitted; until then nothing is rarer than once in the past.
const FIT_FROM: f64 = 48.0;
/// Points that the tail is fitted to, once there are enough.
const TAIL_POINTS: f64 = 40.0;
/// The share of points that the tail holds, at the least and at the most.
const TAIL_SHARE: (f64, f64) = (0.01, 0.2);
/// The heaviest shape of the tail of any statistic; the lightest is an exponential's, 0.
pub(super) const SHAPE_MAX: f64 = 0.45;
/// How rare a point may count in the past, in units of once in the past: a rarer one counts
/// as one this rare, so that an outage does not teach that outages are usual.
const LEARN_RAREST: f64 = 0.1;

/// The past of one statistic with values from 0, of bounded size; older points count less.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    bins: Vec<f64>,
    /// The sums of each eight bins.
    octaves: Vec<f64>,
    /// The weight of everything in `bins`.
    total: f64,
    /// The weight of the next point; it grows, which is how older ones shrink.
    weight: f64,
    growth: f64,
    shape_max: f64,
    until_fit: u32,
    fit: Fit,
}

/// A generalised Pareto tail above `from`.
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    /// Where it begins.
    from: f64,
    /// The share of points above.
    share: f64,
    /// The mean size of an excess, corrected for the shape; 0 when there is no fit.
    scale: f64,
    /// How heavy it is.
    shape: f64,
    /// The largest value that is learned as it is.
    learn_max: f64,
}

impl Tail {
    /// An empty past that remembers about `memory` points and has a tail no heavier than
    /// `shape_max`.
    pub(super) fn new(memory: f64, shape_max: f64) -> Self {
        Self {
            bins: vec![0.0; BINS],
            octaves: vec![0.0; BINS / EIGHTHS.len()],
            total: 0.0,
            weight: 1.0,
            growth: 1.0 + 1.0 / memory,
            shape_max,
            until_fit: FIT_EVERY,
            fit: Fit::default(),
        }
    }

    /// The number of points remembered; fades with age.
    pub(super) fn points(&self) -> f64 {
        self.total / self.weight
    }

    /// The surprise at `value` in nats: -ln of the share of points at least as large.
    pub(super) fn surprise(&self, value: f64) -> f64 {
        let fit = &self.fit;
        if fit.scale > 0.0 && value > fit.from {
            let over = (value - fit.from) / fit.scale;
            let fall = if fit.shape > 1e-3 {
                log(1.0 + fit.shape * over) / fit.shape
            } else {
                over
            };
            return fall - log(fit.share);
        }
        let bin = bin_of(value);
        let next = bin / EIGHTHS.len() + 1;
        let above: f64 = self.bins[bin + 1..next * EIGHTHS.len()].iter().sum::<f64>()
            + self.octaves[next..].iter().sum::<f64>();
        // Within a bin, values count as spread evenly; equal ones (bin 0) all count.
        let within = if bin == 0 {
            1.0
        } else {
            1.0 - share_of_bin(value, bin)
        };
        let at_least = above + within * self.bins[bin];
        // Sums that were added up in another order may differ in the last digit.
        (-log((at_least + self.weight) / (self.total + self.weight))).max(0.0)
    }

    /// Adds a point to the past.
    pub(super) fn learn(&mut self, value: f64) {
        let value = if self.fit.scale > 0.0 {
            value.min(self.fit.learn_max)
        } else {
            value
        };
        self.weight *= self.growth;
        let bin = bin_of(value);
        self.bins[bin] += self.weight;
        self.octaves[bin / EIGHTHS.len()] += self.weight;
        self.total += self.weight;
        if self.weight > 1e12 {
            self.rescale();
        }
        self.until_fit -= 1;
        if self.until_fit == 0 {
            self.until_fit = FIT_EVERY;
            self.fit = self.fitted();
        }
    }

    fn rescale(&mut self) {
        let by = 1.0 / self.weight;
        self.bins.iter_mut().for_each(|bin| *bin *= by);
        self.octaves.iter_mut().for_each(|octave| *octave *= by);
        self.total *= by;
        self.weight = 1.0;
    }

    /// Fits the mean and the variance of the excesses over a high bin.
    fn fitted(&self) -> Fit {
        let points = self.points();
        if points < FIT_FROM {
            return Fit::default();
        }
        let share = (TAIL_POINTS / points).clamp(TAIL_SHARE.0, TAIL_SHARE.1);
        let (mut above, mut first) = (0.0, BINS);
        while first > 1 && above < share * self.total {
            first -= 1;
            above += self.bins[first];
        }
        if above <= 0.0 {
            return Fit::default();
        }
        let from = edge(first);
        let (mut sum, mut squares) = (0.0, 0.0);
        for bin in first..BINS {
            let excess = centre(bin) - from;
            sum += self.bins[bin] * excess;
            squares += self.bins[bin] * excess * excess;
        }
        let mean = sum / above;
        let variance = (squares / above - mean * mean).max(1e-12);
        let shape = (0.5 * (1.0 - mean * mean / variance)).clamp(0.0, self.shape_max);
        let mut fit = Fit {
            from,
            share: above / self.total,
            scale: mean * (1.0 - shape),
            shape,
            learn_max: f64::INFINITY,
        };
        fit.learn_max = fit.level(LEARN_RAREST / points);
        fit
    }
}

impl Fit {
    /// The value that a share `share` of points reaches.
    fn level(&self, share: f64) -> f64 {
        let fall = log(self.share / share);
        let over = if self.shape > 1e-3 {
            (exp(self.shape * fall) - 1.0) / self.shape
        } else {
            fall
        };
        self.from + self.scale * over
    }
}

fn bin_of(value: f64) -> usize {
    if value <= edge(1) {
        return 0;
    }
    let bin = (log2(value) + OCTAVES_BELOW) * BINS_PER_OCTAVE;
    (bin as usize + 1).min(BINS - 1)
}

fn share_of_bin(value: f64, bin: usize) -> f64 {
    let (low, high) = (edge(bin), edge(bin + 1));
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// The lower edge of a bin: a power of the eighth root of 2.
fn edge(bin: usize) -> f64 {
    if bin == 0 {
        return 0.0;
    }
    let (octave, step) = ((bin - 1) / EIGHTHS.len(), (bin - 1) % EIGHTHS.len());
    let exponent = 1_023 + octave as u64 - OCTAVES_BELOW as u64;
    EIGHTHS[step] * f64::from_bits(exponent << 52)
}

fn centre(bin: usize) -> f64 {
    0.5 * (edge(bin) + edge(bin + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values spread as an exponential's quantiles, in an order that repeats nothing.
    fn exponential(count: u32) -> Tail {
        let mut tail = Tail::new(1e9, SHAPE_MAX);
        for i in 0..count {
            let u = f64::from(i * 7919 % count) + 0.5;
            tail.learn(-log(u / f64::from(count)));
        }
        tail
    }

    #[test]
    fn surprise_is_the_share_above() {
        let tail = exponential(10_007);
        for nats in [0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0] {
            let surprise = tail.surprise(nats);
            assert!((surprise - nats).abs() < 0.12 * nats.max(1.0), "{surprise}");
        }
    }

    #[test]
    fn nothing_is_rarer_than_once_before_there_is_a_tail() {
        let mut tail = Tail::new(1e4, SHAPE_MAX);
        assert_eq!(tail.surprise(1e300), 0.0);
        for _ in 0..1_000 {
            tail.learn(0.0);
        }
        assert_eq!(tail.surprise(0.0), 0.0);
        let record = tail.surprise(5.0);
        assert!((record - log(tail.points() + 1.0)).abs() < 1e-9, "{record}");
    }

    #[test]
    fn an_outage_is_learned_within_limits() {
        let mut tail = exponential(2_003);
        let before = tail.surprise(60.0);
        for _ in 0..3 {
            tail.learn(60.0);
        }
        (0..FIT_EVERY).for_each(|_| tail.learn(0.5));
        assert!(
            tail.surprise(60.0) > before / 4.0,
            "{}",
            tail.surprise(60.0)
        );
    }

    #[test]
    fn old_points_fade() {
        let mut tail = Tail::new(100.0, SHAPE_MAX);
        (0..2_000).for_each(|_| tail.learn(8.0));
        (0..2_000).for_each(|_| tail.learn(0.1));
        assert!(tail.surprise(8.0) > 4.0);
        assert!(tail.points() < 101.0);
    }
}
