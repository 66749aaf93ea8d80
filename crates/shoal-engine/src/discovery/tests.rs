//! Devices find each other across hosts: network namespaces on this machine, joined by bridges. Each host is a thread that
//! moved into its namespace. Needs root and `ip`; the tests are ignored by a plain `cargo test` and run by the project's
//! test command.

#![allow(clippy::unwrap_used)]

mod flood;
mod net;

use super::{Discovery, Options, devices::Devices};
use crate::Via;
use net::{Host, Net};
use shoal_proto::PeerId;
use std::{
    net::IpAddr,
    sync::Arc,
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// A host may take this long to find another, and be found (median of five).
const FOUND_WITHIN: Duration = Duration::from_secs(1);

#[test]
#[ignore = "makes network namespaces: needs root"]
fn two_devices_find_each_other_over_ipv4_alone() {
    find_each_other("IPv4 only", 2, |net| {
        let lan = net.bridge();
        (1..=2).map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/24")], false)).collect()
    });
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn two_devices_find_each_other_over_ipv6_link_local_alone() {
    find_each_other("IPv6 link-local only", 2, |net| {
        let lan = net.bridge();
        (1..=2).map(|_| net.host().attach(lan, &[], true)).collect()
    });
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn an_interface_that_leads_nowhere_does_no_harm() {
    find_each_other("two interfaces, one leads nowhere", 2, |net| {
        let [lan, nowhere] = [net.bridge(), net.bridge()];
        let first = net.host().attach(lan, &["10.77.0.1/24"], true);
        let second = net.host().attach(nowhere, &["10.66.0.2/24"], true).attach(lan, &["10.77.0.2/24"], true);
        vec![first, second]
    });
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn an_interface_that_leads_nowhere_does_no_harm_even_with_the_same_network() {
    find_each_other("two interfaces with one network, one leads nowhere, IPv4 only", 2, |net| {
        let [nowhere, lan] = [net.bridge(), net.bridge()];
        let first = net.host().attach(lan, &["10.77.0.1/24"], false);
        let second = net.host().attach(nowhere, &["10.77.0.2/24"], false).attach(lan, &["10.77.0.3/24"], false);
        vec![first, second]
    });
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn three_devices_find_each_other() {
    find_each_other("three devices", 3, |net| {
        let lan = net.bridge();
        (1..=3).map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/24")], true)).collect()
    });
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn a_device_is_found_while_the_system_still_checks_its_address() {
    let net = Net::new();
    let lan = net.bridge();
    let first = Node::start(&net.host().attach(lan, &[], true).settled(), 1);
    // IPv6 addresses are not usable for a second or two (RFC 4862 §5.4): what cannot be sent yet is sent later.
    let second = Node::start(&net.host().attach(lan, &[], true), 2);
    first.finds(&second);
    second.finds(&first);
    println!("cable plugged in and started at once, IPv6 link-local only: {:?}", second.started.elapsed());
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn a_changed_address_is_known_to_others_within_five_seconds() {
    let net = Net::new();
    let lan = net.bridge();
    let hosts = [1, 2].map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/24")], false));
    let [first, second] = [Node::start(&hosts[0], 1), Node::start(&hosts[1], 2)];
    first.finds(&second);
    second.finds(&first);
    let changed = Instant::now();
    hosts[1].ip("address del 10.77.0.2/24 dev eth0");
    hosts[1].ip("address add 10.77.0.3/24 dev eth0");
    let new = "10.77.0.3".parse::<IpAddr>().unwrap();
    wait("the new address", || {
        let found = first.devices.candidates(second.id);
        found.iter().any(|at| at.ip() == new) && found.len() == 1
    });
    println!("address changed while running: {:?}", changed.elapsed());
    assert!(changed.elapsed() < Duration::from_secs(5));

    let plugged = Instant::now();
    let other = net.bridge();
    let [_first_host, _second_host] = hosts.map(|host| host.attach(other, &[], true));
    wait("the new interface", || first.devices.candidates(second.id).iter().any(|at| at.is_ipv6()));
    println!("second interface plugged in while running: {:?}", plugged.elapsed());
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn a_device_that_leaves_is_gone_within_a_second() {
    let net = Net::new();
    let lan = net.bridge();
    let hosts = [1, 2].map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/24")], true).settled());
    let [first, second] = [Node::start(&hosts[0], 1), Node::start(&hosts[1], 2)];
    first.finds(&second);
    let leaves = Instant::now();
    let (id, took) = (second.id, second.stop());
    wait("the goodbye", || first.devices.get(id).is_none());
    println!("goodbye seen after {:?}, shutting down took {took:?}", leaves.elapsed());
    assert!(leaves.elapsed() < Duration::from_secs(1));
    assert!(took < Duration::from_millis(600));
}

#[test]
#[ignore = "makes network namespaces: needs root"]
fn an_independent_implementation_understands_us_and_is_understood() {
    let net = Net::new();
    let lan = net.bridge();
    let hosts = [1, 2].map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/24")], true).settled());
    let ours = Node::start(&hosts[0], 1);
    let other = PeerId::from_public_key([2; 32]);
    let wanted = ours.id.to_string();
    hosts[1]
        .inside(move || {
            const TYPE: &str = "_shoal._udp.local.";
            let daemon = mdns_sd::ServiceDaemon::new().unwrap();
            let host = "somebody.local.";
            let info = mdns_sd::ServiceInfo::new(TYPE, &other.to_string(), host, "", 4711, &[("v", "1")][..]).unwrap();
            daemon.register(info.enable_addr_auto()).unwrap();
            let events = daemon.browse(TYPE).unwrap();
            let deadline = Instant::now() + Duration::from_secs(5);
            let resolved = std::iter::from_fn(|| events.recv_deadline(deadline).ok()).find_map(|event| match event {
                mdns_sd::ServiceEvent::ServiceResolved(found) if found.fullname.starts_with(&wanted) => Some(found),
                _ => None,
            });
            let found = resolved.expect("our device, resolved by the other implementation");
            assert_eq!(found.port, PORT);
            assert_eq!(found.txt_properties.get_property_val_str("v"), Some("1"));
            assert!(found.addresses.iter().any(|address| address.to_ip_addr() == "10.77.0.1".parse::<IpAddr>().unwrap()));
            sleep(Duration::from_secs(2));
            daemon.shutdown().unwrap().recv_timeout(Duration::from_secs(2)).unwrap();
        })
        .join()
        .unwrap();
    // It said goodbye when it ended, so it was heard before if the row was made: the change says so.
    wait("its goodbye", || ours.devices.get(other).is_none());
    assert!(ours.heard_of(other), "the other implementation's announcement");
}

/// UDP port that each node claims to listen on.
const PORT: u16 = 47474;

/// One device's discovery, running in a host.
struct Node {
    id: PeerId,
    devices: Arc<Devices>,
    started: Instant,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    fn start(host: &Host<'_>, key: u8) -> Self {
        let id = PeerId::from_public_key([key; 32]);
        let devices = Arc::new(Devices::new(id, []));
        let cancel = CancellationToken::new();
        let started = Instant::now();
        let thread = host.inside({
            let (devices, cancel) = (devices.clone(), cancel.clone());
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let options = Options { mdns: true, loopback: false, listen: None };
                    let presence = tokio::sync::watch::channel(super::Presence::default()).1;
                    let discovery = Discovery::start(options, presence, id, PORT, devices, &CancellationToken::new());
                    cancel.cancelled().await;
                    discovery.shutdown().await;
                });
            }
        });
        Self { id, devices, started, cancel, thread: Some(thread) }
    }

    /// Waits until this one has an address of the other.
    fn finds(&self, other: &Self) {
        wait("a sighting", || {
            let paths = self.devices.get(other.id).map(|device| device.paths).unwrap_or_default();
            paths.iter().any(|path| path.via == Via::Mdns && path.address.port() == PORT)
        });
    }

    /// Whether the row of that device ever changed.
    fn heard_of(&self, id: PeerId) -> bool {
        use super::devices::{Change, Changes};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let changes = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), self.devices.changes()).await });
        matches!(changes, Ok(Changes::Rows(rows)) if rows.contains(&Change::Gone(id)))
    }

    /// Ends it, with its goodbye; gives how long that took.
    fn stop(mut self) -> Duration {
        let started = Instant::now();
        self.end();
        started.elapsed()
    }

    fn end(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

/// Five times: all hosts but one run, the last one starts; from then until each knows each.
fn find_each_other(name: &str, count: u8, build: fn(&Net) -> Vec<Host<'_>>) {
    let net = Net::new();
    let hosts = build(&net).into_iter().map(Host::settled).collect::<Vec<_>>();
    let mut times = Vec::new();
    for round in 0..5 {
        let mut nodes = (1..count).zip(&hosts).map(|(key, host)| Node::start(host, key)).collect::<Vec<_>>();
        // Not always at the same place in the timetable of the others.
        sleep(Duration::from_millis(150 + 370 * round));
        nodes.push(Node::start(&hosts[usize::from(count) - 1], count));
        let (last, others) = nodes.split_last().unwrap();
        for other in others {
            other.finds(last);
            last.finds(other);
        }
        times.push(last.started.elapsed());
    }
    times.sort_unstable();
    println!("{name}: found in {:?} (median of {times:?})", times[2]);
    assert!(times[2] <= FOUND_WITHIN);
}

/// Waits until something holds; fails after ten seconds.
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "waited ten seconds for {what}");
        sleep(Duration::from_millis(2));
    }
}
