//! Families of series that no constant of the detector was settled on, hourly for twelve weeks,
//! with a fault in each; the detector against textbook ones, which are told the season.

use std::f64::consts::TAU;

use firedrill_core::Micros;
use firedrill_core::health::anomaly::{AnomalyDetector, AnomalyPolicy};

use crate::series::Draws;

const WEEK: usize = 168;
const POINTS: usize = 12 * WEEK;
/// Points at the start that are only learnt from.
const PROBATION: usize = 5 * WEEK;
/// Points of a fault, and of the blocks without one that it is compared with.
const FAULT: usize = 12;
const SEEDS: u64 = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Weekends at sixty percent, and the day's curve with them.
    WeekendDips,
    /// The season and the noise are shares of a level that doubles.
    Multiplicative,
    /// Events that hardly come, by day.
    SmallCounts,
    /// Levels that last for a few days, as for jobs that come and go.
    Levels,
    /// Slow ramps up and down.
    Ramps,
    /// A day's curve of which a tenth is missing, in stretches.
    Missing,
    /// One point in fifty is far away, and that is usual.
    Spikes,
}

const FAMILIES: [Family; 7] = [
    Family::WeekendDips,
    Family::Multiplicative,
    Family::SmallCounts,
    Family::Levels,
    Family::Ramps,
    Family::Missing,
    Family::Spikes,
];

impl Family {
    /// A series with a fault from `at` on, and where it begins.
    fn series(self, seed: u64) -> (Vec<f64>, usize) {
        let mut draws = Draws::new(seed.wrapping_mul(77).wrapping_add(self as u64));
        let at = PROBATION + WEEK + (draws.uniform() * (5 * WEEK) as f64) as usize;
        let sign = if draws.uniform() < 0.5 { 1.0 } else { -1.0 };
        let (mut level, mut slope, mut gap) = (50.0, 0.0, 0_u32);
        let values = (0..POINTS).map(|i| {
            let curve = (i as f64 / 24.0 * TAU).sin();
            let weekend = if (i / 24) % 7 >= 5 { 0.6 } else { 1.0 };
            let faulty = f64::from(u8::from((at..at + FAULT).contains(&i)));
            let shift = faulty * sign;
            let noise = draws.normal();
            match self {
                Self::WeekendDips => weekend * (100.0 + 30.0 * curve) + 3.0 * (noise + 6.0 * shift),
                Self::Multiplicative => {
                    let level = 100.0 * (1.0 + i as f64 / POINTS as f64);
                    level * (1.0 + 0.4 * curve) * (1.0 + 0.03 * (noise + 6.0 * shift))
                }
                Self::SmallCounts => draws.poisson(0.6 * (1.0 + 0.7 * curve) + 4.0 * faulty),
                Self::Levels => {
                    if draws.uniform() < 1.0 / 80.0 {
                        level = 50.0 + 20.0 * draws.normal();
                    }
                    level + noise + 12.0 * shift * (1.0 + noise.abs())
                }
                Self::Ramps => {
                    if draws.uniform() < 1.0 / 100.0 {
                        slope = 0.3 * draws.normal();
                    }
                    level += slope;
                    level + noise + 6.0 * shift
                }
                Self::Missing => {
                    if draws.uniform() < 1.0 / 100.0 {
                        gap = 11;
                    }
                    gap = gap.saturating_sub(1);
                    let value = 50.0 + 10.0 * curve + noise + 6.0 * shift;
                    if gap > 0 && faulty < 1.0 {
                        f64::NAN
                    } else {
                        value
                    }
                }
                Self::Spikes => {
                    let spike = if draws.uniform() < 0.02 {
                        15.0 * draws.heavy()
                    } else {
                        0.0
                    };
                    50.0 + noise + spike + 6.0 * shift
                }
            }
        });
        (values.collect(), at)
    }
}

/// Ours, told nothing.
fn ours(series: &[f64]) -> Vec<f64> {
    let policy = AnomalyPolicy::default();
    let mut detector = AnomalyDetector::new(policy).expect("the default can be followed");
    let hour = |i: usize| Micros::from_hours(i as u64);
    let scored = series.iter().enumerate();
    scored
        .map(|(i, value)| detector.observe(hour(i), *value).nats)
        .collect()
}

