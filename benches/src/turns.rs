//! Things that are compared are measured in turns, in one process.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Whether the bench only has to show that it works.
#[must_use]
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// The time that something takes.
pub fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

/// Measures each of the subjects once in every turn. The fastest turn of each is what it takes
/// when nobody else uses the machine.
pub fn fastest<const N: usize>(
    turns: usize,
    mut subjects: [&mut dyn FnMut() -> Duration; N],
) -> [Duration; N] {
    let mut fastest = [Duration::MAX; N];
    for _ in 0..turns {
        for (best, subject) in fastest.iter_mut().zip(&mut subjects) {
            *best = subject().min(*best);
        }
    }
    fastest
}
