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
    windows.ann.wait_for_notice("Shoal stays in reach");
    let sent = file(folder.path(), "from the file manager.bin", 50_000);
    windows.ann.start_second(&[&sent]);
    windows.ann.wait_for_text("from the file manager.bin");
    windows.ann.click("Ben among the receivers", "return document.querySelector('.receivers input')");
    windows.ann.press("dialog", "Send");
    windows.ben.press("[data-offer]", "Accept");
    windows.ben.wait_for_transfer("finished", |row| row["state"] == "finished");
    assert_eq!(fs::read(inbox(&windows.ben).join("from the file manager.bin")).unwrap(), fs::read(&sent).unwrap());
}

/// With the window closed the offer comes as a notification, and its buttons are enough.
#[test]
#[ignore = "needs root and a display"]
fn an_offer_is_answered_on_its_notification_while_the_window_is_closed() {
    let (windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    windows.ben.close();
    windows.ben.wait_until_hidden();
    let (wanted, unwanted) = (file(folder.path(), "wanted.bin", 70_000), file(folder.path(), "unwanted.bin", 70_000));
    windows.drag(&[&wanted]);
    let notice = windows.ben.wait_for_notice("Ann's laptop wants to send wanted.bin");
    assert_eq!(notice["actions"], serde_json::json!(["accept", "Accept", "decline", "Decline", "default", "Shoal"]));
    windows.ben.press_on_notice(&notice, "accept");
    windows.ben.wait_for_transfer("finished", |row| row["state"] == "finished");
    windows.ben.wait_for_notice("wanted.bin is here, from Ann's laptop");
    assert_eq!(fs::read(inbox(&windows.ben).join("wanted.bin")).unwrap(), fs::read(&wanted).unwrap());
    windows.drag(&[&unwanted]);
    let notice = windows.ben.wait_for_notice("wants to send unwanted.bin");
    windows.ben.press_on_notice(&notice, "decline");
    windows.ann.wait_for_transfer("declined", |row| row["state"] == "declined");
    assert!(!inbox(&windows.ben).join("unwanted.bin").exists());
    assert_eq!(windows.ben.notices("stays in reach"), 1, "that is told once");
}
