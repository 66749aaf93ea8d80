//! Transfers that take their time, and more than one receiver.

use super::{Windows, card, file, hosts, inbox};
use serde_json::{Value, json};
use shoal_tests::{lab::Net, window::Window};
use std::{fs, time::Duration};

/// Bytes a second: slow enough to press buttons meanwhile.
const SLOW: u64 = 2_000_000;
/// Bytes of a file that takes ten seconds at that rate.
const LARGE: usize = 20_000_000;

fn limit(window: &Window, up: Option<u64>) {
    window.request(&json!({ "request": "set_limits", "limits": { "up": up, "down": null } }));
}

fn moving(row: &Value) -> bool {
    row["state"] == "active" && row["bytes_done"].as_u64().unwrap() > 0
}

fn state(state: &'static str) -> impl Fn(&Value) -> bool {
    move |row| row["state"] == state
}

#[test]
#[ignore = "needs root and a display"]
fn a_transfer_is_paused_resumed_and_cancelled_with_the_mouse() {
    let (windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    limit(&windows.ann, Some(SLOW));
    let sent = file(folder.path(), "film.bin", LARGE);
    windows.drag(&[&sent]);
    windows.ben.press("[data-offer]", "Accept");
    windows.ben.wait_for_transfer("moving", moving);
    windows.ben.press("nav", "Transfers");
    windows.ben.press("main", "Pause: film.bin");
    windows.ben.wait_for_transfer("paused", state("paused"));
    windows.ben.press("main", "Resume: film.bin");
    windows.ben.wait_for_transfer("moving", moving);
    windows.ann.press("nav", "Transfers");
    windows.ann.press("main", "Cancel: film.bin");
    windows.ann.wait_for_transfer("cancelled", state("cancelled"));
    windows.ben.wait_for_transfer("over", |row| row["state"] == "cancelled" || row["state"] == "failed");
    assert!(!inbox(&windows.ben).join("film.bin").exists());
}

/// The program dies in the middle, and the transfer goes on when it is opened again, with what it had.
#[test]
#[ignore = "needs root and a display"]
fn a_window_killed_in_mid_transfer_goes_on_when_it_is_opened_again() {
    let (mut windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    limit(&windows.ann, Some(SLOW));
    let sent = file(folder.path(), "film.bin", LARGE);
    windows.drag(&[&sent]);
    windows.ben.press("[data-offer]", "Accept");
    windows.ben.wait_for_transfer("half way", |row| row["bytes_done"].as_u64().unwrap() > LARGE as u64 / 4);
    windows.ben.restart();
    limit(&windows.ann, None);
    windows.ben.wait_for_transfer("finished", state("finished"));
    assert_eq!(fs::read(inbox(&windows.ben).join("film.bin")).unwrap(), fs::read(&sent).unwrap());
    shoal_tests::figure("window opened again in mid-transfer, usable after", format!("{:.1?}", windows.ben.usable_after));
}

#[test]
#[ignore = "needs root and a display"]
fn a_text_is_written_to_a_device_and_read_on_the_other() {
    let windows = Windows::open();
    let words = "the tide is at six, https://example.org/tide";
    windows.ann.click("card", &format!("{} ?.querySelector('button')", card(windows.ben.name())));
    windows.ann.click("message field", "return document.querySelector('aside input.field, aside textarea')");
    windows.ann.type_text(words);
    windows.ann.keys(&["Return"]);
    windows.ben.wait_for_text(words);
    assert_eq!(windows.ben.script("return location.host"), "localhost");
}

/// A photographer has one folder for everybody in the room.
#[test]
#[ignore = "needs root and a display"]
fn three_devices_get_the_same_files_at_once() {
    let (net, folder) = (Net::new(), tempfile::tempdir().unwrap());
    let (_switch, [ann, ben, cleo, dan]) = hosts(&net, ["ann", "ben", "cleo", "dan"]);
    let ann = Window::open(&ann, "Ann's laptop");
    let others = [Window::open(&ben, "Ben"), Window::open(&cleo, "Cleo"), Window::open(&dan, "Dan")];
    let sent = file(folder.path(), "for all.bin", 1_000_000);
    for other in &others {
        ann.wait_for(other.name(), &format!("return !!(() => {{ {} }})()", card(other.name())));
        ann.click("mark to choose it", &format!("{} ?.querySelector('input[type=checkbox]')", card(other.name())));
    }
    ann.drop_files(&[&sent], "card", &card(others[0].name()));
    for other in &others {
        other.press("[data-offer]", "Accept");
    }
    for other in &others {
        other.wait_for_transfer("finished", state("finished"));
        assert_eq!(fs::read(inbox(other).join("for all.bin")).unwrap(), fs::read(&sent).unwrap(), "{}", other.name());
    }
    let all_done = || ann.transfers().iter().filter(|row| row["state"] == "finished").count() == 3;
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while !all_done() {
        assert!(std::time::Instant::now() < end, "{:?}", ann.transfers());
        std::thread::sleep(Duration::from_millis(100));
    }
}
