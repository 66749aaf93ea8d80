//! Windows that are closed, and starts of a program that runs.

use super::{Windows, file, inbox};
use std::fs;

/// Whoever closes the window still wants to be found; a second start brings it back, with the files that it was given.
#[test]
#[ignore = "needs root and a display"]
fn a_closed_window_still_receives_and_a_second_start_brings_it_back_with_files() {
    let (windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    windows.ann.close();
    windows.ann.wait_until_hidden();
    let sent = file(folder.path(), "from the file manager.bin", 50_000);
    windows.ann.start_second(&[&sent]);
    windows.ann.wait_for_text("from the file manager.bin");
    windows.ann.click("Ben among the receivers", "return document.querySelector('.receivers input')");
    windows.ann.press("dialog", "Send");
    windows.ben.press("[data-offer]", "Accept");
    windows.ben.wait_for_transfer("finished", |row| row["state"] == "finished");
    assert_eq!(fs::read(inbox(&windows.ben).join("from the file manager.bin")).unwrap(), fs::read(&sent).unwrap());
}
