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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::catalogue::catalogue;

    /// The schema that is published beside the catalogue. Set `UPDATE=1` to write it anew.
    #[test]
    fn the_published_schema_is_the_one_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenario.schema.json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, scenario_schema()).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap();
        assert!(
            published == scenario_schema(),
            "{} is out of date: run the test again with UPDATE=1",
            path.display()
        );
    }

    #[test]
    fn the_catalogue_follows_the_schema() {
        let schema: Value = serde_json::from_str(&scenario_schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for entry in catalogue() {
            let value: Value = serde_saphyr::from_str(entry.source).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", entry.name);
        }
        let wrong: Value = serde_saphyr::from_str("name: x\nduration: [1h]").unwrap();
        assert!(!validator.is_valid(&wrong));
    }

    #[test]
    fn every_key_is_documented() {
        fn visit(path: &str, value: &Value, missing: &mut Vec<String>) {
            if let Some(Value::Object(properties)) = value.get("properties") {
                for (key, property) in properties {
                    if property.get("description").is_none() {
                        missing.push(format!("{path}/{key}"));
                    }
                }
            }
            if let Value::Object(children) = value {
                for (key, child) in children {
                    visit(&format!("{path}/{key}"), child, missing);
                }
            }
        }
        let schema: Value = serde_json::from_str(&scenario_schema()).unwrap();
        let mut missing = Vec::new();
        visit("", &schema, &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }
}
