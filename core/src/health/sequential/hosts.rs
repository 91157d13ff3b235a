//! How far hosts of one version differ, seen on the control group.
//!
//! Counts spread wider than chance for two reasons. Hosts differ for good (hardware, customers):
//! then the two arms differ for good too, and a test that takes every lasting difference for the
//! change's raises a false alarm sooner or later. And errors come in clumps: then every count
//! is worth fewer independent ones. One Pearson statistic over whole hosts and one over windows
//! tell the two apart: clumping shows in both alike, lasting differences grow with the count.

use alloc::vec::Vec;

use crate::health::special::normal_quantile;

use super::judge::ArmCounts;

/// Hosts that are told apart; later ones are left out, which costs precision and nothing else.
const HOSTS_MAX: usize = 4_096;

/// The spread of the hosts of one arm, for one signal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostSpread {
    totals: Vec<ArmCounts>,
    windows: u64,
    /// Sums over windows: the Pearson statistic, its degrees of freedom, and the mean count of a
    /// host weighted by these.
    pearson: f64,
    freedom: f64,
    mean: f64,
}

/// One Pearson statistic of counts that should be in proportion to requests.
#[derive(Clone, Copy, Debug, Default)]
struct Pearson {
    statistic: f64,
    freedom: f64,
    /// The mean expected count of a host, weighted as differences between hosts enter.
    mean: f64,
}

impl HostSpread {
    /// Adds one window; the hosts come in the same order every time.
    pub fn observe(&mut self, hosts: &[ArmCounts]) {
        let hosts = &hosts[..hosts.len().min(HOSTS_MAX)];
        if self.totals.len() < hosts.len() {
            self.totals.resize(hosts.len(), ArmCounts::default());
        }
        for (total, host) in self.totals.iter_mut().zip(hosts) {
            total.requests += host.requests;
            total.errors += host.errors;
        }
        let window = pearson(hosts);
        self.windows += 1;
        self.pearson += window.statistic;
        self.freedom += window.freedom;
        self.mean += window.mean * window.freedom;
    }

    /// The number of hosts of equal traffic that would average out as well as these.
    #[must_use]
    pub fn hosts(&self) -> f64 {
        effective_number(&self.totals)
    }

    /// How many errors come at once on average, at least one: counts are worth so much less.
    #[must_use]
    pub fn clump(&self) -> f64 {
        let found = self.clump_of(pearson(&self.totals));
        let error = libm::sqrt(2.0 / self.freedom.max(1.0));
        if found - 1.0 > 2.0 * error {
            found + 2.0 * error
        } else {
            1.0
        }
    }

    fn clump_of(&self, whole: Pearson) -> f64 {
        if self.windows < 2 || self.freedom <= 0.0 || whole.freedom <= 0.0 {
            return 1.0;
        }
        let (window, window_mean) = (self.pearson / self.freedom, self.mean / self.freedom);
        let lasting = (whole.statistic / whole.freedom - window) / (whole.mean - window_mean);
        (window - lasting.max(0.0) * window_mean).max(1.0)
    }

    /// A bound on the squared coefficient of variation of the hosts' error rates that holds with
    /// probability `1 - delta`.
    ///
    /// From the lower quantile of the statistic under Gamma distributed rates, by Wilson and
    /// Hilferty's transformation with as many degrees of freedom as the kurtosis leaves. Infinite
    /// with fewer than two hosts or no errors: nothing is known.
    #[must_use]
    pub fn variation_max(&self, delta: f64) -> f64 {
        let whole = pearson(&self.totals);
        if whole.freedom < 1.0 || whole.mean <= 0.0 {
            return f64::INFINITY;
        }
        let clump = self.clump_of(whole);
        let found = whole.statistic / whole.freedom;
        let guess = ((found - clump) / whole.mean).clamp(0.0, 4.0);
        let spread = whole.mean * (clump + guess * whole.mean);
        let excess = 6.0 * guess + clump / spread;
        let freedom = whole.freedom / (1.0 + 0.5 * excess);
        let part = 2.0 / (9.0 * freedom);
        let root = 1.0 - part + normal_quantile(delta) * libm::sqrt(part);
        let quantile = (root * root * root).max(0.02);
        ((found / quantile - clump) / whole.mean).max(0.0)
    }
}

fn effective_number(hosts: &[ArmCounts]) -> f64 {
    let (sum, squares) = hosts.iter().fold((0.0, 0.0), |(sum, squares), host| {
        let n = host.requests as f64;
        (sum + n, squares + n * n)
    });
    if squares > 0.0 {
        sum * sum / squares
    } else {
        0.0
    }
}

fn pearson(hosts: &[ArmCounts]) -> Pearson {
    let (requests, errors) = hosts.iter().fold((0.0, 0.0), |(requests, errors), host| {
        (requests + host.requests as f64, errors + host.errors as f64)
    });
    if requests <= 0.0 || errors <= 0.0 {
        return Pearson::default();
    }
    let rate = errors / requests;
    let (mut statistic, mut active, mut squares) = (0.0, 0.0, 0.0);
    for host in hosts.iter().filter(|host| host.requests > 0) {
        let expected = rate * host.requests as f64;
        let gap = host.errors as f64 - expected;
        statistic += gap * gap / expected;
        squares += expected * expected;
        active += 1.0;
    }
    if active < 2.0 {
        return Pearson::default();
    }
    Pearson {
        statistic,
        freedom: active - 1.0,
        mean: (errors - squares / errors) / (active - 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(errors: &[u64]) -> Vec<ArmCounts> {
        let host = |errors: &u64| ArmCounts {
            requests: 1_000,
            errors: *errors,
        };
        errors.iter().map(host).collect()
    }

    #[test]
    fn equal_hosts_hardly_vary() {
        let mut spread = HostSpread::default();
        for _ in 0..50 {
            spread.observe(&hosts(&[10, 9, 11, 10, 10, 9, 11, 10]));
        }
        assert!((spread.clump() - 1.0).abs() < 1e-12);
        assert!(spread.variation_max(0.0025) < 0.1);
        assert!((spread.hosts() - 8.0).abs() < 1e-9);
    }

    /// One host in four with thrice the errors: a coefficient of variation of 0.58.
    #[test]
    fn lasting_differences_are_the_hosts() {
        let mut spread = HostSpread::default();
        for _ in 0..50 {
            spread.observe(&hosts(&[30, 10, 10, 10, 29, 11, 10, 10, 31, 9, 10, 10]));
        }
        assert!((spread.clump() - 1.0).abs() < 0.2, "{}", spread.clump());
        let bound = spread.variation_max(0.0025);
        assert!(bound > 0.35 && bound < 10.0, "{bound}");
    }

    /// Errors five at a time, on a host that changes.
    #[test]
    fn clumps_are_told_from_lasting_differences() {
        let mut spread = HostSpread::default();
        for window in 0..200_usize {
            let mut errors = [0; 8];
            errors[window * 5 % 8] = 5;
            errors[(window * 3 + 1) % 8] += 5;
            spread.observe(&hosts(&errors));
        }
        assert!((3.0..7.0).contains(&spread.clump()), "{}", spread.clump());
    }

    #[test]
    fn too_little_bounds_nothing() {
        let mut spread = HostSpread::default();
        assert_eq!(spread.variation_max(0.01), f64::INFINITY);
        spread.observe(&hosts(&[3]));
        assert_eq!(spread.variation_max(0.01), f64::INFINITY);
        spread.observe(&hosts(&[0, 0]));
        assert_eq!(spread.hosts(), 1.8);
    }
}
