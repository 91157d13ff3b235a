//! Input that no well-kept series has.

use firedrill_core::Micros;
use firedrill_core::health::anomaly::{
    AnomalyDetector, AnomalyPolicy, AnomalyPolicyError, PointStanding, Season,
};

use crate::series::{DAY, Kind, STEP};

fn detector() -> AnomalyDetector {
    AnomalyDetector::new(AnomalyPolicy::default()).expect("the default can be followed")
}

fn at(i: usize) -> Micros {
    Micros(STEP.0 * i as u64)
}

/// A detector that has seen two thousand usual points.
fn settled() -> AnomalyDetector {
    let mut detector = detector();
    for (i, value) in Kind::White.series(1, 2_000).iter().enumerate() {
        detector.observe(at(i), *value);
    }
    detector
}

#[test]
fn what_is_no_number_scores_nothing_and_teaches_nothing() {
    let (mut with, mut without) = (settled(), settled());
    for (i, value) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
        .into_iter()
        .enumerate()
    {
        let reading = with.observe(at(2_000 + i), value);
        assert_eq!(reading.standing, PointStanding::NotFinite);
        assert_eq!(reading.score, 0.0);
    }
    assert_eq!(
        with.observe(at(2_010), 55.0),
        without.observe(at(2_010), 55.0)
    );
}

#[test]
fn a_clock_going_back_is_refused_and_then_followed() {
    let mut detector = settled();
    assert_eq!(
        detector.observe(at(1_999), 50.0).standing,
        PointStanding::Again
    );
    let back: Vec<PointStanding> = (0..9)
        .map(|i| detector.observe(at(100 + i), 50.0).standing)
        .collect();
    assert_eq!(back[..7], [PointStanding::Late; 7]);
    assert_eq!(back[7..], [PointStanding::Scored; 2]);
}

#[test]
fn a_gap_is_no_anomaly() {
    let mut detector = settled();
    let reading = detector.observe(at(50_000), 50.0);
    assert!(reading.standing == PointStanding::Scored && reading.score < 0.99);
}

#[test]
fn a_constant_never_alarms_and_its_first_step_is_a_record() {
    let mut detector = detector();
    let highest = (0..3_000)
        .map(|i| detector.observe(at(i), 7.25).score)
        .fold(0.0, f64::max);
    assert_eq!(highest, 0.0);
    assert!(detector.observe(at(3_000), 7.5).score > 0.9995);
}

#[test]
fn huge_and_tiny_values_stay_finite() {
    for scale in [1e-300, 1e-9, 1e300, f64::MAX] {
        let mut detector = detector();
        for (i, value) in Kind::Heavy.series(3, 1_500).iter().enumerate() {
            let reading = detector.observe(at(i), value / 50.0 * scale);
            assert!((0.0..=1.0).contains(&reading.score), "{scale} {reading:?}");
            assert!(reading.nats.is_finite() && reading.nats >= 0.0);
        }
    }
}

#[test]
fn an_outage_teaches_little() {
    let mut detector = settled();
    for i in 0..20 {
        detector.observe(at(2_000 + i), 1e6);
    }
    let after = detector.observe(at(2_020), 50.0);
    assert!((after.expected - 50.0).abs() < 15.0, "{after:?}");
    for i in 0..200 {
        detector.observe(at(2_021 + i), 50.0 + f64::from(i as u32 % 5) - 2.0);
    }
    assert!(detector.observe(at(2_300), 1e6).score > 0.999);
}

#[test]
fn a_new_level_is_confirmed_once() {
    let mut detector = settled();
    let shifted = (0..400).filter(|i| {
        let value = 80.0 + f64::from(*i as u32 % 7) * 0.3;
        detector.observe(at(2_000 + i), value).shifted
    });
    assert_eq!(shifted.count(), 1);
    assert!((detector.observe(at(2_400), 81.0).expected - 81.0).abs() < 1.0);
}

#[test]
fn a_season_is_found_or_given() {
    let season = |season: Season| {
        let policy = AnomalyPolicy {
            season,
            ..AnomalyPolicy::default()
        };
        let mut detector = AnomalyDetector::new(policy).unwrap();
        for (i, value) in Kind::DailyCounts.series(5, 7 * DAY).iter().enumerate() {
            detector.observe(at(i), *value);
        }
        detector.season()
    };
    let day = Micros::from_hours(24);
    assert_eq!(season(Season::Find), Some(day));
    assert_eq!(season(Season::Every(day)), Some(day));
    assert_eq!(season(Season::None), None);
}

#[test]
fn nonsense_is_refused() {
    let check = |season, memory| AnomalyDetector::new(AnomalyPolicy { season, memory }).err();
    assert_eq!(
        check(Season::Every(Micros::ZERO), 1_000),
        Some(AnomalyPolicyError::SeasonIsZero)
    );
    assert_eq!(
        check(Season::Find, 3),
        Some(AnomalyPolicyError::MemoryTooShort(3))
    );
}
