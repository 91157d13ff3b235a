//! Paging: every open incident climbs its own escalation until somebody acknowledges, nobody is
//! left, or it is over.
//!
//! An incident keeps the policy that was in force when it was opened. A second opening of the same
//! incident is counted and pages nobody. Low urgency tells the first level and goes no further. A
//! page to the wrong team is rerouted, and the hop is recorded.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::health::Urgency;
use crate::ids::{IncidentId, PageId, PersonId, TeamId};
use crate::time::Micros;

use super::escalation::{Ladder, Rings};
use super::ownership::Roster;
use super::page::{Hop, Page, PageFate, PagerError, PagerEvent, Standing};

/// The paging of one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// The team that is asked now.
    pub team: TeamId,
    /// Whether somebody is woken.
    pub urgency: Urgency,
    /// Where it stands.
    pub standing: Standing,
    /// Pages sent.
    pub pages: u32,
    /// How often it was opened; the second time and later paged nobody.
    pub openings: u32,
    /// From team to team.
    pub hops: Vec<Hop>,
    team_since: Micros,
    ladder: Ladder,
    /// Pages of it that are still open.
    waiting: Vec<PageId>,
}

impl Escalation {
    const fn due(&self) -> Option<Micros> {
        match self.standing {
            Standing::Paging { next_at } => Some(next_at),
            Standing::Acknowledged { lapses_at, .. } => lapses_at,
            Standing::Notified | Standing::Exhausted | Standing::Resolved => None,
        }
    }
}

/// The pager. Its times must not go back. What is refused changes nothing but time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pager {
    roster: Roster,
    rings: Rings,
    open: BTreeMap<IncidentId, Escalation>,
    over: BTreeMap<IncidentId, Escalation>,
    pages: Vec<Page>,
    events: VecDeque<PagerEvent>,
}

