//! What only the world knows: who is harmed, which objectives are breached, when it is over.

use std::collections::VecDeque;

use firedrill_core::Micros;
use firedrill_core::health::Indicator;
use firedrill_core::ids::{ClassId, ServiceId, SloId};

use crate::log::{Sample, SloSample, WorldEvent};
use crate::spec::Scenario;

use super::fleet::VersionIndex;
use super::serving::Fate;

/// An objective counts as breached over this long.
const BREACH_WINDOW: Micros = Micros::from_mins(1);
/// Harm, or a breach, that has been away for this long is over; it ended when it was last seen.
const QUIET: Micros = Micros::from_mins(2);

/// Requests served by instances on one version since the last reset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    pub(crate) requests: u64,
    pub(crate) harmed: u64,
    pub(crate) by_class: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SloStep {
    requests: u64,
    bad: u64,
    harmed: u64,
}

#[derive(Clone, Debug)]
struct SloTruth {
    /// The class's entry service: where an objective on a class counts its requests.
    budget: f64,
    step: SloStep,
    recent: VecDeque<SloStep>,
    /// The last moment at which it was breached, while it is.
    breached_until: Option<Micros>,
    interval: SloStep,
}

/// The world's own books.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// By service and version: whether its books were opened.
    followed: Vec<bool>,
    /// By service and version.
    served: Vec<Served>,
    versions: usize,
    slos: Vec<SloTruth>,
    /// By class: the objectives that count its requests at their end, and whether wrong answers
    /// are bad for them.
    at_end: Vec<Vec<(usize, bool)>>,
    /// By service: the objectives on how slow it is.
    on_latency: Vec<Vec<usize>>,
    window_steps: usize,
    /// The last moment at which somebody was harmed, while harm goes on.
    harm_until: Option<Micros>,
    harmed_total: u64,
    step_harmed: u64,
    interval: Fate,
}

impl Truth {
    pub(crate) fn new(scenario: &Scenario, versions: usize) -> Self {
        let classes = scenario.fleet.classes.len();
        let served = Served {
            by_class: vec![0; classes],
            ..Served::default()
        };
        let slos = scenario.slos.iter().map(|slo| SloTruth {
            budget: slo.slo.budget().as_f64(),
            step: SloStep::default(),
            recent: VecDeque::new(),
            breached_until: None,
            interval: SloStep::default(),
        });
        Self {
            followed: vec![false; versions * scenario.fleet.services.len()],
            served: vec![served; versions * scenario.fleet.services.len()],
            versions,
            slos: slos.collect(),
            at_end: (0..classes)
                .map(|class| counted_at_end(scenario, ClassId(class as u16)))
                .collect(),
            on_latency: (0..scenario.fleet.services.len())
                .map(|service| counted_at(scenario, ServiceId(service as u16)))
                .collect(),
            window_steps: BREACH_WINDOW.0.div_ceil(scenario.step.0) as usize,
            harm_until: None,
            harmed_total: 0,
            step_harmed: 0,
            interval: Fate::default(),
        }
    }

    pub(crate) fn served(
        &mut self,
        on: (ServiceId, VersionIndex),
        class: ClassId,
        requests: u64,
        harmed: u64,
    ) {
        if !self.followed[self.number(on)] {
            return;
        }
        let served = self.slot(on);
        served.requests += requests;
        served.harmed += harmed;
        served.by_class[class.index()] += requests;
    }

    pub(crate) fn served_slowly(&mut self, on: (ServiceId, VersionIndex), by_defect: u64) {
        self.slot(on).harmed += by_defect;
    }

    /// What instances on a version served since the last reset.
    pub(crate) fn on_version(&self, (service, version): (ServiceId, VersionIndex)) -> &Served {
        &self.served[service.index() * self.versions + usize::from(version)]
    }

    /// Opens the books of a version, or starts them anew. Those of others are not kept.
    pub(crate) fn reset_version(&mut self, on: (ServiceId, VersionIndex)) {
        let number = self.number(on);
        self.followed[number] = true;
        let served = self.slot(on);
        let classes = served.by_class.len();
        *served = Served {
            by_class: vec![0; classes],
            ..Served::default()
        };
    }

    fn number(&self, (service, version): (ServiceId, VersionIndex)) -> usize {
        service.index() * self.versions + usize::from(version)
    }

    fn slot(&mut self, on: (ServiceId, VersionIndex)) -> &mut Served {
        let number = self.number(on);
        &mut self.served[number]
    }

    /// Takes note of requests at a service with a latency objective.
    pub(crate) fn slow(&mut self, service: ServiceId, answered: u64, slow: u64, by_defect: u64) {
        for slo in &self.on_latency[service.index()] {
            let step = &mut self.slos[*slo].step;
            step.requests += answered;
            step.bad += slow;
            step.harmed += by_defect;
        }
    }

    /// Requests harmed in the sampling interval so far.
    pub(crate) const fn interval_harmed(&self) -> u64 {
        self.interval.harmed
    }

