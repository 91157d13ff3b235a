//! Who may import whom, held by what cargo says, not by what a document hopes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Every crate of the workspace with the crates of ours that it may depend on. An arrow that is
/// not here is a defect; so is a crate that is not here.
const ALLOWED: &[(&str, &[&str])] = &[
    ("firedrill-core", &[]),
    ("firedrill-sim", &["firedrill-core"]),
    ("firedrill-scenarios", &["firedrill-core", "firedrill-sim"]),
    ("firedrill-reports", &["firedrill-core", "firedrill-sim"]),
    (
        "firedrill",
        &[
            "firedrill-core",
            "firedrill-sim",
            "firedrill-scenarios",
            "firedrill-reports",
        ],
    ),
    (
        "firedrill-benches",
        &[
            "firedrill-core",
            "firedrill-sim",
            "firedrill-scenarios",
            "firedrill-reports",
            "firedrill",
        ],
    ),
];

/// Features that bring the standard library into a dependency.
const STD_FEATURES: &[&str] = &["std", "default"];

fn workspace() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut command = MetadataCommand::new();
    command
        .manifest_path(manifest)
        .other_options(["--locked".to_owned()]);
    command.exec().expect("cargo describes the workspace")
}

/// What is wrong with the arrows of a workspace.
fn violations(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut found = Vec::new();
    for (from, targets) in arrows {
        let Some(may) = allowed.get(from.as_str()) else {
            found.push(format!("`{from}` is not listed: say what it may depend on"));
            continue;
        };
        let forbidden = targets.iter().filter(|to| !may.contains(&to.as_str()));
        found.extend(forbidden.map(|to| format!("`{from}` may not depend on `{to}`")));
    }
    found
}

/// The arrows between our crates. Dev-dependencies count too, except from a crate to itself.
fn arrows(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata.workspace_packages();
    let ours: BTreeSet<String> = packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let targets = |package: &Package| {
        let names = package
            .dependencies
            .iter()
            .map(|dependency| dependency.name.clone());
        names
            .filter(|name| ours.contains(name) && *name != *package.name.as_str())
            .collect()
    };
    packages
        .iter()
        .map(|package| (package.name.to_string(), targets(package)))
        .collect()
}

#[test]
fn arrows_point_the_right_way() {
    assert_eq!(violations(&arrows(&workspace())), [""; 0]);
}

#[test]
fn a_wrong_arrow_and_an_unlisted_crate_are_found() {
    let arrow = |from: &str, to: &[&str]| {
        (
            from.to_owned(),
            to.iter().map(|name| (*name).to_owned()).collect(),
        )
    };
    let workspace = [
        arrow("firedrill-core", &["firedrill-sim"]),
        arrow("firedrill-new", &[]),
        arrow("firedrill-sim", &["firedrill-core"]),
    ];
    assert_eq!(
        violations(&workspace.into()),
        [
            "`firedrill-core` may not depend on `firedrill-sim`",
            "`firedrill-new` is not listed: say what it may depend on",
        ]
    );
}

/// Core owns no clock, file, thread or socket: it says `#![no_std]`, and none of its normal
/// dependencies is asked for its standard library.
#[test]
fn core_does_without_the_standard_library() {
    let metadata = workspace();
    let packages = metadata.workspace_packages();
    let core = packages
        .iter()
        .find(|package| package.name.as_str() == "firedrill-core");
    let core = core.expect("core is part of the workspace");
    let root = core.manifest_path.with_file_name("src").join("lib.rs");
    let source = std::fs::read_to_string(root).expect("core has a root module");
    assert!(source.lines().any(|line| line == "#![no_std]"));

    let normal = core
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal);
    for dependency in normal {
        let asked: Vec<_> = dependency
            .features
            .iter()
            .filter(|name| STD_FEATURES.contains(&name.as_str()))
            .collect();
        assert!(
            asked.is_empty(),
            "core asks `{}` for {asked:?}",
            dependency.name
        );
        assert!(
            !dependency.uses_default_features,
            "core takes the default features of `{}`",
            dependency.name
        );
    }
}

/// The proof, where a target without a standard library is installed: core builds for it.
#[test]
fn core_builds_for_a_bare_target() {
    const BARE: &str = "thumbv7em-none-eabihf";
    let installed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", BARE])
        .output();
    let installed = installed
        .is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists());
    if !installed {
        return; // the attribute and the features are checked above; `.ci/run` installs the target
    }
    let build = Command::new(env!("CARGO"))
        .args([
            "check",
            "--locked",
            "--package",
            "firedrill-core",
            "--target",
            BARE,
            "--manifest-path",
        ])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"))
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare"))
        .output()
        .expect("cargo runs");
    assert!(
        build.status.success(),
        "{}",
        String::from_utf8_lossy(&build.stderr)
    );
}
