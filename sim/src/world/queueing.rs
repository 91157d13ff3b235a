//! How long requests wait and take.
//!
//! A balancer that picks an instance at random splits a Poisson stream into independent Poisson
//! streams, so each instance with `w` workers is an M/G/w queue of its own. Below saturation the
//! wait is zero with probability `1 − C` and exponential otherwise, `C` being Erlang's C formula
//! (see e.g. Kleinrock, *Queueing Systems* I, section 3.5); those who wait, wait for
//! `(1 + cv²) / 2` times as long as they would for exponential service, `cv` being the coefficient
//! of variation of the service time (Allen–Cunneen, for Poisson arrivals: A. O. Allen,
//! *Probability, Statistics, and Queueing Theory*, 1990). At and above saturation the backlog is
//! a fluid. Service times are log-normal; the total is their sum with the wait.

use std::rc::Rc;

use firedrill_core::health::LatencyHistogram;

use crate::random::normal_cdf;
use crate::spec::LogNormal;

const BUCKETS: usize = LatencyHistogram::BUCKETS;
/// Utilisation is resolved to this many steps below saturation: at 95 % the wait is then within
/// 2 % of that at the middle of the step.
const RHO_STEPS: usize = 500;
/// Buckets that are added up at once: whole chunks take less time than just those buckets that hold
/// anything.
const CHUNK: usize = 8;
/// Bucket masses below this are left to the next bucket; a hundred million requests would put
/// less than one there.
const MASS_MIN: f64 = 1e-8;

/// A distribution of latency over the buckets of [`LatencyHistogram`]. What every step reads stands
/// together: a fleet has more shapes than a processor's first cache holds.
#[derive(Clone, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Shape {
    /// The mean of the wait before service, in seconds.
    wait_s: f64,
    /// The first bucket that may hold anything, and the first after the last; whole chunks.
    filled: (u8, u8),
    /// Probability of each bucket; they add up to one.
    mass: [f32; BUCKETS],
    /// Probability of what is above each bucket.
    beyond: [f32; BUCKETS],
}

impl Shape {
    /// From the mean wait and the distribution function at the upper bounds of the buckets.
    fn new(wait_us: f64, mut cdf: impl FnMut(u64) -> f64) -> Self {
        let mut mass = [0.0; BUCKETS];
        let mut below = 0.0;
        for (bucket, slot) in mass.iter_mut().enumerate() {
            let up_to = if bucket == BUCKETS - 1 {
                1.0
            } else {
                cdf(LatencyHistogram::upper_us(bucket)).clamp(below, 1.0)
            };
            if up_to - below >= MASS_MIN {
                *slot = (up_to - below) as f32;
                below = up_to;
            }
        }
        let is_filled = |chunk: &[f32; CHUNK]| *chunk != [0.0; CHUNK];
        let (chunks, _) = mass.as_chunks();
        let first = chunks.iter().position(is_filled).unwrap_or(0) * CHUNK;
        let last = chunks.iter().rposition(is_filled);
        let end = last.map_or(0, |last| (last + 1) * CHUNK);
        let mut beyond = [0.0; BUCKETS];
        for bucket in (1..BUCKETS).rev() {
            beyond[bucket - 1] = beyond[bucket] + mass[bucket];
        }
        Self {
            wait_s: wait_us / 1e6,
            filled: (first as u8, end as u8),
            mass,
            beyond,
        }
    }

    /// The mean of the wait before service, in seconds.
    pub(crate) const fn wait_s(&self) -> f64 {
        self.wait_s
    }

    /// Adds so many requests to sums by bucket.
    pub(crate) fn add_to(&self, requests: f32, sums: &mut [f32; BUCKETS]) {
        let filled = usize::from(self.filled.0)..usize::from(self.filled.1);
        let masses = &self.mass[filled.clone()];
        for (sum, mass) in sums[filled].iter_mut().zip(masses) {
            *sum += requests * mass;
        }
    }

    /// Service alone, after a fixed wait.
    pub(crate) fn delayed(service: LogNormal, wait_us: f64) -> Self {
        Self::new(wait_us, |upper| {
            let rest = upper as f64 - wait_us;
            if rest <= 0.0 {
                0.0
            } else {
                service_cdf(rest, service)
            }
        })
    }

