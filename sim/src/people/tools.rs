//! Tools fail too: by themselves, and with the services that they stand on.

use firedrill_core::Micros;
use serde::Serialize;

use crate::random::Draws;
use crate::spec::{Outage, ToolKind, ToolSpec};

use super::dice::{Ask, Dice, stretched};

/// How well services answer: the share of good requests of each, by its id. What is not listed is
/// well.
pub type Health<'a> = &'a [f64];

/// A tool and its own outages, which are written down before a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// What it is.
    pub spec: ToolSpec,
    /// When it does not work by its own doing, in the order of time.
    pub outages: Vec<Outage>,
    /// Who got in by the sealed credentials is in from then on.
    pub glass_broken_at: Option<Micros>,
}

/// By which way people get at a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// As always.
    Usual,
    /// By the sealed credentials, which are open already.
    BreakGlass,
    /// By the way that depends on nothing.
    OutOfBand,
}

/// What becomes of somebody who uses a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolState {
    /// It works.
    Works {
        /// By this way.
        way: Way,
        /// And takes this long.
        latency: Micros,
    },
    /// It works for whoever breaks the glass first, which takes this long, once.
    Sealed {
        /// To get in.
        break_glass: Micros,
        /// For each use from then on.
        latency: Micros,
    },
    /// It is gone, and there is no other way.
    Down,
}

/// Whether a tool works at a moment, by which way, and how long a use takes.
///
/// The usual way is as slow as what it stands on is ill: 1/health of the worst. When it is gone,
/// the way that depends on nothing is taken; without one, sealed credentials get people past the
/// services in the way, but not past an outage of the tool itself.
#[must_use]
pub fn tool_state(tool: &Tool, health: Health<'_>, now: Micros) -> ToolState {
    let spec = &tool.spec;
    let out = |outage: &Outage| (outage.from..outage.until).contains(&now);
    let works = !tool.outages.iter().any(out);
    let of = |service: &firedrill_core::ids::ServiceId| {
        health.get(service.index()).copied().unwrap_or(1.0)
    };
    let worst = spec.depends_on.iter().map(of).fold(1.0, f64::min);
    if works && worst >= spec.needs_health {
        let latency = stretched(spec.latency, 1.0 / worst.max(0.01));
        return ToolState::Works {
            way: Way::Usual,
            latency,
        };
    }
    if let Some(latency) = spec.out_of_band {
        return ToolState::Works {
            way: Way::OutOfBand,
            latency,
        };
    }
    match spec.break_glass {
        Some(_) if works && tool.glass_broken_at.is_some_and(|at| at <= now) => ToolState::Works {
            way: Way::BreakGlass,
            latency: spec.latency,
        },
        Some(break_glass) if works => ToolState::Sealed {
            break_glass,
            latency: spec.latency,
        },
        _ => ToolState::Down,
    }
}

/// How much there is to look with: the share of metrics store and dashboards that work, also by
/// another way. What is not listed works.
#[must_use]
pub fn sight(tools: &[Tool], health: Health<'_>, now: Micros) -> f64 {
    let works = |kind: ToolKind| {
        let tool = tools.iter().find(|tool| tool.spec.kind == kind);
        tool.is_none_or(|tool| matches!(tool_state(tool, health, now), ToolState::Works { .. }))
    };
    let eyes = [ToolKind::MetricsStore, ToolKind::Dashboards];
    eyes.into_iter().filter(|kind| works(*kind)).count() as f64 / eyes.len() as f64
}

/// A tool's own outages over a time: exponential stretches up and down, whose means make up its
/// availability. `number` tells tools apart. It starts in the mix that it settles in.
#[must_use]
pub fn tool_outages(
    draws: &mut Draws,
    spec: &ToolSpec,
    number: u64,
    length: Micros,
) -> Vec<Outage> {
    let mut outages = Vec::new();
    let down_s = spec.outage_mean.as_secs_f64();
    if spec.availability >= 1.0 || down_s <= 0.0 {
        return outages;
    }
    let up_s = down_s * spec.availability / (1.0 - spec.availability);
    let mut dice = Dice::new(draws, number);
    let lasts = |u: f64, mean_s: f64| Micros((-libm::log(u) * mean_s * 1e6) as u64);
    // Exponential stretches have no memory: what is left of the first is one of them.
    let mut down = dice.chance(Ask::ToolUp, 0, 1.0 - spec.availability);
    let mut at = Micros::ZERO;
    for index in 1.. {
        if at >= length {
            break;
        }
        if down {
            let until = at + lasts(dice.uniform(Ask::ToolDown, index), down_s);
            outages.push(Outage { from: at, until });
            at = until;
        }
        at = at + lasts(dice.uniform(Ask::ToolUp, index), up_s);
        down = true;
    }
    outages
}

