//! Hosts and networks made of namespaces; removed with the test.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    cell::Cell,
    fs::File,
    os::fd::AsFd,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread::{JoinHandle, sleep},
    time::Duration,
};

/// Namespaces of one test. Bridges live in one of their own, so nothing of it is on this machine's network.
pub(super) struct Net {
    prefix: String,
    made: Cell<u32>,
}

/// A namespace with interfaces `eth0`, `eth1`, …
pub(super) struct Host<'net> {
    net: &'net Net,
    name: String,
    interfaces: u32,
}

/// A cable that many hosts share.
#[derive(Clone, Copy)]
pub(super) struct Bridge(u32);

impl Net {
    pub(super) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("shoal-d-{}-{}-", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let net = Self { prefix, made: Cell::new(0) };
        ip(&format!("netns add {}switch", net.prefix));
        net
    }

    pub(super) fn bridge(&self) -> Bridge {
        let bridge = Bridge(self.next());
        let switch = format!("-n {}switch", self.prefix);
        ip(&format!("{switch} link add br{} type bridge mcast_snooping 0", bridge.0));
        ip(&format!("{switch} link set br{} up", bridge.0));
        bridge
    }

    pub(super) fn host(&self) -> Host<'_> {
        let name = format!("{}{}", self.prefix, self.next());
        ip(&format!("netns add {name}"));
        let host = Host { net: self, name, interfaces: 0 };
        host.ip("link set lo up");
        host
    }

    fn next(&self) -> u32 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let listed = Command::new("ip").args(["netns", "list"]).output().unwrap().stdout;
        for line in String::from_utf8_lossy(&listed).lines() {
            if let Some(name) = line.split_whitespace().next().filter(|name| name.starts_with(&self.prefix)) {
                ip(&format!("netns delete {name}"));
            }
        }
    }
}

impl Host<'_> {
    /// One more interface, plugged into `bridge`, with these addresses, and with IPv6 (link-local) or without.
    pub(super) fn attach(mut self, bridge: Bridge, addresses: &[&str], v6: bool) -> Self {
        let (device, port) = (format!("eth{}", self.interfaces), format!("port{}", self.net.next()));
        self.interfaces += 1;
        let switch = format!("{}switch", self.net.prefix);
        self.ip(&format!("link add {device} type veth peer name {port} netns {switch}"));
        let off = u8::from(!v6).to_string();
        let setting = format!("/proc/sys/net/ipv6/conf/{device}/disable_ipv6");
        self.inside(move || std::fs::write(setting, off).unwrap()).join().unwrap();
        for address in addresses {
            self.ip(&format!("address add {address} dev {device}"));
        }
        ip(&format!("-n {switch} link set {port} master br{} up", bridge.0));
        self.ip(&format!("link set {device} up"));
        self
    }

    /// The same once its IPv6 addresses are checked for duplicates.
    pub(super) fn settled(self) -> Self {
        let tentative = || Command::new("ip").args(["-n", &self.name, "-6", "address", "show", "tentative"]).output().unwrap();
        while !tentative().stdout.is_empty() {
            sleep(Duration::from_millis(20));
        }
        self
    }

    /// `ip` in this host.
    pub(super) fn ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.name));
    }

    /// Runs `work` on a thread in this host.
    pub(super) fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        })
    }
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {arguments} (as root?): {}", String::from_utf8_lossy(&output.stderr));
}
