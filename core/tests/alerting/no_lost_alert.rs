//! Property: every firing alert is told, or it is written down why not; and a pipeline that is
//! copied at any point goes on as the original does.
//!
//! The books below are kept from the outputs and from what was put in, never from the state of
//! the pipeline.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::Micros;
use firedrill_core::alerting::pipeline::StandingNote;
use firedrill_core::alerting::{
    AlertPipeline, GroupBy, GroupKey, InhibitionRule, LabelSet, Matcher, Notification,
    PipelineInput, PipelinePolicy, RouteSpec, Signal, Silence, Standing, TimingSpec,
};
use firedrill_core::ids::{NotificationId, ReceiverId, SilenceId};
use proptest::prelude::*;

use crate::desk::{m, s};

const INTERVAL: Micros = m(5);

#[derive(Clone, Debug)]
enum Action {
    Fire {
        alert: usize,
        age_secs: u64,
    },
    Resolve {
        alert: usize,
    },
    Silence {
        service: usize,
        minutes: u64,
    },
    EndSilence {
        which: usize,
    },
    /// Whether receivers take what they are sent, fail, or do not answer.
    Receivers {
        mode: u8,
    },
    Pass {
        secs: u64,
    },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let alert = 0..24_usize;
    let action = prop_oneof![
        6 => (alert.clone(), 0..90_u64).prop_map(|(alert, age_secs)| Action::Fire { alert, age_secs }),
        4 => alert.prop_map(|alert| Action::Resolve { alert }),
        1 => (0..3_usize, 1..20_u64)
            .prop_map(|(service, minutes)| Action::Silence { service, minutes }),
        1 => (0..4_usize).prop_map(|which| Action::EndSilence { which }),
        1 => (0..3_u8).prop_map(|mode| Action::Receivers { mode }),
        5 => prop_oneof![0..40_u64, 200..400_u64].prop_map(|secs| Action::Pass { secs }),
    ];
    proptest::collection::vec(action, 1..120)
}

/// 24 alerts: two severities, three services, four instances.
fn alert(n: usize) -> LabelSet {
    LabelSet::new([
        ("severity", ["page", "ticket"][n % 2].to_string()),
        ("service", format!("s{}", n / 2 % 3)),
        ("instance", format!("i{}", n / 6)),
    ])
}

fn policy() -> PipelinePolicy {
    let service = Matcher::equal;
    let child = |matcher, receiver, continues, group_by| RouteSpec {
        matchers: vec![matcher],
        receiver: Some(ReceiverId(receiver)),
        continues,
        group_by: Some(group_by),
        ..RouteSpec::default()
    };
    let mut policy = PipelinePolicy::new(RouteSpec {
        receiver: Some(ReceiverId(0)),
        timing: TimingSpec {
            wait: Some(s(30)),
            interval: Some(INTERVAL),
            repeat: Some(m(20)),
        },
        routes: vec![
            child(service("service", "s0"), 1, true, GroupBy::All),
            child(
                Matcher::equal("severity", "page"),
                2,
                false,
                GroupBy::Labels(vec!["service".into()]),
            ),
        ],
        ..RouteSpec::default()
    });
    policy.inhibitions = vec![InhibitionRule {
        source: vec![Matcher::equal("severity", "page")],
        target: vec![Matcher::equal("severity", "ticket")],
        equal: vec!["service".into()],
    }];
    policy.listed_max = 3;
    policy.without_resolved = vec![ReceiverId(2)];
    policy
}

/// The routes of [`policy`], worked out by hand.
fn group_count(labels: &LabelSet) -> usize {
    let both = labels.value("service") == "s0" && labels.value("severity") == "page";
    1 + usize::from(both)
}

#[derive(Default)]
struct Books {
    firing: BTreeSet<LabelSet>,
    silences: Vec<Silence>,
    /// The last note of an alert in a group.
    stands: BTreeMap<(LabelSet, GroupKey), Standing>,
    sent: BTreeMap<NotificationId, Notification>,
    /// Who was in what.
    included: BTreeMap<NotificationId, BTreeSet<LabelSet>>,
    delivered: BTreeSet<(GroupKey, Micros, LabelSet)>,
    receivers: u8,
}

