//! JSON documents, for other programs: pretty, in the order of their fields, one newline at the
//! end.

use std::path::Path;

use serde::Serialize;

use crate::ReportError;

/// `document` as JSON.
pub(crate) fn format(path: &Path, document: &impl Serialize) -> Result<Vec<u8>, ReportError> {
    let mut bytes = serde_json::to_vec_pretty(document).map_err(|source| ReportError::Json {
        path: path.to_owned(),
        source,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}
