//! The chores themselves, as lists of stages, and the report at the end.

use crate::{
    Result, bench, bundle, dependencies, fuzz,
    setup::{in_ci, is_root},
    shell::{Counts, cargo, find, output, root, run, run_tests, target_dir},
    ui,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Inputs for each fuzz target on a build server, and with `--long`.
pub(crate) const FUZZ_RUNS_IN_CI: u64 = 1_000_000;
/// Inputs for each fuzz target otherwise: a minute's worth.
const FUZZ_RUNS_AT_A_DESK: u64 = 20_000;

/// Whether a window can be shown here. Windows and macOS always have a display as far as a program can tell.
pub(crate) fn has_display() -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || named("WAYLAND_DISPLAY") || named("DISPLAY")
}

/// Builds the window as users get it and opens it.
pub(crate) fn run_window(args: &[String]) -> Result {
    ui::build()?;
    run(&mut cargo(&["build", "--release", "--package", "shoal-app"]))?;
    println!("Closing the window leaves Shoal in the tray; Ctrl-C ends it.");
    replace_by(Command::new(program("release", "shoal-app")?).args(args))
}

/// Builds the binary as users get it and starts it as a peer that is looked at in a browser.
pub(crate) fn run_peer(args: &[String]) -> Result {
    ui::build()?;
    run(&mut cargo(&["build", "--release", "--package", "shoal-cli"]))?;
    let mut peer = Command::new(binary("release")?);
    peer.arg("serve");
    if !args.iter().any(|arg| arg == "--web" || arg.starts_with("--web=")) {
        peer.arg("--web");
    }
    peer.args(args);
    println!("Open the link below in a browser. Ctrl-C ends Shoal.");
    replace_by(&mut peer)
}

/// What a commit needs.
pub(crate) fn check() -> Result {
    let mut report = Report::default();
    checks(&mut report);
    report.finish()
}

/// Everything that must hold. With a filter: the tests whose names contain it, and nothing else.
pub(crate) fn test(long: bool, filter: Option<String>) -> Result {
    let mut report = Report::default();
    let built = build(&mut report);
    if filter.is_none() {
        checks(&mut report);
    }
    if built {
        report.stage("unit and property tests", |counts| {
            let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
            tests.args(&filter);
            run_tests(long_form(&mut tests, long), counts)
        });
        report.stage("tests of the UI", |counts| ui::test("test", filter.as_deref(), counts));
        report.stage("tests of the UI in a browser", |counts| ui::test("test:browser", filter.as_deref(), counts));
        system_tests(&mut report, long, filter.as_deref());
    }
    if filter.is_none() {
        if cfg!(windows) {
            report.not_run("fuzzing", "libFuzzer needs Linux or macOS");
        } else {
            let runs = if long || in_ci() { FUZZ_RUNS_IN_CI } else { FUZZ_RUNS_AT_A_DESK };
            report.stage("fuzzing", |_| fuzz::run(runs));
        }
    }
    if filter.is_none() && (long || in_ci()) {
        report.stage("release build", |counts| {
            bundle::build()?;
            counts.figures.push(format!("size of shoal, release build: {}", size_of(&binary("release")?)?));
            Ok(())
        });
        if find("apt-get").is_some() && is_root() {
            report.stage("packages", |counts| {
                bundle::make()?;
                try_package(counts)
            });
        } else {
            report.not_run("packages", "they are installed and tried on Debian, as root");
        }
        if cfg!(target_os = "linux") {
            report.stage("speed", |counts| bench::compare(&["--small".to_owned()], counts));
        } else {
            report.not_run("speed", "it needs Linux's network namespaces");
        }
    }
    report.finish()
}

/// Builds everything; whether that worked. Times it cold or warm, and a build with nothing to do.
fn build(report: &mut Report) -> bool {
    // Window and browser host have the UI built into them.
    if !report.stage("build of the UI", |_| ui::build()) {
        return false;
    }
    let cold = target_dir().is_ok_and(|target| is_cold(&target));
    let name = if cold { "build, cold" } else { "build, warm" };
    let built = report.stage(name, |_| run(&mut cargo(&["build", "--workspace", "--all-targets"])));
    if built {
        report.stage("build again, nothing changed", |counts| {
            run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
            counts.figures.push(format!("size of shoal, development build: {}", size_of(&binary("debug")?)?));
            Ok(())
        });
    }
    built
}

