//! How long requests wait and take.
//!
//! A balancer that picks an instance at random splits a Poisson stream into independent Poisson
//! streams, so each instance with `w` workers is an M/M/w queue of its own. Below saturation the
//! wait is zero with probability `1 − C` and exponential otherwise, `C` being Erlang's C formula
//! (see e.g. Kleinrock, *Queueing Systems* I, section 3.5). At and above saturation the backlog
//! is a fluid. Service times are log-normal; the total is their sum with the wait.

use firedrill_core::health::LatencyHistogram;

use crate::random::normal_cdf;
use crate::spec::LogNormal;

const BUCKETS: usize = LatencyHistogram::BUCKETS;
/// Utilisation is resolved to this many steps below saturation.
const RHO_STEPS: usize = 200;
/// Bucket masses below this are dropped; a billion requests would put less than one there.
const MASS_MIN: f64 = 1e-9;

/// A distribution of latency over the buckets of [`LatencyHistogram`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Probability of each bucket; they add up to one.
    pub(crate) mass: [f32; BUCKETS],
}

impl Shape {
    /// From the distribution function at the upper bounds of the buckets.
    fn from_cdf(mut cdf: impl FnMut(u64) -> f64) -> Self {
        let mut mass = [0.0; BUCKETS];
        let mut below = 0.0;
        for (bucket, slot) in mass.iter_mut().enumerate() {
            let up_to = if bucket == BUCKETS - 1 {
                1.0
            } else {
                cdf(LatencyHistogram::upper_us(bucket)).clamp(below, 1.0)
            };
            *slot = (up_to - below) as f32;
            below = up_to;
        }
        Self { mass }
    }

    /// Service alone, after a fixed wait.
    pub(crate) fn delayed(service: LogNormal, wait_us: f64) -> Self {
        Self::from_cdf(|upper| {
            let rest = upper as f64 - wait_us;
            if rest <= 0.0 {
                0.0
            } else {
                service_cdf(rest, service)
            }
        })
    }

    /// Service after the wait of an M/M/w queue: zero with probability `1 − c`, else exponential
    /// with `rate` per microsecond.
    fn queued(service: LogNormal, c: f64, rate: f64) -> Self {
        let alone = Self::delayed(service, 0.0);
        if c < 1e-6 {
            return alone;
        }
        let middle = |bucket: usize| {
            let low = LatencyHistogram::lower_us(bucket);
            0.5 * (low + LatencyHistogram::upper_us(bucket)) as f64
        };
        let filled: Vec<(f64, f64)> = (0..BUCKETS)
            .filter(|bucket| f64::from(alone.mass[*bucket]) > MASS_MIN)
            .map(|bucket| (middle(bucket), f64::from(alone.mass[bucket])))
            .collect();
        Self::from_cdf(|upper| {
            let upper = upper as f64;
            let reached = filled.iter().take_while(|(service, _)| *service <= upper);
            reached
                .map(|(service, mass)| mass * (1.0 - c * libm::exp(-rate * (upper - service))))
                .sum()
        })
    }

    /// The distribution of a time that is `factor` times as long. Buckets are spread evenly.
    pub(crate) fn stretched(self, factor: f64) -> Self {
        if factor == 1.0 {
            return self;
        }
        let mut below = [0.0; BUCKETS + 1];
        for bucket in 0..BUCKETS {
            below[bucket + 1] = below[bucket] + f64::from(self.mass[bucket]);
        }
        Self::from_cdf(|upper| {
            let upper = upper as f64 / factor;
            let bucket = LatencyHistogram::bucket_of(upper as u64);
            let low = LatencyHistogram::lower_us(bucket) as f64;
            let high = LatencyHistogram::upper_us(bucket) as f64;
            let inside = ((upper - low) / (high - low)).clamp(0.0, 1.0);
            below[bucket] + f64::from(self.mass[bucket]) * inside
        })
    }

    /// The probability of more than `threshold_us`; the bucket that holds it counts in
    /// proportion.
    pub(crate) fn above(&self, threshold_us: u64) -> f64 {
        let bucket = LatencyHistogram::bucket_of(threshold_us);
        let above: f32 = self.mass[bucket + 1..].iter().sum();
        let (low, high) = (
            LatencyHistogram::lower_us(bucket),
            LatencyHistogram::upper_us(bucket),
        );
        let inside = high.saturating_sub(threshold_us) as f64 / (high - low) as f64;
        f64::from(above) + f64::from(self.mass[bucket]) * inside
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
    shapes: Vec<Option<Box<Shape>>>,
}

impl ShapeTable {
    pub(crate) fn new(service: LogNormal, workers: u32) -> Self {
        Self {
            service,
            workers,
            shapes: vec![None; RHO_STEPS],
        }
    }

    /// The time that one request takes without waiting.
    pub(crate) const fn service(&self) -> LogNormal {
        self.service
    }

    /// The shape at utilisation `rho` below one.
    pub(crate) fn at(&mut self, rho: f64) -> &Shape {
        let step = ((rho * RHO_STEPS as f64) as usize).min(RHO_STEPS - 1);
        let (service, workers) = (self.service, self.workers);
        self.shapes[step].get_or_insert_with(|| {
            // The middle of the step stands for it.
            let rho = (step as f64 + 0.5) / RHO_STEPS as f64;
            let per_worker_us = 1.0 / (mean_s(service) * 1e6);
            // Service times that vary less than exponential ones make waits shorter by
            // (1 + c²)/2, c² being their squared coefficient of variation: Allen and Cunneen.
            let variation = libm::expm1(service.sigma * service.sigma);
            let shorter = 0.5 * (1.0 + variation);
            let rate = f64::from(workers) * (1.0 - rho) * per_worker_us / shorter;
            Box::new(Shape::queued(service, erlang_c(workers, rho), rate))
        })
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
            .map(|rho| table.at(rho).above(300_000))
            .into();
        assert!(slow.is_sorted(), "{slow:?}");
        assert!(slow[3] > 0.5, "{slow:?}");
    }

    /// The share above a threshold of the sum of service and wait, against a direct integral.
    #[test]
    fn the_sum_of_service_and_wait_is_right() {
        let (c, rate) = (0.4, 1.0 / 100_000.0);
        let shape = Shape::queued(service(0.5), c, rate);
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
            let found = shape.above(threshold);
            assert!(
                (found - integral).abs() < 0.015,
                "{threshold}: {found} against {integral}"
            );
        }
    }
}
