//! The plane, its world and its books: carries out actions, checks invariants after every call.

use std::path::Path;

use firedrill_core::Micros;
use firedrill_core::alerting::SloHistory;
use firedrill_core::config::{Decision, Edit, Value, VersionId};
use firedrill_core::health::{
    ClassCounts, InstanceCounts, LatencyHistogram, ProbeCounts, Saturation, TelemetryWindow,
};
use firedrill_core::ids::{
    ChangeId, ClassId, CommandId, ConfigId, IncidentId, PageId, PersonId, PlanId, RegionId,
    RolloutId, ServiceId, SloId, TeamId,
};
use firedrill_core::incident::{Audience as IncidentAudience, IncidentRole};
use firedrill_core::plane::{
    Command, ControlPlane, Input, InputError, Issued, Note, Saying, Setup,
};
use firedrill_core::remediation::AutomationMode;
use firedrill_core::rollout::{ExposureReport, Order, State};

use super::action::{Action, Age, Arm, Fate, Lie, Quality, Weather};
use super::books::Books;
use super::deeds;
use super::fleet::Fleet;
use super::invariants as must;
use super::marks::{Mark, Marks};
use super::recovery::{Call, invariant_recovery_is_seamless};
use super::setup::{REGIONS, SCRAPE, SERVICES, principal, setup};

const OWNER: u8 = 1;
const ON_CALL: u8 = 2;
/// How many reports the network may still bring.
const COPIES_MAX: usize = 12;
/// An id that no run reaches.
const NEVER_GIVEN: u64 = 1_000_000;
/// The setup pages three times at one level, a minute each.
const LONGEST_ESCALATION: Micros = Micros::from_mins(3);
/// How long a world in which nothing fails any more may take to settle, in scrapes.
const SETTLE_TICKS: u32 = 240;

/// What one call brought.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    pub(crate) limits_before: Vec<u32>,
    pub(crate) notes: Vec<Note>,
    pub(crate) is_refused: bool,
}

/// The plane in its world.
#[derive(Debug)]
pub(crate) struct Drill {
    pub(crate) setup: Setup,
    pub(crate) plane: ControlPlane,
    /// A plane that gets the same inputs and never wakes between them: a replay, kept up to date.
    pub(crate) twin: ControlPlane,
    pub(crate) fleet: Fleet,
    pub(crate) books: Books,
    pub(crate) step: Step,
    pub(crate) calls: Vec<Call>,
    /// Every command, in the order in which they were given, retries included.
    pub(crate) given: Vec<Issued>,
    now: Micros,
    /// Commands on their way to distribution.
    inbox: Vec<Issued>,
    /// Exposure reports on their way to the plane.
    reports: Vec<Input>,
    pages: Vec<PageId>,
    marks: Marks,
}

impl Drill {
    /// A fleet at its initial versions and a plane at time zero.
    pub(crate) fn new(automation: AutomationMode) -> Self {
        let setup = setup(automation);
        let plane = ControlPlane::new(setup.clone()).expect("the setup is sound");
        let initial = |config| plane.store().last_known_good(config);
        Self {
            fleet: Fleet::new(initial),
            books: Books::new(setup.clone(), initial),
            twin: plane.clone(),
            plane,
            setup,
            step: Step::default(),
            calls: Vec::new(),
            given: Vec::new(),
            now: Micros::ZERO,
            inbox: Vec::new(),
            reports: Vec::new(),
            pages: Vec::new(),
            marks: Marks::default(),
        }
    }

