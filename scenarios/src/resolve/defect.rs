//! Defects: does what they say fit the fleet and the config?

use std::collections::BTreeSet;

use firedrill_core::Micros;
use firedrill_core::config::Schema;
use firedrill_core::ids::ServiceId;
use firedrill_sim::spec::{Defect, Fleet, Mechanism, Onset, RequestClass};

use crate::file::{DefectFile, MechanismFile, OnsetFile};
use crate::problem::enumerate;
use crate::scalar::{Duration, Kind, Name, Number, Percent, Scalar};
use crate::spread::Spread;

use super::World;
use super::context::Context;
use super::edge;
use super::trigger;
use super::world::{above_zero, class_at};

/// Whose config carries a defect: what its names and keys are read against.
#[derive(Clone, Copy)]
pub(super) struct Bearer<'a> {
    /// The names there are.
    pub(super) world: &'a World,
    /// The service that runs the config.
    pub(super) service: ServiceId,
    /// The config.
    pub(super) schema: Option<&'a Schema>,
}

/// What is read of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its low end; or the only value.
    Low,
    /// Its high end; or the only value.
    High,
    /// The value: a range means nothing here.
    Only,
}

/// Makes a defect of a file that stands alone: nothing in it may be left to chance.
pub(super) fn resolve(context: &mut Context, file: &DefectFile, bearer: &Bearer<'_>) -> Defect {
    if downstream_of(&file.mechanism).is_some_and(|victim| victim.is_none()) {
        context.report(
            "scenario::missing-key",
            file.story.place,
            "the mechanism of the defect names no service that suffers",
            |problem| {
                problem
                    .label("the defect with this story")
                    .help("name one; only in a mix is it drawn from all that the service calls")
            },
        );
    }
    resolve_end(context, file, bearer, End::Only, None)
}

/// Makes a defect of one end of all its ranges. `victim` suffers where the file names nobody.
pub(super) fn resolve_end(
    context: &mut Context,
    file: &DefectFile,
    bearer: &Bearer<'_>,
    end: End,
    victim: Option<ServiceId>,
) -> Defect {
    let mechanism = mechanism(context, &file.mechanism, bearer, end, victim);
    let onset = onset(context, &file.onset, end);
    let mut triggers = Vec::new();
    for file in &file.triggers {
        triggers.extend(trigger::resolve(context, file, bearer, end));
    }
    Defect {
        story: context.read(&file.story, "the story of the defect"),
        mechanism,
        log_lines: log_lines(context, file),
        onset,
        triggers,
    }
}

/// The victim that a mechanism of another service names, or not; nothing for the other mechanisms.
pub(super) const fn downstream_of(file: &MechanismFile) -> Option<Option<&Scalar<Name>>> {
    match file {
        MechanismFile::QuotaExhaustion { victim, .. } => Some(victim.as_ref()),
        MechanismFile::RetryStorm { callee, .. } => Some(callee.as_ref()),
        MechanismFile::CacheStorm { store, .. } => Some(store.as_ref()),
        MechanismFile::Errors { .. }
        | MechanismFile::Latency { .. }
        | MechanismFile::CrashOnLoad { .. }
        | MechanismFile::CpuBurn { .. }
        | MechanismFile::MemoryLeak { .. }
        | MechanismFile::WrongData { .. }
        | MechanismFile::AccessLoss { .. }
        | MechanismFile::ToolingPoison { .. } => None,
    }
}

/// Lines for every request; they are given for every thousand.
fn log_lines(context: &mut Context, file: &DefectFile) -> f64 {
    let Some(lines) = &file.log_lines else {
        return 0.0;
    };
    let what = "the lines that the defect logs";
    let read = context.read(lines, what);
    if !(0.0..=1e6).contains(&read) {
        context.out_of_range(lines, what, "0 to 1000000");
    }
    read / 1e3
}

