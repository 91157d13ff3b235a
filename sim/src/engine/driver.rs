//! The loop: next event or next timer, whichever is earlier; drain the core; write the log.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::Micros;
use firedrill_core::alerting::SloHistory;
use firedrill_core::config::VersionId;
use firedrill_core::health::{Outcome, TelemetryWindow};
use firedrill_core::ids::{
    ChangeId, CommandId, IncidentId, PageId, RolloutId, ServiceId, SloId, TeamId,
};
use firedrill_core::incident::Audience;
use firedrill_core::plane::{Command, ControlPlane, Input, Issued, Note, NoteBody};
use firedrill_core::rollout::Order;

use crate::log::{Actor, PersonEvent, RunLog, ToolPurpose, VerdictTruth, WorldEvent};
use crate::random::Draws;
use crate::spec::{Defect, Scenario, ToolKind};
use crate::world::people::{Circumstances, People};
use crate::world::{PEOPLE, steady_rates};

use super::actions::{Acting, Doing};
use super::causes::Causes;
use super::drawn;
use super::header::header;
use super::status::Posting;
use super::subjects::{actor_of, subject_of_command};
use super::support::Heard;
use super::surroundings::Surroundings;
use super::teams::AtWork;
use super::tools::{Toolbox, Wish, to_carry};
use super::{EventQueue, Journal, Tamper};

/// From the core to distribution or pager.
const COMMAND_DELAY: Micros = Micros::from_millis(200);

/// What is to come.
pub(super) enum Next {
    /// The world moves.
    Step,
    /// A scrape reaches the core.
    Window(Box<TelemetryWindow>),
    /// Somebody proposes a change.
    Propose(usize),
    /// The reviewer of a change decides.
    Review { change: ChangeId, spec: usize },
    /// A command reaches distribution or the pager.
    Command(Issued),
    /// Whoever is on call answers a page.
    Answer {
        incident: IncidentId,
        page: PageId,
        paged: u64,
    },
    /// Somebody does something about an outage.
    Act(Doing),
    /// Whoever is on call knows what to do.
    Decide {
        page: PageId,
        blamed: Option<RolloutId>,
        answered: u64,
    },
    /// Something that waited for a tool, or took another way, may be done.
    Errand(u64),
    /// Support reaches whoever is on call.
    Called,
    /// Somebody has written a post for these readers.
    Post((IncidentId, Audience)),
    /// Somebody else of a team is on call from now on, or nobody.
    ShiftEnds(TeamId),
}

/// What somebody takes for the cause, and takes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    page: PageId,
    rollout: RolloutId,
}

pub(crate) struct Driver<'a, W> {
    pub(super) scenario: &'a Scenario,
    pub(super) plane: ControlPlane,
    pub(super) world: W,
    pub(super) people: People,
    pub(super) tools: Toolbox,
    pub(super) heard: Heard,
    pub(super) posting: Posting,
    pub(super) at_work: AtWork,
    pub(super) queue: EventQueue<Next>,
    pub(super) log: RunLog,
    journal: Option<Journal>,
    pub(super) now: Micros,
    /// The log's numbers of the core's notes.
    note_events: Vec<u64>,
    command_events: BTreeMap<CommandId, u64>,
    pub(super) change_specs: BTreeMap<ChangeId, usize>,
    /// What is wrong with each change of the scenario.
    pub(super) defects: Vec<Option<Defect>>,
    /// The change whose proposal is being handled.
    pub(super) proposing: Option<usize>,
    /// The open incidents that whoever is on call is at work on.
    pub(super) answered: BTreeSet<IncidentId>,
    pub(super) causes: Causes,
    pub(super) acting: Acting,
}

