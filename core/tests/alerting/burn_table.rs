//! Every cell of the detection times of burn-rate alerts: from a clean state, errors of a constant
//! ratio `e` fire after `budget / e × window × factor`, or never when `e` is below
//! `factor × budget`. Source: Google, *The Site Reliability Workbook*, "Alerting on SLOs".
//!
//! The evaluator's window moves in steps of 1/360 of its length and its history leaves out the
//! last step before the start, so it may fire by 2/360 of the time early, and by the step at
//! which the test feeds it early or late.

use firedrill_core::alerting::{AlertRule, RulePolicy, RuleState};
use firedrill_core::health::{BurnRule, BurnWindow, Indicator, LowTraffic, Slo, Urgency};
use firedrill_core::ids::ServiceId;
use firedrill_core::{Micros, Ppm};

use crate::desk::{alert, m, s};

/// Requests in a step of a test.
const REQUESTS: u64 = 10_000;
/// Bad ones among them: the error ratios of the table, in hundredths of a percent.
const BAD: [u64; 10] = [10, 20, 50, 100, 144, 200, 500, 1_000, 5_000, 10_000];
/// The share of requests that may be bad: 0.1 %.
const BUDGET: f64 = 0.001;

/// The columns: window, short window, factor in thousandths.
const COLUMNS: [(Micros, Micros, u32); 7] = [
    (m(10), m(10), 1_000),
    (m(36 * 60), m(36 * 60), 1_000),
    (m(60), m(60), 36_000),
    (m(60), m(5), 14_400),
    (m(6 * 60), m(30), 6_000),
    (m(24 * 60), m(2 * 60), 3_000),
    (m(72 * 60), m(6 * 60), 1_000),
];

fn slo() -> Slo {
    Slo {
        indicator: Indicator::Errors {
            service: ServiceId(0),
            class: None,
        },
        objective: Ppm(999_000),
        period: Micros::from_hours(720),
        rules: vec![],
        low_traffic: LowTraffic::default(),
    }
}

fn burn_rule((long, short, factor_milli): (Micros, Micros, u32)) -> BurnRule {
    BurnRule {
        long,
        short,
        factor_milli,
        urgency: Urgency::Page,
    }
}

/// The workbook's formula, in seconds.
fn expected(rule: &BurnRule, bad: u64) -> Option<f64> {
    let factor = f64::from(rule.factor_milli) / 1e3;
    let (ratio, least) = (bad as f64 / REQUESTS as f64, factor * BUDGET);
    // The ratios are decimal and their products are not.
    (ratio >= least * (1.0 - 1e-9)).then(|| BUDGET / ratio * rule.long.as_secs_f64() * factor)
}

/// A step that divides the hour, at most a hundredth of the time.
fn step_for(time: f64) -> Micros {
    let steps = [
        5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000,
    ];
    let fitting = steps.into_iter().rev().map(Micros::from_millis);
    let mut fitting = fitting.filter(|step| step.as_secs_f64() <= time / 100.0);
    fitting.next().expect("no cell is below half a second")
}

/// A window that remembers a clean past of the same rate.
fn clean_window(rule: &BurnRule, step: Micros) -> BurnWindow {
    let mut window = BurnWindow::new(rule);
    window.fill_history(REQUESTS * Micros::from_hours(1).0 / step.0, 0);
    window
}

