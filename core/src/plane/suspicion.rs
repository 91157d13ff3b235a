//! Which change did it: what the plane saw, as evidence for [`suspects::rank`].

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::alerting::count;
use crate::alerting::suspects::{
    self, Affected, Dependency, Evidence, SuspectChange, VersionSplit,
};
use crate::config::VersionId;
use crate::health::{Slo, TelemetryWindow};
use crate::ids::{AlertId, ChangeId, IncidentId, RegionId, RolloutId, ServiceId, SloId};
use crate::ratio::Ppm;
use crate::rollout::State;
use crate::time::Micros;

use super::ControlPlane;
use super::rollouts::Flight;

/// As many suspects are named at most, the likeliest ones.
pub const SUSPECTS_MAX: usize = 20;

/// How far back affected instances are counted: the short window of the fastest standard rule.
const MEMORY: Micros = Micros::from_mins(5);
/// What is counted is kept in slots of this length.
const SLOT: Micros = Micros::from_secs(30);
/// Fewer requests than this say nothing of the instances behind them. An assumption.
const REQUESTS_MIN: u64 = 20;

/// A change, and how suspect it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedSuspect {
    /// The rollout that brings it.
    pub rollout: RolloutId,
    /// What speaks for it, in thousandths of a nat; zero is no evidence at all.
    pub score_milli: i64,
    /// How probable it is that it did it, as far as the weights are right.
    pub probability: Ppm,
    /// Whether that is enough to blame it; true of the first one at most.
    pub blamed: bool,
}

/// A paging alert, with what tells when and how it fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raised {
    pub(super) fired_at: Micros,
    pub(super) by: RaisedBy,
}

/// Who raised an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RaisedBy {
    /// A rule of an objective.
    Rule {
        slo: SloId,
        /// The burn rate at which it fires, in thousandths.
        factor_milli: u32,
    },
    /// A rollout that is held.
    Held(RolloutId),
    /// Users, who complain about a service.
    Report(ServiceId),
}

/// What a service has shown lately.
pub(super) struct Shown {
    /// The share of bad requests.
    pub(super) bad: Ppm,
    /// The burn rate in thousandths.
    pub(super) burn_milli: u64,
    /// The affected regions.
    pub(super) regions: BTreeSet<RegionId>,
}

/// The instances behind a window: region, version, whether they are set apart.
type Group = (RegionId, VersionId, bool);

/// Requests of a group of instances over a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    requests: u64,
    bad: u64,
    instances: u32,
}

impl Tally {
    /// Whether its requests burn the budget at no less than half the rate at which the rule
    /// fires: groups scatter around the whole.
    fn is_affected(&self, slo: &Slo, factor_milli: u32) -> bool {
        self.requests >= REQUESTS_MIN && self.burn_milli(slo) * 2 >= u64::from(factor_milli)
    }

    /// The burn rate in thousandths.
    fn burn_milli(&self, slo: &Slo) -> u64 {
        let budget = u128::from(slo.budget().0).max(1);
        // ratio / budget × 1000 = bad / requests × 1e6 / budget_ppm × 1000
        let scaled = u128::from(self.bad) * 1_000_000_000;
        (scaled / u128::from(self.requests).max(1) / budget) as u64
    }
}

/// What the service of one objective showed lately, by region and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// By slot, oldest first.
    slots: BTreeMap<u64, BTreeMap<Group, Tally>>,
}

impl Seen {
    /// Counts a window, if it is of the objective's service.
    pub(super) fn add(&mut self, slo: &Slo, window: &TelemetryWindow) {
        if slo.indicator.service() != window.service {
            return;
        }
        let (requests, bad) = count(slo.indicator, window);
        let slot = window.end.0 / SLOT.0;
        let group = (window.region, window.version, window.set_apart);
        let tally = self.slots.entry(slot).or_default().entry(group);
        let tally = tally.or_default();
        tally.requests += requests;
        tally.bad += bad;
        tally.instances = tally.instances.max(window.instances.total);
        let newest = self.slots.last_key_value().map_or(0, |(slot, _)| *slot);
        let oldest = newest.saturating_sub(MEMORY.0 / SLOT.0);
        while self
            .slots
            .first_key_value()
            .is_some_and(|(slot, _)| *slot < oldest)
        {
            self.slots.pop_first();
        }
    }

    /// Each group over the memory that ends at `now`; its instances as seen last.
    fn groups(&self, now: Micros) -> BTreeMap<Group, Tally> {
        let oldest = (now.0 / SLOT.0).saturating_sub(MEMORY.0 / SLOT.0);
        let mut groups: BTreeMap<Group, Tally> = BTreeMap::new();
        for (group, seen) in self.slots.range(oldest..).flat_map(|(_, slot)| slot) {
            let sum = groups.entry(*group).or_default();
            sum.requests += seen.requests;
            sum.bad += seen.bad;
            sum.instances = seen.instances;
        }
        groups
    }
}

/// What each service depends on, directly or through others, at the end of the shortest chain of
/// calls.
pub(super) fn reach(
    calls: &BTreeMap<ServiceId, Vec<ServiceId>>,
) -> BTreeMap<ServiceId, Vec<Dependency>> {
    let of = |service: &ServiceId| {
        let mut known = BTreeSet::from([*service]);
        let mut waiting = VecDeque::from([(*service, 0_u8)]);
        let mut found = Vec::new();
        while let Some((caller, hops)) = waiting.pop_front() {
            let hops = hops.saturating_add(1);
            for service in calls.get(&caller).into_iter().flatten().copied() {
                if known.insert(service) {
                    found.push(Dependency { service, hops });
                    waiting.push_back((service, hops));
                }
            }
        }
        found
    };
    calls
        .keys()
        .map(|service| (*service, of(service)))
        .collect()
}