    /// The rare paths taken so far.
    pub(crate) const fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Carries out an action.
    pub(crate) fn act(&mut self, action: &Action) {
        match *action {
            Action::Propose {
                config,
                author,
                value,
                plan,
            } => self.propose(config, author, value, plan),
            Action::Review {
                change,
                reviewer,
                approve,
            } => self.review(change, reviewer, approve),
            Action::Launch {
                config,
                value,
                plan,
            } => self.launch(config, value, plan),
            Action::Wait { seconds, prompt } => {
                self.wait(Micros::from_secs(seconds.into()), prompt)
            }
            Action::Scrape {
                service,
                region,
                arm,
                quality,
                age,
            } => self.scrape(service.into(), region.into(), arm, quality, age),
            Action::FalseScrape { service, lie } => self.false_scrape(service.into(), lie),
            Action::Take { command, fate } => self.take(command.into(), fate),
            Action::Outage { ticks } => (0..ticks).for_each(|_| self.refuse_all()),
            Action::ReportAgain { command, failed } => self.report_again(command.into(), failed),
            Action::Distribute { hosts } => self.fleet.distribute(usize::from(hosts) % 20),
            Action::Reach { host, reachable } => {
                let host = usize::from(host) % self.fleet.hosts.len();
                self.fleet.set_reachable(host, reachable);
            }
            Action::Count {
                rollout,
                region,
                arrives,
            } => self.count(rollout, region, arrives),
            Action::Deliver { report } => self.deliver(report.into()),
            Action::FalseReport { rollout } => self.false_report(rollout.into()),
            Action::Overreach { rollout, region } => self.overreach(rollout, region),
            Action::Order { rollout, order, by } => self.order_any(rollout, order, by),
            Action::Acknowledge { page, by } => {
                self.acknowledge(page.into(), by);
            }
            Action::Wish { .. }
            | Action::Tell { .. }
            | Action::Drain { .. }
            | Action::Overrule { .. }
            | Action::Say { .. }
            | Action::Trouble { .. } => self.respond(action),
            Action::LoadHistory { slo, bad_share } => self.load_history(slo, bad_share),
            Action::TurnBackTime { seconds } => self.turn_back(Micros::from_secs(seconds.into())),
            Action::Flow {
                ticks,
                pace,
                weather,
            } => (0..ticks).for_each(|_| self.tick(pace.into(), weather)),
        }
        self.check_now();
    }

