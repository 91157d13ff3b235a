//! What tools do about an outage. An order spreads over instances, each of which hears of it after
//! a time of its own; the tool says that it is done when nearly all have.
//!
//! What an action does to instances and calls is one file each.

mod breaker;
mod drain;
mod kill;

use std::collections::BTreeSet;

use firedrill_core::Micros;
use firedrill_core::ids::ActionId;
use firedrill_core::plane::ActionOrder;
use firedrill_core::remediation::{Action, ActionKind, Input as Fact, ToolFailure};

use crate::random::{Entity, log_normal_cdf};
use crate::spec::{ActionTool, LogNormal};

use super::{Purpose, World};

pub(crate) use drain::Drains;
pub(crate) use kill::Safe;

/// A tool is done when this share of the instances has heard.
const NEARLY_ALL: f64 = 0.99;

/// An order that a tool took.
#[derive(Clone, Debug)]
struct UnderWay {
    action: ActionId,
    what: Action,
    from: Micros,
    delay: LogNormal,
    /// When the tool fails; it does not when absent.
    fails_at: Option<Micros>,
    /// The share of instances that heard, before the step at hand and now.
    heard: (f64, f64),
    /// Whether nothing more is done for it, because it is done, failed, or was stopped.
    over: bool,
}

/// All actions of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    /// Those that were ordered or stopped: whichever comes first counts.
    known: BTreeSet<ActionId>,
    under_way: Vec<UnderWay>,
    drains: Drains,
    news: Vec<Fact>,
}

impl Actions {
    /// Users who are sent elsewhere.
    pub(super) const fn drains(&self) -> &Drains {
        &self.drains
    }

    /// Moves every order on over the step that ends at `now`.
    fn advance(&mut self, now: Micros) {
        for order in &mut self.under_way {
            order.heard.0 = order.heard.1;
            if order.over {
                continue;
            }
            let action = order.action;
            if order.fails_at.is_some_and(|at| at <= now) {
                order.over = true;
                let why = ToolFailure::ToolDown;
                self.news.push(Fact::Failed { action, why });
            } else if order.fails_at.is_none() {
                order.heard.1 = log_normal_cdf(now - order.from, order.delay);
                if order.heard.1 >= NEARLY_ALL {
                    order.heard.1 = 1.0;
                    order.over = true;
                    self.news.push(Fact::Finished { action });
                }
            }
        }
        self.drains.advance(now, &mut self.news);
    }
}

impl World<'_> {
    /// A tool takes an order; the same order again changes nothing.
    pub(crate) fn take_order(&mut self, now: Micros, action: ActionId, order: &ActionOrder) {
        match order {
            ActionOrder::Begin(what) => {
                if self.actions.known.insert(action) {
                    self.begin(now, action, *what);
                }
            }
            ActionOrder::Step(step) => {
                let tool = self.scenario.response.tool(ActionKind::Drain);
                let fails = self.comes_to_nothing(action, step.number, tool);
                self.actions.drains.step(now, action, step, tool, fails);
            }
            ActionOrder::Stop => {
                self.actions.known.insert(action);
                self.actions.drains.stop(action);
                let orders = self.actions.under_way.iter_mut();
                for order in orders.filter(|order| order.action == action) {
                    order.over = true;
                }
            }
        }
    }

    /// What the tools have to say since they were last asked.
    pub(crate) fn action_news(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.actions.news)
    }

    /// Moves what tools do on over a step.
    pub(super) fn act(&mut self, now: Micros) {
        if !self.actions.known.is_empty() {
            self.actions.advance(now);
        }
    }

    fn begin(&mut self, now: Micros, action: ActionId, what: Action) {
        let why = ToolFailure::Rejected;
        match what.kind() {
            ActionKind::KillSwitch | ActionKind::TripBreaker => {
                let tool = self.scenario.response.tool(what.kind());
                let fails = self.comes_to_nothing(action, 0, tool);
                self.actions.under_way.push(UnderWay {
                    action,
                    what,
                    from: now,
                    delay: tool.delay,
                    fails_at: fails.then(|| now + tool.delay.median),
                    heard: (0.0, 0.0),
                    over: false,
                });
                self.actions.news.push(Fact::Started { action });
            }
            ActionKind::Drain => {
                let Action::Drain { region } = what else {
                    unreachable!("{what:?} is a drain");
                };
                self.actions.drains.begin(action, region);
                self.actions.news.push(Fact::Started { action });
            }
            // The plane takes rollouts back and holds them by itself; for the rest nobody here has
            // a tool.
            ActionKind::AutomaticRollback
            | ActionKind::OneClickRollback
            | ActionKind::FreezeRollouts
            | ActionKind::FeatureDisable
            | ActionKind::Restart
            | ActionKind::Scale => self.actions.news.push(Fact::Failed { action, why }),
        }
    }

    /// Whether a tool's order comes to nothing.
    fn comes_to_nothing(&mut self, action: ActionId, part: u32, tool: ActionTool) -> bool {
        let entity = Entity {
            lane: u64::from(part),
            index: u64::from(action.0),
        };
        self.draws.get(Purpose::Tools).uniform(0, entity) < tool.fails
    }
}