struct Drive {
    pipeline: AlertPipeline,
    books: Books,
    now: Micros,
    journal: Vec<(Micros, Option<PipelineInput>)>,
}

impl Drive {
    fn new() -> Self {
        Self {
            pipeline: AlertPipeline::new(policy()).expect("the routes make sense"),
            books: Books::default(),
            now: Micros::ZERO,
            journal: vec![],
        }
    }

    fn wake(&mut self, now: Micros) {
        while let Some(due) = self.pipeline.poll_timeout().filter(|due| *due <= now) {
            self.journal.push((due, None));
            self.pipeline.handle_timeout(due);
            self.drain(due);
        }
        self.now = now;
    }

    fn input(&mut self, input: PipelineInput) -> bool {
        self.wake(self.now);
        self.journal.push((self.now, Some(input.clone())));
        let taken = self.pipeline.handle(self.now, input).is_ok();
        self.drain(self.now);
        taken
    }

    fn drain(&mut self, now: Micros) {
        let mut notes: Vec<StandingNote> = vec![];
        while let Some(note) = self.pipeline.poll_note() {
            notes.push(note);
        }
        for note in &notes {
            self.books.check_note(note);
        }
        let mut answers = vec![];
        while let Some(sent) = self.pipeline.poll_notification() {
            let included = self.books.included.entry(sent.id).or_default();
            assert_eq!(
                included.len(),
                sent.firing.len() + sent.firing_rest as usize
            );
            assert!(sent.firing.iter().all(|one| included.contains(&one.labels)));
            assert!(sent.firing.len() <= 3 && sent.resolved.len() <= 3);
            answers.push(sent.id);
            self.books.sent.insert(sent.id, sent);
        }
        for id in answers {
            let answer = match self.books.receivers {
                0 => PipelineInput::Delivered(id),
                1 => PipelineInput::DeliveryFailed(id),
                _ => continue,
            };
            if self.books.receivers == 0 {
                let sent = &self.books.sent[&id];
                for alert in &self.books.included[&id] {
                    let told = (sent.group.clone(), sent.at, alert.clone());
                    self.books.delivered.insert(told);
                }
            }
            self.journal.push((now, Some(answer.clone())));
            let taken = self.pipeline.handle(now, answer);
            taken.expect("it is on its way");
            self.drain(now);
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Fire { alert: n, age_secs } => {
                let labels = alert(*n);
                let signal = Signal {
                    labels: labels.clone(),
                    starts_at: self.now - s(*age_secs),
                    ends_at: Some(Micros::MAX),
                };
                // A group may be looked at within the call, so the books come first.
                self.wake(self.now);
                self.books.firing.insert(labels);
                assert!(self.input(PipelineInput::AlertHeard(signal)));
            }
            Action::Resolve { alert: n } => {
                let labels = alert(*n);
                self.wake(self.now);
                self.books.firing.remove(&labels);
                let signal = Signal {
                    labels,
                    starts_at: self.now,
                    ends_at: Some(self.now),
                };
                assert!(self.input(PipelineInput::AlertHeard(signal)));
            }
            Action::Silence { service, minutes } => {
                let silence = Silence {
                    id: SilenceId(self.books.silences.len() as u32),
                    matchers: vec![Matcher::equal("service", format!("s{service}"))],
                    starts_at: self.now,
                    ends_at: self.now + m(*minutes),
                };
                assert!(self.input(PipelineInput::SilenceAdded(silence.clone())));
                self.books.silences.push(silence);
            }
            Action::EndSilence { which } => {
                let id = SilenceId(*which as u32);
                if self.input(PipelineInput::SilenceEnded(id)) {
                    self.books.silences[*which].ends_at = self.now;
                }
            }
            Action::Receivers { mode } => self.books.receivers = *mode,
            Action::Pass { secs } => self.wake(self.now + s(*secs)),
        }
    }

    /// Every firing alert stands somewhere in every group it belongs to, and the notes said so.
    fn check(&self) {
        for alert in &self.books.firing {
            let standings: Vec<_> = self.pipeline.standings(alert).collect();
            assert_eq!(standings.len(), group_count(alert), "{alert:?}");
            for (group, standing) in standings {
                let noted = &self.books.stands[&(alert.clone(), group.clone())];
                assert_eq!(noted, standing);
                if let Standing::Waiting { until } = standing {
                    assert!(self.now <= *until, "{alert:?} was forgotten");
                    let wake = self.pipeline.poll_timeout();
                    assert!(wake.is_some_and(|wake| wake <= *until));
                }
            }
        }
    }
}

