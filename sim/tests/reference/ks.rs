//! The two-sample Kolmogorov–Smirnov test, and Holm's correction for many of them.

use std::fmt;

/// Two samples of one measure.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) what: String,
    /// The largest distance between the empirical distribution functions.
    pub(crate) distance: f64,
    /// The probability of one at least as large when both samples come from one distribution.
    pub(crate) p: f64,
    /// Tenth, fiftieth and ninetieth percentile of each sample.
    pub(crate) percentiles: [[f64; 3]; 2],
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            distance,
            p,
            percentiles: [ours, theirs],
        } = self;
        write!(
            f,
            "{what:30} p {p:.4} D {distance:.3} {ours:.1?} {theirs:.1?}"
        )
    }
}

/// Compares two samples. Infinity is a value like any other. Ties make the test conservative.
pub(crate) fn compare(what: String, mut ours: Vec<f64>, mut theirs: Vec<f64>) -> Comparison {
    for sample in [&mut ours, &mut theirs] {
        sample.sort_by(f64::total_cmp);
    }
    let (mut i, mut j, mut distance) = (0, 0, 0.0_f64);
    let (m, n) = (ours.len() as f64, theirs.len() as f64);
    while i < ours.len() && j < theirs.len() {
        let at = ours[i].min(theirs[j]);
        i += ours[i..].iter().take_while(|x| **x <= at).count();
        j += theirs[j..].iter().take_while(|x| **x <= at).count();
        distance = distance.max((i as f64 / m - j as f64 / n).abs());
    }
    // M. A. Stephens, J. R. Stat. Soc. B 32 (1970): the asymptotic distribution is good to 1 %
    // with these corrections.
    let size = libm::sqrt(m * n / (m + n));
    let percentiles = |sample: &[f64]| {
        [0.1, 0.5, 0.9].map(|share| sample[((sample.len() - 1) as f64 * share) as usize])
    };
    Comparison {
        what,
        distance,
        p: kolmogorov((size + 0.12 + 0.11 / size) * distance),
        percentiles: [percentiles(&ours), percentiles(&theirs)],
    }
}

/// The comparisons that are rejected when the probability of rejecting any that holds may be at
/// most `level` (S. Holm, Scand. J. Stat. 6, 1979).
pub(crate) fn holm(all: &[Comparison], level: f64) -> Vec<Comparison> {
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| a.p.total_cmp(&b.p));
    let count = sorted.len();
    let rejected = sorted
        .iter()
        .enumerate()
        .take_while(|(rank, one)| one.p <= level / (count - rank) as f64)
        .count();
    sorted.truncate(rejected);
    sorted
}

/// The probability that a Kolmogorov-distributed number is above `x`.
pub(crate) fn kolmogorov(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0; // to 1e-12
    }
    let term = |k: i32| {
        let k = f64::from(k);
        libm::exp(-2.0 * k * k * x * x)
    };
    let signed = |k| if k % 2 == 1 { term(k) } else { -term(k) };
    (2.0 * (1..=100).map(signed).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tabulated critical values of the Kolmogorov distribution.
    #[test]
    fn kolmogorov_matches_published_values() {
        for (x, p) in [
            (1.0727, 0.20),
            (1.2238, 0.10),
            (1.3581, 0.05),
            (1.6276, 0.01),
        ] {
            assert!((kolmogorov(x) - p).abs() < 1e-4, "{x}");
        }
        assert_eq!(kolmogorov(0.0), 1.0);
    }

    /// Distances by hand: ties move both functions at once, infinities are shares.
    #[test]
    fn distances_are_right() {
        let never = f64::INFINITY;
        for (ours, theirs, expected) in [
            (vec![1.0, 2.0, 3.0, 4.0], vec![1.0, 2.0, 3.0, 4.0], 0.0),
            (vec![1.0, 2.0], vec![3.0, 4.0], 1.0),
            (vec![1.0, 1.0, 1.0, 2.0], vec![1.0, 2.0, 2.0, 2.0], 0.5),
            (
                vec![1.0, never, never, never],
                vec![1.0, 1.0, never, never],
                0.25,
            ),
        ] {
            let found = compare(String::new(), ours, theirs).distance;
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    /// Samples of one distribution are rejected as often as the level says: of 1 000 pairs at 5 %,
    /// 50 with a standard deviation of 7.
    #[test]
    fn the_level_holds() {
        let mut draws = firedrill_sim::random::Draws::new(1, "ks", None);
        let mut sample = |pair: u64, side: u64| -> Vec<f64> {
            let entity = |k| firedrill_sim::random::Entity::new(side * 200 + k);
            (0..200).map(|k| draws.uniform(pair, entity(k))).collect()
        };
        let pairs = (0..1_000).map(|pair| compare(String::new(), sample(pair, 0), sample(pair, 1)));
        let rejected = pairs.filter(|one| one.p < 0.05).count();
        assert!((25..=75).contains(&rejected), "{rejected}");
    }

    #[test]
    fn holm_rejects_step_by_step() {
        let one = |p| Comparison {
            what: String::new(),
            distance: 0.0,
            p,
            percentiles: [[0.0; 3]; 2],
        };
        let all = [0.02, 0.001, 0.5, 0.004].map(one);
        let rejected: Vec<f64> = holm(&all, 0.01).iter().map(|one| one.p).collect();
        assert_eq!(rejected, [0.001], "0.004 is above 0.01 / 3");
        assert_eq!(holm(&all, 0.05).len(), 3);
    }
}
