//! What a run draws before it begins: the defects of changes that have a mix of them.

use crate::random::{Draws, Entity};
use crate::spec::mix::Between;
use crate::spec::{Defect, DrawnDefect, Scenario};

use super::Tamper;

/// The stream of defects.
pub(crate) const DEFECTS: &str = "defects";

/// What is drawn of a defect; each in a lane of its own.
#[derive(Clone, Copy)]
enum Side {
    Part,
    Magnitude,
    Onset,
    Trigger,
}

/// The defects that a seed draws for the changes that have a mix, in the order of the changes.
///
/// # Panics
/// When the scenario does not pass [`Scenario::check`].
#[must_use]
pub fn drawn_defects(scenario: &Scenario, seed: u64) -> Vec<DrawnDefect> {
    draw(scenario, seed, None)
}

pub(super) fn draw(scenario: &Scenario, seed: u64, tamper: Option<&Tamper>) -> Vec<DrawnDefect> {
    let mut draws = Draws::new(seed, DEFECTS, tamper);
    let mut drawn = Vec::new();
    for (index, change) in scenario.changes.iter().enumerate() {
        let Some(mix) = &change.mix else {
            continue;
        };
        let index = index as u32;
        let mut uniform = |side: Side| {
            let entity = Entity {
                lane: side as u64,
                index: u64::from(index),
            };
            draws.uniform(0, entity)
        };
        let part = mix.part(uniform(Side::Part));
        let between = Between {
            magnitude: uniform(Side::Magnitude),
            onset: uniform(Side::Onset),
            trigger: uniform(Side::Trigger),
        };
        drawn.push(DrawnDefect {
            change: index,
            mix: mix.name.clone(),
            kind: part.kind.clone(),
            defect: part.at(between),
        });
    }
    drawn
}

/// The number of the record of what was drawn for a change of the scenario.
pub(super) fn record_of(drawn: &[DrawnDefect], change: usize) -> Option<u32> {
    let number = drawn.iter().position(|one| one.change as usize == change);
    number.map(|number| number as u32)
}

/// The defect of every change: its own, or the one that was drawn for it.
pub(super) fn defects(scenario: &Scenario, drawn: &[DrawnDefect]) -> Vec<Option<Defect>> {
    let mut defects: Vec<_> = scenario
        .changes
        .iter()
        .map(|change| change.defect.clone())
        .collect();
    for one in drawn {
        defects[one.change as usize] = Some(one.defect.clone());
    }
    defects
}
