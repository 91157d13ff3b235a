//! Files that appear whole or not at all: written under a temporary name in the same directory,
//! then renamed.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::ReportError;

/// A directory that reports go to.
pub(crate) struct Directory {
    path: PathBuf,
    written: Vec<PathBuf>,
}

impl Directory {
    /// The directory at `path`, made if it is not there.
    pub(crate) fn at(path: &Path) -> Result<Self, ReportError> {
        std::fs::create_dir_all(path).map_err(|source| ReportError::MakeDirectory {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            written: Vec::new(),
        })
    }

    /// Writes the file `name` with what `format` makes of its path.
    pub(crate) fn put(
        &mut self,
        name: &str,
        format: impl FnOnce(&Path) -> Result<Vec<u8>, ReportError>,
    ) -> Result<(), ReportError> {
        let path = self.path.join(name);
        let bytes = format(&path)?;
        let write = |source| ReportError::Write {
            path: path.clone(),
            source,
        };
        let mut file = tempfile::Builder::new()
            .prefix(".firedrill-")
            .tempfile_in(&self.path)
            .map_err(write)?;
        share_with_readers(file.as_file()).map_err(write)?;
        file.write_all(&bytes).map_err(write)?;
        file.persist(&path).map_err(|error| ReportError::Persist {
            path: path.clone(),
            source: error.error,
        })?;
        self.written.push(path);
        Ok(())
    }

    /// Everything written so far, in order.
    pub(crate) fn into_written(self) -> Vec<PathBuf> {
        self.written
    }
}

/// Temporary files are private to their owner; a report is for everybody, like any other file.
#[cfg(unix)]
fn share_with_readers(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share_with_readers(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_absent() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        let mut out = Directory::at(&dir).unwrap();
        out.put("x.txt", |_| Ok(b"whole".to_vec())).unwrap();
        let failed = out.put("y.txt", |path| {
            Err(ReportError::Write {
                path: path.to_owned(),
                source: std::io::Error::other("no"),
            })
        });
        let error = failed.unwrap_err();
        assert!(error.to_string().ends_with("y.txt"), "{error}");
        let names: Vec<_> = std::fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["x.txt"]);
        assert_eq!(out.into_written(), [dir.join("x.txt")]);
    }

    #[test]
    fn a_directory_that_cannot_be_is_told() {
        let root = tempfile::NamedTempFile::new().unwrap();
        let error = Directory::at(&root.path().join("x")).map(drop).unwrap_err();
        assert!(matches!(error, ReportError::MakeDirectory { .. }));
    }
}
