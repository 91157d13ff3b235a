//! Config on its way reaches instances: which ones take it, and in what state it finds them.

use firedrill_core::Micros;

use crate::log::WorldEvent;
use crate::random::{Entity, split};

use super::fleet::{Cohort, CohortKey};
use super::propagation::{Taken, Transfer};
use super::{Purpose, World};

impl World<'_> {
    /// Moves config on its way over one step.
    pub(super) fn propagate(&mut self, before: Micros, now: Micros) -> Vec<WorldEvent> {
        let mut events = Vec::new();
        let mut transfers = std::mem::take(&mut self.transfers);
        for transfer in &mut transfers {
            let draws = self.draws.get(Purpose::Propagation);
            let spec = &self.scenario.propagation;
            let moved = transfer.advance(draws, self.step, (before, now), spec, &self.cuts);
            let mut in_region = 0;
            for (pool, count, taken) in moved {
                let delivered = self.deliver(now, transfer, pool, count, taken);
                in_region += delivered;
                if taken == Taken::Running {
                    // Who was cut off on the way waits for a repair like those who were before.
                    transfer.hold(pool, count - delivered);
                }
            }
            let versions = &mut self.versions[transfer.service.index()];
            let version = &mut versions[usize::from(transfer.to)];
            let seen = &mut version.seen_in[transfer.region.index()];
            if in_region > 0 && !*seen {
                *seen = true;
                if version.defect.is_some() {
                    self.troubled = true;
                    events.push(WorldEvent::DefectActive {
                        rollout: transfer.rollout,
                        region: transfer.region,
                        instances: in_region,
                    });
                }
            }
            version.ever += if transfer.from.is_none() {
                in_region
            } else {
                0
            };
        }
        transfers.retain(|transfer| !transfer.is_over());
        self.transfers = transfers;
        events
    }

    /// Gives a version to `count` instances of a pool: which cohorts they come from is drawn in
    /// proportion. Returns how many got it.
    fn deliver(
        &mut self,
        now: Micros,
        transfer: &Transfer,
        pool: usize,
        count: u32,
        which: Taken,
    ) -> u32 {
        let step = self.step;
        let source = |cohort: &Cohort| match transfer.from {
            Some(from) => cohort.key.version == from,
            None => cohort.key.version != transfer.to,
        };
        let cohorts = &self.pools[pool].cohorts;
        let sizes: Vec<f64> = cohorts
            .iter()
            .map(|cohort| {
                if source(cohort) {
                    f64::from(available(cohort, which))
                } else {
                    0.0
                }
            })
            .collect();
        let keys: Vec<CohortKey> = cohorts.iter().map(|cohort| cohort.key).collect();
        let mut parts = vec![0; sizes.len()];
        let entity = |index: usize| Entity {
            lane: keys[index].lane(),
            index: pool as u64,
        };
        let selection = self.draws.get(Purpose::Selection);
        split(
            |index| selection.uniform(step, entity(index)),
            u64::from(count),
            sizes.iter().copied(),
            |index, part| parts[index] = part,
        );
        cap(&mut parts, &sizes);
        let mut delivered = 0;
        for (key, part) in keys.iter().zip(parts) {
            if part == 0 {
                continue;
            }
            let new_key = CohortKey {
                version: transfer.to,
                serves: transfer.serves,
                batch: transfer.batch,
                ..*key
            };
            let taken = take(self.pools[pool].cohort(*key), part as u32, which);
            delivered += taken.total();
            // What was down restarts into the new version; what serves takes it as it runs.
            let arriving = Cohort {
                up: taken.up,
                in_spell: taken.in_spell,
                starting: taken.starting + taken.crashed + taken.cut_off,
                waiting: taken.waiting,
                leaked: taken.leaked,
                loaded_at: now,
                ..Cohort::empty(new_key)
            };
            self.pools[pool].cohort(new_key).absorb(&arriving);
        }
        delivered
    }
}

