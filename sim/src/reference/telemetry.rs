//! What instances on one version of a service in one region told since the last scrape.

use firedrill_core::Micros;
use firedrill_core::health::LatencyHistogram;
use firedrill_core::ids::ClassId;

/// Everything of one (region, service, version) since the last scrape.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Requests, errors and good ones, by class.
    pub(super) counts: Vec<[u64; 3]>,
    pub(super) latency: LatencyHistogram,
    pub(super) restarts: u32,
    /// Utilisation of instances, summed over them and over steps, and how many were summed.
    pub(super) utilisation: (f64, f64),
    pub(super) leaked: f64,
    /// The share of scrapes that a defect swallows.
    pub(super) silenced: f64,
}

impl Scope {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            counts: vec![[0; 3]; classes],
            latency: LatencyHistogram::default(),
            restarts: 0,
            utilisation: (0.0, 0.0),
            leaked: 0.0,
            silenced: 0.0,
        }
    }

    pub(super) fn count(&mut self, class: ClassId, counts: [u64; 3]) {
        let sums = &mut self.counts[class.index()];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }

    pub(super) fn took(&mut self, latency: Micros) {
        self.latency.add(LatencyHistogram::bucket_of(latency.0), 1);
    }

    /// Requests and errors.
    pub(super) fn totals(&self) -> (u64, u64) {
        let add =
            |(requests, errors), counts: &[u64; 3]| (requests + counts[0], errors + counts[1]);
        self.counts.iter().fold((0, 0), add)
    }

    pub(super) fn mean_utilisation(&self) -> f64 {
        self.utilisation.0 / self.utilisation.1.max(1.0)
    }

    pub(super) fn mean_leaked(&self) -> f64 {
        self.leaked / self.utilisation.1.max(1.0)
    }
}
