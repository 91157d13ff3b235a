//! Policies of `firedrill judge`: what each judge cannot be asked for, whatever its data.

use firedrill_core::health::sequential::{MeanPolicy, Worse};
use firedrill_core::{Micros, Ppm};

use crate::offline::policy::{HostsFile, PolicyFile, RankFile, RepeatedFile, SequentialFile};
use crate::offline::signals::{MeanFile, SignalFile, WorseFile};
use crate::place::Place;
use crate::scalar::{Kind, Number, Scalar};

use super::{Fault, FaultKind, Found, value};

/// What a policy may not ask for.
pub(crate) fn of_policy(file: &PolicyFile) -> Vec<Fault> {
    let mut found = Found::new("this policy".into());
    match file {
        PolicyFile::Sequential(file) => sequential(&mut found, file),
        PolicyFile::Rank(file) => rank(&mut found, file),
        PolicyFile::Repeated(file) => repeated(&mut found, file),
    }
    found.faults
}

const INSIDE: &str = "above 0 % and below 100 %";

fn is_inside(share: Ppm) -> bool {
    share > Ppm::ZERO && share < Ppm::ONE
}

fn sequential(found: &mut Found, file: &SequentialFile) {
    let help = "write how seldom a good canary may fail, such as `0.1 %`";
    let alpha = file.false_alarms.as_ref();
    let seldom = |alpha: Ppm| alpha > Ppm::ZERO && alpha < Ppm::percent(50);
    let allowed = "above 0 % and below 50 %";
    found.range(alpha, "`false-alarms`", allowed, help, seldom);
    let help = "write how seldom a canary with the smallest effect may pass, such as `5 %`";
    found.range(file.misses.as_ref(), "`misses`", INSIDE, help, is_inside);
    effect(found, file.smallest_effect.as_ref());
    let help = "write the error ratio that is usual, such as `0.1 %`, or leave it to the control";
    found.range(file.usual.as_ref(), "`usual`", INSIDE, help, is_inside);
    let help = "write how long the canary is watched, such as `10m`";
    let is_some = |time: Micros| time > Micros::ZERO;
    found.range(file.bake.as_ref(), "`bake`", "more than 0s", help, is_some);
    let help = "write after how long without data there is none, such as `5m`";
    let stale_after = file.stale_after.as_ref();
    found.range(stale_after, "`stale-after`", "more than 0s", help, is_some);
    nothing_fails(found, file);
    if let (Some(HostsFile::Estimated), Some(usual)) = (file.hosts, &file.usual) {
        let message = "hosts are estimated from the control, and `usual` says there is none";
        let help = "leave out `usual`, or `hosts`";
        found.add(FaultKind::NoControl, usual.place, message.into(), help);
    }
    let Some(signals) = &file.signals else { return };
    if signals.value.is_empty() {
        let message = "`signals` names none, so nothing is judged".into();
        let help = "name a signal, or leave out `signals` for the columns `errors`, `errors_*` \
                    and `slow_*`";
        found.add(FaultKind::NeverFails, signals.place, message, help);
    }
    for signal in &signals.value {
        one_signal(found, signal, signals.place, file.usual.is_some());
    }
}

/// Where every error ratio is tolerable, or the smallest effect is more errors than requests.
fn nothing_fails(found: &mut Found, file: &SequentialFile) {
    let (allowed, help) = ("below 100 %", "lower `tolerable`");
    let tolerable = file.tolerable.as_ref();
    let is_some = |tolerable: Ppm| tolerable < Ppm::ONE;
    found.limit(
        FaultKind::NeverFails,
        tolerable,
        "`tolerable`",
        (allowed, help),
        is_some,
    );
    let effect = match &file.smallest_effect {
        Some(effect) => value(Some(effect)),
        None => Some(1.5),
    };
    if let (Some(usual), Some(effect)) = (value(file.usual.as_ref()), effect)
        && usual < Ppm::ONE
        && usual.as_f64() * effect >= 1.0
    {
        let place = file.smallest_effect.as_ref().map(|effect| effect.place);
        let place = place.or(file.usual.as_ref().map(|usual| usual.place));
        let message = "the smallest effect is more errors than requests, so nothing fails".into();
        let help = "ask for a smaller effect";
        found.add(
            FaultKind::NeverFails,
            place.unwrap_or_default(),
            message,
            help,
        );
    }
}

