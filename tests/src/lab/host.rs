//! Hosts and switches: network namespaces, and what runs in them.

use super::cable::{Cable, Line};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    collections::BTreeSet,
    fs::File,
    net::Ipv6Addr,
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// Where `ip netns` keeps namespaces by name.
const NAMESPACES: &str = "/run/netns";
/// The beginning of every namespace that a lab makes; the maker's process id follows.
const PREFIX: &str = "sh";

/// A lab under construction: makes hosts, switches and cables whose names no other lab has.
#[derive(Debug)]
pub struct Net {
    tag: String,
}

impl Net {
    /// An empty lab. Removes what dead test runs left behind.
    #[allow(clippy::new_without_default, reason = "it acts on the system, which a default value should not")]
    pub fn new() -> Self {
        remove_stale();
        static LABS: AtomicU32 = AtomicU32::new(0);
        Self { tag: format!("{PREFIX}{}-{}", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed)) }
    }

    /// A host without any interface but `lo`. Addresses are usable at once: duplicate address detection is off.
    pub fn host(&self, name: &str) -> Host {
        let host = Host { namespace: Arc::new(Namespace::new(format!("{}-{name}", self.tag))), name: name.to_owned() };
        host.sysctl("net/ipv6/conf/all/accept_dad", "0");
        host.sysctl("net/ipv6/conf/default/accept_dad", "0");
        host.ip("link set lo up");
        host
    }

    /// A switch without anything plugged in; it passes multicast to every port.
    pub fn switch(&self, name: &str) -> Switch {
        let host = Host { namespace: Arc::new(Namespace::new(format!("{}-{name}", self.tag))), name: name.to_owned() };
        host.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
        host.sysctl("net/ipv6/conf/default/disable_ipv6", "1");
        host.ip("link add br0 type bridge mcast_snooping 0");
        host.ip("link set br0 up");
        Switch { host, ports: AtomicU32::new(0) }
    }

    /// Hosts called `names` on one switch, each with an interface `eth0` that has only its link-local IPv6 address yet.
    pub fn on_one_switch<const N: usize>(&self, names: [&str; N]) -> (Switch, [Host; N]) {
        let switch = self.switch("switch");
        let hosts = names.map(|name| self.host(name));
        for host in &hosts {
            switch.plug(host, "eth0");
        }
        (switch, hosts)
    }

    /// A cable between two hosts: `eth0` on each, joined.
    pub fn cable(&self, a: &Host, b: &Host, line: Line) -> Cable {
        Cable::between(a, b, "eth0", line)
    }

    /// A wire between two hosts without any property of its own, as fast as the machine goes: `eth0` on each, joined.
    pub fn wire(&self, a: &Host, b: &Host) {
        a.ip(&format!("link add eth0 type veth peer name eth0 netns {}", b.namespace.0));
        a.set_link("eth0", true);
        b.set_link("eth0", true);
    }
}

/// A host: a network namespace. Clones share it; it goes, and every process in it, with the last of them.
#[derive(Debug, Clone)]
pub struct Host {
    namespace: Arc<Namespace>,
    name: String,
}

impl Host {
    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its network namespace, as `ip netns` takes it.
    pub fn namespace(&self) -> &str {
        &self.namespace.0
    }

