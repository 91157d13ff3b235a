//! One series from a CSV file of any length, row by row; memory holds two lines.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use firedrill_core::Micros;

use crate::place::Place;
use crate::problem::{Problem, Source, closest, enumerate};

use super::table::{moment, other_separator};

/// Bytes of a line, at the most.
const LINE_MAX: u64 = 64 * 1_024;

/// A row of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRow {
    /// The time as written.
    pub time_text: String,
    /// The time.
    pub at: Micros,
    /// The value as written.
    pub value_text: String,
    /// The value; NaN where it is missing (empty, `NaN` or `null`).
    pub value: f64,
}

/// Reads the columns `timestamp` and `value`; others are skipped, and so are empty lines and
/// lines that begin with `#`.
#[derive(Debug)]
pub struct SeriesReader<R> {
    name: String,
    reader: R,
    line: String,
    /// The line before, to show it where something is wrong.
    before: String,
    number: u32,
    width: usize,
    time: usize,
    value: usize,
}

impl SeriesReader<BufReader<File>> {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read or lacks a column.
    pub fn open(path: &Path) -> Result<Self, Box<Problem>> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| {
            let message = format!("cannot be read: {error}");
            Problem::new("series::unreadable", &Source::new(&name, ""), message)
                .help("name a CSV file with the columns `timestamp` and `value`")
        })?;
        Self::new(&name, BufReader::new(file))
    }
}

