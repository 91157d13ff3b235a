//! Things that are compared are measured in turns, in one process.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Whether the bench only has to show that it works.
#[must_use]
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// What a heading says of its figures in test mode.
#[must_use]
pub fn caveat() -> &'static str {
    if is_test() {
        " (test mode: the figures mean nothing)"
    } else {
        ""
    }
}

/// The time that something takes.
pub fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

/// What the turns of a comparison took, by turn and subject.
#[derive(Clone, Debug)]
pub struct Turns<const N: usize>(Vec<[Duration; N]>);

impl<const N: usize> Turns<N> {
    /// Measures each of the subjects once in every turn, one after the other.
    pub fn measure(turns: usize, mut subjects: [&mut dyn FnMut() -> Duration; N]) -> Self {
        let mut turn = || subjects.each_mut().map(|subject| subject());
        Self((0..turns).map(|_| turn()).collect())
    }

    /// The fastest turn of a subject: what it takes when nobody else uses the machine.
    ///
    /// # Panics
    /// When there were no turns.
    #[must_use]
    pub fn fastest(&self, subject: usize) -> Duration {
        let times = self.0.iter().map(|turn| turn[subject]);
        times.min().expect("there was a turn")
    }

    /// How many times as long one subject takes as another: the median over the turns, since
    /// what disturbs a turn disturbs both.
    ///
    /// # Panics
    /// When there were no turns.
    #[must_use]
    pub fn ratio(&self, of: usize, to: usize) -> f64 {
        let ratio = |turn: &[Duration; N]| turn[of].as_secs_f64() / turn[to].as_secs_f64();
        let mut ratios: Vec<f64> = self.0.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }
}
