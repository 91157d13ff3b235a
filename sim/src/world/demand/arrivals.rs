//! Requests of a step: what is expected of it, and counting noise around that.

use firedrill_core::Micros;

use crate::random::{Draws, Entity, binomial, gamma, poisson};
use crate::spec::{Demand, Fleet};

use super::super::actions::Drains;
use super::super::fleet::Cell;
use super::super::{Purpose, Streams};
use super::drift::Drifts;
use super::{curve, events};

/// Whose requests.
pub(crate) const AUDIENCES: usize = 2;
/// Everybody but employees.
pub(crate) const PUBLIC: usize = 0;
/// Employees.
pub(crate) const EMPLOYEES: usize = 1;

/// Requests of a step in one cell, by class and audience.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    /// By class: those of the cell at hand.
    counts: Vec<[u64; AUDIENCES]>,
    drifts: Drifts,
    /// The step at hand.
    step: u64,
    /// By class, then region: requests of the step that are expected of the whole fleet, if all
    /// of it had the level of the region.
    expected: Vec<Vec<f64>>,
}

impl Arrivals {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        let (regions, classes) = (fleet.regions.len(), fleet.classes.len());
        Self {
            counts: vec![[0; AUDIENCES]; classes],
            drifts: Drifts::new(regions),
            step: 0,
            expected: vec![vec![0.0; regions]; classes],
        }
    }

    /// Begins the step of the given number, start and length.
    pub(crate) fn begin(
        &mut self,
        draws: &mut Streams,
        step: (u64, Micros, Micros),
        fleet: &Fleet,
        demand: &Demand,
        drains: &Drains,
    ) {
        let (number, now, length) = step;
        self.step = number;
        if let Some(drift) = &demand.drift {
            let draws = draws.get(Purpose::DemandDrift);
            self.drifts.advance(draws, number, length, drift);
        }
        self.expect((now, now + length), fleet, demand, drains);
    }

    /// Draws the requests that come to a cell. Each is an employee's with the same probability
    /// whatever else is so, so who they are is drawn from their number, and only where it
    /// matters: elsewhere all count as the public's.
    pub(crate) fn draw(
        &mut self,
        draws: &mut Streams,
        (number, cell): (usize, &Cell),
        fleet: &Fleet,
        demand: &Demand,
        employees_apart: bool,
    ) {
        let classes = fleet.classes.iter().zip(&self.expected).enumerate();
        for ((index, (class, expected)), counts) in classes.zip(&mut self.counts) {
            let entity = Entity::new((number * fleet.classes.len() + index) as u64);
            let bursts = draws.get(Purpose::Bursts);
            let mean = expected[cell.region.index()] * cell.demand_share;
            let mean = mean * burst(bursts, self.step, entity, demand);
            let u = draws.get(Purpose::Arrivals).uniform(self.step, entity);
            let all = poisson(u, mean);
            let employees = if employees_apart {
                let u = draws.get(Purpose::Employees).uniform(self.step, entity);
                binomial(u, all, class.employee_share)
            } else {
                0
            };
            counts[PUBLIC] = all - employees;
            counts[EMPLOYEES] = employees;
        }
    }

    /// Requests of a class in the cell at hand.
    pub(crate) fn get(&self, class: usize, audience: usize) -> u64 {
        self.counts[class][audience]
    }

    /// Works out what is expected of a step: the curves at its start, events over its length.
    fn expect(&mut self, span: (Micros, Micros), fleet: &Fleet, demand: &Demand, drains: &Drains) {
        let clock = |(index, region): (usize, &crate::spec::Region)| {
            let day = curve::day(demand, span.0, region.utc_offset_s);
            let week = demand.weekly.as_ref().map_or(1.0, |weekly| {
                curve::week(weekly, demand.start, span.0, region.utc_offset_s)
            });
            let drift = demand.drift.as_ref();
            day * week * drift.map_or(1.0, |drift| self.drifts.factor(index, drift))
        };
        let clocks: Vec<f64> = fleet.regions.iter().enumerate().map(clock).collect();
        let length_s = (span.1 - span.0).as_secs_f64();
        for (class, levels) in self.expected.iter_mut().enumerate() {
            for (region, level) in levels.iter_mut().enumerate() {
                let crowd = events::crowd_factor(&demand.events, span, region, class);
                *level = clocks[region] * crowd;
            }
            events::fail_over(&demand.events, span, &fleet.regions, levels);
            drains.move_users(&fleet.regions, levels);
            let per_step = fleet.classes[class].per_second * length_s;
            for level in levels {
                *level *= per_step;
            }
        }
    }
}

