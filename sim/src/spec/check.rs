//! What must hold of a scenario before a world is built from it.

use std::collections::BTreeMap;

use firedrill_core::alerting::suspects::SuspectPolicy;
use firedrill_core::ids::{RegionId, ServiceId};
use firedrill_core::plane::{ConfigSetup, RetryPolicy, Setup, SetupError};
use firedrill_core::remediation::RemediationPolicy;
use firedrill_core::{Micros, Ppm};

use crate::world::graph::Graph;

use super::{
    ChangeSpec, Defect, DemandEvent, FlashCrowd, Fleet, Mechanism, Reach, RegionFailover, Scenario,
    Trigger,
};

/// Why a scenario cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// Nothing can fail where nothing is.
    #[error("the fleet needs at least one region, one service and one instance of each service")]
    EmptyFleet,
    /// A number that must lie in a range does not.
    #[error("{what} is {value}, outside {min}..={max}")]
    OutOfRange {
        /// What.
        what: String,
        /// The number.
        value: f64,
        /// The least allowed.
        min: f64,
        /// The greatest allowed.
        max: f64,
    },
    /// A reference to something that is not there.
    #[error("{what} names {kind} {index}, of which there are {count}")]
    Unknown {
        /// What refers.
        what: String,
        /// To what kind of thing.
        kind: &'static str,
        /// Its index.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Times that do not fit each other.
    #[error("{0}")]
    Times(&'static str),
    /// A mix from which no defect can be drawn.
    #[error("the mix of {what}: {why}")]
    Mix {
        /// The change.
        what: String,
        /// Why not.
        why: &'static str,
    },
    /// The core refuses the setup.
    #[error("the control plane cannot be set up")]
    Setup(#[source] SetupError),
}

/// A day has this many steps at most in a run, so that a run ends.
const STEPS_MAX: u64 = 1_000_000;

impl Scenario {
    /// Checks everything that a world takes for granted.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), SpecError> {
        self.check_fleet()?;
        self.check_times()?;
        self.check_changes()?;
        self.check_shares()?;
        self.check_demand()?;
        self.check_propagation()?;
        self.check_people()?;
        self.check_tools()?;
        self.check_teams()?;
        self.check_status()?;
        self.setup().check().map_err(SpecError::Setup)
    }

    /// What the core is told of the world beforehand.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let regions = |service: &super::Service| -> BTreeMap<RegionId, u32> {
            let counts = self.fleet.instances(service).into_iter().enumerate();
            counts
                .map(|(region, count)| (RegionId(region as u16), count))
                .collect()
        };
        let instances = self.fleet.services.iter().enumerate();
        Setup {
            configs: self
                .configs
                .iter()
                .map(|config| ConfigSetup {
                    schema: config.schema.clone(),
                    service: config.service,
                    plans: config.plans.iter().map(|plan| plan.plan.clone()).collect(),
                })
                .collect(),
            instances: instances
                .map(|(id, service)| (ServiceId(id as u16), regions(service)))
                .collect(),
            slos: self.slos.iter().map(|slo| slo.slo.clone()).collect(),
            symptoms: self.alerting.symptoms.clone(),
            notifying: self.alerting.notifying.clone(),
            incidents: self.book(),
            evaluate_every: self.core.evaluate_every,
            suspect_window: self.core.suspect_window,
            suspicion: SuspectPolicy::default(),
            dependencies: self.dependencies(),
            automation: self.core.automation,
            remediation: RemediationPolicy::default(),
            retry: RetryPolicy {
                delay: Micros::from_secs(10),
                attempts_max: 5,
            },
        }
    }

    /// Who calls whom, for any class of requests.
    fn dependencies(&self) -> BTreeMap<ServiceId, Vec<ServiceId>> {
        let mut calls: BTreeMap<ServiceId, Vec<ServiceId>> = BTreeMap::new();
        for edge in &Graph::new(&self.fleet).edges {
            if let Some(caller) = edge.from {
                calls.entry(caller).or_default().push(edge.to);
            }
        }
        calls
    }

    fn check_fleet(&self) -> Result<(), SpecError> {
        let fleet = &self.fleet;
        let empty = fleet.regions.is_empty()
            || fleet.services.is_empty()
            || fleet
                .services
                .iter()
                .any(|service| service.instances == 0 || service.workers == 0)
            || fleet.regions.iter().any(|region| region.cells == 0);
        if empty {
            return Err(SpecError::EmptyFleet);
        }
        for region in &fleet.regions {
            let what = format!("the weight of region `{}`", region.name);
            within(what, region.weight, 1e-6, 1e6)?;
        }
        for service in &fleet.services {
            let what = |field: &str| format!("{field} of service `{}`", service.name);
            within(what("error share"), service.error_share, 0.0, 1.0)?;
            within(
                what("service time sigma"),
                service.service_time.sigma,
                0.0,
                3.0,
            )?;
            let median = service.service_time.median.as_secs_f64();
            within(what("service time median (s)"), median, 1e-5, 600.0)?;
        }
        for class in &fleet.classes {
            let what = |field: &str| format!("{field} of class `{}`", class.name);
            within(what("rate"), class.per_second, 0.0, 1e9)?;
            within(what("employee share"), class.employee_share, 0.0, 1.0)?;
            within(what("path length"), class.path.len() as f64, 1.0, 64.0)?;
            for service in &class.path {
                known(
                    &what("path"),
                    "service",
                    service.index(),
                    fleet.services.len(),
                )?;
            }
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), SpecError> {
        let (step, scrape) = (self.step.0, self.telemetry.scrape_every.0);
        if step < 100_000 {
            return Err(SpecError::Times("the step must be at least 100 ms"));
        }
        if scrape == 0 || !scrape.is_multiple_of(step) {
            return Err(SpecError::Times(
                "the scrape interval must be a multiple of the step",
            ));
        }
        if self.duration < self.step || self.duration.0 / step > STEPS_MAX {
            return Err(SpecError::Times(
                "a run must have between 1 and 1 000 000 steps",
            ));
        }
        if self.changes.iter().any(|change| change.at >= self.duration) {
            return Err(SpecError::Times(
                "a change is proposed after the end of the run",
            ));
        }
        if !self.changes.is_sorted_by_key(|change| change.at) {
            return Err(SpecError::Times(
                "changes must be in the order of their time",
            ));
        }
        Ok(())
    }

    fn check_changes(&self) -> Result<(), SpecError> {
        let fleet = &self.fleet;
        for config in &self.configs {
            let what = format!("config `{}`", config.schema.name);
            known(
                &what,
                "service",
                config.service.index(),
                fleet.services.len(),
            )?;
        }
        for slo in &self.slos {
            let service = slo.slo.indicator.service().index();
            known(
                &format!("SLO `{}`", slo.name),
                "service",
                service,
                fleet.services.len(),
            )?;
        }
        for change in &self.changes {
            let what = format!("change `{}`", change.title);
            known(&what, "config", change.config.index(), self.configs.len())?;
            let plans = &self.configs[change.config.index()].plans;
            known(&what, "plan", change.plan.index(), plans.len())?;
            if let Some(defect) = &change.defect {
                check_defect(&what, defect, fleet)?;
            }
            check_mix(&what, change, fleet)?;
        }
        Ok(())
    }

    fn check_shares(&self) -> Result<(), SpecError> {
        within(
            "the telemetry loss".into(),
            self.telemetry.loss_share,
            0.0,
            1.0,
        )?;
        if let Some(flapping) = &self.noise.flapping {
            within("the flapping share".into(), flapping.share, 0.0, 1.0)?;
            within(
                "the flapping error share".into(),
                flapping.error_share,
                0.0,
                1.0,
            )?;
            if flapping.good_mean == Micros::ZERO || flapping.bad_mean == Micros::ZERO {
                return Err(SpecError::Times(
                    "flapping spells must last longer than nothing",
                ));
            }
        }
        if let Some(hosts) = &self.noise.heterogeneity {
            within(
                "the error sigma of hosts".into(),
                hosts.error_sigma,
                0.0,
                3.0,
            )?;
            let sigma = hosts.latency_sigma;
            within("the latency sigma of hosts".into(), sigma, 0.0, 1.0)?;
        }
        let rates = self.expect.iter().map(|line| line.rate);
        let worst = rates.max().unwrap_or(Ppm::ZERO);
        within(
            "the rate of an expectation".into(),
            worst.as_f64(),
            0.0,
            1.0,
        )
    }
}

