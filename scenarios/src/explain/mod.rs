//! A scenario in plain words, before it is run.

mod alerting;
mod defect;
mod demand;
mod fleet;
mod mix;
mod people;
mod propagation;
mod response;
mod teams;
mod tools;

use std::fmt::Write;

use firedrill_core::health::judge::{Control, Method};
use firedrill_core::health::sequential::HostEffects;
use firedrill_core::health::{Check, Indicator, Limit, NoDataRule, Signal, Urgency};
use firedrill_core::ids::ClassId;
use firedrill_core::rollout::{Audience, Placement, Reaction, Share, Stage, StageKind};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::expect::length as span;
use firedrill_sim::spec::{ChangeSpec, ConfigSpec, LogNormal, Scenario};
use firedrill_sim::words::{count, counted};

use crate::load::Loaded;

/// Tells what will happen in a scenario: fleet, change, defect, stages, judges, people and what
/// must come out. Ends in a line feed.
#[must_use]
pub fn explain(loaded: &Loaded) -> String {
    let mut out = String::new();
    write_all(&mut out, loaded, None).expect("writing to a string does not fail");
    out
}

/// The same for one seed: of a mix of defects, it tells the one that the seed draws.
#[must_use]
pub fn explain_seed(loaded: &Loaded, seed: u64) -> String {
    let mut out = String::new();
    write_all(&mut out, loaded, Some(seed)).expect("writing to a string does not fail");
    out
}

fn write_all(out: &mut String, loaded: &Loaded, seed: Option<u64>) -> std::fmt::Result {
    let scenario = &loaded.scenario;
    writeln!(out, "{}: {}", scenario.name, scenario.title)?;
    writeln!(out)?;
    paragraph(out, &scenario.summary)?;
    writeln!(out)?;
    fleet::write(out, loaded)?;
    for (index, change) in scenario.changes.iter().enumerate() {
        write_change(out, scenario, change)?;
        write_defect(out, scenario, index, seed)?;
        writeln!(out)?;
        write_plan(
            out,
            scenario,
            change,
            &scenario.configs[change.config.index()],
        )?;
    }
    write_alerts(out, scenario)?;
    people::write(out, scenario)?;
    response::write(out, scenario)?;
    teams::write(out, scenario)?;
    tools::write(out, scenario)?;
    write_expectations(out, scenario)
}

fn write_change(out: &mut String, scenario: &Scenario, change: &ChangeSpec) -> std::fmt::Result {
    let config = &scenario.configs[change.config.index()];
    let service = &scenario.fleet.services[config.service.index()];
    writeln!(out, "Change: {}", change.title)?;
    let edits: Vec<String> = change
        .edits
        .iter()
        .map(|edit| {
            let before = config.schema.keys.get(&edit.key).map(|key| &key.initial);
            let before = before.map_or_else(String::new, |value| format!(" (was {value})"));
            format!("`{}` becomes {}{before}", edit.key, edit.value)
        })
        .collect();
    let text = format!(
        "After {}, {} ({}) proposes to change `{}`, the config of `{}` ({}): {}.",
        span(change.at),
        change.author.name,
        change.author.role,
        config.schema.name,
        service.name,
        counted(u64::from(service.instances), "instance"),
        edits.join(", "),
    );
    item(out, &text)?;
    let text = format!(
        "{} ({}) reviews it, in {}, and decides: {:?}.",
        change.review.reviewer.name,
        change.review.reviewer.role,
        typical(&change.review.delay),
        change.review.decision,
    );
    item(
        out,
        &text
            .replace("Approve", "approve")
            .replace("Reject", "reject"),
    )?;
    Ok(())
}

/// What is wrong with a change: nothing, this, or one of these.
fn write_defect(
    out: &mut String,
    scenario: &Scenario,
    index: usize,
    seed: Option<u64>,
) -> std::fmt::Result {
    let change = &scenario.changes[index];
    match (&change.defect, &change.mix, seed) {
        (None, None, _) => item(out, "Nothing is wrong with it."),
        (Some(defect), _, _) => {
            let effect = defect::describe(scenario, defect);
            let text = format!("What nobody in the run knows: {} {effect}", defect.story);
            item(out, &text)
        }
        (None, Some(mix), None) => mix::write(out, scenario, mix),
        (None, Some(_), Some(seed)) => mix::write_drawn(out, scenario, index, seed),
    }
}

fn requests(scenario: &Scenario, class: Option<ClassId>) -> String {
    match class {
        Some(class) => format!("`{}` requests", scenario.fleet.classes[class.index()].name),
        None => "all requests".into(),
    }
}