fn effect(found: &mut Found, scalar: Option<&Scalar<Number>>) {
    let help = "write a multiple of the usual errors, such as `1.5`";
    let (what, allowed) = ("`smallest-effect`", "more than 1 and less than 64");
    // The judge reckons in thousandths.
    let is_effect = |effect: f64| (1.001..64.0).contains(&effect);
    found.range(scalar, what, allowed, help, is_effect);
}

/// `known` is whether a usual rate stands in for the control.
fn one_signal(found: &mut Found, file: &SignalFile, list: Place, known: bool) {
    match file {
        SignalFile::Count(file) => {
            effect(found, file.smallest_effect.as_ref());
            let both = matches!(file.worse, Some(WorseFile::Lower | WorseFile::Either));
            if known && both {
                needs_control(found, file.column.place);
            }
        }
        SignalFile::Latency(file) => {
            effect(found, file.smallest_effect.as_ref());
            let help = "write a quantile such as `99 %`";
            let quantile = file.quantile.as_ref();
            found.range(quantile, "`quantile`", INSIDE, help, is_inside);
            if known {
                let column = file.column.as_ref().map(|column| column.place);
                let place = column.or(file.quantile.as_ref().map(|quantile| quantile.place));
                needs_control(found, place.unwrap_or(list));
            }
        }
        SignalFile::Mean(file) => {
            if known {
                needs_control(found, file.column.place);
            }
            mean(found, file);
        }
    }
}

fn needs_control(found: &mut Found, place: Place) {
    let message = "this is compared with a control, and `usual` says there is none".into();
    let help = "leave out `usual`, or this signal";
    found.add(FaultKind::NoControl, place, message, help);
}

fn mean(found: &mut Found, file: &MeanFile) {
    let read = || {
        Some(MeanPolicy {
            low: or_zero(file.low.as_ref())?,
            high: value(Some(&file.high))?,
            worse: Worse::Higher,
            effect: value(Some(&file.effect))?,
            tolerable: or_zero(file.tolerable.as_ref())?,
        })
    };
    if let Some(policy) = read()
        && let Err(error) = policy.check()
    {
        let help = "change `low`, `high`, `effect` or `tolerable`";
        let place = file.column.place;
        found.add(FaultKind::OutOfRange, place, error.to_string(), help);
    }
}

/// What is left out is 0.
fn or_zero<K: Kind<Value = f64>>(scalar: Option<&Scalar<K>>) -> Option<f64> {
    scalar.map_or(Some(0.0), |scalar| value(Some(scalar)))
}

/// The most points and looks that may be asked for.
const POINTS_MAX: u32 = 10_000;
/// The largest tolerance: ten times the control's mean.
const TOLERANCE_MAX: f64 = 10.0;

fn rank(found: &mut Found, file: &RankFile) {
    let help = "write how sure a difference must be, such as `98 %`";
    let confidence = file.confidence.as_ref();
    found.range(confidence, "`confidence`", INSIDE, help, is_inside);
    let help = "write the share of the control's mean that matters, such as `0.25`";
    let (allowed, tolerance) = ("0 to 10", file.tolerance.as_ref());
    let is_some = |tolerance: f64| tolerance <= TOLERANCE_MAX;
    found.range(tolerance, "`tolerance`", allowed, help, is_some);
    if file.compatible {
        for (scalar, name) in [(&file.points, "`points`"), (&file.looks, "`looks`")] {
            let help = format!("leave out {name}: the judge in wide use does not ask");
            let allowed = "nothing beside `compatible: true`";
            found.range(scalar.as_ref(), name, allowed, &help, |_| false);
        }
    } else {
        let is_count = |count: u32| (1..=POINTS_MAX).contains(&count);
        let (allowed, points, looks) = ("1 to 10000", file.points.as_ref(), file.looks.as_ref());
        let help = "write how many points a verdict takes, such as `8`";
        found.range(points, "`points`", allowed, help, is_count);
        let help = "write how often the canary will be judged, such as `1`";
        found.range(looks, "`looks`", allowed, help, is_count);
        too_few_points(found, file);
    }
    scores(found, file);
}

