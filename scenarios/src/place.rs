//! Where in a file something stands.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

/// A place in a file: line and column from 1 (in characters), and the bytes it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1; 0 when unknown.
    pub line: u32,
    /// The column, from 1; 0 when unknown.
    pub column: u32,
    /// The first byte.
    pub offset: usize,
    /// The number of bytes.
    pub length: usize,
}

impl From<&Location> for Place {
    fn from(location: &Location) -> Self {
        let span = location.span();
        let bytes = |value: Option<u64>| value.and_then(|value| usize::try_from(value).ok());
        Self {
            line: u32::try_from(location.line()).unwrap_or(0),
            column: u32::try_from(location.column()).unwrap_or(0),
            offset: bytes(span.byte_offset()).unwrap_or(0),
            length: bytes(span.byte_len()).unwrap_or(0),
        }
    }
}

/// A value and the place it was read from.
///
/// Stands between `serde-saphyr`'s `Spanned`, which has no JSON Schema, and the file types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands; the place of the alias when it is one.
    pub place: Place,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            place: Place::from(&spanned.referenced),
            value: spanned.value,
        })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
