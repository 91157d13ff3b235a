//! Burn rates over a long and a short window, in bounded memory.

use alloc::vec;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::time::Micros;

use super::slo::{BurnRule, LowTraffic, Slo};

/// Slots of the long window. Its edge moves in steps of 1/360 of its length.
const SLOTS: usize = 360;

/// The burn rates of a rule at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BurnReading {
    /// Over the long window, in thousandths.
    pub long_milli: u64,
    /// Over the short window, in thousandths.
    pub short_milli: u64,
    /// Requests in the long window.
    pub requests: u64,
    /// Bad ones among them.
    pub bad: u64,
}

impl BurnReading {
    /// Whether both windows burn at least as fast as the rule's factor.
    #[must_use]
    pub const fn exceeds(&self, rule: &BurnRule) -> bool {
        let factor = rule.factor_milli as u64;
        self.long_milli >= factor && self.short_milli >= factor
    }

    /// Whether enough was seen for the rule to mean anything.
    #[must_use]
    pub const fn is_enough(&self, floor: LowTraffic) -> bool {
        self.requests >= floor.requests_min && self.bad >= floor.bad_min
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    requests: u64,
    bad: u64,
}

/// The requests of one objective over the windows of one rule.
///
/// Counts that arrive late go where they belong as long as the long window reaches back to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnWindow {
    slot_us: u64,
    short_slots: u64,
    slots: Vec<Slot>,
    /// The number of the newest slot since the run's start, offset by [`SLOTS`] so that history
    /// before the start has a number too.
    head: u64,
    long: Slot,
    short: Slot,
}

impl BurnWindow {
    /// Empty windows for `rule`, at time zero.
    #[must_use]
    pub fn new(rule: &BurnRule) -> Self {
        let slot_us = (rule.long.0 / SLOTS as u64).max(1);
        Self {
            slot_us,
            short_slots: rule.short.0.div_ceil(slot_us).clamp(1, SLOTS as u64),
            slots: vec![Slot::default(); SLOTS],
            head: SLOTS as u64,
            long: Slot::default(),
            short: Slot::default(),
        }
    }

    /// Fills the time before the run's start with a steady rate: what the metrics store would
    /// remember of a service that has been running for long. Loaded late, it still fills only
    /// the time before the start.
    pub fn fill_history(&mut self, requests_per_hour: u64, bad_per_hour: u64) {
        let slot_us = self.slot_us;
        let share = |per_hour: u64, slots: u64| {
            let span = u128::from(slot_us) * u128::from(slots);
            (u128::from(per_hour) * span / u128::from(Micros::from_hours(1).0)) as u64
        };
        // Differences of a running total spread fractions of a request evenly over the slots.
        let part = |per_hour, slot: u64| share(per_hour, slot + 1) - share(per_hour, slot);
        for number in 0..SLOTS as u64 - 1 {
            let slot = Slot {
                requests: part(requests_per_hour, number),
                bad: part(bad_per_hour, number).min(part(requests_per_hour, number)),
            };
            self.put(SLOTS as u64 - 1 - number, slot);
        }
    }

    /// Adds the counts of an interval that ended at `end`.
    pub fn add(&mut self, end: Micros, requests: u64, bad: u64) {
        let number = self.number_of(Micros(end.0.saturating_sub(1)));
        self.advance_to(number);
        self.put(number, Slot { requests, bad });
    }

    /// The burn rates at `now`; time that brought no data has expired.
    pub fn read(&mut self, now: Micros, slo: &Slo) -> BurnReading {
        self.advance_to(self.number_of(Micros(now.0.saturating_sub(1))));
        let budget = u64::from(slo.budget().0).max(1);
        // ratio / budget × 1000 = bad / requests × 1e6 / budget_ppm × 1000
        let burn = |sum: Slot| match sum.requests {
            0 => 0,
            requests => {
                let scaled = u128::from(sum.bad) * 1_000_000_000;
                (scaled / u128::from(requests) / u128::from(budget)) as u64
            }
        };
        BurnReading {
            long_milli: burn(self.long),
            short_milli: burn(self.short),
            requests: self.long.requests,
            bad: self.long.bad,
        }
    }

    const fn number_of(&self, time: Micros) -> u64 {
        time.0 / self.slot_us + SLOTS as u64 + 1
    }

    fn put(&mut self, number: u64, counts: Slot) {
        let age = self.head.saturating_sub(number);
        if age >= SLOTS as u64 {
            return; // older than the long window
        }
        let add = |slot: &mut Slot| {
            slot.requests += counts.requests;
            slot.bad += counts.bad;
        };
        add(&mut self.slots[(number % SLOTS as u64) as usize]);
        add(&mut self.long);
        if age < self.short_slots {
            add(&mut self.short);
        }
    }