/// The factor that makes the requests of a class in a cell and step negative binomial: Poisson
/// around a gamma-distributed rate of mean one and variance φ (M. Greenwood & G. U. Yule,
/// J. R. Stat. Soc. 83, 1920).
fn burst(draws: &mut Draws, step: u64, entity: Entity, demand: &Demand) -> f64 {
    let phi = demand.overdispersion;
    if phi <= 0.0 {
        return 1.0;
    }
    gamma(draws.uniform(step, entity), 1.0 / phi) * phi
}

#[cfg(test)]
mod tests {
    use firedrill_core::ids::RegionId;

    use crate::spec::{Region, RequestClass};
    use crate::world::STREAMS;

    use super::*;

    fn fleet() -> Fleet {
        Fleet {
            regions: vec![Region {
                name: "north".into(),
                utc_offset_s: 0,
                cells: 1,
                hardware: vec![],
                weight: 1.0,
            }],
            services: vec![],
            edges: vec![],
            classes: vec![RequestClass {
                name: "login".into(),
                path: vec![],
                per_second: 20.0,
                employee_share: 0.0,
            }],
        }
    }

    fn counts(demand: &Demand, steps: u64) -> Vec<f64> {
        let mut draws = Streams::new(&STREAMS, 3, None);
        let fleet = fleet();
        let cell = Cell {
            region: RegionId(0),
            demand_share: 1.0,
        };
        let mut arrivals = Arrivals::new(&fleet);
        let length = Micros::from_secs(1);
        let count = |step: u64| {
            let at = Micros(length.0 * step);
            let drains = Drains::default();
            arrivals.begin(&mut draws, (step, at, length), &fleet, demand, &drains);
            arrivals.draw(&mut draws, (0, &cell), &fleet, demand, false);
            arrivals.get(0, PUBLIC) as f64
        };
        (0..steps).map(count).collect()
    }

    /// Counts have mean λ and variance λ + φλ². The limits are four standard errors: of the mean,
    /// √(variance/n); of the variance, √((μ₄ − variance²)/n), with the fourth central moment
    /// μ₄ = variance·(1 + 3·variance·(1 + 2φ) … ) bounded by that of a gamma of the same variance
    /// and the Poisson's part: 3·variance² + variance²·(6φ + 4/λ).
    #[test]
    fn overdispersed_counts_are_negative_binomial() {
        let (n, mean) = (40_000_u64, 20.0);
        for phi in [0.0, 0.01, 0.1, 0.5, 2.0] {
            let demand = Demand {
                overdispersion: phi,
                ..Demand::default()
            };
            let counts = counts(&demand, n);
            let found_mean = counts.iter().sum::<f64>() / n as f64;
            let squares = counts.iter().map(|count| (count - found_mean).powi(2));
            let found_variance = squares.sum::<f64>() / (n - 1) as f64;
            let variance = mean + phi * mean * mean;
            let mean_limit = 4.0 * libm::sqrt(variance / n as f64);
            assert!(
                (found_mean - mean).abs() < mean_limit,
                "φ {phi}: mean {found_mean}"
            );
            let fourth = variance * variance * (3.0 + 6.0 * phi + 4.0 / mean);
            let variance_limit = 4.0 * libm::sqrt((fourth - variance * variance) / n as f64);
            assert!(
                (found_variance - variance).abs() < variance_limit,
                "φ {phi}: variance {found_variance} instead of {variance}"
            );
        }
    }

    /// Without overdispersion nothing is drawn for it, and what is drawn stays.
    #[test]
    fn noise_that_is_off_changes_no_count() {
        let plain = counts(&Demand::default(), 500);
        let still = Demand {
            drift: Some(crate::spec::Drift {
                sd: 0.0,
                correlation_time: Micros::from_mins(10),
            }),
            ..Demand::default()
        };
        assert_eq!(counts(&still, 500), plain);
    }
}
