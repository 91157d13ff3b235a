//! What telemetry brings: one service, in one region, on one config version, over one interval.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::VersionId;
use crate::ids::{ClassId, RegionId, ServiceId};
use crate::ratio::Ppm;
use crate::time::Micros;

use super::histogram::LatencyHistogram;

/// Requests of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// The class.
    pub class: ClassId,
    /// Requests answered, well or badly.
    pub requests: u32,
    /// Requests answered with an error; at most `requests`.
    pub errors: u32,
    /// Requests that came to what the business wants of them (a login, an impression, an order),
    /// as the business counts it; at most `requests - errors`.
    pub good: u32,
}

/// Instances behind a window, as the health checker saw them at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCounts {
    /// Instances that run this version, whatever their state.
    pub total: u32,
    /// Those that answer their health check; at most `total`.
    pub up: u32,
    /// Restarts during the window.
    pub restarts: u32,
}

/// Synthetic transactions of a window, sent from outside to the instances behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeCounts {
    /// Probes sent.
    pub sent: u32,
    /// Those that failed; at most `sent`.
    pub failed: u32,
}

/// How full the instances are, on average over the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saturation {
    /// Processor time.
    pub cpu: Ppm,
    /// Memory.
    pub memory: Ppm,
    /// Network.
    pub network: Ppm,
    /// Disk.
    pub disk: Ppm,
}

/// One scrape of one (service, region, version). A missing scrape is a window that never
/// arrives, never one full of zeros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryWindow {
    /// The service.
    pub service: ServiceId,
    /// The region.
    pub region: RegionId,
    /// The config version that these instances run.
    pub version: VersionId,
    /// Whether these instances are set apart as the control group of a rollout.
    pub set_apart: bool,
    /// The first moment covered.
    pub start: Micros,
    /// The first moment not covered.
    pub end: Micros,
    /// Requests by class.
    pub classes: Vec<ClassCounts>,
    /// Latency of the requests that were answered.
    pub latency: LatencyHistogram,
    /// The instances.
    pub instances: InstanceCounts,
    /// Lines logged as errors.
    pub log_errors: u32,
    /// Synthetic transactions.
    pub probes: ProbeCounts,
    /// Reports of users that came in, whichever version answered them: told with the windows of
    /// one version, so that they count once.
    pub user_reports: u32,
    /// Golden signals.
    pub saturation: Saturation,
}

/// Why a window cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The window ends before it starts, or covers nothing.
    #[error("the window covers no time")]
    Empty,
    /// The same instances were told of at the same time before, or so long ago that nobody knows.
    #[error("the window was taken before, or is older than {SEEN_FOR}")]
    Repeated,
    /// The window ends in the future.
    #[error("the window ends at {end}, later than now")]
    FromTheFuture {
        /// Its end.
        end: Micros,
    },
    /// More errors than requests.
    #[error("class {class} has more errors than requests")]
    ErrorsAboveRequests {
        /// The class.
        class: ClassId,
    },
    /// More good requests than were answered without an error.
    #[error("class {class} has more good requests than answers without an error")]
    GoodAboveAnswered {
        /// The class.
        class: ClassId,
    },
    /// More instances up than there are.
    #[error("more instances are up than exist")]
    UpAboveTotal,
    /// More probes failed than were sent.
    #[error("more probes failed than were sent")]
    FailedAboveSent,
}

/// How long windows are remembered, so that none counts twice.
const SEEN_FOR: Micros = Micros::from_hours(2);

/// Which windows were taken: a scrape may be delivered again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowsSeen {
    taken: BTreeSet<(Micros, ServiceId, RegionId, VersionId, bool)>,
    newest: Micros,
}

impl WindowsSeen {
    /// Whether the window was not taken before; it is now. One that ended long before the newest
    /// is not new: nobody remembers whether it was taken.
    pub fn is_new(&mut self, window: &TelemetryWindow) -> bool {
        self.newest = self.newest.max(window.end);
        if window.end + SEEN_FOR < self.newest {
            return false;
        }
        while let Some(oldest) = self.taken.first()
            && oldest.0 + SEEN_FOR < self.newest
        {
            self.taken.pop_first();
        }
        self.taken.insert((
            window.end,
            window.service,
            window.region,
            window.version,
            window.set_apart,
        ))
    }
}

impl TelemetryWindow {
    /// Checks what must hold of every window.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self, now: Micros) -> Result<(), WindowError> {
        if self.start >= self.end {
            return Err(WindowError::Empty);
        }
        if self.end > now {
            return Err(WindowError::FromTheFuture { end: self.end });
        }
        if self.instances.up > self.instances.total {
            return Err(WindowError::UpAboveTotal);
        }
        if self.probes.failed > self.probes.sent {
            return Err(WindowError::FailedAboveSent);
        }
        match self
            .classes
            .iter()
            .find(|counts| counts.errors > counts.requests)
        {
            Some(counts) => Err(WindowError::ErrorsAboveRequests {
                class: counts.class,
            }),
            None => self.check_good(),
        }
    }

    fn check_good(&self) -> Result<(), WindowError> {
        let beyond = |counts: &&ClassCounts| counts.good > counts.requests - counts.errors;
        match self.classes.iter().find(beyond) {
            Some(counts) => Err(WindowError::GoodAboveAnswered {
                class: counts.class,
            }),
            None => Ok(()),
        }
    }
}