impl Scenario {
    fn check_demand(&self) -> Result<(), SpecError> {
        let demand = &self.demand;
        within("the day curve's swing".into(), demand.swing, 0.0, 0.99)?;
        let overdispersion = demand.overdispersion;
        within("the overdispersion".into(), overdispersion, 0.0, 10.0)?;
        if let Some(weekly) = &demand.weekly {
            let factor = weekly.weekend_factor;
            within("the weekend factor".into(), factor, 0.01, 100.0)?;
        }
        if let Some(drift) = &demand.drift {
            within("the drift of demand".into(), drift.sd, 0.0, 1.0)?;
            if drift.correlation_time == Micros::ZERO {
                return Err(SpecError::Times(
                    "the correlation time of drift must be longer than nothing",
                ));
            }
        }
        demand.events.iter().try_for_each(|event| match event {
            DemandEvent::FlashCrowd(crowd) => self.check_crowd(crowd),
            DemandEvent::RegionFailover(failover) => self.check_failover(failover),
        })
    }

    fn check_propagation(&self) -> Result<(), SpecError> {
        let propagation = &self.propagation;
        let share = propagation.straggler_share;
        within("the straggler share".into(), share, 0.0, 1.0)?;
        let regions = &self.fleet.regions;
        for partition in &propagation.partitions {
            let region = match partition.reach {
                Reach::Region { region } | Reach::Cell { region, .. } => region,
            };
            known("a partition", "region", region.index(), regions.len())?;
            if let Reach::Cell { region, cell } = partition.reach {
                let cells = regions[region.index()].cells as usize;
                known("a partition", "cell", cell as usize, cells)?;
            }
        }
        Ok(())
    }