    /// Takes note of what became of one class's requests.
    pub(crate) fn ended(&mut self, class: ClassId, fate: Fate) {
        let harmed = fate.harmed + fate.slowed + fate.wrong;
        self.step_harmed += harmed;
        self.interval.requests += fate.requests;
        self.interval.failed += fate.failed;
        self.interval.harmed += harmed;
        for (slo, wrong_is_bad) in &self.at_end[class.index()] {
            let step = &mut self.slos[*slo].step;
            let wrong = if *wrong_is_bad { fate.wrong } else { 0 };
            step.requests += fate.requests;
            step.bad += fate.failed + wrong;
            step.harmed += fate.harmed + wrong;
        }
    }

    /// Closes the step that ends at `now`; returns what changed.
    pub(crate) fn close_step(&mut self, now: Micros) -> Vec<WorldEvent> {
        let mut events = Vec::new();
        let harmed = std::mem::take(&mut self.step_harmed);
        self.harmed_total += harmed;
        if harmed > 0 {
            if self.harm_until.is_none() {
                events.push(WorldEvent::HarmStarted { harmed });
            }
            self.harm_until = Some(now);
        } else if let Some(until) = self.harm_until.filter(|until| now - *until >= QUIET) {
            self.harm_until = None;
            events.push(WorldEvent::HarmEnded {
                since: until,
                harmed_total: self.harmed_total,
            });
        }
        for (index, slo) in self.slos.iter_mut().enumerate() {
            events.extend(slo.close_step(now, SloId(index as u16), self.window_steps));
        }
        events
    }

    /// What is over by the end of the run although it has not been away for long.
    pub(crate) fn close_run(&mut self, now: Micros) -> Vec<WorldEvent> {
        let mut events = Vec::new();
        if let Some(since) = self.harm_until.filter(|until| *until < now) {
            events.push(WorldEvent::HarmEnded {
                since,
                harmed_total: self.harmed_total,
            });
        }
        for (index, slo) in self.slos.iter().enumerate() {
            if let Some(since) = slo.breached_until.filter(|until| *until < now) {
                events.push(WorldEvent::SloRestored {
                    slo: SloId(index as u16),
                    since,
                });
            }
        }
        events
    }

    /// Fills the books of the sampling interval into a sample and starts them anew.
    pub(crate) fn close_interval(&mut self, sample: &mut Sample) {
        let interval = std::mem::take(&mut self.interval);
        sample.requests = interval.requests;
        sample.failed = interval.failed;
        sample.harmed = interval.harmed;
        for (index, slo) in self.slos.iter_mut().enumerate() {
            let SloStep {
                requests,
                bad,
                harmed,
            } = std::mem::take(&mut slo.interval);
            sample.slos.push(SloSample {
                slo: SloId(index as u16),
                requests,
                bad,
                harmed,
            });
        }
    }
}

/// The objectives that count requests of a class at their end, and whether wrong answers are bad
/// for them.
fn counted_at_end(scenario: &Scenario, class: ClassId) -> Vec<(usize, bool)> {
    let path = &scenario.fleet.classes[class.index()].path;
    let counts = |(index, slo): (usize, &crate::spec::NamedSlo)| {
        let (service, only, wrong_is_bad) = match slo.slo.indicator {
            Indicator::Errors { service, class } => (service, class, false),
            Indicator::Business { service, class } => (service, class, true),
            Indicator::Slow { .. } => return None,
        };
        let counted = path.contains(&service) && only.is_none_or(|only| only == class);
        counted.then_some((index, wrong_is_bad))
    };
    scenario
        .slos
        .iter()
        .enumerate()
        .filter_map(counts)
        .collect()
}

/// The objectives on how slow a service is.
fn counted_at(scenario: &Scenario, service: ServiceId) -> Vec<usize> {
    let here = |index: &usize| {
        let indicator = scenario.slos[*index].slo.indicator;
        matches!(indicator, Indicator::Slow { service: own, .. } if own == service)
    };
    (0..scenario.slos.len()).filter(here).collect()
}

impl SloTruth {
    fn close_step(&mut self, now: Micros, id: SloId, window_steps: usize) -> Option<WorldEvent> {
        let step = std::mem::take(&mut self.step);
        self.interval.requests += step.requests;
        self.interval.bad += step.bad;
        self.interval.harmed += step.harmed;
        self.recent.push_back(step);
        if self.recent.len() > window_steps {
            self.recent.pop_front();
        }
        let (requests, harmed) = self.recent.iter().fold((0, 0), |(requests, harmed), step| {
            (requests + step.requests, harmed + step.harmed)
        });
        let breached = harmed > 0 && harmed as f64 > requests as f64 * self.budget;
        match self.breached_until {
            None if breached => {
                self.breached_until = Some(now);
                Some(WorldEvent::SloBreached {
                    slo: id,
                    requests,
                    harmed,
                })
            }
            Some(_) if breached => {
                self.breached_until = Some(now);
                None
            }
            Some(until) if now - until >= QUIET => {
                self.breached_until = None;
                Some(WorldEvent::SloRestored {
                    slo: id,
                    since: until,
                })
            }
            Some(_) | None => None,
        }
    }
}
