//! Who can see a defect: the signals that show it, and what keeps it out of a judge's sight.

use firedrill_core::health::{CheckEvidence, Signal, Verdict};
use firedrill_core::ids::{RegionId, ServiceId};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::log::{VerdictTruth, WorldEvent};
use firedrill_sim::spec::{Onset, Trigger};

use crate::postmortem::facts::{ChangeFacts, DefectFacts, Facts, StageFacts, document_before};
use crate::words;

use super::mechanism::tell;
use super::onset::of_day;

/// A kind of signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::postmortem) enum Place {
    Errors,
    Business,
    Latency,
    Unavailable,
    Restarts,
    Cpu,
    Memory,
    Throughput,
    Logs,
    Probes,
    Reports,
}

impl Place {
    const fn of(signal: Signal) -> Option<Self> {
        match signal {
            Signal::ErrorRatio { .. } => Some(Self::Errors),
            Signal::BusinessLoss { .. } => Some(Self::Business),
            Signal::Latency { .. } => Some(Self::Latency),
            Signal::Unavailable => Some(Self::Unavailable),
            Signal::Restarts => Some(Self::Restarts),
            Signal::Cpu => Some(Self::Cpu),
            Signal::Memory => Some(Self::Memory),
            Signal::Throughput => Some(Self::Throughput),
            Signal::LogErrors => Some(Self::Logs),
            Signal::Probes => Some(Self::Probes),
            Signal::Reports => Some(Self::Reports),
            Signal::Network | Signal::Disk => None,
        }
    }

    pub(in crate::postmortem) const fn name(self) -> &'static str {
        match self {
            Self::Errors => "error ratio",
            Self::Business => "business loss",
            Self::Latency => "latency",
            Self::Unavailable => "unavailable instances",
            Self::Restarts => "restarts",
            Self::Cpu => "processor use",
            Self::Memory => "memory",
            Self::Throughput => "throughput",
            Self::Logs => "logged errors",
            Self::Probes => "failed probes",
            Self::Reports => "user reports",
        }
    }
}

impl Place {
    /// The name as it stands before a noun: `an error-ratio`.
    pub(in crate::postmortem) fn with_article(self) -> String {
        let article = match self {
            Self::Errors | Self::Unavailable => "an",
            Self::Business
            | Self::Latency
            | Self::Restarts
            | Self::Cpu
            | Self::Memory
            | Self::Throughput
            | Self::Logs
            | Self::Probes
            | Self::Reports => "a",
        };
        format!("{article} {}", self.name().replace(' ', "-"))
    }
}

/// Names of places, as in `memory, restarts or unavailable instances`.
pub(in crate::postmortem) fn places(places: &[Place]) -> String {
    match places {
        [] => "how many scrapes arrive".into(),
        [one] => one.name().into(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(|place| place.name()).collect();
            format!("{} or {}", rest.join(", "), last.name())
        }
    }
}

/// Whether a signal can show what a defect does.
pub(in crate::postmortem) fn sees(
    facts: &Facts<'_>,
    defect: &DefectFacts<'_>,
    signal: Signal,
) -> bool {
    let shows = tell(facts, defect).shows;
    let (seen, hit) = (signal.class(), defect.mechanism.class());
    let of_class = seen.is_none() || hit.is_none() || seen == hit;
    of_class && Place::of(signal).is_some_and(|place| shows.contains(&place))
}

/// The check that could have seen the defect: the one closest to its limit.
pub(in crate::postmortem) fn relevant_check<'a>(
    facts: &Facts<'_>,
    defect: &DefectFacts<'_>,
    verdict: &'a Verdict,
) -> Option<&'a CheckEvidence> {
    let closeness = |check: &&CheckEvidence| check.nearness().unwrap_or(0);
    verdict
        .checks
        .iter()
        .filter(|check| sees(facts, defect, check.signal))
        .max_by_key(closeness)
}

