//! How many requests come, and when.

use firedrill_core::Micros;
use firedrill_core::ids::{ClassId, RegionId};
use firedrill_sim::spec::{
    Demand, DemandEvent, Drift, FlashCrowd, RegionFailover, Weekday, Weekly,
};

use crate::file::{
    DemandEventFile, DemandFile, DriftFile, FlashCrowdFile, RegionFailoverFile, WeekdayFile,
    WeeklyFile,
};
use crate::scalar::{Name, Scalar};

use super::World;
use super::context::{Context, Names};
use super::world::above_zero;

pub(super) fn resolve(context: &mut Context, file: &DemandFile, world: &World) -> Demand {
    let swing = context.read(&file.swing, "the swing of demand").as_f64();
    if swing > 0.99 {
        context.out_of_range(&file.swing, "the swing of demand", "0 % to 99 %");
    }
    let overdispersion = file.overdispersion.as_ref().map_or(0.0, |scalar| {
        let value = context.read(scalar, "the overdispersion of demand");
        if value > 10.0 {
            context.out_of_range(scalar, "the overdispersion of demand", "0 to 10");
        }
        value
    });
    let weekly = file
        .weekly
        .as_ref()
        .map(|weekly| resolve_weekly(context, weekly));
    let drift = file
        .drift
        .as_ref()
        .map(|drift| resolve_drift(context, drift));
    let event = |event: &DemandEventFile| match event {
        DemandEventFile::FlashCrowd(crowd) => {
            DemandEvent::FlashCrowd(resolve_crowd(context, crowd, world))
        }
        DemandEventFile::RegionFailover(failover) => {
            DemandEvent::RegionFailover(resolve_failover(context, failover, world))
        }
    };
    let events = file.events.iter().map(event).collect();
    Demand {
        start: context.read(&file.start, "the start of the run"),
        swing,
        peak: context.read(&file.peak, "the peak of demand"),
        weekly,
        drift,
        overdispersion,
        events,
    }
}

fn resolve_weekly(context: &mut Context, file: &WeeklyFile) -> Weekly {
    let weekend_factor = context.read(&file.weekend, "the weekend's demand");
    if !(0.01..=100.0).contains(&weekend_factor) {
        context.out_of_range(&file.weekend, "the weekend's demand", "0.01 to 100");
    }
    Weekly {
        start_day: match file.start_day {
            WeekdayFile::Monday => Weekday::Monday,
            WeekdayFile::Tuesday => Weekday::Tuesday,
            WeekdayFile::Wednesday => Weekday::Wednesday,
            WeekdayFile::Thursday => Weekday::Thursday,
            WeekdayFile::Friday => Weekday::Friday,
            WeekdayFile::Saturday => Weekday::Saturday,
            WeekdayFile::Sunday => Weekday::Sunday,
        },
        weekend_factor,
    }
}

fn resolve_drift(context: &mut Context, file: &DriftFile) -> Drift {
    let what = "the correlation time of drift";
    Drift {
        sd: context.read(&file.sd, "the sd of drift").as_f64(),
        correlation_time: above_zero(context, &file.correlation_time, what),
    }
}

fn resolve_crowd(context: &mut Context, file: &FlashCrowdFile, world: &World) -> FlashCrowd {
    let duration = above_zero(context, &file.duration, "the duration of a flash crowd");
    let ramp = file.ramp.as_ref().map_or(Micros::ZERO, |scalar| {
        let what = "the ramp of a flash crowd";
        let ramp = context.read(scalar, what);
        if ramp.0.saturating_mul(2) > duration.0 {
            context.out_of_range(scalar, what, "up to half of its duration");
        }
        ramp
    });
    let factor = context.read(&file.factor, "the factor of a flash crowd");
    if factor > 1e3 {
        context.out_of_range(&file.factor, "the factor of a flash crowd", "0 to 1000");
    }
    let regions = find_all(context, &world.regions, &file.regions, "a flash crowd");
    let classes = find_all(context, &world.classes, &file.classes, "a flash crowd");
    FlashCrowd {
        at: context.read(&file.at, "the begin of a flash crowd"),
        duration,
        ramp,
        factor,
        regions: regions.into_iter().map(RegionId).collect(),
        classes: classes.into_iter().map(ClassId).collect(),
    }
}

fn resolve_failover(
    context: &mut Context,
    file: &RegionFailoverFile,
    world: &World,
) -> RegionFailover {
    const WHAT: &str = "a region failover";
    let from = RegionId(context.find(&world.regions, &file.from, WHAT) as u16);
    let to = find_all(context, &world.regions, &file.to, WHAT);
    for scalar in file.to.iter().filter(|to| to.text == file.from.text) {
        context.report(
            "scenario::failover-to-itself",
            scalar.place,
            format!(
                "users of region `{}` are to leave it for itself",
                scalar.text
            ),
            |problem| {
                problem
                    .label("the region they leave")
                    .help("name other regions, or leave `to` out for all others")
            },
        );
    }
    if world.fleet.regions.len() == 1 {
        context.report(
            "scenario::failover-to-nowhere",
            file.from.place,
            format!("users of region `{}` have nowhere to go", file.from.text),
            |problem| {
                problem
                    .label("the only region there is")
                    .help("add a region to the fleet, or take the failover out")
            },
        );
    }
    RegionFailover {
        at: context.read(&file.at, "the begin of a region failover"),
        duration: above_zero(context, &file.duration, "the duration of a region failover"),
        from,
        to: to.into_iter().map(RegionId).collect(),
    }
}

fn find_all(context: &mut Context, names: &Names, list: &[Scalar<Name>], what: &str) -> Vec<u16> {
    list.iter()
        .map(|name| context.find(names, name, what) as u16)
        .collect()
}
