//! The UI and the Tauri command line: what comes by npm.

use crate::{
    Result,
    shell::{Counts, find, output, root, run, run_tests},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// Where the UI is, below the workspace.
const UI: &str = "ui";

/// Where the Tauri command line is asked for.
const SHELL: &str = "src-tauri";

/// What is made in it, rather than written by people.
const MADE: [&str; 3] = ["node_modules", "dist", "test-results"];

/// The oldest Node that builds it.
const NODE: u32 = 20;

/// Builds `ui/dist`, which window and browser host have built into them, unless nothing changed since.
pub(crate) fn build() -> Result {
    let folder = root().join(UI);
    let built = changed(&folder.join("dist/index.html"));
    if built.is_some() && built >= newest(&folder) {
        return Ok(());
    }
    install(UI)?;
    run(npm(UI)?.args(["run", "build"]))
}

/// The Tauri command line.
pub(crate) fn tauri(args: &[&str]) -> Result<Command> {
    install(SHELL)?;
    let mut tauri = npm(SHELL)?;
    tauri.args(["run", "tauri", "--"]).args(args);
    Ok(tauri)
}

/// Types, lints, formatting.
pub(crate) fn check() -> Result {
    install(UI)?;
    run(npm(UI)?.args(["run", "check"]))
}

/// Its tests: `test`, or `test:browser` in Chromium. With a filter only those whose names contain it.
pub(crate) fn test(script: &str, filter: Option<&str>, counts: &mut Counts) -> Result {
    install(UI)?;
    let mut tests = npm(UI)?;
    tests.args(["run", script]).env("NO_COLOR", "1");
    if let Some(filter) = filter {
        tests.args(["--", "--testNamePattern", filter]);
    }
    run_tests(&mut tests, counts)
}

/// Installs exactly what the lock file says, unless that was done since it changed.
fn install(folder: &str) -> Result {
    let folder_path = root().join(folder);
    // npm writes this file last.
    let installed = changed(&folder_path.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(&folder_path.join("package-lock.json")) {
        return Ok(());
    }
    run(npm(folder)?.args(["ci", "--no-audit", "--no-fund"]))
}

fn npm(folder: &str) -> Result<Command> {
    let missing = || format!("the UI is built with npm: install Node {NODE} or later");
    let version = output(Command::new("node").arg("--version")).map_err(|_| missing())?;
    if !is_new_enough(&version) {
        return Err(format!("the UI is built with Node {NODE} or later, and here is {}", version.trim()));
    }
    let program = if cfg!(windows) { PathBuf::from("npm.cmd") } else { find("npm").ok_or_else(missing)? };
    let mut npm = Command::new(program);
    npm.current_dir(root().join(folder));
    Ok(npm)
}

/// From `v20.1.2`.
fn is_new_enough(version: &str) -> bool {
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= NODE)
}

/// When something below a folder was changed last; folders count, as they tell of files that went.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten().filter(|entry| !MADE.iter().any(|made| entry.file_name() == *made));
    let within = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => newest(&entry.path()).max(changed(&entry.path())),
        _ => changed(&entry.path()),
    });
    within.max().flatten()
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_told_from_a_new_one() {
        assert!(is_new_enough("v20.19.0\n") && is_new_enough("v100.0.0"));
        assert!(!is_new_enough("v18.20.4\n") && !is_new_enough("") && !is_new_enough("node"));
    }
}
