//! Regions, services, request classes.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;
use serde::{Deserialize, Serialize};

use crate::world::congestion::{ClientPolicy, Order};

/// A log-normal distribution of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogNormal {
    /// The median.
    pub median: Micros,
    /// The standard deviation of the logarithm.
    pub sigma: f64,
}

/// A region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Local time minus UTC, in seconds.
    pub utc_offset_s: i64,
    /// Its cells (failure domains); at least one.
    pub cells: u32,
    /// The hardware class of each cell, in order and over again; class 0 when empty.
    pub hardware: Vec<u8>,
    /// Its share of demand and of instances, relative to the other regions'.
    pub weight: f64,
}

impl Region {
    /// The hardware class of its cell with this number.
    #[must_use]
    pub fn hardware_of(&self, cell: usize) -> u8 {
        match self.hardware.len() {
            0 => 0,
            classes => self.hardware[cell % classes],
        }
    }
}

/// How a golden signal follows load: `idle + slope × utilisation`, as shares in `0..=1`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// Without load.
    pub idle: f64,
    /// What full load adds.
    pub slope: f64,
}

/// A balancer that moves traffic off instances that err: the others get it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ejection {
    /// The share of failed requests above which an instance is left out, in `0..=1`.
    pub error_share: f64,
    /// For so long it gets no requests; then it is tried again.
    pub length: Micros,
    /// At most this share of a pool's instances is left out at a time, in `0..=1`.
    pub share_max: f64,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its instances in the whole fleet, spread over regions by weight and evenly over cells.
    pub instances: u32,
    /// Requests that one instance serves at a time.
    pub workers: u32,
    /// Time to serve one request, without waiting.
    pub service_time: LogNormal,
    /// The share of requests that fail for reasons of their own, in `0..=1`.
    pub error_share: f64,
    /// Callers give up after this long.
    pub timeout: Micros,
    /// Requests that may wait per instance; more are turned away.
    pub queue_max: u32,
    /// Who is served first when requests wait.
    pub queue_order: Order,
    /// Whether requests whose caller has given up are dropped unserved.
    pub drops_expired: bool,
    /// When requests wait, only so many are let in: a share of what the instances can serve, in
    /// `0..=1`. Everything is let in when absent.
    pub shed_to: Option<f64>,
    /// The balancer leaves out instances that err; it keeps all when absent.
    pub ejection: Option<Ejection>,
    /// Time from start to first request.
    pub start_up: Micros,
    /// Processor.
    pub cpu: Golden,
    /// Memory.
    pub memory: Golden,
    /// Network.
    pub network: Golden,
    /// Disk.
    pub disk: Golden,
}

/// A class of user requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestClass {
    /// Its name.
    pub name: String,
    /// The services it needs, callers before callees. Each is called by the nearest one before it
    /// that has an edge to it, or, when none has, by the one right before it.
    pub path: Vec<ServiceId>,
    /// Mean requests a second over a day in the whole fleet.
    pub per_second: f64,
    /// The share of them that employees make, in `0..=1`.
    pub employee_share: f64,
}

/// Calls from one service to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The caller; users when absent.
    pub from: Option<ServiceId>,
    /// The service that is called.
    pub to: ServiceId,
    /// Calls for each request that the caller answers.
    pub calls: f64,
    /// Timeout, retries and their budget, breaker, throttle.
    pub client: ClientPolicy,
    /// Whether the caller cannot answer without it; otherwise it has a fallback.
    pub hard: bool,
}

/// Where and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// Regions.
    pub regions: Vec<Region>,
    /// Services.
    pub services: Vec<Service>,
    /// The call graph. A pair on the path of a class that is not listed calls once, waits for
    /// the callee's timeout, does not retry and has no fallback.
    pub edges: Vec<Edge>,
    /// Request classes.
    pub classes: Vec<RequestClass>,
}

impl Fleet {
    /// Instances of `service` in `region`, spread over its cells: by largest remainder, so that
    /// they add up to the service's instances.
    #[must_use]
    pub fn instances(&self, service: &Service) -> Vec<u32> {
        let total_weight: f64 = self.regions.iter().map(|region| region.weight).sum();
        let exact: Vec<f64> = self
            .regions
            .iter()
            .map(|region| f64::from(service.instances) * region.weight / total_weight)
            .collect();
        let mut counts: Vec<u32> = exact.iter().map(|share| *share as u32).collect();
        let mut order: Vec<usize> = (0..exact.len()).collect();
        order.sort_by(|a, b| {
            exact[*b]
                .fract()
                .total_cmp(&exact[*a].fract())
                .then(a.cmp(b))
        });
        let missing = service.instances - counts.iter().sum::<u32>();
        for index in order.into_iter().cycle().take(missing as usize) {
            counts[index] += 1;
        }
        counts
    }
}
