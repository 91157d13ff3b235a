//! A control group: as many instances as have the candidate, set apart among those that stay as
//! they are, so that their numbers are told by themselves.
//!
//! Instances of a cohort are exchangeable, so the group's part of a scrape is a random part of
//! it: of requests, of errors, of every bucket of latency. Where hosts differ, those of the group
//! fail as the mean of so many hosts does.

use firedrill_core::health::{ClassCounts, LatencyHistogram, TelemetryWindow};
use firedrill_core::ids::{RegionId, ServiceId};

use crate::random::{Draws, Entity, binomial};

use super::fleet::VersionIndex;
use super::heterogeneity;
use super::{Purpose, World};

/// Draws of one scope: counts, errors, good ones of up to 64 classes, buckets, and the rest.
const DRAWS: usize = 512;

/// The control group of a service in one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ControlGroup {
    /// The candidate that it is compared with.
    pub(crate) candidate: VersionIndex,
    /// Its instances.
    pub(crate) instances: u32,
}

impl World<'_> {
    /// Sets instances apart for a rollout, or nobody.
    pub(super) fn set_control_group(
        &mut self,
        (service, candidate): (ServiceId, VersionIndex),
        region: RegionId,
        instances: u32,
    ) {
        if instances == 0 {
            self.control_groups.remove(&(service, region));
        } else {
            let group = ControlGroup {
                candidate,
                instances,
            };
            self.control_groups.insert((service, region), group);
        }
    }

    /// Tells the control group's part of a window by itself, when the window is of the version
    /// that it runs: what is left in the window is that of the others.
    pub(super) fn tell_group_apart(
        &mut self,
        scope: usize,
        version: VersionIndex,
        window: &mut TelemetryWindow,
    ) -> Option<TelemetryWindow> {
        let (service, region) = (window.service, window.region);
        let group = self.control_groups.get(&(service, region)).copied();
        let group = group.filter(|group| {
            let most = (0..self.versions[service.index()].len() as VersionIndex)
                .filter(|index| *index != group.candidate)
                .max_by_key(|index| self.seen(region, service, *index).total);
            most == Some(version)
        })?;
        let instances = group.instances.min(window.instances.total);
        if instances == 0 || instances == window.instances.total {
            window.set_apart = instances > 0;
            return None;
        }
        let spec = &self.scenario.fleet.services[service.index()];
        let sigma = self.scenario.noise.heterogeneity.as_ref();
        let sigma = sigma.map_or(0.0, |hosts| hosts.error_sigma);
        let step = self.step - 1;
        let draws = self.draws.get(Purpose::ControlGroup);
        // The hosts of a group stay the same as long as it does: their draws know no step.
        let mut host = |what| draws.uniform(what, Entity::new((scope * DRAWS) as u64));
        let lift = if sigma > 0.0 && spec.error_share > 0.0 {
            let pair = (host(0), host(1));
            let count = f64::from(instances);
            heterogeneity::share(pair, spec.error_share, sigma, count) / spec.error_share
        } else {
            1.0
        };
        Some(take_part(draws, (step, scope), window, instances, lift))
    }
}