impl Pager {
    /// A pager without incidents. The roster must pass [`Roster::check`].
    #[must_use]
    pub fn new(roster: Roster) -> Self {
        Self {
            roster,
            rings: Rings::default(),
            open: BTreeMap::new(),
            over: BTreeMap::new(),
            pages: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Who decides who is paged.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Changes the roster. Incidents that are open keep their policy; schedules are looked up when
    /// a page goes out. The roster must pass [`Roster::check`].
    pub fn set_roster(&mut self, roster: Roster) {
        self.roster = roster;
    }

    /// The paging of an incident.
    #[must_use]
    pub fn escalation(&self, incident: IncidentId) -> Option<&Escalation> {
        self.open
            .get(&incident)
            .or_else(|| self.over.get(&incident))
    }

    /// Every page, in the order in which they were sent.
    #[must_use]
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// Starts to page a team. An incident that is open already is only counted; at a higher
    /// urgency than before it starts to escalate.
    ///
    /// # Errors
    ///
    /// The team does not exist, or the incident is over.
    pub fn open(
        &mut self,
        now: Micros,
        incident: IncidentId,
        team: TeamId,
        urgency: Urgency,
    ) -> Result<(), PagerError> {
        self.handle_timeout(now);
        let policy = self.roster.policy(team);
        let (id, policy) = policy.ok_or(PagerError::UnknownTeam(team))?;
        if self.over.contains_key(&incident) {
            return Err(PagerError::Over(incident));
        }
        let ladder = Ladder::new(id, policy.clone());
        if let Some(known) = self.open.get_mut(&incident) {
            known.openings = known.openings.saturating_add(1);
            return self.raise(now, incident, urgency);
        }
        let escalation = Escalation {
            team,
            urgency,
            standing: Standing::Exhausted,
            pages: 0,
            openings: 1,
            hops: Vec::new(),
            team_since: now,
            ladder,
            waiting: Vec::new(),
        };
        self.open.insert(incident, escalation);
        self.climb(now, incident);
        Ok(())
    }

    /// Raises the urgency; a lower one than before changes nothing. What was only notified starts
    /// to escalate from the first level.
    ///
    /// # Errors
    ///
    /// The incident does not exist, or is over.
    pub fn raise(
        &mut self,
        now: Micros,
        incident: IncidentId,
        urgency: Urgency,
    ) -> Result<(), PagerError> {
        self.handle_timeout(now);
        self.check_open(incident)?;
        let escalation = self.open.get_mut(&incident).expect("checked above");
        if urgency <= escalation.urgency {
            return Ok(());
        }
        escalation.urgency = urgency;
        if escalation.standing == Standing::Notified {
            escalation.ladder.restart();
            self.climb(now, incident);
        }
        Ok(())
    }

    /// Somebody acknowledged a page. An old page counts too, but not one that was rerouted: its
    /// person has nothing to say for the team that has the incident now.
    ///
    /// # Errors
    ///
    /// There is no such page, or its incident is over.
    pub fn page_acknowledged(&mut self, now: Micros, page: PageId) -> Result<(), PagerError> {
        self.handle_timeout(now);
        let sent = self.pages.get(page.index());
        let sent = *sent.ok_or(PagerError::UnknownPage(page))?;
        if matches!(sent.fate, PageFate::Rerouted(_)) {
            return Ok(());
        }
        self.acknowledged(now, sent.incident, sent.person)
    }

    /// Somebody took an incident, paged or not. Paging stops. A second acknowledgement changes
    /// nothing, and puts off no lapse.
    ///
    /// # Errors
    ///
    /// There is no such incident, or it is over.
    pub fn acknowledged(
        &mut self,
        now: Micros,
        incident: IncidentId,
        by: PersonId,
    ) -> Result<(), PagerError> {
        self.handle_timeout(now);
        self.check_open(incident)?;
        let escalation = self.open.get_mut(&incident).expect("checked above");
        if matches!(escalation.standing, Standing::Acknowledged { .. }) {
            return Ok(());
        }
        let timeout = escalation.ladder.acknowledge_timeout();
        escalation.standing = Standing::Acknowledged {
            by,
            lapses_at: timeout.map(|after| now + after),
        };
        self.settle_pages(incident, PageFate::Acknowledged(now));
        self.events
            .push_back(PagerEvent::Acknowledged(incident, by));
        Ok(())
    }

    /// Somebody found that another team must look. Its escalation starts from the first level,
    /// by the policy that is in force now; the hop is recorded.
    ///
    /// # Errors
    ///
    /// The incident or team does not exist, the incident is over or with that team already.
    pub fn reroute(
        &mut self,
        now: Micros,
        incident: IncidentId,
        to: TeamId,
        by: PersonId,
    ) -> Result<(), PagerError> {
        self.handle_timeout(now);
        self.check_open(incident)?;
        let policy = self.roster.policy(to);
        let (id, policy) = policy.ok_or(PagerError::UnknownTeam(to))?;
        if self.open[&incident].team == to {
            return Err(PagerError::SameTeam(incident, to));
        }
        let ladder = Ladder::new(id, policy.clone());
        let escalation = self.open.get_mut(&incident).expect("checked above");
        let hop = Hop {
            at: now,
            from: escalation.team,
            to,
            by,
            cost: now - escalation.team_since,
        };
        escalation.hops.push(hop);
        (escalation.team, escalation.team_since) = (to, now);
        escalation.ladder = ladder;
        self.settle_pages(incident, PageFate::Rerouted(now));
        self.events.push_back(PagerEvent::Rerouted(incident, hop));
        self.climb(now, incident);
        Ok(())
    }

    /// The incident is over, for now: nobody is paged for it until it is reopened.
    ///
    /// # Errors
    ///
    /// There is no such incident, or it is over already.
    pub fn resolved(&mut self, now: Micros, incident: IncidentId) -> Result<(), PagerError> {
        self.handle_timeout(now);
        self.check_open(incident)?;
        self.settle_pages(incident, PageFate::Resolved(now));
        let mut escalation = self.open.remove(&incident).expect("checked above");
        escalation.standing = Standing::Resolved;
        self.over.insert(incident, escalation);
        self.events.push_back(PagerEvent::Resolved(incident));
        Ok(())
    }

    /// An incident that was over is not: its team is paged again from the first level.
    ///
    /// # Errors
    ///
    /// There is no such incident that is over.
    pub fn reopened(&mut self, now: Micros, incident: IncidentId) -> Result<(), PagerError> {
        self.handle_timeout(now);
        if !self.over.contains_key(&incident) {
            return Err(PagerError::UnknownIncident(incident));
        }
        let mut escalation = self.over.remove(&incident).expect("checked above");
        escalation.ladder.restart();
        self.open.insert(incident, escalation);
        self.climb(now, incident);
        Ok(())
    }

    /// What happened, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<PagerEvent> {
        self.events.pop_front()
    }

    /// When the next escalation goes on, or the next acknowledgement lapses.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.next_due().map(|(due, _)| due)
    }