/// One thing that kept a defect out of a judge's sight.
pub(in crate::postmortem) struct Veil {
    /// What it was: a sentence.
    pub(in crate::postmortem) reason: String,
    /// What would lift it: an order without a full stop.
    pub(in crate::postmortem) remedy: String,
}

/// What kept the defect out of sight of the judge of `stage`, beside the audience and the checks.
pub(in crate::postmortem) fn veils(facts: &Facts<'_>, stage: &StageFacts<'_>) -> Vec<Veil> {
    let (Some(change), Some(defect)) = (&facts.change, facts.defect()) else {
        return Vec::new();
    };
    let Some(watch) = Watch::of(facts, stage, change, defect) else {
        return Vec::new();
    };
    let mut veils: Vec<Veil> = defect
        .triggers
        .iter()
        .filter_map(|trigger| watch.trigger(trigger))
        .collect();
    veils.extend(watch.onset());
    veils.extend(watch.filling());
    veils.extend(watch.downstream());
    veils
}

/// The service beside the changed one that suffers.
pub(in crate::postmortem) fn victim(
    facts: &Facts<'_>,
    defect: &DefectFacts<'_>,
) -> Option<ServiceId> {
    let own = facts
        .change
        .as_ref()
        .and_then(|change| facts.service_of(change.config));
    defect
        .mechanism
        .victim()
        .filter(|victim| Some(victim.0) != own)
}

/// A stage under its judge's eyes.
struct Watch<'a, 'f> {
    facts: &'a Facts<'f>,
    change: &'a ChangeFacts<'f>,
    defect: DefectFacts<'f>,
    truth: Option<&'f VerdictTruth>,
    /// `canary `name``.
    stage: String,
    entered: Micros,
    judged: Micros,
    /// No instance had run the new version for longer than this; none of the stage's own, for longer
    /// than the second.
    oldest: Micros,
    oldest_own: Micros,
    /// Regions in which instances ran the version by then.
    regions: Vec<RegionId>,
}

impl<'a, 'f> Watch<'a, 'f> {
    fn of(
        facts: &'a Facts<'f>,
        stage: &StageFacts<'f>,
        change: &'a ChangeFacts<'f>,
        defect: DefectFacts<'f>,
    ) -> Option<Self> {
        let entered = stage.entered?;
        let (judged, _) = stage.deciding()?;
        let first = facts.stages.iter().find_map(|stage| stage.entered)?;
        let active = facts.world().filter_map(|(event, world)| match world {
            WorldEvent::DefectActive {
                rollout, region, ..
            } => {
                let own = Some(*rollout) == facts.measures().rollout && event.seq <= judged.seq;
                own.then_some(*region)
            }
            WorldEvent::CommandTaken { .. }
            | WorldEvent::InputRefused { .. }
            | WorldEvent::Tool(_)
            | WorldEvent::DefectArmed { .. }
            | WorldEvent::HarmStarted { .. }
            | WorldEvent::HarmEnded { .. }
            | WorldEvent::SloBreached { .. }
            | WorldEvent::SloRestored { .. }
            | WorldEvent::FleetClean { .. }
            | WorldEvent::VerdictTruth(_)
            | WorldEvent::Sample(_)
            | WorldEvent::RunEnded => None,
        });
        Some(Self {
            facts,
            change,
            defect,
            truth: stage.truth().map(|(_, truth)| truth),
            stage: format!("{} `{}`", stage.kind_word(), stage.name),
            entered: entered.t_us,
            judged: judged.t_us,
            oldest: judged.t_us - first.t_us,
            oldest_own: judged.t_us - entered.t_us,
            regions: active.collect(),
        })
    }

    fn veil(reason: String, remedy: String) -> Option<Veil> {
        Some(Veil { reason, remedy })
    }

    /// How long instances had run the new version, in words.
    fn had(&self) -> String {
        format!(
            "no instance had run it for longer than {} when the stage was judged",
            words::time(self.oldest)
        )
    }

