//! Moments that come at a rate which follows the clock.

use firedrill_core::Micros;

use crate::random::{Draws, poisson};

use super::Window;
use super::dice::{Ask, Dice};

pub(super) const HOUR: Micros = Micros::from_hours(1);

/// Offers the moments of a Poisson process of `most` an hour, hour by hour, with the number of
/// each in its hour. The caller keeps each with the probability of its own rate over `most`, by a
/// draw of its own: what is kept is a Poisson process of that rate (P. A. W. Lewis, G. S. Shedler,
/// Nav. Res. Logist. Q. 26, 1979).
///
/// `asks` name the draws of how many and of when.
pub(super) fn each_moment(
    draws: &mut Draws,
    window: &Window,
    most: f64,
    asks: (Ask, Ask),
    mut offer: impl FnMut(&mut Dice<'_>, u64, Micros),
) {
    let (how_many, when) = asks;
    for hour in 0..window.length.0.div_ceil(HOUR.0) {
        let mut dice = Dice::new(draws, hour);
        let count = poisson(dice.uniform(how_many, 0), most);
        for index in 0..count {
            let into = dice.uniform(when, index) * HOUR.0 as f64;
            let at = Micros(hour * HOUR.0 + into as u64);
            if at < window.length {
                offer(&mut dice, index, at);
            }
        }
    }
}