    /// Handles what is due, at its due time, in the order of time and then of incidents. Early or
    /// repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Micros) {
        while let Some((due, incident)) = self.next_due()
            && due <= now
        {
            self.step(due, incident);
        }
    }

    fn next_due(&self) -> Option<(Micros, IncidentId)> {
        let dues = self
            .open
            .iter()
            .filter_map(|(id, escalation)| Some((escalation.due()?, *id)));
        dues.min()
    }

    fn check_open(&self, incident: IncidentId) -> Result<(), PagerError> {
        match (
            self.open.contains_key(&incident),
            self.over.contains_key(&incident),
        ) {
            (true, _) => Ok(()),
            (false, true) => Err(PagerError::Over(incident)),
            (false, false) => Err(PagerError::UnknownIncident(incident)),
        }
    }

    fn step(&mut self, now: Micros, incident: IncidentId) {
        match self.open[&incident].standing {
            Standing::Paging { .. } => self.climb(now, incident),
            Standing::Acknowledged { by, .. } => self.lapse(now, incident, by),
            Standing::Notified | Standing::Exhausted | Standing::Resolved => {
                unreachable!("it waits for nothing")
            }
        }
    }

    fn climb(&mut self, now: Micros, incident: IncidentId) {
        let escalation = self.open.get_mut(&incident).expect("only open ones climb");
        let step = escalation.ladder.climb(now, &self.roster, &mut self.rings);
        for rung in step.skipped {
            self.events.push_back(PagerEvent::Skipped(incident, rung));
        }
        if step.people.is_empty() {
            escalation.standing = Standing::Exhausted;
            self.settle_pages(incident, PageFate::Exhausted(now));
            self.events.push_back(PagerEvent::Exhausted(incident));
        } else {
            self.page(now, incident, &step.people);
        }
    }

    fn lapse(&mut self, now: Micros, incident: IncidentId, by: PersonId) {
        let people = self.open[&incident].ladder.remind(by, now, &self.roster);
        self.events.push_back(PagerEvent::Lapsed(incident, by));
        self.page(now, incident, &people);
    }

    fn page(&mut self, now: Micros, incident: IncidentId, people: &[PersonId]) {
        let escalation = self.open.get_mut(&incident).expect("only open ones page");
        let (urgency, rung) = (escalation.urgency, escalation.ladder.last());
        escalation.standing = match urgency {
            Urgency::Page => Standing::Paging {
                next_at: now + escalation.ladder.delay(),
            },
            Urgency::Ticket => Standing::Notified,
        };
        for person in people {
            let id = PageId(self.pages.len() as u32);
            escalation.pages += 1;
            escalation.waiting.push(id);
            self.pages.push(Page {
                id,
                incident,
                person: *person,
                rung,
                sent_at: now,
                fate: PageFate::Open,
            });
            self.events.push_back(PagerEvent::Page {
                page: id,
                incident,
                person: *person,
                urgency,
                rung,
                attempt: escalation.pages,
            });
        }
    }

    fn settle_pages(&mut self, incident: IncidentId, fate: PageFate) {
        let escalation = self.open.get_mut(&incident).expect("only open ones settle");
        for page in escalation.waiting.drain(..) {
            self.pages[page.index()].fate = fate;
        }
    }
}
