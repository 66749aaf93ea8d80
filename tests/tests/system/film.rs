//! What it takes until a film plays that another device shares: the same in a window and in a browser.

use serde_json::Value;
use shoal_tests::{
    figure, film,
    lab::{Line, Peer},
};
use std::time::Duration;

/// A home's wireless network: 100 Mbit/s, 20 ms from one end to the other.
pub(crate) const LINE: Line = Line { mbit: 100.0, delay: Duration::from_millis(20), ..Line::gigabit() };

/// Most milliseconds until a film plays where somebody leapt to.
const LEAP_MS: f64 = 1000.0;

/// Shares the film; `SHARE/PATH` of it.
pub(crate) fn share(peer: &Peer) -> String {
    let film = film::long();
    let folder = film.parent().unwrap().to_str().unwrap();
    peer.shoal(&["share", "add", folder, "--name", "Films", "--for", "everyone"]).expect_code(0);
    "Films/long.mp4".to_owned()
}

/// Prints what `ui/tests/real/seek.mjs` found, and holds it to [`LEAP_MS`]: people look for a place in a film by leaping around in it, and
/// who has to wait gives up.
pub(crate) fn judge(host: &str, found: &Value) {
    assert_eq!(found["width"], 1280, "{found}");
    let took = |field: &str| found[field].as_f64().unwrap();
    for (what, field) in [("opened", "first"), ("leap to its middle", "middle"), ("leap back", "quarter")] {
        figure(&format!("film of 2 GB over 100 Mbit/s and 20 ms, {host}, {what}, plays after"), format!("{:.0} ms", took(field)));
    }
    assert!(took("middle") <= LEAP_MS && took("quarter") <= LEAP_MS, "{found}");
}
