//! Key moments as labelled vertical lines that do not run into each other.
//!
//! A label stands to the right of its line, in a lane above the plot. Where it would cover the
//! line of a later moment, that one gets a lane further down, so that its line begins below the
//! label: neither lines nor labels ever cross a label.

use firedrill_core::Micros;
use firedrill_core::rollout::StageKind;
use serde::Serialize;

use crate::postmortem::facts::Facts;

use super::scale::XScale;
use super::{px, text_width};

const LANE: f64 = 16.0;
/// Moments closer than this share a line.
const MERGE: f64 = 5.0;
const GAP: f64 = 4.0;

/// A moment, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Mark {
    class: &'static str,
    x: String,
    y: String,
    text_x: String,
    text_y: String,
    label: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Change,
    Response,
    Harm,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Change => "mark-change",
            Self::Response => "mark-response",
            Self::Harm => "mark-harm",
        }
    }
}

struct Moment {
    at: Micros,
    class: Class,
    label: String,
}

/// The key moments of a run, in order.
fn moments(facts: &Facts<'_>) -> Vec<Moment> {
    let anchors = facts.anchors();
    // With a breach, the end of the breach is what counts.
    let last_harm = match anchors.slo_breached {
        Some(_) => None,
        None => anchors.harm_ended,
    };
    let named = [
        (anchors.proposed, Class::Change, "proposed"),
        (anchors.defect_active, Class::Harm, "defect active"),
        (anchors.harm_started, Class::Harm, "first harm"),
        (anchors.alert_fired, Class::Response, "alert"),
        (anchors.acknowledged, Class::Response, "page acknowledged"),
        (anchors.rollback_started, Class::Response, "rollback"),
        (anchors.slo_restored, Class::Response, "mitigated"),
        (last_harm, Class::Harm, "last harm"),
        (anchors.recovered, Class::Response, "recovered"),
        (anchors.completed, Class::Change, "complete"),
    ];
    let mut moments: Vec<Moment> = named
        .into_iter()
        .filter_map(|(anchor, class, label)| {
            Some(Moment {
                at: anchor?.at,
                class,
                label: label.into(),
            })
        })
        .collect();
    for stage in &facts.stages {
        if let Some(entered) = stage.entered {
            let label = match stage.kind {
                StageKind::Canary => stage.name.to_owned(),
                StageKind::Wave if stage.name.contains("wave") => stage.name.to_owned(),
                StageKind::Wave => format!("wave {}", stage.name),
            };
            moments.push(Moment {
                at: entered.t_us,
                class: Class::Change,
                label,
            });
        }
    }
    moments.sort_by_key(|moment| moment.at);
    moments
}

/// The last key moment.
pub(super) fn last(facts: &Facts<'_>) -> Option<Micros> {
    moments(facts).last().map(|moment| moment.at)
}

/// The moments in words.
pub(super) fn describe(facts: &Facts<'_>) -> String {
    let items: Vec<String> = moments(facts)
        .iter()
        .map(|moment| format!("{} {}", moment.label, facts.utc(moment.at)))
        .collect();
    format!(" Marked moments: {}.", items.join(", "))
}

/// Lays the moments out below `top` and returns them with the height of their lanes.
pub(super) fn lay_out(facts: &Facts<'_>, scale: &XScale, top: f64) -> (Vec<Mark>, f64) {
    let mut placed: Vec<Placed> = Vec::new();
    for moment in moments(facts) {
        let x = scale.at(moment.at);
        match placed.last_mut().filter(|last| x - last.x < MERGE) {
            Some(last) => {
                last.class = last.class.max(moment.class);
                last.label = format!("{} · {}", last.label, moment.label);
            }
            None => placed.push(Placed {
                x,
                lane: 0,
                class: moment.class,
                label: moment.label,
            }),
        }
    }
    for index in 0..placed.len() {
        let (before, rest) = placed.split_at_mut(index);
        let own = &mut rest[0];
        own.lane = before
            .iter()
            .filter(|earlier| earlier.end() > own.x)
            .map(|earlier| earlier.lane + 1)
            .max()
            .unwrap_or(0);
    }
    let lanes = placed.iter().map(|mark| mark.lane + 1).max().unwrap_or(0);
    let marks = placed.iter().map(|mark| mark.draw(top)).collect();
    (marks, f64::from(lanes) * LANE)
}

struct Placed {
    x: f64,
    lane: u32,
    class: Class,
    label: String,
}

impl Placed {
    fn end(&self) -> f64 {
        self.x + GAP + text_width(&self.label) + GAP
    }

    fn draw(&self, top: f64) -> Mark {
        let y = top + f64::from(self.lane) * LANE;
        Mark {
            class: self.class.name(),
            x: px(self.x),
            y: px(y),
            text_x: px(self.x + GAP),
            text_y: px(y + LANE - 5.0),
            label: self.label.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::words::Clock;

    /// No line runs through a label, and no two labels overlap.
    #[test]
    fn labels_stay_clear() {
        let (log, outcome, scenario) = fixture::outage();
        let facts = Facts::of(&log, &outcome, &scenario);
        for right in [200.0, 500.0, 900.0] {
            let clock = Clock {
                start: Micros::ZERO,
            };
            let scale = XScale::new(log.header().duration, clock, 0.0, right);
            let (marks, height) = lay_out(&facts, &scale, 0.0);
            let number = |text: &str| text.parse::<f64>().unwrap();
            for mark in &marks {
                let (from, y) = (number(&mark.x), number(&mark.y));
                let to = from + GAP + text_width(&mark.label);
                assert!(y + LANE <= height);
                for other in marks.iter().filter(|other| *other != mark) {
                    let (x, top) = (number(&other.x), number(&other.y));
                    let crosses = x > from && x < to && top < y + LANE;
                    assert!(!crosses, "{} runs through {}", other.label, mark.label);
                }
            }
        }
    }
}
