//! What it cost: figures, error budgets, what users saw.

use firedrill_core::health::Indicator;
use firedrill_core::ids::{RegionId, SloId};
use firedrill_core::{Micros, Ppm};
use firedrill_sim::log::{Sample, WorldEvent};
use firedrill_sim::measure::BudgetBurn;

use crate::words;

use super::defect;
use super::facts::Facts;
use super::model::{Budget, Figure, Impact, Source};

/// The impact section.
pub(super) fn write(facts: &Facts<'_>) -> Impact {
    let budgets = facts.measures().budget.iter();
    Impact {
        figures: figures(facts),
        budgets: budgets.map(|budget| burned(facts, budget)).collect(),
        experience: experience(facts),
    }
}

/// When an objective was breached because of the defect.
#[derive(Default)]
pub(crate) struct Breach {
    /// Begin and end: moment and event. An open one has no end.
    pub(crate) spans: Vec<BreachSpan>,
}

/// One breach.
#[derive(Clone, Copy)]
pub(crate) struct BreachSpan {
    begin: (Micros, u64),
    end: Option<(Micros, u64)>,
}

impl Breach {
    /// How long, in all; an open breach lasts until the run ends.
    pub(crate) fn total(&self, run_end: Micros) -> Micros {
        let length = |span: &BreachSpan| span.end.map_or(run_end, |end| end.0) - span.begin.0;
        self.spans
            .iter()
            .map(length)
            .fold(Micros::ZERO, |sum, length| sum + length)
    }

    /// How much of the breaches falls into `spans`, which do not overlap.
    pub(crate) fn overlap(&self, spans: &[(Micros, Micros)], run_end: Micros) -> Micros {
        let mut sum = Micros::ZERO;
        for breach in &self.spans {
            let end = breach.end.map_or(run_end, |end| end.0);
            for (from, to) in spans {
                let from = breach.begin.0.max(*from);
                sum = sum + end.min(*to).max(from) - from;
            }
        }
        sum
    }

    /// The events that begin and end them.
    pub(crate) fn events(&self) -> Vec<u64> {
        let ends = |span: &BreachSpan| [Some(span.begin.1), span.end.map(|end| end.1)];
        self.spans.iter().flat_map(ends).flatten().collect()
    }
}

/// The breaches of an objective.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events breach nothing"
)]
pub(crate) fn breaches(facts: &Facts<'_>, slo: SloId) -> Breach {
    let mut breach = Breach::default();
    for (event, world) in facts.world() {
        match world {
            WorldEvent::SloBreached { slo: own, .. } if *own == slo => {
                breach.spans.push(BreachSpan {
                    begin: (event.t_us, event.seq),
                    end: None,
                });
            }
            WorldEvent::SloRestored { slo: own, since } if *own == slo => {
                if let Some(open) = breach.spans.last_mut() {
                    open.end.get_or_insert((*since, event.seq));
                }
            }
            _ => {}
        }
    }
    breach
}

fn count(key: &str, name: &str, value: u64, definition: &str, source: Source) -> Figure {
    Figure {
        key: key.into(),
        name: name.into(),
        value,
        unit: "count".into(),
        text: words::count(value),
        definition: definition.into(),
        source,
    }
}

fn figures(facts: &Facts<'_>) -> Vec<Figure> {
    let measures = facts.measures();
    let sampled = || facts.sampled();
    let harm = Source::anchors([facts.anchors().harm_started, facts.anchors().harm_ended]);
    let mut figures = vec![count(
        "requests",
        "User requests in the run",
        measures.requests,
        "Requests of users that ended while the run lasted.",
        sampled(),
    )];
    if measures.defective {
        figures.push(Figure {
            text: format!(
                "{} ({} of all)",
                words::count(measures.requests_harmed),
                words::share(Ppm::of(measures.requests_harmed, measures.requests))
            ),
            ..count(
                "requests-harmed",
                "User requests harmed",
                measures.requests_harmed,
                "Requests that failed, were slow or were answered wrongly because of the defect.",
                sampled(),
            )
        });
    }
    figures.push(count(
        "requests-failed",
        "User requests failed",
        measures.requests_failed,
        "Requests that failed for whatever reason, the usual background included.",
        sampled(),
    ));
    if measures.defective {
        figures.push(Figure {
            unit: "ppm".into(),
            text: words::share(measures.blast_radius),
            ..count(
                "blast-radius",
                "Blast radius",
                u64::from(measures.blast_radius.0),
                "Share of user requests harmed between the first and the last harmed one.",
                Source {
                    samples: sampled().samples,
                    ..harm
                },
            )
        });
    }
    figures.push(exposure(facts));
    figures.extend(regions(facts));
    figures.push(count(
        "pages",
        "Pages sent",
        u64::from(measures.pages),
        "Times somebody was called.",
        Source::anchors([facts.anchors().paged]),
    ));
    figures
}

fn exposure(facts: &Facts<'_>) -> Figure {
    let measures = facts.measures();
    Figure {
        unit: "ppm".into(),
        text: format!(
            "{} ({})",
            words::share(measures.exposure),
            words::counted(u64::from(measures.instances_exposed), "instance")
        ),
        ..count(
            "exposure",
            "Exposure",
            u64::from(measures.exposure.0),
            "Share of the service's instances that ever ran the change.",
            facts.sampled(),
        )
    }
}