    fn advance_to(&mut self, number: u64) {
        if number.saturating_sub(self.head) >= SLOTS as u64 {
            self.slots.fill(Slot::default());
            (self.long, self.short) = (Slot::default(), Slot::default());
            self.head = number;
        }
        while self.head < number {
            self.head += 1;
            let leaving = &mut self.slots[(self.head % SLOTS as u64) as usize];
            self.long.requests -= leaving.requests;
            self.long.bad -= leaving.bad;
            if self.short_slots == SLOTS as u64 {
                self.short = self.long;
            }
            *leaving = Slot::default();
            if self.short_slots < SLOTS as u64 {
                let expired = self.slots[((self.head - self.short_slots) % SLOTS as u64) as usize];
                self.short.requests -= expired.requests;
                self.short.bad -= expired.bad;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ppm;
    use crate::health::{Indicator, LowTraffic, Urgency, standard_burn_rules};
    use crate::ids::ServiceId;

    const STEP: Micros = Micros::from_secs(10);

    fn slo() -> Slo {
        Slo::over_30_days(
            Indicator::Errors {
                service: ServiceId(0),
                class: None,
            },
            Ppm(999_000),
        )
    }

    /// Feeds errors of `bad` in a thousand from time zero on after a clean history and returns
    /// the first moment at which `rule` fires.
    fn fires_at(rule: &BurnRule, bad: u64) -> Option<Micros> {
        let mut window = BurnWindow::new(rule);
        window.fill_history(360_000, 0);
        let mut now = Micros::ZERO;
        while now < Micros::from_hours(73) {
            now = now + STEP;
            window.add(now, 1_000, bad);
            if window.read(now, &slo()).exceeds(rule) {
                return Some(now);
            }
        }
        None
    }

    /// The time to fire is `budget / ratio × window × factor` (the workbook's formula): checked to
    /// two slots of the long window (0.56 %) and one step.
    #[test]
    fn fires_when_the_workbook_says() {
        for rule in standard_burn_rules() {
            for bad in [1, 2, 5, 10, 20, 50, 100, 500, 1_000] {
                let factor = f64::from(rule.factor_milli) / 1e3;
                let expected = rule.long.as_secs_f64() * factor / bad as f64;
                let fired = fires_at(&rule, bad);
                if (bad as f64) < factor {
                    assert_eq!(fired, None, "{rule:?} at {bad}");
                    continue;
                }
                let fired = fired.expect("fires").as_secs_f64();
                let tolerance = rule.long.as_secs_f64() / 180.0 + STEP.as_secs_f64();
                assert!(
                    (fired - expected).abs() <= tolerance,
                    "{rule:?} at {bad}: fired after {fired} s, expected {expected} s"
                );
            }
        }
    }

    #[test]
    fn the_short_window_ends_the_alert() {
        let rule = standard_burn_rules()[0];
        let mut window = BurnWindow::new(&rule);
        window.fill_history(360_000, 0);
        let mut now = Micros::ZERO;
        let mut run = |minutes: u64, bad: u64| {
            let until = now + Micros::from_mins(minutes);
            let mut quiet_at = None;
            while now < until {
                now = now + STEP;
                window.add(now, 1_000, bad);
                if window.read(now, &slo()).exceeds(&rule) {
                    quiet_at = None;
                } else if quiet_at.is_none() {
                    quiet_at = Some(now);
                }
            }
            quiet_at.map(|at| at - (until - Micros::from_mins(minutes)))
        };
        assert_eq!(run(10, 1_000), None);
        let quiet_after = run(30, 0).expect("ends");
        assert!(quiet_after <= Micros::from_secs(310), "{quiet_after}");
    }

    #[test]
    fn late_counts_go_where_they_belong() {
        let rule = standard_burn_rules()[0];
        let (mut in_order, mut late) = (BurnWindow::new(&rule), BurnWindow::new(&rule));
        let at = Micros::from_mins;
        in_order.add(at(1), 100, 1);
        in_order.add(at(20), 100, 0);
        late.add(at(20), 100, 0);
        late.add(at(1), 100, 1);
        assert_eq!(in_order.read(at(21), &slo()), late.read(at(21), &slo()));
        late.add(at(90), 100, 0);
        late.add(at(2), 100, 100);
        assert_eq!(late.read(at(90), &slo()).bad, 0, "older than the window");
    }

    #[test]
    fn history_loaded_late_stays_before_the_start() {
        let rule = standard_burn_rules()[0];
        let (mut first, mut last) = (BurnWindow::new(&rule), BurnWindow::new(&rule));
        let late = Micros::from_mins(20);
        first.fill_history(360_000, 1_000);
        first.add(late, 100, 1);
        last.add(late, 100, 1);
        last.fill_history(360_000, 1_000);
        assert_eq!(first, last);
    }

    /// One failure among ten requests an hour.
    #[test]
    fn trap_one_failure_of_ten_requests_pages_without_a_floor() {
        let rule = standard_burn_rules()[0];
        let mut window = BurnWindow::new(&rule);
        for minute in 1..=10 {
            window.add(Micros::from_mins(6 * minute), 1, u64::from(minute == 10));
        }
        let reading = window.read(Micros::from_mins(60), &slo());
        assert!(reading.exceeds(&rule) && reading.is_enough(LowTraffic::default()));
        let floor = |requests_min, bad_min| LowTraffic {
            requests_min,
            bad_min,
        };
        assert!(!reading.is_enough(floor(0, 2)) && !reading.is_enough(floor(11, 0)));
        assert!(reading.is_enough(floor(10, 1)));
    }

    #[test]
    fn no_data_does_not_burn() {
        let rule = BurnRule {
            long: Micros::from_mins(6),
            short: Micros::from_mins(6),
            factor_milli: 1_000,
            urgency: Urgency::Page,
        };
        let mut window = BurnWindow::new(&rule);
        window.add(Micros::from_mins(1), 10, 10);
        assert!(window.read(Micros::from_mins(2), &slo()).exceeds(&rule));
        assert!(!window.read(Micros::from_mins(8), &slo()).exceeds(&rule));
    }
}