    /// What people do about an outage, and what becomes of it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest is done by the caller"
    )]
    fn respond(&mut self, action: &Action) {
        match *action {
            Action::Wish {
                what,
                target,
                by,
                key,
            } => self.wish(what, target, by, key),
            Action::Tell { action, fact } => self.tell(action, fact),
            Action::Drain { region, steps } => self.drain_region(region, steps),
            Action::Overrule {
                rollout,
                asks,
                seconds,
            } => self.overrule(rollout, asks, seconds),
            Action::Say {
                incident,
                by,
                what,
                whom,
            } => self.say(incident, by, what, whom),
            Action::Trouble { service, over } => self.trouble(service, over),
            _ => {}
        }
    }

    /// The dearer invariants, once an action.
    pub(crate) fn check_after_action(&self) {
        self.require(must::invariant_replay_equals_live(self));
        self.require(must::invariant_nothing_is_forgotten(self));
        self.require(must::invariant_store_agrees(self));
        self.require(must::invariant_one_commander(self));
        self.require(must::invariant_paging_is_bounded(self));
    }

    /// Everything stops failing: the world settles in time, on what is known good, and the run
    /// can be taken up anywhere.
    pub(crate) fn finish(&mut self) {
        for host in 0..self.fleet.hosts.len() {
            self.fleet.set_reachable(host, true);
        }
        self.reports.clear();
        let mut ticks = 0;
        while !self.is_settled() {
            ticks += 1;
            let states: Vec<_> = self.states().collect();
            self.require(if ticks > SETTLE_TICKS {
                Err(format!("not settled after {ticks} ticks: {states:?}"))
            } else {
                Ok(())
            });
            self.tick(usize::MAX, Weather::Good);
            self.operate();
        }
        self.tick(usize::MAX, Weather::Good);
        self.require(self.invariant_settles_on_last_known_good());
        // Nobody answers any more: paging ends all the same.
        self.trouble(0, false);
        self.wait(LONGEST_ESCALATION, true);
        self.require(must::invariant_escalations_end(self));
        self.require(invariant_recovery_is_seamless(self));
    }

    /// What an operator does once things work again: ends what stands in the way, takes up what is paused, takes back what
    /// was stopped, answers pages.
    fn operate(&mut self) {
        self.restore_all();
        let states: Vec<_> = self.states().collect();
        for (id, state) in states {
            match state {
                State::Paused => self.order(id, Order::Resume, ON_CALL),
                State::Aborted => self.order(id, Order::RollBack, ON_CALL),
                State::Pushing
                | State::Baking
                | State::Completed
                | State::RollingBack
                | State::RolledBack => {}
            }
        }
        for page in self.pages.clone() {
            self.call(Some(Input::PageAcknowledged {
                page,
                by: principal(ON_CALL),
            }));
        }
    }

    fn states(&self) -> impl Iterator<Item = (RolloutId, State)> {
        let ids = (0..self.books.trips.len()).map(|index| RolloutId(index as u32));
        ids.map(|id| (id, self.plane.rollout(id).expect("it was started").state()))
    }

    fn is_settled(&self) -> bool {
        let is_over = |state| matches!(state, State::Completed | State::RolledBack);
        self.states().all(|(_, state)| is_over(state))
            && self.inbox.is_empty()
            && self.plane.outstanding().next().is_none()
    }

    /// A world in which nothing fails settles, and then every host runs the version that is
    /// known good.
    fn invariant_settles_on_last_known_good(&self) -> must::Checked {
        for host in &self.fleet.hosts {
            let good = self.books.last_known_good(host.config);
            if host.version != good {
                return Err(format!(
                    "{host:?} does not run {good}; {:?}",
                    self.books.trips
                ));
            }
        }
        Ok(())
    }

    /// One call of the plane, drained and checked.
    pub(crate) fn call(&mut self, input: Option<Input>) {
        let limit = |id| {
            self.plane
                .rollout(RolloutId(id as u32))
                .map(|rollout| rollout.limits().values().sum())
        };
        self.step = Step {
            limits_before: (0..self.books.trips.len()).filter_map(limit).collect(),
            ..Step::default()
        };
        let refused = match input.clone() {
            Some(input) => self.plane.handle(self.now, input).err(),
            None => {
                self.plane.handle_timeout(self.now);
                None
            }
        };
        self.step.is_refused = refused.is_some();
        self.read_output();
        self.require(must::invariant_refusal_changes_only_time(self));
        self.mark_refusal(refused.as_ref());
        if let Some(input) = &input {
            let again = self.twin.handle(self.now, input.clone()).err();
            must::drain(&mut self.twin);
            self.require(if again == refused {
                Ok(())
            } else {
                Err(format!("{again:?} is not {refused:?}"))
            });
        }
        if let (Some(Input::WindowArrived { window }), None) = (&input, &refused) {
            self.books.add_window((**window).clone());
        }
        self.calls.push(Call {
            at: self.now,
            input,
            issued_total: self.given.len(),
        });
        self.check_now();
    }

    fn read_output(&mut self) {
        while let Some(note) = self.plane.poll_note() {
            let fleet = &self.fleet;
            let is_running = |config, version: VersionId| {
                fleet
                    .hosts
                    .iter()
                    .any(|host| host.config == config && host.version == version)
            };
            self.require(deeds::invariant_a_kill_switch_comes_first(
                &self.books,
                &note,
            ));
            self.require(deeds::invariant_two_roles_override(&note));
            self.books.add_note(&note, is_running);
            self.marks.note(&note.body);
            self.mark_rollback(&note);
            self.require(must::invariant_only_a_pass_promotes(&self.books, &note));
            self.require(must::invariant_automation_keeps_to_its_mode(
                &self.books,
                &note,
            ));
            self.require(must::invariant_missing_data_never_promotes(
                &self.books,
                &note,
            ));
            self.require(must::invariant_stages_follow_passes(&self.books, &note));
            self.step.notes.push(note);
        }
        while let Some(issued) = self.plane.poll_command() {
            self.require(must::invariant_rollback_targets_last_known_good(
                &self.books,
                &issued,
            ));
            self.require(must::invariant_one_rollback(&self.books, &issued));
            self.require(must::invariant_pushes_within_the_limit(
                &self.books,
                &issued,
            ));
            self.require(deeds::invariant_no_push_under_a_stop(&self.books, &issued));
            self.require(deeds::invariant_no_action_runs_twice(&self.books, &issued));
            self.require(must::invariant_commands_repeat_safely(&self.books, &issued));
            self.require(must::invariant_page_names_its_objective(
                &self.books,
                &issued,
            ));
            self.books.add_command(&issued);
            self.inbox.push(issued.clone());
            self.given.push(issued);
        }
    }

    fn check_now(&self) {
        self.require(must::invariant_no_alert_is_lost(self));
        self.require(must::invariant_exposure_within_the_stage(self));
        self.require(must::invariant_limit_grows_after_a_pass(self));
        self.require(must::invariant_rolled_back_is_gone(self));
        self.require(deeds::invariant_nothing_widens_under_a_stop(self));
        self.require(deeds::invariant_one_region_out(&self.books));
    }

    fn require(&self, checked: must::Checked) {
        if let Err(broken) = checked {
            panic!("at {}: {broken}", self.now);
        }
    }

    fn mark_refusal(&mut self, refused: Option<&InputError>) {
        use firedrill_core::config::ReviewError;
        let Some(error) = refused else { return };
        self.marks.reach(Mark::Refused);
        if *error == InputError::RoleMayNotOperate {
            self.marks.reach(Mark::OrderForbidden);
        } else if matches!(error, InputError::StandsStill(_)) {
            self.marks.reach(Mark::StoodStill);
        } else if matches!(error, InputError::RolloutUnderWay(_)) {
            self.marks.reach(Mark::ApprovalHeldBack);
        } else if matches!(
            error,
            InputError::Review(ReviewError::Outdated | ReviewError::Condemned)
        ) {
            self.marks.reach(Mark::ApprovalOutdated);
        }
    }

    fn mark_rollback(&mut self, note: &Note) {
        use firedrill_core::plane::NoteBody::{RollbackCompleted, RollbackStarted};
        if let RollbackStarted { rollout, .. } = note.body
            && self.books.trip(rollout).has_completed
        {
            self.marks.reach(Mark::RollbackAfterCompletion);
        }
        if let RollbackCompleted { rollout } = note.body {
            let trip = self.books.trip(rollout);
            let is_left = |region| {
                self.fleet
                    .count(trip.config, RegionId(region), trip.candidate)
                    .running
                    > 0
            };
            if (0..REGIONS).any(is_left) {
                self.marks.reach(Mark::RollbackLeftUnreachable);
            }
        }
    }

    pub(crate) fn wait(&mut self, time: Micros, prompt: bool) {
        let until = self.now + time;
        if prompt {
            while let Some((due, _)) = self.plane.poll_timeout().filter(|(due, _)| *due <= until) {
                self.now = due.max(self.now);
                self.call(None);
            }
        } else if self
            .plane
            .poll_timeout()
            .is_some_and(|(due, _)| due + Micros::from_secs(15) <= until)
        {
            self.marks.reach(Mark::WokeLate);
        }
        self.now = until;
    }

    /// An input from before the last call never reached the plane, so it is in no journal.
    fn turn_back(&mut self, time: Micros) {
        let (before, at) = (self.plane.clone(), self.plane.now() - time);
        let input = Input::PageAcknowledged {
            page: PageId(0),
            by: principal(ON_CALL),
        };
        if at < before.now() {
            let refused = self.plane.handle(at, input);
            let holds =
                matches!(refused, Err(InputError::TimeWentBack { .. })) && before == self.plane;
            self.require(if holds {
                Ok(())
            } else {
                Err("time went back and left a trace".into())
            });
        }
    }
}