#[test]
fn every_cell_fires_when_the_workbook_says() {
    for column in COLUMNS {
        let rule = burn_rule(column);
        for bad in BAD {
            let expected = expected(&rule, bad);
            let step = step_for(expected.unwrap_or(rule.long.as_secs_f64()));
            let mut window = clean_window(&rule, step);
            let (mut now, mut fired) = (Micros::ZERO, None);
            while fired.is_none() && now < rule.long + rule.long {
                now = now + step;
                window.add(now, REQUESTS, bad);
                fired = window.read(now, &slo()).exceeds(&rule).then_some(now);
            }
            let (fired, step) = (fired.map(Micros::as_secs_f64), step.as_secs_f64());
            let as_expected = match (fired, expected) {
                (None, None) => true,
                (Some(at), Some(cell)) => {
                    cell * (358.0 / 360.0) - step <= at && at <= cell + 2.0 * step
                }
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(
                as_expected,
                "{column:?} at {bad}: {fired:?}, expected {expected:?}"
            );
        }
    }
}

/// The figures that the workbook prints are those of the formula.
#[test]
fn the_formula_gives_the_printed_figures() {
    let printed = [
        (0, 10_000, Some(0.6)),
        (0, 10, Some(600.0)),
        (1, 10_000, Some(129.6)),
        (1, 10, Some(36.0 * 3_600.0)),
        (2, 200, None),
        (3, 10_000, Some(51.84)),
        (3, 144, Some(3_600.0)),
        (3, 100, None),
        (4, 100, Some(3.6 * 3_600.0)),
        (5, 50, Some(14.4 * 3_600.0)),
        (6, 10, Some(3.0 * 86_400.0)),
    ];
    for (column, bad, seconds) in printed {
        let formula = expected(&burn_rule(COLUMNS[column]), bad);
        let close = match (formula, seconds) {
            (Some(a), Some(b)) => f64::abs(a - b) < 1e-6,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        assert!(close, "{column} at {bad}: {formula:?}, printed {seconds:?}");
    }
}

/// The column `for: 1h` over the errors of a minute: exactly an hour after the ratio was first
/// seen above the objective's, however bad it is.
#[test]
fn a_hold_of_an_hour_takes_an_hour_at_any_ratio() {
    let burn = burn_rule((m(1), m(1), 1_000));
    let (step, interval) = (s(1), s(10));
    for bad in BAD {
        let mut window = clean_window(&burn, step);
        let mut rule = AlertRule::new(RulePolicy {
            interval,
            hold: m(60),
            ..RulePolicy::default()
        });
        let series = [alert("Errors", "a")];
        let (mut now, mut first_found, mut fired) = (Micros::ZERO, None, None);
        while fired.is_none() && now < m(90) {
            now = now + step;
            window.add(now, REQUESTS, bad);
            if rule.poll_timeout() > now {
                continue;
            }
            let is_found = window.read(now, &slo()).exceeds(&burn);
            first_found = first_found.or(is_found.then_some(now));
            let found = if is_found { &series[..] } else { &[] };
            rule.evaluate(now, found).unwrap();
            fired = match rule.state(&series[0]) {
                Some(RuleState::Firing { since, .. }) => Some(since),
                Some(RuleState::Pending | RuleState::Resolved { .. }) | None => None,
            };
        }
        let (first_found, fired) = (first_found.unwrap(), fired.unwrap());
        assert_eq!(fired - first_found, m(60), "at {bad}");
        let seen = expected(&burn, bad).unwrap();
        let late = first_found.as_secs_f64() - seen;
        let evaluation = interval.as_secs_f64() + 2.0 * step.as_secs_f64();
        assert!((-1.2..=evaluation).contains(&late), "at {bad}: {late}");
    }
}

/// After a total outage that filled the window, an alert ends when all but `factor × budget` of
/// it has passed: 58 minutes at 36 times over an hour, and within the short window where there
/// is one.
#[test]
fn it_ends_when_the_workbook_says() {
    for (column, seconds) in [(2, 3_600.0 * (1.0 - 0.036)), (3, 300.0 * (1.0 - 0.0144))] {
        let rule = burn_rule(COLUMNS[column]);
        let step = s(5);
        let mut window = clean_window(&rule, step);
        let mut now = Micros::ZERO;
        while now < rule.long {
            now = now + step;
            window.add(now, REQUESTS, REQUESTS);
        }
        assert!(window.read(now, &slo()).exceeds(&rule));
        let mut ended = Micros::ZERO;
        while window.read(now + ended, &slo()).exceeds(&rule) {
            ended = ended + step;
            window.add(now + ended, REQUESTS, 0);
        }
        let slot = rule.long.as_secs_f64() / 360.0;
        let off = f64::abs(ended.as_secs_f64() - seconds);
        assert!(off <= slot + step.as_secs_f64(), "{column}: {ended}");
    }
}