    /// Service after the wait of an M/G/w queue: zero with probability `1 − c`, else exponential
    /// with `rate` per microsecond.
    fn queued(alone: &Self, c: f64, rate: f64) -> Self {
        if c < 1e-6 {
            return alone.clone();
        }
        // What is still waiting at a bound has come down from the bound before, and what was
        // served in between has begun to wait. Buckets are twice as wide in every octave: what
        // stays over half of one is squared from octave to octave.
        let stays = |bucket: usize| {
            let (low, high) = (
                LatencyHistogram::lower_us(bucket),
                LatencyHistogram::upper_us(bucket),
            );
            libm::exp(-0.5 * rate * (high - low) as f64)
        };
        let mut octave = [1, 2, 3, 4].map(stays);
        let (mut reached, mut waiting) = (0.0, 0.0);
        let mut buckets = alone.mass.iter().enumerate();
        Self::new(c / rate, |_upper| {
            let (bucket, mass) = buckets.next().expect("there is one mass a bucket");
            let half = match bucket.checked_sub(1) {
                None => stays(0),
                Some(above_first) => {
                    let slot = &mut octave[above_first % 4];
                    let half = *slot;
                    *slot = half * half;
                    half
                }
            };
            waiting *= half * half;
            let mass = f64::from(*mass);
            reached += mass;
            waiting += mass * c * half;
            reached - waiting
        })
    }

    /// The distribution of a time that is `factor` times as long. Buckets are spread evenly.
    pub(crate) fn stretched(&self, factor: f64) -> Self {
        let mut below = [0.0; BUCKETS + 1];
        for bucket in 0..BUCKETS {
            below[bucket + 1] = below[bucket] + f64::from(self.mass[bucket]);
        }
        Self::new(self.wait_s * 1e6 * factor, |upper| {
            let upper = upper as f64 / factor;
            let bucket = LatencyHistogram::bucket_of(upper as u64);
            let low = LatencyHistogram::lower_us(bucket) as f64;
            let high = LatencyHistogram::upper_us(bucket) as f64;
            let inside = ((upper - low) / (high - low)).clamp(0.0, 1.0);
            below[bucket] + f64::from(self.mass[bucket]) * inside
        })
    }

    /// The probability of more than a threshold; the bucket that holds it counts in proportion.
    pub(crate) fn above(&self, threshold: Threshold) -> f64 {
        let Threshold { bucket, inside } = threshold;
        if bucket >= usize::from(self.filled.1) {
            return 0.0;
        }
        f64::from(self.beyond[bucket]) + f64::from(self.mass[bucket]) * inside
    }
}

/// A latency to compare with: the bucket that holds it, and how much of that is above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold {
    bucket: usize,
    inside: f64,
}

impl Threshold {
    pub(crate) const fn new(threshold_us: u64) -> Self {
        let bucket = LatencyHistogram::bucket_of(threshold_us);
        let (low, high) = (
            LatencyHistogram::lower_us(bucket),
            LatencyHistogram::upper_us(bucket),
        );
        Self {
            bucket,
            inside: high.saturating_sub(threshold_us) as f64 / (high - low) as f64,
        }
    }
}

fn service_cdf(x_us: f64, service: LogNormal) -> f64 {
    let median = service.median.0 as f64;
    if service.sigma <= 0.0 {
        return if x_us >= median { 1.0 } else { 0.0 };
    }
    normal_cdf(libm::log(x_us / median) / service.sigma)
}

/// The mean of a log-normal time, in seconds.
pub(crate) fn mean_s(time: LogNormal) -> f64 {
    time.median.as_secs_f64() * libm::exp(0.5 * time.sigma * time.sigma)
}

/// How much longer those who wait do so than before exponential service: `(1 + cv²) / 2`.
fn variability(time: LogNormal) -> f64 {
    0.5 * libm::exp(time.sigma * time.sigma)
}