fn write_plan(
    out: &mut String,
    scenario: &Scenario,
    change: &ChangeSpec,
    config: &ConfigSpec,
) -> std::fmt::Result {
    let named = &config.plans[change.plan.index()];
    let service = &scenario.fleet.services[config.service.index()];
    let counts = scenario.fleet.instances(service).into_iter().enumerate();
    let instances = counts
        .map(|(region, count)| (firedrill_core::ids::RegionId(region as u16), count))
        .collect();
    writeln!(out, "Rollout: plan `{}`", named.name)?;
    let mut before = None;
    for (index, stage) in named.plan.stages.iter().enumerate() {
        let limits = named.plan.limits(index, &instances);
        let total: u32 = limits.values().sum();
        let judge = if before == Some(&stage.judge) {
            "The same judge decides".into()
        } else {
            describe_judge(scenario, stage)
        };
        write_stage(
            out,
            scenario,
            index,
            stage,
            &format!("{} in all", counted(u64::from(total), "instance")),
            &judge,
        )?;
        before = Some(&stage.judge);
    }
    let text = format!(
        "The judge is asked every {}. A stage that has no verdict {} after its bake pauses. A \
         page during the rollout {}.",
        span(named.plan.check_every),
        span(named.plan.hold_max),
        match named.plan.on_alert {
            Reaction::Ignore => "does not stop it",
            Reaction::Pause => "pauses it",
            Reaction::RollBack => "rolls it back",
        },
    );
    item(out, &text)?;
    writeln!(out)
}

fn write_stage(
    out: &mut String,
    scenario: &Scenario,
    index: usize,
    stage: &Stage,
    total: &str,
    judge: &str,
) -> std::fmt::Result {
    let regions = &stage.target.regions;
    let place = if regions.is_empty() {
        "each region".into()
    } else {
        let names = regions.iter();
        let names: Vec<&str> = names
            .map(|region| &*scenario.fleet.regions[region.index()].name)
            .collect();
        names.join(", ")
    };
    let width = match stage.target.share {
        Share::Instances(count) => counted(u64::from(count), "instance"),
        Share::Ppm(share) => share.to_string(),
    };
    let placement = match stage.target.placement {
        Placement::Spread => "at random over its cells",
        Placement::Cells => "whole cells first",
    };
    let kind = match stage.kind {
        StageKind::Canary => "canary",
        StageKind::Wave => "wave",
    };
    let audience = match stage.audience {
        Audience::Public => "serving everybody",
        Audience::Employees => "serving employees only",
        Audience::Mirrored => "getting copies of everybody's requests",
        Audience::Probes => "getting synthetic requests only",
    };
    let failure = match stage.on_failure {
        Reaction::Ignore => "goes on all the same",
        Reaction::Pause => "pauses and waits for a person",
        Reaction::RollBack => "rolls back by itself",
    };
    let text = format!(
        "{}. {} ({kind}): {width} of {place}, {placement}, {total}, {audience}; bakes {}. {judge}; if \
         not content, the rollout {failure}.",
        index + 1,
        stage.name,
        span(stage.bake),
    );
    item(out, &text)
}

fn describe_judge(scenario: &Scenario, stage: &Stage) -> String {
    let control = match stage.judge.control {
        Control::Others => "the other instances".to_owned(),
        Control::Group => "a control group of the same size".to_owned(),
        Control::Before(length) => format!("the {} before the rollout", span(length)),
    };
    let checks = stage.judge.checks.iter();
    let checks: Vec<String> = checks
        .map(|check| describe_check(scenario, check, &control))
        .collect();
    let how = method(&stage.judge.method);
    format!("The judge wants {}{how}", checks.join(", "))
}

/// How checks are decided, after a comma; nothing for a limit.
fn method(method: &Method) -> String {
    match method {
        Method::Threshold => String::new(),
        Method::Repeated(repetition) => {
            let may_fail = [
                (repetition.failure_limit, "in all"),
                (repetition.consecutive_failure_limit, "in a row"),
            ];
            let may_fail = may_fail.iter().filter_map(|(limit, which)| {
                limit.map(|limit| format!("more than {} {which}", count(u64::from(limit))))
            });
            let no_data = match repetition.no_data {
                NoDataRule::Error => format!(
                    "; more than {} in a row without a value are no data",
                    count(u64::from(repetition.consecutive_error_limit))
                ),
                NoDataRule::Failure => "; one without a value fails".into(),
                NoDataRule::Inconclusive => "; one without a value decides nothing".into(),
                NoDataRule::Ignore => "; those without a value are left out".into(),
            };
            format!(
                ", measured every {} over {}, and fails it when {} of the measurements fail{no_data}",
                span(repetition.interval),
                span(repetition.window),
                may_fail.collect::<Vec<_>>().join(" or "),
            )
        }
        Method::Rank(rank) => format!(
            ", by a rank test of every scrape at {} confidence{}",
            rank.confidence,
            if rank.compatible {
                ", as in wide use, on any number of them".into()
            } else {
                format!(
                    ", of {} or more",
                    counted(u64::from(rank.points_min), "scrape")
                )
            }
        ),
        Method::Sequential(method) => format!(
            ", and fails it when the evidence is such that a good change shows it in {} of all \
             stages; it passes when a change with {} times as many bad requests would have come \
             this far in {} of them{}",
            method.alpha,
            f64::from(method.effect_milli) / 1e3,
            method.miss,
            match method.hosts {
                HostEffects::None => String::new(),
                HostEffects::AtMost(vary) => {
                    format!("; hosts may differ by a squared variation of {vary}")
                }
                HostEffects::Estimated => "; hosts may differ as the control shows".into(),
            }
        ),
    }
}