/// Changes and people.
impl Drill {
    fn propose(&mut self, config: u8, author: u8, value: u8, plan: u8) {
        let edits = match value % 7 {
            5 => vec![edit("n", Value::Int(9))],
            6 => vec![edit("n", Value::Int(4)), edit("strict", Value::Bool(true))],
            n => vec![edit("n", Value::Int(i64::from(n % 4) + 1))],
        };
        let input = Input::ChangeProposed {
            config: ConfigId(u16::from(config) % SERVICES),
            author: principal(author),
            edits,
            plan: PlanId(u16::from(plan) % 4),
        };
        self.call(Some(input));
    }

    fn launch(&mut self, config: u8, value: u8, plan: u8) {
        self.propose(config, 0, value % 4, plan % 3);
        let newest = (0..)
            .map(ChangeId)
            .take_while(|id| self.plane.store().change(*id).is_some())
            .last();
        if let Some(change) = newest {
            let reviewer = principal(OWNER);
            self.call(Some(Input::ChangeReviewed {
                change,
                reviewer,
                decision: Decision::Approve,
            }));
            if !self.step.is_refused {
                self.count_early();
            }
        }
    }

    /// Distribution counts before it pushes anything; the reports are slow.
    fn count_early(&mut self) {
        let rollout = RolloutId(self.books.trips.len() as u32 - 1);
        for region in (0..REGIONS).map(RegionId) {
            let report = self.report(rollout, region);
            self.keep_copy(&report);
        }
    }