fn mechanism(
    context: &mut Context,
    file: &MechanismFile,
    bearer: &Bearer<'_>,
    end: End,
    victim: Option<ServiceId>,
) -> Mechanism {
    let Bearer { world, service, .. } = *bearer;
    let name = world.services.iter().nth(service.index()).unwrap_or("");
    let class_of = |context: &mut Context, class: &Option<Scalar<Name>>| {
        let class = class.as_ref()?;
        Some(class_at(context, world, class, name, "the defect"))
    };
    let what = "the share of the defect";
    match file {
        MechanismFile::Errors { class, share } => Mechanism::Errors {
            class: class_of(context, class),
            share: share_of(context, share, end, what),
        },
        MechanismFile::Latency { factor } => Mechanism::Latency {
            factor: factor_of(context, factor, end, FACTOR),
        },
        MechanismFile::CrashOnLoad { share } => Mechanism::CrashOnLoad {
            share: share_of(context, share, end, what),
        },
        MechanismFile::CpuBurn { factor } => Mechanism::CpuBurn {
            factor: factor_of(context, factor, end, FACTOR),
        },
        MechanismFile::MemoryLeak { fills_after } => {
            let what = "the time after which the defect has filled memory";
            let fills_after = at_end(context, fills_after, end, what);
            let time = context.read(fills_after, what);
            if time < Micros::from_secs(1) {
                context.out_of_range(fills_after, what, "1s or more");
            }
            Mechanism::MemoryLeak { fills_after: time }
        }
        MechanismFile::WrongData { class, share } => Mechanism::WrongData {
            class: class_of(context, class),
            share: share_of(context, share, end, what),
        },
        MechanismFile::AccessLoss { share } => Mechanism::AccessLoss {
            share: share_of(context, share, end, what),
        },
        MechanismFile::ToolingPoison {
            scrapes_lost,
            distribution_factor,
        } => Mechanism::ToolingPoison {
            scrapes_lost: share_of(
                context,
                scrapes_lost,
                end,
                "the share of scrapes that are lost",
            ),
            distribution_factor: factor_of(
                context,
                distribution_factor,
                end,
                "the distribution factor of the defect",
            ),
        },
        MechanismFile::QuotaExhaustion { .. }
        | MechanismFile::RetryStorm { .. }
        | MechanismFile::CacheStorm { .. } => {
            let named = downstream_of(file).flatten();
            let named = named.map(|named| victim_of(context, named, world, service));
            let victim = named.or(victim).unwrap_or_default();
            downstream(context, file, end, victim)
        }
    }
}

/// The mechanisms that hit a service that the changed one calls.
fn downstream(
    context: &mut Context,
    file: &MechanismFile,
    end: End,
    victim: ServiceId,
) -> Mechanism {
    match file {
        MechanismFile::QuotaExhaustion { factor, .. } => Mechanism::QuotaExhaustion {
            victim,
            factor: factor_of(context, factor, end, FACTOR),
        },
        MechanismFile::RetryStorm {
            attempts, timeout, ..
        } => {
            let what = "the tries of the defect";
            let attempts = at_end(context, attempts, end, what);
            Mechanism::RetryStorm {
                callee: victim,
                attempts: edge::attempts(context, attempts, what),
                timeout: timeout
                    .as_ref()
                    .map(|timeout| time_of(context, timeout, end, "the timeout of the defect")),
            }
        }
        MechanismFile::CacheStorm { factor, refill, .. } => Mechanism::CacheStorm {
            store: victim,
            factor: factor_of(context, factor, end, FACTOR),
            refill: time_of(context, refill, end, "the refill time of the defect"),
        },
        MechanismFile::Errors { .. }
        | MechanismFile::Latency { .. }
        | MechanismFile::CrashOnLoad { .. }
        | MechanismFile::CpuBurn { .. }
        | MechanismFile::MemoryLeak { .. }
        | MechanismFile::WrongData { .. }
        | MechanismFile::AccessLoss { .. }
        | MechanismFile::ToolingPoison { .. } => {
            unreachable!("a mechanism that stays in its own service")
        }
    }
}

const FACTOR: &str = "the factor of the defect";

