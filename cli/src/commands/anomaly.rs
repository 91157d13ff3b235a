//! `firedrill anomaly`.

use std::path::PathBuf;

use clap::Args;
use firedrill_core::Micros;
use firedrill_core::health::anomaly::{AnomalyDetector, AnomalyPolicy, Season};
use firedrill_scenarios::offline::series::SeriesReader;
use firedrill_scenarios::scalar::{Duration, Kind as _};
use firedrill_sim::expect::length;

use crate::Outcome;
use crate::anomaly::sink::Sink;
use crate::anomaly::svg::Sketch;
use crate::args::Format;
use crate::failure::Failure;
use crate::files::Draft;
use crate::output::Output;

/// Score each point of a series against the series' own past
///
/// Reads the columns `timestamp` (seconds, 2026-01-31T12:00:00Z or 2026-01-31 12:00:00) and
/// `value`, and writes `timestamp,value,anomaly_score` row by row, whatever the length of the
/// file. A score of 0.999 or more comes once in about 1,000 points while nothing changes. Points
/// that cannot be scored (the first sixteen, missing, late or repeated ones) have score 0.
///
/// Example:
///
///     firedrill anomaly requests.csv --season 1d --out scores.csv --svg scores.svg
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct AnomalyCommand {
    /// The series: CSV with the columns `timestamp` and `value`
    #[arg(value_name = "CSV")]
    series: PathBuf,
    /// The length of the season, such as `1d` or `1h`, or `none`; found when left out
    #[arg(long, value_name = "DURATION", value_parser = season)]
    season: Option<Season>,
    /// Write the scores to a file, when every row could be read
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw the series and its scores as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn season(text: &str) -> Result<Season, String> {
    if text == "none" {
        return Ok(Season::None);
    }
    match Duration::parse(text) {
        Ok(length) if length > Micros::ZERO => Ok(Season::Every(length)),
        Ok(_) | Err(_) => Err(format!(
            "expected {} above 0, or `none`",
            Duration::EXPECTED
        )),
    }
}

pub(crate) fn anomaly(command: &AnomalyCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let policy = AnomalyPolicy {
        season: command.season.unwrap_or_default(),
        ..AnomalyPolicy::default()
    };
    let mut detector = AnomalyDetector::new(policy).map_err(Failure::Anomaly)?;
    let mut reader = SeriesReader::open(&command.series).map_err(Failure::problem)?;
    let is_json = match output.format() {
        Format::Json => true,
        Format::Human => false,
    };
    let out = Draft::open_if(command.out.as_deref())?;
    let svg = Draft::open_if(command.svg.as_deref())?;
    let mut sink = Sink::new(output, out, is_json)?;
    let mut sketch = Sketch::default();
    let mut steps = Steps::default();
    let ended = loop {
        let row = match reader.next_row() {
            Ok(Some(row)) => row,
            Ok(None) => break Ok(()),
            Err(problem) => break Err(Failure::problem(problem)),
        };
        steps.check(row.at, policy.season)?;
        let reading = detector.observe(row.at, row.value);
        sink.write(&row, &reading)?;
        if svg.is_some() {
            sketch.add(&row.time_text, row.value, reading.nats);
        }
    };
    if ended.is_err() && command.out.is_some() {
        return ended.map(|()| Outcome::Passed); // the file stays as it was
    }
    let out = sink.finish(ended.is_ok().then(|| detector.season()).flatten())?;
    ended?;
    let svg = svg.map(|mut svg| svg.write(&sketch.text()).map(|()| svg));
    Draft::keep(out.into_iter().chain(svg.transpose()?))?;
    Ok(Outcome::Passed)
}

/// Points whose steps say how long a season may be: those that are not scored yet.
const FIRST_POINTS: u32 = 16;

/// The time between points at the beginning of a series.
#[derive(Debug, Default)]
struct Steps {
    points: u32,
    last: Option<Micros>,
    shortest: Option<Micros>,
}

impl Steps {
    /// Refuses a season in which there are not even two points.
    fn check(&mut self, at: Micros, season: Season) -> Result<(), Failure> {
        let Season::Every(season) = season else {
            return Ok(());
        };
        if self.points < FIRST_POINTS {
            let step = self.last.filter(|last| *last < at).map(|last| at - last);
            self.shortest = step.into_iter().chain(self.shortest).min();
            self.last = Some(at);
            self.points += 1;
        }
        match self.shortest {
            Some(step) if self.points == FIRST_POINTS && season < step + step => {
                Err(Failure::Arguments(format!(
                    "--season of {} is too short: points are {} apart, and a season is two of \
                     them or more",
                    length(season),
                    length(step)
                )))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_holds_two_points() {
        let check = |season| {
            let mut steps = Steps::default();
            (0..20).try_for_each(|n| steps.check(Micros::from_secs(300 * n), season))
        };
        assert!(check(Season::Every(Micros::from_millis(1))).is_err());
        assert!(check(Season::Every(Micros::from_mins(10))).is_ok());
        assert!(check(Season::Find).is_ok());
    }

    #[test]
    fn seasons_are_lengths_or_none() {
        assert_eq!(season("1d"), Ok(Season::Every(Micros::from_hours(24))));
        assert_eq!(season("none"), Ok(Season::None));
        assert!(season("0s").is_err() && season("daily").is_err());
    }
}
