//! CSV with places: a header line, then one row a line, values without quotes.

use std::path::Path;

use firedrill_core::Micros;

use crate::load::LoadErrors;
use crate::place::Place;
use crate::problem::{Problem, Source, closest, enumerate};

/// Rows that are read; more is a mistake in what was exported.
const ROWS_MAX: usize = 5_000_000;

/// A CSV file.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file.
    pub source: Source,
    columns: Vec<String>,
    header: Vec<Place>,
    rows: Vec<Vec<Place>>,
    text: String,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, has no header, or a row has another number of values.
    pub fn load(path: &Path) -> Result<Self, LoadErrors> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot be read: {error}");
            Problem::new("judge::unreadable", &Source::new(&name, ""), message)
                .help("name a CSV file")
        })?;
        Self::parse(&name, &text)
    }

    /// Understands text.
    ///
    /// # Errors
    /// When there is no header, or a row has another number of values than the header.
    pub fn parse(name: &str, text: &str) -> Result<Self, LoadErrors> {
        // Some programs begin a file with a mark of its encoding.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(name, text);
        let mut lines = cells(text);
        let Some(header) = lines.next() else {
            let problem = Problem::new("judge::empty", &source, "the file is empty");
            return Err(problem
                .help("begin with a header such as `timestamp,requests,errors`")
                .into());
        };
        let columns: Vec<String> = header.iter().map(|at| slice(text, *at).into()).collect();
        check_header(&source, &header, &columns)?;
        let mut rows = Vec::new();
        for row in lines {
            if row.len() != columns.len() || rows.len() == ROWS_MAX {
                let place = row.last().copied().unwrap_or_default();
                let (found, expected) = (row.len(), columns.len());
                let message = format!("a row of {found} values, expected {expected}");
                let problem = Problem::new("judge::row", &source, message).at(place);
                return Err(problem
                    .label("the row ends here")
                    .help(format!(
                        "give a value to each of {}",
                        header_names(&columns)
                    ))
                    .into());
            }
            rows.push(row);
        }
        Ok(Self {
            source,
            columns,
            header,
            rows,
            text: text.into(),
        })
    }

    /// The names of the columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The index of a column.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn column(&self, name: &str) -> Result<usize, Box<Problem>> {
        let found = self.columns.iter().position(|column| column == name);
        found.ok_or_else(|| {
            let message = format!("there is no column `{name}`");
            let place = Place {
                line: 1,
                column: 1,
                offset: 0,
                length: self.text.lines().next().map_or(0, str::len),
            };
            let problem = Problem::new("judge::column", &self.source, message).at(place);
            let problem = problem.label(format!("columns are {}", header_names(&self.columns)));
            Box::new(
                match closest(name, self.columns.iter().map(String::as_str)) {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem.help(format!("add a column `{name}`")),
                },
            )
        })
    }

    /// A value as text.
    #[must_use]
    pub fn text(&self, row: usize, column: usize) -> &str {
        slice(&self.text, self.rows[row][column])
    }

    /// A measurement; NaN where the value is missing (empty, `NaN` or `null`).
    ///
    /// # Errors
    /// When it is not a number.
    pub fn number(&self, row: usize, column: usize) -> Result<f64, Box<Problem>> {
        let text = self.text(row, column);
        if text.is_empty() || text.eq_ignore_ascii_case("nan") || text == "null" {
            return Ok(f64::NAN);
        }
        text.parse().map_err(|_| {
            self.problem(row, column, format!("`{text}` is not a number"))
                .help("write a number such as `0.25`, or nothing where it is missing")
                .into()
        })
    }

    /// A count.
    ///
    /// # Errors
    /// When it is not a whole number from 0.
    pub fn count(&self, row: usize, column: usize) -> Result<u64, Box<Problem>> {
        let text = self.text(row, column);
        text.parse().map_err(|_| {
            let message = if text.starts_with('-') {
                format!("`{text}` is a negative count")
            } else {
                format!("`{text}` is not a count")
            };
            self.problem(row, column, message)
                .help("write how many there were in this interval, such as `1200`")
                .into()
        })
    }

    /// A moment: seconds, or a time such as `2026-01-31T12:00:00Z`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn time(&self, row: usize, column: usize) -> Result<Micros, Box<Problem>> {
        let text = self.text(row, column);
        moment(text).ok_or_else(|| {
            self.problem(row, column, format!("`{text}` is not a time"))
                .help("write seconds such as `1767225600`, or `2026-01-01T00:00:00Z`")
                .into()
        })
    }

    /// A problem with a column.
    #[must_use]
    pub fn header_problem(&self, column: usize, message: String) -> Problem {
        let problem = Problem::new("judge::column", &self.source, message);
        problem.at(self.header[column]).label("here")
    }

    /// A problem with a value.
    #[must_use]
    pub fn problem(&self, row: usize, column: usize, message: String) -> Problem {
        let place = self.rows[row][column];
        Problem::new("judge::value", &self.source, message)
            .at(place)
            .label("here")
    }
}

