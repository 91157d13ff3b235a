//! Content addresses: equal documents have equal ids, on every machine.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::document::{Document, Value};

/// The content address of a document: the first 64 bits of the SHA-256 of its canonical bytes.
///
/// 64 bits are enough to tell the versions of one config apart (a million versions collide with
/// a chance below one in ten million); the store refuses a collision instead of trusting it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct VersionId(pub u64);

impl VersionId {
    /// The address of `document` as a version of the config called `config`.
    #[must_use]
    pub fn of(config: &str, document: &Document) -> Self {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        field(config.as_bytes());
        for (key, value) in document {
            field(key.as_bytes());
            match value {
                Value::Bool(value) => field(&[0, u8::from(*value)]),
                Value::Int(value) => {
                    field(&[1]);
                    field(&value.to_le_bytes());
                }
                Value::Text(value) => {
                    field(&[2]);
                    field(value.as_bytes());
                }
            }
        }
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }
}

/// Prints the first 12 hexadecimal digits, as people quote versions.
impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0 >> 16)
    }
}

impl From<VersionId> for String {
    fn from(id: VersionId) -> Self {
        alloc::format!("{:016x}", id.0)
    }
}

impl TryFrom<String> for VersionId {
    type Error = core::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn depends_on_content_alone() {
        let one: Document = [("a".into(), Value::Int(1)), ("b".into(), Value::Bool(true))].into();
        let same: Document = [("b".into(), Value::Bool(true)), ("a".into(), Value::Int(1))].into();
        let other: Document = [("a".into(), Value::Int(2)), ("b".into(), Value::Bool(true))].into();
        assert_eq!(VersionId::of("auth", &one), VersionId::of("auth", &same));
        assert_ne!(VersionId::of("auth", &one), VersionId::of("auth", &other));
        assert_ne!(VersionId::of("auth", &one), VersionId::of("feed", &one));
    }

    #[test]
    fn is_pinned() {
        let document: Document = [("a".into(), Value::Int(1))].into();
        assert_eq!(VersionId::of("auth", &document).to_string(), "d362d041d973");
    }
}
