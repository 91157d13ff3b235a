//! Policies of `firedrill judge`: what each judge cannot be asked for.

use firedrill_core::health::sequential::{MeanPolicy, Worse};
use firedrill_core::{Micros, Ppm};

use crate::offline::policy::{HostsFile, PolicyFile, RankFile, RepeatedFile, SequentialFile};
use crate::offline::signals::{MeanFile, SignalFile, WorseFile};
use crate::place::Place;
use crate::scalar::{Kind, Number, Scalar};

use super::{Fault, FaultKind, Found, Teller, value};

/// What a policy may not ask for.
pub(crate) fn of_policy(file: &PolicyFile, teller: Teller) -> Vec<Fault> {
    let mut found = Found::new("this policy".into());
    match file {
        PolicyFile::Sequential(file) => sequential(&mut found, file),
        PolicyFile::Rank(file) => rank(&mut found, file, teller),
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
    found.range(alpha, "`false-alarms`", INSIDE, help, is_inside);
    let help = "write how seldom a canary with the smallest effect may pass, such as `5 %`";
    found.range(file.misses.as_ref(), "`misses`", INSIDE, help, is_inside);
    effect(found, file.smallest_effect.as_ref());
    let help = "write the error ratio that is usual, such as `0.1 %`, or leave it to the control";
    found.range(file.usual.as_ref(), "`usual`", INSIDE, help, is_inside);
    let help = "write how long the canary is watched, such as `10m`";
    let is_some = |time: Micros| time > Micros::ZERO;
    found.range(file.bake.as_ref(), "`bake`", "more than 0s", help, is_some);
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

fn rank(found: &mut Found, file: &RankFile, teller: Teller) {
    let help = "write how sure a difference must be, such as `98 %`";
    let confidence = file.confidence.as_ref();
    found.range(confidence, "`confidence`", INSIDE, help, is_inside);
    if !file.compatible {
        let help = "write how many points a verdict takes, such as `8`";
        let points = file.points.as_ref();
        found.range(points, "`points`", "1 or more", help, |points| points > 0);
        let help = "write how often the canary will be judged, such as `1`";
        let looks = file.looks.as_ref();
        found.range(looks, "`looks`", "1 or more", help, |looks| looks > 0);
    }
    // The judge in wide use takes any scores; lint tells what they come to.
    if !file.compatible || teller == Teller::Lint {
        scores(found, file, teller);
    }
}

fn scores(found: &mut Found, file: &RankFile, teller: Teller) {
    let allowed = "above 0 and at most 100";
    for (score, name) in [(&file.pass, "`pass`"), (&file.marginal, "`marginal`")] {
        let (score, never_fails) = (score.as_ref(), FaultKind::NeverFails);
        let range = (allowed, "write a score such as `95`");
        // Every score is at least 0 and at most 100. That nothing fails may be meant.
        if teller == Teller::Lint {
            found.limit(never_fails, score, name, range, |score| score > 0.0);
        }
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
    if let (Some(most), Some(least)) = (&file.at_most, &file.at_least)
        && let (Some(high), Some(low)) = (value(Some(most)), value(Some(least)))
        && low > high
    {
        let message = format!("`at-least` ({low}) is above `at-most` ({high})");
        found.add(FaultKind::Swapped, least.place, message, "swap the two");
    }
}
