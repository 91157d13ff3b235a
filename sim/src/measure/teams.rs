//! Which teams came into it.

use std::collections::BTreeSet;

use firedrill_core::incident::IncidentRole;
use firedrill_core::plane::NoteBody;

use crate::log::{EventBody, RunLog};

fn notes(log: &RunLog) -> impl Iterator<Item = &NoteBody> {
    log.events().iter().filter_map(|event| match &event.body {
        EventBody::Note(note) => Some(note),
        EventBody::World(_) | EventBody::Command(_) | EventBody::Person(_) => None,
    })
}

/// How many teams were paged. Whoever is on call for everything is a team.
#[expect(clippy::wildcard_enum_match_arm, reason = "one note is looked for")]
pub(super) fn paged(log: &RunLog) -> u32 {
    let people = &log.header().names.people;
    let teams: BTreeSet<u16> = notes(log)
        .filter_map(|note| match note {
            NoteBody::PageSent { person, .. } => {
                let person = people.get(usize::from(person.0));
                Some(person.map_or(0, |person| person.team))
            }
            _ => None,
        })
        .collect();
    teams.len() as u32
}

/// Whether the command of an incident changed hands.
pub(super) fn hands_over(log: &RunLog) -> bool {
    notes(log).any(|note| {
        matches!(
            note,
            NoteBody::RoleHandedOver {
                role: IncidentRole::Commander,
                ..
            }
        )
    })
}
