//! The last points as they came, for finding a season.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::Micros;

use super::local::median;

/// Points kept: four weeks of five-minute points; 128 KiB.
pub(super) const POINTS_MAX: usize = 8_192;
/// Distances between points that the interval is taken from.
const DISTANCES: usize = 255;

/// The last points of a series.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    points: VecDeque<(Micros, f64)>,
}

impl History {
    pub(super) fn push(&mut self, at: Micros, value: f64) {
        if self.points.len() == POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back((at, value));
    }

    pub(super) fn clear(&mut self) {
        self.points.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// The time from the first point kept to the last.
    pub(super) fn span(&self) -> Micros {
        match (self.points.front(), self.points.back()) {
            (Some((first, _)), Some((last, _))) => *last - *first,
            _ => Micros::ZERO,
        }
    }

    /// The usual time between two points.
    pub(super) fn interval(&self) -> Option<Micros> {
        let pairs = self.points.iter().zip(self.points.iter().skip(1));
        let step = (self.points.len() / DISTANCES).max(1);
        let mut distances: Vec<f64> = pairs
            .step_by(step)
            .map(|((before, _), (after, _))| (*after - *before).0 as f64)
            .collect();
        let usual = median(&mut distances) as u64;
        (usual > 0).then_some(Micros(usual))
    }

    /// Times and values, oldest first.
    pub(super) fn points(&self) -> (Vec<Micros>, Vec<f64>) {
        self.points.iter().copied().unzip()
    }
}