impl ControlPlane {
    /// The changes that may be to blame for an incident, the likeliest first: every rollout that
    /// widened within the suspect window and was not taken back, at most [`SUSPECTS_MAX`].
    #[must_use]
    pub fn suspects(&self, incident: IncidentId) -> Vec<RankedSuspect> {
        let recent = self.flights.iter().filter(|flight| {
            let age = self.now - flight.rollout.stage_entered();
            flight.rollout.state() != State::RolledBack && age <= self.setup.suspect_window
        });
        let recent: Vec<&Flight> = recent.collect();
        let changes: Vec<_> = recent
            .iter()
            .map(|flight| SuspectChange {
                id: flight.change,
                widenings: flight.widenings.clone(),
            })
            .collect();
        let alerts = self.incidents.incident(incident);
        let alerts = alerts.into_iter().flat_map(|incident| &incident.alerts);
        let evidence: Vec<_> = alerts
            .filter_map(|alert| self.evidence(*alert, &recent))
            .collect();
        let rollout_of = |change: ChangeId| {
            let flight = recent.iter().find(|flight| flight.change == change);
            flight.expect("only these were ranked").id
        };
        suspects::rank(&self.setup.suspicion, &changes, &evidence, self.now)
            .into_iter()
            .take(SUSPECTS_MAX)
            .map(|suspect| RankedSuspect {
                rollout: rollout_of(suspect.change),
                score_milli: suspect.score_milli,
                probability: suspect.probability,
                blamed: suspect.blamed,
            })
            .collect()
    }

    /// What the service of an objective has shown lately: all requests, the bad ones among them,
    /// the burn rate in thousandths and the affected regions. Nothing without telemetry.
    pub(super) fn shown(&self, raised: &Raised) -> Option<Shown> {
        let RaisedBy::Rule { slo, factor_milli } = raised.by else {
            return None;
        };
        let groups = self.seen[slo.index()].groups(self.now);
        let slo = &self.setup.slos[slo.index()];
        let mut sum = Tally::default();
        let mut regions = BTreeSet::new();
        for ((region, ..), tally) in &groups {
            sum.requests += tally.requests;
            sum.bad += tally.bad;
            if tally.is_affected(slo, factor_milli) {
                regions.insert(*region);
            }
        }
        (sum.requests > 0).then(|| Shown {
            bad: Ppm::of(sum.bad, sum.requests),
            burn_milli: sum.burn_milli(slo),
            regions,
        })
    }

    /// What an alert says now of the changes.
    fn evidence(&self, alert: AlertId, flights: &[&Flight]) -> Option<Evidence> {
        let raised = self.raised.get(&alert)?;
        let (slo, factor_milli) = match raised.by {
            RaisedBy::Rule { slo, factor_milli } => (slo, factor_milli),
            RaisedBy::Held(rollout) => return Some(self.evidence_of_judge(rollout, raised)),
            // Nobody knows where.
            RaisedBy::Report(service) => {
                return Some(self.evidence_at(service, Vec::new(), raised));
            }
        };
        let groups = self.seen[slo.index()].groups(self.now);
        let slo = &self.setup.slos[slo.index()];
        let service = slo.indicator.service();
        let affected = |tally: &Tally| tally.is_affected(slo, factor_milli);
        let mut regions: Vec<RegionId> = groups
            .iter()
            .filter(|(_, tally)| affected(tally))
            .map(|((region, ..), _)| *region)
            .collect();
        regions.dedup();
        let own = flights.iter().filter(|flight| flight.service == service);
        let splits = own.map(|flight| self.split(flight, &groups, affected));
        Some(Evidence {
            splits: splits.collect(),
            ..self.evidence_at(service, regions, raised)
        })
    }

    /// Trouble at a service, of which nobody knows which instances have it.
    fn evidence_at(&self, service: ServiceId, regions: Vec<RegionId>, raised: &Raised) -> Evidence {
        Evidence {
            service,
            regions,
            started_at: raised.fired_at,
            dependencies: self.reach.get(&service).cloned().unwrap_or_default(),
            splits: Vec::new(),
        }
    }

    /// What the judge of a rollout saw: trouble where the candidate is.
    fn evidence_of_judge(&self, rollout: RolloutId, raised: &Raised) -> Evidence {
        let flight = &self.flights[rollout.index()];
        let regions: BTreeSet<RegionId> = flight.widenings.iter().map(|it| it.region).collect();
        self.evidence_at(flight.service, regions.into_iter().collect(), raised)
    }

    /// The service's instances told apart by whether they run a change: those on its candidate,
    /// and on the candidates of later changes of the config, which build on it.
    fn split(
        &self,
        flight: &Flight,
        groups: &BTreeMap<Group, Tally>,
        affected: impl Fn(&Tally) -> bool,
    ) -> VersionSplit {
        let later = self.flights[flight.id.index()..].iter();
        let same = later.filter(|later| later.config == flight.config);
        let versions: BTreeSet<VersionId> = same.map(|later| later.candidate).collect();
        let mut split = VersionSplit {
            change: flight.change,
            changed: Affected::default(),
            unchanged: Affected::default(),
        };
        for ((_, version, _), tally) in groups {
            let side = match versions.contains(version) {
                true => &mut split.changed,
                false => &mut split.unchanged,
            };
            side.instances += tally.instances;
            if affected(tally) {
                side.affected += tally.instances;
            }
        }
        split
    }
}
