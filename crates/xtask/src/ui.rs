//! The UI and the Tauri command line: what comes by npm.

use crate::{
    Result,
    shell::{find, root, run},
};
use std::{path::Path, process::Command};

/// Where the UI is, below the workspace.
const UI: &str = "ui";
/// Where the Tauri command line is asked for.
const SHELL: &str = "src-tauri";

/// Builds `ui/dist`, which window and browser host have built into them.
pub(crate) fn build() -> Result {
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

/// Installs exactly what the lock file says, unless that was done since it changed.
fn install(folder: &str) -> Result {
    let folder_path = root().join(folder);
    let changed = |file: &str| std::fs::metadata(folder_path.join(file)).and_then(|found| found.modified()).ok();
    // npm writes this file last.
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_some() && installed >= changed("package-lock.json") {
        return Ok(());
    }
    run(npm(folder)?.arg("ci"))
}

fn npm(folder: &str) -> Result<Command> {
    let program = if cfg!(windows) {
        Path::new("npm.cmd").to_owned()
    } else {
        find("npm").ok_or("npm is missing: install Node 20 or later")?
    };
    let mut npm = Command::new(program);
    npm.current_dir(root().join(folder));
    Ok(npm)
}
