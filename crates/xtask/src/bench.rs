//! The comparison with other programs (`bench`): builds what is compared as users get it, and hands over.

use crate::{
    Result,
    setup::is_root,
    shell::{Counts, cargo, output, run, run_tests, target_dir},
    suite::binary,
};
use std::{path::PathBuf, process::Command};

/// Runs the comparison, and notes the figures that it says. Linux and root only.
pub(crate) fn compare(args: &[String], counts: &mut Counts) -> Result {
    if !cfg!(target_os = "linux") {
        return Err("the comparison needs Linux's network namespaces".to_owned());
    }
    run(&mut cargo(&["build", "--release", "--package", "shoal-cli", "--package", "shoal-bench"]))?;
    let program = target_dir()?.join("release").join("shoal-bench");
    let asks = args.iter().any(|arg| ["--help", "-h", "--list"].contains(&arg.as_str()));
    let sudo = !is_root() && !asks;
    if sudo && output(Command::new("sudo").args(["-n", "true"])).is_err() {
        return Err(
            "it makes hosts of network namespaces, which needs root: run `sudo -v` first, or all of it as root".to_owned()
        );
    }
    let mut bench = Command::new(if sudo { "sudo" } else { "env" });
    if sudo {
        bench.args(["-n", "env"]);
    }
    bench.arg(format!("SHOAL_BIN={}", binary("release")?.display())).arg(format!("SHOAL_RIVALS={}", rivals()?.display()));
    bench.arg(program).args(args);
    run_tests(&mut bench, counts)
}

/// Installs what the distribution does not package, outside of the project; takes minutes.
pub(crate) fn install_slow() -> Result {
    let folder = rivals()?;
    let venv = folder.join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let wormhole = ["install", "--quiet", "magic-wormhole", "magic-wormhole-mailbox-server", "setuptools<81"];
    run(Command::new(venv.join("bin").join("pip")).args(wormhole))?;
    run(cargo(&["install", "--locked", "sendme", "--root"]).arg(&folder))
}

/// Where that goes: a cache.
fn rivals() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    cache.or_else(home).map(|cache| cache.join("shoal-rivals")).ok_or_else(|| "there is no home folder".to_owned())
}

/// Runs the micro-benchmarks: parts alone, within one process.
pub(crate) fn micro(args: &[String]) -> Result {
    run(cargo(&["bench", "--package", "shoal-bench", "--"]).args(args))
}
