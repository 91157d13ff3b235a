//! Tools in a run: who needs one waits, goes another way, or goes without.
//!
//! A tool knows the health of services as the world knows it: it stands on them. The core never
//! sees it; all that it notices is what does not come, and what fails.

use firedrill_core::ids::{CommandId, IncidentId, RolloutId, ServiceId};
use firedrill_core::incident::Audience;
use firedrill_core::plane::{Command, Issued};
use firedrill_core::{Micros, Ppm};

use crate::log::{Actor, Sample, ToolEvent, ToolPurpose, ToolTrouble, WorldEvent};
use crate::people::{Outage, Tool, ToolState, Way, sight, tool_outages, tool_state};
use crate::random::Draws;
use crate::spec::{Scenario, ToolKind};

use super::driver::{Driver, Next};
use super::surroundings::Surroundings;

/// What waits for a tool, or for another way to be gone.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// A command for distribution.
    Carry(Issued),
    /// Somebody wants to order a rollback, about a page.
    Order(super::driver::Verdict),
    /// Somebody wants to post to a status page.
    Post(IncidentId, Audience),
}

#[derive(Debug)]
struct Errand {
    number: u64,
    tool: ToolKind,
    purpose: ToolPurpose,
    wish: Wish,
    since: Micros,
    /// By which way, and when it is done; absent when there is none.
    going: Option<(Way, Micros)>,
    /// The event that it follows from.
    because: u64,
}

/// A tool that does not work the usual way.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    since: Micros,
    event: u64,
    scrapes_lost: u64,
}

/// The tools of a run.
#[derive(Debug, Default)]
pub(super) struct Toolbox {
    tools: Vec<Tool>,
    /// By tool.
    troubles: Vec<Option<Trouble>>,
    /// By service: the share of requests that it answered well over the last interval.
    health: Vec<f64>,
    errands: Vec<Errand>,
    next_errand: u64,
}

impl Toolbox {
    /// The tools of a scenario, with their own outages drawn.
    pub(super) fn new(scenario: &Scenario, mut draws: Draws) -> Self {
        let tool = |spec: &crate::spec::ToolSpec| {
            let number = spec.kind as u64;
            let mut outages = tool_outages(&mut draws, spec, number, scenario.duration);
            outages.extend(&spec.down);
            outages.sort_by_key(|outage| outage.from);
            Tool {
                spec: spec.clone(),
                outages,
                glass_broken_at: None,
            }
        };
        let tools: Vec<Tool> = scenario.tools.iter().map(tool).collect();
        Self {
            troubles: vec![None; tools.len()],
            health: vec![1.0; scenario.fleet.services.len()],
            tools,
            ..Self::default()
        }
    }

    fn index(&self, kind: ToolKind) -> Option<usize> {
        self.tools.iter().position(|tool| tool.spec.kind == kind)
    }

    /// What becomes of somebody who uses a tool now; nothing when it is not listed.
    fn state(&self, kind: ToolKind, now: Micros) -> Option<ToolState> {
        let tool = &self.tools[self.index(kind)?];
        Some(tool_state(tool, &self.health, now))
    }

    /// How much of the tools to look with is there.
    pub(super) fn sight(&self, now: Micros) -> f64 {
        sight(&self.tools, &self.health, now)
    }

    /// Whether people reach each other as always.
    pub(super) fn can_talk(&self, now: Micros) -> bool {
        let state = self.state(ToolKind::Chat, now);
        state.is_none_or(|state| matches!(state, ToolState::Works { .. }))
    }

    /// What a use of the metrics store takes; nothing when it has no room for what comes now.
    fn store(&self, now: Micros) -> Option<Micros> {
        match self.state(ToolKind::MetricsStore, now) {
            None => Some(Micros::ZERO),
            Some(ToolState::Works { latency, .. }) => Some(latency),
            Some(ToolState::Sealed { .. } | ToolState::Down) => None,
        }
    }

    /// Takes note of how services fared. What a service's instances that are down would have
    /// answered counts as bad.
    fn observe(&mut self, sample: &Sample) {
        for service in &sample.services {
            let good = 1.0 - service.errors as f64 / service.requests.max(1) as f64;
            let up = f64::from(service.up) / f64::from(service.instances.max(1));
            self.health[service.service.index()] = good.clamp(0.0, 1.0) * up;
        }
    }

    /// Why a tool does not work the usual way.
    fn trouble(&self, tool: &Tool, now: Micros) -> ToolTrouble {
        let down = |outage: &Outage| (outage.from..outage.until).contains(&now);
        let ill = tool.spec.depends_on.iter().copied();
        let health = |service: ServiceId| self.health[service.index()];
        let worst = ill.min_by(|a, b| health(*a).total_cmp(&health(*b)));
        match worst {
            Some(service) if !tool.outages.iter().any(down) => ToolTrouble::Service {
                service,
                health: Ppm::from_f64(health(service)),
            },
            Some(_) | None => ToolTrouble::OwnOutage,
        }
    }
}

