//! What one alert says of one change, part by part.

use alloc::vec::Vec;

use crate::health::special::{ln_beta, normal_cdf};
use crate::ids::{RegionId, ServiceId};
use crate::time::Micros;

use super::policy::milli;
use super::{Affected, Evidence, Parts, SuspectChange, SuspectPolicy, VersionSplit};

/// What one alert says.
pub(super) struct Saying {
    pub(super) parts: Parts,
    /// The widening that the trouble followed.
    pub(super) widened_at: Micros,
    /// Whether the changed service itself alerts.
    pub(super) own_service: bool,
}

/// All parts; `alerting` are the regions in which anything of the incident alerts, and since when.
/// Nothing when the change cannot have done it: no widening before, or none within reach.
pub(super) fn of(
    policy: &SuspectPolicy,
    change: &SuspectChange,
    evidence: &Evidence,
    alerting: &[(RegionId, Micros)],
) -> Option<Saying> {
    let (service, hops) = nearest_service(change, evidence)?;
    let (widened_at, widenings) = last_widening(policy, change, evidence, service)?;
    let split = evidence
        .splits
        .iter()
        .find(|split| split.change == change.id);
    let parts = Parts {
        time_milli: time(policy, evidence.started_at - widened_at, widenings),
        distance_milli: distance(policy, hops),
        region_milli: region(policy, change, (evidence, service), alerting),
        split_milli: split.map_or(0, |split| versions(policy, split)),
    };
    Some(Saying {
        parts,
        widened_at,
        own_service: hops == 0,
    })
}

/// The changed service that is nearest to the alerting one, and the calls between the two.
fn nearest_service(change: &SuspectChange, evidence: &Evidence) -> Option<(ServiceId, u8)> {
    let reach = change.widenings.iter().filter_map(|widening| {
        let service = widening.service;
        if service == evidence.service {
            return Some((0, service));
        }
        let known = evidence.dependencies.iter();
        let mut known = known.filter(|dependency| dependency.service == service);
        known.next().map(|dependency| (dependency.hops, service))
    });
    reach.min().map(|(hops, service)| (service, hops))
}

/// The last time before the trouble at which the change spread further, where it alerts if that
/// is known, else anywhere; and how often it had spread by then.
fn last_widening(
    policy: &SuspectPolicy,
    change: &SuspectChange,
    evidence: &Evidence,
    service: ServiceId,
) -> Option<(Micros, u32)> {
    let until = evidence.started_at + policy.slack;
    let since = evidence.started_at - policy.memory();
    let known = change.widenings.iter().filter(|widening| {
        widening.service == service && widening.at <= until && widening.at >= since
    });
    let count = known.clone().count() as u32;
    let last_in = |any: bool| {
        let there = known
            .clone()
            .filter(|widening| any || evidence.regions.contains(&widening.region));
        there.map(|widening| widening.at).max()
    };
    let last = last_in(false).or_else(|| last_in(true))?;
    Some((last, count))
}

/// How likely such a delay is after a guilty widening, against any time within the memory: a
/// change that has spread often without harm is near to everything.
fn time(policy: &SuspectPolicy, delay: Micros, widenings: u32) -> i64 {
    let memory = policy.memory().as_secs_f64();
    let open = policy.delays.iter().filter(|window| delay <= window.within);
    let density: f64 = open
        .map(|window| window.share.as_f64() * memory / window.within.as_secs_f64().max(1.0))
        .sum();
    milli(libm::log(density.max(1e-3) / f64::from(widenings.max(1))))
}

fn distance(policy: &SuspectPolicy, hops: u8) -> i64 {
    let own = libm::log(f64::from(policy.own_service_milli.max(1)) / 1e3);
    milli(own + f64::from(hops) * libm::log(policy.hop_decay.as_f64().max(1e-6)))
}

