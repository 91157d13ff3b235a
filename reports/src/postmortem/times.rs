//! How long things took, and from what to what that is measured.

use firedrill_sim::measure::{Anchor, Span};

use crate::words;

use super::facts::Facts;
use super::model::{Source, Time, TimeState};

/// The times section.
pub(super) fn write(facts: &Facts<'_>) -> Vec<Time> {
    let measures = facts.measures();
    let anchors = facts.anchors();
    let mitigated = if measures.slo_breached {
        anchors.slo_restored
    } else {
        anchors.harm_ended
    };
    let harm = anchors.harm_started;
    let rows: [(&str, &str, Span, &str, [Option<Anchor>; 2]); 6] = [
        (
            "time-to-detect",
            "Time to detect",
            measures.time_to_detect,
            "From the first harmed request to the first signal that somebody or something acts \
             on: a failed verdict or a paging alert.",
            [harm, anchors.first_signal],
        ),
        (
            "time-to-acknowledge",
            "Time to acknowledge",
            measures.time_to_acknowledge,
            "From the first page to the first acknowledgement.",
            [anchors.paged, anchors.acknowledged],
        ),
        (
            "time-to-mitigate",
            "Time to mitigate",
            measures.time_to_mitigate,
            "From the first harmed request until no objective is breached by the defect any \
             more; until no request is harmed, if none ever was breached.",
            [harm, mitigated],
        ),
        (
            "time-to-recover",
            "Time to recover",
            measures.time_to_recover,
            "From the first harmed request until no instance runs the bad version, every \
             instance serves and the queues are empty.",
            [harm, anchors.recovered],
        ),
        (
            "rollback-time",
            "Rollback time",
            measures.rollback_time,
            "From the start of the rollback until no reachable instance runs the change.",
            [anchors.rollback_started, anchors.rollback_completed],
        ),
        (
            "rollout-time",
            "Rollout time",
            measures.rollout_time,
            "From the start of the rollout until the change has reached its whole scope.",
            [anchors.rollout_started, anchors.completed],
        ),
    ];
    rows.into_iter()
        .map(|(key, name, span, definition, ends)| Time {
            key: key.into(),
            name: name.into(),
            state: match span {
                Span::Took(_) => TimeState::Took,
                Span::Never => TimeState::Never,
                Span::NotApplicable => TimeState::NotApplicable,
            },
            took_us: match span {
                Span::Took(time) => Some(time.0),
                Span::Never | Span::NotApplicable => None,
            },
            text: span_text(span),
            definition: definition.into(),
            source: Source::anchors(ends),
        })
        .collect()
}

/// A time, or why there is none.
pub(super) fn span_text(span: Span) -> String {
    match span {
        Span::Took(time) => words::time(time),
        Span::Never => "never in this run".into(),
        Span::NotApplicable => "not applicable".into(),
    }
}
