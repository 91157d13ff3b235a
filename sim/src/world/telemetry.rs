//! What instances tell: counts and latency by (region, service, version), scraped at intervals,
//! lost at times, late always.

use firedrill_core::config::VersionId;
use firedrill_core::health::{
    ClassCounts, Indicator, InstanceCounts, LatencyHistogram, ProbeCounts, Saturation, Signal,
    TelemetryWindow,
};
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
use firedrill_core::{Micros, Ppm};

use crate::random::{Draws, Entity, binomial, log_normal};
use crate::spec::{Golden, Scenario, Service, Telemetry};

use super::defect::Effect;
use super::queueing::Shape;

const BUCKETS: usize = LatencyHistogram::BUCKETS;

/// Everything of one (region, service, version) since the last scrape.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// Requests, errors and good ones, by class.
    counts: Vec<[u64; 3]>,
    /// Expected requests by latency bucket.
    mass: [f32; BUCKETS],
    restarts: u32,
    /// Lines logged as errors that are expected beside those of failed requests.
    log_lines: f64,
    /// Utilisation, weighted by instances, and the weight.
    utilisation: (f64, f64),
    /// Leaked memory, weighted by instances.
    leaked: f64,
    /// The share of scrapes that a defect swallows.
    silenced: f64,
}

/// The scopes of a fleet.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    scopes: Vec<Scope>,
}

/// What instances behind a scope went through in a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Borne<'a> {
    pub(crate) instances: u32,
    pub(crate) requests: u64,
    /// Latency of what they answered.
    pub(crate) shape: &'a Shape,
    pub(crate) utilisation: f64,
    /// Memory that leaked, as a share of all of it, on average.
    pub(crate) leaked: f64,
}

/// The instances behind a scope at the moment of a scrape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) total: u32,
    pub(crate) up: u32,
}

impl Collector {
    pub(crate) fn new(scopes: usize, classes: usize) -> Self {
        let scope = Scope {
            counts: vec![[0; 3]; classes],
            mass: [0.0; BUCKETS],
            restarts: 0,
            log_lines: 0.0,
            utilisation: (0.0, 0.0),
            leaked: 0.0,
            silenced: 0.0,
        };
        Self {
            scopes: vec![scope; scopes],
        }
    }

    /// Books requests of one class.
    pub(crate) fn record(&mut self, scope: usize, class: ClassId, counts: [u64; 3]) {
        let sums = &mut self.scopes[scope].counts[class.index()];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }

    /// Books what instances went through in a step.
    pub(crate) fn record_load(&mut self, scope: usize, borne: &Borne<'_>) {
        let scope = &mut self.scopes[scope];
        let requests = borne.requests as f32;
        borne.shape.add_to(requests, &mut scope.mass);
        let instances = f64::from(borne.instances);
        scope.utilisation.0 += borne.utilisation * instances;
        scope.utilisation.1 += instances;
        scope.leaked += borne.leaked * instances;
    }

    /// Books what a defect does to what is told of so many requests, and instances that restarted.
    pub(crate) fn record_defect(
        &mut self,
        scope: usize,
        effect: &Effect,
        requests: u64,
        restarts: u32,
    ) {
        let scope = &mut self.scopes[scope];
        scope.silenced = scope.silenced.max(effect.scrapes_lost);
        scope.log_lines += requests as f64 * effect.log_lines;
        scope.restarts += restarts;
    }

    /// The scope as the world knows it, without the noise of a scrape.
    pub(crate) fn truth(&self, scope: usize) -> &Scope {
        &self.scopes[scope]
    }

    /// Forgets what was scraped.
    pub(crate) fn clear(&mut self) {
        for scope in &mut self.scopes {
            scope.counts.fill([0; 3]);
            scope.mass.fill(0.0);
            scope.restarts = 0;
            scope.log_lines = 0.0;
            scope.utilisation = (0.0, 0.0);
            (scope.leaked, scope.silenced) = (0.0, 0.0);
        }
    }
}

