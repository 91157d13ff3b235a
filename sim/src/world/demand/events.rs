//! What happens to demand by script. A step feels an event by the share of the step that it
//! covers, so the requests that it adds do not depend on how long a step is.

use firedrill_core::Micros;

use crate::spec::{DemandEvent, FlashCrowd, Region, RegionFailover};

/// A step: from when to when.
type Span = (Micros, Micros);

/// The mean factor that flash crowds put on the demand of a class in a region over a step.
pub(super) fn crowd_factor(events: &[DemandEvent], span: Span, region: usize, class: usize) -> f64 {
    let factor = |event: &DemandEvent| match event {
        DemandEvent::FlashCrowd(crowd) => {
            let here =
                crowd.regions.is_empty() || crowd.regions.iter().any(|hit| hit.index() == region);
            let this =
                crowd.classes.is_empty() || crowd.classes.iter().any(|hit| hit.index() == class);
            if here && this {
                1.0 + (crowd.factor - 1.0) * height(crowd, span)
            } else {
                1.0
            }
        }
        DemandEvent::RegionFailover(_) => 1.0,
    };
    events.iter().map(factor).product()
}

/// The mean height over a step of a trapezoid of height one: up along the ramp, level, down.
fn height(crowd: &FlashCrowd, (from, to): Span) -> f64 {
    let (begin, end) = (crowd.at, crowd.at + crowd.duration);
    if to <= begin || from >= end || to <= from {
        return 0.0;
    }
    let ramp = crowd.ramp.as_secs_f64();
    // The area under the rising edge up to a time after the begin. The falling edge is its
    // mirror image, so the area of the trapezoid is the difference of two rising edges.
    let edge = |since: f64| {
        let since = since.max(0.0);
        if since < ramp {
            0.5 * since * since / ramp
        } else {
            since - 0.5 * ramp
        }
    };
    let fall = end.as_secs_f64() - ramp;
    let area = |at: Micros| {
        let at = at.min(end).as_secs_f64();
        edge(at - begin.as_secs_f64()) - edge(at - fall)
    };
    ((area(to) - area(from)) / (to - from).as_secs_f64()).clamp(0.0, 1.0)
}

/// Moves the users of regions that are left to others. `levels` holds demand by region, each
/// relative to the region's weight.
pub(super) fn fail_over(
    events: &[DemandEvent],
    span: Span,
    regions: &[Region],
    levels: &mut [f64],
) {
    let home = levels.to_vec();
    for (from, level) in home.iter().enumerate() {
        let Some((failover, share)) = left(events, span, from) else {
            continue;
        };
        let takes_over = |to: &usize| {
            let named = failover.to.is_empty() || failover.to.iter().any(|id| id.index() == *to);
            named && *to != from && left(events, span, *to).is_none()
        };
        let targets: Vec<usize> = (0..levels.len()).filter(takes_over).collect();
        let weight: f64 = targets.iter().map(|to| regions[*to].weight).sum();
        if weight <= 0.0 {
            continue; // nowhere to go: they stay
        }
        let moved = level * share;
        levels[from] -= moved;
        for to in targets {
            levels[to] += moved * regions[from].weight / weight;
        }
    }
}

/// The failover by which the users of a region leave it over a step, and the share of the step
/// that it covers.
fn left(events: &[DemandEvent], span: Span, region: usize) -> Option<(&RegionFailover, f64)> {
    events.iter().find_map(|event| match event {
        DemandEvent::RegionFailover(failover) if failover.from.index() == region => {
            let share = covered(failover, span);
            (share > 0.0).then_some((failover, share))
        }
        DemandEvent::FlashCrowd(_) | DemandEvent::RegionFailover(_) => None,
    })
}