/// A draw in proportion may ask a cohort for more than it has: the others give the rest.
fn cap(parts: &mut [u64], sizes: &[f64]) {
    let mut left = 0;
    for (part, size) in parts.iter_mut().zip(sizes) {
        let kept = (*part).min(*size as u64);
        left += *part - kept;
        *part = kept;
    }
    for (part, size) in parts.iter_mut().zip(sizes) {
        let more = left.min(*size as u64 - *part);
        *part += more;
        left -= more;
    }
}

/// The instances of a cohort that may be taken.
const fn available(cohort: &Cohort, which: Taken) -> u32 {
    match which {
        Taken::Any => cohort.total(),
        Taken::Running => cohort.total() - cohort.crashed - cohort.cut_off,
        Taken::CrashLooping => cohort.crashed + cohort.cut_off,
    }
}

/// Takes `count` instances out of a cohort, crashed ones first if they may be taken (they read
/// config when they restart), then in proportion.
fn take(cohort: &mut Cohort, count: u32, which: Taken) -> Cohort {
    let mut taken = Cohort::empty(cohort.key);
    let mut left = count.min(available(cohort, which));
    let share = f64::from(left) / f64::from(cohort.total().max(1));
    taken.waiting = cohort.waiting * share;
    cohort.waiting -= taken.waiting;
    taken.leaked = cohort.leaked;
    taken.crashed = match which {
        Taken::Any | Taken::CrashLooping => left.min(cohort.crashed),
        Taken::Running => 0,
    };
    cohort.crashed -= taken.crashed;
    left -= taken.crashed;
    if which == Taken::CrashLooping {
        taken.cut_off = left.min(cohort.cut_off);
        cohort.cut_off -= taken.cut_off;
        left -= taken.cut_off;
    }
    let rest = u64::from(cohort.total() - cohort.crashed - cohort.cut_off);
    let wanted = u64::from(left);
    let in_proportion = |n: u32| (wanted * u64::from(n)).checked_div(rest).unwrap_or(0) as u32;
    taken.in_spell = in_proportion(cohort.in_spell);
    taken.starting = in_proportion(cohort.starting);
    cohort.in_spell -= taken.in_spell;
    cohort.starting -= taken.starting;
    left -= taken.in_spell + taken.starting;
    for (from, to) in [
        (&mut cohort.up, &mut taken.up),
        (&mut cohort.starting, &mut taken.starting),
        (&mut cohort.in_spell, &mut taken.in_spell),
        (&mut cohort.cut_off, &mut taken.cut_off),
    ] {
        let moved = left.min(*from);
        *from -= moved;
        *to += moved;
        left -= moved;
    }
    taken
}

#[cfg(test)]
mod tests {
    use firedrill_core::rollout::Audience;

    use super::*;

    /// Flapping hosts are few: a draw by proportion once asked them for more than there were,
    /// and those instances never got the version.
    #[test]
    fn a_capped_split_loses_nothing() {
        let mut parts = [97, 3, 0];
        cap(&mut parts, &[100.0, 2.0, 5.0]);
        assert_eq!(parts, [98, 2, 0]);
        let mut parts = [0, 9];
        cap(&mut parts, &[8.0, 1.0]);
        assert_eq!(parts, [8, 1]);
    }

    /// Nobody is made or lost, and only those are taken that may be.
    #[test]
    fn instances_are_taken_from_where_they_may_be() {
        let key = CohortKey {
            version: 0,
            serves: Audience::Public,
            flapping: false,
            batch: 0,
        };
        for (which, crashed, others) in [
            (Taken::Any, 5, 3),
            (Taken::Running, 0, 8),
            (Taken::CrashLooping, 5, 0),
        ] {
            let mut cohort = Cohort {
                up: 10,
                in_spell: 4,
                starting: 6,
                crashed: 5,
                ..Cohort::empty(key)
            };
            let taken = take(&mut cohort, 8, which);
            assert_eq!(taken.crashed, crashed, "{which:?}");
            assert_eq!(taken.serving() + taken.starting, others, "{which:?}");
            assert_eq!(taken.total() + cohort.total(), 25, "{which:?}");
            assert_eq!(taken.crashed + cohort.crashed, 5, "{which:?}");
        }
    }
}
