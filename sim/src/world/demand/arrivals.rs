//! Requests of a step: what is expected of it, and counting noise around that.

use firedrill_core::Micros;

use crate::random::{Draws, Entity, gamma, poisson};
use crate::spec::{Demand, Fleet};

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

/// Requests of a step, by cell, class and audience.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    counts: Vec<u64>,
    classes: usize,
    drifts: Drifts,
    /// By class, then region: demand relative to the mean of the day.
    levels: Vec<Vec<f64>>,
}

impl Arrivals {
    pub(crate) fn new(fleet: &Fleet, cells: usize) -> Self {
        let (regions, classes) = (fleet.regions.len(), fleet.classes.len());
        Self {
            counts: vec![0; cells * classes * AUDIENCES],
            classes,
            drifts: Drifts::new(regions),
            levels: vec![vec![1.0; regions]; classes],
        }
    }

    /// Draws the requests of the step that starts at `now`.
    pub(crate) fn draw(
        &mut self,
        draws: &mut Streams,
        step: (u64, Micros, Micros),
        fleet: &Fleet,
        demand: &Demand,
        cells: &[Cell],
    ) {
        let (number, now, length) = step;
        if let Some(drift) = &demand.drift {
            let draws = draws.get(Purpose::DemandDrift);
            self.drifts.advance(draws, number, length, drift);
        }
        self.expect((now, now + length), fleet, demand);
        let [arrivals, bursts] = draws.pair(Purpose::Arrivals, Purpose::Bursts);
        for (cell_index, cell) in cells.iter().enumerate() {
            for (class_index, class) in fleet.classes.iter().enumerate() {
                let level = self.levels[class_index][cell.region.index()];
                let here = cell.demand_share * level * length.as_secs_f64();
                let slot = cell_index * self.classes + class_index;
                let mean = class.per_second * here * burst(bursts, number, slot, demand);
                let shares = [1.0 - class.employee_share, class.employee_share];
                for (audience, share) in shares.into_iter().enumerate() {
                    let slot = slot * AUDIENCES + audience;
                    let u = arrivals.uniform(number, Entity::new(slot as u64));
                    self.counts[slot] = poisson(u, mean * share);
                }
            }
        }
    }

    pub(crate) fn get(&self, cell: usize, class: usize, audience: usize) -> u64 {
        self.counts[(cell * self.classes + class) * AUDIENCES + audience]
    }

    /// Works out what is expected of a step: the curves at its start, events over its length.
    fn expect(&mut self, span: (Micros, Micros), fleet: &Fleet, demand: &Demand) {
        let clock = |(index, region): (usize, &crate::spec::Region)| {
            let day = curve::day(demand, span.0, region.utc_offset_s);
            let week = demand.weekly.as_ref().map_or(1.0, |weekly| {
                curve::week(weekly, demand.start, span.0, region.utc_offset_s)
            });
            let drift = demand.drift.as_ref();
            day * week * drift.map_or(1.0, |drift| self.drifts.factor(index, drift))
        };
        let clocks: Vec<f64> = fleet.regions.iter().enumerate().map(clock).collect();
        for (class, levels) in self.levels.iter_mut().enumerate() {
            for (region, level) in levels.iter_mut().enumerate() {
                let crowd = events::crowd_factor(&demand.events, span, region, class);
                *level = clocks[region] * crowd;
            }
            events::fail_over(&demand.events, span, &fleet.regions, levels);
        }
    }
}

/// The factor that makes the requests of a class in a cell and step negative binomial: Poisson
/// around a gamma-distributed rate of mean one and variance φ (M. Greenwood & G. U. Yule,
/// J. R. Stat. Soc. 83, 1920).
fn burst(draws: &mut Draws, step: u64, slot: usize, demand: &Demand) -> f64 {
    let phi = demand.overdispersion;
    if phi <= 0.0 {
        return 1.0;
    }
    gamma(draws.uniform(step, Entity::new(slot as u64)), 1.0 / phi) * phi
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
        let cells = [Cell {
            region: RegionId(0),
            demand_share: 1.0,
        }];
        let mut arrivals = Arrivals::new(&fleet, cells.len());
        let length = Micros::from_secs(1);
        let count = |step: u64| {
            let at = Micros(length.0 * step);
            arrivals.draw(&mut draws, (step, at, length), &fleet, demand, &cells);
            arrivals.get(0, 0, PUBLIC) as f64
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