/// Distance from the mean of the last day in its standard deviations.
fn rolling(series: &[f64]) -> Vec<f64> {
    let score = |i: usize| {
        let past: Vec<f64> = series[i.saturating_sub(24)..i]
            .iter()
            .copied()
            .filter(|value| value.is_finite())
            .collect();
        let n = past.len().max(1) as f64;
        let mean = past.iter().sum::<f64>() / n;
        let variance = past.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        let z = (series[i] - mean).abs() / (variance.sqrt() + 1e-3);
        if z.is_finite() { z } else { 0.0 }
    };
    (0..series.len()).map(score).collect()
}

/// An exponentially weighted mean and variance (S. W. Roberts, 1959).
fn ewma(series: &[f64]) -> Vec<f64> {
    let (mut mean, mut variance) = (f64::NAN, 1.0);
    let score = |value: &f64| {
        if !value.is_finite() {
            return 0.0;
        }
        if mean.is_nan() {
            mean = *value;
        }
        let gap = value - mean;
        let z = gap.abs() / (variance + 1e-6_f64).sqrt();
        mean += 0.1 * gap;
        variance += 0.05 * (gap * gap - variance);
        z
    };
    series.iter().map(score).collect()
}

/// Additive Holt-Winters by week with a band for each slot (J. D. Brutlag, 2000).
fn holt_winters(series: &[f64]) -> Vec<f64> {
    let first: Vec<f64> = series[..WEEK]
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
    let mut level = first.iter().sum::<f64>() / first.len().max(1) as f64;
    let mut trend = 0.0;
    let mut season = vec![0.0; WEEK];
    let mut band = vec![f64::NAN; WEEK];
    let score = |(i, value): (usize, &f64)| {
        if !value.is_finite() {
            return 0.0;
        }
        let slot = i % WEEK;
        if i < WEEK {
            season[slot] = value - level;
            return 0.0;
        }
        let gap = value - (level + trend + season[slot]);
        let z = if band[slot].is_nan() {
            0.0
        } else {
            gap.abs() / (band[slot] + 0.1)
        };
        let before = level;
        level = 0.1 * (value - season[slot]) + 0.9 * (level + trend);
        trend = 0.01 * (level - before) + 0.99 * trend;
        season[slot] = 0.2 * (value - level) + 0.8 * season[slot];
        let known = if band[slot].is_nan() {
            gap.abs()
        } else {
            band[slot]
        };
        band[slot] = 0.2 * gap.abs() + 0.8 * known;
        z
    };
    series.iter().enumerate().map(score).collect()
}

/// Scores of a whole series.
type Detector = fn(&[f64]) -> Vec<f64>;

/// The chance that a fault's largest score is above that of a block of the same length without
/// one, in the same series (the area under the receiver operating characteristic).
fn area(family: Family, detector: Detector) -> f64 {
    let areas = (0..SEEDS).map(|seed| {
        let (series, at) = family.series(seed);
        let scores = detector(&series);
        let largest = |from: usize| {
            scores[from..from + FAULT]
                .iter()
                .copied()
                .fold(0.0, f64::max)
        };
        let fault = largest(at);
        let blocks = (PROBATION..POINTS - FAULT).step_by(FAULT);
        // What a fault leaves behind in a baseline is neither.
        let others: Vec<f64> = blocks
            .filter(|from| from + FAULT <= at || *from >= at + WEEK)
            .map(largest)
            .collect();
        let below: f64 = others
            .iter()
            .map(|other| match fault.total_cmp(other) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })
            .sum();
        below / others.len() as f64
    });
    areas.sum::<f64>() / SEEDS as f64
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the docs name it as the source of their figures"
)]
fn no_textbook_detector_is_better_over_all_families() {
    let detectors: [(&str, Detector); 4] = [
        ("ours", ours),
        ("rolling z", rolling),
        ("EWMA", ewma),
        ("Holt-Winters by week", holt_winters),
    ];
    let mut table = String::new();
    let mut means = Vec::new();
    for (name, detector) in detectors {
        let areas = FAMILIES.map(|family| area(family, detector));
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        table += &format!("{name}: {mean:.3} {areas:.3?}\n");
        means.push(mean);
    }
    println!("{table}");
    for other in &means[1..] {
        assert!(means[0] > *other, "{table}");
    }
    assert!(means[0] > 0.9, "{table}");
}