    fn check_crowd(&self, crowd: &FlashCrowd) -> Result<(), SpecError> {
        within("a flash crowd's factor".into(), crowd.factor, 0.0, 1e3)?;
        if crowd.duration.0 < crowd.ramp.0.saturating_mul(2) {
            return Err(SpecError::Times(
                "a flash crowd must last as long as its two ramps",
            ));
        }
        let (regions, classes) = (self.fleet.regions.len(), self.fleet.classes.len());
        for region in &crowd.regions {
            known("a flash crowd", "region", region.index(), regions)?;
        }
        for class in &crowd.classes {
            known("a flash crowd", "class", class.index(), classes)?;
        }
        Ok(())
    }

    fn check_failover(&self, failover: &RegionFailover) -> Result<(), SpecError> {
        let regions = self.fleet.regions.len();
        for region in failover.to.iter().chain([&failover.from]) {
            known("a region failover", "region", region.index(), regions)?;
        }
        Ok(())
    }
}

fn check_defect(what: &str, defect: &Defect, fleet: &Fleet) -> Result<(), SpecError> {
    check_mechanism(what, &defect.mechanism, fleet)?;
    for trigger in &defect.triggers {
        if let Trigger::Regions(regions) = trigger {
            for region in regions {
                known(what, "region", region.index(), fleet.regions.len())?;
            }
        }
    }
    Ok(())
}

/// A mix has parts with weights, each of them one defect from one end to the other.
fn check_mix(what: &str, change: &ChangeSpec, fleet: &Fleet) -> Result<(), SpecError> {
    let Some(mix) = &change.mix else {
        return Ok(());
    };
    let refused = |why| {
        let what = what.into();
        Err(SpecError::Mix { what, why })
    };
    if change.defect.is_some() {
        return refused("the change has a defect already");
    }
    if mix.parts.is_empty() {
        return refused("it is empty");
    }
    for part in &mix.parts {
        within(
            format!("a weight in the mix of {what}"),
            part.weight,
            f64::MIN_POSITIVE,
            1e9,
        )?;
        check_defect(what, &part.low, fleet)?;
        check_defect(what, &part.high, fleet)?;
        if let Some(why) = part.contradiction() {
            return refused(why);
        }
    }
    Ok(())
}

fn check_mechanism(what: &str, mechanism: &Mechanism, fleet: &Fleet) -> Result<(), SpecError> {
    if let Some(class) = mechanism.class() {
        known(what, "class", class.index(), fleet.classes.len())?;
    }
    if let Some(victim) = mechanism.victim() {
        known(what, "service", victim.index(), fleet.services.len())?;
    }
    let share = |share: f64| within(format!("the share of {what}"), share, 0.0, 1.0);
    let factor = |factor: f64| within(format!("the factor of {what}"), factor, 1.0, 1e3);
    match *mechanism {
        Mechanism::Errors { share: bad, .. }
        | Mechanism::WrongData { share: bad, .. }
        | Mechanism::CrashOnLoad { share: bad }
        | Mechanism::AccessLoss { share: bad } => share(bad),
        Mechanism::Latency { factor: by }
        | Mechanism::CpuBurn { factor: by }
        | Mechanism::QuotaExhaustion { factor: by, .. }
        | Mechanism::CacheStorm { factor: by, .. } => factor(by),
        Mechanism::MemoryLeak { fills_after } => {
            let seconds = fills_after.as_secs_f64();
            within(format!("the filling time of {what} (s)"), seconds, 1.0, 1e9)
        }
        Mechanism::RetryStorm { attempts, .. } => within(
            format!("the tries of {what}"),
            f64::from(attempts),
            1.0,
            16.0,
        ),
        Mechanism::ToolingPoison {
            scrapes_lost,
            distribution_factor,
        } => {
            share(scrapes_lost)?;
            factor(distribution_factor)
        }
    }
}

pub(super) fn within(what: String, value: f64, min: f64, max: f64) -> Result<(), SpecError> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(SpecError::OutOfRange {
            what,
            value,
            min,
            max,
        })
    }
}

fn known(what: &str, kind: &'static str, index: usize, count: usize) -> Result<(), SpecError> {
    if index < count {
        Ok(())
    } else {
        Err(SpecError::Unknown {
            what: what.into(),
            kind,
            index,
            count,
        })
    }
}
