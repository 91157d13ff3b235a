//! How long things took, and from what to what that is measured.

use firedrill_core::plane::NoteBody;
use firedrill_sim::measure::{Anchor, Anchors, Measures, Span};

use crate::words;

use super::facts::Facts;
use super::model::{Source, Time, TimeState};

/// One of the times that are measured.
struct Row {
    key: &'static str,
    name: &'static str,
    definition: &'static str,
    span: fn(&Measures) -> Span,
    ends: fn(&Anchors) -> [Option<Anchor>; 2],
}

const ACKNOWLEDGE: &str = "time-to-acknowledge";
const TELL: &str = "time-to-tell";

const ROWS: [Row; 7] = [
    Row {
        key: "time-to-detect",
        name: "Time to detect",
        definition: "From the first harmed request to the first signal that somebody or \
                     something acts on: a failed verdict or a paging alert.",
        span: |measures| measures.time_to_detect,
        ends: |anchors| [anchors.harm_started, anchors.first_signal],
    },
    Row {
        key: ACKNOWLEDGE,
        name: "Time to acknowledge",
        definition: "From the first page to the first acknowledgement.",
        span: |measures| measures.time_to_acknowledge,
        ends: |anchors| [anchors.paged, anchors.acknowledged],
    },
    Row {
        key: TELL,
        name: "Time to tell",
        definition: "From the first harmed request to the first post that users can read.",
        span: |measures| measures.time_to_tell,
        ends: |anchors| [anchors.harm_started, anchors.told],
    },
    Row {
        key: "time-to-mitigate",
        name: "Time to mitigate",
        definition: "From the first harmed request until no objective is breached by the defect \
                     any more; until no request is harmed, if none ever was breached.",
        span: |measures| measures.time_to_mitigate,
        ends: |anchors| {
            let end = match anchors.slo_breached {
                Some(_) => anchors.slo_restored,
                None => anchors.harm_ended,
            };
            [anchors.harm_started, end]
        },
    },
    Row {
        key: "time-to-recover",
        name: "Time to recover",
        definition: "From the first harmed request until no instance runs the bad version, \
                     every instance serves and the queues are empty.",
        span: |measures| measures.time_to_recover,
        ends: |anchors| [anchors.harm_started, anchors.recovered],
    },
    Row {
        key: "rollback-time",
        name: "Rollback time",
        definition: "From the start of the rollback until no reachable instance runs the change.",
        span: |measures| measures.rollback_time,
        ends: |anchors| [anchors.rollback_started, anchors.rollback_completed],
    },
    Row {
        key: "rollout-time",
        name: "Rollout time",
        definition: "From the start of the rollout until the change has reached its whole scope.",
        span: |measures| measures.rollout_time,
        ends: |anchors| [anchors.rollout_started, anchors.completed],
    },
];

/// The times section.
pub(super) fn write(facts: &Facts<'_>) -> Vec<Time> {
    let time = |row: &Row| {
        let span = (row.span)(facts.measures());
        let (state, took_us) = match span {
            Span::Took(time) => (TimeState::Took, Some(time.0)),
            Span::Never => (TimeState::Never, None),
            Span::NotApplicable => (TimeState::NotApplicable, None),
        };
        Time {
            key: row.key.into(),
            name: row.name.into(),
            state,
            took_us,
            text: if row.key == ACKNOWLEDGE && span == Span::Never && over_first(facts) {
                "never: the incident was over first".into()
            } else {
                span_text(span)
            },
            definition: row.definition.into(),
            source: Source::anchors((row.ends)(facts.anchors())),
        }
    };
    let is_asked = |row: &&Row| row.key != TELL || facts.log.header().tells_users;
    ROWS.iter().filter(is_asked).map(time).collect()
}

/// Whether no alert fired any more before anybody acknowledged a page.
fn over_first(facts: &Facts<'_>) -> bool {
    facts
        .notes()
        .any(|(_, note)| matches!(note, NoteBody::IncidentResolved { .. }))
}

/// A time, or why there is none.
pub(super) fn span_text(span: Span) -> String {
    match span {
        Span::Took(time) => words::time(time),
        Span::Never => "never in this run".into(),
        Span::NotApplicable => "not applicable".into(),
    }
}
