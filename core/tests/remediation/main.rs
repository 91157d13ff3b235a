//! Remediation from outside: the rules of each action, and what must hold whatever happens.

mod properties;
mod rules;

use proptest::test_runner::{Config, RngSeed};

/// A red build must be red again tomorrow: new seeds are tried by hand.
fn config() -> Config {
    Config {
        rng_seed: RngSeed::Fixed(2_026),
        failure_persistence: None,
        ..Config::default()
    }
}
