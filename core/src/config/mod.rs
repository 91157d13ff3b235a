//! The single source of truth for configuration: typed keys, immutable content-addressed
//! versions, validation, review, history and last-known-good. Knows nothing of rollouts.

mod document;
mod review;
mod schema;
mod store;
mod version;

pub use document::{Document, Edit, Value};
pub use review::{Decision, Principal, ReviewError, Role};
pub use schema::{Finding, KeySpec, KeyType, Rule, Schema};
pub use store::{Change, ChangeState, ConfigStore, ProposeError};
pub use version::VersionId;
