//! A pipeline with a driver around it that writes down who was told what and when.

use firedrill_core::Micros;
use firedrill_core::alerting::{
    AlertPipeline, GroupBy, LabelSet, Notification, PipelineInput, PipelinePolicy, Reason,
    RouteSpec, Signal, Standing,
};
use firedrill_core::ids::ReceiverId;

/// Seconds.
pub(crate) const fn s(seconds: u64) -> Micros {
    Micros::from_secs(seconds)
}

/// Minutes.
pub(crate) const fn m(minutes: u64) -> Micros {
    Micros::from_mins(minutes)
}

/// An alert of this name on this instance.
pub(crate) fn alert(name: &str, instance: &str) -> LabelSet {
    LabelSet::new([("alertname", name), ("instance", instance)])
}

/// One route with Alertmanager's times that groups by name.
pub(crate) fn by_name() -> PipelinePolicy {
    PipelinePolicy::new(RouteSpec {
        receiver: Some(ReceiverId(0)),
        group_by: Some(GroupBy::Labels(vec!["alertname".into()])),
        ..RouteSpec::default()
    })
}

/// What was told: when, why, how many fire and how many are over.
pub(crate) type Told = (Micros, Reason, usize, usize);

/// A pipeline whose notifications arrive at once, unless told otherwise.
pub(crate) struct Desk {
    pub(crate) pipeline: AlertPipeline,
    pub(crate) told: Vec<Notification>,
    /// Whether receivers can be reached.
    pub(crate) reachable: bool,
}

impl Desk {
    pub(crate) fn new(policy: PipelinePolicy) -> Self {
        Self {
            pipeline: AlertPipeline::new(policy).expect("the routes make sense"),
            told: vec![],
            reachable: true,
        }
    }

    /// Wakes the pipeline whenever it wants to be woken, until `now`.
    pub(crate) fn run_until(&mut self, now: Micros) {
        while let Some(due) = self.pipeline.poll_timeout().filter(|due| *due <= now) {
            self.pipeline.handle_timeout(due);
            self.drain(due);
        }
    }

    pub(crate) fn input(&mut self, now: Micros, input: PipelineInput) {
        self.run_until(now);
        self.pipeline.handle(now, input).expect("it makes sense");
        self.drain(now);
    }

    /// An alert fires from `now` on, for long.
    pub(crate) fn fire(&mut self, now: Micros, labels: &LabelSet) {
        self.hear(now, labels, now, now + Micros::from_hours(1_000));
    }

    /// An alert is over at `now`.
    pub(crate) fn resolve(&mut self, now: Micros, labels: &LabelSet) {
        self.hear(now, labels, now, now);
    }

    pub(crate) fn hear(
        &mut self,
        now: Micros,
        labels: &LabelSet,
        starts_at: Micros,
        ends_at: Micros,
    ) {
        let signal = Signal {
            labels: labels.clone(),
            starts_at,
            ends_at: Some(ends_at),
        };
        self.input(now, PipelineInput::AlertHeard(signal));
    }

    fn drain(&mut self, now: Micros) {
        while let Some(notification) = self.pipeline.poll_notification() {
            let answer = match self.reachable {
                true => PipelineInput::Delivered(notification.id),
                false => PipelineInput::DeliveryFailed(notification.id),
            };
            self.told.push(notification);
            self.pipeline.handle(now, answer).expect("it is on its way");
        }
        while self.pipeline.poll_note().is_some() {}
    }

    pub(crate) fn summary(&self) -> Vec<Told> {
        let told = self.told.iter();
        told.map(|one| (one.at, one.reason, one.firing.len(), one.resolved.len()))
            .collect()
    }

    /// Where an alert of one group stands.
    pub(crate) fn standing(&self, alert: &LabelSet) -> Option<Standing> {
        let mut standings = self.pipeline.standings(alert);
        standings.next().map(|(_, standing)| standing.clone())
    }
}
