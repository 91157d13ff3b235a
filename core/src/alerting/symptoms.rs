//! Alerts by symptom: fixed limits on what the instances of a service show in a region.
//!
//! Cheap to write and loud: one cause fires them for every service that it touches, in every
//! region, and some fire for nothing. So most fleets have many of them, and an outage is a storm.
//! They say that something is odd, not that users are harmed; what users feel is for objectives.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::VersionId;
use crate::health::judge::Past;
use crate::health::{Check, Tally, TelemetryWindow, Urgency};
use crate::ids::{RegionId, ServiceId};
use crate::time::Micros;

use super::labels::LabelSet;
use super::rule::{AlertRule, RulePolicy};

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// A signal lies beyond a limit, which is absolute, on a large enough sample.
    Beyond(Check),
    /// Instances that told of themselves before do not any more.
    Silent,
}

/// A rule on every service that it names, in every region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymptomRule {
    /// Its name, the `alertname` of its alerts.
    pub name: String,
    /// What is odd.
    pub symptom: Symptom,
    /// Of these services; of all when empty.
    #[serde(default)]
    pub services: BTreeSet<ServiceId>,
    /// Whether somebody is woken.
    pub urgency: Urgency,
    /// How long it must hold before it fires.
    pub hold: Micros,
    /// How long it goes on firing after it was last true.
    pub keep_firing: Micros,
}

/// The rules of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymptomPolicy {
    /// How far back every rule looks; at least a minute.
    pub over: Micros,
    /// The rules.
    pub rules: Vec<SymptomRule>,
}

impl Default for SymptomPolicy {
    /// No rules. Two minutes is what two to eight scrapes need to come in.
    fn default() -> Self {
        Self {
            over: Micros::from_mins(2),
            rules: Vec::new(),
        }
    }
}

/// Why the rules make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymptomError {
    /// They would look at less than is ever there.
    #[error("symptom rules must look back at least a minute")]
    OverTooShort,
    /// There is nothing to compare with.
    #[error("symptom rule `{0}` compares with a control, and there is none")]
    Relative(String),
    /// Two rules would raise the same alert.
    #[error("two symptom rules are named `{0}`")]
    NameTwice(String),
}

impl SymptomPolicy {
    /// Checks the rules.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn check(&self) -> Result<(), SymptomError> {
        if self.over < Micros::from_mins(1) {
            return Err(SymptomError::OverTooShort);
        }
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            if !names.insert(&rule.name) {
                return Err(SymptomError::NameTwice(rule.name.clone()));
            }
            if let Symptom::Beyond(check) = rule.symptom
                && check.limit.is_relative()
            {
                return Err(SymptomError::Relative(rule.name.clone()));
            }
        }
        Ok(())
    }
}

/// A symptom that was found, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymptomEvent {
    /// The rule, by its place in the list.
    pub rule: u16,
    /// The service.
    pub service: ServiceId,
    /// The region.
    pub region: RegionId,
    /// What the signal showed when it fired, in the signal's unit; nothing for silence, and for
    /// what is over.
    pub value: Option<u64>,
    /// What the alert is.
    pub labels: LabelSet,
    /// Whether it fires from now on, or is over.
    pub fires: bool,
}

/// Where a rule is looked at.
type Place = (ServiceId, RegionId);

/// All symptom rules, and what they look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Symptoms {
    policy: SymptomPolicy,
    /// What instances of each version showed.
    shown: BTreeMap<(Place, VersionId), Past>,
    rules: Vec<AlertRule>,
    /// Those that fire, by rule.
    firing: Vec<BTreeSet<Place>>,
    events: VecDeque<SymptomEvent>,
}

