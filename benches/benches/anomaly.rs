//! What a point costs: series that are white, daily or small counts, past the time in which the
//! detector learns.

use std::f64::consts::TAU;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firedrill_benches::noise;
use firedrill_core::Micros;
use firedrill_core::health::anomaly::{AnomalyDetector, AnomalyPolicy};

/// Points of a series, five minutes apart; it is scored again and again.
const POINTS: usize = 8_064;
/// Points of a day.
const DAY: f64 = 288.0;

/// A value by the day and by noise.
type Value = fn(f64, f64) -> f64;

fn observe(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("health::anomaly");
    group.throughput(Throughput::Elements(1));
    let kinds: [(&str, Value); 3] = [
        ("white", |_, noise| 50.0 + noise),
        ("daily", |day, noise| {
            50.0 + 10.0 * (day * TAU).sin() + noise
        }),
        ("counts", |_, noise| (4.0 * noise).floor()),
    ];
    for (name, value) in kinds {
        let noise = noise(POINTS);
        let series: Vec<f64> = (noise.iter().enumerate())
            .map(|(i, noise)| value(i as f64 / DAY, *noise))
            .collect();
        let policy = AnomalyPolicy::default();
        let mut detector = AnomalyDetector::new(policy).expect("the default can be followed");
        let mut number = 0;
        let mut next = || {
            let at = Micros::from_mins(5 * number as u64);
            let score = detector.observe(at, black_box(series[number % POINTS]));
            number += 1;
            score
        };
        for _ in 0..POINTS {
            next();
        }
        group.bench_function(format!("observe/series={name}"), |bencher| {
            bencher.iter(&mut next);
        });
    }
    group.finish();
}

criterion_group!(benches, observe);
criterion_main!(benches);
