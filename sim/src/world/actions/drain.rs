//! The drain of a region: its users are sent elsewhere, a step at a time. What a step moves goes
//! where the core found room; the other regions serve it with the instances they have.

use firedrill_core::Micros;
use firedrill_core::ids::{ActionId, RegionId};
use firedrill_core::remediation::{DrainStep, Input as Fact, Portion, ToolFailure};

use crate::spec::{ActionTool, Region};

/// A step on its way.
#[derive(Clone, Debug)]
struct Step {
    number: u32,
    moved: f64,
    into: Vec<Portion>,
    done_at: Micros,
    fails: bool,
}

/// The drain of one region.
#[derive(Clone, Debug)]
struct Drain {
    action: ActionId,
    region: RegionId,
    /// The share of the region's users that is away.
    moved: f64,
    /// Where they are, as shares of the region's users, by region.
    into: Vec<(RegionId, f64)>,
    step: Option<Step>,
    /// The newest step that was ordered.
    newest: u32,
    stopped: bool,
}

/// All drains of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drains(Vec<Drain>);

impl Drains {
    pub(super) fn begin(&mut self, action: ActionId, region: RegionId) {
        self.0.push(Drain {
            action,
            region,
            moved: 0.0,
            into: Vec::new(),
            step: None,
            newest: 0,
            stopped: false,
        });
    }

    /// Takes the order of a step; an older one, or the same again, changes nothing.
    pub(super) fn step(
        &mut self,
        now: Micros,
        action: ActionId,
        step: &DrainStep,
        tool: ActionTool,
        fails: bool,
    ) {
        let drain = self.0.iter_mut().find(|drain| drain.action == action);
        let Some(drain) = drain.filter(|it| !it.stopped && it.newest < step.number) else {
            return;
        };
        drain.newest = step.number;
        drain.step = Some(Step {
            number: step.number,
            moved: step.moved.as_f64(),
            into: step.into.clone(),
            done_at: now + tool.delay.median,
            fails,
        });
    }

    pub(super) fn stop(&mut self, action: ActionId) {
        for drain in self.0.iter_mut().filter(|drain| drain.action == action) {
            drain.stopped = true;
            drain.step = None;
        }
    }

    pub(super) fn advance(&mut self, now: Micros, news: &mut Vec<Fact>) {
        for drain in &mut self.0 {
            let Some(step) = drain.step.take_if(|step| step.done_at <= now) else {
                continue;
            };
            debug_assert_eq!(step.number, drain.newest, "one step at a time");
            let action = drain.action;
            if step.fails {
                let why = ToolFailure::ToolDown;
                news.push(Fact::Failed { action, why });
                continue;
            }
            drain.take(&step);
            news.push(Fact::Stepped { action });
        }
    }

    /// Moves the users of drained regions. `levels` holds demand by region, each relative to the
    /// region's weight; what is taken from one is given to others, none is lost.
    pub(crate) fn move_users(&self, regions: &[Region], levels: &mut [f64]) {
        for drain in &self.0 {
            let from = drain.region.index();
            let home = levels[from] * regions[from].weight;
            levels[from] *= 1.0 - drain.moved;
            for (to, share) in &drain.into {
                levels[to.index()] += home * share / regions[to.index()].weight;
            }
        }
    }
}

impl Drain {
    fn take(&mut self, step: &Step) {
        let more = step.moved - self.moved;
        let total: u64 = step.into.iter().map(|(_, portion)| portion).sum();
        if total == 0 {
            return; // the region had no users
        }
        self.moved = step.moved;
        for (region, portion) in &step.into {
            let share = more * *portion as f64 / total as f64;
            match self.into.iter_mut().find(|(known, _)| known == region) {
                Some((_, known)) => *known += share,
                None => self.into.push((*region, share)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::Ppm;

    use super::*;
    use crate::spec::LogNormal;

    fn region(name: &str, weight: f64) -> Region {
        Region {
            name: name.into(),
            utc_offset_s: 0,
            cells: 1,
            hardware: vec![],
            weight,
        }
    }

    #[test]
    fn who_leaves_arrives() {
        let regions = [region("a", 5.0), region("b", 3.0), region("c", 4.0)];
        let tool = ActionTool {
            delay: LogNormal::default(),
            fails: 0.0,
        };
        let mut drains = Drains::default();
        drains.begin(ActionId(0), RegionId(0));
        let mut news = Vec::new();
        let users = |levels: &[f64]| -> f64 {
            let each = levels.iter().zip(&regions);
            each.map(|(level, region)| level * region.weight).sum()
        };
        for (number, percent) in [(1, 5), (2, 15), (3, 40), (4, 100)] {
            let step = DrainStep {
                number,
                moved: Ppm::percent(percent),
                into: vec![(RegionId(1), 10), (RegionId(2), 30)],
            };
            drains.step(Micros::ZERO, ActionId(0), &step, tool, false);
            drains.step(Micros::ZERO, ActionId(0), &step, tool, false);
            drains.advance(Micros::ZERO, &mut news);
            let mut levels = [1.0, 0.8, 1.2];
            let before = users(&levels);
            drains.move_users(&regions, &mut levels);
            assert!((users(&levels) - before).abs() < 1e-9, "{levels:?}");
            let left = 1.0 - f64::from(percent) / 100.0;
            assert!((levels[0] - left).abs() < 1e-9, "{levels:?}");
        }
        assert_eq!(news.len(), 4, "each step is told once");
    }
}
