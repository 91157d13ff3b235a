//! The control plane: composes the machines. The only place that knows all of them.
//!
//! [`ControlPlane`] is driven as the crate's documentation says. What goes in ([`Input`]), what
//! comes out ([`Command`], [`Note`]) and what it is built from ([`Setup`]) have a file each; the
//! handling is split by subject: changes, rollouts, alerts, actions, commands.

mod action_note;
mod actions;
mod alerts;
mod changes;
mod command;
mod commands;
mod holds;
mod incidents;
mod input;
mod note;
mod people;
mod rollouts;
mod setup;
mod suspicion;
mod telling;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::alerting::suspects::Dependency;
use crate::alerting::{AlertBook, LabelSet, Symptoms};
use crate::config::ConfigStore;
use crate::health::WindowsSeen;
use crate::health::judge::Past;
use crate::ids::{
    ActionId, AlertId, ChangeId, CommandId, IncidentId, NoteId, PageId, PlanId, RolloutId,
    ServiceId,
};
use crate::incident::IncidentBook;
use crate::remediation::Remediation;
use crate::rollout::Rollout;
use crate::time::Micros;

pub use action_note::{ActionNote, ActionOrder};
pub use command::{Command, Issued};
pub use input::{Input, InputError};
pub use note::{Note, NoteBody};
pub use people::Saying;
pub use setup::{ConfigSetup, RetryPolicy, Setup, SetupError};
pub use suspicion::{RankedSuspect, SUSPECTS_MAX};
pub use telling::{NotifyingError, NotifyingPolicy};

use commands::Outstanding;
use rollouts::Flight;
use suspicion::{Raised, RaisedBy, Seen};
use telling::Telling;

/// Why the plane wants to be woken. The order breaks ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// A stage should have reached its instances by now.
    PushDeadline(RolloutId),
    /// A judge is due.
    Check(RolloutId),
    /// Something of an incident is due: the answer to a page, a lower severity, a status post.
    Incident,
    /// Something of an action is due: its deadline, or the next look of a drain.
    Remediation,
    /// The alert rules are due.
    AlertEvaluation,
    /// A group of alerts is due to be looked at.
    Notifying,
    /// A failed command is due again.
    RetryCommand(CommandId),
}

/// The brain: config store, rollouts, judges, alerts and incidents behind four verbs.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlPlane {
    setup: Setup,
    now: Micros,
    store: ConfigStore,
    flights: Vec<Flight>,
    alerts: AlertBook,
    symptoms: Symptoms,
    /// Symptoms that fire.
    symptom_alerts: BTreeMap<LabelSet, AlertId>,
    /// On what way alerts are told; nothing where they are told at once.
    telling: Option<Telling>,
    incidents: IncidentBook,
    remediation: Remediation,
    /// What each objective's service showed lately, by region and version.
    seen: Vec<Seen>,
    /// Every paging alert, whether it still fires or not.
    raised: BTreeMap<AlertId, Raised>,
    /// The alert of what users complain about, as long as they do.
    reported: Option<AlertId>,
    /// What each service depends on, at the end of the shortest chain of calls.
    reach: BTreeMap<ServiceId, Vec<Dependency>>,
    windows_seen: WindowsSeen,
    /// What services showed lately, for judges that compare with the time before.
    pasts: BTreeMap<ServiceId, Past>,
    next_evaluation: Micros,
    outstanding: BTreeMap<CommandId, Outstanding>,
    next_command: u64,
    next_note: u64,
    commands: VecDeque<Issued>,
    notes: VecDeque<Note>,
    /// Whether an input, and not a timer, is being handled.
    in_input: bool,
    plans: BTreeMap<ChangeId, PlanId>,
    change_notes: BTreeMap<ChangeId, NoteId>,
    alert_notes: BTreeMap<AlertId, NoteId>,
    incident_notes: BTreeMap<IncidentId, NoteId>,
    page_notes: BTreeMap<PageId, NoteId>,
    /// The suspects that whoever is at work on an incident was shown last.
    shown_suspects: BTreeMap<IncidentId, Vec<RolloutId>>,
    action_notes: BTreeMap<ActionId, NoteId>,
}

