//! What is usual at this time of the season, and which season there is.

use alloc::vec;
use alloc::vec::Vec;

use crate::Micros;

use super::history::History;
use super::local::median;

/// Slots of a profile, at the most.
const SLOTS_MAX: u64 = 512;
/// Slots of a profile, at the least.
const SLOTS_MIN: u64 = 3;
/// The weight of a new cycle in a slot.
const SLOT_RATE: f64 = 0.15;
/// Scales by which one point moves a slot, at the most, as if it were this many scales away.
const SLOT_CLIP: f64 = 3.0;
/// Cells that a search sees.
const CELLS_MAX: usize = 1_024;
/// Cells that a season has, at the least.
const LAG_MIN: usize = 4;
/// Cycles that a season must have been seen for.
const CYCLES_MIN: usize = 3;
/// The least correlation of a series with itself one season later.
const CORRELATION_MIN: f64 = 0.25;
/// How much that correlation must rise above the lowest one at a shorter lag.
const PROMINENCE_MIN: f64 = 0.3;
/// A shorter season is taken when its correlation is at most this much less.
const SHORTER_BY: f64 = 0.1;
/// A season this near to an hour, a day or a week is one.
const SNAP: f64 = 0.03;

/// The usual distance from the level at each slot of a season.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    period: Micros,
    slots: Vec<f64>,
}

impl Profile {
    /// Takes the profile from the past; `None` when it holds fewer than two cycles or too few
    /// points of each.
    pub(super) fn of(history: &History, period: Micros) -> Option<Self> {
        let interval = history.interval()?;
        let count = (period.0 / interval.0.max(1)).min(SLOTS_MAX);
        if count < SLOTS_MIN || history.span() < period.saturating_add(period) {
            return None;
        }
        let mut profile = Self {
            period,
            slots: vec![0.0; count as usize],
        };
        let (times, mut values) = history.points();
        flatten(&times, &mut values, period);
        let mut found: Vec<Vec<f64>> = vec![Vec::new(); count as usize];
        for (time, value) in times.iter().zip(&values) {
            found[profile.slot(*time)].push(*value);
        }
        let medians: Vec<Option<f64>> = found
            .iter_mut()
            .map(|values| (!values.is_empty()).then(|| median(values)))
            .collect();
        if medians.iter().flatten().count() * 2 < count as usize {
            return None;
        }
        profile.fill(&medians);
        Some(profile)
    }

    /// The slots, each smoothed with its neighbours; empty ones take after the slot before.
    fn fill(&mut self, medians: &[Option<f64>]) {
        let count = medians.len();
        let mut last = medians.iter().rev().flatten().next().copied();
        let mut full = Vec::with_capacity(count);
        for value in medians {
            last = value.or(last);
            full.push(last.unwrap_or(0.0));
        }
        for (slot, value) in self.slots.iter_mut().enumerate() {
            let around = full[(slot + count - 1) % count] + full[(slot + 1) % count];
            *value = 0.5 * full[slot] + 0.25 * around;
        }
    }

    fn slot(&self, at: Micros) -> usize {
        let phase = u128::from(at.0 % self.period.0);
        (phase * self.slots.len() as u128 / u128::from(self.period.0)) as usize
    }

    pub(super) const fn period(&self) -> Micros {
        self.period
    }

    /// The usual distance from the level.
    pub(super) fn at(&self, at: Micros) -> f64 {
        self.slots[self.slot(at)]
    }

    /// Learns how far from what is usual a point was.
    pub(super) fn learn(&mut self, at: Micros, distance: f64, scale: f64) {
        let slot = self.slot(at);
        let limit = SLOT_CLIP * scale;
        self.slots[slot] += SLOT_RATE * distance.clamp(-limit, limit);
    }
}

/// Takes from each value the mean of the period around it, with what is far out pulled in.
fn flatten(times: &[Micros], values: &mut [f64], period: Micros) {
    pull_in(values);
    let sums: Vec<f64> = core::iter::once(0.0)
        .chain(values.iter().scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        }))
        .collect();
    let half = Micros(period.0 / 2);
    let (mut from, mut to) = (0, 0);
    let last = *times.last().unwrap_or(&Micros::ZERO);
    let first = *times.first().unwrap_or(&Micros::ZERO);
    for (index, at) in times.iter().enumerate() {
        // At the ends, the nearest whole period.
        let centre = (*at).max(first + half).min(last - half);
        while times[from] < centre - half {
            from += 1;
        }
        while to < times.len() && times[to] < centre + half {
            to += 1;
        }
        let count = (to - from).max(1) as f64;
        values[index] -= (sums[to.max(from)] - sums[from]) / count;
    }
}

