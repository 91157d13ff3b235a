//! Who is on call: rotations in layers, restrictions to hours and days, overrides.
//!
//! A schedule has one person on call at a time, or nobody. A later layer hides the ones before
//! it for as long as it has somebody; an override hides all layers. Follow-the-sun is one layer a
//! site, each restricted to the site's own working hours.
//!
//! Source of these rules: PagerDuty, "Schedule Basics",
//! <https://support.pagerduty.com/docs/schedules>.
//!
//! A run counts time from its start, so a [`WeekClock`] says where in the week that start lies.
//! Zones are fixed offsets: nothing knows of summer time, since a run has no date.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::PersonId;
use crate::time::Micros;

/// The length of a day.
pub const DAY: Micros = Micros::from_hours(24);
/// The length of a week.
pub const WEEK: Micros = Micros::from_hours(7 * 24);
/// The most that a zone may be away from UTC, in seconds: every real one is within 14 hours.
pub const UTC_OFFSET_S_MAX: u32 = 14 * 3_600;
/// How many changes of the rota [`Schedule::next_change`] looks at before it says "never".
const CHANGES_MAX: u32 = 10_000;

/// Where in the week a run starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekClock {
    /// From Monday 00:00 UTC to the start of the run; less than a week.
    pub start: Micros,
}

impl WeekClock {
    /// The moment in microseconds since Monday 00:00 local time of the week in which the run
    /// starts; negative only in the hours around that midnight.
    const fn local(self, now: Micros, utc_offset_s: i32) -> i128 {
        now.0 as i128 + self.start.0 as i128 + utc_offset_s as i128 * 1_000_000
    }
}

/// A part of every day or week, by the clock of the layer's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restriction {
    /// Every day from `from`, counted from midnight, for `length`; may reach over midnight.
    Daily {
        /// Time of day; less than a day.
        from: Micros,
        /// More than nothing, at most a day.
        length: Micros,
    },
    /// Every week from `from`, counted from Monday 00:00, for `length`; may reach over Sunday.
    Weekly {
        /// Time of week; less than a week.
        from: Micros,
        /// More than nothing, at most a week.
        length: Micros,
    },
}

impl Restriction {
    /// Period, beginning in it, length.
    const fn parts(self) -> (Micros, Micros, Micros) {
        match self {
            Self::Daily { from, length } => (DAY, from, length),
            Self::Weekly { from, length } => (WEEK, from, length),
        }
    }

    const fn covers(self, local: i128) -> bool {
        let (period, from, length) = self.parts();
        (local - from.0 as i128).rem_euclid(period.0 as i128) < length.0 as i128
    }

    const fn is_valid(self) -> bool {
        let (period, from, length) = self.parts();
        from.0 < period.0 && 0 < length.0 && length.0 <= period.0
    }
}

/// A rotation: the same people in the same order, a turn each, again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Who takes turns, in this order; at least one.
    pub people: Vec<PersonId>,
    /// The length of a turn; more than nothing.
    pub turn: Micros,
    /// When a turn of the first person begins, counted from Monday 00:00 local time of the week
    /// in which the run starts. Turns reach back before it too.
    pub anchor: Micros,
    /// Local time minus UTC, in seconds.
    #[serde(default)]
    pub utc_offset_s: i32,
    /// The layer has nobody outside of these; it always has somebody when there are none.
    #[serde(default)]
    pub restrictions: Vec<Restriction>,
}

impl Layer {
    fn on_call(&self, clock: WeekClock, now: Micros) -> Option<PersonId> {
        let local = clock.local(now, self.utc_offset_s);
        let open = self.restrictions.is_empty()
            || self
                .restrictions
                .iter()
                .any(|restriction| restriction.covers(local));
        open.then(|| {
            let turn = (local - i128::from(self.anchor.0)).div_euclid(i128::from(self.turn.0));
            let people = self.people.len() as i128;
            self.people[turn.rem_euclid(people) as usize]
        })
    }