/// Takes the group's part out of a window.
fn take_part(
    draws: &mut Draws,
    (step, scope): (u64, usize),
    window: &mut TelemetryWindow,
    instances: u32,
    lift: f64,
) -> TelemetryWindow {
    let share = f64::from(instances) / f64::from(window.instances.total);
    let mut next = scope * DRAWS;
    let mut part = |of: u32, share: f64| {
        next += 1;
        let u = draws.uniform(step, Entity::new(next as u64));
        binomial(u, u64::from(of), share.min(1.0)) as u32
    };
    let mut apart = TelemetryWindow {
        set_apart: true,
        latency: LatencyHistogram::default(),
        user_reports: 0,
        ..window.clone()
    };
    for (all, group) in window.classes.iter_mut().zip(&mut apart.classes) {
        let errors = part(all.errors, share * lift);
        let good = part(all.good, share);
        let other = part(all.requests - all.errors - all.good, share);
        *group = ClassCounts {
            class: all.class,
            requests: errors + good + other,
            errors,
            good,
        };
        all.requests -= group.requests;
        all.errors -= errors;
        all.good -= good;
    }
    let mut rest = LatencyHistogram::default();
    for (bucket, count) in window.latency.counts().iter().enumerate() {
        let group = part(*count, share);
        apart.latency.add(bucket, group);
        rest.add(bucket, count - group);
    }
    window.latency = rest;
    apart.log_errors = part(window.log_errors, share);
    window.log_errors -= apart.log_errors;
    let (seen, group) = (&mut window.instances, &mut apart.instances);
    group.total = instances;
    let down = seen.total - seen.up;
    // Some of those that are down, but no more than there are of either.
    let down = part(down, share).clamp(instances.saturating_sub(seen.up), instances.min(down));
    group.up = instances - down;
    group.restarts = part(seen.restarts, share);
    group.serving_s = (f64::from(seen.serving_s) * share) as u32;
    seen.total -= group.total;
    seen.up -= group.up;
    seen.restarts -= group.restarts;
    seen.serving_s -= group.serving_s;
    apart
}

#[cfg(test)]
mod tests {
    use firedrill_core::config::VersionId;
    use firedrill_core::health::{InstanceCounts, ProbeCounts, Saturation};
    use firedrill_core::ids::ClassId;
    use firedrill_core::{Micros, Ppm};

    use super::*;

    fn window() -> TelemetryWindow {
        let mut latency = LatencyHistogram::default();
        latency.add(10, 9_000);
        latency.add(20, 1_000);
        TelemetryWindow {
            service: ServiceId(0),
            region: RegionId(0),
            version: VersionId(1),
            set_apart: false,
            start: Micros::ZERO,
            end: Micros::from_secs(30),
            classes: vec![ClassCounts {
                class: ClassId(0),
                requests: 10_000,
                errors: 100,
                good: 9_800,
            }],
            latency,
            instances: InstanceCounts {
                total: 100,
                up: 97,
                restarts: 5,
                serving_s: 2_900,
            },
            log_errors: 100,
            probes: ProbeCounts::default(),
            user_reports: 3,
            saturation: Saturation {
                cpu: Ppm::percent(40),
                ..Saturation::default()
            },
        }
    }

    /// Nothing is made or lost, both halves are windows that can be true, and the group has its
    /// part of the requests, to five standard errors.
    #[test]
    fn a_group_is_a_part_of_the_whole() {
        let mut draws = Draws::new(3, "control-group", None);
        let (mut requests, runs) = (0, 400);
        for step in 0..runs {
            let mut rest = window();
            let group = take_part(&mut draws, (step, 2), &mut rest, 20, 1.0);
            for half in [&rest, &group] {
                assert_eq!(half.check(Micros::from_secs(30)), Ok(()));
            }
            let whole = window();
            let sum = |of: fn(&TelemetryWindow) -> u64| (of(&rest) + of(&group), of(&whole));
            for (sum, all) in [
                sum(|w| u64::from(w.classes[0].requests)),
                sum(|w| u64::from(w.classes[0].errors)),
                sum(|w| w.latency.total()),
                sum(|w| u64::from(w.instances.up)),
                sum(|w| u64::from(w.log_errors)),
                sum(|w| u64::from(w.user_reports)),
            ] {
                assert_eq!(sum, all);
            }
            assert_eq!(group.instances.total, 20);
            requests += u64::from(group.classes[0].requests);
        }
        let mean = requests as f64 / runs as f64;
        let error = (10_000.0 * 0.2 * 0.8 / runs as f64).sqrt();
        assert!((mean - 2_000.0).abs() < 5.0 * error, "{mean}");
    }
}
