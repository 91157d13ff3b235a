//! From what a rule finds to alerts that fire: wait, fire, keep firing, resolve, say it again.
//!
//! A rule is evaluated at an interval; each time it names the series that it holds for. A series
//! is pending at first and fires at the first evaluation that is at least `hold` later, so the
//! real delay is `hold` rounded up to the interval. One evaluation without it, and a pending
//! series is forgotten: that is how flapping stays below `hold`. Source: Prometheus,
//! `rules/alerting.go` and `rules/group.go`.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time::Micros;

use super::labels::LabelSet;
use super::pipeline::Signal;

/// How a rule turns findings into alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePolicy {
    /// Time between evaluations; above zero.
    pub interval: Micros,
    /// How long a series must hold before it fires.
    pub hold: Micros,
    /// How long it goes on firing after it was last found.
    pub keep_firing: Micros,
    /// A firing or resolved alert is said again once more than this has passed.
    pub resend_delay: Micros,
    /// How long a resolved alert is kept, and said again.
    pub resolved_retention: Micros,
    /// After a longer outage of the evaluator, pending series begin anew.
    pub outage_tolerance: Micros,
    /// A series that was pending before an outage does not fire sooner after it.
    pub outage_grace: Micros,
    /// Series that may be pending or firing at once; any number when absent.
    pub series_max: Option<u32>,
}

impl Default for RulePolicy {
    /// Prometheus': every minute, no hold, resend after a minute, resolved alerts for 15 minutes,
    /// outages of up to an hour, 10 minutes of grace, no limit.
    fn default() -> Self {
        Self {
            interval: Micros::from_mins(1),
            hold: Micros::ZERO,
            keep_firing: Micros::ZERO,
            resend_delay: Micros::from_mins(1),
            resolved_retention: Micros::from_mins(15),
            outage_tolerance: Micros::from_hours(1),
            outage_grace: Micros::from_mins(10),
            series_max: None,
        }
    }
}

/// Where a series stands; one that is inactive is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleState {
    /// Found, and not for long enough.
    Pending,
    /// Found for long enough.
    Firing {
        /// Since when.
        since: Micros,
        /// The first evaluation that missed it, while it keeps firing nevertheless.
        missing_since: Option<Micros>,
    },
    /// It fired, and does not any more.
    Resolved {
        /// Since when it fired.
        since: Micros,
        /// When it ended.
        at: Micros,
    },
}

/// The evaluation found more series than the rule may have; all of them are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the rule holds for {found} series, and may hold for {limit}")]
pub struct SeriesLimitExceeded {
    /// Series that would be pending or firing.
    pub found: u32,
    /// The most that the policy allows.
    pub limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Series {
    state: RuleState,
    /// When it was first found, as far as `hold` is concerned. An outage shifts it, at most to
    /// after the present.
    active_at: Micros,
    last_sent: Option<Micros>,
}

/// What outlives a restart of the evaluator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMemory {
    /// The last evaluation.
    pub seen_at: Micros,
    /// Series that were pending or firing, and when each was first found.
    pub active: Vec<(LabelSet, Micros)>,
}

/// One rule and its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRule {
    policy: RulePolicy,
    series: BTreeMap<LabelSet, Series>,
    signals: VecDeque<Signal>,
    last_evaluation: Option<Micros>,
    /// What is remembered from before a restart, and how many evaluations are left before it is
    /// put to use.
    memory: Option<(RuleMemory, u8)>,
}

impl AlertRule {
    /// A rule that has found nothing yet.
    #[must_use]
    pub const fn new(policy: RulePolicy) -> Self {
        Self {
            policy,
            series: BTreeMap::new(),
            signals: VecDeque::new(),
            last_evaluation: None,
            memory: None,
        }
    }

    /// A rule whose evaluator has restarted. What it remembers is put to use after the second
    /// evaluation, when what it needs has been collected again.
    #[must_use]
    pub fn restarted(policy: RulePolicy, memory: RuleMemory) -> Self {
        Self {
            memory: Some((memory, 2)),
            ..Self::new(policy)
        }
    }

    /// What a restart needs; nothing before the first evaluation.
    #[must_use]
    pub fn memory(&self) -> Option<RuleMemory> {
        let active = self.series.iter().filter(|(_, series)| series.is_active());
        Some(RuleMemory {
            seen_at: self.last_evaluation?,
            active: active
                .map(|(labels, series)| (labels.clone(), series.active_at))
                .collect(),
        })
    }

    /// The next evaluation; at once before the first one.
    #[must_use]
    pub fn poll_timeout(&self) -> Micros {
        let next = |last| last + self.policy.interval;
        self.last_evaluation.map_or(Micros::ZERO, next)
    }

