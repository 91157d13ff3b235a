//! What no judge can beat.
//!
//! A. Wald's inequality: a test that raises a false alarm with probability at most `α`, and that
//! always notices in the end, needs on average at least `ln(1/α) / KL` samples, where `KL` is the
//! divergence of the bad distribution from the good one (*Sequential Analysis*, 1947).

/// Nats per sample that tell a bad answer probability `p1` from a good one `p0`.
#[must_use]
pub fn divergence(p1: f64, p0: f64) -> f64 {
    let part = |a: f64, b: f64| {
        if a > 0.0 { a * libm::log(a / b) } else { 0.0 }
    };
    part(p1, p0) + part(1.0 - p1, 1.0 - p0)
}

/// The fewest requests of the candidate, on average, against a known error ratio.
#[must_use]
pub fn known_baseline_requests(p0: f64, p1: f64, alpha: f64) -> f64 {
    -libm::log(alpha) / divergence(p1, p0)
}

/// The fewest requests of the candidate, on average, beside a control that gets `control_ratio`
/// times as many: the error ratio is not known, so only whose an error is can tell.
#[must_use]
pub fn control_requests(p0: f64, p1: f64, control_ratio: f64, alpha: f64) -> f64 {
    let effect = p1 / p0;
    let good = 1.0 / (1.0 + control_ratio);
    let bad = effect / (effect + control_ratio);
    let errors_per_request = p1 + control_ratio * p0;
    -libm::log(alpha) / (divergence(bad, good) * errors_per_request)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example: 1,000 requests a second, 0.1 % of them bad when all is well, 0.5 %
    /// when not, one false alarm in a thousand canaries.
    #[test]
    fn the_worked_example() {
        let known = known_baseline_requests(0.001, 0.005, 0.001) / 1e3;
        assert!((known - 1.703).abs() < 0.001, "{known}");
        for (ratio, seconds) in [(1.0, 4.75), (2.0, 3.26), (5.0, 2.35), (10.0, 2.03)] {
            let found = control_requests(0.001, 0.005, ratio, 0.001) / 1e3;
            assert!((found - seconds).abs() < 0.005, "{ratio}: {found}");
        }
    }
}
