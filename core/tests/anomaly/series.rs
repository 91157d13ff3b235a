//! Series whose makers are known: kinds that just go on, and faults put into them.

use std::f64::consts::TAU;

use firedrill_core::Micros;
use firedrill_core::health::anomaly::{AnomalyDetector, AnomalyPolicy};

use crate::split_mix::SplitMix64;

/// Five minutes between points, as monitoring systems keep them.
pub(crate) const STEP: Micros = Micros::from_mins(5);
/// Points of a day.
pub(crate) const DAY: usize = 288;

/// Draws that a seed decides.
pub(crate) struct Draws(SplitMix64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SplitMix64(
            seed.wrapping_mul(0xA076_1D64_78BD_642F) ^ 0x1234_5678,
        ))
    }

    /// Above 0, below 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// Three degrees of freedom: a variance, no kurtosis.
    pub(crate) fn heavy(&mut self) -> f64 {
        let square: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / (square / 3.0).sqrt()
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (mut count, mut product) = (0.0, self.uniform());
        while product > (-mean).exp() {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

/// A way in which a series goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    White,
    Pulled,
    StronglyPulled,
    Walk,
    Daily,
    DailyCounts,
    Weekly,
    Trend,
    Counts,
    Heavy,
    Lognormal,
    RareTicks,
}

pub(crate) const KINDS: [Kind; 12] = [
    Kind::White,
    Kind::Pulled,
    Kind::StronglyPulled,
    Kind::Walk,
    Kind::Daily,
    Kind::DailyCounts,
    Kind::Weekly,
    Kind::Trend,
    Kind::Counts,
    Kind::Heavy,
    Kind::Lognormal,
    Kind::RareTicks,
];

impl Kind {
    /// A series of this kind.
    pub(crate) fn series(self, seed: u64, points: usize) -> Vec<f64> {
        let mut draws = Draws::new(seed.wrapping_mul(31).wrapping_add(self as u64));
        let mut state = 0.0;
        let mut pulled = |draws: &mut Draws, pull: f64| {
            state = pull * state + (1.0 - pull * pull).sqrt() * draws.normal();
            state
        };
        let mut walk = 0.0;
        (0..points)
            .map(|i| {
                let day = (i as f64 / DAY as f64 * TAU).sin();
                let curve = day + 0.4 * (2.0 * i as f64 / DAY as f64 * TAU).cos();
                let weekend = if (i / DAY) % 7 >= 5 { 0.6 } else { 1.0 };
                let draws = &mut draws;
                match self {
                    Self::White => 50.0 + draws.normal(),
                    Self::Pulled => 50.0 + pulled(draws, 0.5),
                    Self::StronglyPulled => 50.0 + pulled(draws, 0.95),
                    Self::Walk => {
                        walk += draws.normal();
                        walk
                    }
                    Self::Daily => 50.0 + 8.0 * curve + 1.5 * draws.normal() + pulled(draws, 0.8),
                    Self::DailyCounts => draws.poisson(120.0 * (1.0 + 0.6 * curve)),
                    Self::Weekly => weekend * (100.0 + 40.0 * curve) + 4.0 * draws.normal(),
                    Self::Trend => 0.01 * i as f64 + draws.normal(),
                    Self::Counts => draws.poisson(2.0),
                    Self::Heavy => 50.0 + draws.heavy(),
                    Self::Lognormal => (0.5 * draws.normal()).exp(),
                    Self::RareTicks => f64::from(u8::from(draws.uniform() < 0.01)),
                }
            })
            .collect()
    }
}

/// The scores of a series.
pub(crate) fn scores(series: &[f64]) -> Vec<f64> {
    let mut detector =
        AnomalyDetector::new(AnomalyPolicy::default()).expect("the default can be followed");
    let scored = series.iter().enumerate();
    scored
        .map(|(i, value)| detector.observe(Micros(STEP.0 * i as u64), *value).nats)
        .collect()
}
