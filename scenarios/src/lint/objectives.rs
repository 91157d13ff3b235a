//! Rules for the burn-rate alerts of a scenario's objectives.

use firedrill_core::Micros;
use firedrill_sim::expect::length;
use firedrill_sim::spec::Scenario;

use crate::file::{BurnRuleFile, ScenarioFile, SloFile, UrgencyFile};
use crate::scalar::{Duration, Kind, Number, Percent, Scalar};

use super::Report;

pub(super) fn lint(report: &mut Report<'_>, file: &ScenarioFile, scenario: &Scenario) {
    for slo in file.slos.iter().flatten() {
        one(report, slo, scenario);
    }
}

/// The loader has read all values.
fn value<K: Kind>(scalar: &Scalar<K>) -> K::Value {
    K::parse(&scalar.text).unwrap_or(K::PLACEHOLDER)
}

fn one(report: &mut Report<'_>, slo: &SloFile, scenario: &Scenario) {
    let Some(rules) = &slo.rules else { return };
    let name = &slo.name.text;
    if rules.is_empty() {
        let message = format!("objective `{name}` has no rules, so nobody ever hears of it");
        let help = "leave `rules` out for the four standard ones, or write one";
        report.warning("lint::no-rules", slo.name.place, message, help);
    }
    for (index, rule) in rules.iter().enumerate() {
        too_fast(report, slo, rule);
        too_long(report, slo, rule);
        too_short(report, rule, scenario);
        if rules[..index].iter().any(|before| is_same(before, rule)) {
            let message = format!("objective `{name}` has this rule twice, and it tells all twice");
            let help = "remove one of the two";
            report.warning("lint::counted-twice", rule.factor.place, message, help);
        }
    }
}

/// With nothing but errors, a budget burns at one by the share that may be bad.
fn too_fast(report: &mut Report<'_>, slo: &SloFile, rule: &BurnRuleFile) {
    let budget = 1.0 - value::<Percent>(&slo.objective).as_f64();
    let factor = value::<Number>(&rule.factor);
    if factor * budget <= 1.0 + 1e-9 {
        return;
    }
    let message = format!(
        "a rule of objective `{}` never fires: with nothing but errors its budget burns at {:.0}, \
         and `{factor}` is asked for",
        slo.name.text,
        1.0 / budget
    );
    let help = "ask for a lower `factor`, such as `14.4` over 1h";
    report.error("lint::never-fires", rule.factor.place, message, help);
}

fn too_long(report: &mut Report<'_>, slo: &SloFile, rule: &BurnRuleFile) {
    let (long, period) = (value(&rule.long), value::<Duration>(&slo.period));
    if long <= period {
        return;
    }
    let message = format!(
        "the long window of {} reaches beyond the period of {} over which `{}` is promised",
        length(long),
        length(period),
        slo.name.text
    );
    let help = "make `long` a part of the period, such as `3d` of 30d";
    report.warning("lint::beyond-period", rule.long.place, message, help);
}

/// A window in which there is no measurement has no burn rate. The newest measurement is as old as
/// it took to arrive.
fn too_short(report: &mut Report<'_>, rule: &BurnRuleFile, scenario: &Scenario) {
    let short: Micros = value(&rule.short);
    let every = scenario.telemetry.scrape_every.max(scenario.step);
    if short >= every {
        return;
    }
    let message = format!(
        "a rule never fires for certain: measurements come every {}, and its short window of {} \
         may hold none",
        length(every),
        length(short)
    );
    let help = "make `short` several times as long as the scrape interval, such as a twelfth of \
                `long`";
    report.error("lint::never-fires", rule.short.place, message, help);
}

fn is_same(a: &BurnRuleFile, b: &BurnRuleFile) -> bool {
    let pages = |rule: &BurnRuleFile| matches!(rule.urgency, UrgencyFile::Page);
    let figures = |rule: &BurnRuleFile| {
        let windows: (Micros, Micros) = (value(&rule.long), value(&rule.short));
        (
            windows,
            value::<Number>(&rule.factor).to_bits(),
            pages(rule),
        )
    };
    figures(a) == figures(b)
}
