//! Charts of a run, laid out: numbers become coordinates and words here, and the HTML template
//! turns them into inline SVG with the page's own colours, so that they follow light and dark.
//!
//! Key moments stand as labelled vertical lines in every chart. Colour is never the only
//! carrier: lines differ in dash and weight, and every one is named.

mod marks;
mod scale;

use firedrill_core::ids::SloId;
use firedrill_core::{Micros, Ppm};
use firedrill_sim::log::{Sample, SloName};
use serde::Serialize;

use crate::postmortem::facts::Facts;
use crate::words;

use marks::Mark;
use scale::{Unit, XScale, YScale};

/// Everything is laid out on a canvas of this width; the page scales it.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
/// Room for the label of a moment near the end.
const RIGHT: f64 = 116.0;
const LEGEND: f64 = 30.0;
const PLOT: f64 = 190.0;
const BOTTOM: f64 = 40.0;

/// A chart, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Chart {
    id: &'static str,
    title: String,
    /// The chart in words, for those who do not see it.
    desc: String,
    caption: String,
    width: String,
    height: String,
    left: String,
    right: String,
    top: String,
    bottom: String,
    y_ticks: Vec<Tick>,
    x_ticks: Vec<Tick>,
    legend: Vec<LegendItem>,
    lines: Vec<Line>,
    limit: Option<Tick>,
    marks: Vec<Mark>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Tick {
    at: String,
    label: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct LegendItem {
    class: &'static str,
    from: String,
    to: String,
    text_at: String,
    label: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Line {
    class: &'static str,
    path: String,
    /// The area below, closed at the axis; empty when there is none.
    area: String,
}

/// What a chart shows before it is laid out.
struct Plan {
    id: &'static str,
    title: String,
    caption: String,
    unit: Unit,
    series: Vec<Series>,
    limit: Option<(u64, String)>,
}

struct Series {
    class: &'static str,
    label: String,
    filled: bool,
    /// Moments with values; none where there is nothing to show.
    points: Vec<(Micros, Option<u64>)>,
}

/// The charts of a run.
pub(crate) fn charts(facts: &Facts<'_>) -> Vec<Chart> {
    if facts.samples.is_empty() {
        return Vec::new();
    }
    let plans = [exposure(facts), harm(facts), latency(facts)];
    plans
        .into_iter()
        .flatten()
        .map(|plan| lay_out(facts, plan))
        .collect()
}

/// A series of one number per sample, flat over its interval: nothing is drawn between two
/// samples that neither of them says.
fn series(facts: &Facts<'_>, pick: impl Fn(&Sample) -> Option<u64>) -> Vec<(Micros, Option<u64>)> {
    let flat = |(seq, sample): &(u64, &Sample)| {
        let end = facts.event(*seq).map_or(sample.from_us, |event| event.t_us);
        let value = pick(sample);
        [(sample.from_us, value), (end, value)]
    };
    facts.samples.iter().flat_map(flat).collect()
}

fn exposure(facts: &Facts<'_>) -> Option<Plan> {
    let rollout = facts.measures().rollout?;
    let service = facts.service_of(facts.change.as_ref()?.config)?;
    let at_end = |pick: fn(&firedrill_sim::log::ExposureSample) -> u32| {
        let point = |(seq, sample): &(u64, &Sample)| {
            let at = facts.event(*seq).map_or(sample.from_us, |event| event.t_us);
            let own = sample.exposure.iter().find(|own| own.rollout == rollout);
            let share = own.map_or(Ppm::ZERO, |own| {
                Ppm::of(u64::from(pick(own)), u64::from(own.instances))
            });
            (at, Some(u64::from(share.0)))
        };
        hold(facts.samples.iter().map(point).collect())
    };
    Some(Plan {
        id: "exposure",
        title: format!("Exposure of `{}`", facts.service_name(service)),
        caption: "Share of the service's instances that run the change, and that ever ran it."
            .into(),
        unit: Unit::Share,
        series: vec![
            Series {
                class: "second",
                label: "ever ran the change".into(),
                filled: false,
                points: at_end(|own| own.ever),
            },
            Series {
                class: "first",
                label: "run the change".into(),
                filled: true,
                points: at_end(|own| own.running),
            },
        ],
        limit: None,
    })
}

/// A series of one number per moment, held until the next.
fn hold(points: Vec<(Micros, Option<u64>)>) -> Vec<(Micros, Option<u64>)> {
    let next = points.iter().skip(1).map(|(at, _)| *at);
    let next: Vec<Micros> = next.chain(points.last().map(|(at, _)| *at)).collect();
    let held = points.into_iter().zip(next);
    held.flat_map(|((at, value), next)| [(at, value), (next, value)])
        .collect()
}

/// The objective that matters most: the one with the largest share of its budget burned; of
/// equals, one of the service that runs the change.
fn worst_objective<'a>(facts: &Facts<'a>) -> Option<(SloId, &'a SloName)> {
    let names = &facts.log.header().names.slos;
    let service = facts
        .change
        .as_ref()
        .and_then(|change| facts.service_of(change.config));
    let weight = |budget: &&firedrill_sim::measure::BudgetBurn| {
        let own = names.get(budget.slo.index()).map(|slo| slo.service) == service;
        (budget.burned, own, std::cmp::Reverse(budget.slo))
    };
    let worst = facts.measures().budget.iter().max_by_key(weight)?;
    names.get(worst.slo.index()).map(|slo| (worst.slo, slo))
}

fn harm(facts: &Facts<'_>) -> Option<Plan> {
    let all = Series {
        class: "second",
        label: "failed, of all user requests".into(),
        filled: false,
        points: series(facts, |sample| {
            (sample.requests > 0).then(|| u64::from(Ppm::of(sample.failed, sample.requests).0))
        }),
    };
    let mut shown = vec![all];
    let mut limit = None;
    let mut caption = "Share of all user requests that failed, for whatever reason".to_owned();
    if facts.measures().defective {
        shown.push(Series {
            class: "third",
            label: "harmed, of all user requests".into(),
            filled: false,
            points: series(facts, |sample| {
                (sample.requests > 0).then(|| u64::from(Ppm::of(sample.harmed, sample.requests).0))
            }),
        });
        caption += ", and that the defect harmed";
    }
    if let Some((slo, name)) = worst_objective(facts) {
        let bad = series(facts, |sample| {
            let own = sample.slos.iter().find(|own| own.slo == slo)?;
            (own.requests > 0).then(|| u64::from(Ppm::of(own.bad, own.requests).0))
        });
        shown.push(Series {
            class: "harm",
            label: format!("bad, as objective {} counts", name.name),
            filled: true,
            points: bad,
        });
        let budget = Ppm::ONE.0.saturating_sub(name.objective.0);
        limit = Some((u64::from(budget), format!("allowed: {}", Ppm(budget))));
        caption += &format!(
            "; share of bad requests among those that objective `{}` counts, and what it allows",
            name.name
        );
    }
    Some(Plan {
        id: "harm",
        title: "Bad user requests".into(),
        caption: caption + ".",
        unit: Unit::Share,
        series: shown,
        limit,
    })
}

fn latency(facts: &Facts<'_>) -> Option<Plan> {
    let service = facts.service_of(facts.change.as_ref()?.config)?;
    let pick = |pick: fn(&firedrill_sim::log::ServiceSample) -> u64| {
        series(facts, |sample| {
            let own = sample
                .services
                .iter()
                .find(|own| own.service.0 == service)?;
            (own.requests > 0).then(|| pick(own))
        })
    };
    let name = facts.service_name(service);
    let promised = facts.log.header().names.slos.iter().find_map(|slo| {
        let threshold = slo.threshold_us.filter(|_| slo.service == service)?;
        Some((threshold, format!("limit: {}", Unit::Time.label(threshold))))
    });
    Some(Plan {
        id: "latency",
        title: format!("Latency of `{name}`"),
        caption: format!(
            "Median and 99th percentile of the latency of requests that `{name}` answers."
        ),
        unit: Unit::Time,
        series: vec![
            Series {
                class: "second",
                label: "median".into(),
                filled: false,
                points: pick(|own| own.p50_us),
            },
            Series {
                class: "first",
                label: "99th percentile".into(),
                filled: false,
                points: pick(|own| own.p99_us),
            },
        ],
        limit: promised,
    })
}

fn lay_out(facts: &Facts<'_>, plan: Plan) -> Chart {
    let right = WIDTH - RIGHT;
    let shown = shown_until(facts);
    let x = XScale::new(shown, facts.clock, LEFT, right);
    let (marks, lanes) = marks::lay_out(facts, &x, LEGEND);
    let top = LEGEND + lanes + 6.0;
    let bottom = top + PLOT;
    let mut plan = plan;
    for series in &mut plan.series {
        series.points.retain(|(at, _)| *at <= shown);
    }
    let values = plan.series.iter().flat_map(|series| &series.points);
    let max = values.filter_map(|(_, value)| *value).max().unwrap_or(0);
    // A limit far above everything would press the lines to the floor.
    let limit = plan
        .limit
        .as_ref()
        .filter(|(limit, _)| *limit <= max.saturating_mul(4) || max == 0);
    let y = YScale::new(
        max.max(limit.map_or(0, |(limit, _)| *limit)),
        plan.unit,
        top,
        bottom,
    );
    Chart {
        id: plan.id,
        desc: describe(facts, &plan, shown, limit.is_some()),
        title: plan.title.replace('`', ""),
        caption: caption(facts, &plan, shown, limit.is_some()),
        width: px(WIDTH),
        height: px(bottom + BOTTOM),
        left: px(LEFT),
        right: px(right),
        top: px(top),
        bottom: px(bottom),
        y_ticks: y.ticks(),
        x_ticks: x.ticks(),
        legend: legend(&plan.series),
        lines: plan
            .series
            .iter()
            .map(|series| line(series, &x, &y, bottom))
            .collect(),
        limit: limit.map(|(limit, label)| Tick {
            at: px(y.at(*limit)),
            label: label.clone(),
        }),
        marks,
    }
}

/// The moment up to which charts go: some way past the last key moment.
fn shown_until(facts: &Facts<'_>) -> Micros {
    let duration = facts.log.header().duration;
    let last = marks::last(facts).unwrap_or(duration);
    let step = Micros::from_mins(5).0;
    let until = (last.0 + last.0 / 6).div_ceil(step).saturating_mul(step);
    Micros(until).min(duration)
}

fn caption(facts: &Facts<'_>, plan: &Plan, shown: Micros, limited: bool) -> String {
    let duration = facts.log.header().duration;
    let mut text = plan.caption.clone();
    if let (Some((_, label)), false) = (&plan.limit, limited) {
        text += &format!(" Far above what is shown: {label}.");
    }
    if shown < duration {
        text += &format!(
            " Shown up to {}; the run goes on until {}.",
            facts.clock.utc_minutes(shown),
            facts.clock.utc_minutes(duration)
        );
    }
    text
}

/// A coordinate, to a tenth of a pixel.
fn px(x: f64) -> String {
    format!("{x:.1}")
}

/// How wide a text of this size is, roughly; a little too wide rather than too narrow.
fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.6
}