impl Symptoms {
    /// Rules that have seen nothing yet, evaluated `every` so long. The policy must pass
    /// [`SymptomPolicy::check`].
    #[must_use]
    pub fn new(policy: SymptomPolicy, every: Micros) -> Self {
        let rule = |rule: &SymptomRule| {
            AlertRule::new(RulePolicy {
                interval: every,
                hold: rule.hold,
                keep_firing: rule.keep_firing,
                ..RulePolicy::default()
            })
        };
        Self {
            rules: policy.rules.iter().map(rule).collect(),
            firing: policy.rules.iter().map(|_| BTreeSet::new()).collect(),
            shown: BTreeMap::new(),
            events: VecDeque::new(),
            policy,
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[SymptomRule] {
        &self.policy.rules
    }

    /// Takes note of a window.
    pub fn add(&mut self, window: &TelemetryWindow) {
        if self.rules.is_empty() {
            return;
        }
        let place = (window.service, window.region);
        let over = self.policy.over;
        let shown = self.shown.entry((place, window.version));
        let shown = shown.or_insert_with(|| Past::new(over));
        shown.add(window);
    }

    /// Evaluates every rule.
    pub fn evaluate(&mut self, now: Micros) {
        if self.rules.is_empty() {
            return;
        }
        let over = self.policy.over;
        let mut lately: BTreeMap<Place, Tally> = BTreeMap::new();
        for ((place, _), past) in &self.shown {
            past.add_over(now, over, lately.entry(*place).or_default());
        }
        for index in 0..self.rules.len() {
            let rule = &self.policy.rules[index];
            let mut found: BTreeMap<Place, Option<u64>> = BTreeMap::new();
            for ((service, region), tally) in &lately {
                let concerns = rule.services.is_empty() || rule.services.contains(service);
                if !concerns {
                    continue;
                }
                let seen = tally.newest_end().is_some();
                match rule.symptom {
                    Symptom::Silent if !seen => _ = found.insert((*service, *region), None),
                    Symptom::Silent => {}
                    Symptom::Beyond(check) => {
                        let value = beyond(&check, tally.read(check.signal));
                        if value.is_some() {
                            found.insert((*service, *region), value);
                        }
                    }
                }
            }
            self.advance(now, index, &found);
        }
    }

    /// The instances of a service by version, as seen last, and whether they show a symptom by
    /// themselves. Silence is nobody's symptom.
    pub fn by_version(
        &self,
        now: Micros,
        rule: u16,
        service: ServiceId,
    ) -> impl Iterator<Item = (VersionId, u64, bool)> {
        let symptom = self.policy.rules[usize::from(rule)].symptom;
        let own = self.shown.iter().filter(move |(key, _)| key.0.0 == service);
        own.filter_map(move |((_, version), past)| {
            let Symptom::Beyond(check) = symptom else {
                return None;
            };
            let mut tally = Tally::default();
            past.add_over(now, self.policy.over, &mut tally);
            let (_, instances) = tally.instances();
            let shows = beyond(&check, tally.read(check.signal)).is_some();
            tally.newest_end().map(|_| (*version, instances, shows))
        })
    }

    /// What was found or is gone, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<SymptomEvent> {
        self.events.pop_front()
    }

    /// Lets a rule wait, fire, keep firing and end.
    fn advance(&mut self, now: Micros, index: usize, found: &BTreeMap<Place, Option<u64>>) {
        let labels_of = |place: Place| labels(&self.policy.rules[index], place);
        let named: Vec<LabelSet> = found.keys().map(|place| labels_of(*place)).collect();
        let rule = &mut self.rules[index];
        rule.evaluate(now, &named)
            .expect("as many series as there are may fire");
        // The changes matter here, not how often they are said.
        while rule.poll_signal().is_some() {}
        let candidates: BTreeSet<Place> =
            found.keys().chain(&self.firing[index]).copied().collect();
        for place in candidates {
            let labels = labels_of(place);
            let fires = rule.is_firing(&labels);
            let fired = self.firing[index].contains(&place);
            if fires == fired {
                continue;
            }
            if fires {
                self.firing[index].insert(place);
            } else {
                self.firing[index].remove(&place);
            }
            self.events.push_back(SymptomEvent {
                rule: index as u16,
                service: place.0,
                region: place.1,
                value: found.get(&place).copied().flatten().filter(|_| fires),
                labels,
                fires,
            });
        }
    }
}

/// The value, when it lies beyond the limit on a large enough sample.
fn beyond(check: &Check, read: Option<(u64, u64)>) -> Option<u64> {
    let (value, sample) = read?;
    let applied = check.limit.applied(None)?;
    let beyond = sample >= check.sample_min && check.limit.is_exceeded(value, applied);
    beyond.then_some(value)
}

/// What an alert of a rule is: `alertname`, `service`, `region`, `severity`.
fn labels(rule: &SymptomRule, (service, region): Place) -> LabelSet {
    LabelSet::new([
        ("alertname", rule.name.clone()),
        ("service", service.to_string()),
        ("region", region.to_string()),
        ("severity", severity(rule.urgency).to_string()),
    ])
}

/// The value of the label `severity`.
pub(super) const fn severity(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Page => "page",
        Urgency::Ticket => "ticket",
    }
}
