//! Hosts differ for no reason that anybody knows of: some fail more often, some are slower.
//!
//! Every host has an error share of its own, Beta-distributed around its service's, and a
//! slowness of its own, log-normal around one. A cohort of `n` hosts shows their mean: of the
//! same expectation, with a variance `n` times smaller, and again taken as Beta and as
//! log-normal. So a canary of few hosts really differs from its control, and by more than the
//! counting noise of its requests.
//!
//! A cohort draws once; the draws are addressed by pool and cohort, and how much of them shows
//! follows the number of its hosts.

use crate::random::{Draws, Entity, gamma, normal_quantile};
use crate::spec::Heterogeneity;

use super::fleet::{Cohort, Pool};

/// How the hosts of a cohort differ from their service's, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Host {
    /// The share of requests that fail for reasons of their own.
    pub(crate) error_share: f64,
    /// Service time is multiplied by this.
    pub(crate) slowness: f64,
}

/// Fills in the hosts of every cohort of a pool. Nothing is drawn where nothing differs.
pub(crate) fn hosts(
    draws: &mut Draws,
    index: usize,
    pool: &Pool,
    error_share: f64,
    spec: Option<&Heterogeneity>,
    hosts: &mut Vec<Host>,
) {
    let host = |cohort: &Cohort| {
        let mut host = Host {
            error_share,
            slowness: 1.0,
        };
        let count = f64::from(cohort.serving().max(1));
        let entity = Entity {
            lane: cohort.key.lane(),
            index: index as u64,
        };
        if let Some(spec) = spec {
            // Three draws of a cohort stand where the first three steps of others would.
            let mut draw = |what| draws.uniform(what, entity);
            if spec.latency_sigma > 0.0 {
                host.slowness = slowness(draw(0), spec.latency_sigma, count);
            }
            if spec.error_sigma > 0.0 {
                let pair = (draw(1), draw(2));
                host.error_share = share(pair, error_share, spec.error_sigma, count);
            }
        }
        host
    };
    hosts.clear();
    hosts.extend(pool.cohorts.iter().map(host));
}

/// The mean of `count` log-normal factors of mean one: log-normal with the same mean and
/// variance (L. F. Fenton, IRE Trans. Commun. Syst. 8, 1960).
fn slowness(u: f64, sigma: f64, count: f64) -> f64 {
    let variance = libm::log1p(libm::expm1(sigma * sigma) / count);
    libm::exp(libm::sqrt(variance) * normal_quantile(u) - 0.5 * variance)
}

/// The mean of `count` Beta-distributed shares: Beta with the same mean and variance, as the
/// first of two gamma samples over their sum. `sigma` is the standard deviation of one share
/// relative to the mean.
pub(crate) fn share((u, v): (f64, f64), mean: f64, sigma: f64, count: f64) -> f64 {
    if mean <= 0.0 || mean >= 1.0 {
        return mean;
    }
    // variance = mean (1 − mean) / (concentration + 1); a share cannot spread more than to 0 and 1.
    let variance = (sigma * mean) * (sigma * mean) / count;
    let concentration = (mean * (1.0 - mean) / variance - 1.0).max(1e-3);
    let bad = gamma(u, mean * concentration);
    let good = gamma(v, (1.0 - mean) * concentration);
    if bad + good > 0.0 {
        bad / (bad + good)
    } else {
        mean
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::ids::{RegionId, ServiceId};
    use firedrill_core::rollout::Audience;

    use crate::world::fleet::CohortKey;

    use super::*;

    /// Mean and variance over 20 000 draws.
    fn moments(sample: impl Fn(f64, f64) -> f64) -> (f64, f64) {
        let n = 20_000_u64;
        let mut draws = Draws::new(5, "hosts", None);
        let mut sample = |step| {
            let u = draws.uniform(step, Entity::new(0));
            sample(u, draws.uniform(step, Entity::new(1)))
        };
        let samples: Vec<f64> = (0..n).map(&mut sample).collect();
        let mean = samples.iter().sum::<f64>() / n as f64;
        let squares = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        (mean, squares / (n - 1) as f64)
    }

    /// The mean is that of the service and the relative variance sigma² over the number of hosts:
    /// the mean to four standard errors, the variance to a tenth, which is more than four standard
    /// errors for what is drawn here (excess kurtosis up to 7).
    #[test]
    fn many_hosts_differ_less_than_few() {
        for (sigma, count) in [
            (0.3_f64, 1.0_f64),
            (0.3, 20.0),
            (1.0, 1.0),
            (1.0, 20.0),
            (1.0, 4_000.0),
        ] {
            let expected = sigma * sigma / count;
            let near = |what: &str, (mean, variance): (f64, f64), of: f64| {
                let limit = 4.0 * (expected / 20_000.0).sqrt();
                assert!((mean / of - 1.0).abs() < limit, "{what} {sigma} {count}");
                let ratio = variance / of / of / expected;
                assert!((ratio - 1.0).abs() < 0.1, "{what} {sigma} {count}: {ratio}");
            };
            for mean in [0.000_2, 0.05] {
                near(
                    "errors",
                    moments(|u, v| share((u, v), mean, sigma, count)),
                    mean,
                );
            }
            if sigma < 0.5 {
                // Of a log-normal factor sigma is that of the logarithm.
                let sigma = libm::sqrt(libm::log1p(sigma * sigma));
                near("slowness", moments(|u, _| slowness(u, sigma, count)), 1.0);
            }
        }
    }

    #[test]
    fn a_cohort_stays_what_it_is() {
        let key = |serves| CohortKey {
            version: 0,
            serves,
            flapping: false,
            batch: 0,
        };
        let cohort = |serves, up| Cohort {
            up,
            ..Cohort::empty(key(serves))
        };
        let pool = |cohorts: Vec<Cohort>| Pool {
            service: ServiceId(0),
            region: RegionId(0),
            hardware: 0,
            instances: 30,
            cohorts,
        };
        let spec = Heterogeneity {
            error_sigma: 0.5,
            latency_sigma: 0.2,
        };
        let mut draws = Draws::new(5, "hosts", None);
        let mut of = |cohorts, spec| {
            let mut found = Vec::new();
            hosts(&mut draws, 3, &pool(cohorts), 0.01, spec, &mut found);
            found
        };
        let both = of(
            vec![
                cohort(Audience::Public, 20),
                cohort(Audience::Employees, 10),
            ],
            Some(&spec),
        );
        let alone = of(vec![cohort(Audience::Employees, 10)], Some(&spec));
        assert_eq!(both[1], alone[0], "whoever else there is");
        assert_ne!(both[0].slowness, both[1].slowness);
        let more = of(vec![cohort(Audience::Employees, 1_000)], Some(&spec))[0].slowness - 1.0;
        let fewer = alone[0].slowness - 1.0;
        assert!(more.abs() < fewer.abs(), "{more} {fewer}");
        let none = of(vec![cohort(Audience::Employees, 10)], None);
        assert_eq!((none[0].error_share, none[0].slowness), (0.01, 1.0));
    }
}
