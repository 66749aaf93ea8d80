//! A film that another device shares, played in a browser.

use super::Room;
use crate::film;
use serde_json::json;

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn a_film_of_two_gigabytes_plays_from_its_middle_within_a_second() {
    let (room, nas) = Room::beside("ben", film::LINE);
    let path = film::share(&nas);
    let found = room.run("film", json!({ "owner": nas.id(), "path": path }), |_| ());
    film::judge("Chromium", &found);
}
