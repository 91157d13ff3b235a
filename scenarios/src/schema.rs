//! The JSON Schemas of scenario files, plan files and policy files, for editors and other tools.

use schemars::Schema;

use crate::file::{PlanFile, ScenarioFile};
use crate::offline::policy::PolicyFile;

/// The schema of scenario files (JSON Schema 2020-12) as text, ending in a line feed.
///
/// # Panics
/// Never: a schema is plain data.
#[must_use]
pub fn scenario_schema() -> String {
    print(&schemars::schema_for!(ScenarioFile))
}

/// The schema of the policy files of `firedrill judge` (JSON Schema 2020-12) as text, ending in a
/// line feed.
///
/// # Panics
/// Never: a schema is plain data.
#[must_use]
pub fn policy_schema() -> String {
    print(&schemars::schema_for!(PolicyFile))
}

/// The schema of plan files (JSON Schema 2020-12) as text, ending in a line feed.
///
/// # Panics
/// Never: a schema is plain data.
#[must_use]
pub fn plan_schema() -> String {
    print(&schemars::schema_for!(PlanFile))
}

fn print(schema: &Schema) -> String {
    let mut text = serde_json::to_string_pretty(schema).expect("a schema is plain data");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::catalogue::{catalogue, policies};

    /// The schemas that are published beside the catalogue. Set `UPDATE=1` to write them anew.
    #[test]
    fn the_published_schemas_are_those_of_the_types() {
        for (name, schema) in [
            ("scenario.schema.json", scenario_schema()),
            ("plan.schema.json", plan_schema()),
            ("policy.schema.json", policy_schema()),
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &schema).unwrap();
            }
            let published = std::fs::read_to_string(&path).unwrap();
            assert!(
                published == schema,
                "{} is out of date: run the test again with UPDATE=1",
                path.display()
            );
        }
    }

    #[test]
    fn policies_follow_the_schema() {
        let schema: Value = serde_json::from_str(&policy_schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let check = |text: &str, valid: bool| {
            let value: Value = serde_saphyr::from_str(text).unwrap();
            assert_eq!(validator.is_valid(&value), valid, "{text}");
            let read = crate::offline::policy::parse_policy("p.yaml", text);
            assert_eq!(read.is_ok(), valid, "{text}");
        };
        check("sequential: {bake: 1h, hosts: estimated}", true);
        check("sequential: {signals: [{latency: {quantile: 99 %}}]}", true);
        check(
            "sequential: {signals: [{mean: {column: cpu, high: 1, effect: 0.1}}]}",
            true,
        );
        check("rank: {compatible: true}", true);
        check("rank: {looks: 3}", true);
        check("repeated: {metric: errors, at-most: 3}", true);
        check("sequential: {bakes: 1h}", false);
        check("sequential: {bake: soon}", false);
        check("sequential: {signals: [{mean: {column: cpu}}]}", false);
        check("repeated: {at-most: 3}", false);
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
    fn the_catalogues_plans_follow_the_schema() {
        let schema: Value = serde_json::from_str(&plan_schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for entry in policies() {
            let value: Value = serde_saphyr::from_str(entry.source).unwrap();
            assert!(validator.is_valid(&value), "{}", entry.name);
        }
        let scenario: Value = serde_saphyr::from_str(catalogue()[0].source).unwrap();
        assert!(!validator.is_valid(&scenario));
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
        for schema in [scenario_schema(), plan_schema(), policy_schema()] {
            let schema: Value = serde_json::from_str(&schema).unwrap();
            let mut missing = Vec::new();
            visit("", &schema, &mut missing);
            assert_eq!(missing, Vec::<String>::new());
        }
    }
}
