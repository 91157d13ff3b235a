//! A series above, how odd its points are below; of any length, in bounded memory.

use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 340.0;
const SERIES: (f64, f64) = (10.0, 210.0);
const SCORES: (f64, f64) = (230.0, 310.0);
/// Columns that are drawn, at the most; twice as many buckets are merged in pairs.
const COLUMNS: usize = 900;
/// Nats at the top of the lower part.
const NATS_MAX: f64 = 25.0;
/// Nats of the line: once in a thousand points.
const NATS_LINE: f64 = 6.907_755;

/// The least and the largest of some points, and the oddest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    low: f64,
    high: f64,
    nats: f64,
}

impl Bucket {
    const EMPTY: Self = Self {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        nats: 0.0,
    };

    fn merge(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            nats: self.nats.max(other.nats),
        }
    }
}

/// What is drawn in the end.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    buckets: Vec<Bucket>,
    /// Points of a bucket.
    width: u64,
    /// Points of the last bucket.
    filled: u64,
    /// The times of the first point and of the last one, as the series has them.
    times: Option<(String, String)>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            width: 1,
            filled: 0,
            times: None,
        }
    }
}

impl Sketch {
    pub(crate) fn add(&mut self, time: &str, value: f64, nats: f64) {
        match &mut self.times {
            None => self.times = Some((time.into(), time.into())),
            Some((_, last)) => time.clone_into(last),
        }
        if self.buckets.is_empty() || self.filled == self.width {
            if self.buckets.len() == 2 * COLUMNS {
                let pairs = self.buckets.chunks(2);
                let merged =
                    pairs.map(|pair| pair.iter().copied().fold(Bucket::EMPTY, Bucket::merge));
                self.buckets = merged.collect();
                self.width *= 2;
            }
            self.buckets.push(Bucket::EMPTY);
            self.filled = 0;
        }
        self.filled += 1;
        let point = if value.is_finite() {
            Bucket {
                low: value,
                high: value,
                nats,
            }
        } else {
            Bucket::EMPTY
        };
        if let Some(last) = self.buckets.last_mut() {
            *last = last.merge(point);
        }
    }

    pub(crate) fn text(&self) -> String {
        let all = self
            .buckets
            .iter()
            .copied()
            .fold(Bucket::EMPTY, Bucket::merge);
        let span = (all.high - all.low).max(f64::MIN_POSITIVE);
        let height = SERIES.1 - SERIES.0;
        let y = |value: f64| SERIES.1 - (value - all.low) / span * height;
        let nats_height = |nats: f64| nats.min(NATS_MAX) / NATS_MAX * (SCORES.1 - SCORES.0);
        let step = WIDTH / self.buckets.len().max(1) as f64;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n<title>A series and how odd its points \
             are</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let (mut series, mut scores) = (String::new(), String::new());
        for (index, bucket) in self.buckets.iter().enumerate() {
            let x = (index as f64 + 0.5) * step;
            if bucket.low <= bucket.high {
                let (top, low) = (y(bucket.high), y(bucket.low) + 1.0);
                let _ = write!(series, "M{x:.1} {top:.1}V{low:.1}");
            }
            if bucket.nats > 0.0 {
                let top = SCORES.1 - nats_height(bucket.nats);
                let _ = write!(scores, "M{x:.1} {}V{top:.1}", SCORES.1);
            }
        }
        let line = SCORES.1 - nats_height(NATS_LINE);
        let _ = write!(
            text,
            "<path d=\"{series}\" stroke=\"#0060a0\" fill=\"none\"/>\n<path d=\"{scores}\" \
             stroke=\"#c03000\" fill=\"none\"/>\n<path d=\"M0 {line:.1}H{WIDTH}\" \
             stroke=\"#888888\" stroke-dasharray=\"4\"/>\n<text x=\"4\" y=\"{:.1}\">score \
             0.999</text>\n<text x=\"4\" y=\"20\">{}</text>\n<text x=\"4\" y=\"{}\">{}</text>\n",
            line - 3.0,
            short(all.high),
            SERIES.1,
            short(all.low)
        );
        text.push_str(&self.axis());
        text.push_str("</svg>\n");
        text
    }

    /// The times of both ends; points stand one beside the other, whatever lies between them.
    fn axis(&self) -> String {
        let Some((first, last)) = &self.times else {
            return String::new();
        };
        let (first, last) = (escape(first), escape(last));
        let (line, top) = (SCORES.1 + 4.0, SCORES.1 + 20.0);
        let middle = WIDTH / 2.0;
        let right = WIDTH - 4.0;
        format!(
            "<path d=\"M0 {line}H{WIDTH}\" stroke=\"#888888\"/>\n<text x=\"4\" \
             y=\"{top}\">{first}</text>\n<text x=\"{middle}\" y=\"{top}\" \
             text-anchor=\"middle\">time, point by point</text>\n<text x=\"{right}\" \
             y=\"{top}\" text-anchor=\"end\">{last}</text>\n"
        )
    }
}

/// Four digits that matter.
fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".into();
    }
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let before = if size < 1.0 {
        0
    } else {
        size.log10() as usize + 1
    };
    let text = format!("{value:.*}", 4_usize.saturating_sub(before));
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').into();
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_series_keep_their_extremes() {
        let mut sketch = Sketch::default();
        for i in 0..1_000_000_u32 {
            let value = if i == 777_777 { 99.0 } else { f64::from(i % 7) };
            sketch.add(&i.to_string(), value, if i == 5 { 12.0 } else { 0.0 });
        }
        assert!(sketch.buckets.len() <= 2 * COLUMNS);
        let all = sketch
            .buckets
            .iter()
            .copied()
            .fold(Bucket::EMPTY, Bucket::merge);
        assert_eq!((all.low, all.high, all.nats), (0.0, 99.0, 12.0));
        assert!(sketch.text().ends_with("</svg>\n"));
        assert!(sketch.text().contains("text-anchor=\"end\">999999</text>"));
        assert!(Sketch::default().text().contains("</svg>"));
    }

    #[test]
    fn labels_are_short() {
        let values = [1_234.567_891_234_5, 0.123_456_789, 99.0, 0.0, -3.5, 1.5e9];
        let expected = ["1235", "0.1235", "99", "0", "-3.5", "1.500e9"];
        assert_eq!(values.map(short), expected);
    }
}
