//! Regions, services, classes.

use firedrill_core::ids::ServiceId;
use firedrill_sim::spec::{
    Ejection, Fleet, Golden, LogNormal, Order, Region, RequestClass, Service,
};

use crate::file::{
    ClassFile, DistributionFile, FleetFile, GoldenFile, QueueOrderFile, RegionFile, ServiceFile,
};
use crate::place::At;
use crate::scalar::{Count, Scalar};

use super::World;
use super::context::{Context, Names};
use super::edge;

pub(super) fn resolve(context: &mut Context, file: &FleetFile) -> World {
    let names = context.define("region", file.regions.value.iter().map(|r| &r.name));
    let regions = names;
    let services = context.define("service", file.services.value.iter().map(|s| &s.name));
    let classes = context.define("class", file.classes.iter().map(|c| &c.name));
    not_empty(context, &file.regions, "region");
    not_empty(context, &file.services, "service");
    let resolved: Vec<Service> = file
        .services
        .value
        .iter()
        .map(|service| resolve_service(context, service))
        .collect();
    let edges = edge::resolve_all(context, &file.calls, &services, &resolved);
    let fleet = Fleet {
        edges,
        regions: file
            .regions
            .value
            .iter()
            .map(|region| resolve_region(context, region))
            .collect(),
        services: resolved,
        classes: file
            .classes
            .iter()
            .map(|class| resolve_class(context, class, &services))
            .collect(),
    };
    World {
        fleet,
        regions,
        services,
        classes,
        known: None,
    }
}

fn not_empty<T>(context: &mut Context, list: &At<Vec<T>>, kind: &str) {
    if list.value.is_empty() {
        context.report(
            "scenario::empty-fleet",
            list.place,
            format!("the fleet has no {kind}"),
            |problem| {
                let help = format!("add at least one {kind}, or leave `fleet` to a world preset");
                problem
                    .label(format!("expected at least one {kind}"))
                    .help(help)
            },
        );
    }
}

/// A count of which nothing is too little.
fn at_least_one(context: &mut Context, scalar: &Scalar<Count>, what: &str) -> u32 {
    let count = context.read(scalar, what);
    if count == 0 {
        context.report(
            "scenario::empty-fleet",
            scalar.place,
            format!("{what} are 0, so there is nothing that could run or fail"),
            |problem| {
                let help = "give it at least 1, or leave it out of the fleet";
                problem.label("expected at least 1").help(help)
            },
        );
    }
    count
}

fn resolve_region(context: &mut Context, file: &RegionFile) -> Region {
    let name = file.name.text.clone();
    let what = |field: &str| format!("{field} of region `{name}`");
    let weight = context.read(&file.weight, &what("the weight"));
    if !(1e-6..=1e6).contains(&weight) {
        context.out_of_range(&file.weight, &what("the weight"), "0.000001 to 1000000");
    }
    let utc_offset_s = context.read(&file.utc_offset, &what("the offset"));
    let cells = at_least_one(context, &file.cells, &what("the cells"));
    Region {
        utc_offset_s,
        cells,
        hardware: file.hardware.as_ref().map_or_else(Vec::new, |classes| {
            hardware(context, classes, cells, &what("the hardware"))
        }),
        weight,
        name,
    }
}

/// The hardware classes of a region's cells.
fn hardware(
    context: &mut Context,
    classes: &At<Vec<Scalar<Count>>>,
    cells: u32,
    what: &str,
) -> Vec<u8> {
    let count = classes.value.len();
    if count > cells as usize {
        context.report(
            "scenario::out-of-range",
            classes.place,
            format!("{what} lists more classes ({count}) than cells ({cells})"),
            |problem| {
                problem
                    .label("expected at most one class for each cell")
                    .help("leave out the last ones, or give the region more cells")
            },
        );
    }
    let mut read = |class| {
        let number = context.read(class, what);
        u8::try_from(number).unwrap_or_else(|_| {
            context.out_of_range(class, what, "0 to 255");
            0
        })
    };
    classes.value.iter().map(&mut read).collect()
}

pub(super) fn distribution(
    context: &mut Context,
    file: &DistributionFile,
    what: &str,
) -> LogNormal {
    let sigma = context.read(&file.sigma, &format!("the sigma of {what}"));
    if sigma > 3.0 {
        context.out_of_range(&file.sigma, &format!("the sigma of {what}"), "0 to 3");
    }
    LogNormal {
        median: context.read(&file.median, &format!("the median of {what}")),
        sigma,
    }
}

fn golden(context: &mut Context, file: &GoldenFile, what: &str) -> Golden {
    Golden {
        idle: context.read(&file.idle, &format!("idle {what}")).as_f64(),
        slope: context
            .read(&file.slope, &format!("the slope of {what}"))
            .as_f64(),
    }
}

fn resolve_service(context: &mut Context, file: &ServiceFile) -> Service {
    let name = file.name.text.clone();
    let what = |field: &str| format!("{field} of service `{name}`");
    let service_time = distribution(context, &file.service_time, &what("the service time"));
    if !(1e-5..=600.0).contains(&service_time.median.as_secs_f64()) {
        let median = what("the median service time");
        context.out_of_range(&file.service_time.median, &median, "10us to 10m");
    }
    Service {
        instances: at_least_one(context, &file.instances, &what("the instances")),
        workers: at_least_one(context, &file.workers, &what("the workers")),
        service_time,
        error_share: context
            .read(&file.error_share, &what("the error share"))
            .as_f64(),
        timeout: context.read(&file.timeout, &what("the timeout")),
        queue_max: context.read(&file.queue_max, &what("the queue limit")),
        queue_order: match file.queue_order {
            QueueOrderFile::Fifo => Order::Fifo,
            QueueOrderFile::Lifo => Order::Lifo,
        },
        drops_expired: file.drops_expired,
        shed_to: file.shed_to.as_ref().map(|share| {
            context
                .read(share, &what("the load that is let in"))
                .as_f64()
        }),
        ejection: file.ejection.as_ref().map(|file| Ejection {
            error_share: context
                .read(
                    &file.errors,
                    &what("the errors that the balancer puts up with"),
                )
                .as_f64(),
            length: context.read(&file.length, &what("the time without requests")),
            share_max: context
                .read(&file.at_most, &what("the share that is left out"))
                .as_f64(),
        }),
        start_up: context.read(&file.start_up, &what("the start-up time")),
        cpu: golden(context, &file.cpu, &what("processor use")),
        memory: golden(context, &file.memory, &what("memory use")),
        network: golden(context, &file.network, &what("network use")),
        disk: golden(context, &file.disk, &what("disk use")),
        name,
    }
}

fn resolve_class(context: &mut Context, file: &ClassFile, services: &Names) -> RequestClass {
    /// A request that passes more services than this is a mistake in the file.
    const PATH_MAX: usize = 64;
    let name = file.name.text.clone();
    let what = |field: &str| format!("{field} of class `{name}`");
    if file.path.value.is_empty() || file.path.value.len() > PATH_MAX {
        context.report(
            "scenario::out-of-range",
            file.path.place,
            format!(
                "{} has {} services",
                what("the path"),
                file.path.value.len()
            ),
            |problem| problem.label("expected 1 to 64 services"),
        );
    }
    let path = file.path.value.iter();
    RequestClass {
        path: path
            .map(|service| ServiceId(context.find(services, service, &what("the path")) as u16))
            .collect(),
        per_second: context.read(&file.rate, &what("the rate")),
        employee_share: context
            .read(&file.employees, &what("the employee share"))
            .as_f64(),
        name,
    }
}
