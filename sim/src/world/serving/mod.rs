//! Requests through the fleet: how instances fare under them ([`load`]), what becomes of each
//! class on its way down the call graph ([`call`]), and what copies of requests tell ([`copies`]);
//! the first two in one where nothing happens ([`calm`]).

mod call;
mod calm;
mod copies;
mod load;

use std::collections::BTreeMap;
use std::rc::Rc;

use firedrill_core::Micros;
use firedrill_core::rollout::Audience;

use crate::spec::{Flapping, LogNormal, Service};

use super::congestion::OutletFate;
use super::demand::{AUDIENCES, EMPLOYEES};
use super::fleet::{Cohort, CohortKey};
use super::heterogeneity::Host;
use super::queueing::{Shape, ShapeTable, Threshold, mean_s};

pub(crate) use call::{Fate, Hop};
pub(crate) use calm::Calm;
pub(crate) use load::{Demand, load_pool};

/// A crashed instance still gets requests until its health check fails.
pub(crate) const HEALTH_CHECK_LAG: Micros = Micros::from_secs(5);

/// How one cohort fares in a step.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The cohort.
    pub(crate) key: CohortKey,
    /// Its part of each audience's requests.
    pub(crate) weights: [Weight; AUDIENCES],
    /// Instances that answer.
    pub(crate) serving: u32,
    /// Requests that came, by the end of the step.
    pub(crate) requests: u64,
    /// Those of them that came to an error.
    pub(crate) errors: u64,
    /// Utilisation; above one in overload.
    pub(crate) utilisation: f64,
    /// The probability that a request fails whatever its class, and not because of overload.
    pub(crate) own_failure: f64,
    /// The probability that it is refused or times out in a queue.
    pub(crate) lost: f64,
    /// Requests that wait: at the end of the step in a congested pool, on average in a calm one.
    pub(crate) waiting: f64,
    /// Whether a defect is to blame for overload and lateness here.
    pub(crate) disturbed: bool,
    /// Latency of what it answers.
    pub(crate) shape: Rc<Shape>,
    /// The probability that a request is slower than the service's latency objective allows.
    pub(crate) slow: f64,
    /// The part of that which a defect adds.
    pub(crate) slow_by_defect: f64,
}

/// How a cohort fared in a step, as far as it is looked at later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fared {
    pub(crate) key: CohortKey,
    pub(crate) utilisation: f64,
    pub(crate) waiting: f64,
    /// The probability that a request failed whatever its class, and not because of overload.
    pub(crate) own_failure: f64,
    /// The probability that it was refused or timed out in a queue.
    pub(crate) lost: f64,
}

impl Load {
    pub(crate) const fn fared(&self) -> Fared {
        Fared {
            key: self.key,
            utilisation: self.utilisation,
            waiting: self.waiting,
            own_failure: self.own_failure,
            lost: self.lost,
        }
    }
}

/// Latency of one service by load, for every state that a defect brings it into.
#[derive(Clone, Debug)]
pub(crate) struct ServiceTables {
    time: LogNormal,
    workers: u32,
    /// The mean service time as it should be, in seconds.
    mean_s: f64,
    /// As it should be.
    healthy: ShapeTable,
    /// By slowness (steps of 1/16 octave) and workers.
    disturbed: BTreeMap<(u16, u32), ShapeTable>,
}

impl ServiceTables {
    pub(crate) fn new(service: &Service) -> Self {
        let (time, workers) = (service.service_time, service.workers);
        Self {
            time,
            workers,
            mean_s: mean_s(time),
            healthy: ShapeTable::new(time, workers),
            disturbed: BTreeMap::new(),
        }
    }

    /// The mean service time as it should be, in seconds.
    pub(crate) const fn mean_s(&self) -> f64 {
        self.mean_s
    }

    /// The table of the service as it should be.
    pub(crate) const fn healthy(&mut self) -> &mut ShapeTable {
        &mut self.healthy
    }

    /// The table for service times multiplied by `slowness` and capacity divided by `burn`.
    pub(crate) fn get(&mut self, slowness: f64, burn: f64) -> &mut ShapeTable {
        const STEPS: f64 = 16.0;
        if slowness <= 1.0 && burn <= 1.0 {
            return &mut self.healthy;
        }
        let step = (libm::log2(slowness.max(1.0)) * STEPS + 0.5) as u16;
        let workers = ((f64::from(self.workers) / burn.max(1.0) + 0.5) as u32).max(1);
        let mut time = self.time;
        self.disturbed.entry((step, workers)).or_insert_with(|| {
            let factor = libm::exp2(f64::from(step) / STEPS);
            time.median = Micros((time.median.0 as f64 * factor) as u64);
            ShapeTable::new(time, workers)
        })
    }
}

/// Room for the intermediate results of a pool, kept from pool to pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    /// By cohort: how its hosts differ.
    pub(crate) hosts: Vec<Host>,
    /// By cohort: what it is up against.
    pub(crate) demands: Vec<Demand>,
    /// By cohort: how it fared in a congested pool; empty for a calm one.
    pub(crate) fates: Vec<OutletFate>,
}

/// The threshold of a latency objective.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlowAbove {
    pub(crate) us: u64,
    pub(crate) threshold: Threshold,
}

impl SlowAbove {
    pub(crate) const fn new(us: u64) -> Self {
        Self {
            us,
            threshold: Threshold::new(us),
        }
    }
}

/// What a step looks like to a pool.
pub(crate) struct PoolStep<'a> {
    pub(crate) service: &'a Service,
    pub(crate) length: Micros,
    /// The same in seconds.
    pub(crate) length_s: f64,
    /// For so many steps instances that crashed still get requests.
    pub(crate) lag_steps: f64,
    pub(crate) flapping: Option<&'a Flapping>,
    /// The threshold of the strictest latency objective on the service.
    pub(crate) slow_above: Option<SlowAbove>,
    /// Attempts by audience.
    pub(crate) offered: [f64; AUDIENCES],
    /// What others do to the pool: its capacity is divided by this.
    pub(crate) capacity_factor: f64,
    /// Whether a defect has run anywhere: overload that outlives it is its doing too.
    pub(crate) troubled: bool,
}

/// Where an audience's requests go.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weight {
    /// To instances that answer.
    pub(crate) answering: f64,
    /// To instances that crashed a moment ago, which the balancer does not know yet.
    pub(crate) dead: f64,
}

impl Weight {
    /// The weight of a cohort for an audience. Employees go to instances of their own where some
    /// answer; an instance that crashes on taking a version still has the public's requests.
    fn of(cohort: &Cohort, audience: usize, employees_apart: bool, lag: f64) -> Self {
        let to_employees = audience == EMPLOYEES && employees_apart;
        let answers = cohort.key.serves
            == if to_employees {
                Audience::Employees
            } else {
                Audience::Public
            };
        Self {
            answering: if answers {
                f64::from(cohort.balanced())
            } else {
                0.0
            },
            dead: if to_employees || !cohort.key.serves.is_live() {
                0.0
            } else {
                cohort.crashed_and_trusted(lag)
            },
        }
    }

    fn total(self) -> f64 {
        self.answering + self.dead
    }
}
