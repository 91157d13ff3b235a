//! A value or a range of values: `5 %` or `2 %..40 %`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::place::Place;
use crate::scalar::{Kind, Scalar};

/// What stands between the two ends of a range.
const BETWEEN: &str = "..";

/// A scalar, or two of them as the ends of a range.
pub struct Spread<K> {
    /// The value, or the low end.
    pub low: Scalar<K>,
    /// The high end; nothing when there is one value only.
    pub high: Option<Scalar<K>>,
}

impl<K> Clone for Spread<K> {
    fn clone(&self) -> Self {
        Self {
            low: self.low.clone(),
            high: self.high.clone(),
        }
    }
}

impl<K> std::fmt::Debug for Spread<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.high {
            Some(high) => write!(f, "{:?}{BETWEEN}{high:?}", self.low),
            None => self.low.fmt(f),
        }
    }
}

impl<'de, K> Deserialize<'de> for Spread<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Scalar::<K>::deserialize(deserializer)?;
        let Some((low, high)) = whole.text.split_once(BETWEEN) else {
            return Ok(Self {
                low: whole,
                high: None,
            });
        };
        let place = behind(&whole, low.len() + BETWEEN.len());
        Ok(Self {
            low: Scalar::new(low.trim_end(), whole.place),
            high: Some(Scalar::new(high.trim_start(), place)),
        })
    }
}

/// The place of what stands behind the first `bytes` of a text, where the file has them as they
/// are; the place of the whole text otherwise.
fn behind<K>(whole: &Scalar<K>, bytes: usize) -> Place {
    let place = whole.place;
    if place.length != whole.text.len() {
        return place;
    }
    let rest = &whole.text[bytes..];
    let bytes = bytes + (rest.len() - rest.trim_start().len());
    let characters = whole.text[..bytes].chars().count();
    Place {
        line: place.line,
        column: place.column + characters as u32,
        offset: place.offset + bytes,
        length: place.length - bytes,
    }
}

impl<K: Kind> JsonSchema for Spread<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Spread".into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("Spread<{}>", K::EXPECTED).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = K::PATTERN.trim_start_matches('^').trim_end_matches('$');
        json_schema!({
            "title": format!("{}, or in a mix a range with `..` between its ends", K::EXPECTED),
            "type": ["string", "number", "boolean"],
            "pattern": format!("^{one}(\\.\\.{one})?$"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Percent;

    fn read(yaml: &str) -> Spread<Percent> {
        #[derive(Deserialize)]
        struct File {
            share: Spread<Percent>,
        }
        serde_saphyr::from_str::<File>(yaml).unwrap().share
    }

    #[test]
    fn a_range_has_two_ends_with_places_of_their_own() {
        let spread = read("share: 2 % ..  40 %");
        let high = spread.high.unwrap();
        assert_eq!((&*spread.low.text, &*high.text), ("2 %", "40 %"));
        assert_eq!((spread.low.place.column, high.place.column), (8, 16));
        let quoted = read("share: \"2 %..40 %\"").high.unwrap();
        assert_eq!(quoted.place.column, 8);
    }

    #[test]
    fn one_value_is_no_range() {
        let spread = read("share: 2.5 %");
        assert_eq!(spread.low.text, "2.5 %");
        assert!(spread.high.is_none());
    }
}
