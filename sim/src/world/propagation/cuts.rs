//! When distribution does not reach a pool.

use firedrill_core::Micros;
use firedrill_core::ids::RegionId;

use crate::spec::{Fleet, Partition, Reach};

/// When each pool is cut off from distribution.
#[derive(Clone, Debug)]
pub(crate) struct Cuts {
    /// By cell: from when to when, in order, without overlap.
    by_cell: Vec<Vec<(Micros, Micros)>>,
    /// Pools of a cell.
    services: usize,
}

impl Cuts {
    pub(crate) fn new(partitions: &[Partition], fleet: &Fleet) -> Self {
        let regions = fleet.regions.iter().enumerate();
        let cells = regions.flat_map(|(region, spec)| {
            (0..spec.cells).map(move |cell| (RegionId(region as u16), cell))
        });
        let of_cell = |(region, cell)| {
            let hits = |partition: &&Partition| match partition.reach {
                Reach::Region { region: hit } => hit == region,
                Reach::Cell {
                    region: hit,
                    cell: number,
                } => (hit, number) == (region, cell),
            };
            let spans = partitions.iter().filter(hits);
            merged(spans.map(|cut| (cut.at, cut.at + cut.duration)).collect())
        };
        Self {
            by_cell: cells.map(of_cell).collect(),
            services: fleet.services.len(),
        }
    }

    /// Whether a pool is cut off.
    pub(crate) fn is_cut(&self, pool: usize, at: Micros) -> bool {
        let mut spans = self.of(pool).iter();
        spans.any(|(begin, end)| *begin <= at && at < *end)
    }

    /// Whether a pool is cut off at any time of a span.
    pub(crate) fn touch(&self, pool: usize, (from, to): (Micros, Micros)) -> bool {
        let mut spans = self.of(pool).iter();
        spans.any(|(begin, end)| *begin < to && from < *end)
    }

    /// How long, from `from` to `to`, a pool is not cut off.
    pub(crate) fn open_between(&self, pool: usize, from: Micros, to: Micros) -> Micros {
        let cut = |(begin, end): &(Micros, Micros)| (*end).min(to) - (*begin).max(from);
        let spans = self.of(pool).iter();
        spans.fold(to - from, |open, span| open - cut(span))
    }

    fn of(&self, pool: usize) -> &[(Micros, Micros)] {
        &self.by_cell[pool / self.services]
    }
}

fn merged(mut spans: Vec<(Micros, Micros)>) -> Vec<(Micros, Micros)> {
    spans.sort();
    let mut merged: Vec<(Micros, Micros)> = Vec::new();
    for (begin, end) in spans {
        match merged.last_mut() {
            Some((_, last)) if begin <= *last => *last = end.max(*last),
            Some(_) | None => merged.push((begin, end)),
        }
    }
    merged
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const fn s(seconds: u64) -> Micros {
        Micros::from_secs(seconds)
    }

    /// One cell of one service that is cut off in these spans, in seconds.
    pub(crate) fn cuts(spans: &[(u64, u64)]) -> Cuts {
        let spans = spans.iter().map(|(begin, end)| (s(*begin), s(*end)));
        Cuts {
            by_cell: vec![merged(spans.collect())],
            services: 1,
        }
    }

    #[test]
    fn time_that_is_cut_off_does_not_count() {
        let cuts = cuts(&[(50, 60), (10, 20), (15, 30), (30, 40)]);
        assert_eq!(cuts.by_cell[0], [(s(10), s(40)), (s(50), s(60))]);
        for (from, to, open) in [
            (0, 10, 10),
            (0, 25, 10),
            (12, 38, 0),
            (0, 100, 60),
            (35, 55, 10),
            (60, 100, 40),
            (70, 65, 0),
        ] {
            assert_eq!(cuts.open_between(0, s(from), s(to)), s(open), "{from} {to}");
        }
        let cut: Vec<bool> = [9, 10, 39, 40, 55, 60]
            .map(|at| cuts.is_cut(0, s(at)))
            .to_vec();
        assert_eq!(cut, [false, true, true, false, true, false]);
        assert!(cuts.touch(0, (s(0), s(11))) && cuts.touch(0, (s(39), s(100))));
        assert!(!cuts.touch(0, (s(0), s(10))) && !cuts.touch(0, (s(40), s(50))));
    }

    #[test]
    fn a_partition_hits_its_region_or_its_cell() {
        let region = |name: &str, cells| crate::spec::Region {
            name: name.into(),
            utc_offset_s: 0,
            cells,
            hardware: vec![],
            weight: 1.0,
        };
        let fleet = Fleet {
            regions: vec![region("a", 2), region("b", 2)],
            services: vec![],
            edges: vec![],
            classes: vec![],
        };
        let partition = |reach| Partition {
            at: s(0),
            duration: s(10),
            reach,
        };
        let hit = |reach| -> Vec<bool> {
            let cuts = Cuts::new(&[partition(reach)], &fleet);
            cuts.by_cell.iter().map(|spans| !spans.is_empty()).collect()
        };
        let (region, cell) = (RegionId(1), 1);
        assert_eq!(hit(Reach::Region { region }), [false, false, true, true]);
        assert_eq!(
            hit(Reach::Cell { region, cell }),
            [false, false, false, true]
        );
    }
}