/// Regions in which the defect was active.
fn regions(facts: &Facts<'_>) -> Option<Figure> {
    let mut first: std::collections::BTreeMap<RegionId, u64> = std::collections::BTreeMap::new();
    for (event, world) in facts.world() {
        if let WorldEvent::DefectActive {
            rollout, region, ..
        } = world
            && Some(*rollout) == facts.measures().rollout
        {
            first.entry(*region).or_insert(event.seq);
        }
    }
    let names: Vec<String> = first
        .keys()
        .map(|region| format!("`{}`", facts.region(*region)))
        .collect();
    (!names.is_empty()).then(|| Figure {
        text: format!(
            "{} of {}: {}",
            names.len(),
            facts.log.header().names.regions.len(),
            words::list(&names)
        ),
        ..count(
            "regions",
            "Regions reached",
            names.len() as u64,
            "Regions in which at least one instance ran the defective version.",
            Source::events(first.values().copied()),
        )
    })
}

fn burned(facts: &Facts<'_>, budget: &BudgetBurn) -> Budget {
    let slo = facts.log.header().names.slos.get(budget.slo.index());
    let breach = breaches(facts, budget.slo);
    let total = breach.total(facts.log.header().duration);
    Budget {
        slo: budget.name.clone(),
        promise: slo.map_or_else(String::new, |slo| promise(facts, budget.slo, slo)),
        requests: budget.requests,
        harmed: budget.harmed,
        burned_ppm: budget.burned.0,
        peak_burn_milli: slo.map_or(0, |slo| peak_burn(facts, budget.slo, slo.objective)),
        breached_us: total.0,
        breached: if breach.spans.is_empty() {
            "not breached".into()
        } else {
            words::time(total)
        },
        source: Source {
            samples: facts.sampled().samples,
            ..Source::events(breach.events())
        },
    }
}

fn promise(facts: &Facts<'_>, id: SloId, slo: &firedrill_sim::log::SloName) -> String {
    let spec = facts.scenario.slos.get(id.index());
    let (class, good) = match spec.map(|spec| spec.slo.indicator) {
        Some(Indicator::Errors { class, .. }) => (class, "without error"),
        Some(Indicator::Business { class, .. }) => (class, "without error and rightly"),
        Some(Indicator::Slow { .. }) | None => (None, "without error"),
    };
    let class = class.map_or_else(String::new, |class| format!("`{}` ", facts.class(class)));
    let service = facts.service_name(slo.service);
    let days = slo.period.0 / Micros::from_hours(24).0;
    let good = slo
        .threshold_us
        .map_or_else(|| good.to_owned(), |us| format!("within {} ms", us / 1_000));
    format!(
        "{} of {class}requests at `{service}` {good}, over {}",
        slo.objective,
        words::counted(days, "day")
    )
}

/// The fastest burn over one sampling interval, in thousandths.
pub(crate) fn peak_burn(facts: &Facts<'_>, slo: SloId, objective: Ppm) -> u64 {
    let own = facts
        .samples
        .iter()
        .flat_map(|(_, sample)| &sample.slos)
        .filter(|sample| sample.slo == slo && sample.requests > 0);
    own.map(|sample| burn_milli(sample.bad, sample.requests, objective))
        .max()
        .unwrap_or(0)
}

/// How many times as fast as an objective allows its budget burns, in thousandths; nothing where
/// it allows none.
fn burn_milli(bad: u64, requests: u64, objective: Ppm) -> u64 {
    let budget = 1_000_000 - u64::from(objective.0.min(1_000_000));
    let bad = u64::from(Ppm::of(bad, requests).0);
    (bad * 1_000).checked_div(budget).unwrap_or(0)
}

/// The fastest burn over `window`, in thousandths. The time before the run counts as traffic of
/// its first moments with nothing bad in it.
pub(crate) fn peak_burn_over(facts: &Facts<'_>, slo: SloId, objective: Ppm, window: Micros) -> u64 {
    let of_slo = |(_, sample): &(u64, &Sample)| {
        let own = sample.slos.iter().find(|sample| sample.slo == slo)?;
        Some((sample.from_us, own.requests, own.bad))
    };
    let points: Vec<(Micros, u64, u64)> = facts.samples.iter().filter_map(of_slo).collect();
    let [(first, usual, _), (second, ..), ..] = points[..] else {
        return 0;
    };
    let interval = (second - first).0.max(1);
    let (mut oldest, mut requests, mut bad, mut peak) = (0, 0, 0, 0);
    for &(at, more, more_bad) in &points {
        requests += more;
        bad += more_bad;
        while points[oldest].0 + window <= at {
            requests -= points[oldest].1;
            bad -= points[oldest].2;
            oldest += 1;
        }
        let before = window.0.saturating_sub(at.0 + interval) / interval;
        let all = requests.saturating_add(before.saturating_mul(usual));
        peak = peak.max(burn_milli(bad, all, objective));
    }
    peak
}

/// How bad the most burned objective got over one sampling interval.
pub(crate) fn worst_moment(facts: &Facts<'_>) -> Option<String> {
    let budgets = facts.measures().budget.iter();
    let budget = budgets
        .max_by_key(|budget| (budget.burned, std::cmp::Reverse(budget.slo)))
        .filter(|budget| budget.harmed > 0)?;
    let own = facts.samples.iter().flat_map(|(_, sample)| &sample.slos);
    let worst = own
        .filter(|sample| sample.slo == budget.slo)
        .map(|sample| Ppm::of(sample.bad, sample.requests))
        .max()?;
    Some(format!(
        "At the worst moment, {} of the requests that objective `{}` counts were bad.",
        words::share(worst),
        budget.name
    ))
}

/// What users saw.
fn experience(facts: &Facts<'_>) -> Option<String> {
    if !facts.measures().harmed {
        return None;
    }
    let what = defect::tell(facts, &facts.defect()?).saw;
    let worst = worst_moment(facts).map_or_else(String::new, |worst| format!(" {worst}"));
    Some(format!("{what}.{worst}"))
}