impl<'a, W: Surroundings> Driver<'a, W> {
    /// A run that has not begun. `world` makes the world from the versions that run from the
    /// start, by service.
    pub(crate) fn new(
        scenario: &'a Scenario,
        seed: u64,
        tamper: Option<&Tamper>,
        world: impl FnOnce(&[VersionId]) -> W,
    ) -> Self {
        let plane = ControlPlane::new(scenario.setup()).expect("the scenario was checked");
        let initial: Vec<VersionId> = (0..scenario.fleet.services.len())
            .map(|service| initial_version(scenario, &plane, ServiceId(service as u16)))
            .collect();
        let drawn = drawn::draw(scenario, seed, tamper);
        Self {
            world: world(&initial),
            people: People::new(Draws::new(seed, PEOPLE, tamper)),
            tools: Toolbox::new(scenario, Draws::new(seed, PEOPLE, tamper)),
            heard: Heard::default(),
            posting: Posting::default(),
            at_work: AtWork::default(),
            queue: EventQueue::default(),
            log: RunLog::new(header(scenario, seed, drawn.clone())),
            journal: None,
            now: Micros::ZERO,
            note_events: Vec::new(),
            command_events: BTreeMap::new(),
            change_specs: BTreeMap::new(),
            defects: drawn::defects(scenario, &drawn),
            proposing: None,
            answered: BTreeSet::new(),
            causes: Causes::default(),
            acting: Acting::new(scenario, Draws::new(seed, PEOPLE, tamper)),
            scenario,
            plane,
        }
    }

    pub(crate) fn run(mut self) -> RunLog {
        self.play();
        self.log
    }

    pub(super) fn run_recorded(mut self) -> (RunLog, Journal, ControlPlane) {
        self.journal = Some(Journal::new());
        self.play();
        (self.log, self.journal.unwrap_or_default(), self.plane)
    }

    fn play(&mut self) {
        self.load_history();
        for (index, change) in self.scenario.changes.iter().enumerate() {
            self.queue.push(change.at, Next::Propose(index));
        }
        self.watch_shifts();
        self.queue.push(self.scenario.step, Next::Step);
        let end = self.scenario.duration;
        loop {
            let event = self.queue.next_at().filter(|at| *at <= end);
            let timer = self
                .plane
                .poll_timeout()
                .map(|(at, _)| at)
                .filter(|at| *at <= end);
            match (event, timer) {
                (None, None) => break,
                (event, Some(timer)) if event.is_none_or(|event| timer <= event) => {
                    self.now = timer;
                    self.plane.handle_timeout(timer);
                    self.drain(None);
                }
                (Some(_), _) => {
                    let (at, next) = self.queue.pop().expect("an event is next");
                    self.now = at;
                    self.happen(next);
                }
                (None, Some(_)) => unreachable!("a timer without an event comes first"),
            }
        }
        self.now = end;
        let events = self.world.close(end);
        self.log_world(events);
        self.log
            .push(end, Actor::World, "run", vec![], WorldEvent::RunEnded);
    }

    fn happen(&mut self, next: Next) {
        match next {
            Next::Step => self.step(),
            Next::Window(window) => {
                if self.stores_scrape() {
                    self.watch(&window);
                    self.tell(Input::WindowArrived { window }, None);
                }
            }
            Next::Act(doing) => self.act(doing),
            Next::Propose(index) => self.propose(index),
            Next::Review { change, spec } => {
                let review = &self.scenario.changes[spec].review;
                let (reviewer, decision) = (review.reviewer.clone(), review.decision);
                self.tell(
                    Input::ChangeReviewed {
                        change,
                        reviewer,
                        decision,
                    },
                    None,
                );
            }
            Next::Command(issued) => self.command(&issued),
            Next::Answer {
                incident,
                page,
                paged,
            } => {
                // Nobody takes up twice what they are at work on, or what is another team's now.
                if !self.is_rerouted(page) && self.answered.insert(incident) {
                    self.answer(page, paged);
                }
            }
            Next::Decide {
                page,
                blamed,
                answered,
            } => self.decide(page, blamed, answered),
            Next::Errand(number) => self.run_errand(number),
            Next::Called => self.called(),
            Next::Post(post) => self.post_written(post),
            Next::ShiftEnds(team) => self.shift_ends(team),
        }
    }

