//! Burn-rate rules become alerts, at most one per objective and urgency.

use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::health::{
    BurnReading, BurnRule, BurnWindow, ClassCounts, Indicator, Slo, TelemetryWindow, Urgency,
};
use crate::ids::{AlertId, ClassId, SloId};
use crate::time::Micros;

use super::labels::LabelSet;
use super::pipeline::Signal;
use super::symptoms::severity;

/// What a metrics store remembers of an objective from before the plane started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SloHistory {
    /// Requests an hour.
    pub requests_per_hour: u64,
    /// Bad ones among them.
    pub bad_per_hour: u64,
}

/// An alert, from firing to resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// The objective.
    pub slo: SloId,
    /// The rule that fired: the first one of its urgency.
    pub rule: BurnRule,
    /// What the rule saw.
    pub reading: BurnReading,
    /// When it fired.
    pub fired_at: Micros,
}

impl Alert {
    /// What it is in terms of labels: `alertname`, `objective`, `service`, `severity`. The book
    /// has at most one alert with these.
    #[must_use]
    pub fn labels(&self, slo: &Slo) -> LabelSet {
        let severity = severity(self.rule.urgency);
        LabelSet::new([
            ("alertname", "BudgetBurn".to_string()),
            ("objective", self.slo.to_string()),
            ("service", slo.indicator.service().to_string()),
            ("severity", severity.to_string()),
        ])
    }

    /// What a pipeline is told of it: it fires, or ended at `ended_at`. The book says when an
    /// alert ends, so a firing one has no end of its own.
    #[must_use]
    pub fn signal(&self, slo: &Slo, ended_at: Option<Micros>) -> Signal {
        Signal {
            labels: self.labels(slo),
            starts_at: self.fired_at,
            ends_at: Some(ended_at.unwrap_or(Micros::MAX)),
        }
    }
}

/// A change of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertEvent {
    /// It fires.
    Fired(Alert),
    /// No rule of its objective and urgency fires any more.
    Resolved(Alert),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Watch {
    slo: Slo,
    windows: Vec<BurnWindow>,
    /// By urgency: an objective has at most one alert of each.
    firing: [Option<Alert>; 2],
}

impl Watch {
    fn first_exceeding(
        &mut self,
        now: Micros,
        urgency: Urgency,
    ) -> Option<(BurnRule, BurnReading)> {
        let slo = &self.slo;
        slo.rules
            .iter()
            .zip(&mut self.windows)
            .find_map(|(rule, window)| {
                let reading = (rule.urgency == urgency).then(|| window.read(now, slo))?;
                let fires = reading.exceeds(rule) && reading.is_enough(slo.low_traffic);
                fires.then_some((*rule, reading))
            })
    }
}

/// All objectives under watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertBook {
    watches: Vec<Watch>,
    /// The objective of every alert that ever fired, by the alert's id; none of one that somebody
    /// else raised.
    fired: Vec<Option<SloId>>,
    events: VecDeque<AlertEvent>,
}

