//! The post-mortem as data.
//!
//! Every other form of the document is made from the struct. Wording is blameless: roles act,
//! conditions contribute.

mod model;

pub use model::*;

/// The JSON Schema of the document.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(PostMortem);
    schema.insert("$id".into(), SCHEMA_ID.into());
    schema.to_value()
}
