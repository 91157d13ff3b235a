//! Windows of one arm of a comparison, added up.

use alloc::collections::BTreeMap;

use crate::config::VersionId;
use crate::ids::{ClassId, RegionId};
use crate::ratio::Ppm;
use crate::time::Micros;

use super::check::Signal;
use super::histogram::LatencyHistogram;
use super::window::{InstanceCounts, Saturation, TelemetryWindow};

/// Requests and errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Those that came to what the business wants of them.
    pub good: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Latest {
    end: Micros,
    instances: InstanceCounts,
    saturation: Saturation,
}

/// Everything that arrived for one arm since it was last cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    classes: BTreeMap<ClassId, Counts>,
    latency: LatencyHistogram,
    latest: BTreeMap<(RegionId, VersionId, bool), Latest>,
    restarts: u64,
    log_errors: u64,
    probes: (u64, u64),
    reports: u64,
    /// Seconds that instances served, all together.
    serving_s: u64,
    newest_end: Option<Micros>,
}

impl Tally {
    /// Adds a window.
    pub fn add(&mut self, window: &TelemetryWindow) {
        for counts in &window.classes {
            let sum = self.classes.entry(counts.class).or_default();
            sum.requests += u64::from(counts.requests);
            sum.errors += u64::from(counts.errors);
            sum.good += u64::from(counts.good);
        }
        self.latency.merge(&window.latency);
        self.restarts += u64::from(window.instances.restarts);
        self.log_errors += u64::from(window.log_errors);
        self.probes.0 += u64::from(window.probes.sent);
        self.probes.1 += u64::from(window.probes.failed);
        self.serving_s += u64::from(window.instances.serving_s);
        self.newest_end = self.newest_end.max(Some(window.end));
        let latest = Latest {
            end: window.end,
            instances: window.instances,
            saturation: window.saturation,
        };
        let slot = self
            .latest
            .entry((window.region, window.version, window.set_apart))
            .or_insert(latest);
        if window.end >= slot.end {
            *slot = latest;
        }
    }

    /// Counts the reports of users that a window of whichever version brings.
    pub(super) fn add_reports(&mut self, window: &TelemetryWindow) {
        self.reports += u64::from(window.user_reports);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds what another tally holds.
    pub(super) fn merge(&mut self, other: &Self) {
        for (class, counts) in &other.classes {
            let sum = self.classes.entry(*class).or_default();
            sum.requests += counts.requests;
            sum.errors += counts.errors;
            sum.good += counts.good;
        }
        self.latency.merge(&other.latency);
        self.restarts += other.restarts;
        self.log_errors += other.log_errors;
        self.probes.0 += other.probes.0;
        self.probes.1 += other.probes.1;
        self.reports += other.reports;
        self.serving_s += other.serving_s;
        self.newest_end = self.newest_end.max(other.newest_end);
        for (key, latest) in &other.latest {
            let slot = self.latest.entry(*key).or_insert(*latest);
            if latest.end >= slot.end {
                *slot = *latest;
            }
        }
    }

    /// Synthetic transactions, and those that failed.
    pub(super) const fn probes(&self) -> (u64, u64) {
        self.probes
    }

    /// Latency of everything that was answered.
    pub(super) const fn latency(&self) -> &LatencyHistogram {
        &self.latency
    }

    /// The end of the newest window.
    #[must_use]
    pub const fn newest_end(&self) -> Option<Micros> {
        self.newest_end
    }

    /// Requests and errors of one class, or of all.
    #[must_use]
    pub fn counts(&self, class: Option<ClassId>) -> Counts {
        match class {
            Some(class) => self.classes.get(&class).copied().unwrap_or_default(),
            None => self
                .classes
                .values()
                .fold(Counts::default(), |sum, one| Counts {
                    requests: sum.requests + one.requests,
                    errors: sum.errors + one.errors,
                    good: sum.good + one.good,
                }),
        }
    }

    /// The value of a signal and the size of the sample behind it: requests for ratios and
    /// latency, probes for probes, instances for the rest. `None` when nothing was seen.
    #[must_use]
    pub fn read(&self, signal: Signal) -> Option<(u64, u64)> {
        match signal {
            Signal::ErrorRatio { class } => {
                let counts = self.counts(class);
                let ratio = Ppm::of(counts.errors, counts.requests);
                (counts.requests > 0).then_some((u64::from(ratio.0), counts.requests))
            }
            Signal::BusinessLoss { class } => {
                let counts = self.counts(class);
                let lost = Ppm::of(counts.requests - counts.good, counts.requests);
                (counts.requests > 0).then_some((u64::from(lost.0), counts.requests))
            }
            Signal::Latency { quantile } => {
                Some((self.latency.quantile_us(quantile)?, self.latency.total()))
            }
            Signal::Throughput => {
                let requests = self.counts(None).requests;
                let each = (requests * 60).checked_div(self.serving_s)?;
                let (_, total) = self.instances();
                Some((each, total))
            }
            Signal::LogErrors => {
                let requests = self.counts(None).requests;
                let lines = u128::from(self.log_errors) * 1_000_000;
                let each = lines.checked_div(u128::from(requests))?;
                Some((u64::try_from(each).unwrap_or(u64::MAX), requests))
            }
            Signal::Probes => {
                let (sent, failed) = self.probes;
                (sent > 0).then(|| (u64::from(Ppm::of(failed, sent).0), sent))
            }
            Signal::Reports => {
                let (_, total) = self.instances();
                (total > 0).then_some((self.reports, total))
            }
            Signal::Unavailable => {
                let (up, total) = self.instances();
                let down = Ppm::of(total - up, total);
                (total > 0).then_some((u64::from(down.0), total))
            }
            Signal::Restarts => {
                let (_, total) = self.instances();
                (total > 0).then_some((self.restarts, total))
            }
            Signal::Cpu => self.saturation(|saturation| saturation.cpu),
            Signal::Memory => self.saturation(|saturation| saturation.memory),
            Signal::Network => self.saturation(|saturation| saturation.network),
            Signal::Disk => self.saturation(|saturation| saturation.disk),
        }
    }

    /// Instances up, and all, as the latest windows say.
    #[must_use]
    pub fn instances(&self) -> (u64, u64) {
        self.latest.values().fold((0, 0), |(up, total), latest| {
            let instances = latest.instances;
            (
                up + u64::from(instances.up),
                total + u64::from(instances.total),
            )
        })
    }

    /// The mean over instances of the latest readings.
    fn saturation(&self, pick: impl Fn(&Saturation) -> Ppm) -> Option<(u64, u64)> {
        let (mut weighted, mut total) = (0, 0);
        for latest in self.latest.values() {
            let instances = u64::from(latest.instances.total);
            weighted += u64::from(pick(&latest.saturation).0) * instances;
            total += instances;
        }
        (total > 0).then(|| (weighted / total, total))
    }
}
