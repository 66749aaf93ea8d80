//! `shoal bench`: what a transfer waits for is named, and filler goes only between devices that know each other.

use super::scene::at;
use shoal_tests::{
    figure,
    lab::{Line, Net},
};

/// Why it matters: people blame Shoal, the disk or the other computer for what a slow cable does.
#[test]
#[ignore = "needs root and ip netns"]
fn the_network_is_named_where_a_slow_cable_is_the_limit_and_a_stranger_is_refused() {
    let net = Net::new();
    let (ann, ben) = (net.host("ann"), net.host("ben"));
    let _cable = net.cable(&ann, &ben, Line::gigabit().at(40.0));
    ann.add_address("eth0", "10.77.0.1/24");
    ben.add_address("eth0", "10.77.0.2/24");
    let (ann, ben) = (at(&ann).start(), at(&ben).start());
    let address = ben.ready().addresses.iter().find(|address| address.is_ipv4()).expect("an address on the cable").to_string();

    let refused = ann.shoal(&["bench", &address]).expect_code(4);
    assert!(refused.errors.contains("does not know this device"), "{}", refused.errors);

    ben.shoal(&["trust", ann.id(), "known"]).expect_code(0);
    let lines = ann.shoal(&["bench", &address]).expect_code(0).lines;
    let value = |measure: &str| {
        let line = lines.iter().find(|line| line["measure"] == measure);
        line.and_then(|line| line["value"].as_f64()).unwrap_or_else(|| panic!("{measure} is missing in {lines:?}"))
    };
    for measure in ["disk_write", "disk_read", "small_files", "encrypt_and_hash", "hash_one_core", "hash_all_cores", "round_trip"]
    {
        assert!(value(measure) > 0.0, "{lines:?}");
    }
    for way in ["to_peer", "from_peer"] {
        figure(&format!("bench over 40 Mbit/s: {way}"), format!("{:.2} MB/s", value(way) / 1e6));
        assert!((1e6..5.1e6).contains(&value(way)), "{lines:?}");
    }
    let limit = &lines[lines.len() - 1];
    assert_eq!((&limit["measure"], &limit["limit"]), (&"limit".into(), &"network".into()));
    assert!(limit["sentence"].as_str().unwrap().contains("network"), "{limit}");
    assert_eq!(std::fs::read_dir(ann.inbox()).map_or(0, Iterator::count), 0, "what was written to measure the disk is removed");
}
