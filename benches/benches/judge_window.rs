//! What one telemetry window costs: through the tally and the judge alone, and through the whole
//! plane.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use firedrill_benches::{CHECKS, NOW, OBJECTIVES, plane_and_window, policy, window};
use firedrill_core::config::VersionId;
use firedrill_core::health::{Tally, judge};
use firedrill_core::plane::Input;

fn tally_and_judge(criterion: &mut Criterion) {
    let (policy, arriving) = (policy(), window(VersionId(2)));
    let (mut candidate, mut control) = (Tally::default(), Tally::default());
    control.add(&window(VersionId(1)));
    let name = format!("health::threshold::add_and_judge/checks={CHECKS}");
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            candidate.add(black_box(&arriving));
            judge(&policy, NOW, &candidate, &control)
        });
    });
}

fn plane(criterion: &mut Criterion) {
    let (mut plane, arriving) = plane_and_window();
    let name = format!("plane::handle_window/objectives={OBJECTIVES}");
    criterion.bench_function(&name, |bencher| {
        bencher.iter_batched(
            || Input::WindowArrived {
                window: Box::new(arriving.clone()),
            },
            |input| plane.handle(NOW, input),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, tally_and_judge, plane);
criterion_main!(benches);