#[cfg(test)]
mod tests {
    use firedrill_core::ids::ServiceId;

    use super::*;

    const LATENCY: Micros = Micros::from_secs(10);

    fn rollback(change: impl FnOnce(&mut ToolSpec)) -> Tool {
        let mut spec = ToolSpec::new(ToolKind::RollbackService);
        spec.depends_on = vec![ServiceId(1)];
        change(&mut spec);
        let outage = Outage {
            from: Micros::from_mins(10),
            until: Micros::from_mins(20),
        };
        Tool {
            spec,
            outages: vec![outage],
            glass_broken_at: None,
        }
    }

    const fn works(way: Way, latency: Micros) -> ToolState {
        ToolState::Works { way, latency }
    }

    #[test]
    fn falls_with_what_it_stands_on() {
        let tool = rollback(|_| ());
        let at = |health: Health<'_>, minute| tool_state(&tool, health, Micros::from_mins(minute));
        assert_eq!(
            at(&[0.0, 1.0], 0),
            works(Way::Usual, LATENCY),
            "another service"
        );
        assert_eq!(at(&[], 0), works(Way::Usual, LATENCY));
        assert_eq!(at(&[1.0, 0.5], 0), works(Way::Usual, Micros::from_secs(20)));
        assert_eq!(at(&[1.0, 0.49], 0), ToolState::Down);
        assert_eq!(at(&[1.0, 1.0], 10), ToolState::Down, "its own outage");
        assert_eq!(at(&[1.0, 1.0], 20), works(Way::Usual, LATENCY));
    }

    #[test]
    fn the_other_way_is_slow_but_there() {
        let slow = Micros::from_mins(15);
        let tool = rollback(|spec| spec.out_of_band = Some(slow));
        for (health, minute) in [(0.0, 0), (1.0, 10)] {
            let state = tool_state(&tool, &[1.0, health], Micros::from_mins(minute));
            assert_eq!(state, works(Way::OutOfBand, slow));
        }
    }

    #[test]
    fn the_glass_is_broken_once() {
        let open = Micros::from_mins(5);
        let mut tool = rollback(|spec| spec.break_glass = Some(open));
        let sealed = ToolState::Sealed {
            break_glass: open,
            latency: LATENCY,
        };
        assert_eq!(tool_state(&tool, &[1.0, 0.0], Micros::ZERO), sealed);
        tool.glass_broken_at = Some(Micros::from_mins(5));
        let later = Micros::from_mins(6);
        assert_eq!(
            tool_state(&tool, &[1.0, 0.0], later),
            works(Way::BreakGlass, LATENCY)
        );
        assert_eq!(
            tool_state(&tool, &[1.0, 1.0], Micros::from_mins(12)),
            ToolState::Down,
            "credentials mend nothing"
        );
    }

    #[test]
    fn who_loses_dashboards_is_half_blind() {
        let mut dashboards = rollback(|spec| spec.kind = ToolKind::Dashboards);
        let at = Micros::ZERO;
        assert_eq!(sight(&[], &[], at), 1.0);
        assert_eq!(sight(&[dashboards.clone()], &[1.0, 0.0], at), 0.5);
        let mut store = dashboards.clone();
        store.spec.kind = ToolKind::MetricsStore;
        assert_eq!(
            sight(&[store.clone(), dashboards.clone()], &[1.0, 0.0], at),
            0.0
        );
        dashboards.spec.out_of_band = Some(LATENCY);
        assert_eq!(sight(&[store, dashboards], &[1.0, 0.0], at), 0.5);
    }

    #[test]
    fn outages_make_up_the_availability() {
        let mut draws = Draws::new(8, "people", None);
        let length = Micros::from_hours(100_000);
        for kind in ToolKind::ALL {
            let mut spec = ToolSpec::new(kind);
            spec.availability = 0.95;
            let outages = tool_outages(&mut draws, &spec, kind as u64, length);
            assert!(outages.is_sorted_by(|a, b| a.until <= b.from));
            let down: f64 = outages
                .iter()
                .map(|outage| (outage.until - outage.from).as_secs_f64())
                .sum();
            let share = down / length.as_secs_f64();
            // A renewal process of exponential times: the share's variance over so long a time is
            // 2·a²·(1−a)·mean/length, hence about 0.0003; six of it.
            assert!((share - 0.05).abs() < 0.004, "{kind:?} {share}");
            spec.availability = 1.0;
            assert_eq!(tool_outages(&mut draws, &spec, 0, length), []);
        }
    }
}
