//! A mix of defects: what may be wrong with a change, how often, and from how mild to how bad.
//!
//! A change that has a mix gets one defect of it for each seed. Shares and counts are drawn
//! evenly between their ends, factors and times evenly on a logarithmic scale: from 1 minute to
//! 1 hour, as many last below 8 minutes as above. What is drawn has three digits, so that its
//! record reads well and can be written down again.

use firedrill_core::{Micros, Ppm};
use serde::{Deserialize, Serialize};

use super::{Defect, Mechanism, Onset, Trigger};

/// A named mix of defects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefectMix {
    /// Its name.
    pub name: String,
    /// Where its shares and ranges come from, in a sentence or two.
    pub basis: String,
    /// What may be drawn; at least one.
    pub parts: Vec<MixPart>,
}

/// One way in which a change may be wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixPart {
    /// The kind of mistake that it counts as: results are told by it.
    pub kind: String,
    /// How often it is drawn, compared with the other parts; above 0.
    pub weight: f64,
    /// The defect with every range at its low end.
    pub low: Defect,
    /// The defect with every range at its high end; equal to `low` where nothing is a range.
    pub high: Defect,
}

/// A defect that was drawn for a run: a plain record, from which the run could be made again
/// without its mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrawnDefect {
    /// The change that carries it: its place among the changes of the scenario, from 0.
    pub change: u32,
    /// The mix.
    pub mix: String,
    /// The kind of mistake.
    pub kind: String,
    /// The defect.
    pub defect: Defect,
}

/// Where between its two ends each side of a defect is drawn; each in `0..1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Between {
    /// How bad it is.
    pub(crate) magnitude: f64,
    /// When it begins.
    pub(crate) onset: f64,
    /// What it takes.
    pub(crate) trigger: f64,
}

impl DefectMix {
    /// The share of seeds that draw a part of this weight, in `0..=1`.
    #[must_use]
    pub fn share(&self, weight: f64) -> f64 {
        weight / self.parts.iter().map(|part| part.weight).sum::<f64>()
    }

    /// The part on which a uniform draw from `0..1` falls.
    ///
    /// # Panics
    /// When the mix is empty, which [`super::Scenario::check`] refuses.
    pub(crate) fn part(&self, uniform: f64) -> &MixPart {
        let mut below = 0.0;
        let found = self.parts.iter().find(|part| {
            below += self.share(part.weight);
            uniform < below
        });
        // The shares may add up to a little less than 1.
        let last = self.parts.last().expect("a mix has a part");
        found.unwrap_or(last)
    }
}

impl MixPart {
    /// The defect at these places of its ranges.
    pub(crate) fn at(&self, between: Between) -> Defect {
        let triggers = self.low.triggers.iter().zip(&self.high.triggers);
        Defect {
            story: self.low.story.clone(),
            mechanism: mechanism_at(&self.low.mechanism, &self.high.mechanism, between.magnitude),
            log_lines: self.low.log_lines,
            onset: onset_at(self.low.onset, self.high.onset, between.onset),
            triggers: triggers
                .map(|(low, high)| trigger_at(low, high, between.trigger))
                .collect(),
        }
    }

    /// What of its two ends does not fit together; nothing when they are one defect in a range.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        use std::mem::discriminant;
        let (low, high) = (&self.low, &self.high);
        let same_target = low.mechanism.class() == high.mechanism.class()
            && low.mechanism.victim() == high.mechanism.victim();
        let mut triggers = low.triggers.iter().zip(&high.triggers);
        if discriminant(&low.mechanism) != discriminant(&high.mechanism) || !same_target {
            return Some("its two ends are not the same mechanism");
        }
        if discriminant(&low.onset) != discriminant(&high.onset) {
            return Some("its two ends do not begin in the same way");
        }
        let same = |(low, high): (&Trigger, &Trigger)| match (low, high) {
            (Trigger::LoadAbove(_), Trigger::LoadAbove(_)) => true,
            (low, high) => low == high,
        };
        if low.triggers.len() != high.triggers.len() || !triggers.all(same) {
            return Some("its two ends do not have the same triggers");
        }
        if !self.is_upright() {
            return Some("its range is upside down");
        }
        None
    }

    /// Whether no range ends below where it begins.
    fn is_upright(&self) -> bool {
        let sizes = |defect: &Defect| {
            let mut sizes = sizes_of(&defect.mechanism);
            sizes.push(match defect.onset {
                Onset::AtLoad => 0.0,
                Onset::Delayed(time) | Onset::Ramp(time) | Onset::NextRestart(time) => {
                    time.as_secs_f64()
                }
            });
            sizes.extend(defect.triggers.iter().map(|trigger| match trigger {
                Trigger::LoadAbove(load) => *load,
                Trigger::LocalTime { .. }
                | Trigger::Regions(_)
                | Trigger::Hardware(_)
                | Trigger::Key { .. } => 0.0,
            }));
            sizes
        };
        let (low, high) = (sizes(&self.low), sizes(&self.high));
        low.len() == high.len() && low.iter().zip(&high).all(|(low, high)| low <= high)
    }
}

