//! The call graph: who calls whom, and what callers do when a call fails.

use firedrill_core::ids::ServiceId;
use firedrill_sim::spec::{Backoff, Breaker, ClientPolicy, Edge, Service, Throttle};

use crate::file::{BreakerFile, EdgeFile, ThrottleFile};
use crate::scalar::{Count, Duration, Scalar};

use super::context::{Context, Names};

/// More tries than this are a mistake in the file.
const ATTEMPTS_MAX: u32 = 16;
/// More calls for one request than this are a mistake in the file.
const CALLS_MAX: f64 = 1_000.0;

pub(super) fn resolve_all(
    context: &mut Context,
    files: &[EdgeFile],
    names: &Names,
    services: &[Service],
) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    for file in files {
        let edge = resolve(context, file, names, services);
        if edges
            .iter()
            .any(|known| (known.from, known.to) == (edge.from, edge.to))
        {
            context.report(
                "scenario::duplicate-call",
                file.to.place,
                format!("{} are listed twice", subject(file)),
                |problem| problem.label("second time here").help("keep one of them"),
            );
        }
        edges.push(edge);
    }
    edges
}

fn subject(file: &EdgeFile) -> String {
    let from = file.from.as_ref().map_or("users", |from| &from.text);
    format!("calls from `{from}` to `{}`", file.to.text)
}

fn resolve(context: &mut Context, file: &EdgeFile, names: &Names, services: &[Service]) -> Edge {
    let what = |field: &str| format!("{field} of {}", subject(file));
    let to = ServiceId(context.find(names, &file.to, &subject(file)) as u16);
    let from = file.from.as_ref();
    let from = from.map(|from| ServiceId(context.find(names, from, &subject(file)) as u16));
    let calls = file.calls.as_ref().map_or(1.0, |calls| {
        let value = context.read(calls, &what("the number"));
        if !(0.0..=CALLS_MAX).contains(&value) {
            context.out_of_range(calls, &what("the number"), "0 to 1000");
        }
        value
    });
    let tries = file.attempts.as_ref();
    let attempts = tries.map_or(1, |tries| attempts(context, tries, &what("the tries")));
    let own = services
        .get(to.index())
        .map_or(1.0, |service| service.timeout.as_secs_f64());
    let timeout_s = file.timeout.as_ref();
    let timeout_s = timeout_s.map_or(own, |timeout| seconds(context, timeout, &what("timeout")));
    let backoff = file.backoff.as_ref().map_or(
        Backoff {
            base_s: 0.0,
            cap_s: 0.0,
        },
        |backoff| Backoff {
            base_s: seconds(context, &backoff.base, &what("the backoff")),
            cap_s: seconds(context, &backoff.cap, &what("the longest backoff")),
        },
    );
    let budget = file.retry_budget.as_ref();
    let retry_budget = budget.map(|share| context.read(share, &what("the retry budget")).as_f64());
    let breaker = file
        .breaker
        .as_ref()
        .map(|file| breaker(context, file, &what("breaker")));
    let throttle = file
        .throttle
        .as_ref()
        .map(|file| throttle(context, file, &what("throttle")));
    let client = ClientPolicy {
        timeout_s,
        attempts,
        backoff,
        retry_budget,
        breaker,
        throttle,
    };
    Edge {
        from,
        to,
        calls,
        client,
        hard: !file.fallback,
    }
}

/// Tries for one call, the first included.
pub(super) fn attempts(context: &mut Context, scalar: &Scalar<Count>, what: &str) -> u32 {
    let value = context.read(scalar, what);
    if !(1..=ATTEMPTS_MAX).contains(&value) {
        context.out_of_range(scalar, what, "1 to 16");
    }
    value.clamp(1, ATTEMPTS_MAX)
}

fn seconds(context: &mut Context, scalar: &Scalar<Duration>, what: &str) -> f64 {
    context.read(scalar, what).as_secs_f64()
}

fn breaker(context: &mut Context, file: &BreakerFile, what: &str) -> Breaker {
    Breaker {
        failure_share: context.read(&file.failures, what).as_f64(),
        calls: f64::from(context.read(&file.calls, what)),
        open_s: seconds(context, &file.open, what),
        probes: f64::from(context.read(&file.probes, what)),
    }
}

fn throttle(context: &mut Context, file: &ThrottleFile, what: &str) -> Throttle {
    let k = context.read(&file.k, what);
    if k <= 1.0 {
        context.out_of_range(&file.k, &format!("the k of {what}"), "more than 1");
    }
    Throttle {
        k,
        window_s: seconds(context, &file.window, what),
    }
}