    fn review(&mut self, change: u8, reviewer: u8, approve: bool) {
        let known = (0..)
            .map(ChangeId)
            .take_while(|id| self.plane.store().change(*id).is_some())
            .count();
        let change = ChangeId(u32::from(change) % (known as u32 + 1));
        let decision = if approve {
            Decision::Approve
        } else {
            Decision::Reject
        };
        self.call(Some(Input::ChangeReviewed {
            change,
            reviewer: principal(reviewer),
            decision,
        }));
    }

    pub(crate) fn pick_rollout(&self, index: u8) -> Option<RolloutId> {
        let count = self.books.trips.len();
        (count > 0).then(|| RolloutId((usize::from(index) % count) as u32))
    }

    fn order_any(&mut self, rollout: u8, order: u8, by: u8) {
        let orders = [Order::Pause, Order::Resume, Order::Abort, Order::RollBack];
        if let Some(rollout) = self.pick_rollout(rollout) {
            self.order(rollout, orders[usize::from(order) % 4], by);
        }
    }

    fn acknowledge(&mut self, page: u32, by: u8) {
        let page = PageId(page % (self.pages.len() as u32 + 1));
        let by = principal(by);
        self.call(Some(Input::PageAcknowledged { page, by }));
    }

    /// Says any of all sayings, mostly about an open incident, now and then about any that there
    /// is or about the next one; often it is the commander who speaks.
    fn say(&mut self, incident: u8, by: u8, what: u8, whom: u8) {
        let book = self.plane.incidents();
        let open: Vec<IncidentId> = book.open().map(|record| record.id).collect();
        let count = book.incidents().len() as u32;
        let pick = |index: u8| match open.len() {
            0 => IncidentId(u32::from(index) % (count + 1)),
            _ if index.is_multiple_of(8) => IncidentId(u32::from(index) % (count + 1)),
            open_count => open[usize::from(index) % open_count],
        };
        let incident = pick(incident);
        let record = book.incident(incident);
        let commander = record.and_then(|record| record.roles.commander());
        let (by, to) = match commander {
            Some(person) if by.is_multiple_of(2) => (u32::from(person.0), u32::from(whom) % 3),
            _ => (u32::from(by) % 3, u32::from(whom) % 3),
        };
        let roles = [
            IncidentRole::Commander,
            IncidentRole::Deputy,
            IncidentRole::Communications,
            IncidentRole::Expert(ServiceId(0)),
        ];
        let role = roles[usize::from(whom) % 4];
        let readers = [IncidentAudience::Internal, IncidentAudience::Public];
        let saying = match what % 9 {
            0 => Saying::CauseNamed,
            1 => Saying::SearchResumed,
            2 => Saying::Rerouted {
                to: TeamId(to as u16),
            },
            3 => Saying::RoleAssumed { role },
            4 => Saying::RoleReleased { role },
            5 => Saying::StatusPosted {
                audience: readers[usize::from(whom) % 2],
            },
            6 => Saying::Merged { into: pick(whom) },
            _ => Saying::RoleHandedOver {
                role,
                to: PersonId(to as u16),
            },
        };
        self.call(Some(Input::Said {
            incident,
            by: PersonId(by as u16),
            saying,
        }));
    }

    /// Users complain about a service, which may not exist, or no longer.
    fn trouble(&mut self, service: u8, over: bool) {
        self.call(Some(if over {
            Input::TroubleEnded
        } else {
            Input::TroubleReported {
                service: ServiceId(u16::from(service) % (SERVICES + 1)),
                by: principal(ON_CALL),
            }
        }));
    }

    fn order(&mut self, rollout: RolloutId, order: Order, by: u8) {
        self.call(Some(Input::OperatorOrdered {
            rollout,
            order,
            by: principal(by),
        }));
    }
}

/// Distribution.
impl Drill {
    fn take(&mut self, command: usize, fate: Fate) {
        if self.inbox.is_empty() {
            return;
        }
        let index = command % self.inbox.len();
        let issued = self.inbox[index].clone();
        if !matches!(fate, Fate::DoneComesAgain) {
            self.inbox.remove(index);
        }
        if !matches!(fate, Fate::Failed) {
            self.carry_out(&issued);
        }
        self.report_command(
            issued.id,
            matches!(fate, Fate::Failed | Fate::DoneSeemsFailed),
        );
    }

