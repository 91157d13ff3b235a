//! From a named cause to the order: daring to take back what somebody else rolled out, and, once
//! in a while, daring not to.

use firedrill_core::Micros;
use firedrill_core::incident::Severity;

use crate::spec::{Hesitating, LogNormal, ResponsePolicy, RollbackTool};

use super::dice::{Ask, Dice, stretched};

/// How long somebody hesitates before the `number`-th rollback of an incident.
pub fn hesitate(
    dice: &mut Dice<'_>,
    params: &Hesitating,
    severity: Severity,
    number: u64,
) -> Micros {
    let tool = match params.tool {
        RollbackTool::OneClick => params.one_click,
        RollbackTool::ByHand => 1.0,
    };
    let policy = match params.policy {
        ResponsePolicy::RollBackFirst => params.roll_back_first,
        ResponsePolicy::UnderstandFirst => 1.0,
    };
    let time = LogNormal {
        median: stretched(params.median[severity as usize], tool * policy),
        sigma: params.sigma,
    };
    dice.time(Ask::Hesitates, number, time)
}

/// Whether somebody overrides the `number`-th true alarm of a canary.
pub fn overrides(dice: &mut Dice<'_>, params: &Hesitating, number: u64) -> bool {
    dice.chance(Ask::Overrides, number, params.overrides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;

    /// The median of 2001 hesitations, in minutes.
    fn median(params: &Hesitating, severity: Severity) -> f64 {
        let mut draws = Draws::new(3, "people", None);
        let mut dice = Dice::new(&mut draws, 0);
        let mut times: Vec<Micros> = (0..2_001)
            .map(|number| hesitate(&mut dice, params, severity, number))
            .collect();
        times.sort_unstable();
        times[1_000].as_secs_f64() / 60.0
    }

    #[test]
    fn severity_tool_and_policy_decide() {
        let by_hand = Hesitating {
            tool: RollbackTool::ByHand,
            ..Hesitating::default()
        };
        let told_to = Hesitating {
            policy: ResponsePolicy::RollBackFirst,
            ..Hesitating::default()
        };
        let minutes = median(&by_hand, Severity::Sev2);
        // Four standard deviations of a median's logarithm: 4 · 1.25 · 0.7 / √2001.
        assert!(libm::log(minutes / 6.0).abs() < 0.08, "{minutes}");
        let half = |params: &Hesitating| median(params, Severity::Sev2) / minutes;
        assert!((half(&Hesitating::default()) - 0.5).abs() < 1e-3);
        assert!((half(&told_to) - 0.25).abs() < 1e-3);
        let all = Severity::ALL.map(|severity| median(&by_hand, severity));
        assert!(all.is_sorted(), "{all:?}");
    }

    #[test]
    fn true_alarms_are_overridden_at_their_rate() {
        let mut draws = Draws::new(4, "people", None);
        let mut dice = Dice::new(&mut draws, 0);
        for rate in [0.0, 0.05, 0.2] {
            let params = Hesitating {
                overrides: rate,
                ..Hesitating::default()
            };
            let count = (0..10_000).filter(|number| overrides(&mut dice, &params, *number));
            let deviation = (rate * (1.0 - rate) * 1e4).sqrt();
            // Four standard deviations: fails once in 16 000.
            assert!(
                (count.count() as f64 - rate * 1e4).abs() <= 4.0 * deviation,
                "{rate}"
            );
        }
    }
}