/// What a header cannot be: names between other marks than commas, a name twice.
fn check_header(source: &Source, header: &[Place], columns: &[String]) -> Result<(), Box<Problem>> {
    if let Some(problem) = other_separator(source, header, columns) {
        return Err(problem.into());
    }
    let twice = (1..columns.len()).find(|at| columns[..*at].contains(&columns[*at]));
    let Some(at) = twice else { return Ok(()) };
    let message = format!("there are two columns `{}`", columns[at]);
    let problem = Problem::new("judge::column", source, message).at(header[at]);
    let problem = problem.label("the second one");
    Err(problem
        .help("remove one of the two, or name it otherwise")
        .into())
}

/// One name with semicolons or tabs in it is several names.
pub(super) fn other_separator(
    source: &Source,
    header: &[Place],
    columns: &[String],
) -> Option<Problem> {
    let ([place], [name]) = (header, columns) else {
        return None;
    };
    let marks = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
    let (_, mark) = marks.into_iter().find(|(mark, _)| name.contains(*mark))?;
    let message = format!("the columns stand between {mark}, not commas");
    let problem = Problem::new("judge::separator", source, message).at(*place);
    let problem = problem.label("commas are expected here");
    Some(problem.help("export the file with commas, and points in numbers"))
}

/// A moment, written as seconds or as a date with a time.
pub(super) fn moment(text: &str) -> Option<Micros> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| {
        // A century of microseconds fits; so do epoch seconds.
        (0.0..1e11).contains(seconds)
    });
    let epoch = || {
        let time = humantime::parse_rfc3339_weak(text).ok()?;
        let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(since.as_secs_f64())
    };
    let seconds = seconds.or_else(epoch)?;
    Some(Micros((seconds * 1e6) as u64))
}

fn header_names(columns: &[String]) -> String {
    enumerate(columns.iter().map(String::as_str))
}

fn slice(text: &str, place: Place) -> &str {
    &text[place.offset..place.offset + place.length]
}

/// The places of the values of every line that holds any; lines that begin with `#` hold none.
fn cells(text: &str) -> impl Iterator<Item = Vec<Place>> + '_ {
    let mut offset = 0;
    let lines = text
        .split_inclusive('\n')
        .enumerate()
        .map(move |(index, line)| {
            let start = offset;
            offset += line.len();
            (index, start, line.trim_end_matches(['\n', '\r']))
        });
    let lines = lines.filter(|(_, _, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|(index, start, line)| {
        let mut at = 0;
        line.split(',')
            .map(|cell| {
                let inside = at + (cell.len() - cell.trim_start().len());
                at += cell.len() + 1;
                Place {
                    line: index as u32 + 1,
                    column: line[..inside].chars().count() as u32 + 1,
                    offset: start + inside,
                    length: cell.trim().len(),
                }
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_where_they_stand() {
        let table = Table::parse("a.csv", "# made by hand\ntimestamp, errors\n\n1,x\n2, -3\n");
        let table = table.unwrap();
        assert_eq!(table.columns(), ["timestamp", "errors"]);
        let said = |row| table.count(row, 1).unwrap_err().to_string();
        assert!(
            said(0).starts_with("a.csv:4:3: `x` is not a count"),
            "{}",
            said(0)
        );
        assert!(said(1).starts_with("a.csv:5:4: `-3` is a negative count"));
        assert_eq!(table.time(1, 0).unwrap(), Micros::from_secs(2));
        let missing = table.column("error").unwrap_err();
        assert_eq!(missing.help.as_deref(), Some("did you mean `errors`?"));
    }

    #[test]
    fn times_are_seconds_or_dates() {
        let table = Table::parse("a.csv", "t\n1970-01-01T00:01:00Z\n-5\nlater\n").unwrap();
        assert_eq!(table.time(0, 0).unwrap(), Micros::from_mins(1));
        assert!(table.time(1, 0).is_err() && table.time(2, 0).is_err());
    }

    #[test]
    fn headers_have_commas_and_no_name_twice() {
        let marked = Table::parse("a.csv", "\u{feff}timestamp,errors\n1,2\n").unwrap();
        assert_eq!(marked.columns(), ["timestamp", "errors"]);
        let said = |text: &str| Table::parse("a.csv", text).unwrap_err().to_string();
        let semicolons = said("timestamp;errors\n1;2\n");
        assert!(
            semicolons.contains("between semicolons, not commas"),
            "{semicolons}"
        );
        let twice = said("timestamp,errors,errors\n");
        assert!(
            twice.starts_with("a.csv:1:18: there are two columns `errors`"),
            "{twice}"
        );
    }

    #[test]
    fn rows_are_as_long_as_the_header() {
        let error = Table::parse("a.csv", "a,b\n1\n").unwrap_err().to_string();
        assert!(
            error.contains("a.csv:2:1: a row of 1 values, expected 2"),
            "{error}"
        );
        assert!(Table::parse("a.csv", "").is_err());
    }
}