    /// The first moment after `now` at which a turn or a restriction begins or ends.
    fn next_edge(&self, clock: WeekClock, now: Micros) -> Micros {
        let local = clock.local(now, self.utc_offset_s);
        let after = |period: Micros, edge: u64| {
            let period = i128::from(period.0);
            period - (local - i128::from(edge)).rem_euclid(period)
        };
        let turn = after(self.turn, self.anchor.0);
        let edges = self.restrictions.iter().flat_map(|restriction| {
            let (period, from, length) = restriction.parts();
            [after(period, from.0), after(period, from.0 + length.0)]
        });
        let wait = edges.fold(turn, i128::min);
        now + Micros(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

/// Somebody stands in, whatever the layers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Who.
    pub person: PersonId,
    /// From this moment of the run.
    pub from: Micros,
    /// Until just before this moment of the run.
    pub until: Micros,
}

/// Who is on call when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Later ones hide earlier ones. Without any, only overrides put somebody on call.
    pub layers: Vec<Layer>,
    /// Hide all layers; a later one hides an earlier one.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

/// What is wrong with a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A layer has nobody in it.
    #[error("layer {0} has nobody in it")]
    NoPeople(u32),
    /// A layer's turns have no length.
    #[error("layer {0}: a turn must take some time")]
    NoTurn(u32),
    /// A layer's zone does not exist.
    #[error("layer {0}: no zone is that far from UTC")]
    Zone(u32),
    /// A layer's restriction begins or reaches outside of its day or week.
    #[error("layer {0}: a restriction must begin within its period and be no longer than it")]
    Restriction(u32),
    /// An override ends before it begins.
    #[error("override {0} ends before it begins")]
    Override(u32),
}

impl Schedule {
    /// Checks what serde cannot.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] names the first part that is wrong.
    pub fn check(&self) -> Result<(), ScheduleError> {
        for (index, layer) in (0_u32..).zip(&self.layers) {
            if layer.people.is_empty() {
                return Err(ScheduleError::NoPeople(index));
            }
            if layer.turn == Micros::ZERO {
                return Err(ScheduleError::NoTurn(index));
            }
            if layer.utc_offset_s.unsigned_abs() > UTC_OFFSET_S_MAX {
                return Err(ScheduleError::Zone(index));
            }
            if !layer.restrictions.iter().all(|part| part.is_valid()) {
                return Err(ScheduleError::Restriction(index));
            }
        }
        match (0_u32..)
            .zip(&self.overrides)
            .find(|(_, part)| part.until <= part.from)
        {
            Some((index, _)) => Err(ScheduleError::Override(index)),
            None => Ok(()),
        }
    }

    /// Who is on call at `now`; nobody when no override and no layer has somebody.
    ///
    /// The schedule must pass [`Schedule::check`].
    #[must_use]
    pub fn on_call(&self, clock: WeekClock, now: Micros) -> Option<PersonId> {
        let stand_in = self
            .overrides
            .iter()
            .rev()
            .find(|part| part.from <= now && now < part.until);
        match stand_in {
            Some(part) => Some(part.person),
            None => self
                .layers
                .iter()
                .rev()
                .find_map(|layer| layer.on_call(clock, now)),
        }
    }

    /// When somebody else, or nobody, is on call after `now`: the next hand-over. `None` when
    /// that never happens, or not within ten thousand turns and shifts.
    #[must_use]
    pub fn next_change(&self, clock: WeekClock, now: Micros) -> Option<Micros> {
        let present = self.on_call(clock, now);
        let mut at = now;
        for _ in 0..CHANGES_MAX {
            at = self.next_edge(clock, at)?;
            if self.on_call(clock, at) != present {
                return Some(at);
            }
        }
        None
    }

