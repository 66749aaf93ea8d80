//! Runs every fuzz target of `fuzz/` on stable Rust, without the `cargo-fuzz` tool.
//!
//! That tool needs nightly only for the sanitizers of memory, which find little in a crate that forbids unsafe code. What guides the
//! fuzzer, LLVM's coverage, is an ordinary code generation option. Its calls into libFuzzer must not get into build scripts and
//! procedural macros, hence the explicit target: Cargo then keeps `RUSTFLAGS` from what runs on the host.

use std::{
    env, fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// What `cargo fuzz` passes too: counters at each edge, and the operands of comparisons, by which magic values are found.
const COVERAGE: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Cforce-frame-pointers=yes",
];

/// Longest input, in bytes.
const MAX_INPUT: u32 = 2048;
/// Longest input of targets whose every branch is reached by short ones, and which take time by the character.
const SHORT_INPUTS: [(&str, u32); 4] = [("display", 128), ("mapping", 48), ("ranges", 512), ("relative_path", 512)];
/// Most memory that a target may take, in MiB.
const MAX_MEMORY: u32 = 512;
/// Longest that one input may take, in seconds.
const MAX_SECONDS: u32 = 5;
/// Lines of a failed target's output that are shown.
const SHOWN_LINES: usize = 40;

/// Builds all targets and gives each `runs` inputs, as many side by side as there are processors.
pub(crate) fn run(runs: u64) -> Result<(), String> {
    if cfg!(windows) {
        return Err("libFuzzer needs Linux or macOS".to_owned());
    }
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let fuzz = fuzz.canonicalize().map_err(|error| format!("{}: {error}", fuzz.display()))?;
    let targets = targets(&fuzz.join("fuzz_targets"))?;
    let binaries = build(&fuzz)?;

    let begun = Instant::now();
    let waiting = Mutex::new(targets.iter().rev().collect::<Vec<_>>());
    let failed = Mutex::new(Vec::new());
    let worker = || {
        loop {
            let Some(target) = waiting.lock().ok().and_then(|mut waiting| waiting.pop()) else { return };
            let begun = Instant::now();
            match run_target(&fuzz, &binaries, target, runs) {
                Ok(summary) => println!("{target:14} {} {summary}", seconds(begun.elapsed())),
                Err(report) => {
                    eprintln!("{target:14} {} FAILED\n{report}", seconds(begun.elapsed()));
                    if let Ok(mut failed) = failed.lock() {
                        failed.push(target.as_str());
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(worker);
        }
    });

    let failed = failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    println!("{} targets, {runs} runs each, {}, {} failed", targets.len(), seconds(begun.elapsed()).trim(), failed.len());
    if failed.is_empty() { Ok(()) } else { Err(format!("fuzzing found a fault in {}", failed.join(", "))) }
}

/// The names of the targets, in order.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Builds the targets into a folder of their own; gives the folder of the binaries.
fn build(fuzz: &Path) -> Result<PathBuf, String> {
    let host = host()?;
    let target_dir = fuzz.join("target");
    let status = Command::new(cargo())
        .args(["build", "--quiet", "--bins", "--target", &host, "--target-dir"])
        .arg(&target_dir)
        .current_dir(fuzz)
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"))
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() {
        Ok(target_dir.join(host).join("debug"))
    } else {
        Err("the fuzz targets do not build (libFuzzer needs a C++ compiler)".to_owned())
    }
}

/// The triple of this machine, as the compiler names it.
fn host() -> Result<String, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "rustc does not name its host".to_owned())
}

fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs one target; gives libFuzzer's last line of figures, or what it said at its end.
fn run_target(fuzz: &Path, binaries: &Path, target: &str, runs: u64) -> Result<String, String> {
    let folder = |kind: &str| -> Result<PathBuf, String> {
        let folder = fuzz.join(kind).join(target);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    };
    // libFuzzer adds what it finds to the first folder, so that the next run begins where this one ended.
    let corpus = folder("corpus")?;
    let artifacts = folder("artifacts")?;
    let seeds = fuzz.join("seeds").join(target);
    let max_len = SHORT_INPUTS.iter().find(|(short, _)| *short == target).map_or(MAX_INPUT, |(_, limit)| *limit);
    let output = Command::new(binaries.join(target))
        .arg(corpus)
        .args(seeds.is_dir().then_some(seeds))
        .arg(format!("-runs={runs}"))
        .arg(format!("-max_len={max_len}"))
        .arg(format!("-rss_limit_mb={MAX_MEMORY}"))
        .arg(format!("-timeout={MAX_SECONDS}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{target}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let figures = said.lines().rev().find(|line| line.contains("DONE") || line.contains("pulse"));
    match figures.filter(|_| output.status.success()) {
        Some(figures) => Ok(figures.replace('\t', " ")),
        None => {
            let lines: Vec<_> = said.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default();
            Err(format!("{}\n{}", tail.join("\n"), output.status))
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:6.1} s", duration.as_secs_f64())
}