    fn step(&mut self) {
        let now = self.now;
        let events = self.world.advance(now);
        self.log_world(events);
        if now.0.is_multiple_of(self.scenario.telemetry.scrape_every.0) {
            let (deliveries, sample) = self.world.end_interval(now);
            let reports = deliveries.iter().map(|one| one.window.user_reports).max();
            let more = self.store_latency();
            for delivery in deliveries {
                let window = Next::Window(delivery.window);
                self.queue.push(delivery.at + more, window);
            }
            self.observe_health(&sample);
            self.hear_users(reports.unwrap_or(0));
            let sample = WorldEvent::Sample(Box::new(sample));
            self.log.push(now, Actor::World, "fleet", vec![], sample);
        }
        for news in self.world.exposure_news() {
            let cause = self.causes.taken.get(&news.rollout).copied();
            let input = Input::ExposureReported {
                rollout: news.rollout,
                region: news.region,
                report: news.report,
                acknowledged: news.acknowledged,
            };
            self.tell(input, cause);
        }
        self.report_capacity();
        self.tell_actions();
        self.check_invariants();
        self.look_at_tools();
        self.queue.push(now + self.scenario.step, Next::Step);
    }

    fn propose(&mut self, index: usize) {
        let change = &self.scenario.changes[index];
        self.proposing = Some(index);
        let input = Input::ChangeProposed {
            config: change.config,
            author: change.author.clone(),
            edits: change.edits.clone(),
            plan: change.plan,
        };
        self.tell(input, None);
        self.proposing = None;
    }

    fn command(&mut self, issued: &Issued) {
        let now = self.now;
        let ordered = self.command_events[&issued.id];
        if let Command::Page { incident, page, .. } = &issued.command {
            let Some(on_its_way) = self.send_page(ToolPurpose::Page(*page), ordered) else {
                self.tell(Input::CommandFailed { command: issued.id }, None);
                return;
            };
            let model = self.responders(*page);
            let asked = (*page, now);
            let delay = self
                .people
                .acknowledge(self.scenario, model.as_ref(), asked);
            let answer = Next::Answer {
                incident: *incident,
                page: *page,
                paged: ordered,
            };
            if let Some(delay) = delay {
                self.queue.push(now + on_its_way + delay, answer);
            }
        }
        self.order_tool(issued, ordered);
        if let Some(rollout) = issued.command.rollout() {
            if matches!(issued.command, Command::RollBack { .. }) {
                self.drop_pushes(rollout);
            }
            let wish = Wish::Carry(issued.clone());
            let purpose = to_carry(issued.id);
            return self.wish(ToolKind::Distribution, purpose, (wish, ordered));
        }
        self.tell(Input::CommandDone { command: issued.id }, None);
    }

    /// Distribution takes a command over.
    pub(super) fn carry(&mut self, issued: &Issued, because: u64) {
        let now = self.now;
        if let Some(rollout) = issued.command.rollout() {
            self.world.take_command(now, issued);
            let subject = self.rollout_subject(rollout);
            let body = WorldEvent::CommandTaken { command: issued.id };
            let taken = self
                .log
                .push(now, Actor::Distribution, subject, vec![because], body);
            self.causes.taken.insert(rollout, taken);
            if matches!(issued.command, Command::RollBack { .. }) {
                self.causes.rollback_taken = Some(taken);
            }
        }
        self.tell(Input::CommandDone { command: issued.id }, None);
    }

    /// Somebody takes up a page, and looks at what is suspected by then.
    pub(super) fn answer(&mut self, page: PageId, paged: u64) {
        let now = self.now;
        let body = PersonEvent::PageAnswered { page };
        let answered = self.log.push(now, Actor::OnCall, "page", vec![paged], body);
        let by = self.takes_up(page);
        self.tell(Input::PageAcknowledged { page, by }, Some(answered));
        self.takes_command(page, answered);
        let incident = self.incident_of(page);
        let suspects = self.plane.suspects(incident);
        let suspects: Vec<_> = suspects.iter().map(|suspect| suspect.rollout).collect();
        let shown = self.with_truth(&suspects);
        let circumstances = Circumstances {
            sight: self.look_with(page, answered),
            can_talk: self.tools.can_talk(now),
            busy: self.busy(incident),
            shift_ends_in: self.shift_ends_in(page),
        };
        let model = self.responders(page);
        let asked = (incident, page, now);
        let moves =
            self.people
                .diagnose(self.scenario, model.as_ref(), asked, &shown, circumstances);
        for act in moves {
            let decide = Next::Decide {
                page,
                blamed: act.blamed,
                answered,
            };
            self.queue.push(now + act.after, decide);
        }
    }

