//! What a number of requests can show.

/// Chance of at least `count` events where `mean` are expected (Poisson).
pub(super) fn chance_of_at_least(count: u64, mean: f64) -> f64 {
    let (mut term, mut sum) = ((-mean).exp(), 0.0);
    for i in 0..count.min(100_000) {
        sum += term;
        term *= mean / (i + 1) as f64;
    }
    (1.0 - sum).clamp(0.0, 1.0)
}

/// The error ratio that exceeds `limit` among `requests` in 95 of 100 trials.
pub(super) fn surely_over(limit: f64, requests: f64) -> f64 {
    let count = (limit * requests).floor() as u64 + 1;
    bisect(
        count as f64,
        count as f64 + 10.0 + 8.0 * (count as f64).sqrt(),
        |mean| chance_of_at_least(count, mean) >= 0.95,
    ) / requests
}

/// The smallest multiple of `usual` that a sequential judge with an equal control finds among
/// `requests` on average, at 80 % of what is possible; `None` when not even total failure is.
pub(super) fn smallest_effect(usual: f64, requests: f64, alpha: f64) -> Option<f64> {
    let needed = (1.0 / alpha).ln() / 0.8;
    let found = |effect: f64| requests * nats(usual, effect) >= needed;
    let most = 1.0 / usual;
    found(most).then(|| bisect(1.0, most, found))
}

/// Nats by which a request of the candidate, and one of an equal control, tell `effect`.
fn nats(usual: f64, effect: f64) -> f64 {
    let share = effect / (1.0 + effect);
    let telling = share * (2.0 * share).ln() + (1.0 - share) * (2.0 * (1.0 - share)).ln();
    usual * (1.0 + effect) * telling
}

/// The least value above `low` where `is_enough` holds, which must hold at `high`.
fn bisect(mut low: f64, mut high: f64, is_enough: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_textbook_ones() {
        assert!((chance_of_at_least(1, 1.0) - 0.632).abs() < 1e-3);
        // At least six, surely: a mean of 10.51.
        assert!((surely_over(0.01, 500.0) * 500.0 - 10.51).abs() < 0.02);
        // 0.1 % against 0.5 %, one false alarm in 1,000, equal control: 4,750 requests at best.
        let found = smallest_effect(0.001, 4_750.0 / 0.8, 0.001).unwrap();
        assert!((found - 5.0).abs() < 0.05, "{found}");
        assert_eq!(smallest_effect(0.001, 1.0, 0.001), None);
        // Four against four: 2 of 70.
    }
}