impl<R: BufRead> SeriesReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When there is none, or it lacks a column.
    pub fn new(name: &str, reader: R) -> Result<Self, Box<Problem>> {
        let mut series = Self {
            name: name.into(),
            reader,
            line: String::new(),
            before: String::new(),
            number: 0,
            width: 0,
            time: 0,
            value: 0,
        };
        if !series.advance()? {
            let problem = series.problem(None, "the file is empty".into());
            return Err(problem.help("begin with `timestamp,value`").into());
        }
        if let Some(problem) = series.other_separator() {
            return Err(problem);
        }
        if series
            .cells()
            .all(|(_, cell)| moment(cell).is_some() || number(cell).is_some())
        {
            let first = series.cells().next().map(|(place, _)| place);
            let message = "the first line holds values, not the names of columns".into();
            let problem = series.problem(first, message);
            let help = "begin with a line of names, `timestamp,value`";
            return Err(problem.label("a name is expected here").help(help).into());
        }
        series.width = series.cells().count();
        series.time = series.column("timestamp")?;
        series.value = series.column("value")?;
        Ok(series)
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn next_row(&mut self) -> Result<Option<SeriesRow>, Box<Problem>> {
        if !self.advance()? {
            return Ok(None);
        }
        let found = self.cells().count();
        if found != self.width {
            let message = format!("a row of {found} values, expected {}", self.width);
            let place = self.cells().last().map(|(place, _)| place);
            let problem = self.problem(place, message);
            return Err(problem.help("give a value to each column").into());
        }
        let (time_place, time_text) = self.cell(self.time);
        let Some(at) = moment(time_text) else {
            let message = format!("`{time_text}` is not a time");
            return Err(self
                .problem(Some(time_place), message)
                .help("write seconds such as `1767225600`, or `2026-01-01T00:00:00Z`")
                .into());
        };
        let (value_place, value_text) = self.cell(self.value);
        let Some(value) = number(value_text) else {
            let message = format!("`{value_text}` is not a number");
            return Err(self
                .problem(Some(value_place), message)
                .help("write a number such as `0.25`, or nothing where it is missing")
                .into());
        };
        Ok(Some(SeriesRow {
            time_text: time_text.into(),
            at,
            value_text: value_text.into(),
            value,
        }))
    }

    /// Goes to the next line that holds values.
    fn advance(&mut self) -> Result<bool, Box<Problem>> {
        loop {
            std::mem::swap(&mut self.line, &mut self.before);
            self.line.clear();
            self.number += 1;
            let mut limited = self.reader.by_ref().take(LINE_MAX);
            let read = match limited.read_line(&mut self.line) {
                Ok(read) => read,
                Err(error) => {
                    let message = format!("line {} cannot be read: {error}", self.number);
                    let problem = self.problem(None, message);
                    return Err(problem.help("write the file as UTF-8 text").into());
                }
            };
            if read as u64 == LINE_MAX {
                let message = format!("line {} is longer than {LINE_MAX} bytes", self.number);
                let problem = self.problem(None, message);
                return Err(problem.help("end each row with a line break").into());
            }
            if read == 0 {
                return Ok(false);
            }
            // Some programs begin a file with a mark of its encoding.
            if self.number == 1 && self.line.starts_with('\u{feff}') {
                self.line.remove(0);
            }
            let text = self.line.trim();
            if !text.is_empty() && !text.starts_with('#') {
                return Ok(true);
            }
        }
    }

    fn cells(&self) -> impl Iterator<Item = (Place, &str)> {
        let line = self.line.trim_end_matches(['\n', '\r']);
        let mut offset = 0;
        line.split(',').map(move |cell| {
            let inside = offset + (cell.len() - cell.trim_start().len());
            offset += cell.len() + 1;
            let text = cell.trim();
            let place = Place {
                line: self.number,
                column: line[..inside].chars().count() as u32 + 1,
                offset: inside,
                length: text.len(),
            };
            (place, text)
        })
    }

    fn cell(&self, index: usize) -> (Place, &str) {
        self.cells().nth(index).unwrap_or_default()
    }

    fn other_separator(&self) -> Option<Box<Problem>> {
        let (header, columns): (Vec<Place>, Vec<String>) = self
            .cells()
            .map(|(place, name)| (place, name.to_owned()))
            .unzip();
        let source = Source::new(&self.name, &self.line);
        let problem = other_separator(&source, &header, &columns)?;
        Some(
            self.problem(header.first().copied(), problem.message)
                .help(problem.help?)
                .into(),
        )
    }

    fn column(&self, name: &str) -> Result<usize, Box<Problem>> {
        let found = self.cells().position(|(_, cell)| cell == name);
        found.ok_or_else(|| {
            let place = Place {
                line: self.number,
                column: 1,
                offset: 0,
                length: self.line.trim_end().len(),
            };
            let names: Vec<&str> = self.cells().map(|(_, cell)| cell).collect();
            let problem = self.problem(Some(place), format!("there is no column `{name}`"));
            let problem =
                problem.label(format!("columns are {}", enumerate(names.iter().copied())));
            let help = match closest(name, names.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add a column `{name}`"),
            };
            Box::new(problem.help(help))
        })
    }

    /// A problem with the current line, in a source that holds it and the line before.
    fn problem(&self, place: Option<Place>, message: String) -> Problem {
        let blank = self.number.saturating_sub(2) as usize;
        let text = "\n".repeat(blank) + &self.before + &self.line;
        let before = blank + self.before.len();
        let problem = Problem::new("series::value", &Source::new(&self.name, &text), message);
        match place {
            Some(place) => problem.at(Place {
                offset: place.offset + before,
                ..place
            }),
            None => problem,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") || text == "null" {
        return Some(f64::NAN);
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<SeriesRow>, String> {
        let mut reader =
            SeriesReader::new("s.csv", text.as_bytes()).map_err(|problem| problem.to_string())?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row().map_err(|problem| problem.to_string())? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn columns_may_stand_anywhere() {
        let rows = read("value,host,timestamp\n1.5,a,1970-01-01 00:01:00\n\n# note\n,b,61.5\r\n");
        let rows = rows.unwrap();
        assert_eq!(rows[0].at, Micros::from_mins(1));
        assert_eq!((rows[0].value, rows[0].value_text.as_str()), (1.5, "1.5"));
        assert_eq!(rows[1].at, Micros::from_millis(61_500));
        assert!(rows[1].value.is_nan());
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let check = |text: &str, expected: &str| {
            let said = read(text).unwrap_err();
            assert!(said.contains(expected), "{said}");
        };
        check("", "the file is empty");
        check(
            "1,2\n2,3\n",
            "s.csv:1:1: the first line holds values, not the names of columns",
        );
        check(
            "timestamp,values\n",
            "s.csv:1:1: there is no column `value`",
        );
        check(
            "timestamp,value\n1,2\n2,x\n",
            "s.csv:3:3: `x` is not a number",
        );
        check(
            "timestamp,value\nnoon,2\n",
            "s.csv:2:1: `noon` is not a time",
        );
        check("timestamp,value\n1,2,3\n", "s.csv:2:5: a row of 3 values");
        let long = format!("timestamp,value\n1,{}\n", "1".repeat(70_000));
        check(&long, "line 2 is longer than 65536 bytes");
    }
}