    fn onset(&self) -> Option<Veil> {
        let longer = |time| {
            format!(
                "Bake {} for longer than {}: the defect needs that long",
                self.stage,
                words::time(time)
            )
        };
        match self.defect.onset {
            Onset::Delayed(after) if self.oldest < after => Self::veil(
                format!(
                    "The defect begins {} after an instance loads the new version; {}.",
                    words::time(after),
                    self.had()
                ),
                longer(after),
            ),
            Onset::Delayed(after) if self.oldest_own < after => Self::veil(
                format!(
                    "Only instances of earlier stages had run the new version for {}, after which the \
                     defect begins.",
                    words::time(after)
                ),
                longer(after),
            ),
            Onset::Ramp(over) if self.oldest < over => Self::veil(
                format!(
                    "The defect has its full strength {} after an instance loads the new version; {}.",
                    words::time(over),
                    self.had()
                ),
                longer(over),
            ),
            Onset::NextRestart(mean) if self.oldest < mean => Self::veil(
                format!(
                    "The defect waits for an instance's next restart, one in {} on average; {}.",
                    words::time(mean),
                    self.had()
                ),
                format!(
                    "Restart the instances of {} once while the judge watches",
                    self.stage
                ),
            ),
            Onset::AtLoad | Onset::Delayed(_) | Onset::Ramp(_) | Onset::NextRestart(_) => None,
        }
    }

    /// A mechanism that takes its time even when it begins at once.
    fn filling(&self) -> Option<Veil> {
        /// Instances differ: some are there before this part of the time.
        const EARLY: f64 = 0.7;
        let takes = tell(self.facts, &self.defect).takes?;
        let utilisation = self.truth.map(|truth| truth.utilisation);
        let load = utilisation.map_or(1.0, |load| load.as_f64().min(1.0));
        let filled = self.oldest.as_secs_f64() * load / takes.as_secs_f64().max(1e-6);
        if filled >= EARLY {
            return None;
        }
        let busiest = utilisation.map_or_else(String::new, |load| {
            format!(", with the busiest at {} of capacity", words::share(load))
        });
        Self::veil(
            format!(
                "An instance is out of memory after {} at full load; {}{busiest}.",
                words::time(takes),
                self.had()
            ),
            format!(
                "Judge {} by how fast memory grows, or bake it for longer than {}",
                self.stage,
                words::time(takes)
            ),
        )
    }

    /// Another service suffers than the one that is judged.
    fn downstream(&self) -> Option<Veil> {
        /// From here on it is no longer a matter of a few.
        const MANY: Ppm = Ppm::percent(50);
        let victim = self.facts.service_name(victim(self.facts, &self.defect)?.0);
        let service = self.facts.service_of(self.change.config)?;
        let own = self.facts.service_name(service);
        let names = &self.facts.log.header().names.services;
        let all = names
            .get(usize::from(service))
            .map_or(0, |service| service.instances);
        let share = self
            .truth
            .map(|truth| Ppm::of(u64::from(truth.instances), u64::from(all)))
            .filter(|share| *share < MANY);
        let few = share.map_or_else(String::new, |share| {
            format!(
                ", and grows with the share of `{own}` that runs the new version ({} then)",
                words::share(share)
            )
        });
        Self::veil(
            format!("The judge looks at `{own}`; the harm is at `{victim}`{few}."),
            format!(
                "Let the judge of {} look at `{victim}` as well, and bring the change to `{own}` \
                 in steps that `{victim}` can bear",
                self.stage
            ),
        )
    }

    fn trigger(&self, trigger: &Trigger) -> Option<Veil> {
        match trigger {
            Trigger::LoadAbove(limit) => self.load(Ppm::from_f64(*limit)),
            Trigger::LocalTime { from, until } => self.hour(*from, *until),
            Trigger::Regions(regions) => self.region(regions),
            Trigger::Hardware(class) => self.hardware(*class),
            Trigger::Key { key, value } => self.key(key, value),
        }
    }