    /// Runs `work` with this host's network: sockets it opens are this host's. On a thread of its own.
    pub fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    self.enter();
                    work()
                })
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread to this host, for good.
    pub(super) fn enter(&self) {
        let path = self.namespace.path();
        let file = File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .unwrap_or_else(|e| panic!("enter {path}: {e} (system tests need root)"));
    }

    /// Starts a process on this host.
    pub fn spawn(&self, command: &mut Command) -> Child {
        self.within(|| command.spawn()).unwrap_or_else(|e| panic!("start {command:?} on {}: {e}", self.name))
    }

    /// Runs a command on this host to its end and returns what it wrote to standard output. Panics if it fails.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        let output = self
            .within(|| Command::new(program).args(args).stdin(Stdio::null()).output())
            .unwrap_or_else(|e| panic!("{program} on {}: {e}", self.name));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?} on {}: {} {said}", self.name, output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `ip` on this host with words split at spaces.
    pub fn ip(&self, words: &str) -> String {
        ip(&format!("-n {} {words}", self.namespace.0))
    }

    /// Gives an interface an address, as in `10.77.0.1/24` or `fd00::1/64`.
    pub fn add_address(&self, device: &str, address: &str) {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        self.ip(&format!("addr add {address} dev {device}{nodad}"));
    }

    /// Takes an address away.
    pub fn remove_address(&self, device: &str, address: &str) {
        self.ip(&format!("addr del {address} dev {device}"));
    }

    /// Brings an interface up or down.
    pub fn set_link(&self, device: &str, up: bool) {
        self.ip(&format!("link set {device} {}", if up { "up" } else { "down" }));
    }

    /// Turns IPv6 off on every interface, present and to come.
    pub fn without_ipv6(&self) {
        self.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
        self.sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    }

    /// The link-local IPv6 address of an interface; waits up to 3 s for it to be usable.
    pub fn link_local(&self, device: &str) -> Ipv6Addr {
        let end = Instant::now() + Duration::from_secs(3);
        loop {
            let listed = self.ip(&format!("-6 -o addr show dev {device} scope link -tentative"));
            let address = listed.split_whitespace().skip_while(|w| *w != "inet6").nth(1).and_then(|w| w.split('/').next());
            if let Some(address) = address {
                return address.parse().unwrap_or_else(|e| panic!("{address}: {e}"));
            }
            assert!(Instant::now() < end, "{device} of {} has no link-local address", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What crossed an interface so far, as the system counts it.
    pub fn counters(&self, device: &str) -> Counters {
        let table = self.within(|| std::fs::read_to_string("/proc/thread-self/net/dev")).expect("/proc is mounted");
        let line = table.lines().find_map(|l| l.trim().strip_prefix(device)?.strip_prefix(':'));
        let line = line.unwrap_or_else(|| panic!("{} has no {device}:\n{table}", self.name));
        let numbers: Vec<u64> = line.split_whitespace().map(|n| n.parse().expect("/proc/net/dev holds numbers")).collect();
        // Eight columns for what was received, then the same for what was sent.
        Counters { received: numbers[0], received_frames: numbers[1], sent: numbers[8], sent_frames: numbers[9] }
    }

    /// Sets a network setting of this host, as in `net/ipv6/conf/all/accept_dad`.
    pub fn sysctl(&self, key: &str, value: &str) {
        self.within(|| std::fs::write(format!("/proc/sys/{key}"), value))
            .unwrap_or_else(|e| panic!("set {key} on {}: {e}", self.name));
    }
}

/// Bytes and frames at an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bytes in.
    pub received: u64,
    /// Frames in.
    pub received_frames: u64,
    /// Bytes out.
    pub sent: u64,
    /// Frames out.
    pub sent_frames: u64,
}

/// A switch: a bridge in a namespace of its own.
#[derive(Debug)]
pub struct Switch {
    host: Host,
    ports: AtomicU32,
}

impl Switch {
    /// Gives `host` an interface called `device` that ends in this switch, and brings it up.
    pub fn plug(&self, host: &Host, device: &str) -> Port {
        let name = format!("p{}", self.ports.fetch_add(1, Ordering::Relaxed));
        let port = Port { switch: self.host.clone(), name, host: host.clone(), device: device.to_owned() };
        let (name, own) = (&port.name, &self.host.namespace.0);
        host.ip(&format!("link add {device} type veth peer name {name} netns {own}"));
        self.host.ip(&format!("link set {name} master br0 up"));
        host.ip(&format!("link set {device} up"));
        port
    }
}

/// The switch's end of a host's cable. Dropping it changes nothing.
#[derive(Debug)]
pub struct Port {
    switch: Host,
    name: String,
    host: Host,
    device: String,
}

impl Port {
    /// Pulls the cable out, or puts it back: the host's interface loses its carrier.
    pub fn set_plugged(&self, plugged: bool) {
        self.switch.set_link(&self.name, plugged);
    }

    /// Lets so many Mbit/s through, each way.
    pub fn set_rate(&self, mbit: f64) {
        let (host, device) = (&self.host, &self.device);
        for (host, device) in [(&self.switch, &self.name), (host, device)] {
            let rate = format!("{}kbit", (mbit * 1000.0).round());
            // A burst holds the longest segment; what waits is half a quarter of a second's.
            let args = ["qdisc", "replace", "dev", device, "root", "tbf", "rate", &rate, "burst", "64kb", "latency", "100ms"];
            host.run("tc", &args);
        }
    }
}

/// A named network namespace; removed when dropped.
#[derive(Debug)]
struct Namespace(String);

impl Namespace {
    fn new(name: String) -> Self {
        ip(&format!("netns add {name}"));
        Self(name)
    }

    fn path(&self) -> String {
        format!("{NAMESPACES}/{}", self.0)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes a namespace of ours and ends the processes in it. Best effort: it runs while tests unwind.
fn remove(name: &str) {
    if let Ok(output) = Command::new("ip").args(["netns", "pids", name]).output() {
        for pid in String::from_utf8_lossy(&output.stdout).lines() {
            // Threads of this very process may still be there (a cable's), and must not end it.
            if pid != std::process::id().to_string() {
                let _ = Command::new("kill").args(["-9", pid]).status();
            }
        }
    }
    let _ = Command::new("ip").args(["netns", "del", name]).status();
}

/// Removes namespaces whose makers are dead.
fn remove_stale() {
    let Ok(entries) = std::fs::read_dir(NAMESPACES) else { return };
    let names: BTreeSet<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    for name in names {
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()).and_then(|pid| pid.parse::<u32>().ok());
        if maker.is_some_and(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()) {
            remove(&name);
        }
    }
}

/// Runs `ip` with words split at spaces; panics with what it said if it fails.
fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap_or_else(|e| panic!("ip (package iproute2): {e}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {words}: {said} (system tests need root)");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
