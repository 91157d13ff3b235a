//! How demand moves, in plain words.

use firedrill_core::Micros;
use firedrill_core::ids::RegionId;
use firedrill_sim::spec::{DemandEvent, FlashCrowd, RegionFailover, Scenario};

use super::{share, span};

/// A sentence or two for everything beyond the day curve.
pub(super) fn sentences(scenario: &Scenario) -> Vec<String> {
    let demand = &scenario.demand;
    let mut sentences = Vec::new();
    if let Some(weekly) = &demand.weekly {
        sentences.push(format!(
            "The run starts on a {:?}; weekends have {} times the demand of weekdays.",
            weekly.start_day, weekly.weekend_factor,
        ));
    }
    if let Some(drift) = &demand.drift {
        sentences.push(format!(
            "Demand of each region drifts by about {}, over about {}.",
            share(drift.sd),
            span(drift.correlation_time),
        ));
    }
    if demand.overdispersion > 0.0 {
        sentences.push(format!(
            "Requests come in bursts: the rate of a class in a cell varies by {} from step to step.",
            share(demand.overdispersion.sqrt()),
        ));
    }
    let event = |event: &DemandEvent| match event {
        DemandEvent::FlashCrowd(crowd) => flash_crowd(scenario, crowd),
        DemandEvent::RegionFailover(failover) => region_failover(scenario, failover),
    };
    sentences.extend(demand.events.iter().map(event));
    sentences
}

fn flash_crowd(scenario: &Scenario, crowd: &FlashCrowd) -> String {
    let classes: Vec<String> = crowd
        .classes
        .iter()
        .map(|class| format!("`{}`", scenario.fleet.classes[class.index()].name))
        .collect();
    let what = if classes.is_empty() {
        "all requests".into()
    } else {
        format!("{} requests", classes.join(", "))
    };
    let place = if crowd.regions.is_empty() {
        "everywhere".into()
    } else {
        format!("in {}", regions(scenario, &crowd.regions))
    };
    let ramp = if crowd.ramp == Micros::ZERO {
        String::new()
    } else {
        format!(", up and down over {}", span(crowd.ramp))
    };
    format!(
        "Flash crowd: after {}, for {}, {what} {place} become {} times as many{ramp}.",
        span(crowd.at),
        span(crowd.duration),
        crowd.factor,
    )
}

fn region_failover(scenario: &Scenario, failover: &RegionFailover) -> String {
    let to = if failover.to.is_empty() {
        "all other regions".into()
    } else {
        regions(scenario, &failover.to)
    };
    format!(
        "Failover: after {}, for {}, the users of {} are sent to {to}.",
        span(failover.at),
        span(failover.duration),
        regions(scenario, &[failover.from]),
    )
}

fn regions(scenario: &Scenario, ids: &[RegionId]) -> String {
    let names = ids
        .iter()
        .map(|id| &*scenario.fleet.regions[id.index()].name);
    names.collect::<Vec<_>>().join(", ")
}
