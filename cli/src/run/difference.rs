//! Where two runs part, in two short lines.

use firedrill_core::Micros;
use firedrill_sim::log::Difference;
use serde_json::Value;

/// Fields that are shown of two events that differ in more.
const FIELDS_MAX: usize = 3;
const NONE: &str = "(no event)";

/// The two lines of the logs as they are.
pub(crate) fn whole(difference: &Difference) -> [String; 2] {
    [&difference.ours, &difference.theirs].map(|line| line.clone().unwrap_or_else(|| NONE.into()))
}

/// When and what the two events are, and the first fields in which they differ.
pub(crate) fn brief(difference: &Difference) -> [String; 2] {
    let parse = |line: &Option<String>| -> Option<Value> {
        let line = line.as_ref()?;
        Some(serde_json::from_str(line).expect("lines of a log are JSON"))
    };
    let lines = [&difference.ours, &difference.theirs].map(parse);
    let [Some(first), Some(second)] = &lines else {
        return lines.map(|line| line.as_ref().map_or_else(|| NONE.into(), heading));
    };
    let mut apart = Vec::new();
    compare("", first, second, &mut apart);
    // The heading tells these two.
    apart.retain(|(path, _)| path != "t_us" && path != "kind");
    let more = apart.len().saturating_sub(FIELDS_MAX);
    [first, second].map(|line| {
        let index = usize::from(std::ptr::eq(line, second));
        let shown = apart.iter().take(FIELDS_MAX);
        let fields: Vec<String> = shown
            .map(|(path, values)| format!("{path} {}", values[index]))
            .collect();
        let fields = match (fields.is_empty(), more) {
            (true, _) => String::new(),
            (false, 0) => format!(": {}", fields.join(", ")),
            (false, more) => format!(": {} and {more} more", fields.join(", ")),
        };
        format!("{}{fields}", heading(line))
    })
}

/// When an event was, and what.
fn heading(line: &Value) -> String {
    let (Some(at), Some(kind)) = (line["t_us"].as_u64(), line["kind"].as_str()) else {
        return "header".into();
    };
    format!("{} {kind}", Micros(at))
}

/// Every field in which two values differ, by its path, with both values.
fn compare(path: &str, first: &Value, second: &Value, apart: &mut Vec<(String, [String; 2])>) {
    let below = |key: &str| match path {
        "" | "data" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match (first, second) {
        (Value::Object(own), Value::Object(other)) => {
            let only = other.keys().filter(|key| !own.contains_key(*key));
            for key in own.keys().chain(only) {
                compare(&below(key), &first[key], &second[key], apart);
            }
        }
        (Value::Array(own), Value::Array(other)) if own.len() == other.len() => {
            for (index, (own, other)) in own.iter().zip(other).enumerate() {
                compare(&below(&index.to_string()), own, other, apart);
            }
        }
        _ if first == second => {}
        _ => apart.push((path.to_owned(), [first, second].map(short))),
    }
}

/// A value, or how much of it there is.
fn short(value: &Value) -> String {
    match value {
        Value::Object(fields) => format!("({} fields)", fields.len()),
        Value::Array(items) => format!("({} items)", items.len()),
        Value::Null => "(nothing)".into(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(first: &str, second: Option<&str>) -> [String; 2] {
        brief(&Difference {
            seq: Some(1),
            ours: Some(first.into()),
            theirs: second.map(Into::into),
        })
    }

    #[test]
    fn shows_what_differs_and_nothing_else() {
        let first = r#"{"seq":1,"t_us":60000000,"kind":"sample","data":{"requests":5,"up":[1,2]}}"#;
        let second =
            r#"{"seq":1,"t_us":60000000,"kind":"sample","data":{"requests":7,"up":[1,3]}}"#;
        assert_eq!(
            told(first, Some(second)),
            [
                "00:01:00 sample: requests 5, up.1 2",
                "00:01:00 sample: requests 7, up.1 3"
            ]
        );
    }

    #[test]
    fn shows_a_few_of_many() {
        let line = |n: u32| {
            format!(
                r#"{{"t_us":0,"kind":"k","data":{{"a":{n},"b":{n},"c":{n},"d":[{n}],"e":"x"}}}}"#
            )
        };
        let [first, second] = told(&line(1), Some(&line(2)));
        assert_eq!(first, "00:00:00 k: a 1, b 1, c 1 and 1 more");
        assert_eq!(second, "00:00:00 k: a 2, b 2, c 2 and 1 more");
    }

    #[test]
    fn shows_an_end_and_a_header() {
        let first = r#"{"t_us":0,"kind":"k","data":{}}"#;
        assert_eq!(told(first, None), ["00:00:00 k", "(no event)"]);
        let header = |seed: u64| format!(r#"{{"schema":1,"seed":{seed}}}"#);
        let both = told(&header(1), Some(&header(2)));
        assert_eq!(both, ["header: seed 1", "header: seed 2"]);
    }
}