/// Every number of a mechanism that may be a range; times in seconds.
fn sizes_of(mechanism: &Mechanism) -> Vec<f64> {
    match *mechanism {
        Mechanism::Errors { share, .. }
        | Mechanism::WrongData { share, .. }
        | Mechanism::CrashOnLoad { share }
        | Mechanism::AccessLoss { share } => vec![share],
        Mechanism::Latency { factor }
        | Mechanism::CpuBurn { factor }
        | Mechanism::QuotaExhaustion { factor, .. } => vec![factor],
        Mechanism::MemoryLeak { fills_after } => vec![fills_after.as_secs_f64()],
        Mechanism::RetryStorm {
            attempts, timeout, ..
        } => {
            let timeout = timeout.map(Micros::as_secs_f64);
            timeout.into_iter().chain([f64::from(attempts)]).collect()
        }
        Mechanism::CacheStorm { factor, refill, .. } => vec![factor, refill.as_secs_f64()],
        Mechanism::ToolingPoison {
            scrapes_lost,
            distribution_factor,
        } => vec![scrapes_lost, distribution_factor],
    }
}

fn mechanism_at(low: &Mechanism, high: &Mechanism, at: f64) -> Mechanism {
    let mut drawn = *low;
    match (&mut drawn, high) {
        (Mechanism::Errors { share, .. }, Mechanism::Errors { share: high, .. })
        | (Mechanism::WrongData { share, .. }, Mechanism::WrongData { share: high, .. })
        | (Mechanism::CrashOnLoad { share }, Mechanism::CrashOnLoad { share: high })
        | (Mechanism::AccessLoss { share }, Mechanism::AccessLoss { share: high }) => {
            *share = share_at(*share, *high, at);
        }
        (Mechanism::Latency { factor }, Mechanism::Latency { factor: high })
        | (Mechanism::CpuBurn { factor }, Mechanism::CpuBurn { factor: high })
        | (
            Mechanism::QuotaExhaustion { factor, .. },
            Mechanism::QuotaExhaustion { factor: high, .. },
        ) => *factor = factor_at(*factor, *high, at),
        (Mechanism::MemoryLeak { fills_after }, Mechanism::MemoryLeak { fills_after: high }) => {
            *fills_after = time_at(*fills_after, *high, at);
        }
        (
            Mechanism::RetryStorm {
                attempts, timeout, ..
            },
            Mechanism::RetryStorm {
                attempts: most,
                timeout: high,
                ..
            },
        ) => {
            *attempts = count_at(*attempts, *most, at);
            let ends = timeout.zip(*high);
            *timeout = ends.map(|(low, high)| time_at(low, high, at));
        }
        (
            Mechanism::CacheStorm { factor, refill, .. },
            Mechanism::CacheStorm {
                factor: most,
                refill: longest,
                ..
            },
        ) => {
            *factor = factor_at(*factor, *most, at);
            *refill = time_at(*refill, *longest, at);
        }
        (
            Mechanism::ToolingPoison {
                scrapes_lost,
                distribution_factor,
            },
            Mechanism::ToolingPoison {
                scrapes_lost: most,
                distribution_factor: slowest,
            },
        ) => {
            *scrapes_lost = share_at(*scrapes_lost, *most, at);
            *distribution_factor = factor_at(*distribution_factor, *slowest, at);
        }
        (low, high) => unreachable!("{low:?} and {high:?} are not ends of one range"),
    }
    drawn
}

fn onset_at(low: Onset, high: Onset, at: f64) -> Onset {
    match (low, high) {
        (Onset::Delayed(low), Onset::Delayed(high)) => Onset::Delayed(time_at(low, high, at)),
        (Onset::Ramp(low), Onset::Ramp(high)) => Onset::Ramp(time_at(low, high, at)),
        (Onset::NextRestart(low), Onset::NextRestart(high)) => {
            Onset::NextRestart(time_at(low, high, at))
        }
        (low, _) => low,
    }
}

