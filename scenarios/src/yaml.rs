//! Reading YAML, and saying what is wrong with it in this project's words.

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location};

use crate::place::Place;
use crate::problem::{Problem, Source, closest, enumerate};

/// The next step when the words of a problem do not already say it.
pub(crate) const SEE_SCHEMA: &str = "`firedrill schema` tells what each key takes";

/// Reads a file of a type.
///
/// # Errors
/// The first thing that keeps the text from being one.
pub(crate) fn read<T: DeserializeOwned>(source: &Source) -> Result<T, Box<Problem>> {
    let text = source.text.inner();
    serde_saphyr::from_str(text).map_err(|error| Box::new(explain(source, text, &error)))
}

/// The same problem, with the schema of another kind of file as its next step.
pub(crate) fn with_schema(mut problem: Box<Problem>, kind: &str) -> Box<Problem> {
    if problem.help.as_deref() == Some(SEE_SCHEMA) {
        problem.help = Some(format!(
            "`firedrill schema {kind}` tells what each key takes"
        ));
    }
    problem
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the reader has some sixty ways to fail; the others are told in its words"
)]
fn explain(source: &Source, text: &str, error: &Error) -> Problem {
    let error = error.without_snippet();
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let place = visible(text, Place::from(&location));
    if let Some(place) = choice_without_keys(text, place, error) {
        let word = &text[place.offset..place.offset + place.length];
        return Problem::new(
            "scenario::wrong-type",
            source,
            format!("`{word}` takes keys and values"),
        )
        .at(place)
        .label("expected keys and values behind this")
        .help(format!(
            "write `{word}: {{}}`, with its keys between the braces"
        ));
    }
    let problem = |code, message: String| Problem::new(code, source, message).at(place);
    match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let allowed = expected.iter().copied();
            let problem = problem("scenario::unknown-key", format!("unknown key `{field}`"));
            let problem = problem.label("no such key here");
            match closest(field, allowed.clone()) {
                Some(name) => problem.help(format!("did you mean `{name}`?")),
                None if expected.is_empty() => problem.help("no key is allowed here"),
                None => problem.help(format!("allowed here are {}", enumerate(allowed))),
            }
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            let allowed = expected.iter().copied();
            let problem = problem(
                "scenario::unknown-choice",
                format!("`{variant}` is not one of the choices"),
            );
            let problem = problem.label(format!("choices are {}", enumerate(allowed.clone())));
            match closest(variant, allowed) {
                Some(name) => problem.help(format!("did you mean `{name}`?")),
                None => problem,
            }
        }
        Error::SerdeMissingField { field, .. } => {
            problem("scenario::missing-key", format!("key `{field}` is missing"))
                .label(format!("expected `{field}` beside this"))
                .help(SEE_SCHEMA)
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            problem(
                "scenario::duplicate-key",
                format!("key `{key}` is there twice"),
            )
            .label("the second one")
            .help("remove one of the two")
        }
        other => explain_text(other, problem),
    }
}

/// A choice that takes keys, written as a bare word: the reader finds out only at what follows, a
/// key or the end of the text, and names the place of that.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other errors are where they say they are"
)]
fn choice_without_keys(text: &str, place: Place, error: &Error) -> Option<Place> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match error {
        Error::Unexpected {
            expected: "mapping start",
            ..
        } => {
            let rest = text.get(place.offset..)?.trim_start_matches(is_plain);
            rest.starts_with(':').then_some(())?;
        }
        Error::Eof { .. } => {}
        _ => return None,
    }
    let mut before = text.get(..place.offset)?;
    loop {
        before = before.trim_end_matches(|c: char| c.is_whitespace() || c == ',');
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        if !before[line..].trim_start().starts_with('#') {
            break;
        }
        before = &before[..line];
    }
    let offset = before.trim_end_matches(is_plain).len();
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    (offset < before.len()).then(|| Place {
        line: before.matches('\n').count() as u32 + 1,
        column: before[line..offset].chars().count() as u32 + 1,
        offset,
        length: before.len() - offset,
    })
}

/// What is wrong with the text itself, whatever it was to hold.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the reader has some sixty ways to fail; the others are told in its words"
)]
fn explain_text(error: &Error, problem: impl FnOnce(&'static str, String) -> Problem) -> Problem {
    match error {
        Error::Unexpected { expected, .. } => {
            let expected = match *expected {
                "string scalar" => "a single value, such as `10m`",
                "sequence start" => "a list, each item after a dash",
                "mapping start" => "keys and values, as in `key: value`",
                other => other,
            };
            problem("scenario::wrong-type", format!("expected {expected}"))
                .label(format!("expected {expected}"))
                .help(SEE_SCHEMA)
        }
        Error::NullIntoString { .. } => {
            problem("scenario::missing-value", "a key has no value".into())
                .label("expected a value behind this key")
                .help(SEE_SCHEMA)
        }
        Error::Eof { .. } => problem(
            "scenario::bad-yaml",
            "the file is empty or ends too early".into(),
        )
        .help(SEE_SCHEMA),
        Error::Message { .. } | Error::ExternalMessage { .. } => {
            problem("scenario::bad-yaml", first_line(&error.to_string()))
                .label("YAML cannot be read beyond this point")
                .help("check indentation, quotes and brackets on this line and the one before")
        }
        other => problem("scenario::wrong-type", first_line(&other.to_string()))
            .label("here")
            .help(SEE_SCHEMA),
    }
}

/// A message without its own location, which is printed in front of it.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    match line.rfind(" at line ") {
        Some(at) => line[..at].to_owned(),
        None => line.to_owned(),
    }
}

/// A place that can be marked: inside the text, and on its line only. Errors of the YAML scanner
/// come without bytes; line and column lead to them.
fn visible(text: &str, place: Place) -> Place {
    let offset = if place.offset == 0 && place.line > 0 {
        offset_of(text, place)
    } else {
        place.offset.min(text.len())
    };
    let rest = text.get(offset..).unwrap_or("");
    let line = rest.find('\n').unwrap_or(rest.len());
    Place {
        offset,
        length: place.length.min(line),
        ..place
    }
}

fn offset_of(text: &str, place: Place) -> usize {
    let before = place.line.saturating_sub(1) as usize;
    let lines = text.split_inclusive('\n').take(before);
    let start: usize = lines.map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or("");
    let columns = line.chars().take(place.column.saturating_sub(1) as usize);
    start + columns.map(char::len_utf8).sum::<usize>()
}
