//! What defects do to instances, step by step: how strong they are, who crashes, who is cut off,
//! who runs out of memory.

use std::ops::Range;

use firedrill_core::Micros;

use crate::random::{Entity, LogSpread, binomial};

use super::actions::Safe;
use super::defect::{Moment, strength};
use super::fleet::Cohort;
use super::{Purpose, World};

/// Instances differ in how fast they fill up: the standard deviation of the logarithm.
const LEAK_SPREAD: f64 = 0.15;

impl World<'_> {
    /// Brings the defect of every cohort of some pools up to date and lets it strike.
    pub(super) fn afflict(&mut self, pools: Range<usize>, now: Micros, length: Micros) {
        if !self.troubled {
            return;
        }
        for index in pools {
            let service = self.pools[index].service.index();
            if self.versions[service]
                .iter()
                .all(|version| version.defect.is_none())
            {
                continue;
            }
            let mut killed = Vec::new();
            for cohort in 0..self.pools[index].cohorts.len() {
                killed.extend(self.afflict_cohort(now, length, index, cohort));
            }
            for fresh in killed {
                self.pools[index].cohort(fresh.key).absorb(&fresh);
            }
        }
    }

    /// Returns those that ran out of memory: they start again with all of it.
    fn afflict_cohort(
        &mut self,
        now: Micros,
        length: Micros,
        pool_index: usize,
        cohort: usize,
    ) -> Option<Cohort> {
        let safe = self.safe(self.pools[pool_index].service);
        let pool = &mut self.pools[pool_index];
        let region = &self.scenario.fleet.regions[pool.region.index()];
        let cohort = &mut pool.cohorts[cohort];
        let version = &self.versions[pool.service.index()][usize::from(cohort.key.version)];
        let defect = version.defect.as_ref()?;
        let loads = &self.loads[pool_index];
        let busy = loads.iter().find(|load| load.key == cohort.key);
        let moment = Moment {
            region: pool.region,
            local: local_time(self.scenario.demand.start + now, region.utc_offset_s),
            utilisation: busy.map_or(0.0, |load| load.utilisation),
            hardware: pool.hardware,
            loaded_for: now - cohort.loaded_at,
        };
        cohort.strength = if version.applies {
            strength(defect.onset, &defect.triggers, &moment)
        } else {
            0.0
        };
        cohort.strength *= safe.leaves();
        cohort.set_effect(version.effect.at(cohort.strength));
        let entity = Entity {
            lane: cohort.key.lane(),
            index: pool_index as u64,
        };
        let step = self.step;
        let mut draw = |purpose| self.draws.get(purpose).uniform(step, entity);
        strike(
            cohort,
            &version.effect,
            draw(Purpose::Crashes),
            draw(Purpose::CutOffs),
        );
        if safe != Safe::default() {
            safe.revive(draw(Purpose::Tools), cohort);
        }
        if version.effect.leak_per_s > 0.0 {
            leak(cohort, draw(Purpose::Leaks), moment.utilisation, length)
        } else {
            None
        }
    }
}

/// A defect that grew stronger takes those whom it spared so far.
fn strike(cohort: &mut Cohort, full: &super::defect::Effect, crash: f64, cut: f64) {
    let (before, now) = (cohort.struck, cohort.strength);
    if now <= before {
        return;
    }
    cohort.struck = now;
    let newly = |share: f64| share * (now - before) / (1.0 - share * before).max(1e-9);
    let standing = |cohort: &Cohort| u64::from(cohort.up + cohort.starting + cohort.in_spell);
    let crashed = binomial(crash, standing(cohort), newly(full.crash_share)) as u32;
    let crashed = take_standing(cohort, crashed);
    cohort.crashed += crashed;
    cohort.just_crashed += crashed;
    let cut = binomial(cut, standing(cohort), newly(full.cut_off_share)) as u32;
    let cut = take_standing(cohort, cut);
    cohort.cut_off += cut;
    cohort.just_crashed += cut;
}

/// Memory fills with the requests served; instances that run out are killed and start again, in a
/// cohort of their own, so that the memory that they have again is not shared out among those that
/// were not killed yet.
fn leak(cohort: &mut Cohort, u: f64, utilisation: f64, length: Micros) -> Option<Cohort> {
    let before = cohort.leaked;
    let serving = f64::from(cohort.serving()) / f64::from(cohort.total().max(1));
    let filled = cohort.effect().leak_per_s * utilisation * length.as_secs_f64();
    let after = before + filled * serving;
    cohort.leaked = after;
    let spread = LogSpread { sigma: LEAK_SPREAD };
    let (full_before, full_after) = (spread.share_below(before), spread.share_below(after));
    let hazard = (full_after - full_before) / (1.0 - full_before).max(1e-9);
    let killed = binomial(u, u64::from(cohort.serving()), hazard.clamp(0.0, 1.0)) as u32;
    let killed = take_standing(cohort, killed);
    (killed > 0).then(|| Cohort {
        starting: killed,
        just_crashed: killed,
        loaded_at: cohort.loaded_at,
        strength: cohort.strength,
        struck: cohort.struck,
        effect: cohort.effect.clone(),
        ..Cohort::empty(cohort.key.restarted())
    })
}

/// Takes up to `count` instances that serve or start out of a cohort.
fn take_standing(cohort: &mut Cohort, count: u32) -> u32 {
    let mut left = count;
    for from in [&mut cohort.up, &mut cohort.starting, &mut cohort.in_spell] {
        let moved = left.min(*from);
        *from -= moved;
        left -= moved;
    }
    count - left
}

/// Local time of day.
fn local_time(utc: Micros, offset_s: i64) -> Micros {
    const DAY_S: i64 = 86_400;
    let utc_s = (utc.0 / 1_000_000).cast_signed();
    Micros::from_secs((utc_s + offset_s).rem_euclid(DAY_S).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use firedrill_core::rollout::Audience;

    use super::super::defect::Effect;
    use super::super::fleet::CohortKey;
    use super::*;

    /// Those that are not killed yet stay as full as they are, whoever else is killed: of instances
    /// under full load half are gone when memory is full by the median, and nearly all a quarter
    /// later, though those that restarted have all of theirs again.
    #[test]
    fn a_kill_empties_nobody_else() {
        let key = CohortKey {
            version: 1,
            serves: Audience::Public,
            flapping: false,
            batch: 1,
        };
        let effect = Effect {
            leak_per_s: 0.01,
            ..Effect::NONE
        };
        let mut old = Cohort {
            up: 10_000,
            effect: Some(Box::new(effect)),
            ..Cohort::empty(key)
        };
        let mut fresh = Cohort::empty(key.restarted());
        let mut seen = Vec::new();
        for _ in 0..150 {
            let killed = leak(&mut old, 0.5, 1.0, Micros::from_secs(1));
            killed.iter().for_each(|killed| fresh.absorb(killed));
            assert_eq!(old.total() + fresh.total(), 10_000);
            assert_eq!(fresh.leaked, 0.0, "they are still starting");
            seen.push(old.total());
        }
        assert!((4_800..5_200).contains(&seen[99]), "{}", seen[99]);
        assert!(seen[124] < 800 && seen[149] < 60, "{seen:?}");
    }
}
