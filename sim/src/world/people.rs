//! Reviewers and whoever is on call: how long they take, and what they go for. With a model they
//! are those of [`crate::people`]; without, they take the times of the scenario and go for the
//! first suspect.

use firedrill_core::Micros;
use firedrill_core::ids::{IncidentId, PageId, RolloutId};

use crate::people::{Answer, Dice, NoiseAlert, Scene, Window, acknowledge, noise_alerts, respond};
use crate::random::{Draws, Entity, log_normal};
use crate::spec::{LogNormal, NoiseRates, Responders, Review, Scenario, Searching, Weekday};

/// What their pager taught people is remembered from this long before the run.
const MEMORY: Micros = Micros::from_hours(24);

/// Delays of people.
#[derive(Clone, Debug)]
pub(crate) struct People {
    draws: Draws,
    /// What else their pager tells them, counted from the begin of their memory; with a model,
    /// from the first page on.
    seen: Option<Vec<NoiseAlert>>,
    /// Pages whose incident is over: nobody does anything about them any more.
    over: Vec<PageId>,
    /// The page of each incident that somebody is at, with a model.
    at: Vec<(IncidentId, PageId)>,
}

/// What whoever is on call has to work with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Circumstances {
    /// How much of the tools to look with is there: 1 all, 0 none.
    pub(crate) sight: f64,
    /// Whether people reach each other as always.
    pub(crate) can_talk: bool,
    /// Other incidents that they have in hand.
    pub(crate) busy: u32,
    /// When their shift ends by its schedule; by their site's usual one when absent.
    pub(crate) shift_ends_in: Option<Micros>,
}

/// Something that whoever is on call does about a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// After the acknowledgement.
    pub(crate) after: Micros,
    /// The change that is taken back; nothing when nobody knows.
    pub(crate) blamed: Option<RolloutId>,
}

const ACKNOWLEDGE_LANE: u64 = 0;
const DIAGNOSE_LANE: u64 = 1;
const REVIEW_LANE: u64 = 2;
const CALL_LANE: u64 = 3;
const POST_LANE: u64 = 4;

impl People {
    pub(crate) const fn new(draws: Draws) -> Self {
        Self {
            draws,
            seen: None,
            over: Vec::new(),
            at: Vec::new(),
        }
    }

    /// From a page to its acknowledgement; never, if it is missed.
    pub(crate) fn acknowledge(
        &mut self,
        scenario: &Scenario,
        model: Option<&Responders>,
        (page, now): (PageId, Micros),
    ) -> Option<Micros> {
        let Some(model) = model else {
            let u = self.draw(ACKNOWLEDGE_LANE, u64::from(page.0));
            return Some(log_normal(u, scenario.on_call.acknowledge));
        };
        let seen = self.remember(scenario, model);
        let mut dice = Dice::new(&mut self.draws, u64::from(page.0));
        let utc = scenario.demand.start + now;
        let answer = acknowledge(&mut dice, model, &seen, MEMORY + now, utc);
        self.seen = Some(seen);
        match answer {
            Answer::After(delay) => Some(delay),
            Answer::Missed => None,
        }
    }

    /// What is done about a page after its acknowledgement, in order. `suspects` are as shown on
    /// the page, each with the truth about it.
    pub(crate) fn diagnose(
        &mut self,
        scenario: &Scenario,
        model: Option<&Responders>,
        (incident, page, now): (IncidentId, PageId, Micros),
        suspects: &[(RolloutId, bool)],
        circumstances: Circumstances,
    ) -> Vec<Move> {
        let Some(model) = model else {
            let u = self.draw(DIAGNOSE_LANE, u64::from(page.0));
            let after = log_normal(u, scenario.on_call.diagnose);
            let blind = Searching::default().blindness(circumstances.sight);
            return vec![Move {
                after: Micros((after.0 as f64 * blind) as u64),
                blamed: suspects.first().map(|(rollout, _)| *rollout),
            }];
        };
        self.at.retain(|(of, _)| *of != incident);
        self.at.push((incident, page));
        let seen = self.remember(scenario, model);
        let then = MEMORY + now;
        let open = seen.iter().filter(|p| p.at <= then && then < p.until);
        let (real, noise): (Vec<&NoiseAlert>, Vec<_>) = open.partition(|p| p.is_actionable());
        let scene = Scene {
            utc: scenario.demand.start + now,
            alerts: (real.len() + noise.len()) as u32,
            incidents: real.len() as u32 + circumstances.busy,
            sight: circumstances.sight,
            can_talk: circumstances.can_talk,
            shift_ends_in: circumstances.shift_ends_in,
        };
        let guilty: Vec<bool> = suspects.iter().map(|(_, guilty)| *guilty).collect();
        let mut dice = Dice::new(&mut self.draws, u64::from(page.0));
        let attempts = respond(&mut dice, model, &scene, &guilty);
        self.seen = Some(seen);
        let moved = attempts.into_iter().map(|attempt| Move {
            after: attempt.after,
            blamed: attempt.suspect.map(|index| suspects[index].0),
        });
        moved.collect()
    }

    /// The incident is over, or another team's: with a model, whoever is at it stops.
    pub(crate) fn all_clear(&mut self, incident: IncidentId) {
        let (done, going): (Vec<_>, Vec<_>) = self.at.iter().partition(|(of, _)| *of == incident);
        self.over.extend(done.into_iter().map(|(_, page)| page));
        self.at = going;
    }

    /// Whether a page's incident is over, so that nobody does anything about it any more.
    pub(crate) fn are_done_with(&self, page: PageId) -> bool {
        self.over.contains(&page)
    }

    /// From support's decision to call to the call that is answered.
    pub(crate) fn call(&mut self, time: LogNormal, number: u64) -> Micros {
        log_normal(self.draw(CALL_LANE, number), time)
    }

    /// What it takes to write a post to a status page.
    pub(crate) fn writes(&mut self, time: LogNormal, number: u64) -> Micros {
        log_normal(self.draw(POST_LANE, number), time)
    }

    /// From a proposal to its review.
    pub(crate) fn review(&mut self, review: &Review, change: usize) -> Micros {
        log_normal(self.draw(REVIEW_LANE, change as u64), review.delay)
    }

    /// What else the pager tells, over memory and run; to be put back.
    fn remember(&mut self, scenario: &Scenario, model: &Responders) -> Vec<NoiseAlert> {
        let window = Window {
            day: Weekday::Monday, // noise knows no weekends
            start: scenario.demand.start,
            length: MEMORY + scenario.duration,
            utc_offset_s: model.site.utc_offset_s,
        };
        let rates = NoiseRates::of(model.noise);
        let seen = self.seen.take();
        seen.unwrap_or_else(|| noise_alerts(&mut self.draws, &rates, &window))
    }

    fn draw(&mut self, lane: u64, index: u64) -> f64 {
        self.draws.uniform(0, Entity { lane, index })
    }
}
