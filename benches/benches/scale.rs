//! What a whole run costs: by the number of instances, and by cells times services.
//!
//! Instances are counts, so a thousand times as many must cost about the same; pools are visited
//! one by one, so ten times as many may cost ten times as much and no more.

use std::process::Command;
use std::time::Duration;

use firedrill_benches::fleet::{STEP, Size, rollout, steady};
use firedrill_benches::turns::{fastest, is_test, time};
use firedrill_core::Micros;
use firedrill_sim::engine;
use firedrill_sim::spec::Scenario;

/// The same pools with few and with many instances.
const BY_INSTANCES: [Size; 2] = [size(10, 10, 10_000), size(10, 10, 10_000_000)];
/// A hundred to ten thousand pools of a thousand instances each.
const BY_POOLS: [Size; 4] = [
    size(10, 10, 100_000),
    size(100, 10, 1_000_000),
    size(10, 100, 1_000_000),
    size(100, 100, 10_000_000),
];
const SEED: u64 = 1;
/// Says that the process is to make one run of a size and tell its peak memory.
const PEAK_OF: &str = "--peak-of";

const fn size(cells: u32, services: u16, instances: u32) -> Size {
    Size {
        cells,
        services,
        instances,
    }
}

/// How long a run lasts: the change has reached everybody, or just begun in test mode.
fn duration() -> Micros {
    Micros::from_mins(if is_test() { 1 } else { 20 })
}

fn run(scenario: &Scenario) -> Duration {
    time(|| engine::run(scenario, SEED))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == PEAK_OF) {
        tell_peak(&arguments[at + 1..]);
        return;
    }
    by_instances();
    by_pools();
}

#[expect(clippy::print_stderr, reason = "figures are talk")]
fn by_instances() {
    let [few, many] = BY_INSTANCES.map(|size| rollout(size, duration()));
    let turns = if is_test() { 1 } else { 11 };
    let times = fastest(turns, [&mut || run(&few), &mut || run(&many)]);
    eprintln!(
        "a run of {}, by instances, the fastest of {turns}:",
        duration()
    );
    eprintln!(
        "  {:>10} {:>6} {:>10} {:>9}",
        "instances", "pools", "run (ms)", "peak (MB)"
    );
    for (size, time) in BY_INSTANCES.iter().zip(times) {
        let (ms, peak) = (time.as_secs_f64() * 1e3, peak_mb(*size));
        let (instances, pools) = (size.instances, size.pools());
        eprintln!("  {instances:>10} {pools:>6} {ms:>10.1} {peak:>9}");
    }
    let ratio = times[1].as_secs_f64() / times[0].as_secs_f64();
    eprintln!("  ratio of the times {ratio:.2} (wanted: 1.3 or less)");
}

#[expect(clippy::print_stderr, reason = "figures are talk")]
fn by_pools() {
    let turns = if is_test() { 1 } else { 3 };
    eprintln!("a run of {}, by pools, the fastest of {turns}:", duration());
    eprintln!(
        "  {:>5} {:>8} {:>6} {:>10} {:>12} {:>8} {:>15} {:>9}",
        "cells",
        "services",
        "pools",
        "run (ms)",
        "ms / pool",
        "linear",
        "ns/cohort-step",
        "peak (MB)"
    );
    let mut first = None;
    for size in BY_POOLS {
        let changing = rollout(size, duration());
        let calm = [1, 2].map(|times| steady(size, Micros(times * duration().0)));
        let [changing, short, long] = fastest(
            turns,
            [&mut || run(&changing), &mut || run(&calm[0]), &mut || {
                run(&calm[1])
            }],
        );
        let pools = f64::from(size.pools());
        let ms = changing.as_secs_f64() * 1e3;
        let per_pool = ms / pools;
        let linear = per_pool / *first.get_or_insert(per_pool);
        // What setting up and closing cost is in both: the difference is steps alone.
        let steps = (duration().0 / STEP.0) as f64;
        let per_step = long.saturating_sub(short).as_nanos() as f64 / (pools * steps);
        let (cells, services) = (size.cells, size.services);
        let peak = peak_mb(size);
        eprintln!(
            "  {cells:>5} {services:>8} {pools:>6} {ms:>10.1} {per_pool:>12.4} {linear:>8.2} \
             {per_step:>15.0} {peak:>9}"
        );
    }
}

/// The peak memory of one run in a process of its own; a dash where the system does not tell.
fn peak_mb(size: Size) -> String {
    let program = std::env::current_exe().expect("the bench is a file");
    let mut child = Command::new(program);
    child.arg(PEAK_OF);
    child.args([size.cells, u32::from(size.services), size.instances].map(|n| n.to_string()));
    if is_test() {
        child.arg("--test");
    }
    let output = child.output().expect("the bench starts again");
    assert!(output.status.success(), "a run of {size:?} fails");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[expect(clippy::print_stdout, reason = "the answer of the child process")]
fn tell_peak(numbers: &[String]) {
    let number = |index: usize| -> u32 { numbers[index].parse().expect("the parent says numbers") };
    let scenario = rollout(size(number(0), number(1) as u16, number(2)), duration());
    run(&scenario);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| {
        let kilobytes = line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?;
        kilobytes.parse::<f64>().ok()
    });
    match peak {
        Some(kilobytes) => println!("{:.1}", kilobytes / 1e3),
        None => println!("-"),
    }
}
