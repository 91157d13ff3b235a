//! What each region carries and could carry, as reported.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::RegionId;
use crate::ratio::Ppm;
use crate::time::Micros;

/// A report of one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Requests per second that it serves.
    pub load: u64,
    /// Requests per second that it could serve.
    pub capacity: u64,
    /// When it was measured.
    pub at: Micros,
}

impl Capacity {
    /// How many more requests per second it may be given without going above a utilisation of
    /// `ceiling`; none when it is above already.
    #[must_use]
    pub fn spare(&self, ceiling: Ppm) -> u64 {
        let most = u128::from(self.capacity) * u128::from(ceiling.0) / 1_000_000;
        u64::try_from(most)
            .unwrap_or(u64::MAX)
            .saturating_sub(self.load)
    }
}

/// The latest report of every region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapacityTable(BTreeMap<RegionId, Capacity>);

/// A region and the requests per second that it is to be given.
pub type Portion = (RegionId, u64);

impl CapacityTable {
    /// Takes a report; an older one than that which is known changes nothing.
    pub fn report(&mut self, region: RegionId, report: Capacity) {
        let known = self.0.get(&region);
        if known.is_none_or(|known| known.at <= report.at) {
            self.0.insert(region, report);
        }
    }

    /// The latest report of a region.
    #[must_use]
    pub fn of(&self, region: RegionId) -> Option<&Capacity> {
        self.0.get(&region)
    }

    /// Spreads `amount` requests per second over the regions other than `away`, each in
    /// proportion to what it can spare below `ceiling`, by reports measured after `since`. `None`
    /// when they cannot spare as much.
    #[must_use]
    pub fn spread(
        &self,
        amount: u64,
        away: RegionId,
        ceiling: Ppm,
        since: Micros,
    ) -> Option<Vec<Portion>> {
        let spares: Vec<Portion> = self
            .0
            .iter()
            .filter(|(region, report)| **region != away && report.at > since)
            .map(|(region, report)| (*region, report.spare(ceiling)))
            .filter(|(_, spare)| *spare > 0)
            .collect();
        let total: u128 = spares.iter().map(|(_, spare)| u128::from(*spare)).sum();
        if total < u128::from(amount) || total == 0 {
            return None;
        }
        let share = |spare: u64| (u128::from(amount) * u128::from(spare) / total) as u64;
        let given: u64 = spares.iter().map(|(_, spare)| share(*spare)).sum();
        let mut left = amount - given;
        let portions = spares.into_iter().map(|(region, spare)| {
            // What rounding left over goes where there is room, one by one.
            let extra = left.min(spare - share(spare));
            left -= extra;
            (region, share(spare) + extra)
        });
        Some(portions.filter(|(_, portion)| *portion > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AWAY: RegionId = RegionId(0);

    #[test]
    fn an_overloaded_region_is_given_nothing() {
        let mut table = CapacityTable::default();
        table.report(RegionId(1), report(95, 100, 1));
        table.report(RegionId(2), report(50, 100, 1));
        let spread = |amount| table.spread(amount, AWAY, Ppm::percent(90), Micros::ZERO);
        assert_eq!(spread(40), Some(alloc::vec![(RegionId(2), 40)]));
        assert_eq!(spread(41), None);
    }

    #[test]
    fn an_old_report_counts_for_nothing() {
        let mut table = CapacityTable::default();
        table.report(RegionId(1), report(0, 100, 5));
        table.report(RegionId(1), report(0, 900, 4));
        assert_eq!(table.of(RegionId(1)).unwrap().capacity, 100);
        let spread = |since| table.spread(10, AWAY, Ppm::ONE, Micros(since));
        assert!(spread(4).is_some());
        assert_eq!(spread(5), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: proptest::test_runner::RngSeed::Fixed(2_026),
            ..ProptestConfig::default()
        })]

        /// Everything is placed, and no region gets more than it can spare.
        #[test]
        fn a_spread_fits(
            regions in prop::collection::vec((0_u64..2_000, 0_u64..2_000), 1..6),
            amount in 1_u64..4_000,
            ceiling in 1_u32..=1_000_000,
        ) {
            let mut table = CapacityTable::default();
            for (region, (load, capacity)) in (0_u16..).zip(&regions) {
                table.report(RegionId(region), report(*load, *capacity, 1));
            }
            let ceiling = Ppm(ceiling);
            let spare = |region| table.of(region).unwrap().spare(ceiling);
            let total: u64 = (1..regions.len() as u16).map(|id| spare(RegionId(id))).sum();
            let spread = table.spread(amount, AWAY, ceiling, Micros::ZERO);
            prop_assert_eq!(spread.is_some(), total >= amount);
            if let Some(portions) = spread {
                prop_assert_eq!(portions.iter().map(|(_, part)| part).sum::<u64>(), amount);
                for (region, portion) in portions {
                    prop_assert_ne!(region, AWAY);
                    prop_assert!(portion <= spare(region));
                }
            }
        }
    }

    const fn report(load: u64, capacity: u64, at: u64) -> Capacity {
        Capacity {
            load,
            capacity,
            at: Micros(at),
        }
    }
}
