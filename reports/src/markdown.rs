//! `postmortem.md`: the document for a repository, a wiki or a pull request.

use std::path::Path;

use minijinja::context;
use minijinja::value::Serde;

use crate::ReportError;
use crate::postmortem::PostMortem;
use crate::render;

const TEMPLATE: &str = include_str!("../templates/postmortem.md.j2");

/// The document as Markdown.
pub(crate) fn format(path: &Path, document: &PostMortem) -> Result<Vec<u8>, ReportError> {
    render::render(
        path,
        "postmortem.md",
        TEMPLATE,
        context! { doc => Serde(document) },
    )
}