impl ControlPlane {
    /// A plane at time zero with nothing under way.
    ///
    /// # Errors
    /// When the setup contradicts itself.
    pub fn new(setup: Setup) -> Result<Self, SetupError> {
        setup.check()?;
        let telling = setup.notifying.as_ref().map(NotifyingPolicy::build);
        let telling = telling.transpose().map_err(SetupError::Notifying)?;
        let telling = telling.map(Telling::new);
        let schemas = setup
            .configs
            .iter()
            .map(|config| config.schema.clone())
            .collect();
        Ok(Self {
            now: Micros::ZERO,
            store: ConfigStore::new(schemas),
            flights: Vec::new(),
            alerts: AlertBook::new(setup.slos.clone()),
            symptoms: Symptoms::new(setup.symptoms.clone(), setup.evaluate_every),
            symptom_alerts: BTreeMap::new(),
            telling,
            incidents: IncidentBook::new(setup.incidents.clone()),
            remediation: Remediation::new(setup.remediation()),
            seen: setup.slos.iter().map(|_| Seen::default()).collect(),
            raised: BTreeMap::new(),
            reported: None,
            reach: suspicion::reach(&setup.dependencies),
            windows_seen: WindowsSeen::default(),
            pasts: setup.pasts(),
            next_evaluation: setup.evaluate_every,
            outstanding: BTreeMap::new(),
            next_command: 0,
            next_note: 0,
            commands: VecDeque::new(),
            notes: VecDeque::new(),
            in_input: false,
            plans: BTreeMap::new(),
            change_notes: BTreeMap::new(),
            alert_notes: BTreeMap::new(),
            incident_notes: BTreeMap::new(),
            page_notes: BTreeMap::new(),
            shown_suspects: BTreeMap::new(),
            action_notes: BTreeMap::new(),
            setup,
        })
    }

