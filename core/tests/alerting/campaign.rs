//! Incidents with a known cause among innocent changes in flight.
//!
//! All numbers are assumptions, meant to be plausible for a fleet of 60 services in five regions;
//! the default weights were chosen in this world, on other seeds. Hard on purpose: in 15 % of the
//! incidents another change of the same service goes out within ten minutes, in 10 % one in
//! another region, in 30 % telemetry does not tell versions apart, in 15 % the changed instances
//! harm the unchanged ones too, in 15 % the changed service itself does not alert, a quarter of
//! the defects take long to show, and alerts of other troubles are mixed in. Nobody stops a
//! rollout until it is blamed: it goes on to the next region, and the trouble follows.

use firedrill_core::alerting::suspects::{
    Affected, Dependency, Evidence, SuspectChange, VersionSplit, Widening,
};
use firedrill_core::ids::{ChangeId, RegionId, ServiceId};
use firedrill_core::{Micros, Ppm};

use crate::draws::Draws;

const SERVICES: usize = 60;
const REGIONS: usize = 5;
/// When the cause begins to act, in minutes: a day of changes lies before it.
const BASE: f64 = 48.0 * 60.0;

/// What one incident holds that makes it hard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hardness {
    /// Another change of the same service within ten minutes.
    pub(crate) twin: bool,
    /// The same, in another region.
    pub(crate) elsewhere: bool,
    /// Telemetry does not tell versions apart.
    pub(crate) no_split: bool,
    /// The defect takes 20 minutes or more, on average, to show.
    pub(crate) latent: bool,
}

/// An incident that can be looked at at any time.
pub(crate) struct Incident {
    draws: Draws,
    pub(crate) changes: Vec<SuspectChange>,
    /// The change that did it, or none.
    pub(crate) guilty: Option<ChangeId>,
    pub(crate) hardness: Hardness,
    callees: Vec<Vec<usize>>,
    instances: Vec<u32>,
    service: usize,
    /// Share of affected instances among those with the defect, and among the others.
    defective: f64,
    healthy: f64,
    nested: bool,
    alerts: Vec<Evidence>,
    first_alert: Micros,
}

fn micros(minutes: f64) -> Micros {
    Micros((minutes * 60e6) as u64)
}

impl Incident {
    /// An incident that one of the changes caused, or (`guilty` is false) none of them.
    pub(crate) fn new(seed: u64, guilty: bool) -> Self {
        let mut draws = Draws::new(seed);
        let callees = (0..SERVICES)
            .map(|service| {
                let below = SERVICES - 1 - service;
                let count = (1 + draws.below(3)).min(below);
                (0..count)
                    .map(|_| service + 1 + draws.below(below.min(20)))
                    .collect()
            })
            .collect();
        let instances = (0..SERVICES * REGIONS)
            .map(|_| draws.log_between(10.0, 200.0) as u32)
            .collect();
        let mut incident = Self {
            hardness: Hardness {
                twin: draws.chance(0.15),
                elsewhere: draws.chance(0.10),
                no_split: draws.chance(0.30),
                latent: draws.chance(0.25),
            },
            changes: vec![],
            guilty: None,
            callees,
            instances,
            service: draws.below(SERVICES),
            defective: draws.log_between(0.05, 0.9),
            healthy: draws.log_between(0.001, 0.02),
            nested: draws.chance(0.5),
            alerts: vec![],
            first_alert: Micros::MAX,
            draws,
        };
        let onset = incident.cause(guilty);
        incident.add_bystanders(guilty);
        incident.raise_alerts(onset);
        incident
    }

    /// A plan of steps, in minutes: one region after the other, the first one by a canary.
    fn plan(&mut self, first: Option<usize>) -> Vec<(f64, usize, f64)> {
        let draws = &mut self.draws;
        let mut regions: Vec<usize> = (0..REGIONS).collect();
        draws.shuffle(&mut regions);
        if let Some(first) = first {
            let at = regions.iter().position(|region| *region == first);
            regions.swap(0, at.unwrap_or(0));
        }
        let (mut at, mut steps) = (0.0, vec![]);
        for (n, region) in regions.into_iter().enumerate() {
            let shares: &[f64] = match n {
                0 => &[0.02, 0.1, 0.5, 1.0],
                _ => &[0.1, 1.0],
            };
            for share in shares {
                steps.push((at, region, *share));
                at += draws.log_between(5.0, 60.0);
            }
        }
        steps
    }

    fn add_change(&mut self, services: &[usize], plan: &[(f64, usize, f64)], start: f64) -> usize {
        let id = ChangeId(self.changes.len() as u32);
        let widenings = plan.iter().flat_map(|(at, region, share)| {
            services.iter().map(move |service| Widening {
                at: micros(start + at),
                service: ServiceId(*service as u16),
                region: RegionId(*region as u16),
                share: Ppm::from_f64(*share),
            })
        });
        let widenings = widenings.collect();
        self.changes.push(SuspectChange { id, widenings });
        self.changes.len() - 1
    }