    fn decide(&mut self, page: PageId, rollout: Option<RolloutId>, answered: u64) {
        if self.people.are_done_with(page) {
            return;
        }
        let body = PersonEvent::CauseSuspected { page, rollout };
        let subject = rollout.map_or_else(|| "page".into(), |id| self.rollout_subject(id));
        let decided = self
            .log
            .push(self.now, Actor::OnCall, subject, vec![answered], body);
        if let Some(rollout) = rollout
            && !self.passes_on(page, rollout, decided)
        {
            let wish = Wish::Order(Verdict { page, rollout });
            let purpose = ToolPurpose::Order(rollout);
            self.wish(ToolKind::RollbackService, purpose, (wish, decided));
        }
    }

    /// Somebody orders a rollback, if it still matters to them.
    pub(super) fn order(&mut self, verdict: &Verdict, because: u64) {
        if self.people.are_done_with(verdict.page) {
            return;
        }
        let input = Input::OperatorOrdered {
            rollout: verdict.rollout,
            order: Order::RollBack,
            by: self.principal(verdict.page),
        };
        self.tell(input, Some(because));
    }

    /// The metrics store remembers a long time of ordinary service.
    fn load_history(&mut self) {
        for index in 0..self.scenario.slos.len() {
            let slo = SloId(index as u16);
            let (requests, bad) = steady_rates(self.scenario, slo);
            let history = SloHistory {
                requests_per_hour: (requests * 3_600.0) as u64,
                bad_per_hour: (bad * 3_600.0) as u64,
            };
            self.tell(Input::HistoryLoaded { slo, history }, None);
        }
    }

