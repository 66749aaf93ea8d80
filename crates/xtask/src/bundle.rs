//! Packages: what people install. Each system makes its own kinds.

use crate::{
    Result,
    setup::is_root,
    shell::{cargo, output, run, target_dir},
    suite::binary,
    ui,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// The kinds for this system.
const KINDS: &str = if cfg!(target_os = "linux") {
    "deb,rpm"
} else if cfg!(windows) {
    "nsis,msi"
} else {
    "app,dmg"
};

/// What the package for Debian must have put on the disk.
const INSTALLED: [&str; 6] = [
    "/usr/bin/shoal-app",
    "/usr/bin/shoal",
    "/usr/share/applications/Shoal.desktop",
    "/usr/share/icons/hicolor/128x128/apps/shoal-app.png",
    "/usr/share/kio/servicemenus/app.shoal.Shoal.desktop",
    "/usr/share/nautilus-python/extensions/shoal.py",
];

/// Builds the UI, window and command line, and the packages that hold all three; prints where they are.
pub(crate) fn make() -> Result {
    ui::build()?;
    build()?;
    let configuration = beside()?;
    run(ui::tauri(&["bundle", "--bundles", KINDS, "--config"])?.arg(configuration))?;
    for package in packages()? {
        println!("{}", package.display());
    }
    Ok(())
}

/// Builds window and command line as users get them; in one go, so that what both are made of is compiled once.
pub(crate) fn build() -> Result {
    run(&mut cargo(&["build", "--release", "--package", "shoal-app", "--package", "shoal-cli"]))
}

/// Puts the command line where the bundler takes programs from, under the name that it wants; the configuration that says so.
fn beside() -> Result<PathBuf> {
    let folder = release()?.join("beside");
    let triple = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let named = format!("shoal-{}{}", triple.trim(), std::env::consts::EXE_SUFFIX);
    let configuration = folder.join("tauri.json");
    let program = folder.join("shoal").display().to_string().replace('\\', "/");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(binary("release").map_err(std::io::Error::other)?, folder.join(named)))
        .and_then(|_| fs::write(&configuration, format!(r#"{{ "bundle": {{ "externalBin": ["{program}"] }} }}"#)))
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(configuration)
}

/// Installs the package for Debian, looks what is there, tries it, and takes it away again. Needs root.
pub(crate) fn check_debian(tried: impl FnOnce(&Path) -> Result) -> Result {
    if !is_root() {
        return Err("installing a package needs root".to_owned());
    }
    let newest = |kind: &str| {
        let fitting = packages().ok()?.into_iter().filter(|file| file.extension().is_some_and(|end| end == kind));
        fitting.max_by_key(|file| file.metadata().and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH))
    };
    let package = newest("deb").ok_or("there is no .deb: `cargo xtask bundle` makes it")?;
    run(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends"]).arg(&package))?;
    let missing: Vec<&str> = INSTALLED.into_iter().filter(|file| !Path::new(file).exists()).collect();
    let tried = tried(Path::new(INSTALLED[0]));
    let name = output(Command::new("dpkg-deb").args(["--field"]).arg(&package).arg("Package"))?;
    run(Command::new("apt-get").args(["remove", "--yes", name.trim()]))?;
    if missing.is_empty() { tried } else { Err(format!("the package did not install {}", missing.join(", "))) }
}

fn release() -> Result<PathBuf> {
    Ok(target_dir()?.join("release"))
}

/// Everything that was made.
fn packages() -> Result<Vec<PathBuf>> {
    let folder = release()?.join("bundle");
    let kinds = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let files = kinds.flatten().filter_map(|kind| fs::read_dir(kind.path()).ok()).flat_map(|files| files.flatten());
    let ends = ["deb", "rpm", "exe", "msi", "dmg"];
    Ok(files
        .map(|file| file.path())
        .filter(|file| file.extension().is_some_and(|end| ends.iter().any(|known| end == *known)))
        .collect())
}
