//! Files that a command writes: tried before the work starts, kept only when all is written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file that has its name only when all of it is written.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Fresh(BufWriter<NamedTempFile>),
    /// A terminal, a pipe, `/dev/null`: nothing that could be replaced.
    Device(BufWriter<File>),
}

impl Draft {
    /// Makes a place beside `path`; what is at `path` stays until [`Draft::keep`].
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |source| cannot_write(path, source);
        let at = fs::metadata(path);
        if at.as_ref().is_ok_and(fs::Metadata::is_dir) {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        if at.is_ok_and(|at| !at.is_file()) {
            let device = File::options().write(true).open(path).map_err(failed)?;
            return Ok(Self {
                path: path.into(),
                target: Target::Device(BufWriter::new(device)),
            });
        }
        // What a link leads to is written, and the link stays.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".firedrill-");
        // For everybody whom the user's mask lets, like any other file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let made = builder.tempfile_in(folder).map_err(|error| {
            // The error of the library names its own file, which is nobody's business.
            let plain = fs::metadata(folder).err();
            failed(plain.unwrap_or_else(|| error.kind().into()))
        })?;
        Ok(Self {
            target: Target::Fresh(BufWriter::new(made)),
            path,
        })
    }

    /// Makes a place where a file is asked for.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(crate) fn open_if(path: Option<&Path>) -> Result<Option<Self>, Failure> {
        path.map(Self::open).transpose()
    }

    /// Appends.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let target: &mut dyn Write = match &mut self.target {
            Target::Fresh(file) => file,
            Target::Device(file) => file,
        };
        target
            .write_all(text.as_bytes())
            .map_err(|error| cannot_write(&self.path, error))
    }

    /// Gives all files their names, once each is written to its end.
    ///
    /// # Errors
    /// When one cannot be written; then none has its name, unless the folder itself failed.
    pub(crate) fn keep(drafts: impl IntoIterator<Item = Self>) -> Result<(), Failure> {
        let mut drafts: Vec<Self> = drafts.into_iter().collect();
        for draft in &mut drafts {
            let flushed = match &mut draft.target {
                Target::Fresh(file) => file.flush(),
                Target::Device(file) => file.flush(),
            };
            flushed.map_err(|error| cannot_write(&draft.path, error))?;
        }
        for Self { path, target } in drafts {
            if let Target::Fresh(file) = target {
                let file = file
                    .into_inner()
                    .map_err(|error| cannot_write(&path, error.into_error()))?;
                file.persist(&path)
                    .map_err(|error| cannot_write(&path, error.error))?;
            }
        }
        Ok(())
    }
}

fn cannot_write(path: &Path, source: io::Error) -> Failure {
    Failure::Write {
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_when_all_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "before").unwrap();
        let mut drafts = [
            Draft::open(&at("old")).unwrap(),
            Draft::open(&at("new")).unwrap(),
        ];
        for draft in &mut drafts {
            draft.write("after").unwrap();
        }
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "before");
        assert!(!at("new").exists());
        Draft::keep(drafts).unwrap();
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "after");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Draft::open(folder.path()).is_err());
        let missing = Draft::open(&folder.path().join("no/such.csv")).unwrap_err();
        assert!(!missing.to_string().contains(".firedrill-"), "{missing}");
    }
}
