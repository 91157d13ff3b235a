//! What a whole run costs: by the number of instances, and by cells times services.
//!
//! Instances are counts, so a thousand times as many must cost about the same; pools are visited
//! one by one, so ten times as many may cost ten times as much and no more.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use firedrill_benches::fleet::{STEP, Size, rollout, steady};
use firedrill_benches::turns::{Turns, caveat, is_test, time};
use firedrill_core::Micros;
use firedrill_sim::engine;
use firedrill_sim::spec::Scenario;
use plotters::prelude::*;

/// The same pools with few and with many instances.
const BY_INSTANCES: [Size; 2] = [size(10, 10, 10_000), size(10, 10, 10_000_000)];
/// A hundred to a hundred thousand pools of a thousand instances each.
const BY_POOLS: [Size; 5] = [
    size(10, 10, 100_000),
    size(100, 10, 1_000_000),
    size(10, 100, 1_000_000),
    size(100, 100, 10_000_000),
    size(1_000, 100, 100_000_000),
];
/// Two hours of a fleet as it is rehearsed every day, and of a large one; with what they may take.
const TWO_HOURS: [(Size, Duration); 2] = [
    (size(20, 8, 12_000), Duration::from_millis(20)),
    (size(1_000, 20, 2_000_000), Duration::from_secs(10)),
];
const SEED: u64 = 1;
/// Says that the run times by pools are to be drawn, and where.
const PLOT: &str = "--plot";
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
    let plot = arguments.iter().position(|argument| argument == PLOT);
    let plot = plot.and_then(|at| arguments.get(at + 1));
    by_instances();
    two_hours();
    by_pools(plot.map(Path::new));
}

#[expect(clippy::print_stderr, reason = "figures are talk")]
fn two_hours() {
    eprintln!(
        "steady runs of two hours, the fastest of some turns{}:",
        caveat()
    );
    eprintln!("  cells services instances  turns  run (ms)  allowed (ms)");
    let length = if is_test() {
        duration()
    } else {
        Micros::from_hours(2)
    };
    for (size, allowed) in TWO_HOURS {
        let scenario = steady(size, length);
        // Short runs are disturbed more easily.
        let turns = match size.pools() {
            _ if is_test() => 1,
            0..1_000 => 31,
            _ => 3,
        };
        let measured = Turns::measure(turns, [&mut || run(&scenario)]);
        let ms = measured.fastest(0).as_secs_f64() * 1e3;
        let allowed = allowed.as_millis();
        let (cells, services, instances) = (size.cells, size.services, size.instances);
        eprintln!("  {cells:>5} {services:>8} {instances:>9} {turns:>6} {ms:>9.1} {allowed:>13}");
    }
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
fn by_pools(plot: Option<&Path>) {
    let turns = if is_test() { 1 } else { 3 };
    let scenarios = BY_POOLS.map(|size| rollout(size, duration()));
    let calm = BY_POOLS.map(|size| [1, 2].map(|times| steady(size, Micros(times * duration().0))));
    // All sizes take their turns together, so that the machine is the same for all.
    let [mut a, mut b, mut c, mut d, mut e] = scenarios.each_ref().map(|scenario| || run(scenario));
    let whole = Turns::measure(turns, [&mut a, &mut b, &mut c, &mut d, &mut e]);
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
    if let Some(path) = plot {
        let point = |subject: usize| {
            let ms = whole.fastest(subject).as_secs_f64() * 1e3;
            (f64::from(BY_POOLS[subject].pools()), ms)
        };
        let points: Vec<(f64, f64)> = (0..BY_POOLS.len()).map(point).collect();
        draw(path, &points).expect("the plot is drawn");
    }
}

/// Run time by pools on logarithmic axes, beside a line of slope one through the first point.
fn draw(path: &Path, points: &[(f64, f64)]) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (640, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let (first, last) = (points[0], points[points.len() - 1]);
    let (x, y) = (first.0 / 2.0..last.0 * 2.0, first.1 / 2.0..last.1 * 4.0);
    let caption = format!("A run of {} by pools (cells × services)", duration());
    let mut chart = ChartBuilder::on(&root)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart
        .configure_mesh()
        .x_desc("pools")
        .y_desc("run time (ms)")
        .draw()?;
    let linear = [first, (last.0, first.1 * last.0 / first.0)];
    chart
        .draw_series(LineSeries::new(linear, BLACK.stroke_width(1)))?
        .label("linear")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLACK));
    chart
        .draw_series(
            points
                .iter()
                .map(|point| Circle::new(*point, 5, BLUE.filled())),
        )?
        .label("measured")
        .legend(|(x, y)| Circle::new((x + 8, y), 5, BLUE.filled()));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
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