/// Limits values to a few times the usual distance from the median.
fn pull_in(values: &mut [f64]) {
    let mut sorted = values.to_vec();
    let middle = median(&mut sorted);
    let mut sizes: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let usual = median(&mut sizes);
    let mean = sizes.iter().sum::<f64>() / sizes.len().max(1) as f64;
    let limit = 5.0 * usual.max(0.5 * mean);
    for value in values {
        *value = value.clamp(middle - limit, middle + limit);
    }
}

/// The season of a series, if it has one.
pub(super) fn find(history: &History) -> Option<Micros> {
    let interval = history.interval()?;
    let (cells, width) = cells(history, interval)?;
    let correlations = correlations(&cells);
    let lag = peak(&correlations)?;
    let period = lag * width as f64;
    let calendar = [3_600.0, 86_400.0, 604_800.0].map(|seconds| seconds * 1e6);
    let near = calendar
        .into_iter()
        .find(|known| (period - known).abs() < (SNAP * known).max(width as f64));
    let period = Micros(near.unwrap_or(period) as u64);
    (period.0 >= SLOTS_MIN * interval.0).then_some(period)
}

/// The series as means over cells of equal width without gaps or drift.
fn cells(history: &History, interval: Micros) -> Option<(Vec<f64>, u64)> {
    let (times, mut values) = history.points();
    let first = *times.first()?;
    let points = history.span().0 / interval.0.max(1) + 1;
    let width = interval.0 * points.div_ceil(CELLS_MAX as u64).max(1);
    let count = (history.span().0 / width + 1) as usize;
    if !(CYCLES_MIN * LAG_MIN..=2 * CELLS_MAX).contains(&count) {
        return None;
    }
    pull_in(&mut values);
    let mut sums = vec![(0.0, 0.0); count];
    for (time, value) in times.iter().zip(&values) {
        let cell = &mut sums[((*time - first).0 / width) as usize];
        *cell = (cell.0 + value, cell.1 + 1.0);
    }
    let mut last = *values.first()?;
    let mut cells: Vec<f64> = sums
        .iter()
        .map(|(sum, count)| {
            if *count > 0.0 {
                last = sum / count;
            }
            last
        })
        .collect();
    straighten(&mut cells);
    Some((cells, width))
}

/// Takes away the straight line that fits best.
fn straighten(cells: &mut [f64]) {
    let count = cells.len() as f64;
    let centre = (count - 1.0) / 2.0;
    let mean = cells.iter().sum::<f64>() / count;
    let (mut cross, mut square) = (0.0, 0.0);
    for (index, cell) in cells.iter().enumerate() {
        let x = index as f64 - centre;
        cross += x * (cell - mean);
        square += x * x;
    }
    let slope = if square > 0.0 { cross / square } else { 0.0 };
    for (index, cell) in cells.iter_mut().enumerate() {
        *cell -= mean + slope * (index as f64 - centre);
    }
}

/// The correlation of the series with itself at each lag that was seen often enough.
fn correlations(cells: &[f64]) -> Vec<f64> {
    let lags = cells.len() / CYCLES_MIN;
    let squares: Vec<f64> = core::iter::once(0.0)
        .chain(cells.iter().scan(0.0, |sum, cell| {
            *sum += cell * cell;
            Some(*sum)
        }))
        .collect();
    let all = squares[cells.len()];
    (0..=lags)
        .map(|lag| {
            let products: f64 = cells.iter().zip(&cells[lag..]).map(|(a, b)| a * b).sum();
            let early = squares[cells.len() - lag];
            let late = all - squares[lag];
            let norm = libm::sqrt(early * late);
            if norm > 1e-300 { products / norm } else { 0.0 }
        })
        .collect()
}

