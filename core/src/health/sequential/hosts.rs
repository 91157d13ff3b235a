//! How far hosts of one version differ, seen on the hosts of each arm.
//!
//! Counts spread wider than chance for two reasons. Hosts differ for good (hardware, customers):
//! then the two arms differ for good too, and a test that takes every lasting difference for the
//! change's raises a false alarm sooner or later. And errors come in clumps: then every count
//! is worth fewer independent ones. One Pearson statistic over whole hosts and one over windows
//! tell the two apart: clumping shows in both alike, lasting differences grow with the count.

use alloc::vec::Vec;

use crate::health::special::{ln_add, ln_beta, ln_gamma};

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
        let freedom = self.freedom.max(1.0);
        let error = self.pearson / freedom * libm::sqrt(2.0 / freedom);
        if found - 1.0 > 4.0 * error {
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

    /// How well hosts whose error rates vary by `variation` (a squared coefficient of variation)
    /// explain how the arm's errors fell on them, as a logarithm.
    ///
    /// With Gamma distributed rates, given their sum, errors fall on hosts as a
    /// Dirichlet-multinomial variable; without variation, in proportion to requests.
    fn ln_split(&self, variation: f64, clump: f64) -> f64 {
        let requests: f64 = self.totals.iter().map(|host| host.requests as f64).sum();
        let errors: f64 = self.totals.iter().map(|host| host.errors as f64).sum();
        let precision = self.hosts() / variation;
        let seen = self.totals.iter().filter(|host| host.requests > 0);
        let each = seen.map(|host| {
            let part = host.requests as f64 / requests;
            let count = host.errors as f64 / clump;
            if count == 0.0 {
                0.0
            } else if variation > 0.0 {
                ln_gamma(precision * part + count) - ln_gamma(precision * part)
            } else {
                count * libm::log(part)
            }
        });
        let sum: f64 = each.sum();
        if variation > 0.0 && errors > 0.0 {
            sum - (ln_gamma(precision + errors / clump) - ln_gamma(precision))
        } else {
            sum
        }
    }
}

/// Variations that are weighed: none, and from hardly any to ruin in steps of a half.
const VARIATIONS: usize = 28;
const VARIATION_MIN: f64 = 0.000_5;
const VARIATION_STEP: f64 = 1.5;

/// What lasting differences between hosts can excuse, for every variation that is possible.
///
/// The evidence is compared with the *best* explanation by hosts: the largest, over all
/// variations, of the probability of what both arms show times that of how each arm's errors fell
/// on its hosts. On its own side stands the mean of the latter over the variations, for each arm
/// by itself: a change may hit few of the candidate's hosts. So the quotient has a mean of at most
/// one whatever the true variation is, at any time: nothing is estimated first and then taken for
/// known (L. Wasserman, A. Ramdas, S. Balakrishnan, "Universal inference", PNAS 2020). A candidate
/// whose hosts are all alike in their harm does not look like luck with hosts, and one whose harm
/// sits on one host makes the control's hosts no more different than they are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HostModel {
    /// Variations, each with the logarithm of how well the splits over hosts fit it, relative to
    /// the mean of all.
    nodes: [(f64, f64); VARIATIONS],
    /// Hosts in the candidate's arm and in the control's.
    hosts: (f64, f64),
}

impl HostModel {
    /// Hosts that vary by at most `variation`.
    pub(super) fn at_most(variation: f64, hosts: (f64, f64)) -> Self {
        let node = |index: usize| (variation * index as f64 / (VARIATIONS - 1) as f64, 0.0);
        Self {
            nodes: core::array::from_fn(node),
            hosts,
        }
    }

    /// Hosts that vary as those of both arms do; without any seen, by anything.
    pub(super) fn seen(canary: Option<&HostSpread>, control: Option<&HostSpread>) -> Self {
        // Clumps are the control's: the candidate's may be its fault.
        let clump = control.map_or(1.0, HostSpread::clump);
        let fits = [canary, control].map(|spread| fits(spread, clump));
        let hosts = |spread: Option<&HostSpread>| spread.map_or(1.0, HostSpread::hosts).max(1.0);
        Self {
            nodes: core::array::from_fn(|index| {
                (variation(index), fits[0][index] + fits[1][index])
            }),
            hosts: (hosts(canary), hosts(control)),
        }
    }