/// Installs the package for Debian and drags a file from one window of it to another.
pub(crate) fn try_package(counts: &mut Counts) -> Result {
    bundle::check_debian(|program| {
        let mut test = Command::new(test_binary("shoal-tests", &["--test", "system"])?);
        test.current_dir(root().join("tests")).env("SHOAL_APP_BIN", program);
        test.args([
            "--ignored",
            "--exact",
            "--nocapture",
            "window::answers::a_file_dragged_onto_a_device_is_there_after_a_click",
        ]);
        run_tests(&mut test, counts)
    })
}

/// The README's pictures, taken from real windows by a test that does nothing else.
pub(crate) fn screenshots() -> Result {
    if !is_root() {
        return Err("windows on hosts in network namespaces need root".to_owned());
    }
    ui::build()?;
    run(&mut cargo(&["build", "--package", "shoal-app"]))?;
    let mut test = Command::new(test_binary("shoal-tests", &["--test", "system"])?);
    test.current_dir(root().join("tests")).env("SHOAL_APP_BIN", program("debug", "shoal-app")?);
    test.env("SHOAL_PICTURES", root().join("docs").join("pictures"));
    run(test.args(["--ignored", "--exact", "window::pictures::pictures_for_the_readme"]))
}

/// Formatting, lints, documentation, dependencies.
fn checks(report: &mut Report) {
    report.stage("formatting", |_| run(&mut cargo(&["fmt", "--all", "--check"])));
    report.stage("lints", |_| run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])));
    report.stage("types, lints and formatting of the UI", |_| ui::check());
    report.stage("documentation", |_| {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
    report.stage("dependencies", |_| {
        dependencies::check()?;
        if find("cargo-deny").is_some() {
            run(&mut cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]))?;
        }
        Ok(())
    });
}

/// Tests across hosts: Linux and root only.
fn system_tests(report: &mut Report, long: bool, filter: Option<&str>) {
    const NAME: &str = "system tests";
    if !cfg!(target_os = "linux") {
        report.not_run(NAME, "they need Linux's network namespaces");
        return;
    }
    let sudo = !is_root();
    if sudo && output(Command::new("sudo").args(["-n", "true"])).is_err() {
        let how = "they need root: run `sudo -v` first, or `cargo xtask test` as root";
        // A build server that silently leaves out tests is worse than a red one.
        if in_ci() {
            report.stage(NAME, |_| Err(how.to_owned()));
        } else {
            report.not_run(NAME, how);
        }
        return;
    }
    report.stage(NAME, |counts| {
        let shoal = format!("SHOAL_BIN={}", binary("debug")?.display());
        let window = format!("SHOAL_APP_BIN={}", program("debug", "shoal-app")?.display());
        let mut all = Ok(());
        for (package, target, folder, which) in ROOT_TESTS {
            let mut tests = Command::new(if sudo { "sudo" } else { "env" });
            if sudo {
                tests.args(["-n", "env"]);
            }
            tests.args([&shoal, &window]);
            long_form_argument(&mut tests, long);
            tests.arg(test_binary(package, target)?).current_dir(root().join(folder));
            tests.args(*which).args(["--test-threads=1", "--nocapture"]).args(filter);
            if !long {
                tests.args(["--skip", "::long_"]);
            }
            // What fails here does not keep the others from being run.
            all = all.and(run_tests(&mut tests, counts));
        }
        all
    });
}

/// Tests that need root: package, target, the folder they run in, which of them. A name with `child_of_` is run by another test.
type RootTests = (&'static str, &'static [&'static str], &'static str, &'static [&'static str]);
const ROOT_TESTS: &[RootTests] = &[
    ("shoal-engine", &["--lib"], "crates/shoal-engine", &["--ignored", "--skip", "child_of_"]),
    ("shoal-tests", &["--test", "system"], "tests", &["--include-ignored"]),
];

