//! Requests that come: a day curve by local time, Poisson around it.

use firedrill_core::Micros;

use crate::random::{Draws, Entity, poisson};
use crate::spec::{Demand, Fleet};

use super::fleet::Cell;

/// Whose requests.
pub(crate) const AUDIENCES: usize = 2;
/// Everybody but employees.
pub(crate) const PUBLIC: usize = 0;
/// Employees.
pub(crate) const EMPLOYEES: usize = 1;

const DAY_S: f64 = 86_400.0;

/// The factor by which demand differs from its daily mean at a local time: a cosine around the
/// peak.
pub(crate) fn day_curve(demand: &Demand, now: Micros, utc_offset_s: i64) -> f64 {
    let local_s = (demand.start + now).as_secs_f64() + utc_offset_s as f64;
    let phase = (local_s - demand.peak.as_secs_f64()) / DAY_S * std::f64::consts::TAU;
    1.0 + demand.swing * libm::cos(phase)
}

/// Requests of a step, by cell, class and audience.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    counts: Vec<u64>,
    classes: usize,
}

impl Arrivals {
    pub(crate) fn new(cells: usize, classes: usize) -> Self {
        Self {
            counts: vec![0; cells * classes * AUDIENCES],
            classes,
        }
    }

    /// Draws the requests of the step that starts at `now`.
    pub(crate) fn draw(
        &mut self,
        draws: &mut Draws,
        step: (u64, Micros, Micros),
        fleet: &Fleet,
        demand: &Demand,
        cells: &[Cell],
    ) {
        let (number, now, length) = step;
        let curves: Vec<f64> = fleet
            .regions
            .iter()
            .map(|region| day_curve(demand, now, region.utc_offset_s))
            .collect();
        for (cell_index, cell) in cells.iter().enumerate() {
            let here = cell.demand_share * curves[cell.region.index()] * length.as_secs_f64();
            for (class_index, class) in fleet.classes.iter().enumerate() {
                let mean = class.per_second * here;
                let shares = [1.0 - class.employee_share, class.employee_share];
                for (audience, share) in shares.into_iter().enumerate() {
                    let slot = (cell_index * self.classes + class_index) * AUDIENCES + audience;
                    let u = draws.uniform(number, Entity::new(slot as u64));
                    self.counts[slot] = poisson(u, mean * share);
                }
            }
        }
    }

    pub(crate) fn get(&self, cell: usize, class: usize, audience: usize) -> u64 {
        self.counts[(cell * self.classes + class) * AUDIENCES + audience]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_curve_peaks_at_local_peak_time() {
        let demand = Demand {
            start: Micros::from_hours(14),
            swing: 0.4,
            peak: Micros::from_hours(20),
        };
        let at =
            |hours, offset_h: i64| day_curve(&demand, Micros::from_hours(hours), offset_h * 3_600);
        assert!((at(6, 0) - 1.4).abs() < 1e-9);
        assert!(
            (at(11, -5) - 1.4).abs() < 1e-9,
            "five hours later five hours west"
        );
        assert!((at(18, 0) - 0.6).abs() < 1e-9);
        assert!((at(0, 0) - 1.0).abs() < 1e-9);
    }
}
