//! Stdout: data, and nothing else.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use anstyle::{AnsiColor, Style};
use firedrill_core::health::Outcome as Verdict;
use serde::Serialize;

use crate::args::{ColorChoice, Format, Global};
use crate::failure::Failure;

/// Stdout, with the choices about it.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    format: Format,
    color: bool,
    color_errors: bool,
    verbose: bool,
    /// Whether nobody reads any more: what is left to print is dropped, the work goes on.
    closed: bool,
}

/// What the surroundings say about colour.
#[derive(Clone, Copy, Debug)]
struct Surroundings {
    is_terminal: bool,
    no_color: bool,
    is_dumb: bool,
}

/// Whether to use colour.
const fn use_color(choice: ColorChoice, around: Surroundings) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => around.is_terminal && !around.no_color && !around.is_dumb,
    }
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let around = |is_terminal| Surroundings {
            is_terminal,
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            is_dumb: std::env::var_os("TERM").is_some_and(|value| value == "dumb"),
        };
        let stdout = io::stdout();
        Self {
            color: use_color(global.color, around(stdout.is_terminal())),
            color_errors: use_color(global.color, around(io::stderr().is_terminal())),
            stdout: BufWriter::new(stdout),
            format: global.format,
            verbose: global.verbose > 0,
            closed: false,
        }
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Whether to print all there is.
    pub(crate) const fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether words may have colour.
    pub(crate) const fn color(&self) -> bool {
        self.color
    }

    pub(crate) const fn color_errors(&self) -> bool {
        self.color_errors
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        self.text(&format!("{line}\n"))
    }

    /// Prints text that ends its own lines.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let written = self.stdout.write_all(text.as_bytes());
        self.or_closed(written)
    }

    /// A reader that goes away is no error: its `head -3` has seen enough.
    fn or_closed(&mut self, result: io::Result<()>) -> Result<(), Failure> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other.map_err(Failure::Print),
        }
    }

    /// Prints a JSON document.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).expect("what is printed is plain data");
        self.line(text)
    }

    /// A judge's outcome as a word; colour only underlines it.
    pub(crate) fn outcome(&self, outcome: Verdict) -> String {
        match outcome {
            Verdict::Pass => self.verdict(true),
            Verdict::Fail => self.verdict(false),
            Verdict::Inconclusive | Verdict::NoData(_) => outcome.to_string().to_uppercase(),
        }
    }

    /// `PASS` or `FAIL`; colour only underlines the word.
    pub(crate) fn verdict(&self, passed: bool) -> String {
        let (word, color) = if passed {
            ("PASS", AnsiColor::Green)
        } else {
            ("FAIL", AnsiColor::Red)
        };
        if self.color {
            let style = Style::new().bold().fg_color(Some(color.into()));
            format!("{style}{word}{style:#}")
        } else {
            word.into()
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.stdout.flush();
        self.or_closed(flushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_decided_once() {
        let around = |is_terminal, no_color, is_dumb| Surroundings {
            is_terminal,
            no_color,
            is_dumb,
        };
        let auto = |around| use_color(ColorChoice::Auto, around);
        assert!(auto(around(true, false, false)));
        assert!(!auto(around(false, false, false)));
        assert!(!auto(around(true, true, false)));
        assert!(!auto(around(true, false, true)));
        assert!(use_color(ColorChoice::Always, around(false, true, true)));
        assert!(!use_color(ColorChoice::Never, around(true, false, false)));
    }
}
