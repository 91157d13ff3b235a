//! When a defect hurts: onset and triggers in words.

use firedrill_core::{Micros, Ppm};
use firedrill_sim::spec::{Onset, Trigger};

use crate::postmortem::facts::{DefectFacts, Facts};
use crate::words::{self, Clock};

/// When the defect hurts, in sentences with a space in front; nothing when it always does, at
/// once.
pub(in crate::postmortem) fn when(facts: &Facts<'_>, defect: &DefectFacts<'_>) -> String {
    let mut text = begins(defect.onset).map_or_else(String::new, |begins| format!(" {begins}"));
    let only: Vec<String> = defect
        .triggers
        .iter()
        .map(|trigger| only(facts, trigger))
        .collect();
    if !only.is_empty() {
        text += &format!(" It hurts only {}.", words::list(&only));
    }
    text
}

fn begins(onset: Onset) -> Option<String> {
    match onset {
        Onset::AtLoad
        | Onset::Delayed(Micros::ZERO)
        | Onset::Ramp(Micros::ZERO)
        | Onset::NextRestart(Micros::ZERO) => None,
        Onset::Delayed(after) => Some(format!(
            "It begins {} after an instance loads the new version.",
            words::time(after)
        )),
        Onset::Ramp(over) => Some(format!(
            "It grows evenly and has its full strength {} after an instance loads the new version.",
            words::time(over)
        )),
        Onset::NextRestart(mean) => Some(format!(
            "It begins when an instance next restarts, which is once in {} on average.",
            words::time(mean)
        )),
    }
}

fn only(facts: &Facts<'_>, trigger: &Trigger) -> String {
    match trigger {
        Trigger::LoadAbove(limit) => format!(
            "where instances are above {} of their capacity",
            words::share(Ppm::from_f64(*limit))
        ),
        Trigger::LocalTime { from, until } => {
            format!(
                "between {} and {} local time",
                of_day(*from),
                of_day(*until)
            )
        }
        Trigger::Regions(regions) => {
            let names: Vec<String> = regions
                .iter()
                .map(|region| format!("`{}`", facts.region(*region)))
                .collect();
            if names.is_empty() {
                "in no region at all".into()
            } else {
                format!("in {}", words::list(&names))
            }
        }
        Trigger::Hardware(class) => format!("on hardware class {class}"),
        Trigger::Key { key, value } => format!("while `{key}` is `{value}`"),
    }
}

/// A time of day, `HH:MM`.
pub(super) fn of_day(time: Micros) -> String {
    Clock {
        start: Micros::ZERO,
    }
    .utc_minutes(time)
}

/// Other keys that must have a value for the defect to hurt, as `key` = `value`; nothing when no
/// other key matters.
pub(in crate::postmortem) fn beside(defect: &DefectFacts<'_>) -> Option<String> {
    let keys: Vec<String> = defect
        .triggers
        .iter()
        .filter_map(|trigger| match trigger {
            Trigger::Key { key, value } => Some(format!("`{key}` = `{value}`")),
            Trigger::LoadAbove(_)
            | Trigger::LocalTime { .. }
            | Trigger::Regions(_)
            | Trigger::Hardware(_) => None,
        })
        .collect();
    (!keys.is_empty()).then(|| words::list(&keys))
}

/// What the triggers spared, when they spared something in the fleet: a sentence.
pub(in crate::postmortem) fn limited_to(
    facts: &Facts<'_>,
    defect: &DefectFacts<'_>,
) -> Option<String> {
    let hit = defect.triggers.iter().find_map(|trigger| match trigger {
        Trigger::Regions(regions) => Some(regions),
        Trigger::LoadAbove(_)
        | Trigger::LocalTime { .. }
        | Trigger::Hardware(_)
        | Trigger::Key { .. } => None,
    })?;
    let all = facts.log.header().names.regions.len();
    (!hit.is_empty() && hit.len() < all).then(|| {
        let names: Vec<String> = hit
            .iter()
            .map(|region| format!("`{}`", facts.region(*region)))
            .collect();
        format!(
            "The defect shows in {} only: {} of {} was spared.",
            words::list(&names),
            all - hit.len(),
            words::counted(all as u64, "region")
        )
    })
}
