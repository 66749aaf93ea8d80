//! Embeds the built UI: writes a table of the files in `ui/dist` for `src/assets.rs`.
//!
//! The UI is built by another tool, `cargo xtask run` and `cargo xtask test` do it. Without it everything compiles all the same, so
//! that the engine and the command line need no Node, and `shoal serve --web` says what is missing.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let crate_dir = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?).join("ui.rs");
    let dist = crate_dir.join("../../ui/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        list(&dist, "", &mut files)?;
        files.sort();
    } else {
        println!("cargo:warning=ui/dist is missing, so `shoal serve --web` will not work: run `npm ci && npm run build` in ui/");
    }
    let rows: Vec<String> = files.iter().map(|(name, path)| format!("    ({name:?}, include_bytes!({path:?})),\n")).collect();
    fs::write(out, format!("&[\n{}]\n", rows.concat()))
}

/// Every file below `folder`: its path with `/` between names, and where it is.
fn list(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, entry.path().canonicalize()?));
        }
    }
    Ok(())
}