    /// Tells the core something; `cause` is the event that it follows from.
    pub(super) fn tell(&mut self, input: Input, cause: Option<u64>) {
        if let Some(journal) = &mut self.journal {
            journal.push((self.now, input.clone()));
        }
        if let Err(error) = self.plane.handle(self.now, input) {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                text = format!("{text}: {inner}");
                source = inner.source();
            }
            let body = WorldEvent::InputRefused { error: text };
            let cause = cause.into_iter().collect();
            self.log.push(self.now, Actor::Core, "input", cause, body);
        }
        self.drain(cause);
    }

    fn drain(&mut self, cause: Option<u64>) {
        while let Some(note) = self.plane.poll_note() {
            self.note(note, cause);
        }
        while let Some(issued) = self.plane.poll_command() {
            let because = issued
                .because
                .iter()
                .map(|note| self.note_events[note.index()]);
            let because: Vec<u64> = because.collect();
            let subject = match issued.command.rollout() {
                Some(rollout) => self.rollout_subject(rollout),
                None => subject_of_command(&issued.command),
            };
            let body = issued.command.clone();
            let event = self.log.push(self.now, Actor::Core, subject, because, body);
            self.command_events.insert(issued.id, event);
            self.queue
                .push(self.now + COMMAND_DELAY, Next::Command(issued));
        }
        self.write_posts();
    }

    fn note(&mut self, note: Note, cause: Option<u64>) {
        let mut because: Vec<u64> = note
            .because
            .iter()
            .map(|note| self.note_events[note.index()])
            .collect();
        because.extend(cause.filter(|_| note.by_input));
        because.extend(self.world_cause(&note.body));
        because.sort_unstable();
        because.dedup();
        let (actor, subject) = (actor_of(&note.body), self.subject_of(&note.body));
        let event = self
            .log
            .push(note.at, actor, subject, because, note.body.clone());
        assert_eq!(
            self.note_events.len() as u64,
            note.id.0,
            "notes are numbered in order"
        );
        self.note_events.push(event);
        self.react(&note.body, event);
        self.follow_playbook(&note.body, event);
    }

    /// What in the world a note follows from: the core cannot know it, the log can.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other notes follow from notes"
    )]
    fn world_cause(&self, body: &NoteBody) -> Option<u64> {
        match body {
            NoteBody::VerdictReached {
                rollout, verdict, ..
            } if verdict.outcome == Outcome::Fail => {
                self.causes.defect_active.get(rollout).copied()
            }
            NoteBody::AlertFired { alert } => self.causes.breach.get(&alert.slo).copied(),
            _ => None,
        }
    }

    /// What the world, and the people in it, do about a note.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "they take no notice of most"
    )]
    fn react(&mut self, body: &NoteBody, event: u64) {
        match body {
            NoteBody::ChangeProposed {
                change,
                config,
                candidate,
                ..
            } => {
                let index = self
                    .proposing
                    .expect("changes are proposed by the scenario");
                self.change_specs.insert(*change, index);
                let defect = self.defects[index].as_ref();
                let service = self.scenario.configs[config.index()].service;
                let document = self.plane.store().document(*config, *candidate);
                let document = document.cloned().unwrap_or_default();
                self.world
                    .add_version(*candidate, service, defect.cloned(), &document);
                if let Some(defect) = defect {
                    let body = WorldEvent::DefectArmed {
                        change: *change,
                        mechanism: defect.mechanism,
                        story: defect.story.clone(),
                        drawn: drawn::record_of(&self.log.header().drawn, index),
                    };
                    let subject = self.scenario.configs[config.index()].schema.name.clone();
                    let armed = self
                        .log
                        .push(self.now, Actor::World, subject, vec![event], body);
                    self.causes.armed.insert(*change, armed);
                }
            }
            NoteBody::ChangeValidated { change, .. } => {
                let spec = self.change_specs[change];
                let delay = self
                    .people
                    .review(&self.scenario.changes[spec].review, spec);
                self.queue.push(
                    self.now + delay,
                    Next::Review {
                        change: *change,
                        spec,
                    },
                );
            }
            NoteBody::RolloutStarted {
                rollout,
                change,
                candidate,
                ..
            } => {
                self.causes.rollout_change.insert(*rollout, *change);
                self.world.bind_rollout(*rollout, *candidate);
            }
            NoteBody::StageEntered { rollout, .. } => self.world.stage_entered(*rollout),
            NoteBody::VerdictReached {
                rollout,
                stage,
                verdict,
            } => {
                let truth = self.world.verdict_truth(*rollout, *stage, verdict.outcome);
                self.log_truth(*rollout, truth, event);
            }
            NoteBody::IncidentResolved { incident } => {
                self.let_go(*incident);
            }
            NoteBody::IncidentMoved {
                incident, from, to, ..
            } => self.incident_moved(*incident, *from, *to, event),
            _ => {}
        }
    }

    /// Writes down what a judge had in front of it and could not know.
    fn log_truth(&mut self, rollout: RolloutId, truth: Option<VerdictTruth>, event: u64) {
        if let Some(truth) = truth {
            let subject = self.rollout_subject(rollout);
            let body = WorldEvent::VerdictTruth(truth);
            self.log
                .push(self.now, Actor::World, subject, vec![event], body);
        }
    }

    fn log_world(&mut self, events: Vec<WorldEvent>) {
        for event in events {
            let (subject, cause) = self.explain(&event);
            let seq = self
                .log
                .push(self.now, Actor::World, subject, cause, event.clone());
            self.causes.record(&event, seq);
        }
    }
}

/// The version that a service's instances run from the start: that of its config, or a stand-in
/// for a service without one.
fn initial_version(scenario: &Scenario, plane: &ControlPlane, service: ServiceId) -> VersionId {
    let config = scenario
        .configs
        .iter()
        .position(|config| config.service == service);
    match config {
        Some(index) => plane
            .store()
            .last_known_good(firedrill_core::ids::ConfigId(index as u16)),
        None => {
            let name = &scenario.fleet.services[service.index()].name;
            VersionId::of(name, &firedrill_core::config::Document::new())
        }
    }
}
