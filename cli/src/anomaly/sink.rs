//! Where scores go: stdout or a file, as CSV or as one JSON document, row by row.

use firedrill_core::Micros;
use firedrill_core::health::anomaly::{AnomalyReading, PointStanding, Question};
use firedrill_scenarios::offline::series::SeriesRow;
use serde::Serialize;

use crate::failure::Failure;
use crate::files::Draft;
use crate::output::Output;

/// Digits of a score after the point.
const DIGITS: usize = 12;

#[derive(Debug)]
pub(crate) struct Sink<'a> {
    target: Target<'a>,
    is_json: bool,
    rows: u64,
}

#[derive(Debug)]
enum Target<'a> {
    Stdout(&'a mut Output),
    File(Draft),
}

#[derive(Serialize)]
struct Point<'a> {
    timestamp: &'a str,
    value: Option<f64>,
    anomaly_score: f64,
    nats: f64,
    expected: f64,
    scale: f64,
    question: Question,
    standing: PointStanding,
    shifted: bool,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(
        output: &'a mut Output,
        file: Option<Draft>,
        is_json: bool,
    ) -> Result<Self, Failure> {
        let target = file.map_or(Target::Stdout(output), Target::File);
        let mut sink = Self {
            target,
            is_json,
            rows: 0,
        };
        sink.text(if is_json {
            "{\"schema\":1,\"points\":["
        } else {
            "timestamp,value,anomaly_score\n"
        })?;
        Ok(sink)
    }

    pub(crate) fn write(
        &mut self,
        row: &SeriesRow,
        reading: &AnomalyReading,
    ) -> Result<(), Failure> {
        let text = if self.is_json {
            let point = Point {
                timestamp: &row.time_text,
                value: row.value.is_finite().then_some(row.value),
                anomaly_score: reading.score,
                nats: reading.nats,
                expected: reading.expected,
                scale: reading.scale,
                question: reading.question,
                standing: reading.standing,
                shifted: reading.shifted,
            };
            let point = serde_json::to_string(&point).expect("what is printed is plain data");
            let comma = if self.rows > 0 { "," } else { "" };
            format!("{comma}\n{point}")
        } else {
            let (time, value) = (&row.time_text, &row.value_text);
            format!("{time},{value},{}\n", digits(reading.score))
        };
        self.rows += 1;
        self.text(&text)
    }

    /// Ends the document; a file that still has to be kept.
    pub(crate) fn finish(mut self, season: Option<Micros>) -> Result<Option<Draft>, Failure> {
        if self.is_json {
            let season = season.map_or("null".into(), |season| season.0.to_string());
            self.text(&format!("\n],\"season_us\":{season}}}\n"))?;
        }
        Ok(match self.target {
            Target::Stdout(_) => None,
            Target::File(draft) => Some(draft),
        })
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.target {
            Target::Stdout(output) => output.text(text),
            Target::File(draft) => draft.write(text),
        }
    }
}

/// A score without trailing zeros.
fn digits(score: f64) -> String {
    let text = format!("{score:.DIGITS$}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_keep_the_digits_that_matter() {
        assert_eq!(digits(0.0), "0");
        assert_eq!(digits(0.25), "0.25");
        assert_eq!(digits(1.0 - 1e-9), "0.999999999");
        assert_eq!(digits(1.0), "1");
    }
}