impl AlertBook {
    /// Watches the objectives; ids number them in order.
    #[must_use]
    pub fn new(slos: Vec<Slo>) -> Self {
        let watches = slos.into_iter().map(|slo| Watch {
            windows: slo.rules.iter().map(BurnWindow::new).collect(),
            slo,
            firing: [None, None],
        });
        Self {
            watches: watches.collect(),
            fired: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// The objective with this id.
    #[must_use]
    pub fn slo(&self, id: SloId) -> Option<&Slo> {
        self.watches.get(id.index()).map(|watch| &watch.slo)
    }

    /// The objective of an alert, whether it still fires or not.
    #[must_use]
    pub fn objective_of(&self, alert: AlertId) -> Option<SloId> {
        self.fired.get(alert.index()).copied().flatten()
    }

    /// Numbers an alert that somebody else raises, and looks after, among these.
    pub fn number(&mut self) -> AlertId {
        let id = AlertId(self.fired.len() as u32);
        self.fired.push(None);
        id
    }

    /// The alerts that fire now.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.watches
            .iter()
            .flat_map(|watch| watch.firing.iter().flatten())
    }

    /// Fills the windows of an objective with what the metrics store remembers.
    pub fn load_history(&mut self, slo: SloId, history: SloHistory) {
        if let Some(watch) = self.watches.get_mut(slo.index()) {
            for window in &mut watch.windows {
                window.fill_history(history.requests_per_hour, history.bad_per_hour);
            }
        }
    }

    /// Adds a telemetry window to every objective that counts its requests.
    pub fn add(&mut self, window: &TelemetryWindow) {
        for watch in &mut self.watches {
            if watch.slo.indicator.service() != window.service {
                continue;
            }
            let (requests, bad) = count(watch.slo.indicator, window);
            for burn in &mut watch.windows {
                burn.add(window.end, requests, bad);
            }
        }
    }

    /// Evaluates every rule.
    pub fn evaluate(&mut self, now: Micros) {
        for (index, watch) in self.watches.iter_mut().enumerate() {
            for urgency in [Urgency::Page, Urgency::Ticket] {
                let exceeding = watch.first_exceeding(now, urgency);
                let firing = &mut watch.firing[urgency as usize];
                match (exceeding, &firing) {
                    (Some((rule, reading)), None) => {
                        let id = AlertId(self.fired.len() as u32);
                        let slo = SloId(index as u16);
                        self.fired.push(Some(slo));
                        let alert = Alert {
                            id,
                            slo,
                            rule,
                            reading,
                            fired_at: now,
                        };
                        self.events.push_back(AlertEvent::Fired(alert.clone()));
                        *firing = Some(alert);
                    }
                    (None, Some(alert)) => {
                        self.events.push_back(AlertEvent::Resolved(alert.clone()));
                        *firing = None;
                    }
                    (Some(_), Some(_)) | (None, None) => {}
                }
            }
        }
    }

    /// What changed, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<AlertEvent> {
        self.events.pop_front()
    }

    /// Whether an alert that pages fires now.
    #[must_use]
    pub fn is_paging(&self) -> bool {
        self.firing()
            .any(|alert| alert.rule.urgency == Urgency::Page)
    }
}

/// The requests of a window that an indicator counts, and the bad ones among them.
#[must_use]
pub fn count(indicator: Indicator, window: &TelemetryWindow) -> (u64, u64) {
    match indicator {
        Indicator::Errors { class, .. } => sum(window, class, |counts| counts.errors),
        Indicator::Business { class, .. } => {
            sum(window, class, |counts| counts.requests - counts.good)
        }
        Indicator::Slow { threshold_us, .. } => (
            window.latency.total(),
            window.latency.count_above(threshold_us),
        ),
    }
}

