//! Pictures of the window for the README. `cargo xtask screenshots` says where they go; a test run leaves them out.

use super::{Windows, file};
use serde_json::json;
use std::{fs, path::PathBuf};

/// Bytes a second: slow enough to be seen moving.
const SLOW: u64 = 3_000_000;

#[test]
#[ignore = "needs root and a display"]
fn pictures_for_the_readme() {
    let Some(pictures) = std::env::var_os("SHOAL_PICTURES").map(PathBuf::from) else { return };
    fs::create_dir_all(&pictures).unwrap();
    let (windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    windows.ann.picture_of_window(&pictures.join("nearby.png"));
    windows.ann.request(&json!({ "request": "set_limits", "limits": { "up": SLOW, "down": null } }));
    let sent = file(folder.path(), "Holiday at the sea.mov", 60_000_000);
    windows.drag(&[&sent]);
    windows.ben.wait_for_text("Holiday at the sea.mov");
    // What slides in has arrived.
    std::thread::sleep(std::time::Duration::from_secs(1));
    windows.ben.picture_of_window(&pictures.join("offer.png"));
    windows.ben.press("[data-offer]", "Accept");
    windows.ben.wait_for_transfer("moving", |row| row["bytes_done"].as_u64().unwrap() > 10_000_000);
    windows.ben.press("nav", "Transfers");
    windows.ben.press("main", "Holiday at the sea.mov");
    std::thread::sleep(std::time::Duration::from_secs(3));
    windows.ben.picture_of_window(&pictures.join("transfers.png"));
}
