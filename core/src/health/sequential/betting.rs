//! Evidence about the mean of a bounded metric: one number from 0 to 1 a sample, in windows that
//! are told by their count, sum and sum of squares.
//!
//! Let a sample `x` have the mean `m`, and let `c` be a guess made before it. With a stake `l`
//! below `1 / c` and `psi(u) = -ln(1 - u) - u`, the mean of
//! `exp(l (x - m) - psi(l c) ((x - c) / c)^2)` is at most one, since the sample is at least `-c`
//! away from the guess (X. Fan, I. Grama, Q. Liu, 2015; S. Howard et al., "Time-uniform,
//! nonparametric, nonasymptotic confidence sequences", 2021, section 3.2; I. Waudby-Smith and
//! A. Ramdas, "Estimating means of bounded random variables by betting", 2024). The control's
//! samples are staked on the other side, where the guess is `1 - c`. When `n` samples of the
//! candidate meet `k` of the control, stakes of `l k / (n + k)` and `l n / (n + k)` make what both
//! means share cancel: it may swing from window to window. Stakes of a dozen sizes are mixed, and
//! restarted like those of [`super::EffectBank`].

use serde::{Deserialize, Serialize};

use crate::health::special::bisect;

use super::lanes::{EFFECTS, Lanes, dot, exp, spend};

/// The largest stake, as a part of the one that could be ruin.
const STAKE_MAX: f64 = 0.9;
/// Each stake is this part of the one before: the best one is never far from one of them.
const STAKE_STEP: f64 = 0.55;
/// Guesses keep this distance from the bounds.
const GUESS_MIN: f64 = 0.01;
/// Nats of one window beyond which evidence is capped or gone.
const NATS_MAX: f64 = 450.0;
/// How far rounding may carry a sum over what its samples can add up to.
const ROUNDING: f64 = 1e-9;

/// Samples from 0 to 1, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
}

impl Samples {
    /// Adds one sample, which must lie between 0 and 1.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
    }

    /// The mean; `None` without samples.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Whether samples between 0 and 1 can add up to this.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let n = self.count as f64;
        let slack = ROUNDING * (n + 1.0);
        let inside = |value: f64, low: f64, high: f64| {
            value.is_finite() && value >= low - slack && value <= high + slack
        };
        let least = self.sum * self.sum / n.max(1.0);
        inside(self.sum, 0.0, n) && inside(self.squares, least, self.sum)
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The sum of squared distances from `centre`.
    fn spread(&self, centre: f64) -> f64 {
        let n = self.count as f64;
        (self.squares - 2.0 * centre * self.sum + n * centre * centre).max(0.0)
    }

    /// Every sample drawn towards one of the bounds, by a part of its distance from there.
    pub(super) fn drawn(&self, part: f64, up: bool) -> Self {
        let down = |samples: Self| Self {
            count: samples.count,
            sum: samples.sum * (1.0 - part),
            squares: samples.squares * (1.0 - part) * (1.0 - part),
        };
        if up {
            down(self.mirrored()).mirrored()
        } else {
            down(*self)
        }
    }

    /// The samples as seen from the other end.
    pub(super) fn mirrored(&self) -> Self {
        let n = self.count as f64;
        Self {
            count: self.count,
            sum: n - self.sum,
            squares: n - 2.0 * self.sum + self.squares,
        }
    }
}

/// Bets that one mean is above another, added up from the first sample on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Side {
    /// What a stake of one has won, and what it would win less for each unit of difference.
    gain: f64,
    weight: f64,
    /// What each stake costs.
    cost: Lanes,
}

impl Side {
    /// Samples of both arms, one of them from each at least.
    fn of_pair(canary: Samples, control: Samples, guess: f64) -> Self {
        let (n, k) = (canary.count as f64, control.count as f64);
        let difference = canary.sum / n - control.sum / k;
        let ends = (guess * k / (n + k), (1.0 - guess) * n / (n + k));
        let most = 1.0 / ends.0.max(ends.1);
        let squares = (
            canary.spread(guess) / (guess * guess),
            control.spread(guess) / ((1.0 - guess) * (1.0 - guess)),
        );
        let weight = most * n * k / (n + k);
        Self {
            gain: weight * difference,
            weight,
            cost: stakes().map(|stake| {
                psi(stake * most * ends.0) * squares.0 + psi(stake * most * ends.1) * squares.1
            }),
        }
    }

