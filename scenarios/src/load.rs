//! From paths, names or text to scenarios.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use firedrill_sim::spec::Scenario;

use crate::catalogue::{self, catalogue};
use crate::file::ScenarioFile;
use crate::plans::{self, Beside, PlanSource, nothing_beside};
use crate::problem::{Problem, Source, closest, enumerate};
use crate::resolve::{self, Resized};
use crate::yaml;

/// A scenario and the file it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario, checked.
    pub scenario: Scenario,
    /// What its `size` made of the fleet; nothing when the file gives none.
    pub resized: Option<Resized>,
    /// The file's name as the user knows it.
    pub file_name: String,
    /// The file's text.
    pub source: String,
}

/// Everything that is wrong with the files that were to be loaded.
#[derive(Clone, Debug)]
pub struct LoadErrors {
    /// At least one problem, file by file, in the order of their places.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}

impl From<Problem> for LoadErrors {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl From<Box<Problem>> for LoadErrors {
    fn from(problem: Box<Problem>) -> Self {
        Self::from(*problem)
    }
}

/// Loads a scenario from text; `file_name` is how problems name it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_str(file_name: &str, source: &str) -> Result<Loaded, LoadErrors> {
    load_beside(file_name, source, &nothing_beside).map(|(loaded, _)| loaded)
}

/// Loads a scenario from text, with the plans that its changes may follow.
pub(crate) fn load_beside(
    file_name: &str,
    source: &str,
    beside: Beside<'_>,
) -> Result<(Loaded, Vec<PlanSource>), LoadErrors> {
    let file = Source::new(file_name, source);
    let parsed: ScenarioFile = yaml::read(&file)?;
    let (plans, mut problems) = plans::collect(&file, &parsed, beside);
    let resolved = resolve::resolve(&file, &parsed, &plans);
    // A plan that could not be read is missed by whoever names it.
    if !problems.is_empty() {
        let others = resolved.err().unwrap_or_default().into_iter();
        problems.extend(others.filter(|problem| problem.code != "scenario::unknown-plan"));
        return Err(LoadErrors { problems });
    }
    let (mut scenario, resized) = resolved.map_err(|problems| LoadErrors { problems })?;
    scenario.source = file_name.into();
    let loaded = Loaded {
        scenario,
        resized,
        file_name: file_name.into(),
        source: source.into(),
    };
    Ok((loaded, plans))
}

/// Loads a scenario of the catalogue.
///
/// # Errors
/// When the catalogue has no scenario of this name.
pub fn load_embedded(name: &str) -> Result<Loaded, LoadErrors> {
    match catalogue::scenario(name) {
        Some(entry) => {
            let mut loaded = load_str(&entry.file_name(), entry.source)?;
            loaded.scenario.source = name.into();
            Ok(loaded)
        }
        None => Err(missing(name).into()),
    }
}

/// Loads scenarios from files, from directories of `*.yaml` files (in the order of their names, but
/// for the plan files that they name), and, where no such path exists, from the catalogue by name.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn load_paths(paths: &[PathBuf]) -> Result<Vec<Loaded>, LoadErrors> {
    let mut loaded: Vec<Loaded> = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        for result in load_path(path) {
            match result {
                Ok(one) => loaded.push(one),
                Err(errors) => problems.extend(errors.problems),
            }
        }
    }
    problems.extend(same_names(&loaded));
    if problems.is_empty() {
        Ok(loaded)
    } else {
        Err(LoadErrors { problems })
    }
}

/// Reports go to a folder of the scenario's name, so two may not share one.
fn same_names(loaded: &[Loaded]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, one) in loaded.iter().enumerate() {
        let name = &one.scenario.name;
        let first = loaded[..index]
            .iter()
            .find(|other| other.scenario.name == *name);
        if let Some(first) = first {
            let source = Source::new(&one.file_name, &one.source);
            let message = format!("scenario `{name}` is also in {}", first.file_name);
            let problem = Problem::new("scenario::duplicate-name", &source, message);
            problems.push(problem.help("rename one of the two, or run them one at a time"));
        }
    }
    problems
}

