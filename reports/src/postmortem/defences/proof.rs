//! What a check rests on, in words, when it is more than a value beside a limit.

use firedrill_core::health::sequential::{Rule, Turn};
use firedrill_core::health::{CheckEvidence, Proof};

use crate::words;

/// A ratio, in thousandths, from which on an interval is told to be open: the control has too few
/// bad requests to say more.
const RATIO_OPEN_MILLI: i64 = 1_000_000;

/// How far a check is on its way to failing.
pub(super) fn nearness(check: &CheckEvidence) -> Option<String> {
    let near = check.nearness()?;
    // Rounded down: what has not failed has not gone all the way.
    Some(match near / 10_000 {
        percent @ 0..1_000 => format!("{percent} %"),
        _ => "over 1000 %".into(),
    })
}

/// What the outcome rests on; `None` for a value beside a limit.
pub(super) fn phrase(check: &CheckEvidence) -> Option<String> {
    Some(match check.proof {
        Proof::Limit => return None,
        Proof::Counted {
            succeeded,
            failed,
            allowed,
            in_row,
        } => format!(
            "{} failed{}, {} within the limit; {} may fail",
            words::counted(u64::from(failed), "measurement"),
            if in_row { " in a row" } else { "" },
            words::count(u64::from(succeeded)),
            words::count(u64::from(allowed))
        ),
        Proof::Ranked {
            z_milli: None,
            points,
            ..
        } => scrapes(points),
        Proof::Ranked {
            z_milli: Some(z),
            z_needed_milli,
            shift,
            points,
        } => {
            let between = shift.map_or_else(String::new, |(low, high)| {
                let format = |value: i64| {
                    let sign = if value < 0 { "-" } else { "" };
                    format!("{sign}{}", check.signal.format(value.unsigned_abs()))
                };
                format!(", shifted by {} to {}", format(low), format(high))
            });
            format!(
                "{}: rank statistic {}, significant from {}{between}",
                scrapes(points),
                milli(z),
                milli(z_needed_milli)
            )
        }
        Proof::Weighed {
            rule,
            ratio_milli,
            interval_milli,
            ln_e_milli,
            fail_milli,
            turn,
            ..
        } => {
            let ratio = ratio_milli.map_or_else(
                || "nothing to compare with".to_owned(),
                |ratio| format!("{} times what it should be", milli(ratio)),
            );
            let between = interval_milli.map_or_else(String::new, |(low, high)| {
                if high < RATIO_OPEN_MILLI {
                    format!(" ({} to {})", milli(low), milli(high))
                } else {
                    format!(" ({} or more)", milli(low))
                }
            });
            format!(
                "{ratio}{between}; evidence {} of {} needed to fail{}{}",
                milli(ln_e_milli.max(0)),
                milli(fail_milli),
                rule_phrase(rule),
                turn_phrase(turn)
            )
        }
    })
}

/// Scrapes of the candidate and of the control that had a value.
fn scrapes((candidate, control): (u32, u32)) -> String {
    format!(
        "{} against {}",
        words::count(u64::from(candidate)),
        words::counted(u64::from(control), "scrape")
    )
}

const fn rule_phrase(rule: Rule) -> &'static str {
    match rule {
        Rule::Worse | Rule::Undecided | Rule::NothingSeen => "",
        Rule::EffectExcluded => "; the smallest effect that matters is excluded",
        Rule::Tolerable => "; tolerable in any case",
    }
}

fn turn_phrase(turn: Turn) -> String {
    let bad = |n| words::counted(n, "bad request");
    match turn {
        Turn::ErrorsFewer(0)
        | Turn::ControlErrorsMore(_)
        | Turn::ControlErrorsFewer(_)
        | Turn::Bake
        | Turn::Nothing => String::new(),
        Turn::ErrorsFewer(fewer) => format!("; {} fewer would not have failed then", bad(fewer)),
        Turn::ErrorsMore(more) => format!("; {} more in its last window would fail", bad(more)),
        Turn::RequestsToPass(more) => format!(
            "; about {} more would let it pass",
            words::counted(more, "request")
        ),
    }
}

/// Thousandths, as people write them.
fn milli(value: i64) -> String {
    let tenths = (value + 50 * value.signum()) / 100;
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    match tenths % 10 {
        0 => format!("{sign}{}", words::count(tenths / 10)),
        digit => format!("{sign}{}.{digit}", words::count(tenths / 10)),
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::health::{NoDataReason, Outcome, Signal};

    use super::*;

    fn check(proof: Proof) -> CheckEvidence {
        CheckEvidence {
            signal: Signal::ErrorRatio { class: None },
            outcome: Outcome::NoData(NoDataReason::TooLittle),
            value: Some(2_000),
            control: Some(1_000),
            limit: Some(4_000),
            lower: false,
            sample: 100,
            sample_min: 1,
            proof,
        }
    }

    #[test]
    fn proofs_read_like_sentences() {
        let limit = check(Proof::Limit);
        assert_eq!(nearness(&limit).as_deref(), Some("50 %"));
        assert_eq!(phrase(&limit), None);
        let weighed = check(Proof::Weighed {
            rule: Rule::Undecided,
            canary: (1_000, 4),
            control: (1_000, 2),
            ratio_milli: Some(2_000),
            interval_milli: Some((310, 14_960)),
            ln_e_milli: 1_725,
            fail_milli: 6_908,
            ln_e_pass_milli: 500,
            pass_milli: 2_996,
            turn: Turn::ErrorsMore(9),
        });
        assert_eq!(
            phrase(&weighed).as_deref(),
            Some(
                "2 times what it should be (0.3 to 15); evidence 1.7 of 6.9 needed to fail; 9 bad \
                 requests more in its last window would fail"
            )
        );
        assert_eq!(nearness(&weighed).as_deref(), Some("24 %"));
        let ranked = check(Proof::Ranked {
            z_milli: Some(-1_500),
            z_needed_milli: 2_326,
            shift: Some((-120, 40)),
            points: (20, 60),
        });
        assert_eq!(
            phrase(&ranked).as_deref(),
            Some(
                "20 against 60 scrapes: rank statistic -1.5, significant from 2.3, shifted by \
                 -0.012 % to 0.004 %"
            )
        );
        assert_eq!(nearness(&ranked).as_deref(), Some("0 %"));
        let few = check(Proof::Ranked {
            z_milli: None,
            z_needed_milli: 2_326,
            shift: None,
            points: (5, 1),
        });
        assert_eq!(phrase(&few).as_deref(), Some("5 against 1 scrape"));
    }
}
