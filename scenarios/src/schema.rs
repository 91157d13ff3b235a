//! The JSON Schema of scenario files, for editors and other tools.

use crate::file::ScenarioFile;

/// The schema (JSON Schema 2020-12) as text, ending in a line feed.
///
/// # Panics
/// Never: a schema is plain data.
#[must_use]
pub fn scenario_schema() -> String {
    let schema = schemars::schema_for!(ScenarioFile);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain data");
    text.push('\n');
    text
}
