//! How much of an objective's error budget is spent, in bounded memory.
//!
//! Over the objective's period, `budget × requests` of them may be bad. What is spent is the part
//! that is; a burn rate of one spends all of it in one period, so that at a burn rate `b` the part
//! that is left lasts for `left × period / b` (Google, *The Site Reliability Workbook*, chapter
//! "Alerting on SLOs").

use serde::{Deserialize, Serialize};

use crate::time::Micros;

use super::burn_rate::BurnWindow;
use super::slo::{BurnRule, Slo, Urgency};

/// The part of the period over which the present burn rate is taken: a seven hundred and
/// twentieth, which is an hour of thirty days.
const RECENT_PART: u64 = 720;

/// An objective's budget at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReading {
    /// Requests over the period that ends now.
    pub requests: u64,
    /// Bad ones among them.
    pub bad: u64,
    /// How many of them may be bad.
    pub allowed: u64,
    /// The spent part in thousandths: 1 000 is all of it, and more is a broken promise.
    pub spent_milli: u64,
    /// The present burn rate in thousandths: 1 000 spends the budget in one period.
    pub burn_milli: u64,
    /// How long the rest lasts at the present burn rate; zero when nothing is left, `None` when
    /// the rate can go on for ever.
    pub lasts: Option<Micros>,
}

impl BudgetReading {
    /// What is left, in thousandths of the budget; zero when it is overspent.
    #[must_use]
    pub const fn left_milli(&self) -> u64 {
        1_000_u64.saturating_sub(self.spent_milli)
    }
}

/// The error budget of one objective over its rolling period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBudget {
    slo: Slo,
    whole: BurnWindow,
    recent: BurnWindow,
}

impl ErrorBudget {
    /// Nothing spent yet.
    #[must_use]
    pub fn new(slo: Slo) -> Self {
        let window = |long: Micros| {
            BurnWindow::new(&BurnRule {
                long,
                short: long,
                factor_milli: 0,
                urgency: Urgency::Ticket,
            })
        };
        let recent = Micros((slo.period.0 / RECENT_PART).max(1));
        Self {
            whole: window(slo.period),
            recent: window(recent),
            slo,
        }
    }

    /// Fills the time before the run's start with a steady rate.
    pub fn fill_history(&mut self, requests_per_hour: u64, bad_per_hour: u64) {
        self.whole.fill_history(requests_per_hour, bad_per_hour);
        self.recent.fill_history(requests_per_hour, bad_per_hour);
    }

    /// Adds the counts of an interval that ended at `end`; late ones go where they belong as long
    /// as the period reaches back to them.
    pub fn add(&mut self, end: Micros, requests: u64, bad: u64) {
        self.whole.add(end, requests, bad);
        self.recent.add(end, requests, bad);
    }

    /// The budget at `now`.
    pub fn read(&mut self, now: Micros) -> BudgetReading {
        let whole = self.whole.read(now, &self.slo);
        let burn_milli = self.recent.read(now, &self.slo).long_milli;
        let spent_milli = whole.long_milli;
        let left_milli = 1_000_u64.saturating_sub(spent_milli);
        let budget = u128::from(self.slo.budget().0);
        let lasts = if left_milli == 0 {
            Some(Micros::ZERO)
        } else if burn_milli > 1_000 {
            let left_us = u128::from(self.slo.period.0) * u128::from(left_milli);
            Some(Micros((left_us / u128::from(burn_milli)) as u64))
        } else {
            None
        };
        BudgetReading {
            requests: whole.requests,
            bad: whole.bad,
            allowed: (u128::from(whole.requests) * budget / 1_000_000) as u64,
            spent_milli,
            burn_milli,
            lasts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ppm;
    use crate::health::Indicator;
    use crate::ids::ServiceId;

    fn budget() -> ErrorBudget {
        ErrorBudget::new(Slo::over_30_days(
            Indicator::Errors {
                service: ServiceId(0),
                class: None,
            },
            Ppm(999_000),
        ))
    }

    /// Adds hour after hour of 100,000 requests.
    fn run(budget: &mut ErrorBudget, hours: core::ops::Range<u64>, bad: u64) -> BudgetReading {
        for hour in hours.clone() {
            budget.add(Micros::from_hours(hour + 1), 100_000, bad);
        }
        budget.read(Micros::from_hours(hours.end))
    }

    #[test]
    fn a_burn_rate_of_one_spends_the_budget_in_a_period() {
        let mut budget = budget();
        let reading = run(&mut budget, 0..720, 100);
        assert_eq!((reading.spent_milli, reading.left_milli()), (1_000, 0));
        assert_eq!((reading.requests, reading.allowed), (72_000_000, 72_000));
        assert_eq!(reading.lasts, Some(Micros::ZERO));
    }

    /// Twenty days without an error, then two days at thrice the rate: a fifth of an outage's
    /// budget is gone, and what is left lasts for a third of its part of the period.
    #[test]
    fn what_is_left_lasts_by_the_present_rate() {
        let mut budget = budget();
        budget.fill_history(100_000, 0);
        let quiet = run(&mut budget, 0..480, 0);
        assert_eq!(
            (quiet.spent_milli, quiet.burn_milli, quiet.lasts),
            (0, 0, None)
        );
        let burning = run(&mut budget, 480..528, 300);
        assert_eq!((burning.spent_milli, burning.burn_milli), (200, 3_000));
        let hours = burning.lasts.map(|lasts| lasts.as_secs_f64() / 3_600.0);
        assert!(
            hours.is_some_and(|hours| (hours - 192.0).abs() < 1.0),
            "{hours:?}"
        );
        let over = run(&mut budget, 528..540, 0);
        assert_eq!((over.burn_milli, over.lasts), (0, None), "no more is burnt");
        assert!(over.spent_milli >= 199, "and what is spent stays spent");
    }

    #[test]
    fn more_than_everything_is_a_broken_promise() {
        let mut budget = budget();
        let reading = run(&mut budget, 0..10, 50_000);
        assert!(reading.spent_milli > 1_000 && reading.left_milli() == 0);
        assert_eq!(reading.lasts, Some(Micros::ZERO));
        let later = budget.read(Micros::from_hours(10 + 721));
        assert_eq!(
            (later.requests, later.spent_milli),
            (0, 0),
            "a period later"
        );
    }

    #[test]
    fn nothing_seen_is_nothing_spent() {
        let reading = budget().read(Micros::from_hours(1));
        assert_eq!((reading.requests, reading.spent_milli), (0, 0));
        assert_eq!(reading.lasts, None);
    }
}
