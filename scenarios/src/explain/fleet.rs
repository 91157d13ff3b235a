//! The fleet in words: how large it is, what moves it, and how its services hold out.

use std::fmt::Write;

use firedrill_sim::spec::{Order, Scenario, Service};

use crate::load::Loaded;
use crate::resolve::Resized;

use firedrill_sim::words::{count, counted};

use super::{clock, demand, item, propagation, share, span};

/// The section about the fleet.
pub(super) fn write(out: &mut String, loaded: &Loaded) -> std::fmt::Result {
    let scenario = &loaded.scenario;
    let fleet = &scenario.fleet;
    let instances: u32 = fleet.services.iter().map(|service| service.instances).sum();
    let regions: Vec<&str> = fleet.regions.iter().map(|region| &*region.name).collect();
    let rate: f64 = fleet.classes.iter().map(|class| class.per_second).sum();
    writeln!(out, "Fleet")?;
    let text = format!(
        "{} of {} in {} ({}). Users make {} requests a second on average, in {}. The run lasts {} and starts at {} UTC.",
        counted(u64::from(instances), "instance"),
        counted(fleet.services.len() as u64, "service"),
        counted(regions.len() as u64, "region"),
        regions.join(", "),
        count(rate.round() as u64),
        if fleet.classes.len() == 1 {
            "1 class".to_owned()
        } else {
            format!("{} classes", fleet.classes.len())
        },
        span(scenario.duration),
        clock(scenario.demand.start),
    );
    item(out, &text)?;
    let size = loaded.resized.as_ref().map(size).into_iter();
    let more = size.chain(demand::sentences(scenario));
    let more = more.chain(propagation::sentences(scenario));
    for text in more.chain(fleet.services.iter().filter_map(switches)) {
        item(out, &text)?;
    }
    write_noise(out, scenario)?;
    writeln!(out)
}

fn write_noise(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    if let Some(flapping) = &scenario.noise.flapping {
        let text = format!(
            "Noise: {} of the instances flap. About every {} each of them goes bad for about {} \
             and fails {} of its requests.",
            share(flapping.share),
            span(flapping.good_mean),
            span(flapping.bad_mean),
            share(flapping.error_share),
        );
        item(out, &text)?;
    }
    if let Some(hosts) = &scenario.noise.heterogeneity {
        let text = format!(
            "Noise: hosts differ, in their error share by {} of their service's, in their service \
             time by about {}.",
            share(hosts.error_sigma),
            share(hosts.latency_sigma),
        );
        item(out, &text)?;
    }
    Ok(())
}

/// What asking for a size did.
fn size(resized: &Resized) -> String {
    // Three decimals tell small fleets apart.
    let factor = (resized.requests_factor * 1e3).round() / 1e3;
    format!(
        "The file asks for a size of {}: the world's own is {}. Each service has its part of them, \
         requests come {factor} times as often, and employees make as many as before.",
        count(u64::from(resized.instances)),
        count(resized.instances_before),
    )
}

/// What a service does to hold out when it is overloaded; nothing when it does what all do.
fn switches(service: &Service) -> Option<String> {
    let mut said = Vec::new();
    match service.queue_order {
        Order::Fifo => {}
        Order::Lifo => said.push("serves the newest request first when requests wait".to_owned()),
    }
    if service.drops_expired {
        said.push("drops requests whose caller has given up".into());
    }
    if let Some(shed_to) = service.shed_to {
        said.push(format!(
            "lets in only {} of what it can serve while requests wait, and turns away the rest",
            share(shed_to)
        ));
    }
    if let Some(ejection) = &service.ejection {
        said.push(format!(
            "has a balancer that leaves out instances failing more than {} of their requests, \
             each for {} and at most {} of them at a time",
            share(ejection.error_share),
            span(ejection.length),
            share(ejection.share_max)
        ));
    }
    (!said.is_empty()).then(|| format!("`{}` {}.", service.name, said.join("; it ")))
}
