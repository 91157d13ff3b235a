//! Where scores go: stdout or a file, as CSV or as one JSON document, row by row.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use firedrill_core::Micros;
use firedrill_core::health::anomaly::{AnomalyReading, PointStanding, Question};
use firedrill_scenarios::offline::series::SeriesRow;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::Failure;
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
    /// A file that has its name only when all is written.
    File(PathBuf, BufWriter<NamedTempFile>),
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
        file: Option<&Path>,
        is_json: bool,
    ) -> Result<Self, Failure> {
        let target = match file {
            None => Target::Stdout(output),
            Some(path) => {
                let folder = path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                let mut builder = tempfile::Builder::new();
                builder.prefix(".firedrill-");
                // For everybody whom the user's mask lets, like any other file.
                #[cfg(unix)]
                builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
                let made = builder
                    .tempfile_in(folder.unwrap_or(Path::new(".")))
                    .map_err(|error| cannot_write(path, error))?;
                Target::File(path.into(), BufWriter::new(made))
            }
        };
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

    pub(crate) fn finish(mut self, season: Option<Micros>) -> Result<(), Failure> {
        if self.is_json {
            let season = season.map_or("null".into(), |season| season.0.to_string());
            self.text(&format!("\n],\"season_us\":{season}}}\n"))?;
        }
        match self.target {
            Target::Stdout(_) => Ok(()),
            Target::File(path, file) => {
                let file = file
                    .into_inner()
                    .map_err(|error| cannot_write(&path, error.into_error()))?;
                let kept = file.persist(&path);
                kept.map_err(|error| cannot_write(&path, error.error))?;
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.target {
            Target::Stdout(output) => output.text(text),
            Target::File(path, file) => file
                .write_all(text.as_bytes())
                .map_err(|error| cannot_write(path, error)),
        }
    }
}

fn cannot_write(path: &Path, source: io::Error) -> Failure {
    Failure::Write {
        path: path.into(),
        source,
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