    /// What is to be said to the pipeline, in order.
    #[must_use]
    pub fn poll_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }

    /// Where a series stands; nothing when it is inactive.
    #[must_use]
    pub fn state(&self, labels: &LabelSet) -> Option<RuleState> {
        self.series.get(labels).map(|series| series.state)
    }

    /// Whether a series fires.
    #[must_use]
    pub fn is_firing(&self, labels: &LabelSet) -> bool {
        matches!(self.state(labels), Some(RuleState::Firing { .. }))
    }

    /// One evaluation: the rule holds for the series in `found`, each of which counts once.
    ///
    /// # Errors
    ///
    /// When more series would be pending or firing than the policy allows. The rule then drops
    /// all of them without a word: what has been said of them ends by itself.
    pub fn evaluate(&mut self, now: Micros, found: &[LabelSet]) -> Result<(), SeriesLimitExceeded> {
        self.last_evaluation = Some(now);
        let mut missing: BTreeMap<LabelSet, Series> = core::mem::take(&mut self.series);
        for labels in found {
            if self.series.contains_key(labels) {
                continue;
            }
            let series = missing.remove(labels).filter(Series::is_active);
            let mut series = series.unwrap_or_else(|| Series::found(now));
            series.advance(now, &self.policy);
            self.series.insert(labels.clone(), series);
        }
        for (labels, series) in missing {
            if let Some(series) = series.missed(now, &self.policy) {
                self.series.insert(labels, series);
            }
        }
        let active = self.series.values().filter(|series| series.is_active());
        let active = active.count() as u32;
        if let Some(limit) = self.policy.series_max.filter(|limit| active > *limit) {
            self.series.clear();
            return Err(SeriesLimitExceeded {
                found: active,
                limit,
            });
        }
        self.recall(now);
        self.send(now);
        Ok(())
    }

    /// Puts what is remembered to use once enough evaluations have passed.
    fn recall(&mut self, now: Micros) {
        let Some((memory, evaluations_left)) = &mut self.memory else {
            return;
        };
        *evaluations_left -= 1;
        if *evaluations_left > 0 {
            return;
        }
        let policy = &self.policy;
        let usable =
            policy.hold >= policy.outage_grace && now - memory.seen_at <= policy.outage_tolerance;
        if usable {
            for (labels, active_at) in &memory.active {
                if let Some(series) = self.series.get_mut(labels).filter(|one| one.is_active()) {
                    series.active_at = restored(now, policy, memory.seen_at, *active_at);
                }
            }
        }
        self.memory = None;
    }

    fn send(&mut self, now: Micros) {
        let delta = self.policy.interval.max(self.policy.resend_delay);
        // Two evaluations or deliveries may fail before the receiver takes silence for the end.
        let valid_until = now + Micros(delta.0.saturating_mul(4));
        for (labels, series) in &mut self.series {
            let (starts_at, ends_at, ended_at) = match series.state {
                RuleState::Pending => continue,
                RuleState::Firing { since, .. } => (since, valid_until, None),
                RuleState::Resolved { since, at } => (since, at, Some(at)),
            };
            let due = series.last_sent.is_none_or(|sent| {
                ended_at.is_some_and(|at| at > sent) || sent + self.policy.resend_delay < now
            });
            if due {
                series.last_sent = Some(now);
                self.signals.push_back(Signal {
                    labels: labels.clone(),
                    starts_at,
                    ends_at: Some(ends_at),
                });
            }
        }
    }
}

/// Since when a series counts as found, after an outage that ended by `now`.
fn restored(now: Micros, policy: &RulePolicy, seen_at: Micros, active_at: Micros) -> Micros {
    let left = policy.hold - (seen_at - active_at);
    if left == Micros::ZERO {
        active_at // it fired before, and will at the next evaluation
    } else if left < policy.outage_grace {
        now + policy.outage_grace - policy.hold
    } else {
        active_at + (now - seen_at) // the outage does not count
    }
}

impl Series {
    const fn found(now: Micros) -> Self {
        Self {
            state: RuleState::Pending,
            active_at: now,
            last_sent: None,
        }
    }

    const fn is_active(&self) -> bool {
        match self.state {
            RuleState::Pending | RuleState::Firing { .. } => true,
            RuleState::Resolved { .. } => false,
        }
    }

    /// It was found.
    fn advance(&mut self, now: Micros, policy: &RulePolicy) {
        match &mut self.state {
            // Not by a difference: an outage may have moved `active_at` to after now.
            RuleState::Pending if self.active_at + policy.hold <= now => {
                self.state = RuleState::Firing {
                    since: now,
                    missing_since: None,
                };
            }
            RuleState::Firing { missing_since, .. } => *missing_since = None,
            RuleState::Pending | RuleState::Resolved { .. } => {}
        }
    }

    /// It was not found: what is left of it.
    fn missed(mut self, now: Micros, policy: &RulePolicy) -> Option<Self> {
        match self.state {
            RuleState::Pending => return None,
            RuleState::Firing {
                since,
                missing_since,
            } => {
                let first = missing_since.unwrap_or(now);
                self.state = match now - first < policy.keep_firing {
                    true => RuleState::Firing {
                        since,
                        missing_since: Some(first),
                    },
                    false => RuleState::Resolved { since, at: now },
                };
            }
            RuleState::Resolved { at, .. } => {
                if now - at > policy.resolved_retention {
                    return None;
                }
            }
        }
        Some(self)
    }
}
