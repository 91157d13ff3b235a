//! Who does what about an outage, and what comes of it: the playbook is followed, proposals are
//! approved, and the effect of an action is looked at in telemetry.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::Micros;
use firedrill_core::health::{TelemetryWindow, Urgency};
use firedrill_core::ids::{ActionId, IncidentId, RolloutId};
use firedrill_core::plane::{ActionNote, Command, Input, Issued, NoteBody};
use firedrill_core::remediation::{Action, ActionKey, ActionState, Input as Fact, Requester};
use firedrill_core::rollout::PauseReason;

use crate::log::{Actor, PersonEvent};
use crate::random::{Draws, Entity, log_normal};
use crate::spec::{Cue, Deed, Play, Scenario};

use super::capacity::CapacityReports;
use super::driver::{Driver, Next};
use super::evidence::Evidence;
use super::surroundings::Surroundings;

/// Lanes below these belong to other questions about people.
const AFTER_LANE: u64 = 64;
const CHANCE_LANE: u64 = 65;
const THINKING_LANE: u64 = 66;
const AGREES_LANE: u64 = 67;
const APPROVAL_LANE: u64 = 68;
/// Takes of one play are numbered apart from those of the next.
const TAKES: u64 = 1_024;

/// Something to do about an outage.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doing {
    /// A play is due.
    Play(Take),
    /// Somebody has thought about an override.
    Second { take: Take, asked: u64 },
    /// Somebody has read a proposal.
    Approve { action: ActionId, proposed: u64 },
    /// It is time to look at the effect of an action.
    Look { action: ActionId, done: Micros },
}

/// One time that a play is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    play: usize,
    number: u32,
    /// What it follows from, in the log.
    cue: u64,
    /// The rollout that a judge stopped, if one did.
    rollout: Option<RolloutId>,
}

/// What is being done.
pub(super) struct Acting {
    draws: Draws,
    evidence: Evidence,
    capacity: CapacityReports,
    /// By play: how often it was taken or is about to be.
    taken: Vec<u32>,
    /// By action: the newest order, or what it began with, in the log.
    newest: BTreeMap<ActionId, u64>,
    open: BTreeSet<IncidentId>,
}

