//! Faults put into series of every kind: how many are found, how soon, and what else is alarmed.

use crate::series::{DAY, Draws, KINDS, Kind, scores};

const POINTS: usize = 4_032;
/// Points at the start in which nothing is injected and alarms do not count.
const PROBATION: usize = POINTS * 3 / 20;
/// A fault's window: as a tenth of the points would be for one fault.
const WINDOW: usize = POINTS / 10;

/// Alarms outside windows in a series: at 0.999, usual points give 3.0 in its 3,000 counted ones.
const FALSE_ALARMS_MAX: f64 = 2.0;

/// What is put into a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Spike,
    Burst,
    Shift,
    Drift,
    Noise,
    Frozen,
    MissingSeason,
}

/// Whether a fault of this kind can be told from the series itself.
fn applies(kind: Kind, fault: Fault) -> bool {
    let seasonal = matches!(kind, Kind::Daily | Kind::DailyCounts | Kind::Weekly);
    let holds = !matches!(kind, Kind::Walk | Kind::StronglyPulled);
    let moves = !matches!(kind, Kind::RareTicks | Kind::Counts);
    match fault {
        Fault::Spike | Fault::Burst | Fault::Shift => true,
        Fault::Drift => holds,
        Fault::Noise | Fault::Frozen => moves,
        Fault::MissingSeason => seasonal,
    }
}

struct Labelled {
    scores: Vec<f64>,
    /// The first point of the fault.
    at: usize,
}

fn labelled(kind: Kind, fault: Fault, seed: u64) -> Labelled {
    let mut draws = Draws::new(seed ^ 0xFA17);
    let mut series = kind.series(seed, POINTS);
    let spread = spread(&series, kind);
    let at = PROBATION + (draws.uniform() * (POINTS - PROBATION - WINDOW) as f64) as usize;
    let sign = if draws.uniform() < 0.3 && kind != Kind::Lognormal {
        -1.0
    } else {
        1.0
    };
    let held = series[at];
    for (i, value) in series.iter_mut().enumerate().skip(at) {
        let since = i - at;
        match fault {
            Fault::Spike if since < 2 => *value += sign * 9.0 * spread,
            Fault::Burst if since < 24 => *value += sign * 5.0 * spread,
            Fault::Shift => *value += sign * 5.0 * spread,
            Fault::Drift => *value += sign * 8.0 * spread * (since as f64 / 300.0).min(1.0),
            Fault::Noise if since < 150 => *value += 3.0 * spread * draws.normal(),
            Fault::Frozen if since < 150 => *value = held,
            Fault::MissingSeason if since < DAY => *value = held + spread * draws.normal(),
            Fault::Spike | Fault::Burst | Fault::Noise | Fault::Frozen | Fault::MissingSeason => {}
        }
    }
    Labelled {
        scores: scores(&series),
        at,
    }
}

/// How far the series moves from one point to the next, robustly; seasons hardly count.
fn spread(series: &[f64], kind: Kind) -> f64 {
    if kind == Kind::RareTicks {
        return 0.5;
    }
    let mut steps: Vec<f64> = series
        .windows(2)
        .map(|two| (two[1] - two[0]).abs())
        .collect();
    steps.sort_by(f64::total_cmp);
    let step = steps[steps.len() / 2] / 0.954;
    if kind == Kind::StronglyPulled {
        3.0 * step
    } else {
        step
    }
}

/// What a threshold comes to.
#[derive(Default)]
struct Result {
    found: u32,
    faults: u32,
    delay: f64,
    false_alarms: u32,
}

fn at_threshold(cases: &[Labelled], nats: f64) -> Result {
    let mut result = Result::default();
    for case in cases {
        let window = case.at.saturating_sub(WINDOW / 8)..case.at + WINDOW * 7 / 8;
        let hit = window.clone().find(|i| case.scores[*i] >= nats);
        result.faults += 1;
        if let Some(i) = hit {
            result.found += 1;
            result.delay += i.saturating_sub(case.at) as f64;
        }
        let outside = (PROBATION..POINTS).filter(|i| !window.contains(i));
        result.false_alarms += outside.filter(|i| case.scores[*i] >= nats).count() as u32;
    }
    result
}

/// One for each fault found at once, less for later, -1 for each missed, -0.11 for each alarm
/// outside; as a share of what a perfect detector gets, above what a silent one does.
fn nab_like(cases: &[Labelled], nats: f64) -> f64 {
    let mut total = 0.0;
    for case in cases {
        let window = case.at.saturating_sub(WINDOW / 8)..case.at + WINDOW * 7 / 8;
        let hit = window.clone().find(|i| case.scores[*i] >= nats);
        total += hit.map_or(0.0, |i| {
            let place = (i - window.start) as f64 / WINDOW as f64 - 1.0;
            1.0 + (2.0 / (1.0 + (5.0 * place).exp()) - 1.0)
        });
        for i in (PROBATION..POINTS).filter(|i| !window.contains(i)) {
            if case.scores[i] >= nats {
                total -= 0.11;
            }
        }
    }
    total / (2.0 * cases.len() as f64)
}

/// What is asked at an alarm from 0.999 (6.9 nats): found, score like the benchmark's.
const AT_LEAST: [(Fault, f64, f64); 7] = [
    (Fault::Spike, 0.75, 0.70),
    (Fault::Burst, 0.78, 0.70),
    (Fault::Shift, 0.75, 0.68),
    (Fault::Drift, 0.72, 0.66),
    (Fault::Noise, 0.80, 0.72),
    (Fault::Frozen, 0.85, 0.78),
    (Fault::MissingSeason, 0.40, 0.35),
];

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the docs name it as the source of their figures"
)]
fn injected_faults_are_found() {
    let (mut told, mut wrong) = (String::new(), String::new());
    for (fault, found_min, score_min) in AT_LEAST {
        let kinds = KINDS.into_iter().filter(|kind| applies(*kind, fault));
        let cases: Vec<Labelled> = kinds
            .flat_map(|kind| (0..4).map(move |seed| labelled(kind, fault, 100 + seed)))
            .collect();
        let nats = -0.001_f64.ln();
        let result = at_threshold(&cases, nats);
        let found = f64::from(result.found) / f64::from(result.faults);
        let alarms = f64::from(result.false_alarms) / f64::from(result.faults);
        let delay = result.delay / f64::from(result.found.max(1));
        let score = nab_like(&cases, nats);
        let line = format!(
            "{fault:?}: found {found:.2}, score {score:.3}, {alarms:.2} false alarms a series, \
             after {delay:.0} points\n"
        );
        if found < found_min || score < score_min || alarms > FALSE_ALARMS_MAX {
            wrong += &line;
        }
        told += &line;
    }
    println!("{told}");
    assert!(wrong.is_empty(), "{wrong}");
}