/// Requests of a class, or of all, and the bad ones among them.
fn sum(
    window: &TelemetryWindow,
    class: Option<ClassId>,
    bad: impl Fn(&ClassCounts) -> u32,
) -> (u64, u64) {
    let counted = window
        .classes
        .iter()
        .filter(|counts| class.is_none_or(|id| id == counts.class));
    counted.fold((0, 0), |(requests, sum), counts| {
        (
            requests + u64::from(counts.requests),
            sum + u64::from(bad(counts)),
        )
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::Ppm;
    use crate::config::VersionId;
    use crate::health::{
        ClassCounts, InstanceCounts, LatencyHistogram, LowTraffic, ProbeCounts, Saturation,
    };
    use crate::ids::{ClassId, RegionId, ServiceId};

    fn window(end: Micros, errors: u32) -> TelemetryWindow {
        TelemetryWindow {
            service: ServiceId(0),
            region: RegionId(0),
            version: VersionId(1),
            set_apart: false,
            start: end - Micros::from_secs(30),
            end,
            classes: vec![ClassCounts {
                class: ClassId(0),
                requests: 1_000,
                errors,
                good: 1_000 - errors,
            }],
            latency: LatencyHistogram::default(),
            instances: InstanceCounts {
                total: 1,
                up: 1,
                restarts: 0,
                serving_s: 0,
            },
            log_errors: 0,
            probes: ProbeCounts::default(),
            user_reports: 0,
            saturation: Saturation::default(),
        }
    }

    #[test]
    fn one_alert_per_objective_and_urgency() {
        let mut book = AlertBook::new(vec![Slo::over_30_days(
            Indicator::Errors {
                service: ServiceId(0),
                class: None,
            },
            Ppm(999_000),
        )]);
        let history = SloHistory {
            requests_per_hour: 120_000,
            bad_per_hour: 0,
        };
        book.load_history(SloId(0), history);
        let mut events = vec![];
        for step in 1..=240 {
            let now = Micros::from_secs(30 * step);
            book.add(&window(now, if step <= 20 { 500 } else { 0 }));
            book.evaluate(now);
            while let Some(event) = book.poll_event() {
                events.push((now, event));
            }
        }
        let seen: Vec<_> = events
            .iter()
            .map(|(at, event)| match event {
                AlertEvent::Fired(alert) => (at.0 / 60_000_000, alert.rule.urgency, true),
                AlertEvent::Resolved(alert) => {
                    (at.0 / 60_000_000, urgency_of(&events, alert.id), false)
                }
            })
            .collect();
        // 50 % errors for ten minutes: the page at 14.4 over an hour fires after 1.73 min, and
        // the one at 6 over six hours keeps the alert up until its half-hour window has
        // forgotten. The ticket at 3 over a day fires after 8.6 min and outlives the test.
        assert_eq!(
            seen,
            [
                (2, Urgency::Page, true),
                (9, Urgency::Ticket, true),
                (39, Urgency::Page, false),
            ]
        );
    }

    #[test]
    fn an_alert_has_labels_of_its_own_and_ends_when_the_book_says() {
        let slo = Slo::over_30_days(
            Indicator::Errors {
                service: ServiceId(7),
                class: None,
            },
            Ppm(999_000),
        );
        let alert = |urgency: usize| Alert {
            id: AlertId(0),
            slo: SloId(3),
            rule: slo.rules[urgency],
            reading: BurnWindow::new(&slo.rules[urgency]).read(Micros::ZERO, &slo),
            fired_at: Micros(5),
        };
        let (page, ticket) = (alert(0).labels(&slo), alert(2).labels(&slo));
        assert_ne!(page, ticket);
        assert_eq!((page.value("service"), page.value("objective")), ("7", "3"));
        assert_eq!(alert(0).signal(&slo, None).ends_at, Some(Micros::MAX));
        let over = alert(0).signal(&slo, Some(Micros(9)));
        assert_eq!((over.starts_at, over.ends_at), (Micros(5), Some(Micros(9))));
    }

    /// A window with one request, which fails, an hour; without a floor it pages.
    #[test]
    fn a_floor_keeps_single_failures_quiet() {
        let fires = |low_traffic: LowTraffic| {
            let mut book = AlertBook::new(vec![Slo {
                low_traffic,
                ..Slo::over_30_days(
                    Indicator::Errors {
                        service: ServiceId(0),
                        class: None,
                    },
                    Ppm(999_000),
                )
            }]);
            let mut one = window(Micros::from_hours(1), 1);
            one.classes[0].requests = 1;
            one.classes[0].good = 0;
            book.add(&one);
            book.evaluate(Micros::from_hours(1));
            book.firing().count()
        };
        assert_eq!(fires(LowTraffic::default()), 2);
        let two = LowTraffic {
            requests_min: 0,
            bad_min: 2,
        };
        assert_eq!(fires(two), 0);
    }

    fn urgency_of(events: &[(Micros, AlertEvent)], id: AlertId) -> Urgency {
        let fired = events.iter().find_map(|(_, event)| match event {
            AlertEvent::Fired(alert) if alert.id == id => Some(alert.rule.urgency),
            AlertEvent::Fired(_) | AlertEvent::Resolved(..) => None,
        });
        fired.expect("an alert fires before it resolves")
    }
}