    fn load(&self, needed: Ppm) -> Option<Veil> {
        let was = self.truth?.utilisation;
        if was > needed {
            return None;
        }
        Self::veil(
            format!(
                "Instances were at {} of their capacity at most when the stage was judged; the \
                 defect needs more than {}.",
                words::share(was),
                words::share(needed)
            ),
            format!(
                "Judge {} only while its instances are above {} of capacity: at the peak, or with \
                 more requests sent to them",
                self.stage,
                words::share(needed)
            ),
        )
    }

    fn hour(&self, from: Micros, until: Micros) -> Option<Veil> {
        const DAY: u64 = Micros::from_hours(24).0;
        let start = self.facts.log.header().start_of_day;
        // How long the window is, and how far behind its begin the stage began.
        let length = (until.0 + DAY - from.0 % DAY) % DAY;
        let met = self.regions.iter().any(|region| {
            let regions = &self.facts.scenario.fleet.regions;
            let offset_s = regions
                .get(region.index())
                .map_or(0, |region| region.utc_offset_s);
            let offset = (offset_s * 1_000_000).rem_euclid(DAY.cast_signed());
            let local = (start + self.entered).0 + offset.cast_unsigned();
            let behind = (local + DAY - from.0 % DAY) % DAY;
            behind < length || behind + (self.judged - self.entered).0 >= DAY
        });
        if met || self.regions.is_empty() {
            return None;
        }
        let window = format!("between {} and {}", of_day(from), of_day(until));
        Self::veil(
            format!(
                "The defect shows {window} local time only; where the stage had instances it was \
                 at no time that hour while the judge watched."
            ),
            format!(
                "Keep {} under watch {window} local time before the first wave begins",
                self.stage
            ),
        )
    }

    fn region(&self, hit: &[RegionId]) -> Option<Veil> {
        if self.regions.iter().any(|region| hit.contains(region)) {
            return None;
        }
        let names: Vec<String> = hit
            .iter()
            .map(|region| format!("`{}`", self.facts.region(*region)))
            .collect();
        let names = if names.is_empty() {
            "any region".into()
        } else {
            words::list(&names)
        };
        Self::veil(
            format!(
                "None of the stage's instances are in {names}, and the defect shows nowhere else."
            ),
            format!("Put instances of every region into {}", self.stage),
        )
    }

    fn hardware(&self, class: u8) -> Option<Veil> {
        let regions = &self.facts.scenario.fleet.regions;
        let cells = self.regions.iter().filter_map(|id| {
            let region = regions.get(id.index())?;
            let hit = (0..region.cells as usize).filter(|cell| region.hardware_of(*cell) == class);
            Some((hit.count() as u64, u64::from(region.cells)))
        });
        let (hit, all) = cells.fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
        if all == 0 || hit == all {
            return None;
        }
        let remedy = format!(
            "Put enough instances of every hardware class into {}, and judge each class by itself",
            self.stage
        );
        let reason = if hit == 0 {
            format!(
                "The stage has no instances on hardware class {class}, and the defect shows \
                 nowhere else."
            )
        } else {
            format!(
                "The defect shows on hardware class {class} only: in {} of the {} of the stage's \
                 regions.",
                words::count(hit),
                words::counted(all, "cell")
            )
        };
        Self::veil(reason, remedy)
    }

    fn key(&self, key: &str, value: &firedrill_core::config::Value) -> Option<Veil> {
        let before = document_before(self.facts, self.change)?;
        let edits = self.change.spec.map_or(&[][..], |spec| &spec.edits);
        let edited = edits.iter().rev().find(|edit| edit.key == key);
        let now = edited.map_or_else(|| before.get(key), |edit| Some(&edit.value));
        if now == Some(value) {
            return None;
        }
        Self::veil(
            format!("The defect shows only while `{key}` is `{value}`, and it was not."),
            format!(
                "Try the new values on {} beside every value that `{key}` may have",
                self.stage
            ),
        )
    }
}
