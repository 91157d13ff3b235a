//! A check against its limit: all that was seen, over a minimum sample.

use crate::health::check::Check;
use crate::health::tally::Tally;
use crate::health::verdict::{CheckEvidence, NoDataReason, Outcome, Proof};

/// Holds the candidate's value against the limit, or against the control where it says so.
pub(super) fn look(check: &Check, candidate: &Tally, control: &Tally) -> CheckEvidence {
    let seen = candidate.read(check.signal);
    let sample = seen.map_or(0, |(_, sample)| sample);
    let value = seen.map(|(value, _)| value);
    let compared = if check.limit.is_relative() {
        let seen = control.read(check.signal);
        let enough = seen.filter(|(_, n)| *n >= check.sample_min);
        enough.map(|(value, _)| value)
    } else {
        None
    };
    let limit = check.limit.applied(compared);
    let outcome = match (value, limit) {
        (None, _) => Outcome::NoData(NoDataReason::TooLittle),
        (Some(_), _) if sample < check.sample_min => Outcome::NoData(NoDataReason::TooLittle),
        (Some(value), Some(limit)) if check.limit.is_exceeded(value, limit) => Outcome::Fail,
        (Some(_), Some(_)) => Outcome::Pass,
        (Some(_), None) => Outcome::Inconclusive,
    };
    CheckEvidence {
        signal: check.signal,
        outcome,
        value,
        control: compared,
        limit,
        lower: check.limit.is_lower(),
        sample,
        sample_min: check.sample_min,
        proof: Proof::Limit,
    }
}
