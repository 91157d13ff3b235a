//! The event queue under the hold model, next to a bare heap of the standard library.
//!
//! One operation takes the earliest of a steady number of pending events and puts a new one an
//! exponential delay later: the life of a queueing simulation. The bare heap breaks no ties; the
//! difference is the price of the sequence number.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use firedrill_benches::exponential_delays;
use firedrill_core::Micros;
use firedrill_sim::engine::EventQueue;

const PENDING: usize = 1_000;
/// A power of two, so that the table of delays is walked with a mask.
const DELAYS: usize = 1 << 14;
const MEAN_US: f64 = 1e6;

fn hold(criterion: &mut Criterion) {
    let delays = exponential_delays(DELAYS, MEAN_US);
    let mut queue = EventQueue::default();
    let mut heap = BinaryHeap::new();
    for (event, delay) in delays.iter().take(PENDING).enumerate() {
        queue.push(Micros(*delay), event as u32);
        heap.push(Reverse((*delay, event as u32)));
    }

    let mut next = 0;
    let mut delay = || {
        next = (next + 1) & (DELAYS - 1);
        delays[next]
    };
    let name = format!("engine::queue::hold/pending={PENDING}");
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            let (at, event) = queue.pop().expect("the queue holds its number");
            queue.push(at + Micros(delay()), black_box(event));
        });
    });
    let name = format!("std::binary_heap::hold/pending={PENDING}");
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            let Reverse((at, event)) = heap.pop().expect("the heap holds its number");
            heap.push(Reverse((at + delay(), black_box(event))));
        });
    });
}

criterion_group!(benches, hold);
criterion_main!(benches);
