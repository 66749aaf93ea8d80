//! Checks the configuration while it compiles, and names the commands that the page may call: others do not exist for it.

use std::{fs, path::Path};

/// Every command; each becomes a permission that `capabilities/main.json` gives or does not give.
const COMMANDS: &[&str] = &[
    "request",
    "subscribe",
    "heard",
    "unsubscribe",
    "attend",
    "speak",
    "choose_files",
    "choose_folder",
    "choose_inbox",
    "choose_folder_for",
    "choose_folder_to_fetch",
    "media_places",
    "reveal",
    "copy",
    "read_clipboard",
    "autostart",
    "set_autostart",
];

/// The UI as `npm run build` in `ui/` leaves it.
const UI: &str = "../ui/dist";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A window can be compiled and linted before the UI is built; it then opens empty.
    if !Path::new(UI).exists() {
        fs::create_dir_all(UI)?;
    }
    println!("cargo:rerun-if-changed={UI}");
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}
