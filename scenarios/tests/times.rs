//! The times of the catalogue's outages, with the people of the default model, beside those of
//! public post-mortems: what is alike is checked, what is not is printed and told in the docs.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use firedrill_core::Micros;
use firedrill_scenarios::{catalogue, load_embedded};
use firedrill_sim::engine::run;
use firedrill_sim::measure::{Anchor, measure};
use firedrill_sim::spec::Responders;

/// Median and 90th percentile in minutes over 72 change-caused outages with public post-mortems.
const PUBLISHED: [(&str, [f64; 2]); 3] = [
    ("first impact to detected", [3.0, 16.0]),
    ("detected to rollback started", [25.0, 69.0]),
    ("rollback started to mitigated", [18.0, 93.0]),
];

/// Seeds of each scenario.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

/// The three times of an outage, in minutes; absent where the run ended first.
fn times(name: &str, seed: u64) -> Option<[Option<f64>; 3]> {
    let mut scenario = load_embedded(name).expect("it loads").scenario;
    let model = || Box::new(Responders::default());
    scenario.on_call.model.get_or_insert_with(model);
    let measures = measure(&run(&scenario, seed));
    let mins = |from: Option<Anchor>, to: Option<Anchor>| {
        let time: Micros = to?.at - from?.at;
        Some(time.as_secs_f64() / 60.0)
    };
    let anchors = &measures.anchors;
    measures.slo_breached.then(|| {
        [
            mins(anchors.harm_started, anchors.first_signal),
            mins(anchors.first_signal, anchors.rollback_started),
            mins(anchors.rollback_started, anchors.slo_restored),
        ]
    })
}

#[test]
fn people_begin_to_roll_back_as_late_as_in_public_outages() {
    let outages: Vec<_> = catalogue()
        .iter()
        .flat_map(|entry| SEEDS.filter_map(|seed| times(entry.name, seed)))
        .collect();
    assert!(outages.len() >= 60, "{} outages", outages.len());
    for (index, (what, published)) in PUBLISHED.iter().enumerate() {
        let mut minutes: Vec<f64> = outages.iter().filter_map(|times| times[index]).collect();
        minutes.sort_by(f64::total_cmp);
        let ours = [minutes[minutes.len() / 2], minutes[minutes.len() * 9 / 10]];
        println!(
            "{what}: {:.1} and {:.1} min in {} outages, published {} and {}",
            ours[0],
            ours[1],
            minutes.len(),
            published[0],
            published[1]
        );
        // How fast an outage is seen and how fast config travels is the world's, not people's.
        if index == 1 {
            for (ours, published) in ours.iter().zip(published) {
                let ratio = ours / published;
                assert!((1.0 / 1.5..=1.5).contains(&ratio), "{what}: {ratio}");
            }
        }
    }
}