/// The scalar at an end of a range. The low end reports a range that is upside down.
fn at_end<'a, K: Kind<Value: PartialOrd>>(
    context: &mut Context,
    spread: &'a Spread<K>,
    end: End,
    what: &str,
) -> &'a Scalar<K> {
    let Some(high) = &spread.high else {
        return &spread.low;
    };
    let low = &spread.low;
    match end {
        End::Only => context.report(
            "scenario::range-outside-mix",
            low.place,
            format!("{what} is a range, and nothing draws from it"),
            |problem| {
                problem
                    .label("expected one value")
                    .help("give one, or put the defect into a mix and name the mix in the change")
            },
        ),
        End::Low => {
            let ends = K::parse(&low.text).ok().zip(K::parse(&high.text).ok());
            if ends.is_some_and(|(low, high)| high < low) {
                context.report(
                    "scenario::upside-down",
                    low.place,
                    format!("the range of {what} is upside down"),
                    |problem| {
                        problem
                            .label("the low end comes first")
                            .help(format!("did you mean `{}..{}`?", high.text, low.text))
                    },
                );
            }
        }
        End::High => return high,
    }
    low
}

pub(super) fn share_of(
    context: &mut Context,
    share: &Spread<Percent>,
    end: End,
    what: &str,
) -> f64 {
    let share = at_end(context, share, end, what);
    context.read(share, what).as_f64()
}

fn factor_of(context: &mut Context, factor: &Spread<Number>, end: End, what: &str) -> f64 {
    let factor = at_end(context, factor, end, what);
    let value = context.read(factor, what);
    if !(1.0..=1e3).contains(&value) {
        context.out_of_range(factor, what, "1 to 1000");
    }
    value
}

fn time_of(context: &mut Context, time: &Spread<Duration>, end: End, what: &str) -> Micros {
    let time = at_end(context, time, end, what);
    above_zero(context, time, what)
}

/// A service that suffers, which the changed one must call.
fn victim_of(
    context: &mut Context,
    victim: &Scalar<Name>,
    world: &World,
    service: ServiceId,
) -> ServiceId {
    let id = ServiceId(context.find(&world.services, victim, "the defect") as u16);
    let name = |id: &ServiceId| world.services.iter().nth(id.index()).unwrap_or("");
    let called = called_by(&world.fleet, service);
    if name(&id) == victim.text && !called.contains(&id) {
        let caller = name(&service);
        let help = if called.is_empty() {
            format!("`{caller}` calls nothing; choose a mechanism that hurts `{caller}` itself")
        } else {
            let called = enumerate(called.iter().map(name));
            format!("`{caller}` calls {called}: name one of them, or add it to a class's path")
        };
        context.report(
            "scenario::not-called",
            victim.place,
            format!(
                "the defect of `{caller}` hits `{}`, which `{caller}` does not call",
                victim.text
            ),
            |problem| {
                let label = format!("no request of any class goes from `{caller}` to it");
                problem.label(label).help(help)
            },
        );
    }
    id
}

/// The services that `caller` calls for requests of any class.
pub(super) fn called_by(fleet: &Fleet, caller: ServiceId) -> BTreeSet<ServiceId> {
    let of_class = |class: &RequestClass| {
        let path = class.path.clone();
        let called = |position: &usize| {
            let to = path[*position];
            let calls = |from: &ServiceId| {
                let mut edges = fleet.edges.iter();
                edges.any(|edge| edge.from == Some(*from) && edge.to == to)
            };
            let nearest = path[..*position].iter().rev().find(|from| calls(from));
            nearest.or_else(|| path[..*position].last()) == Some(&caller)
        };
        let called: Vec<usize> = (0..path.len()).filter(called).collect();
        called.into_iter().map(move |position| path[position])
    };
    fleet.classes.iter().flat_map(of_class).collect()
}

fn onset(context: &mut Context, file: &OnsetFile, end: End) -> Onset {
    match file {
        OnsetFile::AtLoad => Onset::AtLoad,
        OnsetFile::Delayed(after) => {
            Onset::Delayed(time_of(context, after, end, "the delay of the defect"))
        }
        OnsetFile::Ramp(over) => Onset::Ramp(time_of(context, over, end, "the ramp of the defect")),
        OnsetFile::NextRestart(mean) => {
            let what = "the mean time to the next restart";
            Onset::NextRestart(time_of(context, mean, end, what))
        }
    }
}