fn describe_check(scenario: &Scenario, check: &Check, control: &str) -> String {
    let signal = match check.signal {
        Signal::ErrorRatio { class } => {
            format!("the error ratio of {}", requests(scenario, class))
        }
        Signal::BusinessLoss { class } => {
            format!(
                "the share of {} that fail or come out wrong",
                requests(scenario, class)
            )
        }
        Signal::Latency { .. } => format!("the {}", check.signal),
        Signal::Throughput
        | Signal::LogErrors
        | Signal::Probes
        | Signal::Reports
        | Signal::Unavailable
        | Signal::Restarts
        | Signal::Cpu
        | Signal::Memory
        | Signal::Network
        | Signal::Disk => check.signal.to_string(),
    };
    let limit = match check.limit {
        Limit::AtMost(limit) => format!("at most {}", check.signal.format(limit)),
        Limit::AtMostControl { factor_ppm, floor } => format!(
            "at most {}that of {control}, or {}",
            times(factor_ppm),
            check.signal.format(floor),
        ),
        Limit::AtLeast(limit) => format!("at least {}", check.signal.format(limit)),
        Limit::AtLeastControl { factor_ppm } => {
            format!("at least {}that of {control}", times(factor_ppm))
        }
    };
    let unit = match check.signal {
        Signal::ErrorRatio { .. }
        | Signal::BusinessLoss { .. }
        | Signal::Latency { .. }
        | Signal::LogErrors => "request",
        Signal::Probes => "probe",
        Signal::Throughput
        | Signal::Reports
        | Signal::Unavailable
        | Signal::Restarts
        | Signal::Cpu
        | Signal::Memory
        | Signal::Network
        | Signal::Disk => "instance",
    };
    let sample = counted(check.sample_min, unit);
    format!("{signal} {limit} (over {sample} or more)")
}

/// A factor and a space; nothing for once.
fn times(factor_ppm: u64) -> String {
    match factor_ppm {
        1_000_000 => String::new(),
        factor => format!("{} times ", factor as f64 / 1e6),
    }
}

fn write_alerts(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    writeln!(out, "Alerts")?;
    for named in &scenario.slos {
        let (service, what) = match named.slo.indicator {
            Indicator::Errors { service, class } => {
                (service, format!("{} at", requests(scenario, class)))
            }
            Indicator::Business { service, class } => (
                service,
                format!(
                    "{} that succeed and are right at",
                    requests(scenario, class)
                ),
            ),
            Indicator::Slow {
                service,
                threshold_us,
            } => (
                service,
                format!("requests answered within {} by", span(Micros(threshold_us))),
            ),
        };
        let pages: Vec<String> = named
            .slo
            .rules
            .iter()
            .filter(|rule| rule.urgency == Urgency::Page)
            .map(|rule| {
                let factor = f64::from(rule.factor_milli) / 1e3;
                format!("{factor} times too fast over {}", span(rule.long))
            })
            .collect();
        let pages = if pages.is_empty() {
            "never pages".into()
        } else {
            format!("pages when its budget burns {}", pages.join(" or "))
        };
        let text = format!(
            "`{}`: {} of {what} `{}` are good over {}; {pages}.",
            named.name,
            named.slo.objective,
            scenario.fleet.services[service.index()].name,
            span(named.slo.period),
        );
        item(out, &text)?;
    }
    alerting::write(out, scenario)?;
    writeln!(out)
}

fn write_expectations(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    writeln!(out, "What must come out")?;
    if scenario.expect.is_empty() {
        return item(out, "Nothing in particular.");
    }
    for line in &scenario.expect {
        let rate = if line.rate == Ppm::ONE {
            "in every run".into()
        } else {
            format!("in at least {} of runs", line.rate)
        };
        item(out, &format!("{}, {rate}", line.requirement))?;
    }
    Ok(())
}

/// The width of a line of text.
const WIDTH: usize = 96;

fn item(out: &mut String, text: &str) -> std::fmt::Result {
    wrap(out, "  ", "    ", text)
}

fn paragraph(out: &mut String, text: &str) -> std::fmt::Result {
    wrap(out, "", "", text)
}

fn wrap(out: &mut String, first: &str, rest: &str, text: &str) -> std::fmt::Result {
    let mut line = String::from(first);
    let mut empty = true;
    // A number and its unit stay together.
    let text = text.replace(" %", "\u{a0}%");
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            write_line(out, &line)?;
            line = rest.into();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    write_line(out, &line)
}

fn write_line(out: &mut String, line: &str) -> std::fmt::Result {
    writeln!(out, "{}", line.replace('\u{a0}', " "))
}

fn share(share: f64) -> String {
    Ppm::from_f64(share).to_string()
}

fn typical(time: &LogNormal) -> String {
    format!("{} (median)", span(time.median))
}

fn clock(time: Micros) -> String {
    time.to_string().chars().take(5).collect()
}
