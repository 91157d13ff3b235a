//! What a plane is built from.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::alerting::suspects::SuspectPolicy;
use crate::alerting::{SymptomError, SymptomPolicy};
use crate::config::{Finding, Schema};
use crate::health::Slo;
use crate::health::judge::Past;
use crate::ids::{RegionId, ServiceId};
use crate::incident::{BookSetup, RosterError};
use crate::ratio::Ppm;
use crate::remediation::{AutomationMode, PolicyError, RemediationPolicy};
use crate::rollout::{Plan, PlanError};
use crate::time::Micros;

use super::telling::{NotifyingError, NotifyingPolicy};

/// A config and the service that reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigSetup {
    /// What it may hold.
    pub schema: Schema,
    /// Whose instances run it.
    pub service: ServiceId,
    /// The plans that may roll it out are checked against this service's instances.
    pub plans: Vec<Plan>,
}

/// What to do with a command that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How long to wait before giving it again.
    pub delay: Micros,
    /// How often a push or page is given in all; a rollback is given until it is taken.
    pub attempts_max: u32,
}

/// Everything a plane must know beforehand. Ids number the lists in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The configs.
    pub configs: Vec<ConfigSetup>,
    /// Instances of each service, by region.
    pub instances: BTreeMap<ServiceId, BTreeMap<RegionId, u32>>,
    /// The objectives.
    pub slos: Vec<Slo>,
    /// Limits on what instances show.
    #[serde(default)]
    pub symptoms: SymptomPolicy,
    /// How alerts are told; each at once when absent.
    #[serde(default)]
    pub notifying: Option<NotifyingPolicy>,
    /// How alerts become incidents, and who is paged.
    pub incidents: BookSetup,
    /// How often alert rules are evaluated.
    pub evaluate_every: Micros,
    /// How long after its last widening a change is a suspect.
    pub suspect_window: Micros,
    /// How suspicion is weighed.
    #[serde(default)]
    pub suspicion: SuspectPolicy,
    /// The services that each service calls.
    #[serde(default)]
    pub dependencies: BTreeMap<ServiceId, Vec<ServiceId>>,
    /// How far automation is trusted to act.
    #[serde(default = "everywhere")]
    pub automation: AutomationMode,
    /// How outages are acted against; how far automation is trusted says `automation`.
    #[serde(default)]
    pub remediation: RemediationPolicy,
    /// What to do with a command that failed.
    pub retry: RetryPolicy,
}

const fn everywhere() -> AutomationMode {
    AutomationMode::AutomaticForAll
}

/// Why a setup contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A config's service has no instances.
    #[error("config `{0}` belongs to a service without instances")]
    NoInstances(String),
    /// A config's initial values break its own schema.
    #[error("config `{config}` starts invalid: {finding}")]
    InitialValues {
        /// The config.
        config: String,
        /// The first finding.
        finding: Finding,
    },
    /// A plan cannot be followed.
    #[error("a plan of config `{config}` cannot be followed")]
    Plan {
        /// The config.
        config: String,
        /// Why.
        #[source]
        source: PlanError,
    },
    /// An objective that can never, or always, be met.
    #[error("objective {0} must promise more than nothing and less than everything")]
    Objective(usize),
    /// A burn rule whose windows are not `0 < short <= long`.
    #[error("a burn rule of objective {0} needs windows with 1 s <= short <= long")]
    BurnWindows(usize),
    /// Nobody can be paged as asked.
    #[error("the roster cannot be followed")]
    Roster(#[source] RosterError),
    /// A symptom rule that makes no sense.
    #[error("a symptom rule makes no sense")]
    Symptoms(#[source] SymptomError),
    /// Alerts cannot be told as asked.
    #[error("alerts cannot be told so")]
    Notifying(#[source] NotifyingError),
    /// Nothing can be done about an outage as asked.
    #[error("the policy of remediation cannot be followed")]
    Remediation(#[source] PolicyError),
    /// Alert rules are never evaluated.
    #[error("alert rules must be evaluated at an interval above zero")]
    NoEvaluationInterval,
}

impl Setup {
    /// An empty memory for every service whose judges look back.
    pub(super) fn pasts(&self) -> BTreeMap<ServiceId, Past> {
        let mut lengths: BTreeMap<ServiceId, Micros> = BTreeMap::new();
        for config in &self.configs {
            let length = config.plans.iter().map(Plan::looks_back).max();
            let longest = lengths.entry(config.service).or_default();
            *longest = (*longest).max(length.unwrap_or_default());
        }
        let looking = lengths
            .into_iter()
            .filter(|(_, length)| *length > Micros::ZERO);
        looking
            .map(|(service, length)| (service, Past::new(length)))
            .collect()
    }

    /// The policy of remediation, with the one mode of automation.
    pub(super) fn remediation(&self) -> RemediationPolicy {
        RemediationPolicy {
            mode: self.automation,
            ..self.remediation.clone()
        }
    }

    /// Checks the setup.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check(&self) -> Result<(), SetupError> {
        if self.evaluate_every == Micros::ZERO {
            return Err(SetupError::NoEvaluationInterval);
        }
        self.symptoms.check().map_err(SetupError::Symptoms)?;
        self.remediation.check().map_err(SetupError::Remediation)?;
        let roster = &self.incidents.roster;
        roster.check().map_err(SetupError::Roster)?;
        for config in &self.configs {
            let name = || config.schema.name.clone();
            let instances = self.instances.get(&config.service);
            let instances = instances.filter(|regions| regions.values().any(|count| *count > 0));
            let instances = instances.ok_or_else(|| SetupError::NoInstances(name()))?;
            if let Some(finding) = config
                .schema
                .validate(&config.schema.initial_document())
                .pop()
            {
                return Err(SetupError::InitialValues {
                    config: name(),
                    finding,
                });
            }
            for plan in &config.plans {
                let fits = plan.check(instances);
                fits.map_err(|source| SetupError::Plan {
                    config: name(),
                    source,
                })?;
            }
        }
        for (index, slo) in self.slos.iter().enumerate() {
            if slo.objective == Ppm::ZERO || slo.objective >= Ppm::ONE {
                return Err(SetupError::Objective(index));
            }
            let sound = |short, long| Micros::from_secs(1) <= short && short <= long;
            if !slo.rules.iter().all(|rule| sound(rule.short, rule.long)) {
                return Err(SetupError::BurnWindows(index));
            }
        }
        Ok(())
    }
}