impl Acting {
    pub(super) fn new(scenario: &Scenario, draws: Draws) -> Self {
        Self {
            draws,
            evidence: Evidence::default(),
            capacity: CapacityReports::default(),
            taken: vec![0; scenario.response.plays.len()],
            newest: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    fn uniform(&mut self, lane: u64, index: u64) -> f64 {
        self.draws.uniform(0, Entity { lane, index })
    }
}

impl<W: Surroundings> Driver<'_, W> {
    /// Takes note of a window, for the looks to come.
    pub(super) fn watch(&mut self, window: &TelemetryWindow) {
        if !self.scenario.response.plays.is_empty() {
            self.acting.evidence.add(&self.scenario.slos, window);
        }
        if self.may_drain() {
            self.acting.capacity.add(window);
        }
    }

    /// A tool takes an order.
    pub(super) fn order_tool(&mut self, issued: &Issued, ordered: u64) {
        if let Command::Act { action, .. } = issued.command {
            self.acting.newest.insert(action, ordered);
            self.world.take_command(self.now, issued);
            self.tell_actions();
        }
    }

    /// Regions report what they carry, once a scrape, where somebody may want one drained.
    pub(super) fn report_capacity(&mut self) {
        let scrape = self.scenario.telemetry.scrape_every.0;
        if self.may_drain() && self.now.0.is_multiple_of(scrape) {
            for fact in self.acting.capacity.report(&self.scenario.fleet) {
                self.tell(Input::Remediation { fact }, None);
            }
        }
    }

    fn may_drain(&self) -> bool {
        let drains = |play: &Play| matches!(play.deed, Deed::Act(Action::Drain { .. }));
        self.scenario.response.plays.iter().any(drains)
    }

    /// Tells the core what tools say.
    pub(super) fn tell_actions(&mut self) {
        for fact in self.world.action_news() {
            let cause = action_of(&fact).and_then(|id| self.acting.newest.get(&id).copied());
            self.tell(Input::Remediation { fact }, cause);
        }
    }

    /// A note may be what plays begin with.
    pub(super) fn follow_playbook(&mut self, body: &NoteBody, event: u64) {
        self.follow_incidents(body);
        if self.scenario.response.plays.is_empty() {
            return;
        }
        if let NoteBody::Action(note) = body {
            self.follow_action(note, event);
        }
        let plays = &self.scenario.response.plays;
        for index in 0..plays.len() {
            if let Some(rollout) = begins(plays, index, body, &self.key_play(body)) {
                self.plan(index, event, rollout);
            }
        }
    }

    pub(super) fn act(&mut self, doing: Doing) {
        match doing {
            Doing::Play(take) => self.play_out(take),
            Doing::Second { take, asked } => self.second(take, asked),
            Doing::Approve { action, proposed } => {
                let by = self.scenario.on_call.principal.clone();
                let waits = |state| matches!(state, ActionState::Suggested { .. });
                if self.action_state(action).is_some_and(waits) {
                    let fact = Fact::Approved { action, by };
                    self.tell(Input::Remediation { fact }, Some(proposed));
                }
            }
            Doing::Look { action, done } => self.look(action, done),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "incidents open and end")]
    fn follow_incidents(&mut self, body: &NoteBody) {
        match body {
            NoteBody::IncidentOpened { incident, .. } => {
                self.acting.open.insert(*incident);
            }
            NoteBody::IncidentResolved { incident } => {
                self.acting.open.remove(incident);
            }
            _ => {}
        }
    }

    fn follow_action(&mut self, note: &ActionNote, event: u64) {
        if let Some(action) = note.action() {
            self.acting.newest.insert(action, event);
        }
        if let ActionNote::Suggested { action, .. } = note {
            let u = self.acting.uniform(APPROVAL_LANE, u64::from(action.0));
            let after = log_normal(u, self.scenario.response.approval);
            let (action, proposed) = (*action, event);
            self.later(after, Doing::Approve { action, proposed });
        }
        if let ActionNote::Finished { action, .. } = note {
            self.causes.acted = Some(event);
            let (action, done) = (*action, self.now);
            let after = self.scenario.response.look_after;
            self.later(after, Doing::Look { action, done });
        }
    }

    /// The play whose wish a note is about, when that came to nothing.
    fn key_play(&self, body: &NoteBody) -> Option<usize> {
        let NoteBody::Action(note) = body else {
            return None;
        };
        let key = match note {
            ActionNote::Refused { key, .. } => Some(*key),
            ActionNote::Failed { action, .. } => {
                let record = self.plane.remediation().action(*action);
                record.map(|record| record.key)
            }
            ActionNote::Suggested { .. }
            | ActionNote::Begun { .. }
            | ActionNote::Started { .. }
            | ActionNote::StepOrdered { .. }
            | ActionNote::Finished { .. }
            | ActionNote::Verified { .. }
            | ActionNote::Cancelled { .. }
            | ActionNote::Restored { .. }
            | ActionNote::OverrideAsked { .. }
            | ActionNote::OverrideGranted { .. }
            | ActionNote::OverrideRefused { .. } => None,
        };
        key.map(|key| (key.0 / TAKES) as usize)
    }

    fn plan(&mut self, index: usize, cue: u64, rollout: Option<RolloutId>) {
        let play = &self.scenario.response.plays[index];
        let number = self.acting.taken[index];
        let address = index as u64 * TAKES + u64::from(number);
        if number >= play.times_max || self.acting.uniform(CHANCE_LANE, address) >= play.chance {
            return;
        }
        self.acting.taken[index] += 1;
        let after = log_normal(self.acting.uniform(AFTER_LANE, address), play.after);
        let take = Take {
            play: index,
            number,
            cue,
            rollout,
        };
        self.later(after, Doing::Play(take));
    }

    fn play_out(&mut self, take: Take) {
        let play = &self.scenario.response.plays[take.play];
        match &play.deed {
            Deed::Act(action) => {
                // Nobody acts against what is over.
                if self.acting.open.is_empty() {
                    return;
                }
                let by = if play.automatic {
                    Requester::Automation { stage: None }
                } else {
                    Requester::Person(self.scenario.on_call.principal.clone())
                };
                let cause = if play.automatic {
                    take.cue
                } else {
                    self.log_play(play, Actor::OnCall, take.cue)
                };
                let key = ActionKey(take.play as u64 * TAKES + u64::from(take.number));
                let action = *action;
                let fact = Fact::Requested { key, action, by };
                self.tell(Input::Remediation { fact }, Some(cause));
            }
            Deed::Override {
                reason,
                by,
                thinking,
                ..
            } => {
                let Some(rollout) = take.rollout.filter(|id| self.is_stopped(*id)) else {
                    return;
                };
                let asked = self.log_play(play, Actor::Author, take.cue);
                let (reason, by) = (*reason, by.clone());
                let fact = Fact::OverrideAsked {
                    rollout,
                    reason,
                    by,
                };
                self.tell(Input::Remediation { fact }, Some(asked));
                let address = take.play as u64 * TAKES + u64::from(take.number);
                let after = log_normal(self.acting.uniform(THINKING_LANE, address), *thinking);
                self.later(after, Doing::Second { take, asked });
            }
        }
    }

    fn second(&mut self, take: Take, asked: u64) {
        let play = &self.scenario.response.plays[take.play];
        let Deed::Override { second, agrees, .. } = &play.deed else {
            unreachable!("only an override is agreed to");
        };
        let Some(rollout) = take.rollout.filter(|id| self.is_stopped(*id)) else {
            return;
        };
        let address = take.play as u64 * TAKES + u64::from(take.number);
        if self.acting.uniform(AGREES_LANE, address) >= *agrees {
            let body = PersonEvent::OverrideDeclined { rollout };
            let subject = self.rollout_subject(rollout);
            self.log
                .push(self.now, Actor::OnCall, subject, vec![asked], body);
            return;
        }
        let by = second.clone();
        let fact = Fact::OverrideSeconded { rollout, by };
        self.tell(Input::Remediation { fact }, Some(asked));
    }

    /// Looks at the effect of an action; later again while telemetry does not tell.
    fn look(&mut self, action: ActionId, done: Micros) {
        let record = self.plane.remediation().action(action);
        let Some(record) =
            record.filter(|record| matches!(record.state, ActionState::Verifying { .. }))
        else {
            return;
        };
        let begun = record.begun_at.unwrap_or(record.requested_at);
        let evidence = &self.acting.evidence;
        match evidence.worked(&self.scenario.slos, begun, done) {
            Some(worked) => {
                let cause = self.acting.newest.get(&action).copied();
                let fact = Fact::Evidence { action, worked };
                self.tell(Input::Remediation { fact }, cause);
            }
            None => {
                let again = self.scenario.telemetry.scrape_every;
                self.later(again, Doing::Look { action, done });
            }
        }
    }

    fn log_play(&mut self, play: &Play, actor: Actor, cue: u64) -> u64 {
        let name = play.name.clone();
        let body = PersonEvent::PlayBegun { play: name.clone() };
        self.log.push(self.now, actor, name, vec![cue], body)
    }

    fn is_stopped(&self, rollout: RolloutId) -> bool {
        let rollout = self.plane.rollout(rollout);
        rollout.is_some_and(firedrill_core::rollout::Rollout::is_stopped_by_verdict)
    }

    fn action_state(&self, action: ActionId) -> Option<ActionState> {
        let record = self.plane.remediation().action(action)?;
        Some(record.state)
    }

    fn later(&mut self, after: Micros, doing: Doing) {
        self.queue.push(self.now + after, Next::Act(doing));
    }
}

/// Whether a play begins with a note, and the rollout that it is about then. `failed` is the play
/// whose wish came to nothing.
fn begins(
    plays: &[Play],
    index: usize,
    body: &NoteBody,
    failed: &Option<usize>,
) -> Option<Option<RolloutId>> {
    match (&plays[index].when, body) {
        (Cue::Acknowledged, NoteBody::PageAcknowledged { .. }) => Some(None),
        (Cue::Alert(slo), NoteBody::AlertFired { alert }) => {
            (alert.slo == *slo && alert.rule.urgency == Urgency::Page).then_some(None)
        }
        (Cue::Severity(least), NoteBody::SeverityChanged { to, .. }) => {
            (to <= least).then_some(None)
        }
        (Cue::Verdict, NoteBody::RolloutPaused { rollout, reason }) => {
            let verdict = matches!(reason, PauseReason::JudgedBad | PauseReason::NoVerdict(_));
            verdict.then_some(Some(*rollout))
        }
        (Cue::Failed(play), NoteBody::Action(_)) => (*failed == Some(*play)).then_some(None),
        _ => None,
    }
}

/// The action that a tool tells of.
const fn action_of(fact: &Fact) -> Option<ActionId> {
    match fact {
        Fact::Approved { action, .. }
        | Fact::Withdrawn { action, .. }
        | Fact::Started { action }
        | Fact::Stepped { action }
        | Fact::Finished { action }
        | Fact::Failed { action, .. }
        | Fact::Evidence { action, .. }
        | Fact::Restored { action } => Some(*action),
        Fact::Requested { .. }
        | Fact::CapacityReported { .. }
        | Fact::OverrideAsked { .. }
        | Fact::OverrideSeconded { .. } => None,
    }
}
