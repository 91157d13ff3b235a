//! The fast world, which counts instances by cohorts, agrees in distribution with one in which
//! every instance and every request is simulated by itself.
//!
//! Both run every scenario of [`small`] under seeds of their own, so their samples are
//! independent. Each measure is compared by a two-sample Kolmogorov–Smirnov test; the levels of all
//! comparisons together are corrected by Holm's method. A time that never came is longer than any
//! other, and one that there was no need for is shorter: their shares are compared, too.

mod ks;
mod small;
#[path = "../support/mod.rs"]
mod support;

use firedrill_sim::log::RunLog;
use firedrill_sim::measure::{Measures, Span, measure};
use firedrill_sim::spec::Scenario;
use firedrill_sim::{engine, reference};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use ks::{Comparison, compare, holm};

const SEEDS: u64 = 500;
/// Enough for what differs by far.
const FEWER_SEEDS: u64 = 200;
/// The seeds of the reference begin here.
const OTHER_SEEDS: u64 = 1_000_000;
const LEVEL: f64 = 0.01;

type Engine = fn(&Scenario, u64) -> RunLog;
type Pick = fn(&Measures) -> f64;

const MEASURES: [(&str, Pick); 4] = [
    ("time to detect", |run| seconds(run.time_to_detect)),
    ("instances exposed", |run| f64::from(run.instances_exposed)),
    ("requests failed", |run| run.requests_failed as f64),
    ("time to recover", |run| seconds(run.time_to_recover)),
];

fn seconds(span: Span) -> f64 {
    match span {
        Span::NotApplicable => f64::NEG_INFINITY,
        Span::Took(time) => time.as_secs_f64(),
        Span::Never => f64::INFINITY,
    }
}

/// The fast world's runs, and the reference's, of a scenario each.
fn both(ours: &Scenario, theirs: &Scenario, seeds: u64) -> [Vec<Measures>; 2] {
    let runs = |engine: Engine, scenario: &Scenario, first_seed: u64| {
        let seeds = first_seed..first_seed + seeds;
        let run = |seed| measure(&engine(scenario, seed));
        seeds.into_par_iter().map(run).collect()
    };
    let theirs = runs(reference::run, theirs, OTHER_SEEDS);
    [runs(engine::run, ours, 0), theirs]
}

fn comparisons(name: &str, ours: &[Measures], theirs: &[Measures]) -> Vec<Comparison> {
    let of = |runs: &[Measures], pick: Pick| runs.iter().map(pick).collect();
    let all = MEASURES.iter().map(|(measure, pick)| {
        let what = format!("{name}: {measure}");
        compare(what, of(ours, *pick), of(theirs, *pick))
    });
    all.collect()
}

fn table(all: &[Comparison]) -> String {
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn cohorts_agree_with_instances() {
    let mut all = Vec::new();
    for (name, scenario) in small::all() {
        let [ours, theirs] = both(&scenario, &scenario, SEEDS);
        let harmed = ours.iter().filter(|run| run.harmed).count();
        assert!(harmed as u64 > SEEDS / 2, "{name} is about a defect");
        all.extend(comparisons(name, &ours, &theirs));
    }
    let rejected = holm(&all, LEVEL);
    assert!(
        rejected.is_empty(),
        "rejected:\n{}\namong:\n{}",
        table(&rejected),
        table(&all)
    );
}

/// The comparison sees it when the reference is told something else: instances that take a fifth
/// longer to start, or a fifth fewer errors.
#[test]
fn a_fifth_off_is_seen() {
    let scenario = small::crash(1.0);
    let mut slower = scenario.clone();
    for service in &mut slower.fleet.services {
        service.start_up.0 += service.start_up.0 / 5;
    }
    check_rejected(&scenario, &slower, "time to recover", SEEDS);
    let errors = |share| small::base(small::errors(share));
    check_rejected(&errors(0.15), &errors(0.12), "requests failed", FEWER_SEEDS);
}

#[track_caller]
fn check_rejected(scenario: &Scenario, other: &Scenario, measure: &str, seeds: u64) {
    let [ours, theirs] = both(scenario, other, seeds);
    let all = comparisons("off", &ours, &theirs);
    let rejected = holm(&all, LEVEL);
    let found = rejected.iter().any(|one| one.what.ends_with(measure));
    assert!(found, "{measure} among:\n{}", table(&all));
}

/// An overload in which queues grow for long is only alike. When instances take a version back, the
/// fast world leaves their queue where it was and serves it from there, or from the others of their
/// pool at once; here each instance drains its own, for as many seconds as it takes. So the fast
/// world counts fewer failures, up to a quarter. When it is noticed, how far it spreads and when it
/// is over is the same.
#[test]
fn an_overload_is_alike() {
    let scenario = small::overload();
    let [ours, theirs] = both(&scenario, &scenario, FEWER_SEEDS);
    let all = comparisons("overload", &ours, &theirs);
    for one in &all {
        let [[_, ours, _], [_, theirs, _]] = one.percentiles;
        let ratio = ours / theirs;
        assert!((0.75..1.1).contains(&ratio), "{ratio} in:\n{}", table(&all));
    }
}
