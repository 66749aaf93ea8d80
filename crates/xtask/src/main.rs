//! `cargo xtask`: set-up and every repeated chore, the same on each system.
//!
//! It is what a bare machine compiles first, so it uses the standard library alone. Each chore is a list of steps: ordinary
//! commands that it prints before it runs them, so that any of them can be repeated by hand.

mod bench;
mod bundle;
mod dependencies;
mod fuzz;
mod setup;
mod shell;
mod suite;
mod ui;

use std::process::ExitCode;

/// What fails here is told to a person in one sentence and ends the run; nobody acts on a kind of error.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

const USAGE: &str = "\
cargo xtask run [--yes] [--web] [ARGS…]
                                     set up, build, and open Shoal's window; with --web, or where there is no display, start it
                                     for a browser: `shoal serve --web ARGS`
cargo xtask test [--yes] [--long] [FILTER]
                                     set up, then everything that must hold; with FILTER only tests whose names contain it
cargo xtask check                    formatting, lints, documentation, dependencies: what a commit needs
cargo xtask fuzz [RUNS]              the fuzz targets, 1,000,000 inputs each unless told
cargo xtask bench [--yes] [--install-slow | --micro] [ARGS…]
                                     Shoal beside other programs on the same work; `cargo xtask bench --help` says more.
                                     --install-slow: those too that take minutes to install; --micro: parts alone
cargo xtask bundle [--yes] [--check] packages for this system, in target/release/bundle; --check: installs the .deb, tries it
                                     with the mouse, and takes it away (Debian, root)
cargo xtask screenshots [--yes]      the README's pictures, taken from real windows (Linux, root)
cargo xtask doctor                   what set-up would install here, without doing it
cargo xtask help                     this

--yes    install what is missing without asking (CI=true does the same)
--long   the tests' long forms: more kills, more seeds";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let command = if args.is_empty() { "help".to_owned() } else { args.remove(0) };
    let done = match command.as_str() {
        "run" => run(&mut args),
        "test" => test(&mut args),
        "check" => suite::check(),
        "fuzz" => fuzz(&mut args),
        "bench" => bench(&mut args),
        "bundle" => bundle(&mut args),
        "screenshots" => setup::install(setup::For::Testing, take_flag(&mut args, "--yes")).and_then(|()| suite::screenshots()),
        "doctor" => {
            setup::report();
            Ok(())
        }
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no `cargo xtask {other}`\n\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &mut Vec<String>) -> Result {
    let yes = take_flag(args, "--yes");
    if suite::has_display() && !args.iter().any(|arg| arg == "--web" || arg.starts_with("--web=")) {
        setup::install(setup::For::Window, yes)?;
        return suite::run_window(args);
    }
    setup::install(setup::For::Building, yes)?;
    suite::run_peer(args)
}

fn test(args: &mut Vec<String>) -> Result {
    let yes = take_flag(args, "--yes");
    let long = take_flag(args, "--long");
    if let Some(unknown) = args.iter().find(|a| a.starts_with('-')) {
        return Err(format!("there is no option {unknown}\n\n{USAGE}"));
    }
    if args.len() > 1 {
        return Err(format!("one filter at a time\n\n{USAGE}"));
    }
    setup::install(setup::For::Testing, yes)?;
    suite::test(long, args.pop())
}

fn fuzz(args: &mut Vec<String>) -> Result {
    setup::install(setup::For::Testing, take_flag(args, "--yes"))?;
    let runs = args.pop().map_or(Ok(suite::FUZZ_RUNS_IN_CI), |runs| runs.parse());
    fuzz::run(runs.map_err(|e| format!("how many inputs? {e}\n\n{USAGE}"))?)
}

fn bench(args: &mut Vec<String>) -> Result {
    let yes = take_flag(args, "--yes");
    if take_flag(args, "--micro") {
        return bench::micro(args);
    }
    // Who only asks what there is needs nothing installed.
    if !args.iter().any(|arg| ["--help", "-h", "--list"].contains(&arg.as_str())) {
        setup::install(setup::For::Comparing, yes)?;
    }
    if take_flag(args, "--install-slow") {
        bench::install_slow()?;
    }
    bench::compare(args, &mut shell::Counts::default())
}

fn bundle(args: &mut Vec<String>) -> Result {
    let check = take_flag(args, "--check");
    setup::install(if check { setup::For::Testing } else { setup::For::Window }, take_flag(args, "--yes"))?;
    bundle::make()?;
    if check { suite::try_package(&mut shell::Counts::default()) } else { Ok(()) }
}

/// Removes a flag from the arguments; whether it was there.
fn take_flag(args: &mut Vec<String>, flag: &str) -> bool {
    let before = args.len();
    args.retain(|a| a != flag);
    args.len() < before
}
