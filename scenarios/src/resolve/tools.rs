//! The tools that people respond with, and who listens to users.

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;
use firedrill_sim::spec::{Outage, Support, Telemetry, ToolKind, ToolSpec};

use crate::file::{OutageFile, SupportFile, ToolFile, ToolsFile};
use crate::place::At;

use super::World;
use super::context::Context;
use super::fleet::distribution;
use super::world::above_zero;

pub(super) fn resolve(context: &mut Context, file: &ToolsFile, world: &World) -> Vec<ToolSpec> {
    let listed = [
        (ToolKind::MetricsStore, &file.metrics_store),
        (ToolKind::AlertSender, &file.alert_sender),
        (ToolKind::Pager, &file.pager),
        (ToolKind::Dashboards, &file.dashboards),
        (ToolKind::Chat, &file.chat),
        (ToolKind::Distribution, &file.distribution),
        (ToolKind::RollbackService, &file.rollback_service),
        (ToolKind::StatusPage, &file.status_page),
    ];
    let listed = listed.into_iter();
    listed
        .filter_map(|(kind, tool)| Some(resolve_tool(context, kind, tool.as_ref()?, world)))
        .collect()
}

fn resolve_tool(
    context: &mut Context,
    kind: ToolKind,
    file: &At<ToolFile>,
    world: &World,
) -> ToolSpec {
    let (place, file) = (file.place, &file.value);
    let mut tool = ToolSpec::new(kind);
    let what = |field: &str| format!("the {field} of the {kind}");
    tool.availability = file.availability.as_ref().map_or(1.0, |share| {
        context.read(share, &what("availability")).as_f64()
    });
    if let Some(mean) = &file.outage_mean {
        tool.outage_mean = above_zero(context, mean, &what("mean outage"));
    }
    if let Some(latency) = &file.latency {
        tool.latency = context.read(latency, &what("latency"));
    }
    let services = file.depends_on.iter();
    tool.depends_on = services
        .map(|name| {
            let index = context.find(&world.services, name, &format!("the {kind}"));
            ServiceId(index as u16)
        })
        .collect();
    if let Some(share) = &file.needs_health {
        tool.needs_health = context.read(share, &what("needed health")).as_f64();
        if file.depends_on.is_empty() {
            let message = format!("the {kind} needs the health of no service");
            context.report("scenario::needs-nothing", share.place, message, |problem| {
                problem
                    .label("`needs-health` without `depends-on`")
                    .help("list the services that it stands on, or leave this out")
            });
        }
    }
    let mut way = |scalar: &Option<_>, name: &str| {
        let scalar = scalar.as_ref()?;
        Some(above_zero(context, scalar, &what(name)))
    };
    tool.out_of_band = way(&file.out_of_band, "out-of-band way");
    tool.break_glass = way(&file.break_glass, "sealed credentials");
    if tool.break_glass.is_some() && kind.is_automatic() {
        let message = format!("the {kind} works by itself: nobody stands by to break the glass");
        context.report("scenario::nobody-to-break", place, message, |problem| {
            problem
                .label("`break-glass` of a tool that works without people")
                .help("give it `out-of-band`, or leave this out")
        });
    }
    tool.down = outages(context, &file.down, &kind.to_string());
    tool
}

fn outages(context: &mut Context, files: &[OutageFile], tool: &str) -> Vec<Outage> {
    let mut before = Micros::ZERO;
    let mut outages = Vec::new();
    for file in files {
        let from = context.read(&file.from, &format!("the begin of an outage of the {tool}"));
        let what = format!("the end of an outage of the {tool}");
        let until = context.read(&file.until, &what);
        if until <= from {
            context.out_of_range(&file.until, &what, "later than its begin");
        }
        if from < before {
            let what = format!("the begin of an outage of the {tool}");
            context.out_of_range(&file.from, &what, "no earlier than the end of the last one");
        }
        before = until;
        outages.push(Outage { from, until });
    }
    outages
}

pub(super) fn resolve_support(
    context: &mut Context,
    file: &SupportFile,
    telemetry: &Telemetry,
) -> Support {
    let what = "the reports that support waits for";
    let reports_min = context.read(&file.reports, what);
    if reports_min == 0 {
        context.out_of_range(&file.reports, what, "1 or more");
    }
    if telemetry.user_reports.is_none() {
        let message = "support listens to users, but no user reports anything";
        context.report(
            "scenario::nobody-reports",
            file.reports.place,
            message,
            |problem| {
                problem
                    .label("waits for ever")
                    .help("give `telemetry` its `user-reports`")
            },
        );
    }
    Support {
        reports_min,
        within: above_zero(context, &file.within, "the time over which support counts"),
        calls: distribution(context, &file.calls, "support's call"),
    }
}
