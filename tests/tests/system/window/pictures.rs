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
    shared(&ann, &ben, folder.path(), &pictures);
    assert!(inbox(&ben).exists());
}

/// Ben's album, opened in Mira's window.
fn shared(ann: &Window, ben: &Window, folder: &Path, pictures: &Path) {
    let album = folder.join("Album");
    fs::create_dir_all(album.join("Summer")).unwrap();
    fs::create_dir_all(album.join("Winter")).unwrap();
    let names = [
        "Above the bay",
        "At the harbour",
        "Dunes",
        "Early morning",
        "From the ferry",
        "Last light",
        "The old path",
        "Vineyards",
    ];
    for (seed, name) in (0..).zip(names) {
        landscape(seed).save(album.join(format!("{name}.jpg"))).unwrap();
    }
    file(&album, "Crossing.mp4", 24_000_000);
    file(&album, "Sea shanty.mp3", 4_000_000);
    ben.press("nav", "Shared");
    ben.drop_files(&[&album], "place for folders", "return document.querySelector('.overview')");
    ben.press("aside form", "Share");
    ben.wait_for_text("Album is shared.");
    ann.press("nav", "Shared");
    ann.click("share", "return [...document.querySelectorAll('.shelf .share')].find((one) => one.innerText.includes('Album'))");
    ann.press(".tools", "Grid");
    let shown = format!(
        "return [...document.querySelectorAll('[role=option] img')].filter((one) => one.naturalWidth > 0).length === {}",
        names.len()
    );
    ann.wait_for("thumbnails", &shown);
    std::thread::sleep(AT_REST);
    both(ann, pictures, "shared");
}

/// Hills before an evening sky, a sun above them.
fn landscape(seed: u32) -> image::RgbImage {
    const SKIES: [[u8; 3]; 4] = [[247, 201, 160], [160, 205, 235], [240, 170, 165], [190, 180, 225]];
    const HILLS: [[u8; 3]; 4] = [[45, 90, 85], [60, 75, 110], [105, 60, 75], [50, 85, 60]];
    let (sky, hill) = (SKIES[seed as usize % 4], HILLS[(seed as usize / 2 + 1) % 4]);
    let mix = |one: u8, other: u8, part: f32| (f32::from(one) * (1.0 - part) + f32::from(other) * part) as u8;
    let wave =
        |x: f32, turn: f32, height: f32| 420.0 - height + 60.0 * (x / 140.0 + turn).sin() + 25.0 * (x / 47.0 + turn * 2.0).sin();
    image::RgbImage::from_fn(960, 640, |x, y| {
        let (x, y, turn) = (x as f32, y as f32, seed as f32 * 1.7);
        let sun = ((x - 200.0 - 90.0 * (seed % 7) as f32).powi(2) + (y - 170.0).powi(2)).sqrt() < 62.0;
        let ground = (0..3_u8).rev().find(|layer| y > wave(x, turn + f32::from(*layer), 90.0 - 90.0 * f32::from(*layer)));
        image::Rgb(match ground {
            Some(layer) => hill.map(|part| mix(part, 20, 0.25 * f32::from(layer))),
            None if sun => [255, 244, 214],
            None => sky.map(|part| mix(part, 255, y / 900.0)),
        })
    })
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
