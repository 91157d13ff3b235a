//! What is wrong with a file: where, what was expected, what to do next.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::place::Place;

/// A file's name and text.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name as the user knows it.
    pub name: String,
    /// The text; empty when it could not be read.
    pub text: Arc<NamedSource<String>>,
}

impl Source {
    /// A file of this name and text.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.into(),
            text: Arc::new(NamedSource::new(name, text.to_owned()).with_language("yaml")),
        }
    }
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug)]
pub struct Problem {
    /// A stable code such as `scenario::unknown-service`.
    pub code: &'static str,
    /// What is wrong, in one line that stands alone.
    pub message: String,
    /// The file.
    pub source: Source,
    /// The place in it; nothing when the file as a whole is meant.
    pub place: Option<Place>,
    /// What was expected there.
    pub label: Option<String>,
    /// One next step.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: &'static str, source: &Source, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            source: source.clone(),
            place: None,
            label: None,
            help: None,
        }
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same with a next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether two problems say the same of the same place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.source.name, self.place, &self.message)
            == (&other.source.name, other.place, &other.message)
    }
}

/// Prints `file:line:column: message [code]`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.name)?;
        if let Some(place) = self.place.filter(|place| place.line > 0) {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.help.as_ref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place?;
        Some(&*self.source.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place?;
        let span = LabeledSpan::new(self.label.clone(), place.offset, place.length);
        Some(Box::new(std::iter::once(span)))
    }
}

/// The closest of `candidates` to `word`, if it is close enough to be meant.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Below this similarity (0 to 1) a suggestion confuses more than it helps.
    const SIMILAR_ENOUGH: f64 = 0.75;
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `a, b and c`, each in backticks.
pub(crate) fn enumerate<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".into(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
