//! How config gets to instances.

use firedrill_core::Micros;
use firedrill_core::ids::RegionId;
use firedrill_sim::spec::{Partition, Propagation, Reach};

use crate::file::{CellFile, PartitionFile, PropagationFile, TiersFile};

use super::World;
use super::context::Context;
use super::fleet::distribution;
use super::world::above_zero;

pub(super) fn resolve(context: &mut Context, file: &PropagationFile, world: &World) -> Propagation {
    let base = resolve_base(context, file);
    let rollback_base = file.rollback_base.as_ref().map(|scalar| {
        let what = "the base delay of a rollback";
        let back = context.read(scalar, what);
        if back > base {
            context.out_of_range(scalar, what, &format!("up to the base delay ({base})"));
        }
        back
    });
    let repair = file.repair.as_ref();
    let partitions = file.partitions.iter();
    Propagation {
        base,
        body: distribution(context, &file.body, "propagation"),
        straggler_share: context
            .read(&file.stragglers.share, "the share of stragglers")
            .as_f64(),
        straggler: distribution(context, &file.stragglers.delay, "the stragglers' delay"),
        rollback_base,
        repair: repair.map(|repair| distribution(context, repair, "the time to repair")),
        partitions: partitions
            .map(|partition| resolve_partition(context, partition, world))
            .collect(),
    }
}

fn resolve_base(context: &mut Context, file: &PropagationFile) -> Micros {
    let base = file.base.as_ref();
    let base = base.map(|base| (base, context.read(base, "the base delay of propagation")));
    let sum = |tiers: &TiersFile| {
        [
            (&tiers.commit, "the commit tier"),
            (&tiers.relay, "the relay tier"),
            (&tiers.region, "the region tier"),
        ]
        .into_iter()
        .fold(Micros::ZERO, |sum, (tier, what)| {
            sum + context.read(tier, &format!("the delay of {what}"))
        })
    };
    match (base, file.tiers.as_ref().map(sum)) {
        (Some((_, base)), None) => base,
        (None, Some(sum)) => sum,
        (Some((scalar, base)), Some(_)) => {
            context.report(
                "scenario::two-base-delays",
                scalar.place,
                "propagation has both a `base` and `tiers`",
                |problem| problem.label("the base").help("keep one of the two"),
            );
            base
        }
        (None, None) => {
            context.report(
                "scenario::missing-key",
                file.body.median.place,
                "key `base` is missing",
                |problem| {
                    problem
                        .label("expected `base` or `tiers` beside `body`")
                        .help("add `base: 10s`, or `tiers` with `commit`, `relay` and `region`")
                },
            );
            Micros::ZERO
        }
    }
}

fn resolve_partition(context: &mut Context, file: &PartitionFile, world: &World) -> Partition {
    Partition {
        at: context.read(&file.at, "the begin of a partition"),
        duration: above_zero(context, &file.duration, "the duration of a partition"),
        reach: resolve_reach(context, file, world),
    }
}

fn resolve_reach(context: &mut Context, file: &PartitionFile, world: &World) -> Reach {
    const WHAT: &str = "a partition";
    match (&file.region, &file.cell) {
        (Some(region), None) => Reach::Region {
            region: RegionId(context.find(&world.regions, region, WHAT) as u16),
        },
        (None, Some(cell)) => resolve_cell(context, cell, world),
        (Some(_), Some(_)) | (None, None) => {
            context.report(
                "scenario::partition-of-nothing",
                file.at.place,
                "a partition cuts off either a region or a cell",
                |problem| {
                    problem
                        .label("this partition names both or neither")
                        .help("give it `region: NAME` or `cell: {region: NAME, number: 0}`")
                },
            );
            Reach::Region {
                region: RegionId(0),
            }
        }
    }
}

fn resolve_cell(context: &mut Context, file: &CellFile, world: &World) -> Reach {
    let region = context.find(&world.regions, &file.region, "a partition");
    let what = format!("the cell of region `{}`", file.region.text);
    let cell = context.read(&file.number, &what);
    let cells = world
        .fleet
        .regions
        .get(region)
        .map_or(0, |region| region.cells);
    if cell >= cells && cells > 0 {
        let allowed = format!("below {cells}, its number of cells");
        context.out_of_range(&file.number, &what, &allowed);
    }
    Reach::Cell {
        region: RegionId(region as u16),
        cell,
    }
}