/// The lag of the season, between whole cells.
fn peak(correlations: &[f64]) -> Option<f64> {
    let lag = first_peak(correlations)?;
    // Noise moves a flat top: the second look is at means over an eighth of the season.
    let half = lag / 16;
    let smooth: Vec<f64> = (0..correlations.len())
        .map(|lag| {
            let around =
                &correlations[lag.saturating_sub(half)..correlations.len().min(lag + half + 1)];
            around.iter().sum::<f64>() / around.len() as f64
        })
        .collect();
    let top = |from: usize, to: usize| {
        let lags = from.max(1)..to.min(smooth.len() - 1);
        lags.max_by(|a, b| smooth[*a].total_cmp(&smooth[*b]))
    };
    let mut found = between(&smooth, top(lag - lag / 4, lag + lag / 4 + 1)?);
    // The same top many seasons later tells the length more exactly.
    for cycles in 2..=8_usize {
        let expected = cycles as f64 * found;
        let aside = (found / 8.0).max(1.0);
        if expected + aside + 2.0 > smooth.len() as f64 {
            break;
        }
        let lag = top((expected - aside) as usize, (expected + aside) as usize + 2)?;
        found = between(&smooth, lag) / cycles as f64;
    }
    Some(found)
}

/// The first lag whose correlation is about as high as any.
fn first_peak(correlations: &[f64]) -> Option<usize> {
    let mut lowest = f64::INFINITY;
    let mut peaks = Vec::new();
    for lag in 1..correlations.len().saturating_sub(1) {
        let here = correlations[lag];
        lowest = lowest.min(here);
        let is_top = here >= correlations[lag - 1] && here > correlations[lag + 1];
        if lag >= LAG_MIN && is_top && here > CORRELATION_MIN && here - lowest > PROMINENCE_MIN {
            peaks.push((lag, here));
        }
    }
    let best = peaks.iter().map(|(_, here)| *here).fold(0.0, f64::max);
    let near = peaks.iter().find(|(_, here)| *here >= best - SHORTER_BY);
    near.map(|(lag, _)| *lag)
}

/// The top of the parabola through a lag and its neighbours.
fn between(correlations: &[f64], lag: usize) -> f64 {
    let (before, here, after) = (
        correlations[lag - 1],
        correlations[lag],
        correlations[lag + 1],
    );
    let bend = before - 2.0 * here + after;
    let aside = if bend < -1e-12 {
        0.5 * (before - after) / bend
    } else {
        0.0
    };
    lag as f64 + aside.clamp(-0.5, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(period: u64, count: u64, noise: f64) -> History {
        let mut history = History::default();
        for i in 0..count {
            let phase = (i % period) as f64 / period as f64 * core::f64::consts::TAU;
            let hash = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            let draw = hash as f64 / (1 << 24) as f64 - 0.5;
            let value = 3.0 * libm::sin(phase) + 0.002 * i as f64 + noise * draw;
            history.push(Micros::from_mins(5 * i), value);
        }
        history
    }

    #[test]
    fn a_day_is_found_and_snapped() {
        let found = find(&wave(288, 1_500, 3.0)).unwrap();
        assert_eq!(found, Micros::from_hours(24));
    }

    #[test]
    fn another_season_is_found() {
        let found = find(&wave(50, 800, 2.0)).unwrap().0 as f64 / 3e8;
        assert!((found - 50.0).abs() < 0.5, "{found}");
    }

    #[test]
    fn noise_has_none() {
        let mut history = wave(50, 10, 1.0);
        history = (0..2_000_u64).fold(history, |mut history, i| {
            let hash = i.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ (i << 7);
            let draw = (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64;
            history.push(Micros::from_mins(60 + 5 * i), draw);
            history
        });
        assert_eq!(find(&history), None);
    }

    #[test]
    fn a_profile_repeats_the_wave() {
        let history = wave(48, 480, 0.1);
        let period = Micros::from_mins(48 * 5);
        let mut profile = Profile::of(&history, period).unwrap();
        assert!((profile.at(Micros::from_mins(12 * 5)) - 3.0).abs() < 0.2);
        assert!(Profile::of(&wave(48, 90, 0.1), period).is_none());
        let before = profile.at(Micros::ZERO);
        profile.learn(Micros::ZERO, 1e9, 1.0);
        assert!((profile.at(Micros::ZERO) - before - 0.45).abs() < 1e-9);
    }
}
