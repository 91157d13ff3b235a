//! What can go wrong while reports are written.

use std::path::{Path, PathBuf};

/// Why a report is not there. Named after the step that failed; nothing half-written is left.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The directory is not there and cannot be made.
    #[error("cannot make the directory {}", path.display())]
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The temporary file beside the report cannot be made or filled.
    #[error("cannot write {}", path.display())]
    Write {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The temporary file cannot take the report's name.
    #[error("cannot put {} in its place", path.display())]
    Persist {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A template does not render: a defect of this crate, told instead of a panic because
    /// templates may one day be the user's.
    #[error("cannot render {}", path.display())]
    Render {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        source: minijinja::Error,
    },
    /// A table cannot be formatted.
    #[error("cannot format {} as CSV", path.display())]
    Csv {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// A document cannot be formatted.
    #[error("cannot format {} as JSON", path.display())]
    Json {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A test report cannot be formatted.
    #[error("cannot format {} as JUnit XML", path.display())]
    Junit {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        source: quick_junit::SerializeError,
    },
}

impl ReportError {
    pub(crate) fn csv(path: &Path) -> impl Fn(csv::Error) -> Self {
        move |source| Self::Csv {
            path: path.to_owned(),
            source,
        }
    }
}