    /// Samples whose mean should be `mean`, one at least.
    fn of_known(canary: Samples, mean: f64, guess: f64) -> Self {
        let n = canary.count as f64;
        let squares = canary.spread(guess) / (guess * guess);
        Self {
            gain: (canary.sum - n * mean) / guess,
            weight: n / guess,
            cost: stakes().map(|stake| psi(stake) * squares),
        }
    }

    fn add(&mut self, window: &Self) {
        self.gain += window.gain;
        self.weight += window.weight;
        for (cost, more) in self.cost.iter_mut().zip(&window.cost) {
            *cost += more;
        }
    }

    /// Evidence in nats, by stake, that the difference is above `difference`.
    fn nats(&self, difference: f64) -> Lanes {
        let gain = self.gain - self.weight * difference;
        let stakes = stakes();
        core::array::from_fn(|lane| stakes[lane] * gain - self.cost[lane])
    }

    /// The evidence of all stakes, as a logarithm.
    fn ln_e(&self, difference: f64) -> f64 {
        let nats = self.nats(difference);
        let most = nats.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = nats.iter().map(|nats| libm::exp(nats - most)).sum();
        most + libm::log(sum / EFFECTS as f64)
    }
}

/// Evidence that the candidate's mean is higher than it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanBank {
    /// Evidence by stake, restarted at every window.
    evidence: Lanes,
    /// From the first sample on: that the candidate is higher, and that it is lower.
    above: Side,
    below: Side,
    /// All samples so far, whose mean is the guess for the next.
    seen: Samples,
}

impl MeanBank {
    /// A bank with mass `start` on a change before the first sample.
    #[must_use]
    pub fn new(start: f64) -> Self {
        Self {
            evidence: [start; EFFECTS],
            above: Side::default(),
            below: Side::default(),
            seen: Samples::default(),
        }
    }

    /// Adds samples of both arms over one window, of which the candidate's mean may be `allowed`
    /// higher; then spends `mass` on a change at its end.
    ///
    /// A window in which only one arm was seen compares nothing.
    pub fn observe_pair(&mut self, canary: Samples, control: Samples, allowed: f64, mass: f64) {
        if canary.count > 0 && control.count > 0 {
            let guess = self.guess();
            let above = Side::of_pair(canary, control, guess);
            let below = Side::of_pair(canary.mirrored(), control.mirrored(), 1.0 - guess);
            self.add(&above, &below, allowed);
            self.seen.merge(canary);
            self.seen.merge(control);
        }
        spend(&mut self.evidence, mass);
    }

    /// Adds samples of the candidate, whose mean is known to be usual up to `mean`; then spends
    /// `mass` on a change at the window's end.
    pub fn observe_known(&mut self, canary: Samples, mean: f64, mass: f64) {
        if canary.count > 0 {
            let guess = self.guess();
            let above = Side::of_known(canary, mean, guess);
            let below = Side::of_known(canary.mirrored(), 1.0 - mean, 1.0 - guess);
            self.add(&above, &below, 0.0);
            self.seen.merge(canary);
        }
        spend(&mut self.evidence, mass);
    }

    /// The evidence that the mean is higher: under the null its mean is at most the mass spent.
    #[must_use]
    pub fn e(&self) -> f64 {
        dot(&self.evidence, &[1.0 / EFFECTS as f64; EFFECTS])
    }

    /// The evidence, as a logarithm, that the difference is *below* `difference`.
    #[must_use]
    pub fn ln_e_below(&self, difference: f64) -> f64 {
        self.below.ln_e(-difference)
    }

    /// Every difference that is not excluded, at all times at once: the chance that the true one
    /// is ever left out is at most `2 exp(-threshold)`. `None` before anything was compared.
    #[must_use]
    pub fn interval(&self, threshold: f64) -> Option<(f64, f64)> {
        if self.above.weight <= 0.0 {
            return None;
        }
        let above = |difference: f64| threshold - self.above.ln_e(difference);
        let below = |difference: f64| self.below.ln_e(-difference) - threshold;
        let low = if above(-1.0) < 0.0 {
            bisect(-1.0, self.above.gain / self.above.weight, above)
        } else {
            -1.0
        };
        let high = if below(1.0) > 0.0 {
            bisect(-self.below.gain / self.below.weight, 1.0, below)
        } else {
            1.0
        };
        Some((low, high))
    }

