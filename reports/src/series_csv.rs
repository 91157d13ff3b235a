//! `series.csv`: the sampled series, tidy: one number a row.

use std::path::Path;

use firedrill_sim::log::{Event, EventBody, RunLog, Sample, WorldEvent};

use crate::ReportError;
use crate::table;
use crate::words::Clock;

const COLUMNS: [&str; 8] = [
    "event",
    "utc",
    "from_us",
    "to_us",
    "subject_kind",
    "subject",
    "measure",
    "value",
];

/// The table.
pub(crate) fn format(path: &Path, log: &RunLog) -> Result<Vec<u8>, ReportError> {
    let clock = Clock {
        start: log.header().start_of_day,
    };
    let rows = log.events().iter().filter_map(|event| match &event.body {
        EventBody::World(WorldEvent::Sample(sample)) => Some(rows_of(log, clock, event, sample)),
        EventBody::World(_) | EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => {
            None
        }
    });
    table::format(path, COLUMNS, rows.flatten())
}

fn rows_of(log: &RunLog, clock: Clock, event: &Event, sample: &Sample) -> Vec<[String; 8]> {
    let names = &log.header().names;
    let mut rows = Vec::new();
    let mut put = |kind: &str, subject: &str, measures: &[(&str, u64)]| {
        for (measure, value) in measures {
            rows.push([
                event.seq.to_string(),
                clock.iso(event.t_us),
                sample.from_us.0.to_string(),
                event.t_us.0.to_string(),
                kind.to_owned(),
                subject.to_owned(),
                (*measure).to_owned(),
                value.to_string(),
            ]);
        }
    };
    let total = [
        ("requests", sample.requests),
        ("failed", sample.failed),
        ("harmed", sample.harmed),
        ("queued", sample.queued),
    ];
    put("users", "all", &total);
    for own in &sample.services {
        let name = names.services.get(own.service.index());
        let measures = [
            ("requests", own.requests),
            ("errors", own.errors),
            ("latency_p50_us", own.p50_us),
            ("latency_p99_us", own.p99_us),
            ("instances_up", u64::from(own.up)),
            ("instances", u64::from(own.instances)),
            ("cpu_ppm", u64::from(own.cpu.0)),
        ];
        put(
            "service",
            name.map_or("unknown", |service| &service.name),
            &measures,
        );
    }
    for own in &sample.slos {
        let name = names.slos.get(own.slo.index());
        let measures = [
            ("requests", own.requests),
            ("bad", own.bad),
            ("harmed", own.harmed),
        ];
        put(
            "objective",
            name.map_or("unknown", |slo| &slo.name),
            &measures,
        );
    }
    for own in &sample.exposure {
        let measures = [
            ("instances_running", u64::from(own.running)),
            ("instances_ever", u64::from(own.ever)),
            ("instances", u64::from(own.instances)),
        ];
        put("rollout", &own.rollout.to_string(), &measures);
    }
    rows
}