/// The share of a step that a failover covers.
fn covered(failover: &RegionFailover, (from, to): Span) -> f64 {
    let begin = from.max(failover.at);
    let end = to.min(failover.at + failover.duration);
    (end - begin).as_secs_f64() / (to - from).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use firedrill_core::ids::{ClassId, RegionId};

    use super::*;

    const fn s(seconds: u64) -> Micros {
        Micros::from_secs(seconds)
    }

    fn crowd(at: u64, duration: u64, ramp: u64) -> FlashCrowd {
        FlashCrowd {
            at: s(at),
            duration: s(duration),
            ramp: s(ramp),
            factor: 3.0,
            regions: vec![RegionId(1)],
            classes: vec![ClassId(0), ClassId(2)],
        }
    }

    #[test]
    fn a_flash_crowd_begins_and_ends_on_time() {
        for (ramp, span, expected) in [
            (0, (0, 100), 1.0),
            (0, (90, 100), 1.0),
            (0, (100, 110), 3.0),
            (0, (95, 105), 2.0),
            (0, (190, 200), 3.0),
            (0, (200, 210), 1.0),
            (0, (0, 400), 1.5),
            (20, (90, 100), 1.0),
            (20, (100, 110), 1.5),
            (20, (110, 120), 2.5),
            (20, (120, 180), 3.0),
            (20, (180, 190), 2.5),
            (20, (190, 200), 1.5),
            (20, (200, 210), 1.0),
            (50, (100, 200), 2.0),
        ] {
            let events = [DemandEvent::FlashCrowd(crowd(100, 100, ramp))];
            let span = (s(span.0), s(span.1));
            let found = crowd_factor(&events, span, 1, 2);
            assert!((found - expected).abs() < 1e-9, "{ramp} {span:?}: {found}");
        }
    }

    /// The requests that an event adds are the same however time is cut into steps.
    #[test]
    fn the_length_of_a_step_does_not_matter() {
        let events = [DemandEvent::FlashCrowd(crowd(103, 217, 41))];
        let added = |length: u64| -> f64 {
            let steps = (0..400 / length).map(|step| (s(step * length), s((step + 1) * length)));
            steps
                .map(|span| (crowd_factor(&events, span, 1, 0) - 1.0) * length as f64)
                .sum()
        };
        for length in [1, 4, 10, 50, 400] {
            assert!((added(length) - 2.0 * (217.0 - 41.0)).abs() < 1e-6);
        }
    }

    #[test]
    fn others_do_not_feel_it() {
        let events = [DemandEvent::FlashCrowd(crowd(100, 100, 0))];
        let span = (s(120), s(130));
        assert!((crowd_factor(&events, span, 0, 0) - 1.0).abs() < 1e-12);
        assert!((crowd_factor(&events, span, 1, 1) - 1.0).abs() < 1e-12);
        let mut twice = events.to_vec();
        twice.extend(events);
        assert!((crowd_factor(&twice, span, 1, 0) - 9.0).abs() < 1e-12);
    }

    fn regions() -> Vec<Region> {
        let region = |weight| Region {
            name: "r".into(),
            utc_offset_s: 0,
            cells: 1,
            hardware: vec![],
            weight,
        };
        [3.0, 2.0, 1.0].map(region).to_vec()
    }

    fn failover(from: u16, to: &[u16]) -> DemandEvent {
        DemandEvent::RegionFailover(RegionFailover {
            at: s(100),
            duration: s(100),
            from: RegionId(from),
            to: to.iter().map(|id| RegionId(*id)).collect(),
        })
    }

    #[track_caller]
    fn check(events: &[DemandEvent], span: (u64, u64), expected: [f64; 3]) {
        let mut levels = [1.0, 1.0, 2.0];
        fail_over(events, (s(span.0), s(span.1)), &regions(), &mut levels);
        for (found, expected) in levels.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{span:?}: {levels:?}");
        }
    }

    /// Demand is neither made nor lost: the levels times the weights add up to 7 throughout.
    #[test]
    fn users_of_a_region_that_is_left_go_to_the_others() {
        let all = [failover(0, &[])];
        check(&all, (90, 100), [1.0, 1.0, 2.0]);
        check(&all, (100, 110), [0.0, 2.0, 3.0]);
        check(&all, (190, 200), [0.0, 2.0, 3.0]);
        check(&all, (195, 205), [0.5, 1.5, 2.5]);
        check(&all, (200, 210), [1.0, 1.0, 2.0]);
        check(&[failover(0, &[1])], (100, 110), [0.0, 2.5, 2.0]);
    }

    #[test]
    fn a_region_that_is_left_takes_nothing_over() {
        let two = [failover(0, &[]), failover(1, &[])];
        check(&two, (100, 110), [0.0, 0.0, 7.0]);
        let everywhere = [failover(0, &[]), failover(1, &[]), failover(2, &[])];
        check(&everywhere, (100, 110), [1.0, 1.0, 2.0]);
    }
}
