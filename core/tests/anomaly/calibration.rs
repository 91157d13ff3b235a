//! What a score means: how often usual points reach it.

use crate::series::{KINDS, Kind, scores};

const POINTS: usize = 12_000;
const SEEDS: u64 = 20;

/// `q`, and the factors between which the share of points at `1 - q` or more lies, in `q`.
/// Expected at the rarest: one point of a kind.
const BOUNDS: [(f64, f64, f64); 5] = [
    (0.1, 0.8, 1.2),
    (0.01, 0.7, 1.5),
    (1e-3, 0.4, 2.0),
    (1e-4, 0.0, 5.0),
    (1e-5, 0.0, 12.0),
];
/// Of the lower factors where few values are possible: ties count as at least as odd.
const TIES: f64 = 0.4;

/// The share of points whose score is `1 - q` or more, in units of `q`. The first points, with
/// little past, count as well.
fn ratios(kind: Kind) -> Vec<f64> {
    let series = (0..SEEDS).map(|seed| kind.series(seed, POINTS));
    let all: Vec<f64> = series.flat_map(|series| scores(&series)).collect();
    let of = |(q, _, _): &(f64, f64, f64)| {
        let reached = all.iter().filter(|nats| **nats >= -q.ln()).count();
        reached as f64 / all.len() as f64 / q
    };
    BOUNDS.iter().map(of).collect()
}

#[test]
fn usual_points_score_high_as_seldom_as_they_should() {
    let mut wrong = String::new();
    for kind in KINDS {
        let ratios = ratios(kind);
        let ties = if kind == Kind::RareTicks { TIES } else { 1.0 };
        let kept = BOUNDS.iter().zip(&ratios);
        if !kept
            .clone()
            .all(|((_, low, high), ratio)| (ties * low..=*high).contains(ratio))
        {
            wrong += &format!("{kind:?}: {ratios:.3?}\n");
        }
    }
    assert!(wrong.is_empty(), "shares in units of q:\n{wrong}");
}
