//! How Shoal comes to run, and what a start brings along.

use super::{Windows, card, hosts};
use shoal_tests::{
    lab::{Net, Peer},
    window::Window,
};
use std::path::Path;

/// A device that multicast does not reach is found by the link that it shows.
#[test]
#[ignore = "needs root and a display"]
fn a_link_that_somebody_opens_brings_the_device_that_it_names() {
    let net = Net::new();
    let (_switch, [ann, nas]) = hosts(&net, ["ann", "nas"]);
    let nas = Peer::at(&nas).name("NAS in the cellar").args(&["--no-mdns"]).start();
    let ann = Window::open(&ann, "Ann's laptop");
    let link = nas.shoal(&["id"]).lines[0]["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with("shoal:"), "{link}");
    assert_eq!(ann.script(&format!("return !!(() => {{ {} }})()", card("NAS in the cellar"))), false);
    ann.start_second(&[link.as_ref()]);
    ann.wait_for("the device", &card("NAS in the cellar"));
}

/// Whoever wants to be found after a restart says so once, in the settings.
#[test]
#[ignore = "needs root and a display"]
fn shoal_starts_with_the_system_when_that_is_chosen_and_not_otherwise() {
    let windows = Windows::open();
    let entry = windows.ann.home().path().join(".config/autostart/Shoal.desktop");
    assert!(!entry.exists());
    windows.ann.press("nav", "Settings");
    let switch = "return [...document.querySelectorAll('label')].find((one) => one.innerText.includes('Start with the system'))";
    windows.ann.click("switch", switch);
    wait_until(|| entry.exists(), &entry);
    let said = std::fs::read_to_string(&entry).unwrap();
    assert!(said.lines().any(|line| line.starts_with("Exec=") && line.ends_with(" --hidden")), "{said}");
    windows.ann.click("switch", switch);
    wait_until(|| !entry.exists(), &entry);
}

fn wait_until(holds: impl Fn() -> bool, file: &Path) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds() {
        let beside = || {
            std::fs::read_dir(file.parent().unwrap())
                .map(|files| files.flatten().map(|file| file.file_name()).collect::<Vec<_>>())
        };
        assert!(std::time::Instant::now() < end, "{} did not change; there is {:?}", file.display(), beside());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