    /// The guilty change, if any, and when and where the trouble begins.
    fn cause(&mut self, guilty: bool) -> (f64, Vec<usize>) {
        if !guilty {
            let all = self.draws.chance(0.3);
            let one = self.draws.below(REGIONS);
            let regions = (0..REGIONS).filter(|region| all || *region == one);
            return (BASE, regions.collect());
        }
        if self.draws.chance(0.15) {
            // Changed instances take the others with them.
            self.healthy = self.defective * self.draws.between(0.2, 0.6);
        }
        let plan = self.plan(None);
        let step = [0, 0, 0, 0, 0, 0, 1, 1, 2, 3][self.draws.below(10)];
        // What a small canary does may be too little to be seen; then a later step is.
        let visible = |(_, _, share): &(f64, usize, f64)| {
            !self.hardness.no_split || share * self.defective > (3.0 * self.healthy).max(0.005)
        };
        let step = (step..plan.len()).find(|n| visible(&plan[*n]) || plan[*n].2 >= 1.0);
        let (at, _, _) = plan[step.unwrap_or(plan.len() - 1)];
        let services = [self.service];
        let index = self.add_change(&services, &plan, BASE - at);
        self.guilty = Some(self.changes[index].id);
        let delay = self.delay();
        let regions = (0..REGIONS).filter(|region| {
            let reached = plan
                .iter()
                .filter(|(when, where_, _)| where_ == region && when - at <= delay);
            reached.count() > 0
        });
        (BASE + delay, regions.collect())
    }

    /// Minutes from a widening until the defect shows.
    fn delay(&mut self) -> f64 {
        match (self.hardness.latent, self.draws.chance(0.6)) {
            (false, _) => self.draws.exponential(3.0),
            (true, true) => self.draws.exponential(20.0),
            (true, false) => self.draws.exponential(60.0).min(360.0),
        }
    }

    /// Nobody stops the guilty change: the regions that it reaches once the trouble is there.
    fn later_regions(&self, onset: f64, first: &[usize]) -> Vec<(f64, usize)> {
        let guilty = self.guilty.map(|id| &self.changes[id.index()]);
        let widenings = guilty.map_or(&[][..], |change| &change.widenings);
        let mut later: Vec<(f64, usize)> = vec![];
        for widening in widenings {
            let (at, region) = (widening.at.as_secs_f64() / 60.0, widening.region.index());
            let known = first.contains(&region) || later.iter().any(|(_, one)| *one == region);
            if at > onset && !known {
                later.push((at, region));
            }
        }
        later
    }

    /// 5 to 50 innocent changes, the hard ones among them.
    fn add_bystanders(&mut self, guilty: bool) {
        let count = 5 + self.draws.below(46);
        for n in 0..count {
            let twin = guilty && n == 0 && self.hardness.twin;
            let elsewhere = guilty && n == 1 && self.hardness.elsewhere;
            let first = self
                .changes
                .first()
                .map(|change| change.widenings[0].region.index());
            let (services, first, near) = if twin {
                let first = first.filter(|_| self.draws.chance(0.5));
                (vec![self.service], first, true)
            } else if elsewhere {
                let first =
                    first.map(|first| (first + 1 + self.draws.below(REGIONS - 1)) % REGIONS);
                (vec![self.service], first, true)
            } else {
                let mut services = vec![self.draws.below(SERVICES)];
                if self.draws.chance(0.125) {
                    services.push(self.draws.below(SERVICES));
                    services.dedup();
                }
                (services, None, false)
            };
            let plan = self.plan(first);
            let start = match near {
                true => BASE + self.draws.between(-10.0, 10.0),
                false => BASE - self.draws.between(-30.0, 24.0 * 60.0),
            };
            self.add_change(&services, &plan, start);
        }
    }

    /// The service's own alert, those of services that call it, and strangers.
    fn raise_alerts(&mut self, (onset, regions): (f64, Vec<usize>)) {
        let mut alerting = vec![];
        if self.draws.chance(0.85) {
            alerting.push((self.service, 0));
        }
        for caller in 0..SERVICES {
            match self.hops(caller, self.service) {
                Some(1) if self.draws.chance(0.4) => alerting.push((caller, 1)),
                Some(2) if self.draws.chance(0.15) => alerting.push((caller, 2)),
                Some(_) | None => {}
            }
        }
        if alerting.is_empty() {
            alerting.push((self.service, 0));
        }
        for (service, hops) in alerting {
            let spread: f64 = (0..hops).map(|_| self.draws.exponential(2.0)).sum();
            let detected = onset + spread + 1.0 + self.draws.exponential(3.0);
            let mut seen = regions.clone();
            if self.draws.chance(0.05) {
                seen.push(self.draws.below(REGIONS));
            }
            self.first_alert = self.first_alert.min(micros(detected));
            self.add_alert(service, detected, &seen);
            for (reached, region) in self.later_regions(onset, &regions) {
                let delay = self.delay() + spread + 1.0 + self.draws.exponential(3.0);
                self.add_alert(service, reached + delay, &[region]);
            }
        }
        for _ in 0..self.draws.poisson(0.4) {
            let at = onset + self.draws.between(-30.0, 30.0);
            let (service, region) = (self.draws.below(SERVICES), self.draws.below(REGIONS));
            self.add_alert(service, at, &[region]);
        }
    }