fn load_path(path: &Path) -> Vec<Result<Loaded, LoadErrors>> {
    let shown = path.display().to_string();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => load_directory(path, &shown),
        Ok(_) => vec![load_file(path)],
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            vec![match path.to_str() {
                Some(name) => load_embedded(name),
                None => Err(missing(&shown).into()),
            }]
        }
        Err(error) => vec![Err(unreadable(&shown, &error).into())],
    }
}

fn load_directory(path: &Path, shown: &str) -> Vec<Result<Loaded, LoadErrors>> {
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return vec![Err(unreadable(shown, &error).into())],
    };
    let is_yaml = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("yaml" | "yml")) && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    files.retain(is_yaml);
    files.sort();
    let plans = plan_files_of(&files);
    files.retain(|file| !plans.contains(file));
    if files.is_empty() {
        let source = Source::new(shown, "");
        let message = "the directory holds no `*.yaml` file";
        let problem = Problem::new("scenario::empty-directory", &source, message);
        let help = "name a directory of scenario files, or run `firedrill list` for the catalogue";
        return vec![Err(problem.help(help).into())];
    }
    files.iter().map(|file| load_file(file)).collect()
}

fn load_file(path: &Path) -> Result<Loaded, LoadErrors> {
    let shown = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| unreadable(&shown, &error))?;
    match String::from_utf8(bytes) {
        Ok(text) => load_beside(&shown, &text, &beside(path)).map(|(loaded, _)| loaded),
        Err(error) => Err(not_utf8(&shown, &error).into()),
    }
}

/// Reads files from the folder of a scenario.
pub(crate) fn beside(scenario: &Path) -> impl Fn(&str) -> (String, io::Result<String>) {
    let folder = scenario.parent().unwrap_or(Path::new("")).to_path_buf();
    move |name| {
        let path = folder.join(name);
        (path.display().to_string(), fs::read_to_string(&path))
    }
}

/// The plan files that scenarios of these files name: they are no scenarios themselves.
fn plan_files_of(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut named = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(file) else {
            continue;
        };
        let source = Source::new(&file.display().to_string(), &text);
        if let Ok(parsed) = yaml::read::<ScenarioFile>(&source) {
            let folder = file.parent().unwrap_or(Path::new(""));
            named.extend(parsed.plan_files.iter().map(|path| folder.join(&path.text)));
        }
    }
    named
}

fn not_utf8(shown: &str, error: &std::string::FromUtf8Error) -> Problem {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let text = String::from_utf8_lossy(good);
    let line = text.matches('\n').count() as u32 + 1;
    let column = text.lines().last().map_or(0, |line| line.chars().count()) as u32 + 1;
    let column = if text.is_empty() || text.ends_with('\n') {
        1
    } else {
        column
    };
    let place = crate::place::Place {
        line,
        column,
        offset: text.len(),
        length: 0,
    };
    Problem::new(
        "scenario::not-utf8",
        &Source::new(shown, &text),
        "the file is not UTF-8 text",
    )
    .at(place)
    .label("text up to here")
    .help("save the file as UTF-8")
}

fn unreadable(shown: &str, error: &io::Error) -> Problem {
    let source = Source::new(shown, "");
    let message = format!("cannot be read: {error}");
    Problem::new("scenario::unreadable", &source, message)
        .help("check the path and its permissions")
}

fn missing(shown: &str) -> Problem {
    let source = Source::new(shown, "");
    let names = || catalogue().iter().map(|entry| entry.name);
    let problem = Problem::new(
        "scenario::not-found",
        &source,
        "no such file or directory, and no scenario of the catalogue has this name",
    );
    problem.help(match closest(shown, names()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the catalogue has {}", enumerate(names())),
    })
}
