//! The story of a defect: how it hurts, from when on, and only when.

use firedrill_sim::spec::{Defect, Mechanism, Onset, Scenario, Symptom, Trigger};

use firedrill_sim::words::{counted, list};

use super::{clock, requests, share, span};

/// How a defect hurts, who would see it first, from when on, and what must also be so.
pub(super) fn describe(scenario: &Scenario, defect: &Defect) -> String {
    let mut text = effect(scenario, &defect.mechanism);
    if defect.log_lines > 0.0 {
        let lines = counted((defect.log_lines * 1e3).round() as u64, "line");
        text.push_str(&format!(
            " They log {lines} as errors for every 1 000 requests."
        ));
    }
    if let Some(onset) = onset(defect.onset) {
        text.push(' ');
        text.push_str(&onset);
    }
    if !defect.triggers.is_empty() {
        let triggers = defect.triggers.iter();
        let triggers: Vec<String> = triggers.map(|one| trigger(scenario, one)).collect();
        text.push_str(&format!(" It hurts only {}.", triggers.join(", and only ")));
    }
    text.push(' ');
    text.push_str(seen_first(defect.mechanism.symptom()));
    text
}

fn effect(scenario: &Scenario, mechanism: &Mechanism) -> String {
    match mechanism {
        Mechanism::Errors { class, share: bad } => format!(
            "Instances that load it fail {} of {}.",
            share(*bad),
            requests(scenario, *class),
        ),
        Mechanism::Latency { factor } => {
            format!("Instances that load it take {factor} times as long for every request.")
        }
        Mechanism::CrashOnLoad { share: bad } => format!(
            "Of the instances that load it, {} crash, start again and crash again.",
            share(*bad)
        ),
        Mechanism::CpuBurn { factor } => format!(
            "Instances that load it burn processor time on the side and can serve only one in \
             {factor} of the requests that they could before."
        ),
        Mechanism::MemoryLeak { fills_after } => format!(
            "Instances that load it lose memory with every request; under full load it is used \
             up after {}, the instance is killed, and it starts over.",
            span(*fills_after)
        ),
        Mechanism::WrongData { class, share: bad } => format!(
            "Instances that load it answer {} of {} wrongly, as fast as ever and without an \
             error.",
            share(*bad),
            requests(scenario, *class),
        ),
        Mechanism::AccessLoss { share: bad } => format!(
            "Of the instances that load it, {} cut themselves off: users, telemetry and the \
             config that would repair them do not reach them any more.",
            share(*bad)
        ),
        Mechanism::ToolingPoison {
            scrapes_lost,
            distribution_factor,
        } => format!(
            "Instances that load it lose {} of their telemetry, and config, a rollback too, \
             takes {distribution_factor} times as long to reach them.",
            share(*scrapes_lost)
        ),
        Mechanism::QuotaExhaustion { .. }
        | Mechanism::RetryStorm { .. }
        | Mechanism::CacheStorm { .. } => downstream(scenario, mechanism),
    }
}

/// What it does to a service that the changed one calls.
fn downstream(scenario: &Scenario, mechanism: &Mechanism) -> String {
    let name = |service: &firedrill_core::ids::ServiceId| {
        scenario.fleet.services[service.index()].name.as_str()
    };
    match mechanism {
        Mechanism::QuotaExhaustion { victim, factor } => format!(
            "Instances that load it hold on to what `{0}` has a limited number of; once all of \
             them do, `{0}` can serve everybody only one in {factor} of the requests that it \
             could before.",
            name(victim)
        ),
        Mechanism::RetryStorm {
            callee,
            attempts,
            timeout,
        } => {
            let timeout = timeout.map_or_else(String::new, |timeout| {
                format!(", give each try up after {}", span(timeout))
            });
            format!(
                "Instances that load it try a call to `{0}` up to {attempts} times{timeout} and \
                 keep to no retry budget: whatever slows `{0}` down brings it more calls, which \
                 slow it down further.",
                name(callee)
            )
        }
        Mechanism::CacheStorm {
            store,
            factor,
            refill,
        } => format!(
            "Instances that load it forget their cache and call `{}` {factor} times as often; \
             after {} about two thirds of the cache are filled again.",
            name(store),
            span(*refill)
        ),
        Mechanism::Errors { .. }
        | Mechanism::Latency { .. }
        | Mechanism::CrashOnLoad { .. }
        | Mechanism::CpuBurn { .. }
        | Mechanism::MemoryLeak { .. }
        | Mechanism::WrongData { .. }
        | Mechanism::AccessLoss { .. }
        | Mechanism::ToolingPoison { .. } => {
            unreachable!("a mechanism that stays in its own service")
        }
    }
}

/// From when on; nothing when at once.
fn onset(onset: Onset) -> Option<String> {
    match onset {
        Onset::AtLoad => None,
        Onset::Delayed(after) => Some(format!(
            "Nothing of it shows until {} after an instance has loaded it.",
            span(after)
        )),
        Onset::Ramp(over) => Some(format!(
            "It grows evenly from nothing to all of that over {} after an instance has loaded it.",
            span(over)
        )),
        Onset::NextRestart(mean) => Some(format!(
            "It begins when an instance next restarts, which each does about every {}.",
            span(mean)
        )),
    }
}

fn trigger(scenario: &Scenario, trigger: &Trigger) -> String {
    match trigger {
        Trigger::LoadAbove(load) => format!("where instances are busier than {}", share(*load)),
        Trigger::LocalTime { from, until } => {
            format!("between {} and {} local time", clock(*from), clock(*until))
        }
        Trigger::Regions(regions) => {
            let names = regions.iter();
            let names: Vec<&str> = names
                .map(|region| &*scenario.fleet.regions[region.index()].name)
                .collect();
            format!("in {}", list(&names))
        }
        Trigger::Hardware(class) => format!("on hardware of class {class}"),
        Trigger::Key { key, value } => format!("while `{key}` is {value}"),
    }
}

/// Who would see it first.
const fn seen_first(symptom: Symptom) -> &'static str {
    match symptom {
        Symptom::Errors => "Errors would show it first.",
        Symptom::Latency => "Latency would show it first.",
        Symptom::Availability => "Health checks would show it first.",
        Symptom::Saturation => {
            "Processor or memory use would show it first, before any user notices."
        }
        Symptom::Downstream => "The called service suffers first, not the changed one.",
        Symptom::Business => {
            "Neither errors nor latency show it: only what the business counts does."
        }
        Symptom::Silence => "Users notice nothing; the tools go silent.",
    }
}