    fn refuse_all(&mut self) {
        self.wait(SCRAPE, true);
        for issued in std::mem::take(&mut self.inbox) {
            self.report_command(issued.id, true);
        }
    }

    fn carry_out(&mut self, issued: &Issued) {
        if self.books.closed.contains(&issued.id) {
            self.marks.reach(Mark::TakenTooLate);
        }
        self.fleet.take(issued);
        if let Command::Page { page, .. } = issued.command {
            self.pages.push(page);
        }
    }

    fn report_command(&mut self, command: CommandId, failed: bool) {
        if failed {
            self.call(Some(Input::CommandFailed { command }));
        } else {
            self.call(Some(Input::CommandDone { command }));
            if !self.step.is_refused {
                self.books.closed.insert(command);
            }
        }
    }

    /// Failures may be reported of anything, success only of what is closed or was never given.
    fn report_again(&mut self, index: u64, failed: bool) {
        let given = self.books.issued.len() as u64;
        let index = index % (given + 1);
        let command = CommandId(if index < given { index } else { NEVER_GIVEN });
        let is_open = index < given && !self.books.closed.contains(&command);
        if failed || !is_open {
            self.report_command(command, failed);
        }
    }

    fn report(&self, rollout: RolloutId, region: RegionId) -> Input {
        let trip = self.books.trip(rollout);
        Input::ExposureReported {
            rollout,
            region,
            report: self.fleet.count(trip.config, region, trip.candidate),
            acknowledged: self.fleet.acknowledged(rollout),
        }
    }

    fn count(&mut self, rollout: u8, region: u8, arrives: bool) {
        let Some(rollout) = self.pick_rollout(rollout) else {
            return;
        };
        let report = self.report(rollout, RegionId(u16::from(region) % REGIONS));
        if arrives {
            self.call(Some(report));
        } else {
            self.reports.push(report);
        }
    }

    /// The network may bring any report a second time, much later.
    fn keep_copy(&mut self, report: &Input) {
        if self.reports.len() < COPIES_MAX {
            self.reports.push(report.clone());
        }
    }

    fn deliver(&mut self, index: usize) {
        if self.reports.is_empty() {
            return;
        }
        let report = self.reports.remove(index % self.reports.len());
        if let Input::ExposureReported {
            rollout,
            acknowledged,
            ..
        } = report
        {
            let trip = self.books.trip(rollout);
            if trip.is_rolling_back && acknowledged < trip.rollback {
                self.marks.reach(Mark::LateReport);
            }
        }
        self.call(Some(report));
    }

    fn false_report(&mut self, rollout: u32) {
        let report = ExposureReport {
            running: 1,
            unreachable: 2,
        };
        let (rollout, region) = (RolloutId(rollout), RegionId(0));
        self.call(Some(Input::ExposureReported {
            rollout,
            region,
            report,
            acknowledged: None,
        }));
    }

    /// Distribution's fault ends when it takes the rollback.
    fn overreach(&mut self, rollout: u8, region: u8) {
        let Some(rollout) = self.pick_rollout(rollout) else {
            return;
        };
        let trip = &mut self.books.trips[rollout.index()];
        let (config, candidate) = (trip.config, trip.candidate);
        if !self.fleet.is_taken_back(config, candidate) {
            trip.is_mixed = true;
            self.fleet
                .overreach(config, RegionId(u16::from(region) % REGIONS), candidate);
        }
    }

    /// One scrape interval in which distribution works.
    fn tick(&mut self, pace: usize, weather: Weather) {
        self.wait(SCRAPE, true);
        for issued in std::mem::take(&mut self.inbox) {
            self.carry_out(&issued);
            self.report_command(issued.id, false);
        }
        self.fleet.distribute(pace);
        for (rollout, state) in self.states().collect::<Vec<_>>() {
            for region in (0..REGIONS).map(RegionId) {
                if !matches!(state, State::Completed | State::RolledBack) {
                    let report = self.report(rollout, region);
                    self.keep_copy(&report);
                    self.call(Some(report));
                }
            }
        }
        let (quality, candidate_too) = match weather {
            Weather::Good => (Quality::Good, true),
            Weather::Bad => (Quality::Errors, true),
            Weather::Blind => (Quality::Good, false),
            Weather::Quiet => (Quality::Tiny, true),
        };
        for (service, region) in (0..SERVICES).flat_map(|s| (0..REGIONS).map(move |r| (s, r))) {
            self.scrape(service, region, Arm::Control, Quality::Good, Age::Fresh);
            if candidate_too {
                self.scrape(service, region, Arm::Candidate, quality, Age::Fresh);
            }
        }
    }
}