/// The probability of having to wait in an M/M/c queue at utilisation `rho` (Erlang C), by the
/// recursion of Erlang B: `B(0) = 1`, `B(k) = aB(k−1) / (k + aB(k−1))`,
/// `C = B / (1 − ρ(1 − B))`.
#[must_use]
pub fn erlang_c(servers: u32, rho: f64) -> f64 {
    if rho <= 0.0 {
        return 0.0;
    }
    if rho >= 1.0 {
        return 1.0;
    }
    let load = rho * f64::from(servers);
    let blocked = (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    blocked / (1.0 - rho * (1.0 - blocked))
}

/// The latency distributions of one service on one version, made when they are first needed.
#[derive(Clone, Debug)]
pub(crate) struct ShapeTable {
    service: LogNormal,
    workers: u32,
    /// Service without any wait.
    alone: Shape,
    /// By utilisation.
    shapes: Vec<Option<Rc<Shape>>>,
}

impl ShapeTable {
    pub(crate) fn new(service: LogNormal, workers: u32) -> Self {
        Self {
            service,
            workers,
            alone: Shape::delayed(service, 0.0),
            shapes: vec![None; RHO_STEPS],
        }
    }

    /// The time that one request takes without waiting.
    pub(crate) const fn service(&self) -> LogNormal {
        self.service
    }

    /// The shape at utilisation `rho` below one.
    #[inline]
    pub(crate) fn at(&mut self, rho: f64) -> &Rc<Shape> {
        self.at_step(Self::step(rho))
    }

    /// The step of utilisation that holds `rho`.
    pub(crate) fn step(rho: f64) -> usize {
        let step = (rho * RHO_STEPS as f64) as u32;
        (step as usize).min(RHO_STEPS - 1)
    }

    /// The shape at a step of utilisation.
    #[inline]
    pub(crate) fn at_step(&mut self, step: usize) -> &Rc<Shape> {
        let (service, workers, alone) = (self.service, self.workers, &self.alone);
        self.shapes[step].get_or_insert_with(|| Self::make(step, service, workers, alone))
    }

    #[cold]
    fn make(step: usize, service: LogNormal, workers: u32, alone: &Shape) -> Rc<Shape> {
        // The middle of the step stands for it.
        let rho = (step as f64 + 0.5) / RHO_STEPS as f64;
        let per_worker_us = 1.0 / (mean_s(service) * 1e6);
        let rate = f64::from(workers) * (1.0 - rho) * per_worker_us / variability(service);
        Rc::new(Shape::queued(alone, erlang_c(workers, rho), rate))
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::Micros;

    use super::*;

    fn service(sigma: f64) -> LogNormal {
        LogNormal {
            median: Micros::from_millis(40),
            sigma,
        }
    }

    /// Published values: M/M/1 waits with probability ρ; tables of Erlang C for the rest.
    #[test]
    fn erlang_c_matches_published_values() {
        for (servers, rho, expected) in [
            (1, 0.5, 0.5),
            (1, 0.95, 0.95),
            (2, 0.5, 1.0 / 3.0),
            (10, 0.8, 0.409_18),
        ] {
            let c = erlang_c(servers, rho);
            assert!((c - expected).abs() < 1e-4, "{servers} at {rho}: {c}");
        }
        assert_eq!(erlang_c(4, 1.2), 1.0);
        assert_eq!(erlang_c(4, 0.0), 0.0);
    }

    #[test]
    fn shapes_are_distributions() {
        let mut table = ShapeTable::new(service(0.5), 8);
        for rho in [0.0, 0.3, 0.7, 0.95, 0.999] {
            let shape = table.at(rho);
            let total: f32 = shape.mass.iter().sum();
            assert!((total - 1.0).abs() < 1e-4, "{rho}: {total}");
            assert!(shape.mass.iter().all(|mass| *mass >= 0.0), "{rho}");
        }
    }

    #[test]
    fn waiting_grows_with_load() {
        let mut table = ShapeTable::new(service(0.5), 8);
        let slow: Vec<f64> = [0.3, 0.7, 0.9, 0.99]
            .map(|rho| table.at(rho).above(Threshold::new(300_000)))
            .into();
        assert!(slow.is_sorted(), "{slow:?}");
        assert!(slow[3] > 0.5, "{slow:?}");
    }

    /// The share above a threshold of the sum of service and wait, against a direct integral.
    #[test]
    fn the_sum_of_service_and_wait_is_right() {
        let (c, rate) = (0.4, 1.0 / 100_000.0);
        let shape = Shape::queued(&Shape::delayed(service(0.5), 0.0), c, rate);
        for threshold in [100_000_u64, 215_296, 400_000] {
            let steps = 20_000;
            let integral: f64 = (0..steps)
                .map(|step| {
                    let p = (f64::from(step) + 0.5) / f64::from(steps);
                    let s = crate::random::log_normal(p, service(0.5)).0 as f64;
                    let rest = threshold as f64 - s;
                    if rest <= 0.0 {
                        1.0
                    } else {
                        c * libm::exp(-rate * rest)
                    }
                })
                .sum::<f64>()
                / f64::from(steps);
            let found = shape.above(Threshold::new(threshold));
            assert!(
                (found - integral).abs() < 0.015,
                "{threshold}: {found} against {integral}"
            );
        }
    }
}