    fn add_alert(&mut self, service: usize, at: f64, regions: &[usize]) {
        let known = !self.draws.chance(0.1);
        let regions = regions.iter().filter(|_| known);
        let mut regions: Vec<_> = regions.map(|region| RegionId(*region as u16)).collect();
        regions.sort_unstable();
        regions.dedup();
        let dependencies = (0..SERVICES).filter_map(|callee| {
            let hops = self.hops(service, callee).filter(|hops| *hops > 0)?;
            let service = ServiceId(callee as u16);
            Some(Dependency { service, hops })
        });
        self.alerts.push(Evidence {
            service: ServiceId(service as u16),
            regions,
            started_at: micros(at),
            dependencies: dependencies.collect(),
            splits: vec![],
        });
    }

    /// Calls from one service to another along the shortest way, up to four.
    fn hops(&self, from: usize, to: usize) -> Option<u8> {
        let mut reached = vec![from];
        for hops in 0..=4 {
            if reached.contains(&to) {
                return Some(hops);
            }
            let next = reached.iter().flat_map(|one| self.callees[*one].iter());
            reached = next.copied().collect();
            reached.sort_unstable();
            reached.dedup();
        }
        None
    }

    /// When the first alert of the trouble started; strangers may have been there before.
    pub(crate) fn first_alert(&self) -> Micros {
        self.first_alert
    }

    /// The alerts by `now`, with what telemetry says of versions by then.
    pub(crate) fn evidence(&mut self, now: Micros) -> Vec<Evidence> {
        let mut alerts = self.alerts.clone();
        alerts.retain(|alert| alert.started_at <= now);
        if self.hardness.no_split {
            return alerts;
        }
        let changes = self.changes.clone();
        for alert in &mut alerts {
            for change in &changes {
                // The window that the alert fired on, and the minutes after it.
                let seen = now.min(alert.started_at + Micros::from_mins(5));
                let split = self.split(alert, change, seen);
                alert.splits.extend(split);
            }
        }
        alerts
    }

    fn split(
        &mut self,
        alert: &Evidence,
        change: &SuspectChange,
        now: Micros,
    ) -> Option<VersionSplit> {
        change
            .widenings
            .iter()
            .find(|step| step.service == alert.service)?;
        let own = alert.service.index() == self.service;
        let guilty = self.guilty.map(|id| self.changes[id.index()].clone());
        let (mut changed, mut unchanged) = (Affected::default(), Affected::default());
        for region in &alert.regions {
            let all = self.instances[alert.service.index() * REGIONS + region.index()];
            let with = count(all, change, alert.service, *region, now);
            let bad = guilty.as_ref().filter(|_| own);
            let bad = bad.map_or(0, |guilty| count(all, guilty, alert.service, *region, now));
            let both = match (self.guilty == Some(change.id) && own, self.nested) {
                (true, _) => with,
                (false, true) => with.min(bad),
                (false, false) => {
                    let share = f64::from(bad) / f64::from(all);
                    self.draws.binomial(with, share).min(bad)
                }
            };
            // Where no version is to blame, all instances are affected alike.
            let alike = (guilty.is_none() || !own).then_some(self.defective * 0.5);
            let bad_without = bad.saturating_sub(both).min(all - with);
            self.sample(&mut changed, both, with - both, alike);
            self.sample(&mut unchanged, bad_without, all - with - bad_without, alike);
        }
        Some(VersionSplit {
            change: change.id,
            changed,
            unchanged,
        })
    }

    /// Counts affected instances; hosts differ, so the rate of a cohort is a quarter off.
    fn sample(&mut self, into: &mut Affected, bad: u32, good: u32, alike: Option<f64>) {
        let off = (self.draws.normal() * 0.25).exp();
        let (bad_rate, good_rate) = match alike {
            Some(rate) => (rate, rate),
            None => (self.defective, self.healthy),
        };
        into.instances += bad + good;
        into.affected += self.draws.binomial(bad, (bad_rate * off).min(1.0));
        into.affected += self.draws.binomial(good, (good_rate * off).min(1.0));
    }
}

/// Instances that run a change.
fn count(
    all: u32,
    change: &SuspectChange,
    service: ServiceId,
    region: RegionId,
    now: Micros,
) -> u32 {
    let mut known = change
        .widenings
        .iter()
        .rev()
        .filter(|step| step.service == service && step.region == region && step.at <= now);
    let share = known.next().map_or(Ppm::ZERO, |step| step.share);
    share.of_count_up(u64::from(all)) as u32
}
