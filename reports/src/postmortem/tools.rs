//! What tools did, in words.

use firedrill_core::Micros;
use firedrill_sim::log::{Event, EventBody, ToolEvent, ToolPurpose, ToolTrouble, WorldEvent};
use firedrill_sim::people::Way;
use firedrill_sim::spec::ToolKind;

use crate::words;

use super::facts::Facts;
use super::model::{Source, Statement};
use super::people::audience;

/// What an event says.
pub(super) fn tell(facts: &Facts<'_>, event: &ToolEvent) -> String {
    match event {
        ToolEvent::WentDown {
            tool,
            why,
            another_way,
        } => format!(
            "The {tool} does not work any more: {}{}.",
            trouble(facts, *why),
            if *another_way {
                "; there is another way"
            } else {
                ""
            }
        ),
        ToolEvent::CameBack {
            tool,
            after,
            scrapes_lost,
        } => {
            let lost = never_came(*scrapes_lost);
            format!(
                "The {tool} works again after {}{lost}.",
                words::time(*after)
            )
        }
        ToolEvent::Used {
            tool,
            purpose,
            way,
            took,
        } => format!(
            "The {tool} is used {} {}: {} after it was wanted.",
            way_word(*way),
            wanted(facts, *purpose),
            words::time(*took)
        ),
        ToolEvent::Failed { tool, purpose } => {
            format!("The {tool} fails {}.", wanted(facts, *purpose))
        }
        ToolEvent::Awaited {
            tool,
            purpose,
            way,
            takes,
        } => {
            let wanted = wanted(facts, *purpose);
            match (way, takes) {
                (Some(way), Some(takes)) => format!(
                    "The {tool} is needed {wanted}; {} it takes {}.",
                    way_word(*way),
                    words::time(*takes)
                ),
                _ => format!("The {tool} is needed {wanted}, and there is no way but to wait."),
            }
        }
        ToolEvent::Dropped { tool, purpose } => format!(
            "The {tool} is no longer needed {}.",
            wanted(facts, *purpose)
        ),
        ToolEvent::Blind { page, without } => {
            let without: Vec<String> = without.iter().map(|tool| format!("the {tool}")).collect();
            format!(
                "Whoever answers page {} has to look without {}.",
                page.0 + 1,
                words::list(&without)
            )
        }
    }
}

fn never_came(scrapes: u64) -> String {
    match scrapes {
        0 => String::new(),
        lost => format!("; {} never came", words::counted(lost, "scrape")),
    }
}

fn trouble(facts: &Facts<'_>, why: ToolTrouble) -> String {
    match why {
        ToolTrouble::OwnOutage => "it is down by itself".into(),
        ToolTrouble::Service { service, health } => format!(
            "it stands on `{}`, which answers {} of requests",
            facts.service(service),
            words::share(health)
        ),
    }
}

const fn way_word(way: Way) -> &'static str {
    match way {
        Way::Usual => "the usual way",
        Way::BreakGlass => "by sealed credentials",
        Way::OutOfBand => "out of band",
    }
}

fn wanted(facts: &Facts<'_>, purpose: ToolPurpose) -> String {
    match purpose {
        ToolPurpose::Page(page) => format!("to send page {}", page.0 + 1),
        ToolPurpose::Command(command) => format!("to carry out command {}", command.0 + 1),
        ToolPurpose::Order(rollout) => {
            format!("to take “{}” back", facts.rollout_title(rollout))
        }
        ToolPurpose::Post(incident, readers) => format!(
            "to tell {} of incident {}",
            audience(readers),
            incident.0 + 1
        ),
    }
}

/// Whether an event belongs into the story of the response: not every use of what works.
pub(super) const fn matters(event: &ToolEvent) -> bool {
    match event {
        ToolEvent::Used { way, .. } => !matches!(way, Way::Usual),
        ToolEvent::WentDown { .. }
        | ToolEvent::CameBack { .. }
        | ToolEvent::Failed { .. }
        | ToolEvent::Awaited { .. }
        | ToolEvent::Dropped { .. }
        | ToolEvent::Blind { .. } => true,
    }
}

