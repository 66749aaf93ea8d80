//! Pictures of the window for the README. `cargo xtask screenshots` says where they go; a test run leaves them out.

use super::{card, file, hosts, inbox};
use serde_json::json;
use shoal_tests::{
    lab::{Net, Peer},
    window::Window,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Bytes a second: slow enough to be seen moving.
const SLOW: u64 = 3_000_000;
/// Until what slides in or fades has arrived.
const AT_REST: Duration = Duration::from_secs(1);
/// Until the graph of a rate has something to show.
const WATCHED: Duration = Duration::from_secs(6);

/// A living room: two windows, and three devices more.
#[test]
#[ignore = "needs root and a display"]
fn pictures_for_the_readme() {
    let Some(pictures) = std::env::var_os("SHOAL_PICTURES").map(PathBuf::from) else { return };
    fs::create_dir_all(&pictures).unwrap();
    let (net, folder) = (Net::new(), tempfile::tempdir().unwrap());
    let (_switch, [ann, ben, nas, studio, kitchen]) = hosts(&net, ["ann", "ben", "nas", "studio", "kitchen"]);
    let others = [(&nas, "NAS"), (&studio, "Studio"), (&kitchen, "Kitchen tablet")];
    let _others = others.map(|(host, name)| Peer::at(host).name(name).accept("all").start());
    let (ann, ben) = (Window::open(&ann, "Mira's laptop"), Window::open(&ben, "Ben's desktop"));
    for window in [&ann, &ben] {
        for name in ["NAS", "Studio", "Kitchen tablet"] {
            window.wait_for(name, &card(name));
        }
    }
    ben.wait_for("Mira", &card(ann.name()));
    ann.wait_for("Ben", &card(ben.name()));
    for (window, name) in [(&ann, "NAS"), (&ann, ben.name()), (&ben, ann.name()), (&ben, "NAS")] {
        window.request(&json!({ "request": "set_trust", "peer": name, "trust": "verified" }));
    }
    ann.request(&json!({ "request": "set_limits", "limits": { "up": SLOW, "down": null } }));
    let holiday = holiday(folder.path());
    ann.drop_files(&[&holiday], "card of Ben", &card(ben.name()));
    ben.wait_for_text("Holiday at the sea");
    std::thread::sleep(AT_REST);
    both(&ben, &pictures, "offer");
    ben.press("[data-offer]", "Accept");
    ben.wait_for_transfer("moving", |row| row["bytes_done"].as_u64().unwrap() > 5_000_000);
    let notes = file(folder.path(), "Plans for the boat.pdf", 40_000_000);
    ann.drop_files(&[&notes], "card of the NAS", &card("NAS"));
    ann.wait_for_transfer("moving to the NAS", |row| {
        row["name"] == "Plans for the boat.pdf" && row["bytes_done"].as_u64().unwrap() > 0
    });
    ann.wait_for("notices gone", "return !document.querySelector('.notice')");
    std::thread::sleep(AT_REST);
    both(&ann, &pictures, "nearby");
    std::thread::sleep(WATCHED);
    ben.press("nav", "Transfers");
    ben.press("main", "Holiday at the sea");
    std::thread::sleep(AT_REST);
    both(&ben, &pictures, "transfers");
    assert!(inbox(&ben).exists());
}

/// Light, then dark as a person chooses it in the settings.
fn both(window: &Window, pictures: &Path, name: &str) {
    window.picture_of_window(&pictures.join(format!("{name}.png")));
    let place = window.script("return document.querySelector('nav [aria-current]').innerText.split('\\n')[0].trim()");
    choose_appearance(window, "Dark");
    window.press("nav", place.as_str().unwrap());
    std::thread::sleep(AT_REST);
    window.picture_of_window(&pictures.join(format!("{name}-dark.png")));
    choose_appearance(window, "Light");
    window.press("nav", place.as_str().unwrap());
    std::thread::sleep(AT_REST);
}

fn choose_appearance(window: &Window, appearance: &str) {
    window.press("nav", "Settings");
    let script = format!(
        "const all = [...document.querySelectorAll('select')]; \
         const field = all.find((one) => [...one.options].some((option) => option.text === '{appearance}')); if (!field) return null; \
         field.value = [...field.options].find((option) => option.text === '{appearance}').value; \
         field.dispatchEvent(new Event('change', {{ bubbles: true }})); return true"
    );
    window.wait_for("the choice of an appearance", &script);
}

fn holiday(folder: &Path) -> PathBuf {
    let holiday = folder.join("Holiday at the sea");
    for day in ["Monday", "Tuesday", "Wednesday"] {
        fs::create_dir_all(holiday.join(day)).unwrap();
        for i in 0..24 {
            file(&holiday.join(day), &format!("IMG_{:04}.jpg", 2_300 + i), 1_500_000);
        }
    }
    file(&holiday, "Crossing.mov", 24_000_000);
    holiday
}