/// Builds tests and returns where cargo put them.
fn test_binary(package: &str, target: &[&str]) -> Result<PathBuf> {
    let mut args = vec!["test", "--package", package];
    args.extend(target);
    args.extend(["--no-run", "--message-format=json-render-diagnostics"]);
    let messages = output(&mut cargo(&args))?;
    let mut executables = messages.lines().filter_map(|line| line.split_once(r#""executable":""#)?.1.split('"').next());
    executables.next_back().map(PathBuf::from).ok_or_else(|| format!("cargo does not say where the tests of {package} are"))
}

/// Tests look at `SHOAL_LONG` to do more, and those that are named `long_` are run only then.
fn long_form(command: &mut Command, long: bool) -> &mut Command {
    if long { command.env("SHOAL_LONG", "1") } else { command }
}

/// The same as an argument of `env`, since sudo clears the environment.
fn long_form_argument(command: &mut Command, long: bool) {
    if long {
        command.arg("SHOAL_LONG=1");
    }
}

/// Whether nothing but this program was built yet.
fn is_cold(target: &Path) -> bool {
    let Ok(built) = std::fs::read_dir(target.join("debug").join(".fingerprint")) else { return true };
    built.flatten().all(|entry| entry.file_name().to_string_lossy().starts_with("xtask-"))
}

/// Where a build of the command line is.
pub(crate) fn binary(profile: &str) -> Result<PathBuf> {
    program(profile, "shoal")
}

fn program(profile: &str, name: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn size_of(file: &Path) -> Result<String> {
    let bytes = std::fs::metadata(file).map_err(|e| format!("{}: {e}", file.display()))?.len();
    Ok(format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)))
}

/// Becomes the command where the system can, so that signals reach it directly; else waits for its end.
#[cfg(unix)]
fn replace_by(command: &mut Command) -> Result {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(format!("{} cannot be started: {error}", command.get_program().display()))
}

#[cfg(not(unix))]
fn replace_by(command: &mut Command) -> Result {
    run(command)
}

/// What happened, stage by stage.
#[derive(Debug, Default)]
struct Report {
    stages: Vec<(String, Duration, Result)>,
    not_run: Vec<(String, String)>,
    counts: Counts,
}

impl Report {
    /// Runs a stage and notes how it went; whether it went well. A failed stage does not stop later ones: one run tells all.
    fn stage(&mut self, name: &str, work: impl FnOnce(&mut Counts) -> Result) -> bool {
        let (mut counts, started) = (Counts::default(), Instant::now());
        println!("\n== {name}");
        let done = work(&mut counts);
        if let Err(error) = &done {
            println!("{name}: {error}");
            // A stage without tests of its own counts as one failure, so that the last line never looks green.
            counts.failed = counts.failed.max(1);
        }
        let good = done.is_ok();
        self.counts.add(counts);
        self.stages.push((name.to_owned(), started.elapsed(), done));
        good
    }

    fn not_run(&mut self, name: &str, why: &str) {
        println!("\n== {name}\nNOT RUN: {why}");
        self.not_run.push((name.to_owned(), why.to_owned()));
    }

    /// Prints figures, times and, as the last line, the totals.
    fn finish(self) -> Result {
        println!("\n== figures");
        for figure in &self.counts.figures {
            println!("{figure}");
        }
        println!("\n== stages");
        for (name, took, done) in &self.stages {
            println!("{:>8.1} s  {:6}  {name}", took.as_secs_f64(), if done.is_ok() { "ok" } else { "FAILED" });
        }
        let total: Duration = self.stages.iter().map(|(_, took, _)| *took).sum();
        println!("{:>8.1} s  in all", total.as_secs_f64());
        for (name, why) in &self.not_run {
            println!("NOT RUN: {name}: {why}");
        }
        println!("\n{} passed, {} failed", self.counts.passed, self.counts.failed);
        let failed: Vec<&str> = self.stages.iter().filter(|(_, _, done)| done.is_err()).map(|(name, ..)| name.as_str()).collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_is_never_counted_as_green() {
        let mut report = Report::default();
        assert!(report.stage("good", |counts| {
            counts.passed = 3;
            Ok(())
        }));
        assert!(!report.stage("bad", |_| Err("no".to_owned())));
        assert_eq!((report.counts.passed, report.counts.failed), (3, 1));
        assert_eq!(report.finish(), Err("failed: bad".to_owned()));
    }
}
