//! Runs commands: prints each before it runs, and reads along what tests print.

use crate::Result;
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    // At run time from cargo, which knows where the checkout is now; at compile time it may have been elsewhere.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.ancestors().nth(2).map(Path::to_owned).unwrap_or(own)
}

/// The folder that cargo builds into: this program lies in `TARGET/PROFILE/`.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(|e| format!("this program's own path is unknown: {e}"))?;
    own.ancestors().nth(2).map(Path::to_owned).ok_or_else(|| format!("{} is not in a target folder", own.display()))
}

/// `cargo ARGS` in the workspace, with the cargo that runs this program.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    // Set by `cargo run` for this program; left in place they would make crates rebuild.
    for own in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(own);
    }
    command
}

/// Runs a command with this program's input and output.
pub(crate) fn run(command: &mut Command) -> Result {
    println!("\n$ {}", shown(command));
    let status = command.status().map_err(|e| cannot_start(command, &e))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(command))) }
}

/// Runs a command without showing anything and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| cannot_start(command, &e))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`{}` failed ({}): {}", shown(command), output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Runs a command that runs tests: shows its output as it comes and counts what it says.
pub(crate) fn run_tests(command: &mut Command, counts: &mut Counts) -> Result {
    println!("\n$ {}", shown(command));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|e| cannot_start(command, &e))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|e| format!("the tests' output cannot be read: {e}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            counts.read(&line);
        }
        // A reader of a pipe sees the lines as they come.
        let _ = std::io::stdout().flush();
    }
    let status = child.wait().map_err(|e| cannot_start(command, &e))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(command))) }
}

/// What tests said: results, and figures that they measured.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) figures: Vec<String>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.figures.extend(other.figures);
    }

    /// Reads `test result: ok. 12 passed; 0 failed; 3 ignored; …` and `… figure: WHAT: VALUE`.
    fn read(&mut self, line: &str) {
        if let Some((_, results)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) {
            for part in results.split("; ") {
                match part.split_once(' ').and_then(|(number, what)| Some((number.parse::<u64>().ok()?, what))) {
                    Some((number, "passed")) => self.passed += number,
                    Some((number, "failed")) => self.failed += number,
                    Some((number, "ignored")) => self.ignored += number,
                    _ => {}
                }
            }
        // `      Tests  1 failed | 4 passed (5)`, as vitest says.
        } else if let Some(results) = line.trim_start().strip_prefix("Tests  ") {
            for part in results.split(" (").next().unwrap_or_default().split(" | ") {
                match part.split_once(' ').and_then(|(number, what)| Some((number.parse::<u64>().ok()?, what))) {
                    Some((number, "passed")) => self.passed += number,
                    Some((number, "failed")) => self.failed += number,
                    _ => {}
                }
            }
        // After the test's own name when it is the first that the test prints.
        } else if let Some((_, figure)) = line.split_once("figure: ") {
            self.figures.push(figure.trim_end().to_owned());
        }
    }
}

/// The path of a program on this machine, `sbin` folders included: they are not on every user's path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    folders.map(|folder| folder.join(&name)).find(|file| file.is_file())
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(|w| w.to_string_lossy()).collect();
    words.join(" ")
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` cannot be started: {error}", shown(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_figures_are_read_from_the_tests_output() {
        let mut counts = Counts::default();
        for line in [
            "running 2 tests",
            "test a::b ... figure: discovery, IPv4 only: median 0.41 s",
            "figure: second: 2",
            "ok",
            "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 1 filtered out; finished in 0.72s",
            "test result: FAILED. 5 passed; 1 failed; 0 ignored; 0 measured; 5 filtered out; finished in 5.52s",
        ] {
            counts.read(line);
        }
        let figures = vec!["discovery, IPv4 only: median 0.41 s".to_owned(), "second: 2".to_owned()];
        assert_eq!(counts, Counts { passed: 17, failed: 1, ignored: 3, figures });
    }
}
