//! The story of a defect: how it hurts, from when on, and only when.

use firedrill_sim::spec::{Defect, Mechanism, Onset, Scenario, Symptom, Trigger};

use firedrill_sim::words::{counted, list};

use super::{clock, requests, share, span};

/// How a defect hurts, who would see it first, from when on, and what must also be so.
pub(super) fn describe(scenario: &Scenario, defect: &Defect) -> String {
    describe_range(scenario, defect, defect)
}

/// The same of a defect that lies somewhere between two ends.
pub(super) fn describe_range(scenario: &Scenario, low: &Defect, high: &Defect) -> String {
    let mut text = effect(scenario, &low.mechanism, &high.mechanism);
    let [least, most] = [low, high].map(|it| (it.log_lines * 1e3).round() as u64);
    if most > 0 {
        let least = match least < most {
            true => format!("{least} to "),
            false => String::new(),
        };
        text.push_str(&format!(
            " They log {least}{} as errors for every 1 000 requests.",
            counted(most, "line")
        ));
    }
    if let Some(onset) = onset(low.onset, high.onset) {
        text.push(' ');
        text.push_str(&onset);
    }
    if !low.triggers.is_empty() {
        let triggers = low.triggers.iter().zip(&high.triggers);
        let triggers: Vec<String> = triggers
            .map(|(low, high)| trigger(scenario, low, high))
            .collect();
        text.push_str(&format!(" It hurts only {}.", triggers.join(", and only ")));
    }
    text.push(' ');
    text.push_str(seen_first(low.mechanism.symptom()));
    text
}

/// A value, or what it lies between.
fn between<T: Copy + PartialEq>(low: T, high: T, tell: impl Fn(T) -> String) -> String {
    if low == high {
        tell(low)
    } else {
        format!("{} to {}", tell(low), tell(high))
    }
}

fn number(low: f64, high: f64) -> String {
    between(low, high, |number| number.to_string())
}

fn effect(scenario: &Scenario, low: &Mechanism, high: &Mechanism) -> String {
    match (low, high) {
        (Mechanism::Errors { class, share: bad }, Mechanism::Errors { share: most, .. }) => {
            format!(
                "Instances that load it fail {} of {}.",
                between(*bad, *most, share),
                requests(scenario, *class),
            )
        }
        (Mechanism::Latency { factor }, Mechanism::Latency { factor: most }) => format!(
            "Instances that load it take {} times as long for every request.",
            number(*factor, *most)
        ),
        (Mechanism::CrashOnLoad { share: bad }, Mechanism::CrashOnLoad { share: most }) => {
            format!(
                "Of the instances that load it, {} crash, start again and crash again.",
                between(*bad, *most, share)
            )
        }
        (Mechanism::CpuBurn { factor }, Mechanism::CpuBurn { factor: most }) => format!(
            "Instances that load it burn processor time on the side and can serve only one in \
             {} of the requests that they could before.",
            number(*factor, *most)
        ),
        (
            Mechanism::MemoryLeak { fills_after },
            Mechanism::MemoryLeak {
                fills_after: longest,
            },
        ) => format!(
            "Instances that load it lose memory with every request; under full load it is used \
             up after {}, the instance is killed, and it starts over.",
            between(*fills_after, *longest, span)
        ),
        (Mechanism::WrongData { class, share: bad }, Mechanism::WrongData { share: most, .. }) => {
            format!(
                "Instances that load it answer {} of {} wrongly, as fast as ever and without an \
                 error.",
                between(*bad, *most, share),
                requests(scenario, *class),
            )
        }
        (Mechanism::AccessLoss { share: bad }, Mechanism::AccessLoss { share: most }) => format!(
            "Of the instances that load it, {} cut themselves off: users, telemetry and the \
             config that would repair them do not reach them any more.",
            between(*bad, *most, share)
        ),
        (
            Mechanism::ToolingPoison {
                scrapes_lost,
                distribution_factor,
            },
            Mechanism::ToolingPoison {
                scrapes_lost: most,
                distribution_factor: slowest,
            },
        ) => format!(
            "Instances that load it lose {} of their telemetry, and config, a rollback too, \
             takes {} times as long to reach them.",
            between(*scrapes_lost, *most, share),
            number(*distribution_factor, *slowest)
        ),
        (low, high) => downstream(scenario, low, high),
    }
}

/// What it does to a service that the changed one calls.
fn downstream(scenario: &Scenario, low: &Mechanism, high: &Mechanism) -> String {
    let name = |service: &firedrill_core::ids::ServiceId| {
        scenario.fleet.services[service.index()].name.as_str()
    };
    match (low, high) {
        (
            Mechanism::QuotaExhaustion { victim, factor },
            Mechanism::QuotaExhaustion { factor: most, .. },
        ) => format!(
            "Instances that load it hold on to what `{0}` has a limited number of; once all of \
             them do, `{0}` can serve everybody only one in {1} of the requests that it could \
             before.",
            name(victim),
            number(*factor, *most)
        ),
        (
            Mechanism::RetryStorm {
                callee,
                attempts,
                timeout,
            },
            Mechanism::RetryStorm {
                attempts: most,
                timeout: longest,
                ..
            },
        ) => {
            let timeout = timeout.zip(*longest);
            let timeout = timeout.map_or_else(String::new, |(timeout, longest)| {
                let timeout = between(timeout, longest, span);
                format!(", give each try up after {timeout}")
            });
            format!(
                "Instances that load it try a call to `{0}` up to {1} times{timeout} and \
                 keep to no retry budget: whatever slows `{0}` down brings it more calls, which \
                 slow it down further.",
                name(callee),
                between(*attempts, *most, |attempts| attempts.to_string())
            )
        }
        (
            Mechanism::CacheStorm {
                store,
                factor,
                refill,
            },
            Mechanism::CacheStorm {
                factor: most,
                refill: longest,
                ..
            },
        ) => format!(
            "Instances that load it forget their cache and call `{}` {} times as often; \
             after {} about two thirds of the cache are filled again.",
            name(store),
            number(*factor, *most),
            between(*refill, *longest, span)
        ),
        (low, high) => unreachable!("{low:?} and {high:?} are not ends of one range"),
    }
}

/// From when on; nothing when at once.
fn onset(low: Onset, high: Onset) -> Option<String> {
    match (low, high) {
        (Onset::Delayed(after), Onset::Delayed(longest)) => Some(format!(
            "Nothing of it shows until {} after an instance has loaded it.",
            between(after, longest, span)
        )),
        (Onset::Ramp(over), Onset::Ramp(longest)) => Some(format!(
            "It grows evenly from nothing to all of that over {} after an instance has loaded it.",
            between(over, longest, span)
        )),
        (Onset::NextRestart(mean), Onset::NextRestart(longest)) => Some(format!(
            "It begins when an instance next restarts, which each does about every {}.",
            between(mean, longest, span)
        )),
        (low, high) => {
            assert_eq!(low, high, "both ends begin in the same way");
            None
        }
    }
}

fn trigger(scenario: &Scenario, trigger: &Trigger, high: &Trigger) -> String {
    match trigger {
        Trigger::LoadAbove(load) => {
            let most = match high {
                Trigger::LoadAbove(most) => *most,
                Trigger::LocalTime { .. }
                | Trigger::Regions(_)
                | Trigger::Hardware(_)
                | Trigger::Key { .. } => *load,
            };
            let load = between(*load, most, share);
            format!("where instances are busier than {load}")
        }
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
