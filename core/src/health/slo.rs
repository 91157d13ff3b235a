//! Service-level objectives, and the burn rates at which somebody should hear of them.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{ClassId, ServiceId};
use crate::ratio::Ppm;
use crate::time::Micros;

/// What counts as a bad request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Indicator {
    /// A request that the service answers with an error.
    Errors {
        /// The service at which requests are counted.
        service: ServiceId,
        /// Only requests of this class; all when absent.
        class: Option<ClassId>,
    },
    /// A request that does not come to what the business wants of it: failed, or answered wrongly.
    Business {
        /// The service at which requests are counted.
        service: ServiceId,
        /// Only requests of this class; all when absent.
        class: Option<ClassId>,
    },
    /// A request that the service answers later than the threshold.
    Slow {
        /// The service.
        service: ServiceId,
        /// The threshold in microseconds.
        threshold_us: u64,
    },
}

impl Indicator {
    /// The service at which requests are counted.
    #[must_use]
    pub const fn service(self) -> ServiceId {
        match self {
            Self::Errors { service, .. }
            | Self::Business { service, .. }
            | Self::Slow { service, .. } => service,
        }
    }
}

/// Whether somebody is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Somebody looks at it in working hours.
    Ticket,
    /// Somebody is paged now.
    Page,
}

/// Fires while the error budget burns faster than `factor` in both windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BurnRule {
    /// The window that decides when the rule fires.
    pub long: Micros,
    /// The window that ends it soon after the trouble ends; by custom a twelfth of `long`.
    pub short: Micros,
    /// The burn rate in thousandths: 14 400 is 14.4 times the rate that spends the whole budget
    /// in the objective's period.
    pub factor_milli: u32,
    /// What happens when it fires.
    pub urgency: Urgency,
}

/// How much a burn rule must have seen before it may fire.
///
/// Of ten requests an hour, one failure is a burn rate of 100 under an objective of 99.9 %, and
/// no reason to wake anybody. The workbook (chapter "Alerting on SLOs", on services with little
/// traffic) offers artificial traffic, combining services, and lower objectives; a floor under
/// the counts is the remedy that needs no change of the service. Its price is blindness: with
/// less traffic than `requests_min` in the long window, the rule never fires, whatever happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowTraffic {
    /// Requests in the long window, at least; zero asks for none.
    pub requests_min: u64,
    /// Bad requests in the long window, at least; zero asks for none.
    pub bad_min: u64,
}

impl LowTraffic {
    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.requests_min == 0 && self.bad_min == 0
    }
}

/// The four standard rules for an objective over 30 days: page at 2 % of the budget in an hour
/// or 5 % in six, ticket at 10 % in a day or three.
///
/// Source: Google, *The Site Reliability Workbook*, chapter "Alerting on SLOs".
#[must_use]
pub fn standard_burn_rules() -> Vec<BurnRule> {
    let rule = |long, short, factor_milli, urgency| BurnRule {
        long,
        short,
        factor_milli,
        urgency,
    };
    alloc::vec![
        rule(
            Micros::from_hours(1),
            Micros::from_mins(5),
            14_400,
            Urgency::Page
        ),
        rule(
            Micros::from_hours(6),
            Micros::from_mins(30),
            6_000,
            Urgency::Page
        ),
        rule(
            Micros::from_hours(24),
            Micros::from_hours(2),
            3_000,
            Urgency::Ticket
        ),
        rule(
            Micros::from_hours(72),
            Micros::from_hours(6),
            1_000,
            Urgency::Ticket
        ),
    ]
}

/// A promise about a share of good requests over a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slo {
    /// What counts as bad.
    pub indicator: Indicator,
    /// The promised share of good requests, below one.
    pub objective: Ppm,
    /// The period over which it is promised.
    pub period: Micros,
    /// When somebody should hear of it.
    pub rules: Vec<BurnRule>,
    /// What a rule must have seen before it means anything.
    #[serde(default, skip_serializing_if = "LowTraffic::is_none")]
    pub low_traffic: LowTraffic,
}

impl Slo {
    /// A promise over 30 days with the four standard rules, whatever the traffic.
    #[must_use]
    pub fn over_30_days(indicator: Indicator, objective: Ppm) -> Self {
        Self {
            indicator,
            objective,
            period: Micros::from_hours(720),
            rules: standard_burn_rules(),
            low_traffic: LowTraffic::default(),
        }
    }

    /// The share of requests that may be bad.
    #[must_use]
    pub const fn budget(&self) -> Ppm {
        Ppm(Ppm::ONE.0.saturating_sub(self.objective.0))
    }
}
