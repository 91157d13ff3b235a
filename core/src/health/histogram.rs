//! Latency as counts in logarithmic buckets: mergeable, of fixed size, exact to a fifth of an octave.

use serde::{Deserialize, Serialize};

/// Four buckets an octave, from 1 ms; the last one is open at the top.
const BUCKETS: usize = 64;
/// 1000 × 2^(k/4), rounded: the bounds are integers so that they are equal everywhere.
const OCTAVE_US: [u64; 4] = [1_000, 1_189, 1_414, 1_682];

/// Counts of requests by latency.
///
/// Bucket 0 holds everything up to 1 ms; bucket `i` ends at `1 ms × 2^(i/4)`; the last bucket is
/// open. Quantiles are interpolated inside a bucket, so their error is below 19 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "SparseHistogram", from = "SparseHistogram")]
pub struct LatencyHistogram {
    counts: [u32; BUCKETS],
}

/// The stored form: only the buckets that hold something.
#[derive(Serialize, Deserialize)]
struct SparseHistogram(alloc::vec::Vec<(u8, u32)>);

impl From<LatencyHistogram> for SparseHistogram {
    fn from(histogram: LatencyHistogram) -> Self {
        let filled = (0u8..)
            .zip(histogram.counts)
            .filter(|(_, count)| *count > 0);
        Self(filled.collect())
    }
}

impl From<SparseHistogram> for LatencyHistogram {
    fn from(sparse: SparseHistogram) -> Self {
        let mut histogram = Self::default();
        for (bucket, count) in sparse.0 {
            histogram.add(usize::from(bucket), count);
        }
        histogram
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
        }
    }
}

impl LatencyHistogram {
    /// The number of buckets.
    pub const BUCKETS: usize = BUCKETS;

    /// The upper bound of `bucket` in microseconds; the last bucket has none and tells where it
    /// would end.
    #[must_use]
    pub const fn upper_us(bucket: usize) -> u64 {
        OCTAVE_US[bucket % 4] << (bucket / 4)
    }

    /// The lower bound of `bucket` in microseconds.
    #[must_use]
    pub const fn lower_us(bucket: usize) -> u64 {
        if bucket == 0 {
            0
        } else {
            Self::upper_us(bucket - 1)
        }
    }

    /// The bucket that a latency falls into.
    #[must_use]
    pub const fn bucket_of(latency_us: u64) -> usize {
        if latency_us <= OCTAVE_US[0] {
            return 0;
        }
        // Bounds are those of the first octave, shifted: the octave is that of the latency.
        let mut bucket = 4 * ((latency_us - 1) / OCTAVE_US[0]).ilog2() as usize + 1;
        while bucket < BUCKETS - 1 && latency_us > Self::upper_us(bucket) {
            bucket += 1;
        }
        if bucket < BUCKETS {
            bucket
        } else {
            BUCKETS - 1
        }
    }

    /// Adds `count` requests to `bucket`; past the last bucket they go into the last one.
    pub fn add(&mut self, bucket: usize, count: u32) {
        let slot = &mut self.counts[bucket.min(BUCKETS - 1)];
        *slot = slot.saturating_add(count);
    }

    /// Adds the counts of `other`. When a bucket cannot hold more, all counts of the sum are
    /// halved until it can: quantiles and shares stay, and the total is a lower bound.
    pub fn merge(&mut self, other: &Self) {
        let pairs = || self.counts.iter().zip(other.counts);
        let sum = |(mine, theirs): (&u32, u32)| u64::from(*mine) + u64::from(theirs);
        let largest = pairs().map(sum).max().unwrap_or(0);
        let mut halvings = 0;
        while largest >> halvings > u64::from(u32::MAX) {
            halvings += 1;
        }
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine = (sum((mine, theirs)) >> halvings) as u32;
        }
    }

    /// The counts, bucket by bucket.
    #[must_use]
    pub const fn counts(&self) -> &[u32; BUCKETS] {
        &self.counts
    }

    /// The number of requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The latency below which `quantile` (parts per million) of the requests lie, in
    /// microseconds; `None` without requests.
    #[must_use]
    pub fn quantile_us(&self, quantile: crate::Ppm) -> Option<u64> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        let rank = quantile.of_count_up(total).clamp(1, total);
        let mut below = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            let count = u64::from(*count);
            if below + count >= rank {
                let (low, high) = (Self::lower_us(bucket), Self::upper_us(bucket));
                return Some(low + (high - low) * (rank - below) / count);
            }
            below += count;
        }
        None
    }

    /// The number of requests slower than `threshold_us`; the bucket that holds the threshold
    /// counts in proportion.
    #[must_use]
    pub fn count_above(&self, threshold_us: u64) -> u64 {
        let bucket = Self::bucket_of(threshold_us);
        let above: u64 = self.counts[bucket + 1..]
            .iter()
            .map(|count| u64::from(*count))
            .sum();
        let (low, high) = (Self::lower_us(bucket), Self::upper_us(bucket));
        let inside = u64::from(self.counts[bucket]);
        above + inside * high.saturating_sub(threshold_us) / (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ppm;

    #[test]
    fn buckets_cover_the_line_without_gaps() {
        for bucket in 1..BUCKETS {
            assert!(LatencyHistogram::upper_us(bucket) > LatencyHistogram::upper_us(bucket - 1));
            let upper = LatencyHistogram::upper_us(bucket - 1);
            assert_eq!(LatencyHistogram::bucket_of(upper), bucket - 1);
            assert_eq!(LatencyHistogram::bucket_of(upper + 1), bucket);
        }
        assert_eq!(LatencyHistogram::bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_interpolate() {
        let mut histogram = LatencyHistogram::default();
        assert_eq!(histogram.quantile_us(Ppm::percent(50)), None);
        histogram.add(LatencyHistogram::bucket_of(100_000), 100);
        let (low, high) = (90_496, 107_648);
        assert_eq!(
            histogram.quantile_us(Ppm::percent(50)),
            Some((low + high) / 2)
        );
        assert_eq!(histogram.quantile_us(Ppm::percent(100)), Some(high));
        assert_eq!(histogram.count_above(low), 100);
        assert_eq!(histogram.count_above((low + high) / 2), 50);
        assert_eq!(histogram.count_above(high), 0);
    }

    #[test]
    fn sums_beyond_what_a_bucket_holds_keep_their_shape() {
        let mut one = LatencyHistogram::default();
        one.add(10, 4_000_000_000);
        one.add(20, 100_000_000);
        let mut sum = LatencyHistogram::default();
        for _ in 0..1_000 {
            sum.merge(&one);
        }
        for percent in [50, 97, 98, 99] {
            let quantile = Ppm::percent(percent);
            let (sum, one) = (sum.quantile_us(quantile), one.quantile_us(quantile));
            let apart = sum.unwrap().abs_diff(one.unwrap());
            assert!(apart < 100, "p{percent}: {sum:?} and {one:?}");
        }
    }

    #[test]
    fn stores_only_filled_buckets() {
        let mut histogram = LatencyHistogram::default();
        histogram.add(3, 7);
        histogram.add(99, 1);
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(text, "[[3,7],[63,1]]");
        assert_eq!(
            serde_json::from_str::<LatencyHistogram>(&text).unwrap(),
            histogram
        );
    }
}
