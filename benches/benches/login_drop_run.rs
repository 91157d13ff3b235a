//! One whole run of the catalogue's `login-drop`, from proposal to all-clear, and its figures.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use firedrill_scenarios::load_embedded;
use firedrill_sim::{engine, measure};

fn login_drop(criterion: &mut Criterion) {
    let loaded = load_embedded("login-drop").expect("it is in the catalogue");
    let scenario = loaded.scenario;
    let mut group = criterion.benchmark_group("engine::run");
    group.sample_size(20);
    group.bench_function("scenario=login-drop", |bencher| {
        bencher.iter(|| engine::run(black_box(&scenario), 1));
    });
    group.finish();
    let log = engine::run(&scenario, 1);
    criterion.bench_function("measure::measure/scenario=login-drop", |bencher| {
        bencher.iter(|| measure::measure(black_box(&log)));
    });
}

criterion_group!(benches, login_drop);
criterion_main!(benches);
