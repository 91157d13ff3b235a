//! CSV by RFC 4180: a header, `\r\n` after every record, quotes where they are needed.

use std::path::Path;

use crate::ReportError;

/// A table with a header.
pub(crate) fn format<const N: usize>(
    path: &Path,
    columns: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<Vec<u8>, ReportError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer
        .write_record(columns)
        .map_err(ReportError::csv(path))?;
    for row in rows {
        writer.write_record(row).map_err(ReportError::csv(path))?;
    }
    writer.into_inner().map_err(|error| ReportError::Write {
        path: path.to_owned(),
        source: error.into_error(),
    })
}
