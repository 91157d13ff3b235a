//! `run.jsonl`: the log itself, from which everything else can be made again.

use std::path::Path;

use firedrill_sim::log::RunLog;

use crate::ReportError;

/// The log as JSON lines.
pub(crate) fn format(path: &Path, log: &RunLog) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    log.write_jsonl(&mut bytes)
        .map_err(|source| ReportError::Write {
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}
