//! What a verdict costs: one window of twenty signals through the sequential judge, sixty points
//! against sixty through the rank judge.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firedrill_benches::noise;
use firedrill_core::health::rank::metric::{MetricPolicy, Mode, judge_metric};
use firedrill_core::health::sequential::{
    ArmCounts, Baseline, HostEffects, Onset, PairedCounts, PairedWindow, SequentialJudge,
    SequentialPolicy,
};
use firedrill_core::{Micros, Ppm};

/// Signals of a window.
const SIGNALS: usize = 20;
/// Windows that are prepared, and judged again and again.
const WINDOWS: usize = 1_024;

const POLICY: SequentialPolicy = SequentialPolicy {
    alpha: Ppm(1_000),
    miss: Ppm(50_000),
    effect_min_milli: 1_500,
    baseline: Baseline::Control,
    onset: Onset::Either,
    hosts: HostEffects::None,
    bake: Micros::from_hours(1_000),
    stale_after: Micros::from_mins(5),
    tolerable: Ppm::ZERO,
};

/// What both arms of a window are like.
#[derive(Clone, Copy)]
struct Load {
    /// Errors of an arm on average.
    errors: f64,
    /// Half the range of an arm's requests around a thousand: no two windows share traffic alike
    /// unless it is zero.
    swing: f64,
}

/// Windows of about a thousand requests an arm and signal.
fn windows(load: Load) -> Vec<Vec<PairedCounts>> {
    let mut values = noise(4 * SIGNALS * WINDOWS).into_iter();
    let mut arm = || {
        // As wide as a Poisson variable: both arms are alike, and no judge may think otherwise.
        let mut uniform = || values.next().unwrap_or(0.5) - 0.5;
        let requests = 1_000.0 + 2.0 * load.swing * uniform();
        let errors = load.errors + uniform() * libm::sqrt(12.0 * load.errors);
        ArmCounts {
            requests: requests as u64,
            errors: (errors + 0.5).max(0.0) as u64,
        }
    };
    let mut window = || {
        let pair = |_| PairedCounts {
            canary: arm(),
            control: arm(),
        };
        (0..SIGNALS).map(pair).collect()
    };
    (0..WINDOWS).map(|_| window()).collect()
}

fn sequential(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("health::sequential");
    group.throughput(Throughput::Elements(1));
    for (errors, swing) in [(1.0, 0.0), (20.0, 0.0), (1.0, 100.0), (20.0, 100.0)] {
        let windows = windows(Load { errors, swing });
        let mut judge = SequentialJudge::new(POLICY, SIGNALS).expect("the policy is sound");
        let mut number = 0;
        let name = format!("observe/signals={SIGNALS},errors={errors},swing={swing}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let window = PairedWindow {
                    start: Micros::from_secs(number),
                    end: Micros::from_secs(number + 1),
                    signals: black_box(&windows[number as usize % WINDOWS]),
                };
                number += 1;
                judge.observe(&window)
            });
        });
        assert!(!judge.has_failed(), "both arms are alike");
    }
    group.finish();
}

fn rank(criterion: &mut Criterion) {
    let values = noise(120);
    let (x, y) = values.split_at(60);
    for (name, mode) in [
        ("compatible", Mode::Compatible),
        (
            "guarded",
            Mode::Guarded {
                looks: 1,
                points_min: 8,
            },
        ),
    ] {
        let policy = MetricPolicy::usual(mode);
        let name = format!("health::rank::judge_metric/points=60,mode={name}");
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| judge_metric(&policy, black_box(x), black_box(y)));
        });
    }
}

criterion_group!(benches, sequential, rank);
criterion_main!(benches);