/// What people could not see, and what they tried in vain or had to go around; nothing where all
/// tools worked.
pub(super) fn summary(facts: &Facts<'_>) -> Vec<Statement> {
    let tools = || of_tools(facts);
    let unseen = |tool: &ToolEvent| match tool {
        ToolEvent::Blind { .. } => true,
        ToolEvent::CameBack { scrapes_lost, .. } => *scrapes_lost > 0,
        ToolEvent::Failed { purpose, .. } => matches!(purpose, ToolPurpose::Page(_)),
        ToolEvent::WentDown { .. }
        | ToolEvent::Used { .. }
        | ToolEvent::Awaited { .. }
        | ToolEvent::Dropped { .. } => false,
    };
    let tried = |tool: &ToolEvent| match tool {
        ToolEvent::Awaited { .. } => true,
        ToolEvent::Used { way, .. } => *way != Way::Usual,
        ToolEvent::WentDown { .. }
        | ToolEvent::CameBack { .. }
        | ToolEvent::Failed { .. }
        | ToolEvent::Dropped { .. }
        | ToolEvent::Blind { .. } => false,
    };
    let heading = |title: &str, found: Vec<(&Event, &ToolEvent)>| {
        let (first, _) = *found.first()?;
        let told: Vec<String> = found
            .iter()
            .take(SHOWN_MAX)
            .map(|(event, tool)| format!("{}: {}", facts.utc(event.t_us), tell(facts, tool)))
            .collect();
        let more = match found.len().saturating_sub(SHOWN_MAX) {
            0 => String::new(),
            more => format!(" And {more} more times."),
        };
        Some(Statement {
            text: format!("{title} {}{more}", told.join(" ")),
            source: Source::event(first),
        })
    };
    let could_not_see = tools().filter(|(_, tool)| unseen(tool)).collect();
    let tried = tools().filter(|(_, tool)| tried(tool)).collect();
    [
        heading("What could not be seen or heard:", could_not_see),
        heading("What had to wait, or to go another way:", tried),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Pages that did not get out.
pub(super) fn pages_lost(facts: &Facts<'_>) -> u64 {
    let lost = |event: &&ToolEvent| {
        matches!(
            event,
            ToolEvent::Failed {
                purpose: ToolPurpose::Page(_),
                ..
            }
        )
    };
    of_tools(facts).map(|(_, tool)| tool).filter(lost).count() as u64
}

/// When no telemetry got to the metrics store: from when it went down until it was back.
pub(super) fn dark(facts: &Facts<'_>) -> Vec<(Micros, Micros)> {
    let mut spans = Vec::new();
    let mut since = None;
    for (event, tool) in of_tools(facts) {
        match tool {
            ToolEvent::WentDown {
                tool: ToolKind::MetricsStore,
                another_way: false,
                ..
            } => since = Some(event.t_us),
            ToolEvent::CameBack {
                tool: ToolKind::MetricsStore,
                ..
            } => spans.extend(since.take().map(|since| (since, event.t_us))),
            ToolEvent::WentDown { .. }
            | ToolEvent::CameBack { .. }
            | ToolEvent::Used { .. }
            | ToolEvent::Failed { .. }
            | ToolEvent::Awaited { .. }
            | ToolEvent::Dropped { .. }
            | ToolEvent::Blind { .. } => {}
        }
    }
    spans.extend(since.map(|since| (since, facts.log.header().duration)));
    spans
}

/// What tools did, in order.
fn of_tools<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a Event, &'a ToolEvent)> {
    let events = facts.log.events().iter();
    events.filter_map(|event| match &event.body {
        EventBody::World(WorldEvent::Tool(tool)) => Some((event, tool)),
        EventBody::World(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => {
            None
        }
    })
}

/// Of each kind so many are told; after that they repeat themselves.
const SHOWN_MAX: usize = 6;