    fn next_edge(&self, clock: WeekClock, now: Micros) -> Option<Micros> {
        let layers = self.layers.iter().map(|layer| layer.next_edge(clock, now));
        let overrides = self
            .overrides
            .iter()
            .flat_map(|part| [part.from, part.until]);
        layers.chain(overrides).filter(|edge| *edge > now).min()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    const ANA: PersonId = PersonId(0);
    const BO: PersonId = PersonId(1);
    const CAI: PersonId = PersonId(2);
    const UTC: WeekClock = WeekClock {
        start: Micros::ZERO,
    };

    #[test]
    fn turns_follow_each_other_and_reach_back_before_the_anchor() {
        let rota = Schedule {
            layers: vec![Layer {
                anchor: Micros::from_hours(9),
                ..weekly(&[ANA, BO, CAI])
            }],
            overrides: vec![],
        };
        check(&rota, UTC, 0, Some(CAI));
        check(&rota, UTC, 9, Some(ANA));
        check(&rota, UTC, 9 + 7 * 24 - 1, Some(ANA));
        check(&rota, UTC, 9 + 7 * 24, Some(BO));
        check(&rota, UTC, 9 + 3 * 7 * 24, Some(ANA));
        assert_eq!(
            rota.next_change(UTC, Micros::from_hours(10)),
            Some(Micros::from_hours(9 + 7 * 24))
        );
    }

    #[test]
    fn a_later_layer_hides_an_earlier_one_while_it_has_somebody() {
        let nights = Layer {
            restrictions: vec![daily(20, 12)],
            ..weekly(&[BO])
        };
        let rota = Schedule {
            layers: vec![weekly(&[ANA]), nights],
            overrides: vec![],
        };
        check(&rota, UTC, 12, Some(ANA));
        check(&rota, UTC, 20, Some(BO));
        check(&rota, UTC, 31, Some(BO));
        check(&rota, UTC, 32, Some(ANA));
    }

    #[test]
    fn an_override_hides_every_layer_and_an_earlier_override() {
        let part = |person, from, until| Override {
            person,
            from: Micros::from_hours(from),
            until: Micros::from_hours(until),
        };
        let rota = Schedule {
            layers: vec![weekly(&[ANA])],
            overrides: vec![part(BO, 1, 5), part(CAI, 2, 3)],
        };
        let people: Vec<_> = (0..6)
            .map(|hour| rota.on_call(UTC, Micros::from_hours(hour)))
            .collect();
        assert_eq!(people, [ANA, BO, CAI, BO, BO, ANA].map(Some));
    }

    #[test]
    fn nobody_is_on_call_outside_of_the_restrictions() {
        let office = Restriction::Weekly {
            from: Micros::from_hours(9),
            length: Micros::from_hours(4 * 24 + 8),
        };
        let rota = Schedule {
            layers: vec![Layer {
                restrictions: vec![office],
                ..weekly(&[ANA])
            }],
            overrides: vec![],
        };
        check(&rota, UTC, 8, None);
        check(&rota, UTC, 9, Some(ANA));
        check(&rota, UTC, 4 * 24 + 16, Some(ANA));
        check(&rota, UTC, 4 * 24 + 17, None);
        check(&Schedule::default(), UTC, 0, None);
    }

    #[test]
    fn follow_the_sun_hands_over_at_each_sites_own_morning() {
        let site = |person, utc_offset_h: i32| Layer {
            utc_offset_s: utc_offset_h * 3_600,
            restrictions: vec![daily(9, 8)],
            ..weekly(&[person])
        };
        let rota = Schedule {
            layers: vec![site(ANA, 0), site(BO, -8), site(CAI, 8)],
            overrides: vec![],
        };
        // The run starts on Tuesday 12:00 UTC, so its hour 5 is 17:00 UTC, 09:00 at UTC-8.
        let clock = WeekClock {
            start: Micros::from_hours(36),
        };
        check(&rota, clock, 0, Some(ANA));
        check(&rota, clock, 4, Some(ANA));
        check(&rota, clock, 5, Some(BO));
        check(&rota, clock, 12, Some(BO));
        check(&rota, clock, 13, Some(CAI));
        check(&rota, clock, 20, Some(CAI));
        check(&rota, clock, 21, Some(ANA));
        let first = rota.next_change(clock, Micros::ZERO);
        assert_eq!(first, Some(Micros::from_hours(5)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let with = |layer| Schedule {
            layers: vec![weekly(&[ANA]), layer],
            overrides: vec![],
        };
        let turn = Micros::ZERO;
        let cases = [
            (weekly(&[]), ScheduleError::NoPeople(1)),
            (
                Layer {
                    turn,
                    ..weekly(&[BO])
                },
                ScheduleError::NoTurn(1),
            ),
            (
                Layer {
                    utc_offset_s: 15 * 3_600,
                    ..weekly(&[BO])
                },
                ScheduleError::Zone(1),
            ),
            (
                Layer {
                    restrictions: vec![daily(24, 1)],
                    ..weekly(&[BO])
                },
                ScheduleError::Restriction(1),
            ),
        ];
        for (layer, expected) in cases {
            assert_eq!(with(layer).check(), Err(expected));
        }
        assert_eq!(with(weekly(&[BO])).check(), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: proptest::test_runner::RngSeed::Fixed(2_026),
            ..ProptestConfig::default()
        })]

        /// Nothing changes between two edges, so a driver need only look at hand-overs.
        #[test]
        fn on_call_is_constant_until_the_next_change(
            start_h in 0_u64..168,
            turn_h in 1_u64..200,
            anchor_h in 0_u64..168,
            from_h in 0_u64..24,
            length_h in 1_u64..=24,
            zone_h in -12_i32..=14,
            now_h in 0_u64..1_000,
            part in 0_u64..1_000_000,
        ) {
            let rota = Schedule {
                layers: vec![
                    Layer { turn: Micros::from_hours(turn_h), ..weekly(&[ANA, BO]) },
                    Layer {
                        anchor: Micros::from_hours(anchor_h),
                        utc_offset_s: zone_h * 3_600,
                        restrictions: vec![daily(from_h, length_h)],
                        ..weekly(&[CAI, ANA])
                    },
                ],
                overrides: vec![],
            };
            prop_assert_eq!(rota.check(), Ok(()));
            let clock = WeekClock { start: Micros::from_hours(start_h) };
            let now = Micros::from_hours(now_h);
            let present = rota.on_call(clock, now);
            let change = rota.next_change(clock, now).unwrap_or(now + WEEK);
            prop_assert!(change > now);
            let between = Micros(now.0 + (change.0 - now.0 - 1) / 1_000_000 * part);
            prop_assert_eq!(rota.on_call(clock, between), present);
            if rota.next_change(clock, now).is_some() {
                prop_assert_ne!(rota.on_call(clock, change), present);
            }
        }
    }

    fn check(rota: &Schedule, clock: WeekClock, hour: u64, expected: Option<PersonId>) {
        assert_eq!(rota.check(), Ok(()));
        let found = rota.on_call(clock, Micros::from_hours(hour));
        assert_eq!(found, expected, "hour {hour}");
    }

    fn weekly(people: &[PersonId]) -> Layer {
        Layer {
            people: people.to_vec(),
            turn: WEEK,
            anchor: Micros::ZERO,
            utc_offset_s: 0,
            restrictions: vec![],
        }
    }

    const fn daily(from_h: u64, length_h: u64) -> Restriction {
        Restriction::Daily {
            from: Micros::from_hours(from_h),
            length: Micros::from_hours(length_h),
        }
    }
}
