//! Running the binary as its users do.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// Runs the binary in a folder.
pub(crate) fn firedrill(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("firedrill").expect("the binary is built");
    command.current_dir(folder).env_remove("NO_COLOR");
    command.args(arguments).output().expect("it starts")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints UTF-8")
}

/// Runs the binary and checks its exit code; the text is stdout and then stderr.
#[track_caller]
pub(crate) fn check(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = firedrill(folder, arguments);
    let all = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{all}");
    all
}