    /// How much better hosts that differ explain the counts than chance alone, as a logarithm;
    /// never below zero. `share` is the candidate's share of all errors that is to be explained.
    pub(super) fn excuse(&self, errors: f64, control_errors: f64, share: f64) -> f64 {
        let best = self.nodes.iter().map(|(variation, fit)| {
            let better = ln_beta_binomial(errors, control_errors, share, *variation, self.hosts);
            better + fit
        });
        best.fold(0.0, f64::max)
    }
}

fn variation(index: usize) -> f64 {
    match index {
        0 => 0.0,
        _ => VARIATION_MIN * libm::pow(VARIATION_STEP, (index - 1) as f64),
    }
}

/// How well each variation fits one arm's split over hosts, relative to the mean of all.
fn fits(spread: Option<&HostSpread>, clump: f64) -> [f64; VARIATIONS] {
    let Some(spread) = spread else {
        return [0.0; VARIATIONS];
    };
    let fits: [f64; VARIATIONS] =
        core::array::from_fn(|index| spread.ln_split(variation(index), clump));
    let sum = fits.iter().copied().fold(f64::NEG_INFINITY, ln_add);
    let mean = sum - libm::log(VARIATIONS as f64);
    fits.map(|fit| fit - mean)
}

/// How much better a Beta distributed share explains counts than a fixed one, as a logarithm.
///
/// When rates are Gamma distributed over hosts of equal traffic, the candidate's share of the
/// errors is exactly Beta distributed around its share of the traffic.
fn ln_beta_binomial(
    errors: f64,
    control_errors: f64,
    share: f64,
    variation: f64,
    hosts: (f64, f64),
) -> f64 {
    let spread = variation * (1.0 / hosts.0 + 1.0 / hosts.1);
    if !(share > 0.0 && share < 1.0) || spread.is_nan() || spread <= 0.0 {
        return 0.0;
    }
    let precision = 1.0 / (spread * share * (1.0 - share));
    let (a, b) = (precision * share, precision * (1.0 - share));
    let varying = ln_beta(a + errors, b + control_errors) - ln_beta(a, b);
    varying - errors * libm::log(share) - control_errors * libm::log1p(-share)
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
        assert!(best(&spread) < 0.05);
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
        assert!((0.2..0.6).contains(&best(&spread)), "{}", best(&spread));
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

    /// Without hosts every variation is possible: a lopsided split says nothing.
    #[test]
    fn too_little_excuses_everything() {
        let mut spread = HostSpread::default();
        let nothing = HostModel::seen(None, None);
        let all = 700.0 * core::f64::consts::LN_2 * 2.0 - 30.0;
        assert!(nothing.excuse(700.0, 0.0, 0.5) > 0.4 * all);
        spread.observe(&hosts(&[3]));
        assert!(HostModel::seen(None, Some(&spread)).excuse(700.0, 0.0, 0.5) > 0.4 * all);
        spread.observe(&hosts(&[0, 0]));
        assert!((spread.hosts() - 1.8).abs() < 1e-12);
    }

    /// Hosts that differ explain a lopsided split; a thousand of them average out.
    #[test]
    fn hosts_excuse_what_they_can() {
        let excuse = |variation, n| HostModel::at_most(variation, (n, n)).excuse(700.0, 500.0, 0.5);
        assert!(excuse(0.25, 20.0) > 10.0);
        assert!(excuse(0.0, 20.0).abs() < 1e-12);
        assert!(excuse(0.25, 1_000.0) < 0.5 * excuse(0.25, 20.0));
        let even = HostModel::at_most(0.25, (20.0, 20.0)).excuse(500.0, 500.0, 0.5);
        assert!(even.abs() < 1e-12);
    }

    /// The variation that explains the split best.
    fn best(spread: &HostSpread) -> f64 {
        let nodes = HostModel::seen(None, Some(spread)).nodes;
        let best = nodes.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        best.unwrap().0
    }
}
