//! How strong a defect is for some instances at a moment: its onset, if its triggers hold.

use firedrill_core::Micros;
use firedrill_core::config::Document;
use firedrill_core::ids::RegionId;

use crate::spec::{Onset, Trigger};

/// What triggers look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) region: RegionId,
    /// Local time of day.
    pub(crate) local: Micros,
    /// How busy the instances were a moment ago.
    pub(crate) utilisation: f64,
    pub(crate) hardware: u8,
    /// How long ago they took the version.
    pub(crate) loaded_for: Micros,
}

/// The strength in `0..=1`: the share of the instances that it hits, or how hard.
pub(crate) fn strength(onset: Onset, triggers: &[Trigger], moment: &Moment) -> f64 {
    if triggers.iter().all(|trigger| holds(trigger, moment)) {
        by_age(onset, moment.loaded_for)
    } else {
        0.0
    }
}

fn by_age(onset: Onset, age: Micros) -> f64 {
    match onset {
        Onset::AtLoad => 1.0,
        Onset::Delayed(after) => f64::from(u8::from(age >= after)),
        Onset::Ramp(Micros::ZERO) => 1.0,
        Onset::Ramp(over) => (age.as_secs_f64() / over.as_secs_f64()).min(1.0),
        Onset::NextRestart(Micros::ZERO) => 1.0,
        Onset::NextRestart(mean) => 1.0 - libm::exp(-age.as_secs_f64() / mean.as_secs_f64()),
    }
}

fn holds(trigger: &Trigger, moment: &Moment) -> bool {
    match trigger {
        Trigger::LoadAbove(limit) => moment.utilisation > *limit,
        Trigger::LocalTime { from, until } if from <= until => {
            (*from..*until).contains(&moment.local)
        }
        Trigger::LocalTime { from, until } => !(*until..*from).contains(&moment.local),
        Trigger::Regions(regions) => regions.contains(&moment.region),
        Trigger::Hardware(class) => moment.hardware == *class,
        // Looked at once, when the version is made: see `holds_for`.
        Trigger::Key { .. } => true,
    }
}

/// Whether the triggers that look at other keys hold for a version's document.
pub(crate) fn holds_for(triggers: &[Trigger], document: &Document) -> bool {
    triggers.iter().all(|trigger| match trigger {
        Trigger::Key { key, value } => document.get(key) == Some(value),
        Trigger::LoadAbove(_)
        | Trigger::LocalTime { .. }
        | Trigger::Regions(_)
        | Trigger::Hardware(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use firedrill_core::config::Value;

    use super::*;

    fn moment() -> Moment {
        Moment {
            region: RegionId(1),
            local: Micros::from_hours(23),
            utilisation: 0.6,
            hardware: 2,
            loaded_for: Micros::from_mins(5),
        }
    }

    fn check(onset: Onset, triggers: &[Trigger], expected: f64) {
        let found = strength(onset, triggers, &moment());
        assert!(
            (found - expected).abs() < 1e-9,
            "{onset:?} {triggers:?}: {found}"
        );
    }

    #[test]
    fn onsets_grow_with_age() {
        check(Onset::AtLoad, &[], 1.0);
        check(Onset::Delayed(Micros::from_mins(6)), &[], 0.0);
        check(Onset::Delayed(Micros::from_mins(5)), &[], 1.0);
        check(Onset::Ramp(Micros::from_mins(20)), &[], 0.25);
        check(Onset::Ramp(Micros::ZERO), &[], 1.0);
        let restarts = Onset::NextRestart(Micros::from_mins(5));
        check(restarts, &[], 1.0 - libm::exp(-1.0));
    }

    #[test]
    fn triggers_must_all_hold() {
        let night = Trigger::LocalTime {
            from: Micros::from_hours(22),
            until: Micros::from_hours(6),
        };
        let day = Trigger::LocalTime {
            from: Micros::from_hours(6),
            until: Micros::from_hours(22),
        };
        check(Onset::AtLoad, std::slice::from_ref(&night), 1.0);
        check(Onset::AtLoad, std::slice::from_ref(&day), 0.0);
        check(Onset::AtLoad, &[Trigger::LoadAbove(0.5)], 1.0);
        check(Onset::AtLoad, &[Trigger::LoadAbove(0.6)], 0.0);
        check(
            Onset::AtLoad,
            &[night.clone(), Trigger::Regions(vec![RegionId(0)])],
            0.0,
        );
        check(
            Onset::AtLoad,
            &[night, Trigger::Regions(vec![RegionId(1)])],
            1.0,
        );
        check(Onset::AtLoad, &[Trigger::Hardware(1)], 0.0);
        check(Onset::AtLoad, &[Trigger::Hardware(2)], 1.0);
    }

    #[test]
    fn another_key_is_looked_at_in_the_document() {
        let trigger = [Trigger::Key {
            key: "mode".into(),
            value: Value::Text("new".into()),
        }];
        let document = |mode: &str| [("mode".into(), Value::Text(mode.into()))].into();
        assert!(holds_for(&trigger, &document("new")));
        assert!(!holds_for(&trigger, &document("old")));
    }
}