impl Books {
    /// What a note claims is so.
    fn check_note(&mut self, note: &StandingNote) {
        let StandingNote {
            at,
            alert,
            group,
            standing,
        } = note;
        assert!(self.firing.contains(alert), "{note:?}");
        match standing {
            Standing::Waiting { until } => assert!(*at <= *until && *until <= *at + INTERVAL),
            Standing::Notified { notification } => {
                let included = self.included.entry(*notification).or_default();
                included.insert(alert.clone());
            }
            Standing::Inhibited { by } => {
                assert!(self.firing.contains(by), "{note:?}");
                assert_eq!(by.value("severity"), "page");
                assert_eq!(alert.value("severity"), "ticket");
                assert_eq!(by.value("service"), alert.value("service"));
            }
            Standing::Silenced { by } => {
                let silence = &self.silences[by.index()];
                assert!(silence.is_active(*at) && silence.matchers[0].matches(alert));
            }
            Standing::Deduplicated { told_at } => {
                let told = (group.clone(), *told_at, alert.clone());
                assert!(self.delivered.contains(&told), "{note:?}");
            }
        }
        let place = (alert.clone(), group.clone());
        self.stands.insert(place, standing.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_firing_alert_is_told_or_it_says_why_not(actions in actions()) {
        let mut drive = Drive::new();
        for action in &actions {
            drive.act(action);
            drive.check();
        }
        // With nothing in the way any more, two looks later everybody knows.
        drive.act(&Action::Receivers { mode: 0 });
        for n in (0..24).filter(|n| n % 2 == 0) {
            drive.act(&Action::Resolve { alert: n });
        }
        drive.wake(drive.now + m(20));
        drive.wake(drive.now + INTERVAL + INTERVAL);
        drive.check();
        for alert in &drive.books.firing {
            for (_, standing) in drive.pipeline.standings(alert) {
                let known = matches!(
                    standing,
                    Standing::Notified { .. } | Standing::Deduplicated { .. }
                );
                prop_assert!(known, "{alert:?} {standing:?}");
            }
        }
        // And nothing is left of what is over.
        for n in 0..24 {
            drive.act(&Action::Resolve { alert: n });
        }
        drive.wake(drive.now + INTERVAL + INTERVAL);
        prop_assert_eq!(drive.pipeline.poll_timeout(), None);
    }

    #[test]
    fn a_copy_goes_on_as_the_original_does(actions in actions(), cut in 0..400_usize) {
        let mut drive = Drive::new();
        for action in &actions {
            drive.act(action);
        }
        let (mut original, mut copy) = (AlertPipeline::new(policy()).unwrap(), None);
        let cut = cut % drive.journal.len().max(1);
        for (n, (at, input)) in drive.journal.iter().enumerate() {
            if n == cut {
                copy = Some(original.clone());
            }
            let outputs = step(&mut original, *at, input.as_ref());
            if let Some(copy) = &mut copy {
                prop_assert_eq!(step(copy, *at, input.as_ref()), outputs);
                prop_assert_eq!(&*copy, &original);
            }
        }
        for pipeline in [&mut original, &mut drive.pipeline] {
            pipeline.handle_timeout(drive.now);
        }
        prop_assert_eq!(original, drive.pipeline);
    }
}

type Outputs = (Vec<Notification>, Vec<StandingNote>, bool);

fn step(pipeline: &mut AlertPipeline, at: Micros, input: Option<&PipelineInput>) -> Outputs {
    let taken = match input {
        Some(input) => pipeline.handle(at, input.clone()).is_ok(),
        None => {
            pipeline.handle_timeout(at);
            true
        }
    };
    let notifications = std::iter::from_fn(|| pipeline.poll_notification()).collect();
    let (mut notes, mut next) = (vec![], pipeline.poll_note());
    while let Some(note) = next {
        notes.push(note);
        next = pipeline.poll_note();
    }
    (notifications, notes, taken)
}