    /// Rebuilds a plane from the inputs it was given, in order, up to `now`. What it would have
    /// ordered and noted on the way is dropped: it was ordered and noted then. Orders that may
    /// not have left before the crash are among [`ControlPlane::outstanding`].
    ///
    /// Inputs that were refused may be in the journal, except those refused as
    /// [`InputError::TimeWentBack`]: they never reached the plane.
    ///
    /// # Errors
    /// When the setup contradicts itself.
    pub fn replay<'a>(
        setup: Setup,
        journal: impl IntoIterator<Item = &'a (Micros, Input)>,
        now: Micros,
    ) -> Result<Self, SetupError> {
        let mut plane = Self::new(setup)?;
        for (at, input) in journal {
            // An input that was refused then is refused now, with the same effect.
            let _refused = plane.handle(*at, input.clone());
            plane.drop_output();
        }
        if now >= plane.now {
            plane.handle_timeout(now);
            plane.drop_output();
        }
        Ok(plane)
    }

    /// Takes in a fact.
    ///
    /// # Errors
    /// When the fact cannot be true, or may not be acted on. Time may have passed then (timers
    /// due by `now` were handled); nothing else changed.
    ///
    /// # Panics
    /// When the commands or notes of the last call were not drained.
    pub fn handle(&mut self, now: Micros, input: Input) -> Result<(), InputError> {
        if now < self.now {
            return Err(InputError::TimeWentBack {
                now,
                last: self.now,
            });
        }
        self.handle_timeout(now);
        self.in_input = true;
        let handled = self.apply(input);
        self.in_input = false;
        handled
    }

    /// Handles every timer due by `now`, each at its own time. Early or repeated calls do nothing.
    ///
    /// # Panics
    /// When the commands or notes of the last call were not drained.
    pub fn handle_timeout(&mut self, now: Micros) {
        assert!(
            self.commands.is_empty() && self.notes.is_empty(),
            "drain commands and notes before the next call"
        );
        while let Some((due, timer)) = self.poll_timeout().filter(|(due, _)| *due <= now) {
            self.now = self.now.max(due);
            self.fire(timer);
        }
        self.now = self.now.max(now);
        // Nothing of it is due any more: only its clock moves on.
        self.remediation.handle_timeout(self.now);
    }

    /// The next order to the outside. Drain after every call.
    #[must_use]
    pub fn poll_command(&mut self) -> Option<Issued> {
        self.commands.pop_front()
    }

    /// The next note to readers. Drain after every call.
    #[must_use]
    pub fn poll_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    /// The next moment at which [`ControlPlane::handle_timeout`] has something to do, and what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Micros, TimerKind)> {
        let rollouts = self.flights.iter().filter_map(Flight::poll_timeout);
        let evaluation = Some((self.next_evaluation, TimerKind::AlertEvaluation));
        let incident = self
            .incidents
            .poll_timeout()
            .map(|due| (due, TimerKind::Incident));
        let telling = self.telling.as_ref().and_then(Telling::poll_timeout);
        let telling = telling.map(|due| (due, TimerKind::Notifying));
        let remediation = self
            .remediation
            .poll_timeout()
            .map(|due| (due, TimerKind::Remediation));
        let retries = self.outstanding.iter().filter_map(|(id, command)| {
            command
                .retry_at
                .map(|due| (due, TimerKind::RetryCommand(*id)))
        });
        rollouts
            .chain(evaluation)
            .chain(incident)
            .chain(telling)
            .chain(remediation)
            .chain(retries)
            .min()
    }

    /// The commands that nobody reported on yet, oldest first. After a restart the driver gives
    /// them again: some may never have left.
    pub fn outstanding(&self) -> impl Iterator<Item = &Issued> {
        self.outstanding.values().map(|command| &command.issued)
    }

    /// The time of the last call.
    #[must_use]
    pub const fn now(&self) -> Micros {
        self.now
    }

    /// The config store.
    #[must_use]
    pub const fn store(&self) -> &ConfigStore {
        &self.store
    }

    /// The alerts.
    #[must_use]
    pub const fn alerts(&self) -> &AlertBook {
        &self.alerts
    }

    /// The incidents.
    #[must_use]
    pub const fn incidents(&self) -> &IncidentBook {
        &self.incidents
    }

    /// What is done about outages.
    #[must_use]
    pub const fn remediation(&self) -> &Remediation {
        &self.remediation
    }

    /// The rollout with this id.
    #[must_use]
    pub fn rollout(&self, id: RolloutId) -> Option<&Rollout> {
        self.flights.get(id.index()).map(|flight| &flight.rollout)
    }

    fn drop_output(&mut self) {
        self.commands.clear();
        self.notes.clear();
    }

    fn fire(&mut self, timer: TimerKind) {
        match timer {
            TimerKind::PushDeadline(id) => self.push_deadline(id),
            TimerKind::Check(id) => self.check(id),
            TimerKind::AlertEvaluation => self.evaluate_alerts(),
            TimerKind::Incident => self.incident_due(),
            TimerKind::Notifying => self.telling_due(),
            TimerKind::Remediation => self.remediation_due(),
            TimerKind::RetryCommand(id) => self.retry(id),
        }
    }

    fn apply(&mut self, input: Input) -> Result<(), InputError> {
        match input {
            Input::ChangeProposed {
                config,
                author,
                edits,
                plan,
            } => self.propose(config, author, edits, plan),
            Input::ChangeReviewed {
                change,
                reviewer,
                decision,
            } => self.review(change, reviewer, decision),
            Input::WindowArrived { window } => self.window_arrived(&window),
            Input::HistoryLoaded { slo, history } => self.load_history(slo, history),
            Input::ExposureReported {
                rollout,
                region,
                report,
                acknowledged,
            } => self.exposure_reported(rollout, region, report, acknowledged),
            Input::PageAcknowledged { page, by } => self.page_acknowledged(page, by),
            Input::OperatorOrdered { rollout, order, by } => self.ordered(rollout, order, by),
            Input::Remediation { fact } => self.remediate(fact),
            Input::TroubleReported { service, by } => self.trouble_reported(service, by),
            Input::TroubleEnded => self.trouble_ended(),
            Input::Said {
                incident,
                by,
                saying,
            } => self.said(incident, by, saying),
            Input::CommandDone { command } => self.command_done(command),
            Input::CommandFailed { command } => self.command_failed(command),
        }
    }

    fn note(&mut self, because: impl IntoIterator<Item = NoteId>, body: NoteBody) -> NoteId {
        let id = NoteId(self.next_note);
        self.next_note += 1;
        let because = because.into_iter().collect();
        self.notes.push_back(Note {
            id,
            at: self.now,
            because,
            by_input: self.in_input,
            body,
        });
        id
    }
}