fn legend(series: &[Series]) -> Vec<LegendItem> {
    let mut at = LEFT;
    let mut items = Vec::new();
    for series in series.iter().rev() {
        items.push(LegendItem {
            class: series.class,
            from: px(at),
            to: px(at + 26.0),
            text_at: px(at + 32.0),
            label: series.label.clone(),
        });
        at += 32.0 + text_width(&series.label) + 22.0;
    }
    items
}

fn line(series: &Series, x: &XScale, y: &YScale, floor: f64) -> Line {
    let mut path = String::new();
    let mut area = String::new();
    let mut run: Vec<(f64, f64)> = Vec::new();
    let mut close = |run: &mut Vec<(f64, f64)>| {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return;
        };
        let points: Vec<String> = run.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let points = points.join("L");
        path += &format!("M{points}");
        if series.filled {
            area += &format!(
                "M{:.1} {floor:.1}L{points}L{:.1} {floor:.1}Z",
                first.0, last.0
            );
        }
        run.clear();
    };
    for (at, value) in &series.points {
        match value {
            Some(value) => extend(&mut run, (x.at(*at), y.at(*value))),
            None => close(&mut run),
        }
    }
    close(&mut run);
    Line {
        class: series.class,
        path,
        area,
    }
}

/// Adds a point to a line; the middle of three on one level adds nothing.
fn extend(run: &mut Vec<(f64, f64)>, point: (f64, f64)) {
    let level = |other: &(f64, f64)| (other.1 - point.1).abs() < 0.05;
    if let [.., before, last] = run.as_mut_slice()
        && level(before)
        && level(last)
    {
        last.0 = point.0;
    } else {
        run.push(point);
    }
}

/// The chart in words.
fn describe(facts: &Facts<'_>, plan: &Plan, shown: Micros, limited: bool) -> String {
    let mut text = format!(
        "Line chart over {} from {} UTC.",
        words::time(shown),
        facts.clock.utc_minutes(Micros::ZERO)
    );
    for series in plan.series.iter().rev() {
        let values = || {
            let some = |(at, value): &(Micros, Option<u64>)| value.map(|value| (*at, value));
            series.points.iter().filter_map(some)
        };
        let highest = values().reduce(|best, next| if next.1 > best.1 { next } else { best });
        if let (Some((at, highest)), Some((_, last))) = (highest, values().next_back()) {
            text += &format!(
                " {}: at most {} at {}, {} at the end.",
                words::sentence(&series.label),
                plan.unit.label(highest),
                facts.clock.utc_minutes(at),
                plan.unit.label(last)
            );
        }
    }
    if let (Some((_, label)), true) = (&plan.limit, limited) {
        text += &format!(" Limit line, {label}.");
    }
    text + &marks::describe(facts)
}
