//! The comparison with other programs (`bench`): builds what is compared as users get it, and hands over.

use crate::{
    Result,
    setup::is_root,
    shell::{cargo, output, run, target_dir},
    suite::binary,
};
use std::process::Command;

/// Runs the comparison. Linux and root only.
pub(crate) fn compare(args: &[String]) -> Result {
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
    bench.arg(format!("SHOAL_BIN={}", binary("release")?.display())).arg(program).args(args);
    run(&mut bench)
}

/// Runs the micro-benchmarks: parts alone, within one process.
pub(crate) fn micro(args: &[String]) -> Result {
    run(cargo(&["bench", "--package", "shoal-bench", "--"]).args(args))
}
