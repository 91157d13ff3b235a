//! What a whole run costs: by the number of instances, and by cells times services.
//!
//! Instances are counts, so a thousand times as many must cost about the same; pools are visited
//! one by one, so ten times as many may cost ten times as much and no more.

use std::process::Command;
use std::time::Duration;

use firedrill_benches::fleet::{STEP, Size, rollout, steady};
use firedrill_benches::turns::{Turns, caveat, is_test, time};
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
    let turns = if is_test() { 1 } else { 31 };
    let measured = Turns::measure(turns, [&mut || run(&few), &mut || run(&many)]);
    let length = duration();
    eprintln!(
        "a run of {length}, by instances, the fastest of {turns} turns{}:",
        caveat()
    );
    eprintln!("   instances  pools   run (ms)  peak (MB)");
    for (subject, size) in BY_INSTANCES.into_iter().enumerate() {
        let ms = measured.fastest(subject).as_secs_f64() * 1e3;
        let (instances, pools, peak) = (size.instances, size.pools(), peak_mb(size));
        eprintln!("  {instances:>10} {pools:>6} {ms:>10.1} {peak:>10}");
    }
    let ratio = measured.ratio(1, 0);
    eprintln!(
        "  a thousand times the instances take {ratio:.2} times as long (wanted: 1.3 or less)"
    );
}

#[expect(clippy::print_stderr, reason = "figures are talk")]
fn by_pools() {
    let turns = if is_test() { 1 } else { 5 };
    let scenarios = BY_POOLS.map(|size| rollout(size, duration()));
    let calm = BY_POOLS.map(|size| [1, 2].map(|times| steady(size, Micros(times * duration().0))));
    // All sizes take their turns together, so that the machine is the same for all.
    let [mut a, mut b, mut c, mut d] = scenarios.each_ref().map(|scenario| || run(scenario));
    let whole = Turns::measure(turns, [&mut a, &mut b, &mut c, &mut d]);
    let length = duration();
    eprintln!(
        "a run of {length}, by pools, the fastest of {turns} turns{}:",
        caveat()
    );
    eprintln!("  cells services  pools   run (ms)  us/pool  linear  ns/cohort-step  peak (MB)");
    for (subject, size) in BY_POOLS.into_iter().enumerate() {
        let pools = f64::from(size.pools());
        let ms = whole.fastest(subject).as_secs_f64() * 1e3;
        let us_per_pool = ms * 1e3 / pools;
        let linear = whole.ratio(subject, 0) * f64::from(BY_POOLS[0].pools()) / pools;
        let per_step = ns_per_cohort_step(turns, size, &calm[subject]);
        let (cells, services, peak) = (size.cells, size.services, peak_mb(size));
        eprintln!(
            "  {cells:>5} {services:>8} {pools:>6} {ms:>10.1} {us_per_pool:>8.0} {linear:>7.2} \
             {per_step:>15.0} {peak:>10}"
        );
    }
}

/// What a step costs in ordinary service, where every pool is one cohort. What setting up and
/// closing cost is in both the short and the long run: the difference is steps alone.
fn ns_per_cohort_step(turns: usize, size: Size, [short, long]: &[Scenario; 2]) -> f64 {
    let measured = Turns::measure(turns, [&mut || run(short), &mut || run(long)]);
    let more = measured.fastest(1).saturating_sub(measured.fastest(0));
    let steps = (long.duration.0 - short.duration.0) / STEP.0;
    more.as_nanos() as f64 / (f64::from(size.pools()) * steps as f64)
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
