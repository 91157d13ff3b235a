//! Users who tell that something is wrong: the slowest signal, and the last one.

use std::collections::BTreeMap;

use firedrill_core::Micros;

use crate::random::{Draws, Entity, log_normal, poisson, split};
use crate::spec::UserReports;

/// Delays are drawn by equal parts of their distribution.
const PARTS: usize = 16;

/// Reports that were written and have not come in yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserReportsUnderWay {
    due: BTreeMap<Micros, u32>,
}

impl UserReportsUnderWay {
    /// Takes note of requests harmed over the interval of `length` that ends at `now`; returns
    /// the reports that came in by then.
    pub(crate) fn advance(
        &mut self,
        draws: &mut Draws,
        (step, now, length): (u64, Micros, Micros),
        harmed: u64,
        spec: &UserReports,
    ) -> u32 {
        let hours = length.as_secs_f64() / Micros::from_hours(1).as_secs_f64();
        let mean = harmed as f64 * spec.share;
        let written = poisson(draws.uniform(step, Entity::new(0)), mean);
        let idle = spec.background_per_hour * hours;
        let idle = poisson(draws.uniform(step, Entity::new(1)), idle);
        if written > 0 {
            split(
                |part| draws.uniform(step, Entity::new(2 + part as u64)),
                written,
                std::iter::repeat_n(1.0, PARTS),
                |part, count| {
                    let middle = (part as f64 + 0.5) / PARTS as f64;
                    let at = now + log_normal(middle, spec.delay);
                    *self.due.entry(at).or_default() += count as u32;
                },
            );
        }
        let later = self.due.split_off(&(now + Micros(1)));
        let come = std::mem::replace(&mut self.due, later);
        come.into_values().sum::<u32>() + idle as u32
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::LogNormal;

    use super::*;

    /// One harmed request in a thousand is reported, half of them after the median delay.
    #[test]
    fn reports_come_late_and_all_of_them() {
        let spec = UserReports {
            share: 0.001,
            delay: LogNormal {
                median: Micros::from_mins(10),
                sigma: 0.8,
            },
            background_per_hour: 0.0,
        };
        let mut draws = Draws::new(1, "user-reports", None);
        let mut way = UserReportsUnderWay::default();
        let minute = Micros::from_mins(1);
        let come: Vec<u32> = (1..=600)
            .map(|step| {
                let harmed = if step == 1 { 1_000_000 } else { 0 };
                let now = Micros::from_mins(step);
                way.advance(&mut draws, (step, now, minute), harmed, &spec)
            })
            .collect();
        let total: u32 = come.iter().sum();
        assert!((880..1_120).contains(&total), "{total}");
        let early: u32 = come[..11].iter().sum();
        assert!(
            (0.45..0.56).contains(&(f64::from(early) / f64::from(total))),
            "{early}"
        );
        assert_eq!(come[0], 0);
    }
}