impl Scope {
    /// Requests and errors.
    pub(crate) fn totals(&self) -> (u64, u64) {
        self.counts
            .iter()
            .fold((0, 0), |(requests, errors), counts| {
                (requests + counts[0], errors + counts[1])
            })
    }

    /// Expected requests by latency bucket.
    pub(crate) const fn mass(&self) -> &[f32; BUCKETS] {
        &self.mass
    }

    /// The share of scrapes that a defect swallows.
    pub(crate) const fn silenced(&self) -> f64 {
        self.silenced
    }

    /// Lines logged as errors that are expected beside those of failed requests.
    pub(crate) const fn log_lines(&self) -> f64 {
        self.log_lines
    }

    /// Mean leaked memory, as a share of all of it.
    fn mean_leaked(&self) -> f64 {
        let (_, weight) = self.utilisation;
        if weight > 0.0 {
            self.leaked / weight
        } else {
            0.0
        }
    }

    /// Mean utilisation; zero without instances.
    pub(crate) fn mean_utilisation(&self) -> f64 {
        let (sum, weight) = self.utilisation;
        if weight > 0.0 { sum / weight } else { 0.0 }
    }
}

/// What a scrape is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labels {
    pub(crate) region: RegionId,
    pub(crate) service: ServiceId,
    pub(crate) version: VersionId,
    /// The number of the scope: the address of its draws.
    pub(crate) scope: usize,
}

/// A scrape of a scope. Latency is drawn from what was expected, if anybody reads it.
pub(crate) fn scrape(
    draws: Option<(&mut Draws, u64)>,
    labels: Labels,
    (start, end): (Micros, Micros),
    scope: &Scope,
    seen: Seen,
    (service, step_s): (&Service, f64),
) -> TelemetryWindow {
    let utilisation = scope.mean_utilisation();
    let golden = |golden: Golden| {
        Ppm::from_f64((golden.idle + golden.slope * utilisation.min(1.0)).clamp(0.0, 1.0))
    };
    let memory = golden(service.memory);
    let answered: u64 = scope.counts.iter().map(|counts| counts[0]).sum();
    // What a scrape cannot carry is sampled: one request of so many is told.
    let of = answered / u64::from(u32::MAX) + 1;
    let latency = draws.map(|(draws, step)| {
        let index = (labels.scope * BUCKETS) as u64;
        draw_latency(draws, step, index, answered / of, &scope.mass)
    });
    TelemetryWindow {
        service: labels.service,
        region: labels.region,
        version: labels.version,
        set_apart: false,
        start,
        end,
        classes: scope
            .counts
            .iter()
            .enumerate()
            .filter(|(_, counts)| counts[0] > 0)
            .map(|(class, [requests, errors, good])| ClassCounts {
                class: ClassId(class as u16),
                requests: (requests / of) as u32,
                errors: (errors / of) as u32,
                good: (good / of).min(requests / of - errors / of) as u32,
            })
            .collect(),
        latency: latency.unwrap_or_default(),
        instances: InstanceCounts {
            total: seen.total,
            up: seen.up,
            restarts: scope.restarts,
            serving_s: (scope.utilisation.1 * step_s) as u32,
        },
        log_errors: 0,
        probes: ProbeCounts::default(),
        user_reports: 0,
        saturation: Saturation {
            cpu: golden(service.cpu),
            memory: memory.max(Ppm::from_f64(scope.mean_leaked().min(1.0))),
            network: golden(service.network),
            disk: golden(service.disk),
        },
    }
}