/// Over the regions that alert, and over those that the change has reached and that do not: how
/// likely is that with so many instances changed, against the background? The mean of each of
/// the two, because regions are no independent witnesses.
fn region(
    policy: &SuspectPolicy,
    change: &SuspectChange,
    (evidence, service): (&Evidence, ServiceId),
    alerting: &[(RegionId, Micros)],
) -> i64 {
    if evidence.regions.is_empty() {
        return 0;
    }
    let background = policy.region_background.as_f64().clamp(1e-3, 0.999);
    let half = policy.region_half.as_f64().max(1e-6);
    let spill = policy.region_spill.as_f64().clamp(1e-3, 0.999);
    let share_in = |region: RegionId| {
        let until = evidence.started_at + policy.slack;
        let known = change.widenings.iter().rev();
        let mut known = known.filter(|widening| {
            widening.service == service && widening.region == region && widening.at <= until
        });
        known.next().map_or(0.0, |widening| widening.share.as_f64())
    };
    let ratio = |region: RegionId| {
        let share = share_in(region);
        let alerts = spill + (0.95 - spill).max(0.0) * share / (share + half);
        match evidence.regions.contains(&region) {
            true => libm::log(alerts / background),
            false => libm::log((1.0 - alerts) / (1.0 - background)),
        }
    };
    let mut silent: Vec<RegionId> = change.widenings.iter().map(|one| one.region).collect();
    let alerts_by_then = |region: &RegionId| {
        let mut known = alerting.iter().filter(|(one, _)| one == region);
        known.any(|(_, since)| *since <= evidence.started_at)
    };
    silent.retain(|region| !alerts_by_then(region) && share_in(*region) > 0.0);
    silent.sort_unstable();
    silent.dedup();
    let mean = |regions: &[RegionId]| match regions.len() {
        0 => 0.0,
        count => regions.iter().map(|one| ratio(*one)).sum::<f64>() / count as f64,
    };
    milli(mean(&evidence.regions) + mean(&silent))
}

/// Are changed instances affected more often than the others? A Bayes factor of "more often"
/// against "equally often", all rates being equally likely beforehand; what speaks for the change
/// counts as far as the trouble is absent from the unchanged ones.
fn versions(policy: &SuspectPolicy, split: &VersionSplit) -> i64 {
    let (changed, unchanged) = (Rate::of(split.changed), Rate::of(split.unchanged));
    if changed.count == 0.0 || unchanged.count == 0.0 {
        return 0; // nothing to compare
    }
    let apart = changed.ln_evidence() + unchanged.ln_evidence();
    let together = changed.and(&unchanged).ln_evidence();
    let spread = libm::sqrt(changed.variance() + unchanged.variance());
    let more_often = normal_cdf((changed.mean() - unchanged.mean()) / spread).max(1e-12);
    let factor = apart - together + libm::log(2.0 * more_often);
    let against = f64::from(policy.split_against_milli) / 1e3;
    let most = f64::from(policy.split_for_milli) / 1e3;
    if factor <= 0.0 {
        return milli(factor.max(-against));
    }
    let excess = (1.0 - unchanged.mean() / changed.mean()).clamp(0.0, 1.0);
    milli(factor.min(most) * excess)
}

/// A count out of a count.
struct Rate {
    hits: f64,
    count: f64,
}

impl Rate {
    fn of(sample: Affected) -> Self {
        Self {
            hits: f64::from(sample.affected.min(sample.instances)),
            count: f64::from(sample.instances),
        }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            count: self.count + other.count,
        }
    }

    /// The mean of the rate, all rates being equally likely beforehand.
    fn mean(&self) -> f64 {
        (self.hits + 1.0) / (self.count + 2.0)
    }

    fn variance(&self) -> f64 {
        self.mean() * (1.0 - self.mean()) / (self.count + 3.0)
    }

    /// The logarithm of the likelihood averaged over all rates.
    fn ln_evidence(&self) -> f64 {
        ln_beta(self.hits + 1.0, self.count - self.hits + 1.0)
    }
}