    fn add(&mut self, above: &Side, below: &Side, allowed: f64) {
        let nats = above.nats(allowed);
        let factors = exp(&nats.map(|nats| nats.clamp(-NATS_MAX, NATS_MAX)));
        for lane in 0..EFFECTS {
            let gone = nats[lane] < -NATS_MAX;
            self.evidence[lane] *= if gone { 0.0 } else { factors[lane] };
        }
        self.above.add(above);
        self.below.add(below);
    }

    fn guess(&self) -> f64 {
        let mean = self.seen.mean().unwrap_or(0.5);
        mean.clamp(GUESS_MIN, 1.0 - GUESS_MIN)
    }
}

fn stakes() -> Lanes {
    let mut stake = STAKE_MAX;
    core::array::from_fn(|_| {
        let now = stake;
        stake *= STAKE_STEP;
        now
    })
}

fn psi(stake: f64) -> f64 {
    -libm::log1p(-stake) - stake
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every outcome of two windows of samples that are 0 or 1, both arms alike, and the mean
    /// moves between the windows.
    #[test]
    fn the_mean_under_the_null_is_at_most_the_mass_spent() {
        let bits = |n: u64, ones: u64| Samples {
            count: n,
            sum: ones as f64,
            squares: ones as f64,
        };
        let chance = |n: u64, ones: u64, p: f64| {
            let ways = (0..ones).fold(1.0, |ways, i| ways * (n - i) as f64 / (i + 1) as f64);
            ways * libm::pow(p, ones as f64) * libm::pow(1.0 - p, (n - ones) as f64)
        };
        let mut mean = 0.0;
        for outcome in 0..5_u64 * 4 * 5 * 4 {
            let (a, b) = (outcome % 5, outcome / 5 % 4);
            let (c, d) = (outcome / 20 % 5, outcome / 100);
            let mut bank = MeanBank::new(0.4);
            bank.observe_pair(bits(4, a), bits(3, b), 0.0, 0.2);
            bank.observe_pair(bits(4, c), bits(3, d), 0.0, 0.4);
            let first = chance(4, a, 0.3) * chance(3, b, 0.3);
            mean += first * chance(4, c, 0.8) * chance(3, d, 0.8) * bank.e();
        }
        assert!(mean <= 1.0 && mean > 0.7, "{mean}");
    }

    #[test]
    fn a_known_mean_is_at_most_fair() {
        for p in [0.01, 0.3, 0.5, 0.99] {
            let play = |value: f64| {
                let mut bank = MeanBank::new(1.0);
                let mut samples = Samples::default();
                samples.add(value);
                bank.observe_known(samples, p, 0.0);
                bank.e()
            };
            let mean = p * play(1.0) + (1.0 - p) * play(0.0);
            assert!(mean <= 1.0, "{p} {mean}");
        }
    }

    #[test]
    fn sums_that_cannot_be_are_told() {
        let samples = |count, sum, squares| Samples {
            count,
            sum,
            squares,
        };
        assert!(samples(2, 1.0, 0.5).is_possible() && samples(0, 0.0, 0.0).is_possible());
        for (count, sum, squares) in [
            (2, 3.0, 1.0),
            (2, -0.5, 1.0),
            (2, 1.0, 0.4),
            (2, 1.0, 1.5),
            (2, f64::NAN, 0.5),
            (2, 1.0, f64::INFINITY),
        ] {
            assert!(
                !samples(count, sum, squares).is_possible(),
                "{sum} {squares}"
            );
        }
    }

    /// From the other end, evidence of less is evidence of more.
    #[test]
    fn intervals_hold_the_difference_and_narrow() {
        let mut bank = MeanBank::new(1.0);
        let (mut canary, mut control) = (Samples::default(), Samples::default());
        for value in [0.3, 0.5, 0.4] {
            canary.add(value);
            control.add(value - 0.1);
        }
        assert_eq!(bank.interval(3.0), None);
        let mut width = f64::INFINITY;
        for _ in 0..6 {
            for _ in 0..100 {
                bank.observe_pair(canary, control, 0.0, 0.0);
            }
            let (low, high) = bank.interval(3.0).unwrap();
            assert!(low < 0.1 && 0.1 < high && high - low < width);
            width = high - low;
        }
        assert!(width < 0.05, "{width}");
        assert!(bank.ln_e_below(0.2) > 10.0 && bank.ln_e_below(0.1) < 0.0);
        let mirrored = canary.mirrored();
        assert!((mirrored.sum - 1.8).abs() < 1e-12 && mirrored.is_possible());
    }
}