/// So few points that no difference of theirs is rare enough.
fn too_few_points(found: &mut Found, file: &RankFile) {
    let confidence = match &file.confidence {
        Some(confidence) => value(Some(confidence)).filter(|share| is_inside(*share)),
        None => Some(Ppm(980_000)),
    };
    let points = file
        .points
        .as_ref()
        .map_or(Some(8), |points| value(Some(points)));
    let looks = file
        .looks
        .as_ref()
        .map_or(Some(1), |looks| value(Some(looks)));
    let (Some(confidence), Some(points), Some(looks)) = (confidence, points, looks) else {
        return;
    };
    let alpha = (1.0 - confidence.as_f64()) / f64::from(looks.max(1));
    if points == 0 || rank_nats(points) >= -alpha.ln() {
        return;
    }
    let message = format!("{points} points in each arm can never differ at this confidence");
    let needed = (1..200).find(|points| rank_nats(*points) >= -alpha.ln());
    let help = match needed {
        Some(needed) => format!("ask for at least {needed} points"),
        None => "ask for less confidence, or fewer looks".into(),
    };
    let place = file.points.as_ref().map(|points| points.place);
    let place = place.or(file.looks.as_ref().map(|looks| looks.place));
    let place = place.or(file.confidence.as_ref().map(|share| share.place));
    found.add(
        FaultKind::NeverFails,
        place.unwrap_or_default(),
        message,
        help,
    );
}

/// -ln of the smallest two-sided p of a rank test with `points` in each arm.
fn rank_nats(points: u32) -> f64 {
    let n = f64::from(points.min(POINTS_MAX));
    let ways: f64 = (1..=points.min(POINTS_MAX))
        .map(|i| ((n + f64::from(i)) / f64::from(i)).ln())
        .sum();
    ways - 2.0_f64.ln()
}

fn scores(found: &mut Found, file: &RankFile) {
    let allowed = "above 0 and at most 100";
    for (score, name) in [(&file.pass, "`pass`"), (&file.marginal, "`marginal`")] {
        let (score, never_fails) = (score.as_ref(), FaultKind::NeverFails);
        let range = (allowed, "write a score such as `95`");
        // Every score is at least 0 and at most 100.
        found.limit(never_fails, score, name, range, |score| score > 0.0);
        let never_passes = FaultKind::NeverPasses;
        found.limit(never_passes, score, name, range, |score| score <= 100.0);
    }
    let pass = file
        .pass
        .as_ref()
        .map_or(Some(95.0), |pass| value(Some(pass)));
    let marginal = file.marginal.as_ref();
    if let (Some(pass), Some(marginal_is)) = (pass, value(marginal).or(Some(75.0)))
        && marginal_is > pass
        && pass > 0.0
        && marginal_is <= 100.0
    {
        let place = marginal.or(file.pass.as_ref()).map(|scalar| scalar.place);
        let place = place.unwrap_or_default();
        let message = format!("`marginal` ({marginal_is}) is above `pass` ({pass})");
        found.add(FaultKind::Swapped, place, message, "swap the two");
    }
}

fn repeated(found: &mut Found, file: &RepeatedFile) {
    if file.at_most.is_none() && file.at_least.is_none() {
        let message = "there is no limit, so nothing fails".into();
        let place = file.metric.place;
        found.add(FaultKind::NeverFails, place, message, "add `at-most`");
    }
    let help = "write how many in a row end it, such as `5`, or leave it out for never";
    let in_row = file.consecutive_success_limit.as_ref();
    let is_some = |count: u32| count > 0;
    found.range(
        in_row,
        "`consecutive-success-limit`",
        "1 or more",
        help,
        is_some,
    );
    if let (Some(most), Some(least)) = (&file.at_most, &file.at_least)
        && let (Some(high), Some(low)) = (value(Some(most)), value(Some(least)))
        && low > high
    {
        let message = format!("`at-least` ({low}) is above `at-most` ({high})");
        found.add(FaultKind::Swapped, least.place, message, "swap the two");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_p_of_a_rank_test_is_that_of_one_order() {
        assert!((rank_nats(4) - 35.0_f64.ln()).abs() < 1e-9);
    }
}
