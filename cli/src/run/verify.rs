//! Every seed twice, compared event by event.

use std::ops::RangeInclusive;

use firedrill_sim::campaign::RunOutcome;
use firedrill_sim::engine::{self, Tamper};
use firedrill_sim::log::Difference;
use firedrill_sim::spec::Scenario;
use firedrill_sim::world::STREAMS;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::failure::Failure;

/// What comparing runs with their repetitions showed.
#[derive(Debug)]
pub(crate) struct Verification {
    /// Seeds that were run twice.
    pub(crate) n: u64,
    /// Those of them whose two digests are equal.
    pub(crate) equal: u64,
    /// The first seed whose two runs differ, and where.
    pub(crate) first_difference: Option<(u64, Difference)>,
    /// What the second runs were tampered with.
    pub(crate) tamper: Option<Tamper>,
}

impl Verification {
    /// Whether every run was repeated exactly.
    pub(crate) const fn is_equal(&self) -> bool {
        self.equal == self.n
    }

    /// Runs every seed twice on `jobs` threads; the second run is tampered with if so asked.
    pub(crate) fn run(
        scenario: &Scenario,
        seeds: RangeInclusive<u64>,
        jobs: usize,
        tamper: Option<&Tamper>,
        done: &(dyn Fn() + Sync),
    ) -> Result<(Vec<RunOutcome>, Self), Failure> {
        let threads = firedrill_sim::campaign::threads(&seeds, jobs);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|source| Failure::Threads { jobs, source })?;
        let twice = |seed| {
            let first = engine::run(scenario, seed);
            let second = match tamper {
                Some(tamper) => engine::run_tampered(scenario, seed, tamper),
                None => engine::run(scenario, seed),
            };
            let difference = if first.digest() == second.digest() {
                None
            } else {
                first.first_difference(&second)
            };
            done();
            (RunOutcome::of(scenario, &first), difference)
        };
        let pairs: Vec<_> = pool.install(|| seeds.into_par_iter().map(twice).collect());
        let mut verification = Self {
            n: pairs.len() as u64,
            equal: 0,
            first_difference: None,
            tamper: tamper.cloned(),
        };
        let mut runs = Vec::with_capacity(pairs.len());
        for (outcome, difference) in pairs {
            match difference {
                None => verification.equal += 1,
                Some(difference) => {
                    let first = verification.first_difference.take();
                    verification.first_difference = first.or(Some((outcome.seed, difference)));
                }
            }
            runs.push(outcome);
        }
        Ok((runs, verification))
    }
}

/// Reads `STREAM@STEP`.
pub(crate) fn parse_tamper(text: &str) -> Result<Tamper, String> {
    let (stream, step) = text
        .split_once('@')
        .ok_or("expected a stream and a step, as in arrivals@120")?;
    if !STREAMS.contains(&stream) {
        let known = STREAMS.join(", ");
        return Err(format!(
            "no random stream is called `{stream}`; there are {known}"
        ));
    }
    let step = step
        .parse()
        .map_err(|error| format!("`{step}` is not a step: {error}"))?;
    Ok(Tamper {
        stream: stream.into(),
        step,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_to_tamper_with() {
        let tamper = parse_tamper("arrivals@120").unwrap();
        assert_eq!((&*tamper.stream, tamper.step), ("arrivals", 120));
        assert!(parse_tamper("arrivals").is_err());
        assert!(parse_tamper("@3").is_err());
        assert!(parse_tamper("arrivals@x").is_err());
    }
}