/// A multinomial sample of `n` over the buckets: requests go down a binary tree whose leaves are the
/// buckets, a binomial at each fork. A node's children have twice its number, and one more; a
/// fork's draws depend on those above it alone, so that forks side by side are drawn at once.
fn draw_latency(
    draws: &mut Draws,
    step: u64,
    index: u64,
    n: u64,
    mass: &[f32; BUCKETS],
) -> LatencyHistogram {
    let mut masses = [0.0; 2 * BUCKETS];
    for (sum, mass) in masses[BUCKETS..].iter_mut().zip(mass) {
        *sum = f64::from(*mass);
    }
    for node in (1..BUCKETS).rev() {
        masses[node] = masses[2 * node] + masses[2 * node + 1];
    }
    let mut counts = [0; 2 * BUCKETS];
    counts[1] = n;
    for node in 1..BUCKETS {
        let here = counts[node];
        if here == 0 {
            continue;
        }
        let share = masses[2 * node] / masses[node];
        let u = draws.uniform(step, Entity::new(index + node as u64));
        let left = binomial(u, here, share);
        (counts[2 * node], counts[2 * node + 1]) = (left, here - left);
    }
    let mut histogram = LatencyHistogram::default();
    for (bucket, count) in counts[BUCKETS..].iter().enumerate() {
        histogram.add(bucket, *count as u32);
    }
    histogram
}

/// What anybody reads in the scrapes of a service. What nobody reads is not drawn: draws have
/// addresses, so nothing else changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) latency: bool,
    pub(crate) logs: bool,
    pub(crate) probes: bool,
}

impl Read {
    /// What an objective on how slow the service is reads, or a judge of a change to it.
    pub(crate) fn of(scenario: &Scenario, service: ServiceId) -> Self {
        let mut read = Self::default();
        for slo in &scenario.slos {
            read.latency |= match slo.slo.indicator {
                Indicator::Slow { service: slow, .. } => slow == service,
                Indicator::Errors { .. } | Indicator::Business { .. } => false,
            };
        }
        let configs = scenario.configs.iter();
        let plans = configs.filter(|config| config.service == service);
        let plans = plans.flat_map(|config| &config.plans);
        for stage in plans.flat_map(|plan| &plan.plan.stages) {
            for check in &stage.judge.checks {
                read.note(check.signal);
            }
        }
        read
    }

    const fn note(&mut self, signal: Signal) {
        match signal {
            Signal::Latency { .. } => self.latency = true,
            Signal::LogErrors => self.logs = true,
            Signal::Probes => self.probes = true,
            Signal::ErrorRatio { .. }
            | Signal::BusinessLoss { .. }
            | Signal::Throughput
            | Signal::Reports
            | Signal::Unavailable
            | Signal::Restarts
            | Signal::Cpu
            | Signal::Memory
            | Signal::Network
            | Signal::Disk => {}
        }
    }
}

/// Whether, and when, a scrape made at `now` reaches the core.
pub(crate) fn delivery(
    (loss, delay): (&mut Draws, &mut Draws),
    step: u64,
    now: Micros,
    labels: Labels,
    spec: &Telemetry,
    silenced: f64,
) -> Option<Micros> {
    let entity = Entity::new(labels.scope as u64);
    let lost = 1.0 - (1.0 - spec.loss_share) * (1.0 - silenced);
    if loss.uniform(step, entity) < lost {
        return None;
    }
    Some(now + log_normal(delay.uniform(step, entity), spec.ingestion))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of requests in a bucket scatters like a binomial: over 2,000 scrapes its mean
    /// and variance are within five standard errors of the theory.
    #[test]
    fn latency_carries_true_sampling_noise() {
        let mut draws = Draws::new(3, "scrape", None);
        let mut mass = [0.0_f32; BUCKETS];
        (mass[10], mass[20], mass[30]) = (700.0, 250.0, 50.0);
        let runs = 2_000;
        let counts: Vec<f64> = (0..runs)
            .map(|step| {
                let histogram = draw_latency(&mut draws, step, 0, 1_000, &mass);
                assert_eq!(histogram.total(), 1_000);
                f64::from(histogram.counts()[30])
            })
            .collect();
        let n = runs as f64;
        let mean = counts.iter().sum::<f64>() / n;
        let variance = counts
            .iter()
            .map(|count| (count - mean).powi(2))
            .sum::<f64>()
            / (n - 1.0);
        let expected = 1_000.0 * 0.05 * 0.95;
        assert!((mean - 50.0).abs() < 5.0 * (expected / n).sqrt(), "{mean}");
        assert!(
            (variance / expected - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
            "{variance}"
        );
    }
}
