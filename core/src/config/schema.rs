//! What a config may hold: types, ranges, allowed values and forbidden combinations.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::document::{Document, Value};

/// The type and range of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
    /// A switch.
    Bool,
    /// A whole number in `min..=max`.
    Int {
        /// The least allowed value.
        min: i64,
        /// The greatest allowed value.
        max: i64,
    },
    /// Text; one of a list when the list is not empty.
    Text {
        /// The allowed values; empty allows every text.
        one_of: Vec<String>,
    },
}

/// A key of a config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySpec {
    /// The type and range of its values.
    pub kind: KeyType,
    /// The value of the first version.
    pub initial: Value,
}

/// A rule over several keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// These keys must not all have these values at once.
    Forbid {
        /// Why the combination is forbidden, told to the author.
        reason: String,
        /// The combination.
        all: Document,
    },
}

/// The schema of one config document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The name of the config, unique in its store.
    pub name: String,
    /// Its keys.
    pub keys: BTreeMap<String, KeySpec>,
    /// Rules over several keys.
    pub rules: Vec<Rule>,
}

/// One reason why a document is not valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The document has a key that the schema does not know.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A key of the schema is missing.
    MissingKey {
        /// The key.
        key: String,
    },
    /// The value is of another type than the key.
    WrongType {
        /// The key.
        key: String,
        /// The value.
        value: Value,
    },
    /// The number is outside the key's range.
    OutOfRange {
        /// The key.
        key: String,
        /// The value.
        value: i64,
        /// The least allowed value.
        min: i64,
        /// The greatest allowed value.
        max: i64,
    },
    /// The text is not one of the allowed values.
    NotAllowed {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The allowed values.
        one_of: Vec<String>,
    },
    /// A forbidden combination of values.
    Forbidden {
        /// The rule's reason.
        reason: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key } => write!(f, "key `{key}` is not in the schema"),
            Self::MissingKey { key } => write!(f, "key `{key}` is missing"),
            Self::WrongType { key, value } => {
                write!(f, "key `{key}` has a value of the wrong type: {value}")
            }
            Self::OutOfRange {
                key,
                value,
                min,
                max,
            } => {
                write!(f, "key `{key}` is {value}, outside {min}..={max}")
            }
            Self::NotAllowed { key, value, one_of } => {
                write!(f, "key `{key}` is {value:?}, not one of {one_of:?}")
            }
            Self::Forbidden { reason } => write!(f, "forbidden combination: {reason}"),
        }
    }
}

impl Schema {
    /// The first version: every key at its initial value.
    #[must_use]
    pub fn initial_document(&self) -> Document {
        self.keys
            .iter()
            .map(|(key, spec)| (key.clone(), spec.initial.clone()))
            .collect()
    }

    /// The number of single checks that [`Schema::validate`] makes.
    #[must_use]
    pub fn check_count(&self) -> u32 {
        (self.keys.len() + self.rules.len()) as u32
    }

    /// Everything that is wrong with `document`; empty when it is valid.
    #[must_use]
    pub fn validate(&self, document: &Document) -> Vec<Finding> {
        let mut findings = Vec::new();
        for key in document.keys().filter(|key| !self.keys.contains_key(*key)) {
            findings.push(Finding::UnknownKey { key: key.clone() });
        }
        for (key, spec) in &self.keys {
            match document.get(key) {
                Some(value) => findings.extend(check_value(key, &spec.kind, value)),
                None => findings.push(Finding::MissingKey { key: key.clone() }),
            }
        }
        for Rule::Forbid { reason, all } in &self.rules {
            let matches = all
                .iter()
                .all(|(key, value)| document.get(key) == Some(value));
            if matches && !all.is_empty() {
                findings.push(Finding::Forbidden {
                    reason: reason.clone(),
                });
            }
        }
        findings
    }
}

fn check_value(key: &str, kind: &KeyType, value: &Value) -> Option<Finding> {
    match (kind, value) {
        (KeyType::Bool, Value::Bool(_)) => None,
        (KeyType::Int { min, max }, Value::Int(value)) => {
            (!(min..=max).contains(&value)).then(|| Finding::OutOfRange {
                key: key.into(),
                value: *value,
                min: *min,
                max: *max,
            })
        }
        (KeyType::Text { one_of }, Value::Text(value)) => {
            (!one_of.is_empty() && !one_of.contains(value)).then(|| Finding::NotAllowed {
                key: key.into(),
                value: value.clone(),
                one_of: one_of.clone(),
            })
        }
        (KeyType::Bool | KeyType::Int { .. } | KeyType::Text { .. }, value) => {
            Some(Finding::WrongType {
                key: key.into(),
                value: value.clone(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn schema() -> Schema {
        Schema {
            name: "auth".into(),
            keys: [
                (
                    "ttl_s".into(),
                    KeySpec {
                        kind: KeyType::Int { min: 1, max: 100 },
                        initial: Value::Int(60),
                    },
                ),
                (
                    "strict".into(),
                    KeySpec {
                        kind: KeyType::Bool,
                        initial: Value::Bool(false),
                    },
                ),
                (
                    "mode".into(),
                    KeySpec {
                        kind: KeyType::Text {
                            one_of: vec!["old".into(), "new".into()],
                        },
                        initial: Value::Text("old".into()),
                    },
                ),
            ]
            .into(),
            rules: vec![Rule::Forbid {
                reason: "strict needs the new mode".into(),
                all: [
                    ("strict".into(), Value::Bool(true)),
                    ("mode".into(), Value::Text("old".into())),
                ]
                .into(),
            }],
        }
    }

    fn check(edits: &[(&str, Value)], expected: &[&str]) {
        let mut document = schema().initial_document();
        for (key, value) in edits {
            document.insert((*key).into(), value.clone());
        }
        let found: Vec<String> = schema()
            .validate(&document)
            .iter()
            .map(|f| alloc::format!("{f}"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn finds_each_kind_of_fault() {
        check(&[], &[]);
        check(
            &[("ttl_s", Value::Int(0))],
            &["key `ttl_s` is 0, outside 1..=100"],
        );
        check(
            &[("ttl_s", Value::Bool(true))],
            &["key `ttl_s` has a value of the wrong type: true"],
        );
        check(
            &[("mode", Value::Text("odd".into()))],
            &["key `mode` is \"odd\", not one of [\"old\", \"new\"]"],
        );
        check(
            &[("extra", Value::Int(1))],
            &["key `extra` is not in the schema"],
        );
        check(
            &[("strict", Value::Bool(true))],
            &["forbidden combination: strict needs the new mode"],
        );
    }

    #[test]
    fn finds_a_missing_key() {
        let mut document = schema().initial_document();
        document.remove("strict");
        assert_eq!(
            schema().validate(&document),
            [Finding::MissingKey {
                key: "strict".into()
            }]
        );
    }
}
