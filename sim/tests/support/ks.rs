//! The two-sample Kolmogorov–Smirnov test.

/// The largest distance between the two empirical distribution functions, and the probability of
/// one at least as large when both samples come from one distribution. Infinity is a value like
/// any other. Sorts the samples.
pub fn ks(a: &mut [f64], b: &mut [f64]) -> (f64, f64) {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (mut i, mut j, mut distance) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        while i < a.len() && a[i] <= at {
            i += 1;
        }
        while j < b.len() && b[j] <= at {
            j += 1;
        }
        let apart = i as f64 / a.len() as f64 - j as f64 / b.len() as f64;
        distance = distance.max(apart.abs());
    }
    let (m, n) = (a.len() as f64, b.len() as f64);
    let scale = libm::sqrt(m * n / (m + n));
    (distance, kolmogorov((scale + 0.12 + 0.11 / scale) * distance))
}

/// The probability that a Kolmogorov-distributed number is above `x`.
pub fn kolmogorov(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        libm::exp(-2.0 * k * k * x * x)
    };
    let sum: f64 = (1..=100)
        .map(|k| if k % 2 == 1 { term(k) } else { -term(k) })
        .sum();
    (2.0 * sum).clamp(0.0, 1.0)
}
