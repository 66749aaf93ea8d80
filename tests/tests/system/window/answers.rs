//! One sends, the other answers.

use super::{Windows, card, file, hosts, inbox};
use serde_json::json;
use shoal_tests::{lab::Net, window::Window};
use std::fs;

/// The one gesture that Shoal is about: drop it on somebody, who presses Accept.
#[test]
#[ignore = "needs root and a display"]
fn a_file_dragged_onto_a_device_is_there_after_a_click() {
    let (windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    let sent = file(folder.path(), "pictures of the sea.bin", 3_000_000);
    windows.drag(&[&sent]);
    windows.ben.wait_for_text("Ann's laptop");
    assert!(!inbox(&windows.ben).join("pictures of the sea.bin").exists(), "nothing is written before consent");
    windows.ben.press("[data-offer]", "Accept");
    windows.ben.wait_for_transfer("finished", |row| row["state"] == "finished");
    windows.ann.wait_for_transfer("finished", |row| row["state"] == "finished");
    assert_eq!(fs::read(inbox(&windows.ben).join("pictures of the sea.bin")).unwrap(), fs::read(&sent).unwrap());
    windows.ben.press("nav", "Transfers");
    windows.ben.wait_for_text("pictures of the sea.bin");
}

#[test]
#[ignore = "needs root and a display"]
fn an_offer_that_is_declined_leaves_nothing() {
    let (windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    let sent = file(folder.path(), "unwanted.bin", 100_000);
    windows.drag(&[&sent]);
    windows.ben.press("[data-offer]", "Decline");
    windows.ann.wait_for_transfer("declined", |row| row["state"] == "declined");
    windows.ben.wait_for("the offer gone", "return !document.querySelector('[data-offer]')");
    assert!(!inbox(&windows.ben).join("unwanted.bin").exists());
}

/// Names are a peer's words: as text they are harmless, as markup they would be a program in the window.
#[test]
#[ignore = "needs root and a display"]
fn names_that_are_markup_or_turn_text_around_are_shown_as_text_and_call_nothing() {
    let (net, folder) = (Net::new(), tempfile::tempdir().unwrap());
    let (_switch, [ann, ben]) = hosts(&net, ["ann", "ben"]);
    let (ann, ben) = (Window::open(&ann, "<img src=x onerror=document.title=1>"), Window::open(&ben, "Ben's desktop"));
    ann.wait_for("the other device", &card(ben.name()));
    let sent = folder.path().join("<script>document.title=2<&script>");
    fs::create_dir(&sent).unwrap();
    let call = "<img src=x onerror=__TAURI_INTERNALS__.invoke('copy',{text:'taken'})>";
    let (turned, fish) = ("bill\u{202e}fdp.exe", "🐟".repeat(63));
    for name in [call, turned, &fish, "*"] {
        file(&sent, name, 1000);
    }
    ann.drop_files(&[&sent], "card of the other device", &card(ben.name()));
    ben.wait_for_text(ann.name());
    ben.wait_for_text("<script>document.title=2<&script>");
    ben.press("[data-offer]", "<script>document.title=2<&script>");
    for name in [call, &fish, "*"] {
        ben.wait_for_text(name);
    }
    assert_eq!(ben.script("return document.body.innerText.includes('\u{202e}')"), false, "text runs the way it is read");
    let whole = "return document.documentElement.scrollWidth <= innerWidth && !document.querySelector('[data-offer] img, [data-offer] script')";
    assert_eq!(ben.script(whole), true);
    ben.press("[data-offer]", "Accept");
    ben.wait_for_transfer("finished", |row| row["state"] == "finished");
    ben.press("nav", "Transfers");
    ben.wait_for_text("<script>document.title=2<&script>");
    assert_eq!(ben.script("return document.title"), "Shoal");
    assert_eq!(ben.script(whole), true);
    let clipboard = ben.try_invoke("read_clipboard", &json!({})).unwrap();
    assert_ne!(clipboard["text"], "taken");
    shoal_tests::compare::assert_same(&sent, &inbox(&ben).join(sent.file_name().unwrap()));
}

/// Whoever takes the page over gets no file that nobody chose, nothing of Tauri's own, and does not lead the window elsewhere.
#[test]
#[ignore = "needs root and a display"]
fn a_page_that_was_taken_over_reaches_no_file_and_goes_nowhere() {
    let windows = Windows::open();
    let ask = |request| windows.ann.try_invoke("request", &json!({ "request": request }));
    let named = json!({ "kind": "paths", "paths": ["/etc/passwd"] });
    assert!(ask(json!({ "request": "send", "to": [windows.ben.name()], "wait_s": 1, "content": named })).is_err());
    assert!(ask(json!({ "request": "set_settings", "change": { "inbox": "/etc" } })).is_err());
    for foreign in
        ["plugin:fs|read_file", "plugin:dialog|open", "plugin:opener|open_path", "plugin:window|create", "plugin:event|listen"]
    {
        assert!(windows.ann.try_invoke(foreign, &json!({ "path": "/etc/passwd" })).is_err(), "{foreign}");
    }
    let before = windows.ann.script("return location.href");
    windows.ann.script("location.href = 'https://example.org/'; window.open('https://example.org/'); return 1");
    let script =
        "const s = document.createElement('script'); s.textContent = 'document.title = 1'; document.body.append(s); return 1";
    windows.ann.script(script);
    windows.ann.wait_for("the other device, still", &format!("return !!(() => {{ {} }})()", card(windows.ben.name())));
    assert_eq!(windows.ann.script("return location.href"), before);
    assert_eq!(windows.ann.script("return document.title"), "Shoal");
}
