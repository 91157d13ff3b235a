//! What telemetry brings: one service, in one region, on one config version, over one interval.

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
    /// Golden signals.
    pub saturation: Saturation,
}

/// Why a window cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The window ends before it starts, or covers nothing.
    #[error("the window covers no time")]
    Empty,
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
