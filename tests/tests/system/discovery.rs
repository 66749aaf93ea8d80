//! Devices find each other with nothing set up: in two seconds, whatever the network is like. A device that does not show up is
//! what people complain of most.

use shoal_tests::{
    figure,
    lab::{Host, Net, Peer},
};
use std::time::{Duration, Instant};

/// From the start of the second peer's process until the first lists it.
const FOUND_WITHIN: Duration = Duration::from_secs(2);
/// From a change of address until the new one is listed.
const FOUND_AGAIN_WITHIN: Duration = Duration::from_secs(5);
/// When a round is given up.
const GIVE_UP: Duration = Duration::from_secs(15);
const ROUNDS: usize = 5;

#[test]
#[ignore = "needs root and ip netns"]
fn peers_find_each_other_over_ipv4_alone() {
    let net = Net::new();
    let (_switch, [ann, ben]) = net.on_one_switch(["ann", "ben"]);
    for (host, address) in [(&ann, "10.77.0.1/24"), (&ben, "10.77.0.2/24")] {
        host.without_ipv6();
        host.add_address("eth0", address);
    }
    found_in_time("IPv4 only", &ann, &ben);
}

#[test]
#[ignore = "needs root and ip netns"]
fn peers_find_each_other_over_ipv6_link_local_alone() {
    let net = Net::new();
    let (_switch, [ann, ben]) = net.on_one_switch(["ann", "ben"]);
    for host in [&ann, &ben] {
        host.link_local("eth0");
    }
    found_in_time("IPv6 link-local only", &ann, &ben);
}

#[test]
#[ignore = "needs root and ip netns"]
fn an_interface_that_leads_nowhere_does_not_hide_peers() {
    let net = Net::new();
    let (_switch, [ann, ben]) = net.on_one_switch(["ann", "ben"]);
    // Each has a second interface, up and with an address, on a switch where nobody else is.
    let (lonely_ann, lonely_ben) = (net.switch("lonely-ann"), net.switch("lonely-ben"));
    for (host, switch, far, near) in
        [(&ann, &lonely_ann, "192.168.9.1/24", "10.77.0.1/24"), (&ben, &lonely_ben, "192.168.9.2/24", "10.77.0.2/24")]
    {
        switch.plug(host, "vpn0");
        host.add_address("vpn0", far);
        host.add_address("eth0", near);
    }
    found_in_time("two interfaces, one leads nowhere", &ann, &ben);
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_third_peer_finds_and_is_found_by_both() {
    let net = Net::new();
    let (_switch, hosts) = net.on_one_switch(["ann", "ben", "cem"]);
    for (i, host) in hosts.iter().enumerate() {
        host.add_address("eth0", &format!("10.77.0.{}/24", i + 1));
    }
    let [ann, ben, cem] = &hosts;
    let (first, second) = (Peer::at(ann).start(), Peer::at(ben).start());
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut third = Peer::at(cem).start();
        // One after the other: whichever is later counts.
        for (who, whom) in [(&first, &third), (&second, &third), (&third, &first), (&third, &second)] {
            wait_until_listed(who, whom, |_| true);
        }
        took.push(started.elapsed());
        third.terminate();
    }
    check("three peers", took, FOUND_WITHIN);
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_changed_address_is_noticed() {
    let net = Net::new();
    let (_switch, [ann, ben]) = net.on_one_switch(["ann", "ben"]);
    ann.without_ipv6();
    ben.without_ipv6();
    ann.add_address("eth0", "10.77.0.1/24");
    ben.add_address("eth0", "10.77.0.2/24");
    let (first, second) = (Peer::at(&ann).start(), Peer::at(&ben).start());
    wait_until_listed(&first, &second, |_| true);
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let (old, new) = (2 + round, 3 + round);
        let changed = Instant::now();
        ben.remove_address("eth0", &format!("10.77.0.{old}/24"));
        ben.add_address("eth0", &format!("10.77.0.{new}/24"));
        wait_until_listed(&first, &second, |address| address.starts_with(&format!("10.77.0.{new}:")));
        took.push(changed.elapsed());
    }
    check("address changed while running", took, FOUND_AGAIN_WITHIN);
}

/// Starts a peer on `second` five times, each time a new device, and measures when a peer on `first` lists it.
fn found_in_time(network: &str, first: &Host, second: &Host) {
    let first = Peer::at(first).start();
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut other = Peer::at(second).start();
        wait_until_listed(&first, &other, |_| true);
        took.push(started.elapsed());
        other.terminate();
    }
    check(network, took, FOUND_WITHIN);
}

/// Asks `shoal peers` on one device until it lists the other as online with an address that fits.
fn wait_until_listed(on: &Peer, other: &Peer, fits: impl Fn(&str) -> bool) {
    let end = Instant::now() + GIVE_UP;
    loop {
        let reply = on.shoal(&["peers", "--wait", "0"]).expect_code(0);
        let listed = reply.lines.iter().any(|row| {
            let paths = row["paths"].as_array().into_iter().flatten();
            row["id"] == other.id() && row["online"] == true && paths.filter_map(|p| p["address"].as_str()).any(&fits)
        });
        if listed {
            return;
        }
        let (here, there) = (on.ready(), other.ready());
        assert!(Instant::now() < end, "{} does not list {} after {GIVE_UP:?}: {:#?}", here.name, there.name, reply.lines);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn check(network: &str, mut took: Vec<Duration>, limit: Duration) {
    took.sort();
    let median = took[took.len() / 2];
    let all: Vec<String> = took.iter().map(|t| format!("{:.2}", t.as_secs_f64())).collect();
    figure(&format!("discovery, {network}"), format!("median {:.2} s of {}", median.as_secs_f64(), all.join(" ")));
    assert!(median <= limit, "median {median:?} of {took:?}");
}
