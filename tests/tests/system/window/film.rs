//! A film that another device shares, played in the window.

use super::card;
use crate::film;
use serde_json::{Value, json};
use shoal_tests::{
    lab::{Net, Peer},
    window::Window,
};

#[test]
#[ignore = "needs root and a display"]
fn a_film_of_two_gigabytes_plays_from_its_middle_within_a_second() {
    let net = Net::new();
    let [nas, ben] = ["nas", "ben"].map(|name| net.host(name));
    let _cable = net.cable(&nas, &ben, film::LINE);
    nas.add_address("eth0", "10.79.0.1/24");
    ben.add_address("eth0", "10.79.0.2/24");
    let nas = Peer::at(&nas).start();
    let path = film::share(&nas);
    let ben = Window::open(&ben, "Ben's desktop");
    ben.wait_for("the other device", &card("nas"));
    let places = ben.try_invoke("media_places", &json!({})).unwrap();
    let address = format!("{}/media/{}/{path}?v=1", places["files"].as_str().unwrap(), nas.id());
    let seek = include_str!("../../../../ui/tests/real/seek.mjs").replace("export const", "const");
    let found = ben.evaluate(&format!("{seek}; return seek(given)"), &Value::from(address)).unwrap();
    film::judge("window", &found);
}
