//! What one telemetry window costs: through the tally and the judge alone, and through the whole
//! plane.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use firedrill_benches::{CHECKS, NOW, OBJECTIVES, plane_and_window, policy, window};
use firedrill_core::Micros;
use firedrill_core::config::VersionId;
use firedrill_core::health::Judge;
use firedrill_core::health::judge::{Past, Setting};
use firedrill_core::plane::Input;

fn tally_and_judge(criterion: &mut Criterion) {
    let arriving = window(VersionId(2));
    let setting = Setting {
        candidate: VersionId(2),
        start: arriving.start,
        longest: Micros::from_mins(30),
        look_every: Micros::from_secs(30),
        regions: 1,
    };
    let mut judge = Judge::new(policy(), setting, &Past::default());
    judge.observe(&window(VersionId(1)));
    let name = format!("health::judge::observe_and_look/checks={CHECKS}");
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            judge.observe(black_box(&arriving));
            judge.look(NOW)
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