fn trigger_at(low: &Trigger, high: &Trigger, at: f64) -> Trigger {
    match (low, high) {
        (Trigger::LoadAbove(low), Trigger::LoadAbove(high)) => {
            Trigger::LoadAbove(share_at(*low, *high, at))
        }
        (low, _) => low.clone(),
    }
}

/// Evenly; in parts per million, as shares are written.
fn share_at(low: f64, high: f64, at: f64) -> f64 {
    if low == high {
        return low;
    }
    let drawn = three_digits(low + (high - low) * at).clamp(low, high);
    Ppm::from_f64(drawn).as_f64()
}

/// Evenly, every whole number as often as any other.
fn count_at(low: u32, high: u32, at: f64) -> u32 {
    let numbers = f64::from(high - low) + 1.0;
    (low + (numbers * at) as u32).min(high)
}

/// Evenly on a logarithmic scale.
fn factor_at(low: f64, high: f64, at: f64) -> f64 {
    if low == high {
        return low;
    }
    let (from, to) = (libm::log(low), libm::log(high));
    three_digits(libm::exp(from + (to - from) * at)).clamp(low, high)
}

fn time_at(low: Micros, high: Micros, at: f64) -> Micros {
    if low == high {
        return low;
    }
    let drawn = factor_at(low.0 as f64, high.0 as f64, at);
    Micros(libm::round(drawn) as u64)
}

/// A number above 0, rounded to its first three digits.
fn three_digits(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    // Powers of ten below 10^22 are exact, so that the quotient is the nearest number there is.
    let power = |exponent: i32| (0..exponent).fold(1.0, |power, _| power * 10.0);
    let places = 2 - libm::floor(libm::log10(number)) as i32;
    if places >= 0 {
        libm::round(number * power(places)) / power(places)
    } else {
        libm::round(number / power(-places)) * power(-places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(weight: f64, low: Mechanism, high: Mechanism) -> MixPart {
        let defect = |mechanism| Defect {
            story: String::new(),
            mechanism,
            log_lines: 0.0,
            onset: Onset::AtLoad,
            triggers: Vec::new(),
        };
        MixPart {
            kind: "any".into(),
            weight,
            low: defect(low),
            high: defect(high),
        }
    }

    fn at(magnitude: f64) -> Between {
        Between {
            magnitude,
            onset: 0.5,
            trigger: 0.5,
        }
    }

    #[test]
    fn parts_have_their_shares() {
        let errors = Mechanism::CrashOnLoad { share: 0.5 };
        let mix = DefectMix {
            name: "m".into(),
            basis: String::new(),
            parts: [42.0, 36.0, 22.0]
                .map(|weight| part(weight, errors, errors))
                .into(),
        };
        let drawn = |uniform| mix.part(uniform).weight;
        assert_eq!(
            [0.0, 0.41, 0.43, 0.77, 0.79].map(drawn),
            [42.0, 42.0, 36.0, 36.0, 22.0]
        );
        // The last part takes what is lost to rounding.
        assert_eq!(drawn(1.0 - f64::EPSILON / 2.0), 22.0);
    }

    #[test]
    fn shares_are_drawn_evenly_and_factors_by_their_logarithm() {
        let errors = |share| Mechanism::Errors { class: None, share };
        let half = part(1.0, errors(0.02), errors(0.4)).at(at(0.5));
        assert_eq!(half.mechanism, errors(0.21));
        let latency = |factor| Mechanism::Latency { factor };
        let half = part(1.0, latency(1.0), latency(100.0)).at(at(0.5));
        assert_eq!(half.mechanism, latency(10.0));
        let leak = |minutes| Mechanism::MemoryLeak {
            fills_after: Micros::from_mins(minutes),
        };
        let third = part(1.0, leak(1), leak(60)).at(at(1.0 / 3.0));
        let fills_after = Micros::from_secs(235); // 60 × ∛60
        assert_eq!(third.mechanism, Mechanism::MemoryLeak { fills_after });
    }

    #[test]
    fn what_is_no_range_stays_as_it_is() {
        let exact = Mechanism::Latency { factor: 1.234_567 };
        assert_eq!(part(1.0, exact, exact).at(at(0.7)).mechanism, exact);
    }

    #[test]
    fn counts_are_whole_and_reach_both_ends() {
        let counts: Vec<u32> = (0..6).map(|n| count_at(2, 4, f64::from(n) / 6.0)).collect();
        assert_eq!(counts, [2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn three_digits_are_kept() {
        let numbers = [0.173_82, 1.0, 9.999, 12_345.0, 0.000_123_4, 0.0];
        let kept = [0.174, 1.0, 10.0, 12_300.0, 0.000_123, 0.0];
        assert_eq!(numbers.map(three_digits), kept);
    }
}
