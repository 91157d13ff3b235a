//! Reading YAML, and saying what is wrong with it in this project's words.

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location};

use crate::place::Place;
use crate::problem::{Problem, Source, closest, enumerate};

/// Reads a file of a type.
///
/// # Errors
/// The first thing that keeps the text from being one.
pub(crate) fn read<T: DeserializeOwned>(source: &Source) -> Result<T, Problem> {
    let text = source.text.inner();
    serde_saphyr::from_str(text).map_err(|error| explain(source, text, &error))
}

fn explain(source: &Source, text: &str, error: &Error) -> Problem {
    let error = error.without_snippet();
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let place = visible(text, Place::from(&location));
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
            let problem = problem.label(format!("expected {}", enumerate(allowed.clone())));
            match closest(variant, allowed) {
                Some(name) => problem.help(format!("did you mean `{name}`?")),
                None => problem,
            }
        }
        Error::SerdeMissingField { field, .. } => {
            problem("scenario::missing-key", format!("key `{field}` is missing"))
                .label(format!("expected `{field}` in here"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            problem("scenario::duplicate-key", format!("key `{key}` is there twice"))
                .label("the second one")
                .help("remove one of the two")
        }
        other => {
            let message = first_line(&other.to_string());
            match other {
                Error::Message { .. } => problem("scenario::bad-yaml", message)
                    .label("YAML cannot be read beyond this point"),
                _ => problem("scenario::wrong-type", message).label("here"),
            }
        }
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

/// A place that can be marked: inside the text, and on its line only.
fn visible(text: &str, place: Place) -> Place {
    let offset = place.offset.min(text.len());
    let rest = text.get(offset..).unwrap_or("");
    let line = rest.find('\n').unwrap_or(rest.len());
    Place {
        offset,
        length: place.length.min(line),
        ..place
    }
}