/// Telemetry.
impl Drill {
    fn scrape(&mut self, service: u16, region: u16, arm: Arm, quality: Quality, age: Age) {
        let (service, region) = (service % SERVICES, region % REGIONS);
        let config = ConfigId(service);
        let newest = self
            .books
            .trips
            .iter()
            .rev()
            .find(|trip| trip.config == config);
        let version = match (arm, newest) {
            (Arm::Candidate, Some(trip)) => trip.candidate,
            (Arm::Candidate, None) | (Arm::Control, _) => self.books.last_known_good(config),
        };
        let age = match age {
            Age::Fresh => Micros::ZERO,
            Age::Late => Micros::from_secs(12),
            Age::Stale => Micros::from_secs(90),
        };
        let end = (self.now - age).max(SCRAPE);
        if end <= self.now {
            let window = window(service, region, version, end, quality);
            self.call(Some(Input::WindowArrived {
                window: Box::new(window),
            }));
        }
    }

    fn false_scrape(&mut self, service: u16, lie: Lie) {
        let service = service % SERVICES;
        let version = self.books.last_known_good(ConfigId(service));
        let mut window = window(service, 0, version, self.now.max(SCRAPE), Quality::Good);
        match lie {
            Lie::Empty => window.start = window.end,
            Lie::FromTheFuture => window.end = self.now + Micros(1),
            Lie::ErrorsAboveRequests => window.classes[0].errors = window.classes[0].requests + 1,
            Lie::UpAboveTotal => window.instances.up = window.instances.total + 1,
        }
        self.call(Some(Input::WindowArrived {
            window: Box::new(window),
        }));
    }

    fn load_history(&mut self, slo: u8, bad_share: u8) {
        let requests_per_hour = 36_000;
        let history = SloHistory {
            requests_per_hour,
            bad_per_hour: requests_per_hour * u64::from(bad_share) / 1_000,
        };
        self.call(Some(Input::HistoryLoaded {
            slo: SloId(u16::from(slo) % 4),
            history,
        }));
    }
}

/// The last failing case is the shortest one: its journal stays.
impl Drop for Drill {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let journal: Vec<_> = self
                .calls
                .iter()
                .filter_map(|call| Some((call.at, call.input.as_ref()?)))
                .collect();
            let case =
                serde_json::json!({ "setup": self.setup, "journal": journal, "now": self.now });
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model-journal.json");
            let saved = std::fs::write(&path, case.to_string());
            #[expect(
                clippy::print_stderr,
                reason = "a failing test says where its journal is"
            )]
            if saved.is_ok() {
                eprintln!("the journal of the failing case: {}", path.display());
            }
        }
    }
}

fn edit(key: &str, value: Value) -> Edit {
    Edit {
        key: key.into(),
        value,
    }
}

fn window(
    service: u16,
    region: u16,
    version: VersionId,
    end: Micros,
    quality: Quality,
) -> TelemetryWindow {
    let requests = if quality == Quality::Tiny { 3 } else { 300 };
    let errors = if quality == Quality::Errors {
        requests / 2
    } else {
        0
    };
    let latency_us = if quality == Quality::Slow {
        800_000
    } else {
        50_000
    };
    let mut latency = LatencyHistogram::default();
    latency.add(LatencyHistogram::bucket_of(latency_us), requests);
    TelemetryWindow {
        service: ServiceId(service),
        region: RegionId(region),
        version,
        set_apart: false,
        start: end - SCRAPE,
        end,
        classes: vec![ClassCounts {
            class: ClassId(0),
            requests,
            errors,
            good: requests - errors,
        }],
        latency,
        instances: InstanceCounts {
            total: 4,
            up: if quality == Quality::Down { 0 } else { 4 },
            restarts: 0,
            serving_s: 0,
        },
        log_errors: 0,
        probes: ProbeCounts::default(),
        user_reports: 0,
        saturation: Saturation::default(),
    }
}