impl<W: Surroundings> Driver<'_, W> {
    /// Takes note of how services fared over the interval that ends now, and of tools that stand
    /// on them.
    pub(super) fn observe_health(&mut self, sample: &Sample) {
        self.tools.observe(sample);
    }

    /// Looks at every tool: one that went down or came back is told, and who waits is served.
    pub(super) fn look_at_tools(&mut self) {
        let now = self.now;
        for index in 0..self.tools.tools.len() {
            let tool = &self.tools.tools[index];
            let kind = tool.spec.kind;
            let state = tool_state(tool, &self.tools.health, now);
            let usual = matches!(
                state,
                ToolState::Works {
                    way: Way::Usual,
                    ..
                }
            );
            match (self.tools.troubles[index], usual) {
                (None, false) => {
                    let why = self.tools.trouble(tool, now);
                    let event = ToolEvent::WentDown {
                        tool: kind,
                        why,
                        another_way: state != ToolState::Down,
                    };
                    let because = match why {
                        ToolTrouble::OwnOutage => None,
                        ToolTrouble::Service { .. } => self.causes.harm_started,
                    };
                    let event = self.tell_tool(Actor::World, because, event);
                    self.tools.troubles[index] = Some(Trouble {
                        since: now,
                        event,
                        scrapes_lost: 0,
                    });
                }
                (Some(trouble), true) => {
                    let event = ToolEvent::CameBack {
                        tool: kind,
                        after: now - trouble.since,
                        scrapes_lost: trouble.scrapes_lost,
                    };
                    self.tell_tool(Actor::World, Some(trouble.event), event);
                    self.tools.troubles[index] = None;
                    self.serve_those_who_wait(kind);
                }
                (None, true) | (Some(_), false) => {}
            }
        }
    }

    /// Whether the metrics store takes a scrape; one that it does not take is lost.
    pub(super) fn stores_scrape(&mut self) -> bool {
        if self.tools.store(self.now).is_some() {
            return true;
        }
        self.look_at_tools();
        let index = self.tools.index(ToolKind::MetricsStore);
        let trouble = index.and_then(|index| self.tools.troubles[index].as_mut());
        trouble.expect("it was looked at just now").scrapes_lost += 1;
        false
    }

    /// What the way through the metrics store adds to the delay of scrapes.
    pub(super) fn store_latency(&self) -> Micros {
        self.tools.store(self.now).unwrap_or_default()
    }

    /// Sends a page on its way; returns how long it takes, or nothing when it does not get out.
    pub(super) fn send_page(&mut self, purpose: ToolPurpose, ordered: u64) -> Option<Micros> {
        let mut took = Micros::ZERO;
        for tool in [ToolKind::AlertSender, ToolKind::Pager] {
            match self.tools.state(tool, self.now) {
                None => {}
                Some(ToolState::Works { way, latency }) => {
                    took = took + latency;
                    let used = ToolEvent::Used {
                        tool,
                        purpose,
                        way,
                        took: latency,
                    };
                    self.tell_tool(Actor::World, Some(ordered), used);
                }
                Some(ToolState::Sealed { .. } | ToolState::Down) => {
                    self.look_at_tools();
                    let failed = ToolEvent::Failed { tool, purpose };
                    self.tell_tool(Actor::World, Some(ordered), failed);
                    return None;
                }
            }
        }
        Some(took)
    }

    /// Whoever answers a page looks with what is there.
    pub(super) fn look_with(&mut self, page: firedrill_core::ids::PageId, answered: u64) -> f64 {
        let now = self.now;
        let missing = |kind: &ToolKind| {
            let state = self.tools.state(*kind, now);
            state.is_some_and(|state| !matches!(state, ToolState::Works { .. }))
        };
        let eyes = [ToolKind::MetricsStore, ToolKind::Dashboards];
        let without: Vec<ToolKind> = eyes.into_iter().filter(missing).collect();
        if !without.is_empty() {
            self.look_at_tools();
            let blind = ToolEvent::Blind { page, without };
            self.tell_tool(Actor::OnCall, Some(answered), blind);
        }
        self.tools.sight(now)
    }

    /// Grants a wish by a tool: at once where it takes no time, else when it is done. A widening
    /// waits for the usual way: nobody spreads a change by an emergency path.
    pub(super) fn wish(
        &mut self,
        tool: ToolKind,
        purpose: ToolPurpose,
        (wish, because): (Wish, u64),
    ) {
        let now = self.now;
        let Some(state) = self.tools.state(tool, now) else {
            return self.grant(wish, because);
        };
        let widens = matches!(&wish, Wish::Carry(issued) if is_push(&issued.command));
        let going = match state {
            ToolState::Works {
                way: Way::Usual,
                latency,
            } => Some((Way::Usual, now + latency)),
            _ if widens => None,
            ToolState::Works { way, latency } => Some((way, now + latency)),
            ToolState::Sealed {
                break_glass,
                latency,
            } => {
                let opened = now + break_glass;
                if let Some(index) = self.tools.index(tool) {
                    self.tools.tools[index].glass_broken_at = Some(opened);
                }
                Some((Way::BreakGlass, opened + latency))
            }
            ToolState::Down => None,
        };
        let number = self.tools.next_errand;
        self.tools.next_errand += 1;
        if let Some((_, done)) = going {
            self.queue.push(done, Next::Errand(number));
        }
        let mut because = because;
        if going.is_none_or(|(way, _)| way != Way::Usual) {
            self.look_at_tools();
            let awaited = ToolEvent::Awaited {
                tool,
                purpose,
                way: going.map(|(way, _)| way),
                takes: going.map(|(_, done)| done - now),
            };
            because = self.tell_tool(Actor::World, Some(because), awaited);
        }
        self.tools.errands.push(Errand {
            number,
            tool,
            purpose,
            wish,
            since: now,
            going,
            because,
        });
    }

    /// An errand may be done.
    pub(super) fn run_errand(&mut self, number: u64) {
        let now = self.now;
        let mut errands = self.tools.errands.iter();
        let done = |errand: &Errand| {
            errand.number == number && errand.going.is_some_and(|(_, done)| done <= now)
        };
        let Some(index) = errands.position(done) else {
            return; // done before, by another way
        };
        let errand = self.tools.errands.remove(index);
        let (way, _) = errand.going.expect("it was just looked at");
        let used = ToolEvent::Used {
            tool: errand.tool,
            purpose: errand.purpose,
            way,
            took: now - errand.since,
        };
        let used = self.tell_tool(Actor::World, Some(errand.because), used);
        self.grant(errand.wish, used);
    }

    /// Forgets the pushes of a rollout that still wait: they are to be taken back.
    pub(super) fn drop_pushes(&mut self, rollout: RolloutId) {
        let is_dropped = |errand: &Errand| {
            matches!(&errand.wish, Wish::Carry(issued)
                if is_push(&issued.command) && issued.command.rollout() == Some(rollout))
        };
        let (dropped, kept) = std::mem::take(&mut self.tools.errands)
            .into_iter()
            .partition(is_dropped);
        self.tools.errands = kept;
        let dropped: Vec<Errand> = dropped;
        for errand in dropped {
            let event = ToolEvent::Dropped {
                tool: errand.tool,
                purpose: errand.purpose,
            };
            self.tell_tool(Actor::World, Some(errand.because), event);
        }
    }

    /// The usual way is open again: who waits, or is on a longer way, takes it.
    fn serve_those_who_wait(&mut self, tool: ToolKind) {
        let now = self.now;
        let Some(ToolState::Works { latency, .. }) = self.tools.state(tool, now) else {
            return;
        };
        for errand in &mut self.tools.errands {
            let sooner = |(_, done): (Way, Micros)| now + latency < done;
            if errand.tool == tool && errand.going.is_none_or(sooner) {
                errand.going = Some((Way::Usual, now + latency));
                self.queue.push(now + latency, Next::Errand(errand.number));
            }
        }
    }

    fn grant(&mut self, wish: Wish, because: u64) {
        match wish {
            Wish::Carry(issued) => self.carry(&issued, because),
            Wish::Order(verdict) => self.order(&verdict, because),
            Wish::Post(incident, audience) => self.posted(incident, audience, because),
        }
    }

    pub(super) fn tell_tool(
        &mut self,
        actor: Actor,
        because: Option<u64>,
        event: ToolEvent,
    ) -> u64 {
        let subject = match &event {
            ToolEvent::WentDown { tool, .. }
            | ToolEvent::CameBack { tool, .. }
            | ToolEvent::Used { tool, .. }
            | ToolEvent::Failed { tool, .. }
            | ToolEvent::Awaited { tool, .. }
            | ToolEvent::Dropped { tool, .. } => tool.to_string(),
            ToolEvent::Blind { .. } => "page".into(),
        };
        let because = because.into_iter().collect();
        let body = WorldEvent::Tool(event);
        self.log.push(self.now, actor, subject, because, body)
    }
}

const fn is_push(command: &Command) -> bool {
    matches!(command, Command::Push { .. })
}

/// What a command needs distribution for.
pub(super) const fn to_carry(command: CommandId) -> ToolPurpose {
    ToolPurpose::Command(command)
}
